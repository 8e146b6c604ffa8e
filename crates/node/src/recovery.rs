//! Recovery: a node restored from a backup serves its own officers reading, and nobody else.
//!
//! What happened between the backup and the loss is not known here: records that were withdrawn since
//! stand in it as live, spent quotas as unspent, and a new entry would contradict a head that partners
//! have seen. So the node shares nothing, answers nothing, signs no head and takes nothing in. Leaving
//! recovery takes a statement that two officers sign; this release has no way to make one.

use domain::refusal::{Refusal, RefusalCode};
use std::convert::Infallible;
use std::path::Path;
use std::task::{Context, Poll};
use store::archive::{self, Condition, Recovery};
use store::disk::RealDisk;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;
use wire::convert::status::{Reader, to_status};

/// The calls of officers that a node in recovery answers: they read. Whatever is not named is refused.
const CALLS_ANSWERED: [&str; 8] = [
    "Status",
    "ListCases",
    "ListHits",
    "History",
    "ListHolds",
    "ReadHold",
    "ListDuties",
    "ListDisputes",
];
/// What an officer is told who wants more.
const WHY_REFUSED: &str =
    "recovery: the node was restored from a backup and only lets itself be read";

/// Does this node serve as it always does?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Ordinary,
    /// No: it was restored from a backup.
    Recovery(Recovery),
}

impl Standing {
    /// What stands in the data folder.
    ///
    /// # Errors
    /// [`store::Error::Moved`], [`store::Error::HalfRestored`], [`store::Error::Io`].
    pub fn of(data_folder: &Path) -> Result<Self, store::Error> {
        match archive::condition(&RealDisk::new(data_folder))? {
            Condition::Ordinary => Ok(Self::Ordinary),
            Condition::Recovery(recovery) => Ok(Self::Recovery(recovery)),
            Condition::Moved => Err(store::Error::Moved),
            Condition::HalfRestored => Err(store::Error::HalfRestored),
        }
    }

    /// Why the node is in recovery; empty if it is not.
    pub fn note(&self) -> String {
        match self {
            Self::Ordinary => String::new(),
            Self::Recovery(recovery) => format!(
                "{recovery}; it shares nothing, answers no partner and takes nothing in; leaving \
                 recovery takes a restore statement of two officers, which comes with a later release"
            ),
        }
    }
}

/// The service for officers, behind a door that in recovery lets only reading calls through.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    standing: Standing,
}

impl<S> Guarded<S> {
    pub(crate) const fn new(inner: S, standing: Standing) -> Self {
        Self { inner, standing }
    }
}

fn is_answered(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|call| CALLS_ANSWERED.contains(&call))
}

impl<S> Service<http::Request<Body>> for Guarded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if self.standing == Standing::Ordinary || is_answered(path) {
            return Box::pin(self.inner.call(request));
        }
        tracing::info!(path = %path.escape_debug(), "a call was refused: the node is in recovery");
        let refusal = Refusal::by_rule(RefusalCode::Unavailable, WHY_REFUSED);
        let status = to_status(&refusal, Reader::Officer);
        Box::pin(async move { Ok(status.into_http()) })
    }
}

impl<S: NamedService> NamedService for Guarded<S> {
    const NAME: &'static str = S::NAME;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_that_are_named_are_answered() {
        assert!(is_answered("/malines.v1.OfficerService/Status"));
        for path in ["", "/", "/malines.v1.OfficerService/Submit", "/x/StatusOf", "/Status/"] {
            assert!(!is_answered(path), "{path}");
        }
        assert!(WHY_REFUSED.len() <= domain::refusal::RULE_BYTES_MAX);
    }
}
