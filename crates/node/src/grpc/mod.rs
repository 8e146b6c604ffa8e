//! What the node serves: one service for partners' nodes, one for its own officers.
//!
//! Each call: who calls comes from the certificate, bytes become domain values or are refused, the
//! desk does the rest.

pub(crate) mod leaving;
pub(crate) mod officer;
pub(crate) mod peer;

use desk::Desk;
use desk::error::DeskError;
use domain::refusal::RefusalCode;
use tonic::Status;
use wire::convert::status::{Reader, to_status};

/// How long whoever narrows what may leave waits for what was let through before, in milliseconds.
const DRAIN_MS_MAX: u64 = 5_000;

/// R3: ends when what was let through before has left; a partner that does not read holds
/// nobody up for longer than [`DRAIN_MS_MAX`], and is named in the log.
pub(crate) async fn drained(desk: &Desk) {
    let (deadline, mark) = (std::time::Duration::from_millis(DRAIN_MS_MAX), desk.drain_mark());
    if tokio::time::timeout(deadline, desk.drained(mark)).await.is_err() {
        let partners: Vec<String> = desk.undrained(mark).iter().map(ToString::to_string).collect();
        tracing::warn!(
            partners = partners.join(", "),
            "a batch that was let through before the change waits for a partner that does not read"
        );
    }
}

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
