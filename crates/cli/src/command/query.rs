//! `malines query`: says what partners can learn, asks them, and shows every answer for what it is.

use super::Context;
use crate::arguments::Query as Arguments;
use crate::command::case;
use crate::console::{Style, plain};
use crate::delivery::{self, Spoiled};
use crate::error::{Failure, Outcome};
use crate::given::{self, Given};
use crate::matching;
use crate::message::{self, Language, Notice, Phrase, notice, phrase, sentence};
use crate::output::{Format, Table, day, instant_json, print_json, time_of_day};
use crate::session::Session;
use domain::indicator::{Kind, Tier};
use domain::name::AgencyId;
use domain::question::{MatchSummary, PartnerAnswer};
use domain::report::{Allowance, AnswerRow, Mode, QUERY_FINGERPRINTS_MAX, Query, QueryReport};
use domain::submission::Case;
use fingerprint::Normalised;
use serde_json::{Value, json};

/// Asks nobody, where partners are named.
const NOBODY: &str = "nobody";

/// From so many values on, progress is shown.
const VALUES_LONG: u64 = 2000;

/// A value and the line it stood on.
struct Asked {
    line: u64,
    value: Normalised,
}

/// What came of one question: values of one kind, at most a thousand.
struct Answered {
    kind: Kind,
    lines: Vec<u64>,
    report: QueryReport,
}

pub(super) fn run(context: &mut Context<'_>, arguments: Arguments) -> Result<Outcome, Failure> {
    let given: Given = arguments.kind.parse()?;
    let source = &arguments.source;
    let hint = given::hint(source.region.as_deref(), source.platform.as_deref())?;
    let profile = context.profile()?;
    let bank = profile.bank()?;
    let (mut asked, mut spoiled) = (Vec::new(), Vec::new());
    for raw in given::read(context.console, given, source, profile.values)? {
        match given::normalised(given, &raw.text, &hint, None, &bank) {
            Ok(values) => {
                asked.extend(values.into_iter().map(|value| Asked { line: raw.line, value }))
            }
            Err(failure) => spoiled.push(Spoiled {
                order: raw.line,
                place: format!("line {}", raw.line),
                failure,
            }),
        }
    }
    if asked.is_empty() {
        // One value that cannot be read is a refusal with its own code.
        let first = spoiled.into_iter().next().map(|spoiled| spoiled.failure);
        return Err(first.unwrap_or(Failure::NoValue));
    }
    delivery::tell_spoiled(context.console, &spoiled);
    let session = Session::open(context.environment, profile)?;
    let case = session.case(&arguments.case)?;
    let ask = partners(&session, &case, arguments.ask.as_deref(), &asked)?;
    tell_disclosure(context, &session, &case, &ask, &asked);
    let mode = if arguments.consent.dry_run { Mode::DryRun } else { Mode::Real };
    if mode == Mode::Real && !ask.is_empty() && !arguments.consent.yes {
        context.console.confirm(Phrase::Proceed)?;
    }
    let answered = question(context, &session, &case, &arguments, &ask, &asked)?;
    match context.format {
        Format::Json => print_report_json(context, &case, mode, &asked, &answered),
        Format::Text => print_report(context, &session, &asked, &answered),
    }
    tell_allowance(context, &answered);
    let outcome = outcome(&answered, mode);
    Ok(if outcome != Outcome::Done && !spoiled.is_empty() { Outcome::Incomplete } else { outcome })
}

/// The partners to ask: those named; else, for what is never copied, every other party.
fn partners(
    session: &Session,
    case: &Case,
    named: Option<&[String]>,
    asked: &[Asked],
) -> Result<Vec<AgencyId>, Failure> {
    let named: Option<Vec<&str>> = named.map(|names| {
        names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect()
    });
    if named.as_deref() == Some(&[NOBODY]) {
        return Ok(Vec::new());
    }
    let sealed = asked.iter().any(|one| one.value.kind.tier() == Tier::Sealed);
    if named.is_none() && !sealed {
        return Ok(Vec::new());
    }
    let status = session.status()?;
    let agreement = status.agreements.iter().find(|one| one.agreement == case.agreement);
    let parties = agreement.map(|one| one.parties.as_slice()).unwrap_or_default();
    let others = parties.iter().filter(|agency| *agency != session.agency());
    let Some(named) = named else {
        return Ok(others.cloned().collect());
    };
    let mut ask: Vec<AgencyId> = Vec::with_capacity(named.len());
    for name in named {
        let not_one = || Failure::NotAPartner {
            given: name.chars().take(64).collect(),
            agreement: case.agreement.to_string(),
        };
        let agency = others.clone().find(|agency| agency.as_str() == name).ok_or_else(not_one)?;
        if !ask.contains(agency) {
            ask.push(agency.clone());
        }
    }
    Ok(ask)
}

/// A live question is a disclosure by the asker: said before anything is asked.
fn tell_disclosure(
    context: &mut Context<'_>,
    session: &Session,
    case: &Case,
    ask: &[AgencyId],
    asked: &[Asked],
) {
    let read_as = match asked {
        [one] => sentence::read_as(one.value.kind, &one.value.masked()),
        many => sentence::read_values(many.len()),
    };
    context.console.say(&plain(&read_as));
    if ask.is_empty() {
        context.console.say(notice(Notice::AsksNoPartner));
        return;
    }
    let names: Vec<&str> = ask.iter().map(AgencyId::as_str).collect();
    let line = context.console.styled(Style::Strong, &sentence::asks(&names));
    context.console.say(&line);
    context.console.say(&sentence::disclosure(session.agency(), case));
}

/// How much of the day is used: nobody should be surprised by its end.
fn tell_allowance(context: &mut Context<'_>, answered: &[Answered]) {
    if let Some(allowance) = answered.last().map(allowance) {
        context.console.say(&sentence::allowance(&allowance));
    }
}

const fn allowance(answered: &Answered) -> Allowance {
    answered.report.allowance
}

/// Asks, one question for each kind and each thousand values.
fn question(
    context: &Context<'_>,
    session: &Session,
    case: &Case,
    arguments: &Arguments,
    ask: &[AgencyId],
    asked: &[Asked],
) -> Result<Vec<Answered>, Failure> {
    let mode = if arguments.consent.dry_run { Mode::DryRun } else { Mode::Real };
    let urgency = arguments
        .urgency
        .parse()
        .map_err(|error| Failure::AnswerInvalid { why: format!("{error}") })?;
    let bar = context.console.progress(
        phrase(Phrase::Asking),
        u64::try_from(asked.len()).unwrap_or(u64::MAX),
        VALUES_LONG,
    );
    let mut answered = Vec::new();
    for kind in Kind::ALL {
        let of_kind: Vec<&Asked> = asked.iter().filter(|one| one.value.kind == *kind).collect();
        for batch in of_kind.chunks(QUERY_FINGERPRINTS_MAX) {
            let query = Query {
                case: case.case_id,
                kind: *kind,
                fingerprints: batch.iter().map(|one| one.value.fingerprint()).collect(),
                ask: ask.to_vec(),
                urgency,
                exercise: arguments.exercise,
            };
            let report = session.query(query, mode)?;
            let lines = batch.iter().map(|one| one.line).collect();
            answered.push(Answered { kind: *kind, lines, report });
            bar.inc(u64::try_from(batch.len()).unwrap_or(0));
        }
    }
    bar.finish_and_clear();
    Ok(answered)
}

fn outcome(answered: &[Answered], mode: Mode) -> Outcome {
    if mode == Mode::DryRun || answered.iter().any(|one| !one.report.held.is_empty()) {
        return Outcome::Done;
    }
    let answers: Vec<&AnswerRow> = answered.iter().flat_map(|one| &one.report.answers).collect();
    let all = |is: fn(&PartnerAnswer) -> bool| {
        answers.iter().all(|row| row.answer.as_ref().is_some_and(is))
    };
    let any_match = answers.iter().any(|row| matches!(row.answer, Some(PartnerAnswer::Match(_))));
    if any_match {
        Outcome::Done
    } else if all(|answer| matches!(answer, PartnerAnswer::NoMatch)) {
        Outcome::NoMatch
    } else if all(|answer| matches!(answer, PartnerAnswer::Refused(_) | PartnerAnswer::NotAsked(_)))
    {
        Outcome::Refused
    } else {
        Outcome::Incomplete
    }
}

fn print_report(
    context: &mut Context<'_>,
    session: &Session,
    asked: &[Asked],
    answered: &[Answered],
) {
    let several = asked.iter().any(|one| Some(one.line) != asked.first().map(|first| first.line));
    let mut table = match several {
        true => Table::new(&["PARTNER", "LINE", "ANSWER", "WHAT IT MEANS"]),
        false => Table::new(&["PARTNER", "ANSWER", "WHAT IT MEANS"]),
    };
    let mut add = |partner: &str, line: &str, answer: &str, meaning: &str| match several {
        true => table.row([partner, line, answer, meaning]),
        false => table.row([partner, answer, meaning]),
    };
    for one in answered {
        for hit in &one.report.held {
            let line = line_of(one, &hit.summary);
            let own =
                if hit.origin == *session.agency() { "our own record" } else { "copy held here" };
            let text = format!("{own}; {}", matching::describe(&hit.summary));
            add(hit.origin.as_str(), &line, "MATCH", &text);
        }
        for row in &one.report.answers {
            for (line, answer, meaning) in rows(one, row) {
                add(row.agency.as_str(), &line, answer, &meaning);
            }
        }
    }
    let is_empty = table.is_empty();
    if is_empty {
        context.console.say(notice(Notice::NoMatchHere));
    } else {
        table.print(context.console);
    }
    if let Some(summary) = newest(answered) {
        context.console.say(&sentence::lead(&matching::caution(summary)));
    }
}

/// The rows of one answer: its line, one word, and what it means.
fn rows(one: &Answered, row: &AnswerRow) -> Vec<(String, &'static str, String)> {
    let agency = &row.agency;
    let all = String::from("all");
    match &row.answer {
        None => vec![(all, "would ask", "nothing was asked".to_owned())],
        Some(PartnerAnswer::Match(summaries)) => summaries
            .iter()
            .map(|summary| (line_of(one, summary), "MATCH", matching::describe(summary)))
            .collect(),
        Some(PartnerAnswer::NoMatch) => {
            let as_of = format!("{} {}", day(row.as_of), time_of_day(row.as_of));
            let means = phrase(Phrase::NoMatchMeans);
            vec![(all, "no match", format!("in what {agency} {means} (as of {as_of})"))]
        }
        Some(PartnerAnswer::Refused(code)) => {
            let text = message::refusal(Language::English, *code).text;
            let nothing = phrase(Phrase::RefusalSaysNothing);
            vec![(all, "REFUSED", format!("{code}: {text}; {nothing}"))]
        }
        Some(PartnerAnswer::NotAsked(code)) => {
            let text = message::refusal(Language::English, *code).text;
            let rule = if row.note.is_empty() {
                String::new()
            } else {
                format!(" (our rule {})", row.note)
            };
            vec![(all, "not asked", format!("{code}{rule}: {text}"))]
        }
        Some(PartnerAnswer::NoAnswer(reason)) => {
            let message = message::no_answer(Language::English, *reason);
            let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
            vec![(all, "no answer", format!("{}{note}; {}", message.text, message.hint))]
        }
    }
}

/// The line whose value a match is about. A slot that was not asked about is shown as such.
fn line_of(one: &Answered, summary: &MatchSummary) -> String {
    let slot = usize::try_from(summary.slot).ok();
    let line = slot.and_then(|slot| one.lines.get(slot));
    line.map_or("?".to_owned(), ToString::to_string)
}

/// The match that was seen last.
fn newest(answered: &[Answered]) -> Option<&MatchSummary> {
    let held = answered.iter().flat_map(|one| &one.report.held).map(|hit| &hit.summary);
    let live =
        answered.iter().flat_map(|one| &one.report.answers).filter_map(|row| match &row.answer {
            Some(PartnerAnswer::Match(summaries)) => Some(summaries),
            _ => None,
        });
    held.chain(live.flatten()).max_by_key(|summary| summary.observed_last)
}

fn print_report_json(
    context: &mut Context<'_>,
    case: &Case,
    mode: Mode,
    asked: &[Asked],
    answered: &[Answered],
) {
    let values =
        asked.iter().map(|one| json!({ "line": one.line, "kind": one.value.kind.as_str() }));
    let held = answered.iter().flat_map(|one| {
        one.report.held.iter().map(|hit| with_line(matching::hit_json(hit), one, &hit.summary))
    });
    let answers =
        answered.iter().flat_map(|one| one.report.answers.iter().map(|row| answer_json(one, row)));
    let audit: Vec<u64> = answered.iter().map(|one| one.report.audit_sequence).collect();
    let used = answered.last().map(allowance);
    let value = json!({
        "case": case::name(case),
        "dry_run": mode == Mode::DryRun,
        "values": values.collect::<Vec<_>>(),
        "held": held.collect::<Vec<_>>(),
        "answers": answers.collect::<Vec<_>>(),
        "audit_sequences": audit,
        "asked_today": used.map(|used| used.asked_today),
        "values_per_day": used.map(|used| used.per_day),
    });
    print_json(context.console, &value);
}

fn answer_json(one: &Answered, row: &AnswerRow) -> Value {
    let (word, code) = match &row.answer {
        None => ("WOULD_ASK", None),
        Some(PartnerAnswer::Match(_)) => ("MATCH", None),
        Some(PartnerAnswer::NoMatch) => ("NO_MATCH", None),
        Some(PartnerAnswer::Refused(code)) => ("REFUSED", Some(code.as_str())),
        Some(PartnerAnswer::NotAsked(code)) => ("NOT_ASKED", Some(code.as_str())),
        Some(PartnerAnswer::NoAnswer(_)) => ("NO_ANSWER", None),
    };
    let matches: Vec<Value> = match &row.answer {
        Some(PartnerAnswer::Match(summaries)) => summaries
            .iter()
            .map(|summary| with_line(matching::to_json(&row.agency, summary), one, summary))
            .collect(),
        _ => Vec::new(),
    };
    let note = if row.note.is_empty() { Value::Null } else { json!(row.note) };
    json!({
        "agency": row.agency.as_str(),
        "kind": one.kind.as_str(),
        "answer": word,
        "code": code,
        "note": note,
        "as_of": instant_json(Some(row.as_of)),
        "matches": matches,
    })
}

fn with_line(mut value: Value, one: &Answered, summary: &MatchSummary) -> Value {
    let line = usize::try_from(summary.slot).ok().and_then(|slot| one.lines.get(slot));
    if let Some(object) = value.as_object_mut() {
        object.insert("line".to_owned(), json!(line));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::question::NoAnswer;
    use domain::refusal::RefusalCode;
    use domain::time::Timestamp;

    fn answered(answers: &[Option<PartnerAnswer>]) -> Vec<Answered> {
        let row = |answer: &Option<PartnerAnswer>| AnswerRow {
            agency: "es-pn".parse().unwrap(),
            answer: answer.clone(),
            as_of: Timestamp::from_date(2026, 11, 21).unwrap(),
            note: String::new(),
        };
        let answers = answers.iter().map(row).collect();
        let allowance = Allowance::default();
        let report = QueryReport { held: Vec::new(), answers, audit_sequence: 1, allowance };
        vec![Answered { kind: Kind::Phone, lines: vec![1], report }]
    }

    #[test]
    fn no_match_is_said_only_if_everybody_said_so() {
        let no_match = || Some(PartnerAnswer::NoMatch);
        let refused = || Some(PartnerAnswer::Refused(RefusalCode::QuotaSpent));
        let not_asked = || Some(PartnerAnswer::NotAsked(RefusalCode::NoTransferBasis));
        let silent = || Some(PartnerAnswer::NoAnswer(NoAnswer::TimedOut));
        let matched = || Some(PartnerAnswer::Match(Vec::new()));
        for (answers, expected) in [
            (vec![], Outcome::NoMatch),
            (vec![no_match(), no_match()], Outcome::NoMatch),
            (vec![no_match(), refused()], Outcome::Incomplete),
            (vec![no_match(), silent()], Outcome::Incomplete),
            (vec![refused(), not_asked()], Outcome::Refused),
            (vec![refused(), silent()], Outcome::Incomplete),
            (vec![silent(), matched()], Outcome::Done),
        ] {
            assert_eq!(outcome(&answered(&answers), Mode::Real), expected, "{answers:?}");
        }
        assert_eq!(outcome(&answered(&[None]), Mode::DryRun), Outcome::Done);
    }

    #[test]
    fn every_answer_is_told_apart() {
        let words: Vec<&str> = [
            None,
            Some(PartnerAnswer::NoMatch),
            Some(PartnerAnswer::Refused(RefusalCode::QuotaSpent)),
            Some(PartnerAnswer::NotAsked(RefusalCode::NoTransferBasis)),
            Some(PartnerAnswer::NoAnswer(NoAnswer::Unreachable)),
        ]
        .into_iter()
        .map(|answer| {
            let answered = answered(&[answer]);
            let rows = rows(&answered[0], &answered[0].report.answers[0]);
            assert!(rows[0].2.len() > 10);
            rows[0].1
        })
        .collect();
        assert_eq!(words, ["would ask", "no match", "REFUSED", "not asked", "no answer"]);
    }
}
