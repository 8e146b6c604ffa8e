//! A process that writes is killed at random moments: nothing acknowledged is lost, no batch halved.

use crate::kit::*;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use store::{Batch, Depth, Store, Table};

const ROUNDS: u32 = 50;
const IN_FLIGHT: usize = 8;
const FOLDER: &str = "MALINES_STORE_TEST_FOLDER";
const FROM: &str = "MALINES_STORE_TEST_FROM";

fn batch(n: u64) -> Batch {
    Batch::new()
        .with(Draft::own(n, 1, n).change())
        .with(cursor(&n.to_be_bytes(), b"written"))
        .saying(event(n as u32))
}

/// The process that is killed: this very program, asked for this very test.
#[test]
fn writer_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut next: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let (store, _) = embedded(Path::new(&folder)).unwrap();
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
    while born.elapsed() < life {
        match lines.next() {
            Some(line) => take(&line.unwrap()),
            None => panic!("the writer ended by itself"),
        }
    }
    writer.kill().unwrap();
    lines.map_while(Result::ok).for_each(|line| take(&line));
    writer.wait().unwrap();
    acknowledged
}

#[test]
fn fifty_kills_lose_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (mut next, mut acknowledged) = (0, Vec::new());
    let mut dice = u64::from(std::process::id());
    for round in 0..ROUNDS {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let life = Duration::from_millis(20 + (dice >> 33) % 150);
        acknowledged.extend(live_and_die(folder.path(), next, life));
        let (store, report) = embedded(folder.path()).unwrap();
        let (mut n, mut missing) = (next, 0);
        while missing < 2 * IN_FLIGHT {
            let row = store.get(Table::Cursor, &n.to_be_bytes()).unwrap();
            let record = store.record(&id(n)).unwrap();
            assert_eq!(row.is_some(), record.is_some(), "round {round}: half of batch {n}");
            missing += usize::from(row.is_none());
            n += 1;
        }
        for n in &acknowledged {
            assert!(store.hit_row(&id(*n)).is_some(), "round {round}: {n} is lost; {report}");
        }
        next = store.count().own;
        assert_eq!(next, report.frames, "one frame a batch, without a gap");
    }
    assert!(acknowledged.len() > ROUNDS as usize, "the writers had time to write");
    let (store, _) = embedded(folder.path()).unwrap();
    assert_eq!(store.verify(Depth::Deep).unwrap().faults, Vec::<String>::new());
}
