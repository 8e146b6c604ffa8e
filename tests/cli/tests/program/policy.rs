//! The tools of those who write rules: on files alone, in the words that lawyers read.

use crate::kit::Desk;
use cli::Outcome;
use std::path::Path;

/// The example of the repository, copied so that a test may change it.
fn example(desk: &Desk) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let to = desk.path("deploy");
    std::fs::create_dir_all(to.join("policy/tests")).unwrap();
    std::fs::copy(from.join("agreement.toml"), to.join("agreement.toml")).unwrap();
    for folder in ["policy", "policy/tests"] {
        for entry in std::fs::read_dir(from.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), to.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    to.join("policy").to_str().unwrap().to_owned()
}

fn change(desk: &Desk, file: &str, from: &str, to: &str) {
    let path = desk.path(&format!("deploy/policy/{file}"));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no `{from}`");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn the_example_is_clean() {
    let desk = Desk::new();
    let folder = example(&desk);
    desk.pipe(&["policy", "check", &folder], "").is("policy-check").exits(Outcome::Done);
}

#[test]
fn what_can_never_take_effect_and_what_does_not_load_is_named() {
    let desk = Desk::new();
    example(&desk);
    let red = "@id(\"L09-red\") @reason(\"Partners get what is marked RED, too.\")\n\
               permit (principal, action == Action::\"Share\", resource)\n\
               when { resource.tlp == Tlp::\"RED\" && context.channel == Channel::\"AUTOMATED\" };\n";
    let red = desk.write("deploy/policy/be.cedar", red);
    desk.pipe(&["policy", "check", &red], "").is("policy-check-blocked").exits(Outcome::NoMatch);
    desk.pipe(&["policy", "check", &red, "--json"], "")
        .is("policy-check-json")
        .exits(Outcome::NoMatch);
    for (name, text) in [
        (
            "typo",
            "@id(\"L01\") @reason(\"x\") permit (principal, action == Action::\"Share\", resource) when { resource.tlp == Tlp::\"AMBRE\" };",
        ),
        ("no-reason", "@id(\"L01\") permit (principal, action == Action::\"Share\", resource);"),
    ] {
        let file = desk.write("deploy/policy/be.cedar", text);
        desk.pipe(&["policy", "check", &file], "")
            .is(&format!("policy-check-{name}"))
            .exits(Outcome::Failed);
    }
}

#[test]
fn every_test_of_the_example_passes_and_every_rule_is_reached() {
    let desk = Desk::new();
    let folder = example(&desk);
    desk.pipe(&["policy", "test", &folder], "").is("policy-test").exits(Outcome::Done);
}

#[test]
fn a_failed_test_says_what_was_expected_and_what_was_decided() {
    let desk = Desk::new();
    let folder = example(&desk);
    change(&desk, "fr.cedar", "Handling::\"H2\"", "Handling::\"H1\"");
    desk.pipe(&["policy", "test", &folder], "").is("policy-test-failed").exits(Outcome::NoMatch);
    change(&desk, "tests/fr.toml", "kind = \"INVITE_CODE\"", "knid = \"INVITE_CODE\"");
    desk.pipe(&["policy", "test", &folder], "").is("policy-test-key").exits(Outcome::Failed);
}

#[test]
fn a_decision_explains_itself() {
    let desk = Desk::new();
    let folder = example(&desk);
    let rules = |country: &str| format!("{folder}/{country}.cedar");
    let agreement = desk.path("deploy/agreement.toml").to_str().unwrap().to_owned();
    let ask = |country: &str, own: &str, peer: &str, labels: &[&str], name: &str| {
        let file = rules(country);
        let mut words = vec!["policy", "explain", &file, "--agreement", &agreement];
        words.extend(["--action", "Share", "--own", own, "--peer", peer]);
        labels.iter().for_each(|label| words.extend(["--label", label]));
        desk.pipe(&words, "").is(&format!("policy-explain-{name}")).exits(Outcome::Done);
        words.push("--json");
        desk.pipe(&words, "").exits(Outcome::Done);
    };
    ask("be", "be-fedpol", "es-pn", &[], "allow");
    ask("be", "be-fedpol", "es-pn", &["kind=SHA256", "subject=VICTIM"], "victim");
    ask("be", "be-fedpol", "ma-dgsn", &["tlp=AMBER_STRICT"], "default");
    ask("be", "be-fedpol", "es-pn", &["subject=SMUGGLED_MIGRANT"], "migrant");
    ask("fr", "fr-oltim", "es-pn", &["handling=H1,H3", "channel=ANALYST"], "approval");
    let file = rules("be");
    let typo = ["policy", "explain", &file, "--action", "Share", "--label", "tpl=RED"];
    desk.pipe(&typo, "").is("policy-explain-typo").exits(Outcome::Usage);
}

#[test]
fn claims_hold_and_a_false_one_shows_its_counterexample() {
    let desk = Desk::new();
    let folder = example(&desk);
    let be = format!("{folder}/be.cedar");
    let some = ["no-red-automated", "third-agency", "never-wider-than-the-floor"];
    let words: Vec<&str> = ["policy", "prove", &be].into_iter().chain(some).collect();
    desk.pipe(&words, "").is("policy-prove").exits(Outcome::Done);
    let own = "[[claim]]\nname = \"weak-stays\"\nsentence = \"What is weak never leaves.\"\n\
               actions = [\"Share\"]\nnever = \"ALLOW_OR_APPROVAL\"\n[claim.when]\nband = \"WEAK\"\n";
    let own = desk.write("own.toml", own);
    let be_holds = ["policy", "prove", &be, "--own-claims", &own];
    desk.pipe(&be_holds, "").exits(Outcome::Done);
    let es = format!("{folder}/es.cedar");
    let es_fails = ["policy", "prove", &es, "--own-claims", &own];
    desk.pipe(&es_fails, "").is("policy-prove-false").exits(Outcome::NoMatch);
    let unknown = ["policy", "prove", &be, "no-reds"];
    desk.pipe(&unknown, "").is("policy-prove-unknown").exits(Outcome::Usage);
}

const COUNTS: &str = r#"{
  "own": { "agency": "be-fedpol", "country": "BE", "kind": "POLICE", "role": "LEADER" },
  "partners": [
    { "agency": "es-pn", "country": "ES", "kind": "POLICE", "role": "PARTY", "transfer": "INTRA_LED" },
    { "agency": "ma-dgsn", "country": "MA", "kind": "POLICE", "role": "PARTY", "transfer": "LED_37_1A_INSTRUMENT" }
  ],
  "classes": [
    { "records": 312, "agreement": "malines-2026", "kind": "URL", "purposes": ["INVESTIGATION"],
      "offences": ["JOB_OR_TRAVEL_FRAUD"], "tlp": "AMBER", "pap": "GREEN", "handling": ["H1"],
      "scheme": "EUROPOL_4X4", "band": "FAIR", "basis": "ASSESSMENT", "subject": "SUSPECT_FACILITATOR",
      "age": "ADULT", "depicts": "NOBODY", "audience": ["es-pn", "ma-dgsn"], "onward": "NEVER",
      "origin": "be-fedpol", "exercise": false },
    { "records": 4, "agreement": "malines-2026", "kind": "SHA256", "purposes": ["VICTIM_PROTECTION"],
      "offences": ["JOB_OR_TRAVEL_FRAUD"], "tlp": "AMBER", "pap": "RED", "handling": [],
      "scheme": "EUROPOL_4X4", "band": "FAIR", "basis": "FACT", "subject": "VICTIM",
      "age": "ADULT", "depicts": "NOBODY", "audience": ["es-pn"], "onward": "NEVER",
      "origin": "be-fedpol", "exercise": false }
  ]
}"#;

#[test]
fn a_change_says_what_it_would_do() {
    let desk = Desk::new();
    let folder = example(&desk);
    let old = format!("{folder}/be.cedar");
    let text = std::fs::read_to_string(&old).unwrap();
    let wide = text.replace(
        "Offence::\"DOCUMENT_FRAUD\"]",
        "Offence::\"DOCUMENT_FRAUD\", Offence::\"JOB_OR_TRAVEL_FRAUD\"]",
    );
    let wide = desk.write("be.cedar", wide);
    let counts = desk.write("counts.json", COUNTS);
    let widens = ["policy", "diff", &old, &wide, "--counts", &counts];
    desk.pipe(&widens, "").is("policy-diff-widens").exits(Outcome::Done);
    let narrows = ["policy", "diff", &wide, &old, "--counts", &counts];
    desk.pipe(&narrows, "").is("policy-diff-narrows").exits(Outcome::Done);
    let same = desk.pipe(&["policy", "diff", &old, &old], "").is("policy-diff-same");
    same.exits(Outcome::Done);
    let json = desk.pipe(&["policy", "diff", &old, &wide, "--counts", &counts, "--json"], "");
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["files"][0]["change"], "WIDENS");
    assert_eq!(json["files"][0]["partners"][0]["victims"], 4, "sensitive rows come first");
    let broken = desk.write("broken.json", COUNTS.replace("\"tlp\": \"AMBER\", ", ""));
    let missing = ["policy", "diff", &old, &wide, "--counts", &broken];
    desk.pipe(&missing, "").is("policy-diff-missing").exits(Outcome::Failed);
}
