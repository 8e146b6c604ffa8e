//! What the node serves: one service for partners' nodes, one for its own officers.
//!
//! Each call: who calls comes from the certificate, bytes become domain values or are refused, the
//! desk does the rest.

pub(crate) mod officer;
pub(crate) mod peer;

use desk::error::DeskError;
use domain::refusal::RefusalCode;
use tonic::Status;
use wire::convert::status::{Reader, to_status};

/// What a caller is told of an error; the log gets the rest.
pub(crate) fn to_error(error: &DeskError, reader: Reader) -> Status {
    match error {
        DeskError::Refused(refusal) => return to_status(refusal, reader),
        DeskError::PeerMisbehaved { .. } => tracing::warn!(%error, "a partner misbehaved"),
        DeskError::Unavailable(_) => tracing::info!(%error, "not yet"),
        _ => tracing::error!(%error, "a call failed"),
    }
    match reader {
        Reader::Officer => to_status(&error.refusal(), reader),
        Reader::Partner => to_status(&RefusalCode::Unavailable.into(), reader),
    }
}
