//! Every invariant is needed: with it the case is refused under its name, without it nothing else
//! stops it, although the policy permits everything.

#[path = "../../agreement/tests/fixture/mod.rs"]
mod fixture;

use super::*;
use crate::gate::bind;
use crate::table::TableEvaluator;
use agreement::terms::{DerogationGround, NationalOffence, TransferCondition};
use agreement::{Scope, Step, Terms};
use domain::indicator::Kind;
use domain::name::Digest;
use domain::time::Timestamp;
use domain::value::{Age, Depicts, Offence, Onward, Purpose, Subject, Tlp, TransferBasis};
use fixture::{PARTIES, agency, authority_of, now, register_without};

/// Everything that a case may change.
struct World {
    terms: Terms,
    suspended: Option<&'static str>,
    left: Option<&'static str>,
    unsigned: &'static [&'static str],
    now: Timestamp,
    floor_in_use: Digest,
    action: Action,
    own: &'static str,
    peer: &'static str,
    channel: Channel,
    class: Class,
    question: QuestionTerms,
}

fn world(action: Action) -> World {
    let floor = Digest::from_bytes([9; 32]);
    let (own, peer) = match action {
        Action::Receive => ("es-pn", "be-fedpol"),
        Action::Submit => ("be-fedpol", "be-fedpol"),
        _ => ("be-fedpol", "es-pn"),
    };
    let channel = match action {
        Action::Share | Action::Receive => Channel::Automated,
        _ => Channel::Analyst,
    };
    World {
        terms: fixture::terms(floor),
        suspended: None,
        left: None,
        unsigned: &[],
        now: now(),
        floor_in_use: floor,
        action,
        own,
        peer,
        channel,
        class: fixture::class(),
        question: fixture::question(),
    }
}

fn decide(world: &World, lists: Lists) -> Decision {
    let agreement = Agreement::new(world.terms.clone()).unwrap();
    let mut register = register_without(&agreement, world.unsigned);
    if let Some(party) = world.suspended {
        let (signer, step) = (authority_of(party), Step::Suspend { scope: Scope::All });
        register.declare(&agency(party), step, world.now, &signer).unwrap();
    }
    if let Some(party) = world.left {
        let signer = authority_of(party);
        register.declare(&agency(party), Step::Withdraw, world.now, &signer).unwrap();
    }
    let (bindings, _) = bind(&[Arc::new(register)], world.now);
    let evaluator = Arc::new(TableEvaluator::open(world.floor_in_use));
    let judge = Judge::new(agency(world.own), PolicyEpoch(1), bindings, evaluator, lists);
    let question = QuestionTerms { channel: world.channel, ..world.question.clone() };
    let peer = agency(world.peer);
    match world.action {
        Action::Ask | Action::Answer => judge.decide_terms(world.action, &peer, &question),
        action => {
            let terms = (action == Action::Show).then_some(question);
            let asked = Asked { action, peer, channel: world.channel, terms };
            judge.decide(&asked, &Arc::new(world.class.clone()))
        }
    }
}

fn derogate(terms: &mut Terms) {
    let pair = &mut terms.pairs[0];
    pair.transfer_basis = TransferBasis::Led38Derogation;
    pair.channels = Some([Channel::Authority].into());
    let ground = DerogationGround::IndividualCase;
    pair.condition = Some(TransferCondition::Derogation { ground, reason: "one case".into() });
}

/// The lists without one rule. Leaks: a test may.
fn without(rule: &str) -> Lists {
    let less = |list: &[Invariant]| -> &'static [Invariant] {
        let kept: Vec<Invariant> = list.iter().filter(|one| one.name != rule).copied().collect();
        Box::leak(kept.into_boxed_slice())
    };
    Lists {
        agreement: less(invariant::OF_THE_AGREEMENT),
        question: less(invariant::OF_THE_QUESTION),
        class: less(invariant::OF_THE_CLASS),
    }
}

type Case = (&'static str, Action, fn(&mut World));

const CASES: &[Case] = &[
    ("code.floor", Action::Share, |w| w.floor_in_use = Digest::from_bytes([8; 32])),
    ("code.floor", Action::Ask, |w| w.floor_in_use = Digest::from_bytes([8; 32])),
    ("code.in-force", Action::Submit, |w| w.now = w.terms.valid_to),
    ("code.suspended", Action::Share, |w| w.suspended = Some("es-pn")),
    ("code.suspended", Action::Receive, |w| w.suspended = Some("es-pn")),
    ("code.suspended", Action::Answer, |w| w.suspended = Some("be-fedpol")),
    ("code.pair", Action::Share, |w| w.terms.pairs[0].transfer_basis = TransferBasis::None),
    ("code.pair", Action::Receive, |w| w.terms.pairs.clear()),
    ("code.pair", Action::Ask, |w| w.terms.pairs[0].transfer_basis = TransferBasis::None),
    ("code.pair", Action::Answer, |w| {
        w.terms.pairs.retain(|pair| pair.to.as_str() != "be-fedpol");
    }),
    ("code.pair", Action::Show, |w| w.terms.pairs.clear()),
    ("code.channel", Action::Share, |w| derogate(&mut w.terms)),
    ("code.channel", Action::Ask, |w| derogate(&mut w.terms)),
    ("code.channel", Action::Share, |w| w.terms.channels = [Channel::Analyst].into()),
    ("code.channel", Action::Answer, |w| w.terms.channels = [Channel::Automated].into()),
    ("code.purpose", Action::Share, |w| {
        w.class.purposes.insert(Purpose::PlatformReferral);
    }),
    ("code.purpose", Action::Submit, |w| w.class.purposes.clear()),
    ("code.offence", Action::Receive, |w| {
        w.class.offences.insert(Offence::Terrorism);
    }),
    ("code.offence", Action::Submit, |w| w.class.offences.clear()),
    ("code.offence", Action::Show, |w| {
        w.class.offences.insert(Offence::Terrorism);
    }),
    ("code.clause", Action::Ask, |w| {
        w.terms.clauses[0].binds = [agency("be-fedpol")].into();
    }),
    ("code.clause", Action::Answer, |w| {
        w.terms.clauses[0].binds = [agency("es-pn")].into();
    }),
    ("code.clause", Action::Answer, |w| {
        w.terms.clauses[0].purposes = [Purpose::Prevention].into();
    }),
    ("code.clause-offence", Action::Answer, |w| w.terms.clauses[0].offences.clear()),
    ("code.dual-criminality", Action::Answer, |w| w.question.offence = Offence::DocumentFraud),
    ("code.dual-criminality", Action::Share, |w| {
        w.class.offences.insert(Offence::DocumentFraud);
    }),
    ("code.dual-criminality", Action::Show, |w| {
        w.class.offences = [Offence::DocumentFraud].into();
    }),
    ("code.speech-question", Action::Ask, |w| {
        map_speech(&mut w.terms);
        w.question.offence = Offence::CallToMassCrossing;
        w.channel = Channel::Automated;
    }),
    ("code.smuggled-migrant", Action::Submit, |w| w.class.subject = Subject::SmuggledMigrant),
    ("code.smuggled-migrant", Action::Share, |w| w.class.subject = Subject::SmuggledMigrant),
    ("code.smuggled-migrant", Action::Receive, |w| w.class.subject = Subject::SmuggledMigrant),
    ("code.origin", Action::Submit, |w| w.class.origin = agency("es-pn")),
    ("code.origin", Action::Receive, |w| w.class.origin = agency("fr-oltim")),
    ("code.relay", Action::Share, |w| w.class.origin = agency("fr-oltim")),
    ("code.relay", Action::Show, |w| w.class.origin = agency("fr-oltim")),
    ("code.audience", Action::Share, |w| w.class.audience.clear()),
    ("code.audience", Action::Share, |w| w.class.audience = [agency("fr-oltim")].into()),
    ("code.audience", Action::Receive, |w| w.class.audience = [agency("fr-oltim")].into()),
    ("code.audience", Action::Show, |w| w.class.audience.clear()),
    ("code.ended", Action::Show, |w| {
        w.peer = w.own;
        w.class.origin = agency("es-pn");
        w.class.audience = [agency("be-fedpol")].into();
        w.left = Some("es-pn");
    }),
    ("code.ended", Action::Show, |w| {
        w.peer = w.own;
        w.class.origin = agency("es-pn");
        w.class.audience = [agency("be-fedpol")].into();
        w.left = Some("be-fedpol");
    }),
    ("code.audience-party", Action::Submit, |w| {
        w.class.audience.insert(agency("pt-pj"));
    }),
    ("code.sealed-kind", Action::Share, |w| w.class.kind = Kind::Phone),
    ("code.sealed-kind", Action::Receive, |w| w.class.kind = Kind::InviteCodeShort),
    ("code.tlp-ceiling", Action::Share, |w| {
        w.terms.tlp_ceiling = Tlp::Amber;
        w.class.tlp = Tlp::AmberStrict;
    }),
    ("code.tlp-ceiling", Action::Show, |w| {
        w.terms.tlp_ceiling = Tlp::Amber;
        w.class.tlp = Tlp::AmberStrict;
    }),
    ("code.tlp-red", Action::Share, |w| w.class.tlp = Tlp::Red),
    ("code.tlp-red", Action::Receive, |w| w.class.tlp = Tlp::Red),
    ("code.onward", Action::Submit, |w| w.class.onward = Onward::WithinParties),
    ("code.onward", Action::Share, |w| w.class.onward = Onward::WithinParties),
    ("code.speech", Action::Share, |w| {
        map_speech(&mut w.terms);
        w.class.offences = [Offence::CallToMassCrossing].into();
    }),
    ("code.speech", Action::Show, |w| {
        map_speech(&mut w.terms);
        w.class.offences = [Offence::CallToMassCrossing].into();
        w.channel = Channel::Automated;
    }),
    ("code.minor", Action::Share, |w| w.class.age = Age::Minor),
    ("code.minor", Action::Receive, |w| {
        w.class.age = Age::Unknown;
        w.class.purposes = [Purpose::VictimProtection].into();
    }),
    ("code.minor", Action::Show, |w| w.class.age = Age::Unknown),
    ("code.depicted", Action::Share, |w| w.class.depicts = Depicts::Minors),
    ("code.depicted", Action::Show, |w| w.class.depicts = Depicts::Unknown),
    ("code.protected-subject", Action::Share, |w| w.class.subject = Subject::Victim),
    // An adult victim, for protection: by hand perhaps, by a machine never.
    ("code.protected-subject", Action::Share, |w| {
        w.class.subject = Subject::Victim;
        w.class.purposes = [Purpose::VictimProtection].into();
    }),
    ("code.protected-subject", Action::Receive, |w| {
        w.class.subject = Subject::Victim;
        w.class.purposes = [Purpose::ThreatToLife].into();
    }),
    ("code.protected-subject", Action::Receive, |w| w.class.subject = Subject::Witness),
    ("code.protected-subject", Action::Show, |w| w.class.subject = Subject::Unknown),
    ("code.exercise", Action::Show, |w| w.class.exercise = true),
    ("code.exercise", Action::Show, |w| w.question.exercise = true),
    ("code.match-purpose", Action::Show, |w| w.class.purposes = [Purpose::Prevention].into()),
    ("code.match-kind", Action::Show, |w| w.class.kind = Kind::Url),
];

fn map_speech(terms: &mut Terms) {
    terms.offence_map.extend(["BE", "ES"].map(|country| NationalOffence {
        offence: Offence::CallToMassCrossing,
        country: country.parse().unwrap(),
        article: Some("the article".into()),
    }));
}

#[test]
fn the_ordinary_case_is_allowed_for_every_action() {
    let by_code = [Action::Withdraw, Action::Inspect];
    for action in Action::ALL.iter().filter(|action| !by_code.contains(action)) {
        let decision = decide(&world(*action), Lists::ALL);
        assert!(decision.is_allow(), "{action}: {decision:?}");
        assert_eq!(decision.rule(), Some("table.open"));
    }
}

#[test]
fn every_invariant_stops_its_case_and_nothing_else_would() {
    for (index, (rule, action, change)) in CASES.iter().enumerate() {
        let mut world = world(*action);
        change(&mut world);
        let decision = decide(&world, Lists::ALL);
        assert_eq!(decision.rule(), Some(*rule), "case {index} {action}: {decision:?}");
        assert!(matches!(decision, Decision::Deny(_)), "case {index}");
        let broken = decide(&world, without(rule));
        assert!(
            !matches!(broken, Decision::Deny(_)),
            "case {index} {action}: without {rule} still {broken:?}"
        );
    }
}

#[test]
fn every_invariant_has_a_case_a_reason_and_a_code_that_fits_its_list() {
    let lists = [invariant::OF_THE_AGREEMENT, invariant::OF_THE_QUESTION, invariant::OF_THE_CLASS];
    for one in lists.into_iter().flatten() {
        assert!(CASES.iter().any(|(rule, ..)| *rule == one.name), "{} has no case", one.name);
        assert_eq!(invariant::reason(one.name), Some(one.reason), "{} is not unique", one.name);
    }
    for list in [invariant::OF_THE_AGREEMENT, invariant::OF_THE_QUESTION] {
        assert!(list.iter().all(|one| one.code.is_of_the_question()), "told to the asker");
    }
    for rule in [invariant::OWN_USE, invariant::DEFAULT_DENY, crate::held::PERMIT_RULE] {
        assert!(invariant::reason(rule).is_some());
    }
    assert_eq!(invariant::reason("BE01"), None);
}

#[test]
fn not_in_force_carries_nothing_but_lets_own_officers_prepare() {
    for action in [Action::Share, Action::Receive, Action::Ask, Action::Answer, Action::Show] {
        for unready in [0, 1, 2] {
            let mut world = world(action);
            match unready {
                0 => world.unsigned = &PARTIES[3..],
                1 => world.now = world.terms.valid_from,
                _ => world.now = world.terms.valid_to,
            }
            let decision = decide(&world, Lists::ALL);
            assert_eq!(decision.rule(), Some("code.in-force"), "{action} {unready}");
        }
    }
    let mut early = world(Action::Submit);
    early.unsigned = &PARTIES[3..];
    assert!(decide(&early, Lists::ALL).is_allow());
}

#[test]
fn outsiders_and_oneself_are_no_peers() {
    for action in [Action::Share, Action::Receive, Action::Ask, Action::Answer, Action::Show] {
        let mut stranger = world(action);
        stranger.peer = "pt-pj";
        assert_eq!(decide(&stranger, Lists::ALL).rule(), Some(invariant::PARTY), "{action}");
        let mut strange = world(action);
        strange.own = "pt-pj";
        assert_eq!(decide(&strange, Lists::ALL).rule(), Some(invariant::PARTY), "{action}");
    }
    for action in [Action::Share, Action::Receive] {
        let mut own = world(action);
        own.peer = own.own;
        assert_eq!(decide(&own, Lists::ALL).rule(), Some(invariant::PARTY), "{action}");
    }
    let mut other = world(Action::Submit);
    other.peer = "es-pn";
    assert_eq!(decide(&other, Lists::ALL).rule(), Some(invariant::PARTY));
}

#[test]
fn protected_persons_need_two_approvals_even_if_the_policy_forgets() {
    for change in [
        |class: &mut Class| class.subject = Subject::Victim,
        |class: &mut Class| class.age = Age::Minor,
        |class: &mut Class| class.depicts = Depicts::Minors,
    ] {
        let mut world = world(Action::Show);
        world.class.purposes = [Purpose::VictimProtection].into();
        world.question.purpose = Purpose::VictimProtection;
        change(&mut world.class);
        let Decision::NeedsApproval { persons, rule, .. } = decide(&world, Lists::ALL) else {
            panic!("not without approval");
        };
        assert_eq!((persons, rule.as_str()), (2, invariant::PROTECTED_APPROVAL));
    }
}

#[test]
fn own_officers_look_into_what_is_held_without_a_pair_or_an_audience() {
    let mut own = world(Action::Show);
    own.peer = own.own;
    own.class.audience.clear();
    assert_eq!(decide(&own, Lists::ALL).rule(), Some(invariant::OWN_USE));
    own.question.purpose = Purpose::Prosecution;
    assert_eq!(decide(&own, Lists::ALL).rule(), Some("code.match-purpose"));

    let mut received = world(Action::Show);
    received.peer = received.own;
    received.class.origin = agency("fr-oltim");
    assert_eq!(decide(&received, Lists::ALL).rule(), Some("code.audience"));
    received.class.audience.insert(agency("be-fedpol"));
    assert_eq!(decide(&received, Lists::ALL).rule(), Some(invariant::OWN_USE));
}

#[test]
fn an_action_put_to_the_wrong_question_is_denied() {
    let agreement = Agreement::new(fixture::terms(Digest::from_bytes([9; 32]))).unwrap();
    let register = Arc::new(register_without(&agreement, &[]));
    let (bindings, _) = bind(&[register], now());
    let evaluator = Arc::new(TableEvaluator::open(Digest::from_bytes([9; 32])));
    let judge = Judge::new(agency("be-fedpol"), PolicyEpoch(1), bindings, evaluator, Lists::ALL);
    let (peer, class) = (agency("es-pn"), Arc::new(fixture::class()));
    for action in Action::ALL {
        let of_class = !matches!(action, Action::Ask | Action::Answer);
        let of_match = *action == Action::Show;
        for terms in [None, Some(fixture::question())] {
            let fits = of_class && of_match == terms.is_some();
            let asked =
                Asked { action: *action, peer: peer.clone(), channel: Channel::Analyst, terms };
            let decision = judge.decide(&asked, &class);
            assert_eq!(decision.rule() == Some(invariant::ACTION), !fits, "{action}");
        }
        let decision = judge.decide_terms(*action, &peer, &fixture::question());
        assert_eq!(decision.rule() == Some(invariant::ACTION), of_class, "{action}");
    }
}
