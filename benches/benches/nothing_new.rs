//! A sync that finds nothing new, with everything already there on both sides.

use malines_benches::agreed::ASKER;
use malines_benches::load::{Puller, client};
use malines_benches::measure::{Meter, Processor, Samples};
use malines_benches::node::Node;
use malines_benches::report::{Goal, Report};
use malines_benches::server::{Server, Service};
use malines_benches::settings::Settings;
use malines_benches::{fixture, program};
use std::path::Path;
use store::Store as _;

/// Syncs of one round: one is too short for the processor's clock.
const SYNCS: u64 = 50;
const MS_PER_S: f64 = 1000.0;

fn main() -> anyhow::Result<()> {
    program::run("nothing new: dial, greet, pull and be told that all is there", measure)
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let records = settings.pick(1_000_000, 2_000);
    let (owner, receiver) = fixture::synced(records, run).await?;
    fixture::copy(&owner, &run.join("owner"))?;
    fixture::copy(&receiver, &run.join("receiver"))?;
    let begun = std::time::Instant::now();
    let server = Server::start(Service::Node { data: &run.join("owner") }, run)?;
    let node = Node::open(&run.join("receiver"), ASKER).await?;
    println!("both nodes opened in {:.1} s", begun.elapsed().as_secs_f64());
    let (mut wall, mut here, mut there) =
        (Samples::default(), Samples::default(), Samples::default());
    for round in 0..=settings.rounds {
        let (own, origin) = (Meter::begin(Processor::own())?, Meter::begin(server.processor())?);
        for _ in 0..SYNCS {
            let client = client(&server, run).await?;
            let mut puller = Puller::begin(&node.desk, &client).await?;
            while let Some(added) = puller.next().await? {
                anyhow::ensure!(added == 0, "{added} records were new");
            }
        }
        // The first round warms up.
        if round > 0 {
            let (own, origin) = (own.end()?, origin.end()?);
            let each_ms = |seconds: f64| seconds * MS_PER_S / SYNCS as f64;
            wall.push(each_ms(own.wall.as_secs_f64()));
            here.push(each_ms(own.processor_s));
            there.push(each_ms(origin.processor_s));
        }
    }
    anyhow::ensure!(node.store.count().foreign == records, "records are missing");
    let mut report = Report::new();
    let what = format!("sync, {records} records on both sides");
    report.goal(&what, "ms", &wall, Goal::AtMost(MS_PER_S));
    report.figure_small("of it, processor of the receiver", "CPU ms", &here);
    report.figure_small("of it, processor of the origin", "CPU ms", &there);
    report.print();
    node.close()?;
    server.stop()
}
