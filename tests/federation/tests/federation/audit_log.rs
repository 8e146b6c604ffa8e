//! The logs of two partners tell the same story, and nobody can change theirs unnoticed.

use audit::verifier::verify_export;
use domain::event::{Act, Event};
use domain::indicator::Kind;
use domain::label::HandlingSet;
use domain::name::Digest;
use domain::submission::Submission;
use federation::cast::{ALL, Agency, Agency::*};
use federation::draft::{link, now, submission};
use federation::member::events_in;
use federation::patience::until;
use federation::world::Federation;

/// A link that may be used in court: France hands nothing else to a machine.
fn for_court(by: Agency, path: &str) -> Submission {
    let mut link = link(by, path);
    link.labels.handling = HandlingSet::EMPTY;
    link
}

/// A session with a little of everything: records, a withdrawal, answers, a refusal.
async fn session() -> Federation {
    let world = Federation::four().await;
    let phone = submission(Belgium, Kind::Phone, "+33199004217");
    world[Belgium].submit(phone).await.unwrap();
    for agency in ALL {
        let ids = world[agency]
            .submit_all((0..3).map(|n| for_court(agency, &format!("p{n}"))).collect())
            .await;
        for partner in agency.others() {
            world.arrived(agency, partner, 3).await;
        }
        world[agency].officer().await.withdraw(ids[0].into()).await.unwrap();
        for partner in agency.others() {
            until("it is withdrawn", || world[partner].knows_withdrawn(&ids[0])).await;
        }
    }
    let case = world[Spain].open_case("DP-2026-0098").await;
    let prosecution =
        world[Spain].open_case_for("DP-2026-0099", domain::value::Purpose::Prosecution).await;
    for value in ["+33199004217", "+33199004218"] {
        world[Spain].ask(&case, Kind::Phone, value, Belgium).await;
        world[Spain].ask(&case, Kind::Phone, value, Morocco).await;
    }
    world[Spain].ask(&prosecution, Kind::Phone, "+33199004217", Belgium).await;
    world
}

/// The exchanges with one partner, sorted.
fn exchanges(events: &[Event], acts: &[Act], partner: Agency) -> Vec<Digest> {
    let with = events.iter().filter(|event| event.shared.peer == Some(partner.id()));
    let of_acts = with.filter(|event| acts.contains(&event.shared.act));
    let mut exchanges: Vec<Digest> = of_acts.map(|event| event.shared.exchange.unwrap()).collect();
    exchanges.sort_unstable();
    exchanges
}

#[tokio::test(flavor = "multi_thread")]
async fn every_batch_and_every_question_is_one_entry_on_both_sides() {
    let world = session().await;
    let logs: Vec<_> = ALL.iter().map(|agency| (*agency, world[*agency].events())).collect();
    let mut batches = 0;
    let mut questions = 0;
    for (one, log) in &logs {
        for (other, mirror) in logs.iter().filter(|(other, _)| other != one) {
            let shared = exchanges(log, &[Act::Shared], *other);
            let received = exchanges(mirror, &[Act::Received], *one);
            assert_eq!(shared, received, "{one:?} shared, {other:?} received");
            let asked = exchanges(log, &[Act::Asked], *other);
            let answered = exchanges(mirror, &[Act::Answered, Act::AnswerRefused], *one);
            assert_eq!(asked, answered, "{one:?} asked, {other:?} answered");
            assert_eq!(asked, exchanges(log, &[Act::AnswerReceived], *other));
            for list in [&shared, &asked] {
                let mut distinct = list.clone();
                distinct.dedup();
                assert_eq!(&distinct, list, "an exchange is one entry");
            }
            batches += shared.len();
            questions += asked.len();
        }
    }
    assert!(batches >= 24, "{batches} batches");
    assert_eq!(questions, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_of_nothing_but_holes_is_told_alike_by_both_logs() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let kept = world[Belgium].submit(link(Belgium, "kept")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&kept)).await;
    world[Spain].stop().await;
    let mut brief = link(Belgium, "brief");
    brief.valid_until = now().plus_ms(1_000);
    brief.review_at = brief.valid_until;
    let brief = world[Belgium].submit(brief).await.unwrap().record_id;
    until("it has expired", || !world[Belgium].holds(&brief)).await;
    world[Spain].start().await;
    world.linked(&[Belgium, Spain]).await;
    let later = world[Belgium].submit(link(Belgium, "later")).await.unwrap().record_id;
    until("the next arrives", || world[Spain].holds(&later)).await;
    assert!(world[Spain].store().hit_row(&brief).is_none());
    let shared = exchanges(&world[Belgium].events(), &[Act::Shared], Spain);
    let received = exchanges(&world[Spain].events(), &[Act::Received], Belgium);
    assert_eq!(shared, received);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_has_the_same_purpose_and_count_on_both_sides() {
    let world = session().await;
    let (spain, belgium) = (world[Spain].events(), world[Belgium].events());
    let asked = spain.iter().filter(|event| event.shared.act == Act::Asked);
    let to_belgium = asked.filter(|event| event.shared.peer == Some(Belgium.id()));
    let mut compared = 0;
    for event in to_belgium {
        let mirror = belgium.iter().find(|mirror| {
            mirror.shared.exchange == event.shared.exchange
                && matches!(mirror.shared.act, Act::Answered | Act::AnswerRefused)
        });
        let mirror = &mirror.unwrap().shared;
        assert_eq!(
            (&mirror.purpose, mirror.count, &mirror.agreement),
            (&event.shared.purpose, event.shared.count, &event.shared.agreement)
        );
        assert_eq!(mirror.peer, Some(Spain.id()));
        compared += 1;
    }
    assert_eq!(compared, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_verifies_and_one_with_any_byte_changed_does_not() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "page")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&id)).await;

    // As an officer gets it, over the wire.
    let mut export = world[Belgium].officer().await.audit_export().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = export.next().await.unwrap() {
        bytes.extend(chunk.0);
    }
    let keys = world[Belgium].log_keys();
    let report = verify_export(bytes.as_slice(), &keys).unwrap();
    assert_eq!(report.head.agency, Belgium.id());
    assert_eq!(report.start, 0, "the whole log");
    let events = events_in(&bytes, &keys);
    assert_eq!(events.first().unwrap().shared.act, Act::NodeMade);
    assert!(events.iter().any(|event| event.shared.act == Act::LogRead), "the reading is in it");

    let step = (bytes.len() / 400).max(1);
    for at in (0..bytes.len()).step_by(step) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        assert!(verify_export(changed.as_slice(), &keys).is_err(), "byte {at} was changed");
    }
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(verify_export(&bytes[..length], &keys).is_err(), "cut at {length}");
    }
    let others = world[Spain].log_keys();
    assert!(verify_export(bytes.as_slice(), &others).is_err(), "signed by somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_over_a_kill_and_its_old_head_is_in_it() {
    let mut world = Federation::of(&[Belgium]).await;
    let keys = world[Belgium].log_keys();
    let note = world[Belgium].officer().await.audit_head().await.unwrap();
    let old = audit::head::Head::open(note.0.as_bytes(), &keys).unwrap();
    let size = old.size;
    world[Belgium].submit(link(Belgium, "page")).await.unwrap();
    world[Belgium].kill();
    world[Belgium].start().await;
    let export = world[Belgium].export();
    let report =
        audit::verifier::verify_export_with(export.as_slice(), &keys, &[old], |_| ()).unwrap();
    assert!(report.frames > size);
    let acts: Vec<Act> = events_in(&export, &keys).iter().map(|event| event.shared.act).collect();
    assert_eq!(acts.iter().filter(|act| **act == Act::NodeStarted).count(), 2);
    assert_eq!(acts.iter().filter(|act| **act == Act::Submitted).count(), 1);
}
