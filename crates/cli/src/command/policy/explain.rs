//! `malines policy explain`: the rule that decided, in words, and what would change the decision.

use super::super::Context;
use super::question::{self, Parties, Question};
use super::{headline, label, labels_json, people, rules, source, word};
use crate::arguments::Explain;
use crate::console::{Style, plain};
use crate::error::{Failure, Outcome};
use crate::output::{Format, print_json};
use cedar_engine::{Engine, Layer, Reading};
use policy::Verdict;
use policy::explanation::{Explanation, Opening, explain};
use policy::label_space::Only;
use policy::rulebook::ACTIONS;
use policy::situation::Dimension;
use policy::survey::Survey;
use serde_json::{Value, json};

pub(super) fn run(context: &mut Context<'_>, arguments: &Explain) -> Result<Outcome, Failure> {
    let source = source::read_one(&arguments.file)?;
    let engine = source.engine()?;
    let reading = Reading::of(&[&engine]).map_err(|error| source::refused(&source.path, &error))?;
    let only = Only::everything();
    let survey = Survey { conditions: reading.conditions(), oracle: &reading, only: &only };
    let questions = match &arguments.question {
        Some(file) => question::read(file)?.all,
        None => vec![typed(arguments)?],
    };
    let mut shown = Vec::new();
    for question in &questions {
        let Some(rulebook) = reading.rulebooks().first() else { continue };
        let explanation =
            explain(&survey, rulebook, &question.situation).map_err(Failure::LabelSpace)?;
        match context.format {
            Format::Json => shown.push(json_of(&engine, question, &explanation)),
            Format::Text => print(context, &engine, question, &explanation),
        }
    }
    if context.format == Format::Json {
        print_json(context.console, &json!({ "explanations": shown }));
    }
    Ok(Outcome::Done)
}

/// The question of the flags.
fn typed(arguments: &Explain) -> Result<Question, Failure> {
    let invalid = |why: String| Failure::AnswerInvalid { why };
    let parties = match &arguments.agreement {
        Some(file) => Parties::read(file)?,
        None => Parties::default(),
    };
    let given = arguments.action.as_deref().unwrap_or_default();
    let action = ACTIONS.into_iter().find(|action| action.as_str() == given);
    let action = action.ok_or(Failure::AnswerMissing { key: "action" })?;
    let (own, peer) = (arguments.own.as_deref(), arguments.peer.as_deref());
    let mut situation = question::between(action, own, peer, &parties).map_err(invalid)?;
    for given in &arguments.labels {
        let (dimension, words) = label(given)?;
        if !dimension.applies_to(action) {
            let label = dimension.as_str();
            return Err(invalid(format!("no rule about {action} can look at `{label}`")));
        }
        situation.set(dimension, &words).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(Question { name: String::new(), situation, expect: None, rule: None })
}

fn print(
    context: &mut Context<'_>,
    engine: &Engine,
    question: &Question,
    explanation: &Explanation,
) {
    if !question.name.is_empty() {
        context.console.data(&format!("{}\n", plain(&question.name)));
    }
    let title = context.console.styled_data(Style::Strong, word(&explanation.verdict));
    let mut text = format!("{title}  {}\n", headline(&question.situation));
    text.push_str(&grounds(engine, &rules(&explanation.verdict)));
    text.push_str(&outlook(explanation));
    context.console.data(&plain_lines(&text));
}

/// The rules that decided, in words, with their law.
pub(super) fn grounds(engine: &Engine, rules: &[String]) -> String {
    let mut text = String::new();
    for (number, rule) in rules.iter().enumerate() {
        let joined = if number == 0 { "rule" } else { "and " };
        text.push_str(&format!("  {joined} {}\n", described(engine, rule)));
        if let Some(reason) = reason(engine, rule) {
            text.push_str(&format!("  \"{reason}\"\n"));
        }
    }
    text
}

/// What came nearest, and what would change the decision.
pub(super) fn outlook(explanation: &Explanation) -> String {
    let mut text = String::new();
    if let Verdict::Fault { why } = &explanation.verdict {
        text.push_str(&format!("  {why}\n"));
    }
    if let Some(nearest) = &explanation.nearest {
        let more = match nearest.failures {
            0 | 1 => String::new(),
            failures => format!(" (and {} more)", failures - 1),
        };
        let (rule, failed) = (&nearest.rule, &nearest.failed);
        text.push_str(&format!("  nearest permit {rule}, but not: {failed}{more}\n"));
    }
    match (&explanation.verdict, &explanation.opens_with) {
        (Verdict::Allow { .. }, _) => {}
        (_, Some(opening)) => {
            text.push_str(&format!("  would be ALLOW if: {}\n", conditions(opening)));
        }
        (_, None) => text.push_str("  nothing that a person may choose would change it\n"),
    }
    text
}

/// Text of rules may come from elsewhere; the lines are ours.
pub(super) fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| if line.contains('\u{1b}') { line.to_owned() } else { plain(line) })
        .collect();
    format!("{}\n", lines.join("\n"))
}

fn described(engine: &Engine, id: &str) -> String {
    let Some(rule) = engine.rule(id) else {
        return format!("{id} (the program itself)");
    };
    let layer = match rule.layer {
        Layer::Floor => "common floor, signed by all parties".to_owned(),
        Layer::Local => "local policy".to_owned(),
    };
    match &rule.law {
        Some(law) => format!("{id} ({layer}; {law})"),
        None => format!("{id} ({layer})"),
    }
}

fn reason<'r>(engine: &'r Engine, id: &str) -> Option<&'r str> {
    let by_rule = engine.rule(id).map(|rule| rule.reason.as_str());
    by_rule.or_else(|| policy::invariant::reason(id))
}

/// What must be otherwise, in words.
pub(super) fn conditions(opening: &Opening) -> String {
    let mut parts: Vec<String> = opening
        .labels
        .iter()
        .map(|(dimension, words)| {
            let joined = if dimension.is_set() { " and " } else { " or " };
            let words = if words.is_empty() { "nobody".to_owned() } else { words.join(joined) };
            let verb = if is_plural(*dimension) { "are" } else { "is" };
            format!("{} {verb} {words}", dimension.as_str())
        })
        .collect();
    if let Verdict::NeedsApproval { authority, persons, .. } = &opening.verdict {
        let verb = if *persons == 1 { "approves" } else { "approve" };
        parts.push(format!("{} of {authority} {verb}", people(*persons)));
    }
    parts.join(" and ")
}

const fn is_plural(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::Purposes | Dimension::Offences)
}

pub(super) fn grounds_json(engine: &Engine, rules: &[String]) -> Vec<Value> {
    let one = |id: &String| {
        let rule = engine.rule(id);
        json!({
            "rule": id,
            "layer": rule.map(|rule| rule.layer.to_string()),
            "law": rule.and_then(|rule| rule.law.clone()),
            "reason": reason(engine, id),
        })
    };
    rules.iter().map(one).collect()
}

fn json_of(engine: &Engine, question: &Question, explanation: &Explanation) -> Value {
    let rules = grounds_json(engine, &rules(&explanation.verdict));
    let opens_with = explanation.opens_with.as_ref().map(|opening| {
        let labels: Vec<Value> = opening
            .labels
            .iter()
            .map(|(dimension, words)| json!({ "label": dimension.as_str(), "words": words }))
            .collect();
        json!({ "labels": labels, "decision": word(&opening.verdict) })
    });
    let nearest = explanation.nearest.as_ref().map(|nearest| {
        json!({ "rule": nearest.rule, "failed": nearest.failed, "failures": nearest.failures })
    });
    let (authority, persons) = match &explanation.verdict {
        Verdict::NeedsApproval { authority, persons, .. } => {
            (Some(authority.as_str()), Some(*persons))
        }
        _ => (None, None),
    };
    json!({
        "name": question.name,
        "labels": labels_json(&question.situation),
        "decision": word(&explanation.verdict),
        "authority": authority,
        "persons": persons,
        "rules": rules,
        "opens_with": opens_with,
        "nearest": nearest,
    })
}
