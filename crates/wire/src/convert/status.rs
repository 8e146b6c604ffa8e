//! Refusals as gRPC errors: what a partner may know, and what our own officers are told.

use crate::convert::invalid::{Invalid, Why};
use crate::v1;
use domain::refusal::{Refusal, RefusalCode};
use prost::Message as _;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// The metadata that carries the refusal, as a `malines.v1.Refused` message.
pub const REFUSAL_KEY: &str = "malines-refusal-bin";
/// The longest refusal, in bytes.
const REFUSAL_BYTES_MAX: usize = 512;

/// Who reads the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A partner's node: the code, if its own request alone decided; never the rule.
    Partner,
    /// Our own officer: the code and the rule.
    Officer,
}

/// The error that says no.
///
/// A reason that depends on a record is, for a partner, an error without any reason.
pub fn to_status(refusal: &Refusal, reader: Reader) -> Status {
    let told = match reader {
        Reader::Partner => refusal.for_peer().map(Refusal::new),
        Reader::Officer => Some(refusal.clone()),
    };
    let Some(told) = told else {
        return Status::failed_precondition("refused");
    };
    let code = told.code;
    let mut status = Status::new(grpc_code(code), code.as_str());
    let value = MetadataValue::from_bytes(&v1::Refused::from(told).encode_to_vec());
    status.metadata_mut().insert_bin(REFUSAL_KEY, value);
    status
}

/// The refusal that an error carries; `None` for an error that is no refusal.
///
/// # Errors
/// [`Invalid`] if it carries something that the contract does not allow.
pub fn refusal_of_status(status: &Status) -> Result<Option<Refusal>, Invalid> {
    let malformed = Invalid::new("refusal", Why::NotAMessage);
    let Some(value) = status.metadata().get_bin(REFUSAL_KEY) else {
        return Ok(None);
    };
    let bytes = value.to_bytes().map_err(|_| malformed)?;
    if bytes.len() > REFUSAL_BYTES_MAX {
        return Err(Invalid::new("refusal", Why::TooLong { max: REFUSAL_BYTES_MAX }));
    }
    v1::Refused::decode(bytes).map_err(|_| malformed)?.try_into().map(Some)
}

impl Invalid {
    /// The error that says so.
    pub fn to_status(self, reader: Reader) -> Status {
        to_status(&self.into(), reader)
    }
}

const fn grpc_code(code: RefusalCode) -> Code {
    match code {
        RefusalCode::Malformed | RefusalCode::TooLarge => Code::InvalidArgument,
        RefusalCode::NotAParty | RefusalCode::PolicyDenied | RefusalCode::OfficerNotEntitled => {
            Code::PermissionDenied
        }
        RefusalCode::Unavailable => Code::Unavailable,
        _ => Code::FailedPrecondition,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_officer_is_told_code_and_rule() {
        for code in RefusalCode::ALL {
            for rule in [None, Some("be.keeps-weak".to_owned())] {
                let refusal = Refusal { code: *code, rule };
                let status = to_status(&refusal, Reader::Officer);
                assert_eq!(refusal_of_status(&status), Ok(Some(refusal)));
            }
        }
    }

    #[test]
    fn a_partner_is_told_no_rule_and_nothing_that_depends_on_a_record() {
        let mut silent = Vec::new();
        for code in RefusalCode::ALL {
            let refusal = Refusal::by_rule(*code, "be.keeps-weak");
            let status = to_status(&refusal, Reader::Partner);
            let headers = format!("{:?}{}", status.metadata(), status.message());
            assert!(!headers.contains("be.keeps-weak"));
            match refusal_of_status(&status).unwrap() {
                Some(told) => assert_eq!(told, Refusal::new(*code)),
                None => silent.push((*code, status.code(), headers)),
            }
        }
        assert!(silent.iter().all(|(code, ..)| !code.is_of_the_question()));
        assert!(silent.windows(2).all(|pair| pair[0].1 == pair[1].1 && pair[0].2 == pair[1].2));
        let of_records = RefusalCode::ALL.iter().filter(|code| !code.is_of_the_question());
        assert_eq!(silent.len(), of_records.count());
    }

    #[test]
    fn hostile_refusals_are_invalid() {
        let carrying = |bytes: &[u8]| {
            let mut status = Status::failed_precondition("x");
            status.metadata_mut().insert_bin(REFUSAL_KEY, MetadataValue::from_bytes(bytes));
            refusal_of_status(&status)
        };
        let refused = |code, rule: &str| v1::Refused { code, rule: rule.into() }.encode_to_vec();
        assert!(carrying(&refused(3, "r")).unwrap().is_some());
        for (bytes, why) in [
            (refused(0, "r"), Why::Unknown),
            (refused(9999, "r"), Why::Unknown),
            (refused(3, &"r".repeat(97)), Why::TooLong { max: 96 }),
            (refused(3, &"r".repeat(600)), Why::TooLong { max: REFUSAL_BYTES_MAX }),
            (refused(3, "a\u{1b}[2J"), Why::NotWellFormed),
            (vec![0xff; 9], Why::NotAMessage),
        ] {
            assert_eq!(carrying(&bytes).unwrap_err().why, why);
        }
        assert_eq!(refusal_of_status(&Status::internal("x")), Ok(None));
    }
}
