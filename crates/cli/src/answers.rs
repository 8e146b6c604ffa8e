//! What a person decides about a record: from a case, a file, flags, a row of a list, or a prompt.

use crate::command::reference;
use crate::config;
use crate::error::Failure;
use crate::given;
use domain::correction::REASON_CHARACTERS_MAX;
use domain::digest::{Commitment, DIGEST_BYTES, Salt};
use domain::encoding;
use domain::indicator::{AccountBody, Body, ContentBody, Family};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet, Labels};
use domain::name::{AgencyId, AgreementId, CaseId, ClusterId, IdempotencyKey, RecordId};
use domain::record::{
    AUDIENCE_MAX, Benefit, GROUND_CHARACTERS_MAX, PRESUMED_ADULT_REVIEW_DAYS_MAX, Record, SCHEMA,
    Statement, Version, names_somebody,
};
use domain::refusal::Refusal;
use domain::submission::{Case, Submission};
use domain::time::Timestamp;
use domain::value::{
    ActionIntent, Age, Basis, ContentClass, Depicts, Handling, Media, Offence, Onward, Pap,
    Purpose, Role, Subject, Tlp,
};
use fingerprint::{Hint, Normalised};
use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;
use wire::convert::withdrawal::RecordReference;

/// The keys of an answers file, and the columns of a list beside kind, value and account.
pub(crate) const KEYS: &[&str] = &[
    "agreement",
    "purposes",
    "offences",
    "tlp",
    "pap",
    "handling",
    "evaluation",
    "basis",
    "subject",
    "age",
    "presumed_adult_reason",
    "depicts",
    "benefit",
    "audience",
    "onward",
    "valid_days",
    "review_days",
    "role",
    "media",
    "class",
    "linked_ad",
    "platform",
    "region",
    "handle_from",
    "handle_until",
    "observed_first",
    "observed_last",
    "action_intent",
    "exercise",
];

/// Tables of an answers file whose keys stand for keys of the same name outside of them, so that
/// the labels file of an import serves as well.
const TABLES: &[&str] = &["account", "content"];
const EVALUATION_KEYS: &[&str] = &["scheme", "source", "information"];

/// A day, in milliseconds.
const DAY_MS: u64 = Timestamp::DAY_MS;
/// How long a record lives if nobody says, in days.
pub(crate) const VALID_DAYS: u32 = 180;
/// When a person must look at it again if nobody says, in days.
pub(crate) const REVIEW_DAYS: u32 = 90;

macro_rules! answers {
    ($( $field:ident: $type:ty, )+) => {
        /// What was said so far; `None` is not said.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub(crate) struct Answers {
            $( pub(crate) $field: Option<$type>, )+
        }

        impl Answers {
            /// These answers, and those of `other` where nothing is said here.
            #[must_use]
            pub(crate) fn or(self, other: &Self) -> Self {
                Self { $( $field: self.$field.or_else(|| other.$field.clone()), )+ }
            }
        }
    };
}

answers! {
    agreement: AgreementId,
    purposes: BTreeSet<Purpose>,
    offences: BTreeSet<Offence>,
    tlp: Tlp,
    pap: Pap,
    handling: HandlingSet,
    evaluation: Evaluation,
    basis: Basis,
    subject: Subject,
    age: Age,
    presumed_adult_reason: String,
    depicts: Depicts,
    benefit: String,
    audience: BTreeSet<AgencyId>,
    onward: Onward,
    valid_days: u32,
    review_days: u32,
    role: Role,
    media: Media,
    class: ContentClass,
    linked_ad: RecordReference,
    hint: Hint,
    handle_from: Timestamp,
    handle_until: Timestamp,
    observed_first: Timestamp,
    observed_last: Timestamp,
    action_intent: ActionIntent,
    exercise: bool,
}

/// What a submission needs beside the answers.
pub(crate) struct Circumstances<'a> {
    /// The own agency.
    pub(crate) agency: &'a AgencyId,
    /// The case.
    pub(crate) case: Option<CaseId>,
    /// The record that the answers link to, as [`Answers::linked_ad`] names it.
    pub(crate) linked_ad: Option<RecordId>,
    /// Joins the identifiers of one account or file.
    pub(crate) cluster: ClusterId,
    /// Makes a repeated submission harmless.
    pub(crate) idempotency_key: IdempotencyKey,
    /// The present instant.
    pub(crate) now: Timestamp,
}

impl Answers {
    /// Reads an answers file.
    ///
    /// # Errors
    /// [`Failure::KeyUnknown`], [`Failure::FileInvalid`], and those of reading.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let table = config::read_toml(file)?;
        let mut answers = Self::default();
        answers.take_table(file, &table)?;
        Ok(answers)
    }

    /// The answers that a case gives.
    pub(crate) fn of_case(case: &Case) -> Self {
        Self {
            agreement: Some(case.agreement.clone()),
            purposes: Some([case.purpose].into()),
            offences: Some([case.offence].into()),
            ..Self::default()
        }
    }

    fn take_table(&mut self, file: &Path, table: &toml::Table) -> Result<(), Failure> {
        let outer = |key: &&String| !TABLES.contains(&key.as_str());
        config::check_keys(file, table.keys().filter(outer).map(String::as_str), KEYS)?;
        for (key, value) in table {
            let wrong = |why: String| Failure::FileInvalid {
                file: file.to_owned(),
                line: 0,
                why: format!("`{key}`: {why}"),
            };
            match value {
                toml::Value::Table(inner) if TABLES.contains(&key.as_str()) => {
                    self.take_table(file, inner)?;
                }
                toml::Value::Table(inner) if key == "evaluation" => {
                    let keys = inner.keys().map(String::as_str);
                    config::check_keys(file, keys, EVALUATION_KEYS)?;
                    let part = |key: &str| inner.get(key).and_then(scalar).unwrap_or_default();
                    let text =
                        format!("{} {}{}", part("scheme"), part("source"), part("information"));
                    self.set(key, &[text]).map_err(wrong)?;
                }
                value => {
                    let texts = texts(value)
                        .ok_or_else(|| wrong("a text or a list of texts".to_owned()))?;
                    self.set(key, &texts).map_err(wrong)?;
                }
            }
        }
        Ok(())
    }

    /// Takes one answer; the texts are the elements of a list, or one text.
    ///
    /// # Errors
    /// Why not, for the person who wrote it.
    pub(crate) fn set(&mut self, key: &str, texts: &[String]) -> Result<(), String> {
        match key {
            "agreement" => self.agreement = Some(one(texts)?),
            "purposes" => self.purposes = Some(set(texts)?),
            "offences" => self.offences = Some(set(texts)?),
            "tlp" => self.tlp = Some(tlp(only(texts)?)?),
            "pap" => self.pap = Some(one(texts)?),
            "handling" => {
                let codes: BTreeSet<Handling> = set(texts)?;
                self.handling = Some(codes.into_iter().collect());
            }
            "evaluation" => self.evaluation = Some(evaluation(only(texts)?)?),
            "basis" => self.basis = Some(one(texts)?),
            "subject" => self.subject = Some(one(texts)?),
            "age" => self.age = Some(one(texts)?),
            "presumed_adult_reason" => {
                let reason = only(texts)?;
                let length = reason.chars().count();
                if !(1..=REASON_CHARACTERS_MAX).contains(&length) {
                    return Err(format!("a reason has 1 to {REASON_CHARACTERS_MAX} characters"));
                }
                self.presumed_adult_reason = Some(reason.to_owned());
            }
            "depicts" => self.depicts = Some(one(texts)?),
            "benefit" => self.benefit = Some(ground(only(texts)?)?),
            "audience" => {
                let agencies: BTreeSet<AgencyId> = set(texts)?;
                if agencies.len() > AUDIENCE_MAX {
                    return Err(format!("an audience is at most {AUDIENCE_MAX} agencies"));
                }
                self.audience = Some(agencies);
            }
            "onward" => self.onward = Some(one(texts)?),
            "valid_days" => self.valid_days = Some(days(only(texts)?)?),
            "review_days" => self.review_days = Some(days(only(texts)?)?),
            "role" => self.role = Some(one(texts)?),
            "media" => self.media = Some(one(texts)?),
            "class" => self.class = Some(one(texts)?),
            "linked_ad" => {
                let read = reference(only(texts)?).map_err(|failure| failure.to_string());
                self.linked_ad = Some(read?);
            }
            "handle_from" => self.handle_from = Some(date(only(texts)?)?),
            "handle_until" => self.handle_until = Some(date(only(texts)?)?.plus_ms(DAY_MS - 1)),
            "platform" => self.set_hint(None, Some(only(texts)?))?,
            "region" => self.set_hint(Some(only(texts)?), None)?,
            "observed_first" => self.observed_first = Some(date(only(texts)?)?),
            "observed_last" => self.observed_last = Some(date(only(texts)?)?),
            "action_intent" => self.action_intent = Some(one(texts)?),
            "exercise" => self.exercise = Some(truth(only(texts)?)?),
            _ => return Err(format!("`{key}` is not a known key")),
        }
        Ok(())
    }

    fn set_hint(&mut self, region: Option<&str>, platform: Option<&str>) -> Result<(), String> {
        let given = given::hint(region, platform).map_err(|failure| failure.to_string())?;
        let hint = self.hint.get_or_insert_default();
        hint.region = given.region.or_else(|| hint.region.take());
        hint.platform = given.platform.or(hint.platform);
        Ok(())
    }

    /// Fills region and platform from another hint where they are not said.
    pub(crate) fn complete_hint(&mut self, other: &Hint) {
        let hint = self.hint.get_or_insert_default();
        hint.region = hint.region.take().or_else(|| other.region.clone());
        hint.platform = hint.platform.or(other.platform);
    }

    /// The first answer that a record of this family needs and nobody gave.
    pub(crate) fn missing(&self, family: Family) -> Option<&'static str> {
        let offences = self.offences.iter().flatten();
        let needs_benefit = offences.into_iter().any(|offence| offence.needs_benefit());
        let presumed = self.age == Some(Age::PresumedAdult);
        let needed = [
            ("agreement", self.agreement.is_none()),
            ("purposes", self.purposes.is_none()),
            ("offences", self.offences.is_none()),
            ("subject", self.subject.is_none()),
            ("age", self.age.is_none() && self.subject != Some(Subject::None)),
            ("presumed_adult_reason", presumed && self.presumed_adult_reason.is_none()),
            ("benefit", needs_benefit && self.benefit.is_none()),
            ("role", family == Family::Account && self.role.is_none()),
            ("media", family == Family::Content && self.media.is_none()),
            ("class", family == Family::Content && self.class.is_none()),
            ("linked_ad", family == Family::Content && self.needs_ad() && self.linked_ad.is_none()),
            ("depicts", family == Family::Content && self.depicts.is_none()),
        ];
        needed.into_iter().find(|(_, missing)| *missing).map(|(key, _)| key)
    }

    /// A picture of somebody who crossed or was hurt belongs to a facilitator's advertisement.
    const fn needs_ad(&self) -> bool {
        matches!(self.class, Some(ContentClass::ProofOfCrossing | ContentClass::AbuseOfPerson))
    }

    /// Everything said, in bytes that are the same whenever the same is said; without what a value is
    /// read with, which is in its digest.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let labels = (&self.tlp, &self.pap, &self.handling, &self.evaluation, &self.basis);
        let about = (&self.agreement, &self.purposes, &self.offences, &self.benefit);
        let person = (&self.subject, &self.age, &self.presumed_adult_reason, &self.depicts);
        let reach = (&self.audience, &self.onward, &self.valid_days, &self.review_days);
        let linked_ad = self.linked_ad.as_ref().map(RecordReference::as_bytes).map(Vec::from);
        let thing = (&self.role, &self.media, &self.class, linked_ad);
        let times =
            (&self.observed_first, &self.observed_last, &self.handle_from, &self.handle_until);
        let rest = (&self.action_intent, &self.exercise);
        encoding::to_bytes(&(labels, about, person, reach, thing, times, rest))
    }

    /// The submission, checked on this machine against every rule that a record depends on by
    /// itself, so that nothing about a protected person is even sent to the own node.
    ///
    /// # Errors
    /// [`Failure::AnswerMissing`], [`Failure::TextNotSubmitted`], [`Failure::Refused`].
    pub(crate) fn submission(
        &self,
        normalised: &Normalised,
        circumstances: &Circumstances<'_>,
    ) -> Result<Submission, Failure> {
        let family = normalised.kind.family();
        if let Some(key) = self.missing(family) {
            return Err(Failure::AnswerMissing { key });
        }
        let missing = |key| Failure::AnswerMissing { key };
        let now = circumstances.now;
        let age = self.age.unwrap_or(Age::NotApplicable);
        let valid_days = self.valid_days.unwrap_or(VALID_DAYS);
        let last = self.observed_last.unwrap_or(now);
        let submission = Submission {
            idempotency_key: circumstances.idempotency_key,
            case: circumstances.case,
            agreement: self.agreement.clone().ok_or(missing("agreement"))?,
            kind: normalised.kind,
            body: self.body(normalised, family, circumstances)?,
            x: normalised.fingerprint(),
            purposes: self.purposes.clone().ok_or(missing("purposes"))?,
            offences: self.offences.clone().ok_or(missing("offences"))?,
            labels: self.labels()?,
            subject: self.subject.ok_or(missing("subject"))?,
            age,
            presumed_adult_reason: self.presumed_adult_reason.clone(),
            depicts: self.depicts.unwrap_or(Depicts::Nobody),
            benefit: self.benefit.clone().map(|ground| Benefit { ground }),
            audience: self.audience.clone().unwrap_or_default(),
            onward: self.onward.unwrap_or(Onward::Never),
            observed_first: self.observed_first.unwrap_or(last),
            observed_last: last,
            valid_until: now.plus_days(valid_days),
            review_at: now.plus_days(self.review_days.unwrap_or(review_days(age, valid_days))),
            normalisation: normalised.version(),
            action_intent: self.action_intent.unwrap_or(ActionIntent::None),
            exercise: self.exercise.unwrap_or(false),
        };
        check(&submission, circumstances.agency, now)?;
        Ok(submission)
    }

    fn body(
        &self,
        normalised: &Normalised,
        family: Family,
        circumstances: &Circumstances<'_>,
    ) -> Result<Body, Failure> {
        let cluster = circumstances.cluster;
        let window = self.handle_from.zip(self.handle_until);
        if window.is_some_and(|(from, until)| from > until) {
            let why = "`handle_from` is after `handle_until`".to_owned();
            return Err(Failure::AnswerInvalid { why });
        }
        match family {
            Family::Account => Ok(Body::Account(AccountBody {
                platform: normalised.platform,
                role: self.role.ok_or(Failure::AnswerMissing { key: "role" })?,
                handle_from: self.handle_from,
                handle_until: self.handle_until,
                cluster,
            })),
            Family::Content => Ok(Body::Content(ContentBody {
                media: self.media.ok_or(Failure::AnswerMissing { key: "media" })?,
                class: self.class.ok_or(Failure::AnswerMissing { key: "class" })?,
                linked_ad: circumstances.linked_ad,
                cluster,
            })),
            Family::Ad => Err(Failure::TextNotSubmitted),
        }
    }

    /// What nobody labelled takes the strictest label; an evaluation nobody made is X4.
    pub(crate) fn labels(&self) -> Result<Labels, Failure> {
        let unjudged = Evaluation::new(EvaluationScheme::Europol4x4, 'X', 4)
            .map_err(|code| Failure::Refused(Refusal::new(code)))?;
        Ok(Labels {
            tlp: self.tlp.unwrap_or(Tlp::Red),
            pap: self.pap.unwrap_or(Pap::Red),
            handling: self.handling.unwrap_or(HandlingSet::EMPTY),
            evaluation: self.evaluation.unwrap_or(unjudged),
            basis: self.basis.unwrap_or(Basis::Assessment),
        })
    }
}

const fn review_days(age: Age, valid_days: u32) -> u32 {
    let most = if matches!(age, Age::PresumedAdult) {
        PRESUMED_ADULT_REVIEW_DAYS_MAX
    } else {
        REVIEW_DAYS
    };
    if valid_days < most { valid_days } else { most }
}

/// Builds the record that the submission would become and throws it away: the rules stand once, in
/// its constructor.
fn check(submission: &Submission, agency: &AgencyId, now: Timestamp) -> Result<(), Failure> {
    let s = submission.clone();
    let statement = Statement {
        schema: SCHEMA,
        record_id: RecordId::from_bytes([0; RecordId::BYTES]),
        version: Version::FIRST,
        previous: None,
        origin: agency.clone(),
        agreement: s.agreement,
        kind: s.kind,
        body: s.body,
        commitment: Commitment::new(&Salt::from_bytes([0; DIGEST_BYTES]), &s.x),
        purposes: s.purposes,
        offences: s.offences,
        labels: s.labels,
        subject: s.subject,
        age: s.age,
        depicts: s.depicts,
        benefit: s.benefit,
        audience: s.audience,
        onward: s.onward,
        observed_first: s.observed_first,
        observed_last: s.observed_last,
        made_at: now,
        valid_until: s.valid_until,
        review_at: s.review_at,
        normalisation: s.normalisation,
        exercise: s.exercise,
        critical: Vec::new(),
        presumed_adult_reasoned: s.presumed_adult_reason.is_some(),
        matching: None,
    };
    Record::new(statement).map(|_| ()).map_err(|code| Failure::Refused(Refusal::new(code)))
}

/// The texts of a value of TOML: a text, a number, a truth value, or a list of them.
fn texts(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::Array(values) => values.iter().map(scalar).collect(),
        value => scalar(value).map(|text| vec![text]),
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Datetime(date) => Some(date.to_string()),
        _ => None,
    }
}

/// How one knows of a benefit. It travels with the record, so it names nobody.
pub(crate) fn ground(text: &str) -> Result<String, String> {
    if names_somebody(text) {
        return Err("these words travel with the record, so they name nobody: no number of five \
                    digits or more, no address, no link, no handle; say what is sold or asked for"
            .to_owned());
    }
    match text.chars().count() {
        1..=GROUND_CHARACTERS_MAX => Ok(text.to_owned()),
        _ => Err(format!("a ground has 1 to {GROUND_CHARACTERS_MAX} characters")),
    }
}

fn only(texts: &[String]) -> Result<&str, String> {
    match texts {
        [text] => Ok(text.trim()),
        _ => Err("one value is needed".to_owned()),
    }
}

fn one<T: FromStr<Err: core::fmt::Display>>(texts: &[String]) -> Result<T, String> {
    only(texts)?.parse().map_err(|error: T::Err| error.to_string())
}

fn set<T: FromStr<Err: core::fmt::Display> + Ord>(texts: &[String]) -> Result<BTreeSet<T>, String> {
    let parse = |text: &String| text.trim().parse().map_err(|error: T::Err| error.to_string());
    texts.iter().map(parse).collect()
}

/// TLP 1.0 called CLEAR white.
fn tlp(text: &str) -> Result<Tlp, String> {
    let text = if text.eq_ignore_ascii_case("white") { "CLEAR" } else { text };
    text.parse().map_err(|error| format!("{error}"))
}

/// `EUROPOL_4X4 B2` or `ADMIRALTY C3`: a letter and a digit mean nothing without their scheme.
fn evaluation(text: &str) -> Result<Evaluation, String> {
    let wrong = || {
        "an evaluation is a scheme and its letter and digit, like EUROPOL_4X4 B2 or ADMIRALTY C3"
            .to_owned()
    };
    let (scheme, rest) = text.split_once([' ', ':']).ok_or_else(wrong)?;
    let scheme: EvaluationScheme = scheme.parse().map_err(|error| format!("{error}"))?;
    let mut signs = rest.trim().chars();
    let (source, information) = (signs.next(), signs.next().and_then(|digit| digit.to_digit(10)));
    match (source, information, signs.next()) {
        (Some(source), Some(information), None) => {
            let information = u8::try_from(information).map_err(|_| wrong())?;
            Evaluation::new(scheme, source.to_ascii_uppercase(), information)
                .map_err(|_| format!("{scheme} has no such letter or digit"))
        }
        _ => Err(wrong()),
    }
}

fn days(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|days| (1..=1830).contains(days))
        .ok_or_else(|| "a number of days, 1 to 1830".to_owned())
}

/// A calendar day, or an instant in RFC 3339 of which the day counts.
pub(crate) fn date(text: &str) -> Result<Timestamp, String> {
    let wrong = || "a day is written YYYY-MM-DD".to_owned();
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<u64> =
        day.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    match parts.as_slice() {
        [year, month, day] => Timestamp::from_date(*year, *month, *day).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::refusal::RefusalCode;
    use fingerprint::{InputKind, normalise};

    const ANSWERS: &str = "agreement = \"malines-2026\"\npurposes = [\"INVESTIGATION\"]\n\
        offences = [\"MIGRANT_SMUGGLING\"]\nsubject = \"suspect facilitator\"\nage = \"ADULT\"\n\
        benefit = \"prices in the advertisement\"\nrole = \"ADVERTISER\"\n";

    fn read(text: &str) -> Result<Answers, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers.toml");
        std::fs::write(&file, text).unwrap();
        Answers::read(&file)
    }

    fn submission(answers: &Answers) -> Result<Submission, Failure> {
        let normalised =
            normalise(InputKind::Phone, "+33 1 99 00 12 34", &Hint::default()).unwrap();
        let agency = "be-fedpol".parse().unwrap();
        let circumstances = Circumstances {
            agency: &agency,
            case: None,
            linked_ad: None,
            cluster: ClusterId::from_bytes([1; 16]),
            idempotency_key: IdempotencyKey::from_bytes([2; 16]),
            now: Timestamp::from_date(2026, 11, 21).unwrap(),
        };
        answers.submission(&normalised, &circumstances)
    }

    fn code(answers: &Answers) -> Option<RefusalCode> {
        match submission(answers) {
            Err(Failure::Refused(refusal)) => Some(refusal.code),
            _ => None,
        }
    }

    #[test]
    fn what_is_not_said_takes_the_strictest_value() {
        let submission = submission(&read(ANSWERS).unwrap()).unwrap();
        assert_eq!((submission.labels.tlp, submission.labels.pap), (Tlp::Red, Pap::Red));
        assert_eq!(submission.labels.evaluation.to_string(), "X4");
        assert!(submission.audience.is_empty());
        assert_eq!(submission.onward, Onward::Never);
        assert_eq!(submission.valid_until, Timestamp::from_date(2027, 5, 20).unwrap());
    }

    #[test]
    fn people_who_need_protection_never_leave_the_machine() {
        for (subject, refused) in [
            ("VICTIM", RefusalCode::ProtectedSubject),
            ("WITNESS", RefusalCode::ProtectedSubject),
            ("UNKNOWN", RefusalCode::ProtectedSubject),
            ("SMUGGLED_MIGRANT", RefusalCode::SmuggledMigrant),
        ] {
            let answers = read(&ANSWERS.replace("suspect facilitator", subject)).unwrap();
            assert_eq!(code(&answers), Some(refused), "{subject}");
        }
        assert_eq!(
            code(&read(&ANSWERS.replace("ADULT", "MINOR")).unwrap()),
            Some(RefusalCode::Minor)
        );
        let presumed = ANSWERS.replace("\"ADULT\"", "\"PRESUMED_ADULT\"");
        assert!(matches!(
            submission(&read(&presumed).unwrap()),
            Err(Failure::AnswerMissing { key: "presumed_adult_reason" })
        ));
        let reasoned =
            format!("{presumed}presumed_adult_reason = \"runs a registered business\"\n");
        assert!(submission(&read(&reasoned).unwrap()).is_ok());
        let late = format!("{reasoned}review_days = 31\n");
        assert_eq!(code(&read(&late).unwrap()), Some(RefusalCode::PresumedAdultUnfounded));
        let mut own = read(ANSWERS).unwrap();
        own.audience = Some(["be-fedpol".parse().unwrap()].into());
        assert_eq!(code(&own), Some(RefusalCode::LabelsImpossible));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for key in ["agreement", "purposes", "offences", "subject", "age", "benefit", "role"] {
            let kept: Vec<&str> = ANSWERS.lines().filter(|line| !line.starts_with(key)).collect();
            let answers = read(&kept.join("\n")).unwrap();
            assert!(
                matches!(submission(&answers), Err(Failure::AnswerMissing { key: k }) if k == key),
                "{key}"
            );
        }
        let unknown = read(&ANSWERS.replace("purposes", "purpose")).unwrap_err();
        assert!(matches!(unknown, Failure::KeyUnknown { nearest: Some("purposes"), .. }));
        for (key, bad) in [
            ("tlp", "\"purple\""),
            ("evaluation", "\"B2\""),
            ("evaluation", "\"EUROPOL_4X4 B9\""),
            ("evaluation", "\"EUROPOL_4X4 B22\""),
            ("valid_days", "0"),
            ("valid_days", "\"soon\""),
            ("observed_last", "\"2026-02-30\""),
            ("exercise", "\"perhaps\""),
            ("region", "\"France\""),
            ("audience", "[\"ES\"]"),
            ("handling", "{ a = 1 }"),
            ("pap", "[\"RED\", \"AMBER\"]"),
        ] {
            let failure = read(&format!("{ANSWERS}{key} = {bad}\n")).unwrap_err();
            assert!(failure.to_string().contains(&format!("`{key}`")), "{failure}");
        }
    }

    #[test]
    fn the_labels_file_of_an_import_serves_as_answers() {
        let answers = read(include_str!("../../../tests/vectors/misp/labels.toml")).unwrap();
        assert_eq!(answers.role, Some(Role::Advertiser));
        assert_eq!(answers.media, Some(Media::Image));
        assert_eq!(answers.evaluation.unwrap().to_string(), "B2");
        assert!(submission(&answers).is_ok());
    }

    #[test]
    fn the_nearer_answer_wins() {
        let row = Answers { tlp: Some(Tlp::Green), ..Answers::default() };
        let file = Answers { tlp: Some(Tlp::Red), pap: Some(Pap::Amber), ..Answers::default() };
        let merged = row.or(&file);
        assert_eq!((merged.tlp, merged.pap), (Some(Tlp::Green), Some(Pap::Amber)));
    }
}
