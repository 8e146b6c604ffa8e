//! Folders full of records, made once and kept below the target folder; a run works on a copy.

use crate::agreed::{ASKER, OWNER, agreement_id, signing_key};
use crate::load;
use crate::node::Node;
use crate::record::Author;
use crate::server::{Server, Service};
use crate::settings;
use anyhow::{Context as _, bail};
use domain::time::{Clock as _, SystemClock};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::{Batch, Change, Store};

/// Goes up when what is in a fixture changes; older ones are made again.
const FORMAT: u32 = 4;
/// Records of one batch.
const BATCH_RECORDS: u64 = 512;
/// Batches that wait for the disk.
const WAITING_MAX: usize = 8;
/// Written last: a folder without it is not complete.
const COMPLETE: &str = "complete";
/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(10);

/// A node that owns so many records, pulled by nobody.
///
/// # Errors
/// A store that fails.
pub async fn owner(records: u64) -> anyhow::Result<PathBuf> {
    let folder = fixture_folder(&format!("owner-{records}"))?;
    if !folder.join(COMPLETE).is_file() {
        fresh(&folder)?;
        let node = Node::open(&folder.join("data"), OWNER).await?;
        fill(&*node.store, records).await?;
        node.close()?;
        std::fs::write(folder.join(COMPLETE), "")?;
    }
    Ok(folder.join("data"))
}

/// Both ends of a finished sync: the owner's folder and that of the partner who pulled everything.
///
/// # Errors
/// A store or a connection that fails.
pub async fn synced(records: u64, run: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let folder = fixture_folder(&format!("synced-{records}"))?;
    let (origin, receiver) = (folder.join("owner"), folder.join("receiver"));
    if !folder.join(COMPLETE).is_file() {
        let made = owner(records).await?;
        fresh(&folder)?;
        copy(&made, &origin)?;
        let server = Server::start(Service::Node { data: &origin }, run)?;
        let node = Node::open(&receiver, ASKER).await?;
        let client = load::client(&server, run).await?;
        let mut progress = Progress::new("pulling", records);
        let mut pull = load::Puller::begin(&node.desk, &client).await?;
        while let Some(added) = pull.next().await? {
            progress.step(added);
        }
        let held = node.store.count().foreign;
        if held != records {
            bail!("{held} of {records} records arrived");
        }
        node.close()?;
        server.stop()?;
        std::fs::write(folder.join(COMPLETE), "")?;
    }
    Ok((origin, receiver))
}

/// Copies a fixture into the folder of a run, so that a run leaves it as it was.
///
/// # Errors
/// A disk that is full.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read `{}`", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn fixture_folder(name: &str) -> anyhow::Result<PathBuf> {
    Ok(settings::scratch()?.join(format!("fixture-{FORMAT}")).join(name))
}

fn fresh(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}

async fn fill(store: &dyn Store, records: u64) -> anyhow::Result<()> {
    let author = Author::new(SystemClock.now())?;
    let signer = signing_key(OWNER, "record");
    let mut progress = Progress::new("signing", records);
    let mut waiting = VecDeque::new();
    let mut number = 0;
    while number < records {
        let end = records.min(number + BATCH_RECORDS);
        let mut batch = Batch::new();
        for number in number..end {
            let put = author.put(number, &signer).map_err(|code| anyhow::anyhow!("{code}"))?;
            batch = batch.with(Change::PutRecord(Box::new(put)));
        }
        if waiting.len() >= WAITING_MAX
            && let Some(oldest) = waiting.pop_front()
        {
            let oldest: store::PendingCommit = oldest;
            oldest.await?;
        }
        waiting.push_back(store.commit(batch));
        progress.step(end - number);
        number = end;
    }
    for pending in waiting {
        pending.await?;
    }
    let under = agreement_id()?;
    let classes = store.classes(&crate::agreed::agency(OWNER)?, &under).len();
    let held = store.count().own;
    if held != records || classes == 0 {
        bail!("{held} of {records} records are in the store, in {classes} classes");
    }
    Ok(())
}

/// Tells on standard error how far a long preparation is.
struct Progress {
    what: &'static str,
    of: u64,
    done: u64,
    told: Instant,
}

impl Progress {
    fn new(what: &'static str, of: u64) -> Self {
        Self { what, of, done: 0, told: Instant::now() }
    }

    fn step(&mut self, more: u64) {
        self.done += more;
        if self.told.elapsed() > PROGRESS {
            self.told = Instant::now();
            eprintln!("fixture: {} {} of {} records", self.what, self.done, self.of);
        }
    }
}
