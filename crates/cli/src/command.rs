//! One file for each command: what was asked for, what it does, what it prints.

mod agreement;
mod approval;
mod audit;
mod case;
mod completions;
mod correct;
mod court_use;
mod dispute;
mod duties;
mod erase;
mod help;
mod history;
mod hits;
mod hold;
mod import;
mod key;
mod normalise;
mod policy;
mod query;
mod status;
mod submit;
mod withdraw;

pub(crate) use withdraw::reference;

use crate::arguments::{Arguments, Command};
use crate::config::{Environment, Profile};
use crate::console::Console;
use crate::error::{Failure, Outcome};
use crate::output::Format;
use crate::session::Session;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What people need every day.
    Usual,
    /// Versions, tiers and classes too.
    All,
}

/// What every command has at hand.
pub(crate) struct Context<'c> {
    pub(crate) console: &'c mut Console,
    pub(crate) environment: &'c Environment,
    pub(crate) profile: String,
    pub(crate) format: Format,
    pub(crate) detail: Detail,
}

impl Context<'_> {
    /// The profile named on the command line.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        Profile::load(self.environment, &self.profile)
    }

    /// A connection to the own node.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        Session::open(self.environment, self.profile()?)
    }
}

/// Does what was asked for.
pub(crate) fn run(
    arguments: Arguments,
    console: &mut Console,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let format = if arguments.json { Format::Json } else { Format::Text };
    let detail = if arguments.verbose { Detail::All } else { Detail::Usual };
    let mut context = Context { console, environment, profile: arguments.profile, format, detail };
    let context = &mut context;
    match arguments.command {
        Command::Case(case) => case::run(context, case),
        Command::Submit(submit) => submit::run(context, *submit),
        Command::Import(import) => import::run(context, import),
        Command::Query(query) => query::run(context, query),
        Command::Hits(hits) => hits::run(context, hits),
        Command::Withdraw(withdraw) => withdraw::run(context, withdraw),
        Command::Correct(correct) => correct::run(context, *correct),
        Command::History(history) => history::run(context, history),
        Command::Approve(approve) => approval::approve(context, *approve),
        Command::Approvals(command) => approval::run(context, command),
        Command::JudicialUse(arguments) => court_use::run(context, arguments),
        Command::Hold(hold) => hold::run(context, hold),
        Command::Erase(erase) => erase::run(context, erase),
        Command::Dispute(dispute) => dispute::run(context, dispute),
        Command::Duties(duties) => duties::run(context, duties),
        Command::Status => status::run(context),
        Command::Agreement(command) => agreement::run(context, *command),
        Command::Key(command) => key::run(context, command),
        Command::Audit(audit) => audit::run(context, audit),
        Command::Policy(command) => policy::run(context, command),
        Command::Normalise(normalise) => normalise::run(context, normalise),
        Command::Completions { shell } => completions::run(context, shell),
        Command::Help { topic } => help::run(context, &topic),
    }
}
