//! What people approve, and what may be used in court.

use crate::node::Office;
use cli::Outcome;

#[test]
fn what_waits_and_what_was_approved_is_listed() {
    let office = Office::open();
    office.desk.terminal(&["approvals", "list"], "").is("approvals-list").exits(Outcome::Done);
    let pending = ["approvals", "list", "--pending"];
    office.desk.pipe(&pending, "").is("approvals-pending").exits(Outcome::Done);
    let json = ["approvals", "list", "--json"];
    office.desk.pipe(&json, "").is("approvals-list-json").exits(Outcome::Done);
}

#[test]
fn all_that_is_signed_is_shown_before() {
    let office = Office::open();
    let key = office.desk.write("magistrate.key", format!("{}\n", "07".repeat(32)));
    let approve = |more: &[&'static str]| {
        let first = ["approve", "R-5f5f5f5f", "--for", "es-pn", "--purpose", "PROSECUTION"];
        let rest = ["--reason", "rogatory letter", "--until", "2026-12-20"];
        let words = [&first[..], &rest, more].concat();
        words.into_iter().map(str::to_owned).chain(["--key".to_owned(), key.clone()]).collect()
    };
    let court = ["--judicial-use", "Tribunal de Malaga, PA 17/2026"];
    let words: Vec<String> = approve(&court);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    office.desk.terminal(&words, "y\n").is("approve-court").exits(Outcome::Done);
    assert_eq!(office.calls("approve"), 1);
    office.desk.terminal(&words, "n\n").exits(Outcome::Failed).says("nothing was done");
    let long: Vec<String> = approve(&["--judicial-use", " ", "--yes"]);
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    office.desk.pipe(&long, "").exits(Outcome::Usage).says("one line of 1 to 64 characters");
    assert_eq!(office.calls("approve"), 1, "nothing more was signed");
}

#[test]
fn whether_a_record_may_be_used_in_court_is_said_with_who_permits_it() {
    let office = Office::open();
    let ask = |record: &'static str| {
        ["judicial-use", record, "--case", "C-12", "--as", "Brussels, PN 9/2026", "--yes"]
    };
    for (name, record, outcome) in [
        ("own", "R-01010101", Outcome::Done),
        ("free", "R-02020202", Outcome::Done),
        ("permitted", "R-03030303", Outcome::Done),
        ("refused", "R-04040404", Outcome::Refused),
        ("silent", "R-05050505", Outcome::Incomplete),
    ] {
        let name = format!("judicial-use-{name}");
        office.desk.pipe(&ask(record), "").is(&name).exits(outcome);
    }
    let json = [&ask("R-03030303")[..], &["--json"]].concat();
    office.desk.pipe(&json, "").is("judicial-use-json").exits(Outcome::Done);
    let asked = office.calls("use_in_court");
    let unasked = &ask("R-03030303")[..6];
    office.desk.terminal(unasked, "n\n").is("judicial-use-declined").exits(Outcome::Failed);
    let held = office.desk.pipe(&ask("R-ffffffff"), "");
    held.exits(Outcome::Refused).says("no such record is held here");
    assert_eq!(office.calls("use_in_court"), asked + 1, "a case is told of only after a yes");
    assert!(!office.was_sent("26-118-00012"), "the reference of the case stays");
    office.desk.pipe(&["help", "judicial-use"], "").is("help-judicial-use").exits(Outcome::Done);
}
