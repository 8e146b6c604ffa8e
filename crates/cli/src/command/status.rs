//! `malines status`: the node, its agreements and its partners at a glance.

use super::{Context, Detail};
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, notice, sentence};
use crate::output::{Format, Table, ago, day, instant_json, print_json};
use domain::report::{Link, NodeStatus, PartnerStatus, UpkeepStatus};
use domain::time::Timestamp;
use serde_json::{Value, json};

/// More than this between two clocks is worth a word, in milliseconds.
const CLOCK_DIFFERENCE_MS_MAX: u64 = 30_000;

pub(super) fn run(context: &mut Context<'_>) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let status = session.status()?;
    match context.format {
        Format::Json => print_json(context.console, &to_json(&status)),
        Format::Text => {
            tell_node(context, &status, session.now());
            agreements(&status).print(context.console);
            if status.partners.is_empty() {
                context.console.say(notice(Notice::NoPartner));
            } else {
                context.console.data("\n");
                partners(&status, context.detail).print(context.console);
            }
        }
    }
    Ok(Outcome::Done)
}

fn tell_node(context: &mut Context<'_>, status: &NodeStatus, now: Timestamp) {
    context.console.say(&sentence::node(status, &plain(&status.version)));
    if !status.recovery.is_empty() {
        context.console.say(&sentence::recovery(&plain(&status.recovery)));
    }
    tell_upkeep(context, status);
    if status.overdue_duties > 0 {
        let overdue = usize::try_from(status.overdue_duties).unwrap_or(usize::MAX);
        context.console.say(&sentence::duties_waiting(overdue));
    }
    if status.clock.as_millis().abs_diff(now.as_millis()) > CLOCK_DIFFERENCE_MS_MAX {
        context.console.say(&sentence::clocks(status.clock, now));
    }
}

/// When expired records were last taken off the disk, and what waits for a person.
fn tell_upkeep(context: &mut Context<'_>, status: &NodeStatus) {
    let UpkeepStatus { last, overdue, reviews_due, note } = &status.upkeep;
    let last = last.map(|last| ago(last, status.clock));
    context.console.say(&sentence::upkeep(last.as_deref()));
    if !note.is_empty() {
        context.console.say(&sentence::upkeep_failed(&plain(note)));
    }
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    if *overdue > 0 {
        context.console.say(&sentence::past_end(number(*overdue)));
    }
    if *reviews_due > 0 {
        context.console.say(&sentence::holds_due(number(*reviews_due)));
    }
}

fn agreements(status: &NodeStatus) -> Table {
    let mut table = Table::new(&["AGREEMENT", "STANDING", "VALID UNTIL", "PARTIES"]);
    for one in &status.agreements {
        let parties: Vec<&str> = one.parties.iter().map(|agency| agency.as_str()).collect();
        table.row([
            one.agreement.as_str(),
            &one.standing,
            &day(one.valid_until),
            &parties.join(", "),
        ]);
    }
    table
}

fn partners(status: &NodeStatus, detail: Detail) -> Table {
    let last = |partner: &PartnerStatus| {
        partner.last_sync.map_or("never".to_owned(), |last| ago(last, status.clock))
    };
    match detail {
        Detail::Usual => {
            let mut table = Table::new(&["PARTNER", "LINK", "RECORDS HERE", "LAST SYNC", "NOTE"]);
            for partner in &status.partners {
                let records = partner.records_in.to_string();
                let link = link(partner.link);
                table.row([partner.agency.as_str(), link, &records, &last(partner), &partner.note]);
            }
            table
        }
        Detail::All => {
            let headings = &[
                "PARTNER",
                "COUNTRY",
                "LINK",
                "RECORDS HERE",
                "CLASSES GRANTED",
                "LAST SYNC",
                "NOTE",
            ];
            let mut table = Table::new(headings);
            for partner in &status.partners {
                let (records, classes) =
                    (partner.records_in.to_string(), partner.classes_out.to_string());
                let (agency, country) = (partner.agency.as_str(), partner.country.as_str());
                let (link, last) = (link(partner.link), last(partner));
                table.row([agency, country, link, &records, &classes, &last, &partner.note]);
            }
            table
        }
    }
}

const fn link(link: Link) -> &'static str {
    match link {
        Link::Up => "up",
        Link::Down => "down",
        Link::Connecting => "connecting",
    }
}

fn to_json(status: &NodeStatus) -> Value {
    let agreements = status.agreements.iter().map(|one| {
        let parties: Vec<&str> = one.parties.iter().map(|agency| agency.as_str()).collect();
        json!({
            "agreement": one.agreement.as_str(),
            "standing": one.standing,
            "valid_until": instant_json(Some(one.valid_until)),
            "parties": parties,
        })
    });
    let partners = status.partners.iter().map(|partner| {
        json!({
            "agency": partner.agency.as_str(),
            "country": partner.country.as_str(),
            "link": link(partner.link),
            "records_in": partner.records_in,
            "classes_out": partner.classes_out,
            "last_sync": instant_json(partner.last_sync),
            "note": partner.note,
        })
    });
    json!({
        "agency": status.agency.as_str(),
        "version": status.version,
        "clock": instant_json(Some(status.clock)),
        "own_records": status.own_records,
        "audit_size": status.audit_size,
        "upkeep": {
            "last": instant_json(status.upkeep.last),
            "overdue": status.upkeep.overdue,
            "reviews_due": status.upkeep.reviews_due,
            "note": status.upkeep.note,
        },
        "overdue_duties": status.overdue_duties,
        "agreements": agreements.collect::<Vec<_>>(),
        "partners": partners.collect::<Vec<_>>(),
        "recovery": (!status.recovery.is_empty()).then_some(&status.recovery),
    })
}
