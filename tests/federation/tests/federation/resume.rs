//! A pull that is cut, on either side, goes on where it stood: nothing twice, nothing missing.

use domain::submission::Submission;
use domain::value::{Onward, Pap, Tlp};
use federation::cast::{ALL, Agency::*};
use federation::draft::{labels, link};
use federation::patience::PATIENCE;
use federation::world::Federation;
use std::time::{Duration, Instant};

/// How many records, in how many classes.
const RECORDS: usize = 3_000;

fn many() -> Vec<Submission> {
    let tlps = [Tlp::Clear, Tlp::Green, Tlp::Amber];
    let paps = [Pap::Clear, Pap::Green];
    let onwards = [Onward::Never, Onward::WithOriginatorConsent];
    let of = |n: usize| {
        let mut link = link(Belgium, &format!("page-{n}"));
        link.labels = labels(tlps[n % 3]);
        link.labels.pap = paps[n / 3 % 2];
        link.onward = onwards[n / 6 % 2];
        link
    };
    (0..RECORDS).map(of).collect()
}

/// Waits until Spain has begun, and says how far it has come.
async fn under_way(world: &Federation, more_than: u64) -> u64 {
    let begun = Instant::now();
    loop {
        let held = world[Spain].records_from(Belgium);
        if held > more_than {
            return held;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing arrives");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_is_cut_on_either_side_ends_in_equal_sets() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    world.start(&[Belgium]).await;
    let ids = world[Belgium].submit_all(many()).await;
    assert_eq!(ids.len(), RECORDS);
    world.start(&[Spain]).await;
    let at_first_cut = under_way(&world, 0).await;
    world[Spain].kill();
    assert!(at_first_cut < RECORDS as u64, "the receiver was cut in the middle");
    world[Spain].start().await;
    let kept = world[Spain].records_from(Belgium);
    assert!(kept >= at_first_cut, "what was there is there");

    let at_second_cut = under_way(&world, kept).await;
    world[Belgium].kill();
    assert!(at_second_cut < RECORDS as u64, "the origin was cut in the middle");
    world[Belgium].start().await;

    world.arrived(Belgium, Spain, RECORDS as u64).await;
    let own = world[Belgium].own_records();
    assert_eq!(own.len(), RECORDS);
    assert!(own.iter().eq(ids.iter().collect::<std::collections::BTreeSet<_>>()));
    let missing = own.iter().filter(|id| !world[Spain].holds(id)).count();
    assert_eq!(missing, 0, "the ids of the class logs are the ids held");
    assert_eq!(world[Spain].store().count().foreign, RECORDS as u64, "and no others");
}
