//! One agency's node: how it is set up, checked, and run.
//!
//! Owns: the configuration file, the key files, the certificates, the paper that four operators
//! pass from hand to hand until an agreement is in force, and the assembly of store, desk and wire
//! into one running server.
//!
//! **Invariant:** it decides nothing about records: policy and the desk do. It never learns a raw
//! identifier (it does not link `fingerprint`), and every secret comes from a file that is named by
//! its path.
//!
//! Path through it: [`init`] makes a node's folder, [`officer`] enrols people, [`bundle`] and
//! [`rendering`] carry an agreement, [`config`] reads what is there, [`check`] says what is wrong,
//! [`run`](mod@run) serves, `entitlement` says which officer may call what, [`verify`](mod@verify) reads the store again, [`backup`](mod@backup) and
//! [`restore`](mod@restore) carry it, [`recovery`] keeps a restored node to itself.

pub mod backup;
pub mod certificate;
pub mod check;
mod command;
pub mod config;
mod entitlement;
pub mod error;
mod folder;
mod grpc;
pub mod init;
pub mod key_file;
pub mod ledger;
mod notice;
pub mod officer;
mod peers;
mod policy_book;
mod progress;
pub mod recovery;
pub mod restore;
pub mod run;
mod scheduler;
mod service;
mod store_command;
mod upkeep;
pub mod verify;

use check::Verdict;
use clap::Parser as _;
use command::{Arguments, Command, OfficerCommand, RenewCommand};
use config::{Config, file};
use domain::time::{Clock as _, SystemClock};
use error::{NodeError, shown};
use init::Founding;
use key_file::{KeyKind, system_entropy};
use officer::{Enrolment, ProfileUse};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Something failed, or something is wrong with what was checked.
const FAILED: u8 = 2;
/// The command line makes no sense (`EX_USAGE` of BSD sysexits).
const USAGE: u8 = 64;

/// What the program does; `arguments` begin with its name. The demo links this as a program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version were asked for; everything else is a mistake.
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return code.into();
        }
    };
    match carry_out(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            // What is wrong with a configuration says so itself, a line each.
            let is_list = matches!(error, NodeError::Config(_));
            let head = if is_list { "" } else { "error: " };
            say(&format!("{head}{error}\n"));
            if !error.hint().is_empty() {
                say(&format!("hint: {}\n", error.hint()));
            }
            FAILED.into()
        }
    }
}

fn carry_out(command: Command) -> Result<ExitCode, NodeError> {
    let now = SystemClock.now();
    match command {
        Command::Init(given) => {
            let founding = Founding {
                agency: given.agency,
                country: given.country,
                kind: given.kind,
                folder: given.folder,
                name: given.name,
                partner_addresses: given.partner_address,
                partner_listen: given.partner_listen,
                officer_listen: given.officer_listen,
            };
            let founded = init::init(&founding, &system_entropy(), now)?;
            print(&init::report(&founding, &founded));
        }
        Command::Officer(command) => officer_command(command)?,
        Command::Renew(RenewCommand::Certificate(given)) => {
            let until = init::renew_certificate(&Config::load(&given.config)?, now)?;
            print(&format!("made   node certificate, until {until}; SIGHUP puts it in force\n"));
        }
        Command::Renew(RenewCommand::Manifest { root_key, partner_address, config }) => {
            let config = Config::load(&config.config)?;
            let root = file::read_key(&root_key, KeyKind::Root, Some(&config.agency), None)?;
            let manifest = init::renew_manifest(&config, &root, &partner_address, now)?;
            let (sequence, addresses) = (manifest.sequence, manifest.addresses.join(", "));
            print(&format!("made   manifest, sequence {sequence}, dialled at {addresses}\n"));
            print(
                "next   tell your partners: `malines agreement file` takes it, and the nodes pass it on\n",
            );
        }
        Command::CheckConfig(given) => return Ok(check_config(&given.config)),
        Command::Verify(given) => return store_command::verify(&given),
        Command::Rebuild(given) => return store_command::rebuild(&given),
        Command::Backup(given) => store_command::backup(&given)?,
        Command::Export(given) => store_command::export(&given)?,
        Command::Restore(given) => store_command::restore(&given)?,
        Command::Import(given) => store_command::import(&given)?,
        Command::Run(given) => {
            let checked = check::check(&given.config, now);
            for problem in &checked.problems {
                say(&format!("{problem}\n"));
            }
            if checked.verdict() == Verdict::Unusable {
                return Ok(FAILED.into());
            }
            service::serve(Config::load(&given.config)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn officer_command(command: OfficerCommand) -> Result<(), NodeError> {
    match command {
        OfficerCommand::Add(given) => {
            let config = Config::load(&given.config.config)?;
            let profile_use = if given.demo { ProfileUse::Demo } else { ProfileUse::Real };
            let enrolment = Enrolment {
                officer: given.officer,
                role: given.role,
                valid_days: given.valid,
                out: given.out,
                profile: given.profile,
                node: given.node,
                profile_use,
            };
            let profile = officer::add(&config, &enrolment, SystemClock.now())?;
            let officer = &enrolment.officer;
            let out = shown(&enrolment.out);
            print(&format!(
                "made   certificate and key of {officer}, until {}\n",
                profile.not_after
            ));
            print(&format!("made   profile {}, dials {}\n", shown(&profile.file), profile.node));
            print(&format!("next   hand the folder {out} to the officer, who then runs\n"));
            print(&format!("       MALINES_HOME={out} malines status\n"));
        }
        OfficerCommand::Revoke(given) => {
            officer::revoke(&Config::load(&given.config.config)?, &given.officer)?;
            print(&format!(
                "revoked {}: refused from the next call on; `kill -HUP` or the next start cuts open connections\n",
                given.officer
            ));
        }
    }
    Ok(())
}

fn check_config(path: &Path) -> ExitCode {
    let checked = check::check(path, SystemClock.now());
    print(&checked.summary);
    for problem in &checked.problems {
        say(&format!("{problem}\n"));
    }
    match checked.verdict() {
        Verdict::Usable => {
            print("the node can start\n");
            ExitCode::SUCCESS
        }
        Verdict::Unusable => {
            say("the node cannot start\n");
            FAILED.into()
        }
    }
}

/// Data. A reader that went away is not our failure.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Talk.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
