//! `verify`: reads the whole store again and compares everything with everything.

use crate::config::Config;
use crate::error::NodeError;
use store::{Counts, Depth, EmbeddedStore, OpenReport, Store as _, Verified};

/// What a verification found.
#[derive(Debug)]
pub struct Report {
    /// What opening had to mend.
    pub opened: OpenReport,
    /// How many of what.
    pub counts: Counts,
    /// What was read, and what is wrong.
    pub verified: Verified,
}

/// Opens the store, reads every frame, part, seal and pointer, and closes it.
///
/// Needs no certificate and no agreement: a node whose certificate has ended can still be verified.
///
/// # Errors
/// [`NodeError::Store`]: also if a node is running on it, or if there is none yet.
pub fn verify(config: &Config) -> Result<Report, NodeError> {
    let folder = &config.data_folder;
    // Opening makes a folder where there is none: that would verify nothing and look well.
    if !folder.is_dir() {
        return Err(NodeError::NoStore { path: folder.clone() });
    }
    let (store, opened) = EmbeddedStore::open(config.store_settings()?)?;
    let verified = store.verify(Depth::Deep)?;
    let counts = store.count();
    store.close()?;
    Ok(Report { opened, counts, verified })
}
