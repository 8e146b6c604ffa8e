//! Refusals: the closed list of reasons to say no, each with a stable code and a side.
//!
//! A partner is told a reason only when it was computed from its question alone, before anything
//! was looked up. Everything that depends on a record is answered like "no match".

use crate::closed::closed;

closed! {
    /// Why something was refused. Codes are stable: protobuf, command line, audit log and documents
    /// use the same ones.
    RefusalCode, "refusal code" {
        /// The agreement is not known here.
        AgreementUnknown = 1 "AGREEMENT_UNKNOWN",
        /// Not signed by every party, not yet valid, expired, suspended or withdrawn.
        AgreementNotInForce = 2 "AGREEMENT_NOT_IN_FORCE",
        /// Not a party of that agreement.
        NotAParty = 3 "NOT_A_PARTY",
        /// The agreement or the local policy does not cover that purpose.
        PurposeNotCovered = 4 "PURPOSE_NOT_COVERED",
        /// The agreement or the local policy does not cover that offence.
        OffenceNotCovered = 5 "OFFENCE_NOT_COVERED",
        /// Not over this channel: a machine where an officer is needed.
        ChannelNotCovered = 6 "CHANNEL_NOT_COVERED",
        /// The directed pair has no transfer basis.
        NoTransferBasis = 7 "NO_TRANSFER_BASIS",
        /// The quota of this asker is spent.
        QuotaSpent = 8 "QUOTA_SPENT",
        /// The key epoch of the question is not live.
        EpochNotLive = 9 "EPOCH_NOT_LIVE",
        /// A local rule says no to this kind of question.
        PolicyDenied = 10 "POLICY_DENIED",
        /// The policy could not be evaluated: nothing is allowed.
        PolicyFault = 11 "POLICY_FAULT",
        /// The message is malformed.
        Malformed = 12 "MALFORMED",
        /// The message, the list or the file is too large.
        TooLarge = 13 "TOO_LARGE",
        /// No open case allows it.
        NoCase = 14 "NO_CASE",
        /// The officer may not do that.
        OfficerNotEntitled = 15 "OFFICER_NOT_ENTITLED",
        /// The node is busy, recovering or stopping.
        Unavailable = 16 "UNAVAILABLE",

        /// A record about a smuggled migrant: cannot exist here.
        SmuggledMigrant = 32 "SMUGGLED_MIGRANT",
        /// A victim, a witness or an unknown person can form no account or advertisement record.
        ProtectedSubject = 33 "PROTECTED_SUBJECT",
        /// A minor, or somebody whose age nobody knows.
        Minor = 34 "MINOR",
        /// Migrant smuggling without a stated financial or material benefit.
        BenefitMissing = 35 "BENEFIT_MISSING",
        /// A presumed adult without the reason or the review within 30 days that it needs.
        PresumedAdultUnfounded = 36 "PRESUMED_ADULT_UNFOUNDED",
        /// The pictured persons may not travel in this form.
        DepictionProtected = 37 "DEPICTION_PROTECTED",
        /// Labels that exclude each other, or that a record must have and has not.
        LabelsImpossible = 38 "LABELS_IMPOSSIBLE",
        /// Kind, body and labels do not fit together.
        BodyImpossible = 39 "BODY_IMPOSSIBLE",
        /// No expiry, or an expiry or review outside what is allowed.
        RetentionImpossible = 40 "RETENTION_IMPOSSIBLE",
        /// The TLP marking does not let it travel like that.
        TlpCeiling = 41 "TLP_CEILING",
        /// Not in the record's audience.
        NotInAudience = 42 "NOT_IN_AUDIENCE",
        /// A tier-2 kind: never replicated.
        SealedKind = 43 "SEALED_KIND",
        /// A human of the competent authority has to approve.
        NeedsApproval = 44 "NEEDS_APPROVAL",
        /// Expired.
        Expired = 45 "EXPIRED",
        /// Withdrawn by its origin: terminal.
        Withdrawn = 46 "WITHDRAWN",
        /// Not held here.
        NotHeld = 47 "NOT_HELD",
        /// Signed by nobody who may.
        SignatureInvalid = 48 "SIGNATURE_INVALID",
        /// The stated origin is not the party it came from.
        OriginMismatch = 49 "ORIGIN_MISMATCH",
        /// An older or repeated version, or one whose history does not fit.
        VersionConflict = 50 "VERSION_CONFLICT",
        /// A field that must be understood is not.
        CriticalNotUnderstood = 51 "CRITICAL_NOT_UNDERSTOOD",
        /// The originator has too many live classes.
        ClassCap = 52 "CLASS_CAP",
        /// A humanitarian, rescue, legal-aid, press or family contact.
        NegativeBank = 53 "NEGATIVE_BANK",
        /// Another offence, purpose or label rule of the floor or the local policy.
        RuleDenied = 54 "RULE_DENIED",
        /// A speech offence without a national article on both sides, or by a machine.
        SpeechOffence = 55 "SPEECH_OFFENCE",
        /// The onward rule or the originator's consent does not allow it.
        OnwardDenied = 56 "ONWARD_DENIED",
        /// Training data and live data never mix.
        ExerciseMixed = 57 "EXERCISE_MIXED",
        /// Made under a normalisation version that the agreement does not have live.
        NormalisationNotLive = 58 "NORMALISATION_NOT_LIVE",
        /// Sexual material that shows or may show minors: never indexed here, for the competent channel.
        ProhibitedContent = 59 "PROHIBITED_CONTENT",
        /// Under a legal hold: not erased while it lasts.
        UnderHold = 60 "UNDER_HOLD",
        /// Erased here.
        Erased = 61 "ERASED",
        /// A dispute about it waits for its answer.
        DisputeOpen = 62 "DISPUTE_OPEN",
    }
}

impl RefusalCode {
    /// May a partner be told? Only when the question alone decides.
    pub const fn is_of_the_question(self) -> bool {
        (self as u8) < 32
    }
}

/// The longest rule name, in bytes.
pub const RULE_BYTES_MAX: usize = 96;

/// A no, with the rule that said it. For our own people; see [`Refusal::for_peer`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}", self.rule.as_deref().map(|rule| format!(" (rule {rule})")).unwrap_or_default())]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// The rule that decided: a code invariant, a floor rule or a local rule.
    pub rule: Option<String>,
}

impl Refusal {
    /// A refusal by a code invariant.
    pub const fn new(code: RefusalCode) -> Self {
        Self { code, rule: None }
    }

    /// A refusal by a named rule; the name is cut to [`RULE_BYTES_MAX`] characters.
    pub fn by_rule(code: RefusalCode, rule: &str) -> Self {
        Self { code, rule: Some(rule.chars().take(RULE_BYTES_MAX).collect()) }
    }

    /// What a partner may be told: the code if its question alone decided, else nothing.
    pub const fn for_peer(&self) -> Option<RefusalCode> {
        if self.code.is_of_the_question() { Some(self.code) } else { None }
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_learns_only_what_its_question_decides() {
        assert_eq!(
            Refusal::by_rule(RefusalCode::PurposeNotCovered, "R01").for_peer(),
            Some(RefusalCode::PurposeNotCovered)
        );
        for code in RefusalCode::ALL.iter().filter(|code| code.number() >= 32) {
            assert_eq!(Refusal::new(*code).for_peer(), None, "{code}");
        }
    }

    #[test]
    fn a_rule_name_is_cut() {
        let refusal = Refusal::by_rule(RefusalCode::PolicyDenied, &"r".repeat(10_000));
        assert_eq!(refusal.rule.unwrap().len(), RULE_BYTES_MAX);
    }
}
