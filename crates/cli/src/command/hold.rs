//! `malines hold`: what a proceeding needs is kept for it, listed, read for it alone, and let go.

use super::Context;
use super::correct::{check_line, check_reason};
use super::history::version_json;
use super::withdraw::{reference, whole_bytes};
use crate::answers::date;
use crate::arguments::HoldCommand;
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, Phrase, notice};
use crate::output::{Format, Table, case_json, day, instant_json, print_json, record_reference};
use domain::hold::{
    AUTHORITY_CHARACTERS_MAX, HOLD_REVIEW_DAYS_MAX, HOLDS_MAX, HeldReading, HeldState, HoldGround,
    HoldOrder, HoldReceipt, HoldStanding,
};
use domain::name::HoldId;
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use serde_json::{Value, json};
use wire::convert::hold::HoldReference;

pub(super) fn run(context: &mut Context<'_>, command: HoldCommand) -> Result<Outcome, Failure> {
    match command {
        HoldCommand::Place { record, case, reason, review, authority, ground } => {
            let record = reference(&record)?;
            check_reason(&reason)?;
            let wrong = |why| Failure::AnswerInvalid { why: format!("`--review`: {why}") };
            let review_at = date(&review).map_err(wrong)?;
            let authority = authority.trim().to_owned();
            check_line("`--authority`", &authority, AUTHORITY_CHARACTERS_MAX)?;
            let session = context.session()?;
            let case = session.case(&case)?.case_id;
            let ground: HoldGround =
                ground.parse().map_err(|_| Failure::System("to read a ground"))?;
            let reason = reason.trim().to_owned();
            let order = HoldOrder { ground, case, reason, authority, review_at };
            let receipt = session.place_hold(record, order).map_err(|failure| match failure {
                Failure::Refused(refusal) if refusal.code == RefusalCode::RetentionImpossible => {
                    wrong(format!("a day to come, at most {HOLD_REVIEW_DAYS_MAX} days from now"))
                }
                other => other,
            })?;
            print_receipt(context, &receipt, &format!("placed, review {}", day(review_at)));
        }
        HoldCommand::List => list(context)?,
        HoldCommand::Show { hold: given } => {
            let hold = hold_reference(&given)?;
            let session = context.session()?;
            let reading = session.read_hold(hold).map_err(|failure| unknown(failure, &given))?;
            show(context, &reading, session.now());
        }
        HoldCommand::Lift { hold: given, reason, yes } => {
            let hold = hold_reference(&given)?;
            check_reason(&reason)?;
            let session = context.session()?;
            if !yes {
                context.console.confirm(Phrase::LiftHold)?;
            }
            let lifted = session.lift_hold(hold, reason.trim().to_owned());
            let receipt = lifted.map_err(|failure| unknown(failure, &given))?;
            print_receipt(context, &receipt, "lifted");
        }
    }
    Ok(Outcome::Done)
}

/// The node says that nothing is held; what was named is a hold, not a record.
fn unknown(failure: Failure, given: &str) -> Failure {
    match failure {
        Failure::Refused(refusal) if refusal.code == RefusalCode::NotHeld => {
            Failure::HoldUnknown { given: given.chars().take(64).collect() }
        }
        other => other,
    }
}

fn print_receipt(context: &mut Context<'_>, receipt: &HoldReceipt, what: &str) {
    match context.format {
        Format::Json => {
            let value = json!({
                "hold_id": receipt.hold_id.to_string(),
                "record_id": receipt.record_id.to_string(),
                "audit_sequence": receipt.audit_sequence,
            });
            print_json(context.console, &value);
        }
        Format::Text => {
            let (hold, record) = (name(&receipt.hold_id), record_reference(&receipt.record_id));
            let entry = receipt.audit_sequence;
            context.console.data(&format!("{hold} on {record} {what}, audit entry {entry}\n"));
        }
    }
}

fn list(context: &mut Context<'_>) -> Result<(), Failure> {
    let session = context.session()?;
    let (holds, now) = (session.holds(HOLDS_MAX)?, session.now());
    if context.format == Format::Json {
        let holds: Vec<Value> = holds.iter().map(|one| standing_json(one, now)).collect();
        print_json(context.console, &json!({ "holds": holds }));
        return Ok(());
    }
    if holds.is_empty() {
        context.console.say(notice(Notice::NoHold));
        return Ok(());
    }
    let headings = &["HOLD", "RECORD", "OF", "STATE", "REVIEW", "GROUND", "AUTHORITY", "REASON"];
    let mut table = Table::new(headings);
    for one in &holds {
        let hold = &one.hold;
        let due = if is_due(one, now) { " DUE" } else { "" };
        table.row([
            &name(&hold.hold_id),
            &record_reference(&hold.record_id),
            hold.origin.as_str(),
            in_words(one.state),
            &format!("{}{due}", day(hold.review_at)),
            hold.ground.as_str(),
            &hold.authority,
            &hold.reason,
        ]);
    }
    table.print(context.console);
    Ok(())
}

fn show(context: &mut Context<'_>, reading: &HeldReading, now: Timestamp) {
    let HeldReading { standing, version, made_at, says, older } = reading;
    if context.format == Format::Json {
        let says = says.iter().map(|one| json!({ "key": one.key, "value": one.after }));
        let value = json!({
            "hold": standing_json(standing, now),
            "version": version.to_string(),
            "made_at": instant_json(Some(*made_at)),
            "says": says.collect::<Vec<_>>(),
            "older": older.iter().map(version_json).collect::<Vec<_>>(),
        });
        return print_json(context.console, &value);
    }
    let hold = &standing.hold;
    let (record, state) = (record_reference(&hold.record_id), in_words(standing.state));
    let origin = &hold.origin;
    context.console.data(&format!("{record} of {origin}, version {version}, {state}\n"));
    let (name, review) = (name(&hold.hold_id), day(hold.review_at));
    let due = if is_due(standing, now) { ", which is DUE" } else { "" };
    let (authority, reason) = (plain(&hold.authority), plain(&hold.reason));
    let placed = format!("placed {} by {}", day(hold.placed_at), hold.placed_by);
    context
        .console
        .data(&format!("  {name} ordered by {authority}; {placed}; review {review}{due}\n"));
    context.console.data(&format!("  ground: {}\n", hold.ground));
    context.console.data(&format!("  why: {reason}\n"));
    for one in says {
        context.console.data(&format!("  {:<22} {}\n", one.key, plain(&one.after)));
    }
    for past in older {
        let (number, made) = (past.version, day(past.made_at));
        context.console.data(&format!("  kept with it: version {number} of {made}\n"));
        for one in &past.differences {
            context.console.data(&format!("    {:<20} {}\n", one.key, plain(&one.after)));
        }
    }
    context.console.say(notice(Notice::ReadForProceeding));
}

fn standing_json(standing: &HoldStanding, now: Timestamp) -> Value {
    let hold = &standing.hold;
    let state = match standing.state {
        HeldState::InUse => "IN_USE",
        HeldState::Expired => "EXPIRED",
        HeldState::Withdrawn => "WITHDRAWN",
    };
    json!({
        "hold_id": hold.hold_id.to_string(),
        "record_id": hold.record_id.to_string(),
        "origin": hold.origin.as_str(),
        "agreement": hold.agreement.as_str(),
        "case_id": case_json(Some(hold.case)),
        "reason": hold.reason,
        "authority": hold.authority,
        "review_at": instant_json(Some(hold.review_at)),
        "review_due": is_due(standing, now),
        "placed_at": instant_json(Some(hold.placed_at)),
        "ground": hold.ground.as_str(),
        "placed_by": hold.placed_by.as_str(),
        "state": state,
    })
}

fn is_due(standing: &HoldStanding, now: Timestamp) -> bool {
    standing.hold.review_at <= now
}

const fn in_words(state: HeldState) -> &'static str {
    match state {
        HeldState::InUse => "in use",
        HeldState::Expired => "expired, kept",
        HeldState::Withdrawn => "withdrawn, kept",
    }
}

/// `H-` and the first eight digits.
fn name(id: &HoldId) -> String {
    let digits: String = id.to_string().chars().take(8).collect();
    format!("H-{digits}")
}

/// Reads `H-20b41f07`, the same without `H-`, or the whole id.
fn hold_reference(given: &str) -> Result<HoldReference, Failure> {
    let wrong = || Failure::HoldReference { given: given.chars().take(64).collect() };
    let bytes = whole_bytes(given, ["H-", "h-"]).ok_or_else(wrong)?;
    HoldReference::new(&bytes).map_err(|_| wrong())
}
