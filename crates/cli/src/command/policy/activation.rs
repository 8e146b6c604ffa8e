//! `malines policy propose`, `sign`, `activate`, `rollback` and `freeze`: rules on their way into force.

use super::super::Context;
use super::super::withdraw::whole_bytes;
use super::check::Finding;
use super::diff::{Compared, compare, show};
use super::source::{self, Source};
use crate::console::{Console, plain};
use crate::error::{Failure, Outcome};
use crate::key;
use crate::message::{Notice, Phrase, notice, sentence};
use crate::output::{Format, Table, day, instant_json, print_json};
use crate::session::Session;
use cedar_engine::CedarError;
use domain::name::{Digest, OfficerId};
use domain::policy_consent::PolicyStep;
use domain::refusal::{Refusal, RefusalCode};
use policy::Evaluator as _;
use policy::difference::Change;
use policy::invariant::POLICY_IDLE;
use policy::label_space::Only;
use policy::proposal::{Activated, PolicyText, Proposal, Which};
use policy::rulebook::short;
use serde_json::{Value, json};
use std::path::Path;

/// The proposals that wait.
pub(super) fn proposals(context: &mut Context<'_>) -> Result<Outcome, Failure> {
    let proposals = context.session()?.proposals()?;
    if context.format == Format::Json {
        let proposals: Vec<Value> = proposals.iter().map(proposal_json).collect();
        print_json(context.console, &json!({ "proposals": proposals }));
        return Ok(Outcome::Done);
    }
    if proposals.is_empty() {
        context.console.say(notice(Notice::NoProposal));
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&["PROPOSAL", "CHANGE", "SIGNED BY", "NEEDED", "OPEN UNTIL"]);
    for one in &proposals {
        table.row([
            &short(&one.difference),
            one.change.as_str(),
            &names(&one.signed_by),
            &one.change.signatures_needed().to_string(),
            &day(one.open_until),
        ]);
    }
    table.print(context.console);
    Ok(Outcome::Done)
}

/// New rules, with the first signature.
pub(super) fn propose(
    context: &mut Context<'_>,
    path: &Path,
    yes: bool,
) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let active = session.policy(Which::Active)?;
    let censuses = session.censuses(&active.agreements)?;
    let country = censuses.first().map_or("", |census| census.own.country.as_str());
    let after = source::read_for(path, country)?.on_floor_of(&active);
    let proposal = sign_for(context, &session, &active, &after, yes)?;
    print_proposal(context, &proposal);
    Ok(Outcome::Done)
}

/// One signature more, by somebody who has seen what the change does.
pub(super) fn sign(context: &mut Context<'_>, given: &str, yes: bool) -> Result<Outcome, Failure> {
    let named = proposal_bytes(given)?;
    let session = context.session()?;
    let proposed = session.policy(Which::Proposal(named)).map_err(explained)?;
    let active = session.policy(Which::Active)?;
    let after = Source::of_node(&proposed);
    let proposal = sign_for(context, &session, &active, &after, yes)?;
    print_proposal(context, &proposal);
    Ok(Outcome::Done)
}

/// In force, if there are signatures enough.
pub(super) fn activate(
    context: &mut Context<'_>,
    given: &str,
    yes: bool,
) -> Result<Outcome, Failure> {
    let named = proposal_bytes(given)?;
    let session = context.session()?;
    if !yes {
        context.console.confirm(Phrase::PutInForce)?;
    }
    let activated = session.activate_policy(named).map_err(explained)?;
    print_activated(context, &activated);
    Ok(Outcome::Done)
}

/// Back to the rules before: done at once if that narrows, else a proposal.
pub(super) fn rollback(context: &mut Context<'_>, yes: bool) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let active = session.policy(Which::Active)?;
    let before = session.policy(Which::Previous).map_err(explained)?;
    let proposal = sign_for(context, &session, &active, &Source::of_node(&before), yes)?;
    if proposal.signed_by.len() < proposal.change.signatures_needed() {
        print_proposal(context, &proposal);
        return Ok(Outcome::Done);
    }
    let named = proposal.difference.as_bytes().to_vec();
    let activated = session.activate_policy(named).map_err(explained)?;
    print_activated(context, &activated);
    Ok(Outcome::Done)
}

/// All sharing stops.
pub(super) fn freeze(context: &mut Context<'_>, yes: bool) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let active = session.policy(Which::Active)?;
    let unusable = |error: CedarError| source::refused(Path::new("the node"), &error);
    let (frozen, _) = cedar_engine::freeze(&active.local).map_err(unusable)?;
    if !yes {
        context.console.confirm(Phrase::FreezeSharing)?;
    }
    let nothing_weighed = Digest::from_bytes([0; Digest::BYTES]);
    let (from, to) = (active.bundle, frozen.bundle_hash());
    let key = key::open(context.console, session.signing_key()?)?;
    let consent = session.consent(PolicyStep::Freeze, from, to, nothing_weighed, &key);
    let activated = session.freeze_policy(consent).map_err(explained)?;
    print_activated(context, &activated);
    Ok(Outcome::Done)
}

/// Weighs a change on this machine, shows it, and signs for exactly that.
fn sign_for(
    context: &mut Context<'_>,
    session: &Session,
    active: &PolicyText,
    after: &Source,
    yes: bool,
) -> Result<Proposal, Failure> {
    let (from, to) = (Source::of_node(active).engine()?, after.engine()?);
    let censuses = session.censuses(&active.agreements)?;
    let named = (after.name.clone(), after.path.as_path());
    let compared = compare(named, &from, &to, Some(&censuses), &Only::everything())?;
    // Under `--json` one document is printed, and that is what came of it.
    if context.format == Format::Text {
        show(context, core::slice::from_ref(&compared));
    }
    if compared.is_held_up {
        // The node would say the same, after the signature.
        if context.format == Format::Json {
            for Finding { rule, text, .. } in &compared.idle {
                context.console.say(&plain(&sentence::never_decides(rule, text)));
            }
        }
        let idle = Refusal::by_rule(RefusalCode::Malformed, POLICY_IDLE);
        return Err(explained(Failure::Refused(idle)));
    }
    if !yes {
        context.console.confirm(Phrase::SignPolicy)?;
    }
    let difference = whole_hash(&compared)?;
    let (from, to) = (from.bundle_hash(), to.bundle_hash());
    let key = key::open(context.console, session.signing_key()?)?;
    let consent = session.consent(PolicyStep::Activate, from, to, difference, &key);
    session.sign_policy(after.local().to_owned(), consent).map_err(explained)
}

fn whole_hash(compared: &Compared) -> Result<Digest, Failure> {
    compared.hash.ok_or(Failure::System("to weigh the change"))
}

/// Reads `8d21-77`, the same without the hyphen, or the whole hash.
fn proposal_bytes(given: &str) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::ProposalReference { given: given.chars().take(72).collect() };
    let digits = given.trim().replace('-', "");
    if digits.len() == 2 * Digest::BYTES {
        let mut bytes = vec![0; Digest::BYTES];
        domain::hexadecimal::decode(digits.as_bytes(), &mut bytes).ok_or_else(wrong)?;
        return Ok(bytes);
    }
    whole_bytes(&digits, ["", ""]).ok_or_else(wrong)
}

/// A refusal by a rule of the program about changing rules, with the reason that stands there.
fn explained(failure: Failure) -> Failure {
    let Failure::Refused(refusal) = &failure else { return failure };
    let rule = refusal.rule.as_deref().unwrap_or_default();
    let hint = match rule {
        policy::invariant::POLICY_ROLE => {
            "ask your operator for a role that may, and a signing key"
        }
        policy::invariant::POLICY_CONSENT => "look at the clock of this machine and sign again",
        policy::invariant::POLICY_MOVED => {
            "look at the change again with `malines policy diff`, and propose it anew"
        }
        POLICY_IDLE => "mend it or take it out; `malines policy check FILE` says more",
        policy::invariant::POLICY_SIGNATURES => "a second officer signs with `malines policy sign`",
        _ => return failure,
    };
    match policy::invariant::reason(rule) {
        Some(why) => Failure::PolicyRefused { code: refusal.code.as_str(), why, hint },
        None => failure,
    }
}

fn print_proposal(context: &mut Context<'_>, proposal: &Proposal) {
    if context.format == Format::Json {
        print_json(context.console, &proposal_json(proposal));
        return;
    }
    let (name, change) = (short(&proposal.difference), proposal.change);
    let (has, needs) = (proposal.signed_by.len(), change.signatures_needed());
    let line = format!(
        "proposal {name}  {}, signed by {} ({has} of {needs})\n",
        change.as_str(),
        names(&proposal.signed_by)
    );
    context.console.data(&line);
    next(context.console, &name, change, has >= needs);
}

fn next(console: &mut Console, name: &str, change: Change, is_complete: bool) {
    if is_complete {
        console.say(&sentence::next_activate(name));
    } else if change == Change::Widening {
        console.say(&sentence::next_sign(name));
    }
}

fn print_activated(context: &mut Context<'_>, activated: &Activated) {
    match context.format {
        Format::Json => {
            let signed_by: Vec<&str> = activated.signed_by.iter().map(OfficerId::as_str).collect();
            let value = json!({
                "change": activated.change.as_str(),
                "policy_hash": activated.bundle.to_string(),
                "signed_by": signed_by,
                "audit_sequence": activated.audit_sequence,
            });
            print_json(context.console, &value);
        }
        Format::Text => {
            let line = format!(
                "in force: policy {}  {}, signed by {}, audit entry {}\n",
                short(&activated.bundle),
                activated.change.as_str(),
                names(&activated.signed_by),
                activated.audit_sequence
            );
            context.console.data(&line);
        }
    }
}

fn proposal_json(proposal: &Proposal) -> Value {
    let signed_by: Vec<&str> = proposal.signed_by.iter().map(OfficerId::as_str).collect();
    json!({
        "proposal": proposal.difference.to_string(),
        "change": proposal.change.as_str(),
        "from": proposal.from.to_string(),
        "to": proposal.to.to_string(),
        "signed_by": signed_by,
        "signatures_needed": proposal.change.signatures_needed(),
        "proposed_at": instant_json(Some(proposal.proposed_at)),
        "open_until": instant_json(Some(proposal.open_until)),
    })
}

fn names(officers: &[OfficerId]) -> String {
    officers.iter().map(OfficerId::as_str).collect::<Vec<_>>().join(", ")
}
