//! The four example policies over a table of classes and questions, row by row.

use super::fixture::{agency, class, now, question};
use super::{engine, gate};
use cedar_engine::Layer;
use domain::class::Class;
use domain::indicator::Kind;
use domain::label::EvaluationBand;
use domain::question::QuestionTerms;
use domain::value::{Channel, Depicts, Handling, Offence, Purpose, Subject, Tlp};
use policy::{Action, Decision, Gate};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is expected: the rule, and which of the three.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Expected {
    Allow(&'static str),
    Approval(&'static str),
    Deny(&'static str),
}
use Expected::{Allow, Approval, Deny};

enum Row {
    Submit(fn(&mut Class), Expected),
    Share(&'static str, fn(&mut Class), Expected),
    Receive(&'static str, fn(&mut Class), Expected),
    Ask(&'static str, fn(&mut QuestionTerms), Expected),
    Answer(&'static str, fn(&mut QuestionTerms), Expected),
    Show(&'static str, fn(&mut Class), Expected),
}
use Row::{Answer, Ask, Receive, Share, Show, Submit};

fn as_is<T>(_: &mut T) {}
fn strict(class: &mut Class) {
    class.tlp = Tlp::AmberStrict;
}
fn red(class: &mut Class) {
    class.tlp = Tlp::Red;
}
fn weak(class: &mut Class) {
    class.band = EvaluationBand::Weak;
}
fn phone(class: &mut Class) {
    class.kind = Kind::Phone;
}
fn ad_text(class: &mut Class) {
    class.kind = Kind::AdText;
}
fn aggravated_strict(class: &mut Class) {
    class.tlp = Tlp::AmberStrict;
    class.offences = [Offence::MigrantSmugglingAggravated].into();
}
fn document_fraud(class: &mut Class) {
    class.offences = [Offence::DocumentFraud].into();
}
fn job_fraud(class: &mut Class) {
    class.offences = [Offence::JobOrTravelFraud].into();
}
fn pictured(class: &mut Class) {
    class.kind = Kind::Sha256;
    class.depicts = Depicts::Adults;
}
fn victim(class: &mut Class) {
    class.kind = Kind::Sha256;
    class.subject = Subject::Victim;
    class.purposes = [Purpose::VictimProtection].into();
}
fn h1(class: &mut Class) {
    class.handling = class.handling.with(Handling::H1);
}
fn h2(class: &mut Class) {
    class.handling = class.handling.with(Handling::H2);
}
fn associate(class: &mut Class) {
    class.subject = Subject::ContactOrAssociate;
}
fn speech(class: &mut Class) {
    class.offences = [Offence::CallToMassCrossing].into();
}
fn prevention(terms: &mut QuestionTerms) {
    terms.purpose = Purpose::Prevention;
}
fn prosecution(terms: &mut QuestionTerms) {
    terms.purpose = Purpose::Prosecution;
}
fn life(terms: &mut QuestionTerms) {
    terms.purpose = Purpose::ThreatToLife;
    terms.kind = Kind::Phone;
}

const BELGIUM: &[Row] = &[
    Submit(as_is, Allow("BE01-own-submissions")),
    Submit(red, Allow("BE01-own-submissions")),
    Share("es-pn", as_is, Allow("BE02-share-links-and-files")),
    Share("ma-dgsn", as_is, Allow("BE02-share-links-and-files")),
    Share("ma-dgsn", document_fraud, Allow("BE02-share-links-and-files")),
    Share("es-pn", strict, Allow("BE03-share-strict-within-led")),
    Share("fr-oltim", strict, Allow("BE03-share-strict-within-led")),
    Share("ma-dgsn", strict, Deny("code.default-deny")),
    Share("es-pn", weak, Deny("BE04-weak-stays-home")),
    Share("es-pn", job_fraud, Deny("code.default-deny")),
    Share("es-pn", ad_text, Deny("code.default-deny")),
    Share("es-pn", phone, Deny("code.sealed-kind")),
    Share("es-pn", red, Deny("code.tlp-red")),
    Share("es-pn", victim, Deny("code.protected-subject")),
    Share("es-pn", speech, Deny("code.speech")),
    Receive("es-pn", weak, Allow("BE05-take")),
    Receive("ma-dgsn", job_fraud, Allow("BE05-take")),
    Receive("ma-dgsn", speech, Deny("code.speech")),
    Ask("ma-dgsn", life, Allow("BE06-ask")),
    Ask("es-pn", prevention, Deny("code.default-deny")),
    Answer("ma-dgsn", as_is, Allow("BE07-answer")),
    Answer("ma-dgsn", life, Allow("BE07-answer")),
    Answer("es-pn", prosecution, Deny("code.default-deny")),
    Show("ma-dgsn", phone, Allow("BE08-show-match")),
    Show("es-pn", red, Deny("code.default-deny")),
    Show("es-pn", victim, Approval("C10-protected-approval")),
];

const SPAIN: &[Row] = &[
    Submit(as_is, Allow("ES01-own-submissions")),
    Share("be-fedpol", as_is, Allow("ES02-share-crossings")),
    Share("ma-dgsn", ad_text, Allow("ES02-share-crossings")),
    Share("ma-dgsn", aggravated_strict, Allow("ES03-share-lives-in-danger")),
    Share("fr-oltim", strict, Deny("code.default-deny")),
    Share("fr-oltim", document_fraud, Deny("code.default-deny")),
    Share("fr-oltim", pictured, Deny("ES04-pictured-persons-by-hand")),
    Share("fr-oltim", phone, Deny("code.sealed-kind")),
    Receive("be-fedpol", job_fraud, Allow("ES05-take")),
    Receive("ma-dgsn", weak, Deny("ES06-weak-not-taken")),
    Ask("ma-dgsn", prevention, Allow("ES07-ask")),
    Answer("be-fedpol", as_is, Allow("ES08-answer")),
    Answer("be-fedpol", prevention, Deny("code.default-deny")),
    Show("be-fedpol", phone, Allow("ES09-show-match")),
    Show("be-fedpol", red, Deny("code.default-deny")),
    Show("fr-oltim", victim, Approval("C10-protected-approval")),
];

const FRANCE: &[Row] = &[
    Submit(as_is, Allow("FR01-own-submissions")),
    Share("ma-dgsn", as_is, Allow("FR02-share")),
    Share("be-fedpol", job_fraud, Allow("FR02-share")),
    Share("be-fedpol", weak, Deny("code.default-deny")),
    Share("be-fedpol", strict, Deny("code.default-deny")),
    // H1 is about use in court, and what the example agreement calls a public advertisement has it.
    Share("be-fedpol", h1, Allow("FR02-share")),
    Share("be-fedpol", h2, Deny("FR03-h2-by-hand")),
    Receive("es-pn", weak, Allow("FR04-take")),
    Receive("ma-dgsn", document_fraud, Allow("FR04-take")),
    Ask("be-fedpol", prosecution, Allow("FR05-ask")),
    Ask("be-fedpol", prevention, Deny("code.default-deny")),
    Answer("es-pn", prosecution, Allow("FR06-answer")),
    Show("es-pn", strict, Allow("FR07-show-match")),
    Show("es-pn", red, Deny("code.default-deny")),
];

const MOROCCO: &[Row] = &[
    Submit(as_is, Allow("MA01-own-submissions")),
    Share("es-pn", as_is, Allow("MA02-share")),
    Share("be-fedpol", job_fraud, Allow("MA02-share")),
    Share("be-fedpol", document_fraud, Deny("code.default-deny")),
    Share("es-pn", associate, Deny("MA03-associates-stay-home")),
    Receive("es-pn", as_is, Allow("MA04-take")),
    Receive("es-pn", victim, Deny("code.protected-subject")),
    Ask("es-pn", life, Allow("MA05-ask")),
    Ask("es-pn", prosecution, Deny("code.default-deny")),
    Answer("fr-oltim", as_is, Allow("MA06-answer")),
    Show("fr-oltim", phone, Allow("MA07-show-match")),
    Share("fr-oltim", strict, Approval("MA08-share-strict-by-prosecutor")),
    Show("fr-oltim", strict, Deny("code.default-deny")),
    Show("fr-oltim", red, Deny("code.default-deny")),
];

/// The same class and question as a row changes them.
fn decide(gate: &Gate, own: &str, row: &Row) -> (Decision, Expected, String) {
    let everybody: BTreeSet<_> = super::fixture::PARTIES.into_iter().map(agency).collect();
    let class_of = |origin: &str, change: &fn(&mut Class)| {
        let mut class = class();
        class.origin = agency(origin);
        class.audience = everybody.clone();
        class.audience.remove(&class.origin);
        change(&mut class);
        Arc::new(class)
    };
    let by_class = |action: Action, peer: &str, origin: &str, change, channel| {
        gate.decide_class(action, &agency(peer), &class_of(origin, change), channel, now())
    };
    let by_question = |action: Action, peer: &str, change: &fn(&mut QuestionTerms)| {
        let mut terms = question();
        change(&mut terms);
        gate.decide_terms(action, &agency(peer), &terms, now())
    };
    let machine = Channel::Automated;
    match row {
        Submit(change, expected) => {
            let decision = by_class(Action::Submit, own, own, change, Channel::Analyst);
            (decision, *expected, "submit".into())
        }
        Share(peer, change, expected) => {
            (by_class(Action::Share, peer, own, change, machine), *expected, format!("to {peer}"))
        }
        Receive(peer, change, expected) => {
            let decision = by_class(Action::Receive, peer, peer, change, machine);
            (decision, *expected, format!("from {peer}"))
        }
        Ask(peer, change, expected) => {
            (by_question(Action::Ask, peer, change), *expected, format!("ask {peer}"))
        }
        Answer(peer, change, expected) => {
            (by_question(Action::Answer, peer, change), *expected, format!("answer {peer}"))
        }
        Show(peer, change, expected) => {
            let class = class_of(own, change);
            let purpose = *class.purposes.first().unwrap();
            let terms = QuestionTerms { kind: class.kind, purpose, ..question() };
            let decision = gate.decide_answer(&agency(peer), &terms, &class, now());
            (decision, *expected, format!("show {peer}"))
        }
    }
}

fn check(own: &str, file: &str, rows: &[Row]) {
    let path = format!("{}/../../deploy/policy/{file}.cedar", env!("CARGO_MANIFEST_DIR"));
    let local = std::fs::read_to_string(path).unwrap();
    let engine = engine(&local);
    assert_eq!(engine.warnings(), &[] as &[String], "{file}");
    let mut undecided: BTreeSet<String> = engine
        .rules()
        .filter(|rule| rule.layer == Layer::Local)
        .map(|rule| rule.id.clone())
        .collect();
    let gate = gate(own, engine);
    for (index, row) in rows.iter().enumerate() {
        let (decision, expected, what) = decide(&gate, own, row);
        let rule = decision.rule().unwrap_or_default();
        let fits = match (&decision, expected) {
            (Decision::Allow(permit), Allow(name)) => permit.rules().iter().any(|one| one == name),
            (Decision::NeedsApproval { .. }, Approval(name)) | (Decision::Deny(_), Deny(name)) => {
                rule == name
            }
            _ => false,
        };
        assert!(fits, "{file} row {index} ({what}): expected {expected:?}, got {decision:?}");
        let (Allow(name) | Approval(name) | Deny(name)) = expected;
        undecided.remove(name);
    }
    assert_eq!(undecided, BTreeSet::new(), "{file}: rules that decide no row");
}

#[test]
fn belgium() {
    check("be-fedpol", "be", BELGIUM);
}

#[test]
fn spain() {
    check("es-pn", "es", SPAIN);
}

#[test]
fn france() {
    check("fr-oltim", "fr", FRANCE);
}

#[test]
fn morocco() {
    check("ma-dgsn", "ma", MOROCCO);
}

/// A local permit for TLP RED by machine loads, and changes nothing.
#[test]
fn a_local_policy_can_only_narrow() {
    let wide =
        "@id(\"X01\") @reason(\"x\") permit (principal, action == Action::\"Share\", resource)
        when { resource.tlp == Tlp::\"RED\" && context.channel == Channel::\"AUTOMATED\" };";
    let gate = gate("be-fedpol", engine(wide));
    let row = Share("es-pn", red, Deny("code.tlp-red"));
    assert_eq!(decide(&gate, "be-fedpol", &row).0.rule(), Some("code.tlp-red"));
}
