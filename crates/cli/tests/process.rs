//! The built program as a process: its exit codes, its streams, a pipe that closes early.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_malines"));
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn data_and_talk_go_to_different_streams() {
    let output = run(program().args(["normalise", "phone"]), b"+33 1 99 00 12 34\nnot a number\n");
    assert_eq!(output.status.code(), Some(4));
    let (out, talk) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(talk.starts_with("line 2: PHONE_CHARACTER"), "{talk}");
    assert!(!out.contains('\u{1b}') && !talk.contains('\u{1b}'));
}

#[test]
fn usage_errors_end_with_64_and_help_with_0() {
    for (words, code) in [(&["help"][..], 0), (&["--version"], 0), (&["nonsense"], 64), (&[], 64)] {
        assert_eq!(run(program().args(words), b"").status.code(), Some(code), "{words:?}");
    }
}

#[test]
fn without_a_home_there_is_no_profile() {
    let output = run(program().arg("status"), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("MALINES_HOME"));
}

#[test]
fn the_profile_is_looked_for_where_the_environment_says() {
    let home = tempfile::tempdir().unwrap();
    let output = run(program().env("MALINES_HOME", home.path()).arg("status"), b"");
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(talk.contains(home.path().to_str().unwrap()), "{talk}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = program().args(["normalise", "sha256"]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut out = child.stdout.take().unwrap();
    // Far more than a pipe holds.
    let line = format!("{}\n", "ab".repeat(32));
    input.write_all(line.repeat(5_000).as_bytes()).unwrap();
    drop(input);
    out.read_exact(&mut [0; 4]).unwrap();
    drop(out);
    let mut talk = String::new();
    child.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
    assert_eq!((child.wait().unwrap().code(), talk.as_str()), (Some(0), ""));
}
