//! `malines dispute`: a record that is wrong is not matched, its originator is told, and answers.

use super::Context;
use super::withdraw::reference;
use crate::arguments::{Dispute, DisputeCommand};
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, Phrase, notice};
use crate::output::{Format, Table, ago, day, instant_json, length, print_json, record_reference};
use domain::dispute::{
    AnswerReceipt, DISPUTE_NOTE_CHARACTERS_MAX, DISPUTES_MAX, DisputeOrder, DisputeReceipt,
    DisputeSide, DisputeState, ListedDispute, Note, Ruling, Verdict,
};
use domain::refusal::RefusalCode;
use domain::submission::Repeated;
use domain::time::Timestamp;
use serde_json::{Value, json};

pub(super) fn run(context: &mut Context<'_>, arguments: Dispute) -> Result<Outcome, Failure> {
    let Dispute { command, record, case, reason, note } = arguments;
    match command {
        None => raise(
            context,
            &given(record, "record")?,
            &given(case, "case")?,
            &given(reason, "reason")?,
            note,
        )?,
        Some(DisputeCommand::List) => list(context)?,
        Some(DisputeCommand::Answer { record, uphold: _, reject, note, yes }) => {
            let reason = reject.map(|word| word.parse()).transpose();
            let reason = reason.map_err(|error: domain::closed::UnknownValue| {
                Failure::AnswerInvalid { why: error.to_string() }
            })?;
            let verdict = if reason.is_some() { Verdict::Rejected } else { Verdict::Upheld };
            let ruling = Ruling { verdict, reason, note: checked(note)? };
            let record = reference(&record)?;
            let session = context.session()?;
            if !yes {
                context.console.confirm(Phrase::AnswerDispute)?;
            }
            let answered = session.rule_on_disputes(record, ruling);
            print_answer(context, &answered.map_err(undisputed)?);
        }
        Some(DisputeCommand::Lift { record, yes }) => {
            let record = reference(&record)?;
            let session = context.session()?;
            if !yes {
                context.console.confirm(Phrase::LiftDispute)?;
            }
            let receipt = session.lift_dispute(record).map_err(undisputed)?;
            match context.format {
                Format::Json => print_json(
                    context.console,
                    &json!({
                        "record_id": receipt.record_id.to_string(),
                        "audit_sequence": receipt.audit_sequence,
                    }),
                ),
                Format::Text => {
                    let (record, entry) =
                        (record_reference(&receipt.record_id), receipt.audit_sequence);
                    let line = format!("{record} is matched here again, audit entry {entry}\n");
                    context.console.data(&line);
                }
            }
        }
    }
    Ok(Outcome::Done)
}

/// clap asks for them; a sub-command does without.
fn given(value: Option<String>, key: &'static str) -> Result<String, Failure> {
    value.ok_or(Failure::AnswerMissing { key })
}

fn raise(
    context: &mut Context<'_>,
    record: &str,
    case: &str,
    reason: &str,
    note: Option<String>,
) -> Result<(), Failure> {
    let record = reference(record)?;
    let reason = reason.parse();
    let reason = reason.map_err(|error: domain::closed::UnknownValue| Failure::AnswerInvalid {
        why: error.to_string(),
    })?;
    let note = checked(note)?;
    let session = context.session()?;
    let case = session.case(case)?.case_id;
    let raised = session.dispute_record(record, DisputeOrder { case, reason, note });
    let receipt = raised.map_err(|failure| match failure {
        Failure::Refused(refusal) if refusal.code == RefusalCode::OriginMismatch => {
            Failure::DisputeOfOwn
        }
        other => other,
    })?;
    print_receipt(context, &receipt, session.now());
    Ok(())
}

/// Nothing that could name somebody travels in a note.
fn checked(note: Option<String>) -> Result<Option<Note>, Failure> {
    let wrong = |code| Failure::AnswerInvalid {
        why: match code {
            RefusalCode::TooLarge => {
                format!("`--note` has at most {DISPUTE_NOTE_CHARACTERS_MAX} characters")
            }
            _ => "`--note` travels: no number, link or address in it, and not nothing".to_owned(),
        },
    };
    note.map(|words| Note::new(words.trim()).map_err(wrong)).transpose()
}

/// The node says that nothing is held; what was looked for is a dispute.
fn undisputed(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(refusal) if refusal.code == RefusalCode::NotHeld => Failure::NotDisputed,
        other => other,
    }
}

fn print_receipt(context: &mut Context<'_>, receipt: &DisputeReceipt, now: Timestamp) {
    let DisputeReceipt { record_id, origin, due, repeated, audit_sequence } = receipt;
    match context.format {
        Format::Json => print_json(
            context.console,
            &json!({
                "record_id": record_id.to_string(),
                "origin": origin.as_str(),
                "due": instant_json(Some(*due)),
                "repeated": *repeated == Repeated::Yes,
                "audit_sequence": audit_sequence,
            }),
        ),
        Format::Text => {
            let (record, within) = (record_reference(record_id), length(now, *due));
            let line = match repeated {
                Repeated::Yes => {
                    format!("{record} is disputed already; {origin} has {within} to answer\n")
                }
                Repeated::No => format!(
                    "{record} of {origin} is not matched here any more, audit entry {audit_sequence}; \
                     {origin} is told and has {within} to answer\n"
                ),
            };
            context.console.data(&line);
        }
    }
}

fn print_answer(context: &mut Context<'_>, receipt: &AnswerReceipt) {
    let told: Vec<&str> = receipt.told.iter().map(|agency| agency.as_str()).collect();
    match context.format {
        Format::Json => print_json(
            context.console,
            &json!({
                "record_id": receipt.record_id.to_string(),
                "verdict": receipt.verdict.as_str(),
                "told": told,
                "version": receipt.version.to_string(),
                "matching": receipt.matching.map(|stop| stop.as_str()),
                "audit_sequence": receipt.audit_sequence,
            }),
        ),
        Format::Text => {
            let (record, entry) = (record_reference(&receipt.record_id), receipt.audit_sequence);
            let told = told.join(", ");
            let verdict = match receipt.verdict {
                Verdict::Upheld => "upheld",
                Verdict::Rejected => "rejected",
            };
            context
                .console
                .data(&format!("{record} {verdict}, told {told}, audit entry {entry}\n"));
            if receipt.matching.is_some() {
                context.console.say(notice(Notice::NobodyMatches));
            }
        }
    }
}

fn list(context: &mut Context<'_>) -> Result<(), Failure> {
    let session = context.session()?;
    let (disputes, now) = (session.disputes(DISPUTES_MAX)?, session.now());
    if context.format == Format::Json {
        let disputes: Vec<Value> = disputes.iter().map(|one| to_json(one, now)).collect();
        print_json(context.console, &json!({ "disputes": disputes }));
        return Ok(());
    }
    if disputes.is_empty() {
        context.console.say(notice(Notice::NoDispute));
        return Ok(());
    }
    let headings = &["RECORD", "OF", "DISPUTED BY", "REASON", "SINCE", "STATE", "NOTE"];
    let mut table = Table::new(headings);
    for one in &disputes {
        let (of, by) = match one.side {
            DisputeSide::Raised => (one.partner.as_str(), "us"),
            DisputeSide::Received => ("us", one.partner.as_str()),
        };
        let note = one.answer_note.as_ref().or(one.note.as_ref());
        table.row([
            &record_reference(&one.record_id),
            of,
            by,
            one.reason.as_str(),
            &day(one.at),
            &state(one, now),
            note.map(Note::as_str).unwrap_or_default(),
        ]);
    }
    table.print(context.console);
    Ok(())
}

fn state(one: &ListedDispute, now: Timestamp) -> String {
    let due = match one.due <= now {
        true => format!("OVERDUE, was due {}", ago(one.due, now)),
        false => format!("answer due in {}", length(now, one.due)),
    };
    match (one.state, one.rejection) {
        (DisputeState::Waiting, _) => format!("not delivered yet; {due}"),
        (DisputeState::Open, _) => due,
        (DisputeState::Upheld, _) => "upheld: a correction or withdrawal follows".to_owned(),
        (DisputeState::Rejected, reason) => {
            let reason = reason.map_or("", |reason| reason.as_str());
            format!("rejected, {}: `malines dispute lift` matches again", plain(reason))
        }
    }
}

fn to_json(one: &ListedDispute, now: Timestamp) -> Value {
    let is_open = matches!(one.state, DisputeState::Waiting | DisputeState::Open);
    json!({
        "side": one.side.as_str(),
        "partner": one.partner.as_str(),
        "agreement": one.agreement.as_str(),
        "record_id": one.record_id.to_string(),
        "version": one.version.to_string(),
        "reason": one.reason.as_str(),
        "note": one.note.as_ref().map(Note::as_str),
        "at": instant_json(Some(one.at)),
        "due": instant_json(Some(one.due)),
        "overdue": is_open && one.due <= now,
        "state": one.state.as_str(),
        "rejection": one.rejection.map(|reason| reason.as_str()),
        "answer_note": one.answer_note.as_ref().map(Note::as_str),
    })
}
