//! Serves the officers of the own agency.

use super::{drained, to_error};
use crate::ledger::Ledger;
use crate::peers::{Links, Nudges, Partners};
use crate::policy_book::PolicyBook;
use crate::upkeep::Board;
use desk::Desk;
use desk::error::DeskError;
use domain::name::{OfficerId, RecordId};
use domain::refusal::RefusalCode;
use domain::report::{CaseOpening, Link, Mode};
use domain::submission::Fate;
use futures_util::Stream;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};
use wire::accept::calling_officer;
use wire::convert::approval::ApprovalsAfter;
use wire::convert::audit::{CHUNK_BYTES_MAX, SignedNote, chunks};
use wire::convert::dispute::{DisputesAfter, PlacedDispute};
use wire::convert::duty::{DutiesAfter, ListedDuty};
use wire::convert::hold::{HoldReference, HoldsAfter};
use wire::convert::policy::{CensusAfter, CensusPage, ProposalReference};
use wire::convert::query::HitsAfter;
use wire::convert::status::Reader;
use wire::convert::withdrawal::RecordReference;
use wire::convert::{
    approval, correction, court_use, dispute, docket, erasure, hold, policy, query, submission,
};
use wire::v1;
use wire::v1::officer_service_server::OfficerService;

/// Chunks of an export that wait for the network.
const CHUNKS_WAITING_MAX: usize = 4;

/// The service for officers.
pub(crate) struct OfficerDoor {
    pub desk: Arc<Desk>,
    pub partners: Arc<Partners>,
    pub links: Arc<Links>,
    pub nudges: Arc<Nudges>,
    pub board: Arc<Board>,
    pub ledger: Arc<Ledger>,
    pub policy_book: Arc<PolicyBook>,
    /// Why the node is in recovery; empty if it is not.
    pub recovery: String,
}

impl OfficerDoor {
    /// What an officer is shown is an entry before it is shown; in recovery nothing is written.
    async fn consulted(
        &self,
        officer: &OfficerId,
        what: &'static str,
        shown: usize,
        record: Option<RecordId>,
    ) -> Result<(), Status> {
        if !self.recovery.is_empty() {
            return Ok(());
        }
        self.desk.note_consulted(officer, what, shown, record).await.map_err(failed)
    }
}

fn officer_of<T>(request: &Request<T>) -> Result<OfficerId, Status> {
    Ok(calling_officer(request)?.officer.clone())
}

fn invalid(invalid: wire::convert::Invalid) -> Status {
    invalid.to_status(Reader::Officer)
}

fn failed(error: DeskError) -> Status {
    to_error(&error, Reader::Officer)
}

#[tonic::async_trait]
impl OfficerService for OfficerDoor {
    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        officer_of(&request)?;
        let (version, upkeep) = (env!("CARGO_PKG_VERSION"), self.board.status());
        let status = self.desk.status(version, upkeep, |peer| self.links.report(peer));
        let mut status = status.map_err(failed)?;
        if !self.recovery.is_empty() {
            for partner in &mut status.partners {
                partner.link = Link::Down;
                "in recovery nobody is dialled".clone_into(&mut partner.note);
            }
        }
        status.recovery.clone_from(&self.recovery);
        Ok(Response::new(status.into()))
    }

    async fn open_case(
        &self,
        request: Request<v1::OpenCaseRequest>,
    ) -> Result<Response<v1::OpenCaseResponse>, Status> {
        let officer = officer_of(&request)?;
        let opening = CaseOpening::try_from(request.into_inner()).map_err(invalid)?;
        let case = self.desk.open_case(&officer, opening).await.map_err(failed)?;
        Ok(Response::new(case.into()))
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let officer = officer_of(&request)?;
        let cases = self.desk.list_cases(request.get_ref().after_number).map_err(failed)?;
        self.consulted(&officer, "cases", cases.len(), None).await?;
        Ok(Response::new(cases.into()))
    }

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let officer = officer_of(&request)?;
        let (submissions, mode) =
            submission::from_request(request.into_inner()).map_err(invalid)?;
        let outcomes = self.desk.submit(&officer, submissions, mode).await.map_err(failed)?;
        let leaving = outcomes.iter().flatten().flat_map(|receipt| &receipt.outlook);
        let leaving = leaving.filter(|outlook| outlook.fate == Fate::Leaves);
        if mode == Mode::Real {
            self.nudges.nudge(leaving.map(|outlook| &outlook.peer));
        }
        Ok(Response::new(outcomes.into()))
    }

    async fn query(
        &self,
        request: Request<v1::QueryRequest>,
    ) -> Result<Response<v1::QueryResponse>, Status> {
        let officer = officer_of(&request)?;
        let (asked, mode) = query::from_request(request.into_inner()).map_err(invalid)?;
        let report = self.desk.query(&officer, &asked, mode, &*self.partners).await;
        Ok(Response::new(report.map_err(failed)?.into()))
    }

    async fn list_hits(
        &self,
        request: Request<v1::ListHitsRequest>,
    ) -> Result<Response<v1::ListHitsResponse>, Status> {
        let officer = officer_of(&request)?;
        let HitsAfter(after) = request.into_inner().try_into().map_err(invalid)?;
        let hits = self.desk.list_hits(after.as_ref()).map_err(failed)?;
        self.consulted(&officer, "matches", hits.len(), None).await?;
        Ok(Response::new(hits.into()))
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        let officer = officer_of(&request)?;
        let reference = RecordReference::try_from(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_own(reference.as_bytes()).map_err(failed)?;
        let receipt = self.desk.withdraw(&officer, record_id).await.map_err(failed)?;
        self.nudges.nudge(receipt.partners.iter());
        Ok(Response::new(receipt.into()))
    }

    async fn correct(
        &self,
        request: Request<v1::CorrectRequest>,
    ) -> Result<Response<v1::CorrectResponse>, Status> {
        let officer = officer_of(&request)?;
        let (reference, wanted, mode) =
            correction::from_request(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_own(reference.as_bytes()).map_err(failed)?;
        let corrected = self.desk.correct(&officer, record_id, &wanted, mode).await;
        let receipt = corrected.map_err(failed)?;
        if mode == Mode::Real {
            let leaving = receipt.outlook.iter().filter(|outlook| outlook.fate == Fate::Leaves);
            self.nudges.nudge(leaving.map(|outlook| &outlook.peer).chain(&receipt.told));
        }
        Ok(Response::new(receipt.into()))
    }

    async fn history(
        &self,
        request: Request<v1::HistoryRequest>,
    ) -> Result<Response<v1::HistoryResponse>, Status> {
        let officer = officer_of(&request)?;
        let reference = RecordReference::try_from(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_own(reference.as_bytes()).map_err(failed)?;
        let history = self.desk.history(&officer, record_id).await.map_err(failed)?;
        Ok(Response::new(history.into()))
    }

    async fn place_hold(
        &self,
        request: Request<v1::PlaceHoldRequest>,
    ) -> Result<Response<v1::PlaceHoldResponse>, Status> {
        let officer = officer_of(&request)?;
        let (reference, order) = hold::from_request(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_record(reference.as_bytes()).map_err(failed)?;
        let receipt = self.desk.place_hold(&officer, record_id, order).await.map_err(failed)?;
        Ok(Response::new(receipt.into()))
    }

    async fn list_holds(
        &self,
        request: Request<v1::ListHoldsRequest>,
    ) -> Result<Response<v1::ListHoldsResponse>, Status> {
        let officer = officer_of(&request)?;
        let HoldsAfter(after) = request.into_inner().try_into().map_err(invalid)?;
        let listed = self.desk.list_holds(&officer, after).await.map_err(failed)?;
        Ok(Response::new(listed.into()))
    }

    async fn read_hold(
        &self,
        request: Request<v1::ReadHoldRequest>,
    ) -> Result<Response<v1::ReadHoldResponse>, Status> {
        let officer = officer_of(&request)?;
        let reference = HoldReference::try_from(request.into_inner()).map_err(invalid)?;
        let reading = self.desk.read_hold(&officer, reference.as_bytes()).await.map_err(failed)?;
        Ok(Response::new(reading.into()))
    }

    async fn lift_hold(
        &self,
        request: Request<v1::LiftHoldRequest>,
    ) -> Result<Response<v1::LiftHoldResponse>, Status> {
        let officer = officer_of(&request)?;
        let (reference, reason) = hold::from_lift_request(request.into_inner()).map_err(invalid)?;
        let lifted = self.desk.lift_hold(&officer, reference.as_bytes(), &reason).await;
        Ok(Response::new(lifted.map_err(failed)?.into()))
    }

    async fn dispute_record(
        &self,
        request: Request<v1::DisputeRecordRequest>,
    ) -> Result<Response<v1::DisputeRecordResponse>, Status> {
        let officer = officer_of(&request)?;
        let (reference, order) = dispute::from_request(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_record(reference.as_bytes()).map_err(failed)?;
        let raised = self.desk.raise_dispute(&officer, record_id, order).await;
        Ok(Response::new(raised.map_err(failed)?.into()))
    }

    async fn list_disputes(
        &self,
        request: Request<v1::ListDisputesRequest>,
    ) -> Result<Response<v1::ListDisputesResponse>, Status> {
        let officer = officer_of(&request)?;
        let DisputesAfter(after) = request.into_inner().try_into().map_err(invalid)?;
        let disputes = self.desk.list_disputes(after.as_deref()).map_err(failed)?;
        self.consulted(&officer, "disputes", disputes.len(), None).await?;
        let placed = disputes.into_iter();
        let placed = placed.map(|(place, dispute)| PlacedDispute { place, dispute });
        Ok(Response::new(placed.collect::<Vec<_>>().into()))
    }

    async fn rule_on_disputes(
        &self,
        request: Request<v1::RuleOnDisputesRequest>,
    ) -> Result<Response<v1::RuleOnDisputesResponse>, Status> {
        let officer = officer_of(&request)?;
        let (reference, ruling) = dispute::from_ruling(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_own(reference.as_bytes()).map_err(failed)?;
        let answered = self.desk.answer_disputes(&officer, record_id, &ruling).await;
        let receipt = answered.map_err(failed)?;
        self.nudges.nudge(self.desk.partners().iter().map(|partner| &partner.agency));
        Ok(Response::new(receipt.into()))
    }

    async fn lift_dispute(
        &self,
        request: Request<v1::LiftDisputeRequest>,
    ) -> Result<Response<v1::LiftDisputeResponse>, Status> {
        let officer = officer_of(&request)?;
        let reference = dispute::from_lift(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_record(reference.as_bytes()).map_err(failed)?;
        let lifted = self.desk.lift_dispute(&officer, record_id).await.map_err(failed)?;
        Ok(Response::new(lifted.into()))
    }

    async fn list_duties(
        &self,
        request: Request<v1::ListDutiesRequest>,
    ) -> Result<Response<v1::ListDutiesResponse>, Status> {
        officer_of(&request)?;
        let DutiesAfter(after) = request.into_inner().try_into().map_err(invalid)?;
        let duties = self.desk.list_duties(after.as_deref()).map_err(failed)?;
        let listed = duties.into_iter().map(|(place, duty)| ListedDuty { place, duty });
        Ok(Response::new(listed.collect::<Vec<_>>().into()))
    }

    async fn erase(
        &self,
        request: Request<v1::EraseRequest>,
    ) -> Result<Response<v1::EraseResponse>, Status> {
        let officer = officer_of(&request)?;
        let (references, reason) = erasure::from_request(request.into_inner()).map_err(invalid)?;
        let records: Vec<Vec<u8>> =
            references.iter().map(|reference| reference.as_bytes().to_vec()).collect();
        // The ledger outlives every backup: what it does not know a restore would bring back.
        let unwritten = |error: crate::error::NodeError| {
            tracing::error!(%error, "the erasure ledger could not be written");
            failed(DeskError::Unavailable("the erasure ledger"))
        };
        let _turn = self.ledger.turn().await;
        self.ledger.ask(&**self.desk.store(), &records).map_err(unwritten)?;
        let outcomes = match self.desk.erase(&officer, &records, &reason).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.ledger.settle_by(&**self.desk.store()).map_err(unwritten)?;
                return Err(failed(error));
            }
        };
        let erased: Vec<_> = outcomes.iter().flatten().map(|receipt| receipt.record_id).collect();
        self.ledger.settle(&erased).map_err(unwritten)?;
        self.nudges.nudge(outcomes.iter().flatten().flat_map(|receipt| &receipt.told));
        Ok(Response::new(outcomes.into()))
    }

    async fn record_reach(
        &self,
        request: Request<v1::RecordReachRequest>,
    ) -> Result<Response<v1::RecordReachResponse>, Status> {
        let officer = officer_of(&request)?;
        let reference = RecordReference::try_from(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_record(reference.as_bytes()).map_err(failed)?;
        let reach = self.desk.reach(record_id).map_err(failed)?;
        self.consulted(&officer, "how a record travels", 1, Some(record_id)).await?;
        Ok(Response::new(reach.into()))
    }

    async fn read_policy(
        &self,
        request: Request<v1::ReadPolicyRequest>,
    ) -> Result<Response<v1::ReadPolicyResponse>, Status> {
        officer_of(&request)?;
        let which = request.into_inner().try_into().map_err(invalid)?;
        Ok(Response::new(self.policy_book.read(&which).map_err(failed)?.into()))
    }

    async fn read_census(
        &self,
        request: Request<v1::ReadCensusRequest>,
    ) -> Result<Response<v1::ReadCensusResponse>, Status> {
        officer_of(&request)?;
        let asked = CensusAfter::try_from(request.into_inner()).map_err(invalid)?;
        let census = self.desk.census(&asked.agreement).map_err(failed)?;
        Ok(Response::new(CensusPage::cut(census, asked.after).into()))
    }

    async fn list_proposals(
        &self,
        request: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        officer_of(&request)?;
        Ok(Response::new(self.policy_book.proposals().map_err(failed)?.into()))
    }

    async fn sign_policy(
        &self,
        request: Request<v1::SignPolicyRequest>,
    ) -> Result<Response<v1::SignPolicyResponse>, Status> {
        let officer = officer_of(&request)?;
        let (local, consent) = policy::from_request(request.into_inner()).map_err(invalid)?;
        let signed = self.policy_book.sign(&officer, local, consent).await;
        Ok(Response::new(signed.map_err(failed)?.into()))
    }

    async fn activate_policy(
        &self,
        request: Request<v1::ActivatePolicyRequest>,
    ) -> Result<Response<v1::ActivatePolicyResponse>, Status> {
        let officer = officer_of(&request)?;
        let ProposalReference(proposal) = request.into_inner().try_into().map_err(invalid)?;
        let activated = self.policy_book.activate(&officer, &proposal).await.map_err(failed)?;
        self.nudges.nudge(self.desk.partners().iter().map(|partner| &partner.agency));
        drained(&self.desk).await;
        Ok(Response::new(v1::ActivatePolicyResponse { activated: Some(activated.into()) }))
    }

    async fn freeze_policy(
        &self,
        request: Request<v1::FreezePolicyRequest>,
    ) -> Result<Response<v1::FreezePolicyResponse>, Status> {
        let officer = officer_of(&request)?;
        let consent = request.into_inner().try_into().map_err(invalid)?;
        let activated = self.policy_book.freeze(&officer, consent).await.map_err(failed)?;
        self.nudges.nudge(self.desk.partners().iter().map(|partner| &partner.agency));
        drained(&self.desk).await;
        Ok(Response::new(v1::FreezePolicyResponse { activated: Some(activated.into()) }))
    }

    async fn approve(
        &self,
        request: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        let officer = officer_of(&request)?;
        let (reference, signed) = approval::from_request(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_own(reference.as_bytes()).map_err(failed)?;
        let taken = self.desk.take_approval(&officer, record_id, signed).await;
        let receipt = taken.map_err(failed)?;
        self.nudges.nudge(core::iter::once(&receipt.peer));
        Ok(Response::new(receipt.into()))
    }

    async fn list_approvals(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        let officer = officer_of(&request)?;
        let ApprovalsAfter(after) = request.into_inner().try_into().map_err(invalid)?;
        let page = self.desk.list_approvals(after).map_err(failed)?;
        let shown = page.pending.len() + page.approvals.len();
        self.consulted(&officer, "approvals", shown, None).await?;
        Ok(Response::new(page.into()))
    }

    async fn end_approval(
        &self,
        request: Request<v1::EndApprovalRequest>,
    ) -> Result<Response<v1::EndApprovalResponse>, Status> {
        let officer = officer_of(&request)?;
        let end = approval::from_end_request(request.into_inner()).map_err(invalid)?;
        let receipt = self.desk.end_approval(&officer, end).await.map_err(failed)?;
        self.nudges.nudge(core::iter::once(&receipt.peer));
        drained(&self.desk).await;
        Ok(Response::new(receipt.into()))
    }

    async fn use_in_court(
        &self,
        request: Request<v1::UseInCourtRequest>,
    ) -> Result<Response<v1::UseInCourtResponse>, Status> {
        let officer = officer_of(&request)?;
        let (reference, order) = court_use::from_request(request.into_inner()).map_err(invalid)?;
        let record_id = self.desk.find_record(reference.as_bytes()).map_err(failed)?;
        let used = self.desk.use_in_court(&officer, record_id, &order, &*self.partners).await;
        Ok(Response::new(used.map_err(failed)?.into()))
    }

    async fn audit_head(
        &self,
        request: Request<v1::AuditHeadRequest>,
    ) -> Result<Response<v1::AuditHeadResponse>, Status> {
        officer_of(&request)?;
        let desk = Arc::clone(&self.desk);
        // Signing a head writes a file.
        let signed = tokio::task::spawn_blocking(move || desk.sign_head()).await;
        let note = signed.map_err(|_| Status::internal("the task ended"))?.map_err(failed)?;
        Ok(Response::new(SignedNote(note).into()))
    }

    type AuditExportStream =
        Pin<Box<dyn Stream<Item = Result<v1::AuditExportResponse, Status>> + Send + 'static>>;

    async fn audit_export(
        &self,
        request: Request<v1::AuditExportRequest>,
    ) -> Result<Response<Self::AuditExportStream>, Status> {
        let officer = officer_of(&request)?;
        self.desk.begin_export(&officer).await.map_err(failed)?;
        let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
        let desk = Arc::clone(&self.desk);
        // Reading the whole journal blocks; it has a thread of its own.
        tokio::task::spawn_blocking(move || {
            let mut writer = ChunkWriter { sender: sender.clone(), waiting: Vec::new() };
            let written = desk.write_export(&mut writer).and_then(|()| {
                writer.flush().map_err(|_| DeskError::Unavailable("the officer's program"))
            });
            if let Err(error) = written {
                let _ = sender.blocking_send(Err(failed(error)));
            }
        });
        let chunks = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        Ok(Response::new(Box::pin(chunks)))
    }

    type ReadDocketStream =
        Pin<Box<dyn Stream<Item = Result<v1::ReadDocketResponse, Status>> + Send + 'static>>;

    async fn read_docket(
        &self,
        request: Request<v1::ReadDocketRequest>,
    ) -> Result<Response<Self::ReadDocketStream>, Status> {
        officer_of(&request)?;
        let agreement = docket::from_read_request(request.get_ref()).map_err(invalid)?;
        let unknown = || failed(RefusalCode::AgreementUnknown.into());
        let docket = self.desk.docket(&agreement).ok_or_else(unknown)?;
        let papers = docket.papers().values().cloned().collect();
        let messages = docket::to_read(papers).map(Ok).collect::<Vec<_>>();
        Ok(Response::new(Box::pin(futures_util::stream::iter(messages))))
    }

    async fn file_papers(
        &self,
        request: Request<v1::FilePapersRequest>,
    ) -> Result<Response<v1::FilePapersResponse>, Status> {
        let officer = officer_of(&request)?;
        let papers = docket::from_filing(request.into_inner()).map_err(invalid)?;
        let filed = self.desk.file_papers_by(&officer, papers).await.map_err(failed)?;
        self.nudges.nudge(self.desk.partners().iter().map(|partner| &partner.agency));
        drained(&self.desk).await;
        Ok(Response::new(filed.into()))
    }
}

/// Cuts what is written into chunks and hands them to the network, at its pace.
struct ChunkWriter {
    sender: mpsc::Sender<Result<v1::AuditExportResponse, Status>>,
    waiting: Vec<u8>,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= CHUNK_BYTES_MAX {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        for chunk in chunks(&self.waiting) {
            let sent = self.sender.blocking_send(Ok(chunk));
            sent.map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
        }
        self.waiting.clear();
        Ok(())
    }
}
