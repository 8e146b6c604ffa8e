//! How soon a narrower policy is in force on every stream that is open, while records flow: four real
//! nodes over TLS, one of which stops all sharing.

use federation::cast::Agency::*;
use federation::draft::link;
use federation::patience::until;
use federation::signatory::Signatory;
use federation::world::Federation;
use malines_benches::measure::Samples;
use malines_benches::program;
use malines_benches::report::{Goal, Report};
use malines_benches::settings::Settings;
use node::officer::OfficerRole;
use std::path::Path;
use std::time::{Duration, Instant};

/// Records in one request of the officer who submits all the while.
const AT_ONCE: usize = 64;
/// How long records flow before the change.
const FLOWING: Duration = Duration::from_millis(500);
const MS_PER_S: f64 = 1000.0;

fn main() -> anyhow::Result<()> {
    program::run("effect: a change of policy while three partners pull", measure)
}

async fn measure(settings: &Settings, _run: &Path) -> anyhow::Result<()> {
    let world = Federation::four().await;
    let first = Signatory::of(&world[Belgium], "BE-71", OfficerRole::PolicyOfficer).await;
    let second = Signatory::of(&world[Belgium], "BE-72", OfficerRole::Magistrate).await;
    let mut links = (0_u64..).map(|number| link(Belgium, &format!("page-{number}")));
    let held = settings.pick(4_096, 256);
    world[Belgium].submit_all(links.by_ref().take(held).collect()).await;
    let (mut in_force, mut gone) = (Samples::default(), Samples::default());
    // The first round warms up.
    for round in 0..=settings.rounds {
        for partner in Belgium.others() {
            until("the partner has something", || world[partner].records_from(Belgium) > 0).await;
        }
        let flow = async {
            loop {
                world[Belgium].submit_all(links.by_ref().take(AT_ONCE).collect()).await;
            }
        };
        let change = async {
            tokio::time::sleep(FLOWING).await;
            let begun = Instant::now();
            let frozen = first.freeze().await;
            (frozen, begun, begun.elapsed())
        };
        let (frozen, begun, took) = tokio::select! {
            () = flow => anyhow::bail!("the records ended"),
            changed = change => changed,
        };
        frozen?;
        // What is handed in from now on must stay at home, whatever was under way.
        let later = world[Belgium].submit(link(Belgium, &format!("later-{round}"))).await;
        let later = later.map_err(|refusal| anyhow::anyhow!("refused: {refusal}"))?.record_id;
        for partner in Belgium.others() {
            until("the copies are gone", || world[partner].records_from(Belgium) == 0).await;
        }
        if round > 0 {
            in_force.push(took.as_secs_f64() * MS_PER_S);
            gone.push(begun.elapsed().as_secs_f64() * MS_PER_S);
        }
        for partner in Belgium.others() {
            anyhow::ensure!(!world[partner].holds(&later), "a record left after the change");
        }
        first.sign(Belgium.policy()).await?;
        let proposal = second.sign(Belgium.policy()).await?;
        second.activate(&proposal).await?;
    }
    let mut report = Report::new();
    let what = "call to answer: nothing more leaves on any stream";
    report.goal(what, "ms", &in_force, Goal::AtMost(MS_PER_S));
    report.figure_small("call to the last copy gone at three partners", "ms", &gone);
    report.print();
    Ok(())
}
