//! One agency of the federation: its folder, its keys, its running node, and its officer.

use crate::cast::{AGREEMENT, Agency, CLAUSE};
use crate::draft::now;
use crate::port;
use agreement::Paper;
use agreement::officer::{OfficerCertificate, Power};
use audit::head::Head;
use audit::note::VerifyingKeys;
use audit::verifier::verify_export_with;
use desk::{Desk, NodeKeys};
use domain::digest::Fingerprint;
use domain::envelope::{Envelope, Signed};
use domain::event::{Act, Event};
use domain::indicator::Kind;
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, RecordId};
use domain::question::PartnerAnswer;
use domain::refusal::Refusal;
use domain::report::{CaseOpening, Mode, Query, QueryReport};
use domain::signature::SecretKey;
use domain::submission::{Case, Submission, SubmissionReceipt};
use domain::time::Timestamp;
use domain::value::{Offence, Purpose, Urgency};
use node::config::{Config, file};
use node::error::NodeError;
use node::init::{Founding, init};
use node::key_file::{KeyKind, system_entropy};
use node::officer::{Enrolment, OfficerRole, ProfileUse};
use node::run::{self, Running};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Store, Withdrawn};
use sync::message::LogKind;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use wire::client::OfficerClient;
use wire::connect::{DialFailure, DialLimits, Dialler, Target};
use wire::tls::Port;
use wire::tls::credentials::{Credentials, authority_from_pem};
use wire::tls::registry::{CertificatePin, PeerEntry, PeerRegistry, Snapshot, Standing};

/// How often nodes pull without a nudge, in milliseconds.
const PULL_INTERVAL_MS: u64 = 250;
/// How long a killed node's threads may take to let go of its folder.
const LET_GO_MAX: Duration = Duration::from_secs(10);

/// One agency.
pub struct Member {
    /// Which.
    pub agency: Agency,
    /// Its id.
    pub id: AgencyId,
    /// What its node is started with.
    pub config: Config,
    /// What its root key says of its node.
    pub manifest: Manifest,
    /// The same, signed.
    pub manifest_envelope: Envelope,
    home: PathBuf,
    node: Option<Node>,
}

/// A running node. It has threads of its own, so that it can be killed whatever it is doing.
struct Node {
    running: Running,
    runtime: Runtime,
}

impl Member {
    /// Makes the agency's folder, with its example policy and one officer.
    pub(crate) fn found(agency: Agency, home: &Path) -> Self {
        let (partners, officers) = (port::free(), port::free());
        let founding = Founding {
            agency: agency.id(),
            country: agency.country().parse().unwrap(),
            kind: "POLICE".parse().unwrap(),
            folder: home.to_owned(),
            name: "node-1".to_owned(),
            partner_addresses: vec![format!("127.0.0.1:{partners}")],
            partner_listen: ([127, 0, 0, 1], partners).into(),
            officer_listen: ([127, 0, 0, 1], officers).into(),
        };
        let founded = init(&founding, &system_entropy(), now()).unwrap();
        let mut config = Config::load(&founded.settings_file).unwrap();
        config.pull_interval_ms = PULL_INTERVAL_MS;
        let member = Self {
            agency,
            id: agency.id(),
            config,
            manifest: founded.manifest,
            manifest_envelope: founded.manifest_envelope,
            home: home.to_owned(),
            node: None,
        };
        member.set_policy(agency.policy());
        member.enrol(agency.officer());
        member
    }

    /// Everything it has.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Writes its local policy; a running node reads it with [`Member::reload`].
    pub fn set_policy(&self, text: &str) {
        fs::write(&self.config.local_policy, text).unwrap();
    }

    /// Enrols a magistrate, who may make every call, and says where the profile is.
    pub fn enrol(&self, pseudonym: &str) -> PathBuf {
        self.enrol_as(pseudonym, OfficerRole::Magistrate)
    }

    /// Enrols an officer, and says where the profile is.
    pub fn enrol_as(&self, pseudonym: &str, role: OfficerRole) -> PathBuf {
        let out = self.home.join("profiles").join(pseudonym);
        let enrolment = Enrolment {
            officer: pseudonym.parse().unwrap(),
            role,
            valid_days: 30,
            out: out.clone(),
            profile: "default".to_owned(),
            node: None,
            profile_use: ProfileUse::Demo,
        };
        fs::create_dir_all(self.home.join("profiles")).unwrap();
        node::officer::add(&self.config, &enrolment, now()).unwrap();
        out
    }

    /// The prosecutor's key.
    pub fn authority_key(&self) -> SecretKey {
        self.kept_apart("authority.key", KeyKind::Authority)
    }

    /// The root key.
    pub fn root_key(&self) -> SecretKey {
        self.kept_apart("root.key", KeyKind::Root)
    }

    /// The authority's word that the node's operator key may state heads and confirm erasures, for a
    /// year that began a month ago.
    pub fn operator_certificate(&self) -> Paper {
        let begin = now().minus_ms(30 * Timestamp::DAY_MS);
        let certificate = OfficerCertificate {
            agency: self.id.clone(),
            officer: "NODE-OPERATOR".parse().unwrap(),
            role: agreement::officer::OfficerRole::Operator,
            key: self.node_keys().operator.unwrap().public_key(),
            scope: [Power::StateHead, Power::ConfirmPurge].into(),
            valid_from: begin,
            valid_until: begin.plus_days(366),
            authority: None,
        };
        Signed::seal(certificate, &self.authority_key()).into_parts().1.into()
    }

    fn kept_apart(&self, name: &str, kind: KeyKind) -> SecretKey {
        let path = self.home.join(name);
        file::read_key(&path, kind, Some(&self.id), None).unwrap().to_signing()
    }

    /// The key of one of its certificate authorities.
    pub fn certifying_key(&self, kind: KeyKind) -> SecretKey {
        let unlock = self.config.unlock().unwrap();
        self.config.key(kind, &unlock).unwrap().to_signing()
    }

    /// The keys that speak for its node.
    pub fn node_keys(&self) -> NodeKeys {
        self.config.node_keys().unwrap()
    }

    /// The certificate and key of its node.
    pub fn credentials(&self) -> Arc<Credentials> {
        let (chain, key) = self.config.tls_files().unwrap();
        Credentials::from_pem(&chain, &key, now()).unwrap()
    }

    /// How others know it.
    pub fn peer_entry(&self) -> PeerEntry {
        let pins = self.manifest.node_authorities.iter();
        PeerEntry {
            authorities: pins.map(|pin| CertificatePin::from_bytes(*pin.as_bytes())).collect(),
            standing: Standing::Active,
        }
    }

    /// Starts the node and returns when it serves.
    ///
    /// # Panics
    /// If it runs already, or does not start.
    pub async fn start(&mut self) {
        assert!(self.node.is_none(), "{} runs already", self.id);
        let begun = Instant::now();
        loop {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(2).enable_all().build().unwrap();
            let started = runtime.spawn(run::start(self.config.clone())).await.unwrap();
            match started {
                Ok(running) => {
                    self.node = Some(Node { running, runtime });
                    return;
                }
                // A thread of the killed node still holds the folder.
                Err(NodeError::Store(store::Error::InUse)) if begun.elapsed() < LET_GO_MAX => {
                    runtime.shutdown_background();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{} does not start: {error}", self.id),
            }
        }
    }

    /// Stops the node in order.
    ///
    /// # Panics
    /// If it does not run, or its store fails at the close.
    pub async fn stop(&mut self) {
        let Node { running, runtime } = self.node.take().expect("it runs");
        runtime.spawn(running.stop()).await.unwrap().unwrap();
        runtime.shutdown_background();
    }

    /// Kills the node: every task ends where it stands, nothing is said to anybody.
    pub fn kill(&mut self) {
        if let Some(Node { running, runtime }) = self.node.take() {
            drop(running);
            let killer = std::thread::spawn(move || runtime.shutdown_timeout(LET_GO_MAX));
            killer.join().unwrap();
        }
    }

    /// Has the running node read its policy and agreements again.
    pub async fn reload(&self) {
        self.try_reload().await.unwrap();
    }

    /// The same, when it may fail.
    ///
    /// # Errors
    /// The first thing that could not be read.
    pub async fn try_reload(&self) -> Result<(), NodeError> {
        self.node.as_ref().expect("it runs").running.reload().await
    }

    /// The desk of the running node. Do not keep it: a node that is killed has to let go of its store.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.node.as_ref().expect("it runs").running.desk
    }

    pub(crate) fn running_desk(&self) -> Option<&Arc<Desk>> {
        self.node.as_ref().map(|node| &node.running.desk)
    }

    /// The store of the running node.
    pub fn store(&self) -> &dyn Store {
        &**self.desk().store()
    }

    /// Where partners reach the node.
    pub fn partner_address(&self) -> String {
        self.config.partner_listen.to_string()
    }

    /// Dials a port of the own node with the profile of an officer.
    ///
    /// # Errors
    /// [`DialFailure`].
    pub async fn dial_as(&self, profile: &Path, port: Port) -> Result<Channel, DialFailure> {
        let certificate = fs::read_dir(profile).unwrap().map(|entry| entry.unwrap().path());
        let certificate = certificate
            .filter(|path| path.extension().is_some_and(|ending| ending == "pem"))
            .find(|path| !path.ends_with("node-authority.pem"))
            .unwrap();
        let chain = fs::read(&certificate).unwrap();
        let key = fs::read(certificate.with_extension("key")).unwrap();
        let credentials = Credentials::from_pem(&chain, &key, now()).unwrap();
        self.dial_with(credentials, port).await
    }

    /// Dials a port of the node with any credentials.
    ///
    /// # Errors
    /// [`DialFailure`].
    pub async fn dial_with(
        &self,
        credentials: Arc<Credentials>,
        port: Port,
    ) -> Result<Channel, DialFailure> {
        let authority = fs::read(self.home.join("tls").join("node-authority.pem")).unwrap();
        let authorities = vec![authority_from_pem(&authority, now()).unwrap()];
        let entry = PeerEntry { authorities, standing: Standing::Active };
        let own = credentials.caller().agency().clone();
        let registry = Snapshot::new(own).with_peer(self.id.clone(), entry).unwrap();
        let registry = PeerRegistry::new(registry);
        let dialler = Dialler::new(port, credentials, registry, DialLimits::default());
        let address = match port {
            Port::Partner => self.config.partner_listen,
            Port::Officer => self.config.officer_listen,
        };
        let target = Target { address: address.to_string(), agency: self.id.clone() };
        dialler.dial(target).await
    }

    /// A connection of its officer to its node.
    pub async fn officer_channel(&self) -> Channel {
        let profile = self.home.join("profiles").join(self.agency.officer());
        self.dial_as(&profile, Port::Officer).await.unwrap()
    }

    /// Its officer, connected.
    pub async fn officer(&self) -> OfficerClient {
        OfficerClient::new(self.officer_channel().await)
    }

    /// Its officer submits one thing.
    ///
    /// # Errors
    /// The refusal.
    pub async fn submit(&self, submission: Submission) -> Result<SubmissionReceipt, Refusal> {
        let results = self.officer().await.submit(vec![submission], Mode::Real).await.unwrap();
        results.into_iter().next().unwrap()
    }

    /// Its officer submits things that no rule refuses, in as many requests as it takes.
    pub async fn submit_all(&self, submissions: Vec<Submission>) -> Vec<RecordId> {
        let officer = self.officer().await;
        let mut ids = Vec::with_capacity(submissions.len());
        for some in submissions.chunks(256) {
            let results = officer.submit(some.to_vec(), Mode::Real).await.unwrap();
            ids.extend(results.into_iter().map(|result| result.unwrap().record_id));
        }
        ids
    }

    /// Its officer opens a case for an investigation into smuggling.
    pub async fn open_case(&self, reference: &str) -> Case {
        self.open_case_for(reference, Purpose::Investigation).await
    }

    /// Its officer opens a case for a purpose.
    pub async fn open_case_for(&self, reference: &str, purpose: Purpose) -> Case {
        let opening = CaseOpening {
            agreement: AGREEMENT.parse().unwrap(),
            clause: CLAUSE.parse().unwrap(),
            purpose,
            offence: Offence::MigrantSmuggling,
            reference: reference.to_owned(),
            open_days: 30,
        };
        self.officer().await.open_case(opening).await.unwrap()
    }

    /// Its officer asks partners about things of one kind.
    pub async fn query(
        &self,
        case: &Case,
        kind: Kind,
        fingerprints: Vec<Fingerprint>,
        ask: &[Agency],
    ) -> QueryReport {
        let query = Query {
            case: case.case_id,
            kind,
            fingerprints,
            ask: ask.iter().map(|agency| agency.id()).collect(),
            urgency: Urgency::Normal,
            exercise: false,
        };
        self.officer().await.query(query, Mode::Real).await.unwrap()
    }

    /// Its officer asks one partner about one thing.
    pub async fn ask(
        &self,
        case: &Case,
        kind: Kind,
        canonical: &str,
        partner: Agency,
    ) -> PartnerAnswer {
        let x = crate::draft::fingerprint(kind, canonical);
        let report = self.query(case, kind, vec![x], &[partner]).await;
        let [row] = report.answers.as_slice() else {
            panic!("one row for one partner");
        };
        assert_eq!(row.agency, partner.id());
        row.answer.clone().unwrap()
    }

    /// How many live records of another agency it holds under the agreement.
    pub fn records_from(&self, origin: Agency) -> u64 {
        let classes = self.store().classes(&origin.id(), &agreement());
        classes.iter().map(|class| class.records).sum()
    }

    /// Does it hold that record, alive?
    pub fn holds(&self, record_id: &RecordId) -> bool {
        let row = self.store().hit_row(record_id);
        row.is_some_and(|row| row.is_live(now()))
    }

    /// Has it the tombstone of that record, and not the record?
    pub fn knows_withdrawn(&self, record_id: &RecordId) -> bool {
        let row = self.store().hit_row(record_id);
        row.is_some_and(|row| row.withdrawn == Withdrawn::Yes)
            && self.store().tombstone(record_id).unwrap().is_some()
    }

    /// The ids of its own records that its class logs name as added and that are alive.
    pub fn own_records(&self) -> BTreeSet<RecordId> {
        let mut ids = BTreeSet::new();
        for class in self.store().classes(&self.id, &agreement()) {
            let mut from = 0;
            while from < class.end {
                let rows = self.store().class_log(class.number, from, 4096);
                from = rows.last().unwrap().position + 1;
                let added = rows.iter().filter(|row| row.kind == LogKind::Add);
                ids.extend(added.map(|row| row.record_id).filter(|id| self.holds(id)));
            }
        }
        ids
    }

    /// The public half of the key of its audit log.
    pub fn log_keys(&self) -> VerifyingKeys {
        VerifyingKeys::new([Head::key(&self.id, self.manifest.log_key).unwrap()]).unwrap()
    }

    /// The whole log of the running node, as a file.
    pub fn export(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.desk().sign_head().unwrap();
        self.desk().write_export(&mut bytes).unwrap();
        bytes
    }

    /// Every event of the running node's log, from the first, read out of a verified export.
    pub fn events(&self) -> Vec<Event> {
        events_in(&self.export(), &self.log_keys())
    }

    /// The events of one act.
    pub fn events_of(&self, act: Act) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|event| event.shared.act == act);
        events
    }

    /// How often it did that.
    pub fn count_of(&self, act: Act) -> usize {
        self.events_of(act).len()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Every event of an export, after it was verified.
pub fn events_in(export: &[u8], keys: &VerifyingKeys) -> Vec<Event> {
    let mut events = Vec::new();
    let read = |seen: audit::verifier::Seen<'_>| {
        let header: ItemHeader = minicbor::decode(&seen.item.header).unwrap();
        if header.kind != ITEM_EVENT {
            return;
        }
        let entry = &seen.item.entry.opening().unwrap().bytes;
        let local = seen.item.local.as_ref().unwrap();
        let local = &local.opening().unwrap().bytes;
        events.push(Event::from_parts(entry, local).unwrap());
    };
    verify_export_with(export, keys, &[], read).unwrap();
    events
}

/// What the journal says of an item for ever; the rest of it is not needed here.
#[derive(minicbor::Decode)]
#[cbor(map)]
struct ItemHeader {
    #[n(0)]
    kind: u32,
}

/// The kind of an item that is an event.
const ITEM_EVENT: u32 = 6;

fn agreement() -> AgreementId {
    AGREEMENT.parse().unwrap()
}
