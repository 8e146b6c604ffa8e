//! What the tests share: agencies made on the spot, in a folder that goes away, and what they sign.

use agreement::declaration::Step;
use agreement::terms::{
    ClauseTerms, Deadlines, EvidenceRule, Instrument, NationalOffence, Pair, Party, PartyRole,
    PurgeException, Retention, Terms, UseBasis, Withdrawal,
};
use agreement::{Agreement, Docket, Language};
use domain::indicator::NormalisationVersion;
use domain::name::{Country, Digest};
use domain::signature::{PublicKey, SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::{AgencyKind, Channel, Offence, Onward, Purpose, Tlp, TransferBasis};
use node::config::{Config, file};
use node::init::{Founded, Founding, init};
use node::key_file::{KeyKind, system_entropy};
use node::officer::{Enrolment, OfficerRole, ProfileUse};
use std::path::{Path, PathBuf};

/// The four agencies of the example agreement.
pub(crate) const AGENCIES: [(&str, &str); 4] =
    [("be-fedpol", "BE"), ("es-pn", "ES"), ("fr-oltim", "FR"), ("ma-dgsn", "MA")];

/// Inside the example agreement's time.
pub(crate) fn then() -> Timestamp {
    Timestamp::from_date(2027, 1, 15).unwrap()
}

pub(crate) fn founding(agency: &str, country: &str, folder: &Path) -> Founding {
    Founding {
        agency: agency.parse().unwrap(),
        country: country.parse().unwrap(),
        kind: "POLICE".parse().unwrap(),
        folder: folder.to_owned(),
        name: "node-1".to_owned(),
        partner_addresses: vec!["127.0.0.1:7443".to_owned()],
        partner_listen: ([127, 0, 0, 1], 0).into(),
        officer_listen: ([127, 0, 0, 1], 0).into(),
    }
}

/// One agency's folder.
pub(crate) struct Agency {
    pub(crate) home: tempfile::TempDir,
    pub(crate) founded: Founded,
}

impl Agency {
    pub(crate) fn new(agency: &str, country: &str, now: Timestamp) -> Self {
        let home = tempfile::tempdir().unwrap();
        let founding = founding(agency, country, home.path());
        let founded = init(&founding, &system_entropy(), now).unwrap();
        Self { home, founded }
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.home.path().join(inside)
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(&self.founded.settings_file).unwrap()
    }

    /// The prosecutor's key, which is not on the node in real life.
    pub(crate) fn authority(&self) -> SecretKey {
        self.kept_apart("authority.key", KeyKind::Authority)
    }

    fn root(&self) -> PublicKey {
        self.kept_apart("root.key", KeyKind::Root).public_key()
    }

    fn kept_apart(&self, name: &str, kind: KeyKind) -> SecretKey {
        let agency = &self.founded.manifest.agency;
        file::read_key(&self.path(name), kind, Some(agency), None).unwrap().to_signing()
    }
}

pub(crate) fn enrolment(officer: &str, out: PathBuf) -> Enrolment {
    Enrolment {
        officer: officer.parse().unwrap(),
        role: OfficerRole::Analyst,
        valid_days: 30,
        out,
        profile: "default".to_owned(),
        node: Some("127.0.0.1:7444".to_owned()),
        profile_use: ProfileUse::Real,
    }
}

/// Terms between these agencies.
pub(crate) fn terms(agencies: &[Agency]) -> Terms {
    let manifests = || agencies.iter().map(|agency| &agency.founded.manifest);
    let countries: Vec<Country> = manifests().map(|one| one.country.clone()).collect();
    let offence = Offence::MigrantSmuggling;
    let article = |country: &Country| NationalOffence {
        offence,
        country: country.clone(),
        article: Some("the article".to_owned()),
    };
    let day = |year, month| Timestamp::from_date(year, month, 1).unwrap();
    Terms {
        schema: agreement::SCHEMA,
        agreement_id: "malines-2026".parse().unwrap(),
        version: 1,
        supersedes: None,
        instrument: Instrument {
            title: "Arrangement (invented)".to_owned(),
            signed_on: day(2026, 10),
            sha256: Digest::from_bytes([1; 32]),
            held_at: "the depositary".to_owned(),
            languages: vec!["fr".to_owned()],
        },
        legal_basis: vec!["UN Protocol against the Smuggling of Migrants, Art. 10".to_owned()],
        parties: agencies.iter().map(party).collect(),
        purpose_text: "To find the advertisers of migrant smuggling".to_owned(),
        purposes: [Purpose::Investigation].into(),
        offences: [offence].into(),
        offence_map: countries.iter().map(article).collect(),
        facts_scope: "Offers on public platforms".to_owned(),
        valid_from: day(2026, 11),
        valid_to: day(2029, 11),
        operates_in: countries.into_iter().collect(),
        channels: [Channel::Automated].into(),
        tlp_ceiling: Tlp::Amber,
        onward: Onward::Never,
        pairs: pairs(agencies),
        retention: Retention { days_max: 730, per_subject: Vec::new(), review_days: 180 },
        label_presets: Vec::new(),
        use_basis: [UseBasis::PurposeOfAgreement].into(),
        deadlines: Deadlines::DEFAULT,
        evidence_rule: EvidenceRule::OriginatorPermits,
        approvers: Vec::new(),
        normalisation_live: [NormalisationVersion::CURRENT].into(),
        floor_hash: cedar_engine::floor_hash(cedar_engine::COMMON_FLOOR),
        withdrawal: Withdrawal {
            notice_days: 30,
            purge_days: 30,
            exception: PurgeException::Nothing,
        },
        clauses: vec![ClauseTerms {
            clause: "4.1".parse().unwrap(),
            text: "Links of advertisements are shared.".to_owned(),
            binds: manifests().map(|one| one.agency.clone()).collect(),
            purposes: [Purpose::Investigation].into(),
            offences: [offence].into(),
        }],
    }
}

fn party(agency: &Agency) -> Party {
    let manifest = &agency.founded.manifest;
    let role = match manifest.agency.as_str() {
        "be-fedpol" => PartyRole::Leader,
        _ => PartyRole::Party,
    };
    Party {
        agency: manifest.agency.clone(),
        country: manifest.country.clone(),
        kind: AgencyKind::Police,
        root_key: agency.root(),
        authority_key: agency.authority().public_key(),
        role,
        contact_points: Vec::new(),
    }
}

/// Nothing goes to or from a third country.
fn pairs(agencies: &[Agency]) -> Vec<Pair> {
    let manifests = || agencies.iter().map(|agency| &agency.founded.manifest);
    let within = || manifests().filter(|manifest| manifest.country.as_str() != "MA");
    let names = || within().map(|manifest| manifest.agency.clone());
    let others = |from| names().filter(move |to| *to != from);
    let directions =
        names().flat_map(|from| others(from.clone()).map(move |to| (from.clone(), to)));
    let pair = |(from, to)| Pair {
        from,
        to,
        transfer_basis: TransferBasis::IntraLed,
        safeguards: None,
        condition: None,
        channels: None,
    };
    directions.map(pair).collect()
}

/// Opened for these agencies with every manifest, signed by some of their authorities.
pub(crate) fn signed(agencies: &[Agency], by: &[&Agency], now: Timestamp) -> Docket {
    let agreement = Agreement::new(terms(agencies)).unwrap();
    let language = Language::English;
    let shown = agreement::rendering::shown(&agreement, language);
    let step = Step::Sign { agreement: agreement.hash(), shown, language };
    let mut docket = Docket::new(agreement).unwrap();
    for agency in agencies {
        docket.admit(agency.founded.manifest_envelope.clone().into()).unwrap();
    }
    for agency in by {
        let party = &agency.founded.manifest.agency;
        docket.declare(party, step.clone(), now, &agency.authority()).unwrap();
    }
    docket
}

pub(crate) fn four(now: Timestamp) -> Vec<Agency> {
    AGENCIES.iter().map(|(agency, country)| Agency::new(agency, country, now)).collect()
}
