//! Disputes: between nodes as what was signed, towards officers as what they say and see.

use crate::convert::correction::version;
use crate::convert::duty::PLACE_BYTES_MAX;
use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::value::{WireValue, optional, value};
use crate::convert::withdrawal::RecordReference;
use crate::v1;
use domain::dispute::{
    AnswerReceipt, DISPUTE_NOTE_CHARACTERS_MAX, DisputeOrder, DisputeReceipt, LiftReceipt,
    ListedDispute, Note, Ruling, Verdict,
};
use domain::envelope::Envelope;
use domain::name::{CaseId, RecordId};
use domain::record::AUDIENCE_MAX;
use domain::refusal::RefusalCode;
use domain::report::PAGE_MAX;
use domain::submission::Repeated;

/// The message that carries a signed dispute.
pub fn to_raise(dispute: Envelope) -> v1::RaiseDisputeRequest {
    v1::RaiseDisputeRequest { dispute: Some(dispute.into()) }
}

/// Reads a signed dispute; it is not verified yet.
///
/// # Errors
/// [`Invalid`].
pub fn from_raise(request: v1::RaiseDisputeRequest) -> Result<Envelope, Invalid> {
    field::present("dispute", request.dispute)?.try_into()
}

/// The message that carries a signed answer.
pub fn to_answer(answer: Envelope) -> v1::AnswerDisputeRequest {
    v1::AnswerDisputeRequest { answer: Some(answer.into()) }
}

/// Reads a signed answer; it is not verified yet.
///
/// # Errors
/// [`Invalid`].
pub fn from_answer(request: v1::AnswerDisputeRequest) -> Result<Envelope, Invalid> {
    field::present("answer", request.answer)?.try_into()
}

/// The request that disputes a record.
pub fn to_request(record: RecordReference, order: DisputeOrder) -> v1::DisputeRecordRequest {
    v1::DisputeRecordRequest {
        record_id: record.into_bytes(),
        case_id: order.case.as_bytes().to_vec(),
        reason: order.reason.to_wire(),
        note: words(order.note),
    }
}

/// Reads the request that disputes a record.
///
/// # Errors
/// [`Invalid`]; a note that could name somebody is one.
pub fn from_request(
    request: v1::DisputeRecordRequest,
) -> Result<(RecordReference, DisputeOrder), Invalid> {
    let record = RecordReference::new(&request.record_id)?;
    let order = DisputeOrder {
        case: CaseId::from_bytes(field::bytes("case_id", &request.case_id)?),
        reason: value("reason", request.reason)?,
        note: note("note", &request.note)?,
    };
    Ok((record, order))
}

impl From<DisputeReceipt> for v1::DisputeRecordResponse {
    fn from(receipt: DisputeReceipt) -> Self {
        Self {
            record_id: receipt.record_id.as_bytes().to_vec(),
            origin: receipt.origin.to_string(),
            due_ms: receipt.due.as_millis(),
            repeated_dispute: receipt.repeated == Repeated::Yes,
            audit_sequence: receipt.audit_sequence,
        }
    }
}

impl TryFrom<v1::DisputeRecordResponse> for DisputeReceipt {
    type Error = Invalid;

    fn try_from(receipt: v1::DisputeRecordResponse) -> Result<Self, Invalid> {
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &receipt.record_id)?),
            origin: field::name("origin", &receipt.origin)?,
            due: field::instant("due_ms", receipt.due_ms)?,
            repeated: if receipt.repeated_dispute { Repeated::Yes } else { Repeated::No },
            audit_sequence: receipt.audit_sequence,
        })
    }
}

/// The place of the last dispute of the page before; none for the first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputesAfter(pub Option<Vec<u8>>);

impl From<DisputesAfter> for v1::ListDisputesRequest {
    fn from(after: DisputesAfter) -> Self {
        Self { after: after.0.unwrap_or_default() }
    }
}

impl TryFrom<v1::ListDisputesRequest> for DisputesAfter {
    type Error = Invalid;

    fn try_from(request: v1::ListDisputesRequest) -> Result<Self, Invalid> {
        match request.after.len() {
            0 => Ok(Self(None)),
            1..=PLACE_BYTES_MAX => Ok(Self(Some(request.after))),
            _ => Err(Invalid::new("after", Why::TooLong { max: PLACE_BYTES_MAX })),
        }
    }
}

/// A dispute, and its place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedDispute {
    /// Names it when the next page is asked for.
    pub place: Vec<u8>,
    /// The dispute.
    pub dispute: ListedDispute,
}

impl From<PlacedDispute> for v1::DisputeStanding {
    fn from(placed: PlacedDispute) -> Self {
        let PlacedDispute { place, dispute } = placed;
        Self {
            place,
            side: dispute.side.to_wire(),
            partner: dispute.partner.to_string(),
            agreement: dispute.agreement.to_string(),
            record_id: dispute.record_id.as_bytes().to_vec(),
            version: Some(dispute.version.into()),
            reason: dispute.reason.to_wire(),
            note: words(dispute.note),
            at_ms: dispute.at.as_millis(),
            due_ms: dispute.due.as_millis(),
            state: dispute.state.to_wire(),
            rejection: dispute.rejection.map(WireValue::to_wire),
            answer_note: words(dispute.answer_note),
        }
    }
}

impl TryFrom<v1::DisputeStanding> for PlacedDispute {
    type Error = Invalid;

    fn try_from(placed: v1::DisputeStanding) -> Result<Self, Invalid> {
        if placed.place.is_empty() || placed.place.len() > PLACE_BYTES_MAX {
            return Err(Invalid::new("place", Why::Step));
        }
        let dispute = ListedDispute {
            side: value("side", placed.side)?,
            partner: field::name("partner", &placed.partner)?,
            agreement: field::name("agreement", &placed.agreement)?,
            record_id: RecordId::from_bytes(field::bytes("record_id", &placed.record_id)?),
            version: version(field::present("version", placed.version)?)?,
            reason: value("reason", placed.reason)?,
            note: note("note", &placed.note)?,
            at: field::instant("at_ms", placed.at_ms)?,
            due: field::instant("due_ms", placed.due_ms)?,
            state: value("state", placed.state)?,
            rejection: optional("rejection", placed.rejection)?,
            answer_note: note("answer_note", &placed.answer_note)?,
        };
        Ok(Self { place: placed.place, dispute })
    }
}

impl From<Vec<PlacedDispute>> for v1::ListDisputesResponse {
    /// A page; the caller cuts it at [`PAGE_MAX`].
    fn from(disputes: Vec<PlacedDispute>) -> Self {
        Self { disputes: disputes.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<v1::ListDisputesResponse> for Vec<PlacedDispute> {
    type Error = Invalid;

    fn try_from(response: v1::ListDisputesResponse) -> Result<Self, Invalid> {
        field::list("disputes", response.disputes, PAGE_MAX, PlacedDispute::try_from)
    }
}

/// The request that answers the disputes about a record.
pub fn to_ruling(record: RecordReference, ruling: Ruling) -> v1::RuleOnDisputesRequest {
    v1::RuleOnDisputesRequest {
        record_id: record.into_bytes(),
        verdict: ruling.verdict.to_wire(),
        reason: ruling.reason.map(WireValue::to_wire),
        note: words(ruling.note),
    }
}

/// Reads the request that answers the disputes about a record.
///
/// # Errors
/// [`Invalid`]; a verdict and a reason that do not belong together are one.
pub fn from_ruling(
    request: v1::RuleOnDisputesRequest,
) -> Result<(RecordReference, Ruling), Invalid> {
    let record = RecordReference::new(&request.record_id)?;
    let ruling = Ruling {
        verdict: value("verdict", request.verdict)?,
        reason: optional("reason", request.reason)?,
        note: note("note", &request.note)?,
    };
    if (ruling.verdict == Verdict::Rejected) == ruling.reason.is_some() {
        Ok((record, ruling))
    } else {
        Err(Invalid::new("reason", Why::Contradictory))
    }
}

impl From<AnswerReceipt> for v1::RuleOnDisputesResponse {
    fn from(receipt: AnswerReceipt) -> Self {
        Self {
            record_id: receipt.record_id.as_bytes().to_vec(),
            verdict: receipt.verdict.to_wire(),
            told: receipt.told.iter().map(ToString::to_string).collect(),
            version: Some(receipt.version.into()),
            matching: receipt.matching.map(WireValue::to_wire),
            audit_sequence: receipt.audit_sequence,
        }
    }
}

impl TryFrom<v1::RuleOnDisputesResponse> for AnswerReceipt {
    type Error = Invalid;

    fn try_from(receipt: v1::RuleOnDisputesResponse) -> Result<Self, Invalid> {
        let read = |partner: String| field::name("told", &partner);
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &receipt.record_id)?),
            verdict: value("verdict", receipt.verdict)?,
            told: field::distinct("told", receipt.told, AUDIENCE_MAX, read)?,
            version: version(field::present("version", receipt.version)?)?,
            matching: optional("matching", receipt.matching)?,
            audit_sequence: receipt.audit_sequence,
        })
    }
}

/// The request that lifts a dispute.
pub fn to_lift(record: RecordReference) -> v1::LiftDisputeRequest {
    v1::LiftDisputeRequest { record_id: record.into_bytes() }
}

/// Reads the request that lifts a dispute.
///
/// # Errors
/// [`Invalid`].
pub fn from_lift(request: v1::LiftDisputeRequest) -> Result<RecordReference, Invalid> {
    RecordReference::new(&request.record_id)
}

impl From<LiftReceipt> for v1::LiftDisputeResponse {
    fn from(receipt: LiftReceipt) -> Self {
        let (record_id, audit_sequence) = (receipt.record_id, receipt.audit_sequence);
        Self { record_id: record_id.as_bytes().to_vec(), audit_sequence }
    }
}

impl TryFrom<v1::LiftDisputeResponse> for LiftReceipt {
    type Error = Invalid;

    fn try_from(receipt: v1::LiftDisputeResponse) -> Result<Self, Invalid> {
        let record_id = RecordId::from_bytes(field::bytes("record_id", &receipt.record_id)?);
        Ok(Self { record_id, audit_sequence: receipt.audit_sequence })
    }
}

fn words(note: Option<Note>) -> String {
    note.map(|note| note.as_str().to_owned()).unwrap_or_default()
}

fn note(what: &'static str, words: &str) -> Result<Option<Note>, Invalid> {
    if words.is_empty() {
        return Ok(None);
    }
    Note::new(words).map(Some).map_err(|code| match code {
        RefusalCode::TooLarge => {
            Invalid::new(what, Why::TooLong { max: DISPUTE_NOTE_CHARACTERS_MAX })
        }
        _ => Invalid::new(what, Why::NotWellFormed),
    })
}
