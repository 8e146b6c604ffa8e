//! Path A: a record arrives exactly where the agreement and the policies let it, once.

use domain::indicator::Kind;
use domain::name::RecordId;
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::submission::{Fate, Repeated, Submission};
use domain::value::{Offence, Tlp};
use federation::cast::{ALL, Agency, Agency::*};
use federation::draft::{evaluation, labels, link, submission};
use federation::patience::stays;
use federation::world::Federation;
use std::collections::{BTreeMap, BTreeSet};

/// Who is told by the receipt that the record leaves for him.
fn leaves_for(outlook: &[domain::submission::Outlook]) -> BTreeSet<Agency> {
    let leaving = outlook.iter().filter(|row| row.fate == Fate::Leaves);
    let leaving = leaving.map(|row| ALL.into_iter().find(|agency| agency.id() == row.peer));
    leaving.map(Option::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_arrive_exactly_where_agreement_and_policy_let_them() {
    let world = Federation::four().await;
    let belgian = |tlp, path: &str| {
        let mut link = link(Belgium, path);
        link.labels = labels(tlp);
        link
    };
    let mut weak = belgian(Tlp::Green, "weak");
    weak.labels.evaluation = evaluation('X', 4);
    let mut for_spain = belgian(Tlp::Clear, "for-spain");
    for_spain.audience = BTreeSet::from([Spain.id()]);
    let mut for_nobody = belgian(Tlp::Clear, "for-nobody");
    for_nobody.audience.clear();
    let mut laundering = belgian(Tlp::Green, "laundering");
    laundering.offences = BTreeSet::from([Offence::MoneyLaundering]);
    laundering.benefit = None;
    let file = submission(Belgium, Kind::Sha256, "picture of a boat");
    let code = submission(Belgium, Kind::InviteCode, "Zx9QeRtYuIoPaSdFgH");
    let phone = submission(Belgium, Kind::Phone, "+33199004217");
    let cases: Vec<(Submission, &[Agency])> = vec![
        (belgian(Tlp::Clear, "clear"), &[Spain, France, Morocco]),
        (belgian(Tlp::Amber, "amber"), &[Spain, France, Morocco]),
        (belgian(Tlp::AmberStrict, "strict"), &[Spain, France]),
        (belgian(Tlp::Red, "red"), &[]),
        (weak, &[]),
        (for_spain, &[Spain]),
        (for_nobody, &[]),
        (laundering, &[]),
        (file, &[Spain, France, Morocco]),
        (code, &[Spain, France, Morocco]),
        (phone, &[]),
    ];
    let mut expected: BTreeMap<RecordId, BTreeSet<Agency>> = BTreeMap::new();
    for (submission, holders) in cases {
        let holders: BTreeSet<Agency> = holders.iter().copied().collect();
        let receipt = world[Belgium].submit(submission).await.unwrap();
        assert_eq!(leaves_for(&receipt.outlook), holders, "the outlook says what will happen");
        expected.insert(receipt.record_id, holders);
    }
    for partner in Belgium.others() {
        let count = expected.values().filter(|holders| holders.contains(&partner)).count();
        world.arrived(Belgium, partner, count as u64).await;
    }
    let exactly = || {
        expected.iter().all(|(record_id, holders)| {
            Belgium
                .others()
                .all(|partner| world[partner].holds(record_id) == holders.contains(&partner))
        })
    };
    stays("each record is where it may be and nowhere else", exactly).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_country_shares_under_its_own_policy() {
    let world = Federation::four().await;
    let mut expected: BTreeMap<RecordId, BTreeSet<Agency>> = BTreeMap::new();
    // Spain shares AMBER_STRICT with everybody when lives are in danger, and only then.
    let mut danger = link(Spain, "danger");
    danger.labels = labels(Tlp::AmberStrict);
    danger.offences = BTreeSet::from([Offence::MigrantSmugglingAggravated]);
    let mut strict = danger.clone();
    strict.idempotency_key = link(Spain, "another").idempotency_key;
    strict.offences = BTreeSet::from([Offence::MigrantSmuggling]);
    // Morocco shares fake jobs; Belgium takes them, and never shares its own.
    let mut job = link(Morocco, "job");
    job.offences = BTreeSet::from([Offence::JobOrTravelFraud]);
    let mut belgian_job = link(Belgium, "job");
    belgian_job.offences = job.offences.clone();
    for (by, submission) in
        [(Spain, danger), (Spain, strict), (Morocco, job), (Belgium, belgian_job)]
    {
        let receipt = world[by].submit(submission).await.unwrap();
        expected.insert(receipt.record_id, leaves_for(&receipt.outlook));
    }
    let sets: Vec<usize> = expected.values().map(BTreeSet::len).collect();
    assert_eq!(sets.iter().sum::<usize>(), 6, "two records leave for three partners each");
    let all_there = || {
        expected.iter().all(|(id, holders)| holders.iter().all(|holder| world[*holder].holds(id)))
    };
    federation::patience::until("all arrive", all_there).await;
    let exactly = || {
        let held = |id: &RecordId| ALL.into_iter().filter(|one| world[*one].holds(id)).count();
        expected.iter().all(|(id, holders)| held(id) == holders.len() + 1)
    };
    stays("each is at its origin and its holders", exactly).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_repeated_under_its_key_is_one_record() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let once = link(Belgium, "once");
    let first = world[Belgium].submit(once.clone()).await.unwrap();
    assert_eq!(first.repeated, Repeated::No);
    let mut changed = once.clone();
    changed.labels = labels(Tlp::Clear);
    for _ in 0..2 {
        let receipt = world[Belgium].submit(once.clone()).await.unwrap();
        assert_eq!(receipt.repeated, Repeated::Yes);
        assert_eq!(
            (receipt.record_id, receipt.audit_sequence),
            (first.record_id, first.audit_sequence)
        );
    }
    let refused = world[Belgium].submit(changed).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::VersionConflict, "another content under the same key");
    world.arrived(Belgium, Spain, 1).await;
    stays("one record", || {
        world[Belgium].own_records().len() == 1 && world[Spain].records_from(Belgium) == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let officer = world[Belgium].officer().await;
    let (good, mut bad) = (link(Belgium, "good"), link(Belgium, "bad"));
    bad.benefit = None;
    let results = officer.submit(vec![good, bad], Mode::DryRun).await.unwrap();
    assert_eq!(leaves_for(&results[0].as_ref().unwrap().outlook).len(), 3);
    assert_eq!(results[1].as_ref().unwrap_err().code, RefusalCode::BenefitMissing);
    stays("nothing was recorded", || {
        world[Belgium].own_records().is_empty() && world[Spain].records_from(Belgium) == 0
    })
    .await;
    let acts = world[Belgium].events();
    let of_submissions = |act| acts.iter().any(|event| event.shared.act == act);
    assert!(!of_submissions(domain::event::Act::Submitted));
    assert!(!of_submissions(domain::event::Act::SubmissionRefused));
}
