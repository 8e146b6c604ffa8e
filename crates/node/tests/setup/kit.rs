//! What the tests share: agencies made on the spot, in a folder that goes away.

use domain::signature::SecretKey;
use domain::time::Timestamp;
use node::bundle::{self, Bundle};
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
        let agency = &self.founded.manifest.agency;
        let path = self.path("authority.key");
        file::read_key(&path, KeyKind::Authority, Some(agency), None).unwrap().to_signing()
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

/// The example's terms, with the keys of these agencies.
pub(crate) fn terms(agencies: &[Agency]) -> String {
    let parts = agencies.iter().map(|agency| {
        let name = format!("{}.party.toml", agency.founded.manifest.agency);
        std::fs::read_to_string(agency.path(&name)).unwrap()
    });
    terms_of(&parts.collect::<String>())
}

/// The example's terms with other parties.
pub(crate) fn terms_of(parties: &str) -> String {
    let example = include_str!("../../../../deploy/agreement.toml");
    let first = example.find("\n[[party]]\n").unwrap() + 1;
    let after = example.find("# What lets data, and a question").unwrap();
    format!("{}{parties}\n{}", &example[..first], &example[after..])
}

/// Drafted, signed by these authorities, with every manifest.
pub(crate) fn signed(agencies: &[Agency], by: &[&Agency], now: Timestamp) -> Bundle {
    let mut bundle = bundle::draft(node::terms_file::read(&terms(agencies)).unwrap()).unwrap();
    for agency in by {
        let party = &agency.founded.manifest.agency;
        bundle = bundle::sign(&bundle, party, &agency.authority(), now).unwrap();
    }
    for agency in agencies {
        bundle = bundle::add_manifest(&bundle, &agency.founded.manifest_envelope).unwrap();
    }
    bundle
}

pub(crate) fn four(now: Timestamp) -> Vec<Agency> {
    AGENCIES.iter().map(|(agency, country)| Agency::new(agency, country, now)).collect()
}
