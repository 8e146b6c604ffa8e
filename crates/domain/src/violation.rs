//! A notice to a sender: what it sent had to be refused, because no rule of anybody allows it.
//!
//! It names no record: the batch by its root, which the sender's own log knows, and the reason.

use crate::encoding::{self, Malformed};
use crate::envelope::Payload;
use crate::name::{AgencyId, AgreementId, Digest};
use crate::refusal::RefusalCode;
use crate::time::Timestamp;

/// The largest notice, in bytes.
pub const VIOLATION_BYTES_MAX: usize = 1024;

/// The receiver's signed word that records of a batch were refused.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ViolationNotice {
    /// Who sent the batch.
    #[n(1)]
    pub sender: AgencyId,
    /// Who refused it.
    #[n(2)]
    pub receiver: AgencyId,
    /// The agreement.
    #[n(3)]
    pub agreement: AgreementId,
    /// The root of the batch.
    #[n(4)]
    pub batch: Digest,
    /// Why.
    #[n(5)]
    pub code: RefusalCode,
    /// How many records of the batch.
    #[n(6)]
    pub records: u32,
    /// When.
    #[n(7)]
    pub at: Timestamp,
}

impl Payload for ViolationNotice {
    const TYPE: &'static str = "application/vnd.malines.violation-notice.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let what = "violation notice";
        let notice: Self = encoding::from_bytes(what, bytes, VIOLATION_BYTES_MAX)?;
        if notice.records > 0 && notice.sender != notice.receiver {
            return Ok(notice);
        }
        let why = "about no record, or to oneself".to_owned();
        Err(Malformed::NotValid { what, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_goes_there_and_back_and_is_about_something() {
        let notice = ViolationNotice {
            sender: "fr-oltim".parse().unwrap(),
            receiver: "be-fedpol".parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            batch: Digest::from_bytes([7; 32]),
            code: RefusalCode::SmuggledMigrant,
            records: 1,
            at: Timestamp::from_millis(5),
        };
        assert_eq!(ViolationNotice::from_payload(&notice.to_payload()), Ok(notice.clone()));
        // The same bytes as a second encoder of deterministic CBOR made.
        let known = format!(
            "a7016866722d6f6c74696d026962652d666564706f6c036c6d616c696e65732d32303236045820{}05182006010705",
            "07".repeat(32)
        );
        assert_eq!(crate::hexadecimal::encode(&notice.to_payload()), known);
        let nothing = ViolationNotice { records: 0, ..notice.clone() };
        assert!(ViolationNotice::from_payload(&nothing.to_payload()).is_err());
        let oneself = ViolationNotice { receiver: notice.sender.clone(), ..notice };
        assert!(ViolationNotice::from_payload(&oneself.to_payload()).is_err());
    }
}
