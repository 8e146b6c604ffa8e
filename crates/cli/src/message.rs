//! The one catalogue of texts that people read, keyed by the stable codes of the program.
//!
//! JSON is never translated: it carries the codes. Texts follow `docs/glossary.md`: a partner's
//! record *matches*, an agency *refuses*, an owner *withdraws*. Another language is another arm of
//! each function here, and nothing else in the program changes.

use domain::question::NoAnswer;
use domain::refusal::RefusalCode;
use domain::value::Handling;
use fingerprint::Refused;
use interop::misp::Reason;

/// The languages of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    /// English.
    #[default]
    English,
}

/// What happened, and what the reader can do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// What happened; lower case, no full stop.
    pub(crate) text: String,
    /// What to do next.
    pub(crate) hint: &'static str,
}

/// The text of a refusal, for the own people of an agency.
pub(crate) fn refusal(language: Language, code: RefusalCode) -> Message {
    let (text, hint) = match language {
        Language::English => refusal_in_english(code),
    };
    Message { text: text.to_owned(), hint }
}

/// The text of a value that the normalisation refuses.
pub(crate) fn normalisation(language: Language, refused: Refused) -> Message {
    match language {
        // The crate that owns the rules words them in English.
        Language::English => Message { text: refused.to_string(), hint: refused.hint() },
    }
}

/// The text of an attribute of a MISP event that is skipped.
pub(crate) fn skipped(language: Language, reason: Reason) -> &'static str {
    match language {
        Language::English => reason.text(),
    }
}

/// What a handling code forbids.
pub(crate) fn handling(language: Language, code: Handling) -> &'static str {
    match language {
        Language::English => match code {
            Handling::H0 => "only to prevent and combat crime",
            Handling::H1 => "no judicial use without permission",
            Handling::H2 => "no passing on without permission",
            Handling::H3 => "a restriction in free text: ask the owner",
        },
    }
}

/// Why a partner did not answer.
pub(crate) fn no_answer(language: Language, reason: NoAnswer) -> Message {
    let (text, hint) = match language {
        Language::English => match reason {
            NoAnswer::Unreachable => {
                ("it could not be reached", "try again later, or ask your operator")
            }
            NoAnswer::TimedOut => {
                ("it did not answer in time", "ask again; the first question may still count")
            }
            NoAnswer::Misbehaved => (
                "what answered was not what it must be",
                "tell your operator at once; the log has the reason",
            ),
            NoAnswer::NoTokenKey => {
                ("its key for this agreement has not arrived yet", "try again after the next sync")
            }
        },
    };
    Message { text: text.to_owned(), hint }
}

/// A sentence that is always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phrase {
    /// Before a question leaves.
    Proceed,
    /// Before submissions leave this machine.
    Send,
    /// Before a record is taken back.
    WithdrawForEver,
    /// Before a new version of a record is made.
    Correct,
    /// Before a legal hold ends.
    LiftHold,
    /// Before disputes are answered.
    AnswerDispute,
    /// Before a disputed record is matched again.
    LiftDispute,
    /// Before an officer signs for rules.
    SignPolicy,
    /// Before somebody signs for one record and one partner.
    SignApproval,
    /// Before a partner is told of a case.
    TellTheCase,
    /// Before an approval is taken back.
    RevokeApproval,
    /// Before rules are put in force.
    PutInForce,
    /// Before all sharing stops.
    FreezeSharing,
    /// What happens first to an own record that is to be erased.
    OwnWithdrawnFirst,
    /// What remains of a record that is erased.
    ErasureLeaves,
    /// By when the bytes are gone.
    ErasedWithin,
    /// Before records are erased.
    EraseForEver,
    /// Under every match.
    LeadNotIdentification,
    /// Asks for a value without showing it.
    ValueNotShown,
    /// Heads the list of what goes to partners.
    Leaves,
    /// Heads the list of what does not.
    Stays,
    /// What never leaves the officer's machine.
    RawStays,
    /// What a "no match" means.
    NoMatchMeans,
    /// What a partner's refusal says about what it holds.
    RefusalSaysNothing,
    /// Before terms are put up for signature.
    ProposeTerms,
    /// Before a version is refused.
    RejectTerms,
    /// Before a party stops.
    SuspendAgreement,
    /// Before a party goes on.
    LiftSuspension,
    /// Before a party leaves.
    LeaveAgreement,
    /// Before others are ordered to erase.
    OrderPurge,
    /// Before a key is certified.
    CertifyOfficer,
    /// Before a certificate ends.
    RevokeOfficer,
    /// Before one officer may act for another.
    GiveMandate,
    /// Before a key is replaced.
    ReplaceAuthorityKey,
    /// Before a partner's new key is accepted.
    AcceptKey,
    /// Under a table in which no direction is open.
    NothingPasses,
    /// Asks for the passphrase of a key file.
    Passphrase,
    /// Asks for a new passphrase.
    NewPassphrase,
    /// Asks for it again.
    PassphraseAgain,
}

/// The sentence in English.
pub(crate) const fn phrase(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::Proceed => "proceed?",
        Phrase::ProposeTerms => "put these terms up for signature?",
        Phrase::RejectTerms => "refuse this version for ever?",
        Phrase::SuspendAgreement => "stop it now?",
        Phrase::LiftSuspension => "end your suspension?",
        Phrase::LeaveAgreement => "leave the agreement for ever?",
        Phrase::OrderPurge => "order them to erase it?",
        Phrase::CertifyOfficer => "certify this key?",
        Phrase::RevokeOfficer => "revoke the certificate?",
        Phrase::GiveMandate => "give this mandate?",
        Phrase::ReplaceAuthorityKey => "replace the authority's key? the old one is silent at once",
        Phrase::AcceptKey => "did its people read you this key by telephone, and do you accept it?",
        Phrase::NothingPasses => "nothing passes under it now",
        Phrase::Passphrase => "passphrase of the key (not shown):",
        Phrase::NewPassphrase => "new passphrase (not shown):",
        Phrase::PassphraseAgain => "the same again:",
        Phrase::Send => "send?",
        Phrase::WithdrawForEver => "withdraw it for ever?",
        Phrase::Correct => "correct it?",
        Phrase::LiftHold => "lift the hold?",
        Phrase::AnswerDispute => "answer all open disputes about it?",
        Phrase::LiftDispute => "match with it again?",
        Phrase::SignPolicy => "sign for this change?",
        Phrase::SignApproval => "sign for this record and this partner?",
        Phrase::TellTheCase => "its originator is told of your case under that name: go on?",
        Phrase::RevokeApproval => "take this approval back?",
        Phrase::PutInForce => "put it in force?",
        Phrase::FreezeSharing => "stop all sharing now?",
        Phrase::OwnWithdrawnFirst => {
            "a record of your own is withdrawn first: partners keep theirs until they are told"
        }
        Phrase::ErasureLeaves => {
            "what remains: its random id, the class of its labels, and the entries of the audit log"
        }
        Phrase::ErasedWithin => "its bytes are gone from the disk of this node within 24 hours",
        Phrase::EraseForEver => "erase for ever?",
        Phrase::LeadNotIdentification => "a match is a lead, not an identification",
        Phrase::ValueNotShown => "value (not shown, not kept):",
        Phrase::Leaves => "LEAVES THIS NODE",
        Phrase::Stays => "STAYS HERE",
        Phrase::RawStays => "the value itself: it never leaves this machine",
        Phrase::NoMatchMeans => "may show you for this purpose",
        Phrase::RefusalSaysNothing => "says nothing about what it holds",
    }
}

fn refusal_in_english(code: RefusalCode) -> (&'static str, &'static str) {
    if code.is_of_the_question() { of_the_question(code) } else { of_the_record(code) }
}

/// Reasons that a partner may be told.
const fn of_the_question(code: RefusalCode) -> (&'static str, &'static str) {
    use RefusalCode as C;
    match code {
        C::AgreementUnknown => {
            ("that agreement is not known there", "check its name with `malines status`")
        }
        C::AgreementNotInForce => (
            "the agreement is not in force",
            "`malines status` says whose signature is missing or when it ended",
        ),
        C::NotAParty => {
            ("not a party of that agreement", "use an agreement that both sides signed")
        }
        C::PurposeNotCovered => (
            "the agreement or a local rule does not cover that purpose",
            "open a case under a clause that covers it; do not choose another purpose to get through",
        ),
        C::OffenceNotCovered => (
            "the agreement or a local rule does not cover that offence",
            "check the offence, or ask your prosecutor which agreement covers it",
        ),
        C::ChannelNotCovered => (
            "not over this channel: it needs an officer or an authority",
            "ask through your authority",
        ),
        C::NoTransferBasis => (
            "no legal basis for a transfer between these two agencies",
            "ask your data-protection officer; until there is one, nothing and no question may pass",
        ),
        C::QuotaSpent => {
            ("the quota of questions is spent", "wait until it is renewed, or ask your operator")
        }
        C::EpochNotLive => {
            ("the key it was made under is no longer in use", "try again after the next sync")
        }
        C::PolicyDenied => {
            ("a local rule says no", "ask whoever answers for policy in that agency")
        }
        C::PolicyFault => (
            "the policy could not be evaluated, so nothing is allowed",
            "tell the operator: this is a fault, not a decision",
        ),
        C::Malformed => {
            ("the message is malformed", "update this program; if it stays, tell your operator")
        }
        C::TooLarge => ("too much at once", "send less at a time"),
        C::NoCase => ("no open case allows it", "`malines case list` says until when each is open"),
        C::OfficerNotEntitled => {
            ("this officer may not do that", "ask your operator which role your certificate has")
        }
        _ => ("the node is busy, recovering or stopping", "try again in a minute"),
    }
}

/// What is wrong with what was submitted: for our own people only.
const fn of_the_record(code: RefusalCode) -> (&'static str, &'static str) {
    use RefusalCode as C;
    match code {
        C::SmuggledMigrant => (
            "a record about a smuggled migrant cannot exist here",
            "record the smuggler's account, not the person's; somebody in danger: the emergency service and your \
             unit for victims; whoever asked you for such a record: report it to your data-protection officer",
        ),
        C::ProtectedSubject => (
            "a victim, a witness or an unknown person forms no such record",
            "if you can tell whose account it is, say so; otherwise leave it out; a victim or a witness at risk goes to \
             your unit for victims, not into an index",
        ),
        C::Minor => (
            "a minor, or somebody whose age nobody knows, forms no such record",
            "protection of a child goes to the competent authority at once, not into an index",
        ),
        C::BenefitMissing => (
            "migrant smuggling needs a financial or material benefit, and how one knows",
            "say how you know of it, for example `prices in the advertisement`; without it there is no smuggling",
        ),
        C::PresumedAdultUnfounded => (
            "a presumed adult needs a written reason and a review within 30 days",
            "give the reason and a review of at most 30 days",
        ),
        C::DepictionProtected => (
            "the persons pictured may not travel in this form",
            "leave the picture out; submit the account and the text",
        ),
        C::LabelsImpossible => (
            "labels that exclude each other, or that are missing",
            "check TLP, handling, subject and age: CLEAR and H2 exclude each other, an object has no age",
        ),
        C::BodyImpossible => (
            "kind, platform and description do not fit together",
            "a handle needs its platform, a file medium and class, a picture of a person the record here \
             of its advertisement's file; a benefit names nobody",
        ),
        C::ProhibitedContent => (
            "sexual material that shows or may show a minor is never indexed here",
            "do not copy or send it; report it to the unit for child protection at once",
        ),
        C::RetentionImpossible => (
            "the end or the review is outside what is allowed",
            "review comes before the end, and the end within what the agreement allows",
        ),
        other => of_its_way(other),
    }
}

/// Why a record does not travel, or cannot be changed: for our own people only.
const fn of_its_way(code: RefusalCode) -> (&'static str, &'static str) {
    use RefusalCode as C;
    match code {
        C::TlpCeiling => {
            ("its TLP marking keeps it here", "only the person who marked it can mark it otherwise")
        }
        C::NotInAudience => {
            ("not in the record's audience", "name the agency in the audience if it should get it")
        }
        C::SealedKind => (
            "an identifier of a person is never copied to partners",
            "nothing to do: partners ask when they need it",
        ),
        C::NeedsApproval => {
            ("a person of the competent authority has to approve", "ask your prosecutor")
        }
        C::Expired => (
            "it has expired",
            "if it was seen again, say when with `--observed-last`: that makes a new record",
        ),
        C::Withdrawn => (
            "its owner withdrew it; that is final",
            "nothing to do; if it was seen again, `--observed-last` makes a new record",
        ),
        C::NotHeld => (
            "no such record is held here",
            "check the reference; `malines hits` shows those that matched",
        ),
        C::SignatureInvalid => ("signed by nobody who may", "tell your operator"),
        C::OriginMismatch => ("it belongs to another agency", "only its owner can do that"),
        C::UnderHold => (
            "it is under a legal hold and is not erased while that lasts",
            "`malines hold list` shows the hold and who ordered it",
        ),
        C::DisputeOpen => (
            "a dispute about it waits for its answer",
            "`malines dispute list` says until when it is due",
        ),
        C::Erased => ("it was erased here", "nothing to do; its entries in the audit log remain"),
        C::VersionConflict => {
            ("an older or repeated version", "nothing to do; if it stays, tell your operator")
        }
        C::CriticalNotUnderstood => ("made by a newer program", "update the node"),
        C::ClassCap => (
            "too many different combinations of labels are in use",
            "use the labels that your records have already; tell your operator",
        ),
        C::NegativeBank => {
            ("a contact of aid, rescue, lawyers, press or family is never indexed", "leave it out")
        }
        C::SpeechOffence => (
            "speech offences are never shared by a machine",
            "ask your prosecutor: both countries need an article for it",
        ),
        C::OnwardDenied => ("its owner does not allow it to be passed on", "ask the owner"),
        C::ExerciseMixed => {
            ("training data and live data never mix", "leave `exercise` out, or use it everywhere")
        }
        C::NormalisationNotLive => (
            "made under rules of normalisation that the agreement no longer uses",
            "update this program and submit again",
        ),
        _ => (
            "a rule of the floor or a local rule says no",
            "the rule is named beside it; ask who answers for policy",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_refusal_has_a_text_of_its_own_and_a_hint() {
        let mut texts = HashSet::new();
        for code in RefusalCode::ALL {
            let message = refusal(Language::English, *code);
            assert!(texts.insert(message.text.clone()), "{code}: {}", message.text);
            assert!(message.hint.len() > 8, "{code}");
            for text in [message.text.as_str(), message.hint] {
                assert!(!text.ends_with('.'), "{code}: {text}");
                let first = text.chars().next().unwrap();
                let is_name = ["TLP"].iter().any(|name| text.starts_with(name));
                assert!(!first.is_uppercase() || is_name, "{code}: {text}");
            }
        }
    }

    #[test]
    fn reasons_and_handling_codes_have_texts() {
        for reason in Reason::ALL {
            assert!(skipped(Language::English, *reason).len() > 8, "{reason}");
        }
        for code in Handling::ALL {
            assert!(handling(Language::English, *code).len() > 8, "{code}");
        }
    }

    #[test]
    fn words_that_the_glossary_avoids_are_not_used() {
        for code in RefusalCode::ALL {
            let message = refusal(Language::English, *code);
            let all = format!("{} {}", message.text, message.hint).to_lowercase();
            for word in ["positive", " hit ", "fingerprint", "suspect's"] {
                assert!(!all.contains(word), "{code}: {word}");
            }
        }
    }
}
