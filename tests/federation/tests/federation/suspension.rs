//! An agreement that ends, or that a party suspends, cuts the connection that is open.

use agreement::declaration::{Scope, Step};
use domain::indicator::Kind;
use domain::question::PartnerAnswer;
use domain::refusal::RefusalCode;
use federation::cast::{AGREEMENT, ALL, Agency, Agency::*};
use federation::draft::{fingerprint, link, now};
use federation::envoy::{Envoy, code_of};
use federation::patience::{PATIENCE, stays, until};
use federation::world::Federation;
use wire::client::CallFailure;
use wire::convert::question::Answer;

const PHONE: &str = "+33199004217";

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

/// The envoy is let in, is told papers, and is refused everything else.
async fn is_told_papers_alone(envoy: &mut Envoy) {
    let agreement = AGREEMENT.parse().unwrap();
    let dockets = envoy.client.list_dockets().await.unwrap();
    assert_eq!(dockets.len(), 1);
    assert_eq!(dockets[0].0, agreement);
    let papers = envoy.client.fetch_papers(&agreement, &Default::default()).await.unwrap();
    assert!(!papers.is_empty());
    let not_in_force = Some(RefusalCode::AgreementNotInForce);
    let wanted = envoy.whole_view().await;
    assert_eq!(code_of(&envoy.pull(wanted).await.unwrap_err()), not_in_force);
    let watched = envoy.client.watch(&agreement).await;
    assert!(matches!(watched, Err(CallFailure::Refused(no)) if Some(no.code) == not_in_force));
    let keys = envoy.client.fetch_token_keys(&agreement).await;
    assert!(matches!(keys, Err(CallFailure::Refused(no)) if Some(no.code) == not_in_force));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_suspends_is_cut_and_the_others_go_on_until_it_lifts() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    let (mut envoy, mut of_spain) = watch_of(&world, Spain).await;
    let (_french, mut of_france) = watch_of(&world, France).await;
    let question = envoy.question(Kind::Phone, &[fingerprint(Kind::Phone, PHONE)]).await;
    let suspended = world.said_by(Spain, Step::Suspend { scope: Scope::All });
    // At its own node alone: the others hear of it.
    world.file(&[Spain], vec![suspended]).await;
    assert!(is_cut(&mut of_spain).await, "Spain's open stream ends");
    is_told_papers_alone(&mut envoy).await;
    let answer = Answer::try_from(envoy.ask(&question).await.unwrap()).unwrap();
    assert_eq!(answer, Answer::Refused(RefusalCode::AgreementNotInForce));
    let mut again = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    is_told_papers_alone(&mut again).await;

    let id = world[Belgium].submit(link(Belgium, "meanwhile")).await.unwrap().record_id;
    until("France is served", || world[France].holds(&id)).await;
    let nudged = tokio::time::timeout(PATIENCE, of_france.changed()).await.unwrap();
    assert!(nudged.is_ok(), "France's open stream was not cut");
    stays("Spain gets nothing", || !world[Spain].holds(&id)).await;
    let case = world[Spain].open_case("DP-2026-0098").await;
    let answer = world[Spain].ask(&case, Kind::Phone, PHONE, Belgium).await;
    assert_eq!(answer, PartnerAnswer::NotAsked(RefusalCode::AgreementNotInForce));
    let status = world[Belgium].officer().await.status().await.unwrap();
    assert_eq!(status.agreements[0].standing, "in force, suspended for es-pn");

    let lifted = world.said_by(Spain, Step::Lift { scope: Scope::All });
    world.file(&[Spain], vec![lifted]).await;
    until("Spain is served again", || world[Spain].holds(&id)).await;
}

/// Terms that hold for so many milliseconds more. The last two minutes before the written end are
/// never used, so that no clock is in doubt.
fn ending_in(world: &mut Federation, in_force_ms: u64) {
    world.terms.valid_to = now().plus_ms(agreement::SKEW_MS + in_force_ms);
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
    is_told_papers_alone(&mut envoy).await;
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
