//! `malines judicial-use`: whether a record may be used in court, in one case, and who permits it.

use super::Context;
use super::correct::check_line;
use super::withdraw::reference;
use crate::arguments::JudicialUse;
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, Phrase, notice, sentence};
use crate::output::{Format, day, instant_json, print_json, record_reference};
use domain::court_use::{CourtUse, CourtUseOrder, CourtUseReceipt};
use domain::name::OfficerId;
use domain::submission::CASE_REFERENCE_CHARACTERS_MAX;
use serde_json::json;

pub(super) fn run(context: &mut Context<'_>, arguments: JudicialUse) -> Result<Outcome, Failure> {
    let record = reference(&arguments.record)?;
    let case_reference = arguments.reference.trim().to_owned();
    check_line("`--as`", &case_reference, CASE_REFERENCE_CHARACTERS_MAX)?;
    let session = context.session()?;
    let case = session.case(&arguments.case)?.case_id;
    if !arguments.yes {
        context.console.confirm(Phrase::TellTheCase)?;
    }
    let order = CourtUseOrder { case, case_reference: case_reference.clone() };
    let receipt = session.use_in_court(record, order)?;
    match context.format {
        Format::Json => print_as_json(context, &receipt, &case_reference),
        Format::Text => print_as_text(context, &receipt, &case_reference),
    }
    Ok(match receipt.state {
        state if state.is_yes() => Outcome::Done,
        CourtUse::Unreachable => Outcome::Incomplete,
        _ => Outcome::Refused,
    })
}

fn print_as_text(context: &mut Context<'_>, receipt: &CourtUseReceipt, case_reference: &str) {
    let (record, origin) = (record_reference(&receipt.record_id), &receipt.origin);
    let (case, entry) = (plain(case_reference), receipt.audit_sequence);
    let what = format!("{record} version {}", receipt.version);
    let sentence = match receipt.state {
        CourtUse::OwnRecord => format!("{what} is your own: use it"),
        CourtUse::NotRestricted => format!("{what} of {origin} is not restricted: use it"),
        CourtUse::Permitted => {
            let persons = receipt.persons.iter().map(OfficerId::as_str).collect::<Vec<_>>();
            let until = receipt.until.map(day).unwrap_or_default();
            let by = persons.join(", ");
            format!("{what} may be used in \"{case}\": permitted by {by} of {origin} until {until}")
        }
        CourtUse::NotPermitted => {
            format!("{what} may not be used in \"{case}\": {origin} does not permit it now")
        }
        CourtUse::Unreachable => {
            format!("{what} may not be used in \"{case}\": {origin} could not be asked")
        }
    };
    context.console.data(&format!("{}  {sentence}, audit entry {entry}\n", receipt.state));
    match receipt.state {
        CourtUse::NotPermitted => {
            context.console.say(notice(Notice::MagistratesSeeQuestion));
        }
        CourtUse::Unreachable => {
            context.console.say(&sentence::node_silent(&plain(&receipt.note)));
        }
        _ => {}
    }
}

fn print_as_json(context: &mut Context<'_>, receipt: &CourtUseReceipt, case_reference: &str) {
    let persons: Vec<&str> = receipt.persons.iter().map(OfficerId::as_str).collect();
    let value = json!({
        "record_id": receipt.record_id.to_string(),
        "version": receipt.version.to_string(),
        "origin": receipt.origin.as_str(),
        "state": receipt.state.as_str(),
        "case_reference": case_reference,
        "permitted_by": persons,
        "until": instant_json(receipt.until),
        "note": receipt.note,
        "audit_sequence": receipt.audit_sequence,
    });
    print_json(context.console, &value);
}
