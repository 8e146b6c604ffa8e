//! What an officer hands in, and what comes back.

use crate::digest::Fingerprint;
use crate::indicator::{Body, Kind, NormalisationVersion};
use crate::label::Labels;
use crate::name::{AgencyId, AgreementId, CaseId, Clause, IdempotencyKey, RecordId};
use crate::record::{Benefit, Version};
use crate::refusal::RefusalCode;
use crate::time::Timestamp;
use crate::value::{ActionIntent, Age, Depicts, Offence, Onward, Purpose, Subject};
use std::collections::BTreeSet;

/// The longest case reference, in characters.
pub const CASE_REFERENCE_CHARACTERS_MAX: usize = 64;

/// The shortest case reference, in characters.
pub const CASE_REFERENCE_CHARACTERS_MIN: usize = 3;

/// Can a text be the reference of a national proceeding? Countries write them differently
/// (`26-118-00431`, `BR20.77.1234/26`, `DP-2026-0098`), so only this holds for all: letters and digits
/// of any script, spaces and `./-_`, at least one digit. No sign in it can reverse or hide another.
pub fn is_case_reference(text: &str) -> bool {
    let length = CASE_REFERENCE_CHARACTERS_MIN..=CASE_REFERENCE_CHARACTERS_MAX;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '/' | '-' | '_');
    length.contains(&text.chars().count())
        && text.chars().all(allowed)
        && text.chars().any(char::is_numeric)
        && text.trim().len() == text.len()
}

/// A case fixes agreement, clause, purpose, offence and reference once; commands then name the case.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Case {
    /// The case.
    #[n(1)]
    pub case_id: CaseId,
    /// The number people use: `C-12`.
    #[n(2)]
    pub number: u32,
    /// The agreement.
    #[n(3)]
    pub agreement: AgreementId,
    /// The clause relied on.
    #[n(4)]
    pub clause: Clause,
    /// The purpose.
    #[n(5)]
    pub purpose: Purpose,
    /// The offence.
    #[n(6)]
    pub offence: Offence,
    /// The reference of the national proceeding; never leaves the node.
    #[n(7)]
    pub reference: String,
    /// When it was opened.
    #[n(8)]
    pub opened_at: Timestamp,
    /// Until when it is open.
    #[n(9)]
    pub open_until: Timestamp,
}

impl core::fmt::Debug for Case {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Case(C-{}, {}, {})", self.number, self.agreement, self.purpose)
    }
}

/// One thing an officer submits: the identifier is already a fingerprint. Its `Debug` shows no reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Submission {
    /// Makes a repeated submission harmless.
    pub idempotency_key: IdempotencyKey,
    /// The case it belongs to, if any.
    pub case: Option<CaseId>,
    /// The agreement.
    pub agreement: AgreementId,
    /// The kind.
    pub kind: Kind,
    /// What the thing is.
    pub body: Body,
    /// The fingerprint; sealed at once.
    pub x: Fingerprint,
    /// The purposes.
    pub purposes: BTreeSet<Purpose>,
    /// The offences.
    pub offences: BTreeSet<Offence>,
    /// The markings.
    pub labels: Labels,
    /// Whose account or act.
    pub subject: Subject,
    /// That person's age.
    pub age: Age,
    /// Why a presumed adult is one; stays here.
    pub presumed_adult_reason: Option<String>,
    /// Who is pictured.
    pub depicts: Depicts,
    /// The benefit.
    pub benefit: Option<Benefit>,
    /// Who may ever get it; empty means nobody.
    pub audience: BTreeSet<AgencyId>,
    /// The onward rule.
    pub onward: Onward,
    /// First seen.
    pub observed_first: Timestamp,
    /// Last seen.
    pub observed_last: Timestamp,
    /// When it ends by itself.
    pub valid_until: Timestamp,
    /// When a person must look at it again.
    pub review_at: Timestamp,
    /// The normalisation rules behind the fingerprint.
    pub normalisation: NormalisationVersion,
    /// What the holder intends; stays here.
    pub action_intent: ActionIntent,
    /// Training data.
    pub exercise: bool,
}

impl core::fmt::Debug for Submission {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Submission({}, {}, ..)", self.kind, self.agreement)
    }
}

/// Where a record would go, or went: one row per party of the agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// The partner.
    pub peer: AgencyId,
    /// What happens to the record there.
    pub fate: Fate,
    /// The rule that decided, for our own people.
    pub rule: Option<String>,
}

/// What happens to a record at one partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is replicated there by the nodes.
    Leaves,
    /// It stays; a question about it is answered.
    AnsweredWhenAsked,
    /// It stays until a human approves.
    NeedsApproval,
    /// It stays.
    Stays(RefusalCode),
}

/// What an officer gets back for a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionReceipt {
    /// The record.
    pub record_id: RecordId,
    /// Its version.
    pub version: Version,
    /// Whether it was there already (the same idempotency key).
    pub repeated: Repeated,
    /// The sequence number of the audit entry.
    pub audit_sequence: u64,
    /// Where it goes.
    pub outlook: Vec<Outlook>,
    /// Matches with records of partners held here.
    pub hits: Vec<crate::report::Hit>,
}

/// Was this done before under the same idempotency key?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    /// Done now.
    No,
    /// Done before; this is the first answer again.
    Yes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_one_of_a_proceeding_and_hides_nothing() {
        for good in ["26-118-00431", "BR20.77.1234/26", "DP 2026_98", "2026/1408", "ملف 12/2026"]
        {
            assert!(is_case_reference(good), "{good}");
        }
        let long = "7".repeat(CASE_REFERENCE_CHARACTERS_MAX + 1);
        let bad = [
            "",
            "12",
            "no digit",
            " 123",
            "26\u{202e}118",
            "26\n118",
            "26\u{200b}1",
            "a@1.example",
            &long,
        ];
        for bad in bad {
            assert!(!is_case_reference(bad), "{bad:?}");
        }
    }
}
