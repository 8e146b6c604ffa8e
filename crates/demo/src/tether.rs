//! Ties a node to the demonstration that started it: once that one is gone, however it went, the
//! node stops.
//!
//! A node's standard input is a pipe that only the demonstration can write to; the system closes it
//! with the demonstration. While a node runs it shares a lock, by which the next demonstration knows
//! that it is still stopping.

use crate::stage::STOP_MAX;
use anyhow::Context as _;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Names the shared lock in the environment of a node that the demonstration starts.
const SHARED_LOCK: &str = "MALINES_DEMO_NODES";
/// How often a lock is looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// In the demonstration: the locks of its folder. They go with this value, or with the program.
pub(crate) struct Locks {
    _folder: File,
    nodes: PathBuf,
}

impl Locks {
    /// The files of the locks, which outlive everything else in the folder.
    pub(crate) const NAMES: [&str; 2] = ["LOCK", "NODES"];

    /// Takes the folder for this demonstration alone, and waits for nodes that an earlier one left
    /// when it was killed.
    pub(crate) fn take(folder: &Path) -> anyhow::Result<Self> {
        let [own, nodes] = Self::NAMES.map(|name| folder.join(name));
        let opened = open(&own)?;
        if let Err(error) = opened.try_lock() {
            return Err(refused(error, "another demonstration plays in that folder", folder));
        }
        let waited = Instant::now();
        while let Err(error) = open(&nodes)?.try_lock() {
            if waited.elapsed() > STOP_MAX {
                return Err(refused(error, "nodes of an earlier demonstration still run", folder));
            }
            std::thread::sleep(LOOK);
        }
        Ok(Self { _folder: opened, nodes })
    }

    /// Ties the node that this command starts, and keeps a Ctrl-C meant for the demonstration from it.
    pub(crate) fn tie<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        detach(command).env(SHARED_LOCK, &self.nodes).stdin(Stdio::piped())
    }
}

/// A terminal sends a Ctrl-C to a whole group of processes; the demonstration alone decides what
/// comes of it.
pub(crate) fn detach(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}

fn open(path: &Path) -> anyhow::Result<File> {
    let opened = File::options().create(true).truncate(false).write(true).open(path);
    opened.with_context(|| format!("cannot open {}", path.display()))
}

fn refused(error: TryLockError, what: &'static str, folder: &Path) -> anyhow::Error {
    match error {
        TryLockError::WouldBlock => Refused { what, folder: folder.to_owned() }.into(),
        TryLockError::Error(error) => error.into(),
    }
}

/// Somebody else is in the folder.
#[derive(Debug)]
pub(crate) struct Refused {
    what: &'static str,
    folder: PathBuf,
}

impl Refused {
    /// What to do about it.
    pub(crate) const HINT: &'static str =
        "end that one with Ctrl-C or `kill`, or wait until it is done; nothing was touched";
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.what, self.folder.display())
    }
}

impl core::error::Error for Refused {}

/// In a node: stops it once the demonstration that started it is gone. A node that somebody else
/// started goes on as ever.
///
/// # Errors
/// The shared lock cannot be had.
pub fn follow_demonstration() -> io::Result<()> {
    let Some(path) = std::env::var_os(SHARED_LOCK) else { return Ok(()) };
    let lock = fs::File::options().write(true).open(path)?;
    lock.lock_shared()?;
    std::thread::Builder::new().name("tether".to_owned()).spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stop_this_program();
        std::thread::sleep(STOP_MAX);
        drop(lock);
        std::process::exit(2);
    })?;
    Ok(())
}

/// The same as a SIGTERM from outside: what is under way ends, and the store is closed.
fn stop_this_program() {
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
}
