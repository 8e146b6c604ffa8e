//! Erasing: forgotten here at once, at partners through the tombstone, and on the disk after upkeep.

use domain::correction::{Changes, Correction};
use domain::event::Act;
use domain::indicator::Kind;
use domain::name::RecordId;
use domain::record::Benefit;
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::value::Tlp;
use federation::cast::{ALL, Agency, Agency::*};
use federation::draft::{fingerprint, link, now};
use federation::patience::{stays, until};
use federation::world::Federation;
use std::fs;
use std::path::Path;
use store::{Erased, Table};
use wire::client::CallFailure;

/// The nodes of these agencies, with an upkeep that does not let a test wait an hour.
async fn quick(agencies: &[Agency]) -> Federation {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    for agency in agencies {
        world[*agency].config.upkeep_interval_ms = 200;
    }
    world.start(agencies).await;
    world.linked(agencies).await;
    world
}

/// The sealed bytes of every frame item of a record, as they lie in the journal now: what has to be
/// gone from the disk.
fn sealed_parts(world: &Federation, agency: Agency, id: &RecordId) -> Vec<Vec<u8>> {
    let store = world[agency].store();
    let mut parts = Vec::new();
    let mut from = 0;
    loop {
        let frames = store.tail(from, 256).unwrap();
        if frames.is_empty() {
            return parts;
        }
        from += frames.len() as u64;
        for item in frames.iter().flat_map(|frame| &frame.items) {
            let entry = item.entry.opening().map(|opening| opening.bytes.clone());
            let is_about = entry.unwrap_or_default().windows(16).any(|w| w == id.as_bytes());
            // Long ones: what a record says, not what an event says of it.
            let data = item.data.iter().chain(&item.local);
            let sealed = data.filter_map(|part| part.opening()).map(|opening| &opening.bytes);
            parts.extend(sealed.filter(|bytes| is_about && bytes.len() >= 64).cloned());
        }
    }
}

/// Is one of these in a file below the folder?
fn on_disk(folder: &Path, parts: &[Vec<u8>]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return on_disk(&path, parts);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let holds = |part: &Vec<u8>| bytes.windows(32).any(|window| window == &part[16..48]);
        parts.iter().any(holds)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_record_goes_everywhere_and_leaves_the_disks() {
    let world = quick(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "erased")).await.unwrap().record_id;
    let kept = world[Belgium].submit(link(Belgium, "kept")).await.unwrap().record_id;
    let case = world[Belgium].open_case("BR20.F1.7/26").await;
    let officer = world[Belgium].officer().await;
    let changes = Changes {
        tlp: Some(Tlp::AmberStrict),
        benefit: Some(Benefit { ground: "asks 5000 euro a seat".into() }),
        ..Changes::default()
    };
    let reason = "the seat costs more".to_owned();
    let wanted = Correction { case: case.case_id, expected: None, reason, changes };
    officer.correct(id.into(), wanted, Mode::Real).await.unwrap();
    until("both arrive", || {
        let version = world[Spain].store().hit_row(&id).map(|row| row.version.n);
        version == Some(2) && world[Spain].holds(&kept)
    })
    .await;
    let spanish = world[Spain].open_case("DP-7").await;
    let x = fingerprint(Kind::Url, "https://passage-22.example/erased");
    let report = world[Spain].query(&spanish, Kind::Url, vec![x], &[]).await;
    assert_eq!(report.held.len(), 1);
    let matches = || world[Spain].store().scan(Table::Hit, &[], None, 10).unwrap().len();
    assert_eq!(matches(), 1, "Spain keeps the match for its case");
    let folders = [Belgium, Spain].map(|agency| world[agency].config.data_folder.clone());
    let parts = [Belgium, Spain].map(|agency| sealed_parts(&world, agency, &id));
    // Two versions here, each with its two parts, and the row that keeps the first with the reason.
    assert!(parts[0].len() >= 5, "{} sealed parts", parts[0].len());
    assert!(!parts[1].is_empty());
    assert!(on_disk(&folders[0], &parts[0]) && on_disk(&folders[1], &parts[1]), "it can be seen");

    let reason = "asked for by the person".to_owned();
    let erased = officer.erase(vec![id.into()], reason.clone()).await.unwrap();
    let receipt = erased[0].clone().unwrap();
    assert_eq!((receipt.record_id, receipt.told), (id, vec![Spain.id(), France.id()]));
    assert_eq!(world[Belgium].store().hit_row(&id).unwrap().erased, Erased::Yes);
    until("the tombstone arrives", || world[Spain].knows_withdrawn(&id)).await;
    for (folder, parts) in folders.iter().zip(&parts) {
        until("the bytes leave the disk", || !on_disk(folder, parts)).await;
    }
    until("the match is forgotten", || matches() == 0).await;
    assert_eq!(world[Spain].count_of(Act::MatchesForgotten), 1);
    stays("the other record lives on", || world[Belgium].holds(&kept) && world[Spain].holds(&kept))
        .await;

    let logged = world[Belgium].events_of(Act::Erased);
    assert_eq!(logged.len(), 1);
    assert_eq!(logged[0].local.note.as_ref(), Some(&reason));
    assert_eq!(logged[0].local.records, [id]);
    for answer in [
        officer.history(id.into()).await.map(|_| ()),
        officer
            .correct(
                id.into(),
                Correction {
                    case: case.case_id,
                    expected: None,
                    reason: "again".into(),
                    changes: Changes { tlp: Some(Tlp::Red), ..Changes::default() },
                },
                Mode::Real,
            )
            .await
            .map(|_| ()),
    ] {
        let erased = RefusalCode::Erased;
        assert!(matches!(answer, Err(CallFailure::Refused(no)) if no.code == erased));
    }
    let again = officer.erase(vec![id.into()], reason).await.unwrap();
    assert_eq!(again[0].clone().unwrap_err().code, RefusalCode::Erased);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_forgotten_here_alone_and_is_not_pulled_again() {
    let mut world = quick(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "copy")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&id)).await;
    let spaniard = world[Spain].officer().await;
    let reference = wire::convert::withdrawal::RecordReference::new(&id.as_bytes()[..4]).unwrap();
    let unknown = RecordId::from_bytes([9; 16]);
    let erased = spaniard.erase(vec![reference, unknown.into()], "not lawful here").await;
    let erased = erased.unwrap();
    let receipt = erased[0].clone().unwrap();
    assert_eq!((receipt.origin, receipt.told), (Belgium.id(), Vec::new()));
    assert_eq!(erased[1].clone().unwrap_err().code, RefusalCode::NotHeld);
    assert!(world[Belgium].holds(&id), "its owner keeps it");
    stays("it is not pulled again", || !world[Spain].holds(&id)).await;
    drop(spaniard);
    world[Spain].stop().await;
    world[Spain].start().await;
    world.linked(&[Spain, Belgium]).await;
    stays("not after a restart either", || !world[Spain].holds(&id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stops_at_once_while_its_upkeep_runs() {
    let mut world = quick(&[Belgium]).await;
    let ends = now().plus_ms(1_500);
    let short = |n: usize| {
        let mut short = link(Belgium, &format!("short-{n}"));
        (short.valid_until, short.review_at) = (ends, ends);
        short
    };
    let ids = world[Belgium].submit_all((0..600).map(short).collect()).await;
    let gone = |id: &RecordId| {
        world[Belgium].store().hit_row(id).is_some_and(|row| row.erased == Erased::Yes)
    };
    until("all expire, in several batches", || ids.iter().all(gone)).await;
    let expired = world[Belgium].events_of(Act::Expired);
    assert!(expired.len() >= 3, "{} batches", expired.len());
    let counted: u32 = expired.iter().map(|event| event.shared.count).sum();
    assert_eq!(counted, 600);
    let begun = std::time::Instant::now();
    world[Belgium].stop().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "{:?}", begun.elapsed());
    world[Belgium].start().await;
    assert!(ids.iter().all(|id| !world[Belgium].holds(id)));
}
