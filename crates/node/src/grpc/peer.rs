//! Serves partners' nodes.

use super::to_error;
use crate::peers::Nudges;
use desk::Desk;
use desk::answer::Answer;
use desk::share::{ViewMessage, ViewStream};
use domain::name::{AgencyId, AgreementId};
use domain::refusal::{Refusal, RefusalCode};
use futures_util::Stream;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync::message::{PullMessage, PullRequest, UpToDate};
use tonic::{Request, Response, Status};
use wire::accept::calling_peer;
use wire::convert::hello::{Hello, HelloReply};
use wire::convert::question::Reply;
use wire::convert::status::{Reader, to_status};
use wire::convert::{court_use, dispute, docket, duty, pull, question};
use wire::v1;
use wire::v1::peer_service_server::PeerService;

/// The most pulls of one partner at a time.
const PULLS_PER_PEER_MAX: usize = 4;

/// How often an open stream of nudges looks whether it may stay, in milliseconds.
const WATCH_LOOK_MS: u64 = 250;

/// The service for partners.
pub(crate) struct PeerDoor {
    pub desk: Arc<Desk>,
    pub nudges: Arc<Nudges>,
    pub pulls: Pulls,
}

/// The pulls that partners have open, at most [`PULLS_PER_PEER_MAX`] each.
#[derive(Clone, Default)]
pub(crate) struct Pulls(Arc<Mutex<BTreeMap<AgencyId, usize>>>);

impl Pulls {
    fn take(&self, peer: &AgencyId) -> Option<PullPlace> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer.clone()).or_default();
        if *count >= PULLS_PER_PEER_MAX {
            return None;
        }
        *count += 1;
        Some(PullPlace { pulls: self.clone(), peer: peer.clone() })
    }
}

/// Given back when it is dropped.
struct PullPlace {
    pulls: Pulls,
    peer: AgencyId,
}

impl Drop for PullPlace {
    fn drop(&mut self) {
        let mut open = self.pulls.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
        }
    }
}

fn busy() -> Status {
    to_status(&RefusalCode::Unavailable.into(), Reader::Partner)
}

/// One pull that is under way.
struct Pull {
    view: ViewStream,
    peer: AgencyId,
    desk: Arc<Desk>,
    _place: PullPlace,
}

impl Pull {
    async fn next(&mut self) -> Result<Option<v1::PullResponse>, Status> {
        let message = self.view.next().await;
        let Some(message) = message.map_err(|error| to_error(&error, Reader::Partner))? else {
            return Ok(None);
        };
        let response = to_pull_response(message, self.desk.incarnation(), &self.peer);
        response.map(Some).map_err(|refusal| {
            tracing::error!(peer = %self.peer, %refusal, "a batch was not released");
            to_status(&RefusalCode::Unavailable.into(), Reader::Partner)
        })
    }
}

/// One open stream of nudges: it ends when nothing goes to the partner any more.
struct Watching {
    changes: tokio::sync::watch::Receiver<u64>,
    desk: Arc<Desk>,
    agreement: AgreementId,
    peer: AgencyId,
}

impl Watching {
    async fn next(&mut self) -> Option<()> {
        loop {
            let look = tokio::time::sleep(Duration::from_millis(WATCH_LOOK_MS));
            let changed = tokio::select! {
                changed = self.changes.changed() => Some(changed.ok()?),
                () = look => None,
            };
            if !self.desk.carries_to(&self.agreement, &self.peer) {
                return None;
            }
            if changed.is_some() {
                return Some(());
            }
        }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

fn agency_of<T>(request: &Request<T>) -> Result<AgencyId, Status> {
    Ok(calling_peer(request)?.agency.clone())
}

fn invalid(invalid: wire::convert::Invalid) -> Status {
    invalid.to_status(Reader::Partner)
}

#[tonic::async_trait]
impl PeerService for PeerDoor {
    async fn hello(
        &self,
        request: Request<v1::HelloRequest>,
    ) -> Result<Response<v1::HelloResponse>, Status> {
        agency_of(&request)?;
        let hello = Hello::try_from(request.into_inner()).map_err(invalid)?;
        let protocol =
            hello.agreed().ok_or_else(|| Status::unimplemented("no version in common"))?;
        let reply = HelloReply {
            protocol,
            clock: self.desk.now(),
            incarnation: self.desk.incarnation(),
            epoch: self.desk.epoch(),
        };
        Ok(Response::new(reply.into()))
    }

    async fn fetch_token_keys(
        &self,
        request: Request<v1::FetchTokenKeysRequest>,
    ) -> Result<Response<v1::FetchTokenKeysResponse>, Status> {
        let peer = agency_of(&request)?;
        let agreement = pull::from_fetch(request.get_ref()).map_err(invalid)?;
        let keys = self.desk.sealed_token_keys(&peer, &agreement).await;
        let keys = keys.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(pull::to_token_keys(keys)))
    }

    type WatchStream = Answers<v1::WatchResponse>;

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let peer = agency_of(&request)?;
        let agreement = pull::from_watch(request.get_ref()).map_err(invalid)?;
        if !self.desk.carries_to(&agreement, &peer) {
            let refusal = RefusalCode::AgreementNotInForce.into();
            return Err(to_status(&refusal, Reader::Partner));
        }
        let watching = Watching {
            changes: self.nudges.watch(&peer),
            desk: Arc::clone(&self.desk),
            agreement,
            peer,
        };
        let nudges = futures_util::stream::unfold(watching, |mut watching| async move {
            watching.next().await?;
            Some((Ok(v1::WatchResponse {}), watching))
        });
        Ok(Response::new(Box::pin(nudges)))
    }

    type PullStream = Answers<v1::PullResponse>;

    async fn pull(
        &self,
        request: Request<v1::PullRequest>,
    ) -> Result<Response<Self::PullStream>, Status> {
        let peer = agency_of(&request)?;
        let wanted = PullRequest::try_from(request.into_inner()).map_err(invalid)?;
        let view = self.desk.open_view(&peer, wanted).await;
        let view = view.map_err(|error| to_error(&error, Reader::Partner))?;
        let place = self.pulls.take(&peer).ok_or_else(busy)?;
        let pull = Pull { view, peer, desk: Arc::clone(&self.desk), _place: place };
        // A batch is built when the network asks for it: nothing waits between the gate and the wire.
        let responses = futures_util::stream::unfold(Some(pull), |pull| async move {
            let mut pull = pull?;
            match pull.next().await {
                Ok(Some(response)) => Some((Ok(response), Some(pull))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn acknowledge_purge(
        &self,
        request: Request<v1::AcknowledgePurgeRequest>,
    ) -> Result<Response<v1::AcknowledgePurgeResponse>, Status> {
        let peer = agency_of(&request)?;
        let receipt = pull::from_acknowledgement(request.into_inner()).map_err(invalid)?;
        let taken = self.desk.take_purge_receipt(&peer, receipt).await;
        taken.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(v1::AcknowledgePurgeResponse {}))
    }

    async fn acknowledge_changes(
        &self,
        request: Request<v1::AcknowledgeChangesRequest>,
    ) -> Result<Response<v1::AcknowledgeChangesResponse>, Status> {
        let peer = agency_of(&request)?;
        let said = duty::from_acknowledgement(request.into_inner()).map_err(invalid)?;
        let taken = self.desk.take_acknowledgement(&peer, said).await;
        taken.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(v1::AcknowledgeChangesResponse {}))
    }

    async fn raise_dispute(
        &self,
        request: Request<v1::RaiseDisputeRequest>,
    ) -> Result<Response<v1::RaiseDisputeResponse>, Status> {
        let peer = agency_of(&request)?;
        let said = dispute::from_raise(request.into_inner()).map_err(invalid)?;
        let taken = self.desk.take_dispute(&peer, said).await;
        taken.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(v1::RaiseDisputeResponse {}))
    }

    async fn answer_dispute(
        &self,
        request: Request<v1::AnswerDisputeRequest>,
    ) -> Result<Response<v1::AnswerDisputeResponse>, Status> {
        let peer = agency_of(&request)?;
        let said = dispute::from_answer(request.into_inner()).map_err(invalid)?;
        let taken = self.desk.take_answer(&peer, said).await;
        taken.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(v1::AnswerDisputeResponse {}))
    }

    async fn report_violation(
        &self,
        request: Request<v1::ReportViolationRequest>,
    ) -> Result<Response<v1::ReportViolationResponse>, Status> {
        let peer = agency_of(&request)?;
        let said = court_use::from_violation(request.into_inner()).map_err(invalid)?;
        let taken = self.desk.take_violation(&peer, said).await;
        taken.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(v1::ReportViolationResponse {}))
    }

    async fn ask_permission(
        &self,
        request: Request<v1::AskPermissionRequest>,
    ) -> Result<Response<v1::AskPermissionResponse>, Status> {
        let peer = agency_of(&request)?;
        let question = court_use::from_question(request.into_inner()).map_err(invalid)?;
        let answered = self.desk.answer_permission(&peer, question).await;
        let approvals = answered.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(court_use::to_approvals(approvals)))
    }

    async fn ask(
        &self,
        request: Request<v1::AskRequest>,
    ) -> Result<Response<v1::AskResponse>, Status> {
        let peer = agency_of(&request)?;
        let asked = question::from_request(request.into_inner(), self.desk.own().clone())
            .map_err(invalid)?;
        let answer = self.desk.answer(&peer, &asked).await;
        let answer = answer.map_err(|error| to_error(&error, Reader::Partner))?;
        let (reply, as_of) = match answer {
            Answer::Refused(code) => (Reply::Refused(Refusal::new(code)), self.desk.now()),
            Answer::NoMatch { as_of } => (Reply::NoMatch, as_of),
            Answer::Match { signed, released } => {
                let as_of = signed.message().as_of;
                (Reply::Match { signed, released }, as_of)
            }
        };
        let response = question::to_response(reply, &peer, as_of).map_err(|refusal| {
            tracing::error!(%peer, %refusal, "an answer was not released");
            to_status(&RefusalCode::Unavailable.into(), Reader::Partner)
        })?;
        Ok(Response::new(response))
    }

    async fn list_dockets(
        &self,
        request: Request<v1::ListDocketsRequest>,
    ) -> Result<Response<v1::ListDocketsResponse>, Status> {
        let peer = agency_of(&request)?;
        Ok(Response::new(docket::to_dockets(self.desk.dockets_for(&peer))))
    }

    type FetchPapersStream = Answers<v1::FetchPapersResponse>;

    async fn fetch_papers(
        &self,
        request: Request<v1::FetchPapersRequest>,
    ) -> Result<Response<Self::FetchPapersStream>, Status> {
        let peer = agency_of(&request)?;
        let (agreement, held) = docket::from_fetch(request.into_inner()).map_err(invalid)?;
        let papers = self.desk.papers_for(&peer, &agreement, &held);
        let papers = papers.map_err(|code| to_status(&code.into(), Reader::Partner))?;
        let messages = docket::to_fetched(papers).map(Ok).collect::<Vec<_>>();
        Ok(Response::new(Box::pin(futures_util::stream::iter(messages))))
    }
}

/// A section leaves only as policy released it.
fn to_pull_response(
    message: ViewMessage,
    incarnation: sync::message::Incarnation,
    peer: &AgencyId,
) -> Result<v1::PullResponse, Refusal> {
    let ViewMessage { epoch, grant_sequence, grants, section, up_to_date } = message;
    let notice = PullMessage {
        incarnation,
        epoch,
        grant_sequence,
        grants,
        section: None,
        up_to_date: UpToDate::No,
    };
    match section {
        None => pull::to_notice(PullMessage { up_to_date, ..notice }),
        Some(section) => pull::to_response(
            section.map(|section| PullMessage { section: Some(section), up_to_date, ..notice }),
            peer,
        ),
    }
}
