//! Hands submissions to the node: first says what leaves and what stays, then asks, then sends.

use crate::arguments::Consent;
use crate::command::Context;
use crate::console::{Console, Style, Surface, plain};
use crate::error::{Failure, Outcome};
use crate::matching;
use crate::message::{self, Language, Phrase, phrase, sentence};
use crate::output::{Format, Table, print_json, record_reference};
use crate::reason::{Reasons, is_by_a_rule};
use crate::session::Session;
use domain::report::Mode;
use domain::submission::{Fate, Outlook, Repeated, Submission, SubmissionReceipt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wire::convert::submission::SubmissionResult;

/// The most bad rows that are told on a terminal, one by one.
const BAD_ROWS_SHOWN_MAX: usize = 200;

/// From so many rows on, progress is shown.
const ROWS_LONG: u64 = 1024;

/// One submission and where it comes from.
pub(crate) struct Prepared {
    /// Its place among all that were read.
    pub(crate) order: u64,
    /// A line of a list, or a place in an event.
    pub(crate) place: String,
    /// What is sent.
    pub(crate) submission: Submission,
}

/// Something that cannot be sent.
pub(crate) struct Spoiled {
    /// Its place among all that were read.
    pub(crate) order: u64,
    /// A line of a list, or a place in an event.
    pub(crate) place: String,
    /// Why.
    pub(crate) failure: Failure,
}

/// What is known of a submission once it is on its way.
struct Sent {
    order: u64,
    place: String,
    kind: &'static str,
}

/// What came of it all.
struct Delivered {
    mode: Mode,
    places: Vec<Sent>,
    results: Vec<SubmissionResult>,
    spoiled: Vec<Spoiled>,
    reasons: Reasons,
}

/// Tells what is wrong with each thing that cannot be sent.
pub(crate) fn tell_spoiled(console: &mut Console, spoiled: &[Spoiled]) {
    for one in spoiled.iter().take(BAD_ROWS_SHOWN_MAX) {
        console.say(&sentence::failed_at(&one.place, &one.failure));
        let hint = console.styled(Style::Quiet, &sentence::hint_below(one.failure.hint()));
        console.say(&hint);
    }
    if spoiled.len() > BAD_ROWS_SHOWN_MAX {
        console.say(&sentence::more(spoiled.len() - BAD_ROWS_SHOWN_MAX));
    }
}

/// Shows the forecast of the node, asks, and sends.
///
/// # Errors
/// [`Failure::NothingToSend`] if there is nothing, [`Failure::Declined`], [`Failure::NobodyToAsk`],
/// and those of the session.
pub(crate) fn deliver(
    context: &mut Context<'_>,
    session: &Session,
    prepared: Vec<Prepared>,
    spoiled: Vec<Spoiled>,
    consent: Consent,
    more: Value,
) -> Result<Outcome, Failure> {
    tell_spoiled(context.console, &spoiled);
    if prepared.is_empty() && spoiled.is_empty() {
        return Err(Failure::NothingToSend);
    }
    let mut places = Vec::with_capacity(prepared.len());
    let mut submissions = Vec::with_capacity(prepared.len());
    for one in prepared {
        let kind = one.submission.kind.as_str();
        places.push(Sent { order: one.order, place: one.place, kind });
        submissions.push(one.submission);
    }
    let forecast = send(context.console, session, &submissions, Mode::DryRun)?;
    let allowed = forecast.iter().filter(|result| result.is_ok()).count();
    let to_data = consent.dry_run && context.format == Format::Text;
    let outlook = forecast.iter().flatten().flat_map(|receipt| &receipt.outlook);
    let refusals = forecast.iter().filter_map(|result| result.as_ref().err());
    let reasons = Reasons::of_outlook(session, outlook, refusals);
    tell_forecast(context.console, &places, &forecast, &reasons, to_data);
    let (mode, results) = if consent.dry_run || allowed == 0 {
        (Mode::DryRun, forecast)
    } else {
        if !consent.yes {
            context.console.confirm(Phrase::Send)?;
        }
        (Mode::Real, send(context.console, session, &submissions, Mode::Real)?)
    };
    let delivered = Delivered { mode, places, results, spoiled, reasons };
    match context.format {
        Format::Json => delivered.print_json(context.console, consent, more),
        Format::Text if mode == Mode::DryRun => delivered.tell_refusals(context.console),
        Format::Text => delivered.print(context.console),
    }
    Ok(delivered.outcome())
}

fn send(
    console: &mut Console,
    session: &Session,
    submissions: &[Submission],
    mode: Mode,
) -> Result<Vec<SubmissionResult>, Failure> {
    let steps = u64::try_from(submissions.len()).unwrap_or(u64::MAX);
    let what = if mode == Mode::DryRun { Phrase::Forecasting } else { Phrase::Sending };
    let bar = console.progress(phrase(what), steps, ROWS_LONG);
    let mut sent = 0;
    let results = session.submit(submissions, mode, |done| {
        sent = done;
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    });
    bar.finish_and_clear();
    if mode == Mode::Real && results.is_err() && sent > 0 {
        console.say(&sentence::recorded_before(sent));
    }
    results
}

/// Which kinds share a fate, and how many of each.
type Shared = BTreeMap<String, BTreeMap<&'static str, usize>>;

/// What leaves and what stays: a thousand rows with the same fate are one line.
fn tell_forecast(
    console: &mut Console,
    places: &[Sent],
    forecast: &[SubmissionResult],
    reasons: &Reasons,
    to_data: bool,
) {
    let (mut leaves, mut stays) = (Shared::new(), Shared::new());
    let mut records = 0;
    for (sent, result) in places.iter().zip(forecast) {
        let Ok(receipt) = result else { continue };
        records += 1;
        let (goes, kept) = fates(&receipt.outlook, reasons);
        *leaves.entry(goes).or_default().entry(sent.kind).or_default() += 1;
        for line in kept {
            *stays.entry(line).or_default().entry(sent.kind).or_default() += 1;
        }
    }
    if records == 0 {
        return;
    }
    let mut say = |style: Option<Style>, line: &str| tell(console, style, line, to_data);
    say(Some(Style::Strong), phrase(Phrase::Leaves));
    for (line, kinds) in &leaves {
        say(None, &format!("  {} {line}", kinds_text(kinds)));
    }
    say(Some(Style::Strong), phrase(Phrase::Stays));
    for (line, kinds) in &stays {
        let all = kinds.values().sum::<usize>() == records;
        let of = if all { "all".to_owned() } else { kinds_text(kinds) };
        say(None, &format!("  {of} {line}"));
    }
    say(None, &format!("  {}", phrase(Phrase::RawStays)));
}

/// `PHONE, URL (3)`: a count where there is more than one.
fn kinds_text(kinds: &BTreeMap<&'static str, usize>) -> String {
    let text = |(kind, number): (&&str, &usize)| match number {
        1 => (*kind).to_owned(),
        number => format!("{kind} ({number})"),
    };
    kinds.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The line of one record that says to whom it goes, and those that say from whom it is kept and why.
fn fates(outlook: &[Outlook], reasons: &Reasons) -> (String, Vec<String>) {
    let named = |wanted: fn(&Fate) -> bool| {
        let rows = outlook.iter().filter(|row| wanted(&row.fate));
        rows.map(|row| row.peer.to_string()).collect::<Vec<_>>().join(", ")
    };
    let leaves = named(|fate| matches!(fate, Fate::Leaves));
    let answered = named(|fate| matches!(fate, Fate::AnsweredWhenAsked));
    let mut to = format!("-> {}", if leaves.is_empty() { "nobody" } else { &leaves });
    if !answered.is_empty() {
        to.push_str(&format!("; answered when asked by {answered}"));
    }
    let rule = |row: &Outlook| {
        row.rule.as_ref().map(|rule| format!(" (rule {})", plain(rule))).unwrap_or_default()
    };
    let reason = |row: &Outlook| {
        reasons.get(row.rule.as_deref()).map(|reason| format!("\"{}\"", plain(reason)))
    };
    let kept = outlook.iter().filter_map(|row| match row.fate {
        Fate::Stays(code) => {
            let own = reason(row).filter(|_| is_by_a_rule(code));
            let text = own.unwrap_or_else(|| message::refusal(Language::English, code).text);
            Some(format!("from {}: {code}{}: {text}", row.peer, rule(row)))
        }
        Fate::NeedsApproval => {
            let why = reason(row).map(|why| format!(": {why}")).unwrap_or_default();
            Some(format!("from {}: until a person approves{}{why}", row.peer, rule(row)))
        }
        Fate::Leaves | Fate::AnsweredWhenAsked => None,
    });
    (to, kept.collect())
}

impl Delivered {
    fn outcome(&self) -> Outcome {
        let done = self.results.iter().filter(|result| result.is_ok()).count();
        let total = self.results.len() + self.spoiled.len();
        let refused = |spoiled: &Spoiled| spoiled.failure.outcome() == Outcome::Refused;
        if done == total {
            Outcome::Done
        } else if done > 0 {
            Outcome::Incomplete
        } else if self.spoiled.iter().all(refused) {
            Outcome::Refused
        } else {
            Outcome::Failed
        }
    }

    fn tell_refusals(&self, console: &mut Console) {
        for (Sent { place, kind, .. }, result) in self.places.iter().zip(&self.results) {
            if let Err(refusal) = result {
                let failure = Failure::Refused(refusal.clone());
                console.say(&sentence::failed_of_kind(place, kind, &failure));
                if let Some(reason) = self.reasons.get(refusal.rule.as_deref()) {
                    console.say(&sentence::because(&plain(reason)));
                }
                let hint = console.styled(Style::Quiet, &sentence::hint_below(failure.hint()));
                console.say(&hint);
            }
        }
    }

    fn print(&self, console: &mut Console) {
        let mut table = Table::new(&["PLACE", "KIND", "RESULT", "RECORD", "AUDIT ENTRY"]);
        for (Sent { place, kind, .. }, result) in self.places.iter().zip(&self.results) {
            match result {
                Ok(receipt) => {
                    let record = record_reference(&receipt.record_id);
                    let audit = receipt.audit_sequence.to_string();
                    table.row([place, kind, state(receipt), &record, &audit]);
                }
                Err(refusal) => table.row([place, kind, &refusal.code.to_string(), "", ""]),
            }
        }
        match (self.results.as_slice(), console.out_surface()) {
            ([Ok(receipt)], Surface::Terminal) if receipt.repeated == Repeated::Yes => {
                let record = record_reference(&receipt.record_id);
                console.data(&format!("already recorded as {record}, nothing new\n"));
            }
            ([Ok(receipt)], Surface::Terminal) => {
                let record = record_reference(&receipt.record_id);
                let line = format!(
                    "{record} {}, audit entry {}\n",
                    state(receipt),
                    receipt.audit_sequence
                );
                console.data(&line);
            }
            _ => table.print(console),
        }
        self.tell_refusals(console);
        let done = self.results.iter().filter(|result| result.is_ok()).count();
        let kept = self.results.len() + self.spoiled.len() - done;
        if kept > 0 {
            console.say(&sentence::recorded(done, kept));
        }
        self.tell_matches(console);
    }

    fn tell_matches(&self, console: &mut Console) {
        let mut is_first = true;
        for (Sent { place, .. }, result) in self.places.iter().zip(&self.results) {
            for hit in result.iter().flat_map(|receipt| &receipt.hits) {
                let text = matching::describe(&hit.summary);
                console.say(&sentence::matches(place, &hit.origin, &text));
                if core::mem::take(&mut is_first) {
                    console.say(&sentence::lead(&matching::caution(&hit.summary)));
                }
            }
        }
    }

    fn print_json(&self, console: &mut Console, consent: Consent, more: Value) {
        let sent = self.places.iter().zip(&self.results).map(|(sent, result)| {
            let Sent { order, place, kind } = sent;
            let value = match result {
                Ok(receipt) => receipt_json(place, kind, receipt, self.mode),
                Err(refusal) => {
                    let code = refusal.code.as_str();
                    json!({ "place": place, "kind": kind, "code": code, "rule": refusal.rule })
                }
            };
            (*order, value)
        });
        let spoiled = self.spoiled.iter().map(|spoiled| {
            let (place, code) = (&spoiled.place, spoiled.failure.code());
            (spoiled.order, json!({ "place": place, "kind": null, "code": code, "rule": null }))
        });
        let mut results: Vec<(u64, Value)> = sent.chain(spoiled).collect();
        results.sort_by_key(|(order, _)| *order);
        let results: Vec<Value> = results.into_iter().map(|(_, value)| value).collect();
        let done = self.results.iter().flatten();
        let repeated = done.clone().filter(|receipt| receipt.repeated == Repeated::Yes).count();
        let (done, total) = (done.count(), results.len());
        let mut value = json!({
            "dry_run": consent.dry_run,
            "counts": { "accepted": done, "repeated": repeated, "refused": total - done },
            "results": results,
        });
        if let (Some(object), Value::Object(more)) = (value.as_object_mut(), more) {
            object.extend(more);
        }
        print_json(console, &value);
    }
}

fn state(receipt: &SubmissionReceipt) -> &'static str {
    match receipt.repeated {
        Repeated::No => "recorded",
        Repeated::Yes => "was recorded before",
    }
}

/// Where a record goes, in JSON.
pub(crate) fn outlook_json(outlook: &[Outlook]) -> Vec<Value> {
    let row = |row: &Outlook| {
        let (fate, code) = match row.fate {
            Fate::Leaves => ("LEAVES", None),
            Fate::AnsweredWhenAsked => ("ANSWERED_WHEN_ASKED", None),
            Fate::NeedsApproval => ("NEEDS_APPROVAL", None),
            Fate::Stays(code) => ("STAYS", Some(code.as_str())),
        };
        json!({ "agency": row.peer.as_str(), "fate": fate, "code": code, "rule": row.rule })
    };
    outlook.iter().map(row).collect()
}

/// What leaves and what stays of one record.
pub(crate) fn tell_outlook(
    console: &mut Console,
    outlook: &[Outlook],
    reasons: &Reasons,
    to_data: bool,
) {
    let (leaves, stays) = fates(outlook, reasons);
    tell(console, Some(Style::Strong), phrase(Phrase::Leaves), to_data);
    tell(console, None, &format!("  the record {leaves}"), to_data);
    tell(console, Some(Style::Strong), phrase(Phrase::Stays), to_data);
    for line in &stays {
        tell(console, None, &format!("  the record {line}"), to_data);
    }
    tell(console, None, &format!("  {}", phrase(Phrase::RawStays)), to_data);
}

fn tell(console: &mut Console, style: Option<Style>, line: &str, to_data: bool) {
    match (style, to_data) {
        (Some(style), true) => console.data(&format!("{}\n", console.styled_data(style, line))),
        (None, true) => console.data(&format!("{line}\n")),
        (Some(style), false) => console.say(&console.styled(style, line)),
        (None, false) => console.say(line),
    }
}

fn receipt_json(place: &str, kind: &str, receipt: &SubmissionReceipt, mode: Mode) -> Value {
    let mut value = json!({
        "place": place,
        "kind": kind,
        "outlook": outlook_json(&receipt.outlook),
        "matches": receipt.hits.iter().map(matching::hit_json).collect::<Vec<_>>(),
    });
    if let (Some(object), Mode::Real) = (value.as_object_mut(), mode) {
        object.insert("record_id".to_owned(), json!(receipt.record_id.to_string()));
        object.insert("version".to_owned(), json!(receipt.version.to_string()));
        object.insert("repeated".to_owned(), json!(receipt.repeated == Repeated::Yes));
        object.insert("audit_sequence".to_owned(), json!(receipt.audit_sequence));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::refusal::{Refusal, RefusalCode};

    fn row(peer: &str, fate: Fate, rule: Option<&str>) -> Outlook {
        Outlook { peer: peer.parse().unwrap(), fate, rule: rule.map(str::to_owned) }
    }

    #[test]
    fn the_fates_of_a_record_are_told_apart() {
        let outlook = [
            row("es-pn", Fate::Leaves, None),
            row("fr-oltim", Fate::Leaves, None),
            row("it-ps", Fate::NeedsApproval, None),
            row("ma-dgsn", Fate::Stays(RefusalCode::NoTransferBasis), Some("C07\u{1b}")),
        ];
        let (leaves, stays) = fates(&outlook, &Reasons::default());
        assert_eq!(leaves, "-> es-pn, fr-oltim");
        assert_eq!(stays[0], "from it-ps: until a person approves");
        assert!(
            stays[1].starts_with("from ma-dgsn: NO_TRANSFER_BASIS (rule C07\\u{1b}): "),
            "{}",
            stays[1]
        );
        let (leaves, stays) =
            fates(&[row("es-pn", Fate::AnsweredWhenAsked, None)], &Reasons::default());
        assert_eq!(leaves, "-> nobody; answered when asked by es-pn");
        assert!(stays.is_empty());
    }

    #[test]
    fn the_exit_code_says_how_much_went() {
        let refusal = || Err(Refusal::new(RefusalCode::RuleDenied));
        let spoiled = |failure| Spoiled { order: 1, place: "line 1".to_owned(), failure };
        let of = |results, spoiled| {
            let (places, reasons) = (Vec::new(), Reasons::default());
            Delivered { mode: Mode::Real, places, results, spoiled, reasons }.outcome()
        };
        assert_eq!(of(vec![refusal(), refusal()], vec![]), Outcome::Refused);
        assert_eq!(of(vec![refusal()], vec![spoiled(Failure::NoValue)]), Outcome::Failed);
        let refused = Failure::Refused(Refusal::new(RefusalCode::Minor));
        assert_eq!(of(vec![], vec![spoiled(refused)]), Outcome::Refused);
    }
}
