//! Queries of officers: what is asked, what is held, and what each partner said.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::submission::mode_of;
use crate::convert::value::{WireValue as _, optional, value};
use crate::v1;
use domain::digest::Fingerprint;
use domain::label::Labels;
use domain::name::{AgencyId, CaseId, RecordId};
use domain::question::{MATCHES_MAX, MatchSummary, NoAnswer, PartnerAnswer, TOKENS_MAX};
use domain::record::AUDIENCE_MAX;
use domain::refusal::RefusalCode;
use domain::report::{
    Allowance, AnswerRow, Hit, Mode, PAGE_MAX, QUERY_FINGERPRINTS_MAX, Query, QueryReport,
};

/// The most hits beside one another in one answer to an officer.
pub const HITS_MAX: usize = 4096;
/// The most partners asked by one query: the most parties of an agreement.
pub const ASK_MAX: usize = AUDIENCE_MAX;
/// The longest note beside a partner's answer, in characters; ours are cut.
pub const NOTE_CHARACTERS_MAX: usize = 512;

/// The request for a query.
pub fn to_request(query: Query, mode: Mode) -> v1::QueryRequest {
    v1::QueryRequest {
        case_id: query.case.as_bytes().to_vec(),
        kind: query.kind.to_wire(),
        fingerprints: query.fingerprints.iter().map(|x| x.expose().to_vec()).collect(),
        ask: query.ask.iter().map(ToString::to_string).collect(),
        urgency: query.urgency.to_wire(),
        dry_run: mode == Mode::DryRun,
        exercise: query.exercise,
    }
}

/// Reads a request.
///
/// # Errors
/// [`Invalid`]; a query about nothing is one.
pub fn from_request(request: v1::QueryRequest) -> Result<(Query, Mode), Invalid> {
    let (fingerprints, max) = (request.fingerprints, QUERY_FINGERPRINTS_MAX);
    let fingerprints = field::list("fingerprints", fingerprints, max, |x| {
        Ok(Fingerprint::from_bytes(field::bytes("fingerprints", &x)?))
    })?;
    if fingerprints.is_empty() {
        return Err(Invalid::new("fingerprints", Why::Missing));
    }
    let query = Query {
        case: CaseId::from_bytes(field::bytes("case_id", &request.case_id)?),
        kind: value("kind", request.kind)?,
        fingerprints,
        ask: field::distinct("ask", request.ask, ASK_MAX, |agency| {
            field::name::<AgencyId>("ask", &agency)
        })?,
        urgency: value("urgency", request.urgency)?,
        exercise: request.exercise,
    };
    Ok((query, mode_of(request.dry_run)))
}

impl From<QueryReport> for v1::QueryResponse {
    fn from(report: QueryReport) -> Self {
        Self {
            held: report.held.into_iter().map(Into::into).collect(),
            answers: report.answers.into_iter().map(Into::into).collect(),
            audit_sequence: report.audit_sequence,
            allowance: Some(v1::Allowance {
                asked_today: report.allowance.asked_today,
                per_day: report.allowance.per_day,
            }),
        }
    }
}

impl TryFrom<v1::QueryResponse> for QueryReport {
    type Error = Invalid;

    fn try_from(response: v1::QueryResponse) -> Result<Self, Invalid> {
        let v1::Allowance { asked_today, per_day } = response.allowance.unwrap_or_default();
        Ok(Self {
            held: field::list("held", response.held, HITS_MAX, Hit::try_from)?,
            answers: field::list("answers", response.answers, ASK_MAX, AnswerRow::try_from)?,
            audit_sequence: response.audit_sequence,
            allowance: Allowance { asked_today, per_day },
        })
    }
}

impl From<AnswerRow> for v1::PartnerAnswer {
    fn from(row: AnswerRow) -> Self {
        let mut note = field::fit(&row.note, NOTE_CHARACTERS_MAX);
        let (kind, code, matches) = match row.answer {
            None => (v1::AnswerKind::WouldAsk, None, Vec::new()),
            Some(PartnerAnswer::Match(matches)) => (v1::AnswerKind::Match, None, matches),
            Some(PartnerAnswer::NoMatch) => (v1::AnswerKind::NoMatch, None, Vec::new()),
            Some(PartnerAnswer::Refused(code)) => (v1::AnswerKind::Refused, Some(code), Vec::new()),
            Some(PartnerAnswer::NotAsked(code)) => {
                (v1::AnswerKind::NotAsked, Some(code), Vec::new())
            }
            Some(PartnerAnswer::NoAnswer(reason)) => {
                note = reason_to_note(reason, &note);
                (v1::AnswerKind::NoAnswer, None, Vec::new())
            }
        };
        Self {
            agency: row.agency.to_string(),
            kind: kind.into(),
            code: code.map(|code| code.to_wire()),
            matches: matches.into_iter().map(Into::into).collect(),
            as_of_ms: row.as_of.as_millis(),
            note,
        }
    }
}

impl TryFrom<v1::PartnerAnswer> for AnswerRow {
    type Error = Invalid;

    fn try_from(row: v1::PartnerAnswer) -> Result<Self, Invalid> {
        let read = MatchSummary::try_from;
        let matches = field::list("matches", row.matches, MATCHES_MAX, read)?;
        let code = optional::<RefusalCode>("code", row.code)?;
        let kind = v1::AnswerKind::try_from(row.kind).unwrap_or(v1::AnswerKind::Unspecified);
        let mut note = field::text("note", row.note, NOTE_CHARACTERS_MAX + REASON_BYTES_MAX)?;
        let answer = match (kind, code, matches.is_empty()) {
            (v1::AnswerKind::Unspecified, ..) => return Err(Invalid::new("kind", Why::Unknown)),
            (v1::AnswerKind::WouldAsk, None, true) => None,
            (v1::AnswerKind::Match, None, false) => Some(PartnerAnswer::Match(matches)),
            (v1::AnswerKind::Match, None, true) => {
                return Err(Invalid::new("matches", Why::Missing));
            }
            (v1::AnswerKind::NoMatch, None, true) => Some(PartnerAnswer::NoMatch),
            (v1::AnswerKind::Refused, Some(code), true) if !code.is_of_the_question() => {
                return Err(Invalid::new("code", Why::NotForPartners));
            }
            (v1::AnswerKind::Refused, Some(code), true) => Some(PartnerAnswer::Refused(code)),
            (v1::AnswerKind::NotAsked, Some(code), true) => Some(PartnerAnswer::NotAsked(code)),
            (v1::AnswerKind::Refused | v1::AnswerKind::NotAsked, None, true) => {
                return Err(Invalid::new("code", Why::Missing));
            }
            (v1::AnswerKind::NoAnswer, None, true) => {
                let (reason, rest) = reason_from_note(&note)?;
                note = rest;
                Some(PartnerAnswer::NoAnswer(reason))
            }
            _ => return Err(Invalid::new("kind", Why::Contradictory)),
        };
        Ok(Self {
            agency: field::name("agency", &row.agency)?,
            answer,
            as_of: field::instant("as_of_ms", row.as_of_ms)?,
            note: field::text("note", note, NOTE_CHARACTERS_MAX)?,
        })
    }
}

impl From<Hit> for v1::Hit {
    fn from(hit: Hit) -> Self {
        Self {
            origin: hit.origin.to_string(),
            summary: Some(hit.summary.into()),
            found_at_ms: hit.found_at.as_millis(),
            case_id: hit.case.map(|case| case.as_bytes().to_vec()),
            record_id: hit.record_id.map(|record_id| record_id.as_bytes().to_vec()),
        }
    }
}

impl TryFrom<v1::Hit> for Hit {
    type Error = Invalid;

    fn try_from(hit: v1::Hit) -> Result<Self, Invalid> {
        let case = hit.case_id.map(|id| field::bytes("case_id", &id)).transpose()?;
        let record_id = hit.record_id.map(|id| field::bytes("record_id", &id)).transpose()?;
        Ok(Self {
            origin: field::name("origin", &hit.origin)?,
            summary: field::present("summary", hit.summary)?.try_into()?,
            found_at: field::instant("found_at_ms", hit.found_at_ms)?,
            case: case.map(CaseId::from_bytes),
            record_id: record_id.map(RecordId::from_bytes),
        })
    }
}

impl From<Vec<Hit>> for v1::ListHitsResponse {
    /// A page; the caller cuts it at [`PAGE_MAX`].
    fn from(hits: Vec<Hit>) -> Self {
        Self { hits: hits.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<v1::ListHitsResponse> for Vec<Hit> {
    type Error = Invalid;

    fn try_from(response: v1::ListHitsResponse) -> Result<Self, Invalid> {
        field::list("hits", response.hits, PAGE_MAX, Hit::try_from)
    }
}

/// Where a page of hits begins: after the hit with this follow-up reference, or at the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HitsAfter(pub Option<RecordId>);

impl From<HitsAfter> for v1::ListHitsRequest {
    fn from(after: HitsAfter) -> Self {
        Self { after: after.0.map(|id| id.as_bytes().to_vec()).unwrap_or_default() }
    }
}

impl TryFrom<v1::ListHitsRequest> for HitsAfter {
    type Error = Invalid;

    fn try_from(request: v1::ListHitsRequest) -> Result<Self, Invalid> {
        match request.after.as_slice() {
            [] => Ok(Self(None)),
            after => Ok(Self(Some(RecordId::from_bytes(field::bytes("after", after)?)))),
        }
    }
}

impl From<MatchSummary> for v1::MatchSummary {
    fn from(summary: MatchSummary) -> Self {
        let MatchSummary { tlp, pap, handling, evaluation, basis, .. } = summary;
        Self {
            slot: summary.slot,
            follow_up: summary.follow_up.as_bytes().to_vec(),
            kind: summary.kind.to_wire(),
            role: summary.role.map(|role| role.to_wire()),
            content_class: summary.class.map(|class| class.to_wire()),
            labels: Some(Labels { tlp, pap, handling, evaluation, basis }.into()),
            observed_last_ms: summary.observed_last.as_millis(),
        }
    }
}

impl TryFrom<v1::MatchSummary> for MatchSummary {
    type Error = Invalid;

    fn try_from(summary: v1::MatchSummary) -> Result<Self, Invalid> {
        if usize::try_from(summary.slot).is_ok_and(|slot| slot >= TOKENS_MAX) {
            return Err(Invalid::new("slot", Why::OutOfRange));
        }
        let labels = Labels::try_from(field::present("labels", summary.labels)?)?;
        Ok(Self {
            slot: summary.slot,
            follow_up: RecordId::from_bytes(field::bytes("follow_up", &summary.follow_up)?),
            kind: value("kind", summary.kind)?,
            role: optional("role", summary.role)?,
            class: optional("content_class", summary.content_class)?,
            tlp: labels.tlp,
            pap: labels.pap,
            handling: labels.handling,
            evaluation: labels.evaluation,
            basis: labels.basis,
            observed_last: field::instant("observed_last_ms", summary.observed_last_ms)?,
        })
    }
}

/// The contract has the true reason in the note: it begins with one of these words.
const REASONS: [(NoAnswer, &str); 4] = [
    (NoAnswer::Unreachable, "unreachable"),
    (NoAnswer::TimedOut, "timed-out"),
    (NoAnswer::Misbehaved, "misbehaved"),
    (NoAnswer::NoTokenKey, "no-token-key"),
];
/// Room for the longest word and the separator.
const REASON_BYTES_MAX: usize = 16;
const SEPARATOR: &str = ": ";

fn reason_to_note(reason: NoAnswer, note: &str) -> String {
    let word = REASONS.iter().find(|(known, _)| *known == reason).map_or("", |(_, word)| word);
    if note.is_empty() { word.to_owned() } else { format!("{word}{SEPARATOR}{note}") }
}

fn reason_from_note(note: &str) -> Result<(NoAnswer, String), Invalid> {
    let (word, rest) = note.split_once(SEPARATOR).unwrap_or((note, ""));
    let known = REASONS.iter().find(|(_, known)| *known == word);
    let (reason, _) = known.ok_or(Invalid::new("note", Why::Unknown))?;
    Ok((*reason, rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_no_answer_survives_the_note() {
        for (reason, word) in REASONS {
            assert!(word.len() + SEPARATOR.len() <= REASON_BYTES_MAX);
            for note in ["", "it: was: dark"] {
                let (back, rest) = reason_from_note(&reason_to_note(reason, note)).unwrap();
                assert_eq!((back, rest.as_str()), (reason, note));
            }
        }
        assert!(reason_from_note("asleep: no").is_err());
        assert!(reason_from_note("").is_err());
    }
}
