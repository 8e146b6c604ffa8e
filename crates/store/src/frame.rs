//! The bytes around items in a journal segment: the segment's header and the prefix of a frame.
//!
//! ```text
//! segment   header (72 bytes), then frames
//! header    "MALINSEG" | format u32 | number u32 | first seq u64 | chain before 32 | check 16
//! frame     prefix (154 bytes), then items, each with its length as u32 before it
//! prefix    "MALINFRM" | frame of `audit` 54 | body bytes u32 | group u64 | chain after 32
//!           | BLAKE3 of the body 32 | check 16
//! ```
//!
//! Integers are big-endian. A check is the first 16 bytes of `derive_key` over what stands before
//! it, so a length is trusted before it is used. `group` is the seq of the first frame that was
//! synced together with this one: all frames before it were durable when this one was written.

use audit::frame::{Chain, FRAME_BYTES, Frame};
use audit::tree::Hash;
use domain::digest::{DIGEST_BYTES, derive, hash};

/// The format of segments that this release writes.
pub(crate) const FORMAT: u32 = 1;
/// The length of a segment's header.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 72;
/// The length of a frame's prefix.
pub(crate) const PREFIX_BYTES: usize = 154;
/// The longest body of a frame: room for the largest batch, salts and class definitions included.
pub(crate) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

const SEGMENT_MAGIC: &[u8; 8] = b"MALINSEG";
const FRAME_MAGIC: &[u8; 8] = b"MALINFRM";
const CHECK_BYTES: usize = 16;

/// The header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u32,
    pub(crate) first_seq: u64,
    pub(crate) chain_before: Chain,
}

impl SegmentHeader {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(SEGMENT_MAGIC);
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.first_seq.to_be_bytes());
        bytes.extend_from_slice(self.chain_before.as_hash().as_bytes());
        let check = check("malines journal segment check v1", &bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (stated, given) = bytes
            .split_at_checked(SEGMENT_HEADER_BYTES - CHECK_BYTES)
            .ok_or("the header is too short")?;
        if check("malines journal segment check v1", stated) != given {
            return Err("the header does not pass its check");
        }
        let mut reader = Reader(stated);
        if reader.take::<8>()? != *SEGMENT_MAGIC {
            return Err("not a journal segment");
        }
        if u32::from_be_bytes(reader.take()?) != FORMAT {
            return Err("a segment of another format");
        }
        Ok(Self {
            number: u32::from_be_bytes(reader.take()?),
            first_seq: u64::from_be_bytes(reader.take()?),
            chain_before: Chain::from_hash(Hash::from_bytes(reader.take()?)),
        })
    }
}

/// What stands before the items of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) frame: Frame,
    pub(crate) body_bytes: u32,
    pub(crate) group: u64,
    pub(crate) chain: Chain,
    pub(crate) body_hash: [u8; DIGEST_BYTES],
}

impl Prefix {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREFIX_BYTES);
        bytes.extend_from_slice(FRAME_MAGIC);
        bytes.extend_from_slice(&self.frame.to_bytes());
        bytes.extend_from_slice(&self.body_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.group.to_be_bytes());
        bytes.extend_from_slice(self.chain.as_hash().as_bytes());
        bytes.extend_from_slice(&self.body_hash);
        let check = check("malines journal frame check v1", &bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let (stated, given) =
            bytes.split_at_checked(PREFIX_BYTES - CHECK_BYTES).ok_or("the prefix is too short")?;
        if !stated.starts_with(FRAME_MAGIC) {
            return Err("no frame begins here");
        }
        if check("malines journal frame check v1", stated) != given {
            return Err("the prefix of a frame does not pass its check");
        }
        let mut reader = Reader(stated);
        let _magic: [u8; 8] = reader.take()?;
        let frame = reader.take::<FRAME_BYTES>()?;
        let prefix = Self {
            frame: Frame::from_bytes(&frame).map_err(|_| "a frame that cannot be")?,
            body_bytes: u32::from_be_bytes(reader.take()?),
            group: u64::from_be_bytes(reader.take()?),
            chain: Chain::from_hash(Hash::from_bytes(reader.take()?)),
            body_hash: reader.take()?,
        };
        if prefix.body_bytes as usize > BODY_BYTES_MAX || prefix.group > prefix.frame.seq {
            return Err("a frame that cannot be");
        }
        Ok(prefix)
    }

    /// Are these the bytes that were written after the prefix?
    pub(crate) fn fits(&self, body: &[u8]) -> bool {
        body.len() == self.body_bytes as usize && hash(&[body]) == self.body_hash
    }
}

/// Where the magic of a frame stands next, at or after the start of `bytes`.
pub(crate) fn find_magic(bytes: &[u8]) -> Option<usize> {
    bytes.windows(FRAME_MAGIC.len()).position(|window| window == FRAME_MAGIC)
}

/// The items of a body, each with its offset in the body.
pub(crate) fn items(body: &[u8]) -> Items<'_> {
    Items { body, at: 0 }
}

pub(crate) struct Items<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Iterator for Items<'b> {
    type Item = Result<(u32, &'b [u8]), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let item = rest.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = u32::from_be_bytes(*length) as usize;
            rest.get(..length)
        });
        let Some(item) = item else {
            self.at = self.body.len();
            return Some(Err("an item that ends too late"));
        };
        let offset = self.at + 4;
        self.at = offset + item.len();
        Some(u32::try_from(offset).map(|offset| (offset, item)).map_err(|_| "too long a body"))
    }
}

fn check(context: &'static str, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    check.iter_mut().zip(derive(context, &[bytes])).for_each(|(to, from)| *to = from);
    check
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or("too short")?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit::frame::Operation;
    use domain::time::Timestamp;

    fn prefix() -> Prefix {
        Prefix {
            frame: Frame {
                operation: Operation::Commit,
                seq: 9,
                time: Timestamp::from_millis(5),
                items: 2,
                items_root: Hash::from_bytes([1; 32]),
            },
            body_bytes: 3,
            group: 8,
            chain: Chain::from_hash(Hash::from_bytes([2; 32])),
            body_hash: hash(&[b"abc"]),
        }
    }

    #[test]
    fn prefix_and_header_go_there_and_back_and_any_changed_bit_is_noticed() {
        let bytes = prefix().to_bytes();
        assert_eq!(bytes.len(), PREFIX_BYTES);
        assert_eq!(Prefix::from_bytes(&bytes), Ok(prefix()));
        assert!(prefix().fits(b"abc") && !prefix().fits(b"abd") && !prefix().fits(b"ab"));
        let header = SegmentHeader { number: 3, first_seq: 9, chain_before: prefix().chain };
        let header_bytes = header.to_bytes();
        assert_eq!(header_bytes.len(), SEGMENT_HEADER_BYTES);
        assert_eq!(SegmentHeader::from_bytes(&header_bytes), Ok(header));
        for bit in 0..8 * PREFIX_BYTES {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Prefix::from_bytes(&bytes).is_err(), "bit {bit}");
        }
        for bit in 0..8 * SEGMENT_HEADER_BYTES {
            let mut bytes = header_bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::from_bytes(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn items_are_found_and_a_length_beyond_the_end_is_an_error() {
        let body = [0, 0, 0, 2, b'a', b'b', 0, 0, 0, 1, b'c'];
        let found: Vec<_> = items(&body).map(Result::unwrap).collect();
        assert_eq!(found, [(4, &b"ab"[..]), (10, &b"c"[..])]);
        let last = items(&body[..9]).last();
        assert!(last.unwrap().is_err());
        assert!(items(&[0xff; 4]).next().unwrap().is_err());
    }

    proptest::proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(0_u8.., 0..300)) {
            let _ = Prefix::from_bytes(&bytes);
            let _ = SegmentHeader::from_bytes(&bytes);
            let _ = items(&bytes).count();
        }
    }
}
