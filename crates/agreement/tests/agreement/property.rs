//! Whatever is said, in whatever order it comes: one state, and nothing missing ever widens it.

use super::fixture::{PARTIES, agency, authority_of, now};
use super::register::{Papers, amended, days_ago, new_key_of, pair, sign};
use agreement::purge::Board;
use agreement::{Agreement, Declaration, Register, Scope, State, Step};
use domain::envelope::{Envelope, Payload as _};
use domain::name::Digest;
use domain::value::TransferBasis;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

/// What one party does next, as numbers that a generator can draw.
type Deed = (usize, u8, u8);

/// The versions that can be signed: the first, a narrower and a wider second, a third.
fn versions(first: &Agreement) -> Vec<Agreement> {
    let narrower = amended(first, |terms| {
        terms.pairs[0].transfer_basis = TransferBasis::None;
    });
    let wider = amended(first, |terms| terms.facts_scope = "Advertisements since 2020".into());
    let third = amended(&narrower, |terms| {
        terms.pairs[0].transfer_basis = TransferBasis::IntraLed;
        terms.valid_from = days_ago(1);
    });
    vec![first.clone(), narrower, wider, third]
}

fn papers_of(deeds: &[Deed]) -> Papers {
    let mut papers = Papers::new();
    let all = versions(&papers.first);
    papers.later = all[1..].to_vec();
    for party in PARTIES {
        papers.say(party, sign(&all[0]));
    }
    let mut replaced = false;
    let mut replacement = Digest::from_bytes([0; 32]);
    for (who, what, which) in deeds {
        let party = PARTIES[who % PARTIES.len()];
        let other = PARTIES[(who + 1) % PARTIES.len()];
        let version = &all[usize::from(*which) % all.len()];
        let agreement = version.hash();
        match what % 16 {
            0..=4 => drop(papers.say(party, sign(version))),
            5 => drop(papers.say(party, Step::Suspend { scope: Scope::All })),
            6 => drop(papers.say(party, Step::Suspend { scope: pair(party, other) })),
            7 => drop(papers.say(party, Step::Lift { scope: Scope::All })),
            8 => drop(papers.say(party, Step::Reject { agreement })),
            9 => drop(papers.say(party, Step::Withdraw)),
            10 => {
                let sign_by = days_ago(u32::from(*which) * 8);
                let supersedes = papers.first.hash();
                papers.say(party, Step::Amend { agreement, supersedes, sign_by });
            }
            11 => {
                let (n, _) = papers.end_of(party);
                let forked = Some(Digest::from_bytes([*which; 32])).filter(|_| n > 1);
                papers.say_in(party, n, forked, Step::Lift { scope: pair(other, party) });
            }
            12 if !replaced && *who == 1 => {
                replacement = papers.replace_key(party);
                replaced = true;
            }
            12 | 13 => drop(papers.say(party, Step::AcceptKey { replacement })),
            14 => {
                let signer = if *which > 2 { new_key_of(party) } else { authority_of(party) };
                if *which <= 2 || (replaced && party == PARTIES[1]) {
                    papers.head(party, days_ago(u32::from(*which)), &signer);
                }
            }
            _ => {
                let step = sign(version);
                papers.say_at(party, step, now().plus_days(u32::from(*which)));
            }
        }
    }
    papers.heads();
    papers
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    proptest::collection::vec((0_usize..4, any::<u8>(), 0_u8..6), 0..14)
}

/// Deeds in which all sign a later version and some do something about it.
fn amending() -> impl Strategy<Value = Vec<Deed>> {
    (1_u8..4, proptest::collection::vec((0_usize..4, any::<u8>(), 0_u8..6), 0..6)).prop_map(
        |(version, mut rest)| {
            let mut all: Vec<Deed> = (0..4).map(|who| (who, 0, 1)).collect();
            if version != 1 {
                all.extend((0..4).map(|who| (who, 0, version)));
            }
            let at = rest.len() / 2;
            all.splice(4..4, rest.drain(..at));
            all.extend(rest);
            all
        },
    )
}

fn any_deeds() -> impl Strategy<Value = Vec<Deed>> {
    prop_oneof![deeds(), amending()]
}

fn state_of(papers: &Papers) -> State {
    papers.state(now())
}

/// Takes papers in one at a time, asking again for what was refused, as a network would.
fn trickle(papers: &Papers, mut envelopes: Vec<Envelope>) -> Register {
    let mut register = Register::new(papers.first.clone()).unwrap();
    let mut later = papers.later.clone();
    loop {
        let before = (later.len(), envelopes.len());
        later.retain(|version| register.admit_version(version.clone()).is_err());
        envelopes.retain(|envelope| register.admit(envelope.clone()).is_err());
        if (later.len(), envelopes.len()) == before {
            assert!(later.is_empty() && envelopes.is_empty(), "something was never taken in");
            return register;
        }
    }
}

fn assert_not_wider(less: &State, more: &State, why: &str) -> Result<(), TestCaseError> {
    for (direction, stopped) in &more.directions {
        let open_now = less.directions.get(direction).is_some_and(|why| why.is_empty());
        let open_before = stopped.is_empty();
        prop_assert!(open_before || !open_now, "{why}: {direction:?} {stopped:?}");
    }
    Ok(())
}

#[test]
fn the_generator_reaches_open_and_closed_states() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut open, mut closed, mut superseded) = (0, 0, 0);
    for _ in 0..120 {
        let tree = any_deeds().new_tree(&mut runner).unwrap();
        let state = state_of(&papers_of(&tree.current()));
        let directions = state.directions.values();
        let carrying = directions.filter(|why| why.is_empty()).count();
        open += usize::from(carrying > 0);
        closed += usize::from(carrying < 12);
        superseded += usize::from(state.versions[0].phase == agreement::Phase::Superseded);
    }
    assert!(open > 15 && closed > 15 && superseded > 5, "{open} {closed} {superseded}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    /// Any order and any repetition of one set of papers gives the same register and the same state.
    #[test]
    fn order_and_repetition_mean_nothing(deeds in any_deeds(), seed in any::<u64>()) {
        let papers = papers_of(&deeds);
        let mut shuffled = papers.envelopes.clone();
        shuffled.extend(papers.envelopes.iter().take(5).cloned());
        let mut index = 0_u64;
        shuffled.sort_by_cached_key(|_| {
            index += 1;
            domain::digest::derive("malines test order", &[&seed.to_le_bytes(), &index.to_le_bytes()])
        });
        let one = papers.register();
        let other = trickle(&papers, shuffled.clone());
        prop_assert_eq!(&one, &other);
        let again = Papers { envelopes: shuffled, ..papers };
        prop_assert_eq!(&one, &again.register());
        let board = Board::default();
        prop_assert_eq!(State::of(&one, &board, now()), State::of(&other, &board, now()));
    }

    /// A party that was not heard at all never widens what anybody may do.
    #[test]
    fn without_one_party_nothing_is_wider(deeds in any_deeds(), who in 0_usize..4) {
        let papers = papers_of(&deeds);
        let mut less = papers.clone();
        let silent = agency(PARTIES[who]);
        less.envelopes.retain(|envelope| Papers::party_of(envelope).as_ref() != Some(&silent));
        assert_not_wider(&state_of(&less), &state_of(&papers), "silent")?;
    }

    /// A declaration that is missing before others of its party never widens.
    #[test]
    fn a_gap_never_widens(deeds in any_deeds(), which in any::<prop::sample::Index>()) {
        let papers = papers_of(&deeds);
        let said: Vec<(usize, Declaration)> = papers
            .envelopes
            .iter()
            .enumerate()
            .filter(|(_, envelope)| envelope.payload_type == Declaration::TYPE)
            .map(|(at, envelope)| (at, Declaration::from_payload(&envelope.payload).unwrap()))
            .collect();
        let (at, missing) = which.get(&said);
        let of_party = || said.iter().filter(|(_, other)| other.party == missing.party);
        let is_alone = of_party().filter(|(_, other)| other.n == missing.n).count() == 1;
        let is_followed = of_party().any(|(_, other)| other.n > missing.n);
        // A hidden refusal or deadline stops its own party only: any gap would stop everybody else.
        let refusal = matches!(
            missing.step,
            Step::Reject { .. } | Step::Propose { .. } | Step::Amend { .. }
        );
        if is_alone && is_followed && !refusal {
            let mut less = papers.clone();
            less.envelopes.remove(*at);
            assert_not_wider(&state_of(&less), &state_of(&papers), "gap")?;
        }
    }

    /// More of what narrows never widens, wherever in a chain it comes up.
    #[test]
    fn what_narrows_never_widens(
        deeds in any_deeds(),
        who in 0_usize..4,
        what in 0_u8..5,
        place in 0_u32..12,
        replaced in any::<bool>(),
    ) {
        let papers = papers_of(&deeds);
        let party = PARTIES[who];
        let all = versions(&papers.first);
        let step = match what {
            0 => Step::Suspend { scope: Scope::All },
            1 => Step::Suspend { scope: pair(party, PARTIES[(who + 1) % 4]) },
            2 => Step::Withdraw,
            3 => Step::Reject { agreement: all[0].hash() },
            _ => Step::Reject { agreement: all[1].hash() },
        };
        let (end, last) = papers.end_of(party);
        let (n, previous) = match place {
            0 => (1, None),
            1..6 => (end + 1, last),
            n => (n, Some(Digest::from_bytes([1; 32]))),
        };
        let added = papers.declaration(party, n, previous, step, days_ago(20));
        let signer = if replaced { new_key_of(party) } else { authority_of(party) };
        let mut more = papers.clone();
        more.add(added, &signer);
        let envelopes = (more.first.clone(), more.later.clone(), more.envelopes.clone());
        if let Ok(register) = Register::collect(envelopes.0, envelopes.1, envelopes.2) {
            let narrowed = State::of(&register, &Board::default(), now());
            assert_not_wider(&narrowed, &state_of(&papers), "narrowing")?;
        }
    }

    /// A contradiction never widens, but by a signature that its party really made.
    #[test]
    fn a_contradiction_never_widens(deeds in any_deeds(), who in 0_usize..4, what in 0_u8..4) {
        let papers = papers_of(&deeds);
        let party = PARTIES[who];
        let mut more = papers.clone();
        let replacement = papers.envelopes.iter().find(|one| Papers::is_replacement(one));
        let (n, previous) = match what % 2 {
            0 => (1, None),
            _ => (2, papers.first_of(party)),
        };
        let step = match what {
            0 => Step::Lift { scope: Scope::All },
            1 => Step::Lift { scope: pair(party, PARTIES[(who + 1) % 4]) },
            2 => Step::Propose { agreement: papers.first.hash(), sign_by: now() },
            _ => {
                let none = Digest::from_bytes([0; 32]);
                let replacement = replacement.map_or(none, Envelope::payload_hash);
                Step::AcceptKey { replacement }
            }
        };
        more.say_in(party, n, previous, step);
        let (narrowed, before) = (state_of(&more), state_of(&papers));
        let taken = papers.envelopes.iter().filter(|one| {
            Declaration::from_payload(&one.payload)
                .is_ok_and(|said| said.party == agency(party) && said.n == n)
        });
        if taken.count() > 0 {
            assert_not_wider(&narrowed, &before, "contradiction")?;
        }
    }

    #[test]
    fn hostile_envelopes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 0_usize..6,
    ) {
        let papers = Papers::signed_without(&[]);
        let mut register = papers.register();
        let model = &papers.envelopes[kind];
        let mut envelope = model.clone();
        envelope.payload = bytes;
        let _ = register.admit(envelope);
        prop_assert_eq!(register, papers.register());
    }
}
