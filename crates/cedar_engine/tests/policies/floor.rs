//! Every rule of the floor decides, and floor and code agree on what a machine may never move.

use super::fixture::{self, agency, any_class, class, likely_class, now, question};
use super::{OPEN, engine, gate};
use agreement::{Agreement, Party};
use cedar_engine::{COMMON_FLOOR, Engine};
use domain::class::Class;
use domain::indicator::Kind;
use domain::question::QuestionTerms;
use domain::value::{
    Age, AgencyKind, Channel, Depicts, Handling, Offence, Pap, Purpose, Subject, Tlp, TransferBasis,
};
use policy::{Action, Approvals, Decision, Evaluation, Evaluator, Gate, Matter, Verdict};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::{Arc, LazyLock};

/// One evaluation past the code, so that the floor is seen alone.
struct Scene {
    action: Action,
    own: &'static str,
    peer: &'static str,
    basis: TransferBasis,
    channel: Channel,
    class: Class,
    question: QuestionTerms,
}

fn scene(action: Action) -> Scene {
    let (own, peer) = match action {
        Action::Receive => ("es-pn", "be-fedpol"),
        Action::Submit => ("be-fedpol", "be-fedpol"),
        _ => ("be-fedpol", "es-pn"),
    };
    let channel = match action {
        Action::Share | Action::Receive => Channel::Automated,
        _ => Channel::Analyst,
    };
    let (class, question) = (class(), question());
    Scene { action, own, peer, basis: TransferBasis::IntraLed, channel, class, question }
}

fn verdict(engine: &Engine, scene: &Scene) -> Verdict {
    verdict_after(engine, scene, Approvals::NONE)
}

fn verdict_after(engine: &Engine, scene: &Scene, approvals: Approvals) -> Verdict {
    let agreement = Agreement::new(fixture::terms(engine.floor_hash())).unwrap();
    let party = |name: &str| -> &Party { agreement.party(&agency(name)).unwrap() };
    let matter = match scene.action {
        Action::Ask | Action::Answer => Matter::Terms(&scene.question),
        Action::Show => Matter::Match { terms: &scene.question, class: &scene.class },
        _ => Matter::Class(&scene.class),
    };
    engine.evaluate(&Evaluation {
        action: scene.action,
        own: party(scene.own),
        peer: party(scene.peer),
        agreement: &agreement,
        transfer_basis: (scene.action != Action::Submit).then_some(scene.basis),
        channel: scene.channel,
        approvals,
        matter,
    })
}

type Case = (&'static str, Action, fn(&mut Scene));

const CASES: &[Case] = &[
    ("C01-smuggled-migrant", Action::Submit, |s| s.class.subject = Subject::SmuggledMigrant),
    ("C01-smuggled-migrant", Action::Receive, |s| s.class.subject = Subject::SmuggledMigrant),
    ("C01-smuggled-migrant", Action::Show, |s| s.class.subject = Subject::SmuggledMigrant),
    ("C02-tlp-red-automated", Action::Share, |s| s.class.tlp = Tlp::Red),
    ("C02-tlp-red-automated", Action::Receive, |s| s.class.tlp = Tlp::Red),
    ("C03-audience-recipient", Action::Share, |s| s.class.audience.clear()),
    ("C03-audience-recipient", Action::Show, |s| s.class.audience.clear()),
    ("C04-audience-ourselves", Action::Receive, |s| s.class.audience.clear()),
    ("C05-sealed-kind", Action::Share, |s| s.class.kind = Kind::Handle),
    ("C05-sealed-kind", Action::Receive, |s| s.class.kind = Kind::Phone),
    ("C06-speech-offence", Action::Share, |s| {
        s.class.offences.insert(Offence::TerrorismApology);
    }),
    ("C07-speech-question", Action::Ask, |s| {
        s.question.offence = Offence::CallToMassCrossing;
        s.channel = Channel::Automated;
    }),
    ("C08-protected-purpose", Action::Show, |s| s.class.subject = Subject::Victim),
    ("C08-protected-purpose", Action::Show, |s| s.class.age = Age::Unknown),
    ("C08-protected-purpose", Action::Show, |s| s.class.depicts = Depicts::Minors),
    ("C09-protected-automated", Action::Receive, |s| {
        s.class.subject = Subject::Witness;
        s.class.purposes = [Purpose::VictimProtection].into();
    }),
    ("C11-h3-automated", Action::Share, |s| {
        s.class.handling = s.class.handling.with(Handling::H3);
    }),
    ("C13-third-agency", Action::Share, |s| {
        s.class.origin = agency("fr-oltim");
        s.class.handling = s.class.handling.with(Handling::H2);
    }),
    ("C13-third-agency", Action::Show, |s| s.class.origin = agency("fr-oltim")),
    ("C14-not-the-origin", Action::Receive, |s| s.class.origin = agency("fr-oltim")),
    ("C14-not-the-origin", Action::Submit, |s| s.class.origin = agency("fr-oltim")),
    ("C15-purpose-of-the-question", Action::Show, |s| s.question.purpose = Purpose::Prosecution),
    ("C16-exercise-apart", Action::Show, |s| s.class.exercise = true),
    ("C17-no-transfer-basis", Action::Ask, |s| s.basis = TransferBasis::None),
    ("C17-no-transfer-basis", Action::Share, |s| s.basis = TransferBasis::None),
    ("C18-derogation-by-hand", Action::Answer, |s| s.basis = TransferBasis::Led38Derogation),
    ("C19-pap-red-referral", Action::Share, |s| {
        s.class.pap = Pap::Red;
        s.class.purposes = [Purpose::PlatformReferral].into();
    }),
];

#[test]
fn the_ordinary_case_passes_the_floor() {
    let engine = engine(OPEN);
    let by_code = [Action::Withdraw, Action::Inspect];
    for action in Action::ALL.iter().filter(|action| !by_code.contains(action)) {
        let allowed = Verdict::Allow { rules: vec!["open".into()] };
        assert_eq!(verdict(&engine, &scene(*action)), allowed, "{action}");
    }
}

#[test]
fn every_rule_of_the_floor_decides_a_case() {
    let engine = engine(OPEN);
    for (rule, action, change) in CASES {
        let mut scene = scene(*action);
        change(&mut scene);
        let Verdict::Deny { rules } = verdict(&engine, &scene) else {
            panic!("{rule} did not stop {action}")
        };
        assert!(rules.iter().any(|one| one == rule), "{rule} {action}: {rules:?}");
    }
    let asking = ["C10-protected-approval", "C12-h3-human"];
    for rule in engine.rules().filter(|rule| rule.id != "open") {
        let decides = CASES.iter().any(|(name, ..)| *name == rule.id);
        assert!(decides || asking.contains(&rule.id.as_str()), "{} has no case", rule.id);
        assert!(rule.law.is_some() && rule.reason.ends_with('.'), "{}", rule.id);
    }
}

#[test]
fn what_needs_a_human_says_whose_and_how_many() {
    let engine = engine(OPEN);
    let mut victim = scene(Action::Show);
    victim.class.subject = Subject::Victim;
    victim.class.purposes = [Purpose::VictimProtection].into();
    victim.question.purpose = Purpose::VictimProtection;
    let mut restricted = scene(Action::Show);
    restricted.class.handling = restricted.class.handling.with(Handling::H3);
    for (scene, expected_rule, expected_persons) in
        [(victim, "C10-protected-approval", 2), (restricted, "C12-h3-human", 1)]
    {
        let Verdict::NeedsApproval { authority, persons, rule } = verdict(&engine, &scene) else {
            panic!("{expected_rule} did not ask for approval")
        };
        assert_eq!((rule.as_str(), persons), (expected_rule, expected_persons));
        assert_eq!(authority, domain::value::AgencyKind::Prosecution);
    }
}

/// A rule counts the persons of the authority that it names, and of no other.
#[test]
fn an_approval_serves_the_rules_that_name_its_authority() {
    use AgencyKind::{Judicial, Prosecution};
    const RULES: &str = r#"
        @id("L01") @reason("x") permit (principal, action, resource);
        @id("L02") @reason("x") @approval("JUDICIAL") forbid (principal, action == Action::"Share", resource)
        when { context.approvals < 2 };
        @id("L03") @reason("x") @approval("PROSECUTION")
        permit (principal, action == Action::"Receive", resource) when { context.approvals >= 1 };"#;
    let engine = engine(RULES);
    let share = scene(Action::Share);
    let after = |kinds: &[AgencyKind]| {
        let given = kinds.iter().fold(Approvals::NONE, |given, kind| given.with(*kind));
        verdict_after(&engine, &share, given)
    };
    let two_judges =
        Verdict::NeedsApproval { authority: Judicial, persons: 2, rule: "L02".to_owned() };
    assert_eq!(after(&[]), two_judges);
    assert_eq!(after(&[Prosecution, Prosecution, Prosecution]), two_judges);
    assert_eq!(after(&[Judicial, Prosecution]), two_judges);
    assert!(matches!(after(&[Judicial, Judicial]), Verdict::Allow { .. }));

    // A rule can close by what was approved, too, and only by its own authority's.
    let closing = format!(
        "{OPEN}@id(\"L09\") @reason(\"x\") @approval(\"JUDICIAL\") forbid (principal, action, resource) \
         when {{ context.approvals >= 1 }};"
    );
    let closing = super::engine(&closing);
    let after_one = |kind| verdict_after(&closing, &share, Approvals::NONE.with(kind));
    assert!(matches!(after_one(Prosecution), Verdict::Allow { .. }));
    assert_eq!(after_one(Judicial), Verdict::Deny { rules: vec!["L09".to_owned()] });

    let only_before = super::engine(
        r#"@id("L08") @reason("x") @approval("JUDICIAL") permit (principal, action, resource)
        when { context.approvals == 0 };"#,
    );
    let after = |given| verdict_after(&only_before, &share, given);
    assert!(matches!(after(Approvals::NONE), Verdict::Allow { .. }));
    assert!(matches!(after(Approvals::NONE.with(Prosecution)), Verdict::Allow { .. }));
    assert!(matches!(after(Approvals::NONE.with(Judicial)), Verdict::Deny { .. }));

    // A permit of one kind beside a forbid of another takes both, each as many as the stricter wants.
    let both = r#"
        @id("L02") @reason("x") @approval("JUDICIAL") forbid (principal, action == Action::"Share", resource)
        when { context.approvals < 2 };
        @id("L03") @reason("x") @approval("PROSECUTION")
        permit (principal, action == Action::"Share", resource) when { context.approvals >= 1 };"#;
    let engine = super::engine(both);
    let after = |kinds: &[AgencyKind]| {
        let given = kinds.iter().fold(Approvals::NONE, |given, kind| given.with(*kind));
        verdict_after(&engine, &share, given)
    };
    assert_eq!(after(&[Judicial]), two_judges);
    let prosecutor =
        |verdict| matches!(verdict, Verdict::NeedsApproval { authority: Prosecution, .. });
    assert!(prosecutor(after(&[Judicial, Judicial])), "{:?}", after(&[Judicial, Judicial]));
    let all = [Judicial, Judicial, Prosecution, Prosecution];
    assert!(matches!(after(&all), Verdict::Allow { .. }));
}

#[test]
fn approvals_do_not_lift_what_nothing_lifts() {
    let engine = engine(OPEN);
    let mut migrant = scene(Action::Show);
    migrant.class.subject = Subject::SmuggledMigrant;
    migrant.class.purposes = [Purpose::VictimProtection].into();
    migrant.question.purpose = Purpose::VictimProtection;
    assert!(matches!(verdict(&engine, &migrant), Verdict::Deny { .. }));
    let nothing_permits = super::engine("");
    let mut victim = scene(Action::Show);
    victim.class.handling = victim.class.handling.with(Handling::H3);
    assert!(matches!(verdict(&nothing_permits, &victim), Verdict::Deny { .. }));
}

/// The case each rule is for passes a floor without that rule: the cases can see.
#[test]
fn a_floor_with_a_rule_missing_lets_its_case_through() {
    let alone = [
        "C02-tlp-red-automated",
        "C03-audience-recipient",
        "C04-audience-ourselves",
        "C05-sealed-kind",
        "C06-speech-offence",
        "C13-third-agency",
        "C15-purpose-of-the-question",
        "C16-exercise-apart",
        "C17-no-transfer-basis",
    ];
    for rule in alone {
        let start = COMMON_FLOOR.find(&format!("@id(\"{rule}\")")).unwrap();
        let end = start + COMMON_FLOOR[start..].find(";\n\n").unwrap() + 1;
        let without = format!("{}{}", &COMMON_FLOOR[..start], &COMMON_FLOOR[end..]);
        let engine = Engine::load(&without, OPEN).unwrap();
        let cases = CASES.iter().filter(|(name, ..)| *name == rule);
        for (_, action, change) in cases {
            let mut scene = scene(*action);
            change(&mut scene);
            assert!(matches!(verdict(&engine, &scene), Verdict::Allow { .. }), "{rule} {action}");
        }
    }
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| engine(OPEN));
static GATE_BE: LazyLock<Gate> = LazyLock::new(|| gate("be-fedpol", engine(OPEN)));
static GATE_ES: LazyLock<Gate> = LazyLock::new(|| gate("es-pn", engine(OPEN)));

/// What the two hands wrote apart: whatever code refuses for its labels, the floor refuses too.
const SHARED: &[&str] = &[
    "code.smuggled-migrant",
    "code.origin",
    "code.relay",
    "code.audience",
    "code.sealed-kind",
    "code.tlp-red",
    "code.minor",
    "code.depicted",
    "code.protected-subject",
    "code.exercise",
    "code.match-purpose",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn floor_and_code_agree(
        wild in any_class(),
        likely in likely_class(),
        action in select(vec![Action::Submit, Action::Share, Action::Receive, Action::Show]),
        channel in select(Channel::ALL),
        purpose in select(vec![Purpose::Investigation, Purpose::VictimProtection]),
    ) {
        let gate = if action == Action::Receive { &*GATE_ES } else { &*GATE_BE };
        for class in [wild, likely] {
            let mut scene = Scene { class: class.clone(), channel, ..scene(action) };
            scene.question = QuestionTerms { channel, purpose, kind: class.kind, ..question() };
            let by_floor = verdict(&ENGINE, &scene);
            prop_assert!(!matches!(by_floor, Verdict::Fault { .. }), "{:?}", by_floor);
            let (peer, class) = (agency(scene.peer), Arc::new(class));
            let decision = match action {
                Action::Show => gate.decide_answer(&peer, &scene.question, &class, now()),
                _ => gate.decide_class(action, &peer, &class, channel, now()),
            };
            match decision {
                Decision::Allow(_) => {
                    prop_assert!(matches!(by_floor, Verdict::Allow { .. }), "{:?}", by_floor);
                }
                Decision::Deny(refusal) => {
                    let rule = refusal.rule.unwrap_or_default();
                    if SHARED.contains(&rule.as_str()) {
                        prop_assert!(
                            matches!(by_floor, Verdict::Deny { .. }),
                            "{} and {:?}", rule, by_floor
                        );
                    }
                }
                Decision::NeedsApproval { persons, .. } => {
                    let Verdict::NeedsApproval { persons: by_floor, .. } = by_floor else {
                        return Err(TestCaseError::fail("the floor asks nobody"));
                    };
                    prop_assert!(by_floor <= persons);
                }
            }
        }
    }
}
