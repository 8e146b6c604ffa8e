//! Withdrawals: a record named as people type it, and what came of taking it back.

use crate::convert::field;
use crate::convert::invalid::{Invalid, Why};
use crate::v1;
use domain::name::RecordId;
use domain::record::AUDIENCE_MAX;
use domain::report::WithdrawalReceipt;

/// The fewest bytes that name a record.
pub const REFERENCE_BYTES_MIN: usize = 3;

/// A record id, or its first bytes; the node refuses one that names no record or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordReference(Vec<u8>);

impl RecordReference {
    /// Takes 3 to 16 bytes.
    ///
    /// # Errors
    /// [`Invalid`] for any other number.
    pub fn new(first_bytes: &[u8]) -> Result<Self, Invalid> {
        match first_bytes.len() {
            REFERENCE_BYTES_MIN..=RecordId::BYTES => Ok(Self(first_bytes.to_vec())),
            _ => Err(Invalid::new("record_id", Why::Step)),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Does it name this record?
    pub fn names(&self, record_id: &RecordId) -> bool {
        record_id.as_bytes().starts_with(&self.0)
    }
}

impl From<RecordId> for RecordReference {
    fn from(record_id: RecordId) -> Self {
        Self(record_id.as_bytes().to_vec())
    }
}

impl From<RecordReference> for v1::WithdrawRequest {
    fn from(reference: RecordReference) -> Self {
        Self { record_id: reference.0 }
    }
}

impl TryFrom<v1::WithdrawRequest> for RecordReference {
    type Error = Invalid;

    fn try_from(request: v1::WithdrawRequest) -> Result<Self, Invalid> {
        Self::new(&request.record_id)
    }
}

impl From<WithdrawalReceipt> for v1::WithdrawResponse {
    fn from(receipt: WithdrawalReceipt) -> Self {
        Self {
            record_id: receipt.record_id.as_bytes().to_vec(),
            audit_sequence: receipt.audit_sequence,
            partners: receipt.partners.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::WithdrawResponse> for WithdrawalReceipt {
    type Error = Invalid;

    fn try_from(response: v1::WithdrawResponse) -> Result<Self, Invalid> {
        let read = |partner: String| field::name("partners", &partner);
        Ok(Self {
            record_id: RecordId::from_bytes(field::bytes("record_id", &response.record_id)?),
            audit_sequence: response.audit_sequence,
            partners: field::distinct("partners", response.partners, AUDIENCE_MAX, read)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_the_records_that_begin_with_it() {
        let record_id = RecordId::from_bytes([7; 16]);
        assert!(RecordReference::from(record_id).names(&record_id));
        assert!(RecordReference::new(&[7; 3]).unwrap().names(&record_id));
        assert!(!RecordReference::new(&[7, 7, 8]).unwrap().names(&record_id));
        assert!(RecordReference::new(&[7; 2]).is_err());
        assert!(RecordReference::new(&[7; 17]).is_err());
    }
}
