//! `malines completions`: a script that teaches a shell the words of the command line.

use super::Context;
use crate::arguments::Arguments;
use crate::error::{Failure, Outcome};
use clap::CommandFactory;
use clap_complete::Shell;

pub(super) fn run(context: &mut Context<'_>, shell: Shell) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "malines", &mut script);
    context.console.data_bytes(&script);
    Ok(Outcome::Done)
}
