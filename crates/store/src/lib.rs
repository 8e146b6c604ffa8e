//! What a node remembers: signed records, tables and the audit log, in one append-only journal.
//!
//! Owns: the journal and its durability, the sealing of what must not be readable on disk, the
//! tables, the memory indexes that answer questions, the class logs that sync reads.
//!
//! **Invariant:** it never learns a raw identifier, never decides who may see a record, and hands
//! a record out only as a `Held`, which a permit of the policy opens. The journal is the truth:
//! tables and indexes hold nothing that cannot be rebuilt from it.
//!
//! Path through it:
//!
//! ```text
//! commit   batch --[engine]--> items, sealed --[journal]--> one frame, fdatasync = acknowledged
//!                                --[state]--> memory indexes   --[tables]--> sled, pointers only
//! read     [state] or [tables] --pointer--> [journal] --commitment checked--> seal opened
//! compact  segments with something that must go are written anew, beside commits and reads
//! open     cut an incomplete last frame only · one pass over the journal · compare with the
//!          signed head · tables that do not fit are put aside and rebuilt
//! ```

pub mod archive;
pub mod batch;
pub mod disk;
pub mod embedded;
pub mod error;
pub mod memory;
pub mod pending;
pub mod reading;
pub mod table;

mod class;
mod compact;
mod delegate;
mod effect;
mod encode;
mod engine;
mod folder;
mod frame;
mod held;
mod index;
mod item;
mod journal;
mod layout;
mod leftover;
mod load;
mod lookup;
mod pointer;
mod prepare;
mod proof;
mod seal;
mod segment;
mod sieve;
mod sled_tables;
mod state;
mod tables;
mod tokens;
mod unsealed;

pub use batch::{
    Batch, Change, Committed, ItemReceipt, LocalPart, Precondition, RecordPut, RowState, Secrecy,
    value_hash,
};
pub use embedded::{Config, EmbeddedStore, OpenReport, Rebuilt};
pub use error::{CommitError, Conflict, Error, Result};
pub use memory::MemoryStore;
pub use pending::PendingCommit;
pub use reading::{
    ClassEntry, ClassNumber, Compacted, Counts, Depth, Ended, Erased, Head, HitRow, Limits,
    LogKind, LogRow, Match, Ownership, RecordFacts, Shown, StoredFrame, StoredRecord, Verified,
    Withdrawn,
};
pub use table::Table;

use audit::tree::Hash;
use domain::digest::Fingerprint;
use domain::envelope::Envelope;
use domain::name::{AgencyId, AgreementId, RecordId};
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch, TokenKey};
use policy::Held;

/// One node's memory. Reads are synchronous; a commit resolves when it is durable.
///
/// Everything acknowledged is readable at once, and survives the loss of the process and of power.
pub trait Store: Send + Sync {
    /// Writes a batch, all or nothing. Batches of one caller are written in the order given.
    ///
    /// The answer comes after the frame is on disk. Preconditions are checked against everything
    /// written before it, by whomever.
    fn commit(&self, batch: Batch) -> PendingCommit;

    /// The value of a row; a sealed one is opened.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for the key, [`Error::Corrupt`], [`Error::KeyGone`], [`Error::Io`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Rows whose key begins with `prefix` and is greater than `after`, ascending by key, at most
    /// `limit` and never more than [`table::SCAN_ROWS_MAX`].
    ///
    /// # Errors
    /// As [`Store::get`].
    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>>;

    /// A record. `None` if it is unknown, dropped, or a partner's that was withdrawn.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::KeyGone`], [`Error::Io`].
    fn record(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>>;

    /// What an own record does not state; opens the seal.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn local_part(&self, record_id: &RecordId) -> Result<Option<LocalPart>>;

    /// The signed tombstone of a withdrawn record.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn tombstone(&self, record_id: &RecordId) -> Result<Option<Envelope>>;

    /// A record under a legal hold, whatever became of it since: withdrawn, dropped or expired. For
    /// the proceeding the hold is about, and for nothing else. `None` without a hold, and if there
    /// was nothing left to hold when it was placed.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn held_record(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>>;

    /// Versions of a record under a legal hold whose content is here, the newest first, at most
    /// [`reading::HELD_VERSIONS_MAX`]: for the proceeding the hold is about, and for nothing else. Reads
    /// through the segments that are kept for it; none without a hold.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn held_versions(&self, record_id: &RecordId) -> Result<Vec<Held<StoredRecord>>>;

    /// Records past their end whose content is still there and not under a legal hold: own ones,
    /// withdrawn or not, and partners' that were not withdrawn. At most `limit`, oldest rows first.
    /// From memory; costs one pass over all rows until the limit is reached.
    fn expired(&self, now: Timestamp, limit: usize) -> Vec<RecordId>;

    /// Removes from the disk what must go: what erased, dropped and withdrawn records said, older
    /// versions of partners' records, rows that were deleted or written again. Segments in which
    /// nothing must go are not read. Chain, tree, receipts and exports stay what they were.
    ///
    /// Commits and reads go on meanwhile. `stop` is asked often; after it said true, the next call
    /// goes on. Takes seconds to minutes, and up to one segment of free space.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Io`]: nothing is lost, the next call goes on; [`Error::Corrupt`] if
    /// what is to be copied is damaged: it is left as it is; [`Error::Fenced`], [`Error::Busy`].
    fn compact(&self, now: Timestamp, stop: &dyn Fn() -> bool) -> Result<Compacted>;

    /// Asks for tables that are made anew from the journal when the store is opened next; what was
    /// ever put aside of older ones is removed then. Opening takes about twice as long that once.
    /// Due now and then: the engine of the tables keeps old pages (keys and places, no content).
    ///
    /// # Errors
    /// [`Error::Io`].
    fn rebuild_tables(&self) -> Result<()>;

    /// What a hit on that record is checked against. From memory.
    fn hit_row(&self, record_id: &RecordId) -> Option<HitRow>;

    /// Records whose id begins with these bytes, withdrawn ones too, ascending, at most `limit`. From
    /// memory; costs one pass over all rows.
    fn find(&self, first_bytes: &[u8], limit: usize) -> Vec<RecordId>;

    /// What an answer says of a record that was matched in this process. Read and checked the first
    /// time, afterwards from memory. `None` if it is not there any more.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn facts(&self, found: &Match) -> Result<Option<Held<RecordFacts>>>;

    /// What a match of this process is checked against now. From memory.
    fn row_of(&self, found: &Match) -> Option<HitRow>;

    /// Hands in a token key. For our own key (`owner` is this agency) the tokens of all own records
    /// of that agreement are computed now, and kept up to date; after
    /// [`Store::forget_fingerprints`] that reads the journal once.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn set_token_key(
        &self,
        agreement: &AgreementId,
        owner: &AgencyId,
        epoch: TokenEpoch,
        key: TokenKey,
    ) -> Result<()>;

    /// Forgets the fingerprints that opening unsealed: every own token key that was kept was handed in.
    /// Before it, [`Store::set_token_key`] of an own key does not read the journal.
    fn forget_fingerprints(&self);

    /// Forgets a token key and the tokens made with it, own or foreign.
    fn drop_token_key(&self, agreement: &AgreementId, owner: &AgencyId, epoch: TokenEpoch);

    /// Own records that have one of these tokens. Of each token at most
    /// [`reading::MATCH_ROWS_MAX`] rows, in no order.
    ///
    /// # Errors
    /// [`Error::NoTokenKey`]: nothing is known, which is not "no match"; [`Error::TooLarge`].
    fn match_own(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        tokens: &[Token],
    ) -> Result<Vec<Match>>;

    /// The tokens of own records under one key, in the order of the ids: what a token sheet for a
    /// partner is made of. `None` for an id that is no live own record of that agreement.
    ///
    /// # Errors
    /// [`Error::NoTokenKey`].
    fn own_tokens(
        &self,
        agreement: &AgreementId,
        epoch: TokenEpoch,
        record_ids: &[RecordId],
    ) -> Result<Vec<Option<Token>>>;

    /// A partner's records that have one of these tokens under its key.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    fn match_foreign(
        &self,
        agreement: &AgreementId,
        owner: &AgencyId,
        epoch: TokenEpoch,
        tokens: &[Token],
    ) -> Result<Vec<Match>>;

    /// Own records of this fingerprint that are not withdrawn, under any agreement.
    ///
    /// # Errors
    /// As [`Store::record`].
    fn match_fingerprint(&self, x: &Fingerprint) -> Result<Vec<RecordId>>;

    /// The classes of one originator's records under an agreement.
    fn classes(&self, origin: &AgencyId, agreement: &AgreementId) -> Vec<ClassEntry>;

    /// A class by its number.
    fn class(&self, number: ClassNumber) -> Option<ClassEntry>;

    /// Rows of the log of a class of own records, from a position on, at most `limit` and never
    /// more than [`reading::LOG_ROWS_MAX`].
    fn class_log(&self, number: ClassNumber, from: u64, limit: usize) -> Vec<LogRow>;

    /// How many of what.
    fn count(&self) -> Counts;

    /// Where the log stands.
    fn head(&self) -> Head;

    /// The proof that frame `seq` is in the tree of the first `tree_size` frames.
    ///
    /// # Errors
    /// [`Error::Audit`] if there is no such frame or size.
    fn inclusion(&self, seq: u64, tree_size: u64) -> Result<Vec<Hash>>;

    /// The proof that the tree of `new` frames continues the tree of `old` frames.
    ///
    /// # Errors
    /// [`Error::Audit`] if there is no such size.
    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>>;

    /// The receipt of one item under a signed head that covers it.
    ///
    /// # Errors
    /// [`Error::Audit`] if the head does not cover it or there is no such item.
    fn receipt(&self, seq: u64, item: u32, signed_head: &[u8]) -> Result<audit::receipt::Receipt>;

    /// Frames without a gap, from frame `from` on, at most `limit` and never more than
    /// [`reading::TAIL_FRAMES_MAX`] frames or 16 MiB. A reader that saw `n` frames asks from `n`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    fn tail(&self, from: u64, limit: usize) -> Result<Vec<StoredFrame>>;

    /// Keeps the newest signed head of this log, after comparing it with the journal. Opening
    /// refuses a journal that does not lead to it.
    ///
    /// # Errors
    /// [`Error::Audit`] for bytes that are no head, [`Error::Rollback`] for one of another
    /// history, [`Error::Io`].
    fn write_head(&self, signed_head: &[u8]) -> Result<()>;

    /// The newest signed head that was kept.
    fn signed_head(&self) -> Option<Vec<u8>>;

    /// Writes the log up to the newest signed head as a file that verifies offline.
    ///
    /// # Errors
    /// [`Error::NoHead`], [`Error::Audit`] if writing fails, [`Error::Corrupt`].
    fn export(&self, writer: &mut dyn std::io::Write, shown: Shown) -> Result<()>;

    /// Reads everything again and compares. Commits go on meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`]; what is wrong with the content is listed in the answer.
    fn verify(&self, depth: Depth) -> Result<Verified>;

    /// What this store takes at most.
    fn limits(&self) -> Limits {
        Limits::CURRENT
    }

    /// Why nothing can be written until the store is opened again; `None` while all is well.
    fn fenced(&self) -> Option<&'static str>;

    /// Finishes what was queued, makes the tables durable and refuses everything later.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing acknowledged is lost all the same.
    fn close(&self) -> Result<()>;
}
