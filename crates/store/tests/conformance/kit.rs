//! What the tests are made of: records, batches, clocks, and stores to run a case on.

use domain::digest::{Commitment, Fingerprint, Salt};
use domain::envelope::Signed;
use domain::event::{Act, Event};
use domain::indicator::{AccountBody, Body, Kind, NormalisationVersion};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet, Labels};
use domain::name::{AgencyId, AgreementId, ClusterId, Digest, RecordId};
use domain::record::{Benefit, Record, SCHEMA, Statement, Version};
use domain::signature::SecretKey;
use domain::time::{Clock, Timestamp};
use domain::token::{Token, TokenEpoch};
use domain::value::{
    ActionIntent, Age, Basis, Depicts, Offence, Onward, Pap, Platform, Purpose, Role, Subject, Tlp,
};
use domain::withdrawal::Tombstone;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::disk::Disk;
use store::{
    Change, Config, EmbeddedStore, LocalPart, MemoryStore, OpenReport, RecordPut, Result, Secrecy,
    Store, Table,
};
use zeroize::Zeroizing;

pub(crate) const KEK: [u8; 32] = [42; 32];
pub(crate) const EPOCH: TokenEpoch = TokenEpoch(1);

pub(crate) fn own() -> AgencyId {
    "be-fedpol".parse().unwrap()
}

pub(crate) fn peer() -> AgencyId {
    "es-pn".parse().unwrap()
}

pub(crate) fn agreement() -> AgreementId {
    "malines-2026".parse().unwrap()
}

/// Moves a second at every look.
pub(crate) struct Ticks(AtomicU64);

impl Ticks {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_795_000_000_000)))
    }
}

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1000, Ordering::SeqCst))
    }
}

/// A generator for tests: BLAKE3 of a counter, with another start for every store.
pub(crate) struct Counter(u64);

impl Counter {
    pub(crate) fn boxed() -> Box<dyn rand_core::CryptoRng + Send> {
        static STARTS: AtomicU64 = AtomicU64::new(1);
        let process = u64::from(std::process::id());
        Box::new(Self((STARTS.fetch_add(1, Ordering::SeqCst) << 40) + (process << 52)))
    }
}

impl Counter {
    /// The same bytes in every run.
    pub(crate) fn from_seed(seed: u64) -> Box<dyn rand_core::CryptoRng + Send> {
        Box::new(Self(seed << 32))
    }
}

impl rand_core::TryRng for Counter {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> core::result::Result<u32, Self::Error> {
        self.try_next_u64().map(|word| word as u32)
    }
    fn try_next_u64(&mut self) -> core::result::Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> core::result::Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            self.0 = self.0.wrapping_add(1);
            let bytes = domain::digest::hash(&[b"test", &self.0.to_be_bytes()]);
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counter {}

pub(crate) fn memory() -> MemoryStore {
    MemoryStore::new(own(), Ticks::new(), Counter::boxed()).unwrap()
}

pub(crate) fn config(folder: &Path) -> Config {
    let kek = Zeroizing::new(KEK);
    let mut config = Config::new(folder.to_owned(), own(), kek, Ticks::new(), Counter::boxed());
    config.cache_bytes = 1 << 20;
    config
}

pub(crate) fn embedded(folder: &Path) -> Result<(EmbeddedStore, OpenReport)> {
    open(|| config(folder))
}

/// A process that another test starts holds, for a moment, every lock that this process had.
fn open(config: impl Fn() -> Config) -> Result<(EmbeddedStore, OpenReport)> {
    for _ in 0..50 {
        match EmbeddedStore::open(config()) {
            Err(store::Error::InUse) => std::thread::sleep(std::time::Duration::from_millis(10)),
            opened => return opened,
        }
    }
    EmbeddedStore::open(config())
}

pub(crate) fn embedded_on(
    folder: &Path,
    disk: Arc<dyn Disk>,
) -> Result<(EmbeddedStore, OpenReport)> {
    open(|| {
        let mut config = config(folder);
        config.disk = Some(Arc::clone(&disk));
        config.segment_bytes = 8 * 1024;
        config
    })
}

/// Runs a case on every store.
pub(crate) fn on_every_store(case: impl Fn(&dyn Store)) {
    case(&memory());
    let folder = tempfile::tempdir().unwrap();
    case(&embedded(folder.path()).unwrap().0);
}

pub(crate) fn id(n: u64) -> RecordId {
    let mut bytes = [0xab; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    RecordId::from_bytes(bytes)
}

pub(crate) fn x(seed: u64) -> Fingerprint {
    let mut bytes = [0xc4; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    Fingerprint::from_bytes(bytes)
}

pub(crate) fn token(seed: u64) -> Token {
    let mut bytes = [0x70; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    Token::from_bytes(bytes)
}

pub(crate) fn version(n: u32) -> Version {
    Version { epoch: 1, n }
}

/// What a test chooses of a record.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) origin: AgencyId,
    pub(crate) id: u64,
    pub(crate) n: u32,
    pub(crate) x: u64,
    /// 0 or 1: two classes.
    pub(crate) class: u8,
    /// If it is not 0, one of thousands of other classes.
    pub(crate) variant: u32,
}

impl Draft {
    pub(crate) fn own(id: u64, n: u32, x: u64) -> Self {
        Self { origin: own(), id, n, x, class: 0, variant: 0 }
    }

    pub(crate) fn foreign(id: u64, n: u32, x: u64) -> Self {
        Self { origin: peer(), id, n, x, class: 0, variant: 0 }
    }

    pub(crate) fn record(&self) -> Record {
        let made_at = Timestamp::from_date(2026, 11, 1).unwrap();
        let salt = Salt::from_bytes([9; 32]);
        let offence =
            if self.class == 0 { Offence::DocumentFraud } else { Offence::MoneyLaundering };
        let previous = (self.n > 1).then(|| Digest::from_bytes([1; 32]));
        let audience = if self.origin == own() { peer() } else { own() };
        let statement = Statement {
            schema: SCHEMA,
            record_id: id(self.id),
            version: version(self.n),
            previous,
            origin: self.origin.clone(),
            agreement: agreement(),
            kind: Kind::InviteCode,
            body: Body::Account(AccountBody {
                platform: Some(Platform::Telegram),
                role: Role::Advertiser,
                handle_from: None,
                handle_until: None,
                cluster: ClusterId::from_bytes([2; 16]),
            }),
            commitment: Commitment::new(&salt, &x(self.x)),
            purposes: [Purpose::Investigation].into(),
            offences: if self.variant == 0 { [offence].into() } else { self.offences() },
            labels: Labels {
                tlp: Tlp::Amber,
                pap: Pap::Amber,
                handling: HandlingSet::EMPTY,
                evaluation: Evaluation::new(EvaluationScheme::Europol4x4, 'B', 2).unwrap(),
                basis: Basis::Assessment,
            },
            subject: Subject::SuspectFacilitator,
            age: Age::Adult,
            depicts: Depicts::Nobody,
            benefit: Some(Benefit { ground: "asks 3000 euro a seat".into() }),
            audience: [audience].into(),
            onward: Onward::Never,
            observed_first: made_at.minus_ms(1000),
            observed_last: made_at,
            made_at,
            valid_until: made_at.plus_days(180),
            review_at: made_at.plus_days(90),
            normalisation: NormalisationVersion::CURRENT,
            exercise: false,
            critical: vec![],
            presumed_adult_reasoned: false,
            matching: None,
        };
        Record::new(statement).unwrap()
    }

    /// Another set for every variant below 8192.
    fn offences(&self) -> std::collections::BTreeSet<Offence> {
        let plain = Offence::ALL.iter().filter(|offence| !offence.is_speech());
        let chosen = plain.enumerate().filter(|(bit, _)| self.variant >> bit & 1 == 1);
        chosen.map(|(_, offence)| *offence).collect()
    }

    pub(crate) fn put(&self) -> RecordPut {
        let key = SecretKey::from_seed(&[8; 32]);
        let (record, envelope) = Signed::seal(self.record(), &key).into_parts();
        let is_own = self.origin == own();
        RecordPut {
            envelope,
            record,
            local: is_own.then(|| local(self.x)),
            token: (!is_own).then(|| (EPOCH, token(self.x))),
        }
    }

    pub(crate) fn change(&self) -> Change {
        Change::PutRecord(Box::new(self.put()))
    }
}

pub(crate) fn local(seed: u64) -> LocalPart {
    LocalPart {
        x: x(seed),
        salt: Salt::from_bytes([9; 32]),
        action_intent: ActionIntent::Observe,
        case: None,
        case_reference: Some("BR20.77.1234/26".to_owned()),
        officer: Some("BE-1042".parse().unwrap()),
        presumed_adult_reason: None,
        received_at: Timestamp::from_millis(1_795_000_000_000),
    }
}

pub(crate) fn withdraw(origin: AgencyId, n: u64) -> Change {
    let key = SecretKey::from_seed(&[8; 32]);
    let tombstone = Signed::seal(Tombstone { record_id: id(n), origin }, &key);
    Change::Withdraw { tombstone: Box::new(tombstone) }
}

pub(crate) fn erase(numbers: &[u64]) -> Change {
    Change::Erase { record_ids: numbers.iter().copied().map(id).collect() }
}

fn hold_key(n: u64, hold: u8) -> Vec<u8> {
    [&id(n).as_bytes()[..], &[hold; 16]].concat()
}

pub(crate) fn hold(n: u64, hold: u8) -> Change {
    put_row(Table::Hold, &hold_key(n, hold), b"for a proceeding", Secrecy::Sealed)
}

pub(crate) fn lift(n: u64, hold: u8) -> Change {
    Change::Delete { table: Table::Hold, key: hold_key(n, hold) }
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub(crate) fn put_row(table: Table, key: &[u8], value: &[u8], secrecy: Secrecy) -> Change {
    Change::Put { table, key: key.to_vec(), value: value.to_vec(), secrecy }
}

pub(crate) fn cursor(key: &[u8], value: &[u8]) -> Change {
    put_row(Table::Cursor, key, value, Secrecy::Plain)
}

pub(crate) fn event(count: u32) -> Event {
    let mut event = Event::new(Timestamp::from_millis(1_795_000_000_000), Act::Submitted);
    event.shared.count = count;
    event.local.officer = Some("BE-1042".parse().unwrap());
    event
}
