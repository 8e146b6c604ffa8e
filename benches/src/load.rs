//! Asks: questions over mutual TLS with so many in flight, and pulls as a node pulls.

use crate::agreed::{self, ASKER, OWNER};
use crate::certificate;
use crate::record::Author;
use crate::server::Server;
use anyhow::{Context as _, bail};
use desk::Desk;
use desk::replicate::Replication;
use desk::seal::Sealed;
use domain::digest::{Commitment, derive};
use domain::envelope::Signed;
use domain::question::{Question, padded_count};
use domain::signature::Signer as _;
use domain::time::{Clock as _, SystemClock};
use domain::token::{SealedTokenKey, Token, TokenEpoch, TokenKey};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::transport::Channel;
use wire::client::{PeerClient, Pull};
use wire::connect::Target;
use wire::convert::hello::Hello;
use wire::convert::question::{Answer, to_request};
use wire::limits;
use wire::v1;
use wire::v1::peer_service_client::PeerServiceClient;

/// One connection.
///
/// # Errors
/// A server that does not answer.
pub async fn connect(server: &Server, run: &Path) -> anyhow::Result<Channel> {
    let target = Target { address: server.address().to_string(), agency: agreed::agency(OWNER)? };
    Ok(certificate::dialler(run)?.dial(target).await?)
}

/// A client as a node has it.
///
/// # Errors
/// As [`connect`].
pub async fn client(server: &Server, run: &Path) -> anyhow::Result<PeerClient> {
    Ok(PeerClient::new(connect(server, run).await?))
}

/// The key under which a node's tokens are made, fetched and opened like a partner does.
///
/// # Errors
/// A node that has none for us.
pub async fn token_key(client: &PeerClient) -> anyhow::Result<(TokenEpoch, TokenKey)> {
    let agreement = agreed::agreement_id()?;
    let mut keys = client.fetch_token_keys(&agreement).await?;
    let envelope = keys.pop().context("no token key")?;
    let signer = agreed::signing_key(OWNER, "record").public_key();
    let signed = Signed::<SealedTokenKey>::open(envelope, &signer)?;
    let sealed = signed.message();
    let (owner, recipient) = (agreed::agency(OWNER)?, agreed::agency(ASKER)?);
    let info = SealedTokenKey::info(&agreement, &owner, &recipient, sealed.epoch);
    let parts =
        Sealed { encapsulated: sealed.encapsulated.clone(), ciphertext: sealed.sealed.clone() };
    let opened = agreed::seal_secret(ASKER).open(&parts, &info)?;
    let key = <[u8; 32]>::try_from(opened.as_slice()).context("not a token key")?;
    Ok((sealed.epoch, TokenKey::from_bytes(key)))
}

/// What questions are made of.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many different questions.
    pub questions: usize,
    /// Tokens of each, before padding.
    pub tokens: usize,
    /// One in so many tokens is of a record that is there.
    pub hit_every: usize,
    /// How many records there are.
    pub records: u64,
}

/// Questions that are ready to be sent, and which of their tokens were made to hit.
pub struct Questions {
    /// What is sent.
    pub requests: Vec<v1::AskRequest>,
    /// The tokens of each before padding, for peers of another protocol.
    pub tokens: Vec<Vec<Token>>,
    /// How many tokens of each hit.
    pub hits: Vec<usize>,
}

impl Questions {
    /// Makes questions under a key.
    ///
    /// # Errors
    /// A shape that does not fit into a question.
    pub fn new(shape: Shape, epoch: TokenEpoch, key: &TokenKey) -> anyhow::Result<Self> {
        let mut questions = Self { requests: Vec::new(), tokens: Vec::new(), hits: Vec::new() };
        let padded = padded_count(shape.tokens).context("too many tokens")?;
        let mut place = 0_usize;
        for question in 0..shape.questions {
            let (mut tokens, mut hits) = (Vec::new(), 0);
            for slot in 0..padded {
                let random = derive(
                    "malines bench token v1",
                    &[&question.to_le_bytes(), &slot.to_le_bytes()],
                );
                let hit = slot < shape.tokens && place % shape.hit_every == shape.hit_every / 2;
                place += usize::from(slot < shape.tokens);
                if hit {
                    let number = random.first_chunk::<8>().map_or(0, |n| u64::from_le_bytes(*n));
                    tokens.push(key.token(&Author::fingerprint(number % shape.records)));
                    hits += 1;
                } else {
                    tokens.push(Token::from_bytes(random));
                }
            }
            let asked = Question {
                terms: agreed::question_terms()?,
                owner: agreed::agency(OWNER)?,
                epoch,
                case: Commitment::from_bytes([5; 32]),
                asked_at: SystemClock.now(),
                tokens: tokens.clone(),
            };
            tokens.truncate(shape.tokens);
            questions.requests.push(to_request(&asked)?);
            questions.tokens.push(tokens);
            questions.hits.push(hits);
        }
        Ok(questions)
    }
}

/// What is checked of every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// There is a match exactly if a token was made to hit.
    Matches,
    /// There is an answer.
    Answered,
}

/// A load on one server.
pub struct Load {
    clients: Vec<PeerServiceClient<Channel>>,
    in_flight: usize,
    check: Check,
}

impl Load {
    /// Dials as many connections as it takes to have so many calls under way.
    ///
    /// # Errors
    /// As [`connect`].
    pub async fn new(
        server: &Server,
        run: &Path,
        in_flight: usize,
        check: Check,
    ) -> anyhow::Result<Self> {
        let connections = in_flight.div_ceil(limits::STREAMS_MAX as usize).max(1);
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(
                PeerServiceClient::new(connect(server, run).await?)
                    .max_decoding_message_size(limits::DECODE_BYTES_MAX)
                    .max_encoding_message_size(limits::ENCODE_BYTES_MAX),
            );
        }
        Ok(Self { clients, in_flight, check })
    }

    /// Asks for so long, and says how many answers came.
    ///
    /// # Errors
    /// An answer that is wrong or does not come.
    pub async fn run(&self, questions: &Arc<Questions>, turn: Duration) -> anyhow::Result<u64> {
        let until = Instant::now() + turn;
        let mut tasks = tokio::task::JoinSet::new();
        let clients = self.clients.iter().cycle().cloned();
        for (lane, client) in (0..self.in_flight).zip(clients) {
            let (questions, stride, check) = (Arc::clone(questions), self.in_flight, self.check);
            tasks.spawn(
                async move { ask_until(client, &questions, lane, stride, check, until).await },
            );
        }
        let mut answers = 0;
        while let Some(lane) = tasks.join_next().await {
            answers += lane??;
        }
        Ok(answers)
    }
}

async fn ask_until(
    mut client: PeerServiceClient<Channel>,
    questions: &Questions,
    lane: usize,
    stride: usize,
    check: Check,
    until: Instant,
) -> anyhow::Result<u64> {
    let (mut next, mut answers) = (lane, 0);
    while Instant::now() < until {
        let place = next % questions.requests.len();
        next += stride;
        let mut request = questions.requests.get(place).context("no question")?.clone();
        request.asked_at_ms = SystemClock.now().as_millis();
        let answer = Answer::try_from(client.ask(request).await?.into_inner())?;
        let hits = questions.hits.get(place).copied().unwrap_or(0);
        let fits = match (&answer, check) {
            (Answer::Refused(code), _) => bail!("a question was refused: {code}"),
            (_, Check::Answered) => true,
            (Answer::Match { .. }, Check::Matches) => hits > 0,
            (Answer::NoMatch { .. }, Check::Matches) => hits == 0,
        };
        if !fits {
            bail!("a wrong answer: {hits} tokens were made to hit");
        }
        answers += 1;
    }
    Ok(answers)
}

/// A pull as the scheduler of a node does it: greeting, key, request, message by message.
pub struct Puller {
    replication: Replication,
    pull: Pull,
}

impl Puller {
    /// Begins.
    ///
    /// # Errors
    /// A partner that does not answer or refuses.
    pub async fn begin(desk: &Arc<Desk>, client: &PeerClient) -> anyhow::Result<Self> {
        let (peer, agreement) = (agreed::agency(OWNER)?, agreed::agreement_id()?);
        let hello = client.hello(Hello::new(desk.now())).await?;
        if desk.holds_token_key(&agreement, &peer) == desk::keys::KeyHeld::No {
            for key in client.fetch_token_keys(&agreement).await? {
                desk.accept_token_key(&peer, &agreement, key).await?;
            }
        }
        let replication = desk.begin_pull(&peer, &agreement, hello.incarnation)?;
        let pull = client.pull(replication.request()).await?;
        Ok(Self { replication, pull })
    }

    /// Applies the next message, and says how many records it added; `None` when up to date.
    ///
    /// # Errors
    /// A partner that misbehaves, or a record that was refused.
    pub async fn next(&mut self) -> anyhow::Result<Option<u64>> {
        let Some(message) = self.pull.next().await? else { return Ok(None) };
        let applied = self.replication.apply(message).await?;
        if applied.refused > 0 {
            bail!("{} records were refused", applied.refused);
        }
        Ok(Some(applied.added as u64))
    }
}
