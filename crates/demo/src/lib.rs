//! Four agencies on one machine: makes them, starts them, and tells their story over the wire.
//!
//! Owns: the cast, the folder, the processes, the story and its words. Every line it prints of a
//! program is what that program said.
//!
//! **Invariant:** it has no way into a node but the two programs that people use, and one dial with
//! a forged certificate. If a node is gone, the story ends, names it, and fails. However the
//! demonstration ends, its nodes end with it.
//!
//! Path: [`cast`] says who takes part, [`stage`] builds the folder and runs the programs, [`story`]
//! tells, [`narrator`] prints; [`stop`] hears that it is to end, and [`tether`] ties the nodes to it.

mod cast;
mod forgery;
mod narrator;
mod signing;
mod stage;
mod stop;
mod story;
mod tether;

use clap::Parser;
use narrator::Narrator;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use stop::{Stop, Stopped};

pub use tether::follow_demonstration;

/// What was asked on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "cargo run --release --",
    about = "Four agencies share hashed indicators over mutual TLS, on this machine",
    after_help = "Examples:\n  cargo run --release\n  cargo run --release -- --once\n  cargo run --release -- --import EVENT.json --labels LABELS.toml"
)]
struct Options {
    /// End after the story; exit code 0 if everything held
    #[arg(long)]
    once: bool,
    /// Go on with the folder of the last run instead of making it anew
    #[arg(long)]
    keep: bool,
    /// Tell the story on a MISP event; from the beginning, so not with --keep
    #[arg(long, value_name = "EVENT.json", requires = "labels", conflicts_with = "keep")]
    import: Option<PathBuf>,
    /// What a person decided about that event
    #[arg(long, value_name = "LABELS.toml", requires = "import")]
    labels: Option<PathBuf>,
}

/// Runs the demonstration.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let narrator = Narrator::new();
    match Stop::listen().and_then(|stop| story::tell(&options, &narrator, stop)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            narrator.failure(&error);
            ExitCode::from(error.downcast_ref::<Stopped>().map_or(2, Stopped::code))
        }
    }
}
