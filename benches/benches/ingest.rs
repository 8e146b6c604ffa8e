//! Durable ingest of signed records, beside signing alone.

use anyhow::Context as _;
use domain::name::OfficerId;
use domain::report::Mode;
use domain::signature::{Signer as _, Verifier as _};
use domain::time::{Clock as _, SystemClock};
use malines_benches::agreed::{OWNER, signing_key};
use malines_benches::measure::{Meter, Processor, Samples, Spent};
use malines_benches::node::Node;
use malines_benches::program;
use malines_benches::record::Author;
use malines_benches::report::{Goal, Report};
use malines_benches::settings::Settings;
use std::collections::VecDeque;
use std::path::Path;
use store::{Batch, Change, Store as _};

/// Records of one batch of the store, and submissions of one call of the desk.
const BATCH: u64 = 512;
/// Batches that wait for the disk while the next ones are signed.
const WAITING_MAX: usize = 4;
const BY_PROCESSOR: &str = "records per CPU s";
const BY_WALL: &str = "records per second";

fn main() -> anyhow::Result<()> {
    program::run("ingest: records signed and durable on the disk, one process", measure)
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let records = settings.pick(20_480, 1_024);
    let author = Author::new(SystemClock.now())?;
    let officer: OfficerId = "BE-1042".parse()?;
    let (mut stored, mut stored_wall) = (Samples::default(), Samples::default());
    let (mut submitted, mut submitted_wall) = (Samples::default(), Samples::default());
    let mut signed = Samples::default();
    for round in 0..settings.rounds {
        let folder = run.join(format!("store-{round}"));
        let spent = into_store(&folder, &author, records).await?;
        stored.push(spent.per_processor_second(records));
        stored_wall.push(spent.per_wall_second(records));
        let spent = sign_alone(&author, records)?;
        signed.push(spent.per_processor_second(records));
        let folder = run.join(format!("desk-{round}"));
        let spent = through_desk(&folder, &author, &officer, records).await?;
        submitted.push(spent.per_processor_second(records));
        submitted_wall.push(spent.per_wall_second(records));
    }
    let mut report = Report::new();
    report.figure("sign and store, batches of 512", BY_PROCESSOR, &stored);
    report.figure("sign and store, batches of 512", BY_WALL, &stored_wall);
    report.figure("submit at the desk, calls of 512", BY_PROCESSOR, &submitted);
    report.figure("submit at the desk, calls of 512", BY_WALL, &submitted_wall);
    report.figure("sign alone (Ed25519)", BY_PROCESSOR, &signed);
    let goal = Goal::AtLeast(0.4);
    report.goal("sign and store over sign", "ratio", &stored.over(&signed), goal);
    report.goal("submit at the desk over sign", "ratio", &submitted.over(&signed), goal);
    report.print();
    Ok(())
}

/// What the disk was given is closed within the measurement: nothing is left to do afterwards.
async fn into_store(folder: &Path, author: &Author, records: u64) -> anyhow::Result<Spent> {
    let node = Node::open(folder, OWNER).await?;
    let signer = signing_key(OWNER, "record");
    let meter = Meter::begin(Processor::own())?;
    let mut waiting = VecDeque::new();
    for start in (0..records).step_by(BATCH as usize) {
        let mut batch = Batch::new();
        for number in start..records.min(start + BATCH) {
            let put = author.put(number, &signer).map_err(|code| anyhow::anyhow!("{code}"))?;
            batch = batch.with(Change::PutRecord(Box::new(put)));
        }
        waiting.push_back(node.store.commit(batch));
        if waiting.len() > WAITING_MAX
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.await?;
        }
    }
    for pending in waiting {
        pending.await?;
    }
    anyhow::ensure!(node.store.count().own == records, "records are missing");
    node.close()?;
    meter.end()
}

async fn through_desk(
    folder: &Path,
    author: &Author,
    officer: &OfficerId,
    records: u64,
) -> anyhow::Result<Spent> {
    let node = Node::open(folder, OWNER).await?;
    let meter = Meter::begin(Processor::own())?;
    for start in (0..records).step_by(BATCH as usize) {
        let numbers = start..records.min(start + BATCH);
        let submissions: Result<Vec<_>, _> = numbers.map(|n| author.submission(n)).collect();
        let submissions = submissions.map_err(|code| anyhow::anyhow!("{code}"))?;
        for outcome in node.desk.submit(officer, submissions, Mode::Real).await? {
            outcome.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        }
    }
    anyhow::ensure!(node.store.count().own == records, "records are missing");
    node.close()?;
    meter.end()
}

/// The same payloads, signed and dropped.
fn sign_alone(author: &Author, records: u64) -> anyhow::Result<Spent> {
    let signer = signing_key(OWNER, "record");
    let put = author.put(0, &signer).map_err(|code| anyhow::anyhow!("{code}"))?;
    let mut message = put.envelope.payload;
    let meter = Meter::begin(Processor::own())?;
    let mut last = None;
    for number in 0..records {
        if let Some(place) = message.first_chunk_mut::<8>() {
            *place = number.to_le_bytes();
        }
        last = Some(std::hint::black_box(signer.sign(std::hint::black_box(&message))));
    }
    let spent = meter.end()?;
    let last = last.context("nothing was signed")?;
    signer.public_key().verify(&message, &last).context("what was signed does not verify")?;
    Ok(spent)
}
