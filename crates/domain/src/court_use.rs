//! Use in court: a holder asks the originator of a record that is restricted (H1) to permit its use in
//! the proceedings of one case, and people of the originator do, or do not.
//!
//! What they sign is an [`crate::approval::Approval`] of [`ApprovedAct::JudicialUse`].

use crate::approval::ApprovedAct;
use crate::closed::closed;
use crate::encoding;
use crate::name::{AgencyId, CaseId, Digest, OfficerId, RecordId};
use crate::question::QuestionTerms;
use crate::record::Version;
use crate::time::Timestamp;

/// The largest stored question for permission, in bytes.
pub const PERMISSION_ROW_BYTES_MAX: usize = 2048;
/// The most questions of one partner that wait for our people.
pub const PERMISSIONS_WAITING_MAX: usize = 16;
/// How many days a question waits before it is forgotten; asking again is harmless.
pub const PERMISSION_WAITS_DAYS: u32 = 30;

/// What a holder asks: may this record be used in court, in this case? Its `Debug` shows no reference.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct PermissionQuestion {
    /// Under which agreement, for what, about which offence: of the holder's case.
    #[n(1)]
    pub terms: QuestionTerms,
    /// The record.
    #[n(2)]
    pub record_id: RecordId,
    /// The version that the holder has.
    #[n(3)]
    pub version: Version,
    /// How the holder names the case to the originator, a line of 1 to
    /// [`crate::submission::CASE_REFERENCE_CHARACTERS_MAX`] characters; people of the originator read
    /// and sign it.
    #[n(4)]
    pub case_reference: String,
}

impl PermissionQuestion {
    /// What is to be signed.
    pub fn act(&self) -> ApprovedAct {
        ApprovedAct::JudicialUse { case_reference: self.case_reference.clone() }
    }

    /// What both logs hold of it.
    pub fn digest(&self) -> Digest {
        let bytes = encoding::to_bytes(self);
        Digest::from_bytes(crate::digest::derive("malines permission v1", &[&bytes]))
    }
}

impl core::fmt::Debug for PermissionQuestion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PermissionQuestion({}, {}, ..)", self.record_id, self.version)
    }
}

/// What an officer says to use a record in court.
#[derive(Clone, PartialEq, Eq)]
pub struct CourtUseOrder {
    /// The case.
    pub case: CaseId,
    /// How the originator is told of it: the reference of the case itself never leaves the node.
    pub case_reference: String,
}

/// A partner's question that waits for our people, as it is kept: sealed.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct WaitingPermission {
    /// The partner.
    #[n(1)]
    pub peer: AgencyId,
    /// What it asks.
    #[n(2)]
    pub question: PermissionQuestion,
    /// Since when.
    #[n(3)]
    pub since: Timestamp,
}

closed! {
    /// Whether a record may be used in court, and if not, why.
    CourtUse, "use in court" {
        /// It is our own record: nobody else restricts it.
        OwnRecord = 1 "OWN_RECORD",
        /// Its originator does not restrict it.
        NotRestricted = 2 "NOT_RESTRICTED",
        /// Its originator permits it, in this case.
        Permitted = 3 "PERMITTED",
        /// Its originator was asked, and does not permit it now.
        NotPermitted = 4 "NOT_PERMITTED",
        /// Its originator could not be asked.
        Unreachable = 5 "UNREACHABLE",
    }
}

impl CourtUse {
    /// May it be used?
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::OwnRecord | Self::NotRestricted | Self::Permitted)
    }
}

/// What an officer is told, and what the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourtUseReceipt {
    /// The record.
    pub record_id: RecordId,
    /// The version.
    pub version: Version,
    /// Whose it is.
    pub origin: AgencyId,
    /// Whether it may be used.
    pub state: CourtUse,
    /// Who permits it, at most [`crate::approval::APPROVALS_MAX`].
    pub persons: Vec<OfficerId>,
    /// Until when the permission holds.
    pub until: Option<Timestamp>,
    /// Why the originator could not be asked; for our own people.
    pub note: String,
    /// The entry of the audit log.
    pub audit_sequence: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Channel, Offence, Purpose, Urgency};

    fn question(case_reference: &str) -> PermissionQuestion {
        PermissionQuestion {
            terms: QuestionTerms {
                agreement: "malines-2026".parse().unwrap(),
                clause: "4.2".parse().unwrap(),
                purpose: Purpose::Prosecution,
                offence: Offence::MigrantSmuggling,
                kind: crate::indicator::Kind::Url,
                channel: Channel::Analyst,
                urgency: Urgency::Normal,
                exercise: false,
            },
            record_id: RecordId::from_bytes([1; 16]),
            version: Version::FIRST,
            case_reference: case_reference.to_owned(),
        }
    }

    #[test]
    fn a_question_shows_its_case_to_nobody_and_is_another_for_another_case() {
        assert!(!format!("{:?}", question("PN 2026/17")).contains("17"));
        assert_ne!(question("PN 1").digest(), question("PN 2").digest());
    }
}
