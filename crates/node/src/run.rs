//! One node from start to stop: opens the store, puts the agreements in front of the gate, serves
//! partners and officers, follows the partners, and stops in order.

use crate::config::{Config, file};
use crate::entitlement::Entitled;
use crate::error::NodeError;
use crate::grpc::leaving::Leaving;
use crate::grpc::officer::OfficerDoor;
use crate::grpc::peer::{PeerDoor, Pulls};
use crate::ledger::Ledger;
use crate::notice;
use crate::officer::Register;
use crate::peers::{self, Links, Nudges, Officers, Partners};
use crate::policy_book::{self, Loaded, PolicyBook};
use crate::recovery::{Guarded, Standing};
use crate::scheduler::{Resting, Scheduler, Tried};
use crate::upkeep::{Board, Upkeep};
use crate::verify::check_made;
use agreement::Docket;
use desk::entropy::Entropy;
use desk::quota::Quota;
use desk::{Desk, Parts};
use domain::time::{Clock, SystemClock};
use policy::{Evaluator, Gate};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use wire::tls::registry::PeerRegistry;
use wire::v1::officer_service_server::OfficerServiceServer;
use wire::v1::peer_service_server::PeerServiceServer;

/// The largest message of a partner, in bytes: a full list of cursors fits; what a longer one would
/// cost to decode does not.
const PARTNER_DECODE_BYTES_MAX: usize = 320 * 1024;
/// How often the registry of partners is derived again, in milliseconds: an agreement that enters
/// into force or ends by the clock is seen after at most this long.
const REGISTRY_MS: u64 = 500;

/// How often it is looked whether our word has to be given again, in milliseconds.
const WORD_MS: u64 = 1_000;

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
    /// Does it serve partners, or only its own officers reading?
    pub standing: Standing,
    stop: watch::Sender<Stage>,
    servers: Servers,
    followers: JoinSet<()>,
    config: Config,
    credentials: Arc<Credentials>,
    officers: Arc<Mutex<Officers>>,
    policy_book: Arc<PolicyBook>,
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
    check_made(&config)?;
    let (store, opened) = open_store(&config).await?;
    let standing = Standing::of(&config.data_folder)?;
    let ledger = Arc::new(Ledger::open(&config, &*store)?);
    let (desk, policy_book) = open_desk(&config, store).await?;
    for (path, docket) in read_agreements(&config)? {
        file_docket(&desk, path, &docket).await?;
    }
    if standing == Standing::Ordinary {
        policy_book.keep_file().await?;
    }
    let credentials = load_credentials(&config)?;
    let officers = Arc::new(Mutex::new(load_officers(&config)?));
    let registry = PeerRegistry::new(peers::snapshot(&desk, &lock(&officers))?);
    let doors = Doors {
        desk: Arc::clone(&desk),
        credentials: Arc::clone(&credentials),
        registry: Arc::clone(&registry),
        links: Arc::default(),
        nudges: Arc::default(),
        board: Arc::default(),
        standing: standing.clone(),
        ledger,
        policy_book: Arc::clone(&policy_book),
    };
    let (stop, stopping) = watch::channel(Stage::Serving);
    let partners = doors.partners();
    let mut servers = JoinSet::new();
    let partner_address = match &standing {
        Standing::Ordinary => doors.serve_partners(&config, &stopping, &mut servers).await?,
        // In recovery nobody listens there.
        Standing::Recovery(_) => config.partner_listen,
    };
    let officer_address = doors.serve_officers(&config, &partners, &stopping, &mut servers).await?;
    let mut followers = JoinSet::new();
    let scheduler = Scheduler {
        desk: Arc::clone(&desk),
        partners,
        links: doors.links,
        nudges: Arc::clone(&doors.nudges),
        tried: Tried::default(),
        resting: Resting::default(),
        pull_interval_ms: config.pull_interval_ms,
    };
    followers.spawn(keep_registry(Arc::clone(&desk), registry, Arc::clone(&officers)));
    if standing == Standing::Ordinary {
        followers.spawn(scheduler.run());
        followers.spawn(notice::keep(Arc::clone(&desk), config.data_folder.clone()));
        followers.spawn(keep_head(Arc::clone(&desk), config.head_interval_ms));
        followers.spawn(keep_file(Arc::clone(&policy_book)));
        followers.spawn(keep_word(Arc::clone(&desk), Arc::clone(&doors.nudges)));
        followers.spawn(Upkeep::new(&desk, doors.board, config.upkeep_interval_ms).run());
    }
    Ok(Running {
        desk,
        partner_address,
        officer_address,
        opened,
        standing,
        stop,
        servers,
        followers,
        config,
        credentials,
        officers,
        policy_book,
    })
}

/// What both ports need.
struct Doors {
    desk: Arc<Desk>,
    credentials: Arc<Credentials>,
    registry: Arc<PeerRegistry>,
    links: Arc<Links>,
    nudges: Arc<Nudges>,
    board: Arc<Board>,
    standing: Standing,
    ledger: Arc<Ledger>,
    policy_book: Arc<PolicyBook>,
}

type Servers = JoinSet<Result<(), tonic::transport::Error>>;

impl Doors {
    /// The partners as this node reaches them.
    fn partners(&self) -> Arc<Partners> {
        let (credentials, registry) = (Arc::clone(&self.credentials), Arc::clone(&self.registry));
        let dialler = Dialler::new(Port::Partner, credentials, registry, DialLimits::default());
        Arc::new(Partners::new(Arc::clone(&self.desk), dialler))
    }

    async fn serve_partners(
        &self,
        config: &Config,
        stopping: &watch::Receiver<Stage>,
        servers: &mut Servers,
    ) -> Result<SocketAddr, NodeError> {
        let door = PeerDoor {
            desk: Arc::clone(&self.desk),
            nudges: Arc::clone(&self.nudges),
            pulls: Pulls::default(),
        };
        let service = PeerServiceServer::new(door)
            .max_decoding_message_size(PARTNER_DECODE_BYTES_MAX)
            .max_encoding_message_size(limits::ENCODE_BYTES_MAX);
        let (address, incoming) = self.open(config.partner_listen, Port::Partner).await?;
        let service = Leaving::new(service, Arc::clone(&self.desk));
        let router = limits::server().add_service(service);
        servers.spawn(accept::serve(router, incoming, stopped(stopping.clone())));
        Ok(address)
    }

    async fn serve_officers(
        &self,
        config: &Config,
        partners: &Arc<Partners>,
        stopping: &watch::Receiver<Stage>,
        servers: &mut Servers,
    ) -> Result<SocketAddr, NodeError> {
        let door = OfficerDoor {
            desk: Arc::clone(&self.desk),
            partners: Arc::clone(partners),
            links: Arc::clone(&self.links),
            nudges: Arc::clone(&self.nudges),
            board: Arc::clone(&self.board),
            recovery: self.standing.note(),
            ledger: Arc::clone(&self.ledger),
            policy_book: Arc::clone(&self.policy_book),
        };
        let service = OfficerServiceServer::new(door)
            .max_decoding_message_size(limits::DECODE_BYTES_MAX)
            .max_encoding_message_size(limits::ENCODE_BYTES_MAX);
        let log = (self.standing == Standing::Ordinary).then(|| Arc::clone(&self.desk));
        let register = Register::new(config.officers_folder.clone());
        let service = Entitled::new(service, register, log);
        let service = Guarded::new(service, self.standing.clone());
        let (address, incoming) = self.open(config.officer_listen, Port::Officer).await?;
        let router = limits::server().add_service(service);
        servers.spawn(accept::serve(router, incoming, stopped(stopping.clone())));
        Ok(address)
    }

    async fn open(
        &self,
        address: SocketAddr,
        port: Port,
    ) -> Result<(SocketAddr, accept::Incoming), NodeError> {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| NodeError::Port { address, kind: error.kind() })?;
        let serving = |why: String| NodeError::Serving(why);
        let address = listener.local_addr().map_err(|error| serving(error.to_string()))?;
        let limits = AcceptLimits::default();
        let incoming = accept::open(listener, port, &self.credentials, &self.registry, limits);
        Ok((address, incoming.map_err(|fault| serving(fault.to_string()))?))
    }
}

impl Running {
    /// Reads policy, agreements, certificates and revoked officers again, without dropping a
    /// connection. Everything is read before anything is put in force; what cannot be read leaves
    /// all of it as it was. Rules that are refused leave the rules as they were, and nothing else.
    ///
    /// # Errors
    /// The first thing that could not be read.
    pub async fn reload(&self) -> Result<(), NodeError> {
        let (rules, refused) = match load_rules(&self.config, self.desk.store()).await {
            Ok(Loaded { refused: Some(refused), .. }) => (None, Some(refused)),
            Ok(rules) => (Some(rules), None),
            // A first file: the rules that decide now stay, and all else is read again.
            Err(idle @ NodeError::PolicyIdle { .. }) => (None, Some(idle)),
            Err(error) => return Err(error),
        };
        let dockets = read_agreements(&self.config)?;
        let (chain, key) = self.config.tls_files()?;
        let officers = load_officers(&self.config)?;
        self.credentials.replace_from_pem(&chain, &key, self.desk.now())?;
        if let Some(rules) = rules {
            self.policy_book.reload(rules.engine, rules.active).await?;
        }
        *lock(&self.officers) = officers;
        for (path, docket) in dockets {
            file_docket(&self.desk, path, &docket).await?;
        }
        crate::grpc::drained(&self.desk).await;
        let Some(refused) = refused else { return Ok(()) };
        self.policy_book.note_file_refused(&refused).await?;
        Err(refused)
    }

    /// Waits until a server or the store fails; a node that cannot serve must not look alive.
    pub async fn failed(&mut self) -> NodeError {
        let desk = Arc::clone(&self.desk);
        let fenced = async move {
            loop {
                if let Some(why) = desk.store().fenced() {
                    return why;
                }
                tokio::time::sleep(Duration::from_millis(REGISTRY_MS)).await;
            }
        };
        let ended = tokio::select! {
            ended = self.servers.join_next() => ended,
            why = fenced => return NodeError::Store(store::Error::Fenced(why)),
        };
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
        if self.standing == Standing::Ordinary {
            self.desk.sign_head()?;
        }
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

/// Opens the desk with the rules that are to decide.
async fn open_desk(
    config: &Config,
    store: Arc<dyn Store>,
) -> Result<(Arc<Desk>, Arc<PolicyBook>), NodeError> {
    let rules = load_rules(config, &store).await?;
    let engine = Arc::new(rules.engine);
    let gate =
        Arc::new(Gate::new(config.agency.clone(), Arc::clone(&engine) as Arc<dyn Evaluator>));
    let parts = Parts {
        own: config.agency.clone(),
        keys: config.node_keys()?,
        store,
        gate,
        clock: Arc::new(SystemClock),
        entropy: Entropy::new(rand_core::UnwrapErr(getrandom::SysRng)),
        quota: Quota {
            tokens_per_day: config.quota_per_day,
            officer_values_per_day: config.officer_values_per_day,
        },
        answer_times: config.answer_times,
    };
    let desk = Desk::open(parts).await?;
    desk.activate_policy(engine).await?;
    let policy_book = Arc::new(PolicyBook::new(Arc::clone(&desk), config, rules.active));
    if let Some(refused) = rules.refused {
        policy_book.note_file_refused(&refused).await?;
    }
    Ok((desk, policy_book))
}

/// Weighing a changed file blocks for seconds.
async fn load_rules(config: &Config, store: &Arc<dyn Store>) -> Result<Loaded, NodeError> {
    let (config, store) = (config.clone(), Arc::clone(store));
    let loading = tokio::task::spawn_blocking(move || policy_book::load(&config, &*store));
    loading.await.map_err(|_| NodeError::Serving("weighing the rules ended early".to_owned()))?
}

fn load_credentials(config: &Config) -> Result<Arc<Credentials>, NodeError> {
    let (chain, key) = config.tls_files()?;
    Ok(Credentials::from_pem(&chain, &key, SystemClock.now())?)
}

fn load_officers(config: &Config) -> Result<Officers, NodeError> {
    let authorities = vec![config.officer_authority()?];
    Ok(Officers { authorities, revoked: config.officers_revoked()? })
}

/// Every docket in the folder. One that cannot be read stops the node: silence would look like
/// consent.
fn read_agreements(config: &Config) -> Result<Vec<(PathBuf, Docket)>, NodeError> {
    let files = file::list(&config.agreements_folder, "docket")?.into_iter();
    files.map(|path| file::read_docket(&path).map(|docket| (path, docket))).collect()
}

async fn file_docket(desk: &Desk, path: PathBuf, docket: &Docket) -> Result<(), NodeError> {
    let filed = desk.file_papers(docket.papers().values().cloned().collect()).await;
    let filed = filed.map_err(|error| NodeError::Docket { path, why: error.to_string() })?;
    let (agreement, standing) = (&filed.agreement, &filed.standing);
    tracing::info!(%agreement, %standing, "agreement on file");
    Ok(())
}

fn lock(officers: &Mutex<Officers>) -> MutexGuard<'_, Officers> {
    officers.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn stopped(mut stage: watch::Receiver<Stage>) {
    // A sender that is gone means the same.
    let _ = stage.wait_for(|stage| *stage == Stage::Stopping).await;
}

/// Derives the registry anew when agreements, manifests or the clock change it.
async fn keep_registry(
    desk: Arc<Desk>,
    registry: Arc<PeerRegistry>,
    officers: Arc<Mutex<Officers>>,
) {
    loop {
        tokio::time::sleep(Duration::from_millis(REGISTRY_MS)).await;
        let wanted = peers::snapshot(&desk, &lock(&officers));
        match wanted {
            Ok(snapshot) if *registry.current() == snapshot => {}
            Ok(snapshot) => {
                tracing::info!("the registry of partners changed");
                registry.replace(snapshot);
            }
            Err(fault) => tracing::error!(%fault, "the registry of partners cannot be derived"),
        }
    }
}

/// From the moment on at which something can go to a partner, the file opens nothing by itself.
async fn keep_file(policy_book: Arc<PolicyBook>) {
    loop {
        tokio::time::sleep(Duration::from_millis(REGISTRY_MS)).await;
        if let Err(error) = policy_book.keep_file().await {
            tracing::error!(%error, "the rules of the file could not be kept");
        }
    }
}

/// Says what the node's operator says by itself: that nothing was said, and what was erased.
async fn keep_word(desk: Arc<Desk>, nudges: Arc<Nudges>) {
    loop {
        match desk.keep_word().await {
            Ok(0) => {}
            Ok(papers) => {
                tracing::info!(papers, "our word was given again");
                nudges.nudge(desk.partners().iter().map(|partner| &partner.agency));
            }
            Err(error) => tracing::error!(%error, "our word could not be given again"),
        }
        tokio::time::sleep(Duration::from_millis(WORD_MS)).await;
    }
}

/// Signs the head of the audit log on a fixed beat.
async fn keep_head(desk: Arc<Desk>, interval_ms: u64) {
    loop {
        tokio::time::sleep(Duration::from_millis(interval_ms)).await;
        let desk = Arc::clone(&desk);
        // Signing a head writes a file.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || desk.sign_head()).await {
            tracing::error!(%error, "the audit head could not be signed");
        }
    }
}
