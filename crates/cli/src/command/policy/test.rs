//! `malines policy test`: the tests that lawyers write beside rules, and which rules no test reaches.

use super::super::Context;
use super::question::{self, Question};
use super::{headline, rules, source, word};
use crate::console::{Style, plain};
use crate::error::{Failure, Outcome};
use crate::message::sentence;
use crate::output::{Format, Table, print_json};
use cedar_engine::{Engine, Layer};
use policy::Verdict;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One test that was run.
struct Ran {
    file: String,
    question: Question,
    verdict: Verdict,
    passed: bool,
}

/// Which rules of one file no test reached.
struct Coverage {
    file: String,
    rules: usize,
    never: Vec<String>,
}

pub(super) fn run(context: &mut Context<'_>, folder: &Path) -> Result<Outcome, Failure> {
    let files = source::files(&folder.join("tests"), "toml")?;
    if files.is_empty() {
        let why = "no test is in `tests`; they end in `.toml`".to_owned();
        return Err(Failure::FileInvalid { file: folder.to_owned(), line: 0, why });
    }
    let mut engines: BTreeMap<PathBuf, (String, Engine)> = BTreeMap::new();
    for source in source::read(folder)? {
        let path = source.path.canonicalize().unwrap_or_else(|_| source.path.clone());
        engines.insert(path, (source.name.clone(), source.engine()?));
    }
    let mut reached: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut all = Vec::new();
    for file in &files {
        let questions = question::read(file)?;
        let path = questions.policy.canonicalize().unwrap_or(questions.policy);
        let Some((_, engine)) = engines.get(&path) else {
            let why = "`policy` names no rules of this folder".to_owned();
            return Err(Failure::FileInvalid { file: file.clone(), line: 0, why });
        };
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        for question in questions.all {
            let verdict = engine.judge(&question.situation);
            reached.entry(path.clone()).or_default().extend(rules(&verdict));
            let passed = passes(file, &question, &verdict)?;
            all.push(Ran { file: name.clone(), question, verdict, passed });
        }
    }
    let coverage = coverage(&engines, &reached);
    match context.format {
        Format::Json => print_results(context, &all, &coverage),
        Format::Text => print(context, &all, &coverage, &engines),
    }
    let is_good = all.iter().all(|one| one.passed);
    Ok(if is_good { Outcome::Done } else { Outcome::NoMatch })
}

fn passes(file: &Path, question: &Question, verdict: &Verdict) -> Result<bool, Failure> {
    let Some(expect) = &question.expect else {
        let why = format!("test `{}` says no `expect`", question.name);
        return Err(Failure::FileInvalid { file: file.to_owned(), line: 0, why });
    };
    let by_rule = question.rule.as_ref().is_none_or(|rule| rules(verdict).contains(rule));
    Ok(word(verdict) == expect && by_rule)
}

fn coverage(
    engines: &BTreeMap<PathBuf, (String, Engine)>,
    reached: &BTreeMap<PathBuf, BTreeSet<String>>,
) -> Vec<Coverage> {
    let everywhere: BTreeSet<&String> = reached.values().flatten().collect();
    let mut coverage = Vec::new();
    let mut floor: BTreeSet<String> = BTreeSet::new();
    for (path, (name, engine)) in engines {
        let of = |layer: Layer| engine.rules().filter(move |rule| rule.layer == layer);
        floor.extend(of(Layer::Floor).map(|rule| rule.id.clone()));
        let here = reached.get(path);
        let is_reached = |id: &String| here.is_some_and(|ids| ids.contains(id));
        let local: Vec<String> = of(Layer::Local).map(|rule| rule.id.clone()).collect();
        let (rules, never) =
            (local.len(), local.into_iter().filter(|id| !is_reached(id)).collect());
        coverage.push(Coverage { file: name.clone(), rules, never });
    }
    let rules = floor.len();
    let never = floor.into_iter().filter(|id| !everywhere.contains(id)).collect();
    coverage.push(Coverage { file: "common floor".to_owned(), rules, never });
    coverage
}

fn print(
    context: &mut Context<'_>,
    all: &[Ran],
    coverage: &[Coverage],
    engines: &BTreeMap<PathBuf, (String, Engine)>,
) {
    for one in all.iter().filter(|one| !one.passed) {
        let title = format!("FAILED  {}: {}", one.file, one.question.name);
        let title = context.console.styled_data(Style::Alarm, &plain(&title));
        let expected = format!(
            "{} {}",
            one.question.expect.as_deref().unwrap_or_default(),
            one.question.rule.as_deref().unwrap_or_default()
        );
        let question = headline(&one.question.situation);
        let unusual = super::unusual(&one.question.situation);
        let decided = super::decision(&one.verdict);
        context.console.data(&format!("{title}\n  asked     {question}\n  labels    {unusual}\n"));
        let text = format!("  expected  {}\n  decided   {decided}\n", plain(expected.trim()));
        context.console.data(&text);
        let first = rules(&one.verdict).into_iter().next().unwrap_or_default();
        let reason = engines.values().find_map(|(_, engine)| engine.rule(&first));
        let reason = reason.map(|rule| rule.reason.as_str());
        if let Some(reason) = reason.or_else(|| policy::invariant::reason(&first)) {
            context.console.data(&format!("  \"{reason}\"\n"));
        }
    }
    let mut table = Table::new(&["RULES OF", "EXERCISED", "NEVER EXERCISED"]);
    for one in coverage {
        let reached = format!("{} of {}", one.rules - one.never.len(), one.rules);
        table.row([&one.file, &reached, &one.never.join(" ")]);
    }
    table.print(context.console);
    let passed = all.iter().filter(|one| one.passed).count();
    context.console.say(&sentence::tests_ran(all.len(), passed));
}

fn print_results(context: &mut Context<'_>, all: &[Ran], coverage: &[Coverage]) {
    let tests: Vec<Value> = all
        .iter()
        .map(|one| {
            json!({
                "file": one.file,
                "name": one.question.name,
                "passed": one.passed,
                "expected": one.question.expect,
                "decided": word(&one.verdict),
                "rules": rules(&one.verdict),
            })
        })
        .collect();
    let coverage: Vec<Value> = coverage
        .iter()
        .map(|one| json!({ "file": one.file, "rules": one.rules, "never": one.never }))
        .collect();
    print_json(context.console, &json!({ "tests": tests, "coverage": coverage }));
}
