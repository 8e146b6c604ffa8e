//! A withdrawal is for ever and for everybody, whoever was away.

use domain::envelope::Signed;
use domain::name::{ClassHandle, RecordId};
use domain::refusal::RefusalCode;
use domain::withdrawal::Tombstone;
use federation::cast::{AGREEMENT, ALL, Agency::*};
use federation::draft::{link, sign_unchecked, statement};
use federation::imposter::{Imposter, Message, Piece};
use federation::patience::{stays, until};
use federation::world::Federation;
use sync::message::Entry;
use wire::client::CallFailure;

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_record_is_gone_at_every_partner_and_does_not_come_back() {
    let world = Federation::four().await;
    let submission = link(Belgium, "taken-back");
    let id = world[Belgium].submit(submission.clone()).await.unwrap().record_id;
    let kept = world[Belgium].submit(link(Belgium, "kept")).await.unwrap().record_id;
    for partner in Belgium.others() {
        world.arrived(Belgium, partner, 2).await;
    }
    let officer = world[Belgium].officer().await;
    let receipt = officer.withdraw(id.into()).await.unwrap();
    assert_eq!(receipt.partners.len(), 3);
    for partner in Belgium.others() {
        until("the tombstone arrives", || world[partner].knows_withdrawn(&id)).await;
        assert_eq!(world[partner].records_from(Belgium), 1);
        assert!(world[partner].store().record(&id).unwrap().is_none(), "its bytes are forgotten");
    }
    let again = officer.withdraw(id.into()).await.unwrap_err();
    assert!(matches!(again, CallFailure::Refused(no) if no.code == RefusalCode::Withdrawn));

    // Handed in again under its key it is refused, and nothing comes back.
    let refused = world[Belgium].submit(submission).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::Withdrawn);
    stays("gone everywhere, and the other is there", || {
        let gone = ALL.iter().all(|agency| !world[*agency].holds(&id));
        gone && ALL.iter().all(|agency| world[*agency].holds(&kept))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_was_away_and_an_origin_that_restarted_agree_in_the_end() {
    let mut world = Federation::of(&[Belgium, Spain, France]).await;
    let ids =
        world[Belgium].submit_all((0..4).map(|n| link(Belgium, &format!("l{n}"))).collect()).await;
    for partner in [Spain, France] {
        world.arrived(Belgium, partner, 4).await;
    }
    world[France].stop().await;
    let officer = world[Belgium].officer().await;
    officer.withdraw(ids[0].into()).await.unwrap();
    drop(officer);
    world[Belgium].kill();
    world[Belgium].start().await;
    let officer = world[Belgium].officer().await;
    officer.withdraw(ids[1].into()).await.unwrap();
    let new = world[Belgium].submit(link(Belgium, "meanwhile")).await.unwrap().record_id;
    world[France].start().await;
    for partner in [Spain, France] {
        until("the tombstones arrive", || {
            ids[..2].iter().all(|id| world[partner].knows_withdrawn(id))
        })
        .await;
        world.arrived(Belgium, partner, 3).await;
        assert!(world[partner].holds(&new));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_never_heard_of_is_not_told() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "short-lived")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&id)).await;
    world[Belgium].officer().await.withdraw(id.into()).await.unwrap();
    let kept = world[Belgium].submit(link(Belgium, "kept")).await.unwrap().record_id;
    world.start(&[France]).await;
    until("France has the other", || world[France].holds(&kept)).await;
    assert!(world[France].store().hit_row(&id).is_none(), "France never hears of the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_shows_a_withdrawn_record_again_is_not_followed() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    let imposter = Imposter::instead_of(&world, Spain, Belgium).await;
    world.start(&[Belgium]).await;
    let (spain, belgium) = (Spain.id(), Belgium.id());
    let first = statement(&spain, &belgium, "https://passage-22.example/again");
    let mut second = first.clone();
    second.version.n = 2;
    second.previous = Some(sign_unchecked(&first, imposter.signer()).payload_hash());
    let other = statement(&spain, &belgium, "https://passage-22.example/other");
    let tombstone = Tombstone { record_id: first.record_id, origin: spain.clone() };
    let tombstone = Signed::seal(tombstone, imposter.signer()).into_parts().1;
    let handle = ClassHandle::from_bytes([1; 16]);
    let adds = |records: &[&domain::record::Statement], from: u64| {
        let add = |record: &&domain::record::Statement| {
            Entry::Add(sign_unchecked(record, imposter.signer()))
        };
        Message {
            grant_sequence: 1,
            grants: (from == 0).then(|| vec![handle]),
            piece: Some(Piece {
                handle,
                from,
                to: from + records.len() as u64,
                entries: records.iter().map(add).collect(),
                sheet: Some(imposter.sheet(&belgium, records)),
            }),
            ..Message::default()
        }
    };
    imposter.shows(vec![adds(&[&first], 0)]);
    until("it arrives", || world[Belgium].holds(&first.record_id)).await;
    let retract = Message {
        grant_sequence: 1,
        piece: Some(Piece {
            handle,
            from: 1,
            to: 2,
            entries: vec![Entry::Retract(tombstone)],
            sheet: None,
        }),
        ..Message::default()
    };
    imposter.shows(vec![retract]);
    until("it is withdrawn", || world[Belgium].knows_withdrawn(&first.record_id)).await;
    imposter.shows(vec![adds(&[&first, &second, &other], 2)]);
    until("the other arrives", || world[Belgium].holds(&other.record_id)).await;
    let gone = |id: &RecordId| !world[Belgium].holds(id) && world[Belgium].knows_withdrawn(id);
    stays("the withdrawn one stays gone", || gone(&first.record_id)).await;
    let agreement = AGREEMENT.parse().unwrap();
    let classes = world[Belgium].store().classes(&spain, &agreement);
    assert_eq!(classes.iter().map(|class| class.records).sum::<u64>(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_of_what_is_not_its_senders_says_nothing_about_what_is_here() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    let liar = Imposter::instead_of(&world, Spain, Belgium).await;
    world.start(&[Belgium, France]).await;
    world.linked(&[Belgium, France]).await;
    let mut of_france = link(France, "held");
    of_france.labels.handling = domain::label::HandlingSet::EMPTY;
    let held = world[France].submit(of_france).await.unwrap().record_id;
    until("Belgium holds France's", || world[Belgium].holds(&held)).await;
    // Under a legal hold, too: that is between Belgium and France.
    let case = world[Belgium].open_case("DP-14").await.case_id;
    let order = domain::hold::HoldOrder {
        ground: domain::hold::HoldGround::EvidenceInProceedings,
        case,
        reason: "exhibit".to_owned(),
        authority: "investigating judge, Brussels".to_owned(),
        review_at: federation::draft::now().plus_days(30),
    };
    world[Belgium].officer().await.place_hold(held.into(), order).await.unwrap();
    let unknown = RecordId::from_bytes(federation::draft::random());
    let retract = |record_id: &RecordId| {
        let tombstone = Tombstone { record_id: *record_id, origin: Spain.id() };
        Entry::Retract(Signed::seal(tombstone, liar.signer()).into_parts().1)
    };
    let handle = ClassHandle::from_bytes([1; 16]);
    let entries = vec![retract(&held), retract(&unknown)];
    let piece = Piece { handle, from: 0, to: 2, entries, sheet: None };
    let grants = Some(vec![handle]);
    liar.shows(vec![Message {
        grant_sequence: 1,
        grants,
        piece: Some(piece),
        ..Message::default()
    }]);
    until("both are acknowledged", || liar.acknowledged().len() == 2).await;
    let said = |id: &RecordId| {
        let said =
            liar.acknowledged().into_iter().find(|applied| applied.record_id == *id).unwrap();
        (said.change, said.version, said.kept_until)
    };
    assert_eq!(said(&held), said(&unknown));
    assert_eq!(liar.notices(), []);
    assert!(world[Belgium].holds(&held) && !world[Belgium].knows_withdrawn(&held));
}
