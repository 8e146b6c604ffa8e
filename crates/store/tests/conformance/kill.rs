//! A process that writes, erases, compacts and asks for new tables is killed at random moments: nothing
//! acknowledged is lost, no batch halved, nothing erased comes back.
//!
//! 200 rounds by default. The long run: `MALINES_STORE_KILL_ROUNDS=10000 cargo test -p malines-store
//! --test conformance kills`.

use crate::kit::*;
use domain::time::Timestamp;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::disk::RealDisk;
use store::embedded::TablesFound;
use store::{Batch, Depth, EmbeddedStore, Erased, OpenReport, Store, Table};

const ROUNDS: u32 = 200;
/// A folder is left for a fresh one after so many rounds: opening takes longer as it grows.
const ROUNDS_A_FOLDER: u32 = 20;
const IN_FLIGHT: usize = 8;
const FOLDER: &str = "MALINES_STORE_TEST_FOLDER";
const FROM: &str = "MALINES_STORE_TEST_FROM";
const ROUNDS_WANTED: &str = "MALINES_STORE_KILL_ROUNDS";

/// Every seventh batch erases what an earlier one wrote.
fn batch(n: u64) -> Batch {
    let batch = Batch::new()
        .with(Draft::own(n, 1, n).change())
        .with(cursor(&n.to_be_bytes(), b"written"))
        .with(put_row(Table::Case, b"case", &n.to_be_bytes(), store::Secrecy::Sealed))
        .saying(event(n as u32));
    if n % 7 == 6 { batch.with(erase(&[n - 3])) } else { batch }
}

fn open(folder: &Path) -> (EmbeddedStore, OpenReport) {
    embedded_on(folder, Arc::new(RealDisk::new(folder))).unwrap()
}

/// The process that is killed: this very program, asked for this very test.
#[test]
fn writer_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut next: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let store = &open(Path::new(&folder)).0;
    if next.is_multiple_of(3) {
        store.rebuild_tables().unwrap();
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let late = Timestamp::from_date(2028, 1, 1).unwrap();
            loop {
                store.compact(late, &|| false).unwrap();
            }
        });
        let mut waiting = VecDeque::new();
        loop {
            waiting.push_back((next, store.commit(batch(next))));
            next += 1;
            if waiting.len() == IN_FLIGHT {
                let (n, pending) = waiting.pop_front().unwrap();
                pending.wait().unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {n}").unwrap();
                out.flush().unwrap();
            }
        }
    });
}

/// Starts a writer, lets it live a little, kills it; answers what it said was acknowledged.
fn live_and_die(folder: &Path, from: u64, life: Duration) -> Vec<u64> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::writer_that_is_killed", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut take = |line: &str| {
        acknowledged.extend(line.split("acknowledged ").nth(1).and_then(|n| n.parse::<u64>().ok()));
    };
    let born = Instant::now();
    // The writer speaks all the time, so a line comes soon after its life is over.
    // On a busy machine its life may be over before it has opened its store: it is let live until then.
    let mut spoke = false;
    while !spoke || born.elapsed() < life {
        match lines.next() {
            Some(line) => {
                let line = line.unwrap();
                spoke |= line.contains("acknowledged");
                take(&line);
            }
            None => panic!("the writer ended by itself"),
        }
    }
    writer.kill().unwrap();
    lines.map_while(Result::ok).for_each(|line| take(&line));
    writer.wait().unwrap();
    acknowledged
}

/// Looks at batches `from..frames`, which the last life wrote, and a few before and after them.
fn check(store: &dyn Store, from: u64, frames: u64, round: u32) {
    for n in from.saturating_sub(20)..frames + 2 * IN_FLIGHT as u64 {
        let row = store.get(Table::Cursor, &n.to_be_bytes()).unwrap();
        let hit = store.hit_row(&id(n));
        assert_eq!(row.is_some(), hit.is_some(), "round {round}: half of batch {n}");
        assert_eq!(row.is_some(), n < frames, "round {round}: batch {n}");
        let is_erased = hit.is_some_and(|hit| hit.erased == Erased::Yes);
        assert_eq!(is_erased, n % 7 == 3 && n + 3 < frames, "round {round}: batch {n}");
        let record = store.record(&id(n)).unwrap();
        assert_eq!(record.is_some(), n < frames && !is_erased, "round {round}: batch {n}");
    }
    if let Some(last) = frames.checked_sub(1) {
        let case = store.get(Table::Case, b"case").unwrap();
        assert_eq!(case.unwrap(), last.to_be_bytes(), "round {round}");
    }
}

#[test]
fn two_hundred_kills_lose_nothing_acknowledged_and_bring_back_nothing_erased() {
    let wanted = std::env::var(ROUNDS_WANTED).map(|rounds| rounds.parse().unwrap());
    let rounds: u32 = wanted.unwrap_or(ROUNDS);
    let mut dice = u64::from(std::process::id());
    let (mut written, mut renewed, mut rewritten) = (0, 0, 0);
    for first in (0..rounds).step_by(ROUNDS_A_FOLDER as usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut next = 0;
        for round in first..rounds.min(first + ROUNDS_A_FOLDER) {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let life = Duration::from_millis(10 + (dice >> 33) % 100);
            let acknowledged = live_and_die(folder.path(), next, life);
            let (store, report) = open(folder.path());
            for n in acknowledged {
                assert!(n < report.frames, "round {round}: {n} is lost; {report}");
            }
            renewed += u32::from(report.tables == TablesFound::Renewed);
            assert!(
                !matches!(report.tables, TablesFound::Rebuilt { .. }),
                "round {round}: {report}"
            );
            check(&store, next, report.frames, round);
            next = report.frames;
        }
        let (store, _) = open(folder.path());
        store.compact(Timestamp::from_date(2028, 1, 1).unwrap(), &|| false).unwrap();
        assert_eq!(store.count().erasable, 0);
        assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
        check(&store, 0, next, first);
        written += next;
        let names = std::fs::read_dir(folder.path().join("journal")).unwrap();
        let anew = |name: &str| name.contains('-');
        rewritten +=
            names.filter(|n| anew(&n.as_ref().unwrap().file_name().to_string_lossy())).count();
    }
    assert!(written > u64::from(rounds), "the writers had time to write: {written}");
    assert!(renewed > 0 && rewritten > 0, "{renewed} times new tables, {rewritten} segments");
}
