//! `malines policy`: the tools of those who write rules and of those who sign them. What is about
//! rules alone reads files; what is about a record, or puts rules in force, asks the own node.

mod activation;
mod check;
mod diff;
mod explain;
mod prove;
mod question;
mod reach;
mod source;
mod test;

use super::Context;
use crate::arguments::PolicyCommand;
use crate::error::{Failure, Outcome};
use policy::Verdict;
use policy::label_space::Only;
use policy::situation::{Dimension, Situation};
use serde_json::{Map, Value, json};

pub(super) fn run(context: &mut Context<'_>, command: PolicyCommand) -> Result<Outcome, Failure> {
    match command {
        PolicyCommand::Check { paths, scope } => check::run(context, &paths, &scope),
        PolicyCommand::Test { folder } => test::run(context, &folder),
        PolicyCommand::Explain(explain) => explain::run(context, &explain),
        PolicyCommand::Prove { path, claims, own_claims, scope } => {
            prove::run(context, &path, &claims, own_claims.as_deref(), &scope)
        }
        PolicyCommand::Diff { old, new, counts, scope } => {
            diff::run(context, &old, new.as_deref(), counts.as_deref(), &scope)
        }
        PolicyCommand::Who { record } => reach::who(context, &record),
        PolicyCommand::WhyNot { record, peer } => reach::why_not(context, &record, &peer),
        PolicyCommand::Proposals => activation::proposals(context),
        PolicyCommand::Propose { path, yes } => activation::propose(context, &path, yes),
        PolicyCommand::Sign { proposal, yes } => activation::sign(context, &proposal, yes),
        PolicyCommand::Activate { proposal, yes } => activation::activate(context, &proposal, yes),
        PolicyCommand::Rollback { yes } => activation::rollback(context, yes),
        PolicyCommand::Freeze { yes } => activation::freeze(context, yes),
    }
}

/// A label and its words, as typed: `tlp=RED` or `purposes=INVESTIGATION,DETECTION`.
fn label(given: &str) -> Result<(Dimension, Vec<String>), Failure> {
    let invalid = |why: String| Failure::AnswerInvalid { why };
    let shown: String = given.chars().take(64).collect();
    let (key, words) =
        given.split_once('=').ok_or_else(|| invalid(format!("`{shown}` is not like tlp=RED")))?;
    let dimension: Dimension = key.trim().parse().map_err(|error: String| {
        match crate::config::nearest(key, Dimension::WORDS) {
            Some(nearest) => invalid(format!("{error}; did you mean `{nearest}`?")),
            None => invalid(format!("{error}; known: {}", Dimension::WORDS.join(", "))),
        }
    })?;
    let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
    Ok((dimension, words.map(str::to_owned).collect()))
}

/// What is looked at, from the flags.
fn only(given: &[String]) -> Result<Only, Failure> {
    let mut only = Only::everything();
    for one in given {
        let (dimension, words) = label(one)?;
        only = only
            .with(dimension, words)
            .map_err(|error| Failure::AnswerInvalid { why: error.to_string() })?;
    }
    Ok(only)
}

/// The stable word of a decision.
const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Allow { .. } => "ALLOW",
        Verdict::NeedsApproval { .. } => "NEEDS_APPROVAL",
        Verdict::Deny { .. } | Verdict::Fault { .. } => "DENY",
    }
}

/// The rules that decided; what nothing permits is denied by the program.
fn rules(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Allow { rules } => rules.clone(),
        Verdict::Deny { rules } if rules.is_empty() => {
            vec![policy::invariant::DEFAULT_DENY.to_owned()]
        }
        Verdict::Deny { rules } => rules.clone(),
        Verdict::NeedsApproval { rule, .. } => vec![rule.clone()],
        Verdict::Fault { .. } => vec![policy::invariant::EVALUATOR.to_owned()],
    }
}

/// A decision in one line.
fn decision(verdict: &Verdict) -> String {
    let rules = rules(verdict).join(", ");
    match verdict {
        Verdict::NeedsApproval { authority, persons, .. } => {
            format!("NEEDS_APPROVAL of {authority}, {} ({rules})", people(*persons))
        }
        other => format!("{} ({rules})", word(other)),
    }
}

fn people(persons: u8) -> String {
    crate::output::count(usize::from(persons), "person", "persons")
}

/// What a situation is, in one line.
fn headline(situation: &Situation) -> String {
    use policy::Action;
    let peer = situation.words(Dimension::Peer).join("");
    let arrow = match situation.action {
        Action::Receive => format!("receive <- {peer}"),
        Action::Answer => format!("answer <- {peer}"),
        Action::Submit => "submit".to_owned(),
        other => format!("{} -> {peer}", other.as_str().to_ascii_lowercase()),
    };
    let purpose = match situation.action {
        Action::Ask | Action::Answer | Action::Show => Dimension::Purpose,
        _ => Dimension::Purposes,
    };
    let purpose = situation.words(purpose).join(" and ");
    let channel = situation.channel.as_str().to_ascii_lowercase();
    format!("{arrow}, purpose {purpose}, {channel}")
}

/// The labels that people look at first: those that rules about this action could look at.
fn labels(situation: &Situation) -> Vec<(Dimension, Vec<String>)> {
    Dimension::ALL
        .iter()
        .filter(|dimension| dimension.applies_to(situation.action))
        .filter(|dimension| **dimension != Dimension::Approvals)
        .map(|dimension| (*dimension, situation.words(*dimension)))
        .collect()
}

fn labels_json(situation: &Situation) -> Value {
    let mut map = Map::new();
    map.insert("action".to_owned(), json!(situation.action.as_str()));
    for (dimension, words) in labels(situation) {
        let value = if dimension.is_set() { json!(words) } else { json!(words.concat()) };
        map.insert(dimension.as_str().to_owned(), value);
    }
    Value::Object(map)
}

/// The labels in which a situation is no ordinary one.
fn unusual(situation: &Situation) -> String {
    let ordinary = policy::label_space::ordinary(situation.action);
    let differing = labels(situation).into_iter().filter(|(dimension, words)| {
        *dimension != Dimension::Peer && ordinary.words(*dimension) != *words
    });
    let texts: Vec<String> = differing
        .map(|(dimension, words)| match words.as_slice() {
            [] if dimension == Dimension::Audience => "audience nobody".to_owned(),
            [] => format!("no {}", dimension.as_str()),
            words => format!("{} {}", dimension.as_str(), words.join(" and ")),
        })
        .collect();
    if texts.is_empty() { "an ordinary link".to_owned() } else { texts.join(", ") }
}
