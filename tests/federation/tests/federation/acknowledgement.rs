//! Whoever was sent a record acknowledges its withdrawal, correction and erasure, and nobody else can.

use domain::acknowledgement::{Acknowledgement, Applied, AppliedChange};
use domain::correction::{Changes, Correction};
use domain::duty::{Asked, Debtor, Duty};
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::event::Act;
use domain::hold::{HoldGround, HoldOrder};
use domain::name::RecordId;
use domain::record::Version;
use domain::report::Mode;
use domain::signature::SecretKey;
use domain::value::Tlp;
use federation::cast::{AGREEMENT, ALL, Agency, Agency::*};
use federation::draft::{link, now, random, sign_bytes};
use federation::envoy::Envoy;
use federation::patience::{stays, until};
use federation::world::Federation;
use wire::convert::hold::HoldReference;
use wire::v1;

fn duties(world: &Federation, agency: Agency) -> Vec<Duty> {
    let listed = world[agency].desk().list_duties(None).unwrap();
    listed.into_iter().map(|(_, duty)| duty).collect()
}

async fn arrived(world: &Federation, path: &str) -> RecordId {
    let id = world[Belgium].submit(link(Belgium, path)).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&id)).await;
    id
}

async fn correct(world: &Federation, id: RecordId, tlp: Tlp) {
    let case = world[Belgium].open_case("BR20.F1.9/26").await;
    let changes = Changes { tlp: Some(tlp), ..Changes::default() };
    let reason = "checked again".to_owned();
    let wanted = Correction { case: case.case_id, expected: None, reason, changes };
    let officer = world[Belgium].officer().await;
    officer.correct(id.into(), wanted, Mode::Real).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawal_correction_and_erasure_are_acknowledged_by_who_held_the_record() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let officer = world[Belgium].officer().await;
    let [withdrawn, moved, corrected, erased] =
        [arrived(&world, "w").await, arrived(&world, "m").await, arrived(&world, "c").await, {
            arrived(&world, "e").await
        }];
    // Its end changes, and not its class.
    let case = world[Belgium].open_case("BR20.F1.8/26").await;
    let sooner = Changes { valid_until: Some(now().plus_days(61)), ..Changes::default() };
    let reason = "ends sooner".to_owned();
    let wanted = Correction { case: case.case_id, expected: None, reason, changes: sooner };
    officer.withdraw(withdrawn.into()).await.unwrap();
    officer.correct(corrected.into(), wanted, Mode::Real).await.unwrap();
    // RED goes to nobody by a machine: the record leaves what Spain may see.
    correct(&world, moved, Tlp::Red).await;
    officer.erase(vec![erased.into()], "asked for by the person").await.unwrap();
    until("all are acknowledged", || duties(&world, Belgium).is_empty()).await;
    assert!(world[Spain].knows_withdrawn(&withdrawn) && world[Spain].knows_withdrawn(&erased));
    assert!(!world[Spain].holds(&moved) && world[Spain].holds(&corrected));
    let settled = world[Belgium].events_of(Act::Acknowledged);
    let count: u32 = settled.iter().map(|event| event.shared.count).sum();
    assert_eq!(count, 4, "each once, and none of France, which was never sent them");
    assert!(settled.iter().all(|event| event.shared.peer == Some(Spain.id())));
    let mut records: Vec<RecordId> =
        settled.iter().flat_map(|event| event.local.records.clone()).collect();
    records.sort();
    let mut expected = vec![withdrawn, moved, corrected, erased];
    expected.sort();
    assert_eq!(records, expected);
    // Both logs hold the hash of what was said.
    until("Spain knows that it was taken", || {
        let sent = world[Spain].events_of(Act::AcknowledgementSent);
        settled
            .iter()
            .all(|one| sent.iter().any(|event| event.shared.exchange == one.shared.exchange))
    })
    .await;
    assert_eq!(world[Belgium].count_of(Act::AcknowledgementRefused), 0);
    assert_eq!(world[Belgium].count_of(Act::Alarm), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_is_away_is_overdue_until_it_is_back() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    world[Belgium].config.answer_times.acknowledgement_ms = 400;
    world.start(&[Belgium, Spain]).await;
    world.linked(&[Belgium, Spain]).await;
    let (id, kept) = (arrived(&world, "away").await, arrived(&world, "kept").await);
    world[Spain].stop().await;
    world[Belgium].officer().await.withdraw(id.into()).await.unwrap();
    let [duty] = duties(&world, Belgium).try_into().unwrap();
    assert_eq!((duty.debtor, duty.asked), (Debtor::Partner, Asked::Withdrawal));
    assert_eq!((duty.agency.clone(), duty.record_id), (Spain.id(), id));
    until("it is overdue", || duty.is_overdue(now())).await;
    // What is owed survives a restart, and so does whom it was sent to.
    world[Belgium].kill();
    world.start(&[Belgium]).await;
    assert_eq!(duties(&world, Belgium), [duty]);
    let officer = world[Belgium].officer().await;
    assert_eq!(officer.status().await.unwrap().overdue_duties, 1);
    let listed = officer.list_duties(None).await.unwrap();
    assert_eq!(listed.len(), 1);
    let next = officer.list_duties(Some(listed[0].place.clone())).await.unwrap();
    assert_eq!(next, []);
    officer.withdraw(kept.into()).await.unwrap();
    assert_eq!(duties(&world, Belgium).len(), 2, "known after the restart to hold it");
    world.start(&[Spain]).await;
    until("all is settled", || duties(&world, Belgium).is_empty()).await;
    assert_eq!(officer.status().await.unwrap().overdue_duties, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legal_hold_is_told_with_its_review_and_again_when_it_ends() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let id = arrived(&world, "exhibit").await;
    let spaniard = world[Spain].officer().await;
    let case = world[Spain].open_case("DP-31").await;
    let review_at = now().plus_days(30);
    let order = HoldOrder {
        ground: HoldGround::EvidenceInProceedings,
        case: case.case_id,
        reason: "exhibit".to_owned(),
        authority: "investigating judge".to_owned(),
        review_at,
    };
    let hold = spaniard.place_hold(id.into(), order).await.unwrap().hold_id;
    world[Belgium].officer().await.erase(vec![id.into()], "no longer lawful").await.unwrap();
    let kept = || duties(&world, Belgium).iter().any(|duty| duty.kept_until == Some(review_at));
    until("it is kept apart", kept).await;
    let [duty] = duties(&world, Belgium).try_into().unwrap();
    assert_eq!((duty.asked, duty.due), (Asked::Erasure, review_at));
    let named = HoldReference::new(&hold.as_bytes()[..4]).unwrap();
    spaniard.lift_hold(named, "the trial is over").await.unwrap();
    until("it is erased", || duties(&world, Belgium).is_empty()).await;
    assert_eq!(world[Belgium].count_of(Act::Acknowledged), 2);
}

/// What an imposter, or a partner that lies, hands in about a record that Spain holds.
struct Said<'w> {
    world: &'w Federation,
    id: RecordId,
}

impl Said<'_> {
    fn of(&self, change: impl Fn(&mut Acknowledgement)) -> Acknowledgement {
        let change_of = AppliedChange::Withdrawn;
        let applied = Applied {
            record_id: self.id,
            change: change_of,
            version: None,
            kept_until: None,
            at: now(),
        };
        let mut said = Acknowledgement {
            holder: Spain.id(),
            origin: Belgium.id(),
            agreement: AGREEMENT.parse().unwrap(),
            applied: vec![applied],
        };
        change(&mut said);
        said
    }

    fn by(&self, agency: Agency, said: Acknowledgement) -> Envelope {
        Signed::seal(said, &*self.world[agency].node_keys().record).into_parts().1
    }
}

async fn hand_in(envoy: &mut Envoy, said: Envelope) -> Result<(), (tonic::Code, Vec<u8>)> {
    let message = v1::AcknowledgeChangesRequest { acknowledgement: Some(said.into()) };
    match envoy.raw.acknowledge_changes(message).await {
        Ok(response) => {
            assert_eq!(response.into_inner(), v1::AcknowledgeChangesResponse {});
            Ok(())
        }
        Err(status) => Err((status.code(), status.message().as_bytes().to_vec())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_foreign_and_repeated_acknowledgements_settle_nothing_and_tell_nothing() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let (id, other) = (arrived(&world, "owed").await, arrived(&world, "live").await);
    let hidden = link(Belgium, "hidden");
    let hidden = domain::submission::Submission { audience: [France.id()].into(), ..hidden };
    let hidden = world[Belgium].submit(hidden).await.unwrap().record_id;
    world[Spain].stop().await;
    let officer = world[Belgium].officer().await;
    officer.withdraw(id.into()).await.unwrap();
    let owed = duties(&world, Belgium);
    assert_eq!(owed.len(), 1);
    let said = Said { world: &world, id };
    let mut spain = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let mut france = Envoy::dial(&world, France, Belgium).await.unwrap();

    // Refused by what they are: forged, of somebody else, or from the future.
    let stranger = SecretKey::from_seed(&[9; 32]);
    let forged = sign_bytes(Acknowledgement::TYPE, said.of(|_| ()).to_payload(), &stranger);
    let mut spoilt = said.by(Spain, said.of(|_| ()));
    *spoilt.payload.last_mut().unwrap() ^= 1;
    let later = |said: &mut Acknowledgement| said.applied[0].at = now().plus_days(1);
    for (what, one) in [
        ("forged", forged),
        ("spoilt", spoilt),
        ("signed by another", said.by(France, said.of(|_| ()))),
        ("of another holder", said.by(Spain, said.of(|said| said.holder = France.id()))),
        ("of another origin", said.by(Spain, said.of(|said| said.origin = France.id()))),
        ("under no agreement", {
            said.by(Spain, said.of(|said| said.agreement = "malines-1999".parse().unwrap()))
        }),
        ("from the future", said.by(Spain, said.of(later))),
        ("without end", {
            let long = |said: &mut Acknowledgement| {
                said.applied[0].kept_until = Some(now().plus_days(4000));
            };
            said.by(Spain, said.of(long))
        }),
    ] {
        assert!(hand_in(&mut spain, one).await.is_err(), "{what}");
    }
    assert!(
        hand_in(&mut france, said.by(Spain, said.of(|_| ()))).await.is_err(),
        "over another's line"
    );
    assert_eq!(duties(&world, Belgium), owed);
    assert!(world[Belgium].count_of(Act::Alarm) >= 1);

    // Well formed, and not owed: whatever is there or not, the answer is the same.
    let about = |record_id| move |said: &mut Acknowledgement| said.applied[0].record_id = record_id;
    let version = |n| {
        move |said: &mut Acknowledgement| {
            said.applied[0].change = AppliedChange::Version;
            said.applied[0].version = Some(Version { epoch: 1, n });
        }
    };
    let nothing = RecordId::from_bytes(random());
    for one in [
        said.by(Spain, said.of(about(nothing))),
        said.by(Spain, said.of(about(other))),
        said.by(Spain, said.of(about(hidden))),
        said.by(Spain, said.of(version(7))),
        said.by(Spain, said.of(|said| said.applied[0].at = now().plus_ms(0).minus_ms(86_400_000))),
    ] {
        assert_eq!(hand_in(&mut spain, one).await, Ok(()));
    }
    let by_france = said.by(France, said.of(|said| said.holder = France.id()));
    assert_eq!(hand_in(&mut france, by_france).await, Ok(()), "France never got it");
    assert_eq!(duties(&world, Belgium), owed, "nothing was settled");
    assert!(world[Belgium].count_of(Act::AcknowledgementRefused) >= 1);

    // The true one settles once; repeated it is answered the same and is no second entry.
    let true_one = said.by(Spain, said.of(|_| ()));
    assert_eq!(hand_in(&mut spain, true_one.clone()).await, Ok(()));
    assert_eq!(duties(&world, Belgium), []);
    assert_eq!(hand_in(&mut spain, true_one).await, Ok(()));
    assert_eq!(world[Belgium].count_of(Act::Acknowledged), 1);
    stays("the live record is not touched", || world[Belgium].holds(&other)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_settles_what_was_owed_about_the_records_of_a_dropped_class() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let (id, other) = (arrived(&world, "purged").await, arrived(&world, "purged-too").await);
    world[Spain].stop().await;
    let officer = world[Belgium].officer().await;
    officer.withdraw(id.into()).await.unwrap();
    assert_eq!(duties(&world, Belgium).len(), 1);
    // The whole class is taken from Spain before it hears of the withdrawal.
    let closed = Belgium.policy().replace("resource.band == Band::\"WEAK\"", "true");
    world[Belgium].set_policy(&closed);
    world[Belgium].reload().await;
    world.start(&[Spain]).await;
    until("it holds nothing of us", || world[Spain].records_from(Belgium) == 0).await;
    until("nothing is owed", || duties(&world, Belgium).is_empty()).await;
    officer.withdraw(other.into()).await.unwrap();
    assert_eq!(duties(&world, Belgium), [], "Spain does not hold it any more");
    assert!(!world[Spain].knows_withdrawn(&id), "no tombstone of what it may not see");
}
