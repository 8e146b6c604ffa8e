//! The policy tools that ask the own node: how far a record reaches, and rules on their way into force.

use crate::node::{Office, narrowed};
use cli::Outcome;

/// An office whose officer has a signing key, and the rules that are to come.
fn signing_office() -> (Office, String) {
    let office = Office::open();
    let profile = std::fs::read_to_string(office.desk.path("default.toml")).unwrap();
    let key = "07".repeat(32);
    office.desk.write("officer.signing", format!("{key}\n"));
    office.desk.write("default.toml", format!("{profile}signing_key = \"officer.signing\"\n"));
    let rules = office.desk.write("be.cedar", narrowed());
    (office, rules)
}

#[test]
fn who_could_get_a_record_is_said_for_every_partner() {
    let office = Office::open();
    let who = ["policy", "who", "R-5f5f5f5f"];
    office.desk.pipe(&who, "").is("policy-who").exits(Outcome::Done);
    let json = [&who[..], &["--json"]].concat();
    office.desk.pipe(&json, "").is("policy-who-json").exits(Outcome::Done);
    let gone = ["policy", "who", "R-ffffffff"];
    office.desk.pipe(&gone, "").exits(Outcome::Refused).says("no such record is held here");
}

#[test]
fn why_a_partner_does_not_get_a_record_is_said_with_what_would_change_it() {
    let office = Office::open();
    let why = |peer: &'static str| ["policy", "why-not", "R-5f5f5f5f", peer];
    for (name, peer) in [("program", "fr-ofast"), ("rules", "ma-dgsn"), ("granted", "es-pn")] {
        let name = format!("policy-why-not-{name}");
        office.desk.pipe(&why(peer), "").is(&name).exits(Outcome::Done);
    }
    let json = [&why("ma-dgsn")[..], &["--json"]].concat();
    office.desk.pipe(&json, "").is("policy-why-not-json").exits(Outcome::Done);
    office.desk.pipe(&why("nl-politie"), "").is("policy-why-not-stranger").exits(Outcome::Usage);
}

#[test]
fn new_rules_are_compared_with_those_in_force_at_the_node() {
    let (office, rules) = signing_office();
    office.desk.pipe(&["policy", "diff", &rules], "").is("policy-diff-node").exits(Outcome::Done);
    let counts = ["policy", "diff", &rules, "--counts", &rules];
    office.desk.pipe(&counts, "").exits(Outcome::Usage);
}

#[test]
fn an_officer_signs_for_what_was_shown() {
    let (office, rules) = signing_office();
    let propose = ["policy", "propose", &rules];
    office.desk.terminal(&propose, "y\n").is("policy-propose").exits(Outcome::Done);
    office.desk.terminal(&propose, "n\n").exits(Outcome::Failed).says("nothing was done");
    office.desk.pipe(&propose, "").exits(Outcome::Usage);
    assert_eq!(office.calls("sign_policy"), 1);
    let json = ["policy", "sign", "8d8d-8d", "--yes", "--json"];
    office.desk.pipe(&json, "").is("policy-sign-json").exits(Outcome::Done);
    assert_eq!(office.calls("sign_policy"), 2);
    let activate = ["policy", "activate", "8d8d-8d", "--yes"];
    office.desk.pipe(&activate, "").is("policy-activate-refused").exits(Outcome::Refused);
    office.desk.pipe(&["policy", "proposals"], "").is("policy-proposals").exits(Outcome::Done);
    office.desk.pipe(&["policy", "rollback", "--yes"], "").exits(Outcome::Refused);
    office.desk.terminal(&["policy", "freeze"], "y\n").is("policy-freeze").exits(Outcome::Done);
    // What can never decide is not signed for, and the change says which rule that is.
    let never = "\n@id(\"BE98-both\")\n@reason(\"RED and AMBER at once.\")\n\
        forbid (principal, action == Action::\"Share\", resource)\n\
        when { resource.tlp == Tlp::\"RED\" && resource.tlp == Tlp::\"AMBER\" };\n";
    let unchanged = include_str!("../../../../deploy/policy/be.cedar");
    let idle = office.desk.write("idle.cedar", format!("{unchanged}{never}"));
    let propose = ["policy", "propose", &idle, "--yes"];
    office.desk.pipe(&propose, "").is("policy-propose-idle").exits(Outcome::Refused);
    let json = ["policy", "propose", &idle, "--yes", "--json"];
    office.desk.pipe(&json, "").exits(Outcome::Refused).says("can never decide: BE98-both");
    assert_eq!(office.calls("sign_policy"), 2);
    // Where it closes something, closing does not wait.
    let closing = office.desk.write("closing.cedar", format!("{}{never}", narrowed()));
    let propose = ["policy", "propose", &closing, "--yes"];
    office.desk.pipe(&propose, "").exits(Outcome::Done).says("can never decide: BE98-both");
    assert_eq!(office.calls("sign_policy"), 3);
    let wrong = ["policy", "sign", "8d-8"];
    office.desk.pipe(&wrong, "").is("policy-sign-wrong").exits(Outcome::Usage);
}

#[test]
fn a_profile_without_a_signing_key_signs_nothing() {
    let office = Office::open();
    let freeze = ["policy", "freeze", "--yes"];
    office.desk.pipe(&freeze, "").exits(Outcome::Failed).says("does not say `signing_key`");
    assert_eq!(office.calls("freeze_policy"), 0);
}
