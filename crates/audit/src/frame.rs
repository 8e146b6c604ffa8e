//! What a journal frame commits to: parts, items, the frame's leaf, and the chain of frames.
//!
//! One frame is one atomic write of the journal and one leaf of the audit tree. It holds items; an
//! item holds up to three parts, each under its own salt, so that each can be erased, withheld or
//! opened alone:
//!
//! ```text
//! part commitment  derive_key("malines journal <kind> part v1", salt, bytes)
//! item commitment  derive_key("malines journal item v1", header, entry, local or "", data or "")
//! items' root      the tree of RFC 6962 over item commitments, node = derive_key(
//!                  "malines journal items node v1", left, right), a leaf is the commitment itself
//! frame            0x01 | operation u8 | seq u64 | time u64 | items u32 | items' root: 54 bytes
//! chain_n          BLAKE3(chain_{n-1} | frame)
//! ```
//!
//! `derive_key` is BLAKE3 in that mode over parts with their `u32` little-endian length before
//! them (`domain::digest::derive`); integers in a frame are big-endian.

use crate::error::Error;
use crate::frontier::{Frontier, Peaks};
use crate::proof::{path_among, root_of_path};
use crate::tree::{Hash, leaf_hash};
use domain::digest::{DIGEST_BYTES, Salt, derive, hash};
use domain::name::AgencyId;
use domain::time::Timestamp;

/// How many items a frame holds at most. It holds at least one.
pub const ITEMS_MAX: u32 = 65_536;
/// How long a part is at most.
pub const PART_BYTES_MAX: usize = 1 << 20;
/// How long an item's header is at most.
pub const HEADER_BYTES_MAX: usize = 256;
/// How long the encoding of a frame is, always.
pub const FRAME_BYTES: usize = 54;

const FRAME_VERSION: u8 = 1;

/// Which part of an item. The kind is in the commitment, so that no part can pass for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// What happened: the entry that audit, partners and oversight may be shown.
    Entry,
    /// What stays inside the agency, as the rule that depended on a record; no partner opens it.
    Local,
    /// The record or object itself, as the journal holds it.
    Data,
}

impl PartKind {
    const fn context(self) -> &'static str {
        match self {
            Self::Entry => "malines journal entry part v1",
            Self::Local => "malines journal local part v1",
            Self::Data => "malines journal data part v1",
        }
    }
}

impl core::fmt::Display for PartKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::Entry => "entry",
            Self::Local => "local",
            Self::Data => "data",
        })
    }
}

/// Commits to a part. Erasing salt and bytes leaves a commitment that shows nothing.
pub fn part_commitment(kind: PartKind, salt: &Salt, bytes: &[u8]) -> Hash {
    Hash::from_bytes(derive(kind.context(), &[salt.expose(), bytes]))
}

/// The commitments to the parts of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartCommitments {
    /// To the entry part; every item has one.
    pub entry: Hash,
    /// To the local part, if there is one.
    pub local: Option<Hash>,
    /// To the data part, if there is one.
    pub data: Option<Hash>,
}

/// Commits to an item. The header is never erased: it must hold nothing personal.
///
/// # Errors
/// [`Error::HeaderTooLong`].
pub fn item_commitment(header: &[u8], parts: &PartCommitments) -> Result<Hash, Error> {
    if header.len() > HEADER_BYTES_MAX {
        return Err(Error::HeaderTooLong(header.len()));
    }
    fn bytes(part: Option<&Hash>) -> &[u8] {
        part.map_or(&[], |part| part.as_bytes())
    }
    let [entry, local, data] =
        [bytes(Some(&parts.entry)), bytes(parts.local.as_ref()), bytes(parts.data.as_ref())];
    Ok(Hash::from_bytes(derive("malines journal item v1", &[header, entry, local, data])))
}

/// The root of a frame's items, built one commitment at a time in bounded memory.
#[derive(Debug, Clone)]
pub struct ItemsRoot(Peaks);

impl ItemsRoot {
    /// No item yet.
    pub const fn new() -> Self {
        Self(Peaks::new())
    }

    /// Adds the commitment to the next item.
    pub fn append(&mut self, commitment: Hash) {
        self.0.append(commitment, item_node);
    }

    /// The number of items and their root.
    ///
    /// # Errors
    /// [`Error::ItemCount`] for none, or more than [`ITEMS_MAX`].
    pub fn finish(&self) -> Result<(u32, Hash), Error> {
        Ok((check_count(self.0.size())?, self.0.root(item_node)))
    }
}

impl Default for ItemsRoot {
    fn default() -> Self {
        Self::new()
    }
}

/// The path from item `index` to the root of the frame's items: its half of a receipt.
///
/// # Errors
/// [`Error::ItemCount`], [`Error::OutsideTree`].
pub fn item_path(commitments: &[Hash], index: u32) -> Result<Vec<Hash>, Error> {
    let size = commitments.len() as u64;
    check_count(size)?;
    let path = path_among(commitments, index as usize, item_node);
    path.ok_or(Error::OutsideTree { asked: u64::from(index), size })
}

/// Checks that `commitment` is item `index` of the frame.
///
/// # Errors
/// [`Error::OutsideTree`], [`Error::ProofLength`], [`Error::NotIncluded`].
pub fn verify_item(
    frame: &Frame,
    index: u32,
    commitment: &Hash,
    path: &[Hash],
) -> Result<(), Error> {
    let (index, items) = (u64::from(index), u64::from(frame.items));
    let reached = root_of_path(index, items, commitment, path, item_node)?;
    if reached == frame.items_root { Ok(()) } else { Err(Error::NotIncluded) }
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// An ordinary write: records, tombstones, entries.
    Commit = 1,
    /// The trace of an erasure: which items lost their parts, without what they were.
    Erasure = 2,
    /// A frame that says nothing, so that the size of the log is no meter of what is done. Its one
    /// item has an empty entry under a random salt: nobody can tell its leaf from another.
    Padding = 3,
    /// The visible gap that a restore leaves: a new epoch begins.
    Restore = 4,
}

impl TryFrom<u32> for Operation {
    type Error = Error;

    fn try_from(number: u32) -> Result<Self, Error> {
        match number {
            1 => Ok(Self::Commit),
            2 => Ok(Self::Erasure),
            3 => Ok(Self::Padding),
            4 => Ok(Self::Restore),
            _ => Err(Error::UnknownOperation(number)),
        }
    }
}

impl<C> minicbor::Encode<C> for Operation {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u8(*self as u8)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Operation {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let unknown = |_| minicbor::decode::Error::message("unknown operation").at(at);
        Self::try_from(d.u32()?).map_err(unknown)
    }
}

/// One frame: what its leaf says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Frame {
    /// What it is for.
    #[n(0)]
    pub operation: Operation,
    /// Its number: the index of its leaf in the tree, from 0.
    #[n(1)]
    pub seq: u64,
    /// When it was written, by the agency's clock.
    #[n(2)]
    pub time: Timestamp,
    /// How many items it holds.
    #[n(3)]
    pub items: u32,
    /// The root of their commitments.
    #[n(4)]
    pub items_root: Hash,
}

impl Frame {
    /// The exact bytes that the chain and the tree commit to.
    pub fn to_bytes(&self) -> [u8; FRAME_BYTES] {
        let mut bytes = [0; FRAME_BYTES];
        let fields = [FRAME_VERSION, self.operation as u8]
            .into_iter()
            .chain(self.seq.to_be_bytes())
            .chain(self.time.as_millis().to_be_bytes())
            .chain(self.items.to_be_bytes())
            .chain(*self.items_root.as_bytes());
        bytes.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads the exact bytes back.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::UnknownOperation`], [`Error::ItemCount`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (version, rest) = take::<1>(bytes)?;
        let (operation, rest) = take::<1>(rest)?;
        let (seq, rest) = take::<8>(rest)?;
        let (time, rest) = take::<8>(rest)?;
        let (items, rest) = take::<4>(rest)?;
        let (root, rest) = take::<DIGEST_BYTES>(rest)?;
        if version != [FRAME_VERSION] || !rest.is_empty() {
            return Err(Error::malformed("frame", "another version or length"));
        }
        let frame = Self {
            operation: Operation::try_from(u32::from(u8::from_be_bytes(operation)))?,
            seq: u64::from_be_bytes(seq),
            time: Timestamp::from_millis(u64::from_be_bytes(time)),
            items: u32::from_be_bytes(items),
            items_root: Hash::from_bytes(root),
        };
        frame.check()?;
        if frame.to_bytes() == bytes { Ok(frame) } else { Err(time_out_of_range()) }
    }

    /// Its leaf in the audit tree: `SHA-256(0x00 | frame)`.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.to_bytes())
    }

    /// Checks the number of items and the time.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_count(u64::from(self.items))?;
        if self.time > Timestamp::MAX { Err(time_out_of_range()) } else { Ok(()) }
    }
}

/// The value that chains all frames up to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Chain(#[n(0)] Hash);

impl Chain {
    /// The value before the first frame of an agency's log; no two logs start alike.
    pub fn start(agency: &AgencyId) -> Self {
        Self(Hash::from_bytes(derive("malines journal chain v1", &[agency.as_str().as_bytes()])))
    }

    /// The value after one more frame: `BLAKE3(chain | frame)`.
    pub fn next(&self, frame: &Frame) -> Self {
        Self(Hash::from_bytes(hash(&[self.0.as_bytes(), &frame.to_bytes()])))
    }

    /// Takes a value read from a head or a table.
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    /// The value.
    pub const fn as_hash(&self) -> &Hash {
        &self.0
    }
}

/// The tip of a log: all that is needed to append a frame and to state a head.
///
/// At most 2.2 kB encoded; a store keeps it beside the journal.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Tip {
    #[n(0)]
    frontier: Frontier,
    #[n(1)]
    chain: Chain,
}

impl Tip {
    const BYTES_MAX: usize = 4096;

    /// The tip of an agency's empty log.
    pub fn start(agency: &AgencyId) -> Self {
        Self { frontier: Frontier::new(), chain: Chain::start(agency) }
    }

    /// How many frames the log has: the number of the next one.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the audit tree.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The chain value after the last frame.
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// Appends the next frame and answers its leaf hash, for a [`crate::tree::Tree`].
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if it is not the next one, [`Error::ItemCount`].
    pub fn append(&mut self, frame: &Frame) -> Result<Hash, Error> {
        frame.check()?;
        let expected = self.size();
        if frame.seq != expected {
            return Err(Error::OutOfOrder { expected, found: frame.seq });
        }
        let leaf = frame.leaf_hash();
        self.frontier.append(leaf);
        self.chain = self.chain.next(frame);
        Ok(leaf)
    }

    /// Deterministic CBOR.
    pub fn to_bytes(&self) -> Vec<u8> {
        domain::encoding::to_bytes(self)
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let read = domain::encoding::from_bytes("tip", bytes, Self::BYTES_MAX);
        read.map_err(|error| Error::malformed("tip", error))
    }
}

fn item_node(left: &Hash, right: &Hash) -> Hash {
    let parts: [&[u8]; 2] = [left.as_bytes(), right.as_bytes()];
    Hash::from_bytes(derive("malines journal items node v1", &parts))
}

fn check_count(items: u64) -> Result<u32, Error> {
    let count = u32::try_from(items).ok().filter(|count| (1..=ITEMS_MAX).contains(count));
    count.ok_or(Error::ItemCount(items))
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), Error> {
    let taken = bytes.split_first_chunk::<N>().map(|(taken, rest)| (*taken, rest));
    taken.ok_or_else(|| Error::malformed("frame", "too short"))
}

fn time_out_of_range() -> Error {
    Error::malformed("frame", "a time after the year 9999")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salt(byte: u8) -> Salt {
        Salt::from_bytes([byte; 32])
    }

    fn commitments(count: u32) -> Vec<Hash> {
        (0..count)
            .map(|n| {
                let entry = part_commitment(PartKind::Entry, &salt(1), &n.to_be_bytes());
                item_commitment(b"", &PartCommitments { entry, local: None, data: None }).unwrap()
            })
            .collect()
    }

    fn frame(seq: u64, items: &[Hash]) -> Frame {
        let mut root = ItemsRoot::new();
        items.iter().for_each(|item| root.append(*item));
        let (items, items_root) = root.finish().unwrap();
        let time = Timestamp::from_millis(1_795_000_000_000 + seq);
        Frame { operation: Operation::Commit, seq, time, items, items_root }
    }

    #[test]
    fn a_part_is_bound_to_its_kind_salt_and_bytes() {
        let commitment = part_commitment(PartKind::Entry, &salt(1), b"asked es-pn");
        for other in [
            part_commitment(PartKind::Data, &salt(1), b"asked es-pn"),
            part_commitment(PartKind::Local, &salt(1), b"asked es-pn"),
            part_commitment(PartKind::Entry, &salt(2), b"asked es-pn"),
            part_commitment(PartKind::Entry, &salt(1), b"asked es-pm"),
        ] {
            assert_ne!(commitment, other);
        }
    }

    #[test]
    fn parts_of_an_item_cannot_change_places() {
        let [a, b] = [1, 2].map(|n| part_commitment(PartKind::Entry, &salt(n), b""));
        let of = |header: &[u8], entry, local, data| {
            item_commitment(header, &PartCommitments { entry, local, data }).unwrap()
        };
        let item = of(b"h", a, Some(b), None);
        assert_ne!(item, of(b"h", a, None, Some(b)));
        assert_ne!(item, of(b"h", b, Some(a), None));
        assert_ne!(item, of(b"", a, Some(b), None));
        let parts = PartCommitments { entry: a, local: None, data: None };
        assert_eq!(item_commitment(&[0; 257], &parts), Err(Error::HeaderTooLong(257)));
    }

    #[test]
    fn every_item_of_a_frame_can_be_shown_and_no_other() {
        for count in [1, 2, 3, 5, 8, 13] {
            let items = commitments(count);
            let frame = frame(0, &items);
            for index in 0..count {
                let path = item_path(&items, index).unwrap();
                let item = &items[index as usize];
                assert_eq!(verify_item(&frame, index, item, &path), Ok(()));
                assert!(verify_item(&frame, index + 1, item, &path).is_err());
                assert!(verify_item(&frame, index ^ 1, item, &path).is_err());
                let other = leaf_hash(b"other");
                assert!(verify_item(&frame, index, &other, &path).is_err());
            }
            assert!(item_path(&items, count).is_err());
        }
        assert_eq!(ItemsRoot::new().finish(), Err(Error::ItemCount(0)));
        assert_eq!(item_path(&[], 0), Err(Error::ItemCount(0)));
    }

    #[test]
    fn frames_go_to_bytes_and_back_and_nothing_else_does() {
        let frame = frame(40_213, &commitments(3));
        let bytes = frame.to_bytes();
        assert_eq!(Frame::from_bytes(&bytes), Ok(frame));
        assert_eq!(bytes[..2], [1, 1]);
        assert_eq!(bytes[2..10], 40_213_u64.to_be_bytes());
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes;
            bytes[at] = byte;
            Frame::from_bytes(&bytes)
        };
        assert_eq!(with(1, 9), Err(Error::UnknownOperation(9)));
        assert!(with(0, 2).is_err(), "version");
        assert!(with(10, 0xff).is_err(), "time");
        assert!(with(18, 0xff).is_err(), "items");
        assert!(Frame::from_bytes(&bytes[..53]).is_err());
        assert!(Frame::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Frame::from_bytes(&[]).is_err());
    }

    #[test]
    fn a_tip_takes_only_the_next_frame_and_survives_a_restart() {
        let agency: AgencyId = "be-fedpol".parse().unwrap();
        let mut tip = Tip::start(&agency);
        let mut tree = crate::tree::Tree::new();
        for seq in 0..20 {
            let frame = frame(seq, &commitments(2));
            let chain = tip.chain();
            tree.append(tip.append(&frame).unwrap());
            assert_ne!(tip.chain(), chain);
            assert_eq!(Ok(tip.root()), tree.root(seq + 1));
            tip = Tip::from_bytes(&tip.to_bytes()).unwrap();
        }
        let late = frame(21, &commitments(1));
        assert_eq!(tip.append(&late), Err(Error::OutOfOrder { expected: 20, found: 21 }));
        assert_ne!(Chain::start(&agency), Chain::start(&"fr-oltim".parse().unwrap()));
        assert!(Tip::from_bytes(&[0; 5000]).is_err() && Tip::from_bytes(&[]).is_err());
    }
}
