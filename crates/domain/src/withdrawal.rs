//! Withdrawal: the origin takes a record back, for ever, and says nothing of its content.

use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::name::{AgencyId, RecordId};

/// A tombstone: terminal for the record id, whatever the version (sync rule R7).
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Tombstone {
    /// The record.
    #[n(1)]
    pub record_id: RecordId,
    /// Its origin; nobody else may withdraw it.
    #[n(2)]
    pub origin: AgencyId,
}

impl Payload for Tombstone {
    const TYPE: &'static str = "application/vnd.malines.tombstone.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        encoding::from_bytes("tombstone", bytes, 128)
    }
}
