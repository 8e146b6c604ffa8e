//! `check-config` and `verify`: everything that is wrong is found, at once, and said plainly.

use crate::kit::{Agency, four, signed, then};
use domain::time::SystemClock;
use node::check::{Verdict, check};
use node::error::NodeError;
use node::verify::{verify, verify_deep};
use std::sync::Arc;
use store::{Batch, EmbeddedStore, Store as _};

/// The problems as an operator reads them, with the folder's name taken out.
fn problems(agency: &Agency) -> String {
    let checked = check(&agency.founded.settings_file, then());
    let lines: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
    let folder = agency.home.path().to_string_lossy().into_owned();
    lines.join("\n").replace(&format!("{folder}/"), "") + "\n"
}

/// Compares with a file of this folder; `MALINES_BLESS=1` writes it anew.
fn snapshot(name: &str, text: &str) {
    let path = format!("{}/tests/snapshots/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("MALINES_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "set MALINES_BLESS=1 if the change is wanted");
}

#[test]
fn every_problem_is_said_at_once() {
    let agencies = four(then());
    let belgium = &agencies[0];
    let text = std::fs::read_to_string(&belgium.founded.settings_file).unwrap();
    let text = text
        .replace("quota_per_day = 50000", "quota_per_dai = 50000")
        .replace("cache_bytes = 67108864", "cache_bytes = \"much\"")
        .replace("name = \"node-1\"", "name = \"node-2\"");
    std::fs::write(&belgium.founded.settings_file, text).unwrap();
    let record = std::fs::read_to_string(belgium.path("keys/record.key")).unwrap();
    std::fs::write(belgium.path("keys/record.key"), &record[..record.len() - 3]).unwrap();
    std::fs::copy(agencies[1].path("keys/log.key"), belgium.path("keys/log.key")).unwrap();
    std::fs::remove_file(belgium.path("keys/seal.key")).unwrap();
    let authority = belgium.path("tls/officer-authority.pem");
    std::fs::copy(belgium.path("tls/node.pem"), authority).unwrap();
    let policy = "@id(\"X01-typo\")\n@reason(\"A label that does not exist.\")\n\
        permit (principal, action == Action::\"Share\", resource)\n\
        when { resource.tlp == Tlp::\"PURPLE\" };\n";
    std::fs::write(belgium.path("policy/local.cedar"), policy).unwrap();
    std::fs::write(belgium.path("agreements/broken.docket"), b"\xa1\x01").unwrap();
    std::fs::write(belgium.path("officers/BE-1.toml"), "officer = 1").unwrap();
    snapshot("every-problem", &problems(belgium));
}

#[test]
fn a_rule_that_can_never_decide_stops_a_first_start_and_is_a_warning_later() {
    let belgium = Agency::new("be-fedpol", "BE", then());
    let never = "@id(\"X01-both\")\n@reason(\"RED and AMBER at once.\")\n\
        forbid (principal, action == Action::\"Share\", resource)\n\
        when { resource.tlp == Tlp::\"RED\" && resource.tlp == Tlp::\"AMBER\" };\n";
    std::fs::write(belgium.path("policy/local.cedar"), never).unwrap();
    let told = |verdict: Verdict| {
        let checked = check(&belgium.founded.settings_file, then());
        let named = |problem: &node::config::Problem| problem.to_string().contains("X01-both");
        assert!(checked.problems.iter().any(named), "{:?}", checked.problems);
        assert_eq!(checked.verdict(), verdict, "{:?}", checked.problems);
    };
    told(Verdict::Unusable);
    std::fs::write(belgium.path("data").join(store::embedded::HEAD_FILE), "a head").unwrap();
    told(Verdict::Usable);
}

#[test]
fn a_configuration_that_is_missing_or_no_toml_is_one_problem() {
    let agency = Agency::new("be-fedpol", "BE", then());
    std::fs::write(&agency.founded.settings_file, "agency = \"be-fedpol\"\nname = = 1").unwrap();
    let broken = problems(&agency);
    std::fs::remove_file(&agency.founded.settings_file).unwrap();
    snapshot("no-configuration", &(broken + &problems(&agency)));
}

#[test]
fn what_does_not_belong_together_is_found() {
    let agencies = four(then());
    let all: Vec<&Agency> = agencies.iter().collect();
    let docket = signed(&agencies, &all, then()).to_file();
    let [belgium, spain] = [&agencies[0], &agencies[1]];
    std::fs::write(belgium.path("agreements/good.docket"), &docket).unwrap();
    std::fs::write(belgium.path("agreements/notes.txt"), "not looked at").unwrap();
    // The manifest of another founding of the same agency.
    let impostor = Agency::new("be-fedpol", "BE", then());
    std::fs::copy(impostor.path("be-fedpol.manifest"), belgium.path("be-fedpol.manifest")).unwrap();
    std::fs::copy(spain.path("tls/node.pem"), belgium.path("tls/node.pem")).unwrap();
    std::fs::copy(spain.path("tls/node.key"), belgium.path("tls/node.key")).unwrap();
    let text = problems(belgium);
    // The id of the impostor's root key is another in every run.
    let stable: Vec<String> = text
        .lines()
        .map(|line| match line.split_once("not signed by key ") {
            Some((head, _)) => format!("{head}not signed by key ..."),
            None => line.to_owned(),
        })
        .collect();
    snapshot("not-together", &(stable.join("\n") + "\n"));

    let italy = Agency::new("it-polizia", "IT", then());
    std::fs::write(italy.path("agreements/theirs.docket"), &docket).unwrap();
    let text = problems(&italy);
    assert!(text.contains("it-polizia is not a party of this agreement"), "{text}");
}

#[test]
fn an_expired_certificate_or_manifest_keeps_a_node_from_starting() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let checked = check(&agency.founded.settings_file, then().plus_days(3 * 365));
    assert_eq!(checked.verdict(), Verdict::Unusable);
    let all: Vec<&str> = checked.problems.iter().map(|problem| problem.what.as_str()).collect();
    assert!(all.iter().any(|what| what.starts_with("the manifest holds from")), "{all:?}");
    assert!(all.iter().any(|what| what.contains("certificate")), "{all:?}");
}

#[test]
fn a_store_is_verified_and_damage_is_named() {
    let agency = Agency::new("be-fedpol", "BE", then());
    let config = agency.config();
    assert!(matches!(verify(&config), Err(NodeError::NoStore { .. })));
    let (store, _) = EmbeddedStore::open(config.store_settings().unwrap()).unwrap();
    let event = |clock: &dyn domain::time::Clock| {
        domain::event::Event::new(clock.now(), domain::event::Act::NodeStarted)
    };
    for _ in 0..3 {
        store.commit(Batch::new().saying(event(&SystemClock))).wait().unwrap();
    }
    // A node runs on it.
    let checked = verify(&config).unwrap();
    assert_eq!((checked.frames, checked.faults, checked.beside.len()), (3, 0, 0), "{checked:?}");
    let busy = verify_deep(&config).unwrap_err();
    assert!(matches!(busy, NodeError::Store(store::Error::InUse)), "{busy}");
    let store = Arc::new(store);
    store.close().unwrap();
    drop(store);

    let report = verify_deep(&config).unwrap();
    assert_eq!((report.verified.frames, report.verified.faults.len()), (3, 0), "{report:?}");

    let journal = std::fs::read_dir(config.data_folder.join("journal")).unwrap();
    let segment = journal.map(|entry| entry.unwrap().path()).min().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let checked = verify(&config).unwrap();
    assert_eq!(checked.first_faults[0].segment, "00000001.segment");
    match verify_deep(&config) {
        Err(NodeError::Store(error)) => assert!(!error.hint().is_empty(), "{error}"),
        Ok(report) => assert!(!report.verified.faults.is_empty(), "{report:?}"),
        Err(other) => panic!("{other}"),
    }
}
