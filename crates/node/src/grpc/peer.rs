//! Serves partners' nodes.

use super::to_error;
use crate::peers::Nudges;
use desk::Desk;
use desk::answer::Answer;
use desk::share::ViewMessage;
use domain::name::AgencyId;
use domain::refusal::{Refusal, RefusalCode};
use std::pin::Pin;
use std::sync::Arc;
use sync::message::{PullMessage, PullRequest, UpToDate};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::accept::calling_peer;
use wire::convert::hello::{Hello, HelloReply};
use wire::convert::question::Reply;
use wire::convert::status::{Reader, to_status};
use wire::convert::{pull, question};
use wire::v1;
use wire::v1::peer_service_server::PeerService;

/// Messages of one pull that wait for the network.
const PULL_WAITING_MAX: usize = 1;
/// Nudges of one watcher that wait; further ones say nothing new.
const NUDGES_WAITING_MAX: usize = 1;

/// The service for partners.
pub(crate) struct PeerDoor {
    pub desk: Arc<Desk>,
    pub nudges: Arc<Nudges>,
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
        let keys = self.desk.sealed_token_keys(&peer, &agreement);
        let keys = keys.map_err(|error| to_error(&error, Reader::Partner))?;
        Ok(Response::new(pull::to_token_keys(keys)))
    }

    type WatchStream = Answers<v1::WatchResponse>;

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let peer = agency_of(&request)?;
        pull::from_watch(request.get_ref()).map_err(invalid)?;
        let mut changes = self.nudges.watch(&peer);
        let (sender, receiver) = mpsc::channel(NUDGES_WAITING_MAX);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                }
                if sender.send(Ok(v1::WatchResponse {})).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    type PullStream = Answers<v1::PullResponse>;

    async fn pull(
        &self,
        request: Request<v1::PullRequest>,
    ) -> Result<Response<Self::PullStream>, Status> {
        let peer = agency_of(&request)?;
        let wanted = PullRequest::try_from(request.into_inner()).map_err(invalid)?;
        let view = self.desk.open_view(&peer, wanted).await;
        let mut view = view.map_err(|error| to_error(&error, Reader::Partner))?;
        let incarnation = self.desk.incarnation();
        let (sender, receiver) = mpsc::channel(PULL_WAITING_MAX);
        tokio::spawn(async move {
            loop {
                // A batch is built only when there is room for it on the network.
                let Ok(room) = sender.reserve().await else { return };
                match view.next().await {
                    Ok(Some(message)) => match to_pull_response(message, incarnation, &peer) {
                        Ok(response) => room.send(Ok(response)),
                        Err(refusal) => {
                            tracing::error!(%peer, %refusal, "a batch was not released");
                            room.send(Err(to_status(&refusal, Reader::Partner)));
                            return;
                        }
                    },
                    Ok(None) => return,
                    Err(error) => {
                        room.send(Err(to_error(&error, Reader::Partner)));
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
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
