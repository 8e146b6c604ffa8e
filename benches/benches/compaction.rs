//! Commits beside compaction: how long each took, how much of that was the sync of the disk, and how
//! long a bare sync takes in the same moments.

use domain::event::{Act, Event};
use domain::name::RecordId;
use domain::signature::SecretKey;
use domain::time::{Clock as _, SystemClock};
use malines_benches::agreed::{OWNER, signing_key};
use malines_benches::measure::{Samples, disk_bytes};
use malines_benches::node::open_store_on;
use malines_benches::record::Author;
use malines_benches::report::{Goal, Report};
use malines_benches::settings::Settings;
use malines_benches::timed_disk::TimedDisk;
use malines_benches::{fixture, program};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::disk::Disk;
use store::{Batch, Change, EmbeddedStore, Store};

const MIB: f64 = 1024.0 * 1024.0;
const MS_PER_S: f64 = 1000.0;
/// One record in so many is erased before compaction.
const ERASED_EVERY: u64 = 10;
/// Ids of one erasure.
const ERASED_AT_ONCE: usize = 4_096;
/// Commits of one record that are timed without compaction.
const COMMITS_ALONE: usize = 2_000;
/// The most commits that are timed while compaction runs.
const COMMITS_MAX: usize = 50_000;
/// What a bare sync makes durable: about as much as a commit of one record writes.
const BARE_BYTES: usize = 1_024;
/// How long the tables are given to settle between two phases: they are behind the journal.
const SETTLE: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<()> {
    program::run("compaction: commits while segments are written anew", measure)
}

async fn measure(settings: &Settings, run: &Path) -> anyhow::Result<()> {
    let records = settings.records(1_000_000, 5_000)?;
    let data = run.join("compacted");
    fixture::copy(&fixture::owner(records).await?, &data)?;
    let disk = Arc::new(TimedDisk::new(&data));
    let store = open_store_on(Some(Arc::clone(&disk) as Arc<dyn Disk>), &data, OWNER)?;
    let mut writing = Writing {
        store: Arc::new(store),
        author: Author::new(SystemClock.now())?,
        signer: signing_key(OWNER, "record"),
        next: records,
        disk,
        bare: OpenOptions::new().append(true).create_new(true).open(run.join("bare"))?,
    };
    let mut report = Report::new();
    std::thread::sleep(settings.pick(SETTLE, Duration::ZERO));
    let mut alone = Times::default();
    for _ in 0..settings.pick(COMMITS_ALONE, 100) {
        writing.commit(&mut alone)?;
    }
    erase_some(&writing.store, records)?;
    std::thread::sleep(settings.pick(SETTLE, Duration::ZERO));
    let during = beside_compaction(&mut writing, &data)?;
    writing.store.close()?;
    alone.tell("without compaction", &mut report);
    during.tell("while compaction runs", &mut report);
    let ratio = ratio(share(&during.commits, 0.99), share(&during.commits, 0.5));
    report.goal("99th percentile over median, compaction", "ratio", &ratio, Goal::AtMost(3.0));
    report.print();
    Ok(())
}

fn beside_compaction(writing: &mut Writing, data: &Path) -> anyhow::Result<Times> {
    let before = disk_bytes(&data.join("journal"))?;
    let done = Arc::new(AtomicBool::new(false));
    let (store, is_done) = (Arc::clone(&writing.store), Arc::clone(&done));
    let begun = Instant::now();
    let compaction = std::thread::spawn(move || {
        let compacted = store.compact(SystemClock.now(), &|| false);
        is_done.store(true, Ordering::Release);
        compacted
    });
    let mut during = Times::default();
    while !done.load(Ordering::Acquire) && during.commits.len() < COMMITS_MAX {
        writing.commit(&mut during)?;
    }
    let compacted = compaction.join().map_err(|_| anyhow::anyhow!("compaction failed"))??;
    println!("{compacted}");
    println!(
        "compaction took {:.1} s beside {} commits; the journal went from {:.0} to {:.0} MiB",
        begun.elapsed().as_secs_f64(),
        during.commits.len(),
        before as f64 / MIB,
        disk_bytes(&data.join("journal"))? as f64 / MIB
    );
    Ok(during)
}

/// One writer, which waits for each commit.
struct Writing {
    store: Arc<EmbeddedStore>,
    author: Author,
    signer: SecretKey,
    next: u64,
    disk: Arc<TimedDisk>,
    bare: File,
}

impl Writing {
    /// A commit of one record, and a bare sync beside it.
    fn commit(&mut self, times: &mut Times) -> anyhow::Result<()> {
        let put = self.author.put(self.next, &self.signer);
        let put = put.map_err(|code| anyhow::anyhow!("{code}"))?;
        self.next += 1;
        let batch = Batch::new()
            .with(Change::PutRecord(Box::new(put)))
            .saying(Event::new(SystemClock.now(), Act::NodeStarted));
        self.disk.take("");
        let begun = Instant::now();
        self.store.commit(batch).wait()?;
        let took = begun.elapsed();
        // What compaction writes has another ending until it has its name.
        let synced = self.disk.take(".segment").min(took);
        let begun = Instant::now();
        self.bare.write_all(&[7; BARE_BYTES])?;
        self.bare.sync_data()?;
        times.bare.push(begun.elapsed().as_secs_f64() * MS_PER_S);
        times.commits.push(took.as_secs_f64() * MS_PER_S);
        times.rest.push((took - synced).as_secs_f64() * MS_PER_S);
        Ok(())
    }
}

/// Milliseconds, one figure a commit.
#[derive(Default)]
struct Times {
    /// Of the commit.
    commits: Vec<f64>,
    /// The same without the sync of the journal.
    rest: Vec<f64>,
    /// Of the bare sync after it.
    bare: Vec<f64>,
}

impl Times {
    fn tell(&self, when: &str, report: &mut Report) {
        let rows = [
            ("commit", &self.commits),
            ("its part beside the sync", &self.rest),
            ("bare sync", &self.bare),
        ];
        for (what, figures) in rows {
            let [median, tail] = [0.5, 0.99].map(|part| share(figures, part));
            report.figure_small(&format!("{what} {when}, median"), "ms", &one(median));
            report.figure_small("the same, 99th percentile", "ms", &one(tail));
            report.figure_small("the same, one over the other", "ratio", &ratio(tail, median));
        }
    }
}

fn one(figure: Option<f64>) -> Samples {
    Samples::of(figure.into_iter())
}

fn ratio(figure: Option<f64>, of: Option<f64>) -> Samples {
    one(figure.zip(of).map(|(figure, of)| figure / of))
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
fn share(figures: &[f64], share: f64) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len().saturating_sub(1)) as f64 * share) as usize).copied()
}
