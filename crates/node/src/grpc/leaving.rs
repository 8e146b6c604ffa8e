//! Knows which bytes for a partner have not left yet: each piece of an answer carries a pass of the
//! desk's drain until it was handed to TLS or thrown away; what TLS and the machine buffer, 64 KiB and
//! a window, is beyond recall. Papers of agreements are decided once, when they are asked for.
//!
//! The pass is taken before the answer is asked for its next piece, so before the last look at policy
//! that lets it through: whoever narrows afterwards finds it.

use desk::Desk;
use desk::drain::Pass;
use domain::name::AgencyId;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, BoxFuture, Bytes, Service, http};
use tonic::server::NamedService;
use wire::accept::calling_agency;

/// The service for partners, every answer of which is waited for by a drain.
#[derive(Clone)]
pub(crate) struct Leaving<S> {
    inner: S,
    desk: Arc<Desk>,
}

impl<S> Leaving<S> {
    pub(crate) const fn new(inner: S, desk: Arc<Desk>) -> Self {
        Self { inner, desk }
    }
}

impl<S> Service<http::Request<Body>> for Leaving<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // Without a partner the service itself refuses.
        let peer = calling_agency(request.extensions());
        let desk = Arc::clone(&self.desk);
        // An answer of one piece is made here, and let through here.
        let pass = peer.as_ref().map(|peer| desk.pass(peer));
        let answered = self.inner.call(request);
        Box::pin(async move {
            let response = answered.await?;
            let Some(peer) = peer else { return Ok(response) };
            Ok(response.map(|body| Body::new(Watched { body, desk, peer, first: pass })))
        })
    }
}

impl<S: NamedService> NamedService for Leaving<S> {
    const NAME: &'static str = S::NAME;
}

/// An answer, piece by piece.
struct Watched {
    body: Body,
    desk: Arc<Desk>,
    peer: AgencyId,
    /// Of the call itself, until its first piece.
    first: Option<Pass>,
}

/// A piece, until nobody needs its bytes any more.
struct Piece {
    bytes: Bytes,
    _pass: Pass,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let pass = this.first.take().unwrap_or_else(|| this.desk.pass(&this.peer));
        let polled = Pin::new(&mut this.body).poll_frame(context);
        polled.map(|frame| {
            frame.map(|frame| {
                frame.map(|frame| {
                    frame.map_data(|bytes| Bytes::from_owner(Piece { bytes, _pass: pass }))
                })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
