//! `malines normalise`: what a value becomes, on this machine alone.

use super::{Context, Detail};
use crate::arguments::Normalise;
use crate::config::Values;
use crate::console::Style;
use crate::error::{Failure, Outcome};
use crate::given::{self, Given};
use crate::message::sentence;
use crate::output::{Format, Table, print_json};
use domain::indicator::Tier;
use fingerprint::{NegativeBank, Normalised};
use serde_json::{Value, json};

pub(super) fn run(context: &mut Context<'_>, arguments: Normalise) -> Result<Outcome, Failure> {
    let given: Given = arguments.kind.parse()?;
    let hint =
        given::hint(arguments.source.region.as_deref(), arguments.source.platform.as_deref())?;
    // The profile is needed for `--value` alone: everything else works on a machine without one,
    // and then knows the shipped negative bank only.
    let (values, bank) = match arguments.source.value {
        Some(_) => {
            let profile = context.profile()?;
            (profile.values, profile.bank()?)
        }
        None => (Values::Hidden, NegativeBank::shipped()),
    };
    let raws = given::read(context.console, given, &arguments.source, values)?;
    let mut rows: Vec<(u64, Result<Normalised, Failure>)> = Vec::with_capacity(raws.len());
    for raw in &raws {
        match given::normalised(given, &raw.text, &hint, None, &bank) {
            Ok(many) => rows.extend(many.into_iter().map(|one| (raw.line, Ok(one)))),
            Err(failure) => rows.push((raw.line, Err(failure))),
        }
    }
    let good = rows.iter().filter(|(_, row)| row.is_ok()).count();
    match context.format {
        Format::Json => {
            let results: Vec<Value> = rows
                .iter()
                .map(|(line, row)| row_json(*line, row, arguments.show_digest))
                .collect();
            print_json(context.console, &json!({ "results": results }));
        }
        Format::Text => {
            if good > 0 {
                table(&rows, arguments.show_digest, context.detail).print(context.console);
            }
            tell_refused(context, &rows);
        }
    }
    let mut bad = rows.iter().filter_map(|(_, row)| row.as_ref().err());
    let by_rule = |failure: &Failure| failure.outcome() == Outcome::Refused;
    Ok(match (good, rows.len() - good) {
        (_, 0) => Outcome::Done,
        (0, _) if bad.all(by_rule) => Outcome::Refused,
        (0, _) => Outcome::Failed,
        _ => Outcome::Incomplete,
    })
}

fn table(rows: &[(u64, Result<Normalised, Failure>)], show_digest: bool, detail: Detail) -> Table {
    let headings: &'static [&'static str] = match show_digest {
        true => &["LINE", "KIND", "READ AS", "TRAVELS", "DIGEST (as secret as the value)"],
        false => &["LINE", "KIND", "READ AS", "TRAVELS"],
    };
    let mut table = Table::new(headings);
    for (line, row) in rows {
        let Ok(one) = row else { continue };
        let (line, kind, masked) = (line.to_string(), one.kind.as_str(), one.masked());
        let travels = travels(one.kind.tier(), detail);
        match show_digest {
            true => {
                table.row([&line, kind, &masked, travels, &given::digest_text(&one.fingerprint())])
            }
            false => table.row([&line, kind, &masked, travels]),
        }
    }
    table
}

fn tell_refused(context: &mut Context<'_>, rows: &[(u64, Result<Normalised, Failure>)]) {
    for (line, row) in rows {
        if let Err(failure) = row {
            let text = sentence::failed_in_line(*line, failure);
            let text = context.console.styled(Style::Alarm, &text);
            context.console.say(&text);
            let hint = context.console.styled(Style::Quiet, &sentence::hint_below(failure.hint()));
            context.console.say(&hint);
        }
    }
}

const fn travels(tier: Tier, detail: Detail) -> &'static str {
    match (tier, detail) {
        (Tier::Sealed, Detail::Usual) => "never copied; partners ask",
        (Tier::Keyed, Detail::Usual) => "as a keyed token, if policy allows",
        (Tier::Sealed, Detail::All) => "tier 2, sealed: never copied; partners ask",
        (Tier::Keyed, Detail::All) => {
            "tier 1, keyed per agreement, owner and epoch: copied if policy allows"
        }
    }
}

fn row_json(line: u64, row: &Result<Normalised, Failure>, show_digest: bool) -> Value {
    match row {
        Err(failure) => json!({ "line": line, "code": failure.code() }),
        Ok(one) => {
            let tier = match one.kind.tier() {
                Tier::Sealed => "SEALED",
                Tier::Keyed => "KEYED",
            };
            let mut value = json!({
                "line": line,
                "kind": one.kind.as_str(),
                "platform": one.platform.map(|platform| platform.as_str()),
                "tier": tier,
                "masked": one.masked(),
                "normalisation": one.version().0,
            });
            if let (Some(object), true) = (value.as_object_mut(), show_digest) {
                object.insert("digest".to_owned(), json!(given::digest_text(&one.fingerprint())));
            }
            value
        }
    }
}
