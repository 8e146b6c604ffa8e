//! Keys of people: certificates, revocations, delegations, substitutes, and a lost authority key.

use super::Context;
use super::place::{Opened, name};
use super::signing::{Speaker, ask};
use crate::arguments::{ROLES, Signing};
use crate::config;
use crate::error::{Failure, Outcome};
use crate::message::{Phrase, sentence};
use agreement::declaration::KeyReplacement;
use agreement::officer::{
    CERTIFICATE_DAYS_MAX, LastPlace, Mandate, MandateKind, OfficerCertificate, OfficerRole, Power,
    Revocation,
};
use agreement::{Paper, Step};
use domain::closed::UnknownValue;
use domain::envelope::{Envelope, Payload, Signed};
use domain::hexadecimal;
use domain::name::{AgencyId, Digest, OfficerId};
use domain::signature::{KEY_BYTES, PublicKey, SecretKey, Signer as _};
use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;

const ENROLMENT_KEYS: &[&str] = &["agency", "officer", "role", "key"];

pub(super) fn certify(
    context: &mut Context<'_>,
    signing: &Signing,
    enrolment: &Path,
    days: u32,
    (powers, authority): (&[String], Option<&str>),
) -> Result<Outcome, Failure> {
    let page = Enrolment::read(enrolment)?;
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    if page.agency != speaker.party {
        return Err(wrong(format!(
            "`{}` is of {}, and the key speaks for {}",
            page.officer, page.agency, speaker.party
        )));
    }
    let scope = match powers {
        // What a machine holds may not speak for anybody.
        [] if page.role == OfficerRole::Operator => [Power::StateHead, Power::ConfirmPurge].into(),
        [] => page.role.powers().iter().copied().collect(),
        some => words(some)?,
    };
    let now = context.environment.now;
    let certificate = OfficerCertificate {
        agency: page.agency,
        officer: page.officer,
        role: page.role,
        key: page.key,
        scope,
        valid_from: now,
        valid_until: now.plus_days(days.clamp(1, CERTIFICATE_DAYS_MAX)),
        authority: authority.map(word).transpose()?,
    };
    let (officer, role) = (&certificate.officer, certificate.role);
    let (authority, until) = (certificate.decides_for(), certificate.valid_until);
    let shown = hexadecimal::encode(&certificate.key.to_bytes());
    let line = sentence::certifies(officer, role, authority, &shown, until);
    context.console.say(&line);
    ask(context, signing, Phrase::CertifyOfficer)?;
    let paper = admitted(&mut opened, certificate, &speaker.key)?;
    opened.file(context, vec![paper])
}

pub(super) fn revoke(
    context: &mut Context<'_>,
    signing: &Signing,
    officer: &str,
    after: Option<u32>,
) -> Result<Outcome, Failure> {
    let officer: OfficerId = name(officer)?;
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    let register = opened.docket.register();
    let last = register.last_place(&speaker.party, speaker.key.key_id());
    let (first, last) = (register.first(), last.map_err(Failure::Agreement)?);
    let after = after.map(|n| LastPlace { first, n: n.min(last) });
    let certificates = certificates_of(&opened, &speaker.party, &officer);
    if certificates.is_empty() {
        return Err(wrong(format!("no certificate of `{officer}` is on file")));
    }
    ask(context, signing, Phrase::RevokeOfficer)?;
    let mut papers = Vec::new();
    for certificate in certificates {
        let from = context.environment.now;
        let revocation = Revocation { agency: speaker.party.clone(), certificate, from, after };
        papers.push(admitted(&mut opened, revocation, &speaker.key)?);
    }
    opened.file(context, papers)
}

pub(super) fn delegate(
    context: &mut Context<'_>,
    signing: &Signing,
    (from, to): (&str, &str),
    powers: &[String],
    days: u32,
) -> Result<Outcome, Failure> {
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    let by_authority = opened.docket.register().agreements().any(|version| {
        let party = version.party(&speaker.party);
        party.is_some_and(|party| party.authority_key == speaker.key.public_key())
    });
    let now = context.environment.now;
    let mandate = Mandate {
        agency: speaker.party.clone(),
        kind: if by_authority { MandateKind::Substitution } else { MandateKind::Delegation },
        from: name(from)?,
        to: name(to)?,
        powers: words(powers)?,
        valid_from: now,
        valid_until: now.plus_days(days.clamp(1, CERTIFICATE_DAYS_MAX)),
    };
    ask(context, signing, Phrase::GiveMandate)?;
    let paper = admitted(&mut opened, mandate, &speaker.key)?;
    opened.file(context, vec![paper])
}

/// By the root key: the old key is silent at once, the new one is heard when every party accepted it.
pub(super) fn replace_key(
    context: &mut Context<'_>,
    signing: &Signing,
    new_key: &str,
) -> Result<Outcome, Failure> {
    let new_key = public_key(new_key)?;
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    let register = opened.docket.register();
    let (after, after_hash) = register.chain_end(&speaker.party);
    let replacement = KeyReplacement {
        party: speaker.party.clone(),
        first: register.first(),
        sequence: register.replacements(&speaker.party).saturating_add(1),
        new_key,
        after,
        after_hash,
        made_at: context.environment.now,
    };
    ask(context, signing, Phrase::ReplaceAuthorityKey)?;
    let paper = admitted(&mut opened, replacement, &speaker.key)?;
    opened.file(context, vec![paper])
}

pub(super) fn accept_key(
    context: &mut Context<'_>,
    signing: &Signing,
    of: &str,
) -> Result<Outcome, Failure> {
    let partner = name::<AgencyId>(of)?;
    let mut opened = Opened::of(context, &signing.place)?;
    let speaker = Speaker::of(context, signing, &opened)?;
    let replacements = opened.docket.papers().values().filter_map(|paper| {
        let Paper::Signed { envelope } = paper else { return None };
        let one = parsed::<KeyReplacement>(envelope)?;
        (one.party == partner).then_some((one.sequence, envelope.payload_hash(), one.new_key))
    });
    let newest = replacements.max_by_key(|(sequence, hash, _)| (*sequence, *hash));
    let (_, replacement, key) =
        newest.ok_or_else(|| wrong(format!("{partner} has not replaced its key")))?;
    let shown = hexadecimal::encode(&key.to_bytes());
    context.console.say(&sentence::new_key(&partner, &shown));
    ask(context, signing, Phrase::AcceptKey)?;
    let now = context.environment.now;
    let step = Step::AcceptKey { replacement };
    let said = opened
        .docket
        .declare(&speaker.party, step, now, &speaker.key)
        .map_err(Failure::Agreement)?;
    opened.file(context, vec![said])
}

/// What an operator or an officer hands to the authority.
struct Enrolment {
    agency: AgencyId,
    officer: OfficerId,
    role: OfficerRole,
    key: PublicKey,
}

impl Enrolment {
    fn read(file: &Path) -> Result<Self, Failure> {
        let table = config::read_toml(file)?;
        config::check_keys(file, table.keys().map(String::as_str), ENROLMENT_KEYS)?;
        let text = |key: &'static str| match table.get(key) {
            Some(toml::Value::String(text)) => Ok(text.as_str()),
            _ => Err(Failure::KeyMissing { file: file.to_owned(), key }),
        };
        let unknown = |_| wrong(format!("`role` is none of {}", ROLES.join(", ")));
        Ok(Self {
            agency: name(text("agency")?)?,
            officer: name(text("officer")?)?,
            role: text("role")?.parse().map_err(unknown)?,
            key: public_key(text("key")?)?,
        })
    }
}

fn admitted<T: Payload>(
    opened: &mut Opened,
    message: T,
    key: &SecretKey,
) -> Result<Paper, Failure> {
    let paper = Paper::from(Signed::seal(message, key).into_parts().1);
    opened.docket.admit(paper.clone()).map_err(Failure::Agreement)?;
    Ok(paper)
}

fn certificates_of(opened: &Opened, agency: &AgencyId, officer: &OfficerId) -> Vec<Digest> {
    let papers = opened.docket.papers().values().filter_map(|paper| {
        let Paper::Signed { envelope } = paper else { return None };
        let certificate = parsed::<OfficerCertificate>(envelope)?;
        let same = certificate.agency == *agency && certificate.officer == *officer;
        same.then(|| envelope.payload_hash())
    });
    papers.collect()
}

/// A paper of the docket, which verified it, as what it is.
fn parsed<T: Payload>(envelope: &Envelope) -> Option<T> {
    let is_one = envelope.payload_type == T::TYPE;
    is_one.then(|| T::from_payload(&envelope.payload).ok()).flatten()
}

fn words(powers: &[String]) -> Result<BTreeSet<Power>, Failure> {
    powers.iter().map(|power| word(power)).collect()
}

fn word<T: FromStr<Err = UnknownValue>>(given: &str) -> Result<T, Failure> {
    given.parse().map_err(|error: UnknownValue| wrong(error.to_string()))
}

fn public_key(given: &str) -> Result<PublicKey, Failure> {
    let mut bytes = [0; KEY_BYTES];
    let decoded = hexadecimal::decode(given.trim().as_bytes(), &mut bytes);
    let key = decoded.and_then(|()| PublicKey::from_bytes(&bytes).ok());
    key.ok_or_else(|| wrong("a public key is 64 hexadecimal digits".to_owned()))
}

fn wrong(why: String) -> Failure {
    Failure::AnswerInvalid { why }
}
