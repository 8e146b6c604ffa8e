//! What is read: stored records, hit rows, matches, class logs, counts and heads.

use crate::batch;
use crate::table;
use audit::frame::{Chain, Frame};
use audit::tree::Hash;
use domain::class::{CLASSES_MAX, Class};
use domain::envelope::Envelope;
use domain::indicator::Body;
use domain::label::Evaluation;
use domain::name::{Digest, RecordId};
use domain::record::{Record, Version};
use domain::time::Timestamp;
use domain::value::{ContentClass, Role};
use std::sync::Arc;

pub use sync::message::{LogKind, LogRow};

/// The most rows of a class log that one call answers.
pub const LOG_ROWS_MAX: usize = 4096;
/// The most frames one [`crate::Store::tail`] answers.
pub const TAIL_FRAMES_MAX: usize = 1024;
/// The most tokens one call matches.
pub const MATCH_TOKENS_MAX: usize = 65_536;
/// The most versions of one record that are read under a hold.
pub const HELD_VERSIONS_MAX: usize = domain::hold::HELD_OLDER_MAX + 1;
/// The most rows that one token or fingerprint is matched with.
pub const MATCH_ROWS_MAX: usize = 256;

/// The number of a class on this node. It never leaves the node; a partner knows a class by its
/// handle. Numbers are dense, from 0, in the order in which the journal first held the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassNumber(pub u32);

/// Whose record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// Ours: we signed it.
    Own,
    /// A partner's.
    Foreign,
}

/// Was the record taken back by its origin? That is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// No.
    No,
    /// Yes.
    Yes,
}

/// Is the content of the record gone, by [`crate::Change::Erase`]?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// No.
    No,
    /// Yes; that there was a record is remembered.
    Yes,
}

/// A record as it is kept. What comes out of the store is a `Held` of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The exact bytes and signatures.
    pub envelope: Envelope,
    /// Its version.
    pub version: Version,
    /// When it ends by itself.
    pub expiry: Timestamp,
    /// Whether it was taken back. A partner's record that was is not here any more.
    pub withdrawn: Withdrawn,
    /// Whose it is.
    pub origin: Ownership,
}

/// What every hit is checked against before it leaves: the index proposes, the store disposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HitRow {
    /// The version.
    pub version: Version,
    /// The class; `None` for a record that was withdrawn before it was ever seen here.
    pub class: Option<ClassNumber>,
    /// When it ends by itself.
    pub expiry: Timestamp,
    /// Whether it was taken back.
    pub withdrawn: Withdrawn,
    /// Whether its content was erased here. It is not read and not matched any more; its id, class
    /// and version are known for ever, so that it does not come back.
    pub erased: Erased,
    /// Whose it is.
    pub origin: Ownership,
}

impl HitRow {
    /// May it still be used at `now`, as far as time and withdrawal go?
    pub fn is_live(&self, now: Timestamp) -> bool {
        let is_there = self.withdrawn == Withdrawn::No && self.erased == Erased::No;
        is_there && now < self.expiry && self.class.is_some()
    }
}

/// What an answer says of a record beside what its class says. Kept in memory with its row once it was
/// written or read, so that a match does not read the journal each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordFacts {
    /// The role of an account.
    pub role: Option<Role>,
    /// The class of content.
    pub content_class: Option<ContentClass>,
    /// How good it is.
    pub evaluation: Evaluation,
    /// Last seen.
    pub observed_last: Timestamp,
}

impl RecordFacts {
    /// The facts of a record.
    pub fn of(record: &Record) -> Self {
        let (role, content_class) = match &record.body {
            Body::Account(body) => (Some(body.role), None),
            Body::Content(body) => (None, Some(body.class)),
            Body::Ad(_) => (None, None),
        };
        let (evaluation, observed_last) = (record.labels.evaluation, record.observed_last);
        Self { role, content_class, evaluation, observed_last }
    }
}

/// A token that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The index of the token in the question.
    pub slot: u32,
    /// The record.
    pub record_id: RecordId,
    /// Its hit row; whoever uses the match checks it.
    pub row: HitRow,
    /// Where its row is in memory; means nothing after a restart.
    pub(crate) number: u32,
}

/// A class of records that is or was here, and how far its log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassEntry {
    /// Its number.
    pub number: ClassNumber,
    /// What it is.
    pub class: Arc<Class>,
    /// The hash of it.
    pub hash: Digest,
    /// The position after the last row of its log; 0 for a class of a partner's records.
    pub end: u64,
    /// How many records that are not withdrawn are in it.
    pub records: u64,
}

/// Where the log of this node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last frame; `None` for an empty log.
    pub seq: Option<u64>,
    /// How many frames there are.
    pub tree_size: u64,
    /// The root of the audit tree.
    pub root: Hash,
    /// The chain value after the last frame.
    pub chain: Chain,
}

/// One frame as it is in the journal.
#[derive(Debug, Clone)]
pub struct StoredFrame {
    /// What its leaf says.
    pub frame: Frame,
    /// The chain value after it.
    pub chain: Chain,
    /// Its items. Records and sealed rows are in them as they are on disk: sealed.
    pub items: Vec<audit::export::Item>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Own records that are neither withdrawn nor erased.
    pub own: u64,
    /// Partners' records that are neither withdrawn nor erased.
    pub foreign: u64,
    /// Withdrawn records that are remembered.
    pub withdrawn: u64,
    /// Classes.
    pub classes: u64,
    /// Frames in the journal.
    pub frames: u64,
    /// Bytes in the journal.
    pub journal_bytes: u64,
    /// Items of the journal with bytes that go with the next compaction; perhaps a few less.
    pub erasable: u64,
}

/// What the store takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Changes and events in a batch.
    pub batch_items_max: usize,
    /// Bytes in a batch.
    pub batch_bytes_max: usize,
    /// Bytes in a key.
    pub key_bytes_max: usize,
    /// Bytes in a value.
    pub value_bytes_max: usize,
    /// Rows one scan answers.
    pub scan_rows_max: usize,
    /// Live classes of one originator under one agreement.
    pub classes_max: usize,
    /// Idempotency keys remembered.
    pub idempotency_keys_max: usize,
}

impl Limits {
    /// The limits of both stores of this release.
    pub const CURRENT: Self = Self {
        batch_items_max: batch::BATCH_ITEMS_MAX,
        batch_bytes_max: batch::BATCH_BYTES_MAX,
        key_bytes_max: table::KEY_BYTES_MAX,
        value_bytes_max: table::VALUE_BYTES_MAX,
        scan_rows_max: table::SCAN_ROWS_MAX,
        classes_max: CLASSES_MAX,
        idempotency_keys_max: batch::IDEMPOTENCY_KEYS_MAX,
    };
}

/// How thoroughly to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every frame: its check, its place in the chain and in the tree.
    Frames,
    /// Also every salt and part against its commitment, every seal, and every table pointer.
    Deep,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Frames read.
    pub frames: u64,
    /// Items read.
    pub items: u64,
    /// Parts whose bytes and salt were erased.
    pub parts_erased: u64,
    /// Parts that were opened and compared.
    pub parts_opened: u64,
    /// What is wrong and where; at most [`Verified::FAULTS_MAX`]. Empty: all is well.
    pub faults: Vec<String>,
}

impl Verified {
    /// The most faults that are listed.
    pub const FAULTS_MAX: usize = 100;

    pub(crate) fn fault(&mut self, fault: impl ToString) {
        if self.faults.len() < Self::FAULTS_MAX {
            self.faults.push(fault.to_string());
        }
    }
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Segments of the journal that were looked through.
    pub segments_read: u64,
    /// Segments that were written anew.
    pub segments_rewritten: u64,
    /// The bytes of those before.
    pub bytes_before: u64,
    /// The bytes of those after.
    pub bytes_after: u64,
    /// Parts whose salt and bytes are gone: a record has two, a row of a table two.
    pub parts_erased: u64,
    /// Data keys that were destroyed: old copies of what was sealed under them are unreadable.
    pub keys_destroyed: u64,
    /// Whether it came to its end.
    pub ended: Ended,
}

/// How a compaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ended {
    /// With nothing left to do.
    #[default]
    Done,
    /// Because it was told to stop; the next one goes on.
    Stopped,
}

impl core::fmt::Display for Compacted {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { segments_rewritten, bytes_before, bytes_after, .. } = self;
        let Self { parts_erased, keys_destroyed, .. } = self;
        write!(f, "{parts_erased} parts erased and {keys_destroyed} keys destroyed; ")?;
        write!(f, "{segments_rewritten} segments written anew, ")?;
        write!(f, "{bytes_before} bytes before, {bytes_after} after")?;
        if self.ended == Ended::Stopped { f.write_str("; stopped before the end") } else { Ok(()) }
    }
}

/// What of the log an export shows. Everything else is in it as commitments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// What happened, as a partner or oversight may read it.
    Entries,
    /// Also what stays inside the agency: officers, rules, notes.
    EntriesAndLocal,
}
