//! Every change shows in the next decision, and the clock alone can make one.

use super::fixture::{
    PARTIES, agency, authority_of, class, now, question, register_without, terms,
};
use super::{floor, gate_of, open_gate, signed_by_all};
use agreement::{Agreement, Language, Phase, SKEW_MS, Scope, Step};
use domain::class::{CLASSES_MAX, Class};
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use domain::value::{AgencyKind, Channel, Offence};
use policy::table::TableEvaluator;
use policy::{AGREEMENTS_MAX, Action, Decision, Evaluation, Evaluator, Gate, PolicyError, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn share(gate: &Gate, now: Timestamp) -> Decision {
    let class = Arc::new(class());
    gate.decide_class(Action::Share, &agency("es-pn"), &class, Channel::Automated, now)
}

/// Counts how often it is asked.
struct Counting(TableEvaluator, Arc<AtomicUsize>);

impl Evaluator for Counting {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.evaluate(evaluation)
    }
    fn floor_hash(&self) -> domain::name::Digest {
        self.0.floor_hash()
    }
    fn bundle_hash(&self) -> domain::name::Digest {
        self.0.bundle_hash()
    }
}

fn counting() -> (Gate, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let evaluator = Counting(TableEvaluator::open(floor()), Arc::clone(&count));
    (gate_of("be-fedpol", evaluator), count)
}

#[test]
fn a_decision_is_made_once_per_peer_action_channel_and_class() {
    let (gate, count) = counting();
    let asked = || count.swap(0, Ordering::Relaxed);
    for _ in 0..5 {
        assert!(share(&gate, now()).is_allow());
    }
    assert_eq!(asked(), 1);
    let other = Arc::new(Class { exercise: true, ..class() });
    for (peer, class, channel) in [
        ("fr-oltim", Arc::new(class()), Channel::Automated),
        ("es-pn", other, Channel::Automated),
        ("es-pn", Arc::new(class()), Channel::Analyst),
    ] {
        for _ in 0..3 {
            gate.decide_class(Action::Share, &agency(peer), &class, channel, now());
        }
        assert_eq!(asked(), 1, "{peer} {channel}");
    }
    for _ in 0..3 {
        let class = Arc::new(class());
        assert!(gate.decide_answer(&agency("es-pn"), &question(), &class, now()).is_allow());
    }
    assert_eq!(asked(), 2, "the question once, the class once");
}

#[test]
fn a_view_finds_kept_decisions_by_number_and_knows_its_time() {
    let (gate, count) = counting();
    let class = Arc::new(class());
    let number = gate.number(&class, now()).unwrap();
    let view = gate.view(Action::Share, &agency("es-pn"), Channel::Automated, now());
    assert_eq!(view.kept(number), None);
    assert!(view.decide(number).is_allow());
    assert!(view.kept(number).is_some_and(Decision::is_allow));
    assert!(share(&gate, now()).is_allow());
    assert_eq!(count.load(Ordering::Relaxed), 1, "gate and view share what they know");
    let end = signed_by_all().next_boundary(now()).unwrap();
    assert_eq!((view.until(), view.epoch()), (end, gate.epoch()));
    assert!(view.covers(now()) && !view.covers(end));
    assert_eq!(gate.number(&class, now()), Some(number), "numbers are stable");
}

#[test]
fn a_new_policy_and_a_new_standing_count_at_once() {
    let gate = open_gate();
    let permit = share(&gate, now()).permit().unwrap();
    assert!(gate.is_current(&permit, now()));
    let before = gate.epoch();
    gate.replace_evaluator(Arc::new(TableEvaluator::new(floor())));
    assert!(gate.epoch() > before && !gate.is_current(&permit, now()));
    assert_eq!(share(&gate, now()).rule(), Some("code.default-deny"));

    gate.replace_evaluator(Arc::new(TableEvaluator::open(floor())));
    assert!(share(&gate, now()).is_allow());
    let agreement = Agreement::new(terms(floor())).unwrap();
    let mut register = register_without(&agreement, &[]);
    let (spain, step) = (agency("es-pn"), Step::Suspend { scope: Scope::All });
    register.declare(&spain, step, now(), &authority_of("es-pn")).unwrap();
    let before = gate.epoch();
    let after = gate.replace_agreements(vec![Arc::new(register)]).unwrap();
    assert!(after > before);
    assert_eq!(share(&gate, now()).rule(), Some("code.suspended"));
}

#[test]
fn the_clock_moves_the_epoch_and_nothing_else_has_to() {
    let agreement = Agreement::new(terms(floor())).unwrap();
    let start = agreement.valid_from.plus_ms(SKEW_MS);
    let end = agreement.valid_to.minus_ms(SKEW_MS);
    let mut register = register_without(&agreement, &[]);
    for party in PARTIES {
        let at = end.minus_ms(Timestamp::DAY_MS);
        register.state_head(&agency(party), at, &authority_of(party)).unwrap();
    }
    let gate = open_gate();
    gate.replace_agreements(vec![Arc::new(register)]).unwrap();
    let first = gate.epoch();
    assert_eq!(share(&gate, start.minus_ms(1)).rule(), Some("code.in-force"));
    assert_eq!(gate.epoch(), first, "nothing rested on the epoch before");
    let permit = share(&gate, start).permit().unwrap();
    let second = gate.epoch();
    assert!(second > first);
    assert!(share(&gate, start.plus_days(6)).is_allow());
    assert_eq!(gate.epoch(), second);
    // Silence of seven days: nobody knows what the parties want.
    assert_eq!(share(&gate, start.plus_days(8)).rule(), Some("code.suspended"));
    assert!(share(&gate, end.minus_ms(1)).is_allow());
    assert!(!gate.is_current(&permit, end));
    assert_eq!(share(&gate, end).rule(), Some("code.in-force"));
    assert_eq!(share(&gate, start.minus_ms(1)).rule(), Some("code.in-force"), "clock set back");
    assert_eq!(share(&gate, Timestamp::MAX).rule(), Some("code.in-force"));
}

#[test]
fn a_fault_denies_and_says_why_to_our_own_people() {
    let gate = gate_of("be-fedpol", TableEvaluator::open(floor()).faulty("type error in BE07"));
    let Decision::Deny(refusal) = share(&gate, now()) else { panic!("a fault allowed") };
    assert_eq!(refusal.code, RefusalCode::PolicyFault);
    assert_eq!(gate.last_fault().as_deref(), Some("type error in BE07"));
    let asked = gate.decide_terms(Action::Ask, &agency("es-pn"), &question(), now());
    assert_eq!(asked.permit().unwrap_err().code, RefusalCode::PolicyFault);
}

#[test]
fn a_gate_without_agreement_allows_withdrawal_alone() {
    let gate = Gate::new(agency("be-fedpol"), Arc::new(TableEvaluator::open(floor())));
    let class = Arc::new(class());
    let decide = |action, peer: &str| {
        gate.decide_class(action, &agency(peer), &class, Channel::Analyst, now())
    };
    for action in [Action::Submit, Action::Share, Action::Receive] {
        let refusal = decide(action, "es-pn").permit().unwrap_err();
        assert_eq!(refusal.code, RefusalCode::AgreementUnknown, "{action}");
    }
    let asked = gate.decide_terms(Action::Answer, &agency("es-pn"), &question(), now());
    assert_eq!(asked.permit().unwrap_err().code, RefusalCode::AgreementUnknown);
    assert!(decide(Action::Withdraw, "be-fedpol").is_allow());
    let foreign = decide(Action::Withdraw, "es-pn").permit().unwrap_err();
    assert_eq!(foreign.code, RefusalCode::OriginMismatch);
    assert_eq!(gate.number(&class, now()), None, "strangers get no number");
}

#[test]
fn approval_is_asked_of_officers_and_refused_to_partners() {
    let table =
        TableEvaluator::new(floor()).approve("ask.first", AgencyKind::Prosecution, 1, |_| true);
    let gate = gate_of("be-fedpol", table);
    let terms = |action| gate.decide_terms(action, &agency("es-pn"), &question(), now());
    assert!(matches!(terms(Action::Ask), Decision::NeedsApproval { persons: 1, .. }));
    let refusal = terms(Action::Answer).permit().unwrap_err();
    assert_eq!(refusal.for_peer(), Some(RefusalCode::PolicyDenied));
    let share = share(&gate, now()).permit().unwrap_err();
    assert_eq!((share.code, share.for_peer()), (RefusalCode::NeedsApproval, None));
}

#[test]
fn of_two_versions_the_one_that_everybody_signed_decides() {
    let first = Agreement::new(terms(floor())).unwrap();
    let mut next = terms(floor());
    next.version = 2;
    next.supersedes = Some(first.hash());
    next.offences.insert(Offence::Terrorism);
    let next = Agreement::new(next).unwrap();
    let mut register = register_without(&first, &[]);
    register.admit_version(next.clone()).unwrap();
    let sign = |register: &mut agreement::Register, party: &str| {
        let (agreement, language) = (next.hash(), Language::English);
        let shown = agreement::rendering::shown(&next, language);
        let step = Step::Sign { agreement, shown, language };
        register.declare(&agency(party), step, now(), &authority_of(party)).unwrap();
    };
    let gate = open_gate();
    let id = first.agreement_id.clone();
    let version = |gate: &Gate| gate.agreement(&id, now()).unwrap().version;
    for party in &PARTIES[..3] {
        sign(&mut register, party);
    }
    gate.replace_agreements(vec![Arc::new(register.clone())]).unwrap();
    assert_eq!(version(&gate), 1);
    assert_eq!(gate.standing(&id, now()).unwrap().phase(), Phase::InForce);
    sign(&mut register, PARTIES[3]);
    gate.replace_agreements(vec![Arc::new(register)]).unwrap();
    assert_eq!(version(&gate), 2);
    let peers: Vec<String> = gate.peers_of(&id, now()).iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["es-pn", "fr-oltim", "ma-dgsn"]);
}

#[test]
fn more_agreements_than_fit_change_nothing() {
    let gate = open_gate();
    let before = gate.epoch();
    let many = vec![signed_by_all(); AGREEMENTS_MAX + 1];
    assert!(matches!(gate.replace_agreements(many), Err(PolicyError::TooManyAgreements { .. })));
    assert_eq!(gate.epoch(), before);
    assert!(share(&gate, now()).is_allow());
}

#[test]
fn beyond_the_cap_decisions_are_right_and_not_kept() {
    let gate = open_gate();
    // Distinct classes of one originator: every combination of a few labels.
    let mut classes = Vec::new();
    for bits in 0..=CLASSES_MAX {
        let offences = Offence::ALL.iter().enumerate();
        let offences = offences.filter(|(i, _)| bits & (1 << i) != 0).map(|(_, offence)| *offence);
        classes.push(Arc::new(Class { offences: offences.collect(), ..class() }));
    }
    let last = classes.last().unwrap();
    for class in &classes[..CLASSES_MAX] {
        assert!(gate.number(class, now()).is_some());
    }
    assert_eq!(gate.number(last, now()), None);
    let peer = agency("es-pn");
    let decision = gate.decide_class(Action::Share, &peer, last, Channel::Automated, now());
    assert_eq!(decision.rule(), Some("code.offence"));
    let spanish = Arc::new(Class { origin: agency("es-pn"), ..class() });
    assert!(gate.number(&spanish, now()).is_some(), "another originator is not touched");
}

#[test]
fn many_threads_and_changes_never_show_an_old_decision() {
    let gate = Arc::new(open_gate());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let gate = Arc::clone(&gate);
            scope.spawn(move || {
                for i in 0..500 {
                    // Epoch 2 is the open gate; each pair of changes ends on an even one.
                    let decision = share(&gate, now());
                    if let Decision::Allow(permit) = &decision {
                        assert_eq!(permit.epoch().0 % 2, 0, "{i}");
                    }
                }
            });
        }
        for _ in 0..100 {
            gate.replace_evaluator(Arc::new(TableEvaluator::new(floor())));
            assert!(!share(&gate, now()).is_allow());
            gate.replace_evaluator(Arc::new(TableEvaluator::open(floor())));
            assert!(share(&gate, now()).is_allow());
        }
    });
}
