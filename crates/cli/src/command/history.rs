//! `malines history`: the versions of an own record: when, who, why, and what changed.

use super::correct::{change_line, differences_json, first_line};
use super::withdraw::reference;
use super::{Context, Detail};
use crate::arguments::History;
use crate::console::plain;
use crate::error::{Failure, Outcome};
use crate::output::{
    Format, case_json, day, instant_json, print_json, record_reference, time_of_day,
};
use domain::correction::PastVersion;
use serde_json::{Value, json};

pub(super) fn run(context: &mut Context<'_>, arguments: History) -> Result<Outcome, Failure> {
    let record = reference(&arguments.record)?;
    let history = context.session()?.history(record)?;
    if context.format == Format::Json {
        let versions: Vec<Value> = history.versions.iter().map(version_json).collect();
        let record_id = history.record_id.to_string();
        print_json(context.console, &json!({ "record_id": record_id, "versions": versions }));
        return Ok(Outcome::Done);
    }
    let name = record_reference(&history.record_id);
    for (index, version) in history.versions.iter().enumerate() {
        let officer = version.made_by.as_ref().map_or("somebody", |officer| officer.as_str());
        let (day, time) = (day(version.made_at), time_of_day(version.made_at));
        let what = if index == 0 { "submitted" } else { "corrected" };
        let number = version.version;
        context.console.data(&format!("{name} {number}  {day} {time}  {what} by {officer}\n"));
        if let Some(reason) = &version.reason {
            context.console.data(&format!("  why: {}\n", plain(reason)));
        }
        if index > 0 || context.detail == Detail::All {
            let line = if index == 0 { first_line } else { change_line };
            for difference in &version.differences {
                context.console.data(&format!("{}\n", line(difference)));
            }
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn version_json(version: &PastVersion) -> Value {
    json!({
        "version": version.version.to_string(),
        "made_at": instant_json(Some(version.made_at)),
        "officer": version.made_by.as_ref().map(|officer| officer.as_str()),
        "reason": version.reason,
        "case_id": case_json(version.case),
        "differences": differences_json(&version.differences),
    })
}
