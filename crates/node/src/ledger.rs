//! The erasure ledger: which records officers had erased, kept outside of every backup, so that a
//! restore does not bring back what was forgotten since the backup.
//!
//! ```text
//! malines erasures 1
//! asked 3fa91c CHECK             about to be erased, as the officer named it: the first bytes of an id
//! erased 3fa91c0d... CHECK       done; the whole id
//! settled CHECK                  all that was asked before is answered
//! ```
//!
//! Text, one line a step, each durable before the next step. CHECK is 16 hexadecimal digits of a keyed
//! hash, under a key derived from the key-encryption key, over the line and the check before it: no
//! line can be added, changed or taken out of the middle without that key. It holds random ids and
//! nothing else. What expires is not in it: that expires in a restored store too.

use crate::config::Config;
use crate::error::NodeError;
use domain::digest::{derive, keyed};
use domain::event::{Act, Event};
use domain::hexadecimal;
use domain::name::RecordId;
use domain::time::Timestamp;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use store::{Batch, Change, Conflict, Erased, Store, Table};
use zeroize::Zeroizing;

/// The longest ledger, in bytes: more than a million erasures.
pub const LEDGER_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// How many records are erased at once.
const ERASED_AT_ONCE: usize = 64;
const FIRST_LINE: &str = "malines erasures 1";
const CHECK_DIGITS: usize = 16;

/// The open ledger of a running node.
pub struct Ledger {
    inner: Mutex<Inner>,
    /// One erasure at a time: what is settled is all that was asked.
    turn: tokio::sync::Mutex<()>,
}

struct Inner {
    path: PathBuf,
    file: File,
    key: Zeroizing<[u8; 32]>,
    check: String,
    /// The length of what is known to be written; what stands behind it is a write that failed.
    bytes: u64,
    /// What was asked and not settled yet: a call that was broken off leaves it.
    open: Vec<Vec<u8>>,
}

/// What a ledger says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    erased: BTreeSet<RecordId>,
    /// What was asked and not settled: the node stopped in between.
    open: Vec<Vec<u8>>,
    check: String,
    /// The bytes of whole lines; what stands behind them was never durable.
    bytes: u64,
}

impl Ledger {
    /// Opens the ledger of a node, or begins it, and settles what was asked when the node stopped.
    ///
    /// # Errors
    /// [`NodeError::NotUnderstood`] for a ledger that was changed; those of reading and writing.
    pub fn open(config: &Config, store: &dyn Store) -> Result<Self, NodeError> {
        let path = config.erasure_ledger.clone();
        let key = ledger_key(config)?;
        let said = match fs::metadata(&path) {
            Ok(_) => read(&path, &key)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Said::default(),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let opened = options.create(true).append(true).open(&path);
        let file = opened.map_err(failed("open", &path))?;
        let Said { check, bytes, open, .. } = said;
        let mut inner = Inner { path, file, key, check, bytes, open };
        if bytes == 0 {
            inner.write(&[FIRST_LINE.to_owned()])?;
        }
        inner.settle_open(store)?;
        Ok(Self { inner: Mutex::new(inner), turn: tokio::sync::Mutex::new(()) })
    }

    /// Waits until no other erasure is under way; it is over when the answer is dropped.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// These are about to be erased; `first_bytes` are the first bytes of their ids. What an earlier
    /// call left open is settled first.
    ///
    /// # Errors
    /// Those of writing: then nothing may be erased.
    pub fn ask(&self, store: &dyn Store, first_bytes: &[Vec<u8>]) -> Result<(), NodeError> {
        let mut inner = self.lock();
        inner.settle_open(store)?;
        let lines = first_bytes.iter().map(|bytes| format!("asked {}", hexadecimal::encode(bytes)));
        let lines: Vec<String> = lines.collect();
        inner.open = first_bytes.to_vec();
        inner.write(&lines)
    }

    /// These were erased, and the others that were asked for were not.
    ///
    /// # Errors
    /// Those of writing. What was asked for is settled at the next start then.
    pub fn settle(&self, erased: &[RecordId]) -> Result<(), NodeError> {
        let mut inner = self.lock();
        inner.write(&settled(erased))?;
        inner.open.clear();
        Ok(())
    }

    /// The erasure failed, perhaps in the middle: the store knows what was erased.
    ///
    /// # Errors
    /// As [`Ledger::settle`].
    pub fn settle_by(&self, store: &dyn Store) -> Result<(), NodeError> {
        self.lock().settle_open(store)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn settle_open(&mut self, store: &dyn Store) -> Result<(), NodeError> {
        if !self.open.is_empty() {
            self.write(&settled(&found_erased(store, &self.open)))?;
            self.open.clear();
        }
        Ok(())
    }

    fn write(&mut self, lines: &[String]) -> Result<(), NodeError> {
        let (mut text, mut check) = (String::new(), self.check.clone());
        for line in lines {
            check = check_of(&self.key, &check, line);
            text += &format!("{line} {check}\n");
        }
        // A write that failed, as on a full disk, may have left a part of a line, or a whole one whose
        // check nothing follows.
        let cut = self.file.set_len(self.bytes);
        let written = cut.and_then(|()| self.file.write_all(text.as_bytes()));
        let durable = written.and_then(|()| self.file.sync_data());
        durable.map_err(failed("write", &self.path))?;
        self.check = check;
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        Ok(())
    }
}

/// What applying a ledger did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Records that the backup still had and that are erased now.
    pub erased: usize,
    /// Records under a legal hold, which stay.
    pub held: usize,
}

/// What the ledgers of a node say was erased, for a restored store.
pub(crate) struct Forgotten {
    erased: BTreeSet<RecordId>,
    /// What was asked and never settled: the node was lost in between. Whoever asked wanted it gone.
    open: Vec<Vec<u8>>,
}

impl Forgotten {
    /// Reads the ledger that was given, and the node's own if it is there; `None` without either.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub(crate) fn read(config: &Config, given: Option<&Path>) -> Result<Option<Self>, NodeError> {
        let key = ledger_key(config)?;
        let own = Some(config.erasure_ledger.as_path()).filter(|own| own.exists());
        let mut found: Option<Self> = None;
        for path in given.into_iter().chain(own) {
            let Said { erased, open, .. } = read(path, &key)?;
            let all = found.get_or_insert(Self { erased: BTreeSet::new(), open: Vec::new() });
            all.erased.extend(erased);
            all.open.extend(open);
        }
        Ok(found)
    }

    /// Erases in a restored store what was erased since the backup.
    ///
    /// # Errors
    /// A failing store.
    pub(crate) fn apply(mut self, store: &dyn Store, now: Timestamp) -> Result<Applied, NodeError> {
        for first_bytes in &self.open {
            // One that begins so was meant; had there been several, nothing would have been erased.
            if let [record_id] = store.find(first_bytes, 2)[..] {
                self.erased.insert(record_id);
            }
        }
        apply(store, &self.erased, now)
    }
}

/// Makes a copy of a ledger the node's own, unless it has one: what it says must still be known at the
/// next restore.
///
/// # Errors
/// Those of reading and writing.
pub(crate) fn adopt(config: &Config, given: &Path) -> Result<(), NodeError> {
    if config.erasure_ledger.exists() {
        return Ok(());
    }
    let text = crate::config::file::read_text(given, LEDGER_BYTES_MAX)?;
    crate::folder::replace(&config.erasure_ledger, text.as_bytes())
}

fn apply(
    store: &dyn Store,
    ids: &BTreeSet<RecordId>,
    now: Timestamp,
) -> Result<Applied, NodeError> {
    let mut due: Vec<RecordId> = ids.iter().copied().filter(|id| is_there(store, id)).collect();
    let mut applied = Applied::default();
    while !due.is_empty() {
        let mut some = due.split_off(due.len().saturating_sub(ERASED_AT_ONCE));
        while !some.is_empty() {
            match store.commit(erasure(store, &some, now)?).wait() {
                Ok(_) => {
                    applied.erased += some.len();
                    break;
                }
                Err(store::Error::Conflict(Conflict::Held(held))) => {
                    applied.held += 1;
                    some.retain(|id| *id != held);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(applied)
}

fn erasure(store: &dyn Store, ids: &[RecordId], now: Timestamp) -> Result<Batch, NodeError> {
    let mut event = Event::new(now, Act::Erased);
    event.shared.count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    event.local.records = ids.to_vec();
    event.local.note = Some("from the erasure ledger, after a restore".to_owned());
    let mut batch = Batch::new().with(Change::Erase { record_ids: ids.to_vec() }).saying(event);
    for id in ids {
        let table = Table::Superseded;
        for (key, _) in store.scan(table, id.as_bytes(), None, store::table::SCAN_ROWS_MAX)? {
            batch = batch.with(Change::Delete { table, key });
        }
    }
    Ok(batch)
}

fn settled(erased: &[RecordId]) -> Vec<String> {
    let mut lines: Vec<String> = erased.iter().map(|id| format!("erased {}", hex(id))).collect();
    lines.push("settled".to_owned());
    lines
}

fn found_erased(store: &dyn Store, first_bytes: &[Vec<u8>]) -> Vec<RecordId> {
    let found = first_bytes.iter().flat_map(|first| store.find(first, 2));
    found.filter(|record_id| is_erased(store, record_id)).collect()
}

fn is_there(store: &dyn Store, record_id: &RecordId) -> bool {
    store.hit_row(record_id).is_some_and(|row| row.erased == Erased::No)
}

fn is_erased(store: &dyn Store, record_id: &RecordId) -> bool {
    store.hit_row(record_id).is_some_and(|row| row.erased == Erased::Yes)
}

fn read(path: &Path, key: &[u8; 32]) -> Result<Said, NodeError> {
    let text = crate::config::file::read_text(path, LEDGER_BYTES_MAX)?;
    let wrong = |why: String| NodeError::NotUnderstood { path: path.to_owned(), why };
    let mut said = Said::default();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let Some(whole) = line.strip_suffix('\n') else {
            // The node stopped inside a write; nothing was done on the strength of it.
            break;
        };
        let (stated, check) = whole.rsplit_once(' ').unwrap_or((whole, ""));
        if check != check_of(key, &said.check, stated) {
            return Err(wrong(format!("line {number} does not pass its check")));
        }
        take(&mut said, number, stated)
            .ok_or_else(|| wrong(format!("line {number} says what no ledger says")))?;
        check.clone_into(&mut said.check);
        said.bytes += line.len() as u64;
    }
    Ok(said)
}

fn take(said: &mut Said, number: usize, line: &str) -> Option<()> {
    if number == 1 {
        return (line == FIRST_LINE).then_some(());
    }
    match line.split_once(' ') {
        None if line == "settled" => said.open.clear(),
        Some(("asked", digits)) => {
            let mut bytes = vec![0; digits.len() / 2];
            hexadecimal::decode(digits.as_bytes(), &mut bytes)?;
            said.open.push(bytes);
        }
        Some(("erased", digits)) => {
            let mut bytes = [0; 16];
            hexadecimal::decode(digits.as_bytes(), &mut bytes)?;
            said.erased.insert(RecordId::from_bytes(bytes));
        }
        _ => return None,
    }
    Some(())
}

fn hex(record_id: &RecordId) -> String {
    hexadecimal::encode(record_id.as_bytes())
}

fn ledger_key(config: &Config) -> Result<Zeroizing<[u8; 32]>, NodeError> {
    let kek = config.unlock()?;
    Ok(Zeroizing::new(derive("malines erasure ledger v1", &[kek.expose().as_slice()])))
}

fn check_of(key: &[u8; 32], before: &str, line: &str) -> String {
    let mut check = hexadecimal::encode(&keyed(key, &[before.as_bytes(), b"\n", line.as_bytes()]));
    check.truncate(CHECK_DIGITS);
    check
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> NodeError {
    let path = path.to_owned();
    move |error| NodeError::File { doing, path, kind: error.kind() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner(path: &Path) -> Inner {
        let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        let key = Zeroizing::new([7; 32]);
        Inner { path: path.to_owned(), file, key, check: String::new(), bytes: 0, open: Vec::new() }
    }

    #[test]
    fn a_write_that_failed_does_not_spoil_the_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = inner(&path);
        ledger.write(&[FIRST_LINE.to_owned()]).unwrap();
        for left in ["asked 0909", "asked 090909 0123456789abcdef\n"] {
            // What a full disk, or a sync that failed, leaves behind the ledger's back.
            OpenOptions::new()
                .append(true)
                .open(&path)
                .unwrap()
                .write_all(left.as_bytes())
                .unwrap();
            ledger.write(&["asked 0a0b0c".to_owned()]).unwrap();
        }
        let said = read(&path, &[7; 32]).unwrap();
        assert_eq!(said.open, [[10, 11, 12], [10, 11, 12]]);
        assert_eq!(said.bytes, ledger.bytes);
    }

    #[test]
    fn a_ledger_reads_back_and_no_line_can_be_changed_or_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let id = RecordId::from_bytes([9; 16]);
        let erased = format!("erased {}", hex(&id));
        let lines = [FIRST_LINE, "asked 090909", &erased, "settled", "asked 0a0b0c"];
        inner(&path).write(&lines.map(str::to_owned)).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let said = read(&path, &[7; 32]).unwrap();
        assert_eq!(said.erased, BTreeSet::from([id]));
        assert_eq!((said.open, said.bytes), (vec![vec![10, 11, 12]], good.len() as u64));
        assert!(read(&path, &[8; 32]).is_err(), "another key");
        // A write that was cut off is as if it had not begun.
        for length in 0..good.len() {
            let part = &good.as_bytes()[..length];
            fs::write(&path, part).unwrap();
            let said = read(&path, &[7; 32]).unwrap();
            let whole = part.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            assert_eq!(said.bytes as usize, whole);
        }
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            // The last newline is all that can go unnoticed: then the last line was cut off.
            let noticed = read(&path, &[7; 32]).is_err();
            assert!(noticed || at == good.len() - 1, "byte {at}");
        }
        let without: String = good
            .lines()
            .enumerate()
            .filter(|(n, _)| *n != 2)
            .fold(String::new(), |text, (_, line)| text + line + "\n");
        fs::write(&path, without).unwrap();
        assert!(read(&path, &[7; 32]).is_err(), "a line was taken out");
    }
}
