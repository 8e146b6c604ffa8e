//! Use in court: an officer's question to its node, and a node's to the originator's. What people
//! signed is verified by the node that asked, not here.

use crate::convert::correction::version;
use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::{WireValue as _, value};
use crate::convert::withdrawal::RecordReference;
use crate::v1;
use domain::approval::APPROVALS_MAX;
use domain::court_use::{CourtUseOrder, CourtUseReceipt, PermissionQuestion};
use domain::envelope::Envelope;
use domain::name::{CaseId, RecordId};
use domain::submission::CASE_REFERENCE_CHARACTERS_MAX;

/// The longest note, in characters; ours are cut.
const NOTE_CHARACTERS_MAX: usize = 512;

/// The request of an officer.
pub fn to_request(record: RecordReference, order: CourtUseOrder) -> v1::UseInCourtRequest {
    v1::UseInCourtRequest {
        record_id: record.into_bytes(),
        case_id: order.case.as_bytes().to_vec(),
        case_reference: order.case_reference,
    }
}

/// Reads it.
///
/// # Errors
/// [`Invalid`].
pub fn from_request(
    request: v1::UseInCourtRequest,
) -> Result<(RecordReference, CourtUseOrder), Invalid> {
    let record = RecordReference::new(&request.record_id)?;
    let case = CaseId::from_bytes(field::bytes("case_id", &request.case_id)?);
    Ok((record, CourtUseOrder { case, case_reference: reference(request.case_reference)? }))
}

fn reference(text: String) -> Result<String, Invalid> {
    let what = "case_reference";
    let text = field::words(what, text, CASE_REFERENCE_CHARACTERS_MAX)?;
    if text.trim().is_empty() { Err(Invalid::new(what, Why::NotWellFormed)) } else { Ok(text) }
}

impl From<CourtUseReceipt> for v1::UseInCourtResponse {
    fn from(receipt: CourtUseReceipt) -> Self {
        Self {
            record_id: receipt.record_id.as_bytes().to_vec(),
            version: Some(receipt.version.into()),
            origin: receipt.origin.to_string(),
            state: receipt.state.to_wire(),
            persons: receipt.persons.iter().map(ToString::to_string).collect(),
            until_ms: receipt.until.map(|until| until.as_millis()),
            note: field::fit(&receipt.note, NOTE_CHARACTERS_MAX),
            audit_sequence: receipt.audit_sequence,
        }
    }
}

impl TryFrom<v1::UseInCourtResponse> for CourtUseReceipt {
    type Error = Invalid;

    fn try_from(response: v1::UseInCourtResponse) -> Result<Self, Invalid> {
        let until = response.until_ms.map(|until| field::instant("until_ms", until));
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &response.record_id)?),
            version: version(field::present("version", response.version)?)?,
            origin: field::name("origin", &response.origin)?,
            state: value("state", response.state)?,
            persons: field::distinct("persons", response.persons, APPROVALS_MAX, |one| {
                field::name("persons", &one)
            })?,
            until: until.transpose()?,
            note: field::text("note", response.note, NOTE_CHARACTERS_MAX)?,
            audit_sequence: response.audit_sequence,
        })
    }
}

/// The question of a node.
pub fn to_question(question: PermissionQuestion) -> v1::AskPermissionRequest {
    v1::AskPermissionRequest {
        terms: Some(question.terms.into()),
        record_id: question.record_id.as_bytes().to_vec(),
        version: Some(question.version.into()),
        case_reference: question.case_reference,
    }
}

/// Reads it.
///
/// # Errors
/// [`Invalid`].
pub fn from_question(request: v1::AskPermissionRequest) -> Result<PermissionQuestion, Invalid> {
    Ok(PermissionQuestion {
        terms: field::present("terms", request.terms)?.try_into()?,
        record_id: RecordId::from_bytes(field::bytes("record_id", &request.record_id)?),
        version: version(field::present("version", request.version)?)?,
        case_reference: reference(request.case_reference)?,
    })
}

/// The answer of a node.
pub fn to_approvals(approvals: Vec<Envelope>) -> v1::AskPermissionResponse {
    v1::AskPermissionResponse { approvals: approvals.into_iter().map(Into::into).collect() }
}

/// Reads it; nothing in it is verified yet.
///
/// # Errors
/// [`Invalid`].
pub fn from_approvals(response: v1::AskPermissionResponse) -> Result<Vec<Envelope>, Invalid> {
    field::list("approvals", response.approvals, APPROVALS_MAX, Envelope::try_from)
}

/// The message that carries a signed violation notice.
pub fn to_violation(notice: Envelope) -> v1::ReportViolationRequest {
    v1::ReportViolationRequest { notice: Some(notice.into()) }
}

/// Reads a signed violation notice; it is not verified yet.
///
/// # Errors
/// [`Invalid`].
pub fn from_violation(request: v1::ReportViolationRequest) -> Result<Envelope, Invalid> {
    field::present("notice", request.notice)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::court_use::CourtUse;
    use domain::question::QuestionTerms;
    use domain::record::Version;
    use domain::time::Timestamp;
    use domain::value::{Channel, Offence, Purpose, Urgency};

    fn question() -> PermissionQuestion {
        PermissionQuestion {
            terms: QuestionTerms {
                agreement: "malines-2026".parse().unwrap(),
                clause: "4.2".parse().unwrap(),
                purpose: Purpose::Prosecution,
                offence: Offence::MigrantSmuggling,
                kind: domain::indicator::Kind::Url,
                channel: Channel::Analyst,
                urgency: Urgency::Normal,
                exercise: false,
            },
            record_id: RecordId::from_bytes([1; 16]),
            version: Version::FIRST,
            case_reference: "PN 2026/17".to_owned(),
        }
    }

    #[test]
    fn a_question_goes_there_and_back_and_a_hostile_one_does_not() {
        let request = to_question(question());
        assert_eq!(from_question(request.clone()), Ok(question()));
        let with = |change: fn(&mut v1::AskPermissionRequest)| {
            let mut request = request.clone();
            change(&mut request);
            from_question(request).unwrap_err().what
        };
        assert_eq!(with(|request| request.terms = None), "terms");
        assert_eq!(with(|request| request.record_id.truncate(3)), "record_id");
        assert_eq!(with(|request| request.version = None), "version");
        assert_eq!(with(|request| request.case_reference = "  ".into()), "case_reference");
        assert_eq!(with(|request| request.case_reference = "x".repeat(65)), "case_reference");
        assert_eq!(with(|request| request.case_reference = "a\nb".into()), "case_reference");
        let many = v1::AskPermissionResponse { approvals: vec![v1::Envelope::default(); 17] };
        assert_eq!(from_approvals(many).unwrap_err().what, "approvals");
    }

    #[test]
    fn a_receipt_goes_there_and_back_and_a_hostile_one_does_not() {
        let receipt = CourtUseReceipt {
            record_id: RecordId::from_bytes([1; 16]),
            version: Version::FIRST,
            origin: "be-fedpol".parse().unwrap(),
            state: CourtUse::Permitted,
            persons: vec!["BE-1".parse().unwrap()],
            until: Some(Timestamp::from_millis(9)),
            note: String::new(),
            audit_sequence: 3,
        };
        let response = v1::UseInCourtResponse::from(receipt.clone());
        assert_eq!(CourtUseReceipt::try_from(response.clone()), Ok(receipt));
        let with = |change: fn(&mut v1::UseInCourtResponse)| {
            let mut response = response.clone();
            change(&mut response);
            CourtUseReceipt::try_from(response).unwrap_err().what
        };
        assert_eq!(with(|response| response.state = 0), "state");
        assert_eq!(with(|response| response.state = 99), "state");
        assert_eq!(with(|response| response.origin = "\u{1b}[2J".into()), "origin");
        assert_eq!(with(|response| response.persons.push("BE-1".into())), "persons");
        assert_eq!(with(|response| response.until_ms = Some(u64::MAX)), "until_ms");
        assert_eq!(with(|response| response.note = "x".repeat(513)), "note");
    }
}
