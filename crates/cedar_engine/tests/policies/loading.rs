//! What a policy file may be, and how its author is told what is wrong.

use super::fixture::{agency, class, now};
use super::{OPEN, engine};
use cedar_engine::{
    COMMON_FLOOR, CedarError, Engine, Layer, POLICY_BYTES_MAX, RULES_MAX, SCHEMA, floor_hash,
};
use domain::indicator::Kind;
use domain::label::{EvaluationBand, EvaluationScheme};
use domain::value::{
    Age, AgencyKind, Basis, Channel, Depicts, Handling, Offence, Onward, Pap, Purpose, Subject,
    Tlp, TransferBasis, Urgency,
};
use policy::{Action, Decision, Evaluator as _};
use std::collections::BTreeMap;
use std::sync::Arc;

fn refused(local: &str) -> String {
    Engine::load(COMMON_FLOOR, local).unwrap_err().to_string()
}

fn rule(body: &str) -> String {
    format!("@id(\"L01\") @reason(\"a test\") {body};")
}

#[test]
fn the_schema_knows_exactly_the_words_of_the_domain() {
    let mut listed = BTreeMap::new();
    for line in SCHEMA.lines().filter_map(|line| line.strip_prefix("entity ")) {
        if let Some((name, words)) = line.split_once(" enum [") {
            let words = words.trim_end_matches("];").split(", ");
            let words: Vec<&str> = words.map(|word| word.trim_matches('"')).collect();
            listed.insert(name, words);
        }
    }
    let roles: Vec<&str> =
        agreement::terms::PartyRole::ALL.iter().map(|role| role.as_str()).collect();
    let expected: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("Tlp", Tlp::WORDS),
        ("Pap", Pap::WORDS),
        ("Handling", Handling::WORDS),
        ("Scheme", EvaluationScheme::WORDS),
        ("Band", EvaluationBand::WORDS),
        ("Basis", Basis::WORDS),
        ("Subject", Subject::WORDS),
        ("Age", Age::WORDS),
        ("Depicts", Depicts::WORDS),
        ("Purpose", Purpose::WORDS),
        ("Offence", Offence::WORDS),
        ("Kind", Kind::WORDS),
        ("Tier", &["KEYED", "SEALED"]),
        ("Onward", Onward::WORDS),
        ("Channel", Channel::WORDS),
        ("Urgency", Urgency::WORDS),
        ("AgencyKind", AgencyKind::WORDS),
        ("Role", &roles),
        ("Transfer", TransferBasis::WORDS),
    ]);
    assert_eq!(listed.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, words) in expected {
        assert_eq!(listed[name], words, "{name}");
    }
}

#[test]
fn a_rule_needs_an_id_a_reason_and_known_annotations() {
    let permit = "permit (principal, action, resource)";
    for (local, expected) in [
        (format!("@reason(\"x\") {permit};"), "has no @id"),
        (format!("@id(\"L01\") {permit};"), "has no @reason"),
        (format!("@id(\"L01\") @reason(\" \") {permit};"), "`@reason` is empty"),
        (format!("@id(\"L01\") @reasons(\"x\") {permit};"), "unknown annotation `@reasons`"),
        (format!("@id(\"1\") @reason(\"x\") {permit};"), "an id is 3 to 64"),
        (format!("@id(\"L 1\") @reason(\"x\") {permit};"), "an id is 3 to 64"),
        (format!("@id(\"code.audience\") @reason(\"x\") {permit};"), "`code.` is kept"),
        (format!("{} {}", rule(permit), rule(permit)), "used twice"),
        (format!("@id(\"C02-tlp-red-automated\") @reason(\"x\") {permit};"), "are the floor's"),
        (rule("permit (principal == ?principal, action, resource)"), "templates are not used"),
        (rule("permit (principal, action"), "cannot be read"),
    ] {
        let error = refused(&local);
        assert!(error.contains(expected), "{local}: {error}");
    }
}

#[test]
fn a_floor_forbids_only() {
    let error = Engine::load(OPEN, "").unwrap_err();
    assert!(
        matches!(&error, CedarError::BadRule { layer: Layer::Floor, .. }),
        "a permit in the floor: {error}"
    );
}

#[test]
fn a_word_that_does_not_exist_is_found_when_loaded() {
    for condition in [
        "resource.tlp == Tlp::\"AMBRE\"",
        "resource.offences.contains(Offence::\"ASYLUM\")",
        "[Purpose::\"IMMIGRATION_ENFORCEMENT\"].containsAll(resource.purposes)",
        "context.channel == Channel::\"automated\"",
        "resource.phone == \"0199001234\"",
        "resource.tlp == \"RED\"",
        "context.urgency == Urgency::\"URGENT\"",
        "principal.country > 3",
    ] {
        let local = rule(&format!(
            "permit (principal, action == Action::\"Share\", resource) when {{ {condition} }}"
        ));
        let error = Engine::load(COMMON_FLOOR, &local).unwrap_err();
        assert!(matches!(&error, CedarError::Invalid { rule, .. } if rule == "L01"), "{error}");
    }
    let typo = rule(
        "permit (principal, action == Action::\"Share\", resource) when { resource.tlp == Tlp::\"AMBRE\" }",
    );
    assert_eq!(
        refused(&typo),
        "rule L01 does not fit the schema: `AMBRE` is no Tlp; did you mean `AMBER`?"
    );
    let unknown_action = rule("permit (principal, action == Action::\"Forward\", resource)");
    assert!(matches!(Engine::load(COMMON_FLOOR, &unknown_action), Err(CedarError::Invalid { .. })));
}

#[test]
fn a_rule_that_looks_at_approvals_names_the_authority() {
    let looks = "permit (principal, action, resource) when { context.approvals >= 1 }";
    assert!(refused(&rule(looks)).contains("@approval"));
    // The same on one line with the annotations, and spelt as an index.
    let indexed = "permit (principal, action, resource) when { context[\"approvals\"] >= 1 }";
    assert!(refused(&rule(indexed)).contains("@approval"));
    let named = format!("@id(\"L01\") @reason(\"x\") @approval(\"PROSECUTION\") {looks};");
    assert_eq!(engine(&named).rule("L01").unwrap().approval, Some(AgencyKind::Prosecution));
    let unknown = format!("@id(\"L01\") @reason(\"x\") @approval(\"MAYOR\") {looks};");
    assert!(refused(&unknown).contains("`MAYOR` is not an agency kind"));
    let idle = "@id(\"L01\") @reason(\"x\") @approval(\"JUDICIAL\") \
                permit (principal, action, resource);";
    assert!(refused(idle).contains("only such a rule"));
    let mentions = "@id(\"L01\") @reason(\"needs no approvals\")\n// approvals\n\
                    permit (principal, action, resource);";
    assert!(Engine::load(COMMON_FLOOR, mentions).is_ok());
}

#[test]
fn sizes_are_bounded() {
    let huge = format!("// {}", "x".repeat(POLICY_BYTES_MAX));
    assert!(matches!(Engine::load(COMMON_FLOOR, &huge), Err(CedarError::TooLarge { .. })));
    let many: String = (0..RULES_MAX)
        .map(|i| {
            let scope = "principal, action == Action::\"Submit\", resource";
            format!("@id(\"L-{i}\") @reason(\"x\") forbid ({scope});\n")
        })
        .collect();
    assert!(matches!(Engine::load(COMMON_FLOOR, &many), Err(CedarError::TooManyRules { .. })));
}

fn share_of(engine: Engine) -> Decision {
    let gate = super::gate("be-fedpol", engine);
    let class = Arc::new(class());
    gate.decide_class(Action::Share, &agency("es-pn"), &class, Channel::Automated, now())
}

/// Each would overflow the stack of the process if the parser saw it.
#[test]
fn a_rule_nested_without_end_is_refused_and_ends_nothing() {
    let of = |condition: String| {
        rule(&format!("permit (principal, action, resource) when {{ {condition} }}"))
    };
    let endless = |times: usize| {
        [
            format!("{}true{}", "(".repeat(times), ")".repeat(times)),
            format!("true{}", " && true".repeat(times)),
            format!("true{}", " || true".repeat(times)),
            format!("1 {} > 0", "+ 1".repeat(times)),
            format!("{}false", "if true then true else ".repeat(times)),
            format!("context{}", ".own".repeat(times)),
            format!("{}1{}.contains(1)", "[".repeat(times), "]".repeat(times)),
            format!("{}true", "!".repeat(times)),
        ]
    };
    for condition in endless(10_000) {
        let error = refused(&of(condition));
        assert!(error.contains("write"), "{error}");
    }
    // At the limits it loads and decides, or says that it cannot.
    for condition in endless(22).into_iter().chain(endless(190).into_iter().skip(1)) {
        if let Ok(engine) = Engine::load(COMMON_FLOOR, &of(condition)) {
            let share = share_of(engine);
            assert!(share.is_allow() || share.rule() == Some("code.evaluator"), "{share:?}");
        }
    }
}

#[test]
fn hashes_change_with_every_byte() {
    let floor = floor_hash(COMMON_FLOOR);
    assert_ne!(floor, floor_hash(&format!("{COMMON_FLOOR}\n")));
    let (open, empty) = (engine(OPEN), engine(""));
    assert_eq!((open.floor_hash(), empty.floor_hash()), (floor, floor));
    assert_ne!(open.bundle_hash(), empty.bundle_hash());
    assert_ne!(open.bundle_hash(), engine(&format!("{OPEN} ")).bundle_hash());
}

#[test]
fn a_rule_that_can_never_decide_is_pointed_out() {
    let never = rule("permit (principal, action, resource) when { false }");
    assert!(engine(&never).warnings().iter().any(|warning| warning.contains("L01")));
    assert_eq!(engine(OPEN).warnings(), &[] as &[String]);
}

#[test]
fn the_readable_copy_of_the_floor_is_the_floor() {
    let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policy/common.cedar");
    assert_eq!(std::fs::read_to_string(copy).unwrap(), COMMON_FLOOR);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    #[test]
    fn hostile_text_is_refused_or_loads_and_never_panics(text in "[ -~\\n]{0,200}") {
        let _ = Engine::load(COMMON_FLOOR, &text);
        let _ = Engine::load(&text, &rule(&text));
    }
}

#[test]
fn only_what_plainly_closes_is_taken_for_narrowing_without_being_weighed() {
    let permit = "@id(\"L01-links\") @reason(\"Links.\")\n\
                  permit (principal, action == Action::\"Share\", resource)\n\
                  when { resource.kind == Kind::\"URL\" };\n";
    let forbid = "@id(\"L02-not-red\") @reason(\"Not this.\")\n\
                  forbid (principal, action == Action::\"Share\", resource)\n\
                  when { resource.tlp == Tlp::\"RED\" };\n";
    let approved = "@id(\"L03-by-hand\") @reason(\"By hand.\") @approval(\"PROSECUTION\")\n\
                    forbid (principal, action == Action::\"Share\", resource)\n\
                    when { context.approvals < 1 };\n";
    let both = [permit, forbid].concat();
    let all = [permit, forbid, approved].concat();
    let narrower = forbid.replace("RED", "AMBER");
    let other = [permit, narrower.as_str()].concat();
    for (before, after, plainly) in [
        (both.as_str(), both.as_str(), true),
        (permit, both.as_str(), true),
        (both.as_str(), forbid, false),
        (both.as_str(), permit, false),
        (forbid, both.as_str(), false),
        (both.as_str(), other.as_str(), false),
        (both.as_str(), all.as_str(), false),
        (all.as_str(), both.as_str(), false),
    ] {
        let load = |local| Engine::load(COMMON_FLOOR, local).unwrap();
        assert_eq!(load(before).is_only_narrowed_by(&load(after)), plainly, "{before} -> {after}");
    }
}
