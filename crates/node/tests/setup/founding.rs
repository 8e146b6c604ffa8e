//! `init` and `officer add`: what is made is complete, private, and never written over.

use crate::kit::{Agency, enrolment, founding, then};
use domain::envelope::Signed;
use domain::manifest::Manifest;
use node::check::{Verdict, check};
use node::config::file;
use node::error::NodeError;
use node::init::{init, renew_certificate, renew_manifest};
use node::key_file::{KeyKind, system_entropy};
use node::officer::{self, Enrolled, State};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire::tls::credentials::Credentials;

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn what_init_makes_can_be_used_at_once() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let checked = check(&agency.founded.settings_file, then());
    assert_eq!(checked.problems, Vec::new());
    assert_eq!(checked.verdict(), Verdict::Usable);
    assert!(checked.summary.contains("be-fedpol, node node-1"), "{}", checked.summary);
    let config = agency.config();
    let keys = config.node_keys().unwrap();
    let manifest = &agency.founded.manifest;
    assert_eq!(keys.record.public_key(), manifest.record_key);
    assert_eq!(keys.log.public_key(), manifest.log_key);
    assert_eq!(keys.seal.public_key(), manifest.seal_key);
    let root = file::read_key(&agency.path("root.key"), KeyKind::Root, None, None).unwrap();
    let envelope = config.manifest().unwrap();
    assert!(Signed::<Manifest>::open(envelope, &root.signing_public()).is_ok());
    assert_eq!(config.partner_listen.to_string(), "127.0.0.1:0");
}

#[test]
fn the_local_policy_permits_handing_in_and_nothing_else() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let local = agency.config().local_policy().unwrap();
    let load = |local: &str| cedar_engine::Engine::load(cedar_engine::COMMON_FLOOR, local).unwrap();
    let local_rules = |local: &str| {
        let engine = load(local);
        let local = engine.rules().filter(|rule| rule.layer == cedar_engine::Layer::Local);
        local.map(|rule| rule.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(local_rules(&local), ["L01-own-submissions"]);
    // The rules that are offered load as they stand once their marks are taken away.
    let (own, offered) = local.split_once("//\n// @id").unwrap();
    let offered = format!("@id{}", offered.replace("\n// ", "\n").replace("\n//\n", "\n"));
    assert_eq!(local_rules(&format!("{own}{offered}")).len(), 6);
}

#[test]
fn a_second_init_changes_nothing() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let before = files(agency.home.path());
    let again = init(&founding("es-pn", "ES", agency.home.path()), &system_entropy(), then());
    assert!(matches!(again, Err(NodeError::Exists { .. })), "{again:?}");
    assert_eq!(files(agency.home.path()), before);
    // One file in the way is enough, and nothing is left behind.
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("tls")).unwrap();
    std::fs::write(home.path().join("tls/node.key"), "precious").unwrap();
    let begun = init(&founding("es-pn", "ES", home.path()), &system_entropy(), then());
    assert!(matches!(begun, Err(NodeError::Exists { path }) if path.ends_with("tls/node.key")));
    assert_eq!(files(home.path()).len(), 1);
    assert!(!home.path().join("keys").exists());
}

#[test]
fn names_and_addresses_that_cannot_be_make_nothing() {
    let home = tempfile::tempdir().unwrap();
    let good = founding("be-fedpol", "BE", home.path());
    let mut wrong = Vec::new();
    for name in ["", "Node", "a/b", "-a", &"a".repeat(64)] {
        wrong.push(node::init::Founding { name: (*name).to_owned(), ..good.clone() });
    }
    for address in ["host", "host:0", ":7443", "host:70000", "a b:1", "h\n:1"] {
        let partner_addresses = vec![address.to_owned()];
        wrong.push(node::init::Founding { partner_addresses, ..good.clone() });
    }
    let partner_addresses = vec!["host:1".to_owned(); 9];
    wrong.push(node::init::Founding { partner_addresses, ..good.clone() });
    // A port that is drawn at each start, and no address that partners could dial.
    wrong.push(node::init::Founding { partner_addresses: Vec::new(), ..good });
    for founding in wrong {
        let made = init(&founding, &system_entropy(), then());
        assert!(matches!(made, Err(NodeError::Argument { .. })), "{founding:?}");
        assert_eq!(files(home.path()).len(), 0);
    }
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner_alone_and_a_check_insists() {
    use std::os::unix::fs::PermissionsExt as _;
    let agency = Agency::new("be-fedpol", "BE", then());
    for path in files(agency.home.path()).into_keys() {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    for secret in ["node.kek", "keys/record.key", "tls/node.key"] {
        let path = agency.path(secret);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let checked = check(&agency.founded.settings_file, then());
        assert_eq!(checked.verdict(), Verdict::Unusable);
        assert!(checked.problems[0].hint.starts_with("chmod 600"), "{:?}", checked.problems);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn no_secret_lies_on_the_node_in_clear_but_those_to_be_moved() {
    let agency = Agency::new("be-fedpol", "BE", then());
    for (path, bytes) in files(&agency.path("keys")) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("\nsealed ") && !text.contains("\nseed "), "{path:?}");
    }
    let other = Agency::new("be-fedpol", "BE", then());
    std::fs::copy(other.path("node.kek"), agency.path("node.kek")).unwrap();
    let keys = agency.config().node_keys();
    assert!(matches!(keys, Err(NodeError::Key { .. })));
}

#[test]
fn an_officer_gets_a_profile_that_works_and_is_enrolled_once() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let config = agency.config();
    let out = agency.path("out/BE-1042");
    let enrolment = enrolment("BE-1042", out.clone());
    let profile = officer::add(&config, &enrolment, then()).unwrap();
    assert_eq!(profile.file, out.join("default.toml"));
    let text = std::fs::read_to_string(&profile.file).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let keys: Vec<_> = table.keys().map(String::as_str).collect();
    assert_eq!(keys, ["agency", "certificate", "demo", "key", "node", "node_ca", "signing_key"]);
    let named = |key: &str| std::fs::read(out.join(table[key].as_str().unwrap())).unwrap();
    let read = Credentials::from_pem(&named("certificate"), &named("key"), then()).unwrap();
    assert_eq!(read.caller().uri(), "spiffe://be-fedpol/officer/BE-1042");
    let node_ca = wire::tls::credentials::authority_from_pem(&named("node_ca"), then()).unwrap();
    assert_eq!(node_ca.as_bytes(), agency.founded.manifest.node_authorities[0].as_bytes());

    let before = files(agency.home.path());
    let again = officer::add(&config, &enrolment, then());
    assert!(matches!(again, Err(NodeError::Exists { .. })));
    assert_eq!(files(agency.home.path()), before);

    let nowhere = node::officer::Enrolment { node: None, ..enrolment.clone() };
    let refused = officer::add(&config, &nowhere, then());
    assert!(matches!(refused, Err(NodeError::Argument { .. })));

    assert!(config.officers_revoked().unwrap().is_empty());
    officer::revoke(&config, &enrolment.officer).unwrap();
    let entry = Enrolled::load(&agency.path("officers/BE-1042.toml")).unwrap();
    assert_eq!(entry.state, State::Revoked);
    let nowhere = node::officer::Enrolment { node: None, ..enrolment.clone() };
    let refused = officer::add(&config, &nowhere, then());
    assert!(matches!(refused, Err(NodeError::Argument { .. })));

    assert!(config.officers_revoked().unwrap().contains(&enrolment.officer));
    assert!(officer::revoke(&config, &"BE-7".parse().unwrap()).is_err());
}

#[test]
fn certificate_and_manifest_are_renewed_in_place() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let config = agency.config();
    let later = then().plus_days(360);
    let warned = check(&agency.founded.settings_file, later);
    assert_eq!(warned.verdict(), Verdict::Usable);
    assert!(warned.problems[0].what.contains("the certificate ends"), "{:?}", warned.problems);
    let until = renew_certificate(&config, later).unwrap();
    assert!(until > later.plus_days(364));
    assert_eq!(check(&agency.founded.settings_file, later).problems, Vec::new());

    let root = file::read_key(&agency.path("root.key"), KeyKind::Root, None, None).unwrap();
    let addresses = ["node.example.org:7443".to_owned()];
    let manifest = renew_manifest(&config, &root, &addresses, later).unwrap();
    assert_eq!((manifest.sequence, &manifest.addresses[..]), (2, &addresses[..]));
    let read = Signed::<Manifest>::open(config.manifest().unwrap(), &root.signing_public());
    assert_eq!(read.unwrap().message(), &manifest);
    let other = Agency::new("es-pn", "ES", then());
    let foreign = file::read_key(&other.path("root.key"), KeyKind::Root, None, None).unwrap();
    let refused = renew_manifest(&config, &foreign, &addresses, later);
    assert!(matches!(refused, Err(NodeError::Document { .. })));
}
