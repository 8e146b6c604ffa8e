//! The frame of every program: serve if this process was started to serve, else measure.

use crate::certificate;
use crate::server::{Part, play_part};
use crate::settings::{RunFolder, Settings};
use std::path::Path;

/// Runs a program. `measure` gets the arguments and a folder of this run that holds certificates.
///
/// # Errors
/// Whatever kept it from measuring. A goal that is not met is a result, not an error.
pub fn run(
    title: &str,
    measure: impl AsyncFnOnce(&Settings, &Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if play_part()? == Part::Served {
        return Ok(());
    }
    let settings = Settings::from_arguments()?;
    settings.announce(title);
    let folder = RunFolder::new()?;
    certificate::issue(folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&settings, folder.path()))
}
