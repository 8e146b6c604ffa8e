//! Reads questions to rules in label words: test files, claims, and the parties of an agreement.
//!
//! ```toml
//! policy = "../be.cedar"                 # whose rules
//! agreement = "../../agreement.toml"     # parties and transfer bases
//! own = "be-fedpol"
//!
//! [ordinary]                             # labels unless a test says otherwise
//! kind = "INVITE_CODE"
//!
//! [[test]]
//! name = "Nothing marked RED leaves by machine"
//! action = "Share"
//! peer = "es-pn"
//! tlp = "RED"
//! expect = "DENY"                        # ALLOW, DENY, NEEDS_APPROVAL
//! rule = "C02-tlp-red-automated"         # a rule that decides
//! ```

use crate::config;
use crate::error::Failure;
use agreement::terms::PartyRole;
use domain::name::AgencyId;
use domain::value::TransferBasis;
use policy::Action;
use policy::label_space::ordinary;
use policy::proof::{AtMost, Claim};
use policy::rulebook::{ACTIONS, Condition, Test};
use policy::situation::{AgencyLabels, Dimension, Situation};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The most questions of one file.
const QUESTIONS_MAX: usize = 1024;
const HEAD: &[&str] = &["policy", "agreement", "own", "ordinary", "test"];
const OWN_KEYS: [&str; 4] = ["name", "action", "expect", "rule"];
const CLAIM_KEYS: &[&str] = &["name", "sentence", "actions", "never", "when"];

/// A question, and what a lawyer expects.
pub(super) struct Question {
    pub(super) name: String,
    pub(super) situation: Situation,
    /// The word of the decision.
    pub(super) expect: Option<String>,
    /// A rule that decides.
    pub(super) rule: Option<String>,
}

/// Questions to one country's rules.
pub(super) struct Questions {
    pub(super) policy: PathBuf,
    pub(super) all: Vec<Question>,
}

/// The parties of an agreement and what lets data go between them.
#[derive(Default)]
pub(super) struct Parties {
    labels: BTreeMap<AgencyId, AgencyLabels>,
    transfers: BTreeMap<(AgencyId, AgencyId), TransferBasis>,
}

/// Reads a file of questions.
pub(super) fn read(file: &Path) -> Result<Questions, Failure> {
    let reader = Reader { file };
    let table = config::read_toml(file)?;
    config::check_keys(file, table.keys().map(String::as_str), HEAD)?;
    let beside = |name: &str| file.parent().unwrap_or(Path::new(".")).join(name);
    let policy = beside(reader.text(&table, "policy")?);
    let parties = match table.get("agreement") {
        None => Parties::default(),
        Some(_) => Parties::read(&beside(reader.text(&table, "agreement")?))?,
    };
    let own = reader.text(&table, "own")?;
    let empty = Table::new();
    let ordinary = match table.get("ordinary") {
        None => &empty,
        Some(Value::Table(labels)) => labels,
        Some(_) => return Err(reader.wrong("`ordinary` is a table of labels".to_owned())),
    };
    let tests = match table.get("test") {
        Some(Value::Array(tests)) if (1..=QUESTIONS_MAX).contains(&tests.len()) => tests,
        _ => return Err(reader.wrong(format!("1 to {QUESTIONS_MAX} parts `[[test]]` are needed"))),
    };
    let question = |test: &Value| match test {
        Value::Table(test) => reader.question(test, ordinary, own, &parties),
        _ => Err(reader.wrong("`test` is a table".to_owned())),
    };
    let all = tests.iter().map(question).collect::<Result<_, _>>()?;
    Ok(Questions { policy, all })
}

/// Reads a file of own claims.
pub(super) fn read_claims(file: &Path) -> Result<Vec<Claim>, Failure> {
    let reader = Reader { file };
    let table = config::read_toml(file)?;
    config::check_keys(file, table.keys().map(String::as_str), &["claim"])?;
    let Some(Value::Array(claims)) = table.get("claim") else {
        return Err(reader.wrong("it has no part `[[claim]]`".to_owned()));
    };
    let claim = |claim: &Value| match claim {
        Value::Table(claim) => reader.claim(claim),
        _ => Err(reader.wrong("`claim` is a table".to_owned())),
    };
    claims.iter().take(QUESTIONS_MAX).map(claim).collect()
}

/// The situation of an action between two agencies, ordinary in everything else.
pub(super) fn between(
    action: Action,
    own: Option<&str>,
    peer: Option<&str>,
    parties: &Parties,
) -> Result<Situation, String> {
    let mut situation = ordinary(action);
    let labels = |name: Option<&str>, otherwise: &AgencyLabels| match name {
        None => Ok(otherwise.clone()),
        Some(name) => parties.labels(name, otherwise),
    };
    situation.own = labels(own, &situation.own)?;
    situation.peer = match action {
        Action::Submit => situation.own.clone(),
        _ => labels(peer, &situation.peer)?,
    };
    if action != Action::Submit && situation.own.agency == situation.peer.agency {
        return Err("`peer` is our own agency".to_owned());
    }
    let (own, peer) = (&situation.own.agency, &situation.peer.agency);
    let (from, to) = if action == Action::Receive { (peer, own) } else { (own, peer) };
    situation.class.origin = from.clone();
    situation.class.audience = match parties.labels.is_empty() {
        true => [own.clone(), peer.clone()].into(),
        false => parties.labels.keys().filter(|agency| *agency != from).cloned().collect(),
    };
    if !parties.labels.is_empty() {
        let basis = parties.transfers.get(&(from.clone(), to.clone()));
        situation.transfer = basis.copied().unwrap_or(TransferBasis::None);
    }
    Ok(situation)
}

impl Parties {
    /// Reads the parties and transfer bases of the terms of an agreement; the rest is not looked at.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let reader = Reader { file };
        let table = config::read_toml(file)?;
        let mut parties = Self::default();
        for party in reader.tables(&table, "party")? {
            let parsed = |key: &'static str| reader.text(party, key);
            let role = parsed("role")?;
            let role = PartyRole::ALL.iter().find(|known| known.as_str() == role);
            let labels = AgencyLabels {
                agency: reader.parse(parsed("agency")?)?,
                country: reader.parse(parsed("country")?)?,
                kind: reader.parse(parsed("kind")?)?,
                role: *role.ok_or_else(|| reader.wrong("an unknown `role`".to_owned()))?,
            };
            parties.labels.insert(labels.agency.clone(), labels);
        }
        for transfer in reader.tables(&table, "transfer")? {
            let basis: TransferBasis = reader.parse(reader.text(transfer, "basis")?)?;
            let sides = |key: &'static str| -> Result<Vec<AgencyId>, Failure> {
                let words = words(transfer.get(key)).unwrap_or_default();
                words.iter().map(|word| reader.parse(word)).collect()
            };
            for from in sides("from")? {
                for to in sides("to")?.into_iter().filter(|to| *to != from) {
                    parties.transfers.insert((from.clone(), to), basis);
                }
            }
        }
        Ok(parties)
    }

    fn labels(&self, name: &str, otherwise: &AgencyLabels) -> Result<AgencyLabels, String> {
        let agency: AgencyId = name.parse().map_err(|error| format!("{error}"))?;
        match self.labels.get(&agency) {
            Some(labels) => Ok(labels.clone()),
            None if self.labels.is_empty() => Ok(AgencyLabels { agency, ..otherwise.clone() }),
            None => Err(format!("`{agency}` is no party of the agreement")),
        }
    }
}

/// A file and what is wrong with it.
struct Reader<'f> {
    file: &'f Path,
}

impl Reader<'_> {
    fn wrong(&self, why: String) -> Failure {
        Failure::FileInvalid { file: self.file.to_owned(), line: 0, why }
    }

    fn text<'t>(&self, table: &'t Table, key: &'static str) -> Result<&'t str, Failure> {
        match table.get(key) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.wrong(format!("`{key}` is a text"))),
            None => Err(Failure::KeyMissing { file: self.file.to_owned(), key }),
        }
    }

    fn tables<'t>(&self, table: &'t Table, key: &str) -> Result<Vec<&'t Table>, Failure> {
        match table.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(all)) => all
                .iter()
                .take(QUESTIONS_MAX)
                .map(|one| one.as_table().ok_or_else(|| self.wrong(format!("`{key}` is a table"))))
                .collect(),
            Some(_) => Err(self.wrong(format!("`{key}` stands in double brackets"))),
        }
    }

    fn parse<T: core::str::FromStr<Err: core::fmt::Display>>(
        &self,
        word: &str,
    ) -> Result<T, Failure> {
        word.parse().map_err(|error: T::Err| self.wrong(error.to_string()))
    }

    fn action(&self, word: &str) -> Result<Action, Failure> {
        let found = ACTIONS.into_iter().find(|action| action.as_str() == word);
        found.ok_or_else(|| {
            let known: Vec<&str> = ACTIONS.iter().map(|action| action.as_str()).collect();
            let cut: String = word.chars().take(64).collect();
            self.wrong(format!("`{cut}` is no action; known: {}", known.join(", ")))
        })
    }

    fn dimension(&self, key: &str) -> Result<Dimension, Failure> {
        key.parse().map_err(|_: String| Failure::KeyUnknown {
            file: self.file.to_owned(),
            what: "label",
            key: key.chars().take(64).collect(),
            nearest: config::nearest(key, Dimension::WORDS),
        })
    }

    fn words(&self, key: &str, value: &Value) -> Result<Vec<String>, Failure> {
        words(Some(value))
            .ok_or_else(|| self.wrong(format!("`{key}` is a word or a list of words")))
    }

    fn question(
        &self,
        test: &Table,
        ordinary: &Table,
        own: &str,
        parties: &Parties,
    ) -> Result<Question, Failure> {
        let name = self.text(test, "name")?.to_owned();
        let in_test = |why: String| self.wrong(format!("test `{name}`: {why}"));
        let action = self.action(self.text(test, "action")?)?;
        let peer = test.get("peer").map(|_| self.text(test, "peer")).transpose()?;
        let mut situation = between(action, Some(own), peer, parties).map_err(in_test)?;
        let said = ordinary.iter().chain(test).filter(|(key, _)| !OWN_KEYS.contains(&key.as_str()));
        for (key, value) in said.filter(|(key, _)| *key != "peer") {
            let dimension = self.dimension(key)?;
            // What is ordinary for records says nothing about questions, and the other way round.
            if !dimension.applies_to(action) && !test.contains_key(key) {
                continue;
            }
            if !dimension.applies_to(action) {
                return Err(in_test(format!("no rule about {action} can look at `{key}`")));
            }
            let words = self.words(key, value)?;
            situation.set(dimension, &words).map_err(|error| in_test(error.to_string()))?;
        }
        // A question is asked for what the record is for, unless the test says otherwise.
        if action == Action::Show && !test.contains_key("purpose") {
            let first = situation.class.purposes.first().copied();
            situation.terms.purpose = first.unwrap_or(situation.terms.purpose);
        }
        let optional = |key: &'static str| -> Result<Option<String>, Failure> {
            let found = test.get(key).map(|_| self.text(test, key)).transpose()?;
            Ok(found.map(str::to_owned))
        };
        let expect = optional("expect")?;
        let known = ["ALLOW", "DENY", "NEEDS_APPROVAL"];
        if expect.as_ref().is_some_and(|word| !known.contains(&word.as_str())) {
            return Err(in_test(format!("`expect` is one of {}", known.join(", "))));
        }
        Ok(Question { situation, expect, rule: optional("rule")?, name: name.clone() })
    }

    fn claim(&self, claim: &Table) -> Result<Claim, Failure> {
        config::check_keys(self.file, claim.keys().map(String::as_str), CLAIM_KEYS)?;
        let name = self.text(claim, "name")?.to_owned();
        let actions = words(claim.get("actions")).unwrap_or_default();
        let actions: Vec<Action> =
            actions.iter().map(|word| self.action(word)).collect::<Result<_, _>>()?;
        let Some(Value::Table(when)) = claim.get("when") else {
            return Err(self.wrong(format!("claim `{name}` says no `when`")));
        };
        if actions.is_empty() || when.is_empty() {
            return Err(self.wrong(format!("claim `{name}` is about nothing")));
        }
        let mut case = Vec::new();
        for (key, value) in when {
            let dimension = self.dimension(key)?;
            let said = self.words(key, value)?;
            let foreign = actions.iter().find(|action| !dimension.applies_to(**action));
            if let Some(action) = foreign {
                let why = format!("claim `{name}`: no rule about {action} can look at `{key}`");
                return Err(self.wrong(why));
            }
            policy::label_space::Only::everything()
                .with(dimension, said.clone())
                .map_err(|error| self.wrong(format!("claim `{name}`: {error}")))?;
            let said: Vec<&str> = said.iter().map(String::as_str).collect();
            case.push(Condition::words(dimension, Test::Any, &said));
        }
        let at_most = match self.text(claim, "never")? {
            "ALLOW" => AtMost::AfterApproval(1),
            "ALLOW_OR_APPROVAL" => AtMost::Deny,
            _ => {
                let why = format!("claim `{name}`: `never` is ALLOW or ALLOW_OR_APPROVAL");
                return Err(self.wrong(why));
            }
        };
        let sentence = self.text(claim, "sentence")?.to_owned();
        Ok(Claim { name, sentence, actions, cases: vec![case], at_most })
    }
}

/// A word, a list of words, or true and false.
fn words(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(word) => Some(vec![word.clone()]),
        Value::Boolean(holds) => Some(vec![holds.to_string()]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Array(all) => {
            all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        }
        _ => None,
    }
}
