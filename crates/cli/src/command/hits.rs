//! `malines hits`: what matched so far, newest first.

use super::{Context, case};
use crate::arguments::Hits;
use crate::error::{Failure, Outcome};
use crate::matching::{self, describe};
use crate::message::{Notice, Phrase, notice, phrase};
use crate::output::{Format, Table, day, print_json, record_reference, time_of_day};
use domain::name::CaseId;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The most cases whose names are looked up.
const CASES_MAX: usize = 4096;

pub(super) fn run(context: &mut Context<'_>, arguments: Hits) -> Result<Outcome, Failure> {
    let session = context.session()?;
    let wanted = arguments.case.as_deref().map(|given| session.case(given)).transpose()?;
    let wanted = wanted.map(|case| case.case_id);
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let hits = session.hits(limit, |hit| wanted.is_none() || hit.case == wanted)?;
    if context.format == Format::Json {
        let hits: Vec<Value> = hits.iter().map(matching::hit_json).collect();
        print_json(context.console, &json!({ "hits": hits }));
        return Ok(Outcome::Done);
    }
    if hits.is_empty() {
        context.console.say(notice(Notice::NothingMatched));
        return Ok(Outcome::Done);
    }
    let cases: HashMap<CaseId, String> = match hits.iter().any(|hit| hit.case.is_some()) {
        true => {
            session.cases(CASES_MAX)?.iter().map(|one| (one.case_id, case::name(one))).collect()
        }
        false => HashMap::new(),
    };
    let mut table = Table::new(&["FOUND", "PARTNER", "KIND", "CASE", "RECORD", "WHAT IT SAYS"]);
    for hit in &hits {
        let found = format!("{} {}", day(hit.found_at), time_of_day(hit.found_at));
        let case = hit.case.and_then(|id| cases.get(&id).cloned()).unwrap_or_default();
        let record = hit.record_id.map(|id| record_reference(&id)).unwrap_or_default();
        let kind = hit.summary.kind.as_str();
        table.row([&found, hit.origin.as_str(), kind, &case, &record, &describe(&hit.summary)]);
    }
    table.print(context.console);
    context.console.say(phrase(Phrase::LeadNotIdentification));
    Ok(Outcome::Done)
}
