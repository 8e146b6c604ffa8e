//! What two nodes say to each other while one pulls its view from the other.

use domain::encoding::{self, Malformed};
use domain::envelope::{Envelope, Payload};
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest, RecordId};
use domain::record::Version;

/// The most entries of one section.
pub const SECTION_ENTRIES_MAX: usize = 512;
/// The most bytes of the entries of one section.
pub const SECTION_BYTES_MAX: usize = 256 * 1024;
/// The most classes of one view, and so of a grant set and of a list of cursors.
pub const VIEW_CLASSES_MAX: usize = domain::class::CLASSES_MAX;

/// The epoch of an origin's history: a counter, and randomness so that a fork shows (R5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Epoch {
    /// Goes up with every new history.
    #[n(1)]
    pub counter: u32,
    /// 128 random bits.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub random: [u8; 16],
}

/// 128 random bits drawn at every start of a node: a stream dies with the process (R11).
pub type Incarnation = [u8; 16];

/// What a row of a class log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// A record, new or in a new version, is in the class.
    Add,
    /// A record moved out of the class.
    Leave,
    /// A record was withdrawn.
    Retract,
}

/// A row of a class log. Positions are dense when appended and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRow {
    /// The position, from 0.
    pub position: u64,
    /// The record.
    pub record_id: RecordId,
    /// The version the row is about.
    pub version: Version,
    /// What it says.
    pub kind: LogKind,
}

/// How far a receiver has come in one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The class.
    pub handle: ClassHandle,
    /// The next position wanted.
    pub position: u64,
}

/// A receiver's request for everything new in its view under one agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// The agreement.
    pub agreement: AgreementId,
    /// The incarnation the receiver spoke to.
    pub incarnation: Incarnation,
    /// The epoch its cursors belong to.
    pub epoch: Option<Epoch>,
    /// The last grant sequence it saw.
    pub grant_sequence: u64,
    /// Its cursors, at most [`VIEW_CLASSES_MAX`].
    pub cursors: Vec<Cursor>,
}

/// One message of the origin's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullMessage {
    /// The origin's incarnation.
    pub incarnation: Incarnation,
    /// The origin's epoch.
    pub epoch: Epoch,
    /// The sequence of the grant set the message was made under.
    pub grant_sequence: u64,
    /// The whole grant set, when it is new to the receiver.
    pub grants: Option<Vec<ClassHandle>>,
    /// A piece of one class log.
    pub section: Option<Section>,
    /// Is this all for now?
    pub up_to_date: UpToDate,
}

/// Does more follow?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpToDate {
    /// More follows.
    No,
    /// Nothing more for now.
    Yes,
}

/// A piece of one class log, FROM its first position TO the one after its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The class.
    pub handle: ClassHandle,
    /// The first position covered.
    pub from: u64,
    /// The position after the last covered.
    pub to: u64,
    /// What changed, ascending, at most [`SECTION_ENTRIES_MAX`]. Holes are changes that were undone.
    pub entries: Vec<Entry>,
    /// The tokens of the added records.
    pub sheet: Option<Envelope>,
}

impl Section {
    /// What one batch carried, for the audit entry: a hash over what was said about which record.
    pub fn root(&self) -> Digest {
        let mut bytes = Vec::with_capacity(self.entries.len() * 49);
        for entry in &self.entries {
            match entry {
                Entry::Add(envelope) => {
                    bytes.push(1);
                    bytes.extend_from_slice(envelope.payload_hash().as_bytes());
                }
                Entry::Leave(record_id) => {
                    bytes.push(2);
                    bytes.extend_from_slice(record_id.as_bytes());
                }
                Entry::Retract(envelope) => {
                    bytes.push(3);
                    bytes.extend_from_slice(envelope.payload_hash().as_bytes());
                }
                Entry::Approved { record, approvals } => {
                    bytes.push(4);
                    for envelope in core::iter::once(record).chain(approvals) {
                        bytes.extend_from_slice(envelope.payload_hash().as_bytes());
                    }
                }
            }
        }
        Digest::from_bytes(domain::digest::derive(
            "malines batch root v1",
            &[self.handle.as_bytes(), &self.from.to_le_bytes(), &self.to.to_le_bytes(), &bytes],
        ))
    }
}

/// One change in a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A signed record.
    Add(Envelope),
    /// The record moved out of the class.
    Leave(RecordId),
    /// A signed tombstone.
    Retract(Envelope),
    /// A signed record that comes by approvals, alone in a class of its own.
    Approved {
        /// The record.
        record: Envelope,
        /// What people signed for it, 1 to [`domain::approval::APPROVALS_MAX`].
        approvals: Vec<Envelope>,
    },
}

/// What stands for the class of one record, which a partner gets by approval: another one with every
/// version, so that what was approved of one version says nothing of the next.
pub fn class_of_one(class: &Digest, record_id: &RecordId, version: Version) -> Digest {
    let (epoch, n) = (version.epoch.to_le_bytes(), version.n.to_le_bytes());
    let parts = [class.as_bytes().as_slice(), record_id.as_bytes(), &epoch, &n];
    Digest::from_bytes(domain::digest::derive("malines class of one record v1", &parts))
}

/// A receiver's signed statement that it dropped classes that are no longer granted (R4).
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct PurgeReceipt {
    /// Who dropped.
    #[n(1)]
    pub holder: AgencyId,
    /// Whose records.
    #[n(2)]
    pub origin: AgencyId,
    /// Under which agreement.
    #[n(3)]
    pub agreement: AgreementId,
    /// The grant sequence that ordered it.
    #[n(4)]
    pub grant_sequence: u64,
    /// The classes dropped, at most [`VIEW_CLASSES_MAX`].
    #[n(5)]
    pub handles: Vec<ClassHandle>,
    /// How many records were dropped.
    #[n(6)]
    pub records: u64,
}

impl Payload for PurgeReceipt {
    const TYPE: &'static str = "application/vnd.malines.purge-receipt.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        encoding::from_bytes("purge receipt", bytes, 128 * 1024)
    }
}
