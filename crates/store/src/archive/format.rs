//! The bytes around the frames of an archive: header, footer, and the seal over all of it.

use super::{FORMAT, Kind};
use crate::error::{Error, Result};
use crate::seal::KEY_BYTES;
use audit::frame::Chain;
use audit::note::NOTE_BYTES_MAX;
use domain::digest::{DIGEST_BYTES, derive, keyed};
use domain::name::AgencyId;
use domain::time::Timestamp;
use std::io::Read;
use zeroize::Zeroizing;

/// What every archive begins with.
pub(super) const HEADER_MAGIC: &[u8; MAGIC_BYTES] = b"MALINARC";
/// What the footer begins with.
pub(super) const FOOTER_MAGIC: &[u8; MAGIC_BYTES] = b"MALINEND";
pub(super) const MAGIC_BYTES: usize = 8;

const CHECK_BYTES: usize = 16;
const HEADER_BYTES_MAX: usize = NOTE_BYTES_MAX + 1024;
const FOOTER_BYTES_MAX: usize = 1024;

/// What an archive says of itself first.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(super) struct Header {
    #[n(0)]
    pub(super) agency: AgencyId,
    #[n(1)]
    pub(super) kind: Kind,
    #[n(2)]
    pub(super) made_at: Timestamp,
    #[n(3)]
    pub(super) first_seq: u64,
    #[n(4)]
    pub(super) chain_before: Chain,
    /// The newest signed head. It was kept before the first frame was read.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(super) head: Option<Vec<u8>>,
}

/// What an archive says of itself last.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(super) struct Footer {
    #[n(0)]
    pub(super) frames: u64,
    #[n(1)]
    pub(super) bytes: u64,
    #[n(2)]
    pub(super) chain: Chain,
}

/// The running hash of an archive, and the key that seals it.
pub(super) struct Seal {
    key: Zeroizing<[u8; DIGEST_BYTES]>,
    running: [u8; DIGEST_BYTES],
}

impl Seal {
    pub(super) fn start(kek: &[u8; KEY_BYTES]) -> Self {
        let key = Zeroizing::new(derive("malines archive seal v1", &[kek]));
        Self { key, running: [0; DIGEST_BYTES] }
    }

    /// The header, then the prefix of each frame: a prefix has the hash of its body in it.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.running = derive("malines archive running hash v1", &[&self.running, bytes]);
    }

    fn over(&self, footer: &[u8]) -> [u8; DIGEST_BYTES] {
        keyed(&self.key, &[&self.running, footer])
    }
}

impl Header {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let body = domain::encoding::to_bytes(self);
        let mut bytes = HEADER_MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&length_of(&body));
        bytes.extend_from_slice(&body);
        let check = check_of(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    /// Second: its bytes.
    pub(super) fn read(from: &mut dyn Read) -> Result<(Self, Vec<u8>)> {
        let mut bytes = take(from, MAGIC_BYTES)?;
        if bytes != HEADER_MAGIC {
            return Err(broken("it does not begin as an archive does"));
        }
        let format = take_number(from, &mut bytes)?;
        // Said before the check: a newer format may have another one.
        if format > FORMAT {
            return Err(Error::NewerFormat { found: format, known: FORMAT });
        }
        let length = take_number(from, &mut bytes)? as usize;
        if length > HEADER_BYTES_MAX {
            return Err(broken("its header is too long"));
        }
        let body = take(from, length)?;
        bytes.extend_from_slice(&body);
        let check = take(from, CHECK_BYTES)?;
        if check_of(&bytes) != *check {
            return Err(broken("its header does not pass its check"));
        }
        bytes.extend_from_slice(&check);
        let header = domain::encoding::from_bytes("archive header", &body, HEADER_BYTES_MAX);
        Ok((header.map_err(broken)?, bytes))
    }
}

impl Footer {
    pub(super) fn to_bytes(&self, seal: &Seal) -> Vec<u8> {
        let body = domain::encoding::to_bytes(self);
        let mut bytes = FOOTER_MAGIC.to_vec();
        bytes.extend_from_slice(&length_of(&body));
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&seal.over(&body));
        bytes
    }

    /// Reads what stands after the magic, up to the end of the file.
    pub(super) fn read(from: &mut dyn Read, seal: &Seal) -> Result<Self> {
        let length = take_number(from, &mut Vec::new())? as usize;
        if length > FOOTER_BYTES_MAX {
            return Err(broken("its footer is too long"));
        }
        let body = take(from, length)?;
        if take(from, DIGEST_BYTES)? != seal.over(&body) {
            return Err(broken(
                "its seal is not that of this node: it was changed, or made under another \
                 key-encryption key",
            ));
        }
        if !matches!(from.read(&mut [0]), Ok(0)) {
            return Err(broken("there are bytes after its end"));
        }
        domain::encoding::from_bytes("archive footer", &body, FOOTER_BYTES_MAX).map_err(broken)
    }
}

/// As many bytes as that; fewer are a shortened archive.
pub(super) fn take(from: &mut dyn Read, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    match from.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(broken("it ends too early"))
        }
        Err(error) => Err(Error::io("read the archive")(error)),
    }
}

pub(super) fn broken(why: impl ToString) -> Error {
    Error::Archive(why.to_string())
}

fn take_number(from: &mut dyn Read, bytes: &mut Vec<u8>) -> Result<u32> {
    let taken = take(from, 4)?;
    bytes.extend_from_slice(&taken);
    Ok(taken.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn length_of(body: &[u8]) -> [u8; 4] {
    u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    let derived = derive("malines archive header check v1", &[bytes]);
    check.iter_mut().zip(derived).for_each(|(to, from)| *to = from);
    check
}
