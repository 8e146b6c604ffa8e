//! The service for partners over a desk: the calls of the node program that are measured.

use desk::Desk;
use desk::answer::Answer;
use desk::share::ViewMessage;
use domain::name::AgencyId;
use domain::refusal::Refusal;
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

/// A stream of answers.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

/// A node as its partners see it.
pub struct Door {
    /// What answers.
    pub desk: Arc<Desk>,
}

fn agency_of<T>(request: &Request<T>) -> Result<AgencyId, Status> {
    Ok(calling_peer(request)?.agency.clone())
}

fn invalid(invalid: wire::convert::Invalid) -> Status {
    invalid.to_status(Reader::Partner)
}

fn failed(error: desk::error::DeskError) -> Status {
    to_status(&error.refusal(), Reader::Partner)
}

fn refused(refusal: Refusal) -> Status {
    to_status(&refusal, Reader::Partner)
}

#[tonic::async_trait]
impl PeerService for Door {
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
        let keys = self.desk.sealed_token_keys(&peer, &agreement).await.map_err(failed)?;
        Ok(Response::new(pull::to_token_keys(keys)))
    }

    type WatchStream = Answers<v1::WatchResponse>;

    async fn watch(
        &self,
        _: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    type PullStream = Answers<v1::PullResponse>;

    async fn pull(
        &self,
        request: Request<v1::PullRequest>,
    ) -> Result<Response<Self::PullStream>, Status> {
        let peer = agency_of(&request)?;
        let wanted = PullRequest::try_from(request.into_inner()).map_err(invalid)?;
        let mut view = self.desk.open_view(&peer, wanted).await.map_err(failed)?;
        let incarnation = self.desk.incarnation();
        let (sender, receiver) = mpsc::channel(PULL_WAITING_MAX);
        tokio::spawn(async move {
            loop {
                let Ok(room) = sender.reserve().await else { return };
                match view.next().await {
                    Ok(Some(message)) => match to_pull_response(message, incarnation, &peer) {
                        Ok(response) => room.send(Ok(response)),
                        Err(refusal) => {
                            room.send(Err(refused(refusal)));
                            return;
                        }
                    },
                    Ok(None) => return,
                    Err(error) => {
                        room.send(Err(failed(error)));
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn acknowledge_changes(
        &self,
        _: Request<v1::AcknowledgeChangesRequest>,
    ) -> Result<Response<v1::AcknowledgeChangesResponse>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    async fn raise_dispute(
        &self,
        _: Request<v1::RaiseDisputeRequest>,
    ) -> Result<Response<v1::RaiseDisputeResponse>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    async fn answer_dispute(
        &self,
        _: Request<v1::AnswerDisputeRequest>,
    ) -> Result<Response<v1::AnswerDisputeResponse>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    async fn report_violation(
        &self,
        _: Request<v1::ReportViolationRequest>,
    ) -> Result<Response<v1::ReportViolationResponse>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    async fn ask_permission(
        &self,
        _: Request<v1::AskPermissionRequest>,
    ) -> Result<Response<v1::AskPermissionResponse>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    async fn acknowledge_purge(
        &self,
        _: Request<v1::AcknowledgePurgeRequest>,
    ) -> Result<Response<v1::AcknowledgePurgeResponse>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    async fn list_dockets(
        &self,
        _: Request<v1::ListDocketsRequest>,
    ) -> Result<Response<v1::ListDocketsResponse>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    type FetchPapersStream = Answers<v1::FetchPapersResponse>;

    async fn fetch_papers(
        &self,
        _: Request<v1::FetchPapersRequest>,
    ) -> Result<Response<Self::FetchPapersStream>, Status> {
        Err(Status::unimplemented("not measured here"))
    }

    async fn ask(
        &self,
        request: Request<v1::AskRequest>,
    ) -> Result<Response<v1::AskResponse>, Status> {
        let peer = agency_of(&request)?;
        let asked = question::from_request(request.into_inner(), self.desk.own().clone())
            .map_err(invalid)?;
        let answer = self.desk.answer(&peer, &asked).await.map_err(failed)?;
        let (reply, as_of) = match answer {
            Answer::Refused(code) => (Reply::Refused(Refusal::new(code)), self.desk.now()),
            Answer::NoMatch { as_of } => (Reply::NoMatch, as_of),
            Answer::Match { signed, released } => {
                let as_of = signed.message().as_of;
                (Reply::Match { signed, released }, as_of)
            }
        };
        Ok(Response::new(question::to_response(reply, &peer, as_of).map_err(refused)?))
    }
}

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
