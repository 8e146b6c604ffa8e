//! What a person of an authority signs about one record: that one partner gets it, or that one
//! partner uses it in court in one case.

use crate::closed::closed;
use crate::encoding::{self, Malformed};
use crate::envelope::{Envelope, Payload};
use crate::name::{AgencyId, AgreementId, Digest, OfficerId, RecordId};
use crate::record::Version;
use crate::submission::CASE_REFERENCE_CHARACTERS_MAX;
use crate::time::Timestamp;
use crate::value::{Offence, Purpose};
use std::collections::BTreeSet;

/// The largest approval, in bytes.
pub const APPROVAL_BYTES_MAX: usize = 2048;
/// The longest that an approval lasts, in days.
pub const APPROVAL_DAYS_MAX: u32 = 366;
/// The longest reason, in characters.
pub const APPROVAL_REASON_CHARACTERS_MAX: usize = 200;
/// The most approvals that are looked at for one record and one partner.
pub const APPROVALS_MAX: usize = 16;

/// What is approved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum ApprovedAct {
    /// The partner gets the record.
    #[n(1)]
    Share,
    /// The partner, who has the record, uses it in court in this case and in no other.
    #[n(2)]
    JudicialUse {
        /// The partner's reference of the case, 1 to [`CASE_REFERENCE_CHARACTERS_MAX`] characters.
        #[n(0)]
        case_reference: String,
    },
}

impl ApprovedAct {
    /// The word that people read.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Share => "SHARE",
            Self::JudicialUse { .. } => "JUDICIAL_USE",
        }
    }
}

/// The statement of one person. It is worth nothing for another record, version, partner, purpose,
/// agreement or act than it names.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Approval {
    /// Whose record it is; the agency of who signs.
    #[n(1)]
    pub agency: AgencyId,
    /// The pseudonym of who signs.
    #[n(2)]
    pub officer: OfficerId,
    /// The record.
    #[n(3)]
    pub record_id: RecordId,
    /// The version that was looked at; a later one needs a new approval.
    #[n(4)]
    pub version: Version,
    /// The agreement.
    #[n(5)]
    pub agreement: AgreementId,
    /// The partner.
    #[n(6)]
    pub peer: AgencyId,
    /// For what. A record moves only if every purpose that it states is among them, because the
    /// partner gets it with all of them.
    #[n(7)]
    pub purposes: BTreeSet<Purpose>,
    /// What is approved.
    #[n(8)]
    pub act: ApprovedAct,
    /// Why, 1 to [`APPROVAL_REASON_CHARACTERS_MAX`] characters; the partner reads it.
    #[n(9)]
    pub reason: String,
    /// When it was signed.
    #[n(10)]
    pub made_at: Timestamp,
    /// Until when it holds (exclusive).
    #[n(11)]
    pub valid_until: Timestamp,
}

impl Payload for Approval {
    const TYPE: &'static str = "application/vnd.malines.approval.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let approval: Self = exact("approval", bytes)?;
        let not_valid = |why: &str| Malformed::NotValid { what: "approval", why: why.to_owned() };
        if approval.peer == approval.agency {
            return Err(not_valid("a partner that is the agency itself"));
        }
        if approval.purposes.is_empty() {
            return Err(not_valid("no purpose"));
        }
        if !is_line(&approval.reason, APPROVAL_REASON_CHARACTERS_MAX) {
            return Err(not_valid("no reason, one that is too long, or one that is not a line"));
        }
        if let ApprovedAct::JudicialUse { case_reference } = &approval.act
            && !is_line(case_reference, CASE_REFERENCE_CHARACTERS_MAX)
        {
            return Err(not_valid("no case, or one that is too long or not a line"));
        }
        let latest = approval.made_at.plus_days(APPROVAL_DAYS_MAX);
        if approval.made_at >= approval.valid_until || approval.valid_until > latest {
            return Err(not_valid("it ends before it begins, or lasts longer than a year"));
        }
        Ok(approval)
    }
}

/// What a person signs to take an approval back. One signature of the agency is enough: it narrows.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ApprovalEnd {
    /// The agency.
    #[n(1)]
    pub agency: AgencyId,
    /// The pseudonym of who signs.
    #[n(2)]
    pub officer: OfficerId,
    /// The payload hash of the approval.
    #[n(3)]
    pub approval: Digest,
    /// When it was signed.
    #[n(4)]
    pub made_at: Timestamp,
}

impl Payload for ApprovalEnd {
    const TYPE: &'static str = "application/vnd.malines.approval-end.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        exact("approval end", bytes)
    }
}

/// What came of an approval that was handed in, or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalReceipt {
    /// The payload hash that names it.
    pub approval: Digest,
    /// The record.
    pub record_id: RecordId,
    /// The partner.
    pub peer: AgencyId,
    /// Those who count for the same now, at most [`APPROVALS_MAX`].
    pub persons: Vec<OfficerId>,
    /// How many it takes.
    pub needed: u32,
    /// The entry of the audit log.
    pub audit_sequence: u64,
}

closed! {
    /// What an approval is worth now.
    ApprovalState, "approval state" {
        /// It counts.
        Counts = 1 "COUNTS",
        /// It was taken back.
        Ended = 2 "ENDED",
        /// Its time is over.
        Expired = 3 "EXPIRED",
        /// The record is not what was approved any more: another version, withdrawn, or gone.
        RecordChanged = 4 "RECORD_CHANGED",
        /// Who signed may not approve any more, or a rule says no.
        DoesNotCount = 5 "DOES_NOT_COUNT",
    }
}

/// An approval that is here, as it was signed, and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalStanding {
    /// The payload hash that names it.
    pub approval: Digest,
    /// What was signed.
    pub signed: Envelope,
    /// What it is worth now.
    pub state: ApprovalState,
}

/// A record that waits for people, for one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingApproval {
    /// The record.
    pub record_id: RecordId,
    /// The partner.
    pub peer: AgencyId,
    /// The agreement.
    pub agreement: AgreementId,
    /// What waits: that the partner gets it, or that it uses it in court.
    pub act: ApprovedAct,
    /// For which purpose and about which offence the partner asks, where it asks.
    pub asked_for: Option<(Purpose, Offence)>,
    /// What the record may be used for.
    pub purposes: BTreeSet<Purpose>,
    /// Those who have approved, at most [`APPROVALS_MAX`].
    pub persons: Vec<OfficerId>,
    /// How many it takes.
    pub needed: u32,
    /// The rule that asks for them.
    pub rule: String,
}

/// A page of approvals, and on the first one what waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApprovalPage {
    /// By record, at most [`crate::report::PAGE_MAX`].
    pub approvals: Vec<ApprovalStanding>,
    /// At most [`crate::report::PAGE_MAX`].
    pub pending: Vec<PendingApproval>,
    /// Is there more that waits than is listed?
    pub more_pending: bool,
}

fn exact<T>(what: &'static str, bytes: &[u8]) -> Result<T, Malformed>
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    let value: T = encoding::from_bytes(what, bytes, APPROVAL_BYTES_MAX)?;
    if encoding::to_bytes(&value) == bytes {
        return Ok(value);
    }
    let why = "it says more than this version knows".to_owned();
    Err(Malformed::NotValid { what, why })
}

/// One line of at least one and at most so many characters.
fn is_line(text: &str, characters_max: usize) -> bool {
    !text.trim().is_empty()
        && text.chars().nth(characters_max).is_none()
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Signed;
    use crate::hexadecimal;
    use crate::signature::{SecretKey, Signer as _};

    fn approval() -> Approval {
        Approval {
            agency: "es-pn".parse().unwrap(),
            officer: "ES-7".parse().unwrap(),
            record_id: RecordId::from_bytes([1; 16]),
            version: Version::FIRST,
            agreement: "malines-2026".parse().unwrap(),
            peer: "ma-dgsn".parse().unwrap(),
            purposes: [Purpose::VictimProtection].into(),
            act: ApprovedAct::Share,
            reason: "a child may be found".into(),
            made_at: Timestamp::from_millis(5),
            valid_until: Timestamp::from_millis(9),
        }
    }

    fn used_in_court(case_reference: &str) -> Approval {
        let case_reference = case_reference.to_owned();
        Approval { act: ApprovedAct::JudicialUse { case_reference }, ..approval() }
    }

    /// The exact bytes that are signed: they never change.
    #[test]
    fn the_bytes_are_known() {
        assert_eq!(hexadecimal::encode(&approval().to_payload()), SHARE);
        let in_court = SHARE.replace("088101", "088202664320312f3237");
        assert_eq!(hexadecimal::encode(&used_in_court("C 1/27").to_payload()), in_court);
        let end = ApprovalEnd {
            agency: "es-pn".parse().unwrap(),
            officer: "ES-7".parse().unwrap(),
            approval: Digest::from_bytes([2; 32]),
            made_at: Timestamp::from_millis(5),
        };
        let hash = "02".repeat(32);
        let known = format!("a4016565732d706e026445532d37035820{hash}0405");
        assert_eq!(hexadecimal::encode(&end.to_payload()), known);
        assert_eq!(ApprovalEnd::from_payload(&end.to_payload()), Ok(end));
    }

    const SHARE: &str = "ab016565732d706e026445532d37035001010101010101010101010101010101\
         04a201010201056c6d616c696e65732d3230323606676d612d6467736e078105\
         088101097461206368696c64206d617920626520666f756e640a050b09";

    #[test]
    fn an_approval_opens_with_the_key_of_who_signed_and_with_no_other() {
        let (mine, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let (_, envelope) = Signed::seal(approval(), &mine).into_parts();
        let opened = Signed::<Approval>::open(envelope.clone(), &mine.public_key());
        assert_eq!(opened.unwrap().message(), &approval());
        assert!(Signed::<Approval>::open(envelope.clone(), &other.public_key()).is_err());
        let mut longer = envelope;
        longer.payload.push(0);
        assert!(Signed::<Approval>::open(longer, &mine.public_key()).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let read = |approval: Approval| Approval::from_payload(&approval.to_payload());
        assert!(read(approval()).is_ok() && read(used_in_court("C 1/27")).is_ok());
        let long = |max: usize| "c".repeat(max + 1);
        let day = Timestamp::DAY_MS;
        for wrong in [
            Approval { peer: "es-pn".parse().unwrap(), ..approval() },
            Approval { purposes: BTreeSet::new(), ..approval() },
            Approval { reason: " ".into(), ..approval() },
            Approval { reason: "two\nlines".into(), ..approval() },
            Approval { reason: long(APPROVAL_REASON_CHARACTERS_MAX), ..approval() },
            used_in_court(""),
            used_in_court(&long(CASE_REFERENCE_CHARACTERS_MAX)),
            Approval { valid_until: Timestamp::from_millis(5), ..approval() },
            Approval { valid_until: Timestamp::from_millis(400 * day), ..approval() },
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong:?}");
        }
        let mut more = approval().to_payload();
        more[0] += 1;
        more.extend_from_slice(&[12, 1]);
        assert!(Approval::from_payload(&more).is_err(), "a field that nobody knows");
    }
}
