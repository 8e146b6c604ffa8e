//! The words of an agreement in English.

use super::Words;
use crate::phase::WhyNot;
use crate::terms::{DerogationGround, EvidenceRule, PartyRole, PurgeException, UseBasis};
use domain::value::{AgencyKind, Channel, Offence, Onward, Purpose, Subject, TransferBasis};

pub(super) const WORDS: Words = Words {
    agreement: "Agreement",
    version: "version",
    hash: "Hash of this agreement (BLAKE3)",
    schema: "Schema of the annex",
    supersedes: "Supersedes",
    instrument: "Technical annex to",
    signed_on: "Signed on",
    document_hash: "SHA-256 of the document",
    held_at: "Original held at",
    languages: "Authentic languages",
    legal_basis: "Legal basis",
    valid_from: "In force from (UTC, included)",
    valid_to: "In force until (UTC, not included)",
    parties: "The parties",
    root_key: "root key of the agency",
    authority_key: "signing key of the authority",
    contact_points: "contact points",
    operates_in: "States of operation",
    approver: "Approving authority",
    quorum: "persons required",
    purposes: "purposes",
    offences: "offences",
    scope: "Purpose and scope",
    purpose_text: "Purpose",
    facts_scope: "Facts covered",
    purpose_covered: "Purpose covered",
    offence_covered: "Offence covered",
    dual_criminality: "An offence can be relied on between two parties only where the law of both \
                       makes it one:",
    absent: "ABSENT: no offence under the law of this state",
    clauses: "Clauses",
    binds: "binds",
    transfers: "Transfers and their legal ground",
    channels: "Channels allowed",
    tlp_ceiling: "Strictest marking that may move (TLP)",
    onward: "onward disclosure",
    floor: "Hash of the common policy floor",
    normalisation: "Normalisation versions in use",
    from: "from",
    to: "to",
    safeguards: "hash of the document with the safeguards",
    adequacy_decision: "adequacy decision",
    adopted_on: "adopted on",
    ends_on: "ends on",
    no_end: "no end stated",
    notice: "notice to the supervisory authority",
    derogation: "ground of the derogation",
    pair_channels: "only through these channels",
    no_other_pair: "No direction other than these carries anything, and no question either.",
    presets: "Ready-made labels",
    handling: "handling codes",
    days: "days",
    keeping: "Use, retention, deadlines and the end of sharing",
    use_basis: "Permitted use of what was received",
    evidence_rule: "Use as evidence",
    retention: "Longest retention, in days",
    review: "Review at least every so many days",
    normal_hours: "Deadline for an ordinary request, in hours",
    urgent_hours: "Deadline for an urgent request, in hours",
    threat_to_life_hours: "Deadline where a life is at risk, in hours",
    notice_days: "Notice to be given by a party that leaves, in days",
    purge_days: "Erasure after the end, within days",
    exception: "May be kept after the end",
    shares_by_release: "A match is not a release: material behind a technical indicator is released \
                        only by decision of the competent authority.",
    you_sign: "You sign the agreement with this hash",
    colon: ": ",
    nothing: "none",
    of_party_role: |value| match value {
        PartyRole::Leader => "coordinating party",
        PartyRole::Party => "party",
        PartyRole::Participant => "participant",
    },
    of_agency_kind: |value| match value {
        AgencyKind::Police => "police service",
        AgencyKind::Prosecution => "prosecution service",
        AgencyKind::Judicial => "court",
        AgencyKind::Border => "border service",
        AgencyKind::Fiu => "financial intelligence unit",
        AgencyKind::ReportingPlatform => "citizens' reporting platform",
        AgencyKind::LabourInspection => "labour inspectorate",
        AgencyKind::Oversight => "oversight body",
        AgencyKind::EuAgency => "agency of the European Union",
    },
    of_purpose: |value| match value {
        Purpose::Prevention => "prevention of criminal offences",
        Purpose::Detection => "detection of criminal offences",
        Purpose::Investigation => "investigation",
        Purpose::Prosecution => "prosecution",
        Purpose::VictimProtection => "protection of victims",
        Purpose::ThreatToLife => "threat to life",
        Purpose::PlatformReferral => "referral of content to a platform",
    },
    of_offence: |value| match value {
        Offence::MigrantSmuggling => "migrant smuggling",
        Offence::MigrantSmugglingAggravated => "aggravated migrant smuggling",
        Offence::TraffickingInPersons => "trafficking in persons",
        Offence::TraffickingInMinors => "trafficking in minors",
        Offence::DocumentFraud => "document fraud",
        Offence::JobOrTravelFraud => "job or travel fraud",
        Offence::CallToMassCrossing => "public call to a mass crossing",
        Offence::MoneyLaundering => "money laundering",
        Offence::OrganisedCrime => "participation in a criminal organisation",
        Offence::Terrorism => "terrorism",
        Offence::TerrorismApology => "public provocation or apology of terrorism",
        Offence::OnlineFraud => "online fraud",
        Offence::SexualExtortion => "sexual extortion",
        Offence::SexualExploitation => "sexual exploitation",
        Offence::ThreatsOfViolence => "threats of violence",
        Offence::IllicitGoods => "illicit goods",
    },
    of_channel: |value| match value {
        Channel::Automated => "automated exchange",
        Channel::Analyst => "analyst",
        Channel::Authority => "judicial authority",
    },
    of_onward: |value| match value {
        Onward::Never => "never",
        Onward::WithinParties => "among the parties only",
        Onward::WithOriginatorConsent => "with the originator's signed consent",
    },
    of_transfer_basis: |value| match value {
        TransferBasis::IntraLed => "between authorities bound by Directive (EU) 2016/680",
        TransferBasis::Led36Adequacy => "adequacy decision, Directive (EU) 2016/680 Art. 36",
        TransferBasis::Led371aInstrument => {
            "legally binding instrument with safeguards, Directive (EU) 2016/680 Art. 37(1)(a)"
        }
        TransferBasis::Led371bAssessment => {
            "assessment of all circumstances, Directive (EU) 2016/680 Art. 37(1)(b)"
        }
        TransferBasis::Led38Derogation => {
            "derogation: by an authority, one record at a time, with a written reason, never \
             automated, Directive (EU) 2016/680 Art. 38"
        }
        TransferBasis::Convention108 => "from a party not bound by that directive, Convention 108+",
        TransferBasis::None => "no legal ground: carries nothing",
    },
    of_derogation: |value| match value {
        DerogationGround::VitalInterests => "vital interests of a person, Art. 38(1)(a)",
        DerogationGround::LegitimateInterests => {
            "legitimate interests of the data subject, Art. 38(1)(b)"
        }
        DerogationGround::ImmediateSeriousThreat => {
            "immediate and serious threat to public security, Art. 38(1)(c)"
        }
        DerogationGround::IndividualCase => "individual case, Art. 38(1)(d)",
        DerogationGround::LegalClaim => "legal claim in an individual case, Art. 38(1)(e)",
    },
    of_use: |value| match value {
        UseBasis::PurposeOfAgreement => "the purpose of the agreement",
        UseBasis::OtherOffenceWithConsent => "another offence, with the originator's consent",
        UseBasis::ImmediateSeriousThreat => "an immediate and serious threat to public security",
        UseBasis::AsAgreed => "as agreed in the instrument",
    },
    of_evidence: |value| match value {
        EvidenceRule::OriginatorPermits => {
            "only when the originator's authority permits it, naming the case"
        }
        EvidenceRule::FormalRequestOnly => {
            "only what came by mutual legal assistance or an investigation order"
        }
    },
    of_subject: |value| match value {
        Subject::None => "object, no person",
        Subject::SuspectFacilitator => "person suspected of facilitating for gain",
        Subject::Convicted => "convicted person",
        Subject::ContactOrAssociate => "contact or associate",
        Subject::Witness => "witness",
        Subject::Victim => "victim",
        Subject::Unknown => "person of unknown standing",
        Subject::SmuggledMigrant => "smuggled migrant (always refused)",
    },
    of_exception: |value| match value {
        PurgeException::Nothing => "nothing",
        PurgeException::EvidenceInProceedings => {
            "evidence in pending proceedings, kept apart, with a review date"
        }
    },
    why_not: |value| match value {
        WhyNot::NotSigned => "not signed by every party",
        WhyNot::Rejected => "rejected by a party, or not signed in time",
        WhyNot::NotYetValid => "not in force yet",
        WhyNot::Expired => "no longer in force",
        WhyNot::TooFewParties => "fewer than two parties are left",
        WhyNot::NotAParty => "one side is not a party",
        WhyNot::Withdrawn => "one side has left the agreement",
        WhyNot::SuspendedAll => "one side has suspended all exchange",
        WhyNot::SuspendedPair => "one side has suspended this direction",
        WhyNot::Contradiction => "one side signed two contradictory declarations",
        WhyNot::Gap => "a declaration of one side is missing here",
        WhyNot::StaleHead => "one side has not been heard of for seven days",
        WhyNot::KeyPending => "one side's new key is not yet accepted by every party",
        WhyNot::ForeignKey => "the agreement names a key that the agency's root key did not sign",
        WhyNot::ConflictingVersions => "two conflicting versions are both signed",
        WhyNot::UnknownVersion => "a newer version was signed that is not known here",
        WhyNot::NoTransferBasis => "no legal ground for this direction",
        WhyNot::TransferBasisEnded => "the adequacy decision for this direction has ended",
        WhyNot::NoCommonOffence => "no offence is one under the law of both sides",
    },
};
