//! Dials the node of an agency, once, and says truly why it did not work.
//!
//! In TLS 1.3 the dialler is done before the server has judged its certificate. So the dialler
//! waits for the server's first frame before it calls the connection made, and hands those bytes on
//! to HTTP/2 afterwards: a refusal is known on the first dial, with its reason.

use crate::limits;
use crate::tls::credentials::Credentials;
use crate::tls::guard::{CutReason, Guarded};
use crate::tls::refusal::IdentityRefusal;
use crate::tls::registry::PeerRegistry;
use crate::tls::verify::{Expected, Verified, verify_chain};
use crate::tls::{self, Port};
use domain::name::AgencyId;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, ClientConfig};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

/// Where to dial, and who has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host and port, for example `node.example.org:7443`.
    pub address: String,
    /// The agency whose node has to answer.
    pub agency: AgencyId,
}

/// Why a dial did not make a connection: a closed list, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialFailure {
    /// The address is not a host and a port, or nobody knows the host.
    #[error("the address `{}` leads nowhere", .address.escape_debug())]
    NoSuchAddress {
        /// The address.
        address: String,
    },
    /// Nothing listens there, or no packet gets there.
    #[error("`{}` cannot be reached", .address.escape_debug())]
    Unreachable {
        /// The address.
        address: String,
    },
    /// Nothing was heard in time.
    #[error("`{}` did not answer in time while {step}", .address.escape_debug())]
    TimedOut {
        /// The address.
        address: String,
        /// What we were doing.
        step: Step,
    },
    /// We refused the node that answered.
    #[error("the node that answered was refused: {0}")]
    IdentityRefused(#[from] IdentityRefusal),
    /// The node refused us. It does not say why; its log does.
    #[error("the node refused us (TLS alert {alert})")]
    RefusedByPeer {
        /// The alert.
        alert: u8,
    },
    /// The node has as many connections of ours as it allows.
    #[error("the node has no place left for another connection")]
    PeerFull,
    /// No TLS 1.3, or no key exchange that both accept.
    #[error("the node and we have no TLS settings in common")]
    NothingInCommon,
    /// The other end closed the connection without a word.
    #[error("the other end closed the connection before it was made")]
    Closed,
    /// Whatever answers is not a node.
    #[error("what answers at `{}` is not a node of this program", .address.escape_debug())]
    NotANode {
        /// The address.
        address: String,
    },
    /// Our own TLS settings were refused by our own library.
    #[error("our own TLS settings do not work")]
    OwnFault,
}

/// Where a dial stood when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Connecting over TCP.
    Connecting,
    /// In the TLS handshake.
    Handshaking,
    /// Waiting for the first frame.
    Greeting,
}

impl core::fmt::Display for Step {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Handshaking => "agreeing on keys",
            Self::Greeting => "waiting for its greeting",
        })
    }
}

impl DialFailure {
    /// A stable word for logs, counters and JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchAddress { .. } => "no-such-address",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed-out",
            Self::IdentityRefused(refusal) => refusal.code(),
            Self::RefusedByPeer { .. } => "refused-by-peer",
            Self::PeerFull => "peer-full",
            Self::NothingInCommon => "nothing-in-common",
            Self::Closed => "closed",
            Self::NotANode { .. } => "not-a-node",
            Self::OwnFault => "own-fault",
        }
    }

    /// What the operator can do next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchAddress { .. } => {
                "an address is HOST:PORT; check it against the agency's manifest, and the name service"
            }
            Self::Unreachable { .. } => {
                "is the node running, and do both firewalls let this port through?"
            }
            Self::TimedOut { .. } => {
                "try again; if it stays, look for a firewall that drops packets"
            }
            Self::IdentityRefused(refusal) => refusal.hint(),
            Self::RefusedByPeer { .. } => {
                "ask the operator of that node: its log has the reason; often a certificate has expired or a manifest is old"
            }
            Self::PeerFull => "close other connections to that node, or wait for them to end",
            Self::NothingInCommon => {
                "both sides need TLS 1.3 with X25519MLKEM768: update the older one"
            }
            Self::Closed => "the node may be starting, stopping or under load: try again",
            Self::NotANode { .. } => "check the port: partners use 7443, officers 7444 by default",
            Self::OwnFault => "report this as a fault of this program",
        }
    }

    /// Finds the failure inside an error of tonic: of a channel that dials by itself, or of a call.
    pub fn inside<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(failure) = error.downcast_ref() {
                return Some(failure);
            }
            next = error.source();
        }
        None
    }
}

/// The times that a dial may take; the defaults are those of [`crate::limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialLimits {
    /// Connecting over TCP, in milliseconds.
    pub dial_ms_max: u64,
    /// From connected to the server's first frame, in milliseconds.
    pub greeting_ms_max: u64,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self { dial_ms_max: limits::DIAL_MS_MAX, greeting_ms_max: limits::GREETING_MS_MAX }
    }
}

/// Dials nodes: partners' from a node, the own one from an officer's program.
#[derive(Debug, Clone)]
pub struct Dialler {
    port: Port,
    credentials: Arc<Credentials>,
    registry: Arc<PeerRegistry>,
    limits: DialLimits,
}

impl Dialler {
    /// Dials with these credentials the nodes of this registry, as strongly as `port` requires.
    pub const fn new(
        port: Port,
        credentials: Arc<Credentials>,
        registry: Arc<PeerRegistry>,
        limits: DialLimits,
    ) -> Self {
        Self { port, credentials, registry, limits }
    }

    /// Makes one connection now, with one dial.
    ///
    /// The channel dials again by itself when the connection is lost and a call is made.
    ///
    /// # Errors
    /// [`DialFailure`], with the true reason.
    pub async fn dial(&self, target: Target) -> Result<Channel, DialFailure> {
        let endpoint = self.endpoint(&target)?;
        match endpoint.connect_with_connector(self.connector(target)?).await {
            Ok(channel) => Ok(channel),
            Err(error) => Err(DialFailure::inside(&error).cloned().unwrap_or(DialFailure::Closed)),
        }
    }

    /// A channel that dials on the first call; look for the reason with [`DialFailure::inside`].
    ///
    /// # Errors
    /// [`DialFailure::OwnFault`] if the TLS library refuses the settings.
    pub fn channel(&self, target: Target) -> Result<Channel, DialFailure> {
        let endpoint = self.endpoint(&target)?;
        Ok(endpoint.connect_with_connector_lazy(self.connector(target)?))
    }

    /// What tonic dials with.
    ///
    /// # Errors
    /// [`DialFailure::OwnFault`] if the TLS library refuses the settings.
    pub fn connector(&self, target: Target) -> Result<Connector, DialFailure> {
        let config =
            tls::client_config(self.port, &self.credentials, &self.registry, &target.agency)
                .map_err(|_| DialFailure::OwnFault)?;
        let (target, registry) = (Arc::new(target), Arc::clone(&self.registry));
        Ok(Connector { target, config, registry, limits: self.limits })
    }

    /// The authority of the calls is the agency, never the address.
    fn endpoint(&self, target: &Target) -> Result<Endpoint, DialFailure> {
        let uri = format!("https://{}", target.agency);
        let endpoint = Endpoint::from_shared(uri).map_err(|_| DialFailure::OwnFault)?;
        Ok(limits::endpoint(endpoint))
    }
}

/// Makes one connection each time tonic asks for one.
#[derive(Debug, Clone)]
pub struct Connector {
    target: Arc<Target>,
    config: Arc<ClientConfig>,
    registry: Arc<PeerRegistry>,
    limits: DialLimits,
}

impl tower::Service<http::Uri> for Connector {
    type Response = TokioIo<DialledStream>;
    type Error = DialFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialFailure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let dialled = connector.connect().await;
            if let Err(failure) = &dialled {
                let (agency, code) = (&connector.target.agency, failure.code());
                tracing::warn!(%agency, code, "a dial failed: {failure}");
            }
            dialled.map(TokioIo::new)
        })
    }
}

impl Connector {
    async fn connect(&self) -> Result<DialledStream, DialFailure> {
        let socket = self.reach().await?;
        let _ = socket.set_nodelay(true);
        let within = Duration::from_millis(self.limits.greeting_ms_max);
        let until = tokio::time::Instant::now() + within;

        // No server name is sent, so any will do: the verifier looks at the URI only.
        let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into());
        let tls = TlsConnector::from(Arc::clone(&self.config)).connect(name, socket);
        let mut stream = match tokio::time::timeout_at(until, tls).await {
            Ok(stream) => stream.map_err(|error| self.explain(&error))?,
            Err(_) => return Err(self.timed_out(Step::Handshaking)),
        };
        let verified = self.judge(&stream)?;

        let mut head = [0; FRAME_HEADER_BYTES];
        match tokio::time::timeout_at(until, stream.read_exact(&mut head)).await {
            Ok(read) => read.map_err(|error| self.explain(&error))?,
            Err(_) => return Err(self.timed_out(Step::Greeting)),
        };
        self.check_greeting(&head)?;

        let registry = Arc::clone(&self.registry);
        let cut = async move {
            let refusal = registry.fallen(&verified.caller, &verified.authority).await;
            CutReason::from(refusal)
        };
        Ok(DialledStream { head, served: 0, stream: Guarded::new(stream, cut) })
    }

    async fn reach(&self) -> Result<TcpStream, DialFailure> {
        let address = &self.target.address;
        let within = Duration::from_millis(self.limits.dial_ms_max);
        let reached = tokio::time::timeout(within, async {
            let addresses = tokio::net::lookup_host(address).await;
            let addresses: Vec<_> = addresses
                .map(|all| all.take(ADDRESSES_MAX).collect())
                .map_err(|_| DialFailure::NoSuchAddress { address: address.clone() })?;
            if addresses.is_empty() {
                return Err(DialFailure::NoSuchAddress { address: address.clone() });
            }
            let connected = TcpStream::connect(addresses.as_slice()).await;
            connected.map_err(|_| DialFailure::Unreachable { address: address.clone() })
        });
        reached.await.unwrap_or_else(|_| Err(self.timed_out(Step::Connecting)))
    }

    /// Whoever answered was judged in the handshake; this keeps what the guard has to watch.
    fn judge(&self, stream: &TlsStream<TcpStream>) -> Result<Verified, DialFailure> {
        let session = stream.get_ref().1;
        if !tls::speaks_http2(session) {
            return Err(self.not_a_node());
        }
        let chain = session.peer_certificates().unwrap_or_default();
        let (leaf, others) = chain.split_first().ok_or_else(|| self.not_a_node())?;
        let expected = Expected::AnsweringNode(self.target.agency.clone());
        let registry = self.registry.current();
        Ok(verify_chain(&expected, &registry, leaf, others, UnixTime::now())?)
    }

    /// The first frame of a server is SETTINGS (RFC 9113, section 3.4), or GOAWAY if it is full.
    fn check_greeting(&self, head: &[u8; FRAME_HEADER_BYTES]) -> Result<(), DialFailure> {
        let [a, b, c, kind, flags, stream @ ..] = *head;
        let length = u32::from_be_bytes([0, a, b, c]);
        match (kind, flags, u32::from_be_bytes(stream)) {
            (SETTINGS, 0, 0) if length <= SETTINGS_BYTES_MAX && length.is_multiple_of(6) => Ok(()),
            (GOAWAY, _, 0) => Err(DialFailure::PeerFull),
            _ => Err(self.not_a_node()),
        }
    }

    fn explain(&self, error: &io::Error) -> DialFailure {
        use rustls::Error;
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let Some(tls) = tls else {
            return DialFailure::Closed;
        };
        if let Some(refusal) = IdentityRefusal::inside(tls) {
            return DialFailure::IdentityRefused(refusal.clone());
        }
        match tls {
            Error::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity,
            )
            | Error::PeerIncompatible(_) => DialFailure::NothingInCommon,
            Error::AlertReceived(AlertDescription::NoApplicationProtocol) => self.not_a_node(),
            Error::AlertReceived(alert) => DialFailure::RefusedByPeer { alert: u8::from(*alert) },
            _ => self.not_a_node(),
        }
    }

    fn timed_out(&self, step: Step) -> DialFailure {
        DialFailure::TimedOut { address: self.target.address.clone(), step }
    }

    fn not_a_node(&self) -> DialFailure {
        DialFailure::NotANode { address: self.target.address.clone() }
    }
}

/// The header of every HTTP/2 frame (RFC 9113, section 4.1).
const FRAME_HEADER_BYTES: usize = 9;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// The largest frame that is allowed before SETTINGS say otherwise.
const SETTINGS_BYTES_MAX: u32 = 16_384;
/// At most so many addresses of one host are tried.
const ADDRESSES_MAX: usize = 8;

/// A connection to a node that let us in; it is cut if the node's agency falls in our registry.
pub struct DialledStream {
    head: [u8; FRAME_HEADER_BYTES],
    served: usize,
    stream: Guarded<TlsStream<TcpStream>>,
}

impl AsyncRead for DialledStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match this.head.get(this.served..) {
            Some(left @ [_, ..]) => {
                let now = left.len().min(buffer.remaining());
                buffer.put_slice(left.get(..now).unwrap_or_default());
                this.served += now;
                Poll::Ready(Ok(()))
            }
            _ => Pin::new(&mut this.stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for DialledStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
