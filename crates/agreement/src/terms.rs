//! What can be agreed: parties, purposes, offences, ceilings, directed pairs, terms and deadlines.
//!
//! Every type here is plain data with a fixed encoding; [`crate::Agreement`] checks that it fits
//! together. Optional parts that are absent bind nobody and permit nothing.

use crate::listed::listed;
use domain::indicator::NormalisationVersion;
use domain::label::HandlingSet;
use domain::name::{AgencyId, AgreementId, Clause, Country, Digest};
use domain::signature::PublicKey;
use domain::time::Timestamp;
use domain::value::{
    AgencyKind, Channel, Offence, Onward, Pap, Purpose, Subject, Tlp, TransferBasis,
};
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;

/// The most parties of one agreement.
pub const PARTIES_MAX: usize = 64;
/// The most directed pairs: every party to every other.
pub const PAIRS_MAX: usize = PARTIES_MAX * (PARTIES_MAX - 1);
/// The most entries of the offence map: every offence in every party's country.
pub const NATIONAL_OFFENCES_MAX: usize = 1024;
/// The most entries of every other list.
pub const LIST_MAX: usize = 64;
/// The longest sentence or title, in bytes.
pub const TEXT_BYTES_MAX: usize = 2048;
/// The longest word, place or language tag, in bytes.
pub const WORD_BYTES_MAX: usize = 128;
/// The longest that an agreement may last, in days.
pub const VALID_DAYS_MAX: u32 = 20 * 366;

/// Everything that the parties sign. Public fields: it becomes an [`crate::Agreement`] only
/// through the check.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Terms {
    /// The schema of these terms; [`crate::SCHEMA`] is the only one known.
    #[n(1)]
    pub schema: u32,
    /// The name of the agreement, the same for all its versions.
    #[n(2)]
    pub agreement_id: AgreementId,
    /// The version of the terms, from 1.
    #[n(3)]
    pub version: u32,
    /// The hash of the version before, from the second on.
    #[n(4)]
    pub supersedes: Option<Digest>,
    /// The legal act that this is the technical annex of.
    #[n(5)]
    pub instrument: Instrument,
    /// The legal bases relied on, for people; at least one.
    #[n(6)]
    pub legal_basis: Vec<String>,
    /// The parties, two to [`PARTIES_MAX`], ascending by agency.
    #[n(7)]
    pub parties: Vec<Party>,
    /// The purpose in words.
    #[n(8)]
    pub purpose_text: String,
    /// The purposes that may be claimed.
    #[n(9)]
    pub purposes: BTreeSet<Purpose>,
    /// The offences covered.
    #[n(10)]
    pub offences: BTreeSet<Offence>,
    /// What each offence is in each country, ascending by offence and country.
    #[n(11)]
    pub offence_map: Vec<NationalOffence>,
    /// Which facts are covered, in words.
    #[n(12)]
    pub facts_scope: String,
    /// From when it holds (inclusive).
    #[n(13)]
    pub valid_from: Timestamp,
    /// Until when it holds (exclusive).
    #[n(14)]
    pub valid_to: Timestamp,
    /// The countries where the parties operate under it.
    #[n(15)]
    pub operates_in: BTreeSet<Country>,
    /// Who may move data under it: machines, analysts, authorities.
    #[n(16)]
    pub channels: BTreeSet<Channel>,
    /// The strictest marking that may move under it.
    #[n(17)]
    pub tlp_ceiling: Tlp,
    /// The widest onward rule a record may carry.
    #[n(18)]
    pub onward: Onward,
    /// The directed pairs that may carry anything, ascending by from and to.
    #[n(19)]
    pub pairs: Vec<Pair>,
    /// How long a receiver may keep what it got.
    #[n(20)]
    pub retention: Retention,
    /// Ready-made labels, so that an officer answers few questions.
    #[n(21)]
    pub label_presets: Vec<LabelPreset>,
    /// For what received data may be used; empty permits nothing.
    #[n(22)]
    pub use_basis: BTreeSet<UseBasis>,
    /// How soon a request must be answered.
    #[n(23)]
    pub deadlines: Deadlines,
    /// What must happen before something is used in court.
    #[n(24)]
    pub evidence_rule: EvidenceRule,
    /// Who approves what a machine may not move, ascending by party, role and quorum.
    #[n(25)]
    pub approvers: Vec<Approver>,
    /// The versions of the normalisation rules that records and questions may be made under.
    #[n(26)]
    pub normalisation_live: BTreeSet<NormalisationVersion>,
    /// The hash of the common policy floor that every party evaluates.
    #[n(27)]
    pub floor_hash: Digest,
    /// What happens when a party leaves.
    #[n(28)]
    pub withdrawal: Withdrawal,
    /// The clauses that a case can rely on, ascending by clause.
    #[n(29)]
    pub clauses: Vec<ClauseTerms>,
}

/// The legal act itself: paper or an electronically signed document.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Instrument {
    /// Its title.
    #[n(1)]
    pub title: String,
    /// The day it was signed.
    #[n(2)]
    pub signed_on: Timestamp,
    /// SHA-256 of the document.
    #[n(3)]
    pub sha256: Digest,
    /// Where the original is held.
    #[n(4)]
    pub held_at: String,
    /// The languages of the authentic texts, as BCP 47; at least one.
    #[n(5)]
    pub languages: Vec<String>,
}

listed! {
    /// The part a party plays.
    PartyRole, "party role" {
        /// Coordinates.
        Leader = 1 "LEADER",
        /// A party with equal rights.
        Party = 2 "PARTY",
        /// Takes part without leading, for example an agency of the European Union.
        Participant = 3 "PARTICIPANT",
    }
}

/// One party: an agency, its country and the two keys that speak for it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Party {
    /// The agency.
    #[n(1)]
    pub agency: AgencyId,
    /// Its country.
    #[n(2)]
    pub country: Country,
    /// What kind of service it is.
    #[n(3)]
    pub kind: AgencyKind,
    /// Signs the manifests of its node; kept offline.
    #[n(4)]
    pub root_key: PublicKey,
    /// Signs agreements and their events; never held by a node.
    #[n(5)]
    pub authority_key: PublicKey,
    /// Its part.
    #[n(6)]
    pub role: PartyRole,
    /// Where its people are reached: functions, never names; at most [`LIST_MAX`].
    #[n(7)]
    pub contact_points: Vec<String>,
}

/// The states bound by Directive (EU) 2016/680 (LED): the member states of the Union, and Iceland,
/// Liechtenstein, Norway and Switzerland, which apply it as part of the Schengen acquis.
pub const BOUND_BY_THE_LED: [&str; 31] = [
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Party {
    /// Is it bound by the LED, or an agency of the Union, to which no third-country rule applies?
    pub fn is_bound_by_the_led(&self) -> bool {
        self.kind == AgencyKind::EuAgency || BOUND_BY_THE_LED.contains(&self.country.as_str())
    }
}

/// What an offence is in one country, for dual criminality.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NationalOffence {
    /// The offence.
    #[n(1)]
    pub offence: Offence,
    /// The country.
    #[n(2)]
    pub country: Country,
    /// The national article; absent if the act is no offence there.
    #[n(3)]
    pub article: Option<String>,
}

/// What lets data, and a question, go from one party to another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Pair {
    /// The party it leaves.
    #[n(1)]
    pub from: AgencyId,
    /// The party it reaches.
    #[n(2)]
    pub to: AgencyId,
    /// The legal ground.
    #[n(3)]
    pub transfer_basis: TransferBasis,
    /// The hash of the document with the safeguards, where the ground needs one.
    #[n(4)]
    pub safeguards: Option<Digest>,
    /// What the ground rests on, where it needs more than its name.
    #[n(5)]
    pub condition: Option<TransferCondition>,
    /// The channels of this direction, fewer than those of the agreement; absent means all of them.
    #[n(6)]
    pub channels: Option<BTreeSet<Channel>>,
}

/// What a transfer basis rests on (LED Art. 36 to 38).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum TransferCondition {
    /// The adequacy decision that LED_36_ADEQUACY relies on.
    #[n(1)]
    AdequacyDecision {
        /// Its title and number.
        #[n(0)]
        reference: String,
        /// The day it was adopted.
        #[n(1)]
        adopted_on: Timestamp,
        /// The day it ends, if it says so: from then on nothing passes.
        #[n(2)]
        ends_on: Option<Timestamp>,
    },
    /// The notice to the supervisory authority that LED_37_1B_ASSESSMENT needs.
    #[n(2)]
    Notice {
        /// The supervisory authority.
        #[n(0)]
        authority: String,
        /// The reference of the notice.
        #[n(1)]
        reference: String,
        /// The day it was given.
        #[n(2)]
        given_on: Timestamp,
    },
    /// The ground of LED_38_DEROGATION; each single transfer has its own written reason besides.
    #[n(3)]
    Derogation {
        /// Which ground of the article.
        #[n(0)]
        ground: DerogationGround,
        /// Why, in words.
        #[n(1)]
        reason: String,
    },
}

listed! {
    /// The grounds of LED Art. 38(1)(a) to (e).
    DerogationGround, "derogation ground" {
        /// The vital interests of a person.
        VitalInterests = 1 "VITAL_INTERESTS",
        /// The legitimate interests of the data subject, where the law says so.
        LegitimateInterests = 2 "LEGITIMATE_INTERESTS",
        /// An immediate and serious threat to public security.
        ImmediateSeriousThreat = 3 "IMMEDIATE_SERIOUS_THREAT",
        /// An individual case.
        IndividualCase = 4 "INDIVIDUAL_CASE",
        /// A legal claim in an individual case.
        LegalClaim = 5 "LEGAL_CLAIM",
    }
}

/// How long a receiver may keep a record, in days.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Retention {
    /// The longest for any record.
    #[n(1)]
    pub days_max: u32,
    /// Shorter terms for some subjects, ascending by subject.
    #[n(2)]
    pub per_subject: Vec<SubjectRetention>,
    /// The longest until a person looks at a record again.
    #[n(3)]
    pub review_days: u32,
}

/// The longest for records about one kind of subject.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SubjectRetention {
    /// Whose account or act.
    #[n(1)]
    pub subject: Subject,
    /// The longest, in days.
    #[n(2)]
    pub days: u32,
}

/// Labels under one word.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LabelPreset {
    /// The word people choose.
    #[n(1)]
    pub name: String,
    /// How far.
    #[n(2)]
    pub tlp: Tlp,
    /// What may be done.
    #[n(3)]
    pub pap: Pap,
    /// Under which restrictions.
    #[n(4)]
    pub handling: HandlingSet,
    /// The onward rule.
    #[n(5)]
    pub onward: Onward,
    /// How long it lives, in days.
    #[n(6)]
    pub valid_days: u32,
}

listed! {
    /// For what received data may be used.
    UseBasis, "use basis" {
        /// The purpose of the agreement.
        PurposeOfAgreement = 1 "PURPOSE_OF_AGREEMENT",
        /// Another offence, with the originator's consent.
        OtherOffenceWithConsent = 2 "OTHER_OFFENCE_WITH_CONSENT",
        /// An immediate and serious threat to public security.
        ImmediateSeriousThreat = 3 "IMMEDIATE_SERIOUS_THREAT",
        /// As agreed in the instrument.
        AsAgreed = 4 "AS_AGREED",
    }
}

/// How soon a request must be answered, in hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Deadlines {
    /// Ordinary.
    #[n(1)]
    pub normal_hours: u32,
    /// Urgent.
    #[n(2)]
    pub urgent_hours: u32,
    /// A life is at risk.
    #[n(3)]
    pub threat_to_life_hours: u32,
}

impl Deadlines {
    /// Seven days, 48 hours, eight hours.
    pub const DEFAULT: Self =
        Self { normal_hours: 7 * 24, urgent_hours: 48, threat_to_life_hours: 8 };
}

listed! {
    /// What must happen before something received is used in court.
    EvidenceRule, "evidence rule" {
        /// The originator's authority permits it, naming the case.
        OriginatorPermits = 1 "ORIGINATOR_PERMITS",
        /// Only what came by a formal request (mutual legal assistance or an investigation order).
        FormalRequestOnly = 2 "FORMAL_REQUEST_ONLY",
    }
}

/// Who of a party approves, for which purposes, and how many persons it takes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Approver {
    /// The party.
    #[n(1)]
    pub party: AgencyId,
    /// The kind of authority that approves for it.
    #[n(2)]
    pub role: AgencyKind,
    /// For these purposes.
    #[n(3)]
    pub purposes: BTreeSet<Purpose>,
    /// How many distinct persons, from 1.
    #[n(4)]
    pub quorum: u32,
}

/// What happens when a party leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Withdrawal {
    /// Notice, in days.
    #[n(1)]
    pub notice_days: u32,
    /// Until when everything received is erased, in days.
    #[n(2)]
    pub purge_days: u32,
    /// What may be kept.
    #[n(3)]
    pub exception: PurgeException,
}

listed! {
    /// What may be kept after the end.
    PurgeException, "purge exception" {
        /// Nothing.
        Nothing = 1 "NOTHING",
        /// What is evidence in a pending proceeding, apart and with a review date.
        EvidenceInProceedings = 2 "EVIDENCE_IN_PROCEEDINGS",
    }
}

/// What one clause covers, and whom it binds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClauseTerms {
    /// The clause.
    #[n(1)]
    pub clause: Clause,
    /// What it says, in a sentence.
    #[n(2)]
    pub text: String,
    /// The parties it binds; never empty.
    #[n(3)]
    pub binds: BTreeSet<AgencyId>,
    /// The purposes that can rely on it.
    #[n(4)]
    pub purposes: BTreeSet<Purpose>,
    /// The offences that can rely on it.
    #[n(5)]
    pub offences: BTreeSet<Offence>,
}
