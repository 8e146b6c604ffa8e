//! A corrected record: a new version that supersedes at every partner that may see it, and leaves the
//! views of those that may not any more.

use domain::correction::{Changes, Correction};
use domain::event::Act;
use domain::indicator::Kind;
use domain::name::{CaseId, RecordId};
use domain::question::PartnerAnswer;
use domain::record::{Benefit, Version};
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::submission::{Fate, Repeated};
use domain::value::{Age, Offence, Purpose, Tlp};
use federation::cast::{Agency, Agency::*};
use federation::draft::{fingerprint, link, submission};
use federation::needle::Needles;
use federation::patience::{stays, until};
use federation::world::Federation;
use std::collections::BTreeSet;
use wire::client::CallFailure;

const SECOND: Version = Version { epoch: 1, n: 2 };

fn correction(case: CaseId, changes: Changes) -> Correction {
    let reason = "the source asked for more care".to_owned();
    Correction { case, expected: None, reason, changes }
}

fn audience(agencies: &[Agency]) -> Option<BTreeSet<domain::name::AgencyId>> {
    Some(agencies.iter().map(|agency| agency.id()).collect())
}

fn code_of<T>(failed: Result<T, CallFailure>) -> Option<RefusalCode> {
    match failed {
        Err(CallFailure::Refused(refusal)) => Some(refusal.code),
        _ => None,
    }
}

/// The version that an agency holds, if it holds it alive.
fn version_at(world: &Federation, agency: Agency, id: &RecordId) -> Option<Version> {
    let row = world[agency].store().hit_row(id).filter(|_| world[agency].holds(id));
    row.map(|row| row.version)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_narrowed_leaves_and_what_is_widened_arrives() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    let case = world[Belgium].open_case("BR20.F1.1/26").await;
    let mut first = link(Belgium, "narrowed");
    first.audience = [Spain.id()].into();
    let id = world[Belgium].submit(first).await.unwrap().record_id;
    // The old class stays granted because something else lives in it.
    let mut beside = link(Belgium, "beside");
    beside.audience = [Spain.id()].into();
    let beside = world[Belgium].submit(beside).await.unwrap().record_id;
    until("Spain has both", || world[Spain].holds(&id) && world[Spain].holds(&beside)).await;
    let officer = world[Belgium].officer().await;

    let wider = Changes { audience: audience(&[Spain, France]), ..Changes::default() };
    let forecast =
        officer.correct(id.into(), correction(case.case_id, wider.clone()), Mode::DryRun);
    let forecast = forecast.await.unwrap();
    assert_eq!((forecast.version, forecast.audit_sequence), (SECOND, 0));
    assert_eq!(forecast.differences.len(), 1);
    let leaves = |agency: Agency| {
        let row = forecast.outlook.iter().find(|row| row.peer == agency.id()).unwrap();
        row.fate == Fate::Leaves
    };
    assert!(leaves(Spain) && leaves(France));
    assert_eq!(version_at(&world, Belgium, &id), Some(Version::FIRST), "only said");

    let wanted = correction(case.case_id, wider);
    let receipt = officer.correct(id.into(), wanted.clone(), Mode::Real).await.unwrap();
    assert_eq!((receipt.version, receipt.repeated), (SECOND, Repeated::No));
    assert_eq!(receipt.told, [Spain.id()]);
    for partner in [Spain, France] {
        until("the second version arrives", || version_at(&world, partner, &id) == Some(SECOND))
            .await;
    }
    assert_eq!(world[Spain].records_from(Belgium), 2, "the first version is superseded");

    // The same once more is harmless.
    let again = officer.correct(id.into(), wanted, Mode::Real).await.unwrap();
    assert_eq!((again.version, again.repeated), (SECOND, Repeated::Yes));
    assert_eq!(world[Belgium].count_of(Act::Corrected), 1);

    let narrower = Changes { audience: audience(&[France]), ..Changes::default() };
    let mut wanted = correction(case.case_id, narrower);
    wanted.expected = Some(Version::FIRST);
    let stale = officer.correct(id.into(), wanted.clone(), Mode::Real).await;
    assert_eq!(code_of(stale), Some(RefusalCode::VersionConflict), "it has moved on");
    wanted.expected = Some(SECOND);
    officer.correct(id.into(), wanted, Mode::Real).await.unwrap();
    until("it leaves Spain", || !world[Spain].holds(&id)).await;
    until("France follows", || {
        version_at(&world, France, &id).is_some_and(|version| version.n == 3)
    })
    .await;
    stays("the one beside it stays, and it does not come back", || {
        world[Spain].holds(&beside) && !world[Spain].holds(&id)
    })
    .await;

    let history = officer.history(id.into()).await.unwrap();
    let read = &world[Belgium].events_of(Act::HistoryRead)[0];
    assert_eq!(
        (read.shared.count as usize, read.local.records.clone()),
        (history.versions.len(), vec![id])
    );
    assert!(read.local.officer.is_some());
    let numbers: Vec<u32> = history.versions.iter().map(|past| past.version.n).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let (old, new) = (&history.versions[0], &history.versions[1]);
    assert!(old.reason.is_none() && old.differences.len() > 12);
    assert_eq!(new.reason.as_deref(), Some("the source asked for more care"));
    assert_eq!(new.made_by.as_ref().unwrap().as_str(), Belgium.officer());
    assert_eq!((new.differences[0].key, new.case), ("audience", Some(case.case_id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_partners_are_answered_follows_the_correction() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let number = "+33199004230";
    let id = world[Belgium].submit(submission(Belgium, Kind::Phone, number)).await.unwrap();
    let id = id.record_id;
    let (ours, theirs) =
        (world[Belgium].open_case("BR20.F1.2/26").await, world[Spain].open_case("DP-2").await);
    let ask = || world[Spain].ask(&theirs, Kind::Phone, number, Belgium);
    assert!(matches!(ask().await, PartnerAnswer::Match(found) if found[0].tlp == Tlp::Amber));
    let officer = world[Belgium].officer().await;
    let stricter = Changes { tlp: Some(Tlp::AmberStrict), ..Changes::default() };
    officer.correct(id.into(), correction(ours.case_id, stricter), Mode::Real).await.unwrap();
    let strict = Tlp::AmberStrict;
    assert!(matches!(ask().await, PartnerAnswer::Match(found) if found[0].tlp == strict));
    let nobody = Changes { audience: audience(&[]), ..Changes::default() };
    officer.correct(id.into(), correction(ours.case_id, nobody), Mode::Real).await.unwrap();
    assert_eq!(ask().await, PartnerAnswer::NoMatch);
    // Our own officers find the one record, in its last version.
    let report =
        world[Belgium].query(&ours, Kind::Phone, vec![fingerprint(Kind::Phone, number)], &[]);
    let held = report.await.held;
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].record_id, held[0].summary.tlp), (Some(id), strict));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_survives_a_restart_and_reaches_who_was_away() {
    let mut world = Federation::of(&[Belgium, Spain, France]).await;
    let id = world[Belgium].submit(link(Belgium, "away")).await.unwrap().record_id;
    for partner in [Spain, France] {
        until("it arrives", || world[partner].holds(&id)).await;
    }
    let case = world[Belgium].open_case("BR20.F1.3/26").await;
    world[France].stop().await;
    let green = Changes {
        tlp: Some(Tlp::AmberStrict),
        benefit: Some(Benefit { ground: "asks 4000 euro a seat".into() }),
        ..Changes::default()
    };
    let officer = world[Belgium].officer().await;
    officer.correct(id.into(), correction(case.case_id, green), Mode::Real).await.unwrap();
    drop(officer);
    world[Belgium].kill();
    world[Belgium].start().await;
    world[France].start().await;
    for partner in [Spain, France] {
        until("the correction arrives", || version_at(&world, partner, &id) == Some(SECOND)).await;
        assert_eq!(world[partner].records_from(Belgium), 1);
    }
    let history = world[Belgium].officer().await.history(id.into()).await.unwrap();
    assert_eq!(history.versions.len(), 2);
    let keys: Vec<&str> = history.versions[1].differences.iter().map(|one| one.key).collect();
    assert_eq!(keys, ["tlp", "benefit"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_corrected_is_refused_and_the_log_says_so() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let case = world[Belgium].open_case("BR20.F1.4/26").await;
    let spanish = world[Spain].open_case("DP-4").await;
    let [kept, gone] = [link(Belgium, "kept"), link(Belgium, "gone")];
    let ids = world[Belgium].submit_all(vec![kept, gone]).await;
    let phone = submission(Belgium, Kind::Phone, "+33199004231");
    let phone = world[Belgium].submit(phone).await.unwrap().record_id;
    until("they arrive", || ids.iter().all(|id| world[Spain].holds(id))).await;
    let (officer, spaniard) = (world[Belgium].officer().await, world[Spain].officer().await);
    officer.withdraw(ids[1].into()).await.unwrap();
    let red = || Changes { tlp: Some(Tlp::Red), ..Changes::default() };
    let of = |changes| correction(case.case_id, changes);
    let refused = [
        (ids[1], of(red()), RefusalCode::Withdrawn),
        (RecordId::from_bytes([9; 16]), of(red()), RefusalCode::NotHeld),
        (ids[0], correction(CaseId::from_bytes([9; 16]), red()), RefusalCode::NoCase),
        (
            ids[0],
            of(Changes { purposes: Some(BTreeSet::new()), ..Changes::default() }),
            RefusalCode::LabelsImpossible,
        ),
        (
            ids[0],
            of(Changes {
                offences: Some([Offence::Terrorism].into()),
                purposes: Some([Purpose::PlatformReferral].into()),
                ..Changes::default()
            }),
            RefusalCode::PurposeNotCovered,
        ),
        (phone, of(Changes { age: Some(Age::Minor), ..Changes::default() }), RefusalCode::Minor),
        (
            ids[0],
            of(Changes {
                valid_until: Some(federation::draft::now().plus_days(1800)),
                ..Changes::default()
            }),
            RefusalCode::RetentionImpossible,
        ),
    ];
    for (id, wanted, code) in refused {
        let answer = officer.correct(id.into(), wanted, Mode::Real).await;
        assert_eq!(code_of(answer), Some(code));
    }
    let theirs =
        spaniard.correct(ids[0].into(), correction(spanish.case_id, red()), Mode::Real).await;
    assert_eq!(code_of(theirs), Some(RefusalCode::OriginMismatch), "a partner's record");
    let theirs = spaniard.history(ids[0].into()).await;
    assert_eq!(code_of(theirs), Some(RefusalCode::OriginMismatch));
    assert_eq!(world[Belgium].count_of(Act::CorrectionRefused), 7);
    assert_eq!(version_at(&world, Spain, &ids[0]), Some(Version::FIRST));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_is_sealed_and_leaves_nobody_a_trace() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "sealed")).await.unwrap().record_id;
    let case = world[Belgium].open_case("BR20.F1.5/26").await;
    let mut wanted =
        correction(case.case_id, Changes { tlp: Some(Tlp::AmberStrict), ..Changes::default() });
    wanted.reason = "told by the canary of Tarifa".to_owned();
    let officer = world[Belgium].officer().await;
    officer.correct(id.into(), wanted, Mode::Real).await.unwrap();
    until("it arrives", || version_at(&world, Spain, &id) == Some(SECOND)).await;
    let mut reason = Needles::default();
    reason.text("the reason", "told by the canary of Tarifa");
    for agency in [Belgium, Spain] {
        let found = reason.found_under(world[agency].home());
        assert_eq!(found, Vec::<String>::new(), "{agency:?}");
        assert_eq!(reason.found_in(&world[agency].export()), Vec::<&str>::new(), "{agency:?}");
    }
    let corrected = world[Belgium].events_of(Act::Corrected);
    assert_eq!(corrected[0].local.records, [id]);
    assert_eq!(corrected[0].local.officer.as_ref().unwrap().as_str(), Belgium.officer());
}
