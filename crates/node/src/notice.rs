//! What administrators do to a store is an entry of its audit log: written by the command itself where
//! it alone holds the store, and by the node where the command runs beside it.
//!
//! `backup` leaves a notice in the data folder before its archive has its name; the node makes an
//! entry of it at its start or within seconds, and removes it. A crash in between makes two entries of
//! one backup, never none.
//!
//! ```text
//! malines backup 1
//! at 1767225600000 frames 120400 bytes 98230112
//! ```

use crate::config::file;
use crate::error::NodeError;
use crate::folder;
use desk::Desk;
use domain::event::{Act, Event};
use domain::time::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::archive::Written;
use store::{Batch, Store};

/// The folder of notices, in the data folder.
const FOLDER: &str = "notices";
const ENDING: &str = "notice";
const FIRST_LINE: &str = "malines backup 1";
/// The longest notice, in bytes.
const NOTICE_BYTES_MAX: u64 = 256;
/// The most notices that are taken at once.
const NOTICES_MAX: usize = 256;
/// The most files that are remembered as seen.
const SEEN_MAX: usize = 4096;
/// How often the node looks for notices, in milliseconds.
const LOOK_MS: u64 = 5_000;

/// Writes the entry of what an administrator did, with the store in hand.
///
/// # Errors
/// A failing store.
pub(crate) fn enter(
    store: &dyn Store,
    act: Act,
    frames: u64,
    now: Timestamp,
) -> Result<(), NodeError> {
    let mut event = Event::new(now, act);
    event.local.note = Some(format!("{frames} frames"));
    store.commit(Batch::new().saying(event)).wait()?;
    Ok(())
}

/// Leaves the notice of a backup, durably.
///
/// # Errors
/// Those of writing.
pub(crate) fn leave(
    data_folder: &Path,
    written: &Written,
    at: Timestamp,
) -> Result<PathBuf, NodeError> {
    let folder = data_folder.join(FOLDER);
    let mut made = folder::NewFiles::default();
    made.folder(&folder)?;
    made.keep();
    let (frames, bytes, at) = (written.frames, written.bytes, at.as_millis());
    let path = folder.join(format!("{at:020}-{frames}-{bytes}.{ENDING}"));
    let text = format!("{FIRST_LINE}\nat {at} frames {frames} bytes {bytes}\n");
    folder::replace(&path, text.as_bytes())?;
    let synced = fs::File::open(&folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| NodeError::File {
        doing: "write",
        path: folder.clone(),
        kind: error.kind(),
    })?;
    Ok(path)
}

/// What a notice says: when, and how many frames and bytes.
fn read(text: &str) -> Option<(Timestamp, u64, u64)> {
    let line = text.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?.strip_suffix('\n')?;
    let words: Vec<&str> = line.split(' ').collect();
    let ["at", at, "frames", frames, "bytes", bytes] = *words.as_slice() else { return None };
    let at = at.parse().ok().filter(|at| *at <= Timestamp::MAX.as_millis())?;
    Some((Timestamp::from_millis(at), frames.parse().ok()?, bytes.parse().ok()?))
}

/// Makes an entry of every notice that waits, but of those that were taken before and could not be
/// removed. Returns how many. What is no notice is said aloud once and left as it is.
///
/// # Errors
/// A failing store.
pub(crate) fn take(
    store: &dyn Store,
    data_folder: &Path,
    seen: &mut BTreeSet<PathBuf>,
    now: Timestamp,
) -> Result<usize, NodeError> {
    let names = match fs::read_dir(data_folder.join(FOLDER)) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => {
            if seen.insert(data_folder.join(FOLDER)) {
                tracing::warn!(%error, "notices of backups cannot be read");
            }
            return Ok(0);
        }
    };
    let paths = names.filter_map(|entry| Some(entry.ok()?.path()));
    let is_new =
        |path: &PathBuf| path.extension().is_some_and(|e| e == ENDING) && !seen.contains(path);
    let mut paths: Vec<PathBuf> = paths.filter(is_new).take(NOTICES_MAX).collect();
    paths.sort();
    let mut taken = 0;
    for path in paths {
        let contents = file::read(&path, NOTICE_BYTES_MAX).ok();
        let said = contents.as_deref().and_then(|bytes| read(std::str::from_utf8(bytes).ok()?));
        let Some((at, frames, bytes)) = said else {
            tracing::warn!(path = %path.display(), "this is no notice of a backup");
            seen.insert(path);
            continue;
        };
        let mut event = Event::new(now, Act::BackedUp);
        event.local.note = Some(format!("{frames} frames, {bytes} bytes, at {at}"));
        store.commit(Batch::new().saying(event)).wait()?;
        taken += 1;
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(%error, "a notice of a backup could not be removed");
            seen.insert(path);
        }
    }
    Ok(taken)
}

/// Looks for notices on a beat, until it is aborted.
pub(crate) async fn keep(desk: Arc<Desk>, data_folder: PathBuf) {
    let mut seen = BTreeSet::new();
    loop {
        let (node, folder) = (Arc::clone(&desk), data_folder.clone());
        // Reading a folder and waiting for the disk block.
        let taking = tokio::task::spawn_blocking(move || {
            let taken = take(&**node.store(), &folder, &mut seen, node.now());
            (taken, seen)
        });
        let Ok((taken, known)) = taking.await else { return };
        seen = known;
        match taken {
            Ok(0) => {}
            Ok(taken) => tracing::info!(taken, "backups of this store are in the audit log"),
            Err(error) => tracing::error!(%error, "a backup could not be put into the audit log"),
        }
        if seen.len() > SEEN_MAX {
            seen.clear();
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written_and_nothing_else_is() {
        let home = tempfile::tempdir().unwrap();
        let chain = audit::frame::Chain::start(&"be-fedpol".parse().unwrap());
        let written = Written { frames: 7, bytes: 900, chain, head: None, keys: Vec::new() };
        let at = Timestamp::from_millis(1_767_225_600_000);
        let path = leave(home.path(), &written, at).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(read(&text), Some((at, 7, 900)));
        let cut = text.trim_end();
        let wrong = [
            "",
            "malines backup 1",
            "malines backup 1\n\n",
            "malines backup 2\nat 1 frames 1 bytes 1\n",
        ];
        for wrong in wrong.into_iter().chain([cut]) {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
