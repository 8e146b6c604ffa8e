//! One item of a frame on disk: a header, and parts that can be erased one by one.
//!
//! ```text
//! item   CBOR array: header bytes, item commitment, entry part, local part or null, data part or null
//! part   CBOR array of salt and bytes, or the 32-byte commitment alone once it was erased
//! ```
//!
//! Commitments are those of `audit::frame`. The header is never erased and holds nothing personal.

use crate::error::{Error, Result};
use audit::export::{Item, Part};
use audit::frame::{PartCommitments, PartKind, item_commitment, part_commitment};
use audit::tree::Hash;
use domain::digest::{DIGEST_BYTES, Salt};
use domain::name::{AgencyId, Digest, IdempotencyKey, RecordId};
use domain::record::Version;
use domain::time::Timestamp;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// The longest item on disk: bounded by the largest part, checked before anything is allocated.
pub(crate) const ITEM_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What an item is. Numbers are for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub(crate) enum ItemKind {
    /// A record: entry [`RecordEntry`], local sealed, data the sealed envelope.
    #[n(1)]
    Record,
    /// A tombstone: entry [`TombstoneEntry`], data the signed envelope.
    #[n(2)]
    Tombstone,
    /// Records of a partner that are forgotten: entry [`DropEntry`].
    #[n(3)]
    Drop,
    /// A row: entry [`RowEntry`], data the value, sealed or not.
    #[n(4)]
    Row,
    /// A row that was deleted: entry [`RowEntry`].
    #[n(5)]
    Delete,
    /// An audit event: entry its shared part, local its local part.
    #[n(6)]
    Event,
    /// The first use of a class: entry its number, data its canonical bytes.
    #[n(7)]
    Class,
    /// The idempotency key of the batch: entry the key.
    #[n(8)]
    Once,
}

impl ItemKind {
    /// Does it stand for a change that the caller asked for?
    pub(crate) const fn is_change(self) -> bool {
        matches!(self, Self::Record | Self::Tombstone | Self::Drop | Self::Row | Self::Delete)
    }
}

/// What the journal says of an item for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct Header {
    #[n(0)]
    pub(crate) kind: ItemKind,
    /// The data key its sealed parts are under.
    #[n(1)]
    pub(crate) key: Option<u32>,
    /// When its parts must be gone.
    #[n(2)]
    pub(crate) retention: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct RecordEntry {
    #[n(0)]
    pub(crate) record_id: RecordId,
    #[n(1)]
    pub(crate) version: Version,
    #[n(2)]
    pub(crate) class: u32,
    #[n(3)]
    pub(crate) expiry: Timestamp,
    #[n(4)]
    pub(crate) payload_hash: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct TombstoneEntry {
    #[n(0)]
    pub(crate) record_id: RecordId,
    #[n(1)]
    pub(crate) origin: AgencyId,
}

#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct DropEntry {
    #[n(0)]
    pub(crate) origin: AgencyId,
    #[n(1)]
    pub(crate) classes: Vec<u32>,
    #[n(2)]
    pub(crate) record_ids: Vec<RecordId>,
}

#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct RowEntry {
    #[n(0)]
    pub(crate) table: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) key: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct ClassNumberEntry {
    #[n(0)]
    pub(crate) number: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct OnceEntry {
    #[n(0)]
    pub(crate) key: IdempotencyKey,
}

/// The parts of an item that is about to be written.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) entry: Vec<u8>,
    pub(crate) local: Option<Vec<u8>>,
    pub(crate) data: Option<Vec<u8>>,
}

/// Appends an item to `out` and answers its commitment.
pub(crate) fn encode(
    header: &Header,
    parts: &Parts,
    salt: &mut dyn FnMut() -> Salt,
    out: &mut Vec<u8>,
) -> Result<Hash> {
    let longest = [Some(&parts.entry), parts.local.as_ref(), parts.data.as_ref()];
    for part in longest.into_iter().flatten() {
        let (given, max) = (part.len() as u64, audit::frame::PART_BYTES_MAX as u64);
        if given > max {
            return Err(Error::too_large("a part in bytes", given, max));
        }
    }
    let header = domain::encoding::to_bytes(header);
    let mut salted = |kind, bytes: &[u8]| {
        let salt = salt();
        let commitment = part_commitment(kind, &salt, bytes);
        (salt, commitment)
    };
    let entry = salted(PartKind::Entry, &parts.entry);
    let local = parts.local.as_deref().map(|bytes| (salted(PartKind::Local, bytes), bytes));
    let data = parts.data.as_deref().map(|bytes| (salted(PartKind::Data, bytes), bytes));
    let commitments = PartCommitments {
        entry: entry.1,
        local: local.as_ref().map(|((_, commitment), _)| *commitment),
        data: data.as_ref().map(|((_, commitment), _)| *commitment),
    };
    let commitment = item_commitment(&header, &commitments)?;
    let written = (|| {
        let mut e = Encoder::new(out);
        e.array(5)?.bytes(&header)?.bytes(commitment.as_bytes())?;
        e.array(2)?.bytes(entry.0.expose())?.bytes(&parts.entry)?;
        for part in [local, data] {
            match part {
                Some(((salt, _), bytes)) => e.array(2)?.bytes(salt.expose())?.bytes(bytes)?,
                None => e.null()?,
            };
        }
        Ok::<(), minicbor::encode::Error<core::convert::Infallible>>(())
    })();
    written.map_err(|_| Error::Invalid("an item that cannot be encoded"))?;
    Ok(commitment)
}

/// An item as it stands in the bytes of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ItemView<'b> {
    pub(crate) header: Header,
    header_bytes: &'b [u8],
    pub(crate) commitment: Hash,
    pub(crate) entry: PartView<'b>,
    pub(crate) local: Option<PartView<'b>>,
    pub(crate) data: Option<PartView<'b>>,
}

#[derive(Clone, Copy)]
pub(crate) enum PartView<'b> {
    Open { salt: &'b [u8; DIGEST_BYTES], bytes: &'b [u8] },
    Erased(Hash),
}

impl core::fmt::Debug for PartView<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if matches!(self, Self::Open { .. }) { "Open(..)" } else { "Erased(..)" })
    }
}

impl<'b> PartView<'b> {
    /// The bytes, unless they were erased.
    pub(crate) const fn bytes(&self) -> Option<&'b [u8]> {
        match self {
            Self::Open { bytes, .. } => Some(bytes),
            Self::Erased(_) => None,
        }
    }

    fn commitment(&self, kind: PartKind) -> Hash {
        match self {
            Self::Open { salt, bytes } => part_commitment(kind, &Salt::from_bytes(**salt), bytes),
            Self::Erased(commitment) => *commitment,
        }
    }

    fn to_part(self, kind: PartKind) -> Result<Part> {
        match self {
            Self::Open { salt, bytes } => {
                Ok(Part::open(kind, Salt::from_bytes(*salt), bytes.to_vec())?)
            }
            Self::Erased(commitment) => Ok(Part::closed(commitment)),
        }
    }
}

impl<'b> ItemView<'b> {
    /// Reads an item; nothing is compared with its commitment yet.
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, minicbor::decode::Error> {
        let mut d = Decoder::new(bytes);
        let wrong = minicbor::decode::Error::message;
        if d.array()? != Some(5) {
            return Err(wrong("not an item"));
        }
        let header_bytes = d.bytes()?;
        let view = Self {
            header: minicbor::decode(header_bytes)?,
            header_bytes,
            commitment: hash(&mut d)?,
            entry: part(&mut d)?.ok_or_else(|| wrong("no entry part"))?,
            local: part(&mut d)?,
            data: part(&mut d)?,
        };
        if d.position() == bytes.len() { Ok(view) } else { Err(wrong("bytes after the item")) }
    }

    /// Compares every part, and the item, with what was committed to.
    pub(crate) fn check(&self) -> Result<(), audit::Error> {
        let commitments = PartCommitments {
            entry: self.entry.commitment(PartKind::Entry),
            local: self.local.map(|part| part.commitment(PartKind::Local)),
            data: self.data.map(|part| part.commitment(PartKind::Data)),
        };
        if item_commitment(self.header_bytes, &commitments)? == self.commitment {
            Ok(())
        } else {
            Err(audit::Error::ItemChanged)
        }
    }

    /// Decodes the entry part; `None` if it was erased.
    pub(crate) fn entry<T: minicbor::Decode<'b, ()>>(
        &self,
    ) -> Result<Option<T>, minicbor::decode::Error> {
        self.entry.bytes().map(minicbor::decode).transpose()
    }

    /// As the audit crate knows it.
    pub(crate) fn to_item(self) -> Result<Item> {
        Ok(Item {
            header: self.header_bytes.to_vec(),
            entry: self.entry.to_part(PartKind::Entry)?,
            local: self.local.map(|part| part.to_part(PartKind::Local)).transpose()?,
            data: self.data.map(|part| part.to_part(PartKind::Data)).transpose()?,
        })
    }
}

fn hash(d: &mut Decoder<'_>) -> Result<Hash, minicbor::decode::Error> {
    let bytes = <&[u8; DIGEST_BYTES]>::try_from(d.bytes()?);
    bytes.map(|bytes| Hash::from_bytes(*bytes)).map_err(|_| wrong_length())
}

fn part<'b>(d: &mut Decoder<'b>) -> Result<Option<PartView<'b>>, minicbor::decode::Error> {
    match d.datatype()? {
        Type::Null => d.null().map(|()| None),
        Type::Bytes => hash(d).map(|commitment| Some(PartView::Erased(commitment))),
        _ => {
            if d.array()? != Some(2) {
                return Err(wrong_length());
            }
            let salt = d.bytes()?.try_into().map_err(|_| wrong_length())?;
            Ok(Some(PartView::Open { salt, bytes: d.bytes()? }))
        }
    }
}

fn wrong_length() -> minicbor::decode::Error {
    minicbor::decode::Error::message("a part of another length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(parts: &Parts) -> Vec<u8> {
        let header = Header { kind: ItemKind::Row, key: Some(7), retention: None };
        let (mut out, mut n) = (Vec::new(), 0);
        let mut salt = || {
            n += 1;
            Salt::from_bytes([n; 32])
        };
        encode(&header, parts, &mut salt, &mut out).unwrap();
        out
    }

    #[test]
    fn an_item_goes_there_and_back_and_any_changed_byte_is_noticed() {
        let local = Some(b"local".to_vec());
        let bytes = encoded(&Parts { entry: b"entry".to_vec(), local, data: Some(vec![]) });
        let view = ItemView::parse(&bytes).unwrap();
        assert_eq!(view.header.key, Some(7));
        assert_eq!(view.local.unwrap().bytes(), Some(&b"local"[..]));
        view.check().unwrap();
        assert_eq!(view.to_item().unwrap().commitment().unwrap(), view.commitment);
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            let noticed = ItemView::parse(&bytes).map_or(true, |view| view.check().is_err());
            assert!(noticed, "byte {at}");
        }
    }

    #[test]
    fn an_erased_part_still_verifies_and_shows_nothing() {
        let bytes = encoded(&Parts { entry: b"e".to_vec(), local: None, data: Some(vec![9; 40]) });
        let mut view = ItemView::parse(&bytes).unwrap();
        view.data = Some(PartView::Erased(view.data.unwrap().commitment(PartKind::Data)));
        view.check().unwrap();
        assert_eq!(view.data.unwrap().bytes(), None);
    }

    #[test]
    fn a_part_beyond_the_limit_is_refused() {
        let parts =
            Parts { entry: vec![0; audit::frame::PART_BYTES_MAX + 1], local: None, data: None };
        let header = Header { kind: ItemKind::Event, key: None, retention: None };
        let mut salt = || Salt::from_bytes([0; 32]);
        let refused = encode(&header, &parts, &mut salt, &mut Vec::new());
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }

    proptest::proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            if let Ok(view) = ItemView::parse(&bytes) {
                let _ = view.check();
            }
        }
    }
}
