//! What is written: a batch of changes and audit events, atomic and durable when it is answered.

use crate::error::{Error, Result};
use crate::reading::ClassNumber;
use crate::table::{Table, VALUE_BYTES_MAX, check_key};
use audit::frame::Operation;
use audit::tree::Hash;
use domain::digest::{Fingerprint, Salt};
use domain::envelope::{Envelope, Signed};
use domain::event::{EVENT_PART_BYTES_MAX, EVENT_RECORDS_MAX, Event};
use domain::name::{AgencyId, CaseId, Digest, IdempotencyKey, OfficerId, RecordId};
use domain::record::{Record, Version};
use domain::submission::CASE_REFERENCE_CHARACTERS_MAX;
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch};
use domain::value::ActionIntent;
use domain::withdrawal::Tombstone;

/// The most changes and events of one batch together.
pub const BATCH_ITEMS_MAX: usize = 4096;
/// The most preconditions of one batch.
pub const BATCH_PRECONDITIONS_MAX: usize = 4096;
/// The most bytes of one batch.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most classes or records one [`Change::DropForeign`] names.
pub const DROP_LIST_MAX: usize = 4096;
/// The most records one [`Change::Erase`] names.
pub const ERASE_LIST_MAX: usize = DROP_LIST_MAX;
/// The longest reason in a [`LocalPart`], in bytes.
pub const REASON_BYTES_MAX: usize = 4096;
/// How many idempotency keys are remembered: the newest ones.
pub const IDEMPOTENCY_KEYS_MAX: usize = 65_536;

/// All or nothing: one frame of the journal, one leaf of the audit tree.
#[derive(Clone)]
pub struct Batch {
    /// What the frame is for; [`Operation::Commit`] for ordinary work.
    pub operation: Operation,
    /// Makes a repetition harmless: the first answer is given again, nothing is written. Keys are
    /// remembered across restarts, the newest [`IDEMPOTENCY_KEYS_MAX`] of them.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What must hold, or nothing is written.
    pub preconditions: Vec<Precondition>,
    /// What changes. No record and no row may be named twice.
    pub changes: Vec<Change>,
    /// What the audit log says about it.
    pub events: Vec<Event>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            operation: Operation::Commit,
            idempotency_key: None,
            preconditions: Vec::new(),
            changes: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl Batch {
    /// An empty batch for ordinary work.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more change.
    #[must_use]
    pub fn with(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    /// With one more event.
    #[must_use]
    pub fn saying(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// With one more precondition.
    #[must_use]
    pub fn provided(mut self, precondition: Precondition) -> Self {
        self.preconditions.push(precondition);
        self
    }

    /// With an idempotency key.
    #[must_use]
    pub const fn once(mut self, key: IdempotencyKey) -> Self {
        self.idempotency_key = Some(key);
        self
    }
}

impl core::fmt::Debug for Batch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (changes, events) = (&self.changes, self.events.len());
        write!(f, "Batch({changes:?}, {events} events)")
    }
}

/// One change.
#[derive(Clone)]
pub enum Change {
    /// A new record, or a higher version of one that is there.
    PutRecord(Box<RecordPut>),
    /// The origin takes a record back, for ever, known here or not.
    Withdraw {
        /// The verified tombstone.
        tombstone: Box<Signed<Tombstone>>,
    },
    /// Forgets records of a partner: a revoked class is dropped whole. They may come again.
    DropForeign {
        /// Whose records.
        origin: AgencyId,
        /// All records of these classes, at most [`DROP_LIST_MAX`].
        classes: Vec<ClassNumber>,
        /// And these records, at most [`DROP_LIST_MAX`].
        record_ids: Vec<RecordId>,
    },
    /// Erases what records say, own or foreign, live, withdrawn or expired: unmatchable and
    /// unreadable at once, gone from the disk with the next [`crate::Store::compact`].
    ///
    /// That there was a record (its random id, version, class and expiry) stays; so does a
    /// tombstone. An own id never comes again, a partner's only in a higher version. A record under
    /// a legal hold is refused ([`crate::Conflict::Held`]), and so is one that was never here
    /// ([`crate::Conflict::Unknown`]). Erasing twice is harmless.
    Erase {
        /// Which records, at least one and at most [`ERASE_LIST_MAX`].
        record_ids: Vec<RecordId>,
    },
    /// Writes a row.
    Put {
        /// The table.
        table: Table,
        /// The key, at most [`crate::table::KEY_BYTES_MAX`] bytes. Never sealed: no name in it.
        key: Vec<u8>,
        /// The value, at most [`VALUE_BYTES_MAX`] bytes.
        value: Vec<u8>,
        /// Whether the value is sealed on disk.
        secrecy: Secrecy,
    },
    /// Deletes a row, there or not.
    Delete {
        /// The table.
        table: Table,
        /// The key.
        key: Vec<u8>,
    },
}

impl core::fmt::Debug for Change {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::PutRecord(put) => write!(f, "PutRecord({})", put.record.record_id),
            Self::Withdraw { tombstone } => {
                write!(f, "Withdraw({})", tombstone.message().record_id)
            }
            Self::DropForeign { origin, classes, record_ids } => {
                let (classes, records) = (classes.len(), record_ids.len());
                write!(f, "DropForeign({origin}, {classes} classes, {records} records)")
            }
            Self::Erase { record_ids } => write!(f, "Erase({} records)", record_ids.len()),
            Self::Put { table, value, .. } => {
                write!(f, "Put({}, {} bytes)", table.as_str(), value.len())
            }
            Self::Delete { table, .. } => write!(f, "Delete({})", table.as_str()),
        }
    }
}

/// Is a value readable by whoever reads the disk?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// As it is.
    Plain,
    /// Encrypted and authenticated, bound to its table and key.
    Sealed,
}

/// A record to keep: verified by the caller, own or a partner's.
#[derive(Debug, Clone)]
pub struct RecordPut {
    /// The exact bytes and signatures.
    pub envelope: Envelope,
    /// What the envelope says, verified and parsed by the caller.
    pub record: Record,
    /// What stays here; required for an own record, impossible for a partner's.
    pub local: Option<LocalPart>,
    /// The token a partner sent with its tier-1 record, under its key of that epoch.
    pub token: Option<(TokenEpoch, Token)>,
}

/// What an own record's statement does not say: sealed in the journal, never replicated.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalPart {
    /// The fingerprint.
    pub x: Fingerprint,
    /// The salt that opens the record's commitment.
    pub salt: Salt,
    /// What we intend to do.
    pub action_intent: ActionIntent,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// The reference of the national proceeding, at most
    /// [`CASE_REFERENCE_CHARACTERS_MAX`] characters.
    pub case_reference: Option<String>,
    /// Who submitted it.
    pub officer: Option<OfficerId>,
    /// Why a presumed adult is one, at most [`REASON_BYTES_MAX`] bytes.
    pub presumed_adult_reason: Option<String>,
    /// When it came in.
    pub received_at: Timestamp,
}

impl core::fmt::Debug for LocalPart {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LocalPart(..)")
    }
}

/// What must hold for a batch to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The record is not there, and was not withdrawn.
    RecordAbsent(RecordId),
    /// The record is there in exactly this version, and was not withdrawn.
    RecordVersion(RecordId, Version),
    /// The record was not withdrawn, there or not.
    NotWithdrawn(RecordId),
    /// A row is what the caller read.
    Row {
        /// The table.
        table: Table,
        /// The key.
        key: Vec<u8>,
        /// What it must be.
        is: RowState,
    },
}

/// What a row must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Not there.
    Absent,
    /// There, with a value of this hash: see [`value_hash`].
    ValueHash(Digest),
}

/// The hash of a value for [`RowState::ValueHash`].
pub fn value_hash(value: &[u8]) -> Digest {
    Digest::from_bytes(domain::digest::derive("malines store value v1", &[value]))
}

/// A batch that is in the journal and in the audit tree, durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The number of the frame, which is the index of its leaf.
    pub seq: u64,
    /// The size of the tree that first holds it.
    pub tree_size: u64,
    /// When, by the node's clock.
    pub time: Timestamp,
    /// One receipt for each change, in the order of the batch.
    pub changes: Vec<ItemReceipt>,
    /// One receipt for each event, in the order of the batch.
    pub events: Vec<ItemReceipt>,
    /// Whether this was done before under the same idempotency key.
    pub repeated: domain::submission::Repeated,
}

/// Where one change or event stands in its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemReceipt {
    /// Its index in the frame.
    pub item: u32,
    /// Its commitment.
    pub commitment: Hash,
}

/// Checks the stated limits; cheap, before anything is queued.
pub(crate) fn check(batch: &Batch) -> Result<usize> {
    let items = batch.changes.len() + batch.events.len();
    if items == 0 {
        return Err(Error::Invalid("it changes nothing and says nothing"));
    }
    over("items in a batch", items, BATCH_ITEMS_MAX)?;
    over("preconditions in a batch", batch.preconditions.len(), BATCH_PRECONDITIONS_MAX)?;
    let mut bytes = 0_usize;
    for change in &batch.changes {
        bytes = bytes.saturating_add(check_change(change)?);
    }
    for precondition in &batch.preconditions {
        if let Precondition::Row { key, .. } = precondition {
            check_key(key)?;
            bytes = bytes.saturating_add(key.len());
        }
    }
    for event in &batch.events {
        over("records in an event", event.local.records.len(), EVENT_RECORDS_MAX)?;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let local = text(&event.local.note) + text(&event.local.rule);
        over("bytes in an event", local, EVENT_PART_BYTES_MAX / 2)?;
        bytes = bytes.saturating_add(local + 256 + 18 * event.local.records.len());
    }
    over("bytes in a batch", bytes, BATCH_BYTES_MAX)?;
    Ok(bytes)
}

fn check_change(change: &Change) -> Result<usize> {
    match change {
        Change::PutRecord(put) => {
            let limits = put.envelope.check_limits();
            limits.map_err(|_| Error::Invalid("an envelope beyond its limits"))?;
            let local = put.local.as_ref().map_or(Ok(0), check_local)?;
            Ok(put.envelope.size_bytes() + local + 512)
        }
        Change::Withdraw { tombstone } => {
            let limits = tombstone.envelope().check_limits();
            limits.map_err(|_| Error::Invalid("an envelope beyond its limits"))?;
            Ok(tombstone.envelope().size_bytes() + 256)
        }
        Change::DropForeign { classes, record_ids, .. } => {
            over("classes to drop", classes.len(), DROP_LIST_MAX)?;
            over("records to drop", record_ids.len(), DROP_LIST_MAX)?;
            Ok(classes.len() * 8 + record_ids.len() * 18 + 256)
        }
        Change::Erase { record_ids } => {
            if record_ids.is_empty() {
                return Err(Error::Invalid("it erases nothing"));
            }
            over("records to erase", record_ids.len(), ERASE_LIST_MAX)?;
            Ok(record_ids.len() * 18 + 256)
        }
        Change::Put { table, key, value, .. } => {
            check_key(key)?;
            check_hold(*table, key)?;
            over("bytes in a value", value.len(), VALUE_BYTES_MAX)?;
            Ok(key.len() + value.len() + 256)
        }
        Change::Delete { table, key } => {
            check_key(key)?;
            check_hold(*table, key)?;
            Ok(key.len() + 256)
        }
    }
}

/// The key of a legal hold says what it holds.
fn check_hold(table: Table, key: &[u8]) -> Result<()> {
    if table == Table::Hold && crate::table::held_by(key).is_none() {
        return Err(Error::Invalid("the key of a hold is a record id and a hold id"));
    }
    Ok(())
}

fn check_local(local: &LocalPart) -> Result<usize> {
    let reference = local.case_reference.as_deref().unwrap_or_default();
    let characters = reference.chars().count();
    over("characters in a case reference", characters, CASE_REFERENCE_CHARACTERS_MAX)?;
    let reason = local.presumed_adult_reason.as_ref().map_or(0, String::len);
    over("bytes in a reason", reason, REASON_BYTES_MAX)?;
    Ok(reference.len() + reason + 256)
}

fn over(what: &'static str, given: usize, max: usize) -> Result<()> {
    if given > max { Err(Error::too_large(what, given as u64, max as u64)) } else { Ok(()) }
}
