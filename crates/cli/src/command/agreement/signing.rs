//! Who speaks for a party, and what it says: propose, sign, reject, suspend, lift, and heads.

use super::Context;
use super::place::{Opened, name};
use super::version::version_of;
use crate::arguments::{Direction, Signing, Text};
use crate::error::{Failure, Outcome};
use crate::key;
use crate::message::Phrase;
use crate::output::Format;
use agreement::officer::Power;
use agreement::{Party, Scope, Step, rendering};
use domain::name::AgencyId;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;

/// A party and the key that speaks for it.
pub(super) struct Speaker {
    pub(super) party: AgencyId,
    pub(super) key: SecretKey,
}

impl Speaker {
    /// Opens the key, and finds the party whose authority or officer it belongs to.
    pub(super) fn of(
        context: &mut Context<'_>,
        signing: &Signing,
        opened: &Opened,
    ) -> Result<Self, Failure> {
        let key = match &signing.key {
            Some(file) => key::open(context.console, file)?,
            None => {
                let profile = context.profile()?;
                key::open(context.console, profile.signing_key()?)?
            }
        };
        let register = opened.docket.register();
        let id = key.key_id();
        let versions = register.agreements().flat_map(|version| &version.parties);
        let versions: Vec<&Party> = versions.collect();
        let authority = versions.iter().find(|party| party.authority_key.id() == id);
        // Any power will do: what the key may not do is refused when it is said.
        let speaks = |party: &AgencyId| {
            Power::ALL
                .iter()
                .any(|power| register.may(party, id, *power, context.environment.now).is_ok())
        };
        let root = versions.iter().find(|party| party.root_key.id() == id);
        let mut parties = versions.iter().map(|party| &party.agency);
        let party = match (authority.or(root), opened.own()) {
            (Some(party), _) => Some(party.agency.clone()),
            (None, Some(own)) if speaks(own) => Some(own.clone()),
            (None, _) => parties.find(|party| speaks(party)).cloned(),
        };
        let party = party.ok_or(Failure::KeyOfNobody)?;
        Ok(Self { party, key })
    }
}

pub(super) fn propose(
    context: &mut Context<'_>,
    signing: &Signing,
    sign_by: &str,
) -> Result<Outcome, Failure> {
    let sign_by = day_to_come("--sign-by", sign_by, context.environment.now)?;
    let opened = Opened::of(context, &signing.place)?;
    let agreement = version_of(&opened.docket, Some(1))?.hash();
    say(context, signing, opened, Phrase::ProposeTerms, Step::Propose { agreement, sign_by })
}

pub(super) fn sign(
    context: &mut Context<'_>,
    signing: &Signing,
    text: &Text,
) -> Result<Outcome, Failure> {
    let opened = Opened::of(context, &signing.place)?;
    let agreement = version_of(&opened.docket, text.version)?;
    let language = text.language();
    if context.format == Format::Text {
        context.console.data(&rendering::render(&agreement, language));
    }
    let speaker = Speaker::of(context, signing, &opened)?;
    if !signing.yes {
        // A signature is asked for in a way that cannot be given by habit.
        let question = format!(
            "\nto sign for {}, type the agreement's name ({}):",
            speaker.party, agreement.agreement_id
        );
        let answer = context.console.ask(&question)?.unwrap_or_default();
        if answer.trim() != agreement.agreement_id.as_str() {
            return Err(Failure::Declined);
        }
    }
    let shown = rendering::shown(&agreement, language);
    let step = Step::Sign { agreement: agreement.hash(), shown, language };
    declare(context, opened, &speaker, step)
}

pub(super) fn reject(
    context: &mut Context<'_>,
    signing: &Signing,
    version: Option<u32>,
) -> Result<Outcome, Failure> {
    let opened = Opened::of(context, &signing.place)?;
    let agreement = version_of(&opened.docket, version)?.hash();
    let state = opened.docket.state(context.environment.now);
    let known = state.versions.iter().find(|one| one.hash == agreement);
    if known.is_some_and(|one| one.missing.is_empty()) {
        let why = "every party has signed this version; leave it with `malines agreement withdraw`";
        return Err(Failure::AnswerInvalid { why: why.to_owned() });
    }
    say(context, signing, opened, Phrase::RejectTerms, Step::Reject { agreement })
}

pub(super) fn suspend(
    context: &mut Context<'_>,
    signing: &Signing,
    direction: &Direction,
) -> Result<Outcome, Failure> {
    let scope = scope(direction)?;
    let opened = Opened::of(context, &signing.place)?;
    say(context, signing, opened, Phrase::SuspendAgreement, Step::Suspend { scope })
}

pub(super) fn lift(
    context: &mut Context<'_>,
    signing: &Signing,
    direction: &Direction,
) -> Result<Outcome, Failure> {
    let scope = scope(direction)?;
    let opened = Opened::of(context, &signing.place)?;
    say(context, signing, opened, Phrase::LiftSuspension, Step::Lift { scope })
}

/// Where the chain ends, now.
pub(super) fn head(context: &mut Context<'_>, signing: &Signing) -> Result<Outcome, Failure> {
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    let now = context.environment.now;
    let said =
        opened.docket.state_head(&speaker.party, now, &speaker.key).map_err(Failure::Agreement)?;
    opened.file(context, vec![said])
}

/// Asks, and says it for the party that the key belongs to.
fn say(
    context: &mut Context<'_>,
    signing: &Signing,
    opened: Opened,
    question: Phrase,
    step: Step,
) -> Result<Outcome, Failure> {
    let speaker = Speaker::of(context, signing, &opened)?;
    ask(context, signing, question)?;
    declare(context, opened, &speaker, step)
}

fn declare(
    context: &mut Context<'_>,
    mut opened: Opened,
    speaker: &Speaker,
    step: Step,
) -> Result<Outcome, Failure> {
    let now = context.environment.now;
    let said = opened
        .docket
        .declare(&speaker.party, step, now, &speaker.key)
        .map_err(Failure::Agreement)?;
    opened.file(context, vec![said])
}

/// Asks unless that was answered on the command line.
pub(super) fn ask(
    context: &mut Context<'_>,
    signing: &Signing,
    question: Phrase,
) -> Result<(), Failure> {
    if signing.yes { Ok(()) } else { context.console.confirm(question) }
}

/// A day to come.
/// A day that has not passed.
pub(super) fn day_to_come(
    flag: &'static str,
    given: &str,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    let wrong = |why| Failure::AnswerInvalid { why: format!("`{flag}`: {why}") };
    let day = crate::answers::date(given).map_err(wrong)?;
    if day < now {
        return Err(wrong("that day has passed".to_owned()));
    }
    Ok(day)
}

fn scope(direction: &Direction) -> Result<Scope, Failure> {
    match (&direction.from, &direction.to) {
        (Some(from), Some(to)) => Ok(Scope::Pair { from: name(from)?, to: name(to)? }),
        _ => Ok(Scope::All),
    }
}
