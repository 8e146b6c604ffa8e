//! Rules on their way into force: what was proposed, who signed, and what is in force.

use crate::difference::Change;
use domain::name::{AgreementId, Digest, OfficerId};
use domain::time::Timestamp;

/// The most proposals that wait at once.
pub const PROPOSALS_MAX: usize = 16;
/// The most signatures of one proposal.
pub const SIGNATURES_MAX: usize = 8;
/// How long a proposal waits for its signatures, in days.
pub const PROPOSAL_DAYS_MAX: u32 = 30;
/// The fewest bytes that name a proposal.
pub const REFERENCE_BYTES_MIN: usize = 3;

impl Change {
    /// How many different officers have to sign.
    pub const fn signatures_needed(self) -> usize {
        match self {
            Self::Same | Self::Narrowing => 1,
            Self::Widening => 2,
        }
    }
}

/// Which rules are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those in force.
    Active,
    /// Those that were in force before.
    Previous,
    /// Proposed ones, by the first bytes of the hash of their difference.
    Proposal(Vec<u8>),
}

/// Does all sharing stand still?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// What put rules in force?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Signatures of officers.
    Signatures,
    /// The file that the settings of the node name.
    File,
}

/// Rules as a node has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// The common floor.
    pub floor: String,
    /// The local rules.
    pub local: String,
    /// The hash of both.
    pub bundle: Digest,
    /// Does all sharing stand still?
    pub frozen: Frozen,
    /// What put them in force.
    pub authority: Authority,
    /// The agreements that a census can be read of.
    pub agreements: Vec<AgreementId>,
}

/// A proposal and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The hash of what the change does: the name of the proposal.
    pub difference: Digest,
    /// What the change is, as the node found.
    pub change: Change,
    /// The rules it leads from.
    pub from: Digest,
    /// The rules it leads to.
    pub to: Digest,
    /// Who signed, in that order.
    pub signed_by: Vec<OfficerId>,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// Until when it can be put in force.
    pub open_until: Timestamp,
}

/// What was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// What the change was.
    pub change: Change,
    /// The rules now in force.
    pub bundle: Digest,
    /// Whose signatures put them there.
    pub signed_by: Vec<OfficerId>,
    /// The entry of the audit log.
    pub audit_sequence: u64,
}
