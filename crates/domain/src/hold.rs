//! Legal holds: what a proceeding, a person or a supervisory authority needs is not erased while they last.

use crate::closed::closed;
use crate::name::{AgencyId, AgreementId, CaseId, HoldId, OfficerId, RecordId};
use crate::record::Version;
use crate::time::Timestamp;

/// The most older versions of a record that are read under one hold.
pub const HELD_OLDER_MAX: usize = 24;
/// The most holds of one node.
pub const HOLDS_MAX: usize = 4096;
/// The longest name of an authority, in characters.
pub const AUTHORITY_CHARACTERS_MAX: usize = 200;
/// The largest stored hold, in bytes.
pub const HOLD_BYTES_MAX: usize = 16 * 1024;
/// The latest review of a hold, in days after it was placed.
pub const HOLD_REVIEW_DAYS_MAX: u32 = 366;

closed! {
    /// Why something is kept, apart, beyond the end.
    HoldGround, "hold ground" {
        /// Evidence in a pending proceeding.
        EvidenceInProceedings = 1 "EVIDENCE_IN_PROCEEDINGS",
        /// A person asked for it (LED Art. 14 to 16): restriction instead of erasure.
        DataSubjectRequest = 2 "DATA_SUBJECT_REQUEST",
        /// A supervisory authority holds it.
        SupervisoryAuthorityHold = 3 "SUPERVISORY_AUTHORITY_HOLD",
    }
}

/// A legal hold on one record. Its value is sealed at rest; its `Debug` shows no reason.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Hold {
    /// The hold.
    #[n(1)]
    pub hold_id: HoldId,
    /// The record.
    #[n(2)]
    pub record_id: RecordId,
    /// Whose record it is.
    #[n(3)]
    pub origin: AgencyId,
    /// The agreement it came under.
    #[n(4)]
    pub agreement: AgreementId,
    /// The case that stands for the proceeding; the record is read for no other.
    #[n(5)]
    pub case: CaseId,
    /// Why, 1 to [`crate::correction::REASON_CHARACTERS_MAX`] characters.
    #[n(6)]
    pub reason: String,
    /// Who ordered it, 1 to [`AUTHORITY_CHARACTERS_MAX`] characters.
    #[n(7)]
    pub authority: String,
    /// When a person must look at it again.
    #[n(8)]
    pub review_at: Timestamp,
    /// When it was placed.
    #[n(9)]
    pub placed_at: Timestamp,
    /// By whom.
    #[n(10)]
    pub placed_by: OfficerId,
    /// On which ground.
    #[n(11)]
    pub ground: HoldGround,
}

impl core::fmt::Debug for Hold {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Hold({} on {}, ..)", self.hold_id, self.record_id)
    }
}

/// What an officer says to place a hold. Its `Debug` shows no reason.
#[derive(Clone, PartialEq, Eq)]
pub struct HoldOrder {
    /// On which ground.
    pub ground: HoldGround,
    /// The case that stands for the proceeding.
    pub case: CaseId,
    /// Why.
    pub reason: String,
    /// Who ordered it.
    pub authority: String,
    /// When a person must look at it again, at most [`HOLD_REVIEW_DAYS_MAX`] days from now.
    pub review_at: Timestamp,
}

impl core::fmt::Debug for HoldOrder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HoldOrder({:?}, ..)", self.case)
    }
}

/// How a record under a hold is otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldState {
    /// In use: matched and shared as its labels say.
    InUse,
    /// Past its end: kept for the proceeding alone.
    Expired,
    /// Withdrawn by its origin, or no longer granted to us: kept for the proceeding alone.
    Withdrawn,
}

/// A hold, and how its record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldStanding {
    /// The hold.
    pub hold: Hold,
    /// How its record is.
    pub state: HeldState,
}

/// The result of placing or lifting a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldReceipt {
    /// The hold.
    pub hold_id: HoldId,
    /// The record.
    pub record_id: RecordId,
    /// The sequence number of the audit entry.
    pub audit_sequence: u64,
}

/// A record as it is read under a hold, in words. Its `Debug` shows no values.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldReading {
    /// The hold, and how its record is.
    pub standing: HoldStanding,
    /// The version that is kept.
    pub version: Version,
    /// When that version was made.
    pub made_at: Timestamp,
    /// What it says, by the keys of [`crate::correction::STATEMENT_KEYS`].
    pub says: Vec<crate::correction::Difference>,
    /// Versions before it that are kept with it, the oldest first; the newest [`HELD_OLDER_MAX`].
    pub older: Vec<crate::correction::PastVersion>,
}

impl core::fmt::Debug for HeldReading {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HeldReading({:?}, {}, ..)", self.standing.hold, self.version)
    }
}
