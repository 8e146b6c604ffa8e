//! What can go wrong in the store, sorted by what a person can do about it.

use crate::batch::Precondition;
use domain::name::RecordId;
use std::io;

/// The result of most things the store does.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What [`crate::Store::commit`] answers when it does not answer `Ok`.
pub type CommitError = Error;

/// Why the store refuses, or fails. Names no identifier and shows no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A precondition did not hold, or the record's history forbids the change. Nothing was
    /// written. Read again and decide again.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// The batch contradicts itself: a fault of the caller. Nothing was written.
    #[error("not a valid batch: {0}")]
    Invalid(&'static str),
    /// A batch, a key or a value beyond its stated limit. Nothing was written.
    #[error("too large: {what} of {given}, at most {max} are allowed")]
    TooLarge {
        /// What is too large, and its unit.
        what: &'static str,
        /// What was given.
        given: u64,
        /// The limit.
        max: u64,
    },
    /// More batches wait than may wait. Nothing was written; try again.
    #[error("too many writes are waiting")]
    Busy,
    /// The store was closed, or an earlier failure stopped it. Nothing was written.
    #[error("the store does not accept writes: {0}")]
    Fenced(&'static str),
    /// The batch may or may not be in the journal: its acknowledgement was lost. Open the store
    /// again and repeat the batch with the same idempotency key.
    #[error("it is not known whether the batch was written: {0}")]
    Unknown(String),
    /// No space is left. Nothing was written; the store goes on when space returns.
    #[error("no space is left on the disk")]
    Full,
    /// The machine failed to read or write. Nothing was written.
    #[error("cannot {doing}: {kind}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// How it failed.
        kind: io::ErrorKind,
    },
    /// Bytes on disk are not what was written. The place is named.
    #[error("damaged {what} at byte {offset}: {why}")]
    Corrupt {
        /// The file.
        what: String,
        /// The offset in it.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// The journal does not lead to what is known to have been written, from a signed head or from
    /// the tables, which only follow what was acknowledged: it was rolled back, cut or replaced.
    #[error("the journal holds {found} frames and does not lead to the {known} known of before")]
    Rollback {
        /// How many frames are known of: the size in the signed head, or that of the tables.
        known: u64,
        /// The size of the journal.
        found: u64,
    },
    /// The key-encryption key does not open the key file.
    #[error("the key-encryption key does not open the data keys of this store")]
    WrongKey,
    /// The data key of a sealed part is gone, so the part is gone too.
    #[error("the data key of a sealed part is not in the key file")]
    KeyGone,
    /// No token key was handed in for that agreement and epoch.
    #[error("no token key is known for that agreement and epoch")]
    NoTokenKey,
    /// A class beyond the cap of one originator under one agreement.
    #[error("more than {0} live classes of one originator under one agreement")]
    TooManyClasses(usize),
    /// Another process holds the folder.
    #[error("another process uses this data folder")]
    InUse,
    /// The folder was written by a newer release.
    #[error("the data folder has format {found}, this program knows up to {known}")]
    NewerFormat {
        /// The format of the folder.
        found: u32,
        /// The newest format this program knows.
        known: u32,
    },
    /// An archive of a backup or an export that is not whole, or not for this node.
    #[error("the archive cannot be used: {0}")]
    Archive(String),
    /// A backup is restored, and an export imported, only where nothing is.
    #[error("the data folder is not empty: there is `{0}`")]
    NotEmpty(String),
    /// The store was exported: another folder carries on its history.
    #[error("this store was exported to be run elsewhere")]
    Moved,
    /// The store was restored: an export would go on as if nothing had been lost.
    #[error("the node is in RECOVERY, and an export would go on as if nothing had been lost")]
    Recovery,
    /// A restore or an import was begun in this folder and did not come to its end.
    #[error("a restore into this folder did not come to its end")]
    HalfRestored,
    /// No head was signed yet, so nothing can be exported that verifies.
    #[error("no signed head is stored yet")]
    NoHead,
    /// A proof that cannot be given, or a head that does not belong to this log.
    #[error("{0}")]
    Audit(audit::Error),
}

/// What did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A precondition of the batch: its index and itself.
    #[error("precondition {0} does not hold")]
    Precondition(usize, Box<Precondition>),
    /// The record was withdrawn, which is for ever (sync rule R7).
    #[error("record {0} was withdrawn")]
    Withdrawn(RecordId),
    /// The record is there in the same or a higher version.
    #[error("record {0} is already there in this or a higher version")]
    Version(RecordId),
    /// The record belongs to another originator, or to another agreement.
    #[error("record {0} belongs to another originator or agreement")]
    Origin(RecordId),
    /// The record is under a legal hold: nothing of it is erased before the last hold ends.
    #[error("record {0} is under a legal hold")]
    Held(RecordId),
    /// The record was erased here. An own record never comes back; a partner's only in a higher
    /// version than the one that was erased.
    #[error("record {0} was erased")]
    Erased(RecordId),
    /// There is no such record to erase.
    #[error("record {0} is not known")]
    Unknown(RecordId),
}

impl Error {
    /// What a person can do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "read the current state and decide again",
            Self::Invalid(_) => "this is a fault of the program; report it with the log",
            Self::TooLarge { .. } => "split the work into smaller batches",
            Self::Busy => "try again in a moment; if it lasts, look at the disk's speed",
            Self::Fenced(_) => "look at the log for the first failure, then restart the node",
            Self::Unknown(_) => "restart the node, then repeat with the same idempotency key",
            Self::Full => "make space on the disk; the node goes on by itself",
            Self::Io { .. } => "check the disk and the rights on the data folder",
            Self::Corrupt { .. } => "keep the folder as it is and restore the last good backup",
            Self::Rollback { .. } => "do not serve from this folder; restore the newest backup",
            Self::WrongKey => "check which key file the configuration names",
            Self::KeyGone => "restore the key file that belongs to this folder",
            Self::NoTokenKey => "activate the agreement first, then ask again",
            Self::TooManyClasses(_) => "the partner uses too many label combinations; tell it",
            Self::InUse => "stop the other process, or choose another data folder",
            Self::NewerFormat { .. } => "install the release that wrote it, or a newer one",
            Self::Archive(_) => "nothing was put in place; take another copy, or another backup",
            Self::NotEmpty(_) => {
                "name a folder that is empty or not there; nothing is written over"
            }
            Self::Moved => {
                "run it where it was imported; only if it was imported nowhere, remove the file MOVED"
            }
            Self::Recovery => "take a `backup` of it; restored elsewhere, that is in RECOVERY too",
            Self::HalfRestored => "remove what is in the data folder and restore again",
            Self::NoHead => "wait until the node signed its first head, then export again",
            Self::Audit(_) => "compare with an export of the same log",
        }
    }

    pub(crate) fn corrupt(what: impl Into<String>, offset: u64, why: impl ToString) -> Self {
        Self::Corrupt { what: what.into(), offset, why: why.to_string() }
    }

    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            kind => Self::Io { doing, kind },
        }
    }

    pub(crate) const fn too_large(what: &'static str, given: u64, max: u64) -> Self {
        Self::TooLarge { what, given, max }
    }
}

impl From<audit::Error> for Error {
    fn from(error: audit::Error) -> Self {
        Self::Audit(error)
    }
}
