//! The label space against Cedar: a point decides like every record that falls on it.

use super::fixture::{PARTIES, agency, any_class, likely_class};
use super::{OPEN, engine};
use cedar_engine::{COMMON_FLOOR, Engine, Reading};
use domain::class::Class;
use domain::value::{AgencyKind, Channel, Offence, Purpose, TransferBasis, Urgency};
use policy::Verdict;
use policy::difference::{Census, Change, Partner, Way, count, difference};
use policy::explanation::explain;
use policy::label_space::{Only, ordinary};
use policy::proof::{Extent, claims, prove, prove_floor};
use policy::rulebook::ACTIONS;
use policy::situation::{AgencyLabels, Dimension, Situation};
use policy::survey::{Survey, WhyIdle};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::LazyLock;

pub(crate) const COUNTRIES: [&str; 4] = ["be", "es", "fr", "ma"];

pub(crate) fn country(file: &str) -> String {
    let path = format!("{}/../../deploy/policy/{file}.cedar", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Rules that use everything a rule can use: relations, names, arithmetic, `if`, `like`, `has`.
const ODD: &str = r#"
@id("O01") @reason("x") permit (principal, action, resource);
@id("O02") @reason("x") permit (principal == Agency::"es-pn", action == Action::"Share", resource is Class)
when { resource.audience.containsAll([Agency::"fr-oltim", principal]) };
@id("O03") @reason("x") forbid (principal, action in [Action::"Share", Action::"Receive"], resource)
when { resource.origin.country != context.own.country && principal.country == "MA" };
@id("O04") @reason("x") forbid (principal, action == Action::"Show", resource)
when { if resource.offences.contains(context.offence) then resource.exercise else context.urgency == Urgency::"NORMAL" };
@id("O05") @reason("x") forbid (principal, action in [Action::"Ask", Action::"Answer"], resource)
unless { [AgencyKind::"POLICE", AgencyKind::"JUDICIAL"].contains(principal.kind) || resource.offence == Offence::"TERRORISM" };
@id("O06") @reason("x") @approval("JUDICIAL") forbid (principal, action == Action::"Show", resource)
when { context.approvals * 2 < 3 && resource.purposes == [Purpose::"PREVENTION", Purpose::"DETECTION"] };
@id("O07") @reason("x") forbid (principal, action == Action::"Share", resource)
when { resource has origin && resource.handling.isEmpty() && resource.onward == Onward::"WITHIN_PARTIES" };
@id("O08") @reason("x") forbid (principal, action, resource)
when { context.own.role == Role::"LEADER" && context.own.country == "ES" };
"#;

/// Letters of a country: every country is tried.
const LETTERS: &str = r#"
@id("O01") @reason("x") permit (principal, action, resource);
@id("O09") @reason("x") forbid (principal, action in [Action::"Share", Action::"Ask"], resource)
when { principal.country like "M*" && context.own has country };
"#;

static READINGS: LazyLock<Vec<(Engine, Reading)>> = LazyLock::new(|| {
    let texts = COUNTRIES.iter().map(|file| country(file)).chain([ODD, LETTERS].map(str::to_owned));
    texts
        .map(|text| {
            let engine = engine(&text);
            let reading = Reading::of(&[&engine]).unwrap();
            (engine, reading)
        })
        .collect()
});

fn survey<'s>(reading: &'s Reading, only: &'s Only) -> Survey<'s> {
    Survey { conditions: reading.conditions(), oracle: reading, only }
}

fn labels(name: &'static str) -> impl Strategy<Value = AgencyLabels> {
    let roles = agreement::terms::PartyRole::ALL;
    (select(AgencyKind::ALL), select(roles), select(vec!["BE", "ES", "MA", "SE", "MT"])).prop_map(
        move |(kind, role, country)| AgencyLabels {
            agency: agency(name),
            country: country.parse().unwrap(),
            kind,
            role,
        },
    )
}

fn any_situation() -> impl Strategy<Value = Situation> {
    let class = prop_oneof![any_class(), likely_class()];
    let sides = select(PARTIES.to_vec()).prop_flat_map(|own| {
        let others: Vec<_> = PARTIES.into_iter().filter(|one| *one != own).collect();
        (labels(own), select(others).prop_flat_map(labels))
    });
    let terms = (
        select(Purpose::ALL),
        select(Offence::ALL),
        select(Urgency::ALL),
        any::<bool>(),
        prop::collection::btree_set(select(Offence::ALL), 0..4),
    );
    let around = (select(ACTIONS.to_vec()), select(Channel::ALL), select(TransferBasis::ALL));
    (class, sides, terms, around).prop_map(|(class, (own, peer), terms, around)| {
        let (purpose, offence, urgency, exercise, offences) = terms;
        let (action, channel, transfer) = around;
        let mut situation = ordinary(action);
        let is_submit = action == policy::Action::Submit;
        situation.peer = if is_submit { own.clone() } else { peer };
        situation.own = own;
        situation.transfer = transfer;
        situation.channel = channel;
        situation.terms.channel = channel;
        situation.terms.kind = class.kind;
        situation.terms.agreement = class.agreement.clone();
        situation.terms.purpose = purpose;
        situation.terms.offence = offence;
        situation.terms.urgency = urgency;
        situation.terms.exercise = exercise;
        situation.class = Class { offences, ..class };
        situation
    })
}

/// The same sort of verdict; a fault is worded by whoever met it.
fn same(one: &Verdict, other: &Verdict) -> bool {
    matches!((one, other), (Verdict::Fault { .. }, Verdict::Fault { .. })) || one == other
}

static SPACES: LazyLock<Vec<Vec<policy::label_space::LabelSpace>>> = LazyLock::new(|| {
    let only = Only::everything();
    READINGS
        .iter()
        .map(|(_, reading)| {
            let survey = survey(reading, &only);
            let space = |action| survey.space(action, &[&reading.rulebooks()[0]], &[]).unwrap();
            ACTIONS.into_iter().map(space).collect()
        })
        .collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Cedar says the same of a record, of the point it falls on, and the formulas say it too.
    #[test]
    fn a_point_decides_like_every_record_that_falls_on_it(situation in any_situation()) {
        let place = ACTIONS.iter().position(|one| *one == situation.action).unwrap();
        for ((engine, reading), spaces) in READINGS.iter().zip(&*SPACES) {
            let space = &spaces[place];
            let by_cedar = engine.judge(&situation);
            let point = space.representative(&situation).unwrap();
            let at_the_point = engine.judge(&point);
            prop_assert!(same(&by_cedar, &at_the_point), "{by_cedar:?} {at_the_point:?} {point:?}");
            let by_formula = space.verdict(&reading.rulebooks()[0], &situation).unwrap();
            prop_assert!(same(&by_cedar, &by_formula), "{by_cedar:?} {by_formula:?}");
        }
    }
}

/// What holds although a country permits everything holds for every country; one real one beside.
#[test]
fn every_claim_holds_whatever_a_country_permits_and_is_about_something() {
    for (file, text) in [("open", OPEN.to_owned()), ("fr", country("fr"))] {
        let (engine, floor) = (engine(&text), Engine::load(COMMON_FLOOR, "").unwrap());
        let reading = Reading::of(&[&engine, &floor]).unwrap();
        let [rulebook, floor] = reading.rulebooks() else { panic!("two were read") };
        let only = Only::everything();
        for claim in claims() {
            let proof = prove(reading.conditions(), &reading, &only, rulebook, &claim).unwrap();
            assert_eq!(proof.counterexample, None, "{file}: {}", claim.name);
            assert_eq!(proof.about, Extent::Something, "{file}: {}", claim.name);
        }
        let proof = prove_floor(&survey(&reading, &only), floor, rulebook).unwrap();
        assert_eq!(proof.counterexample, None, "{file}");
    }
}

/// Each claim is false of a floor without the rules that it rests on: the proofs can fail.
#[test]
fn a_floor_with_a_rule_missing_is_caught_by_a_claim() {
    for (rules, expected) in [
        (&["C01-smuggled-migrant"][..], "smuggled-migrant-never"),
        (&["C02-tlp-red-automated"], "no-red-automated"),
        (&["C03-audience-recipient"], "recipients-named"),
        (&["C04-audience-ourselves"], "taken-only-if-named"),
        (&["C05-sealed-kind"], "sealed-never-replicated"),
        (&["C06-speech-offence"], "speech-never-automated"),
        (&["C07-speech-question"], "speech-never-asked-automated"),
        (&["C08-protected-purpose"], "victims-only-for-protection"),
        (&["C09-protected-automated"], "protected-never-automated"),
        (&["C10-protected-approval"], "protected-two-persons"),
        (&["C12-h3-human"], "h3-by-a-person"),
        (&["C13-third-agency"], "third-agency"),
        (&["C14-not-the-origin"], "own-statements-only"),
        (&["C15-purpose-of-the-question"], "purpose-limitation"),
        (&["C16-exercise-apart"], "exercise-apart"),
        (&["C17-no-transfer-basis"], "no-transfer-without-basis"),
        (&["C18-derogation-by-hand"], "derogation-by-an-authority"),
    ] {
        let mut floor = COMMON_FLOOR.to_owned();
        for rule in rules {
            let start = floor.find(&format!("@id(\"{rule}\")")).unwrap();
            let end = start + floor[start..].find("};\n").unwrap() + 2;
            floor.replace_range(start..=end, "");
        }
        let (weak, whole) = (Engine::load(&floor, OPEN).unwrap(), engine(""));
        let reading = Reading::of(&[&weak, &whole]).unwrap();
        let only = Only::everything();
        let claim = claims().into_iter().find(|claim| claim.name == expected).unwrap();
        let rulebook = &reading.rulebooks()[0];
        let proof = prove(reading.conditions(), &reading, &only, rulebook, &claim).unwrap();
        let counterexample = proof.counterexample.expect(expected);
        // Cedar agrees that it is one.
        assert_eq!(weak.judge(&counterexample.situation), counterexample.verdict, "{expected}");
        assert!(!matches!(counterexample.verdict, Verdict::Deny { .. } | Verdict::Fault { .. }));
        let proof =
            prove_floor(&survey(&reading, &only), &reading.rulebooks()[1], rulebook).unwrap();
        assert!(proof.counterexample.is_some(), "{expected}: wider than the floor");
    }
}

fn idle(local: &str) -> Vec<(String, WhyIdle)> {
    let engine = engine(local);
    let reading = Reading::of(&[&engine]).unwrap();
    let only = Only::everything();
    let found = survey(&reading, &only).idle_rules(&reading.rulebooks()[0], |_| true).unwrap();
    found.into_iter().map(|idle| (idle.rule, idle.why)).collect()
}

#[test]
fn rules_that_can_never_decide_are_found_with_the_reason() {
    let red = r#"@id("L01") @reason("x") permit (principal, action == Action::"Share", resource)
        when { resource.tlp == Tlp::"RED" && context.channel == Channel::"AUTOMATED" };"#;
    let by = vec!["C02-tlp-red-automated".to_owned()];
    assert_eq!(idle(red), [("L01".to_owned(), WhyIdle::Blocked { by })]);
    let both = r#"@id("L02") @reason("x") permit (principal, action == Action::"Show", resource)
        when { resource.tlp == Tlp::"RED" && resource.tlp == Tlp::"AMBER" };"#;
    assert_eq!(idle(both), [("L02".to_owned(), WhyIdle::NeverHolds)]);
    let nothing = r#"@id("L03") @reason("x") permit (principal, action == Action::"Show", resource)
        when { resource.tlp == Tlp::"GREEN" };
        @id("L04") @reason("x") forbid (principal, action == Action::"Show", resource)
        when { resource.tlp == Tlp::"AMBER" };"#;
    assert_eq!(idle(nothing), [("L04".to_owned(), WhyIdle::NothingPermitted)]);
    let two = r#"@id("L05") @reason("x") permit (principal, action == Action::"Share", resource)
        when { context.channel == Channel::"AUTOMATED" &&
               (resource.tlp == Tlp::"RED" || resource.handling.contains(Handling::"H3")) };"#;
    let [(_, WhyIdle::Blocked { by })] = &idle(two)[..] else { panic!("{:?}", idle(two)) };
    assert!(by.contains(&"C02-tlp-red-automated".to_owned()), "{by:?}");
    assert!(by.contains(&"C11-h3-automated".to_owned()), "{by:?}");
    for file in COUNTRIES {
        assert_eq!(idle(&country(file)), [], "{file}");
    }
}

/// A part of the space is enough where the rules are about it, and much faster.
fn by_hand() -> Only {
    let only = Only::everything().with(Dimension::Kind, vec!["URL".to_owned()]).unwrap();
    only.with(Dimension::Channel, vec!["AUTHORITY".to_owned()]).unwrap()
}

fn idle_by_hand(local: &str) -> Vec<(String, WhyIdle)> {
    let engine = engine(local);
    let reading = Reading::of(&[&engine]).unwrap();
    let only = by_hand();
    let found = survey(&reading, &only).idle_rules(&reading.rulebooks()[0], |_| true).unwrap();
    found.into_iter().map(|idle| (idle.rule, idle.why)).collect()
}

/// People approve that a record goes to a partner; a match and a question wait for nobody.
#[test]
fn a_rule_that_waits_for_approvals_that_nobody_can_give_is_named() {
    let rule = |id: &str, actions: &str| {
        format!(
            r#"@id("{id}") @reason("x") @approval("PROSECUTION")
            permit (principal, action in [{actions}], resource)
            when {{ resource.tlp == Tlp::"AMBER" && context.approvals >= 1 }};"#
        )
    };
    let by = vec!["code.approved-actions".to_owned()];
    let blocked = |id: &str| [(id.to_owned(), WhyIdle::Blocked { by: by.clone() })];
    for action in ["Submit", "Show"] {
        let text = rule("L01", &format!("Action::\"{action}\""));
        assert_eq!(idle_by_hand(&text), blocked("L01"), "{action}");
        let [warning] = &engine(&text).warnings().to_vec()[..] else { panic!("{action}") };
        assert!(warning.contains("rule L01 asks for approvals for"), "{warning}");
        assert!(warning.contains(action), "{warning}");
    }
    // On both: it decides where people can approve, and its promise elsewhere is named.
    let both = rule("L02", "Action::\"Share\", Action::\"Show\"");
    assert_eq!(idle_by_hand(&both), []);
    let [warning] = &engine(&both).warnings().to_vec()[..] else { panic!("one") };
    assert!(warning.contains("for Show, where nobody approves"), "{warning}");
    // Where it can be given, nothing is said.
    let share = rule("L03", "Action::\"Share\", Action::\"Receive\"");
    assert_eq!((idle_by_hand(&share), engine(&share).warnings().len()), (Vec::new(), 0));
    // A forbid that gives way to approvals does decide; what it asks for is named.
    let forbid = r#"@id("L04") @reason("x") permit (principal, action == Action::"Show", resource);
        @id("L05") @reason("x") @approval("PROSECUTION")
        forbid (principal, action == Action::"Show", resource) when { context.approvals < 1 };"#;
    assert_eq!(idle_by_hand(forbid).len(), 1, "L04 is blocked by L05 wherever nobody can approve");
    assert_eq!(engine(forbid).warnings().len(), 1);
}

/// Conditions of which some exclude each other, some say the same, and some meet the floor.
const LIKELY: [&str; 10] = [
    r#"resource.tlp == Tlp::"RED""#,
    r#"resource.tlp == Tlp::"GREEN""#,
    r#"context.channel == Channel::"AUTOMATED""#,
    r#"context.channel != Channel::"AUTOMATED""#,
    r#"principal.country == "MA""#,
    r#"principal.country != "MA" && resource.kind == Kind::"URL""#,
    r#"resource.offences.contains(Offence::"MIGRANT_SMUGGLING")"#,
    r#"!resource.offences.contains(Offence::"MIGRANT_SMUGGLING")"#,
    r#"resource.origin.country != context.own.country"#,
    "context.approvals < 1",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The look at likely points finds rules that decide, and never one that does not.
    #[test]
    fn likely_points_say_what_the_whole_space_says(
        rules in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(select(LIKELY.to_vec()), 1..3)), 1..5),
    ) {
        let text: String = rules.iter().enumerate().map(|(n, (permits, conditions))| {
            let effect = if *permits { "permit" } else { "forbid" };
            let conditions = conditions.join(" && ");
            let asks = conditions.contains("approvals");
            let whose = if asks { "@approval(\"PROSECUTION\")" } else { "" };
            format!(
                "@id(\"L0{n}\") @reason(\"x\") {whose} {effect} (principal, action == Action::\"Share\", \
                 resource) when {{ {conditions} }};\n"
            )
        }).collect();
        let engine = engine(&text);
        let reading = Reading::of(&[&engine]).unwrap();
        let [rulebook] = reading.rulebooks() else { panic!("one was read") };
        // Every channel by name is all there is, but it is no look at everything.
        let channels = Channel::ALL.iter().map(|channel| channel.as_str().to_owned()).collect();
        let whole = Only::everything().with(Dimension::Channel, channels).unwrap();
        let idle = |only: &Only| -> Vec<String> {
            let idle = survey(&reading, only).idle_rules(rulebook, |_| true).unwrap();
            idle.into_iter().map(|one| one.rule).collect()
        };
        prop_assert_eq!(idle(&Only::everything()), idle(&whole), "{}", text);
    }
}

/// What a node looks at where rules are proposed, signed and put in force.
#[test]
fn new_rules_that_can_never_decide_are_named_with_the_reason() {
    let red = r#"@id("L09") @reason("x") permit (principal, action == Action::"Share", resource)
        when { resource.tlp == Tlp::"RED" && context.channel == Channel::"AUTOMATED" };"#;
    let small = r#"@id("L08") @reason("x") permit (principal, action == Action::"Show", resource)
        when { resource.tlp == Tlp::"GREEN" };"#;
    let stop = r#"@id("L10") @reason("x") forbid (principal, action == Action::"Show", resource);"#;
    let both = format!("{small}{red}");
    let (small, both, closed) = (engine(small), engine(&both), engine(&format!("{small}{stop}")));
    let idle = |old: &Engine, new: &Engine| -> Vec<String> {
        let weighed = cedar_engine::weigh(old, new, &Only::everything(), &[]).unwrap();
        let alone = new.idle_rules(Some(old)).unwrap();
        assert_eq!(weighed.idle, alone);
        alone.iter().map(ToString::to_string).collect()
    };
    assert_eq!(idle(&small, &both), ["L09, blocked by C02-tlp-red-automated"]);
    assert_eq!(both.idle_rules(None).unwrap().len(), 1);
    assert_eq!(
        idle(&both, &both),
        [""; 0],
        "what stood there is not in the way of the next change"
    );
    // Whoever closes something must not have to mend what it makes idle.
    assert_eq!(idle(&small, &closed), [""; 0]);
    let all: Vec<String> =
        closed.idle_rules(None).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(all, ["L08, blocked by L10"]);
    // A stop makes other rules idle for as long as it stands, and is never refused.
    let (frozen, _) = cedar_engine::freeze(&country("be")).unwrap();
    assert_eq!(frozen.idle_rules(None).unwrap(), []);
    assert_eq!(idle(&engine(&country("be")), &frozen), [""; 0]);
}

fn compare(old: &str, new: &str) -> policy::difference::Difference {
    let (old, new) = (engine(old), engine(new));
    let reading = Reading::of(&[&old, &new]).unwrap();
    let [before, after] = reading.rulebooks() else { panic!("two were read") };
    let only = Only::everything();
    let found = difference(&survey(&reading, &only), before, after).unwrap();
    for example in &found.examples {
        assert!(same(&old.judge(&example.situation), &example.before), "{example:?}");
        assert!(same(&new.judge(&example.situation), &example.after), "{example:?}");
    }
    found
}

#[test]
fn the_machine_says_what_a_change_is() {
    let share = |condition: &str| {
        format!(
            r#"@id("L01") @reason("x") permit (principal, action == Action::"Share", resource)
            when {{ {condition} }};"#
        )
    };
    let amber = share(r#"[Tlp::"GREEN", Tlp::"AMBER"].contains(resource.tlp)"#);
    let spelt = share(r#"resource.tlp == Tlp::"AMBER" || resource.tlp == Tlp::"GREEN""#);
    let green = share(r#"resource.tlp == Tlp::"GREEN""#);
    let clear = share(r#"resource.tlp == Tlp::"CLEAR""#);
    assert_eq!(compare(&amber, &spelt).change, Change::Same);
    assert_eq!(compare(&amber, &green).change, Change::Narrowing);
    assert_eq!(compare(&green, &amber).change, Change::Widening);
    let moved = compare(&green, &clear);
    assert_eq!(moved.change, Change::Widening, "what opens anything is a widening");
    assert!(moved.opened > 0 && moved.closed > 0);
    // What the floor forbids anyway changes nothing.
    let red = share(
        r#"resource.tlp == Tlp::"GREEN" ||
           (resource.tlp == Tlp::"RED" && context.channel == Channel::"AUTOMATED")"#,
    );
    assert_eq!(compare(&green, &red).change, Change::Same);
    let approval = |authority: &str, persons: u8| {
        format!(
            r#"@id("L01") @reason("x") @approval("{authority}")
            permit (principal, action == Action::"Share", resource)
            when {{ resource.tlp == Tlp::"GREEN" && context.approvals >= {persons} }};"#
        )
    };
    let (one, two) = (approval("PROSECUTION", 1), approval("PROSECUTION", 2));
    assert_eq!(compare(&green, &one).change, Change::Narrowing);
    assert_eq!(compare(&one, &two).change, Change::Narrowing);
    assert_eq!(compare(&two, &one).change, Change::Widening);
    assert_eq!(compare(&one, &approval("JUDICIAL", 1)).change, Change::Widening);
    assert_eq!(compare("", &one).change, Change::Widening);
}

#[test]
fn a_rule_that_cannot_be_evaluated_opens_nothing() {
    let failing = r#"@id("L09") @reason("x") @approval("PROSECUTION")
        forbid (principal, action == Action::"Share", resource)
        when { 9223372036854775807 + context.approvals + 1 > 0 };"#;
    let with = compare(OPEN, &format!("{OPEN} {failing}"));
    assert_eq!(with.change, Change::Narrowing);
    assert_eq!(compare(&format!("{OPEN} {failing}"), OPEN).change, Change::Widening);
    let example = with.examples.first().unwrap();
    assert!(matches!(example.after, Verdict::Fault { .. } | Verdict::Deny { .. }), "{example:?}");
}

#[test]
fn counts_are_exact_and_name_the_rule() {
    let own = AgencyLabels {
        agency: agency("be-fedpol"),
        country: "BE".parse().unwrap(),
        kind: AgencyKind::Police,
        role: agreement::terms::PartyRole::Leader,
    };
    let partner = |name: &str, country: &str, transfer| Partner {
        labels: AgencyLabels {
            agency: agency(name),
            country: country.parse().unwrap(),
            kind: AgencyKind::Police,
            role: agreement::terms::PartyRole::Party,
        },
        transfer,
    };
    let class = super::fixture::class();
    let red = Class { tlp: domain::value::Tlp::Red, ..class.clone() };
    let strict = Class { tlp: domain::value::Tlp::AmberStrict, ..class.clone() };
    let foreign = Class { origin: agency("es-pn"), ..class.clone() };
    let census = Census {
        own,
        partners: vec![
            partner("es-pn", "ES", TransferBasis::IntraLed),
            partner("ma-dgsn", "MA", TransferBasis::Led371aInstrument),
        ],
        classes: vec![(class, 300), (red, 7), (strict, 12), (foreign, 1000)],
    };
    let old = country("be");
    let new = old.replace("BE03-share-strict-within-led", "BE03-share-strict").replace(
        "    resource.tlp == Tlp::\"AMBER_STRICT\" &&\n    context.transfer == Transfer::\"INTRA_LED\"\n",
        "    resource.tlp == Tlp::\"AMBER_STRICT\"\n",
    );
    let (old, new) = (engine(&old), engine(&new));
    let reading = Reading::of(&[&old, &new]).unwrap();
    let [before, after] = reading.rulebooks() else { panic!("two were read") };
    let only = Only::everything();
    let rows = count(&survey(&reading, &only), before, after, &census).unwrap();
    let rows: Vec<_> =
        rows.iter().map(|row| (row.partner.agency.as_str(), row.way, row.would_leave)).collect();
    assert_eq!(rows, [("ma-dgsn", Way::Machine, 12), ("ma-dgsn", Way::Hand, 12)]);
    let rows = count(&survey(&reading, &only), after, before, &census).unwrap();
    assert_eq!(rows[0].would_stop, 12);
    assert_eq!(rows[0].because[0].0, "BE03-share-strict", "the permit that is gone");
}

fn explained(local: &str, change: impl FnOnce(&mut Situation)) -> policy::explanation::Explanation {
    let engine = engine(local);
    let reading = Reading::of(&[&engine]).unwrap();
    let mut situation = ordinary(policy::Action::Share);
    change(&mut situation);
    let only = Only::everything();
    explain(&survey(&reading, &only), &reading.rulebooks()[0], &situation).unwrap()
}

#[test]
fn a_no_says_what_would_change_it() {
    let victim = explained(OPEN, |situation| {
        situation.set(Dimension::Subject, &["VICTIM".to_owned()]).unwrap();
    });
    let opening = victim.opens_with.unwrap();
    let labels: Vec<Dimension> = opening.labels.iter().map(|(dimension, _)| *dimension).collect();
    assert_eq!(labels, [Dimension::Purposes, Dimension::Channel]);
    assert!(matches!(opening.verdict, Verdict::NeedsApproval { persons: 2, .. }), "{opening:?}");
    let migrant = explained(OPEN, |situation| {
        situation.set(Dimension::Subject, &["SMUGGLED_MIGRANT".to_owned()]).unwrap();
    });
    assert_eq!(migrant.opens_with, None, "nobody may choose who a person is");
}

#[test]
fn a_default_no_names_the_nearest_permit_and_the_clause_that_failed() {
    let strict = explained(&country("fr"), |situation| {
        situation.set(Dimension::Tlp, &["AMBER_STRICT".to_owned()]).unwrap();
    });
    let nearest = strict.nearest.unwrap();
    assert_eq!((nearest.rule.as_str(), nearest.failures), ("FR02-share", 1));
    assert_eq!(nearest.failed, "tlp is one of CLEAR, GREEN, AMBER");
    let opening = strict.opens_with.unwrap();
    let words = vec!["CLEAR".to_owned(), "GREEN".to_owned(), "AMBER".to_owned()];
    assert_eq!(opening.labels, [(Dimension::Tlp, words)]);
}
