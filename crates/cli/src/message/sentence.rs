//! Sentences that hold values: counts, names, days, and texts from elsewhere.
//!
//! What comes from a partner or a file is made safe to show by the caller, which knows whence it
//! comes. Where the text of an error follows, that error words itself and its hint.

use crate::error::Failure;
use crate::message::{Phrase, phrase};
use crate::output::{count, day};
use core::fmt::Display;
use domain::name::{AgencyId, AgreementId, Digest};
use domain::report::{Allowance, NodeStatus};
use domain::submission::{Case, Submission};
use domain::time::Timestamp;

// Around what went wrong.

/// What went wrong, after the word that announces it.
pub(crate) fn error(announced: &str, what: impl Display) -> String {
    format!("{announced} {what}")
}

/// What to do next.
pub(crate) fn hint(hint: impl Display) -> String {
    format!("hint: {hint}")
}

/// What to do next about one of several things.
pub(crate) fn hint_below(hint: impl Display) -> String {
    format!("  hint: {hint}")
}

/// A text that belongs to the line above it.
pub(crate) fn below(text: &str) -> String {
    format!("  {text}")
}

/// What went wrong with one of several things.
pub(crate) fn failed_at(place: &str, failure: &Failure) -> String {
    format!("{place}: {failure}")
}

/// What went wrong with a line of a list, with its code.
pub(crate) fn failed_in_line(line: u64, failure: &Failure) -> String {
    format!("line {line}: {}: {failure}", failure.code())
}

/// What went wrong with one thing of a kind.
pub(crate) fn failed_of_kind(place: &str, kind: &str, failure: &Failure) -> String {
    format!("{place}: {kind}: {failure}")
}

/// The reason that stands beside the rule that decided.
pub(crate) fn because(reason: &str) -> String {
    format!("  because: \"{reason}\"")
}

/// A question that only a yes answers.
pub(crate) fn yes_or_no(question: Phrase) -> String {
    format!("{} [y/N]", phrase(question))
}

// Of rules.

/// A rule that changes no decision, and why.
pub(crate) fn never_decides(rule: &str, why: &str) -> String {
    format!("  can never decide: {rule}: {why}")
}

// Of questions and matches.

/// What the value of a question was read as.
pub(crate) fn read_as(kind: impl Display, masked: &str) -> String {
    format!("read as {kind} {masked}")
}

/// How many values of a question were read.
pub(crate) fn read_values(values: usize) -> String {
    format!("read {}", count(values, "value", "values"))
}

/// Who is about to be asked.
pub(crate) fn asks(partners: &[&str]) -> String {
    format!("asks {}", partners.join(", "))
}

/// What those who are asked can learn.
pub(crate) fn disclosure(agency: &AgencyId, case: &Case) -> String {
    let Case { agreement, clause, purpose, offence, .. } = case;
    format!(
        "each of them can learn the value, and that {agency} asks for it under {agreement} clause {clause}, \
         {purpose}, {offence}"
    )
}

/// How much of the day's questions is used.
pub(crate) fn allowance(allowance: &Allowance) -> String {
    let Allowance { asked_today, per_day } = allowance;
    format!("asked about {asked_today} of {per_day} values today")
}

/// Under a match: that it is a lead, and why.
pub(crate) fn lead(caution: &str) -> String {
    format!("{}: {caution}", phrase(Phrase::LeadNotIdentification))
}

/// What was submitted matches a record of a partner.
pub(crate) fn matches(place: &str, origin: &AgencyId, described: &str) -> String {
    format!("{place}: matches a record of {origin}: {described}")
}

// Of submissions, corrections and imports.

/// What the record of a single thing will say, in columns.
pub(crate) fn labels(one: &Submission) -> [String; 3] {
    let labels = &one.labels;
    let offences: Vec<&str> = one.offences.iter().map(|offence| offence.as_str()).collect();
    let handling: Vec<&str> = labels.handling.iter().map(|code| code.as_str()).collect();
    let handling =
        if handling.is_empty() { String::new() } else { format!(", {}", handling.join(" ")) };
    [
        format!("record    {} under {}: {}", one.kind, one.agreement, offences.join(", ")),
        format!(
            "labels    TLP {}, PAP {}{handling}, {} {}, {}",
            labels.tlp,
            labels.pap,
            labels.evaluation.scheme(),
            labels.evaluation,
            labels.basis
        ),
        format!("expires   {}, review {}", day(one.valid_until), day(one.review_at)),
    ]
}

/// How many bad rows are not told one by one.
pub(crate) fn more(rows: usize) -> String {
    format!("... and {rows} more")
}

/// What was done before the line to the node broke.
pub(crate) fn recorded_before(rows: usize) -> String {
    let rows = count(rows, "row was", "rows were");
    format!("{rows} recorded before this; the same file can be submitted again")
}

/// How many rows became records and how many did not.
pub(crate) fn recorded(rows: usize, kept: usize) -> String {
    format!("{} recorded, {kept} not", count(rows, "row", "rows"))
}

/// What to do with a record whose person turns out to be protected.
pub(crate) fn cannot_stay(record: &str) -> String {
    format!(
        "such a record cannot stay: take it back everywhere with `malines withdraw {record}`, \
         or have it forgotten here as well with `malines erase {record}`"
    )
}

/// Who hears of a correction.
pub(crate) fn told(partners: &[&str]) -> String {
    format!("partners that may hold it are told: {}", partners.join(", "))
}

/// How many places of a file hold something that is no event.
pub(crate) fn no_events(places: usize) -> String {
    let places = count(places, "place", "places");
    format!("{places} where an event should stand hold something else")
}

/// Something to know about some events.
pub(crate) fn about_events(events: usize, text: &str) -> String {
    format!("note ({}): {text}", count(events, "event", "events"))
}

/// What a dry run of an import comes to.
pub(crate) fn would_import(submitted: usize, skipped: usize) -> String {
    format!("dry run: {submitted} would be submitted, {skipped} skipped; nothing was sent")
}

/// How many values of an event the same fault keeps from being submitted.
pub(crate) fn cannot_submit(values: usize, why: &str) -> String {
    format!("{values} cannot be submitted: {why}")
}

/// What is about to be imported.
pub(crate) fn to_import(events: usize, submitted: usize, skipped: usize) -> String {
    let events = count(events, "event", "events");
    format!("{events}: {submitted} to submit, {skipped} skipped")
}

// Of the node and what waits.

/// The own node at a glance.
pub(crate) fn node(status: &NodeStatus, version: &str) -> String {
    let records = usize::try_from(status.own_records).unwrap_or(usize::MAX);
    let records = count(records, "record", "records");
    let (agency, entries) = (&status.agency, status.audit_size);
    format!("{agency}, version {version}: {records} of its own, {entries} audit entries")
}

/// Why the node is in recovery.
pub(crate) fn recovery(why: &str) -> String {
    format!("RECOVERY: {why}")
}

/// How many duties are overdue, ours and partners'.
pub(crate) fn duties_waiting(duties: usize) -> String {
    let duties = count(duties, "duty is", "duties are");
    format!("{duties} overdue: `malines duties --overdue`")
}

/// Under a list of duties: how many are overdue, and how many of them are ours.
pub(crate) fn duties_overdue(duties: usize, ours: usize) -> String {
    let duties = count(duties, "duty is", "duties are");
    format!("{duties} overdue, {ours} of them ours")
}

/// The clocks of the node and of this machine differ.
pub(crate) fn clocks(node: Timestamp, here: Timestamp) -> String {
    format!("the clock of the node says {node}; this machine says {here}")
}

/// How long ago expired records were last taken off the disk, if ever.
pub(crate) fn upkeep(ago: Option<&str>) -> String {
    format!("last upkeep (expiry, erasure): {}", ago.unwrap_or("not since the start"))
}

/// Why the last upkeep failed.
pub(crate) fn upkeep_failed(why: &str) -> String {
    format!("the last upkeep failed: {why}")
}

/// How many records outlived their end.
pub(crate) fn past_end(records: usize) -> String {
    let records = count(records, "record is", "records are");
    format!("{records} still here more than a day after the end")
}

/// How many legal holds somebody has to look at.
pub(crate) fn holds_due(holds: usize) -> String {
    let holds = count(holds, "legal hold is", "legal holds are");
    format!("{holds} due for review: `malines hold list`")
}

/// A partner could not be asked whether a record may be used in court.
pub(crate) fn node_silent(why: &str) -> String {
    format!("its node did not answer: {why}; ask again later")
}

/// How an export of the audit log is verified.
pub(crate) fn verify_export(file: &str) -> String {
    format!("verify it anywhere: malines audit verify {file} --keys FILE")
}

// Of rules.

/// How tests of rules ended.
pub(crate) fn tests_ran(tests: usize, passed: usize) -> String {
    let failed = tests.saturating_sub(passed);
    format!("{}: {passed} passed, {failed} failed", count(tests, "test", "tests"))
}

/// A claim about rules does not hold.
pub(crate) fn claim_false(file: &str, claim: &str, sentence: &str) -> String {
    format!("{file}: {claim} is false: {sentence}")
}

/// What shows it: who asks for what, the labels, and what the rules decide.
pub(crate) fn counterexample(headline: &str, labels: &str, decision: &str) -> String {
    format!("  {headline} where {labels}\n  decided {decision}")
}

/// Something to mend in a file of rules; `rule` is empty where it is of no single one.
pub(crate) fn to_mend(file: &str, rule: &str, what: &str) -> String {
    match rule {
        "" => format!("{file}: {what}"),
        rule => format!("{file}, rule {rule}: {what}"),
    }
}

/// How the check of some files of rules ended.
pub(crate) fn rules_checked(files: usize, findings: usize) -> String {
    let files = count(files, "file", "files");
    match findings {
        0 => format!("{files}: every rule loads and can decide"),
        found => format!("{files}: {}", count(found, "finding", "findings")),
    }
}

/// Enough officers signed for a proposal.
pub(crate) fn next_activate(proposal: &str) -> String {
    format!("next: `malines policy activate {proposal}`")
}

/// A proposal that widens needs another officer.
pub(crate) fn next_sign(proposal: &str) -> String {
    format!("next: another officer looks at it with `malines policy sign {proposal}`")
}

// Of agreements and keys.

/// A key file was protected.
pub(crate) fn key_protected(file: &str) -> String {
    format!("`{file}` opens with its passphrase only from now on")
}

/// A docket was made: its hash and what comes next, in columns.
pub(crate) fn docket_made(file: &str, agreement: &AgreementId, hash: &Digest) -> [String; 4] {
    [
        format!("made   `{file}`: {agreement} is written down"),
        format!("hash   {hash}"),
        format!("next   malines agreement show --docket {file}"),
        format!("       malines agreement sign --docket {file} --key authority.key"),
    ]
}

/// A docket was copied into a file.
pub(crate) fn papers_written(papers: usize, file: &str) -> String {
    format!("wrote {} to `{file}`", count(papers, "paper", "papers"))
}

/// Papers were filed, and where the agreement stands now.
pub(crate) fn papers_filed(papers: usize, agreement: &AgreementId, standing: &str) -> String {
    format!("filed  {} of {agreement}: {standing}", count(papers, "paper", "papers"))
}

/// What is about to be certified.
pub(crate) fn certifies(
    officer: impl Display,
    role: impl Display,
    authority: impl Display,
    key: &str,
    until: Timestamp,
) -> String {
    format!("certifies {officer}, {role} of {authority}, key {key}, until {}", day(until))
}

/// A partner's new key, to be compared with what its people read out.
pub(crate) fn new_key(partner: &AgencyId, key: &str) -> String {
    format!("new key of {partner}: {key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many_and_none_are_told_apart() {
        assert_eq!(recorded(1, 2), "1 row recorded, 2 not");
        assert_eq!(holds_due(2), "2 legal holds are due for review: `malines hold list`");
        assert_eq!(rules_checked(1, 0), "1 file: every rule loads and can decide");
        assert_eq!(rules_checked(2, 1), "2 files: 1 finding");
        assert_eq!(to_mend("a.cedar", "", "x"), "a.cedar: x");
        assert_eq!(to_mend("a.cedar", "r", "x"), "a.cedar, rule r: x");
        assert_eq!(upkeep(None), "last upkeep (expiry, erasure): not since the start");
        assert_eq!(tests_ran(3, 2), "3 tests: 2 passed, 1 failed");
    }
}
