//! `demo`: four agencies on this machine, one command.
//!
//! A multi-call program: linked as `malines-node` or `malines` it is that program; under any other
//! name it tells the story, in which it runs itself under those two names.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let name = Path::new(&name).file_stem().unwrap_or_default().to_owned();
    match name.to_str() {
        Some("malines-node") => match demo::follow_demonstration() {
            Ok(()) => node::run(std::env::args_os()),
            Err(error) => {
                eprintln!(
                    "error: the demonstration that starts this node cannot be followed: {error}"
                );
                ExitCode::from(2)
            }
        },
        Some("malines") => cli::run(std::env::args_os()),
        _ => demo::run(std::env::args_os()),
    }
}
