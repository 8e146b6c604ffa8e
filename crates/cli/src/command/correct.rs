//! `malines correct`: a new version of an own record; what changes and where it goes is shown first.

use super::Context;
use super::withdraw::reference;
use crate::answers::Answers;
use crate::arguments::Correct;
use crate::console::{Surface, plain};
use crate::delivery::{outlook_json, tell_outlook};
use crate::error::{Failure, Outcome};
use crate::interview;
use crate::message::{Notice, Phrase, notice, phrase, sentence};
use crate::output::{Format, print_json, record_reference};
use crate::reason::Reasons;
use domain::correction::{
    Changes, Correction, CorrectionReceipt, Difference, History, REASON_CHARACTERS_MAX,
};
use domain::record::Benefit;
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::submission::Repeated;
use domain::time::Timestamp;
use serde_json::{Value, json};

/// What an answers file may hold and a correction cannot change.
const FIXED: [&str; 7] = [
    "agreement",
    "media",
    "linked_ad",
    "handle_from or handle_until",
    "action_intent",
    "exercise",
    "platform or region",
];
/// The word that empties an audience.
const NOBODY: &str = "nobody";

pub(super) fn run(context: &mut Context<'_>, arguments: Correct) -> Result<Outcome, Failure> {
    let record = reference(&arguments.record)?;
    let mut answers = answers(&arguments)?;
    check_fixed(&answers)?;
    let session = context.session()?;
    let case = session.case(&arguments.case)?;
    let history = session.history(record.clone())?;
    let nothing_said = answers == Answers::default();
    if nothing_said && context.console.input_surface() == Surface::Terminal {
        tell_present(context, &history);
        interview::correct(context.console, &mut answers)?;
    }
    let changes = changes(&answers, session.now());
    if changes == Changes::default() {
        return Err(Failure::NothingToCorrect);
    }
    let reason = reason(context, arguments.reason)?;
    let expected = history.versions.last().map(|version| version.version);
    let wanted = Correction { case: case.case_id, expected, reason, changes };
    let forecast = session
        .correct(record.clone(), wanted.clone(), Mode::DryRun)
        .inspect_err(|failure| tell_of_protection(context, failure, &arguments.record))?;
    let is_dry = arguments.consent.dry_run;
    let to_data = is_dry && context.format == Format::Text;
    let reasons = Reasons::of_outlook(&session, forecast.outlook.iter(), core::iter::empty());
    tell_forecast(context, &forecast, &reasons, to_data);
    let receipt = if is_dry || forecast.repeated == Repeated::Yes {
        forecast
    } else {
        if !arguments.consent.yes {
            context.console.confirm(Phrase::Correct)?;
        }
        session.correct(record, wanted, Mode::Real)?
    };
    match context.format {
        Format::Json => print_json(context.console, &to_json(&receipt, is_dry)),
        Format::Text if is_dry || receipt.repeated == Repeated::Yes => {}
        Format::Text => {
            let (name, version) = (record_reference(&receipt.record_id), receipt.version);
            let entry = receipt.audit_sequence;
            let line = format!("{name} corrected, version {version}, audit entry {entry}\n");
            context.console.data(&line);
        }
    }
    Ok(Outcome::Done)
}

/// Flags, then the answers file.
fn answers(arguments: &Correct) -> Result<Answers, Failure> {
    let mut flags = Answers::default();
    for (key, texts) in arguments.flags.given() {
        let invalid = |why| Failure::AnswerInvalid { why: format!("`{key}`: {why}") };
        let nobody = key == "audience" && texts.iter().any(|text| text == NOBODY);
        if nobody && texts.len() > 1 {
            return Err(invalid(format!("`{NOBODY}` stands alone")));
        }
        let texts = if nobody { Vec::new() } else { texts };
        flags.set(key, &texts).map_err(invalid)?;
    }
    match &arguments.answers {
        None => Ok(flags),
        Some(file) => Ok(flags.or(&Answers::read(file)?)),
    }
}

/// A different thing is a new record.
fn check_fixed(answers: &Answers) -> Result<(), Failure> {
    let said = [
        answers.agreement.is_some(),
        answers.media.is_some(),
        answers.linked_ad.is_some(),
        answers.handle_from.is_some() || answers.handle_until.is_some(),
        answers.action_intent.is_some(),
        answers.exercise.is_some(),
        answers.hint.is_some(),
    ];
    match FIXED.into_iter().zip(said).find(|(_, said)| *said) {
        None => Ok(()),
        Some((key, _)) => Err(Failure::AnswerInvalid {
            why: format!("`{key}` cannot be corrected: withdraw the record and submit a new one"),
        }),
    }
}

fn changes(answers: &Answers, now: Timestamp) -> Changes {
    let answers = answers.clone();
    Changes {
        purposes: answers.purposes,
        offences: answers.offences,
        tlp: answers.tlp,
        pap: answers.pap,
        handling: answers.handling,
        evaluation: answers.evaluation,
        basis: answers.basis,
        subject: answers.subject,
        age: answers.age,
        presumed_adult_reason: answers.presumed_adult_reason,
        depicts: answers.depicts,
        benefit: answers.benefit.map(|ground| Benefit { ground }),
        audience: answers.audience,
        onward: answers.onward,
        observed_first: answers.observed_first,
        observed_last: answers.observed_last,
        valid_until: answers.valid_days.map(|days| now.plus_days(days)),
        review_at: answers.review_days.map(|days| now.plus_days(days)),
        role: answers.role,
        class: answers.class,
    }
}

fn reason(context: &mut Context<'_>, given: Option<String>) -> Result<String, Failure> {
    let asked = match given {
        Some(reason) => Some(reason),
        None if context.console.input_surface() == Surface::Terminal => {
            context.console.ask(phrase(Phrase::WhyCorrected))?
        }
        None => None,
    };
    let reason = asked.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or(Failure::ReasonMissing)?;
    check_reason(&reason)?;
    Ok(reason)
}

/// A reason is bounded, so that nobody writes a file into it.
pub(super) fn check_reason(reason: &str) -> Result<(), Failure> {
    check_line("a reason", reason, REASON_CHARACTERS_MAX)
}

/// One line that people read, as the node takes it.
pub(super) fn check_line(what: &str, text: &str, characters_max: usize) -> Result<(), Failure> {
    let text = text.trim();
    if (1..=characters_max).contains(&text.chars().count()) && !text.contains(char::is_control) {
        return Ok(());
    }
    let why = format!("{what} is one line of 1 to {characters_max} characters");
    Err(Failure::AnswerInvalid { why })
}

/// A record whose person turns out to be protected is not corrected: it must go, and be gone at once.
fn tell_of_protection(context: &mut Context<'_>, failure: &Failure, record: &str) {
    let Failure::Refused(refusal) = failure else { return };
    let is_protected = matches!(
        refusal.code,
        RefusalCode::Minor | RefusalCode::ProtectedSubject | RefusalCode::SmuggledMigrant
    );
    if is_protected {
        context.console.say(&sentence::cannot_stay(&plain(record)));
    }
}

/// What the record says now: all that the first version said, and every change since.
fn tell_present(context: &mut Context<'_>, history: &History) {
    let mut says: Vec<(&'static str, &str)> = Vec::new();
    for difference in history.versions.iter().flat_map(|version| &version.differences) {
        match says.iter_mut().find(|(key, _)| *key == difference.key) {
            Some((_, value)) => *value = &difference.after,
            None => says.push((difference.key, &difference.after)),
        }
    }
    for (key, value) in says {
        let columns = format!("{key:<22} {}", plain(value));
        context.console.say(&columns);
    }
    context.console.say(notice(Notice::DaysFromNow));
}

fn tell_forecast(
    context: &mut Context<'_>,
    forecast: &CorrectionReceipt,
    reasons: &Reasons,
    to_data: bool,
) {
    let lines: Vec<String> = match forecast.repeated {
        Repeated::Yes => vec![notice(Notice::SaysSoAlready).to_owned()],
        Repeated::No => forecast.differences.iter().map(change_line).collect(),
    };
    for line in lines {
        if to_data {
            context.console.data(&format!("{line}\n"));
        } else {
            context.console.say(&line);
        }
    }
    if forecast.repeated == Repeated::Yes {
        return;
    }
    tell_outlook(context.console, &forecast.outlook, reasons, to_data);
    if !forecast.told.is_empty() {
        let told: Vec<&str> = forecast.told.iter().map(|agency| agency.as_str()).collect();
        context.console.say(&sentence::told(&told));
    }
}

/// `tlp: AMBER -> RED`.
pub(super) fn change_line(difference: &Difference) -> String {
    let empty = if difference.key == "audience" { NOBODY } else { "nothing" };
    let shown = |value: &str| if value.is_empty() { empty.to_owned() } else { plain(value) };
    let (before, after) = (shown(&difference.before), shown(&difference.after));
    format!("  {}: {before} -> {after}", difference.key)
}

/// `tlp: AMBER`, of the version before which there was none.
pub(super) fn first_line(difference: &Difference) -> String {
    format!("  {}: {}", difference.key, plain(&difference.after))
}

pub(super) fn differences_json(differences: &[Difference]) -> Vec<Value> {
    let one = |difference: &Difference| {
        let Difference { key, before, after } = difference;
        json!({ "key": key, "before": before, "after": after })
    };
    differences.iter().map(one).collect()
}

fn to_json(receipt: &CorrectionReceipt, is_dry: bool) -> Value {
    let told: Vec<&str> = receipt.told.iter().map(|agency| agency.as_str()).collect();
    json!({
        "record_id": receipt.record_id.to_string(),
        "version": receipt.version.to_string(),
        "dry_run": is_dry,
        "repeated": receipt.repeated == Repeated::Yes,
        "audit_sequence": receipt.audit_sequence,
        "differences": differences_json(&receipt.differences),
        "outlook": outlook_json(&receipt.outlook),
        "told": told,
    })
}
