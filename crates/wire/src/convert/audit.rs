//! The audit log towards officers: its signed head, and its export in pieces.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::v1;

/// The longest signed note, in bytes.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;
/// The largest piece of an export, in bytes.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// A signed head: a C2SP signed note, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote(pub String);

/// A piece of an export, never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk(pub Vec<u8>);

impl core::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Chunk({} bytes)", self.0.len())
    }
}

/// Cuts exported bytes into pieces that fit a message.
pub fn chunks(export: &[u8]) -> impl Iterator<Item = v1::AuditExportResponse> {
    export.chunks(CHUNK_BYTES_MAX).map(|chunk| v1::AuditExportResponse { chunk: chunk.to_vec() })
}

impl From<SignedNote> for v1::AuditHeadResponse {
    fn from(note: SignedNote) -> Self {
        Self { signed_note: note.0 }
    }
}

impl TryFrom<v1::AuditHeadResponse> for SignedNote {
    type Error = Invalid;

    fn try_from(response: v1::AuditHeadResponse) -> Result<Self, Invalid> {
        let note = response.signed_note;
        let control = |c: char| c.is_control() && c != '\n';
        match note.len() {
            0 => Err(Invalid::new("signed_note", Why::Missing)),
            1..=NOTE_BYTES_MAX if note.chars().any(control) => {
                Err(Invalid::new("signed_note", Why::NotWellFormed))
            }
            1..=NOTE_BYTES_MAX => Ok(Self(note)),
            _ => Err(Invalid::new("signed_note", Why::TooLong { max: NOTE_BYTES_MAX })),
        }
    }
}

impl From<Chunk> for v1::AuditExportResponse {
    fn from(chunk: Chunk) -> Self {
        Self { chunk: chunk.0 }
    }
}

impl TryFrom<v1::AuditExportResponse> for Chunk {
    type Error = Invalid;

    fn try_from(response: v1::AuditExportResponse) -> Result<Self, Invalid> {
        let chunk = field::present("chunk", Some(response.chunk).filter(|c| !c.is_empty()))?;
        if chunk.len() > CHUNK_BYTES_MAX {
            return Err(Invalid::new("chunk", Why::TooLong { max: CHUNK_BYTES_MAX }));
        }
        Ok(Self(chunk))
    }
}
