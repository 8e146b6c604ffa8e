//! `malines duties`: who has not answered, and whom we have not answered, what is overdue first.

use super::Context;
use crate::arguments::Duties;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, notice, sentence};
use crate::output::{Format, Table, day, instant_json, length, print_json, record_reference};
use domain::duty::{Asked, DUTIES_LISTED_MAX, Debtor, Duty};
use domain::time::Timestamp;
use serde_json::{Value, json};

pub(super) fn run(context: &mut Context<'_>, arguments: Duties) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let now = session.now();
    let is_wanted = |duty: &Duty| !arguments.overdue || duty.is_overdue(now);
    let duties = session.duties(DUTIES_LISTED_MAX, is_wanted)?;
    match context.format {
        Format::Json => {
            let duties: Vec<Value> = duties.iter().map(|duty| to_json(duty, now)).collect();
            print_json(context.console, &json!({ "duties": duties }));
        }
        Format::Text => print(context, &duties, arguments.overdue, now),
    }
    Ok(Outcome::Done)
}

fn print(context: &mut Context<'_>, duties: &[Duty], overdue_only: bool, now: Timestamp) {
    if duties.is_empty() {
        let nothing = match overdue_only {
            true => Notice::NothingOverdue,
            false => Notice::EverybodyAnswered,
        };
        return context.console.say(notice(nothing));
    }
    let headings = &["DUE", "WHO", "OWES", "RECORD", "AGREEMENT", "SINCE"];
    let mut table = Table::new(headings);
    for duty in duties {
        table.row([
            &due(duty, now),
            who(duty),
            &owes(duty),
            &record_reference(&duty.record_id),
            duty.agreement.as_str(),
            &day(duty.since),
        ]);
    }
    table.print(context.console);
    let overdue = duties.iter().filter(|duty| duty.is_overdue(now));
    let ours = overdue.clone().filter(|duty| duty.debtor == Debtor::Ourselves).count();
    let overdue = overdue.count();
    if overdue > 0 {
        context.console.say(&sentence::duties_overdue(overdue, ours));
    }
}

/// Who has to do something.
fn who(duty: &Duty) -> &str {
    match duty.debtor {
        Debtor::Partner => duty.agency.as_str(),
        Debtor::Ourselves => "we",
    }
}

fn owes(duty: &Duty) -> String {
    match (duty.asked, duty.kept_until) {
        (_, Some(review)) => {
            format!("KEPT under its legal hold, review {}: the word that it is erased", day(review))
        }
        (Asked::Withdrawal, None) => "acknowledges the withdrawal".to_owned(),
        (Asked::Correction, None) => match duty.version {
            Some(version) => format!("acknowledges the correction, version {version}"),
            None => "acknowledges the correction".to_owned(),
        },
        (Asked::Erasure, None) => "acknowledges the erasure".to_owned(),
        (Asked::DisputeAnswer, None) => match duty.debtor {
            Debtor::Partner => "answers our dispute".to_owned(),
            Debtor::Ourselves => format!("answer the dispute of {}", duty.agency),
        },
        (Asked::Review, None) => {
            "review it: correct it with a later day, or withdraw it".to_owned()
        }
        (Asked::Remedy, None) => "correct or withdraw it: a dispute was upheld".to_owned(),
    }
}

/// `OVERDUE 3 d`, or `in 5 h`.
fn due(duty: &Duty, now: Timestamp) -> String {
    if duty.is_overdue(now) {
        format!("OVERDUE {}", length(duty.due, now))
    } else {
        format!("in {}", length(now, duty.due))
    }
}

fn to_json(duty: &Duty, now: Timestamp) -> Value {
    json!({
        "debtor": duty.debtor.as_str(),
        "agency": duty.agency.as_str(),
        "agreement": duty.agreement.as_str(),
        "record_id": duty.record_id.to_string(),
        "asked": duty.asked.as_str(),
        "version": duty.version.map(|version| version.to_string()),
        "since": instant_json(Some(duty.since)),
        "due": instant_json(Some(duty.due)),
        "overdue": duty.is_overdue(now),
        "kept_until": instant_json(duty.kept_until),
    })
}
