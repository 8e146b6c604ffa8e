//! Calls a partner's node.

use crate::client::{CallFailure, answer, request};
use crate::convert::hello::{Hello, HelloReply, PROTOCOL_MAX, PROTOCOL_MIN};
use crate::convert::question::Answer;
use crate::convert::{Invalid, Why};
use crate::convert::{court_use, dispute, docket, duty, pull, question};
use crate::limits::{CALL_MS_MAX, DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use crate::v1;
use crate::v1::peer_service_client::PeerServiceClient;
use agreement::Paper;
use agreement::docket::{PAPERS_BYTES_MAX, PAPERS_MAX};
use domain::court_use::PermissionQuestion;
use domain::envelope::Envelope;
use domain::name::{AgreementId, Digest};
use domain::question::Question;
use domain::refusal::Refusal;
use std::collections::BTreeSet;
use std::time::Duration;
use sync::message::{PullMessage, PullRequest, UpToDate};
use tonic::Streaming;
use tonic::transport::Channel;

/// A greeting, in milliseconds.
pub const HELLO_MS_MAX: u64 = 5_000;
/// From one message of a pull to the next, in milliseconds.
pub const PULL_PAUSE_MS_MAX: u64 = CALL_MS_MAX;

/// Calls the node of one partner. A clone shares the connection.
#[derive(Debug, Clone)]
pub struct PeerClient {
    service: PeerServiceClient<Channel>,
}

impl PeerClient {
    /// Calls over a channel of [`crate::connect::Dialler`], which knows who has to answer.
    pub fn new(channel: Channel) -> Self {
        let service = PeerServiceClient::new(channel)
            .max_decoding_message_size(DECODE_BYTES_MAX)
            .max_encoding_message_size(ENCODE_BYTES_MAX);
        Self { service }
    }

    /// Opens the conversation.
    ///
    /// # Errors
    /// [`CallFailure`]; [`CallFailure::Incompatible`] if the partner chose a version that we do
    /// not speak.
    pub async fn hello(&self, hello: Hello) -> Result<HelloReply, CallFailure> {
        let mut service = self.service.clone();
        let call = service.hello(request(hello.into(), HELLO_MS_MAX));
        let reply =
            HelloReply::try_from(discreet(answer::<v1::HelloResponse>(HELLO_MS_MAX, call).await)?)?;
        if (PROTOCOL_MIN..=PROTOCOL_MAX).contains(&reply.protocol) {
            Ok(reply)
        } else {
            Err(CallFailure::Incompatible)
        }
    }

    /// The sealed token keys that the partner drew for us; not verified yet.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn fetch_token_keys(
        &self,
        agreement: &AgreementId,
    ) -> Result<Vec<Envelope>, CallFailure> {
        let mut service = self.service.clone();
        let message = v1::FetchTokenKeysRequest { agreement: agreement.to_string() };
        let call = service.fetch_token_keys(request(message, CALL_MS_MAX));
        Ok(pull::from_token_keys(discreet(answer(CALL_MS_MAX, call).await)?)?)
    }

    /// Opens a stream of nudges.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn watch(&self, agreement: &AgreementId) -> Result<Watch, CallFailure> {
        let mut service = self.service.clone();
        // No deadline is told: the stream is to stay open.
        let message = v1::WatchRequest { agreement: agreement.to_string() };
        let stream = discreet(answer(CALL_MS_MAX, service.watch(message)).await)?;
        Ok(Watch { stream })
    }

    /// Opens the stream of everything new in our view.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn pull(&self, wanted: PullRequest) -> Result<Pull, CallFailure> {
        let mut service = self.service.clone();
        let call = service.pull(v1::PullRequest::from(wanted));
        let stream = discreet(answer(CALL_MS_MAX, call).await)?;
        Ok(Pull { stream, state: PullState::Open })
    }

    /// Hands in a signed purge receipt.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn acknowledge_purge(&self, receipt: Envelope) -> Result<(), CallFailure> {
        let mut service = self.service.clone();
        let message = pull::to_acknowledgement(receipt);
        let call = service.acknowledge_purge(request(message, CALL_MS_MAX));
        let v1::AcknowledgePurgeResponse {} = discreet(answer(CALL_MS_MAX, call).await)?;
        Ok(())
    }

    /// Hands in a signed acknowledgement of changes.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn acknowledge_changes(&self, said: Envelope) -> Result<(), CallFailure> {
        let mut service = self.service.clone();
        let message = duty::to_acknowledgement(said);
        let call = service.acknowledge_changes(request(message, CALL_MS_MAX));
        let v1::AcknowledgeChangesResponse {} = discreet(answer(CALL_MS_MAX, call).await)?;
        Ok(())
    }

    /// Hands in a signed dispute of one of the partner's records.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn raise_dispute(&self, said: Envelope) -> Result<(), CallFailure> {
        let mut service = self.service.clone();
        let call = service.raise_dispute(request(dispute::to_raise(said), CALL_MS_MAX));
        let v1::RaiseDisputeResponse {} = discreet(answer(CALL_MS_MAX, call).await)?;
        Ok(())
    }

    /// Hands in a signed answer to a dispute of the partner.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn answer_dispute(&self, said: Envelope) -> Result<(), CallFailure> {
        let mut service = self.service.clone();
        let call = service.answer_dispute(request(dispute::to_answer(said), CALL_MS_MAX));
        let v1::AnswerDisputeResponse {} = discreet(answer(CALL_MS_MAX, call).await)?;
        Ok(())
    }

    /// Hands in a signed notice that what the partner sent had to be refused.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn report_violation(&self, said: Envelope) -> Result<(), CallFailure> {
        let mut service = self.service.clone();
        let call = service.report_violation(request(court_use::to_violation(said), CALL_MS_MAX));
        let v1::ReportViolationResponse {} = discreet(answer(CALL_MS_MAX, call).await)?;
        Ok(())
    }

    /// Asks the partner's people to permit the use of its record in court, and waits at most `within_ms`
    /// milliseconds: what they signed, not verified yet.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn ask_permission(
        &self,
        question: PermissionQuestion,
        within_ms: u64,
    ) -> Result<Vec<Envelope>, CallFailure> {
        let mut service = self.service.clone();
        let within_ms = within_ms.min(CALL_MS_MAX);
        let call = service.ask_permission(request(court_use::to_question(question), within_ms));
        Ok(court_use::from_approvals(discreet(answer(within_ms, call).await)?)?)
    }

    /// Asks a live question, and waits at most `within_ms` milliseconds.
    ///
    /// # Errors
    /// [`CallFailure`]; a refusal is an [`Answer`], not a failure, in whichever way it came.
    pub async fn ask(&self, asked: &Question, within_ms: u64) -> Result<Answer, CallFailure> {
        let mut service = self.service.clone();
        let within_ms = within_ms.min(CALL_MS_MAX);
        let message = question::to_request(asked).map_err(CallFailure::NotSent)?;
        let call = service.ask(request(message, within_ms));
        match discreet(answer::<v1::AskResponse>(within_ms, call).await) {
            Ok(response) => Ok(response.try_into()?),
            Err(CallFailure::Refused(refusal)) => Ok(Answer::Refused(refusal.code)),
            Err(failure) => Err(failure),
        }
    }

    /// The agreements that the partner says we are both a party of, each with the root of its papers.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_dockets(&self) -> Result<Vec<(AgreementId, Digest)>, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_dockets(request(v1::ListDocketsRequest {}, CALL_MS_MAX));
        Ok(docket::from_dockets(discreet(answer(CALL_MS_MAX, call).await)?)?)
    }

    /// The papers of an agreement that we do not hold; not verified yet.
    ///
    /// # Errors
    /// [`CallFailure`]; also if it sends more than a docket can have.
    pub async fn fetch_papers(
        &self,
        agreement: &AgreementId,
        held: &BTreeSet<Digest>,
    ) -> Result<Vec<Paper>, CallFailure> {
        let mut service = self.service.clone();
        let message = docket::to_fetch(agreement, held);
        let call = service.fetch_papers(request(message, CALL_MS_MAX));
        let mut stream: Streaming<v1::FetchPapersResponse> =
            discreet(answer(CALL_MS_MAX, call).await)?;
        let (mut papers, mut room) = (Vec::new(), PAPERS_BYTES_MAX);
        loop {
            let pause = Duration::from_millis(CALL_MS_MAX);
            let message = match tokio::time::timeout(pause, stream.message()).await {
                Ok(Ok(Some(message))) => docket::from_fetched(message)?,
                Ok(Ok(None)) => return Ok(papers),
                Ok(Err(status)) => return discreet(Err(CallFailure::of(&status))),
                Err(_) => return Err(CallFailure::TimedOut),
            };
            let left = room.checked_sub(message.iter().map(Paper::size_bytes).sum());
            let too_many = Invalid::new("papers", Why::TooMany { max: PAPERS_MAX });
            room = left.filter(|_| papers.len() + message.len() <= PAPERS_MAX).ok_or(too_many)?;
            papers.extend(message);
        }
    }
}

/// A partner that gives a reason which depends on a record breaks the contract; a rule is dropped.
fn discreet<T>(answered: Result<T, CallFailure>) -> Result<T, CallFailure> {
    answered.map_err(|failure| match failure {
        CallFailure::Refused(refusal) => match refusal.for_peer() {
            Some(code) => CallFailure::Refused(Refusal::new(code)),
            None => CallFailure::Misbehaved(Invalid::new("refusal", Why::NotForPartners)),
        },
        failure => failure,
    })
}

/// An open stream of nudges.
#[derive(Debug)]
pub struct Watch {
    stream: Streaming<v1::WatchResponse>,
}

impl Watch {
    /// Waits until something that we may see has changed.
    ///
    /// # Errors
    /// [`CallFailure::Unavailable`] when the partner ends the stream, or what cut it.
    pub async fn changed(&mut self) -> Result<(), CallFailure> {
        match self.stream.message().await {
            Ok(Some(v1::WatchResponse {})) => Ok(()),
            Ok(None) => Err(CallFailure::Unavailable),
            Err(status) => discreet(Err(CallFailure::of(&status))),
        }
    }
}

/// An open pull: at most one message is in memory.
#[derive(Debug)]
pub struct Pull {
    stream: Streaming<v1::PullResponse>,
    state: PullState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PullState {
    Open,
    Done,
}

impl Pull {
    /// The next message; `None` after the one that says that we are up to date.
    ///
    /// # Errors
    /// [`CallFailure`]; [`CallFailure::Unavailable`] if the stream ends before it is complete. A
    /// failure ends the pull.
    pub async fn next(&mut self) -> Result<Option<PullMessage>, CallFailure> {
        if self.state == PullState::Done {
            return Ok(None);
        }
        self.state = PullState::Done;
        let pause = Duration::from_millis(PULL_PAUSE_MS_MAX);
        let message = match tokio::time::timeout(pause, self.stream.message()).await {
            Ok(Ok(Some(message))) => PullMessage::try_from(message)?,
            Ok(Ok(None)) => return Err(CallFailure::Unavailable),
            Ok(Err(status)) => return discreet(Err(CallFailure::of(&status))),
            Err(_) => return Err(CallFailure::TimedOut),
        };
        if message.up_to_date == UpToDate::No {
            self.state = PullState::Open;
        }
        Ok(Some(message))
    }
}
