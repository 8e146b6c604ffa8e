//! Nothing is in force without every signature, whatever events come in whatever order.

use super::fixture::{PARTIES, agency, authority_of, events_without, now, terms};
use agreement::event::EVENTS_PER_PARTY_MAX;
use agreement::standing::SKEW_MS;
use agreement::{
    Act, Agreement, AgreementError, AgreementEvent, SignedEvents, Standing, WhySuspended,
};
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::name::Digest;
use domain::time::Timestamp;
use proptest::prelude::*;

fn sample() -> Agreement {
    Agreement::new(terms(Digest::from_bytes([9; 32]))).unwrap()
}

fn sign() -> Act {
    Act::Sign { shown: Digest::from_bytes([2; 32]) }
}

fn event(
    agreement: &Agreement,
    party: &str,
    n: u32,
    previous: Option<Digest>,
    act: Act,
) -> Envelope {
    let event = AgreementEvent {
        party: agency(party),
        n,
        previous,
        agreement: agreement.hash(),
        made_at: now(),
        act,
    };
    Signed::seal(event, &authority_of(party)).into_parts().1
}

#[test]
fn three_of_four_signatures_bind_nobody() {
    let agreement = sample();
    for left_out in PARTIES {
        let events = events_without(&agreement, &[left_out]);
        let standing = Standing::of(&agreement, &events, now());
        assert_eq!(standing, Standing::Incomplete { missing: [agency(left_out)].into() });
        assert!(!standing.carries(&agency("be-fedpol"), &agency("es-pn")));
    }
    let events = events_without(&agreement, &[]);
    assert_eq!(Standing::of(&agreement, &events, now()), Standing::InForce);
}

#[test]
fn the_window_is_kept_with_two_minutes_on_both_ends() {
    let agreement = sample();
    let events = events_without(&agreement, &[]);
    let (from, to) = (agreement.valid_from, agreement.valid_to);
    for (now, expected) in [
        (Timestamp::from_millis(0), Standing::NotYetValid),
        (from, Standing::NotYetValid),
        (from.plus_ms(SKEW_MS - 1), Standing::NotYetValid),
        (from.plus_ms(SKEW_MS), Standing::InForce),
        (to.minus_ms(SKEW_MS + 1), Standing::InForce),
        (to.minus_ms(SKEW_MS), Standing::Expired),
        (Timestamp::MAX, Standing::Expired),
    ] {
        assert_eq!(Standing::of(&agreement, &events, now), expected, "{now}");
    }
}

#[test]
fn one_party_stops_alone_and_starts_again() {
    let agreement = sample();
    let mut events = events_without(&agreement, &[]);
    let morocco = agency("ma-dgsn");
    let say = |events: &mut SignedEvents, act| {
        events.append(&agreement, &morocco, act, now(), &authority_of("ma-dgsn")).unwrap();
        Standing::of(&agreement, events, now())
    };
    let suspended = say(&mut events, Act::Suspend);
    let by = [(morocco.clone(), WhySuspended::OwnAct)].into();
    assert_eq!(suspended, Standing::Suspended { by });
    assert!(suspended.carries(&agency("be-fedpol"), &agency("es-pn")));
    assert!(!suspended.carries(&agency("be-fedpol"), &morocco));
    assert!(!suspended.carries(&morocco, &agency("be-fedpol")));
    assert_eq!(say(&mut events, Act::Lift), Standing::InForce);
    assert!(matches!(say(&mut events, Act::Suspend), Standing::Suspended { .. }));
}

#[test]
fn a_party_that_contradicts_itself_is_out() {
    let agreement = sample();
    let mut events = events_without(&agreement, &[]);
    let again = events_without(&agreement, &[]);
    let chain = event(&agreement, "es-pn", 1, None, Act::Suspend);
    events.admit(&agreement, chain).unwrap();
    // Its signature stood at the place it signed twice, so it has not signed either.
    let missing = [agency("es-pn")].into();
    assert_eq!(Standing::of(&agreement, &events, now()), Standing::Incomplete { missing });

    let mut events = again;
    let es = agency("es-pn");
    let key = authority_of("es-pn");
    let lift = events.append(&agreement, &es, Act::Lift, now(), &key).unwrap();
    let previous = AgreementEvent::from_payload(&lift.payload).unwrap().previous;
    events.admit(&agreement, event(&agreement, "es-pn", 2, previous, Act::Suspend)).unwrap();
    let by = [(es.clone(), WhySuspended::Forked)].into();
    assert_eq!(Standing::of(&agreement, &events, now()), Standing::Suspended { by });
    assert!(events.append(&agreement, &es, Act::Lift, now(), &key).is_err());
}

#[test]
fn a_missing_event_narrows() {
    let agreement = sample();
    let mut events = events_without(&agreement, &[]);
    let far = event(&agreement, "fr-oltim", 3, Some(Digest::from_bytes([5; 32])), Act::Lift);
    events.admit(&agreement, far).unwrap();
    let by = [(agency("fr-oltim"), WhySuspended::Broken)].into();
    assert_eq!(Standing::of(&agreement, &events, now()), Standing::Suspended { by });
}

#[test]
fn forged_foreign_and_malformed_events_are_refused() {
    let agreement = sample();
    let mut events = SignedEvents::new(&agreement);
    let good = event(&agreement, "es-pn", 1, None, sign());

    let mut flipped = good.clone();
    flipped.payload[10] ^= 1;
    assert!(matches!(events.admit(&agreement, flipped), Err(AgreementError::NotSigned(_))));

    let by_another = Signed::seal(
        AgreementEvent::from_payload(&good.payload).unwrap(),
        &authority_of("fr-oltim"),
    );
    let refused = events.admit(&agreement, by_another.into_parts().1);
    assert_eq!(refused, Err(AgreementError::NotAParty(agency("es-pn"))));

    let by_outsider =
        Signed::seal(AgreementEvent::from_payload(&good.payload).unwrap(), &authority_of("pt-pj"));
    let refused = events.admit(&agreement, by_outsider.into_parts().1);
    assert!(matches!(refused, Err(AgreementError::NotSigned(_))));

    let mut other = terms(Digest::from_bytes([9; 32]));
    other.offences.insert(domain::value::Offence::Terrorism);
    let other = Agreement::new(other).unwrap();
    let elsewhere = event(&other, "es-pn", 1, None, sign());
    assert_eq!(events.admit(&agreement, elsewhere), Err(AgreementError::OtherAgreement));
    assert_eq!(events.admit(&other, good.clone()), Err(AgreementError::OtherAgreement));

    for (n, previous, act) in [
        (0, None, sign()),
        (1, Some(agreement.hash()), sign()),
        (2, None, sign()),
        (EVENTS_PER_PARTY_MAX, Some(agreement.hash()), Act::Lift),
        (EVENTS_PER_PARTY_MAX + 1, Some(agreement.hash()), Act::Suspend),
    ] {
        let bad = event(&agreement, "es-pn", n, previous, act);
        assert!(matches!(events.admit(&agreement, bad), Err(AgreementError::NotSigned(_))), "{n}");
    }
    let last =
        event(&agreement, "es-pn", EVENTS_PER_PARTY_MAX, Some(agreement.hash()), Act::Suspend);
    assert!(events.clone().admit(&agreement, last).is_ok());

    assert_eq!(events, SignedEvents::new(&agreement), "nothing of it was taken in");
    assert!(events.admit(&agreement, good).is_ok());
}

#[test]
fn an_unknown_act_is_refused_never_skipped() {
    let agreement = sample();
    let known =
        AgreementEvent::from_payload(&event(&agreement, "es-pn", 1, None, Act::Suspend).payload)
            .unwrap();
    let mut bytes = known.to_payload();
    assert_eq!(bytes.pop(), Some(2), "the act is the last field: an array of its number");
    bytes.push(9);
    assert!(domain::encoding::check_deterministic(&bytes).is_ok());
    assert!(AgreementEvent::from_payload(&bytes).is_err());
}

/// What may come in: signatures, suspensions, lifts, forks, gaps; honest and dishonest.
fn pool(agreement: &Agreement) -> Vec<Envelope> {
    let mut pool = Vec::new();
    for party in PARTIES {
        let first = event(agreement, party, 1, None, sign());
        let one = Some(first.payload_hash());
        let second = event(agreement, party, 2, one, Act::Suspend);
        let two = Some(second.payload_hash());
        let third = event(agreement, party, 3, two, Act::Lift);
        pool.extend([
            event(agreement, party, 2, one, Act::Lift),
            event(agreement, party, 1, None, Act::Lift),
            event(agreement, party, 5, two, Act::Lift),
            first,
            second,
            third,
        ]);
    }
    pool
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any order and any repetition of one set of events gives the same standing.
    #[test]
    fn order_and_repetition_mean_nothing(
        chosen in proptest::collection::vec(0_usize..24, 0..16),
        seed in any::<u64>(),
    ) {
        let agreement = sample();
        let pool = pool(&agreement);
        let pick = |order: &[usize]| {
            let envelopes = order.iter().map(|index| pool[*index].clone());
            SignedEvents::collect(&agreement, envelopes).unwrap()
        };
        let mut shuffled = chosen.clone();
        shuffled.extend(chosen.iter().rev().take(5));
        shuffled.sort_by_key(|index| {
            domain::digest::derive("malines test order", &[&seed.to_le_bytes(), &index.to_le_bytes()])
        });
        let (one, other) = (pick(&chosen), pick(&shuffled));
        prop_assert_eq!(&one, &other);
        let of = |events: &SignedEvents| Standing::of(&agreement, events, now());
        prop_assert_eq!(of(&one), of(&other));
    }

    /// No set of events without a valid first signature of every party carries anything.
    #[test]
    fn nothing_is_in_force_without_every_signature(
        mask in proptest::collection::vec(any::<bool>(), 24),
        silent in 0_usize..4,
    ) {
        let agreement = sample();
        let pool = pool(&agreement);
        let first_signature = silent * 6 + 3;
        let chosen = pool.iter().enumerate().filter(|(i, _)| mask[*i] && *i != first_signature);
        let events =
            SignedEvents::collect(&agreement, chosen.map(|(_, envelope)| envelope.clone())).unwrap();
        let standing = Standing::of(&agreement, &events, now());
        prop_assert!(matches!(standing, Standing::Incomplete { .. }), "{}", standing);
        for one in PARTIES {
            for other in PARTIES {
                prop_assert!(!standing.carries(&agency(one), &agency(other)));
            }
        }
    }

    /// More events never widen, except a lift by the party that suspended itself.
    #[test]
    fn a_known_suspension_holds_whatever_else_is_missing(
        mask in proptest::collection::vec(any::<bool>(), 24),
    ) {
        let agreement = sample();
        let pool = pool(&agreement);
        // The suspension of the first party is known; its lift (the third of its chain) is not.
        let chosen = pool.iter().enumerate().filter(|(i, _)| *i == 4 || (mask[*i] && *i != 5));
        let events =
            SignedEvents::collect(&agreement, chosen.map(|(_, envelope)| envelope.clone())).unwrap();
        let standing = Standing::of(&agreement, &events, now());
        for other in PARTIES {
            prop_assert!(!standing.carries(&agency(PARTIES[0]), &agency(other)));
        }
    }
}
