//! `malines policy diff`: what a change of rules would open, close and put before a human: between
//! files, or between the rules in force at the own node and a file.

use super::super::Context;
use super::check::{Finding, finding, findings_json};
use super::source::{self, Source};
use super::{decision, headline, labels_json, only, unusual};
use crate::arguments::Scope;
use crate::config;
use crate::console::{Style, plain};
use crate::error::{Failure, Outcome};
use crate::message::sentence;
use crate::output::{Format, Table, print_json};
use agreement::terms::PartyRole;
use cedar_engine::{Engine, WeighingError, weigh};
use domain::class::CLASSES_MAX;
use domain::value::TransferBasis;
use policy::Action;
use policy::difference::{Census, Change, Difference, PARTNERS_MAX, Partner, PartnerChange, Way};
use policy::label_space::{Only, ordinary};
use policy::proposal::Which;
use policy::rulebook::short;
use policy::situation::{AgencyLabels, Dimension};
use serde_json::{Map, Value, json};
use std::path::Path;

/// One country's rules before and after.
pub(super) struct Compared {
    name: String,
    /// Over all combinations of labels.
    pub(super) difference: Difference,
    partners: Option<Vec<PartnerChange>>,
    /// New rules that can never decide.
    pub(super) idle: Vec<Finding>,
    /// Does a node refuse the change for them?
    pub(super) is_held_up: bool,
    /// What a proposal is bound to; none for a look at a part, which proves nothing about the rest.
    pub(super) hash: Option<domain::name::Digest>,
}

pub(super) fn run(
    context: &mut Context<'_>,
    old: &Path,
    new: Option<&Path>,
    counts: Option<&Path>,
    scope: &Scope,
) -> Result<Outcome, Failure> {
    let only = only(&scope.only)?;
    let mut all = Vec::new();
    match new {
        Some(new) => {
            let census = counts.map(read_census).transpose()?.map(|census| vec![census]);
            for (name, before, after) in pairs(source::read(old)?, source::read(new)?) {
                let (from, to) = (before.engine()?, after.engine()?);
                all.push(compare((name, &after.path), &from, &to, census.as_deref(), &only)?);
            }
        }
        None => all.push(with_node(context, old, &only)?),
    }
    show(context, &all);
    Ok(Outcome::Done)
}

/// Prints what was compared.
pub(super) fn show(context: &mut Context<'_>, all: &[Compared]) {
    match context.format {
        Format::Json => {
            let files: Vec<Value> = all.iter().map(json_of).collect();
            print_json(context.console, &json!({ "files": files }));
        }
        Format::Text => all.iter().for_each(|one| print(context, one)),
    }
}

/// New rules against those in force at the own node, with what is held there.
fn with_node(context: &Context<'_>, new: &Path, only: &Only) -> Result<Compared, Failure> {
    let session = context.session()?;
    let active = session.policy(Which::Active)?;
    let censuses = session.censuses(&active.agreements)?;
    let country = censuses.first().map_or("", |census| census.own.country.as_str());
    let after = source::read_for(new, country)?.on_floor_of(&active);
    let (from, to) = (Source::of_node(&active).engine()?, after.engine()?);
    compare((after.name.clone(), &after.path), &from, &to, Some(&censuses), only)
}

/// Files of the same name are compared; two single files always are. A file that is on one side
/// only permits nothing on the other.
fn pairs(mut old: Vec<Source>, new: Vec<Source>) -> Vec<(String, Source, Source)> {
    let single = old.len() == 1 && new.len() == 1;
    let mut pairs = Vec::new();
    for after in new {
        let known = old.iter().position(|before| single || before.name == after.name);
        let before = match known {
            Some(place) => old.remove(place),
            None => after.without_local(),
        };
        pairs.push((after.name.clone(), before, after));
    }
    for before in old {
        let after = before.without_local();
        pairs.push((before.name.clone(), before, after));
    }
    pairs
}

/// Compares two policies, and counts what changes in what is held.
pub(super) fn compare(
    (name, path): (String, &Path),
    old: &Engine,
    new: &Engine,
    censuses: Option<&[Census]>,
    only: &Only,
) -> Result<Compared, Failure> {
    let weighed = weigh(old, new, only, censuses.unwrap_or_default());
    let weighed = weighed.map_err(|error| match error {
        WeighingError::Rules(error) => source::refused(path, &error),
        WeighingError::Space(error) => Failure::LabelSpace(error),
    })?;
    let partners = censuses.map(|_| weighed.counts.concat());
    let is_held_up = weighed.is_held_up();
    let idle = weighed.idle.into_iter().map(|idle| finding(new, idle)).collect();
    let hash = (*only == Only::everything()).then_some(weighed.hash);
    Ok(Compared { name, difference: weighed.difference, partners, idle, is_held_up, hash })
}

fn print(context: &mut Context<'_>, one: &Compared) {
    let signatures = match one.difference.change {
        _ if one.hash.is_none() => "in this part; it says nothing about the rest",
        Change::Same => "no decision changes",
        Change::Narrowing => "1 signature",
        Change::Widening => "2 signatures, different officers",
    };
    let title = context.console.styled_data(Style::Strong, one.difference.change.as_str());
    let sensitive = if one.partners.is_some() { "   sensitive first" } else { "" };
    context.console.data(&format!("{title} ({signatures})   {}{sensitive}\n", plain(&one.name)));
    if let Some(rows) = &one.partners {
        print_partners(context, rows);
    }
    let Difference { points, opened, closed, .. } = one.difference;
    let line = format!("{opened} of {points} combinations of labels open, {closed} close");
    let hash = one.hash.map(|hash| format!("   diff {}", short(&hash)));
    context.console.data(&format!("{line}{}\n", hash.unwrap_or_default()));
    for Finding { rule, text, .. } in &one.idle {
        let line = plain(&sentence::never_decides(rule, text));
        let line = context.console.styled_data(Style::Alarm, &line);
        context.console.data(&format!("{line}\n"));
    }
    // The most sensitive one of each direction.
    for change in [Change::Widening, Change::Narrowing] {
        let examples = &one.difference.examples;
        let Some(example) = examples.iter().find(|example| example.change == change) else {
            continue;
        };
        let verb = if example.change == Change::Widening { "opens" } else { "closes" };
        let text = format!(
            "  {verb}: {} where {}\n    before {}\n    after  {}\n",
            headline(&example.situation),
            unusual(&example.situation),
            decision(&example.before),
            decision(&example.after)
        );
        context.console.data(&text);
    }
}

fn print_partners(context: &mut Context<'_>, rows: &[PartnerChange]) {
    let mut table = Table::new(&[
        "PARTNER",
        "WAY",
        "+ WOULD LEAVE",
        "- WOULD STOP",
        "NEEDS APPROVAL",
        "BECAUSE",
    ]);
    for row in rows {
        let way = match row.way {
            Way::Machine => "shared by machine",
            Way::Hand => "shared by hand",
            Way::Match => "shown as a match",
        };
        let because: Vec<String> = row
            .because
            .iter()
            .take(3)
            .map(|(rule, records)| match rule.as_str() {
                "" => format!("{records}: no rule"),
                rule => format!("{records}: {rule}"),
            })
            .collect();
        table.row([
            row.partner.agency.as_str(),
            way,
            &format!("+ {}", row.would_leave),
            &format!("- {}", row.would_stop),
            &row.needs_approval.to_string(),
            &because.join("; "),
        ]);
    }
    table.print(context.console);
    // A record that changes for two partners is one record: the largest row is the honest figure.
    let most = |of: fn(&PartnerChange) -> u64| rows.iter().map(of).max().unwrap_or(0);
    let text = format!(
        "minors: {}    victims: {}    TLP RED: {}\n",
        most(|row| row.minors),
        most(|row| row.victims),
        most(|row| row.red)
    );
    context.console.data(&text);
}

fn json_of(one: &Compared) -> Value {
    let partners = one.partners.as_ref().map(|rows| {
        rows.iter()
            .map(|row| {
                let because: Vec<Value> = row
                    .because
                    .iter()
                    .map(|(rule, records)| json!({ "rule": rule, "records": records }))
                    .collect();
                json!({
                    "partner": row.partner.agency.as_str(),
                    "way": row.way.as_str(),
                    "would_leave": row.would_leave,
                    "would_stop": row.would_stop,
                    "needs_approval": row.needs_approval,
                    "minors": row.minors,
                    "victims": row.victims,
                    "red": row.red,
                    "because": because,
                })
            })
            .collect::<Vec<Value>>()
    });
    let examples: Vec<Value> = one
        .difference
        .examples
        .iter()
        .map(|example| {
            json!({
                "change": example.change.as_str(),
                "labels": labels_json(&example.situation),
                "before": decision(&example.before),
                "after": decision(&example.after),
            })
        })
        .collect();
    json!({
        "file": one.name,
        "change": one.difference.change.as_str(),
        "combinations": one.difference.points,
        "opened": one.difference.opened,
        "closed": one.difference.closed,
        "never_decide": findings_json(&one.idle),
        "difference_hash": one.hash.map(|hash| hash.to_string()),
        "partners": partners,
        "examples": examples,
    })
}

/// The labels of a class in a file of counts: all of them, because one that is missing would be
/// guessed.
const CLASS: [Dimension; 17] = [
    Dimension::Agreement,
    Dimension::Kind,
    Dimension::Purposes,
    Dimension::Offences,
    Dimension::Tlp,
    Dimension::Pap,
    Dimension::Handling,
    Dimension::Scheme,
    Dimension::Band,
    Dimension::Basis,
    Dimension::Subject,
    Dimension::Age,
    Dimension::Depicts,
    Dimension::Audience,
    Dimension::Onward,
    Dimension::Origin,
    Dimension::Exercise,
];

/// Reads a file of counts: `{"own": {...}, "partners": [{..., "transfer"}], "classes": [{..., "records"}]}`.
fn read_census(file: &Path) -> Result<Census, Failure> {
    let reader = Counts { file };
    let text = config::read_text(file, config::LIST_BYTES_MAX)?;
    let value: Value = serde_json::from_str(&text).map_err(|error| Failure::FileInvalid {
        file: file.to_owned(),
        line: u64::try_from(error.line()).unwrap_or(0),
        why: "it is not JSON".to_owned(),
    })?;
    let all = reader.object(&value, &["own", "partners", "classes"])?;
    let own = reader.agency(all.get("own"), &[])?;
    let mut partners = Vec::new();
    for partner in reader.list(all, "partners", PARTNERS_MAX)? {
        let labels = reader.agency(Some(partner), &["transfer"])?;
        let transfer = partner.get("transfer").and_then(Value::as_str).unwrap_or_default();
        let transfer: TransferBasis = reader.parse(transfer)?;
        partners.push(Partner { labels, transfer });
    }
    let mut classes = Vec::new();
    for class in reader.list(all, "classes", CLASSES_MAX * PARTNERS_MAX)? {
        classes.push(reader.class(class)?);
    }
    Ok(Census { own, partners, classes })
}

/// A file of counts and what is wrong with it.
struct Counts<'f> {
    file: &'f Path,
}

impl Counts<'_> {
    fn wrong(&self, why: String) -> Failure {
        Failure::FileInvalid { file: self.file.to_owned(), line: 0, why }
    }

    fn parse<T: core::str::FromStr<Err: core::fmt::Display>>(
        &self,
        word: &str,
    ) -> Result<T, Failure> {
        word.parse().map_err(|error: T::Err| self.wrong(error.to_string()))
    }

    fn object<'v>(
        &self,
        value: &'v Value,
        known: &[&'static str],
    ) -> Result<&'v Map<String, Value>, Failure> {
        let object = value.as_object();
        let object = object.ok_or_else(|| self.wrong("an object is needed".to_owned()))?;
        config::check_keys(self.file, object.keys().map(String::as_str), known)?;
        Ok(object)
    }

    fn list<'v>(
        &self,
        object: &'v Map<String, Value>,
        key: &'static str,
        most: usize,
    ) -> Result<&'v [Value], Failure> {
        let list = object.get(key).and_then(Value::as_array);
        let list = list.ok_or(Failure::KeyMissing { file: self.file.to_owned(), key })?;
        if list.len() > most {
            return Err(Failure::TooMany { what: key, most });
        }
        Ok(list)
    }

    fn agency(
        &self,
        value: Option<&Value>,
        beside: &[&'static str],
    ) -> Result<AgencyLabels, Failure> {
        let mut known = vec!["agency", "country", "kind", "role"];
        known.extend(beside);
        let object = self.object(value.unwrap_or(&Value::Null), &known)?;
        let text = |key: &'static str| {
            let text = object.get(key).and_then(Value::as_str);
            text.ok_or(Failure::KeyMissing { file: self.file.to_owned(), key })
        };
        let role = text("role")?;
        let role = PartyRole::ALL.iter().find(|known| known.as_str() == role);
        Ok(AgencyLabels {
            agency: self.parse(text("agency")?)?,
            country: self.parse(text("country")?)?,
            kind: self.parse(text("kind")?)?,
            role: *role.ok_or_else(|| self.wrong("an unknown `role`".to_owned()))?,
        })
    }

    fn class(&self, value: &Value) -> Result<(domain::class::Class, u64), Failure> {
        let mut known: Vec<&'static str> = CLASS.iter().map(|one| one.as_str()).collect();
        known.push("records");
        let object = self.object(value, &known)?;
        let mut situation = ordinary(Action::Share);
        for dimension in CLASS {
            let key = dimension.as_str();
            let missing = || Failure::KeyMissing { file: self.file.to_owned(), key };
            let words = match object.get(key).ok_or_else(missing)? {
                Value::String(word) => vec![word.clone()],
                Value::Bool(holds) => vec![holds.to_string()],
                Value::Array(all) => {
                    let words = all.iter().map(|one| one.as_str().map(str::to_owned));
                    let words: Option<Vec<String>> = words.collect();
                    words.ok_or_else(|| self.wrong(format!("`{key}` is a list of words")))?
                }
                _ => return Err(self.wrong(format!("`{key}` is a word or a list of words"))),
            };
            situation.set(dimension, &words).map_err(|error| self.wrong(error.to_string()))?;
        }
        let records = object.get("records").and_then(Value::as_u64);
        let missing = Failure::KeyMissing { file: self.file.to_owned(), key: "records" };
        Ok((situation.class, records.ok_or(missing)?))
    }
}
