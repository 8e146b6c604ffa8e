//! A store that has grown: memory, disk, the time to serve after a kill, and what a write costs.

use audit::head::Head;
use audit::note::VerifyingKeys;
use domain::event::{Act, Event};
use domain::name::RecordId;
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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::archive::{self, Kind, Purpose, Source, Target};
use store::disk::RealDisk;
use store::{Batch, Change, EmbeddedStore, Store};

const MIB: f64 = 1024.0 * 1024.0;
const MS_PER_S: f64 = 1000.0;
/// Starts after a kill that are timed.
const STARTS: usize = 3;
/// Records that are written on top of each size, to see what one costs.
const ON_TOP: u64 = 8_192;
/// Records of one batch while the curve is drawn.
const BATCH: u64 = 512;
/// One record in so many is erased before compaction.
const ERASED_EVERY: u64 = 10;
/// Ids of one erasure.
const ERASED_AT_ONCE: usize = 4_096;
/// Commits of one record that are timed without compaction.
const COMMITS_ALONE: usize = 500;
/// The most commits that are timed while compaction runs.
const COMMITS_MAX: usize = 20_000;

fn main() -> anyhow::Result<()> {
    program::run("growth: memory, disk, start after a kill, commits during compaction", measure)
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let records = settings.records(1_000_000, 5_000)?;
    let mut report = Report::new();
    serve(records, settings, run, &mut report).await?;
    compact(records, run, &mut report)?;
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

/// Commits of one record each, alone and while a tenth of the store is compacted away.
fn compact(records: u64, run: &Path, report: &mut Report) -> anyhow::Result<()> {
    let data = run.join("served");
    let store = Arc::new(open_store(&data, OWNER)?);
    let author = Author::new(SystemClock.now())?;
    let signer = signing_key(OWNER, "record");
    let mut next = records;
    let mut commit = |store: &EmbeddedStore| -> anyhow::Result<f64> {
        let put = author.put(next, &signer).map_err(|code| anyhow::anyhow!("{code}"))?;
        next += 1;
        let batch = Batch::new()
            .with(Change::PutRecord(Box::new(put)))
            .saying(Event::new(SystemClock.now(), Act::NodeStarted));
        let begun = Instant::now();
        store.commit(batch).wait()?;
        Ok(begun.elapsed().as_secs_f64() * MS_PER_S)
    };
    let mut alone = Vec::new();
    for _ in 0..COMMITS_ALONE {
        alone.push(commit(&store)?);
    }
    erase_some(&store, records)?;
    let before = disk_bytes(&data.join("journal"))?;
    let done = Arc::new(AtomicBool::new(false));
    let (of_thread, is_done) = (Arc::clone(&store), Arc::clone(&done));
    let begun = Instant::now();
    let compaction = std::thread::spawn(move || {
        let compacted = of_thread.compact(SystemClock.now(), &|| false);
        is_done.store(true, Ordering::Release);
        compacted
    });
    let mut during = Vec::new();
    while !done.load(Ordering::Acquire) && during.len() < COMMITS_MAX {
        during.push(commit(&store)?);
    }
    let compacted = compaction.join().map_err(|_| anyhow::anyhow!("compaction failed"))??;
    let took = begun.elapsed();
    let after = disk_bytes(&data.join("journal"))?;
    println!("{compacted}");
    println!(
        "compaction took {:.1} s; the journal went from {:.0} to {:.0} MiB",
        took.as_secs_f64(),
        before as f64 / MIB,
        after as f64 / MIB
    );
    store.close()?;
    let one = |figure: Option<f64>| Samples::of(figure.into_iter());
    let (median_alone, median) = (share(&mut alone, 0.5), share(&mut during, 0.5));
    let (p99_alone, p99) = (share(&mut alone, 0.99), share(&mut during, 0.99));
    report.figure_small("commit of one record, median", "ms", &one(median_alone));
    report.figure_small("the same, 99th percentile", "ms", &one(p99_alone));
    report.figure_small("while compaction runs, median", "ms", &one(median));
    report.figure_small("the same, 99th percentile", "ms", &one(p99));
    let ratio = p99.zip(median).map(|(p99, median)| p99 / median);
    report.goal("99th percentile over median", "ratio", &one(ratio), Goal::AtMost(3.0));
    Ok(())
}

fn erase_some(store: &EmbeddedStore, records: u64) -> anyhow::Result<()> {
    let mut ids: Vec<RecordId> = Vec::new();
    for number in (0..records).step_by(ERASED_EVERY as usize) {
        ids.push(Author::record_id(number));
        if ids.len() == ERASED_AT_ONCE || number + ERASED_EVERY >= records {
            let record_ids = core::mem::take(&mut ids);
            store.commit(Batch::new().with(Change::Erase { record_ids })).wait()?;
        }
    }
    Ok(())
}

/// The figure below which this share of all lies.
fn share(figures: &mut [f64], share: f64) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(((figures.len().saturating_sub(1)) as f64 * share) as usize).copied()
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
