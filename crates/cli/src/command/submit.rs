//! `malines submit`: one thing by prompts or flags, or a list; nothing leaves before a yes.

use super::Context;
use crate::answers::{Answers, Circumstances};
use crate::arguments::Submit;
use crate::config::{self, LIST_BYTES_MAX, Profile};
use crate::console::{Console, plain};
use crate::delivery::{self, Prepared, Spoiled};
use crate::error::{Failure, Outcome};
use crate::given::{self, Given};
use crate::list::{self, Row};
use crate::message::{Notice, notice, sentence};
use crate::output::Format;
use crate::session::Session;
use crate::{interview, output};
use domain::digest;
use domain::indicator::Family;
use domain::name::{CaseId, ClusterId, IdempotencyKey, RecordId};
use domain::refusal::RefusalCode;
use fingerprint::{Hint, NegativeBank, Normalised};
use rand_core::UnwrapErr;
use serde_json::json;
use std::path::Path;
use wire::convert::withdrawal::RecordReference;

/// A row whose value is normalised.
struct Ready {
    line: u64,
    things: Vec<Normalised>,
    account: Option<String>,
    answers: Answers,
}

/// What makes the ids of one row: the list it stands on, or nothing where it stands alone.
struct Origin<'r> {
    list: Option<&'r [u8; digest::DIGEST_BYTES]>,
    case: Option<CaseId>,
}

/// The rows of one run.
struct Rows {
    bank: NegativeBank,
    ready: Vec<Ready>,
    spoiled: Vec<Spoiled>,
    /// The hash of the list, if it is one: a list submitted again is recorded once.
    list: Option<[u8; digest::DIGEST_BYTES]>,
}

pub(super) fn run(context: &mut Context<'_>, arguments: Submit) -> Result<Outcome, Failure> {
    let profile = context.profile()?;
    let mut defaults = defaults(&arguments)?;
    let mut rows = rows(context, &arguments, &profile, &defaults)?;
    if arguments.strict && !rows.spoiled.is_empty() {
        delivery::tell_spoiled(context.console, &rows.spoiled);
        return Err(Failure::RowsRefused { count: rows.spoiled.len() });
    }
    let session = Session::open(context.environment, profile)?;
    let case = arguments.case.as_deref().map(|given| session.case(given)).transpose()?;
    if let Some(case) = &case {
        defaults = defaults.or(&Answers::of_case(case));
    }
    if rows.list.is_none() && !rows.ready.is_empty() {
        let families: Vec<Family> =
            rows.ready.iter().flat_map(|row| &row.things).map(|one| one.kind.family()).collect();
        if families.contains(&Family::Ad) {
            return Err(Failure::TextNotSubmitted);
        }
        let asked = interview::complete(context.console, &mut defaults, &families);
        asked.inspect_err(|failure| tell_nothing_sent(context.console, failure))?;
    }
    let case = case.map(|case| case.case_id);
    let prepared = prepare(&mut rows, &session, &defaults, case)?;
    rows.spoiled.sort_by_key(|spoiled| spoiled.order);
    if arguments.strict && !rows.spoiled.is_empty() {
        delivery::tell_spoiled(context.console, &rows.spoiled);
        return Err(Failure::RowsRefused { count: rows.spoiled.len() });
    }
    if prepared.is_empty() && rows.list.is_none() {
        // One thing that cannot go is a failure with its own code, not a list with a bad row.
        if let Some(first) = rows.spoiled.into_iter().next() {
            tell_nothing_sent(context.console, &first.failure);
            return Err(first.failure);
        }
        return Err(Failure::NothingToSend);
    }
    if context.format == Format::Text {
        tell_labels(context, &prepared);
    }
    let more = json!({ "case_id": output::case_json(case) });
    delivery::deliver(context, &session, prepared, rows.spoiled, arguments.consent, more)
}

/// What holds for every row that does not say otherwise: flags, then the answers file.
fn defaults(arguments: &Submit) -> Result<Answers, Failure> {
    let mut flags = Answers::default();
    for (key, texts) in arguments.flags.given() {
        let invalid = |why| Failure::AnswerInvalid { why: format!("`{key}`: {why}") };
        flags.set(key, &texts).map_err(invalid)?;
    }
    let source = &arguments.source;
    flags.complete_hint(&given::hint(source.region.as_deref(), source.platform.as_deref())?);
    match &arguments.answers {
        None => Ok(flags),
        Some(file) => {
            let answers = Answers::read(file)?;
            if let Some(hint) = &answers.hint {
                flags.complete_hint(hint);
            }
            Ok(flags.or(&answers))
        }
    }
}

/// Reads and normalises, offline. `--from` is a list, unless the kind is a file: then it is the file.
fn rows(
    context: &mut Context<'_>,
    arguments: &Submit,
    profile: &Profile,
    defaults: &Answers,
) -> Result<Rows, Failure> {
    let kind = arguments.kind.as_deref().map(str::parse::<Given>).transpose()?;
    let bank = profile.bank()?;
    let mut rows = Rows { bank, ready: Vec::new(), spoiled: Vec::new(), list: None };
    match (&arguments.source.from, kind) {
        (Some(file), kind) if kind != Some(Given::File) => {
            let bytes = config::read_or_input(context.console, file, LIST_BYTES_MAX)?;
            let folder = file.parent();
            for row in list::read(file, &bytes, kind)? {
                match row {
                    Ok(row) => rows.take(row, folder, defaults),
                    Err(bad) => rows.spoil(bad.line, bad.failure),
                }
            }
            rows.list = Some(digest::hash(&[&bytes]));
        }
        (_, kind) => {
            let given = kind.ok_or(Failure::AnswerMissing { key: "kind" })?;
            for raw in given::read(context.console, given, &arguments.source, profile.values)? {
                let answers = Answers::default();
                rows.take(
                    Row { line: raw.line, given, raw: raw.text, account: None, answers },
                    None,
                    defaults,
                );
            }
        }
    }
    Ok(rows)
}

impl Rows {
    fn take(&mut self, mut row: Row, folder: Option<&Path>, defaults: &Answers) {
        let none = Hint::default();
        row.answers.complete_hint(defaults.hint.as_ref().unwrap_or(&none));
        let hint = row.answers.hint.clone().unwrap_or_default();
        match given::normalised(row.given, &row.raw, &hint, folder, &self.bank) {
            Ok(things) => {
                let Row { line, account, answers, .. } = row;
                self.ready.push(Ready { line, things, account, answers });
            }
            Err(failure) => self.spoil(row.line, failure),
        }
    }

    fn spoil(&mut self, line: u64, failure: Failure) {
        self.spoiled.push(Spoiled { order: line, place: format!("line {line}"), failure });
    }
}

/// A person that no record can be about ends it before anything leaves this machine: whoever sits
/// here learns that, and does not try another answer.
fn tell_nothing_sent(console: &mut Console, failure: &Failure) {
    let Failure::Refused(refusal) = failure else { return };
    let is_protected = matches!(
        refusal.code,
        RefusalCode::SmuggledMigrant | RefusalCode::ProtectedSubject | RefusalCode::Minor
    );
    if is_protected {
        console.say(notice(Notice::NothingSent));
    }
}

/// Makes the submissions; rows that a rule about records refuses are spoiled.
///
/// # Errors
/// Those of asking the own node for the record that a picture is linked to.
fn prepare(
    rows: &mut Rows,
    session: &Session,
    defaults: &Answers,
    case: Option<CaseId>,
) -> Result<Vec<Prepared>, Failure> {
    let mut prepared = Vec::with_capacity(rows.ready.len());
    let list = rows.list;
    let origin = Origin { list: list.as_ref(), case };
    let mut linked = Linked::default();
    for row in core::mem::take(&mut rows.ready) {
        let answers = row.answers.clone().or(defaults);
        let cluster = cluster(&row, &answers, &origin, session);
        let linked_ad = match linked.find(&answers, session) {
            Ok(linked_ad) => linked_ad,
            Err(failure @ (Failure::Refused(_) | Failure::Node { .. })) => {
                rows.spoil(row.line, failure);
                continue;
            }
            Err(failure) => return Err(failure),
        };
        for (number, thing) in (0_u8..).zip(&row.things) {
            let circumstances = Circumstances {
                agency: session.agency(),
                case,
                linked_ad,
                cluster,
                idempotency_key: key(&row, (number, thing), &answers, &origin, session),
                now: session.now(),
            };
            match answers.submission(thing, &circumstances) {
                Ok(submission) => {
                    prepared.push(Prepared {
                        order: row.line,
                        place: format!("line {}", row.line),
                        submission,
                    });
                }
                Err(failure) => {
                    rows.spoil(row.line, failure);
                    break;
                }
            }
        }
    }
    Ok(prepared)
}

/// Records that pictures are linked to, each asked for once.
#[derive(Default)]
struct Linked(Vec<(RecordReference, RecordId)>);

impl Linked {
    /// The whole id of the record that the answers name: a record holds no abbreviation.
    fn find(&mut self, answers: &Answers, session: &Session) -> Result<Option<RecordId>, Failure> {
        let Some(reference) = &answers.linked_ad else { return Ok(None) };
        if let Some((_, known)) = self.0.iter().find(|(known, _)| known == reference) {
            return Ok(Some(*known));
        }
        let record_id = match reference.as_bytes().try_into() {
            Ok(whole) => RecordId::from_bytes(whole),
            Err(_) => session.history(reference.clone())?.record_id,
        };
        self.0.push((reference.clone(), record_id));
        Ok(Some(record_id))
    }
}

/// The same list, row and agreement give the same key, and so do the same single thing, case and
/// answers: a command that is repeated, or sent again because its reply was lost, makes no second
/// record. Nobody without the officer's own key can test a guess of a list or a value against it.
fn key(
    row: &Ready,
    (number, thing): (u8, &Normalised),
    answers: &Answers,
    origin: &Origin<'_>,
    session: &Session,
) -> IdempotencyKey {
    let Some(list) = origin.list else {
        return IdempotencyKey::from_bytes(alone(b"one thing", thing, answers, origin, session));
    };
    let agreement = agreement(answers);
    let row = row.line.to_le_bytes();
    IdempotencyKey::from_bytes(session.derive(&[
        b"row",
        list,
        &row,
        &[number],
        agreement.as_bytes(),
    ]))
}

/// Rows with the same account are identifiers of one account. It is never the same under two
/// agreements.
fn cluster(row: &Ready, answers: &Answers, origin: &Origin<'_>, session: &Session) -> ClusterId {
    let list = match (origin.list, row.things.as_slice()) {
        (Some(list), _) => list,
        (None, [first, ..]) => {
            return ClusterId::from_bytes(alone(b"one account", first, answers, origin, session));
        }
        (None, []) => return ClusterId::random(&mut UnwrapErr(getrandom::SysRng)),
    };
    let agreement = agreement(answers);
    let line = row.line.to_le_bytes();
    let (what, name): (&[u8], &[u8]) = match &row.account {
        Some(account) => (b"account", account.as_bytes()),
        None => (b"line", &line),
    };
    ClusterId::from_bytes(session.derive(&[what, list, name, agreement.as_bytes()]))
}

fn agreement(answers: &Answers) -> String {
    answers.agreement.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// 16 bytes that stand for one thing with its case and answers.
fn alone(
    what: &[u8],
    thing: &Normalised,
    answers: &Answers,
    origin: &Origin<'_>,
    session: &Session,
) -> [u8; 16] {
    let case = origin.case.map(|case| case.as_bytes().to_vec()).unwrap_or_default();
    let platform = thing.platform.map_or("", |platform| platform.as_str());
    let (kind, fingerprint) = (thing.kind.as_str(), thing.fingerprint());
    let said = answers.to_bytes();
    let (kind, platform) = (kind.as_bytes(), platform.as_bytes());
    session.derive(&[what, kind, platform, fingerprint.expose(), &case, &said])
}

/// What the record of a single thing will say, before anything is asked.
fn tell_labels(context: &mut Context<'_>, prepared: &[Prepared]) {
    let [first, ..] = prepared else { return };
    if prepared.len() > 2 {
        return;
    }
    let one = &first.submission;
    for line in sentence::labels(one) {
        context.console.say(&plain(&line));
    }
    if one.exercise {
        context.console.say(notice(Notice::Exercise));
    }
}
