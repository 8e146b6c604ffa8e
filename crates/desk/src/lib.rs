//! The national desk: every procedure of one agency's node, as load, decide, commit, emit.
//!
//! Owns: submitting, correcting, withdrawing, holding and erasing records, approvals of one record for
//! one partner, permissions for use in court, disputes, violation notices, who has not answered, granting and serving partners' views, pulling ours,
//! asking and answering live questions, token keys, agreements on file, cases, the audit head.
//!
//! **Invariant:** it knows no socket and no file. Nothing leaves it for a partner that was not
//! [`policy::Released`], and nothing is answered before its audit entry is durable, written in the
//! same batch as what it records.
//!
//! Path: [`Desk::open`] loads what the node remembers; [`agreements`] puts what was signed in front
//! of the gate; [`submit`] and [`share`] are path A, [`query`] and [`answer`] path B of
//! ARCHITECTURE.md; [`replicate`] is the receiving half of path A.

pub mod acknowledge;
pub mod agreements;
pub mod answer;
pub mod approval;
mod bond;
pub mod case;
mod class_of_one;
pub mod correct;
pub mod court_use;
mod cursor;
pub mod dispute;
pub mod drain;
pub mod duty;
pub mod entropy;
pub mod erase;
pub mod error;
pub mod hold;
mod holder;
pub mod keys;
pub mod letter;
pub mod log;
pub mod objection;
pub mod permission;
pub mod policy_activation;
pub mod query;
pub mod quota;
pub mod reach;
pub mod replicate;
mod retention;
pub mod review;
pub mod seal;
pub mod share;
mod standing;
pub mod status;
pub mod submit;
pub mod upkeep;
pub mod violation;
pub mod withdraw;
pub mod word;

use agreements::Registry;
use domain::digest;
use domain::duty::AnswerTimes;
use domain::event::{Act, Event};
use domain::name::{AgencyId, AgreementId, CaseId, OfficerId};
use domain::refusal::{Refusal, RefusalCode};
use domain::signature::Signer;
use domain::time::{Clock, Timestamp};
use entropy::Entropy;
use error::DeskError;
use keys::TokenKeys;
use policy::{Evaluator, Gate};
use seal::SealSecret;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use store::{Batch, Change, Secrecy, Store, Table};
use sync::message::{Epoch, Incarnation};
use zeroize::Zeroizing;

/// The keys that speak for a node.
pub struct NodeKeys {
    /// Signs records, tombstones, sheets, token keys and matches.
    pub record: Box<dyn Signer>,
    /// Signs audit heads.
    pub log: Box<dyn Signer>,
    /// Opens what was sealed to this node.
    pub seal: SealSecret,
    /// States where our chains end and confirms what was erased, once our authority certified it;
    /// without it a person does.
    pub operator: Option<Box<dyn Signer>>,
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
    /// How much may be asked in a day.
    pub quota: quota::Quota,
    /// How long there is to answer under an agreement that does not say it.
    pub answer_times: AnswerTimes,
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
    quotas: quota::Quotas,
    answer_times: AnswerTimes,
    /// How many letters each partner handed in today.
    handed_in: Mutex<letter::HandedIn>,
    /// The grants of each partner, at least as new as the store's.
    grants: Mutex<BTreeMap<Vec<u8>, share::KeptGrants>>,
    /// The number of each case by its id.
    cases: RwLock<BTreeMap<CaseId, u32>>,
    approvals: RwLock<approval::Book>,
    drain: Arc<drain::Drain>,
    /// One installation at a time.
    installing: futures_util::lock::Mutex<()>,
    noted: Mutex<BTreeMap<(String, RefusalCode), Timestamp>>,
}

impl Desk {
    /// Loads what the node remembers; on the first start draws the epoch and the node secret.
    ///
    /// # Errors
    /// A store that fails or is damaged.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, DeskError> {
        let Parts { own, keys, store, gate, clock, entropy, quota, answer_times } = parts;
        let now = clock.now();
        let (epoch, secret) = node_state(&*store, &entropy, now).await?;
        let incarnation = entropy.bytes();
        let quotas = quota::Quotas::load(&*store, quota, now)?;
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
            quotas,
            answer_times,
            handed_in: Mutex::default(),
            grants: Mutex::default(),
            cases: RwLock::default(),
            approvals: RwLock::default(),
            drain: Arc::default(),
            installing: futures_util::lock::Mutex::new(()),
            noted: Mutex::default(),
        };
        desk.load_agreements()?;
        desk.load_token_keys()?;
        desk.load_cases()?;
        desk.load_approvals()?;
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

    /// Puts a policy in force; the log says so before it decides anything.
    ///
    /// # Errors
    /// A failing store; then the policy before stays in force.
    pub async fn activate_policy(&self, evaluator: Arc<dyn Evaluator>) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::PolicyActivated);
        event.shared.exchange = Some(evaluator.bundle_hash());
        self.store.commit(Batch::new().saying(event)).await?;
        self.gate.replace_evaluator(evaluator);
        Ok(())
    }

    /// A partner broke the protocol: an entry of its own in the log.
    ///
    /// # Errors
    /// A failing store.
    pub async fn alarm(&self, peer: &AgencyId, why: &str) -> Result<(), DeskError> {
        let mut event = Event::new(self.now(), Act::Alarm);
        event.shared.peer = Some(peer.clone());
        event.local.note = Some(why.chars().take(NOTE_CHARACTERS_MAX).collect());
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }

    /// A partner was refused something before anything was read. The same refusal is an entry once a
    /// minute, so that repeating it does not fill the disk.
    async fn refuse_peer(&self, peer: &AgencyId, code: RefusalCode) -> Result<(), DeskError> {
        if self.is_noted(peer.as_str(), code) {
            return Ok(());
        }
        let mut event = Event::new(self.now(), Act::ViewRefused);
        event.shared.peer = Some(peer.clone());
        event.local.code = Some(code);
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }

    /// An officer was refused a call, by role or by quota; the same refusal is an entry once a minute.
    ///
    /// # Errors
    /// A failing store.
    pub async fn note_call_refused(
        &self,
        officer: &OfficerId,
        refusal: &Refusal,
        call: &'static str,
    ) -> Result<(), DeskError> {
        // No agency is called so: a name holds no slash.
        if self.is_noted(&format!("officer/{officer}/{call}"), refusal.code) {
            return Ok(());
        }
        let mut event = Event::new(self.now(), Act::CallRefused);
        event.local.officer = Some(officer.clone());
        event.local.code = Some(refusal.code);
        event.local.rule.clone_from(&refusal.rule);
        event.local.note = Some(call.to_owned());
        self.store.commit(Batch::new().saying(event)).await?;
        Ok(())
    }

    /// Was this refusal of this caller an entry within the last minute? If not, it is to be now.
    fn is_noted(&self, caller: &str, code: RefusalCode) -> bool {
        let now = self.now();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|_, at| now < at.plus_ms(NOTED_MS));
        match noted.entry((caller.to_owned(), code)) {
            Entry::Occupied(_) => true,
            Entry::Vacant(place) => {
                place.insert(now);
                false
            }
        }
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

/// The longest note in an alarm, in characters.
const NOTE_CHARACTERS_MAX: usize = 256;
/// How long the same refusal of one partner is not written again, in milliseconds.
const NOTED_MS: u64 = 60_000;
const EPOCH_KEY: &[u8] = b"epoch";
const SECRET_KEY: &[u8] = b"secret";

/// Reads the epoch and the secret, or draws and keeps them.
async fn node_state(
    store: &dyn Store,
    entropy: &Entropy,
    now: Timestamp,
) -> Result<(Epoch, Zeroizing<[u8; 32]>), DeskError> {
    let epoch = store.get(Table::NodeState, EPOCH_KEY)?;
    let secret = store.get(Table::NodeState, SECRET_KEY)?.map(Zeroizing::new);
    match (epoch, secret) {
        (Some(epoch), Some(secret)) => {
            let epoch = domain::encoding::from_bytes("epoch", &epoch, 64)?;
            let secret = <[u8; 32]>::try_from(secret.as_slice());
            let secret = secret.map_err(|_| DeskError::Fault("the node secret is damaged"))?;
            return Ok((epoch, Zeroizing::new(secret)));
        }
        (None, None) => {}
        // Drawing the missing half anew would fork the history.
        _ => return Err(DeskError::Fault("half of the node's own state is missing")),
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
