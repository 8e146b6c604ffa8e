//! A caller with a member's real credentials that says what it likes: the generated client, without
//! any of the manners of a node.

use crate::cast::{AGREEMENT, Agency, CLAUSE};
use crate::draft::{now, random};
use crate::world::Federation;
use desk::NodeKeys;
use desk::seal::Sealed;
use domain::digest::{Commitment, Fingerprint};
use domain::envelope::{Envelope, Signed};
use domain::indicator::Kind;
use domain::manifest::Manifest;
use domain::name::AgencyId;
use domain::question::{PADDING_STEPS, Question, QuestionTerms};
use domain::refusal::RefusalCode;
use domain::token::{SealedTokenKey, Token, TokenEpoch, TokenKey};
use domain::value::{Channel as Way, Offence, Purpose, Urgency};
use tonic::Status;
use wire::client::PeerClient;
use wire::connect::DialFailure;
use wire::convert::question;
use wire::tls::Port;
use wire::v1;
use wire::v1::peer_service_client::PeerServiceClient;

/// The most messages that are taken of one pull.
const PULL_MESSAGES_MAX: usize = 10_000;

/// A member's credentials, connected to another member's node.
pub struct Envoy {
    /// The generated client.
    pub raw: PeerServiceClient<tonic::transport::Channel>,
    /// The same connection with a node's manners.
    pub client: PeerClient,
    own: AgencyId,
    keys: NodeKeys,
    host: Manifest,
}

impl Envoy {
    /// Dials a running node with another member's credentials.
    ///
    /// # Errors
    /// [`DialFailure`].
    pub async fn dial(world: &Federation, own: Agency, host: Agency) -> Result<Self, DialFailure> {
        let credentials = world[own].credentials();
        let channel = world[host].dial_with(credentials, Port::Partner).await?;
        Ok(Self {
            raw: PeerServiceClient::new(channel.clone()),
            client: PeerClient::new(channel),
            own: own.id(),
            keys: world[own].node_keys(),
            host: world[host].manifest.clone(),
        })
    }

    /// The greeting.
    pub async fn hello(&mut self) -> v1::HelloResponse {
        let hello =
            v1::HelloRequest { protocol_min: 1, protocol_max: 1, clock_ms: now().as_millis() };
        self.raw.hello(hello).await.unwrap().into_inner()
    }

    /// A request for the whole view, as a node makes it at its first pull.
    pub async fn whole_view(&mut self) -> v1::PullRequest {
        v1::PullRequest {
            agreement: AGREEMENT.to_owned(),
            incarnation: self.hello().await.incarnation,
            epoch: None,
            grant_sequence: 0,
            cursors: Vec::new(),
        }
    }

    /// Pulls to the end and keeps every message.
    ///
    /// # Errors
    /// What the node answers instead.
    pub async fn pull(&mut self, wanted: v1::PullRequest) -> Result<Vec<v1::PullResponse>, Status> {
        let mut stream = self.raw.pull(wanted).await?.into_inner();
        let mut messages = Vec::new();
        while let Some(message) = stream.message().await? {
            messages.push(message);
            assert!(messages.len() < PULL_MESSAGES_MAX, "a pull without end");
        }
        Ok(messages)
    }

    /// The newest token key that the host drew, opened.
    pub async fn token_key(&mut self) -> (TokenEpoch, TokenKey) {
        let request = v1::FetchTokenKeysRequest { agreement: AGREEMENT.to_owned() };
        let keys = self.raw.fetch_token_keys(request).await.unwrap().into_inner().keys;
        let envelope = Envelope::try_from(keys.last().unwrap().clone()).unwrap();
        let signed = Signed::<SealedTokenKey>::open(envelope, &self.host.record_key).unwrap();
        let key = signed.message();
        let agreement = AGREEMENT.parse().unwrap();
        let info = SealedTokenKey::info(&agreement, &self.host.agency, &self.own, key.epoch);
        let sealed =
            Sealed { encapsulated: key.encapsulated.clone(), ciphertext: key.sealed.clone() };
        let opened = self.keys.seal.open(&sealed, &info).unwrap();
        (key.epoch, TokenKey::from_bytes(opened.as_slice().try_into().unwrap()))
    }

    /// A lawful question about things of one kind, padded like a node does it.
    pub async fn question(&mut self, kind: Kind, fingerprints: &[Fingerprint]) -> Question {
        let (epoch, key) = self.token_key().await;
        let mut tokens: Vec<Token> = fingerprints.iter().map(|x| key.token(x)).collect();
        tokens.resize_with(PADDING_STEPS[0], || Token::from_bytes(random()));
        Question {
            terms: QuestionTerms {
                agreement: AGREEMENT.parse().unwrap(),
                clause: CLAUSE.parse().unwrap(),
                purpose: Purpose::Investigation,
                offence: Offence::MigrantSmuggling,
                kind,
                channel: Way::Analyst,
                urgency: Urgency::Normal,
                exercise: false,
            },
            owner: self.host.agency.clone(),
            epoch,
            case: Commitment::from_bytes(random()),
            asked_at: now(),
            tokens,
        }
    }

    /// Asks, and takes the answer as it came.
    ///
    /// # Errors
    /// What the node answers instead.
    pub async fn ask(&mut self, question: &Question) -> Result<v1::AskResponse, Status> {
        let request = question::to_request(question).unwrap();
        Ok(self.raw.ask(request).await?.into_inner())
    }
}

/// The code that a node refused a call with.
///
/// # Panics
/// If the answer is no refusal, or not well formed.
pub fn code_of(status: &Status) -> Option<RefusalCode> {
    let read = wire::convert::status::refusal_of_status(status).unwrap();
    read.map(|refusal| refusal.code)
}
