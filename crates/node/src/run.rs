//! One node from start to stop: opens the store, puts the agreements in front of the gate, serves
//! partners and officers, follows the partners, and stops in order.

use crate::config::Config;
use crate::error::NodeError;
use crate::grpc::officer::OfficerDoor;
use crate::grpc::peer::PeerDoor;
use crate::peers::{self, Links, Nudges, Partners};
use crate::scheduler::Scheduler;
use cedar_engine::{COMMON_FLOOR, Engine};
use desk::agreements::Bundle;
use desk::answer::Quota;
use desk::entropy::Entropy;
use desk::{Desk, NodeKeys, Parts};
use domain::time::{Clock, SystemClock};
use policy::Gate;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{EmbeddedStore, OpenReport, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wire::accept::{self, AcceptLimits};
use wire::connect::{DialLimits, Dialler};
use wire::limits;
use wire::tls::Port;
use wire::tls::credentials::Credentials;
use wire::tls::registry::{CertificatePin, PeerRegistry};
use wire::v1::officer_service_server::OfficerServiceServer;
use wire::v1::peer_service_server::PeerServiceServer;

/// How often the registry of partners is derived again, in milliseconds: an agreement that enters
/// into force or ends by the clock is seen after at most this long.
const REGISTRY_MS: u64 = 500;

/// A node that serves. Dropping it does not stop it; [`Running::stop`] does, in order.
pub struct Running {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Where partners reach it.
    pub partner_address: SocketAddr,
    /// Where officers reach it.
    pub officer_address: SocketAddr,
    /// What opening the store found.
    pub opened: OpenReport,
    stop: watch::Sender<Stage>,
    servers: JoinSet<Result<(), tonic::transport::Error>>,
    followers: JoinSet<()>,
    config: Config,
    credentials: Arc<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    Stopping,
}

/// Starts a node and returns when it serves.
///
/// # Errors
/// Whatever keeps it from serving, each with what to do next.
pub async fn start(config: Config) -> Result<Running, NodeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (store, opened) = open_store(&config).await?;
    let gate = Arc::new(Gate::new(config.agency.clone(), Arc::new(load_policy(&config)?)));
    let parts = Parts {
        own: config.agency.clone(),
        keys: node_keys(&config)?,
        store,
        gate,
        clock: Arc::clone(&clock),
        entropy: Entropy::new(rand_core::UnwrapErr(getrandom::SysRng)),
        quota: Quota { tokens_per_day: config.quota_per_day },
    };
    let desk = Desk::open(parts).await?;
    install_agreements(&config, &desk).await?;
    let credentials = load_credentials(&config)?;
    let officers = vec![officer_authority(&config)?];
    let registry = PeerRegistry::new(peers::snapshot(&desk, officers.clone())?);
    let dialler = Dialler::new(
        Port::Partner,
        Arc::clone(&credentials),
        Arc::clone(&registry),
        DialLimits::default(),
    );
    let partners = Arc::new(Partners::new(Arc::clone(&desk), dialler));
    let (links, nudges) = (Arc::new(Links::default()), Arc::new(Nudges::default()));
    let (stop, stopping) = watch::channel(Stage::Serving);
    let mut servers = JoinSet::new();

    let listener = bind(config.partner_listen).await?;
    let partner_address = local_address(&listener)?;
    let incoming = open(listener, Port::Partner, &credentials, &registry)?;
    let door = PeerDoor { desk: Arc::clone(&desk), nudges: Arc::clone(&nudges) };
    let service = PeerServiceServer::new(door)
        .max_decoding_message_size(limits::DECODE_BYTES_MAX)
        .max_encoding_message_size(limits::ENCODE_BYTES_MAX);
    let router = limits::server().add_service(service);
    servers.spawn(accept::serve(router, incoming, stopped(stopping.clone())));

    let listener = bind(config.officer_listen).await?;
    let officer_address = local_address(&listener)?;
    let incoming = open(listener, Port::Officer, &credentials, &registry)?;
    let door = OfficerDoor {
        desk: Arc::clone(&desk),
        partners: Arc::clone(&partners),
        links: Arc::clone(&links),
        nudges,
    };
    let service = OfficerServiceServer::new(door)
        .max_decoding_message_size(limits::DECODE_BYTES_MAX)
        .max_encoding_message_size(limits::ENCODE_BYTES_MAX);
    let router = limits::server().add_service(service);
    servers.spawn(accept::serve(router, incoming, stopped(stopping)));

    let mut followers = JoinSet::new();
    let scheduler = Scheduler {
        desk: Arc::clone(&desk),
        partners,
        links,
        pull_interval_ms: config.pull_interval_ms,
    };
    followers.spawn(scheduler.run());
    followers.spawn(keep_registry(Arc::clone(&desk), registry, officers));
    followers.spawn(keep_head(Arc::clone(&desk), config.head_interval_ms));
    Ok(Running {
        desk,
        partner_address,
        officer_address,
        opened,
        stop,
        servers,
        followers,
        config,
        credentials,
    })
}

impl Running {
    /// Reads policy, agreements and certificates again, without dropping a connection. What cannot
    /// be read leaves what was in force in force.
    ///
    /// # Errors
    /// The first thing that could not be read.
    pub async fn reload(&self) -> Result<(), NodeError> {
        let engine = load_policy(&self.config)?;
        self.desk.gate().replace_evaluator(Arc::new(engine));
        install_agreements(&self.config, &self.desk).await?;
        let (chain, key) = self.config.tls_files()?;
        self.credentials.replace_from_pem(&chain, &key, self.desk.now())?;
        Ok(())
    }

    /// Waits until a server fails; a node that cannot serve must not look alive.
    pub async fn failed(&mut self) -> NodeError {
        let ended = self.servers.join_next().await;
        NodeError::Serving(match ended {
            Some(Ok(Err(error))) => error.to_string(),
            _ => "a port stopped".to_owned(),
        })
    }

    /// Stops taking calls, lets those under way end, signs the head, closes the store.
    ///
    /// # Errors
    /// A store that fails at its close; nothing acknowledged is lost all the same.
    pub async fn stop(mut self) -> Result<(), NodeError> {
        self.followers.shutdown().await;
        let _ = self.stop.send(Stage::Stopping);
        while self.servers.join_next().await.is_some() {}
        self.desk.sign_head()?;
        let store = Arc::clone(self.desk.store());
        let closed = tokio::task::spawn_blocking(move || store.close()).await;
        closed.map_err(|_| NodeError::Serving("the store's thread ended".to_owned()))??;
        Ok(())
    }
}

async fn open_store(config: &Config) -> Result<(Arc<dyn Store>, OpenReport), NodeError> {
    let settings = config.store_settings()?;
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(settings)).await;
    let (store, report) =
        opened.map_err(|_| NodeError::Serving("opening the store ended early".to_owned()))??;
    Ok((Arc::new(store), report))
}

fn load_policy(config: &Config) -> Result<Engine, NodeError> {
    let local = config.local_policy()?;
    let engine = Engine::load(COMMON_FLOOR, &local)?;
    for warning in engine.warnings() {
        tracing::warn!(%warning, "policy");
    }
    Ok(engine)
}

fn node_keys(config: &Config) -> Result<NodeKeys, NodeError> {
    config.node_keys()
}

fn load_credentials(config: &Config) -> Result<Arc<Credentials>, NodeError> {
    let (chain, key) = config.tls_files()?;
    Ok(Credentials::from_pem(&chain, &key, SystemClock.now())?)
}

fn officer_authority(config: &Config) -> Result<CertificatePin, NodeError> {
    config.officer_authority()
}

/// Every bundle in the folder. One that is refused stops the node: silence would look like consent.
async fn install_agreements(config: &Config, desk: &Desk) -> Result<(), NodeError> {
    for (path, bytes) in config.agreement_bundles()? {
        let bundle = Bundle::from_bytes(&bytes)
            .map_err(|error| NodeError::Malformed { path: path.clone(), error })?;
        let installed = desk.install(&bundle).await;
        let agreement =
            installed.map_err(|error| NodeError::Bundle { path, why: error.to_string() })?;
        tracing::info!(%agreement, "agreement on file");
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, NodeError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| NodeError::Port { address, kind: error.kind() })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, NodeError> {
    listener.local_addr().map_err(|error| NodeError::Serving(error.to_string()))
}

fn open(
    listener: TcpListener,
    port: Port,
    credentials: &Arc<Credentials>,
    registry: &Arc<PeerRegistry>,
) -> Result<accept::Incoming, NodeError> {
    accept::open(listener, port, credentials, registry, AcceptLimits::default())
        .map_err(|fault| NodeError::Serving(fault.to_string()))
}

async fn stopped(mut stage: watch::Receiver<Stage>) {
    // A sender that is gone means the same.
    let _ = stage.wait_for(|stage| *stage == Stage::Stopping).await;
}

/// Derives the registry anew when agreements, manifests or the clock change it.
async fn keep_registry(
    desk: Arc<Desk>,
    registry: Arc<PeerRegistry>,
    officers: Vec<CertificatePin>,
) {
    loop {
        tokio::time::sleep(Duration::from_millis(REGISTRY_MS)).await;
        match peers::snapshot(&desk, officers.clone()) {
            Ok(snapshot) if *registry.current() == snapshot => {}
            Ok(snapshot) => {
                tracing::info!("the registry of partners changed");
                registry.replace(snapshot);
            }
            Err(fault) => tracing::error!(%fault, "the registry of partners cannot be derived"),
        }
    }
}

/// Signs the head of the audit log on a fixed beat.
async fn keep_head(desk: Arc<Desk>, interval_ms: u64) {
    loop {
        tokio::time::sleep(Duration::from_millis(interval_ms)).await;
        if let Err(error) = desk.sign_head() {
            tracing::error!(%error, "the audit head could not be signed");
        }
    }
}
