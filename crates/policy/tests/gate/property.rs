//! What must hold for every class, peer and channel, judged by an oracle of its own.

use super::fixture::{PARTIES, agency, any_class, likely_class, now, question, terms};
use super::{floor, gate_of, open_gate};
use domain::class::Class;
use domain::indicator::Tier;
use domain::question::QuestionTerms;
use domain::value::{Age, Channel, Depicts, Offence, Purpose, Subject, Tlp, TransferBasis};
use policy::table::TableEvaluator;
use policy::{Action, Decision, Gate, Held};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::sync::Arc;

fn peers_that_get(gate: &Gate, class: &Arc<Class>, channel: Channel) -> BTreeSet<&'static str> {
    let share = |peer: &&str| {
        gate.decide_class(Action::Share, &agency(peer), class, channel, now()).is_allow()
    };
    PARTIES.into_iter().filter(share).collect()
}

/// Rules of several kinds, of which some are left out.
fn table(kept: &[bool]) -> TableEvaluator {
    type Rule = (&'static str, fn(&policy::Evaluation<'_>) -> bool);
    let rules: [Rule; 4] = [
        ("p.es", |e| e.peer.agency.as_str() == "es-pn"),
        ("p.led", |e| e.transfer_basis == Some(TransferBasis::IntraLed)),
        ("p.strong", |e| match e.matter {
            policy::Matter::Class(class) => class.band == domain::label::EvaluationBand::Strong,
            _ => false,
        }),
        ("p.analyst", |e| e.channel == Channel::Analyst),
    ];
    let kept = rules.into_iter().zip(kept).filter(|(_, kept)| **kept).map(|(rule, _)| rule);
    kept.fold(TableEvaluator::new(floor()), |table, (name, test)| table.permit(name, test))
}

/// Written apart from the invariants: what no policy may ever let out by machine.
fn may_never_leave_by_machine(class: &Class, peer: &str) -> bool {
    let speech = [Offence::CallToMassCrossing, Offence::TerrorismApology];
    !class.audience.contains(&agency(peer))
        || class.origin != agency("be-fedpol")
        || class.kind.tier() == Tier::Sealed
        || class.tlp == Tlp::Red
        || speech.iter().any(|offence| class.offences.contains(offence))
        || !matches!(
            class.subject,
            Subject::None
                | Subject::SuspectFacilitator
                | Subject::Convicted
                | Subject::ContactOrAssociate
        )
        || !matches!(class.age, Age::NotApplicable | Age::Adult | Age::PresumedAdult)
        || !matches!(class.depicts, Depicts::Nobody | Depicts::Adults)
        || !class.purposes.is_subset(&terms(floor()).purposes)
        || !class.offences.is_subset(&terms(floor()).offences)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_policy_lets_out_what_must_stay(class in any_class(), likely in likely_class()) {
        let gate = open_gate();
        for class in [class, likely].map(Arc::new) {
            let got = peers_that_get(&gate, &class, Channel::Automated);
            for peer in PARTIES {
                if may_never_leave_by_machine(&class, peer) {
                    prop_assert!(!got.contains(peer), "{} got {:?}", peer, class);
                }
            }
        }
    }

    #[test]
    fn an_empty_audience_is_nobody(class in any_class(), channel in select(Channel::ALL)) {
        let class = Arc::new(Class { audience: BTreeSet::new(), ..class });
        let gate = open_gate();
        prop_assert_eq!(peers_that_get(&gate, &class, channel), BTreeSet::new());
        for peer in &PARTIES[1..] {
            let decision = gate.decide_answer(&agency(peer), &question(), &class, now());
            prop_assert!(!decision.is_allow());
        }
    }

    #[test]
    fn removing_a_permit_never_adds_a_peer(
        class in likely_class(),
        kept in proptest::collection::vec(any::<bool>(), 4),
        removed in 0_usize..4,
    ) {
        let class = Arc::new(class);
        let mut fewer = kept.clone();
        fewer[removed] = false;
        let with = gate_of("be-fedpol", table(&kept));
        let without = gate_of("be-fedpol", table(&fewer));
        for channel in [Channel::Automated, Channel::Analyst] {
            let (more, less) =
                (peers_that_get(&with, &class, channel), peers_that_get(&without, &class, channel));
            prop_assert!(less.is_subset(&more), "{:?} {:?}", less, more);
        }
        let widest = peers_that_get(&open_gate(), &class, Channel::Analyst);
        prop_assert!(peers_that_get(&with, &class, Channel::Analyst).is_subset(&widest));
    }

    #[test]
    fn a_permit_opens_nothing_for_another_class_or_peer(
        one in likely_class(),
        other in likely_class(),
        peer in select(PARTIES[1..].to_vec()),
    ) {
        let gate = open_gate();
        let (one, other) = (Arc::new(one), Arc::new(other));
        let decision =
            gate.decide_class(Action::Share, &agency(peer), &one, Channel::Automated, now());
        if let Decision::Allow(permit) = decision {
            let released = Held::new((), Arc::clone(&one)).release(&permit).unwrap();
            prop_assert_eq!(released.peer(), &agency(peer));
            let opens = Held::new((), Arc::clone(&other)).release(&permit).is_ok();
            prop_assert_eq!(opens, one == other);
        }
    }

    /// What depends on the record is never told: had the question alone been refused, it would
    /// have been refused for every class alike.
    #[test]
    fn a_partner_never_learns_why_a_record_stays(
        class in any_class(),
        peer in select(PARTIES[1..].to_vec()),
        purpose in select(Purpose::ALL),
        channel in select(Channel::ALL),
    ) {
        let gate = open_gate();
        let terms = QuestionTerms { purpose, channel, kind: class.kind, ..question() };
        let by_question = gate.decide_terms(Action::Answer, &agency(peer), &terms, now());
        let by_class = gate.decide_answer(&agency(peer), &terms, &Arc::new(class), now());
        match (by_question, by_class) {
            (Decision::Deny(alone), Decision::Deny(refusal)) => {
                prop_assert_eq!(&alone, &refusal);
                prop_assert!(refusal.for_peer().is_some());
            }
            (Decision::Allow(_), Decision::Deny(refusal)) => {
                prop_assert_eq!(refusal.for_peer(), None, "{}", refusal);
            }
            (Decision::Allow(_), _) => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Every decision names a rule that can be explained or that the policy knows.
    #[test]
    fn why_always_has_an_answer(class in any_class(), action in select(Action::ALL)) {
        let gate = open_gate();
        let class = Arc::new(class);
        let decision =
            gate.decide_class(action, &agency("es-pn"), &class, Channel::Analyst, now());
        let rule = decision.rule().unwrap_or_default();
        prop_assert!(
            rule == "table.open" || policy::invariant::reason(rule).is_some(),
            "{} by `{}`", action, rule
        );
    }
}
