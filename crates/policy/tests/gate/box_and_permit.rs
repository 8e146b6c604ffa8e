//! A box opens for the permit that was given for it, and for no other.

use super::fixture::{PARTIES, agency, class, now, question};
use super::open_gate;
use domain::class::Class;
use domain::refusal::RefusalCode;
use domain::value::{Channel, Tlp};
use policy::{Action, Held, Permit};
use std::sync::Arc;

fn permit(action: Action, peer: &str, class: &Arc<Class>) -> Permit {
    let gate = open_gate();
    gate.decide_class(action, &agency(peer), class, Channel::Automated, now()).permit().unwrap()
}

#[test]
fn a_released_value_keeps_its_peer_and_rule_through_every_form() {
    let class = Arc::new(class());
    let permit = permit(Action::Share, "es-pn", &class);
    assert_eq!(permit.rules(), ["table.open"]);
    assert_eq!(permit.agreement(), &class.agreement);
    let released = Held::new(vec![1_u8, 2], Arc::clone(&class)).release(&permit).unwrap();
    assert_eq!(format!("{released:?}"), "Released(.. to es-pn)");
    let length = released.map(|bytes| bytes.len());
    assert_eq!((length.peer(), length.rule()), (&agency("es-pn"), "table.open"));
    let odd = length.try_map(|length| if length % 2 == 1 { Ok(length) } else { Err("even") });
    assert_eq!(odd.unwrap_err(), "even");
}

#[test]
fn an_equal_class_elsewhere_in_memory_is_the_same_class() {
    let permit = permit(Action::Share, "es-pn", &Arc::new(class()));
    assert!(Held::new((), Arc::new(class())).release(&permit).is_ok());
}

#[test]
fn no_other_permit_opens_the_box() {
    let held_class = Arc::new(class());
    let other = Arc::new(Class { tlp: Tlp::Green, ..class() });
    let gate = open_gate();
    let ask = gate.decide_terms(Action::Ask, &agency("es-pn"), &question(), now());
    let own = gate.decide_class(
        Action::Submit,
        &agency("be-fedpol"),
        &held_class,
        Channel::Analyst,
        now(),
    );
    let withdraw = gate.decide_class(
        Action::Withdraw,
        &agency("be-fedpol"),
        &held_class,
        Channel::Analyst,
        now(),
    );
    let wrong = [
        ("another class", permit(Action::Share, "es-pn", &other)),
        ("a question", ask.permit().unwrap()),
        ("a submission", own.permit().unwrap()),
        ("a withdrawal", withdraw.permit().unwrap()),
    ];
    for (what, permit) in wrong {
        let refused = Held::new(7, Arc::clone(&held_class)).release(&permit).unwrap_err();
        assert_eq!(refused.code, RefusalCode::PolicyFault, "{what}");
        assert_eq!(refused.rule.as_deref(), Some("code.permit"));
    }
}

#[test]
fn our_own_officers_open_what_is_kept_and_nobody_else_does_so() {
    let held_class = Arc::new(class());
    let gate = open_gate();
    let inspect = |who: &str| {
        let (action, channel) = (Action::Inspect, Channel::Analyst);
        gate.decide_class(action, &agency(who), &held_class, channel, now()).permit()
    };
    let permit = inspect("be-fedpol").unwrap();
    let opened = Held::new(7, Arc::clone(&held_class)).release(&permit).unwrap();
    assert_eq!(opened.peer(), &agency("be-fedpol"));
    assert_eq!(inspect("es-pn").unwrap_err().rule.as_deref(), Some("code.own-use"));
}

#[test]
fn a_box_shows_nothing() {
    assert_eq!(format!("{:?}", Held::new("+33 199 00 12 34", Arc::new(class()))), "Held(..)");
}

#[test]
fn an_answer_opens_the_box_for_the_asker() {
    let class = Arc::new(class());
    let gate = open_gate();
    for asker in &PARTIES[1..] {
        let decision = gate.decide_answer(&agency(asker), &question(), &class, now());
        let permit = decision.permit().unwrap();
        assert_eq!(permit.action(), Action::Show);
        let released = Held::new((), Arc::clone(&class)).release(&permit).unwrap();
        assert_eq!(released.peer(), &agency(asker));
    }
}

/// Permits and released values cannot be made outside the crate.
#[test]
fn a_way_around_the_gate_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}
