//! `malines import`: what another system exported, read offline, every skip with its reason.

use super::{Context, Detail};
use crate::answers;
use crate::arguments::{Consent, ImportCommand};
use crate::config::{self, LIST_BYTES_MAX};
use crate::console::{Style, plain};
use crate::delivery::{self, Prepared, Spoiled};
use crate::error::{Failure, Outcome};
use crate::message::{self, Language, Notice, notice, sentence};
use crate::output::{self, Format, Table, count, print_json};
use domain::name::CaseId;
use domain::time::Timestamp;
use fingerprint::NegativeBank;
use interop::misp::{self, EventPlan, Limits, Marked, Plan, Reason};
use interop::{Fault, LABELS_BYTES_MAX, Labelling};
use rand_core::UnwrapErr;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn run(context: &mut Context<'_>, command: ImportCommand) -> Result<Outcome, Failure> {
    let ImportCommand::Misp { file, labels, case, consent } = command;
    let labelling = labels.as_deref().map(read_labels).transpose()?;
    // A dry run works on a machine without a profile, and then knows the shipped contacts only.
    let bank = match context.profile() {
        Ok(profile) => profile.bank()?,
        Err(Failure::NoHome | Failure::ProfileMissing { .. }) if consent.dry_run => {
            NegativeBank::shipped()
        }
        Err(failure) => return Err(failure),
    };
    let plan = read_plan(context, &file, labelling.as_ref(), &bank)?;
    if consent.dry_run {
        return Ok(forecast(context, &plan, labelling.as_ref()));
    }
    let Some(labelling) = labelling else {
        return Err(Failure::AnswerMissing { key: "labels" });
    };
    if plan.events.iter().all(|event| event.candidates.is_empty()) {
        return Err(Failure::NothingToCompare);
    }
    send(context, &plan, &labelling, case.as_deref(), consent)
}

fn read_labels(file: &Path) -> Result<Labelling, Failure> {
    let bytes_max = u64::try_from(LABELS_BYTES_MAX).unwrap_or(u64::MAX);
    let labelling =
        Labelling::parse(&config::read_text(file, bytes_max)?).map_err(Failure::Import)?;
    if let Some(benefit) = &labelling.benefit {
        let wrong = |why| Failure::FileInvalid {
            file: file.to_owned(),
            line: 0,
            why: format!("`benefit`: {why}"),
        };
        answers::ground(&benefit.ground).map_err(wrong)?;
    }
    Ok(labelling)
}

fn read_plan(
    context: &mut Context<'_>,
    file: &Path,
    labelling: Option<&Labelling>,
    bank: &NegativeBank,
) -> Result<Plan, Failure> {
    let bytes = config::read_or_input(context.console, file, LIST_BYTES_MAX)?;
    let limits = Limits { bytes_max: LIST_BYTES_MAX, ..Limits::default() };
    let document = misp::read(&bytes, &limits);
    drop(bytes);
    document.map(|document| misp::plan(document, labelling, bank)).map_err(Failure::Import)
}

/// What would be submitted. Needs no node: what the agreement and policy say of it is asked when it
/// is sent.
fn forecast(context: &mut Context<'_>, plan: &Plan, labelling: Option<&Labelling>) -> Outcome {
    let now = context.environment.now;
    let checked: Vec<Vec<Option<Fault>>> =
        plan.events.iter().map(|event| check(event, labelling, now)).collect();
    match context.format {
        Format::Json => {
            let events = plan.events.iter().zip(&checked);
            let events: Vec<Value> =
                events.map(|(event, faults)| event_json(event, faults)).collect();
            let value = json!({ "form": plan.form.code(), "dry_run": true, "events": events });
            print_json(context.console, &value);
        }
        Format::Text => print_forecast(context, plan, &checked),
    }
    let mut faults = checked.iter().flatten();
    if labelling.is_some() && faults.any(Option::is_some) {
        Outcome::Incomplete
    } else {
        Outcome::Done
    }
}

/// Why each candidate could not be submitted, under these labels; nothing without labels.
fn check(event: &EventPlan, labelling: Option<&Labelling>, now: Timestamp) -> Vec<Option<Fault>> {
    let Some(labelling) = labelling else {
        return vec![None; event.candidates.len()];
    };
    let mut entropy = UnwrapErr(getrandom::SysRng);
    let submissions = event.submissions(labelling, None, now, &mut entropy);
    submissions.into_iter().map(Result::err).collect()
}

fn print_forecast(context: &mut Context<'_>, plan: &Plan, checked: &[Vec<Option<Fault>>]) {
    let events = count(plan.events.len(), "event", "events");
    context.console.data(&format!("{events} (form {})\n", plan.form.code()));
    if plan.events.is_empty() {
        context.console.say(notice(Notice::NoEvent));
    }
    for (number, (event, faults)) in (1..).zip(plan.events.iter().zip(checked)) {
        print_event(context, number, event, faults);
    }
    if plan.misshapen > 0 {
        let places = usize::try_from(plan.misshapen).unwrap_or(usize::MAX);
        context.console.say(&sentence::no_events(places));
    }
    let mut notes: BTreeMap<&str, usize> = BTreeMap::new();
    for note in plan.events.iter().flat_map(|event| &event.notes) {
        *notes.entry(message::about_event(Language::English, *note)).or_insert(0) += 1;
    }
    for (text, events) in notes {
        context.console.say(&sentence::about_events(events, text));
    }
    let total: usize = plan.events.iter().map(|event| event.candidates.len()).sum();
    let skipped: usize = plan.events.iter().map(|event| event.skipped.len()).sum();
    context.console.say(&sentence::would_import(total, skipped));
}

fn print_event(
    context: &mut Context<'_>,
    number: usize,
    event: &EventPlan,
    faults: &[Option<Fault>],
) {
    let uuid = event.uuid.map_or("without a global id".to_owned(), |uuid| uuid.to_string());
    let title = context.console.styled_data(Style::Strong, &format!("event {number}"));
    let name = plain(event.title.expose());
    context.console.data(&format!("\n{title}  {uuid}  {name}\n"));
    let counts = &event.counts;
    let line = format!(
        "{}, {} with {}, {}: {} to submit, {} skipped\n",
        count(counts.attributes, "attribute", "attributes"),
        count(counts.objects, "object", "objects"),
        count(counts.object_attributes, "attribute", "attributes"),
        count(counts.proposals, "proposal", "proposals"),
        counts.candidates,
        counts.skipped
    );
    context.console.data(&line);
    let mut table = Table::new(&["COUNT", "WHAT", "MEANING"]);
    for ((kind, tlp), number) in by_kind(event) {
        table.row([&number.to_string(), kind, &format!("to submit, TLP {tlp}")]);
    }
    for (reason, number) in &counts.by_reason {
        table.row([
            &number.to_string(),
            reason.code(),
            message::skipped(Language::English, *reason),
        ]);
    }
    if !table.is_empty() {
        table.print(context.console);
    }
    if context.detail == Detail::All {
        print_skipped(context, event);
    }
    let mut refused: BTreeMap<String, (usize, &Fault)> = BTreeMap::new();
    for fault in faults.iter().flatten() {
        refused.entry(fault.to_string()).or_insert((0, fault)).0 += 1;
    }
    for (text, (number, fault)) in refused {
        context.console.say(&sentence::cannot_submit(number, &plain(&text)));
        let hint = context.console.styled(Style::Quiet, &sentence::hint_below(fault.hint()));
        context.console.say(&hint);
    }
}

fn print_skipped(context: &mut Context<'_>, event: &EventPlan) {
    let mut table = Table::new(&["SKIPPED", "REASON", "RULE"]);
    for skipped in event.skipped.iter().filter(|skipped| skipped.reason != Reason::Proposal) {
        let rule = skipped.refused.map_or("", fingerprint::Refused::code);
        table.row([&skipped.place.to_string(), skipped.reason.code(), rule]);
    }
    if !table.is_empty() {
        table.print(context.console);
    }
}

fn by_kind(event: &EventPlan) -> BTreeMap<(&'static str, &'static str), usize> {
    let mut kinds = BTreeMap::new();
    for candidate in &event.candidates {
        let key = (candidate.normalised.kind.as_str(), candidate.tlp.as_str());
        *kinds.entry(key).or_insert(0) += 1;
    }
    kinds
}

fn send(
    context: &mut Context<'_>,
    plan: &Plan,
    labelling: &Labelling,
    case: Option<&str>,
    consent: Consent,
) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let case: Option<CaseId> =
        case.map(|given| session.case(given)).transpose()?.map(|case| case.case_id);
    let mut entropy = UnwrapErr(getrandom::SysRng);
    let (mut prepared, mut spoiled) = (Vec::new(), Vec::new());
    let mut order = 0;
    for (number, event) in (1..).zip(&plan.events) {
        let submissions = event.submissions(labelling, case, session.now(), &mut entropy);
        for (candidate, submission) in event.candidates.iter().zip(submissions) {
            order += 1;
            let place = format!("event {number}, {}", candidate.place);
            match submission {
                Ok(submission) => prepared.push(Prepared { order, place, submission }),
                Err(fault) => {
                    spoiled.push(Spoiled { order, place, failure: Failure::Import(fault) })
                }
            }
        }
    }
    let skipped: usize = plan.events.iter().map(|event| event.skipped.len()).sum();
    if context.format == Format::Text {
        let line = sentence::to_import(plan.events.len(), prepared.len(), skipped);
        context.console.say(&line);
    }
    let events: Vec<Value> = plan.events.iter().map(|event| event_json(event, &[])).collect();
    let more =
        json!({ "form": plan.form.code(), "case_id": output::case_json(case), "events": events });
    delivery::deliver(context, &session, prepared, spoiled, consent, more)
}

fn event_json(event: &EventPlan, faults: &[Option<Fault>]) -> Value {
    let candidates = event.candidates.iter().enumerate().map(|(index, candidate)| {
        json!({
            "place": candidate.place.to_string(),
            "kind": candidate.normalised.kind.as_str(),
            "tlp": candidate.tlp.as_str(),
            "marked": marked_code(candidate.marked),
            "code": faults.get(index).and_then(Option::as_ref).map(fault_code),
        })
    });
    let skipped = event.skipped.iter().map(|skipped| {
        let rule = skipped.refused.map(fingerprint::Refused::code);
        json!({ "place": skipped.place.to_string(), "reason": skipped.reason.code(), "rule": rule })
    });
    let counts = &event.counts;
    let by_reason: BTreeMap<&str, usize> =
        counts.by_reason.iter().map(|(reason, number)| (reason.code(), *number)).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for ((kind, _), number) in by_kind(event) {
        *kinds.entry(kind).or_insert(0) += number;
    }
    json!({
        "uuid": event.uuid.map(|uuid| uuid.to_string()),
        "counts": {
            "attributes": counts.attributes,
            "objects": counts.objects,
            "object_attributes": counts.object_attributes,
            "proposals": counts.proposals,
            "candidates": counts.candidates,
            "skipped": counts.skipped,
            "by_reason": by_reason,
        },
        "by_kind": kinds,
        "notes": event.notes.iter().map(|note| note.code()).collect::<Vec<_>>(),
        "candidates": candidates.collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(),
    })
}

/// Who decided how far it may travel.
const fn marked_code(marked: Marked) -> &'static str {
    match marked {
        Marked::ByTags => "BY_TAGS",
        Marked::ByLabels => "BY_LABELS",
        Marked::ByNobody => "BY_NOBODY",
    }
}

/// The code of the rule about records, else that the labels file is short of something.
fn fault_code(fault: &Fault) -> &'static str {
    match fault {
        Fault::Refused(code) => code.as_str(),
        Fault::LabelMissing { .. } => "LABEL_MISSING",
        _ => "IMPORT",
    }
}
