//! The labels file: what a person decides about an import because no file of others can know it.

use crate::Fault;
use domain::correction::REASON_CHARACTERS_MAX;
use domain::digest;
use domain::label::{Evaluation, EvaluationScheme, HandlingSet};
use domain::name::{AgencyId, AgreementId, Country};
use domain::record::{
    AUDIENCE_MAX, Benefit, GROUND_CHARACTERS_MAX, PRESUMED_ADULT_REVIEW_DAYS_MAX, VALID_DAYS_MAX,
};
use domain::value::{
    ActionIntent, Age, Basis, ContentClass, Depicts, Handling, Media, Offence, Onward, Pap,
    Purpose, Role, Subject, Tlp,
};
use std::collections::BTreeSet;

/// The longest labels file, in bytes.
pub const LABELS_BYTES_MAX: usize = 64 * 1024;

/// What a person decided, checked. Everything that is not optional has to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelling {
    /// The agreement the records are stated under.
    pub agreement: AgreementId,
    /// What they may be used for.
    pub purposes: BTreeSet<Purpose>,
    /// The offences they are about.
    pub offences: BTreeSet<Offence>,
    /// Who may ever get them; empty means nobody.
    pub audience: BTreeSet<AgencyId>,
    /// Whether they may be passed on; never, if not said.
    pub onward: Onward,
    /// Whose accounts or acts.
    pub subject: Subject,
    /// That person's age.
    pub age: Age,
    /// Why a presumed adult is one.
    pub presumed_adult_reason: Option<String>,
    /// How one knows of a financial or material benefit.
    pub benefit: Option<Benefit>,
    /// The evaluation of what carries none of its own.
    pub evaluation: Evaluation,
    /// Fact or assessment; assessment, if not said.
    pub basis: Basis,
    /// For unmarked data, or to be stricter than the marking. It cannot loosen one.
    pub tlp: Option<Tlp>,
    /// The same for PAP.
    pub pap: Option<Pap>,
    /// The handling codes.
    pub handling: HandlingSet,
    /// How long the records live, in days from the import.
    pub valid_days: u32,
    /// When a person must look at them again, in days from the import.
    pub review_days: u32,
    /// The country that telephone numbers without `+` are dialled in.
    pub region: Option<Country>,
    /// What the holder intends; stays here.
    pub action_intent: ActionIntent,
    /// Training data.
    pub exercise: bool,
    /// For accounts, numbers, wallets, links and invite codes.
    pub account: Option<AccountLabels>,
    /// For files.
    pub content: Option<ContentLabels>,
    /// The hash of the file, so that a changed labels file makes new submissions.
    pub(crate) hash: [u8; digest::DIGEST_BYTES],
}

/// What holds for accounts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct AccountLabels {
    /// What the accounts do for the business.
    pub role: Role,
}

/// What holds for files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct ContentLabels {
    /// The medium.
    pub media: Media,
    /// What the content is.
    pub class: ContentClass,
    /// Who is pictured.
    pub depicts: Depicts,
}

impl Labelling {
    /// Reads a labels file.
    ///
    /// # Errors
    /// [`Fault::LabelUnknown`] names a key nobody knows and the nearest known one,
    /// [`Fault::LabelInvalid`] the line of a value that is none, [`Fault::LabelMissing`] what is
    /// not decided, [`Fault::LabelImpossible`] a rule about people that the file breaks, and
    /// [`Fault::TooLong`] a file over [`LABELS_BYTES_MAX`].
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > LABELS_BYTES_MAX {
            return Err(Fault::TooLong { bytes_max: 64 * 1024 });
        }
        let invalid = |error: toml::de::Error| Fault::LabelInvalid {
            line: error.span().map_or(0, |span| line_of(text, span.start)),
            why: error.message().to_owned(),
        };
        let table: toml::Table = toml::from_str(text).map_err(invalid)?;
        check_keys(&table)?;
        let written: Written = toml::from_str(text).map_err(invalid)?;
        let hash = digest::hash(&[text.as_bytes()]);
        let labelling = written.into_labelling(hash)?;
        labelling.check()?;
        Ok(labelling)
    }

    /// The rules that need no candidate. The rest is checked with each record.
    fn check(&self) -> Result<(), Fault> {
        let impossible = |key, why| Err(Fault::LabelImpossible { key, why });
        if self.purposes.is_empty() {
            return impossible("purposes", "at least one purpose is needed");
        }
        if self.offences.is_empty() {
            return impossible("offences", "at least one offence is needed");
        }
        if self.audience.len() > AUDIENCE_MAX {
            return impossible("audience", "at most 64 agencies");
        }
        if self.subject == Subject::SmuggledMigrant {
            return impossible("subject", "no record about a smuggled migrant can exist");
        }
        let needs_benefit = self.offences.iter().any(|offence| offence.needs_benefit());
        if needs_benefit && self.benefit.is_none() {
            return impossible(
                "benefit",
                "smuggling needs the ground of a financial or material benefit",
            );
        }
        let ground = self.benefit.as_ref().map_or("-", |benefit| benefit.ground.trim());
        if ground.is_empty() || ground.chars().count() > GROUND_CHARACTERS_MAX {
            return impossible("benefit", "one to 200 characters that name nobody");
        }
        if !(1..=VALID_DAYS_MAX).contains(&self.valid_days) {
            return impossible("valid_days", "one day to five years");
        }
        if self.review_days > self.valid_days {
            return impossible("review_days", "the review comes before the end");
        }
        self.check_presumed_adult()
    }

    fn check_presumed_adult(&self) -> Result<(), Fault> {
        let impossible = |key, why| Err(Fault::LabelImpossible { key, why });
        let reason = self.presumed_adult_reason.as_ref().map(|reason| reason.trim());
        let reasoned = reason.is_some_and(|reason| {
            !reason.is_empty() && reason.chars().count() <= REASON_CHARACTERS_MAX
        });
        if self.age != Age::PresumedAdult {
            return match reason {
                None => Ok(()),
                Some(_) => impossible("presumed_adult_reason", "only for age PRESUMED_ADULT"),
            };
        }
        if !reasoned {
            return impossible("presumed_adult_reason", "a presumed adult needs a written reason");
        }
        if self.review_days > PRESUMED_ADULT_REVIEW_DAYS_MAX {
            return impossible("review_days", "a presumed adult is reviewed within 30 days");
        }
        Ok(())
    }
}

/// The file as it is written.
#[derive(serde::Deserialize)]
struct Written {
    agreement: Option<AgreementId>,
    purposes: Option<BTreeSet<Purpose>>,
    offences: Option<BTreeSet<Offence>>,
    audience: Option<BTreeSet<AgencyId>>,
    onward: Option<Onward>,
    subject: Option<Subject>,
    age: Option<Age>,
    presumed_adult_reason: Option<String>,
    benefit: Option<String>,
    evaluation: Option<WrittenEvaluation>,
    basis: Option<Basis>,
    tlp: Option<Tlp>,
    pap: Option<Pap>,
    handling: Option<BTreeSet<Handling>>,
    valid_days: Option<u32>,
    review_days: Option<u32>,
    region: Option<Country>,
    action_intent: Option<ActionIntent>,
    exercise: Option<bool>,
    account: Option<AccountLabels>,
    content: Option<ContentLabels>,
}

#[derive(serde::Deserialize)]
struct WrittenEvaluation {
    scheme: EvaluationScheme,
    source: char,
    information: u8,
}

const KEYS: &[&str] = &[
    "agreement",
    "purposes",
    "offences",
    "audience",
    "onward",
    "subject",
    "age",
    "presumed_adult_reason",
    "benefit",
    "evaluation",
    "basis",
    "tlp",
    "pap",
    "handling",
    "valid_days",
    "review_days",
    "region",
    "action_intent",
    "exercise",
    "account",
    "content",
];

const TABLE_KEYS: &[(&str, &[&str])] = &[
    ("evaluation", &["scheme", "source", "information"]),
    ("account", &["role"]),
    ("content", &["media", "class", "depicts"]),
];

impl Written {
    fn into_labelling(self, hash: [u8; digest::DIGEST_BYTES]) -> Result<Labelling, Fault> {
        let evaluation = decided("evaluation", self.evaluation)?;
        let evaluation =
            Evaluation::new(evaluation.scheme, evaluation.source, evaluation.information).map_err(
                |_| Fault::LabelImpossible {
                    key: "evaluation",
                    why: "the scheme has no such letter or digit",
                },
            )?;
        Ok(Labelling {
            agreement: decided("agreement", self.agreement)?,
            purposes: decided("purposes", self.purposes)?,
            offences: decided("offences", self.offences)?,
            audience: decided("audience", self.audience)?,
            onward: self.onward.unwrap_or(Onward::Never),
            subject: decided("subject", self.subject)?,
            age: decided("age", self.age)?,
            presumed_adult_reason: self.presumed_adult_reason,
            benefit: self.benefit.map(|ground| Benefit { ground }),
            evaluation,
            basis: self.basis.unwrap_or(Basis::Assessment),
            tlp: self.tlp,
            pap: self.pap,
            handling: self.handling.unwrap_or_default().into_iter().collect(),
            valid_days: decided("valid_days", self.valid_days)?,
            review_days: decided("review_days", self.review_days)?,
            region: self.region,
            action_intent: self.action_intent.unwrap_or(ActionIntent::None),
            exercise: self.exercise.unwrap_or(false),
            account: self.account,
            content: self.content,
            hash,
        })
    }
}

fn decided<T>(key: &'static str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or(Fault::LabelMissing { key })
}

fn check_keys(table: &toml::Table) -> Result<(), Fault> {
    for (key, value) in table {
        check_key(key, "", KEYS)?;
        let inner = TABLE_KEYS.iter().find(|(name, _)| name == key);
        if let (Some((name, known)), Some(table)) = (inner, value.as_table()) {
            table.keys().try_for_each(|key| check_key(key, name, known))?;
        }
    }
    Ok(())
}

fn check_key(key: &str, table: &str, known: &'static [&'static str]) -> Result<(), Fault> {
    if known.contains(&key) {
        return Ok(());
    }
    let shown: String = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
    let shown: String = shown.chars().take(64).collect();
    let cut: String = key.chars().take(64).collect();
    let distance = |known: &str| strsim::damerau_levenshtein(known, &cut);
    let nearest = known.iter().copied().min_by_key(|known| distance(known));
    let nearest = nearest.filter(|nearest| distance(nearest) <= nearest.len().div_ceil(3));
    Err(Fault::LabelUnknown { key: shown, nearest })
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: &str = include_str!("../../../tests/vectors/misp/labels.toml");

    fn with(line: &str) -> Result<Labelling, Fault> {
        let key = line.split(['=', ' ']).next().unwrap();
        let kept = LABELS.lines().filter(|l| l.split(['=', ' ']).next() != Some(key));
        let (top, tables): (Vec<_>, Vec<_>) = {
            let lines: Vec<&str> = kept.collect();
            let at = lines.iter().position(|l| l.starts_with('[')).unwrap();
            (lines[..at].to_vec(), lines[at..].to_vec())
        };
        Labelling::parse(&format!("{}\n{line}\n{}", top.join("\n"), tables.join("\n")))
    }

    #[test]
    fn the_sample_is_read_and_what_is_not_said_is_the_strict_choice() {
        let labelling = Labelling::parse(LABELS).unwrap();
        assert_eq!(labelling.agreement.as_str(), "malines-2026");
        assert_eq!(labelling.onward, Onward::Never);
        assert_eq!(labelling.basis, Basis::Assessment);
        assert_eq!(labelling.evaluation.to_string(), "B2");
        assert!(labelling.handling.contains(Handling::H1));
        assert_eq!(labelling.account.unwrap().role, Role::Advertiser);
    }

    #[test]
    fn a_key_nobody_knows_is_refused_with_the_nearest() {
        let error = with("purpose = [\"INVESTIGATION\"]").unwrap_err();
        assert_eq!(
            error,
            Fault::LabelUnknown { key: "purpose".to_owned(), nearest: Some("purposes") }
        );
        assert!(error.to_string().ends_with("did you mean `purposes`?"));
        let error = Labelling::parse(&LABELS.replace("role =", "rol =")).unwrap_err();
        assert_eq!(
            error,
            Fault::LabelUnknown { key: "account.rol".to_owned(), nearest: Some("role") }
        );
        let error = with("zzzzzzzzzzzz = 1").unwrap_err();
        assert!(matches!(error, Fault::LabelUnknown { nearest: None, .. }));
    }

    #[test]
    fn a_value_that_is_none_is_refused_with_its_line() {
        let error = with("subject = \"SUSPECT\"").unwrap_err();
        let Fault::LabelInvalid { line, why } = &error else { panic!("{error}") };
        assert!(*line > 1 && why.contains("`SUSPECT`") && why.contains("SUSPECT_FACILITATOR"));
        for line in ["purposes = [\"ASYLUM\"]", "valid_days = -1", "tlp = 3", "region = \"fr\""] {
            assert!(matches!(with(line), Err(Fault::LabelInvalid { .. })), "{line}");
        }
        assert!(matches!(
            Labelling::parse("agreement = "),
            Err(Fault::LabelInvalid { line: 1, .. })
        ));
    }

    #[test]
    fn what_is_not_decided_is_named() {
        for key in [
            "agreement",
            "purposes",
            "offences",
            "audience",
            "subject",
            "age",
            "valid_days",
            "review_days",
            "evaluation",
        ] {
            let kept: Vec<&str> =
                LABELS.lines().filter(|line| line.split(['=', ' ']).next() != Some(key)).collect();
            assert_eq!(
                Labelling::parse(&kept.join("\n")),
                Err(Fault::LabelMissing { key }),
                "{key}"
            );
        }
    }

    #[test]
    fn the_rules_that_protect_people_hold() {
        for (line, key) in [
            ("subject = \"SMUGGLED_MIGRANT\"", "subject"),
            ("benefit = \"  \"", "benefit"),
            ("purposes = []", "purposes"),
            ("offences = []", "offences"),
            ("age = \"PRESUMED_ADULT\"", "presumed_adult_reason"),
            ("presumed_adult_reason = \"none\"", "presumed_adult_reason"),
            ("valid_days = 0", "valid_days"),
            ("valid_days = 2000", "valid_days"),
            ("review_days = 200", "review_days"),
            (
                "evaluation = { scheme = \"EUROPOL_4X4\", source = \"D\", information = 1 }",
                "evaluation",
            ),
        ] {
            let error = with(line).unwrap_err();
            assert!(
                matches!(error, Fault::LabelImpossible { key: k, .. } if k == key),
                "{line}: {error}"
            );
        }
        let without: Vec<&str> = LABELS.lines().filter(|l| !l.starts_with("benefit")).collect();
        let error = Labelling::parse(&without.join("\n")).unwrap_err();
        assert!(matches!(error, Fault::LabelImpossible { key: "benefit", .. }));
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let huge = "#".repeat(LABELS_BYTES_MAX + 1);
        assert!(matches!(Labelling::parse(&huge), Err(Fault::TooLong { .. })));
    }
}
