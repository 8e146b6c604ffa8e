//! What can be wrong with a proof, a head or an exported log, and where in it.

use crate::frame::{HEADER_BYTES_MAX, ITEMS_MAX, PART_BYTES_MAX, PartKind};
use std::io;

/// Why something does not verify or cannot be proved. Holds nothing of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A leaf or a size beyond the tree.
    #[error("{asked} is outside a tree of {size} leaves")]
    OutsideTree {
        /// The index or size asked for.
        asked: u64,
        /// The size of the tree.
        size: u64,
    },
    /// An older size that is larger than the newer one.
    #[error("the older tree of {old} leaves is larger than the newer of {new}")]
    OldIsLarger {
        /// The size called older.
        old: u64,
        /// The size called newer.
        new: u64,
    },
    /// A proof with too many or too few hashes for its place.
    #[error("a proof of {given} hashes cannot be right for this place")]
    ProofLength {
        /// How many hashes were given.
        given: usize,
    },
    /// An inclusion proof that leads to another root.
    #[error("the proof does not lead from the leaf to the root")]
    NotIncluded,
    /// A consistency proof that does not join the two roots.
    #[error("the newer tree does not continue the older one")]
    NotConsistent,
    /// Bytes that are not what they claim to be.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// What it should have been.
        what: &'static str,
        /// The rule that is broken.
        why: String,
    },

    /// A frame without items, or with too many.
    #[error("a frame holds 1 to {ITEMS_MAX} items, not {0}")]
    ItemCount(u64),
    /// An item's header that is too long.
    #[error("an item's header of {0} bytes, at most {HEADER_BYTES_MAX} are allowed")]
    HeaderTooLong(usize),
    /// A part that is too long.
    #[error("a part of {0} bytes, at most {PART_BYTES_MAX} are allowed")]
    PartTooLong(usize),
    /// A number that is no operation.
    #[error("unknown operation `{0}`")]
    UnknownOperation(u32),
    /// A part whose salt and bytes are not what its commitment was made of.
    #[error("the {0} part was changed: its salt and bytes do not give its commitment")]
    PartChanged(PartKind),
    /// An item whose header or part commitments are not what its commitment was made of.
    #[error("the item was changed: its header and parts do not give its commitment")]
    ItemChanged,
    /// Items that do not give the root the frame states.
    #[error("the items were changed: they do not give the root in the frame")]
    ItemsRootChanged,
    /// A frame that does not continue the chain.
    #[error("the chain is broken: this frame does not give the chain value that follows it")]
    ChainBroken,
    /// A frame out of order, missing or repeated.
    #[error("frame {found} stands where frame {expected} belongs")]
    OutOfOrder {
        /// The number that comes next.
        expected: u64,
        /// The number found.
        found: u64,
    },

    /// A signed note that breaks the format.
    #[error("malformed signed note: {0}")]
    MalformedNote(&'static str),
    /// A checkpoint that breaks the format.
    #[error("malformed checkpoint: {0}")]
    MalformedHead(&'static str),
    /// A verifier key that breaks the format, or two keys that cannot be told apart.
    #[error("malformed verifier key: {0}")]
    MalformedKey(&'static str),
    /// No signature by the log's own key.
    #[error("not signed by a known key of `{0}`")]
    NotSigned(String),
    /// A signature of a known key that does not verify.
    #[error("the signature of `{0}` does not verify")]
    BadSignature(String),
    /// A head of another log.
    #[error("a head of `{found}` stands in the log of `{expected}`")]
    OtherLog {
        /// The agency whose log this is.
        expected: String,
        /// The agency the head names.
        found: String,
    },
    /// A head for another size than the frames before it.
    #[error("a head of size {head} stands after {frames} frames")]
    HeadOutOfPlace {
        /// The size in the head.
        head: u64,
        /// The frames before it, from the start of the log.
        frames: u64,
    },
    /// Frames that do not give the root that was signed.
    #[error("the frames do not give the root that was signed")]
    RootNotSigned,
    /// Frames that do not give the chain value that was signed.
    #[error("the frames do not give the chain value that was signed")]
    ChainNotSigned,
    /// A head known from elsewhere that the log does not pass through.
    #[error("the log does not pass through a head of size {0} known from elsewhere")]
    Forked(u64),
    /// A head known from elsewhere that is newer than the export.
    #[error("the export ends at {size}, but a head of size {known} is known from elsewhere")]
    Behind {
        /// The size of the head known.
        known: u64,
        /// The size of the export.
        size: u64,
    },
    /// A head known from elsewhere that is older than the first frame of a partial export.
    #[error("the export starts at {start} and cannot be compared with a head of size {known}")]
    StartsLater {
        /// The size of the head known.
        known: u64,
        /// The size of the log before the export.
        start: u64,
    },
    /// Frames after the last head.
    #[error("{0} frames after the last signed head")]
    NotCovered(u64),

    /// A record that belongs elsewhere in the file.
    #[error("a {found} stands where {expected} belongs")]
    UnexpectedRecord {
        /// What was expected, with its article.
        expected: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// A record that is too long.
    #[error("a record of {0} bytes, more than any record of an export has")]
    RecordTooLong(u64),
    /// A file made by a newer program, or no export at all.
    #[error("not an audit export of a version this program knows")]
    UnknownFormat,
    /// A file that ends too early.
    #[error("the file ends here")]
    Truncated,
    /// Counts at the end that are not what the file holds.
    #[error("the counts at the end are not what the file holds")]
    WrongCounts,
    /// Bytes after the end.
    #[error("bytes after the end")]
    BytesAfterEnd,
    /// The reader failed.
    #[error("cannot read: {0}")]
    Read(io::ErrorKind),
    /// The writer failed.
    #[error("cannot write: {0}")]
    Write(io::ErrorKind),
}

impl Error {
    pub(crate) fn malformed(what: &'static str, why: impl ToString) -> Self {
        Self::Malformed { what, why: why.to_string() }
    }
}

/// The place of a fault in an exported log. Frames and items count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first record of the file.
    Start,
    /// A frame as a whole.
    Frame {
        /// Its number in the log.
        seq: u64,
    },
    /// One item of a frame.
    Item {
        /// The frame's number in the log.
        seq: u64,
        /// The item's index in the frame.
        item: u32,
    },
    /// A signed head.
    Head {
        /// How many frames of the log stand before it.
        frames: u64,
    },
    /// The end of the file.
    End {
        /// How many frames of the log stand before it.
        frames: u64,
    },
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Start => f.write_str("at the start"),
            Self::Frame { seq } => write!(f, "frame {seq}"),
            Self::Item { seq, item } => write!(f, "frame {seq}, item {item}"),
            Self::Head { frames } => write!(f, "the head after {frames} frames"),
            Self::End { frames } => write!(f, "at the end, after {frames} frames"),
        }
    }
}

/// What is wrong with an exported log, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {error}")]
pub struct Fault {
    /// The first place that fails.
    pub place: Place,
    /// Why it fails.
    pub error: Error,
}

impl Fault {
    /// What a person can do next.
    pub fn hint(&self) -> &'static str {
        match self.error {
            Error::Truncated | Error::BytesAfterEnd | Error::Read(_) | Error::WrongCounts => {
                "copy or export the file again; compare its size with the original"
            }
            Error::UnknownFormat => {
                "check that the file is an audit export, or update this program"
            }
            Error::NotSigned(_) | Error::OtherLog { .. } | Error::MalformedKey(_) => {
                "check that the key given is the audit key of the agency that made the export"
            }
            Error::NotCovered(_) => "ask for an export that ends with a signed head",
            Error::StartsLater { .. } => "ask for an export that starts earlier",
            Error::Forked(_) | Error::Behind { .. } => {
                "keep both heads: together they prove that the log was changed or rolled back"
            }
            _ => "keep the file as it is and ask for a second export to compare",
        }
    }
}
