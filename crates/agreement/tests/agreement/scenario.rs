//! The story of an agreement, step by step: signing, amending, stopping, replacing keys, leaving.

use super::fixture::{PARTIES, agency, authority_of, now, terms};
use super::register::{Papers, amended, days_ago, floor, new_key_of, pair, root_of, sign};
use agreement::declaration::{DECLARATIONS_MAX, KeyReplacement};
use agreement::purge::{Board, PurgeCounts, PurgeGround, PurgeOrder, PurgeReceipt};
use agreement::{
    AgreementError, Head, Phase, Register, Scope, State, Step, TransferCondition, WhyNot,
};
use domain::envelope::Signed;
use domain::name::Digest;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use domain::value::{Offence, TransferBasis};
use std::collections::BTreeSet;

fn why(state: &State, from: &str, to: &str) -> BTreeSet<WhyNot> {
    state.why_not(&agency(from), &agency(to))
}

fn carries(state: &State, from: &str, to: &str) -> bool {
    state.carries(&agency(from), &agency(to))
}

pub(crate) fn open_directions(state: &State) -> usize {
    state.directions.values().filter(|why| why.is_empty()).count()
}

/// Scenario 1: signed by three of four, nothing leaves and the reason is named; the fourth signs and
/// the day comes, and everything is open with the same register: no restart.
#[test]
fn three_of_four_bind_nobody_and_the_fourth_opens_everything() {
    for left_out in PARTIES {
        let mut papers = Papers::signed_without(&[left_out]);
        let state = papers.state(now());
        assert_eq!(state.phase(), Phase::PartlySigned);
        assert_eq!(state.versions[0].missing, [agency(left_out)].into());
        assert_eq!(state.versions[0].signed_by.len(), 3);
        for why in state.directions.values() {
            assert!(why.contains(&WhyNot::NotSigned));
        }
        let step = sign(&papers.first.clone());
        papers.say_at(left_out, step, days_ago(1));
        papers.heads();
        let state = papers.state(now());
        assert_eq!(state.phase(), Phase::InForce);
        assert_eq!(open_directions(&state), 12);
        assert_eq!(papers.register().in_force(&state).unwrap().hash(), papers.first.hash());
    }
}

#[test]
fn the_phases_before_force_come_in_their_order() {
    let mut papers = Papers::new();
    assert_eq!(papers.state(now()).phase(), Phase::Draft);
    let (agreement, sign_by) = (papers.first.hash(), now().plus_days(10));
    papers.say("be-fedpol", Step::Propose { agreement, sign_by });
    let state = papers.state(now());
    assert_eq!((state.phase(), state.versions[0].sign_by), (Phase::Proposed, Some(sign_by)));
    papers.say("be-fedpol", sign(&papers.first.clone()));
    assert_eq!(papers.state(now()).phase(), Phase::PartlySigned);
    assert_eq!(papers.state(sign_by.plus_ms(1)).phase(), Phase::Rejected, "not signed in time");
    for party in &PARTIES[1..] {
        papers.say(party, sign(&papers.first.clone()));
    }
    papers.heads();
    let before = papers.first.valid_from.minus_ms(Timestamp::DAY_MS);
    assert_eq!(papers.state(before).phase(), Phase::Proposed, "what is dated later is not heard");
    assert_eq!(papers.state(now()).phase(), Phase::InForce);
}

#[test]
fn the_window_holds_on_both_clocks_and_a_day_apart_opens_nothing() {
    let mut terms = terms(floor());
    terms.valid_from = now();
    terms.valid_to = now().plus_days(5);
    let mut papers = Papers::about(terms);
    papers.sign_all(&[]);
    let (from, to) = (papers.first.valid_from, papers.first.valid_to);
    let minute = 60_000;
    for (at, open) in [
        (from.minus_ms(Timestamp::DAY_MS / 2), 0),
        (from, 0),
        (from.plus_ms(minute), 0),
        (from.plus_ms(2 * minute), 12),
        (to.minus_ms(2 * minute + 1), 12),
        (to.minus_ms(2 * minute), 0),
        (to.minus_ms(minute), 0),
        (to.plus_days(1), 0),
    ] {
        assert_eq!(open_directions(&papers.state(at)), open, "{at}");
    }
    let register = papers.register();
    let boundary = register.next_boundary(from).unwrap();
    assert_eq!(boundary, from.plus_ms(2 * minute));
    let mut at = Timestamp::from_millis(0);
    let mut seen = 0;
    while let Some(next) = register.next_boundary(at) {
        let before = State::of(&register, &Board::default(), next.minus_ms(1));
        let same = State::of(&register, &Board::default(), at.plus_ms(0));
        assert_eq!(same.directions, before.directions, "between {at} and {next}");
        (at, seen) = (next, seen + 1);
    }
    assert!(seen > 5);
}

/// A party whose clock is a day ahead: what it dates in the future is not heard before its time,
/// and keeps nobody fresh.
#[test]
fn a_clock_a_day_ahead_narrows_until_its_time_has_come() {
    let mut papers = Papers::new();
    for party in PARTIES {
        let step = sign(&papers.first.clone());
        let at = if party == "es-pn" { now().plus_days(1) } else { days_ago(1) };
        papers.say_at(party, step, at);
    }
    assert_eq!(open_directions(&papers.state(now())), 0);
    assert_eq!(open_directions(&papers.state(now().plus_days(1))), 12);
    let mut papers = Papers::signed_without(&[]);
    papers.head("es-pn", now().plus_days(300), &authority_of("es-pn"));
    let later = now().plus_days(10);
    assert!(why(&papers.state(later), "es-pn", "be-fedpol").contains(&WhyNot::StaleHead));
    let minute_ahead = now().plus_ms(60_000);
    let mut papers = Papers::signed_without(&[]);
    papers.head("es-pn", minute_ahead, &authority_of("es-pn"));
    assert_eq!(open_directions(&papers.state(now())), 12);
}

#[test]
fn a_party_stops_everything_or_one_direction_and_only_itself() {
    let mut papers = Papers::signed_without(&[]);
    papers.say("ma-dgsn", Step::Suspend { scope: pair("es-pn", "ma-dgsn") });
    let state = papers.state(now());
    assert_eq!(state.phase(), Phase::Suspended);
    assert_eq!(why(&state, "es-pn", "ma-dgsn"), [WhyNot::SuspendedPair].into());
    assert_eq!(open_directions(&state), 11);
    papers.say("ma-dgsn", Step::Suspend { scope: Scope::All });
    papers.say("es-pn", Step::Lift { scope: Scope::All });
    let state = papers.state(now());
    assert_eq!(why(&state, "ma-dgsn", "be-fedpol"), [WhyNot::SuspendedAll].into());
    assert_eq!(open_directions(&state), 6);
    papers.say("ma-dgsn", Step::Lift { scope: Scope::All });
    assert_eq!(open_directions(&papers.state(now())), 11, "a lift ends what it names");
    papers.say("ma-dgsn", Step::Lift { scope: pair("es-pn", "ma-dgsn") });
    assert_eq!(papers.state(now()).phase(), Phase::InForce);

    let mut register = papers.register();
    let scope = pair("be-fedpol", "es-pn");
    let step = Step::Suspend { scope };
    let refused = register.declare(&agency("ma-dgsn"), step, now(), &authority_of("ma-dgsn"));
    assert!(matches!(refused, Err(AgreementError::Chain(_))), "a direction of others");
}

#[test]
fn a_contradiction_stops_its_party_alone_until_every_other_accepts_a_new_key() {
    let mut papers = Papers::signed_without(&[]);
    papers.say_in("es-pn", 1, None, Step::Suspend { scope: Scope::All });
    // Its signature stands in the place that it contradicts. It cannot deny it, or one party could
    // end what the others have agreed; it is only suspended itself.
    let state = papers.state(now());
    assert!(why(&state, "es-pn", "be-fedpol").contains(&WhyNot::Contradiction));
    assert_eq!(state.phase(), Phase::Suspended);
    assert!(state.versions[0].missing.is_empty());
    assert!(carries(&state, "be-fedpol", "fr-oltim"), "others are not harmed");
    assert_eq!(papers.register().equivocations().len(), 1);

    // The root says which of the two was true.
    let true_one = papers.envelopes[1].payload_hash();
    let replacement = KeyReplacement {
        party: agency("es-pn"),
        first: papers.first.hash(),
        sequence: 1,
        new_key: new_key_of("es-pn").public_key(),
        after: 1,
        after_hash: Some(true_one),
        made_at: days_ago(5),
    };
    let replacement = papers.add(replacement, &root_of("es-pn"));
    for party in ["be-fedpol", "fr-oltim", "ma-dgsn"] {
        assert_eq!(open_directions(&papers.state(now())), 6);
        papers.say(party, Step::AcceptKey { replacement });
    }
    papers.head("es-pn", days_ago(1), &new_key_of("es-pn"));
    papers.envelopes.pop();
    let (first, last) = (papers.first.hash(), Some(true_one));
    let head = Head { party: agency("es-pn"), first, n: 1, last, made_at: days_ago(1) };
    papers.add(head, &new_key_of("es-pn"));
    assert_eq!(open_directions(&papers.state(now())), 12);
    assert_eq!(papers.register().equivocations().len(), 1, "the proof is kept for ever");

    // What the stolen key goes on to sign is void.
    papers.say_in("es-pn", 2, Some(true_one), Step::Suspend { scope: Scope::All });
    papers.say_in("es-pn", 2, Some(true_one), Step::Withdraw);
    papers.head("es-pn", days_ago(1), &authority_of("es-pn"));
    assert_eq!(open_directions(&papers.state(now())), 12);
    // The new key is heard.
    let scope = Scope::All;
    let step = Step::Suspend { scope };
    let stop = papers.declaration("es-pn", 2, Some(true_one), step, days_ago(2));
    papers.add(stop, &new_key_of("es-pn"));
    assert_eq!(open_directions(&papers.state(now())), 6);
}

#[test]
fn a_replaced_key_stops_its_party_and_is_signed_by_the_root_alone() {
    let mut papers = Papers::signed_without(&[]);
    papers.replace_key("es-pn");
    let state = papers.state(now());
    assert_eq!(why(&state, "be-fedpol", "es-pn"), [WhyNot::KeyPending].into());
    assert_eq!(open_directions(&state), 6);

    let replacement = KeyReplacement {
        party: agency("es-pn"),
        first: papers.first.hash(),
        sequence: 2,
        new_key: new_key_of("fr-oltim").public_key(),
        after: 1,
        after_hash: Some(Digest::from_bytes([1; 32])),
        made_at: now(),
    };
    for signer in [authority_of("es-pn"), new_key_of("es-pn"), root_of("fr-oltim")] {
        let (_, envelope) = Signed::seal(replacement.clone(), &signer).into_parts();
        assert!(papers.register().admit(envelope).is_err());
    }
    // Two different first replacements: the root contradicts itself.
    let other = KeyReplacement { sequence: 1, ..replacement };
    papers.add(other, &root_of("es-pn"));
    let state = papers.state(now());
    assert!(why(&state, "be-fedpol", "es-pn").contains(&WhyNot::Contradiction));
}

#[test]
fn an_amendment_takes_over_when_all_have_signed_and_its_day_comes() {
    let mut papers = Papers::signed_without(&[]);
    let start = now().plus_days(1);
    let second = amended(&papers.first, |terms| {
        terms.valid_from = start;
        terms.pairs.retain(|pair| pair.to.as_str() != "ma-dgsn");
    });
    let (agreement, supersedes, sign_by) = (second.hash(), papers.first.hash(), start);
    papers.later.push(second.clone());
    papers.say("be-fedpol", Step::Amend { agreement, supersedes, sign_by });
    for party in &PARTIES[..3] {
        papers.say(party, sign(&second));
        assert_eq!(open_directions(&papers.state(now())), 12, "the first version goes on");
    }
    papers.say("ma-dgsn", sign(&second));
    for party in PARTIES {
        papers.head(party, now(), &authority_of(party));
    }
    let phases = |at| {
        let state = papers.state(at);
        (state.versions[0].phase, state.versions[1].phase, open_directions(&state))
    };
    assert_eq!(phases(now()), (Phase::InForce, Phase::Signed, 12));
    assert_eq!(phases(start), (Phase::Superseded, Phase::Signed, 0), "between two clocks");
    assert_eq!(phases(start.plus_ms(120_000)), (Phase::Superseded, Phase::InForce, 9));

    // Who refuses the new version behind its signature leaves it, and that does not bring back the old one.
    papers.say("fr-oltim", Step::Reject { agreement });
    let state = papers.state(start.plus_ms(120_000));
    assert!(open_directions(&state) > 0 && !state.carries(&agency("fr-oltim"), &agency("es-pn")));
    assert!(why(&state, "be-fedpol", "fr-oltim").contains(&WhyNot::Withdrawn));
}

#[test]
fn versions_follow_each_other_and_strangers_bring_nothing() {
    let papers = Papers::signed_without(&[]);
    let second = amended(&papers.first, |terms| terms.facts_scope = "Since 2025".into());
    let third = amended(&second, |terms| terms.facts_scope = "Since 2026".into());
    let mut register = papers.register();
    let unknown = register.admit_version(third.clone());
    assert_eq!(unknown, Err(AgreementError::UnknownVersion(second.hash())));
    let other = Papers::about({
        let mut other = terms(floor());
        other.agreement_id = "malines-2027".parse().unwrap();
        other
    });
    let foreign = amended(&other.first, |_| ());
    assert!(register.admit_version(foreign).is_err());
    assert_eq!(register.admit_version(other.first), Err(AgreementError::OtherAgreement));
    let stolen = amended(&papers.first, |terms| {
        terms.parties[1].root_key = SecretKey::from_seed(&[44; 32]).public_key();
    });
    assert!(matches!(register.admit_version(stolen), Err(AgreementError::Chain(_))));
    assert!(matches!(Register::new(second.clone()), Err(AgreementError::UnknownVersion(_))));
    register.admit_version(second.clone()).unwrap();
    register.admit_version(third).unwrap();
    register.admit_version(second).unwrap();

    // A draft names another key for a newcomer of its own: that key has no say about the first version.
    let newcomer = SecretKey::from_seed(&[45; 32]);
    let draft = amended(&papers.first, |terms| {
        let mut party = terms.parties[3].clone();
        party.agency = agency("pt-xx");
        party.country = "PT".parse().unwrap();
        party.authority_key = newcomer.public_key();
        party.root_key = SecretKey::from_seed(&[46; 32]).public_key();
        terms.parties.push(party);
    });
    let mut papers = papers;
    papers.later.push(draft);
    let agreement = papers.first.hash();
    let refusal = papers.declaration("pt-xx", 1, None, Step::Reject { agreement }, days_ago(2));
    papers.add(refusal, &newcomer);
    let as_spain = papers.declaration("es-pn", 2, None, Step::Withdraw, days_ago(2));
    let (_, as_spain) = Signed::seal(as_spain, &newcomer).into_parts();
    assert!(papers.register().admit(as_spain).is_err());
    let state = papers.state(now());
    assert_eq!(open_directions(&state), 12);
    assert_eq!(why(&state, "be-fedpol", "pt-xx"), {
        [WhyNot::NotAParty, WhyNot::NoTransferBasis, WhyNot::NoCommonOffence].into()
    });
}

#[test]
fn forged_foreign_replayed_and_partial_papers_are_refused() {
    let papers = Papers::signed_without(&["es-pn"]);
    let mut register = papers.register();
    let good = papers.declaration("es-pn", 1, None, sign(&papers.first), days_ago(3));
    let (_, envelope) = Signed::seal(good.clone(), &authority_of("es-pn")).into_parts();

    let mut forged = envelope.clone();
    forged.payload[12] ^= 1;
    assert!(matches!(register.admit(forged), Err(AgreementError::NotSigned(_))));
    let mut cut = envelope.clone();
    cut.payload.truncate(40);
    assert!(matches!(register.admit(cut), Err(AgreementError::NotSigned(_))));
    let mut relabelled = envelope.clone();
    relabelled.payload_type = "application/vnd.malines.declaration-head.v1+cbor".into();
    assert!(matches!(register.admit(relabelled), Err(AgreementError::NotSigned(_))));
    let (_, by_another) = Signed::seal(good.clone(), &authority_of("fr-oltim")).into_parts();
    let refused = register.admit(by_another);
    assert_eq!(refused, Err(AgreementError::NotAParty(agency("es-pn"))));
    for stranger in [authority_of("pt-pj"), root_of("es-pn"), new_key_of("es-pn")] {
        let (_, envelope) = Signed::seal(good.clone(), &stranger).into_parts();
        assert!(matches!(register.admit(envelope), Err(AgreementError::NotSigned(_))));
    }

    let mut elsewhere = terms(floor());
    elsewhere.offences.insert(Offence::Terrorism);
    let elsewhere = Papers::about(elsewhere);
    let mut other = elsewhere.register();
    assert_eq!(other.admit(envelope.clone()), Err(AgreementError::OtherAgreement));
    let head = &papers.envelopes[3];
    assert_eq!(other.admit(head.clone()), Err(AgreementError::OtherAgreement));

    let es = authority_of("es-pn");
    let before = Some(papers.first.hash());
    for (n, previous, step) in [
        (0, None, Step::Withdraw),
        (1, before, Step::Withdraw),
        (2, None, Step::Withdraw),
        (DECLARATIONS_MAX, before, Step::Lift { scope: Scope::All }),
        (DECLARATIONS_MAX + 1, before, Step::Withdraw),
        (2, before, Step::Suspend { scope: pair("es-pn", "es-pn") }),
    ] {
        let bad = papers.declaration("es-pn", n, previous, step, now());
        let (_, bad) = Signed::seal(bad, &es).into_parts();
        assert!(matches!(register.admit(bad), Err(AgreementError::NotSigned(_))), "{n}");
    }
    assert_eq!(register, papers.register(), "nothing of it was taken in");
    register.admit(envelope.clone()).unwrap();
    let once = register.clone();
    register.admit(envelope).unwrap();
    assert_eq!(register, once, "a replay changes nothing");
}

/// Scenario 10: from the moment Morocco leaves nothing goes to or from it, the rest goes on, purge
/// orders go both ways, an exception is listed, and what is late is seen.
#[test]
fn leaving_stops_at_once_and_the_board_shows_what_is_held() {
    let mut papers = Papers::signed_without(&[]);
    let left_on = days_ago(1);
    papers.say_at("ma-dgsn", Step::Withdraw, left_on);
    let state = papers.state(now());
    assert_eq!(state.phase(), Phase::InForce);
    assert_eq!(open_directions(&state), 6);
    for other in ["be-fedpol", "es-pn", "fr-oltim"] {
        assert_eq!(why(&state, "ma-dgsn", other), [WhyNot::Withdrawn].into());
        assert_eq!(why(&state, other, "ma-dgsn"), [WhyNot::Withdrawn].into());
    }
    assert_eq!(state.leaving[&agency("ma-dgsn")].phase, Phase::WindingDown);

    let order = |origin: &str, holder: &str| PurgeOrder {
        origin: agency(origin),
        holder: agency(holder),
        first: papers.first.hash(),
        agreement: papers.first.hash(),
        ground: PurgeGround::Withdrawal,
        issued_at: left_on,
        due: left_on.plus_days(30),
    };
    let mut orders = Vec::new();
    for other in ["be-fedpol", "es-pn", "fr-oltim"] {
        orders.extend([order("ma-dgsn", other), order(other, "ma-dgsn")]);
    }
    assert!(orders.iter().all(|order| order.fits(papers.first.hash(), &papers.first)));
    let receipts: Vec<PurgeReceipt> = orders
        .iter()
        .map(|order| PurgeReceipt {
            order: order.hash(),
            holder: order.holder.clone(),
            sequence: 1,
            counts: PurgeCounts { records: 3, index_rows: 9, backups: 0 },
            removed_root: Digest::from_bytes([6; 32]),
            exceptions: Vec::new(),
            made_at: now(),
        })
        .collect();
    let phase_of = |receipts: &[PurgeReceipt], at: Timestamp| {
        let kept = papers.first.withdrawal.exception;
        let board = Board::of(kept, orders.clone(), receipts.to_vec(), at);
        State::of(&papers.register(), &board, at).leaving[&agency("ma-dgsn")].phase
    };
    assert_eq!(phase_of(&[], now()), Phase::WindingDown);
    assert_eq!(phase_of(&receipts[1..], now()), Phase::WindingDown);
    assert_eq!(phase_of(&receipts[1..], now().plus_days(31)), Phase::Overdue);
    assert_eq!(phase_of(&receipts, now().plus_days(31)), Phase::Closed);
    let late = State::of(&papers.register(), &Board::default(), now().plus_days(31));
    assert_eq!(late.leaving[&agency("ma-dgsn")].phase, Phase::Overdue, "without an order too");

    // It cannot come back by itself; with the next version it can.
    papers.say("ma-dgsn", sign(&papers.first.clone()));
    assert_eq!(open_directions(&papers.state(now())), 6);
    let second = amended(&papers.first, |terms| terms.facts_scope = "Since 2025".into());
    for party in PARTIES {
        papers.say_at(party, sign(&second), days_ago(1));
    }
    papers.later.push(second);
    let state = papers.state(now());
    assert_eq!(open_directions(&state), 12);
    assert!(state.leaving.is_empty());
}

#[test]
fn who_remains_can_amend_without_who_left() {
    let mut papers = Papers::signed_without(&[]);
    let second = amended(&papers.first, |terms| {
        terms.parties.pop();
        terms.pairs.retain(|pair| pair.from.as_str() != "ma-dgsn" && pair.to.as_str() != "ma-dgsn");
        terms.offence_map.pop();
        terms.clauses[0].binds.remove(&agency("ma-dgsn"));
        terms.facts_scope = "Since 2025".into();
    });
    papers.later.push(second.clone());
    for party in &PARTIES[..3] {
        papers.say(party, sign(&second));
    }
    let state = papers.state(now());
    assert_eq!(state.governing, Some(papers.first.hash()), "a party is not amended away");
    papers.say("ma-dgsn", Step::Withdraw);
    let state = papers.state(now());
    assert_eq!(state.governing, Some(second.hash()));
    assert_eq!(open_directions(&state), 6);
    assert!(state.leaving.contains_key(&agency("ma-dgsn")), "its board goes on");
}

#[test]
fn one_party_left_or_the_last_day_winds_everything_down() {
    let mut papers = Papers::signed_without(&[]);
    for party in &PARTIES[..3] {
        papers.say_at(party, Step::Withdraw, days_ago(1));
    }
    let state = papers.state(now());
    assert_eq!((state.phase(), open_directions(&state)), (Phase::WindingDown, 0));
    assert_eq!(papers.state(now().plus_days(40)).phase(), Phase::Overdue);

    let papers = Papers::signed_without(&[]);
    let end = papers.first.valid_to;
    assert_eq!(papers.state(end).phase(), Phase::Expired);
    let orders: Vec<PurgeOrder> = papers
        .first
        .pairs
        .iter()
        .map(|pair| PurgeOrder {
            origin: pair.from.clone(),
            holder: pair.to.clone(),
            first: papers.first.hash(),
            agreement: papers.first.hash(),
            ground: PurgeGround::Expiry,
            issued_at: end,
            due: end.plus_days(30),
        })
        .collect();
    let kept = papers.first.withdrawal.exception;
    let at = end.plus_days(2);
    let phase = |receipts: Vec<PurgeReceipt>, at| {
        let board = Board::of(kept, orders.clone(), receipts, at);
        State::of(&papers.register(), &board, at).phase()
    };
    assert_eq!(phase(Vec::new(), at), Phase::WindingDown);
    assert_eq!(phase(Vec::new(), end.plus_days(31)), Phase::Overdue);
    let receipt = |order: &PurgeOrder| PurgeReceipt {
        order: order.hash(),
        holder: order.holder.clone(),
        sequence: 1,
        counts: PurgeCounts { records: 0, index_rows: 0, backups: 0 },
        removed_root: Digest::from_bytes([0; 32]),
        exceptions: Vec::new(),
        made_at: at,
    };
    assert_eq!(phase(orders.iter().map(receipt).collect(), at), Phase::Closed);
}

#[test]
fn an_adequacy_decision_ends_and_with_it_its_direction() {
    let mut terms = terms(floor());
    let ends_on = now().plus_days(1);
    let pair = terms.pairs.iter_mut().find(|pair| pair.to.as_str() == "ma-dgsn").unwrap();
    pair.transfer_basis = TransferBasis::Led36Adequacy;
    pair.safeguards = None;
    pair.condition = Some(TransferCondition::AdequacyDecision {
        reference: "Decision 2025/1".into(),
        adopted_on: days_ago(400),
        ends_on: Some(ends_on),
    });
    let mut papers = Papers::about(terms);
    papers.sign_all(&[]);
    assert_eq!(open_directions(&papers.state(now())), 12);
    let state = papers.state(ends_on.minus_ms(120_000));
    assert_eq!(open_directions(&state), 11);
    assert_eq!(why(&state, "be-fedpol", "ma-dgsn"), [WhyNot::TransferBasisEnded].into());
}

#[test]
fn a_register_is_continued_by_its_own_parties() {
    let mut register = Register::new(Papers::new().first).unwrap();
    let first = register.version(&register.first()).unwrap().clone();
    for party in PARTIES {
        let (agency, key) = (agency(party), authority_of(party));
        register.declare(&agency, sign(&first), days_ago(1), &key).unwrap();
        register.state_head(&agency, days_ago(1), &key).unwrap();
        let wrong = register.declare(&agency, Step::Withdraw, now(), &authority_of("pt-pj"));
        assert!(wrong.is_err());
    }
    let state = State::of(&register, &Board::default(), now());
    assert_eq!(open_directions(&state), 12);
    assert_eq!(register.id().as_str(), "malines-2026");
    assert_eq!(why(&state, "es-pn", "pt-pj"), [WhyNot::NotAParty].into());
}

#[test]
fn the_new_key_builds_on_nothing_that_the_old_one_said_too_late() {
    let mut papers = Papers::signed_without(&[]);
    let replacement = papers.replace_key("es-pn");
    for party in PARTIES.into_iter().filter(|party| *party != "es-pn") {
        papers.say(party, Step::AcceptKey { replacement });
    }
    // Whoever stole the old key goes on with it.
    papers.say("es-pn", Step::Withdraw);
    let mut register = papers.register();
    let (spain, key) = (agency("es-pn"), new_key_of("es-pn"));
    let everything = Step::Suspend { scope: agreement::Scope::All };
    register.declare(&spain, everything, days_ago(1), &key).unwrap();
    register.state_head(&spain, days_ago(1), &key).unwrap();
    let state = State::of(&register, &Board::default(), now());
    let why = state.why_not(&spain, &agency("be-fedpol"));
    assert_eq!(why, [WhyNot::SuspendedAll].into());
}
