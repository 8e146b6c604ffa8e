//! An officer's day against a node: status, cases, questions, withdrawals, the log.

use crate::kit::export;
use crate::node::{Authority, Office};
use cli::Outcome;

#[test]
fn status_shows_partners_and_a_partner_cannot_play_with_the_terminal() {
    let office = Office::open();
    office.desk.terminal(&["status"], "").is("status").exits(Outcome::Done);
    office.desk.terminal(&["status", "--verbose"], "").is("status-verbose").exits(Outcome::Done);
    office.desk.pipe(&["status"], "").is("status-pipe").exits(Outcome::Done);
    office.desk.pipe(&["status", "--json"], "").is("status-json").exits(Outcome::Done);
}

#[test]
fn a_case_is_opened_once_and_then_named() {
    let office = Office::open();
    let words = |agreement| {
        [
            "case",
            "open",
            "--ref",
            "26-118-00431",
            "--agreement",
            agreement,
            "--clause",
            "4.2",
            "--purpose",
            "investigation",
            "--offence",
            "migrant-smuggling",
        ]
    };
    office.desk.pipe(&words("malines-2026"), "").is("case-open").exits(Outcome::Done);
    office.desk.pipe(&words("malines-2020"), "").is("case-refused").exits(Outcome::Refused);
    office.desk.pipe(&words("Malines 2026"), "").is("case-bad-name").exits(Outcome::Usage);
    for reference in ["", "12", "my case", "26\u{202e}118", "26\u{7}118", "a@1.example"] {
        let mut words = words("malines-2026");
        words[3] = reference;
        office.desk.pipe(&words, "").exits(Outcome::Usage).says("is the reference of a proceeding");
    }
    let mut other_clause = words("malines-2026");
    other_clause[7] = "9.9";
    office.desk.pipe(&other_clause, "").is("case-clause").exits(Outcome::Refused);
    office.desk.terminal(&["case", "list"], "").is("case-list").exits(Outcome::Done);
    office.desk.pipe(&["case", "list", "--json"], "").is("case-list-json").exits(Outcome::Done);
}

#[test]
fn a_question_says_what_partners_learn_and_shows_each_answer_for_what_it_is() {
    let office = Office::open();
    let number = "+33 1 99 00 12 34\n";
    let typed = format!("{number}y\n");
    let run = office.desk.terminal(&["query", "phone", "--case", "C-12"], &typed).is("query-match");
    run.exits(Outcome::Done).never_says("12 34");
    let run = office.desk.terminal(&["query", "phone", "--case", "C-12"], &format!("{number}n\n"));
    run.is("query-declined").exits(Outcome::Failed);
    let asked = office.calls("query-real");
    office
        .desk
        .pipe(&["query", "phone", "--case", "12"], number)
        .is("query-nobody")
        .exits(Outcome::Usage);
    office
        .desk
        .pipe(&["query", "phone", "--case", "12", "--dry-run"], number)
        .is("query-dry-run")
        .exits(Outcome::Done);
    assert_eq!((office.calls("query-real"), office.calls("query-dry")), (asked, 1));
    for (name, kind, value, outcome) in [
        ("no-match", "handle", "https://t.me/boat_travel\n", Outcome::NoMatch),
        ("refused", "email", "boat@example.org\n", Outcome::Refused),
        ("incomplete", "iban", "FR14 2004 1010 0505 0001 3M02 606\n", Outcome::Incomplete),
        ("held", "url", "https://example.org/boats\n", Outcome::Done),
        ("no-case", "wallet", "1111111111111111111114oLvT2\n", Outcome::Refused),
    ] {
        let words = ["query", kind, "--case", "C-12", "--yes"];
        office.desk.pipe(&words, value).is(&format!("query-{name}")).exits(outcome);
        let json = ["query", kind, "--case", "C-12", "--yes", "--json"];
        assert_eq!(office.desk.pipe(&json, value).outcome, outcome, "{name}");
    }
    office
        .desk
        .pipe(&["query", "phone", "--case", "C-12", "--yes", "--json"], number)
        .is("query-json");
    // The case is named in what is sent, so the search finds what is there.
    assert!(office.was_sent("es-pn"));
    for raw in ["199001234", "boat_travel", "boat@example", "3M02606", "example.org"] {
        assert!(!office.was_sent(raw), "{raw} left this machine");
    }
}

#[test]
fn a_question_names_its_partners_and_its_case() {
    let office = Office::open();
    let number = "+33 1 99 00 12 34\n";
    for (name, words, outcome) in [
        (
            "one-partner",
            &["query", "phone", "--case", "C-12", "--ask", "ma-dgsn", "--yes"][..],
            Outcome::NoMatch,
        ),
        ("only-here", &["query", "phone", "--case", "C-12", "--ask", "nobody"], Outcome::NoMatch),
        (
            "stranger",
            &["query", "phone", "--case", "C-12", "--ask", "it-ps", "--yes"],
            Outcome::Usage,
        ),
        ("no-such-case", &["query", "phone", "--case", "C-99", "--yes"], Outcome::Failed),
        ("bad-value", &["query", "iban", "--case", "C-12", "--yes"], Outcome::Refused),
    ] {
        office.desk.pipe(words, number).is(&format!("query-{name}")).exits(outcome);
    }
    let list = office.desk.write("values", "+33 1 99 00 12 34\nnot a number\n+33 1 99 00 12 35\n");
    let words = ["query", "phone", "--case", "C-12", "--from", &list, "--yes"];
    office.desk.terminal(&words, "").is("query-list").exits(Outcome::Done);
}

#[test]
fn what_matched_is_listed_and_a_record_is_withdrawn() {
    let office = Office::open();
    office.desk.terminal(&["hits"], "").is("hits").exits(Outcome::Done);
    office
        .desk
        .pipe(&["hits", "--case", "C-3", "--json"], "")
        .is("hits-of-a-case-json")
        .exits(Outcome::Done);
    office.desk.terminal(&["withdraw", "R-5f5f5f5f"], "y\n").is("withdraw").exits(Outcome::Done);
    office
        .desk
        .terminal(&["withdraw", "R-5f5f5f5f"], "\n")
        .exits(Outcome::Failed)
        .says("nothing was done");
    office.desk.pipe(&["withdraw", "R-5f5f5f5f"], "").exits(Outcome::Usage);
    assert_eq!(office.calls("withdraw"), 1);
    office
        .desk
        .pipe(&["withdraw", "5f5f5f", "--yes", "--json"], "")
        .is("withdraw-json")
        .exits(Outcome::Done);
    office
        .desk
        .pipe(&["withdraw", "ffffff", "--yes"], "")
        .is("withdraw-not-held")
        .exits(Outcome::Refused);
}

#[test]
fn the_log_is_exported_to_a_new_file_and_verified() {
    let office = Office::open();
    office.desk.pipe(&["audit", "head"], "").is("audit-head").exits(Outcome::Done);
    let head = office.desk.pipe(&["audit", "head"], "").out;
    let (log, key) = export();
    let (to, keys) = (office.desk.path("log"), office.desk.write("keys", key));
    let to = to.to_str().unwrap();
    office.desk.pipe(&["audit", "export", "--to", to], "").is("audit-export").exits(Outcome::Done);
    assert_eq!(std::fs::read(to).unwrap(), log);
    office
        .desk
        .pipe(&["audit", "export", "--to", to], "")
        .is("audit-export-exists")
        .exits(Outcome::Failed);
    let head = office.desk.write("head", head);
    office
        .desk
        .pipe(&["audit", "verify", to, "--keys", &keys, "--head", &head], "")
        .exits(Outcome::Done);
}

#[test]
fn a_node_that_is_not_ours_or_not_there_is_named() {
    let office = Office::open();
    let good = std::fs::read_to_string(office.desk.path("default.toml")).unwrap();
    let other = Authority::new();
    office.desk.write("other-ca.pem", other.pem());
    office.desk.write("other.toml", good.replace("node-ca.pem", "other-ca.pem"));
    office
        .desk
        .pipe(&["status", "--profile", "other"], "")
        .is("dial-another-authority")
        .exits(Outcome::Failed);
    office.desk.write("foreign.toml", good.replace("be-fedpol", "es-pn"));
    office
        .desk
        .pipe(&["status", "--profile", "foreign"], "")
        .is("dial-another-agency")
        .exits(Outcome::Failed);
    let (chain, key) = other.issue("spiffe://be-fedpol/officer/BE-1042");
    office.desk.write("stranger.pem", chain);
    office.desk.write("stranger.key", key);
    let stranger =
        good.replace("officer.pem", "stranger.pem").replace("officer.key", "stranger.key");
    office.desk.write("stranger.toml", stranger);
    office
        .desk
        .pipe(&["status", "--profile", "stranger"], "")
        .is("dial-refused")
        .exits(Outcome::Failed);
    office.desk.write("mixed.toml", good.replace("officer.key", "stranger.key"));
    office
        .desk
        .pipe(&["status", "--profile", "mixed"], "")
        .is("dial-key-of-another")
        .exits(Outcome::Failed);
    let desk = office.close();
    desk.pipe(&["status"], "").exits(Outcome::Failed).says("hint: is the node running");
    let json = desk.pipe(&["status", "--json"], "").exits(Outcome::Failed).json();
    assert_eq!(json["error"]["code"], "DIAL");
}
