//! An agreement that ends, or that a party suspends, cuts the connection that is open.

use agreement::{Act as Said, Agreement, SignedEvents};
use desk::agreements::Bundle;
use domain::envelope::Payload as _;
use domain::indicator::Kind;
use domain::question::PartnerAnswer;
use domain::refusal::RefusalCode;
use federation::cast::{AGREEMENT, ALL, Agency, Agency::*};
use federation::draft::{link, now};
use federation::envoy::Envoy;
use federation::patience::{PATIENCE, stays, until};
use federation::world::Federation;
use wire::connect::DialFailure;

/// The bundle with one more word of a party's authority.
fn said_by(world: &Federation, bundle: &Bundle, party: Agency, said: Said) -> Bundle {
    let agreement = Agreement::from_payload(&bundle.agreement).unwrap();
    let mut events = SignedEvents::collect(&agreement, bundle.events.iter().cloned()).unwrap();
    let key = world[party].authority_key();
    let event = events.append(&agreement, &party.id(), said, now(), &key).unwrap();
    let mut longer = bundle.clone();
    longer.events.push(event);
    longer
}

/// An open stream of a partner's own at Belgium, which ends when the connection is cut.
async fn watch_of(world: &Federation, partner: Agency) -> (Envoy, wire::client::Watch) {
    let envoy = Envoy::dial(world, partner, Belgium).await.unwrap();
    let watch = envoy.client.watch(&AGREEMENT.parse().unwrap()).await.unwrap();
    (envoy, watch)
}

/// Reads the nudges of a stream until it is cut.
async fn is_cut(watch: &mut wire::client::Watch) -> bool {
    let reading = async { while watch.changed().await.is_ok() {} };
    tokio::time::timeout(PATIENCE, reading).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_suspends_is_cut_and_the_others_go_on_until_it_lifts() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    let (envoy, mut of_spain) = watch_of(&world, Spain).await;
    let (_french, mut of_france) = watch_of(&world, France).await;
    let signed = world.on_file(AGREEMENT);
    let suspended = said_by(&world, &signed, Spain, Said::Suspend);
    world.install(&[Belgium, Spain, France], &suspended).await;
    assert!(is_cut(&mut of_spain).await, "Spain's open stream ends");
    let called = envoy.client.fetch_token_keys(&AGREEMENT.parse().unwrap()).await;
    assert!(called.is_err(), "and its connection does not come back");
    let refused = Envoy::dial(&world, Spain, Belgium).await.err().unwrap();
    assert!(matches!(refused, DialFailure::RefusedByPeer { .. }), "{refused:?}");

    let id = world[Belgium].submit(link(Belgium, "meanwhile")).await.unwrap().record_id;
    until("France is served", || world[France].holds(&id)).await;
    let nudged = tokio::time::timeout(PATIENCE, of_france.changed()).await.unwrap();
    assert!(nudged.is_ok(), "France's open stream was not cut");
    stays("Spain gets nothing", || !world[Spain].holds(&id)).await;
    let case = world[Spain].open_case("DP-2026-0098").await;
    let answer = world[Spain].ask(&case, Kind::Phone, "+33199004217", Belgium).await;
    assert_eq!(answer, PartnerAnswer::NotAsked(RefusalCode::AgreementNotInForce));

    let lifted = said_by(&world, &suspended, Spain, Said::Lift);
    world.install(&[Belgium, Spain, France], &lifted).await;
    until("Spain is served again", || world[Spain].holds(&id)).await;
}

/// Terms that hold for so many milliseconds more. The last two minutes before the written end are
/// never used, so that no clock is in doubt.
fn ending_in(world: &mut Federation, in_force_ms: u64) {
    world.terms.valid_to = now().plus_ms(agreement::standing::SKEW_MS + in_force_ms);
    world.hand_out(&world.signed_by(&ALL));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_that_expires_cuts_everybody_and_nothing_moves_any_more() {
    let mut world = Federation::found();
    ending_in(&mut world, 8_000);
    world.start(&[Belgium]).await;
    let before = world[Belgium].submit(link(Belgium, "before")).await.unwrap().record_id;
    let (mut envoy, mut watch) = watch_of(&world, Spain).await;
    let wanted = envoy.whole_view().await;
    assert!(envoy.pull(wanted).await.is_ok(), "in time");
    assert!(is_cut(&mut watch).await, "the open stream ends with the agreement");
    let refused = Envoy::dial(&world, Spain, Belgium).await.err().unwrap();
    assert!(matches!(refused, DialFailure::RefusedByPeer { .. }), "{refused:?}");
    let late = world[Belgium].submit(link(Belgium, "late")).await.unwrap_err();
    assert_eq!(late.code, RefusalCode::AgreementNotInForce);
    assert!(world[Belgium].holds(&before), "what is ours stays ours");
    let status = world[Belgium].officer().await.status().await.unwrap();
    assert_eq!(status.agreements[0].standing, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_carries_records_to_its_last_day() {
    let mut world = Federation::found();
    ending_in(&mut world, 3_600_000);
    world.start(&[Belgium, Spain]).await;
    world.linked(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "last-day")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&id)).await;
}
