//! Two invented agencies, their keys and the agreement between them: the world of every program.

use agreement::declaration::Step;
use agreement::terms::{
    ClauseTerms, Deadlines, EvidenceRule, Instrument, NationalOffence, Pair, Party, PartyRole,
    PurgeException, Retention, Terms, UseBasis, Withdrawal,
};
use agreement::{Agreement, Docket, Language, Paper};
use anyhow::Context as _;
use cedar_engine::COMMON_FLOOR;
use desk::seal::SealSecret;
use domain::digest::derive;
use domain::envelope::Signed;
use domain::indicator::{Kind, NormalisationVersion};
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, Digest};
use domain::question::QuestionTerms;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::{AgencyKind, Channel, Offence, Onward, Purpose, Tlp, TransferBasis, Urgency};
use std::collections::BTreeSet;

/// Whose records are asked for and pulled.
pub const OWNER: &str = "be-fedpol";
/// Who asks and pulls.
pub const ASKER: &str = "es-pn";
/// What both signed.
pub const AGREEMENT: &str = "malines-2026";

/// An agency by its name.
///
/// # Errors
/// A name that is none.
pub fn agency(name: &str) -> anyhow::Result<AgencyId> {
    Ok(name.parse()?)
}

/// The agreement by its name.
///
/// # Errors
/// A name that is none.
pub fn agreement_id() -> anyhow::Result<AgreementId> {
    Ok(AGREEMENT.parse()?)
}

/// 32 bytes that are the same in every run, for one use of one agency: these are no secrets.
pub fn seed(agency: &str, what: &str) -> [u8; 32] {
    derive("malines bench seed v1", &[agency.as_bytes(), what.as_bytes()])
}

/// A signing key of an agency, for one use.
pub fn signing_key(agency: &str, what: &str) -> SecretKey {
    SecretKey::from_seed(&seed(agency, what))
}

/// What opens what is sealed to an agency's node.
pub fn seal_secret(agency: &str) -> SealSecret {
    SealSecret::from_seed(&seed(agency, "seal"))
}

/// This country's own rules: the examples of the repository.
///
/// # Errors
/// An agency that is not part of this world.
pub fn local_policy(agency: &str) -> anyhow::Result<&'static str> {
    match agency {
        OWNER => Ok(include_str!("../../deploy/policy/be.cedar")),
        ASKER => Ok(include_str!("../../deploy/policy/es.cedar")),
        _ => anyhow::bail!("`{agency}` has no policy here"),
    }
}

/// The terms of an ordinary question about a link.
///
/// # Errors
/// A name that is none.
pub fn question_terms() -> anyhow::Result<QuestionTerms> {
    Ok(QuestionTerms {
        agreement: agreement_id()?,
        clause: "4.2".parse()?,
        purpose: Purpose::Investigation,
        offence: Offence::MigrantSmuggling,
        kind: Kind::Url,
        channel: Channel::Analyst,
        urgency: Urgency::Normal,
        exercise: false,
    })
}

/// The agreement with both manifests, signed by both at that time: in force for seven days from
/// then, after which nobody would have been heard of. The same bytes for the same time.
///
/// # Errors
/// Terms that do not fit together.
pub fn docket(signed_at: Timestamp) -> anyhow::Result<Docket> {
    let terms = terms()?;
    let (from, until) = (terms.valid_from, terms.valid_to);
    let agreement = Agreement::new(terms)?;
    let (hash, language) = (agreement.hash(), Language::English);
    let shown = agreement::rendering::shown(&agreement, language);
    let mut docket = Docket::new(agreement)?;
    for name in [OWNER, ASKER] {
        let manifest = Manifest {
            agency: agency(name)?,
            country: country(name)?.parse()?,
            kind: AgencyKind::Police,
            sequence: 1,
            valid_from: from,
            valid_until: until,
            // Certificates are made for each run; the programs put them into the registry.
            node_authorities: vec![Digest::from_bytes([3; 32])],
            addresses: vec!["localhost:7443".to_owned()],
            record_key: signing_key(name, "record").public_key(),
            log_key: signing_key(name, "log").public_key(),
            seal_key: seal_secret(name).public_key(),
        };
        let manifest = Signed::seal(manifest, &signing_key(name, "root")).into_parts().1;
        docket.admit(manifest.into())?;
        let step = Step::Sign { agreement: hash, shown, language };
        let authority = signing_key(name, "authority");
        docket.declare(&agency(name)?, step, signed_at, &authority)?;
    }
    Ok(docket)
}

/// Both say at that time that nothing was said since they signed.
///
/// # Errors
/// A docket of something else.
pub fn heads(docket: &Docket, now: Timestamp) -> anyhow::Result<Vec<Paper>> {
    let mut docket = docket.clone();
    let mut heads = Vec::new();
    for name in [OWNER, ASKER] {
        heads.push(docket.state_head(&agency(name)?, now, &signing_key(name, "authority"))?);
    }
    Ok(heads)
}

fn country(name: &str) -> anyhow::Result<String> {
    let (country, _) = name.split_once('-').context("an agency without a country")?;
    Ok(country.to_uppercase())
}

fn party(name: &str, role: PartyRole) -> anyhow::Result<Party> {
    Ok(Party {
        agency: agency(name)?,
        country: country(name)?.parse()?,
        kind: AgencyKind::Police,
        root_key: signing_key(name, "root").public_key(),
        authority_key: signing_key(name, "authority").public_key(),
        role,
        contact_points: Vec::new(),
    })
}

/// The offence exists on both sides: otherwise nothing passes.
fn article(name: &str) -> anyhow::Result<NationalOffence> {
    let (offence, country) = (Offence::MigrantSmuggling, country(name)?.parse()?);
    Ok(NationalOffence { offence, country, article: Some("the article".to_owned()) })
}

fn pair(from: &str, to: &str) -> anyhow::Result<Pair> {
    let (from, to) = (agency(from)?, agency(to)?);
    let (safeguards, condition, channels) = (None, None, None);
    let transfer_basis = TransferBasis::IntraLed;
    Ok(Pair { from, to, transfer_basis, safeguards, condition, channels })
}

fn terms() -> anyhow::Result<Terms> {
    let purposes = BTreeSet::from([Purpose::Investigation, Purpose::Prosecution]);
    let offences = BTreeSet::from([Offence::MigrantSmuggling]);
    let date = |year| Timestamp::from_date(year, 1, 1).context("a day that is none");
    Ok(Terms {
        schema: agreement::SCHEMA,
        agreement_id: agreement_id()?,
        version: 1,
        supersedes: None,
        instrument: Instrument {
            title: "An invented agreement to measure with".to_owned(),
            signed_on: date(2026)?,
            sha256: Digest::from_bytes([1; 32]),
            held_at: "nobody".to_owned(),
            languages: vec!["en".to_owned()],
        },
        legal_basis: vec!["none: these agencies are invented".to_owned()],
        parties: vec![party(OWNER, PartyRole::Leader)?, party(ASKER, PartyRole::Party)?],
        purpose_text: "To measure".to_owned(),
        purposes: purposes.clone(),
        offences: offences.clone(),
        offence_map: vec![article(OWNER)?, article(ASKER)?],
        facts_scope: "Invented advertisements".to_owned(),
        valid_from: date(2026)?,
        valid_to: date(2045)?,
        operates_in: ["BE".parse()?, "ES".parse()?].into(),
        channels: [Channel::Automated, Channel::Analyst].into(),
        tlp_ceiling: Tlp::Amber,
        onward: Onward::Never,
        pairs: vec![pair(OWNER, ASKER)?, pair(ASKER, OWNER)?],
        retention: Retention { days_max: 1800, per_subject: Vec::new(), review_days: 1800 },
        label_presets: Vec::new(),
        use_basis: [UseBasis::PurposeOfAgreement].into(),
        deadlines: Deadlines::DEFAULT,
        evidence_rule: EvidenceRule::OriginatorPermits,
        approvers: Vec::new(),
        normalisation_live: [NormalisationVersion::CURRENT].into(),
        floor_hash: cedar_engine::floor_hash(COMMON_FLOOR),
        withdrawal: Withdrawal {
            notice_days: 30,
            purge_days: 30,
            exception: PurgeException::Nothing,
        },
        clauses: vec![ClauseTerms {
            clause: "4.2".parse()?,
            text: "Questions in a case".to_owned(),
            binds: [agency(OWNER)?, agency(ASKER)?].into(),
            purposes,
            offences,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use agreement::Phase;

    #[test]
    fn both_signed_and_it_is_in_force() {
        let now = Timestamp::from_date(2030, 1, 1).unwrap();
        let state = docket(now).unwrap().state(now.plus_days(6));
        assert_eq!(state.phase(), Phase::InForce);
        let (owner, asker) = (agency(OWNER).unwrap(), agency(ASKER).unwrap());
        assert!(state.carries(&owner, &asker) && state.carries(&asker, &owner));
    }
}
