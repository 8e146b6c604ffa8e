//! A node with a member's real keys that answers what it likes: silence, garbage, lies.

use crate::cast::{AGREEMENT, Agency};
use crate::draft::{now, random};
use crate::world::Federation;
use agreement::Paper;
use desk::NodeKeys;
use desk::seal::seal;
use domain::acknowledgement::{Acknowledgement, Applied};
use domain::digest::derive;
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::manifest::Manifest;
use domain::name::{AgencyId, AgreementId, ClassHandle, Digest};
use domain::record::Statement;
use domain::signature::Signer;
use domain::time::Timestamp;
use domain::token::{SealedTokenKey, SheetRow, TokenEpoch, TokenKey, TokenSheet};
use domain::violation::ViolationNotice;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use node::key_file::system_entropy;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use sync::message::{Entry, Epoch, Incarnation};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::{Request, Response, Status};
use wire::accept::{self, AcceptLimits, calling_peer};
use wire::convert::docket;
use wire::limits;
use wire::tls::Port;
use wire::v1;
use wire::v1::ask_response::Answer;
use wire::v1::peer_service_server::{PeerService, PeerServiceServer};

/// The most pulls of a script that wait to be played.
const SCRIPT_PULLS_MAX: usize = 64;

/// What it says to a live question.
#[derive(Debug, Clone, PartialEq)]
pub enum Manner {
    /// It never answers.
    Silent,
    /// This, whatever was asked.
    Says(v1::AskResponse),
}

/// A class of records as the imposter shows it.
#[derive(Debug, Clone)]
pub struct Piece {
    /// What the receiver knows the class by.
    pub handle: ClassHandle,
    /// The first position covered.
    pub from: u64,
    /// The position after the last covered.
    pub to: u64,
    /// What changed.
    pub entries: Vec<Entry>,
    /// The tokens.
    pub sheet: Option<Envelope>,
}

/// One message of a pull, as the imposter sends it.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The sequence of the grants.
    pub grant_sequence: u64,
    /// The whole grant set.
    pub grants: Option<Vec<ClassHandle>>,
    /// A piece of a class log.
    pub piece: Option<Piece>,
    /// Which process it is said to be of.
    pub process: Process,
}

/// Which process a message is said to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Process {
    /// The one that sends it.
    #[default]
    Sender,
    /// Some other one.
    Another,
}

/// A running imposter.
pub struct Imposter {
    play: Arc<Play>,
    server: JoinHandle<()>,
}

struct Play {
    own: AgencyId,
    victim: AgencyId,
    keys: NodeKeys,
    partners: Vec<Manifest>,
    token_key: TokenKey,
    incarnation: Incarnation,
    epoch: Epoch,
    script: Mutex<VecDeque<Vec<Message>>>,
    manner: Mutex<Manner>,
    pulls: Mutex<u64>,
    papers: Mutex<BTreeMap<AgreementId, Vec<Paper>>>,
    notices: Mutex<Vec<ViolationNotice>>,
    acknowledged: Mutex<Vec<Applied>>,
}

impl Imposter {
    /// Takes the place of a member whose node does not run. What it is told to show is for one
    /// victim alone; anybody else gets nothing new.
    pub async fn instead_of(world: &Federation, agency: Agency, victim: Agency) -> Self {
        let member = &world[agency];
        let play = Arc::new(Play {
            own: member.id.clone(),
            victim: victim.id(),
            keys: member.node_keys(),
            partners: agency.others().map(|other| world[other].manifest.clone()).collect(),
            token_key: TokenKey::from_bytes(random()),
            incarnation: random(),
            epoch: Epoch { counter: 1, random: random() },
            script: Mutex::default(),
            manner: Mutex::new(Manner::Silent),
            pulls: Mutex::default(),
            papers: Mutex::default(),
            notices: Mutex::default(),
            acknowledged: Mutex::default(),
        });
        let listener = TcpListener::bind(member.config.partner_listen).await.unwrap();
        let (credentials, registry) = (member.credentials(), world.registry_of(agency));
        let limits = AcceptLimits::default();
        let incoming = accept::open(listener, Port::Partner, &credentials, &registry, limits);
        let service = PeerServiceServer::new(Door(Arc::clone(&play)));
        let router = limits::server().add_service(service);
        let incoming = incoming.unwrap();
        let server = tokio::spawn(async move {
            let _ = accept::serve(router, incoming, std::future::pending()).await;
        });
        Self { play, server }
    }

    /// The key it signs records with: the member's own.
    pub fn signer(&self) -> &dyn Signer {
        &*self.play.keys.record
    }

    /// What it says to live questions from now on.
    pub fn answers(&self, manner: Manner) {
        *lock(&self.play.manner) = manner;
    }

    /// What the victim's next pull gets; the one after gets nothing new.
    pub fn shows(&self, messages: Vec<Message>) {
        let mut script = lock(&self.play.script);
        assert!(script.len() < SCRIPT_PULLS_MAX, "the script is too long");
        script.push_back(messages);
    }

    /// What it tells everybody of an agreement from now on, true or not.
    pub fn tells(&self, agreement: &str, papers: Vec<Paper>) {
        lock(&self.play.papers).insert(agreement.parse().unwrap(), papers);
    }

    /// How many pulls of the victim it has answered.
    pub fn pulls(&self) -> u64 {
        *lock(&self.play.pulls)
    }

    /// What the victim says that it had to refuse, as it was signed with the victim's own key.
    pub fn notices(&self) -> Vec<ViolationNotice> {
        lock(&self.play.notices).clone()
    }

    /// What the victim says that it did on our word.
    pub fn acknowledged(&self) -> Vec<Applied> {
        lock(&self.play.acknowledged).clone()
    }

    /// Has every pull of the script been played?
    pub fn is_played(&self) -> bool {
        lock(&self.play.script).is_empty()
    }

    /// A token sheet for a receiver about these records.
    pub fn sheet(&self, receiver: &AgencyId, records: &[&Statement]) -> Envelope {
        self.sheet_signed(receiver, records, self.signer())
    }

    /// The same, signed by anybody.
    pub fn sheet_signed(
        &self,
        receiver: &AgencyId,
        records: &[&Statement],
        signer: &dyn Signer,
    ) -> Envelope {
        let row = |record: &&Statement| SheetRow {
            record_id: record.record_id,
            version: record.version,
            token: domain::token::Token::from_bytes(random()),
        };
        let sheet = TokenSheet {
            agreement: AGREEMENT.parse().unwrap(),
            owner: self.play.own.clone(),
            recipient: receiver.clone(),
            epoch: TokenEpoch(1),
            rows: records.iter().map(row).collect(),
        };
        Signed::seal(sheet, signer).into_parts().1
    }
}

impl Drop for Imposter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An answer to a question, without any of the padding and care of a node.
pub fn answer(answer: Answer) -> v1::AskResponse {
    v1::AskResponse { answer: Some(answer), padding: Vec::new() }
}

/// "Match", with whatever stands in the envelope.
pub fn matched(as_of: Timestamp, matches: Option<Envelope>) -> v1::AskResponse {
    answer(Answer::Matched(v1::Matched {
        as_of_ms: as_of.as_millis(),
        matches: matches.map(Into::into),
    }))
}

struct Door(Arc<Play>);

impl Play {
    fn encode(&self, message: Message, is_last: bool) -> v1::PullResponse {
        let handle = |handle: &ClassHandle| handle.as_bytes().to_vec();
        let incarnation = match message.process {
            Process::Another => random::<16>().to_vec(),
            Process::Sender => self.incarnation.to_vec(),
        };
        v1::PullResponse {
            incarnation,
            epoch: Some(self.epoch.into()),
            grant_sequence: message.grant_sequence,
            grants: message
                .grants
                .map(|grants| v1::GrantSet { class_handles: grants.iter().map(handle).collect() }),
            section: message.piece.map(|piece| v1::Section {
                class_handle: handle(&piece.handle),
                from: piece.from,
                to: piece.to,
                entries: piece.entries.into_iter().map(encode_entry).collect(),
                sheet: piece.sheet.map(Into::into),
            }),
            up_to_date: is_last,
        }
    }

    fn sealed_key(&self, recipient: &AgencyId) -> Envelope {
        let manifest = self.partners.iter().find(|partner| partner.agency == *recipient).unwrap();
        let (agreement, epoch) = (AGREEMENT.parse().unwrap(), TokenEpoch(1));
        let info = SealedTokenKey::info(&agreement, &self.own, recipient, epoch);
        let entropy = system_entropy();
        let sealed = seal(&manifest.seal_key, &info, self.token_key.expose(), &entropy).unwrap();
        let key = SealedTokenKey {
            agreement,
            owner: self.own.clone(),
            recipient: recipient.clone(),
            epoch,
            live_from: now().minus_ms(Timestamp::DAY_MS),
            live_until: now().plus_days(30),
            encapsulated: sealed.encapsulated,
            sealed: sealed.ciphertext,
        };
        Signed::seal(key, &*self.keys.record).into_parts().1
    }
}

fn encode_entry(entry: Entry) -> v1::Entry {
    let entry = match entry {
        Entry::Add(envelope) => v1::entry::Entry::Add(envelope.into()),
        Entry::Leave(record_id) => v1::entry::Entry::Leave(record_id.as_bytes().to_vec()),
        Entry::Retract(envelope) => v1::entry::Entry::Retract(envelope.into()),
        Entry::Approved { record, approvals } => v1::entry::Entry::Approved(v1::ApprovedRecord {
            record: Some(record.into()),
            approvals: approvals.into_iter().map(Into::into).collect(),
        }),
    };
    v1::Entry { entry: Some(entry) }
}

type Items<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl PeerService for Door {
    async fn hello(
        &self,
        _: Request<v1::HelloRequest>,
    ) -> Result<Response<v1::HelloResponse>, Status> {
        Ok(Response::new(v1::HelloResponse {
            protocol: 1,
            clock_ms: now().as_millis(),
            incarnation: self.0.incarnation.to_vec(),
            epoch: Some(self.0.epoch.into()),
        }))
    }

    async fn fetch_token_keys(
        &self,
        request: Request<v1::FetchTokenKeysRequest>,
    ) -> Result<Response<v1::FetchTokenKeysResponse>, Status> {
        let caller = calling_peer(&request)?.agency.clone();
        let keys = vec![self.0.sealed_key(&caller).into()];
        Ok(Response::new(v1::FetchTokenKeysResponse { keys }))
    }

    type WatchStream = Items<v1::WatchResponse>;

    async fn watch(
        &self,
        _: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(stream::pending().boxed()))
    }

    type PullStream = Items<v1::PullResponse>;

    async fn pull(
        &self,
        request: Request<v1::PullRequest>,
    ) -> Result<Response<Self::PullStream>, Status> {
        let play = &self.0;
        let agreement = &request.get_ref().agreement;
        if agreement != AGREEMENT {
            return Err(Status::not_found("another agreement"));
        }
        let is_victim = calling_peer(&request)?.agency == play.victim;
        let scripted = if is_victim { lock(&play.script).pop_front() } else { None };
        let grant_sequence = request.get_ref().grant_sequence;
        let nothing_new = || vec![Message { grant_sequence, ..Message::default() }];
        let messages = scripted.unwrap_or_else(nothing_new);
        let last = messages.len().saturating_sub(1);
        let encoded = messages.into_iter().enumerate();
        let encoded: Vec<_> =
            encoded.map(|(at, message)| Ok(play.encode(message, at == last))).collect();
        if is_victim {
            *lock(&play.pulls) += 1;
        }
        Ok(Response::new(stream::iter(encoded).boxed()))
    }

    async fn acknowledge_changes(
        &self,
        request: Request<v1::AcknowledgeChangesRequest>,
    ) -> Result<Response<v1::AcknowledgeChangesResponse>, Status> {
        let said = wire::convert::duty::from_acknowledgement(request.into_inner()).unwrap();
        let said = Acknowledgement::from_payload(&said.payload).unwrap();
        lock(&self.0.acknowledged).extend(said.applied);
        Ok(Response::new(v1::AcknowledgeChangesResponse {}))
    }

    async fn raise_dispute(
        &self,
        _: Request<v1::RaiseDisputeRequest>,
    ) -> Result<Response<v1::RaiseDisputeResponse>, Status> {
        Ok(Response::new(v1::RaiseDisputeResponse {}))
    }

    async fn answer_dispute(
        &self,
        _: Request<v1::AnswerDisputeRequest>,
    ) -> Result<Response<v1::AnswerDisputeResponse>, Status> {
        Ok(Response::new(v1::AnswerDisputeResponse {}))
    }

    async fn report_violation(
        &self,
        request: Request<v1::ReportViolationRequest>,
    ) -> Result<Response<v1::ReportViolationResponse>, Status> {
        let caller = calling_peer(&request)?.agency.clone();
        let notice = wire::convert::court_use::from_violation(request.into_inner()).unwrap();
        let manifest = self.0.partners.iter().find(|partner| partner.agency == caller).unwrap();
        let signed = Signed::<ViolationNotice>::open(notice, &manifest.record_key).unwrap();
        lock(&self.0.notices).push(signed.message().clone());
        Ok(Response::new(v1::ReportViolationResponse {}))
    }

    async fn ask_permission(
        &self,
        _: Request<v1::AskPermissionRequest>,
    ) -> Result<Response<v1::AskPermissionResponse>, Status> {
        Ok(Response::new(v1::AskPermissionResponse::default()))
    }

    async fn acknowledge_purge(
        &self,
        _: Request<v1::AcknowledgePurgeRequest>,
    ) -> Result<Response<v1::AcknowledgePurgeResponse>, Status> {
        Ok(Response::new(v1::AcknowledgePurgeResponse {}))
    }

    async fn list_dockets(
        &self,
        _: Request<v1::ListDocketsRequest>,
    ) -> Result<Response<v1::ListDocketsResponse>, Status> {
        // A root that nobody else has, so that everybody fetches what it tells.
        let root = |papers: &[Paper]| {
            let hashes: Vec<u8> =
                papers.iter().flat_map(|paper| *paper.hash().as_bytes()).collect();
            Digest::from_bytes(derive("malines test root of an imposter", &[&hashes]))
        };
        let told = lock(&self.0.papers);
        let dockets = told.iter().map(|(agreement, papers)| (agreement.clone(), root(papers)));
        Ok(Response::new(docket::to_dockets(dockets.collect())))
    }

    type FetchPapersStream = Items<v1::FetchPapersResponse>;

    async fn fetch_papers(
        &self,
        request: Request<v1::FetchPapersRequest>,
    ) -> Result<Response<Self::FetchPapersStream>, Status> {
        // Whatever the caller holds, it is told everything.
        let (agreement, _) = docket::from_fetch(request.into_inner()).unwrap();
        let papers = lock(&self.0.papers).get(&agreement).cloned().unwrap_or_default();
        let messages: Vec<_> = docket::to_fetched(papers).map(Ok).collect();
        Ok(Response::new(stream::iter(messages).boxed()))
    }

    async fn ask(&self, _: Request<v1::AskRequest>) -> Result<Response<v1::AskResponse>, Status> {
        let manner = lock(&self.0.manner).clone();
        match manner {
            Manner::Silent => std::future::pending().await,
            Manner::Says(response) => Ok(Response::new(response)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
