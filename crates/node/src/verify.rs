//! `verify`: reads the store again and compares everything with everything.

use crate::config::Config;
use crate::error::NodeError;
use crate::progress::Progress;
use crate::restore::head_keys;
use std::fs::{self, DirEntry};
use std::io;
use store::archive::{self, Checked, Source};
use store::disk::RealDisk;
use store::{Counts, Depth, EmbeddedStore, OpenReport, Store as _, Verified};

/// What a deep verification found.
#[derive(Debug)]
pub struct Report {
    /// What opening had to mend.
    pub opened: OpenReport,
    /// How many of what.
    pub counts: Counts,
    /// What was read, and what is wrong.
    pub verified: Verified,
}

/// Reads every frame and part of the journal, its keys and its signed head. Takes no lock: a node may
/// be running on it.
///
/// Needs no certificate and no agreement: a node whose certificate has ended can still be verified.
///
/// # Errors
/// [`NodeError::NoStore`]; [`NodeError::Store`] for a disk that fails, or a segment that is missing.
/// What is wrong with the content is in the answer.
pub fn verify(config: &Config) -> Result<Checked, NodeError> {
    check_folder(config)?;
    let (disk, unlock) = (RealDisk::new(&config.data_folder), config.unlock()?);
    let source = Source { disk: &disk, agency: &config.agency, kek: unlock.expose() };
    let mut progress = Progress::new("reading the journal");
    Ok(archive::verify(&source, &head_keys(config)?, &mut |done, total| progress.at(done, total))?)
}

/// Opens the store, reads every frame, part, seal and pointer of the tables, and closes it.
///
/// # Errors
/// As [`verify`]; also if a node is running on it.
pub fn verify_deep(config: &Config) -> Result<Report, NodeError> {
    check_folder(config)?;
    let (store, opened) = EmbeddedStore::open(config.store_settings()?)?;
    let verified = store.verify(Depth::Deep)?;
    let counts = store.count();
    store.close()?;
    Ok(Report { opened, counts, verified })
}

/// Refuses a data folder in which `init`, `restore` or `import` never made a store: a node that began
/// an empty one where a disk is not mounted would have forgotten every withdrawal and every hold.
pub(crate) fn check_made(config: &Config) -> Result<(), NodeError> {
    if config.data_folder.join(store::embedded::FORMAT_FILE).exists() {
        Ok(())
    } else {
        Err(NodeError::NoStore { path: config.data_folder.clone() })
    }
}

/// Refuses a data folder without a journal: one that is not there, or empty, as where a disk is
/// mounted that is not mounted now.
pub(crate) fn check_folder(config: &Config) -> Result<(), NodeError> {
    // Opening makes a store where there is none: that would verify or copy nothing and look well.
    let is_segment = |entry: io::Result<DirEntry>| {
        entry.is_ok_and(|entry| entry.path().extension().is_some_and(|ending| ending == "segment"))
    };
    let entries = fs::read_dir(config.data_folder.join("journal"));
    if entries.is_ok_and(|mut entries| entries.any(is_segment)) {
        Ok(())
    } else {
        Err(NodeError::NoStore { path: config.data_folder.clone() })
    }
}
