//! `restore` and `import`: from an archive to a data folder that a node can start on.

use crate::backup::read_keys;
use crate::config::Config;
use crate::error::NodeError;
use crate::key_file::KeyKind;
use crate::ledger::{Applied, Forgotten};
use crate::notice;
use crate::progress::Progress;
use audit::head::Head;
use audit::note::VerifyingKeys;
use domain::event::Act;
use domain::signature::Signer as _;
use domain::time::{Clock as _, SystemClock};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use store::archive::{self, Placed, Purpose, Target};
use store::disk::RealDisk;
use store::{Counts, EmbeddedStore, OpenReport, Store as _};

/// How many bytes are read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What was put in place.
#[derive(Debug)]
pub struct Report {
    /// The archive.
    pub placed: Placed,
    /// What opening the store found.
    pub opened: OpenReport,
    /// How many of what.
    pub counts: Counts,
    /// What the erasure ledgers took away again, if there was one.
    pub ledger: Option<Applied>,
}

/// Puts a backup into an empty data folder, which is in recovery then, and erases again what the
/// ledger says was erased since. The ledger that the configuration names counts too; if it is not
/// there, the one that was given becomes it.
///
/// # Errors
/// [`NodeError::Store`] for an archive, a key file or a folder that cannot be used; nothing is left in
/// place then. A ledger that was changed is refused before anything is placed.
pub fn restore(
    config: &Config,
    archive: &Path,
    keys: &Path,
    ledger: Option<&Path>,
) -> Result<Report, NodeError> {
    let forgotten = Forgotten::read(config, ledger)?;
    let report = place(config, Purpose::Restore, archive, keys, forgotten)?;
    if let Some(ledger) = ledger {
        crate::ledger::adopt(config, ledger)?;
    }
    Ok(report)
}

/// Puts an export into an empty data folder. The node goes on where the other one stopped.
///
/// # Errors
/// As [`restore`]; a backup is no export.
pub fn import(config: &Config, archive: &Path, keys: &Path) -> Result<Report, NodeError> {
    place(config, Purpose::Import, archive, keys, None)
}

fn place(
    config: &Config,
    purpose: Purpose,
    archive: &Path,
    keys: &Path,
    forgotten: Option<Forgotten>,
) -> Result<Report, NodeError> {
    let failed = |error: std::io::Error| NodeError::File {
        doing: "read",
        path: archive.to_owned(),
        kind: error.kind(),
    };
    let keys = read_keys(config, keys)?;
    let input = File::open(archive).map_err(failed)?;
    let length = input.metadata().map_err(failed)?.len();
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let unlock = config.unlock()?;
    let head_keys = head_keys(config)?;
    let disk = RealDisk::new(&config.data_folder);
    let target =
        Target { disk: &disk, agency: &config.agency, kek: unlock.expose(), head_keys: &head_keys };
    // Before the lock, which leaves files of its own in a folder that turns out to be another's.
    archive::check_empty(&disk)?;
    let placed = {
        let _locked = archive::lock(&config.data_folder, &disk)?;
        let mut progress = Progress::new("verifying the archive");
        let now = SystemClock.now();
        archive::restore(&target, purpose, &mut input, &keys, now, &mut |done| {
            progress.at(done, length);
        })?
    };
    // Opening makes the tables and applies every frame once more.
    let (store, opened) = EmbeddedStore::open(config.store_settings()?)?;
    let now = SystemClock.now();
    let act = match purpose {
        Purpose::Restore => Act::Restored,
        Purpose::Import => Act::Imported,
    };
    notice::enter(&store, act, placed.frames, now)?;
    let ledger = forgotten.map(|forgotten| forgotten.apply(&store, now)).transpose()?;
    if ledger.is_some() {
        store.compact(now, &|| false)?;
    }
    let counts = store.count();
    store.close()?;
    Ok(Report { placed, opened, counts, ledger })
}

/// The keys that heads of this agency's log are signed with.
pub(crate) fn head_keys(config: &Config) -> Result<VerifyingKeys, NodeError> {
    let log = config.key(KeyKind::Log, &config.unlock()?)?.to_signing();
    let key = Head::key(&config.agency, log.public_key()).map_err(store::Error::from)?;
    Ok(VerifyingKeys::new([key]).map_err(store::Error::from)?)
}
