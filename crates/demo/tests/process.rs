//! The demonstration as a program: it ends as it should, names what went wrong, and leaves nobody
//! behind. Processes are found under `/proc`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

use rustix::process::{Pid, Signal, kill_process};

/// How long a chapter may take on a busy machine, unoptimised.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long nodes may live on after a demonstration that was killed.
const LEFT_MAX: Duration = Duration::from_secs(30);
const READY: &str = "ends this program and the nodes";

/// A copy of the program in a folder of its own, so that it plays in a folder of its own.
struct Theatre(TempDir);

/// A demonstration that runs, and what it has said so far.
struct Show {
    child: Child,
    said: Receiver<String>,
    heard: String,
}

impl Theatre {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("debug/demo");
        fs::create_dir(folder.path().join("debug")).unwrap();
        if fs::hard_link(env!("CARGO_BIN_EXE_demo"), &program).is_err() {
            fs::copy(env!("CARGO_BIN_EXE_demo"), &program).unwrap();
        }
        Self(folder)
    }

    fn start(&self, arguments: &[&str]) -> Show {
        let mut child = Command::new(self.0.path().join("debug/demo"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, said) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| sender.send(line).unwrap_or_default());
        });
        Show { child, said, heard: String::new() }
    }

    /// The processes that run a program of this folder.
    fn processes(&self) -> Vec<(i32, String)> {
        let inside = self.0.path().to_str().unwrap();
        let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let running = entries.filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            Some((pid, String::from_utf8_lossy(&command).replace('\0', " ")))
        });
        running.filter(|(_, command)| command.contains(inside)).collect()
    }

    /// Everybody is gone soon.
    fn is_empty_soon(&self) {
        let begun = Instant::now();
        while !self.processes().is_empty() {
            assert!(begun.elapsed() < LEFT_MAX, "left behind: {:?}", self.processes());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn kill_node_of(&self, agency: &str) {
        let configuration = format!("/{agency}/node.toml");
        let processes = self.processes();
        let (pid, _) =
            processes.iter().find(|(_, command)| command.contains(&configuration)).unwrap();
        kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL).unwrap();
    }
}

impl Show {
    /// Waits until it says something.
    fn until(&mut self, text: &str) {
        while !self.heard.contains(text) {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) => self.heard = format!("{}{line}\n", self.heard),
                Err(_) => {
                    let errors = self.errors();
                    panic!("it never said `{text}`:\n{}\n{errors}", self.heard);
                }
            }
        }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit code, what it said to the end, and its errors.
    fn end(mut self) -> (Option<i32>, String, String) {
        while let Ok(line) = self.said.recv_timeout(PATIENCE) {
            self.heard = format!("{}{line}\n", self.heard);
        }
        let errors = self.errors();
        (self.child.wait().unwrap().code(), self.heard, errors)
    }

    fn errors(&mut self) -> String {
        let mut errors = String::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut errors).unwrap();
        }
        errors
    }
}

#[test]
fn it_ends_well_or_says_why_and_leaves_nobody_behind() {
    let theatre = Theatre::open();
    let (code, said, errors) = theatre.start(&["--once"]).end();
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(said.contains("The end.") && theatre.processes().is_empty(), "{said}");

    // A second one does not touch the folder of the first, and a node that is killed is named.
    let mut first = theatre.start(&["--keep"]);
    first.until(READY);
    let (code, _, errors) = theatre.start(&["--once"]).end();
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("another demonstration plays in that folder"), "{errors}");
    assert!(errors.contains("hint: end that one"), "{errors}");
    theatre.kill_node_of("be-fedpol");
    let (code, _, errors) = first.end();
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("Belgium (be-fedpol) is gone"), "{errors}");
    assert!(theatre.processes().is_empty(), "{:?}", theatre.processes());

    // Nothing that the killed node acknowledged is lost, and a SIGTERM ends everybody.
    let mut kept = theatre.start(&["--keep"]);
    kept.until(READY);
    assert!(kept.heard.contains("are there, read one by one; 1 withdrawn"), "{}", kept.heard);
    kept.send(Signal::TERM);
    let (code, said, errors) = kept.end();
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(theatre.processes().is_empty(), "{:?}", theatre.processes());

    // Even one that is killed takes its nodes along, and the next one waits for them.
    let mut killed = theatre.start(&["--keep"]);
    killed.until(READY);
    killed.send(Signal::KILL);
    drop(killed.end());
    let (code, said, errors) = theatre.start(&["--keep", "--once"]).end();
    assert_eq!(code, Some(0), "{said}{errors}");
    theatre.is_empty_soon();
}

#[test]
fn it_tells_the_story_on_an_event_and_on_one_that_holds_nothing() {
    let theatre = Theatre::open();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/misp");
    let file = |name: &str| vectors.join(name).to_str().unwrap().to_owned();
    let (event, labels) = (file("response-one.json"), file("labels.toml"));
    let (code, said, errors) =
        theatre.start(&["--once", "--import", &event, "--labels", &labels]).end();
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(said.contains("✓ 1 record signed and durable, 0 refused"), "{said}");

    // A SIGHUP in the middle of the story ends it, and says so.
    let nothing = file("manifest.json");
    let mut show = theatre.start(&["--once", "--import", &nothing, "--labels", &labels]);
    show.until("holds nothing to compare");
    show.until("5. Links");
    show.send(Signal::HUP);
    let (code, said, errors) = show.end();
    assert_eq!(code, Some(129), "{said}{errors}");
    assert!(errors.contains("stopped by signal 1") && errors.contains("hint:"), "{errors}");
    assert!(theatre.processes().is_empty(), "{:?}", theatre.processes());
}
