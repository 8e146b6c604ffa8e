//! `malines approve`, `malines approvals list` and `malines approvals revoke`: one record for one
//! partner, signed on this machine by who approves.

use super::Context;
use super::withdraw::reference;
use crate::answers::date;
use crate::arguments::{ApprovalsCommand, Approve};
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::key;
use crate::message::{Notice, Phrase, notice};
use crate::output::{Format, Table, day, instant_json, print_json, record_reference};
use crate::session::Session;
use domain::approval::{
    APPROVAL_DAYS_MAX, APPROVAL_REASON_CHARACTERS_MAX, Approval, ApprovalEnd, ApprovalReceipt,
    ApprovalStanding, ApprovedAct, PendingApproval,
};
use domain::class::Class;
use domain::envelope::{Payload as _, Signed};
use domain::name::{AgencyId, Digest, OfficerId};
use domain::signature::SecretKey;
use domain::submission::CASE_REFERENCE_CHARACTERS_MAX;
use domain::value::Purpose;
use policy::invariant;
use policy::rulebook::short;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Signs for one record and one partner, after showing what is signed.
pub(super) fn approve(context: &mut Context<'_>, arguments: Approve) -> Result<Outcome, Failure> {
    let record = reference(&arguments.record)?;
    let wrong = |why: String| Failure::AnswerInvalid { why };
    let reason = arguments.reason.trim().to_owned();
    super::correct::check_line("`--reason`", &reason, APPROVAL_REASON_CHARACTERS_MAX)?;
    let peer: AgencyId =
        arguments.partner.parse().map_err(|error| wrong(format!("`--for`: {error}")))?;
    let purposes = arguments.purposes.iter().map(|word| word.parse::<Purpose>());
    let purposes: Result<BTreeSet<Purpose>, _> = purposes.collect();
    let purposes = purposes.map_err(|error| wrong(error.to_string()))?;
    let act = match arguments.judicial_use.as_deref().map(str::trim) {
        None => ApprovedAct::Share,
        Some(case) => {
            super::correct::check_line("`--judicial-use`", case, CASE_REFERENCE_CHARACTERS_MAX)?;
            ApprovedAct::JudicialUse { case_reference: case.to_owned() }
        }
    };
    let session = context.session()?;
    let reach = session.reach(record.clone())?;
    let history = session.history(record.clone())?;
    let version = history.versions.last().map(|past| past.version);
    let version = version.ok_or(Failure::System("to name the version of the record"))?;
    let valid_until = match &arguments.until {
        Some(text) => date(text).map_err(|why| wrong(format!("`--until`: {why}")))?,
        None => session.now().plus_days(arguments.days.min(APPROVAL_DAYS_MAX)),
    };
    let approval = Approval {
        agency: session.agency().clone(),
        officer: session.officer().clone(),
        record_id: reach.record_id,
        version,
        agreement: reach.class.agreement.clone(),
        peer,
        purposes,
        act,
        reason,
        made_at: session.now(),
        valid_until,
    };
    // What the node would refuse is refused before anybody signs it.
    let checked = Approval::from_payload(&approval.to_payload());
    checked.map_err(|error| wrong(error.to_string()))?;
    if context.format == Format::Text {
        show(context, &approval, &reach.class);
    }
    if !arguments.yes {
        context.console.confirm(Phrase::SignApproval)?;
    }
    let key = signing_key(context, arguments.key.as_deref())?;
    let signed = Signed::seal(approval, &key).into_parts().1;
    let receipt = session.approve(record, signed).map_err(explained)?;
    print_receipt(context, &receipt, "approved");
    Ok(Outcome::Done)
}

pub(super) fn run(
    context: &mut Context<'_>,
    command: ApprovalsCommand,
) -> Result<Outcome, Failure> {
    match command {
        ApprovalsCommand::List { pending } => list(context, pending),
        ApprovalsCommand::Revoke { approval, key, yes } => {
            let session = context.session()?;
            let hash = named(&session, &approval)?;
            if !yes {
                context.console.confirm(Phrase::RevokeApproval)?;
            }
            let end = ApprovalEnd {
                agency: session.agency().clone(),
                officer: session.officer().clone(),
                approval: hash,
                made_at: session.now(),
            };
            let key = signing_key(context, key.as_deref())?;
            let end = Signed::seal(end, &key).into_parts().1;
            let receipt = session.end_approval(end).map_err(explained)?;
            print_receipt(context, &receipt, "revoked");
            Ok(Outcome::Done)
        }
    }
}

/// Everything that the signature covers, and the labels of the record beside.
fn show(context: &mut Context<'_>, approval: &Approval, class: &Class) {
    let record = record_reference(&approval.record_id);
    let words = |purposes: &BTreeSet<Purpose>| {
        purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>().join(", ")
    };
    let lines = [
        ("record", format!("{record} version {}", approval.version)),
        ("agreement", approval.agreement.to_string()),
        ("for", approval.peer.to_string()),
        ("act", in_words(&approval.act)),
        ("purposes", words(&approval.purposes)),
        ("reason", plain(&approval.reason).to_string()),
        ("until", day(approval.valid_until)),
        ("signed by", format!("{} of {}", approval.officer, approval.agency)),
    ];
    context.console.data("you sign:\n");
    for (name, text) in lines {
        context.console.data(&format!("  {name:<12} {text}\n"));
    }
    context.console.data("the record says:\n");
    let handling = class.handling.iter().map(|code| code.as_str()).collect::<Vec<_>>();
    let handling = if handling.is_empty() { "none".to_owned() } else { handling.join(", ") };
    let lines = [
        ("kind", class.kind.as_str()),
        ("subject", class.subject.as_str()),
        ("age", class.age.as_str()),
        ("depicts", class.depicts.as_str()),
        ("tlp", class.tlp.as_str()),
        ("onward", class.onward.as_str()),
        ("handling", &handling),
    ];
    for (name, text) in lines {
        context.console.data(&format!("  {name:<12} {text}\n"));
    }
    context.console.data(&format!("  {:<12} {}\n", "purposes", words(&class.purposes)));
}

fn list(context: &mut Context<'_>, pending_only: bool) -> Result<Outcome, Failure> {
    let (approvals, pending, more) = context.session()?.approvals()?;
    if context.format == Format::Json {
        let pending: Vec<Value> = pending.iter().map(pending_json).collect();
        let mut value = json!({ "pending": pending, "more_pending": more });
        if !pending_only && let Some(object) = value.as_object_mut() {
            let approvals: Vec<Value> = approvals.iter().filter_map(standing_json).collect();
            object.insert("approvals".to_owned(), approvals.into());
        }
        print_json(context.console, &value);
        return Ok(Outcome::Done);
    }
    print_pending(context, &pending, more);
    if pending_only || approvals.is_empty() {
        return Ok(Outcome::Done);
    }
    context.console.data("\n");
    let mut table = Table::new(&["APPROVAL", "RECORD", "FOR", "ACT", "BY", "UNTIL", "STATE"]);
    for one in &approvals {
        let Some(approval) = signed_words(one) else { continue };
        table.row([
            &short(&one.approval),
            &record_reference(&approval.record_id),
            approval.peer.as_str(),
            &in_words(&approval.act),
            approval.officer.as_str(),
            &day(approval.valid_until),
            one.state.as_str(),
        ]);
    }
    table.print(context.console);
    Ok(Outcome::Done)
}

fn print_pending(context: &mut Context<'_>, pending: &[PendingApproval], more: bool) {
    if pending.is_empty() {
        context.console.say(notice(Notice::NothingToApprove));
        return;
    }
    let mut table =
        Table::new(&["RECORD", "FOR", "ACT", "PURPOSES", "APPROVED BY", "MISSING", "RULE"]);
    for one in pending {
        let purposes = one.purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>();
        let purposes = match one.asked_for {
            None => purposes.join(", "),
            Some((asked, offence)) => {
                format!("asks for {asked}, {offence}; stated for {}", purposes.join(", "))
            }
        };
        let missing = usize::try_from(one.needed).unwrap_or(usize::MAX);
        table.row([
            &record_reference(&one.record_id),
            one.peer.as_str(),
            &in_words(&one.act),
            &purposes,
            &names(&one.persons),
            &missing.saturating_sub(one.persons.len()).to_string(),
            &one.rule,
        ]);
    }
    table.print(context.console);
    if more {
        context.console.say(notice(Notice::MoreToApprove));
    }
}

/// `signed` was verified by the node; here it is only read out.
fn signed_words(standing: &ApprovalStanding) -> Option<Approval> {
    Approval::from_payload(&standing.signed.payload).ok()
}

fn standing_json(standing: &ApprovalStanding) -> Option<Value> {
    let approval = signed_words(standing)?;
    let purposes: Vec<&str> = approval.purposes.iter().map(|purpose| purpose.as_str()).collect();
    Some(json!({
        "approval": standing.approval.to_string(),
        "record_id": approval.record_id.to_string(),
        "version": approval.version.to_string(),
        "agreement": approval.agreement.as_str(),
        "partner": approval.peer.as_str(),
        "purposes": purposes,
        "act": approval.act.as_str(),
        "case_reference": case_of(&approval.act),
        "officer": approval.officer.as_str(),
        "reason": approval.reason,
        "made_at": instant_json(Some(approval.made_at)),
        "valid_until": instant_json(Some(approval.valid_until)),
        "state": standing.state.as_str(),
    }))
}

fn pending_json(pending: &PendingApproval) -> Value {
    let purposes: Vec<&str> = pending.purposes.iter().map(|purpose| purpose.as_str()).collect();
    let persons: Vec<&str> = pending.persons.iter().map(OfficerId::as_str).collect();
    json!({
        "record_id": pending.record_id.to_string(),
        "partner": pending.peer.as_str(),
        "agreement": pending.agreement.as_str(),
        "act": pending.act.as_str(),
        "case_reference": case_of(&pending.act),
        "asked_purpose": pending.asked_for.map(|(purpose, _)| purpose.as_str()),
        "asked_offence": pending.asked_for.map(|(_, offence)| offence.as_str()),
        "purposes": purposes,
        "approved_by": persons,
        "needed": pending.needed,
        "rule": pending.rule,
    })
}

fn print_receipt(context: &mut Context<'_>, receipt: &ApprovalReceipt, what: &str) {
    if context.format == Format::Json {
        let persons: Vec<&str> = receipt.persons.iter().map(OfficerId::as_str).collect();
        let value = json!({
            "approval": receipt.approval.to_string(),
            "record_id": receipt.record_id.to_string(),
            "partner": receipt.peer.as_str(),
            "approved_by": persons,
            "needed": receipt.needed,
            "audit_sequence": receipt.audit_sequence,
        });
        return print_json(context.console, &value);
    }
    let (name, record) = (short(&receipt.approval), record_reference(&receipt.record_id));
    let (has, needs) = (receipt.persons.len(), receipt.needed);
    let (peer, entry) = (&receipt.peer, receipt.audit_sequence);
    let line = format!(
        "{name} {what}: {record} for {peer}, {has} of {needs} persons, audit entry {entry}\n"
    );
    context.console.data(&line);
    if what == "approved" && u32::try_from(has).is_ok_and(|has| has < needs) {
        context.console.say(notice(Notice::AnotherApproves));
    }
}

/// What is approved, for people.
fn in_words(act: &ApprovedAct) -> String {
    match case_of(act) {
        None => "gets it".to_owned(),
        Some(case) => format!("court use in \"{}\"", plain(case)),
    }
}

/// The case of a use in court.
fn case_of(act: &ApprovedAct) -> Option<&str> {
    match act {
        ApprovedAct::Share => None,
        ApprovedAct::JudicialUse { case_reference } => Some(case_reference),
    }
}

fn names(officers: &[OfficerId]) -> String {
    let names = officers.iter().map(OfficerId::as_str).collect::<Vec<_>>().join(", ");
    if names.is_empty() { "nobody".to_owned() } else { names }
}

/// The file given, or the key that the profile names.
fn signing_key(context: &mut Context<'_>, file: Option<&Path>) -> Result<SecretKey, Failure> {
    match file {
        Some(file) => key::open(context.console, file),
        None => {
            let profile = context.profile()?;
            key::open(context.console, profile.signing_key()?)
        }
    }
}

/// The one approval whose name begins like this.
fn named(session: &Session, given: &str) -> Result<Digest, Failure> {
    let digits = given.trim().replace('-', "").to_ascii_lowercase();
    let wrong = || Failure::ApprovalUnknown { given: given.chars().take(72).collect() };
    if digits.len() < 6 {
        return Err(wrong());
    }
    let (approvals, _, _) = session.approvals()?;
    let mut found = approvals.iter().filter(|one| one.approval.to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.approval),
        _ => Err(wrong()),
    }
}

/// A refusal by a rule of the program about approvals, with the reason that stands there.
fn explained(failure: Failure) -> Failure {
    let Failure::Refused(refusal) = &failure else { return failure };
    let rule = refusal.rule.as_deref().unwrap_or_default();
    let hint = match rule {
        invariant::APPROVAL_SIGNED => {
            "have your authority certify your key as a magistrate's or a deputy's, with APPROVE"
        }
        invariant::APPROVAL_FITS => {
            "look at the record again: every purpose that it states is approved, of this version"
        }
        invariant::APPROVAL_TIME => "look at the clock of this machine and sign anew",
        invariant::APPROVAL_OTHER_EYES => "somebody who did not state the record approves it",
        invariant::APPROVERS => "the agreement lists other approvers for these purposes",
        _ => return failure,
    };
    match invariant::reason(rule) {
        Some(why) => Failure::PolicyRefused { code: refusal.code.as_str(), why, hint },
        None => failure,
    }
}
