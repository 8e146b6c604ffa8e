//! Whatever goes wrong in a rule is a no. Cedar by itself would skip a failing forbid.

use super::fixture::{agency, class, now, question};
use super::{OPEN, engine, gate};
use domain::refusal::RefusalCode;
use domain::value::Channel;
use policy::{Action, Decision};
use std::sync::Arc;

/// Adding past the largest integer fails when it is evaluated, and no validation sees it coming.
const FAILING_FORBID: &str = "@id(\"L09\") @reason(\"x\") @approval(\"PROSECUTION\")
    forbid (principal, action == Action::\"Share\", resource)
    when { 9223372036854775807 + context.approvals + 1 > 0 };";

#[test]
fn a_forbid_that_fails_denies_although_a_permit_matches() {
    let gate = gate("be-fedpol", engine(&format!("{OPEN} {FAILING_FORBID}")));
    let (peer, class) = (agency("es-pn"), Arc::new(class()));
    let share = gate.decide_class(Action::Share, &peer, &class, Channel::Automated, now());
    let refusal = share.permit().unwrap_err();
    assert_eq!(refusal.code, RefusalCode::PolicyFault);
    assert_eq!(refusal.rule.as_deref(), Some("code.evaluator"));
    assert!(gate.last_fault().is_some_and(|why| why.contains("L09")));
    // A rule that fails for one action says nothing about another.
    assert!(gate.decide_terms(Action::Ask, &peer, &question(), now()).is_allow());
}

#[test]
fn a_permit_that_fails_denies_as_a_fault_even_beside_another() {
    let failing = "@id(\"L08\") @reason(\"x\") @approval(\"JUDICIAL\")
        permit (principal, action == Action::\"Share\", resource)
        when { 9223372036854775807 + context.approvals + 1 > 0 };";
    let gate = gate("be-fedpol", engine(&format!("{OPEN} {failing}")));
    let class = Arc::new(class());
    let share =
        gate.decide_class(Action::Share, &agency("es-pn"), &class, Channel::Automated, now());
    assert_eq!(share.permit().unwrap_err().code, RefusalCode::PolicyFault);
}

#[test]
fn without_a_permit_everything_is_denied_by_default() {
    let gate = gate("be-fedpol", engine(""));
    let (own, peer, class) = (agency("be-fedpol"), agency("es-pn"), Arc::new(class()));
    let decisions = [
        gate.decide_class(Action::Submit, &own, &class, Channel::Analyst, now()),
        gate.decide_class(Action::Share, &peer, &class, Channel::Automated, now()),
        gate.decide_terms(Action::Ask, &peer, &question(), now()),
        gate.decide_terms(Action::Answer, &peer, &question(), now()),
    ];
    for decision in decisions {
        assert_eq!(decision.rule(), Some("code.default-deny"), "{decision:?}");
        assert!(matches!(decision, Decision::Deny(_)));
    }
}

#[test]
fn another_floor_than_the_signed_one_allows_nothing() {
    let floor = format!("{}\n", cedar_engine::COMMON_FLOOR);
    let other = cedar_engine::Engine::load(&floor, OPEN).unwrap();
    let gate = gate("be-fedpol", engine(OPEN));
    gate.replace_evaluator(Arc::new(other));
    let class = Arc::new(class());
    let share =
        gate.decide_class(Action::Share, &agency("es-pn"), &class, Channel::Automated, now());
    assert_eq!(share.rule(), Some("code.floor"));
}
