//! Calls other nodes, and an officer's own node: words of the domain in, words of the domain out.
//!
//! Every call has a deadline that holds for the whole answer, every answer a largest size, and
//! every failure is one of the closed list [`CallFailure`].

mod failure;
mod officer;
mod peer;
#[cfg(test)]
mod tests;

pub use failure::CallFailure;
pub use officer::{AuditExport, EXPORT_BYTES_MAX, OfficerClient, QUERY_MS_MAX};
pub use peer::{HELLO_MS_MAX, PULL_PAUSE_MS_MAX, PeerClient, Pull, Watch};

use crate::convert::{Invalid, Why};
use std::future::Future;
use std::time::Duration;
use tonic::{Request, Response, Status};

/// A request that tells the other side, too, how long we wait.
fn request<T>(message: T, within_ms: u64) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_millis(within_ms));
    request
}

/// Waits for the whole of an answer, and no longer than that.
async fn answer<T>(
    within_ms: u64,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, CallFailure> {
    match tokio::time::timeout(Duration::from_millis(within_ms), call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(CallFailure::of(&status)),
        Err(_) => Err(CallFailure::TimedOut),
    }
}

/// An answer that does not fit what was asked.
const fn misfit(what: &'static str) -> CallFailure {
    CallFailure::Misbehaved(Invalid::new(what, Why::Contradictory))
}
