//! Erasures: records named as people type them, and what came of each.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::convert::withdrawal::RecordReference;
use crate::v1;
use domain::correction::REASON_CHARACTERS_MAX;
use domain::name::RecordId;
use domain::record::AUDIENCE_MAX;
use domain::refusal::Refusal;
use domain::report::{ERASURES_MAX, ErasureReceipt};

/// What came of erasing one record.
pub type ErasureResult = Result<ErasureReceipt, Refusal>;

/// The request for erasing records, at most [`ERASURES_MAX`].
pub fn to_request(records: Vec<RecordReference>, reason: String) -> v1::EraseRequest {
    let record_ids = records.into_iter().map(RecordReference::into_bytes).collect();
    v1::EraseRequest { record_ids, reason }
}

/// Reads a request.
///
/// # Errors
/// [`Invalid`]; one that names nothing is one.
pub fn from_request(request: v1::EraseRequest) -> Result<(Vec<RecordReference>, String), Invalid> {
    let read = |bytes: Vec<u8>| RecordReference::new(&bytes);
    let records = field::list("record_ids", request.record_ids, ERASURES_MAX, read)?;
    if records.is_empty() {
        return Err(Invalid::new("record_ids", Why::Missing));
    }
    Ok((records, field::words("reason", request.reason, REASON_CHARACTERS_MAX)?))
}

impl From<Vec<ErasureResult>> for v1::EraseResponse {
    fn from(results: Vec<ErasureResult>) -> Self {
        let write = |result| match result {
            Ok(receipt) => v1::erase_result::Result::Receipt(v1::EraseReceipt::from(receipt)),
            Err(refusal) => v1::erase_result::Result::Refused(v1::Refused::from(refusal)),
        };
        let results = results.into_iter();
        Self {
            results: results
                .map(|result| v1::EraseResult { result: Some(write(result)) })
                .collect(),
        }
    }
}

impl TryFrom<v1::EraseResponse> for Vec<ErasureResult> {
    type Error = Invalid;

    fn try_from(response: v1::EraseResponse) -> Result<Self, Invalid> {
        field::list("results", response.results, ERASURES_MAX, |result| {
            Ok(match field::present("result", result.result)? {
                v1::erase_result::Result::Receipt(receipt) => Ok(receipt.try_into()?),
                v1::erase_result::Result::Refused(refused) => Err(refused.try_into()?),
            })
        })
    }
}

impl From<ErasureReceipt> for v1::EraseReceipt {
    fn from(receipt: ErasureReceipt) -> Self {
        Self {
            record_id: receipt.record_id.as_bytes().to_vec(),
            origin: receipt.origin.to_string(),
            told: receipt.told.iter().map(ToString::to_string).collect(),
            audit_sequence: receipt.audit_sequence,
        }
    }
}

impl TryFrom<v1::EraseReceipt> for ErasureReceipt {
    type Error = Invalid;

    fn try_from(receipt: v1::EraseReceipt) -> Result<Self, Invalid> {
        let read = |partner: String| field::name("told", &partner);
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &receipt.record_id)?),
            origin: field::name("origin", &receipt.origin)?,
            told: field::distinct("told", receipt.told, AUDIENCE_MAX, read)?,
            audit_sequence: receipt.audit_sequence,
        })
    }
}
