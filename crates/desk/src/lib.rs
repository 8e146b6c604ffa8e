//! The national desk: every procedure of one agency's node, as load, decide, commit, emit.
//!
//! Owns: submitting and withdrawing records, granting and serving partners' views, pulling ours,
//! asking and answering live questions, token keys, agreements on file, cases, the audit head.
//!
//! **Invariant:** it knows no socket and no file. Nothing leaves it for a partner that was not
//! [`policy::Released`], and nothing is answered before its audit entry is durable, written in the
//! same batch as what it records.
//!
//! Path: [`Desk::open`] loads what the node remembers; [`agreements`] puts what was signed in front
//! of the gate; [`submit`] and [`share`] are path A, [`query`] and [`answer`] path B of
//! ARCHITECTURE.md; [`replicate`] is the receiving half of path A.

pub mod agreements;
pub mod answer;
pub mod case;
pub mod entropy;
pub mod error;
pub mod keys;
pub mod log;
pub mod query;
pub mod replicate;
pub mod seal;
pub mod share;
pub mod status;
pub mod submit;
pub mod withdraw;

use agreements::Registry;
use domain::digest;
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId};
use domain::signature::Signer;
use domain::time::{Clock, Timestamp};
use entropy::Entropy;
use error::DeskError;
use keys::TokenKeys;
use policy::Gate;
use seal::SealSecret;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use store::{Batch, Change, Secrecy, Store, Table};
use sync::message::{Epoch, Incarnation};
use sync::origin::Grants;
use zeroize::Zeroizing;

/// The keys that speak for a node.
pub struct NodeKeys {
    /// Signs records, tombstones, sheets, token keys and matches.
    pub record: Box<dyn Signer>,
    /// Signs audit heads.
    pub log: Box<dyn Signer>,
    /// Opens what was sealed to this node.
    pub seal: SealSecret,
}

/// What a desk is made of. Clock, randomness, store and policy come from outside.
pub struct Parts {
    /// The agency.
    pub own: AgencyId,
    /// The keys.
    pub keys: NodeKeys,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The policy gate.
    pub gate: Arc<Gate>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Entropy,
    /// What partners may ask of us.
    pub quota: answer::Quota,
}

/// One agency's desk.
pub struct Desk {
    own: AgencyId,
    keys: NodeKeys,
    store: Arc<dyn Store>,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    incarnation: Incarnation,
    epoch: RwLock<Epoch>,
    /// Derives what must be repeatable and unguessable: record ids, salts of case commitments.
    secret: Zeroizing<[u8; 32]>,
    registry: RwLock<Registry>,
    token_keys: RwLock<TokenKeys>,
    quota: answer::QuotaBook,
    /// The grants of each partner, at least as new as the store's.
    grants: Mutex<BTreeMap<Vec<u8>, Grants>>,
}

impl Desk {
    /// Loads what the node remembers; on the first start draws the epoch and the node secret.
    ///
    /// # Errors
    /// A store that fails or is damaged.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, DeskError> {
        let Parts { own, keys, store, gate, clock, entropy, quota } = parts;
        let now = clock.now();
        let (epoch, secret) = node_state(&*store, &entropy, now).await?;
        let incarnation = entropy.bytes();
        let quota = answer::QuotaBook::load(&*store, quota, now)?;
        let desk = Self {
            own,
            keys,
            store,
            gate,
            clock,
            entropy,
            incarnation,
            epoch: RwLock::new(epoch),
            secret,
            registry: RwLock::default(),
            token_keys: RwLock::default(),
            quota,
            grants: Mutex::default(),
        };
        desk.load_agreements()?;
        desk.load_token_keys()?;
        let started = Event::new(now, Act::NodeStarted);
        desk.store.commit(Batch::new().saying(started)).await?;
        Ok(Arc::new(desk))
    }

    /// The agency.
    pub const fn own(&self) -> &AgencyId {
        &self.own
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What a partner binds a stream to; new with every start.
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The epoch of our history.
    pub fn epoch(&self) -> Epoch {
        *self.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, for status, backup and verification.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The gate, for the node that loads policy files.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// 32 bytes that only this node can derive, the same for the same parts.
    fn derive_secret(&self, what: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        let inner = digest::derive("malines desk secret v1", parts);
        digest::keyed(&self.secret, &[what.as_bytes(), &inner])
    }
}

impl core::fmt::Debug for Desk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Desk({})", self.own)
    }
}

/// The key of a row about one partner under one agreement.
fn pair_key(peer: &AgencyId, agreement: &AgreementId) -> Vec<u8> {
    format!("{peer}/{agreement}").into_bytes()
}

const EPOCH_KEY: &[u8] = b"epoch";
const SECRET_KEY: &[u8] = b"secret";

/// Reads the epoch and the secret, or draws and keeps them.
async fn node_state(
    store: &dyn Store,
    entropy: &Entropy,
    now: Timestamp,
) -> Result<(Epoch, Zeroizing<[u8; 32]>), DeskError> {
    let epoch = store.get(Table::NodeState, EPOCH_KEY)?;
    let secret = store.get(Table::NodeState, SECRET_KEY)?;
    if let (Some(epoch), Some(secret)) = (epoch, secret) {
        let epoch = domain::encoding::from_bytes("epoch", &epoch, 64)?;
        let secret = <[u8; 32]>::try_from(secret.as_slice());
        let secret = secret.map_err(|_| DeskError::Fault("the node secret has a wrong length"))?;
        return Ok((epoch, Zeroizing::new(secret)));
    }
    let epoch = Epoch { counter: 1, random: entropy.bytes() };
    let secret = Zeroizing::new(entropy.bytes::<32>());
    let batch = Batch::new()
        .with(put(Table::NodeState, EPOCH_KEY, domain::encoding::to_bytes(&epoch), Secrecy::Plain))
        .with(put(Table::NodeState, SECRET_KEY, secret.to_vec(), Secrecy::Sealed))
        .saying(Event::new(now, Act::NodeMade));
    store.commit(batch).await?;
    Ok((epoch, secret))
}

fn put(table: Table, key: &[u8], value: Vec<u8>, secrecy: Secrecy) -> Change {
    Change::Put { table, key: key.to_vec(), value, secrecy }
}
