//! Agreements from the first draft to the last receipt, on this machine and at a node.

use crate::kit::{Desk, Run};
use crate::node::Office;
use cli::Outcome;
use domain::hexadecimal;
use domain::signature::{SecretKey, Signer as _};
use serde_json::Value;
use std::path::Path;

const PARTIES: [&str; 4] = ["be-fedpol", "es-pn", "fr-oltim", "ma-dgsn"];
const FILE: &str = "malines-2026.docket";

fn key(party: &str, what: &str) -> SecretKey {
    let parts: [&[u8]; 2] = [party.as_bytes(), what.as_bytes()];
    SecretKey::from_seed(&domain::digest::derive("malines test cli key", &parts))
}

fn digits(key: &SecretKey) -> String {
    hexadecimal::encode(&key.public_key().to_bytes())
}

/// The example terms with keys that the test holds, and a key file for each authority.
fn terms(desk: &Desk) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/agreement.toml");
    let text = std::fs::read_to_string(example).unwrap();
    let mut party = "";
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("agency = ") {
            party = PARTIES.into_iter().find(|one| rest.contains(one)).unwrap_or(party);
        }
        match line.split_once(" = ").map(|(key, _)| key) {
            Some("root_key") => {
                lines.push(format!("root_key = \"{}\"", digits(&key(party, "root"))))
            }
            Some("authority_key") => {
                lines.push(format!("authority_key = \"{}\"", digits(&key(party, "authority"))));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    for party in PARTIES {
        let seed = hexadecimal::encode(&*key(party, "authority").to_seed());
        desk.write(&format!("{party}.key"), seed);
    }
    desk.write("terms.toml", lines.join("\n"))
}

fn docket(desk: &Desk) -> String {
    desk.path(FILE).to_str().unwrap().to_owned()
}

/// `malines agreement COMMAND --docket FILE --key PARTY.key --yes ...`
fn says(desk: &Desk, party: &str, command: &str, more: &[&str]) -> Run {
    let (file, key) = (docket(desk), desk.path(&format!("{party}.key")));
    let key = key.to_str().unwrap().to_owned();
    let words = ["agreement", command, "--docket", &file, "--key", &key, "--yes"];
    desk.pipe(&[&words[..], more].concat(), "")
}

fn status(desk: &Desk) -> Value {
    let run = desk.pipe(&["agreement", "status", "--docket", &docket(desk), "--json"], "");
    run.exits(Outcome::Done).json()["agreements"][0].clone()
}

fn drafted(desk: &Desk) {
    let terms = terms(desk);
    desk.pipe(&["agreement", "draft", &terms, &docket(desk)], "").exits(Outcome::Done);
}

fn signed_by_all(desk: &Desk) {
    drafted(desk);
    for party in PARTIES {
        says(desk, party, "sign", &[]).exits(Outcome::Done);
    }
}

#[test]
fn four_authorities_sign_and_every_direction_opens() {
    let desk = Desk::new();
    drafted(&desk);
    let shown =
        desk.pipe(&["agreement", "show", "--docket", &docket(&desk), "--language", "fr"], "");
    shown.exits(Outcome::Done).says("Accord malines-2026, version 1").never_says("seed");
    for (index, party) in PARTIES.into_iter().enumerate() {
        assert_eq!(status(&desk)["phase"], if index == 0 { "DRAFT" } else { "PARTLY_SIGNED" });
        says(&desk, party, "sign", &["--language", "es"]).exits(Outcome::Done);
    }
    let whole = status(&desk);
    assert_eq!(whole["phase"], "IN_FORCE");
    let directions = whole["directions"].as_array().unwrap();
    assert!(directions.len() == 12 && directions.iter().all(|one| one["open"] == true));
    // Nothing is written over, and a second draft of the same file is refused.
    let again = desk.pipe(&["agreement", "draft", &terms(&desk), &docket(&desk)], "");
    again.exits(Outcome::Failed).says("nothing is written over");
}

#[test]
fn a_signature_is_not_given_by_habit_or_by_a_stranger() {
    let desk = Desk::new();
    drafted(&desk);
    let (file, key) = (docket(&desk), desk.path("es-pn.key"));
    let words = ["agreement", "sign", "--docket", &file, "--key", key.to_str().unwrap()];
    desk.terminal(&words, "yes\n").exits(Outcome::Failed);
    desk.terminal(&words, "malines-2027\n").exits(Outcome::Failed);
    assert_eq!(status(&desk)["phase"], "DRAFT");
    desk.terminal(&words, "malines-2026\n").exits(Outcome::Done);
    assert_eq!(status(&desk)["versions"][0]["signed_by"][0], "es-pn");

    desk.write("nobody.key", hexadecimal::encode(&*key_of_nobody().to_seed()));
    says(&desk, "nobody", "sign", &[]).exits(Outcome::Failed).says("speaks for no party");
    desk.write("garbage.key", "dear colleague");
    says(&desk, "garbage", "sign", &[]).exits(Outcome::Failed).says("no key file");
    let broken = desk.write("broken.docket", b"dear colleague");
    desk.pipe(&["agreement", "status", "--docket", &broken], "").exits(Outcome::Failed);
}

fn key_of_nobody() -> SecretKey {
    key("nobody", "authority")
}

#[test]
fn one_direction_stops_and_goes_on() {
    let desk = Desk::new();
    signed_by_all(&desk);
    let pair = ["--from", "be-fedpol", "--to", "ma-dgsn"];
    says(&desk, "be-fedpol", "suspend", &pair).exits(Outcome::Done);
    let closed = |desk: &Desk| {
        let whole = status(desk);
        let directions = whole["directions"].as_array().unwrap().clone();
        let closed = directions.iter().filter(|one| one["open"] == false);
        closed.map(|one| format!("{} {} {}", one["from"], one["to"], one["why_not"][0])).collect()
    };
    let one: Vec<String> = closed(&desk);
    assert_eq!(one, ["\"be-fedpol\" \"ma-dgsn\" \"SUSPENDED_PAIR\""]);
    // Somebody else's direction is nobody's to stop, and nobody's to lift.
    says(&desk, "es-pn", "suspend", &pair).exits(Outcome::Failed);
    says(&desk, "es-pn", "lift", &[]).exits(Outcome::Done);
    assert_eq!(closed(&desk), one);
    says(&desk, "be-fedpol", "lift", &pair).exits(Outcome::Done);
    let none: Vec<String> = closed(&desk);
    assert!(none.is_empty());
}

#[test]
fn changed_terms_hold_when_every_party_signed_them() {
    let desk = Desk::new();
    signed_by_all(&desk);
    let changed = std::fs::read_to_string(desk.path("terms.toml")).unwrap();
    let changed = changed.replace("notice_days = 30", "notice_days = 60");
    let changed = desk.write("changed.toml", changed);
    let amend = ["--terms", &changed, "--sign-by", "2027-03-01"];
    says(&desk, "fr-oltim", "amend", &amend).exits(Outcome::Done);
    for party in &PARTIES[..3] {
        says(&desk, party, "sign", &["--version", "2"]).exits(Outcome::Done);
    }
    let phases = |desk: &Desk| {
        let whole = status(desk);
        (whole["versions"][0]["phase"].clone(), whole["versions"][1]["phase"].clone())
    };
    assert_eq!(phases(&desk), ("IN_FORCE".into(), "PARTLY_SIGNED".into()));
    says(&desk, PARTIES[3], "sign", &["--version", "2"]).exits(Outcome::Done);
    assert_eq!(phases(&desk), ("SUPERSEDED".into(), "IN_FORCE".into()));
}

#[test]
fn whoever_leaves_orders_the_others_to_erase() {
    let desk = Desk::new();
    signed_by_all(&desk);
    // What every party has signed is left, not refused; and a deadline lies ahead.
    says(&desk, "ma-dgsn", "reject", &[]).exits(Outcome::Usage).says("agreement withdraw");
    let passed = ["--sign-by", "2020-01-01"];
    says(&desk, "ma-dgsn", "propose", &passed).exits(Outcome::Usage).says("has passed");
    says(&desk, "ma-dgsn", "withdraw", &[]).exits(Outcome::Done);
    let whole = status(&desk);
    assert_eq!(whole["leaving"][0]["party"], "ma-dgsn");
    let rows = |whole: &Value| whole["board"].as_array().unwrap().len();
    assert_eq!(rows(&whole), 3, "its data at three others");
    assert!(whole["directions"].as_array().unwrap().iter().all(|one| {
        let left = one["from"] == "ma-dgsn" || one["to"] == "ma-dgsn";
        (one["open"] == false) == left
    }));
    says(&desk, "es-pn", "purge", &[]).exits(Outcome::Done);
    assert_eq!(rows(&status(&desk)), 4, "and Spain's at Morocco");
    says(&desk, "es-pn", "purge", &[]).exits(Outcome::Done).says("nobody has to erase");
    let text = desk.pipe(&["agreement", "status", "--docket", &docket(&desk)], "");
    text.exits(Outcome::Done).says("HELD").says("ma-dgsn left on");
}

/// Everybody signs terms that are changed so; they are the second version.
fn amended(desk: &Desk, from: &str, to: &str) {
    let terms = std::fs::read_to_string(desk.path("terms.toml")).unwrap();
    assert!(terms.contains(from));
    let changed = desk.write("changed.toml", terms.replace(from, to));
    let amend = ["--terms", &changed, "--sign-by", "2027-03-01"];
    says(desk, "fr-oltim", "amend", &amend).exits(Outcome::Done);
    for party in PARTIES {
        says(desk, party, "sign", &["--version", "2"]).exits(Outcome::Done);
    }
}

#[test]
fn whoever_comes_back_and_leaves_again_is_ordered_again() {
    let desk = Desk::new();
    signed_by_all(&desk);
    let rows = |desk: &Desk| status(desk)["board"].as_array().unwrap().len();
    says(&desk, "ma-dgsn", "withdraw", &[]).exits(Outcome::Done);
    says(&desk, "es-pn", "purge", &[]).exits(Outcome::Done);
    desk.wait(1);
    amended(&desk, "notice_days = 30", "notice_days = 60");
    assert!(status(&desk)["leaving"].as_array().unwrap().is_empty(), "it is a party again");
    says(&desk, "es-pn", "purge", &[]).exits(Outcome::Done).says("nobody has to erase");
    desk.wait(1);
    says(&desk, "ma-dgsn", "withdraw", &[]).exits(Outcome::Done);
    assert_eq!(rows(&desk), 7, "its data at three others, once more");
    says(&desk, "es-pn", "purge", &[]).exits(Outcome::Done);
    assert_eq!(rows(&desk), 8);
    says(&desk, "es-pn", "purge", &[]).exits(Outcome::Done).says("nobody has to erase");
    assert_eq!(status(&desk)["leaving"][0]["phase"], "WINDING_DOWN");
}

#[test]
fn what_went_in_a_direction_that_was_amended_away_is_ordered_to_be_erased() {
    let desk = Desk::new();
    signed_by_all(&desk);
    desk.wait(1);
    let law = std::fs::read_to_string(desk.path("terms.toml")).unwrap();
    let (before, last) = law.rsplit_once("[[transfer]]").unwrap();
    let from_morocco = format!("[[transfer]]{}", last.split_once("\n\n").unwrap().0);
    assert!(before.len() > 1 && from_morocco.contains("from = [\"ma-dgsn\"]"), "{from_morocco}");
    amended(&desk, &from_morocco, "");
    let whole = status(&desk);
    assert_eq!(whole["versions"][0]["phase"], "SUPERSEDED");
    let first = whole["versions"][0]["hash"].clone();
    assert!(whole["leaving"].as_array().unwrap().is_empty());
    says(&desk, "es-pn", "purge", &[]).exits(Outcome::Done).says("nobody has to erase");
    says(&desk, "ma-dgsn", "purge", &[]).exits(Outcome::Done);
    let whole = status(&desk);
    let rows = whole["board"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "its data at three others");
    assert!(first.is_string() && rows.iter().all(|row| row["origin"] == "ma-dgsn"));
    says(&desk, "ma-dgsn", "purge", &[]).exits(Outcome::Done).says("nobody has to erase");
}

#[test]
fn an_officer_signs_what_the_certificate_allows() {
    let desk = Desk::new();
    drafted(&desk);
    let officer = |name: &str, role: &str| {
        let key = key(name, "officer");
        desk.write(&format!("{name}.key"), hexadecimal::encode(&*key.to_seed()));
        let page = format!(
            "agency = \"be-fedpol\"\nofficer = \"{name}\"\nrole = \"{role}\"\nkey = \"{}\"\n",
            digits(&key)
        );
        desk.write(&format!("{name}.enrol"), page)
    };
    let clerk = officer("BE-C01", "CLERK");
    let deputy = officer("BE-P07", "DEPUTY");
    says(&desk, "be-fedpol", "certify", &["--enrolment", &clerk]).exits(Outcome::Done);
    let scope = ["--enrolment", &deputy, "--powers", "SUSPEND,LIFT,STATE_HEAD"];
    says(&desk, "be-fedpol", "certify", &scope).exits(Outcome::Done);
    // A clerk prepares and cannot sign; a deputy signs within the scope.
    says(&desk, "BE-C01", "sign", &[]).exits(Outcome::Failed).says("CLERK");
    says(&desk, "BE-P07", "sign", &[]).exits(Outcome::Done);
    assert_eq!(status(&desk)["phase"], "DRAFT", "out of scope: it does not count");
    says(&desk, "es-pn", "certify", &["--enrolment", &clerk]).exits(Outcome::Usage);
    let bind = ["--from", "BE-P07", "--to", "BE-C01", "--powers", "BIND"];
    says(&desk, "be-fedpol", "delegate", &bind).exits(Outcome::Done);
    let of_court = ["--enrolment", &officer("BE-J01", "MAGISTRATE"), "--authority", "JUDICIAL"];
    let certified = says(&desk, "be-fedpol", "certify", &of_court);
    certified.exits(Outcome::Done).says("BE-J01, MAGISTRATE of JUDICIAL");
    says(&desk, "be-fedpol", "revoke", &["--officer", "BE-P07"]).exits(Outcome::Done);
    let before = ["--officer", "BE-J01", "--after", "0"];
    says(&desk, "be-fedpol", "revoke", &before).exits(Outcome::Done);
    says(&desk, "be-fedpol", "revoke", &["--officer", "BE-X99"]).exits(Outcome::Usage);
}

#[test]
fn a_lost_key_is_replaced_by_the_root_and_accepted_by_all() {
    let desk = Desk::new();
    signed_by_all(&desk);
    desk.write("root.key", hexadecimal::encode(&*key("es-pn", "root").to_seed()));
    let new = key("es-pn", "new");
    desk.write("new.key", hexadecimal::encode(&*new.to_seed()));
    says(&desk, "root", "replace-key", &["--new-key", &digits(&new)]).exits(Outcome::Done);
    assert_eq!(status(&desk)["phase"], "SUSPENDED");
    for party in ["be-fedpol", "fr-oltim", "ma-dgsn"] {
        says(&desk, party, "accept-key", &["--of", "es-pn"]).exits(Outcome::Done);
    }
    says(&desk, "new", "head", &[]).exits(Outcome::Done);
    assert_eq!(status(&desk)["phase"], "IN_FORCE");
}

#[test]
fn a_key_file_is_protected_by_a_passphrase() {
    let desk = Desk::new();
    drafted(&desk);
    let file = desk.path("es-pn.key").to_str().unwrap().to_owned();
    let shown = desk.pipe(&["key", "show", &file, "--json"], "").exits(Outcome::Done).json();
    assert_eq!(shown["protected"], false);
    desk.pipe(&["key", "protect", &file], "short\nshort\n").exits(Outcome::Failed);
    let twice = "four words nobody guesses\n";
    desk.pipe(&["key", "protect", &file], &format!("{twice}other words entirely\n"))
        .exits(Outcome::Failed)
        .says("differ");
    desk.pipe(&["key", "protect", &file], &twice.repeat(2)).exits(Outcome::Done);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(SecretKey::is_protected(&kept));

    let (docket, words) = (docket(&desk), ["agreement", "sign", "--yes", "--key", &file]);
    let sign = [&words[..], &["--docket", &docket]].concat();
    desk.pipe(&sign, "not these words\n").exits(Outcome::Failed).says("does not open");
    desk.pipe(&sign, twice).exits(Outcome::Done).never_says("four words");
    let again = desk.pipe(&["key", "show", &file, "--json"], twice).json();
    assert_eq!((&again["protected"], &again["public_key"]), (&true.into(), &shown["public_key"]));
}

#[test]
fn papers_are_filed_at_a_node_and_read_from_it() {
    let office = Office::open();
    let desk = &office.desk;
    drafted(desk);
    desk.pipe(&["agreement", "file", &docket(desk)], "").exits(Outcome::Done).says("filed");
    let key = desk.path("es-pn.key").to_str().unwrap().to_owned();
    let words = ["agreement", "sign", "malines-2026", "--yes", "--key", &key];
    desk.pipe(&words, "").exits(Outcome::Done).says("filed  1 paper");
    let status = desk.pipe(&["agreement", "status", "malines-2026", "--json"], "").json();
    assert_eq!(status["agreements"][0]["versions"][0]["signed_by"][0], "es-pn");
    let copy = desk.path("copy.docket").to_str().unwrap().to_owned();
    desk.pipe(&["agreement", "export", "malines-2026", "--to", &copy], "").exits(Outcome::Done);
    let words = ["agreement", "status", "--docket", &copy, "--json"];
    assert_eq!(desk.pipe(&words, "").json(), status);
}
