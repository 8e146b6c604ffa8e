//! What each refusal says and what to do next, for the own people of an agency.

use domain::refusal::RefusalCode;

/// The text and the hint of a refusal in English.
pub(super) fn in_english(code: RefusalCode) -> (&'static str, &'static str) {
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
