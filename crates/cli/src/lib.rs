//! The command line of an officer, a prosecutor, an operator and an oversight body.
//!
//! Owns: what can be typed, what is asked back, every text that people read, and the exit codes.
//! Values of people come from a prompt, standard input or a file; they are normalised and digested
//! here and nothing but the digest goes to the own node.
//!
//! **Invariant:** it must never know what a partner holds, or a key of the node; what policy decides
//! about real records is the node's to say (`malines policy` works on files and on labels alone); it
//! talks to the own node only, in one file (`session`), and reads files and the environment in one
//! file (`config`). No raw value is in an error, a `Debug`, JSON or a log, and nothing leaves before
//! the person has seen what leaves and what stays.
//!
//! Path through it: [`run`] parses the command line (`arguments`), hands it to one file for each
//! command (`command`), which reads values (`given`, `list`, `answers`, `interview`), connects
//! (`session`), and shows the result (`output`, `matching`, `delivery`) in words of the one
//! catalogue (`message`). Data goes to standard output, talk to standard error (`console`).

mod answers;
mod arguments;
mod command;
mod config;
mod console;
mod delivery;
mod error;
mod given;
mod interview;
mod key;
mod list;
mod matching;
mod message;
mod output;
mod reason;
mod session;
pub mod terms_file;

pub use config::Environment;
pub use console::{Captured, Console, Surface};
pub use error::Outcome;

use crate::arguments::Arguments;
use crate::console::{Style, plain};
use crate::error::Failure;
use crate::message::{Notice, notice, sentence};
use clap::Parser;
use clap::error::ErrorKind;
use serde_json::json;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program on the streams and in the environment of this process. The first argument is
/// the name of the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let outcome = run_in(arguments, &mut Console::of_process(), &Environment::of_process());
    ExitCode::from(outcome as u8)
}

/// Runs the program on these streams and in this environment.
pub fn run_in(
    arguments: impl IntoIterator<Item = OsString>,
    console: &mut Console,
    environment: &Environment,
) -> Outcome {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let outcome = match Arguments::try_parse_from(&arguments) {
        Err(error) => tell_usage(console, &error),
        Ok(parsed) => {
            let json = parsed.json;
            command::run(parsed, console, environment).unwrap_or_else(|failure| {
                if json {
                    let value = json!({ "error": { "code": failure.code() } });
                    output::print_json(console, &value);
                }
                tell_failure(console, &failure);
                failure.outcome()
            })
        }
    };
    match console.finish() {
        Ok(()) => outcome,
        Err(failure) => {
            tell_failure(console, &failure);
            failure.outcome()
        }
    }
}

/// What went wrong, and what to do next.
fn tell_failure(console: &mut Console, failure: &Failure) {
    let error = console.styled(Style::Alarm, notice(Notice::Error));
    console.say(&sentence::error(&error, failure));
    let hint = console.styled(Style::Quiet, &sentence::hint(failure.hint()));
    console.say(&hint);
}

/// Help and version are data; everything else is a usage error, in the words of this program.
fn tell_usage(console: &mut Console, error: &clap::Error) -> Outcome {
    let rendered = error.render();
    let text = match console.out_surface() {
        Surface::Terminal => rendered.ansi().to_string(),
        Surface::Pipe => rendered.to_string(),
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            console.data(&text);
            return Outcome::Done;
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            console.say(text.trim_end());
            return Outcome::Usage;
        }
        _ => {}
    }
    let (problem, hint) = in_our_words(&rendered.to_string());
    let error = console.styled(Style::Alarm, notice(Notice::Error));
    console.say(&sentence::error(&error, problem));
    let hint = console.styled(Style::Quiet, &sentence::hint(hint));
    console.say(&hint);
    Outcome::Usage
}

/// The message of the parser: what is wrong on one line, and the first tip as the hint.
fn in_our_words(rendered: &str) -> (String, String) {
    let ours = |text: &str| plain(text).replace('\'', "`");
    let (mut problem, mut tip) = (Vec::new(), None);
    for line in rendered.lines() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("tip:") {
            tip.get_or_insert_with(|| ours(text.trim()));
        } else if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        } else if !line.is_empty() {
            problem.push(ours(line.trim_start_matches("error: ")));
        }
    }
    let hint = tip.unwrap_or_else(|| "add `--help` to the command to see what it takes".to_owned());
    (problem.join(" "), hint)
}
