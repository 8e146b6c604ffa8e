//! The exact hashes of a file.
//!
//! SHA-256 is what other systems exchange; BLAKE3 is what we compare first. Both say "the same
//! bytes" and nothing else: a platform that re-encodes a picture changes both.

use std::io::Read;

use domain::digest::{DIGEST_BYTES, hash};
use domain::indicator::Kind;
use sha2::{Digest as _, Sha256};

use crate::normalise::Normalised;
use crate::refused::Refused;

/// The longest file that is hashed, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// How much is read at once, in bytes.
const PIECE_BYTES: u64 = 1 << 20;

/// The hashes of one file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileHashes {
    /// SHA-256 (FIPS 180-4).
    pub sha256: [u8; DIGEST_BYTES],
    /// BLAKE3 (2020-01-09).
    pub blake3: [u8; DIGEST_BYTES],
    /// The length of the file, in bytes.
    pub bytes: u64,
}

impl FileHashes {
    /// The two comparable things: SHA256 and BLAKE3.
    pub fn normalised(&self) -> [Normalised; 2] {
        [(Kind::Sha256, self.sha256), (Kind::Blake3, self.blake3)]
            .map(|(kind, digest)| Normalised::new(kind, None, digest.to_vec()))
    }
}

impl core::fmt::Debug for FileHashes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FileHashes({} bytes, ..)", self.bytes)
    }
}

/// Hashes everything the reader gives, at most `bytes_max` bytes and never more than
/// [`FILE_BYTES_MAX`].
///
/// The file is read once, in pieces. The pieces stay in memory until the end, so memory is bounded
/// by the limit, not by the piece: `domain` hashes with BLAKE3 only what is there as a whole.
///
/// # Errors
///
/// [`Refused::FileEmpty`], [`Refused::FileTooLong`], [`Refused::FileUnreadable`].
pub fn hash_file(mut reader: impl Read, bytes_max: u64) -> Result<FileHashes, Refused> {
    let bytes_max = bytes_max.min(FILE_BYTES_MAX);
    let mut sha256 = Sha256::new();
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let mut bytes: u64 = 0;
    loop {
        let mut piece = Vec::new();
        reader
            .by_ref()
            .take(PIECE_BYTES)
            .read_to_end(&mut piece)
            .map_err(|error| Refused::FileUnreadable(error.kind()))?;
        if piece.is_empty() {
            break;
        }
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if bytes > bytes_max {
            return Err(Refused::FileTooLong { bytes_max });
        }
        sha256.update(&piece);
        pieces.push(piece);
    }
    if bytes == 0 {
        return Err(Refused::FileEmpty);
    }
    let parts: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    Ok(FileHashes { sha256: sha256.finalize().into(), blake3: hash(&parts), bytes })
}

/// A hash that somebody else computed, unless it is the hash of no bytes at all.
pub(crate) fn of_digest(kind: Kind, digest: [u8; DIGEST_BYTES]) -> Result<Normalised, Refused> {
    let nothing: [u8; DIGEST_BYTES] =
        if kind == Kind::Blake3 { hash(&[]) } else { Sha256::digest([]).into() };
    if digest == nothing {
        return Err(Refused::FileEmpty);
    }
    Ok(Normalised::new(kind, None, digest.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hint, InputKind, normalise};

    #[test]
    fn known_answers() {
        // FIPS 180-2 appendix B.1; BLAKE3 of the same three bytes.
        let found = hash_file(&b"abc"[..], 16).unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let blake3 = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
        assert_eq!(hex::encode(found.sha256), sha256);
        assert_eq!(hex::encode(found.blake3), blake3);
        let typed = [
            normalise(InputKind::Sha256, &format!("SHA256:{sha256}"), &Hint::default()).unwrap(),
            normalise(InputKind::Blake3, &blake3.to_uppercase(), &Hint::default()).unwrap(),
        ];
        assert_eq!(found.normalised(), typed);
    }

    #[test]
    fn pieces_do_not_show() {
        let long: Vec<u8> = (0..(PIECE_BYTES as usize * 2 + 17)).map(|i| (i % 251) as u8).collect();
        let found = hash_file(long.as_slice(), u64::MAX).unwrap();
        assert_eq!(found.blake3, hash(&[&long]));
        assert_eq!(found.sha256, <[u8; 32]>::from(Sha256::digest(&long)));
        assert_eq!(found.bytes, long.len() as u64);
    }

    #[test]
    fn limits_hold() {
        assert_eq!(hash_file(&b""[..], 16), Err(Refused::FileEmpty));
        assert_eq!(hash_file(&b"abc"[..], 2), Err(Refused::FileTooLong { bytes_max: 2 }));
        assert!(hash_file(&b"ab"[..], 2).is_ok());
        assert_eq!(
            hash_file(std::io::repeat(7), u64::MAX),
            Err(Refused::FileTooLong { bytes_max: FILE_BYTES_MAX })
        );
    }
}
