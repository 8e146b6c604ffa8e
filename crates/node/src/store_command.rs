//! The commands that look after the store - backup, restore, export, import, verify, rebuild - and
//! what they print.

use crate::command::{Archive, ConfigFile, Restore, Verify};
use crate::config::Config;
use crate::error::{NodeError, shown};
use crate::recovery::Standing;
use crate::{FAILED, backup, ledger, notice, print, restore, say, verify};
use domain::event::Act;
use domain::time::{Clock as _, SystemClock};
use std::process::ExitCode;
use store::archive::{Condition, Written};
use store::{EmbeddedStore, Store as _};

pub(crate) fn backup(given: &Archive) -> Result<(), NodeError> {
    let config = Config::load(&given.config.config)?;
    let written = backup::backup(&config, &given.archive, &given.keys)?;
    print(&written_report(&written, given));
    print(
        "next   move the archive to one place and the key file to another, node.kek to neither\n",
    );
    Ok(())
}

pub(crate) fn export(given: &Archive) -> Result<(), NodeError> {
    let config = Config::load(&given.config.config)?;
    let written = backup::export(&config, &given.archive, &given.keys)?;
    print(&written_report(&written, given));
    print("fenced no node starts on this data folder again\n");
    print("next   `malines-node import` on the other machine, once\n");
    Ok(())
}

pub(crate) fn restore(given: &Restore) -> Result<(), NodeError> {
    let (from, ledger) = (&given.from, given.ledger.as_deref());
    let config = Config::load(&from.config.config)?;
    let report = restore::restore(&config, &from.archive, &from.keys, ledger)?;
    print(&placed_report(&report));
    if report.ledger.is_none() {
        say("warning: no erasure ledger is here: what was erased since the backup is here again\n");
        say("hint: empty the data folder and restore again with --ledger and its newest copy\n");
    }
    Ok(())
}

pub(crate) fn import(given: &Archive) -> Result<(), NodeError> {
    let config = Config::load(&given.config.config)?;
    print(&placed_report(&restore::import(&config, &given.archive, &given.keys)?));
    Ok(())
}

/// Exit code 0 if the tables came out as they were, or there were none that count.
pub(crate) fn rebuild(given: &ConfigFile) -> Result<ExitCode, NodeError> {
    let config = Config::load(&given.config)?;
    verify::check_folder(&config)?;
    let rebuilt = EmbeddedStore::rebuild(config.store_settings()?)?;
    print(&format!("rebuilt   the tables from {} frames: {}\n", rebuilt.frames, rebuilt.after));
    // What was found is said before anything else can go wrong.
    let outcome = match &rebuilt.before {
        Some(before) if *before == rebuilt.after => {
            print("equal     to what they were\n");
            ExitCode::SUCCESS
        }
        Some(before) => {
            say(&format!("fault: the tables held something else before: {before}\n"));
            say("hint: the journal counts and the new ones are right; look at the disk\n");
            FAILED.into()
        }
        None => {
            print("before    there were none, or none that were good\n");
            ExitCode::SUCCESS
        }
    };
    if Standing::of(&config.data_folder)? == Standing::Ordinary {
        let (store, _) = EmbeddedStore::open(config.store_settings()?)?;
        notice::enter(&store, Act::Rebuilt, rebuilt.frames, SystemClock.now())?;
        store.close()?;
    }
    Ok(outcome)
}

pub(crate) fn verify(given: &Verify) -> Result<ExitCode, NodeError> {
    let config = Config::load(&given.config.config)?;
    if given.deep { verify_deep(&config) } else { verify_journal(&config) }
}

fn written_report(written: &Written, given: &Archive) -> String {
    let head = match written.head {
        Some(size) => format!("signed head of {size} frames"),
        None => "no signed head yet".to_owned(),
    };
    format!(
        "made   {}: {} frames, {} bytes, {head}\nmade   {}: the data keys, wrapped\n",
        shown(&given.archive),
        written.frames,
        written.bytes,
        shown(&given.keys)
    )
}

fn placed_report(report: &restore::Report) -> String {
    let (placed, counts) = (&report.placed, &report.counts);
    let mut text = format!(
        "placed    {} frames of an archive made at {}; chain, contents, keys and seal are right\n\
         opened    {}\nrecords   {} own, {} of partners, {} withdrawn\n",
        placed.frames, placed.made_at, report.opened, counts.own, counts.foreign, counts.withdrawn
    );
    if let Some(ledger::Applied { erased, held }) = report.ledger {
        text +=
            &format!("ledger    {erased} records erased again, {held} under a legal hold stay\n");
    }
    if let Condition::Recovery(recovery) = &placed.condition {
        let note = Standing::Recovery(recovery.clone()).note();
        text += &format!("RECOVERY  {note}\n");
    }
    text
}

fn verify_journal(config: &Config) -> Result<ExitCode, NodeError> {
    let checked = verify::verify(config)?;
    print(&format!(
        "read      {} frames, {} items; {} parts erased\n",
        checked.frames, checked.items, checked.parts_erased
    ));
    match checked.head {
        Some(size) => print(&format!("head      signed, of {size} frames\n")),
        None => print("head      none yet, or none that counts\n"),
    }
    if checked.incomplete > 0 {
        print(&format!(
            "end       {} bytes of a write under way, or of one that was never acknowledged\n",
            checked.incomplete
        ));
    }
    for fault in &checked.first_faults {
        say(&format!("fault: {}\n", fault.to_string().escape_debug()));
    }
    let unlisted = checked.faults.saturating_sub(checked.first_faults.len() as u64);
    if unlisted > 0 {
        say(&format!("fault: and {unlisted} more\n"));
    }
    for error in &checked.beside {
        say(&format!("fault: {}\nhint: {}\n", error.to_string().escape_debug(), error.hint()));
    }
    Ok(verdict(checked.faults + checked.beside.len() as u64, checked.faults > 0))
}

fn verify_deep(config: &Config) -> Result<ExitCode, NodeError> {
    let report = verify::verify_deep(config)?;
    let (counts, verified) = (&report.counts, &report.verified);
    print(&format!(
        "opened    {}\nrecords   {} own, {} of partners, {} withdrawn\n\
         read      {} frames, {} items; {} sealed parts opened, {} erased\n",
        report.opened,
        counts.own,
        counts.foreign,
        counts.withdrawn,
        verified.frames,
        verified.items,
        verified.parts_opened,
        verified.parts_erased
    ));
    for fault in &verified.faults {
        say(&format!("fault: {}\n", fault.escape_debug()));
    }
    Ok(verdict(verified.faults.len() as u64, true))
}

/// The last word of a verification.
fn verdict(faults: u64, of_the_journal: bool) -> ExitCode {
    if faults == 0 {
        print("all is well\n");
        return ExitCode::SUCCESS;
    }
    say(&format!("{faults} places are wrong\n"));
    if of_the_journal {
        say("hint: keep the folder as it is and restore the last good backup\n");
    }
    FAILED.into()
}
