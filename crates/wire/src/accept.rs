//! Lets callers in: the accept loop of a port, its defences, and who is connected.
//!
//! A handshake has a deadline AND only so many are under way at once; the two only work as a pair.
//! When the places are taken, the oldest handshake of the address that holds most of them makes
//! room, so that silent sockets cannot keep an honest peer out. No error ends the loop, not even
//! running out of descriptors. A caller that is let in is judged again on every change of the
//! registry and cut at once if it falls.

use crate::limits;
use crate::tls::credentials::Credentials;
use crate::tls::guard::{CutReason, Guarded};
use crate::tls::identity::{Caller, OfficerIdentity, PeerIdentity};
use crate::tls::pending::Pending;
use crate::tls::refusal::Refusal;
use crate::tls::registry::PeerRegistry;
use crate::tls::tally::{Noted, Tally};
use crate::tls::verify::{Expected, Verified, verify_chain};
use crate::tls::{self, KeyExchange, Port, TlsFault};
use domain::name::{AgencyId, OfficerId};
use rustls::pki_types::UnixTime;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::{Connected, Router};

/// The limits of one port; the defaults are those of [`crate::limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptLimits {
    /// From the first byte to an accepted identity, in milliseconds.
    pub handshake_ms_max: u64,
    /// Handshakes under way at once.
    pub pending_max: usize,
    /// Connections of one agency, or of one officer.
    pub connections_per_caller_max: usize,
    /// Connections on the port.
    pub connections_max: usize,
    /// After so many milliseconds a connection is cut, whatever is under way on it.
    pub connection_age_ms_max: u64,
    /// What calls under way get to finish after a stop was asked for, in milliseconds.
    pub shutdown_grace_ms: u64,
    /// The same refusal of the same address is logged once in so many milliseconds.
    pub log_interval_ms: u64,
}

impl Default for AcceptLimits {
    fn default() -> Self {
        Self {
            handshake_ms_max: limits::HANDSHAKE_MS_MAX,
            pending_max: limits::PENDING_MAX,
            connections_per_caller_max: limits::CONNECTIONS_PER_CALLER_MAX,
            connections_max: limits::CONNECTIONS_MAX,
            connection_age_ms_max: limits::CONNECTION_AGE_MS + limits::CONNECTION_GRACE_MS,
            shutdown_grace_ms: limits::SHUTDOWN_GRACE_MS,
            log_interval_ms: limits::LOG_INTERVAL_MS,
        }
    }
}

/// Opens a port on a bound socket. Connections come out of [`Incoming`], for tonic to serve.
///
/// # Errors
/// [`TlsFault`] if the TLS library refuses the settings.
pub fn open(
    listener: TcpListener,
    port: Port,
    credentials: &Arc<Credentials>,
    registry: &Arc<PeerRegistry>,
    limits: AcceptLimits,
) -> Result<Incoming, TlsFault> {
    let acceptor = TlsAcceptor::from(tls::server_config(port, credentials, registry)?);
    let gate = Gate(Arc::new(Shared {
        port,
        limits,
        registry: Arc::clone(registry),
        refusals: Mutex::default(),
        connected: Mutex::default(),
        closing: watch::Sender::new(Closing::Open),
    }));
    let (accepted, incoming) = mpsc::channel(ACCEPTED_MAX);
    let spare = spare_descriptor();
    let door = Door { listener, acceptor, gate: gate.clone(), accepted, spare };
    let door = tokio::spawn(door.keep()).abort_handle();
    Ok(Incoming { incoming, gate, door })
}

/// Serves until `shutdown` resolves; calls under way then get
/// [`AcceptLimits::shutdown_grace_ms`] to end.
///
/// # Errors
/// What tonic reports; a connection's failure is not among it.
pub async fn serve(
    router: Router,
    incoming: Incoming,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let gate = incoming.gate();
    let (stopping, stopped) = oneshot::channel();
    let signal = async move {
        shutdown.await;
        let _ = stopping.send(());
    };
    let served = router.serve_with_incoming_shutdown(incoming, signal);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        result = &mut served => return result,
        _ = stopped => {}
    }
    let grace = Duration::from_millis(gate.0.limits.shutdown_grace_ms);
    if let Ok(result) = tokio::time::timeout(grace, &mut served).await {
        return result;
    }
    gate.cut_all();
    served.await
}

/// What a service reads from the extensions of a request: over which connection it came.
#[derive(Debug, Clone)]
pub struct Link {
    /// Who is calling.
    pub caller: Caller,
    /// From where.
    pub remote: SocketAddr,
    /// How the session key was agreed.
    pub key_exchange: KeyExchange,
}

/// The node that makes this call, on the partner port.
///
/// # Errors
/// `UNAUTHENTICATED` if the call did not come over that port.
pub fn calling_peer<T>(request: &tonic::Request<T>) -> Result<&PeerIdentity, tonic::Status> {
    match request.extensions().get::<Link>().map(|link| &link.caller) {
        Some(Caller::Node(peer)) => Ok(peer),
        _ => Err(tonic::Status::unauthenticated("this call is for nodes")),
    }
}

/// The agency whose node makes a call with these extensions; `None` if it did not come over the
/// partner port.
pub fn calling_agency(extensions: &http::Extensions) -> Option<AgencyId> {
    match extensions.get::<Link>().map(|link| &link.caller) {
        Some(Caller::Node(peer)) => Some(peer.agency.clone()),
        _ => None,
    }
}

/// The officer who makes a call with these extensions; `None` if it did not come over the officer port.
pub fn officer_calling(extensions: &http::Extensions) -> Option<OfficerId> {
    match extensions.get::<Link>().map(|link| &link.caller) {
        Some(Caller::Officer(officer)) => Some(officer.officer.clone()),
        _ => None,
    }
}

/// The officer who makes this call, on the officer port.
///
/// # Errors
/// `UNAUTHENTICATED` if the call did not come over that port.
pub fn calling_officer<T>(request: &tonic::Request<T>) -> Result<&OfficerIdentity, tonic::Status> {
    match request.extensions().get::<Link>().map(|link| &link.caller) {
        Some(Caller::Officer(officer)) => Ok(officer),
        _ => Err(tonic::Status::unauthenticated("this call is for officers")),
    }
}

/// A hold on an open port: what it refused, who is connected, and the way to cut everybody.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    port: Port,
    limits: AcceptLimits,
    registry: Arc<PeerRegistry>,
    refusals: Mutex<Tally>,
    connected: Mutex<Connections>,
    closing: watch::Sender<Closing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    Open,
    Now,
}

impl Gate {
    /// How often callers were refused or cut, by [`Refusal::code`].
    pub fn refusals(&self) -> HashMap<&'static str, u64> {
        lock(&self.0.refusals).counts().clone()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        lock(&self.0.connected).total
    }

    /// Cuts every connection, and every later one as soon as it is made.
    pub fn cut_all(&self) {
        self.0.closing.send_replace(Closing::Now);
    }

    /// Counts a refusal, and logs it unless the same was logged for the same address just now.
    fn refuse(&self, remote: SocketAddr, refusal: &Refusal) {
        let address = remote.ip();
        let interval = Duration::from_millis(self.0.limits.log_interval_ms);
        let noted = lock(&self.0.refusals).note(address, refusal.code(), interval, Instant::now());
        if let Noted::First { unlogged_before } = noted {
            let port = self.0.port.as_str();
            let code = refusal.code();
            tracing::warn!(port, %address, code, unlogged_before, "{refusal}");
        }
    }

    /// Takes a place for a caller; it is given back when the [`Place`] is dropped.
    fn seat(&self, caller: &Caller) -> Result<Place, Refusal> {
        let holder = match caller {
            Caller::Node(peer) => Holder::Agency(peer.agency.clone()),
            Caller::Officer(officer) => Holder::Officer(officer.officer.clone()),
        };
        let mut connected = lock(&self.0.connected);
        if connected.total >= self.0.limits.connections_max {
            return Err(Refusal::TooMany);
        }
        let held = connected.by_holder.entry(holder.clone()).or_insert(0);
        if *held >= self.0.limits.connections_per_caller_max {
            return Err(Refusal::TooManyOfCaller);
        }
        *held += 1;
        connected.total += 1;
        Ok(Place { shared: Arc::clone(&self.0), holder })
    }

    /// Resolves when a connection of this caller has to end.
    async fn cut(self, verified: Verified, remote: SocketAddr) -> CutReason {
        let shared = Arc::clone(&self.0);
        let mut closing = shared.closing.subscribe();
        let age_max = Duration::from_millis(shared.limits.connection_age_ms_max);
        tokio::select! {
            refusal = shared.registry.fallen(&verified.caller, &verified.authority) => {
                self.refuse(remote, &Refusal::Identity(refusal.clone()));
                CutReason::from(refusal)
            }
            () = tokio::time::sleep(age_max) => CutReason::from("the connection is too old"),
            _ = closing.wait_for(|closing| *closing == Closing::Now) => {
                CutReason::from("the port is closing")
            }
        }
    }
}

/// The connections that a port let in, as tonic takes them. Dropping it closes the port.
pub struct Incoming {
    incoming: mpsc::Receiver<AcceptedStream>,
    gate: Gate,
    door: AbortHandle,
}

impl Incoming {
    /// A hold on the port.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }
}

impl tokio_stream::Stream for Incoming {
    type Item = Result<AcceptedStream, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(cx).map(|accepted| accepted.map(Ok))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.door.abort();
    }
}

/// A connection whose caller is known.
pub struct AcceptedStream {
    stream: Guarded<TlsStream<TcpStream>>,
    link: Link,
    _place: Place,
}

impl Connected for AcceptedStream {
    type ConnectInfo = Link;

    fn connect_info(&self) -> Link {
        self.link.clone()
    }
}

impl AsyncRead for AcceptedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for AcceptedStream {
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

/// Connections that wait for tonic to take them.
const ACCEPTED_MAX: usize = 64;
/// The shortest and the longest pause after a failed accept, in milliseconds.
const PAUSE_MS: (u64, u64) = (5, 1_000);
/// How long a refused caller gets to read why, in milliseconds, and how much of it is read away.
const FAREWELL_MS_MAX: u64 = 500;
const FAREWELL_BYTES_MAX: usize = 64 * 1024;

/// The loop that accepts.
struct Door {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    gate: Gate,
    accepted: mpsc::Sender<AcceptedStream>,
    spare: Option<std::fs::File>,
}

impl Door {
    /// Accepts until it is aborted; the handshakes under way are aborted with it.
    async fn keep(mut self) {
        let mut pending = Pending::default();
        let mut pause_ms = PAUSE_MS.0;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = pending.one_ended() => continue,
            };
            match accepted {
                Ok((socket, remote)) => {
                    pause_ms = PAUSE_MS.0;
                    self.begin(&mut pending, socket, remote);
                }
                Err(error) => {
                    if is_exhausted(&error) {
                        self.turn_one_away().await;
                    } else {
                        tracing::debug!(kind = ?error.kind(), "a connection could not be accepted");
                    }
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MS.1);
                }
            }
        }
    }

    fn begin(&self, pending: &mut Pending, socket: TcpStream, remote: SocketAddr) {
        if pending.len() >= self.gate.0.limits.pending_max
            && let Some(displaced) = pending.displace()
        {
            self.gate.refuse(displaced, &Refusal::Displaced);
        }
        let (gate, acceptor) = (self.gate.clone(), self.acceptor.clone());
        let accepted = self.accepted.clone();
        let deadline = Duration::from_millis(gate.0.limits.handshake_ms_max);
        let handshake = async move {
            let admitted = admit(&gate, &acceptor, socket, remote, &accepted);
            match tokio::time::timeout(deadline, admitted).await {
                Ok(Admission::Granted) => {}
                Ok(Admission::Denied(socket)) => farewell(socket).await,
                Err(_) => gate.refuse(remote, &Refusal::Slow),
            }
        };
        pending.add(remote, handshake);
    }

    /// Out of descriptors: gives the spare one up to accept one caller and close it, so that it
    /// hears of it, and takes the spare again.
    async fn turn_one_away(&mut self) {
        drop(self.spare.take());
        let soon = Duration::from_millis(PAUSE_MS.0);
        if let Ok(Ok((socket, remote))) = tokio::time::timeout(soon, self.listener.accept()).await {
            drop(socket);
            self.gate.refuse(remote, &Refusal::NoDescriptor);
        }
        self.spare = spare_descriptor();
    }
}

/// How a handshake ended.
enum Admission {
    /// The connection is tonic's now.
    Granted,
    /// The caller was told, and the socket is left to be closed.
    Denied(TcpStream),
}

/// Handshakes, judges, seats, and hands over to tonic; or refuses, and says why to our log.
async fn admit(
    gate: &Gate,
    acceptor: &TlsAcceptor,
    socket: TcpStream,
    remote: SocketAddr,
    accepted: &mpsc::Sender<AcceptedStream>,
) -> Admission {
    let _ = socket.set_nodelay(true);
    let stream = match acceptor.accept(socket).into_fallible().await {
        Ok(stream) => stream,
        Err((error, socket)) => {
            gate.refuse(remote, &Refusal::of(&error));
            return Admission::Denied(socket);
        }
    };
    let seated = judge(gate, &stream).and_then(|verified| {
        let place = gate.seat(&verified.caller)?;
        Ok((verified, place))
    });
    match seated {
        Ok((verified, place)) => {
            let key_exchange = KeyExchange::of(stream.get_ref().1);
            let link = Link { caller: verified.caller.clone(), remote, key_exchange };
            let agency = verified.caller.agency();
            tracing::debug!(port = gate.0.port.as_str(), %agency, "let in");
            let stream = Guarded::new(stream, gate.clone().cut(verified, remote));
            let _ = accepted.send(AcceptedStream { stream, link, _place: place }).await;
            Admission::Granted
        }
        Err(refusal) => {
            gate.refuse(remote, &refusal);
            Admission::Denied(hang_up(stream, &refusal).await)
        }
    }
}

/// Judges the chain once more after the handshake: the registry may have changed meanwhile.
fn judge(gate: &Gate, stream: &TlsStream<TcpStream>) -> Result<Verified, Refusal> {
    let session = stream.get_ref().1;
    let chain = session.peer_certificates().unwrap_or_default();
    let (leaf, others) = chain.split_first().ok_or(Refusal::NoCertificate)?;
    let expected: Expected = gate.0.port.expected();
    let registry = gate.0.registry.current();
    let verified = verify_chain(&expected, &registry, leaf, others, UnixTime::now())?;
    if !tls::speaks_http2(session) {
        return Err(Refusal::NotHttp2);
    }
    Ok(verified)
}

/// GOAWAY with `ENHANCE_YOUR_CALM` (RFC 9113, sections 6.8 and 7), in place of the first frame.
pub(crate) const FULL: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];

/// A caller in good standing that finds no place is told so; any other is not told more.
async fn hang_up(mut stream: TlsStream<TcpStream>, refusal: &Refusal) -> TcpStream {
    if matches!(refusal, Refusal::TooMany | Refusal::TooManyOfCaller) {
        let _ = stream.write_all(&FULL).await;
    }
    let _ = stream.shutdown().await;
    stream.into_inner().0
}

/// Ends our side and reads theirs away for a moment: closing with bytes unread would make the
/// kernel send a reset, and the alert could be lost.
async fn farewell(mut socket: TcpStream) {
    let _ = socket.shutdown().await;
    let drain = async {
        let mut scrap = [0; 1024];
        let mut left = FAREWELL_BYTES_MAX;
        while let Ok(read @ 1..) = socket.read(&mut scrap).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(FAREWELL_MS_MAX), drain).await;
}

/// Who shares a number of places: all nodes of one agency, or one officer.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Holder {
    Agency(AgencyId),
    Officer(OfficerId),
}

#[derive(Default)]
struct Connections {
    total: usize,
    by_holder: HashMap<Holder, usize>,
}

/// One of the places of a caller.
struct Place {
    shared: Arc<Shared>,
    holder: Holder,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connected = lock(&self.shared.connected);
        connected.total = connected.total.saturating_sub(1);
        if let Some(held) = connected.by_holder.get_mut(&self.holder) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                connected.by_holder.remove(&self.holder);
            }
        }
    }
}

/// A file that is only there to be closed when no other descriptor is left.
fn spare_descriptor() -> Option<std::fs::File> {
    std::fs::File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

/// `EMFILE` and `ENFILE`, and their like on Windows.
fn is_exhausted(error: &io::Error) -> bool {
    matches!((error.raw_os_error(), cfg!(windows)), (Some(23 | 24), false) | (Some(10_024), true))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_of_a_peer_or_of_an_officer_or_of_nobody() {
        let call = |uri: Option<&str>| {
            let mut request = tonic::Request::new(());
            if let Some(uri) = uri {
                let remote = SocketAddr::from(([192, 0, 2, 1], 1));
                let key_exchange = KeyExchange::Hybrid;
                let link = Link { caller: uri.parse().unwrap(), remote, key_exchange };
                request.extensions_mut().insert(link);
            }
            (calling_peer(&request).is_ok(), calling_officer(&request).is_ok())
        };
        assert_eq!(call(Some("spiffe://es-policia/node/madrid")), (true, false));
        assert_eq!(call(Some("spiffe://es-policia/officer/ES-7")), (false, true));
        assert_eq!(call(None), (false, false));
    }
}
