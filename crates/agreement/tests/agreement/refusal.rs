//! Refusals and deadlines: what they end, for whom, and what they cannot take back.

use crate::fixture::{PARTIES, agency, now};
use crate::register::{Papers, amended, days_ago, sign};
use crate::scenario::open_directions;
use agreement::{Phase, Step, WhyNot};

#[test]
fn who_has_signed_and_refuses_leaves_and_who_has_not_ends_it() {
    let papers = Papers::signed_without(&[]);
    let agreement = papers.first.hash();
    // Who has signed and refuses what every party signed leaves, with all that follows from it; the date
    // that it writes is no matter.
    for refused_at in [days_ago(3), days_ago(300)] {
        let mut papers = papers.clone();
        papers.say_at("es-pn", Step::Reject { agreement }, refused_at);
        let state = papers.state(now());
        assert_eq!((state.phase(), open_directions(&state)), (Phase::InForce, 6));
        assert_eq!(state.leaving[&agency("es-pn")].since, refused_at);
        let why_not = state.why_not(&agency("be-fedpol"), &agency("es-pn"));
        assert!(why_not.contains(&WhyNot::Withdrawn));
        // The others can go on without it, and nobody asks it.
        let without = amended(&papers.first, |terms| {
            terms.parties.retain(|party| party.agency != agency("es-pn"));
            terms.pairs.retain(|pair| ![&pair.from, &pair.to].contains(&&agency("es-pn")));
            terms.offence_map.retain(|row| row.country.as_str() != "ES");
            terms.clauses.iter_mut().for_each(|clause| {
                clause.binds.retain(|party| *party != agency("es-pn"));
            });
            terms.approvers.retain(|approver| approver.party != agency("es-pn"));
        });
        for party in PARTIES.iter().filter(|party| **party != "es-pn") {
            papers.say(party, sign(&without));
        }
        papers.later.push(without);
        papers.heads();
        let state = papers.state(now());
        assert_eq!((state.versions[1].phase, open_directions(&state)), (Phase::InForce, 6));
    }

    // Before it has signed, a refusal ends it for all, and no later signature mends that.
    let mut refused = Papers::signed_without(&["es-pn"]);
    refused.say("es-pn", Step::Reject { agreement });
    refused.say("es-pn", sign(&refused.first.clone()));
    let state = refused.state(now());
    assert_eq!(state.phase(), Phase::Rejected);
    assert_eq!(state.versions[0].rejected_by, [agency("es-pn")].into());
    assert_eq!(open_directions(&state), 0);
}

#[test]
fn a_deadline_named_late_takes_no_signature_back() {
    let agreement = Papers::new().first.hash();
    // A deadline that is set once all have signed, or had passed when it was named, takes nothing back.
    let mut named_late = Papers::signed_without(&[]);
    let sign_by = days_ago(1);
    named_late.say_at("fr-oltim", Step::Propose { agreement, sign_by }, days_ago(4));
    assert_eq!(named_late.state(now()).phase(), Phase::InForce);
    let sign_by = days_ago(400);
    named_late.say_at("fr-oltim", Step::Propose { agreement, sign_by }, days_ago(11));
    assert_eq!(named_late.state(now()).phase(), Phase::InForce);
}
