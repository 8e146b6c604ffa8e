//! The clients against real servers on loopback that answer well, badly, late or not at all.

use crate::client::{CallFailure, OfficerClient, PeerClient};
use crate::convert::hello::{Hello, HelloReply, PROTOCOL_MAX};
use crate::convert::hold::HoldReference;
use crate::convert::question::{self, Answer, Reply};
use crate::convert::status::{Reader, to_status};
use crate::convert::withdrawal::RecordReference;
use crate::convert::{Invalid, Why, audit, docket, pull};
use crate::limits::DECODE_BYTES_MAX;
use crate::v1;
use crate::v1::officer_service_server::{OfficerService, OfficerServiceServer};
use crate::v1::peer_service_server::{PeerService, PeerServiceServer};
use domain::correction::{Changes, Correction};
use domain::digest::Commitment;
use domain::hold::{HeldReading, HeldState, Hold, HoldGround, HoldOrder, HoldStanding};
use domain::indicator::Kind;
use domain::name::{AgencyId, CaseId, HoldId, RecordId};
use domain::question::{Question, QuestionTerms};
use domain::record::Version;
use domain::refusal::{Refusal, RefusalCode};
use domain::report::{CaseOpening, Mode, NodeStatus, Query};
use domain::time::Timestamp;
use domain::token::{Token, TokenEpoch};
use domain::value::{Channel as Way, Offence, Purpose, Urgency};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::time::Duration;
use sync::message::{Epoch, PullMessage, PullRequest, UpToDate};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

mod officer;
mod partner;
mod policy;
mod said;

use said::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// What the node at the other end does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// What the contract says.
    Good,
    /// Answers that the contract does not allow.
    Wrong,
    /// Refuses for a reason of the question.
    Refusing,
    /// Refuses for a reason that is nobody's business, with its code.
    Indiscreet,
    /// Ends streams before they are complete.
    Short,
    /// Answers more than anybody takes.
    Huge,
    /// Never answers.
    Silent,
    /// Speaks a version that does not exist yet.
    Newer,
}

struct Node(Manner);

impl Node {
    async fn answers<T>(&self, good: T, wrong: T) -> Result<Response<T>, Status> {
        match self.0 {
            Manner::Good | Manner::Short | Manner::Newer | Manner::Huge => Ok(Response::new(good)),
            Manner::Wrong => Ok(Response::new(wrong)),
            Manner::Refusing => {
                let refusal = Refusal::by_rule(RefusalCode::QuotaSpent, "be.9");
                Err(to_status(&refusal, Reader::Officer))
            }
            Manner::Indiscreet => Err(to_status(&RefusalCode::NotHeld.into(), Reader::Officer)),
            Manner::Silent => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Err(Status::internal("never"))
            }
        }
    }
}

type Items<T> = BoxStream<'static, Result<T, Status>>;

fn items<T: Send + 'static>(items: Vec<T>) -> Items<T> {
    stream::iter(items.into_iter().map(Ok)).boxed()
}

fn message(up_to_date: UpToDate) -> PullMessage {
    PullMessage {
        incarnation: [1; 16],
        epoch: Epoch { counter: 1, random: [2; 16] },
        grant_sequence: 7,
        grants: Some(Vec::new()),
        section: None,
        up_to_date,
    }
}

#[tonic::async_trait]
impl OfficerService for Node {
    type AuditExportStream = Items<v1::AuditExportResponse>;

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        self.answers(node_status().into(), v1::StatusResponse::default()).await
    }

    async fn open_case(
        &self,
        request: Request<v1::OpenCaseRequest>,
    ) -> Result<Response<v1::OpenCaseResponse>, Status> {
        let opening = CaseOpening::try_from(request.into_inner()).unwrap();
        let case = v1::Case {
            case_id: vec![1; 16],
            number: 12,
            agreement: opening.agreement.to_string(),
            clause: opening.clause.to_string(),
            purpose: opening.purpose.number() as i32,
            offence: opening.offence.number() as i32,
            reference: opening.reference,
            opened_at_ms: NOW.as_millis(),
            open_until_ms: NOW.plus_days(opening.open_days).as_millis(),
        };
        let (good, wrong) = (Some(case), None);
        self.answers(v1::OpenCaseResponse { case: good }, v1::OpenCaseResponse { case: wrong })
            .await
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        assert_eq!(request.into_inner().after_number, 12);
        let wrong = v1::ListCasesResponse { cases: vec![v1::Case::default()] };
        self.answers(v1::ListCasesResponse { cases: Vec::new() }, wrong).await
    }

    async fn submit(
        &self,
        _: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let refused = v1::Refused { code: 35, rule: "code.benefit".into() };
        let result = Some(v1::submit_result::Result::Refused(refused));
        let wrong = v1::SubmitResponse { results: vec![v1::SubmitResult { result }] };
        self.answers(v1::SubmitResponse { results: Vec::new() }, wrong).await
    }

    async fn query(
        &self,
        request: Request<v1::QueryRequest>,
    ) -> Result<Response<v1::QueryResponse>, Status> {
        let (_, mode) = crate::convert::query::from_request(request.into_inner()).unwrap();
        assert_eq!(mode, Mode::DryRun);
        let answers = vec![v1::PartnerAnswer::default()];
        let wrong = v1::QueryResponse { answers, ..Default::default() };
        self.answers(v1::QueryResponse { audit_sequence: 5, ..Default::default() }, wrong).await
    }

    async fn list_hits(
        &self,
        request: Request<v1::ListHitsRequest>,
    ) -> Result<Response<v1::ListHitsResponse>, Status> {
        assert_eq!(request.into_inner().after, [3; 16]);
        let wrong = v1::ListHitsResponse { hits: vec![v1::Hit::default()] };
        self.answers(v1::ListHitsResponse { hits: Vec::new() }, wrong).await
    }

    async fn correct(
        &self,
        request: Request<v1::CorrectRequest>,
    ) -> Result<Response<v1::CorrectResponse>, Status> {
        let (_, wanted, mode) =
            crate::convert::correction::from_request(request.into_inner()).unwrap();
        assert_eq!((wanted, mode), (correction(), Mode::DryRun));
        let receipt = |byte| v1::CorrectResponse {
            record_id: vec![byte; 16],
            version: Some(v1::Version { epoch: 1, n: 2 }),
            ..Default::default()
        };
        self.answers(receipt(4), receipt(5)).await
    }

    async fn history(
        &self,
        _: Request<v1::HistoryRequest>,
    ) -> Result<Response<v1::HistoryResponse>, Status> {
        let history =
            |byte| v1::HistoryResponse { record_id: vec![byte; 16], versions: Vec::new() };
        self.answers(history(4), history(5)).await
    }

    async fn place_hold(
        &self,
        request: Request<v1::PlaceHoldRequest>,
    ) -> Result<Response<v1::PlaceHoldResponse>, Status> {
        crate::convert::hold::from_request(request.into_inner()).unwrap();
        let receipt = |byte| v1::PlaceHoldResponse { receipt: Some(hold_receipt(8, byte)) };
        self.answers(receipt(4), receipt(5)).await
    }

    async fn list_holds(
        &self,
        request: Request<v1::ListHoldsRequest>,
    ) -> Result<Response<v1::ListHoldsResponse>, Status> {
        assert_eq!(request.into_inner().after.len(), 32);
        let wrong = v1::ListHoldsResponse { holds: vec![v1::HoldStanding::default()] };
        self.answers(v1::ListHoldsResponse { holds: Vec::new() }, wrong).await
    }

    async fn read_hold(
        &self,
        _: Request<v1::ReadHoldRequest>,
    ) -> Result<Response<v1::ReadHoldResponse>, Status> {
        let reading = |byte| {
            v1::ReadHoldResponse::from(HeldReading {
                standing: standing(byte),
                version: Version::FIRST,
                made_at: NOW,
                says: Vec::new(),
                older: Vec::new(),
            })
        };
        self.answers(reading(8), reading(9)).await
    }

    async fn lift_hold(
        &self,
        _: Request<v1::LiftHoldRequest>,
    ) -> Result<Response<v1::LiftHoldResponse>, Status> {
        let receipt = |byte| v1::LiftHoldResponse { receipt: Some(hold_receipt(byte, 4)) };
        self.answers(receipt(8), receipt(9)).await
    }

    async fn erase(
        &self,
        request: Request<v1::EraseRequest>,
    ) -> Result<Response<v1::EraseResponse>, Status> {
        crate::convert::erasure::from_request(request.into_inner()).unwrap();
        let receipt = |byte: u8| {
            let receipt = v1::EraseReceipt {
                record_id: vec![byte; 16],
                origin: "es-pn".into(),
                ..Default::default()
            };
            let result = Some(v1::erase_result::Result::Receipt(receipt));
            v1::EraseResponse { results: vec![v1::EraseResult { result }] }
        };
        self.answers(receipt(4), receipt(5)).await
    }

    async fn record_reach(
        &self,
        _: Request<v1::RecordReachRequest>,
    ) -> Result<Response<v1::RecordReachResponse>, Status> {
        self.answers(policy::reach(4), policy::reach(5)).await
    }

    async fn read_policy(
        &self,
        _: Request<v1::ReadPolicyRequest>,
    ) -> Result<Response<v1::ReadPolicyResponse>, Status> {
        self.answers(policy::rules(), v1::ReadPolicyResponse::default()).await
    }

    async fn read_census(
        &self,
        _: Request<v1::ReadCensusRequest>,
    ) -> Result<Response<v1::ReadCensusResponse>, Status> {
        self.answers(policy::census(), v1::ReadCensusResponse::default()).await
    }

    async fn list_proposals(
        &self,
        _: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        let listed = |proposals| v1::ListProposalsResponse { proposals };
        self.answers(listed(vec![policy::proposal()]), listed(vec![Default::default()])).await
    }

    async fn sign_policy(
        &self,
        request: Request<v1::SignPolicyRequest>,
    ) -> Result<Response<v1::SignPolicyResponse>, Status> {
        crate::convert::policy::from_request(request.into_inner()).unwrap();
        let signed = v1::SignPolicyResponse { proposal: Some(policy::proposal()) };
        self.answers(signed, v1::SignPolicyResponse::default()).await
    }

    async fn activate_policy(
        &self,
        _: Request<v1::ActivatePolicyRequest>,
    ) -> Result<Response<v1::ActivatePolicyResponse>, Status> {
        let done = v1::ActivatePolicyResponse { activated: Some(policy::activated()) };
        self.answers(done, v1::ActivatePolicyResponse::default()).await
    }

    async fn dispute_record(
        &self,
        _: Request<v1::DisputeRecordRequest>,
    ) -> Result<Response<v1::DisputeRecordResponse>, Status> {
        let done = v1::DisputeRecordResponse::default();
        self.answers(done.clone(), done).await
    }

    async fn use_in_court(
        &self,
        request: Request<v1::UseInCourtRequest>,
    ) -> Result<Response<v1::UseInCourtResponse>, Status> {
        let request = request.into_inner();
        let (record, order) = crate::convert::court_use::from_request(request).unwrap();
        assert_eq!((record.as_bytes(), order.case.as_bytes()), ([4; 3].as_slice(), &[6; 16]));
        let receipt = |byte| v1::UseInCourtResponse {
            record_id: vec![byte; 16],
            version: Some(domain::record::Version::FIRST.into()),
            origin: "be-fedpol".into(),
            state: v1::CourtUse::NotPermitted.into(),
            ..Default::default()
        };
        self.answers(receipt(4), receipt(5)).await
    }

    async fn list_disputes(
        &self,
        _: Request<v1::ListDisputesRequest>,
    ) -> Result<Response<v1::ListDisputesResponse>, Status> {
        let wrong = vec![v1::DisputeStanding::default()];
        let (good, wrong) = (Vec::new(), v1::ListDisputesResponse { disputes: wrong });
        self.answers(v1::ListDisputesResponse { disputes: good }, wrong).await
    }

    async fn rule_on_disputes(
        &self,
        _: Request<v1::RuleOnDisputesRequest>,
    ) -> Result<Response<v1::RuleOnDisputesResponse>, Status> {
        let done = v1::RuleOnDisputesResponse::default();
        self.answers(done.clone(), done).await
    }

    async fn lift_dispute(
        &self,
        _: Request<v1::LiftDisputeRequest>,
    ) -> Result<Response<v1::LiftDisputeResponse>, Status> {
        let receipt =
            |byte| v1::LiftDisputeResponse { record_id: vec![byte; 16], audit_sequence: 9 };
        self.answers(receipt(4), receipt(5)).await
    }

    async fn list_duties(
        &self,
        request: Request<v1::ListDutiesRequest>,
    ) -> Result<Response<v1::ListDutiesResponse>, Status> {
        assert_eq!(request.into_inner().after, [7; 5]);
        let wrong = v1::ListDutiesResponse { duties: vec![v1::Duty::default()] };
        self.answers(v1::ListDutiesResponse { duties: Vec::new() }, wrong).await
    }

    async fn freeze_policy(
        &self,
        _: Request<v1::FreezePolicyRequest>,
    ) -> Result<Response<v1::FreezePolicyResponse>, Status> {
        let done = v1::FreezePolicyResponse { activated: Some(policy::activated()) };
        self.answers(done, v1::FreezePolicyResponse::default()).await
    }

    async fn withdraw(
        &self,
        _: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        let receipt = |byte| v1::WithdrawResponse {
            record_id: vec![byte; 16],
            audit_sequence: 9,
            partners: vec!["es-pn".into()],
        };
        self.answers(receipt(4), receipt(5)).await
    }

    async fn audit_head(
        &self,
        _: Request<v1::AuditHeadRequest>,
    ) -> Result<Response<v1::AuditHeadResponse>, Status> {
        let note = |text: &str| v1::AuditHeadResponse { signed_note: text.into() };
        self.answers(note("be-fedpol\n1\n"), note("")).await
    }

    async fn audit_export(
        &self,
        _: Request<v1::AuditExportRequest>,
    ) -> Result<Response<Self::AuditExportStream>, Status> {
        let good = audit::chunks(&vec![7; audit::CHUNK_BYTES_MAX + 1]).collect();
        self.answers(items(good), items(vec![v1::AuditExportResponse::default()])).await
    }

    type ReadDocketStream = Items<v1::ReadDocketResponse>;

    async fn read_docket(
        &self,
        request: Request<v1::ReadDocketRequest>,
    ) -> Result<Response<Self::ReadDocketStream>, Status> {
        docket::from_read_request(request.get_ref()).unwrap();
        let wrong = v1::ReadDocketResponse { papers: vec![v1::Paper::default()] };
        self.answers(items(docket::to_read(papers()).collect()), items(vec![wrong])).await
    }

    async fn file_papers(
        &self,
        request: Request<v1::FilePapersRequest>,
    ) -> Result<Response<v1::FilePapersResponse>, Status> {
        assert_eq!(docket::from_filing(request.into_inner()).unwrap(), papers());
        let (agreement, standing) = ("malines-2026".to_owned(), "in force".to_owned());
        let filed = v1::FilePapersResponse { agreement, taken: 1, standing };
        self.answers(filed, v1::FilePapersResponse::default()).await
    }

    async fn approve(
        &self,
        _: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        let done = v1::ApproveResponse::default();
        self.answers(done.clone(), done).await
    }

    async fn list_approvals(
        &self,
        _: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        let nothing = v1::ListApprovalsResponse::default();
        self.answers(nothing.clone(), nothing).await
    }

    async fn end_approval(
        &self,
        _: Request<v1::EndApprovalRequest>,
    ) -> Result<Response<v1::EndApprovalResponse>, Status> {
        let done = v1::EndApprovalResponse::default();
        self.answers(done.clone(), done).await
    }
}

fn papers() -> Vec<agreement::Paper> {
    vec![agreement::Paper::Version { bytes: vec![7; 40] }]
}

/// A node that behaves like that, and a channel to it.
async fn node(manner: Manner) -> Channel {
    let router = Server::builder()
        .add_service(PeerServiceServer::new(Node(manner)))
        .add_service(OfficerServiceServer::new(Node(manner)));
    let (listener, channel) = listen().await;
    tokio::spawn(router.serve_with_incoming(accept(listener)));
    channel
}

async fn listen() -> (tokio::net::TcpListener, Channel) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    (listener, endpoint.connect_lazy())
}

fn accept(
    listener: tokio::net::TcpListener,
) -> impl futures_util::Stream<Item = std::io::Result<tokio::net::TcpStream>> {
    stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await.map(|(socket, _)| socket);
        Some((accepted, listener))
    })
}

fn misbehaved<T: std::fmt::Debug>(result: Result<T, CallFailure>) -> &'static str {
    match result {
        Err(CallFailure::Misbehaved(invalid)) => invalid.what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_partner_is_understood() {
    let client = PeerClient::new(node(Manner::Good).await);
    let agreement = "malines-2026".parse().unwrap();
    let reply = client.hello(Hello::new(NOW)).await.unwrap();
    assert_eq!((reply.protocol, reply.clock, reply.incarnation), (PROTOCOL_MAX, NOW, [1; 16]));
    assert_eq!(client.fetch_token_keys(&agreement).await.unwrap().len(), 1);
    let receipt = v1::Envelope::default().try_into().unwrap();
    assert_eq!(client.acknowledge_purge(receipt).await, Ok(()));
    let said = v1::Envelope::default().try_into().unwrap();
    assert_eq!(client.acknowledge_changes(said).await, Ok(()));
    assert_eq!(client.ask(&asked(), 5_000).await, Ok(Answer::NoMatch { as_of: NOW }));

    let mut watch = client.watch(&agreement).await.unwrap();
    assert_eq!(watch.changed().await, Ok(()));
    assert_eq!(watch.changed().await, Ok(()));
    assert_eq!(watch.changed().await, Err(CallFailure::Unavailable));

    // Whatever comes after the last message is not read.
    let mut pull = client.pull(wanted()).await.unwrap();
    assert_eq!(pull.next().await, Ok(Some(message(UpToDate::No))));
    assert_eq!(pull.next().await, Ok(Some(message(UpToDate::Yes))));
    assert_eq!(pull.next().await, Ok(None));
}

#[tokio::test]
async fn a_partner_that_breaks_the_contract_misbehaves() {
    let client = PeerClient::new(node(Manner::Wrong).await);
    assert_eq!(misbehaved(client.hello(Hello::new(NOW)).await), "protocol");
    let agreement = "malines-2026".parse().unwrap();
    assert_eq!(misbehaved(client.fetch_token_keys(&agreement).await), "keys");
    assert_eq!(misbehaved(client.ask(&asked(), 5_000).await), "answer");
    let mut pull = client.pull(wanted()).await.unwrap();
    assert_eq!(pull.next().await, Ok(Some(message(UpToDate::No))));
    assert_eq!(misbehaved(pull.next().await), "incarnation");
    assert_eq!(pull.next().await, Ok(None));

    let client = PeerClient::new(node(Manner::Huge).await);
    let huge = client.ask(&asked(), 5_000).await;
    let too_long = Invalid::new("message", Why::TooLong { max: DECODE_BYTES_MAX });
    assert_eq!(huge, Err(CallFailure::Misbehaved(too_long)));
}

#[tokio::test]
async fn a_stream_that_ends_early_is_not_complete() {
    let client = PeerClient::new(node(Manner::Short).await);
    let mut pull = client.pull(wanted()).await.unwrap();
    assert_eq!(pull.next().await, Ok(Some(message(UpToDate::No))));
    assert_eq!(pull.next().await, Err(CallFailure::Unavailable));
}

#[tokio::test]
async fn a_refusal_is_an_answer_unless_it_tells_too_much() {
    let client = PeerClient::new(node(Manner::Refusing).await);
    let answer = client.ask(&asked(), 5_000).await;
    assert_eq!(answer, Ok(Answer::Refused(RefusalCode::QuotaSpent)));
    let refused = client.pull(wanted()).await.unwrap_err();
    assert_eq!(refused, CallFailure::Refused(RefusalCode::QuotaSpent.into()));
    let client = PeerClient::new(node(Manner::Indiscreet).await);
    assert_eq!(misbehaved(client.ask(&asked(), 5_000).await), "refusal");
    assert_eq!(misbehaved(client.pull(wanted()).await), "refusal");
    assert_eq!(misbehaved(client.hello(Hello::new(NOW)).await), "refusal");
}

#[tokio::test]
async fn silence_other_versions_and_absence_are_told_apart() {
    let silent = PeerClient::new(node(Manner::Silent).await);
    assert_eq!(silent.ask(&asked(), 50).await, Err(CallFailure::TimedOut));
    let newer = PeerClient::new(node(Manner::Newer).await);
    assert_eq!(newer.hello(Hello::new(NOW)).await, Err(CallFailure::Incompatible));

    let (listener, channel) = listen().await;
    let officers_only = OfficerServiceServer::new(Node(Manner::Good));
    tokio::spawn(
        Server::builder().add_service(officers_only).serve_with_incoming(accept(listener)),
    );
    let no_such_call = PeerClient::new(channel).hello(Hello::new(NOW)).await;
    assert_eq!(no_such_call, Err(CallFailure::Incompatible));

    let (listener, channel) = listen().await;
    drop(listener);
    let absent = PeerClient::new(channel).hello(Hello::new(NOW)).await;
    assert_eq!(absent, Err(CallFailure::Unavailable));
}

#[tokio::test]
async fn an_unpadded_question_is_not_sent() {
    let (listener, channel) = listen().await;
    drop(listener);
    let mut unpadded = asked();
    unpadded.tokens.pop();
    let failure = PeerClient::new(channel).ask(&unpadded, 5_000).await;
    let invalid = Invalid::new("tokens", Why::Step);
    assert_eq!(failure, Err(CallFailure::NotSent(invalid)));
}
