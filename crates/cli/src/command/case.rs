//! `malines case`: agreement, clause, purpose, offence and reference are said once, then named C-n.

use super::Context;
use crate::arguments::CaseCommand;
use crate::error::{Failure, Outcome};
use crate::message::{Notice, notice};
use crate::output::{Format, Table, day, instant_json, print_json};
use domain::report::CaseOpening;
use domain::submission::{
    CASE_REFERENCE_CHARACTERS_MAX, CASE_REFERENCE_CHARACTERS_MIN, Case, is_case_reference,
};
use serde_json::{Value, json};

/// The most cases that are listed.
const CASES_MAX: usize = 4096;

pub(super) fn run(context: &mut Context<'_>, command: CaseCommand) -> Result<Outcome, Failure> {
    match command {
        CaseCommand::Open { reference, agreement, clause, purpose, offence, days } => {
            if !is_case_reference(reference.trim()) {
                let why = format!(
                    "`--ref` is the reference of a proceeding, like 26-118-00431: \
                     {CASE_REFERENCE_CHARACTERS_MIN} to {CASE_REFERENCE_CHARACTERS_MAX} letters, digits, \
                     spaces and `./-_`, with one digit at least"
                );
                return Err(Failure::AnswerInvalid { why });
            }
            let opening = CaseOpening {
                agreement: word(&agreement)?,
                clause: word(&clause)?,
                purpose: word(&purpose)?,
                offence: word(&offence)?,
                reference: reference.trim().to_owned(),
                open_days: days,
            };
            let case = context.session()?.open_case(opening)?;
            match context.format {
                Format::Json => print_json(context.console, &case_json(&case)),
                Format::Text => {
                    let line =
                        format!("case {} open until {}\n", name(&case), day(case.open_until));
                    context.console.data(&line);
                }
            }
        }
        CaseCommand::List => {
            let cases = context.session()?.cases(CASES_MAX)?;
            match context.format {
                Format::Json => {
                    let cases: Vec<Value> = cases.iter().map(case_json).collect();
                    print_json(context.console, &json!({ "cases": cases }));
                }
                Format::Text if cases.is_empty() => context.console.say(notice(Notice::NoCase)),
                Format::Text => table(&cases).print(context.console),
            }
        }
    }
    Ok(Outcome::Done)
}

/// What people call a case.
pub(super) fn name(case: &Case) -> String {
    format!("C-{}", case.number)
}

fn table(cases: &[Case]) -> Table {
    let mut table = Table::new(&[
        "CASE",
        "REFERENCE",
        "AGREEMENT",
        "CLAUSE",
        "PURPOSE",
        "OFFENCE",
        "OPEN UNTIL",
    ]);
    for case in cases {
        let (purpose, offence) = (case.purpose.as_str(), case.offence.as_str());
        let (agreement, clause) = (case.agreement.as_str(), case.clause.as_str());
        let until = day(case.open_until);
        table.row([&name(case), &case.reference, agreement, clause, purpose, offence, &until]);
    }
    table
}

fn case_json(case: &Case) -> Value {
    json!({
        "case_id": case.case_id.to_string(),
        "number": case.number,
        "name": name(case),
        "agreement": case.agreement.as_str(),
        "clause": case.clause.as_str(),
        "purpose": case.purpose.as_str(),
        "offence": case.offence.as_str(),
        "reference": case.reference,
        "opened_at": instant_json(Some(case.opened_at)),
        "open_until": instant_json(Some(case.open_until)),
    })
}

fn word<T: core::str::FromStr<Err: core::fmt::Display>>(text: &str) -> Result<T, Failure> {
    text.trim().parse().map_err(|error: T::Err| Failure::AnswerInvalid { why: error.to_string() })
}
