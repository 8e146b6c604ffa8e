//! How sharing ends in each direction, which order counts for which end, and how far the erasing is.

use super::fixture::{PARTIES, agency, now};
use super::register::{Papers, amended, days_ago, sign};
use agreement::purge::{Board, PurgeCounts, PurgeGround, PurgeOrder, PurgeReceipt};
use agreement::state::Direction;
use agreement::{Phase, State, Step};
use domain::name::Digest;
use domain::time::Timestamp;

/// The order for a direction that ended, made at some time.
fn order(
    papers: &Papers,
    state: &State,
    direction: &Direction,
    issued_at: Timestamp,
) -> PurgeOrder {
    let (origin, holder) = direction;
    let end = state.ended(origin, holder).unwrap();
    let order = end.order(direction, papers.first.hash(), issued_at);
    let register = papers.register();
    assert!(order.fits(papers.first.hash(), register.version(&end.agreement).unwrap()));
    order
}

fn receipt(order: &PurgeOrder) -> PurgeReceipt {
    PurgeReceipt {
        order: order.hash(),
        holder: order.holder.clone(),
        sequence: 1,
        counts: PurgeCounts { records: 3, index_rows: 3, backups: 0 },
        removed_root: Digest::from_bytes([6; 32]),
        exceptions: Vec::new(),
        made_at: order.issued_at.plus_ms(1),
    }
}

/// The state when these orders are confirmed.
fn confirmed(papers: &Papers, orders: &[PurgeOrder], at: Timestamp) -> State {
    let kept = papers.first.withdrawal.exception;
    let board = Board::of(kept, orders.to_vec(), orders.iter().map(receipt), at);
    State::of(&papers.register(), &board, at)
}

/// Orders for everything that ended, made at some time.
fn orders(papers: &Papers, at: Timestamp) -> Vec<PurgeOrder> {
    let state = papers.state(at);
    state.ended.keys().map(|direction| order(papers, &state, direction, at)).collect()
}

#[test]
fn an_order_of_the_first_leaving_is_none_of_the_second() {
    let morocco = agency("ma-dgsn");
    let mut papers = Papers::signed_without(&[]);
    assert!(papers.state(now()).ended.is_empty());
    papers.say_at("ma-dgsn", Step::Withdraw, days_ago(8));
    let first = orders(&papers, days_ago(8));
    assert_eq!(first.len(), 6, "three others, both ways");
    assert_eq!(confirmed(&papers, &first, now()).leaving[&morocco].phase, Phase::Closed);

    let second = amended(&papers.first, |terms| terms.facts_scope = "Since 2025".into());
    for party in PARTIES {
        papers.say_at(party, sign(&second), days_ago(6));
    }
    papers.later.push(second.clone());
    let state = confirmed(&papers, &first, now());
    assert!(state.ended.is_empty() && state.leaving.is_empty(), "it is a party again");

    papers.say_at("ma-dgsn", Step::Withdraw, days_ago(4));
    let state = confirmed(&papers, &first, now());
    let end = state.ended(&morocco, &agency("es-pn")).unwrap();
    assert_eq!((end.since, end.agreement), (days_ago(4), second.hash()));
    assert_eq!(state.leaving[&morocco].phase, Phase::WindingDown);
    let late = now().plus_days(30);
    assert_eq!(confirmed(&papers, &first, late).leaving[&morocco].phase, Phase::Overdue);
    let both = [first, orders(&papers, days_ago(3))].concat();
    assert_eq!(confirmed(&papers, &both, late).leaving[&morocco].phase, Phase::Closed);
}

#[test]
fn who_left_first_is_not_ordered_again_when_the_others_leave() {
    let mut papers = Papers::signed_without(&[]);
    let mut all = Vec::new();
    for (party, days) in [("ma-dgsn", 9), ("fr-oltim", 6), ("es-pn", 3)] {
        papers.say_at(party, Step::Withdraw, days_ago(days));
        let known: Vec<Direction> =
            all.iter().map(|one: &PurgeOrder| (one.origin.clone(), one.holder.clone())).collect();
        let new = orders(&papers, days_ago(days)).into_iter();
        let is_new = |one: &PurgeOrder| !known.contains(&(one.origin.clone(), one.holder.clone()));
        all.extend(new.filter(is_new).collect::<Vec<_>>());
    }
    assert_eq!(all.len(), 12);
    let state = confirmed(&papers, &all, now());
    assert_eq!(state.phase(), Phase::Closed, "each direction has its own end");
    assert!(state.ended.values().all(|end| end.ground == PurgeGround::Withdrawal));
    assert_eq!(confirmed(&papers, &all[1..], now()).phase(), Phase::WindingDown);
    let over = papers.first.valid_to;
    assert_eq!(confirmed(&papers, &all, over).phase(), Phase::Closed, "and so it stays");
}

#[test]
fn what_is_amended_away_has_ended_and_is_ordered_under_the_version_that_had_it() {
    let (belgium, spain, morocco) = (agency("be-fedpol"), agency("es-pn"), agency("ma-dgsn"));
    let mut papers = Papers::signed_without(&[]);
    let second = amended(&papers.first, |terms| {
        terms.parties.pop();
        terms.pairs.retain(|pair| ![&pair.from, &pair.to].contains(&&agency("ma-dgsn")));
        terms.pairs.retain(|pair| pair.from != agency("be-fedpol") || pair.to != agency("es-pn"));
        terms.offence_map.pop();
        terms.clauses[0].binds.remove(&agency("ma-dgsn"));
    });
    papers.later.push(second.clone());
    for party in &PARTIES[..3] {
        papers.say_at(party, sign(&second), days_ago(6));
    }
    assert!(papers.state(now()).ended.is_empty(), "the first version still counts");
    papers.say_at("ma-dgsn", sign(&second), days_ago(5));
    papers.heads();

    let state = papers.state(now());
    assert_eq!(state.governing, Some(second.hash()));
    assert_eq!(state.ended.len(), 7, "six with Morocco, and one between two parties");
    let end = state.ended(&belgium, &spain).unwrap();
    assert_eq!((end.since, end.ground), (days_ago(5), PurgeGround::Expiry), "when all had signed");
    assert_eq!(end.agreement, papers.first.hash());
    assert_eq!(state.ended(&spain, &belgium), None);
    assert_eq!(state.ended(&belgium, &morocco).unwrap().ground, PurgeGround::Withdrawal);
    assert_eq!(state.leaving.keys().collect::<Vec<_>>(), [&morocco]);
    assert_eq!(state.leaving[&morocco].since, days_ago(5));
    assert_eq!(state.leaving[&morocco].phase, Phase::WindingDown);
    let late = papers.state(now().plus_days(26)).leaving[&morocco].phase;
    assert_eq!(late, Phase::Overdue, "without an order too");
    let all = orders(&papers, days_ago(4));
    assert_eq!(confirmed(&papers, &all, now()).leaving[&morocco].phase, Phase::Closed);

    // A third version has both again.
    let third = amended(&second, |terms| {
        let mut first = papers.first.clone().into_terms();
        terms.parties = first.parties.split_off(0);
        terms.pairs = first.pairs;
        terms.offence_map = first.offence_map;
        terms.clauses = first.clauses;
    });
    papers.later.push(third.clone());
    for party in PARTIES {
        papers.say_at(party, sign(&third), days_ago(2));
    }
    papers.heads();
    let state = papers.state(now());
    assert_eq!(state.governing, Some(third.hash()));
    assert!(state.ended.is_empty() && state.leaving.is_empty());
}

#[test]
fn a_version_that_is_not_firmly_signed_or_whose_day_has_not_come_ends_nothing() {
    let narrower = |papers: &Papers, from: Timestamp| {
        amended(&papers.first, |terms| {
            terms.pairs.remove(0);
            terms.valid_from = from;
        })
    };
    let mut papers = Papers::signed_without(&[]);
    let second = narrower(&papers, now().plus_days(3));
    papers.later.push(second.clone());
    for party in PARTIES {
        papers.say_at(party, sign(&second), days_ago(5));
    }
    assert!(papers.state(now()).ended.is_empty());
    let begun = papers.state(now().plus_days(4));
    let ends: Vec<Timestamp> = begun.ended.values().map(|end| end.since).collect();
    assert_eq!(ends, [now().plus_days(3)], "on its day");

    // Nobody knows whether what is hidden is the last signature: nothing passes, nothing ends.
    let mut papers = Papers::signed_without(&[]);
    let second = narrower(&papers, papers.first.valid_from);
    papers.later.push(second.clone());
    for party in &PARTIES[..3] {
        papers.say_at(party, sign(&second), days_ago(5));
    }
    let hidden = papers.say("ma-dgsn", sign(&second));
    papers.say("ma-dgsn", Step::Suspend { scope: agreement::Scope::All });
    papers.forget(hidden);
    let state = papers.state(now());
    assert_eq!(state.governing, Some(second.hash()));
    assert!(state.ended.is_empty() && state.leaving.is_empty());
}
