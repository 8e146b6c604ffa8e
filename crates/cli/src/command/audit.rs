//! `malines audit`: the log's signed head, its export, and its verification without a node.

use super::Context;
use crate::arguments::AuditCommand;
use crate::config::{self, SMALL_FILE_BYTES_MAX};
use crate::console::{Style, plain};
use crate::error::{Failure, Outcome};
use crate::message::{Notice, Phrase, notice, phrase, sentence};
use crate::output::{Format, count, instant_json, print_json};
use audit::head::Head;
use audit::note::{NOTE_BYTES_MAX, NoteKey, VerifyingKeys};
use audit::verifier::{Report, verify_export_with};
use serde_json::json;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// From so many bytes on, progress is shown.
const BYTES_LONG: u64 = 8 * 1024 * 1024;

pub(super) fn run(context: &mut Context<'_>, command: AuditCommand) -> Result<Outcome, Failure> {
    match command {
        AuditCommand::Head => head(context),
        AuditCommand::Export { to } => export(context, &to),
        AuditCommand::Verify { file, keys, head } => verify(context, &file, &keys, &head),
    }
}

fn head(context: &mut Context<'_>) -> Result<Outcome, Failure> {
    let note = context.session()?.audit_head()?;
    match context.format {
        Format::Json => print_json(context.console, &json!({ "note": note })),
        Format::Text => {
            // A note is lines of text; what else a node could put between them is made visible.
            for line in note.lines() {
                context.console.data(&format!("{}\n", plain(line)));
            }
            context.console.say(notice(Notice::HeadUnverified));
        }
    }
    Ok(Outcome::Done)
}

fn export(context: &mut Context<'_>, to: &Path) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let file = config::create(to)?;
    let exported = session.audit_export(BufWriter::new(&file));
    let synced = |bytes| {
        let kind = |error: std::io::Error| Failure::FileUnwritable {
            path: to.to_owned(),
            kind: error.kind(),
        };
        file.sync_all().map(|()| bytes).map_err(kind)
    };
    let bytes = match exported.and_then(synced) {
        Ok(bytes) => bytes,
        Err(failure) => {
            config::remove_unfinished(to);
            return Err(failure);
        }
    };
    let shown = plain(&to.display().to_string());
    match context.format {
        Format::Json => {
            print_json(context.console, &json!({ "file": to.to_string_lossy(), "bytes": bytes }))
        }
        Format::Text => {
            context.console.data(&format!("wrote {bytes} bytes to {shown}\n"));
            context.console.say(&sentence::verify_export(&shown));
        }
    }
    Ok(Outcome::Done)
}

fn verify(
    context: &mut Context<'_>,
    file: &Path,
    keys: &[PathBuf],
    heads: &[PathBuf],
) -> Result<Outcome, Failure> {
    let keys = read_keys(keys)?;
    let mut known = Vec::with_capacity(heads.len());
    for path in heads {
        let bytes_max = u64::try_from(NOTE_BYTES_MAX).unwrap_or(SMALL_FILE_BYTES_MAX);
        let note = config::read(path, bytes_max)?;
        known.push(Head::open(&note, &keys).map_err(Failure::LogKey)?);
    }
    let opened = config::open(file)?;
    let length = opened.metadata().map_or(0, |metadata| metadata.len());
    let bar = context.console.progress(phrase(Phrase::Verifying), length, BYTES_LONG);
    let verified = verify_export_with(bar.wrap_read(opened), &keys, &known, |_| ());
    bar.finish_and_clear();
    match verified {
        Ok(report) => {
            print_report(context, &report, known.len());
            Ok(Outcome::Done)
        }
        Err(fault) if context.format == Format::Json => {
            let value = json!({
                "verified": false,
                "place": fault.place.to_string(),
                "error": fault.error.to_string(),
            });
            print_json(context.console, &value);
            let failure = Failure::LogDamaged(fault);
            crate::tell_failure(context.console, &failure);
            Ok(failure.outcome())
        }
        Err(fault) => Err(Failure::LogDamaged(fault)),
    }
}

/// The lines of key files; empty lines and those that begin with `#` are left out.
fn read_keys(files: &[PathBuf]) -> Result<VerifyingKeys, Failure> {
    let mut keys = Vec::new();
    for file in files {
        let text = config::read_text(file, SMALL_FILE_BYTES_MAX)?;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = NoteKey::from_line(line).map_err(|error| Failure::FileInvalid {
                file: file.clone(),
                line: number,
                why: error.to_string(),
            })?;
            keys.push(key);
        }
    }
    VerifyingKeys::new(keys).map_err(Failure::LogKey)
}

fn print_report(context: &mut Context<'_>, report: &Report, heads_known: usize) {
    if context.format == Format::Json {
        let value = json!({
            "verified": true,
            "agency": report.head.agency.as_str(),
            "size": report.head.size,
            "root": domain::hexadecimal::encode(report.head.root.as_bytes()),
            "start": report.start,
            "frames": report.frames,
            "items": report.items,
            "open_parts": report.open_parts,
            "closed_parts": report.closed_parts,
            "heads": report.heads,
            "first": instant_json(report.first),
            "last": instant_json(report.last),
            "time_reversals": report.time_reversals,
        });
        return print_json(context.console, &value);
    }
    let title = context.console.styled_data(Style::Strong, "verified");
    let (agency, size) = (&report.head.agency, report.head.size);
    let span = match (report.first, report.last) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "no entries".to_owned(),
    };
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut lines = vec![
        format!("{title}  log of {agency}, size {size}, {span}"),
        format!(
            "checked   {} with {}, {}",
            count(number(report.frames), "frame", "frames"),
            count(number(report.items), "entry", "entries"),
            count(number(report.heads), "signed head", "signed heads"),
        ),
        format!(
            "parts     {} shown and unchanged, {} erased or withheld (only their commitments are checked)",
            report.open_parts, report.closed_parts
        ),
        format!("root      {}", domain::hexadecimal::encode(report.head.root.as_bytes())),
    ];
    if heads_known > 0 {
        let heads = count(heads_known, "head", "heads");
        lines.push(format!("passes    through {heads} known from elsewhere"));
    }
    if report.start > 0 {
        lines.push(format!("partial   starts after {} frames", report.start));
    }
    if report.time_reversals > 0 {
        let times = count(number(report.time_reversals), "time", "times");
        lines.push(format!("clock     went back {times}"));
    }
    for line in lines {
        context.console.data(&format!("{line}\n"));
    }
}
