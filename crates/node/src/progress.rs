//! Says how far a long piece of work is, to a person who watches, and to nobody else.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often the line is written anew at most, in milliseconds.
const LINE_MS: u64 = 200;
const MIB: u64 = 1024 * 1024;

/// A line on standard error that is written over and over, if that is a terminal.
pub(crate) struct Progress {
    what: &'static str,
    last: Option<Instant>,
    is_watched: bool,
    is_begun: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        let is_watched = std::io::stderr().is_terminal();
        Self { what, last: None, is_watched, is_begun: false }
    }

    /// So many bytes are done, of so many.
    pub(crate) fn at(&mut self, done: u64, total: u64) {
        let is_fresh =
            self.last.is_some_and(|last| last.elapsed() < Duration::from_millis(LINE_MS));
        if !self.is_watched || is_fresh {
            return;
        }
        self.last = Some(Instant::now());
        self.is_begun = true;
        let line = line(self.what, done, total);
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_begun {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(what: &str, done: u64, total: u64) -> String {
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(0).min(100);
    format!("{what} {percent} % ({} of {} MiB)", done / MIB, total / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far() {
        assert_eq!(line("reading", 3 * MIB, 4 * MIB), "reading 75 % (3 of 4 MiB)");
        assert_eq!(line("reading", 5, 0), "reading 0 % (0 of 0 MiB)");
        assert_eq!(line("reading", 5 * MIB, 4 * MIB), "reading 100 % (5 of 4 MiB)");
    }
}
