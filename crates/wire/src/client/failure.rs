//! Why a call brought no answer: a closed list, sorted by whose fault it is.

use crate::connect::DialFailure;
use crate::convert::status::refusal_of_status;
use crate::convert::{Invalid, Why};
use domain::question::NoAnswer;
use domain::refusal::{Refusal, RefusalCode};
use tonic::{Code, Status};

/// A call that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// No connection could be made.
    #[error("{0}")]
    NotConnected(#[from] DialFailure),
    /// The node is starting, stopping or busy, or the connection was lost: try again later.
    #[error("the node is not available now")]
    Unavailable,
    /// The answer did not come in time.
    #[error("the node did not answer in time")]
    TimedOut,
    /// The node said no. A partner never names the rule.
    #[error("the node refused: {0}")]
    Refused(Refusal),
    /// The node said something that the contract does not allow.
    #[error("the node broke the contract: {0}")]
    Misbehaved(Invalid),
    /// The node and we speak no common version of the contract.
    #[error("the node speaks another version of the contract")]
    Incompatible,
    /// What we were about to send is not allowed by the contract; nothing was sent.
    #[error("not sent: {0}")]
    NotSent(Invalid),
    /// The node failed while it answered, and gave no reason.
    #[error("the node failed while it answered (grpc code {grpc_code})")]
    Failed {
        /// The code of gRPC.
        grpc_code: i32,
    },
}

impl CallFailure {
    /// A stable word for logs, counters and JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConnected(failure) => failure.code(),
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
            Self::Refused(refusal) => refusal.code.as_str(),
            Self::Misbehaved(_) => "misbehaved",
            Self::Incompatible => "incompatible",
            Self::NotSent(_) => "not-sent",
            Self::Failed { .. } => "failed",
        }
    }

    /// What a person can do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotConnected(failure) => failure.hint(),
            Self::Unavailable => "try again in a minute; `malines status` shows how the node is",
            Self::TimedOut => "try again; if it stays, ask the operator of that node",
            Self::Refused(_) => "the code says why; policy decides, not the program",
            Self::Misbehaved(_) | Self::Failed { .. } => {
                "tell the operator: the log of the node has more"
            }
            Self::Incompatible => "update the older of the two programs",
            Self::NotSent(_) => "change what the message names and send it again",
        }
    }

    /// As which of the reasons for no answer it counts.
    pub const fn no_answer(&self) -> NoAnswer {
        match self {
            Self::TimedOut | Self::NotConnected(DialFailure::TimedOut { .. }) => NoAnswer::TimedOut,
            Self::NotConnected(DialFailure::IdentityRefused(_) | DialFailure::NotANode { .. })
            | Self::Misbehaved(_)
            | Self::Incompatible => NoAnswer::Misbehaved,
            Self::NotConnected(_)
            | Self::Unavailable
            | Self::Refused(_)
            | Self::NotSent(_)
            | Self::Failed { .. } => NoAnswer::Unreachable,
        }
    }

    /// Sorts an error of gRPC.
    pub fn of(status: &Status) -> Self {
        if let Some(failure) = DialFailure::inside(status) {
            return Self::NotConnected(failure.clone());
        }
        match refusal_of_status(status) {
            // With a rule it says why, to an officer: a node in recovery does.
            Ok(Some(Refusal { code: RefusalCode::Unavailable, rule: None })) => Self::Unavailable,
            Ok(Some(refusal)) => Self::Refused(refusal),
            Ok(None) => Self::of_code(status),
            Err(invalid) => Self::Misbehaved(invalid),
        }
    }

    fn of_code(status: &Status) -> Self {
        match status.code() {
            Code::DeadlineExceeded => Self::TimedOut,
            // What a deadline of tonic comes out as, here and on the other side.
            Code::Cancelled if status.message() == DEADLINE => Self::TimedOut,
            Code::Cancelled | Code::Unavailable | Code::Aborted => Self::Unavailable,
            Code::Unimplemented => Self::Incompatible,
            Code::OutOfRange => Self::Misbehaved(Invalid::new(
                "message",
                Why::TooLong { max: crate::limits::DECODE_BYTES_MAX },
            )),
            Code::Internal if status.message().starts_with(NOT_PROTOBUF) => {
                Self::Misbehaved(Invalid::new("message", Why::NotAMessage))
            }
            // A connection that broke in the middle has the broken stream as its source.
            Code::Unknown | Code::Internal if std::error::Error::source(status).is_some() => {
                Self::Unavailable
            }
            code => Self::Failed { grpc_code: code as i32 },
        }
    }
}

/// How the error of prost begins, which tonic passes on as a text only.
const NOT_PROTOBUF: &str = "failed to decode Protobuf message";
/// The error of tonic when a deadline has passed.
const DEADLINE: &str = "Timeout expired";

impl From<Invalid> for CallFailure {
    /// What was read from the other side is not allowed.
    fn from(invalid: Invalid) -> Self {
        Self::Misbehaved(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    /// The texts that are looked for are those that the libraries write today.
    #[test]
    fn the_texts_of_the_libraries_are_known() {
        let error = crate::v1::AskResponse::decode(&[0xff; 4][..]).unwrap_err();
        let failure = CallFailure::of(&Status::internal(error.to_string()));
        assert_eq!(failure, CallFailure::Misbehaved(Invalid::new("message", Why::NotAMessage)));
        let expired = tonic::TimeoutExpired(()).to_string();
        assert_eq!(CallFailure::of(&Status::cancelled(expired)), CallFailure::TimedOut);
    }

    #[test]
    fn errors_are_sorted_by_fault() {
        for (status, failure, no_answer) in [
            (Status::deadline_exceeded(""), CallFailure::TimedOut, NoAnswer::TimedOut),
            (Status::unavailable(""), CallFailure::Unavailable, NoAnswer::Unreachable),
            (Status::cancelled("reset"), CallFailure::Unavailable, NoAnswer::Unreachable),
            (Status::unimplemented(""), CallFailure::Incompatible, NoAnswer::Misbehaved),
            (Status::data_loss("x"), CallFailure::Failed { grpc_code: 15 }, NoAnswer::Unreachable),
            (
                Status::from_error(Box::new(DialFailure::PeerFull)),
                CallFailure::NotConnected(DialFailure::PeerFull),
                NoAnswer::Unreachable,
            ),
        ] {
            let sorted = CallFailure::of(&status);
            assert_eq!((sorted.no_answer(), &sorted), (no_answer, &failure));
            assert!(!sorted.code().is_empty() && !sorted.hint().is_empty());
        }
    }
}
