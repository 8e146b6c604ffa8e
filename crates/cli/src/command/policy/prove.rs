//! `malines policy prove`: what must never be allowed, over all combinations of labels.

use super::super::Context;
use super::{decision, headline, labels_json, only, question, rules, source, unusual, word};
use crate::arguments::Scope;
use crate::console::{Style, plain};
use crate::error::{Failure, Outcome};
use crate::message::{Notice, notice, sentence};
use crate::output::{Format, Table, print_json};
use cedar_engine::{COMMON_FLOOR, Engine, Reading};
use policy::label_space::Only;
use policy::proof::{
    Claim, Extent, NEVER_WIDER_SENTENCE, NEVER_WIDER_THAN_THE_FLOOR, Proof, claims, prove,
    prove_floor,
};
use policy::survey::Survey;
use serde_json::{Value, json};
use std::path::Path;

/// A claim held against one country's rules.
struct Held {
    file: String,
    claim: String,
    sentence: String,
    proof: Proof,
}

/// Which claims are proved.
struct Chosen {
    claims: Vec<Claim>,
    with_floor: bool,
}

pub(super) fn run(
    context: &mut Context<'_>,
    path: &Path,
    names: &[String],
    own_claims: Option<&Path>,
    scope: &Scope,
) -> Result<Outcome, Failure> {
    let only = only(&scope.only)?;
    let own = own_claims.map(question::read_claims).transpose()?.unwrap_or_default();
    let chosen = choose(names, own)?;
    let mut all = Vec::new();
    for source in source::read(path)? {
        let engine = source.engine()?;
        all.extend(hold(&source, &engine, &chosen, &only)?);
    }
    match context.format {
        Format::Json => {
            let proofs: Vec<Value> = all.iter().map(json_of).collect();
            print_json(context.console, &json!({ "proofs": proofs }));
        }
        Format::Text => {
            print(context, &all);
            if only != Only::everything() {
                context.console.say(notice(Notice::LookedAtInPart));
            }
        }
    }
    let proved =
        |one: &Held| one.proof.counterexample.is_none() && one.proof.about == Extent::Something;
    let all_hold = all.iter().all(proved);
    Ok(if all_hold { Outcome::Done } else { Outcome::NoMatch })
}

fn choose(names: &[String], own: Vec<Claim>) -> Result<Chosen, Failure> {
    let mut known = claims();
    if !own.is_empty() && names.is_empty() {
        return Ok(Chosen { claims: own, with_floor: false });
    }
    known.extend(own);
    if names.is_empty() {
        return Ok(Chosen { claims: known, with_floor: true });
    }
    let unknown = |name: &&String| {
        *name != NEVER_WIDER_THAN_THE_FLOOR && !known.iter().any(|claim| claim.name == **name)
    };
    if let Some(name) = names.iter().find(unknown) {
        let all: Vec<&str> = known
            .iter()
            .map(|claim| claim.name.as_str())
            .chain([NEVER_WIDER_THAN_THE_FLOOR])
            .collect();
        let cut: String = name.chars().take(64).collect();
        let why = format!("`{cut}` is no claim; known: {}", all.join(", "));
        return Err(Failure::AnswerInvalid { why });
    }
    known.retain(|claim| names.contains(&claim.name));
    let with_floor = names.iter().any(|name| name == NEVER_WIDER_THAN_THE_FLOOR);
    Ok(Chosen { claims: known, with_floor })
}

fn hold(
    source: &source::Source,
    engine: &Engine,
    chosen: &Chosen,
    only: &Only,
) -> Result<Vec<Held>, Failure> {
    let refused = |error| source::refused(&source.path, &error);
    let floor = Engine::load(COMMON_FLOOR, "").map_err(refused)?;
    let reading = Reading::of(&[engine, &floor]).map_err(refused)?;
    let [rulebook, floor] = reading.rulebooks() else {
        return Ok(Vec::new());
    };
    let mut held = Vec::new();
    let mut add = |claim: &str, sentence: &str, proof: Proof| {
        let (claim, sentence) = (claim.to_owned(), sentence.to_owned());
        held.push(Held { file: source.name.clone(), claim, sentence, proof });
    };
    for claim in &chosen.claims {
        let proof = prove(reading.conditions(), &reading, only, rulebook, claim);
        add(&claim.name, &claim.sentence, proof.map_err(Failure::LabelSpace)?);
    }
    if chosen.with_floor {
        let survey = Survey { conditions: reading.conditions(), oracle: &reading, only };
        let proof = prove_floor(&survey, floor, rulebook).map_err(Failure::LabelSpace)?;
        add(NEVER_WIDER_THAN_THE_FLOOR, NEVER_WIDER_SENTENCE, proof);
    }
    Ok(held)
}

fn print(context: &mut Context<'_>, all: &[Held]) {
    let mut table = Table::new(&["RULES OF", "CLAIM", "RESULT", "COMBINATIONS"]);
    for one in all {
        let result = match (&one.proof.counterexample, one.proof.about) {
            (Some(_), _) => "FALSE",
            (None, Extent::Nothing) => "about nothing",
            (None, Extent::Something) => "holds",
        };
        table.row([&one.file, &one.claim, result, &one.proof.points.to_string()]);
    }
    table.print(context.console);
    for one in all {
        let Some(example) = &one.proof.counterexample else { continue };
        let title = sentence::claim_false(&one.file, &one.claim, &one.sentence);
        let title = context.console.styled(Style::Alarm, &plain(&title));
        context.console.say(&title);
        let asked = headline(&example.situation);
        let (labels, decided) = (unusual(&example.situation), decision(&example.verdict));
        context.console.say(&sentence::counterexample(&asked, &labels, &decided));
    }
}

fn json_of(one: &Held) -> Value {
    let counterexample = one.proof.counterexample.as_ref().map(|example| {
        json!({
            "labels": labels_json(&example.situation),
            "decision": word(&example.verdict),
            "rules": rules(&example.verdict),
        })
    });
    json!({
        "file": one.file,
        "claim": one.claim,
        "sentence": one.sentence,
        "holds": one.proof.counterexample.is_none(),
        "about_something": one.proof.about == Extent::Something,
        "combinations": one.proof.points,
        "counterexample": counterexample,
    })
}
