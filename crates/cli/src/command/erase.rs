//! `malines erase`: what records say is forgotten here; what remains, and by when, is said first.

use super::Context;
use super::correct::check_reason;
use super::withdraw::reference;
use crate::arguments::Erase;
use crate::error::{Failure, Outcome};
use crate::message::{Phrase, phrase, sentence};
use crate::output::{Format, Table, print_json, record_reference};
use serde_json::{Value, json};
use wire::convert::erasure::ErasureResult;

pub(super) fn run(context: &mut Context<'_>, arguments: Erase) -> Result<Outcome, Failure> {
    check_reason(&arguments.reason)?;
    let references = arguments.records.iter().map(|given| reference(given));
    let references = references.collect::<Result<Vec<_>, Failure>>()?;
    let session = context.session()?;
    for line in [Phrase::OwnWithdrawnFirst, Phrase::ErasureLeaves, Phrase::ErasedWithin] {
        context.console.say(phrase(line));
    }
    if !arguments.yes {
        context.console.confirm(Phrase::EraseForEver)?;
    }
    let results = session.erase(references, arguments.reason.trim().to_owned())?;
    match context.format {
        Format::Json => {
            let rows = arguments.records.iter().zip(&results);
            let rows: Vec<Value> = rows.map(|(given, result)| to_json(given, result)).collect();
            print_json(context.console, &json!({ "results": rows }));
        }
        Format::Text => print(context, &arguments.records, &results),
    }
    Ok(outcome(&results))
}

fn print(context: &mut Context<'_>, records: &[String], results: &[ErasureResult]) {
    let mut table = Table::new(&["RECORD", "OF", "RESULT", "TOLD", "AUDIT ENTRY"]);
    for (given, result) in records.iter().zip(results) {
        match result {
            Ok(receipt) => {
                let told: Vec<&str> = receipt.told.iter().map(|one| one.as_str()).collect();
                table.row([
                    &record_reference(&receipt.record_id),
                    receipt.origin.as_str(),
                    "erased",
                    &told.join(", "),
                    &receipt.audit_sequence.to_string(),
                ]);
            }
            Err(refusal) => table.row([given, "", refusal.code.as_str(), "", ""]),
        }
    }
    table.print(context.console);
    for (given, result) in records.iter().zip(results) {
        if let Err(refusal) = result {
            let failure = Failure::Refused(refusal.clone());
            let given = crate::console::plain(given);
            context.console.say(&sentence::failed_at(&given, &failure));
            context.console.say(&sentence::hint_below(failure.hint()));
        }
    }
}

fn to_json(given: &str, result: &ErasureResult) -> Value {
    match result {
        Ok(receipt) => {
            let told: Vec<&str> = receipt.told.iter().map(|one| one.as_str()).collect();
            json!({
                "record": given,
                "record_id": receipt.record_id.to_string(),
                "origin": receipt.origin.as_str(),
                "told": told,
                "audit_sequence": receipt.audit_sequence,
            })
        }
        Err(refusal) => {
            json!({ "record": given, "code": refusal.code.as_str(), "rule": refusal.rule })
        }
    }
}

fn outcome(results: &[ErasureResult]) -> Outcome {
    match results.iter().filter(|result| result.is_ok()).count() {
        done if done == results.len() => Outcome::Done,
        0 => Outcome::Refused,
        _ => Outcome::Incomplete,
    }
}
