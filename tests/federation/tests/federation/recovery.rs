//! The backup drill: a backup under load, a loss, a restore. The restored node lets its own officers
//! read and shares nothing, answers nobody and brings nothing back.

use domain::event::Act;
use domain::name::RecordId;
use domain::refusal::RefusalCode;
use domain::report::{CaseOpening, Link, Mode};
use domain::value::{Offence, Purpose};
use federation::cast::{AGREEMENT, Agency::*, CLAUSE};
use federation::draft::link;
use federation::member::Member;
use federation::patience::{stays, until};
use federation::world::Federation;
use node::ledger::Ledger;
use node::recovery::Standing;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use store::MemoryStore;
use store::archive::Condition;
use wire::client::CallFailure;
use wire::tls::Port;

struct Shelf {
    _folder: tempfile::TempDir,
    archive: PathBuf,
    keys: PathBuf,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (archives, keys) = (folder.path().join("archives"), folder.path().join("keys"));
        fs::create_dir(&archives).unwrap();
        fs::create_dir(&keys).unwrap();
        let (archive, keys) = (archives.join("1"), keys.join("data-keys"));
        Self { _folder: folder, archive, keys }
    }

    /// Takes a backup of a running node while its officer goes on submitting. Answers what had been
    /// acknowledged when it began, and how many more were while it ran.
    async fn fill_under_load(&self, member: &Member) -> (Vec<RecordId>, usize) {
        let (acknowledged, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        let load = async {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                let some = (0..16).map(|k| link(member.agency, &format!("load-{}", n + k)));
                let ids = member.submit_all(some.collect()).await;
                acknowledged.lock().unwrap().extend(ids);
                n += 16;
            }
        };
        let backup = async {
            until("some load", || acknowledged.lock().unwrap().len() >= 64).await;
            let before = acknowledged.lock().unwrap().clone();
            let (config, archive, keys) =
                (member.config.clone(), self.archive.clone(), self.keys.clone());
            let taken =
                tokio::task::spawn_blocking(move || node::backup::backup(&config, &archive, &keys));
            let written = taken.await.unwrap().unwrap();
            assert!(written.frames > 0 && written.head.is_some(), "{written:?}");
            let during = acknowledged.lock().unwrap().len() - before.len();
            stop.store(true, Ordering::SeqCst);
            (before, during)
        };
        let ((), taken) = tokio::join!(load, backup);
        taken
    }
}

fn refused<T>(answer: Result<T, CallFailure>, what: &str) {
    match answer {
        Err(CallFailure::Refused(refusal)) => {
            assert_eq!(refusal.code, RefusalCode::Unavailable, "{what}");
            assert!(refusal.rule.unwrap().starts_with("recovery: "), "{what}");
        }
        Err(other) => panic!("{what}: {other}"),
        Ok(_) => panic!("{what} was answered"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_node_shares_nothing_answers_nobody_and_brings_nothing_back() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let shelf = Shelf::new();
    let kept = world[Belgium].submit(link(Belgium, "kept")).await.unwrap().record_id;
    let taken_back = world[Belgium].submit(link(Belgium, "taken-back")).await.unwrap().record_id;
    let erased = world[Belgium].submit(link(Belgium, "erased")).await.unwrap().record_id;
    let asked = world[Belgium].submit(link(Belgium, "asked")).await.unwrap().record_id;
    let of_spain = world[Spain].submit(link(Spain, "theirs")).await.unwrap().record_id;
    until("they arrive", || world[Spain].holds(&taken_back) && world[Belgium].holds(&of_spain))
        .await;
    world[Belgium].desk().sign_head().unwrap();
    let (before, _during) = shelf.fill_under_load(&world[Belgium]).await;

    // After the backup both take something back, and something new comes.
    world[Belgium].officer().await.withdraw(taken_back.into()).await.unwrap();
    let officer = world[Belgium].officer().await;
    let outcomes = officer.erase(vec![erased.into()], "an order of the judge").await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    drop(officer);
    let late = world[Belgium].submit(link(Belgium, "late")).await.unwrap().record_id;
    until("Spain has both", || {
        world[Spain].knows_withdrawn(&taken_back) && world[Spain].holds(&late)
    })
    .await;
    let held = world[Spain].records_from(Belgium);
    world[Belgium].kill();
    world[Spain].officer().await.withdraw(of_spain.into()).await.unwrap();
    let data = world[Belgium].config.data_folder.clone();
    until("the lock is free", || fs::remove_dir_all(&data).is_ok()).await;

    let config = world[Belgium].config.clone();
    let (archive, keys) = (shelf.archive.clone(), shelf.keys.clone());
    let restored = tokio::task::spawn_blocking(move || {
        // Another erasure was under way when the node was lost: asked for, and never settled.
        let settings = config.store_settings().unwrap();
        let elsewhere = MemoryStore::new(settings.agency, settings.clock, settings.generator);
        let elsewhere = elsewhere.unwrap();
        let ledger = Ledger::open(&config, &elsewhere).unwrap();
        ledger.ask(&elsewhere, &[asked.as_bytes()[..5].to_vec()]).unwrap();
        drop(ledger);
        // The ledger that the configuration names counts without being named once more.
        node::restore::restore(&config, &archive, &keys, None)
    });
    let report = restored.await.unwrap().unwrap();
    assert!(matches!(report.placed.condition, Condition::Recovery(_)), "{report:?}");
    world[Belgium].start().await;
    // Morocco starts only now: whatever it got from Belgium would have been shared in recovery.
    world.start(&[Morocco]).await;

    // Nothing that was acknowledged before the backup is lost, and what was withdrawn since stands
    // here as it stood then: that is why nobody may be served.
    let belgium = &world[Belgium];
    for id in before.iter().chain([&kept, &taken_back, &of_spain]) {
        assert!(belgium.holds(id), "{id} is lost");
    }
    assert!(belgium.store().hit_row(&late).is_none());
    assert_eq!(report.ledger.map(|ledger| (ledger.erased, ledger.held)), Some((2, 0)));
    for id in [&erased, &asked] {
        assert!(belgium.store().record(id).unwrap().is_none(), "what was erased comes back");
    }
    let head = belgium.store().signed_head();
    assert!(head.is_some());

    let officer = belgium.officer().await;
    let status = officer.status().await.unwrap();
    assert!(status.recovery.contains("restored at"), "{}", status.recovery);
    assert!(status.recovery.contains("two officers"), "{}", status.recovery);
    assert!(status.partners.iter().all(|partner| partner.link == Link::Down), "nobody is dialled");
    officer.list_cases(0).await.unwrap();
    let submission = link(Belgium, "in-recovery");
    refused(officer.submit(vec![submission], Mode::Real).await, "a submission");
    refused(officer.withdraw(kept.into()).await, "a withdrawal");
    refused(officer.audit_head().await, "a head");
    let opening = CaseOpening {
        agreement: AGREEMENT.parse().unwrap(),
        clause: CLAUSE.parse().unwrap(),
        purpose: Purpose::Investigation,
        offence: Offence::MigrantSmuggling,
        reference: "BR20.77.1234/26".to_owned(),
        open_days: 30,
    };
    refused(officer.open_case(opening).await, "a case");

    // Nobody listens for partners, and nobody dials them.
    let spain = world[Spain].credentials();
    assert!(world[Belgium].dial_with(Arc::clone(&spain), Port::Partner).await.is_err());
    let new = world[Spain].submit(link(Spain, "new")).await.unwrap().record_id;
    until("Morocco has it", || world[Morocco].holds(&new)).await;
    stays("nothing is shared, nothing comes back, nothing is taken in", || {
        world[Morocco].records_from(Belgium) == 0
            && world[Morocco].store().hit_row(&taken_back).is_none()
            && world[Spain].knows_withdrawn(&taken_back)
            && world[Spain].records_from(Belgium) == held
            && !world[Belgium].holds(&new)
            && world[Belgium].store().signed_head() == head
    })
    .await;
    drop(officer);

    // And a restart changes nothing of that; no head is signed at the stop either.
    world[Belgium].stop().await;
    world[Belgium].start().await;
    assert!(matches!(
        Standing::of(&world[Belgium].config.data_folder).unwrap(),
        Standing::Recovery(_)
    ));
    assert_eq!(world[Belgium].store().signed_head(), head);
    assert!(world[Belgium].dial_with(spain, Port::Partner).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_administrators_do_to_a_store_stands_in_its_log() {
    let mut world = Federation::of(&[Belgium]).await;
    let shelf = Shelf::new();
    world[Belgium].desk().sign_head().unwrap();
    let (before, _) = shelf.fill_under_load(&world[Belgium]).await;
    until("the running node enters the backup", || world[Belgium].count_of(Act::BackedUp) == 1)
        .await;
    let entry = world[Belgium].events_of(Act::BackedUp).pop().unwrap();
    assert!(entry.local.note.unwrap().contains("frames"));
    let notices = world[Belgium].config.data_folder.join("notices");
    assert_eq!(fs::read_dir(&notices).unwrap().count(), 0, "each once");
    fs::write(notices.join("x.notice"), "rm -rf /").unwrap();

    // Beside no node, and then moved to another machine.
    world[Belgium].stop().await;
    let config = world[Belgium].config.clone();
    let second = shelf.archive.with_file_name("2");
    node::backup::backup(&config, &second, &shelf.keys).unwrap();
    let third = shelf.archive.with_file_name("3");
    // Its disk said no: the entry stays, and the folder starts again.
    let nowhere = shelf.archive.with_file_name("missing").join("3");
    node::backup::export(&config, &nowhere, &shelf.keys).unwrap_err();
    node::backup::export(&config, &third, &shelf.keys).unwrap();
    fs::remove_dir_all(&config.data_folder).unwrap();
    node::restore::import(&config, &third, &shelf.keys).unwrap();
    world[Belgium].start().await;
    assert_eq!(world[Belgium].count_of(Act::Exported), 2);
    assert_eq!(world[Belgium].count_of(Act::Imported), 1);
    assert!(before.iter().all(|id| world[Belgium].holds(id)));

    world[Belgium].stop().await;
    fs::remove_dir_all(&config.data_folder).unwrap();
    node::restore::restore(&config, &second, &shelf.keys, None).unwrap();
    world[Belgium].start().await;
    assert_eq!(world[Belgium].count_of(Act::Restored), 1);
    assert_eq!(world[Belgium].count_of(Act::Exported), 0, "that backup was made before");
}
