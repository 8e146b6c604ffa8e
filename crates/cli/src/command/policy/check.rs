//! `malines policy check`: whether rules load, and whether each of them can ever decide anything.

use super::super::Context;
use super::{only, source};
use crate::arguments::Scope;
use crate::console::{Style, plain};
use crate::error::{Failure, Outcome};
use crate::message::sentence;
use crate::output::{Format, Table, print_json};
use cedar_engine::{Engine, Reading};
use policy::Evaluator as _;
use policy::label_space::Only;
use policy::rulebook::short;
use policy::survey::{Idle, Survey, WhyIdle};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Something to mend.
pub(super) struct Finding {
    pub(super) rule: String,
    pub(super) code: &'static str,
    pub(super) text: String,
}

/// One file and what was found in it.
struct Checked {
    name: String,
    engine: Option<Engine>,
    findings: Vec<Finding>,
}

pub(super) fn run(
    context: &mut Context<'_>,
    paths: &[PathBuf],
    scope: &Scope,
) -> Result<Outcome, Failure> {
    let only = only(&scope.only)?;
    let mut all = Vec::new();
    for path in paths {
        for source in source::read(path)? {
            all.push(match source.load() {
                Ok(engine) => {
                    let findings = findings(&source.path, &engine, &only)?;
                    Checked { name: source.name, engine: Some(engine), findings }
                }
                Err(error) => {
                    let (rule, text) = (String::new(), error.to_string());
                    let findings = vec![Finding { rule, code: "REFUSED", text }];
                    Checked { name: source.name, engine: None, findings }
                }
            });
        }
    }
    match context.format {
        Format::Json => {
            let files: Vec<Value> = all.iter().map(json_of).collect();
            print_json(context.console, &json!({ "files": files }));
        }
        Format::Text => print(context, &all),
    }
    Ok(if all.iter().any(|one| one.engine.is_none()) {
        Outcome::Failed
    } else if all.iter().any(|one| !one.findings.is_empty()) {
        Outcome::NoMatch
    } else {
        Outcome::Done
    })
}

fn findings(path: &std::path::Path, engine: &Engine, only: &Only) -> Result<Vec<Finding>, Failure> {
    let reading = Reading::of(&[engine]).map_err(|error| source::refused(path, &error))?;
    let survey = Survey { conditions: reading.conditions(), oracle: &reading, only };
    let [rulebook] = reading.rulebooks() else {
        return Ok(Vec::new());
    };
    let idle = survey.idle_rules(rulebook, |_| true).map_err(Failure::LabelSpace)?;
    // What cannot be weighed is said here, before a node says so.
    for action in policy::rulebook::ACTIONS {
        survey.space(action, &[rulebook], &[]).map_err(Failure::LabelSpace)?;
    }
    let mut findings: Vec<Finding> = idle.into_iter().map(|one| finding(engine, one)).collect();
    for warning in engine.warnings() {
        // Cedar warns about rules that never hold, too: said once is enough.
        if !findings.iter().any(|known| warning.contains(&known.rule)) {
            let (rule, text) = (String::new(), warning.clone());
            findings.push(Finding { rule, code: "WARNING", text });
        }
    }
    Ok(findings)
}

/// What is wrong with a rule that can never decide.
pub(super) fn finding(engine: &Engine, idle: Idle) -> Finding {
    let (code, text) = match idle.why {
        WhyIdle::NeverHolds => ("NEVER_HOLDS", "its conditions exclude each other".to_owned()),
        WhyIdle::NothingPermitted => {
            ("NOTHING_PERMITTED", "it forbids only what nothing permits".to_owned())
        }
        WhyIdle::Blocked { by } => {
            let with_layer = by.iter().map(|id| match engine.rule(id) {
                Some(rule) => format!("{id} ({})", rule.layer),
                None => id.clone(),
            });
            let by = with_layer.collect::<Vec<_>>().join(" or ");
            ("BLOCKED", format!("it can never take effect, blocked by {by}"))
        }
    };
    Finding { rule: idle.rule, code, text }
}

fn print(context: &mut Context<'_>, all: &[Checked]) {
    let mut table = Table::new(&["FILE", "RULES", "FLOOR", "POLICY", "FINDINGS"]);
    for one in all {
        let Some(engine) = &one.engine else {
            table.row([&one.name, "-", "-", "-", "refused"]);
            continue;
        };
        let rules = engine.rules().count().to_string();
        let (floor, bundle) = (short(&engine.floor_hash()), short(&engine.bundle_hash()));
        let findings = one.findings.len().to_string();
        table.row([&one.name, &rules, &floor, &bundle, &findings]);
    }
    table.print(context.console);
    for one in all {
        for finding in &one.findings {
            let text = sentence::to_mend(&one.name, &finding.rule, &finding.text);
            let text = context.console.styled(Style::Alarm, &plain(&text));
            context.console.say(&text);
        }
    }
    let findings = all.iter().map(|one| one.findings.len()).sum();
    context.console.say(&sentence::rules_checked(all.len(), findings));
}

fn json_of(one: &Checked) -> Value {
    let findings = findings_json(&one.findings);
    let engine = one.engine.as_ref();
    json!({
        "file": one.name,
        "rules": engine.map(|engine| engine.rules().count()),
        "floor_hash": engine.map(|engine| engine.floor_hash().to_string()),
        "policy_hash": engine.map(|engine| engine.bundle_hash().to_string()),
        "findings": findings,
    })
}

pub(super) fn findings_json(findings: &[Finding]) -> Value {
    let row = |finding: &Finding| json!({ "rule": finding.rule, "code": finding.code, "text": finding.text });
    findings.iter().map(row).collect()
}
