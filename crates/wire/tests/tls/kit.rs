//! What the TLS tests share: certificates made on the spot, a running node, and hostile diallers.

use domain::time::{Clock as _, SystemClock};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{self, sign::any_supported_type};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, SignatureScheme};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use wire::accept::{self, AcceptLimits, Gate, Link};
use wire::connect::{DialLimits, Dialler, Target};
use wire::limits;
use wire::tls::Port;
use wire::tls::credentials::Credentials;
use wire::tls::registry::{CertificatePin, PeerEntry, PeerRegistry, Snapshot, Standing};

pub(crate) const BELGIUM: &str = "be-fedpol";
pub(crate) const SPAIN: &str = "es-policia";
pub(crate) const MOROCCO: &str = "ma-dgsn";

/// A certificate authority of a test.
pub(crate) struct Authority {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// An authority under this one.
    pub(crate) fn below(&self) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "below");
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn pin(&self) -> CertificatePin {
        CertificatePin::of(&self.certificate)
    }

    /// A certificate for both sides of TLS that carries these URIs, with this authority below it.
    pub(crate) fn issue(&self, uris: &[&str]) -> Issued {
        self.issue_with(uris, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        uris: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let mut params = CertificateParams::default();
        let names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names = names.collect();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            chain: vec![certificate.der().clone(), self.certificate.clone()],
            pem: format!("{}{}", certificate.pem(), self.pem),
            key_pem: key.serialize_pem(),
            key: key.serialize_der(),
        }
    }
}

pub(crate) fn expired(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}

pub(crate) fn not_yet_valid(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(3001, 1, 1);
    params.not_after = date_time_ymd(3002, 1, 1);
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) pem: String,
    pub(crate) key_pem: String,
    pub(crate) key: Vec<u8>,
}

impl Issued {
    pub(crate) fn credentials(&self) -> Arc<Credentials> {
        let now = SystemClock.now();
        Credentials::from_pem(self.pem.as_bytes(), self.key_pem.as_bytes(), now).unwrap()
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    /// The same leaf with other certificates behind it.
    pub(crate) fn behind(mut self, others: &[&Authority]) -> Self {
        self.chain.truncate(1);
        self.chain.extend(others.iter().map(|authority| authority.certificate.clone()));
        self
    }
}

/// Belgium's node is dialled; Spain and Morocco are its partners.
pub(crate) struct World {
    pub(crate) belgium: Authority,
    pub(crate) officers: Authority,
    pub(crate) spain: Authority,
    pub(crate) morocco: Authority,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            belgium: Authority::new(),
            officers: Authority::new(),
            spain: Authority::new(),
            morocco: Authority::new(),
        }
    }

    /// What Belgium knows, with Spain in this standing.
    pub(crate) fn known_to_belgium(&self, spain: Standing) -> Snapshot {
        Snapshot::new(BELGIUM.parse().unwrap())
            .with_peer(SPAIN.parse().unwrap(), entry(&[&self.spain], spain))
            .unwrap()
            .with_peer(MOROCCO.parse().unwrap(), entry(&[&self.morocco], Standing::Active))
            .unwrap()
            .with_officer_authorities(vec![self.officers.pin()])
            .unwrap()
    }

    /// What anybody knows who only dials Belgium.
    pub(crate) fn knows_belgium(&self, own: &str) -> Arc<PeerRegistry> {
        let belgium = entry(&[&self.belgium], Standing::Active);
        let snapshot = Snapshot::new(own.parse().unwrap());
        PeerRegistry::new(snapshot.with_peer(BELGIUM.parse().unwrap(), belgium).unwrap())
    }

    pub(crate) fn spanish_node(&self) -> Issued {
        self.spain.issue(&["spiffe://es-policia/node/madrid"])
    }

    pub(crate) fn officer(&self) -> Issued {
        self.officers.issue(&["spiffe://be-fedpol/officer/BE-1042"])
    }

    /// Spain's own dialler.
    pub(crate) fn spain_dials(&self) -> Dialler {
        self.dials(Port::Partner, &self.spanish_node(), SPAIN)
    }

    pub(crate) fn dials(&self, port: Port, issued: &Issued, own: &str) -> Dialler {
        let registry = self.knows_belgium(own);
        Dialler::new(port, issued.credentials(), registry, DialLimits::default())
    }

    pub(crate) async fn open(&self, port: Port) -> Running {
        self.open_with(port, AcceptLimits::default()).await
    }

    pub(crate) async fn open_with(&self, port: Port, limits: AcceptLimits) -> Running {
        let credentials = self.belgium.issue(&["spiffe://be-fedpol/node/brussels"]).credentials();
        let registry = PeerRegistry::new(self.known_to_belgium(Standing::Active));
        Running::start(port, credentials, registry, limits).await
    }
}

pub(crate) fn entry(authorities: &[&Authority], standing: Standing) -> PeerEntry {
    let authorities = authorities.iter().map(|authority| authority.pin()).collect();
    PeerEntry { authorities, standing }
}

/// A port that is open and served.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Gate,
    pub(crate) registry: Arc<PeerRegistry>,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Running {
    pub(crate) async fn start(
        port: Port,
        credentials: Arc<Credentials>,
        registry: Arc<PeerRegistry>,
        limits: AcceptLimits,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = accept::open(listener, port, &credentials, &registry, limits).unwrap();
        let gate = incoming.gate();
        let router = limits::server().add_service(Echo);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let served = tokio::spawn(accept::serve(router, incoming, shutdown));
        Self { address, gate, registry, credentials, stop, served }
    }

    pub(crate) fn target(&self) -> Target {
        Target { address: self.address.to_string(), agency: BELGIUM.parse().unwrap() }
    }

    /// Waits until this was refused so often, and nothing else was.
    pub(crate) async fn refused_only(&self, code: &'static str, times: u64) {
        let expected = HashMap::from([(code, times)]);
        for _ in 0..200 {
            if self.gate.refusals() == expected {
                // One more refusal would come of a second dial: give it the time to show.
                tokio::time::sleep(Duration::from_millis(30)).await;
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.gate.refusals(), expected);
    }
}

/// Waits until a condition holds; fails after five seconds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A service that says who called, and one that never stops talking.
#[derive(Clone)]
pub(crate) struct Echo;

impl tonic::server::NamedService for Echo {
    const NAME: &'static str = "malines.test.Echo";
}

const WHO: &str = "/malines.test.Echo/Who";
const WATCH: &str = "/malines.test.Echo/Watch";

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = ProstCodec::<String, String>::default();
            let mut grpc = tonic::server::Grpc::new(codec);
            Ok(match request.uri().path() {
                WHO => grpc.unary(tower::service_fn(who), request).await,
                WATCH => grpc.server_streaming(tower::service_fn(watch), request).await,
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

async fn who(request: Request<String>) -> Result<Response<String>, Status> {
    let link = request.extensions().get::<Link>().ok_or(Status::internal("no link"))?;
    let answer = format!("{} {:?} {}", link.caller.uri(), link.key_exchange, request.get_ref());
    Ok(Response::new(answer))
}

type Talk = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

async fn watch(request: Request<String>) -> Result<Response<Talk>, Status> {
    wire::accept::calling_peer(&request)?;
    let talk = tokio_stream::iter(0_u64..).then(|count| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(count.to_string())
    });
    Ok(Response::new(Box::pin(talk)))
}

/// Calls and returns what the service says about the caller.
pub(crate) async fn ask(channel: &Channel, text: &str) -> Result<String, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<String, String>::default();
    let path = http::uri::PathAndQuery::from_static(WHO);
    Ok(grpc.unary(Request::new(text.to_owned()), path, codec).await?.into_inner())
}

/// Listens to the talk that never ends.
pub(crate) async fn listen(channel: &Channel) -> Result<tonic::Streaming<String>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<String, String>::default();
    let path = http::uri::PathAndQuery::from_static(WATCH);
    Ok(grpc.server_streaming(Request::new(String::new()), path, codec).await?.into_inner())
}

/// What a dialler of no scruples learned.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) group: NamedGroup,
    pub(crate) leaf: CertificateDer<'static>,
    pub(crate) handshake: rustls::HandshakeKind,
    pub(crate) tickets: u32,
}

/// Dials with any certificate or none and believes whatever answers, up to the first frame.
pub(crate) async fn brazen_dial(
    address: SocketAddr,
    issued: Option<&Issued>,
    groups: &[&'static dyn SupportedKxGroup],
) -> io::Result<Learned> {
    let config = brazen_config(groups, |config| match issued {
        Some(issued) => config.with_client_cert_resolver(presenting(issued)),
        None => config.with_no_client_auth(),
    });
    brazen_dial_with(address, config).await
}

pub(crate) async fn brazen_dial_with(
    address: SocketAddr,
    config: ClientConfig,
) -> io::Result<Learned> {
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from("nobody.example").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, socket).await?;
    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let session = stream.get_ref().1;
    Ok(Learned {
        group: session.negotiated_key_exchange_group().unwrap().name(),
        leaf: session.peer_certificates().unwrap()[0].clone(),
        handshake: session.handshake_kind().unwrap(),
        tickets: session.tls13_tickets_received(),
    })
}

pub(crate) fn brazen_config(
    groups: &[&'static dyn SupportedKxGroup],
    client: impl FnOnce(
        rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
    ) -> ClientConfig,
) -> ClientConfig {
    let provider = CryptoProvider { kx_groups: groups.to_vec(), ..aws_lc_rs::default_provider() };
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous));
    let mut config = client(builder);
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Presents a chain unseen, however wrong it is.
pub(crate) fn presenting(issued: &Issued) -> Arc<SingleCertAndKey> {
    let key = any_supported_type(&issued.private_key()).unwrap();
    Arc::new(CertifiedKey::new(issued.chain.clone(), key).into())
}

/// The alert inside an error, if the other side sent one.
pub(crate) fn alert(error: &io::Error) -> Option<rustls::AlertDescription> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
