//! Keeps every line that the nodes of this process log, down to the finest, to be searched.
//!
//! With `MALINES_TEST_LOG` set, the lines are shown too.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use tracing_subscriber::EnvFilter;

/// The most that is kept, in bytes; more is a fault of the test.
const KEPT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The variable that has the log shown.
const SHOWN: &str = "MALINES_TEST_LOG";
/// Everything of ours, and of others what an operator could switch on without drowning.
const FILTER: &str = "trace,h2=debug,hyper=debug,hyper_util=debug,tower=debug,tonic=debug,\
                      rustls=debug,mio=info,tokio=info,want=info,cedar_policy=info";

static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Begins to keep what is logged; once for the whole process.
///
/// # Panics
/// If somebody else takes the log already.
pub fn begin() {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| {
        let lines = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(FILTER))
            .with_ansi(false)
            .with_writer(|| Line);
        lines.init();
    });
}

/// What was logged so far, by every test of this process.
pub fn so_far() -> Vec<u8> {
    kept().clone()
}

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = kept();
        assert!(kept.len() + bytes.len() <= KEPT_BYTES_MAX, "the log grew too long to be searched");
        kept.extend_from_slice(bytes);
        if std::env::var_os(SHOWN).is_some() {
            io::stderr().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn kept() -> MutexGuard<'static, Vec<u8>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}
