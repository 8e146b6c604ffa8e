//! A store that has grown: memory, disk, the time to serve after a kill, and what a write costs.

use audit::head::Head;
use audit::note::VerifyingKeys;
use domain::signature::Signer as _;
use domain::time::{Clock as _, SystemClock};
use malines_benches::agreed::{self, OWNER, signing_key};
use malines_benches::load::{Check, Load, Questions, Shape, client, token_key};
use malines_benches::measure::{Meter, Processor, Samples, disk_bytes};
use malines_benches::node::open_store;
use malines_benches::record::Author;
use malines_benches::report::{Goal, Report};
use malines_benches::server::{Server, Service};
use malines_benches::settings::Settings;
use malines_benches::{fixture, program};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::archive::{self, Kind, Purpose, Source, Target};
use store::disk::RealDisk;
use store::{Batch, Change, Store};

const MIB: f64 = 1024.0 * 1024.0;
/// Starts after a kill that are timed.
const STARTS: usize = 3;
/// Records that are written on top of each size, to see what one costs.
const ON_TOP: u64 = 8_192;
/// Records of one batch while the curve is drawn.
const BATCH: u64 = 512;

fn main() -> anyhow::Result<()> {
    program::run("growth: memory, disk, start after a kill, what a write costs", measure)
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let records = settings.records(1_000_000, 5_000)?;
    let mut report = Report::new();
    serve(records, settings, run, &mut report).await?;
    curve(records, run, &mut report).await?;
    report.print();
    Ok(())
}

/// What a serving node takes, and how soon it serves again after it was killed at work.
async fn serve(
    records: u64,
    settings: &Settings,
    run: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let data = run.join("served");
    move_to(&data, &fixture::owner(records).await?, run, records, report)?;
    let [mut resident, mut ready, mut on_disk] = [const { Samples::new() }; 3];
    let mut server = Server::start(Service::Node { data: &data }, run)?;
    for _ in 0..STARTS {
        let (epoch, key) = token_key(&client(&server, run).await?).await?;
        let shape = Shape { questions: 16, tokens: 1, hit_every: 2, records };
        let questions = Arc::new(Questions::new(shape, epoch, &key)?);
        let load = Load::new(&server, run, 32, Check::Matches).await?;
        // Every answer is a frame of the journal: there is something to be cut off.
        load.run(&questions, settings.turn()).await?;
        resident.push(server.processor().resident_bytes()? as f64 / MIB);
        server.kill()?;
        on_disk.push(disk_bytes(&data)? as f64 / records as f64);
        let begun = Instant::now();
        server = Server::start(Service::Node { data: &data }, run)?;
        ready.push(begun.elapsed().as_secs_f64());
    }
    server.stop()?;
    let large = records > 1_000_000;
    let memory = Goal::AtMost(if large { 1536.0 } else { 512.0 });
    report.goal(&format!("resident, {records} records"), "MiB", &resident, memory);
    report.goal("on disk, journal and tables", "bytes a record", &on_disk, Goal::AtMost(2048.0));
    let soon = Goal::AtMost(if large { 30.0 } else { 10.0 });
    report.goal("serves again after kill -9", "s", &ready, soon);
    Ok(())
}

/// Moves a store as an operator does: an export of the one folder, imported into the other.
fn move_to(
    to: &Path,
    from: &Path,
    run: &Path,
    records: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (agency, kek) = (agreed::agency(OWNER)?, agreed::seed(OWNER, "key encryption"));
    let (file, now) = (run.join("moved.archive"), SystemClock.now());
    let disk = RealDisk::new(from);
    let source = Source { disk: &disk, agency: &agency, kek: &kek };
    let mut out = BufWriter::new(File::create(&file)?);
    let begun = Instant::now();
    let written = archive::write(&source, Kind::Export, now, &mut out, &mut |_, _| {})?;
    out.into_inner()?.sync_all()?;
    let exported_s = begun.elapsed().as_secs_f64();

    std::fs::create_dir_all(to)?;
    let disk = RealDisk::new(to);
    let locked = archive::lock(to, &disk)?;
    let log = Head::key(&agency, signing_key(OWNER, "log").public_key())?;
    let head_keys = VerifyingKeys::new([log])?;
    let target = Target { disk: &disk, agency: &agency, kek: &kek, head_keys: &head_keys };
    let mut input = BufReader::new(File::open(&file)?);
    let begun = Instant::now();
    let (purpose, keys) = (Purpose::Import, &written.keys);
    archive::restore(&target, purpose, &mut input, keys, now, &mut |_| {})?;
    let imported_s = begun.elapsed().as_secs_f64();
    drop(locked);
    std::fs::remove_file(&file)?;
    let each = |seconds: f64| Samples::of(core::iter::once(seconds * 1e6 / records as f64));
    report.figure_small("export", "s a million records", &each(exported_s));
    report.figure_small("import", "s a million records", &each(imported_s));
    Ok(())
}

/// What the next records cost in stores of different sizes.
async fn curve(records: u64, run: &Path, report: &mut Report) -> anyhow::Result<()> {
    let author = Author::new(SystemClock.now())?;
    let signer = signing_key(OWNER, "record");
    let mut costs = Vec::new();
    for size in [records / 100, records / 10, records] {
        let data = run.join(format!("curve-{size}"));
        fixture::copy(&fixture::owner(size).await?, &data)?;
        let store = open_store(&data, OWNER)?;
        // What opening left to do is not the cost of a write.
        std::thread::sleep(Duration::from_secs(1));
        let mut samples = Samples::new();
        let mut number = size;
        for _ in 0..5 {
            let mut batches = Vec::new();
            for _ in 0..ON_TOP / BATCH {
                let mut batch = Batch::new();
                for _ in 0..BATCH {
                    let put =
                        author.put(number, &signer).map_err(|code| anyhow::anyhow!("{code}"))?;
                    batch = batch.with(Change::PutRecord(Box::new(put)));
                    number += 1;
                }
                batches.push(batch);
            }
            let meter = Meter::begin(Processor::own())?;
            for batch in batches {
                store.commit(batch).await?;
            }
            samples.push(meter.end()?.processor_s * 1e6 / ON_TOP as f64);
        }
        store.close()?;
        std::fs::remove_dir_all(&data)?;
        let what = format!("a record more, store of {size}");
        report.figure_small(&what, "CPU us", &samples);
        costs.push(samples);
    }
    if let [small, .., large] = costs.as_slice() {
        let ratio = large.over(small);
        report.goal("the largest over the smallest", "ratio", &ratio, Goal::AtMost(1.5));
    }
    Ok(())
}
