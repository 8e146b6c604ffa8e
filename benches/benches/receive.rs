//! Sync of everything to a second node, beside strict verification alone.

use domain::envelope::{Envelope, Payload as _};
use domain::record::Record;
use domain::signature::Signer as _;
use domain::time::{Clock as _, SystemClock};
use malines_benches::agreed::{ASKER, OWNER, signing_key};
use malines_benches::load::{Puller, client};
use malines_benches::measure::{Meter, Processor, Samples, Spent};
use malines_benches::node::Node;
use malines_benches::record::Author;
use malines_benches::report::{Goal, Report};
use malines_benches::server::{Server, Service};
use malines_benches::settings::Settings;
use malines_benches::{fixture, program};
use std::path::Path;
use store::Store as _;
use wire::client::PeerClient;

/// Different envelopes that are verified.
const ENVELOPES: u64 = 4096;
const BY_PROCESSOR: &str = "records per receiver CPU s";

fn main() -> anyhow::Result<()> {
    program::run(
        "receive: a second node pulls over mutual TLS, verifies, decides and stores",
        measure,
    )
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let records = settings.pick(100_000, 1_000);
    let part = settings.pick(15_360, records);
    let data = run.join("owner");
    fixture::copy(&fixture::owner(records).await?, &data)?;
    let server = Server::start(Service::Node { data: &data }, run)?;
    let client = client(&server, run).await?;
    let envelopes = envelopes(settings.pick(ENVELOPES, 256))?;
    let (mut pulled, mut pulled_wall) = (Samples::default(), Samples::default());
    let (mut verified, mut sent) = (Samples::default(), Samples::default());
    for round in 0..settings.rounds {
        let folder = run.join(format!("receiver-{round}"));
        let sender = Meter::begin(server.processor())?;
        let (arrived, spent) = pull(&folder, &client, part).await?;
        sent.push(sender.end()?.per_processor_second(arrived));
        pulled.push(spent.per_processor_second(arrived));
        pulled_wall.push(spent.per_wall_second(arrived));
        verified.push(verify_alone(&envelopes, arrived)?.per_processor_second(arrived));
    }
    let mut report = Report::new();
    report.figure("pull, verify and store", BY_PROCESSOR, &pulled);
    report.figure("pull, verify and store", "records per second", &pulled_wall);
    report.figure("verify alone (Ed25519, strict)", BY_PROCESSOR, &verified);
    let ratio = pulled.over(&verified);
    report.goal("pull over verify", "ratio", &ratio, Goal::AtLeast(0.4));
    report.figure("the sending node, beside it", "records per sender CPU s", &sent);
    report.print();
    server.stop()
}

/// Pulls at least so many records into a new store; closing it is part of the measurement.
async fn pull(folder: &Path, client: &PeerClient, part: u64) -> anyhow::Result<(u64, Spent)> {
    let node = Node::open(folder, ASKER).await?;
    let meter = Meter::begin(Processor::own())?;
    let mut puller = Puller::begin(&node.desk, client).await?;
    let mut arrived = 0;
    while arrived < part {
        let Some(added) = puller.next().await? else { break };
        arrived += added;
    }
    drop(puller);
    anyhow::ensure!(
        arrived >= part && node.store.count().foreign == arrived,
        "records are missing"
    );
    node.close()?;
    Ok((arrived, meter.end()?))
}

fn envelopes(count: u64) -> anyhow::Result<Vec<Envelope>> {
    let author = Author::new(SystemClock.now())?;
    let signer = signing_key(OWNER, "record");
    let puts = (0..count).map(|number| author.put(number, &signer).map(|put| put.envelope));
    puts.collect::<Result<Vec<_>, _>>().map_err(|code| anyhow::anyhow!("{code}"))
}

fn verify_alone(envelopes: &[Envelope], count: u64) -> anyhow::Result<Spent> {
    let key = signing_key(OWNER, "record").public_key();
    let id = key.id();
    let meter = Meter::begin(Processor::own())?;
    for (_, envelope) in (0..count).zip(envelopes.iter().cycle()) {
        envelope.verify(Record::TYPE, id, &key)?;
    }
    meter.end()
}
