//! The record: one originator's signed statement about one comparable thing, under one agreement.
//!
//! No identifier and no token is in it. The rules that protect people are in the constructor:
//! a [`Record`] about a smuggled migrant, or an account of a victim or a minor, cannot be built,
//! whether it comes from an officer's form or from a partner's bytes.

use crate::digest::Commitment;
use crate::dispute::MatchingStop;
use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::indicator::{AdBody, Body, ContentBody, Kind, NormalisationVersion};
use crate::label::Labels;
use crate::name::{AgencyId, AgreementId, Digest, RecordId};
use crate::refusal::RefusalCode;
use crate::time::Timestamp;
use crate::value::{Age, ContentClass, Depicts, Offence, Onward, Purpose, Subject};
use std::collections::BTreeSet;

/// The largest record payload, in bytes.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;
/// The most agencies in an audience.
pub const AUDIENCE_MAX: usize = 64;
/// The longest stated ground of a benefit, in characters.
pub const GROUND_CHARACTERS_MAX: usize = 200;
/// The longest a record may live from its making without a new version, in days.
pub const VALID_DAYS_MAX: u32 = 5 * 366;
/// The latest review of a record about a presumed adult, in days after its making.
pub const PRESUMED_ADULT_REVIEW_DAYS_MAX: u32 = 30;
/// How far two honest clocks may be apart, in milliseconds.
pub const CLOCK_SKEW_MS: u64 = 120_000;
/// The payload schema this release writes.
pub const SCHEMA: u32 = 1;
/// The field numbers of [`Statement`] that this release understands.
const FIELDS_KNOWN: core::ops::RangeInclusive<u64> = 1..=MATCHING_FIELD;
/// The field number of [`Statement::matching`]: whoever does not understand it refuses the record.
const MATCHING_FIELD: u64 = 28;

/// The version of a record: an epoch that moves after a restore, and a counter inside it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, minicbor::Encode, minicbor::Decode,
)]
#[cbor(map)]
pub struct Version {
    /// The origin's epoch.
    #[n(1)]
    pub epoch: u32,
    /// The counter inside the epoch, from 1.
    #[n(2)]
    pub n: u32,
}

impl Version {
    /// The first version of a record in the first epoch.
    pub const FIRST: Self = Self { epoch: 1, n: 1 };

    /// The next version in the same epoch.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { epoch: self.epoch, n: self.n.saturating_add(1) }
    }
}

impl core::fmt::Display for Version {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}", self.epoch, self.n)
    }
}

/// The financial or material benefit that makes smuggling smuggling (UN Protocol Art. 3(a)). Its
/// `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Benefit {
    /// How one knows, in a few words; at most [`GROUND_CHARACTERS_MAX`] characters. It travels with
    /// the record, so anything that looks like an identifier in it is refused.
    #[n(1)]
    pub ground: String,
}

impl core::fmt::Debug for Benefit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Benefit(..)")
    }
}

/// Everything a record states. Public fields: it becomes a [`Record`] only through the rules.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Statement {
    /// The payload schema.
    #[n(1)]
    pub schema: u32,
    /// The record.
    #[n(2)]
    pub record_id: RecordId,
    /// Its version.
    #[n(3)]
    pub version: Version,
    /// The payload hash of the version before, from the second on.
    #[n(4)]
    pub previous: Option<Digest>,
    /// The agency that states it.
    #[n(5)]
    pub origin: AgencyId,
    /// The one agreement it is stated under.
    #[n(6)]
    pub agreement: AgreementId,
    /// The kind of the comparable thing.
    #[n(7)]
    pub kind: Kind,
    /// What the thing is, without the thing.
    #[n(8)]
    pub body: Body,
    /// Binds the record to its identifier; opened at release.
    #[n(9)]
    pub commitment: Commitment,
    /// What it may be used for; never empty, ascending.
    #[n(10)]
    pub purposes: BTreeSet<Purpose>,
    /// The offences it is about; never empty, ascending.
    #[n(11)]
    pub offences: BTreeSet<Offence>,
    /// The markings.
    #[n(12)]
    pub labels: Labels,
    /// Whose account or act.
    #[n(13)]
    pub subject: Subject,
    /// That person's age.
    #[n(14)]
    pub age: Age,
    /// Who is pictured.
    #[n(15)]
    pub depicts: Depicts,
    /// The benefit.
    #[n(16)]
    pub benefit: Option<Benefit>,
    /// The agencies that may ever get it, by name; empty means nobody.
    #[n(17)]
    pub audience: BTreeSet<AgencyId>,
    /// Whether they may pass it on.
    #[n(18)]
    pub onward: Onward,
    /// First seen.
    #[n(19)]
    pub observed_first: Timestamp,
    /// Last seen.
    #[n(20)]
    pub observed_last: Timestamp,
    /// When this version was made.
    #[n(21)]
    pub made_at: Timestamp,
    /// When it ends by itself.
    #[n(22)]
    pub valid_until: Timestamp,
    /// When a person must look at it again.
    #[n(23)]
    pub review_at: Timestamp,
    /// The normalisation rules behind the commitment.
    #[n(24)]
    pub normalisation: NormalisationVersion,
    /// Training data: kept apart from live data for ever.
    #[n(25)]
    pub exercise: bool,
    /// Field numbers that a reader must understand, or refuse the record.
    #[n(26)]
    pub critical: Vec<u64>,
    /// Is the reason why a presumed adult is one written down at the origin?
    #[n(27)]
    pub presumed_adult_reasoned: bool,
    /// Why nobody matches with this version; see [`Statement::set_matching`].
    #[n(28)]
    pub matching: Option<MatchingStop>,
}

impl Statement {
    /// Says that nobody matches with this version, or that it is matched.
    pub fn set_matching(&mut self, stop: Option<MatchingStop>) {
        self.matching = stop;
        self.critical.retain(|field| *field != MATCHING_FIELD);
        if stop.is_some() {
            self.critical.push(MATCHING_FIELD);
        }
    }
}

/// A statement that passed every rule that depends on itself alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record(Statement);

impl Record {
    /// Checks a statement.
    ///
    /// # Errors
    /// The code of the first rule that says no.
    pub fn new(statement: Statement) -> Result<Self, RefusalCode> {
        check_people(&statement)?;
        check_body(&statement)?;
        check_labels(&statement)?;
        check_dates(&statement)?;
        Ok(Self(statement))
    }

    /// Everything it states.
    pub const fn statement(&self) -> &Statement {
        &self.0
    }

    /// Everything it states, to make a next version of.
    pub fn into_statement(self) -> Statement {
        self.0
    }
}

impl core::ops::Deref for Record {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        &self.0
    }
}

impl Payload for Record {
    const TYPE: &'static str = "application/vnd.malines.record.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(&self.0)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let statement: Statement = encoding::from_bytes("record", bytes, RECORD_BYTES_MAX)?;
        let not_valid = |why: String| Malformed::NotValid { what: "record", why };
        let keys = encoding::outer_keys(bytes)?;
        for critical in &statement.critical {
            if !FIELDS_KNOWN.contains(critical) || !keys.contains(critical) {
                return Err(not_valid(RefusalCode::CriticalNotUnderstood.to_string()));
            }
        }
        Self::new(statement).map_err(|code| not_valid(code.to_string()))
    }
}

/// Reads the refusal code out of a payload that failed a rule, for our own log.
pub fn refusal_of(malformed: &Malformed) -> RefusalCode {
    match malformed {
        Malformed::NotValid { why, .. } => why.parse().unwrap_or(RefusalCode::Malformed),
        Malformed::TooLarge { .. } => RefusalCode::TooLarge,
        Malformed::NotDeterministic { .. } => RefusalCode::Malformed,
    }
}

/// Smuggled migrants never; victims, witnesses, minors and unknown persons only as a content
/// record of abuse, for their protection.
fn check_people(s: &Statement) -> Result<(), RefusalCode> {
    if s.subject == Subject::SmuggledMigrant {
        return Err(RefusalCode::SmuggledMigrant);
    }
    let protected = matches!(s.subject, Subject::Victim | Subject::Witness | Subject::Unknown);
    let minor = matches!(s.age, Age::Minor | Age::Unknown);
    if protected || minor {
        let for_protection = s
            .purposes
            .iter()
            .all(|p| matches!(p, Purpose::VictimProtection | Purpose::ThreatToLife));
        let of_abuse =
            matches!(&s.body, Body::Content(body) if body.class == ContentClass::AbuseOfPerson);
        if !of_abuse || !for_protection {
            let code = if minor { RefusalCode::Minor } else { RefusalCode::ProtectedSubject };
            return Err(code);
        }
    }
    let nobody = s.subject == Subject::None;
    if nobody != (s.age == Age::NotApplicable) || (nobody && is_of_a_person(s.kind)) {
        return Err(RefusalCode::LabelsImpossible);
    }
    if s.age == Age::PresumedAdult {
        let may_be = matches!(s.subject, Subject::SuspectFacilitator | Subject::Convicted);
        let review_max = s.made_at.plus_days(PRESUMED_ADULT_REVIEW_DAYS_MAX);
        if !may_be || !s.presumed_adult_reasoned || s.review_at > review_max {
            return Err(RefusalCode::PresumedAdultUnfounded);
        }
    }
    if s.offences.iter().any(|offence| offence.needs_benefit()) && s.benefit.is_none() {
        return Err(RefusalCode::BenefitMissing);
    }
    match &s.benefit {
        Some(benefit) if benefit.ground.trim().is_empty() => Err(RefusalCode::BenefitMissing),
        Some(benefit) if benefit.ground.chars().count() > GROUND_CHARACTERS_MAX => {
            Err(RefusalCode::TooLarge)
        }
        Some(benefit) if names_somebody(&benefit.ground) => Err(RefusalCode::BodyImpossible),
        _ => Ok(()),
    }
}

/// Does a text hold an address, a link, a handle, or five or more digits with nothing but separators
/// between them? Digits of every script count. Programs ask before they send: the refusal of a record
/// does not say which of its words it is about.
pub fn names_somebody(text: &str) -> bool {
    let mut digits = 0;
    for c in text.chars() {
        if c.is_numeric() {
            digits += 1;
        } else if c.is_alphabetic() {
            digits = 0;
        }
        if digits >= 5 || c == '@' || c.is_control() {
            return true;
        }
    }
    text.contains("://") || text.contains("www.")
}

/// Whose identifier is it? Kinds that name a person's account need a person as their subject.
const fn is_of_a_person(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Phone
            | Kind::Email
            | Kind::Iban
            | Kind::NumericId
            | Kind::Handle
            | Kind::Wallet
            | Kind::UrlWithIdentifier
    )
}

/// Kind, body and what is pictured fit together.
fn check_body(s: &Statement) -> Result<(), RefusalCode> {
    if s.kind.family() != s.body.family() {
        return Err(RefusalCode::BodyImpossible);
    }
    match &s.body {
        Body::Account(body) => {
            let from = body.handle_from.unwrap_or(Timestamp::from_millis(0));
            let ordered = body.handle_until.is_none_or(|until| from <= until);
            let platform_fits = body.platform.is_some() || !s.kind.is_platform_bound();
            if !ordered || !platform_fits {
                return Err(RefusalCode::BodyImpossible);
            }
            if s.depicts != Depicts::Nobody {
                return Err(RefusalCode::DepictionProtected);
            }
        }
        Body::Content(body) => check_content(s, body)?,
        Body::Ad(body) => {
            check_ad(body)?;
            if s.depicts != Depicts::Nobody {
                return Err(RefusalCode::DepictionProtected);
            }
        }
    }
    Ok(())
}

/// Migrants' and victims' own pictures: linked to a facilitator's advertisement, for the
/// investigation of that facilitator or for protection. Minors: for protection. Sexual material
/// with minors: not here at all.
fn check_content(s: &Statement, body: &ContentBody) -> Result<(), RefusalCode> {
    let protects = |p: &Purpose| matches!(p, Purpose::VictimProtection | Purpose::ThreatToLife);
    let minors = matches!(s.depicts, Depicts::Minors | Depicts::Unknown);
    let sexual = |offence: &Offence| {
        matches!(offence, Offence::SexualExploitation | Offence::SexualExtortion)
    };
    if minors && s.offences.iter().any(sexual) {
        return Err(RefusalCode::ProhibitedContent);
    }
    let own_picture =
        matches!(body.class, ContentClass::ProofOfCrossing | ContentClass::AbuseOfPerson);
    if own_picture && body.linked_ad.is_none() {
        return Err(RefusalCode::BodyImpossible);
    }
    let allowed = s.purposes.iter().all(|purpose| match body.class {
        ContentClass::AbuseOfPerson => protects(purpose),
        _ if minors => protects(purpose),
        ContentClass::ProofOfCrossing => {
            matches!(purpose, Purpose::Investigation | Purpose::VictimProtection)
        }
        _ => true,
    });
    if allowed { Ok(()) } else { Err(RefusalCode::DepictionProtected) }
}

/// The typed slots of an advertisement are words and rounded numbers, never free text.
fn check_ad(body: &AdBody) -> Result<(), RefusalCode> {
    let ascending = is_ascending(&body.services)
        && is_ascending(&body.transports)
        && is_ascending(&body.claims)
        && body.linked_content.len() <= 16;
    let language = (2..=16).contains(&body.language.len())
        && body.language.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    let script = body.script.len() == 4 && body.script.bytes().all(|b| b.is_ascii_alphabetic());
    let prices = [body.price_from_eur, body.price_to_eur];
    let rounded = prices.iter().flatten().all(|price| price % 500 == 0);
    let ordered = body.price_from_eur.zip(body.price_to_eur).is_none_or(|(from, to)| from <= to)
        && body.date_from.zip(body.date_to).is_none_or(|(from, to)| from <= to);
    if ascending && language && script && rounded && ordered {
        Ok(())
    } else {
        Err(RefusalCode::BodyImpossible)
    }
}

fn check_labels(s: &Statement) -> Result<(), RefusalCode> {
    s.labels.check()?;
    if s.purposes.is_empty() || s.offences.is_empty() {
        return Err(RefusalCode::LabelsImpossible);
    }
    if s.audience.len() > AUDIENCE_MAX || s.critical.len() > 32 {
        return Err(RefusalCode::TooLarge);
    }
    if s.matching.is_some() && !s.critical.contains(&MATCHING_FIELD) {
        return Err(RefusalCode::LabelsImpossible);
    }
    if s.audience.contains(&s.origin) {
        return Err(RefusalCode::LabelsImpossible);
    }
    if s.schema != SCHEMA || s.normalisation.0 == 0 || s.version.n == 0 {
        return Err(RefusalCode::Malformed);
    }
    if (s.version.n == 1) != s.previous.is_none() {
        return Err(RefusalCode::VersionConflict);
    }
    Ok(())
}

fn check_dates(s: &Statement) -> Result<(), RefusalCode> {
    let ordered = s.observed_first <= s.observed_last
        && s.observed_last <= s.made_at.plus_ms(CLOCK_SKEW_MS)
        && s.made_at < s.valid_until
        && s.made_at <= s.review_at
        && s.review_at <= s.valid_until
        && s.valid_until <= s.made_at.plus_days(VALID_DAYS_MAX);
    if ordered { Ok(()) } else { Err(RefusalCode::RetentionImpossible) }
}

fn is_ascending<T: Ord>(list: &[T]) -> bool {
    list.is_sorted_by(|a, b| a < b)
}

#[cfg(test)]
#[path = "record_tests.rs"]
pub(crate) mod tests;
