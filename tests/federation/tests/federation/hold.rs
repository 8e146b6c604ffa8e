//! Legal holds: neither time nor the owner nor an officer erases what a proceeding needs.

use domain::correction::{Changes, Correction};
use domain::event::Act;
use domain::hold::{HeldState, HoldGround, HoldOrder};
use domain::name::{CaseId, HoldId, RecordId};
use domain::record::{Benefit, Version};
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::submission::Case;
use federation::cast::{Agency, Agency::*};
use federation::draft::{link, now};
use federation::needle::Needles;
use federation::patience::{stays, until};
use federation::world::Federation;
use store::Erased;
use wire::client::CallFailure;
use wire::convert::hold::HoldReference;

fn order(case: &Case) -> HoldOrder {
    HoldOrder {
        ground: HoldGround::EvidenceInProceedings,
        case: case.case_id,
        reason: "exhibit twelve of the Tarifa trial".to_owned(),
        authority: "investigating judge, Brussels".to_owned(),
        review_at: now().plus_days(30),
    }
}

fn code_of<T>(failed: Result<T, CallFailure>) -> Option<RefusalCode> {
    match failed {
        Err(CallFailure::Refused(refusal)) => Some(refusal.code),
        _ => None,
    }
}

fn named(hold: HoldId) -> HoldReference {
    HoldReference::new(&hold.as_bytes()[..4]).unwrap()
}

fn is_erased(world: &Federation, agency: Agency, id: &RecordId) -> bool {
    world[agency].store().hit_row(id).is_some_and(|row| row.erased == Erased::Yes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_outlives_a_withdrawal_and_is_read_for_its_proceeding_alone() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "exhibit")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&id)).await;
    let (belgian, spaniard) = (world[Belgium].officer().await, world[Spain].officer().await);
    let case = world[Spain].open_case("DP-12").await;
    let hold = spaniard.place_hold(id.into(), order(&case)).await.unwrap().hold_id;
    // A new version supersedes the one that was held; the hold keeps both.
    let own_case = world[Belgium].open_case("BR20.F1.12/26").await.case_id;
    let changes = Changes {
        benefit: Some(Benefit { ground: "asks 4000 euro a seat".to_owned() }),
        ..Changes::default()
    };
    let reason = "a second witness".to_owned();
    let correction = Correction { case: own_case, expected: None, reason, changes };
    belgian.correct(id.into(), correction, Mode::Real).await.unwrap();
    let second = Version { epoch: 1, n: 2 };
    let version = || world[Spain].store().hit_row(&id).map(|row| row.version);
    until("the new version arrives", || version() == Some(second)).await;
    belgian.withdraw(id.into()).await.unwrap();
    until("the tombstone arrives", || world[Spain].knows_withdrawn(&id)).await;
    assert!(!world[Spain].holds(&id), "it matches nothing");
    assert!(world[Spain].store().record(&id).unwrap().is_none(), "and is read by nobody else");

    let reading = spaniard.read_hold(named(hold)).await.unwrap();
    assert_eq!(reading.standing.state, HeldState::Withdrawn);
    let says = |key: &str| reading.says.iter().find(|one| one.key == key).unwrap().after.clone();
    assert_eq!(
        (says("tlp").as_str(), says("benefit").as_str()),
        ("AMBER", "asks 4000 euro a seat")
    );
    let [first] = reading.older.as_slice() else { panic!("{:?}", reading.older) };
    assert_eq!((first.version, first.made_by.clone()), (Version::FIRST, None));
    let benefit = first.differences.iter().find(|one| one.key == "benefit").unwrap();
    assert_ne!(benefit.after, says("benefit"));
    assert_eq!(world[Spain].count_of(Act::HoldRead), 1);

    let holds = spaniard.list_holds(None).await.unwrap();
    assert_eq!((holds.len(), world[Spain].count_of(Act::HoldsListed)), (1, 1));
    assert_eq!((holds[0].hold.hold_id, holds[0].hold.origin.clone()), (hold, Belgium.id()));
    spaniard.lift_hold(named(hold), "the trial is over").await.unwrap();
    let lifted = world[Spain].events_of(Act::HoldLifted);
    let said = lifted[0].local.note.clone().unwrap();
    assert!(said.contains("the trial is over") && said.contains(&hold.to_string()), "{said}");
    let again = spaniard.lift_hold(named(hold), "once more").await;
    assert_eq!(code_of(again), Some(RefusalCode::NotHeld));
    assert_eq!(code_of(spaniard.read_hold(named(hold)).await), Some(RefusalCode::NotHeld));
    assert_eq!(spaniard.list_holds(None).await.unwrap(), []);
    assert!(world[Spain].store().held_record(&id).unwrap().is_none(), "let go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stops_expiry_and_erasure_until_it_is_lifted() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&federation::cast::ALL));
    for agency in [Belgium, Spain] {
        world[agency].config.upkeep_interval_ms = 200;
    }
    world.start(&[Belgium, Spain]).await;
    world.linked(&[Belgium, Spain]).await;
    let ends = now().plus_ms(8_000);
    let short = |path: &str| {
        let mut short = link(Belgium, path);
        (short.valid_until, short.review_at) = (ends, ends);
        short
    };
    let ids = world[Belgium].submit_all(vec![short("held"), short("ended")]).await;
    until("they arrive", || ids.iter().all(|id| world[Spain].holds(id))).await;
    let mut held = Vec::new();
    for agency in [Belgium, Spain] {
        let case = world[agency].open_case("DP-13").await;
        let officer = world[agency].officer().await;
        let receipt = officer.place_hold(ids[0].into(), order(&case)).await.unwrap();
        let mut due = order(&case);
        due.review_at = now().plus_ms(300);
        let short = officer.place_hold(ids[0].into(), due).await.unwrap();
        held.push((agency, [receipt.hold_id, short.hold_id]));
        let refused = officer.erase(vec![ids[0].into()], "no longer needed").await.unwrap();
        let refusal = refused[0].clone().unwrap_err();
        assert_eq!(refusal.code, RefusalCode::UnderHold);
        assert!(refusal.rule.unwrap().starts_with("hold H-"), "the hold is named");
        assert!(world[agency].holds(&ids[0]), "nothing happened to it");
    }
    for (agency, holds) in held {
        until("the other expires", || is_erased(&world, agency, &ids[1])).await;
        stays("the held one is kept", || !is_erased(&world, agency, &ids[0])).await;
        let officer = world[agency].officer().await;
        let status = officer.status().await.unwrap();
        assert_eq!(status.upkeep.reviews_due, 1);
        assert!(status.upkeep.last.is_some() && status.upkeep.overdue == 0);
        let reading = officer.read_hold(named(holds[0])).await.unwrap();
        assert_eq!(reading.standing.state, HeldState::Expired);
        officer.lift_hold(named(holds[0]), "appeal over").await.unwrap();
        stays("one hold is enough", || !is_erased(&world, agency, &ids[0])).await;
        officer.lift_hold(named(holds[1]), "appeal over").await.unwrap();
        until("now time takes it", || is_erased(&world, agency, &ids[0])).await;
        let expired: u32 =
            world[agency].events_of(Act::Expired).iter().map(|event| event.shared.count).sum();
        assert_eq!(expired, 2, "every record that time took is counted once");
        assert_eq!(world[agency].count_of(Act::HoldPlaced), 2);
        assert_eq!(world[agency].count_of(Act::HoldLifted), 2);
        assert_eq!(world[agency].count_of(Act::ErasureRefused), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_needs_a_record_a_case_and_a_review_and_its_words_are_sealed() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "order")).await.unwrap().record_id;
    let officer = world[Belgium].officer().await;
    let case = world[Belgium].open_case("BR20.F1.6/26").await;
    let nothing = RecordId::from_bytes([9; 16]);
    let with = |change: &dyn Fn(&mut HoldOrder)| {
        let mut order = order(&case);
        change(&mut order);
        order
    };
    for (record, order, code) in [
        (nothing, order(&case), RefusalCode::NotHeld),
        (id, with(&|order| order.case = CaseId::from_bytes([9; 16])), RefusalCode::NoCase),
        (id, with(&|order| order.review_at = now()), RefusalCode::RetentionImpossible),
        (
            id,
            with(&|order| order.review_at = now().plus_days(400)),
            RefusalCode::RetentionImpossible,
        ),
        (id, with(&|order| order.reason.clear()), RefusalCode::Malformed),
        (id, with(&|order| order.authority = "x".repeat(201)), RefusalCode::TooLarge),
    ] {
        assert_eq!(code_of(officer.place_hold(record.into(), order).await), Some(code));
    }
    assert_eq!(world[Belgium].count_of(Act::HoldPlaced), 0);
    officer.place_hold(id.into(), order(&case)).await.unwrap();
    let mut words = Needles::default();
    words.text("the reason", "exhibit twelve of the Tarifa trial");
    words.text("the authority", "investigating judge, Brussels");
    assert_eq!(words.found_under(world[Belgium].home()), Vec::<String>::new());
    assert_eq!(words.found_in(&world[Belgium].export()), Vec::<&str>::new());
}
