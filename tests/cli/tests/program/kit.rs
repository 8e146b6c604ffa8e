//! Runs the program in this process, with what the person says, and keeps what it prints.

use cli::{Console, Environment, Outcome, Surface};
use domain::time::Timestamp;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A folder for profiles, lists and exports that is gone after the test.
pub(crate) struct Desk {
    folder: TempDir,
    /// How many days have passed here.
    days: AtomicU32,
}

/// What one run printed and came to.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) out: String,
    pub(crate) talk: String,
    session: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), days: AtomicU32::new(0) }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, days: u32) {
        self.days.fetch_add(days, Ordering::Relaxed);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Runs it in a pipe: nobody is asked, what is read comes from `input`.
    pub(crate) fn pipe(&self, arguments: &[&str], input: &str) -> Run {
        self.run(arguments, input.as_bytes(), Surface::Pipe)
    }

    /// Runs it at a terminal, where a person says `input`.
    pub(crate) fn terminal(&self, arguments: &[&str], input: &str) -> Run {
        self.run(arguments, input.as_bytes(), Surface::Terminal)
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8], surface: Surface) -> Run {
        let (mut console, captured) = Console::captured(input, surface);
        let noon = Timestamp::from_date(2026, 11, 21).unwrap().plus_ms(43_200_000);
        let now = noon.plus_days(self.days.load(Ordering::Relaxed));
        let environment = Environment { home: Some(self.folder.path().to_owned()), now };
        let words = ["malines"].iter().chain(arguments).map(OsString::from);
        let outcome = cli::run_in(words, &mut console, &environment);
        let (out, talk) = (self.general(&captured.out()), self.general(&captured.talk()));
        let typed = self.general(&arguments.join(" "));
        let part = |title: &str, text: &str| match text {
            "" => String::new(),
            text => format!("--- {title}\n{}\n", text.trim_end_matches('\n')),
        };
        let session = format!(
            "$ malines {typed}\n{}{}--- exit {}\n",
            part("standard error", &talk),
            part("standard output", &out),
            outcome as u8
        );
        Run { outcome, out, talk, session }
    }

    /// The name of the folder differs in every run.
    fn general(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "[desk]")
    }
}

impl Run {
    /// Compares the whole run with its reviewed snapshot.
    pub(crate) fn is(self, name: &str) -> Self {
        if let Err(difference) = malines_test_cli::compare(name, &self.session) {
            panic!("{difference}");
        }
        self
    }

    pub(crate) fn exits(self, outcome: Outcome) -> Self {
        assert_eq!(self.outcome, outcome, "{}", self.session);
        self
    }

    /// Nothing of this may be in anything that was printed.
    pub(crate) fn never_says(self, text: &str) -> Self {
        assert!(!self.session.contains(text), "`{text}` was printed:\n{}", self.session);
        self
    }

    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.session.contains(text), "`{text}` was not printed:\n{}", self.session);
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.session))
    }
}

/// A file of `tests/vectors`.
pub(crate) fn vector(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    folder.join(name).canonicalize().unwrap().to_str().unwrap().to_owned()
}

/// A file of `tests/vectors`, as JSON.
pub(crate) fn vector_json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(vector(name)).unwrap()).unwrap()
}

/// An audit export and the line of its key, out of the vectors of the log.
pub(crate) fn export() -> (Vec<u8>, String) {
    let journal = vector_json("audit/journal.json");
    let digits = journal["export"].as_str().unwrap();
    let mut bytes = vec![0; digits.len() / 2];
    domain::hexadecimal::decode(digits.as_bytes(), &mut bytes).unwrap();
    (bytes, journal["key"].as_str().unwrap().to_owned())
}
