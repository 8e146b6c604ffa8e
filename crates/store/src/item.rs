//! One item of a frame on disk: a header, and parts that can be erased one by one.
//!
//! ```text
//! item   CBOR array: header bytes, item commitment, entry part, local part or null, data part or null
//! part   CBOR array of salt and bytes; once it was erased, of how much longer it was, and
//!        its commitment
//! ```
//!
//! The former length lets a place be found that was noted before something in front of it was
//! erased: see `layout`.
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
    /// Records whose content is erased: entry [`EraseEntry`].
    #[n(9)]
    Erase,
}

impl ItemKind {
    /// May its entry be erased? Without the entry of any other, the journal would say something else:
    /// what was withdrawn would be there again.
    const fn may_forget_its_entry(self) -> bool {
        matches!(self, Self::Row | Self::Event)
    }

    /// Does it stand for a change that the caller asked for?
    pub(crate) const fn is_change(self) -> bool {
        !matches!(self, Self::Event | Self::Class | Self::Once)
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
pub(crate) struct EraseEntry {
    #[n(0)]
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

/// Which parts of an item are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Due {
    pub(crate) entry: bool,
    pub(crate) local: bool,
    pub(crate) data: bool,
}

impl Due {
    /// Nothing goes.
    pub(crate) const NOTHING: Self = Self { entry: false, local: false, data: false };
    /// What a record says goes; that there was one stays.
    pub(crate) const CONTENT: Self = Self { entry: false, local: true, data: true };
    /// The local part of an item that was repeated stays as long as the record.
    pub(crate) const SUPERSEDED: Self = Self { entry: false, local: false, data: true };
    /// Everything goes.
    pub(crate) const ALL: Self = Self { entry: true, local: true, data: true };
}

#[derive(Clone, Copy)]
pub(crate) enum PartView<'b> {
    Open {
        salt: &'b [u8; DIGEST_BYTES],
        bytes: &'b [u8],
    },
    /// Erased; `length` is how long its encoding was before.
    Erased {
        length: u32,
        commitment: Hash,
    },
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
            Self::Erased { .. } => None,
        }
    }

    /// How long its encoding is, or was before it was erased.
    fn length(&self) -> u32 {
        match self {
            Self::Open { bytes, .. } => open_length(bytes.len()),
            Self::Erased { length, .. } => *length,
        }
    }

    /// What is left of it.
    fn erased(&self, kind: PartKind) -> Self {
        Self::Erased { length: self.length(), commitment: self.commitment(kind) }
    }

    fn write(&self, e: &mut Encoder<&mut Vec<u8>>) -> Result<(), Infallible> {
        e.array(2)?;
        match self {
            Self::Open { salt, bytes } => e.bytes(*salt)?.bytes(bytes)?,
            Self::Erased { length, commitment } => {
                let longer = length.saturating_sub(PART_BYTES_MIN);
                e.u32(longer)?.bytes(commitment.as_bytes())?
            }
        };
        Ok(())
    }

    fn commitment(&self, kind: PartKind) -> Hash {
        match self {
            Self::Open { salt, bytes } => part_commitment(kind, &Salt::from_bytes(**salt), bytes),
            Self::Erased { commitment, .. } => *commitment,
        }
    }

    fn to_part(self, kind: PartKind) -> Result<Part> {
        match self {
            Self::Open { salt, bytes } => {
                Ok(Part::open(kind, Salt::from_bytes(*salt), bytes.to_vec())?)
            }
            Self::Erased { commitment, .. } => Ok(Part::closed(commitment)),
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
        if d.position() != bytes.len() {
            return Err(wrong("bytes after the item"));
        }
        if view.entry.bytes().is_none() && !view.header.kind.may_forget_its_entry() {
            return Err(wrong("an entry part that is not there"));
        }
        if bytes.len().saturating_add(view.shrunk()) > ITEM_BYTES_MAX {
            return Err(wrong("longer than any item"));
        }
        Ok(view)
    }

    fn parts(&self) -> impl Iterator<Item = PartView<'b>> {
        [Some(self.entry), self.local, self.data].into_iter().flatten()
    }

    /// By how many bytes it is shorter than it was written.
    pub(crate) fn shrunk(&self) -> usize {
        let shrunk = |part: PartView<'_>| match part {
            PartView::Open { .. } => 0,
            PartView::Erased { length, .. } => {
                (length as usize).saturating_sub(erased_length(length))
            }
        };
        self.parts().map(shrunk).sum()
    }

    /// Is any of the content still there: the local or the data part?
    pub(crate) fn has_content(&self) -> bool {
        [self.local, self.data].iter().flatten().any(|part| part.bytes().is_some())
    }

    /// Is any of the content there that is not due?
    pub(crate) fn keeps_content(&self, due: Due) -> bool {
        self.still_due(Due { entry: false, local: !due.local, data: !due.data }) > 0
    }

    /// What of `due` is still there, and how many parts that is.
    pub(crate) fn still_due(&self, due: Due) -> usize {
        let parts = [(due.entry, Some(self.entry)), (due.local, self.local), (due.data, self.data)];
        let open = |part: Option<PartView<'_>>| part.is_some_and(|part| part.bytes().is_some());
        parts.into_iter().filter(|(due, part)| *due && open(*part)).count()
    }

    /// The item without the parts that are due: salts and bytes gone, commitments in their place.
    pub(crate) fn without(&self, due: Due) -> Vec<u8> {
        let left = |due: bool, part: PartView<'b>, kind| {
            if due { part.erased(kind) } else { part }
        };
        let mut out = Vec::with_capacity(256);
        let mut e = Encoder::new(&mut out);
        let written: Result<(), Infallible> = (|| {
            e.array(5)?.bytes(self.header_bytes)?.bytes(self.commitment.as_bytes())?;
            left(due.entry, self.entry, PartKind::Entry).write(&mut e)?;
            let others =
                [(due.local, self.local, PartKind::Local), (due.data, self.data, PartKind::Data)];
            for (due, part, kind) in others {
                match part {
                    Some(part) => left(due, part, kind).write(&mut e)?,
                    None => drop(e.null()?),
                }
            }
            Ok(())
        })();
        debug_assert!(written.is_ok(), "a vector takes every byte");
        out
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

/// What encoding into memory can fail with: nothing.
type Infallible = minicbor::encode::Error<core::convert::Infallible>;

/// The length of the shortest encoding of a part: an open one without bytes.
const PART_BYTES_MIN: u32 = 4 + DIGEST_BYTES as u32;

/// How long the encoding of an open part with that many bytes is.
fn open_length(bytes: usize) -> u32 {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    bytes.saturating_add(PART_BYTES_MIN - 1).saturating_add(head_length(bytes))
}

/// How long the encoding of an erased part is that was `length` long.
const fn erased_length(length: u32) -> usize {
    (PART_BYTES_MIN - 1 + head_length(length.saturating_sub(PART_BYTES_MIN))) as usize
}

/// How long CBOR writes a number, or the head of a string of that length.
const fn head_length(number: u32) -> u32 {
    match number {
        0..24 => 1,
        24..256 => 2,
        256..65_536 => 3,
        _ => 5,
    }
}

fn hash(d: &mut Decoder<'_>) -> Result<Hash, minicbor::decode::Error> {
    let bytes = <&[u8; DIGEST_BYTES]>::try_from(d.bytes()?);
    bytes.map(|bytes| Hash::from_bytes(*bytes)).map_err(|_| wrong_length())
}

fn part<'b>(d: &mut Decoder<'b>) -> Result<Option<PartView<'b>>, minicbor::decode::Error> {
    match d.datatype()? {
        Type::Null => return d.null().map(|()| None),
        _ if d.array()? != Some(2) => return Err(wrong_length()),
        _ => {}
    }
    if d.datatype()? == Type::Bytes {
        let salt = d.bytes()?.try_into().map_err(|_| wrong_length())?;
        return Ok(Some(PartView::Open { salt, bytes: d.bytes()? }));
    }
    let length = d.u32()?.checked_add(PART_BYTES_MIN).ok_or_else(wrong_length)?;
    let commitment = hash(d)?;
    Ok(Some(PartView::Erased { length, commitment }))
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
        view.data = Some(view.data.unwrap().erased(PartKind::Data));
        view.check().unwrap();
        assert_eq!(view.data.unwrap().bytes(), None);
    }

    #[test]
    fn what_is_left_of_an_item_knows_how_long_it_was_and_holds_nothing_of_it() {
        for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536, 300_000] {
            let (local, data) = (Some(vec![0xaa; length]), Some(vec![0xbb; length / 2]));
            let bytes = encoded(&Parts { entry: vec![0xcc; 40], local, data });
            let whole = ItemView::parse(&bytes).unwrap();
            assert_eq!((whole.shrunk(), whole.has_content()), (0, true));
            assert_eq!(whole.without(Due::NOTHING), bytes);
            for due in [
                Due::CONTENT,
                Due::ALL,
                Due { data: true, ..Due::NOTHING },
                Due { local: true, ..Due::NOTHING },
            ] {
                let left = whole.without(due);
                let view = ItemView::parse(&left).unwrap();
                view.check().unwrap();
                assert_eq!(left.len() + view.shrunk(), bytes.len(), "{length} {due:?}");
                assert_eq!((view.still_due(due), view.commitment), (0, whole.commitment));
                assert_eq!(view.without(due), left, "again changes nothing");
                let salt = |n: u8| left.windows(32).any(|window| window == [n; 32]);
                assert_eq!([salt(1), salt(2), salt(3)], [!due.entry, !due.local, !due.data]);
            }
        }
    }

    #[test]
    fn only_rows_and_events_may_lose_their_entry() {
        for number in 1..=9_u8 {
            let kind: ItemKind = minicbor::decode(&[number]).unwrap();
            let header = Header { kind, key: None, retention: None };
            let parts = Parts { entry: vec![7; 20], local: None, data: Some(vec![8; 20]) };
            let mut bytes = Vec::new();
            encode(&header, &parts, &mut || Salt::from_bytes([1; 32]), &mut bytes).unwrap();
            let whole = ItemView::parse(&bytes).unwrap();
            ItemView::parse(&whole.without(Due::CONTENT)).unwrap();
            let left = whole.without(Due::ALL);
            let is_read = ItemView::parse(&left).is_ok_and(|view| view.check().is_ok());
            assert_eq!(is_read, matches!(kind, ItemKind::Row | ItemKind::Event), "{kind:?}");
        }
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
