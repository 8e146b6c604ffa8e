//! The export of a log: one file that anybody with the agency's public key can verify offline.
//!
//! The file is a CBOR sequence (RFC 8742) of byte strings, each holding one record in
//! deterministic CBOR (RFC 8949 section 4.2). The length before each record lets a reader stay
//! within [`RECORD_BYTES_MAX`] of memory however long the log is.
//!
//! ```text
//! start                    format, version, agency, and the tip of the log before the first frame
//! ( frame                  what the leaf says, and the chain value after it
//!   item  x frame.items    header, commitments, and the salt and bytes of the parts shown
//!   head  x any            a signed head of exactly the frames before it
//! ) x any                  the last record before the end is a head
//! end                      how many frames and items there were
//! ```
//!
//! A part is either open (salt and bytes) or closed (its commitment only): erased because its time
//! was over, or withheld because the export is for somebody who may not see it. A partial export
//! starts at a later tip; the head at its end proves the tip too, because no other tip leads to
//! the root and the chain value that were signed.

use crate::error::Error;
use crate::frame::{
    Chain, Frame, HEADER_BYTES_MAX, ITEMS_MAX, ItemsRoot, Operation, PART_BYTES_MAX,
    PartCommitments, PartKind, Tip, item_commitment, part_commitment,
};
use crate::head::{Checkpoint, Head};
use crate::note::{NOTE_BYTES_MAX, Note};
use crate::tree::Hash;
use domain::digest::{DIGEST_BYTES, Salt};
use domain::name::AgencyId;
use domain::time::Timestamp;
use std::io::{self, Write};

/// How long one record of an export is at most: an item with three full parts.
pub const RECORD_BYTES_MAX: usize = 3 * PART_BYTES_MAX + 4096;

pub(crate) const FORMAT: &str = "malines audit export";
pub(crate) const VERSION: u32 = 1;

/// The salt and the bytes that open a part's commitment.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Opening {
    /// The salt.
    #[cbor(n(0), encode_with = "encode_salt", decode_with = "decode_salt")]
    pub salt: Salt,
    /// What was committed to, at most [`PART_BYTES_MAX`] bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl core::fmt::Debug for Opening {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Opening({} bytes)", self.bytes.len())
    }
}

/// A part of an item: its commitment, and its opening unless it was erased or withheld.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Part {
    #[n(0)]
    commitment: Hash,
    #[n(1)]
    opening: Option<Opening>,
}

impl Part {
    /// A part that is shown.
    ///
    /// # Errors
    /// [`Error::PartTooLong`].
    pub fn open(kind: PartKind, salt: Salt, bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() > PART_BYTES_MAX {
            return Err(Error::PartTooLong(bytes.len()));
        }
        let commitment = part_commitment(kind, &salt, &bytes);
        Ok(Self { commitment, opening: Some(Opening { salt, bytes }) })
    }

    /// A part that was erased, or that this export withholds.
    pub const fn closed(commitment: Hash) -> Self {
        Self { commitment, opening: None }
    }

    /// Its commitment.
    pub const fn commitment(&self) -> Hash {
        self.commitment
    }

    /// Its opening, if it is open.
    pub const fn opening(&self) -> Option<&Opening> {
        self.opening.as_ref()
    }

    /// Closes it, to withhold it from the reader of an export.
    pub fn close(&mut self) {
        self.opening = None;
    }

    /// Checks the opening against the commitment; a closed part has nothing to check.
    pub(crate) fn check(&self, kind: PartKind) -> Result<(), Error> {
        match &self.opening {
            Some(Opening { bytes, .. }) if bytes.len() > PART_BYTES_MAX => {
                Err(Error::PartTooLong(bytes.len()))
            }
            Some(Opening { salt, bytes })
                if part_commitment(kind, salt, bytes) != self.commitment =>
            {
                Err(Error::PartChanged(kind))
            }
            _ => Ok(()),
        }
    }
}

/// One item of a frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// What the journal says of the item for ever, at most [`HEADER_BYTES_MAX`] bytes.
    pub header: Vec<u8>,
    /// What happened.
    pub entry: Part,
    /// What stays inside the agency, if there is such a part.
    pub local: Option<Part>,
    /// The record or object itself, if there is one.
    pub data: Option<Part>,
}

impl Item {
    /// The item's commitment, from its header and the commitments to its parts.
    ///
    /// # Errors
    /// [`Error::HeaderTooLong`].
    pub fn commitment(&self) -> Result<Hash, Error> {
        let of = |part: &Option<Part>| part.as_ref().map(Part::commitment);
        let (entry, local, data) = (self.entry.commitment, of(&self.local), of(&self.data));
        item_commitment(&self.header, &PartCommitments { entry, local, data })
    }

    /// Its parts with their kinds.
    pub fn parts(&self) -> impl Iterator<Item = (PartKind, &Part)> {
        let local = self.local.iter().map(|part| (PartKind::Local, part));
        let data = self.data.iter().map(|part| (PartKind::Data, part));
        [(PartKind::Entry, &self.entry)].into_iter().chain(local).chain(data)
    }
}

impl core::fmt::Debug for Item {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Item({} header bytes, {} parts)", self.header.len(), self.parts().count())
    }
}

/// Writes an export that verifies; it refuses frames and heads that would not.
///
/// Memory: one record. The file is complete only after [`ExportWriter::finish`].
#[derive(Debug)]
pub struct ExportWriter<W> {
    writer: W,
    agency: AgencyId,
    tip: Tip,
    frames: u64,
    items: u64,
    /// How many frames the last head written covers, from the start of the log.
    covered: Option<u64>,
}

impl<W: Write> ExportWriter<W> {
    /// Starts a file. `tip` is the log before the first frame: [`Tip::start`] for a whole log.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn start(writer: W, agency: &AgencyId, tip: Tip) -> Result<Self, Error> {
        let agency = agency.clone();
        let mut export = Self { writer, agency, tip, frames: 0, items: 0, covered: None };
        export.record(&Record::Start(StartRecord {
            format: FORMAT.to_owned(),
            version: VERSION,
            agency: export.agency.clone(),
            tip: export.tip.clone(),
        }))?;
        Ok(export)
    }

    /// Writes the next frame and answers the chain value after it, to be compared with the
    /// journal's own.
    ///
    /// # Errors
    /// [`Error::ItemCount`], [`Error::HeaderTooLong`], [`Error::PartTooLong`],
    /// [`Error::PartChanged`], [`Error::Malformed`] for a time out of range, before anything is
    /// written; [`Error::Write`].
    pub fn frame(
        &mut self,
        operation: Operation,
        time: Timestamp,
        items: &[Item],
    ) -> Result<Chain, Error> {
        if items.len() > ITEMS_MAX as usize {
            return Err(Error::ItemCount(items.len() as u64));
        }
        let (mut root, mut commitments) = (ItemsRoot::new(), Vec::with_capacity(items.len()));
        for item in items {
            item.parts().try_for_each(|(kind, part)| part.check(kind))?;
            let commitment = item.commitment()?;
            root.append(commitment);
            commitments.push(commitment);
        }
        let (count, items_root) = root.finish()?;
        let frame = Frame { operation, seq: self.tip.size(), time, items: count, items_root };
        self.tip.append(&frame)?;
        let chain = self.tip.chain();
        self.record(&Record::Frame(FrameRecord { frame, chain }))?;
        for (item, commitment) in items.iter().zip(commitments) {
            self.record(&Record::Item(Box::new(ItemRecord::new(item, commitment))))?;
        }
        self.frames = self.frames.saturating_add(1);
        self.items = self.items.saturating_add(u64::from(count));
        Ok(chain)
    }

    /// The head of the frames written so far, to be signed, or compared with one signed earlier.
    pub fn head(&self) -> Head {
        Head::at(&self.agency, &self.tip)
    }

    /// Writes a signed head of exactly the frames written so far. Its signature is not checked.
    ///
    /// # Errors
    /// [`Error::MalformedHead`]; [`Error::OtherLog`], [`Error::HeadOutOfPlace`],
    /// [`Error::RootNotSigned`], [`Error::ChainNotSigned`]; [`Error::Write`].
    pub fn signed_head(&mut self, note: &Note) -> Result<(), Error> {
        let head = Head::try_from(Checkpoint::parse(note.text())?)?;
        check_head(&head, &self.agency, &self.tip)?;
        self.record(&Record::Head(HeadRecord { note: note.to_string() }))?;
        self.covered = Some(head.size);
        Ok(())
    }

    /// Writes the end and hands the writer back, flushed.
    ///
    /// # Errors
    /// [`Error::NotCovered`] if the last record was not a head; [`Error::Write`].
    pub fn finish(mut self) -> Result<W, Error> {
        check_covered(self.covered, self.tip.size(), self.frames)?;
        self.record(&Record::End(EndRecord { frames: self.frames, items: self.items }))?;
        self.writer.flush().map_err(write_error)?;
        Ok(self.writer)
    }

    fn record(&mut self, record: &Record) -> Result<(), Error> {
        let bytes = domain::encoding::to_bytes(record);
        let mut length = Vec::with_capacity(9);
        let encoded = minicbor::Encoder::new(&mut length).bytes_len(bytes.len() as u64).is_ok();
        if !encoded || bytes.is_empty() || bytes.len() > RECORD_BYTES_MAX {
            return Err(Error::RecordTooLong(bytes.len() as u64));
        }
        self.writer.write_all(&length).map_err(write_error)?;
        self.writer.write_all(&bytes).map_err(write_error)
    }
}

/// Is this head the head of the log at this tip?
pub(crate) fn check_head(head: &Head, agency: &AgencyId, tip: &Tip) -> Result<(), Error> {
    if head.agency != *agency {
        let (expected, found) = (agency.to_string(), head.agency.to_string());
        Err(Error::OtherLog { expected, found })
    } else if head.size != tip.size() {
        Err(Error::HeadOutOfPlace { head: head.size, frames: tip.size() })
    } else if head.root != tip.root() {
        Err(Error::RootNotSigned)
    } else if head.chain != tip.chain() {
        Err(Error::ChainNotSigned)
    } else {
        Ok(())
    }
}

/// Does the last head cover the whole log up to here?
pub(crate) fn check_covered(covered: Option<u64>, size: u64, frames: u64) -> Result<(), Error> {
    match covered {
        Some(covered) if covered == size => Ok(()),
        Some(covered) => Err(Error::NotCovered(size.saturating_sub(covered))),
        None => Err(Error::NotCovered(frames)),
    }
}

/// One record of the file. On disk: an array of its number and an array of one map.
#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub(crate) enum Record {
    #[n(1)]
    Start(#[n(0)] StartRecord),
    #[n(2)]
    Frame(#[n(0)] FrameRecord),
    #[n(3)]
    Item(#[n(0)] Box<ItemRecord>),
    #[n(4)]
    Head(#[n(0)] HeadRecord),
    #[n(5)]
    End(#[n(0)] EndRecord),
}

impl Record {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Frame(_) => "frame",
            Self::Item(_) => "item",
            Self::Head(_) => "head",
            Self::End(_) => "end",
        }
    }
}

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct StartRecord {
    #[n(0)]
    pub(crate) format: String,
    #[n(1)]
    pub(crate) version: u32,
    #[n(2)]
    pub(crate) agency: AgencyId,
    #[n(3)]
    pub(crate) tip: Tip,
}

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct FrameRecord {
    #[n(0)]
    pub(crate) frame: Frame,
    #[n(1)]
    pub(crate) chain: Chain,
}

/// The commitment is written although it follows from the rest, so that damage has an address.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct ItemRecord {
    #[n(0)]
    pub(crate) commitment: Hash,
    #[cbor(n(1), with = "minicbor::bytes")]
    header: Vec<u8>,
    #[n(2)]
    entry: Part,
    #[n(3)]
    local: Option<Part>,
    #[n(4)]
    data: Option<Part>,
}

impl ItemRecord {
    pub(crate) fn new(item: &Item, commitment: Hash) -> Self {
        let Item { header, entry, local, data } = item.clone();
        Self { commitment, header, entry, local, data }
    }

    /// The item and the commitment that the file states for it.
    pub(crate) fn into_item(self) -> (Item, Hash) {
        let Self { commitment, header, entry, local, data } = self;
        (Item { header, entry, local, data }, commitment)
    }
}

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct HeadRecord {
    #[n(0)]
    pub(crate) note: String,
}

#[derive(Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct EndRecord {
    #[n(0)]
    pub(crate) frames: u64,
    #[n(1)]
    pub(crate) items: u64,
}

// Every other record is far shorter than an item with three full parts.
const _: () = assert!(NOTE_BYTES_MAX + HEADER_BYTES_MAX < RECORD_BYTES_MAX);

fn encode_salt<C, W: minicbor::encode::Write>(
    salt: &Salt,
    e: &mut minicbor::Encoder<W>,
    _: &mut C,
) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.bytes(salt.expose())?.ok()
}

fn decode_salt<C>(
    d: &mut minicbor::Decoder<'_>,
    _: &mut C,
) -> Result<Salt, minicbor::decode::Error> {
    let at = d.position();
    let bytes: Result<[u8; DIGEST_BYTES], _> = d.bytes()?.try_into();
    bytes
        .map(Salt::from_bytes)
        .map_err(|_| minicbor::decode::Error::message("a salt is 32 bytes").at(at))
}

fn write_error(error: io::Error) -> Error {
    Error::Write(error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::signature::SecretKey;

    fn writer() -> ExportWriter<Vec<u8>> {
        let agency = "ma-dgsn".parse().unwrap();
        ExportWriter::start(Vec::new(), &agency, Tip::start(&agency)).unwrap()
    }

    fn item() -> Item {
        let salt = Salt::from_bytes([7; 32]);
        let entry = Part::open(PartKind::Entry, salt, b"withdrew".to_vec()).unwrap();
        Item { header: vec![1], entry, local: None, data: None }
    }

    #[test]
    fn it_refuses_to_write_what_would_not_verify() {
        let time = Timestamp::from_millis(1);
        let mut export = writer();
        assert_eq!(export.frame(Operation::Commit, time, &[]), Err(Error::ItemCount(0)));
        let mut changed = item();
        changed.entry.opening.as_mut().unwrap().bytes[0] ^= 1;
        let refused = export.frame(Operation::Commit, time, &[item(), changed]);
        assert_eq!(refused, Err(Error::PartChanged(PartKind::Entry)));
        let long = Item { header: vec![0; 257], ..item() };
        assert!(export.frame(Operation::Commit, time, &[long]).is_err());
        let part = Part::open(PartKind::Data, Salt::from_bytes([0; 32]), vec![0; (1 << 20) + 1]);
        assert_eq!(part, Err(Error::PartTooLong((1 << 20) + 1)));
        assert_eq!(export.head().size, 0, "nothing was written");
    }

    #[test]
    fn it_refuses_heads_of_other_frames_and_ends_without_one() {
        let signer = SecretKey::from_seed(&[3; 32]);
        let mut export = writer();
        let empty = export.head().sign(&signer).unwrap();
        export.frame(Operation::Commit, Timestamp::from_millis(1), &[item()]).unwrap();
        let refused = export.signed_head(&empty);
        assert_eq!(refused, Err(Error::HeadOutOfPlace { head: 0, frames: 1 }));
        let of = |change: fn(&mut Head)| {
            let mut head = writer().head();
            head.clone_from(&export.head());
            change(&mut head);
            head.sign(&signer).unwrap()
        };
        let other = of(|head| head.agency = "be-fedpol".parse().unwrap());
        let root = of(|head| head.root = *head.chain.as_hash());
        let chain = of(|head| head.chain = Chain::from_hash(head.root));
        assert!(matches!(export.signed_head(&other), Err(Error::OtherLog { .. })));
        assert_eq!(export.signed_head(&root), Err(Error::RootNotSigned));
        assert_eq!(export.signed_head(&chain), Err(Error::ChainNotSigned));
        assert_eq!(export.finish(), Err(Error::NotCovered(1)));
    }

    #[test]
    fn nothing_of_an_entry_is_in_its_debug() {
        let shown = format!("{:?} {:?}", item(), item().entry);
        assert!(!shown.contains("119") && !shown.contains("withdrew"), "{shown}");
    }
}
