//! Calls an officer's own node.

use crate::client::{CallFailure, answer, misfit, request};
use crate::convert::approval::ApprovalsAfter;
use crate::convert::audit::{Chunk, SignedNote};
use crate::convert::dispute::{DisputesAfter, PlacedDispute};
use crate::convert::duty::{DutiesAfter, ListedDuty};
use crate::convert::erasure::ErasureResult;
use crate::convert::hold::{HoldReference, HoldsAfter};
use crate::convert::policy::{CensusAfter, CensusPage, ProposalReference};
use crate::convert::query::HitsAfter;
use crate::convert::submission::SubmissionResult;
use crate::convert::withdrawal::RecordReference;
use crate::convert::{
    Invalid, Why, approval, correction, court_use, dispute, docket, erasure, hold, policy, query,
    submission,
};
use crate::limits::{CALL_MS_MAX, DECODE_BYTES_MAX, ENCODE_BYTES_MAX};
use crate::v1;
use crate::v1::officer_service_client::OfficerServiceClient;
use ::policy::proposal::{Activated, PolicyText, Proposal, Which};
use ::policy::reach::Reach;
use agreement::Paper;
use agreement::docket::PAPERS_MAX;
use domain::approval::{ApprovalPage, ApprovalReceipt};
use domain::correction::{Correction, CorrectionReceipt, History};
use domain::court_use::{CourtUseOrder, CourtUseReceipt};
use domain::dispute::{AnswerReceipt, DisputeOrder, DisputeReceipt, LiftReceipt, Ruling};
use domain::envelope::Envelope;
use domain::hold::{HeldReading, HoldOrder, HoldReceipt, HoldStanding};
use domain::name::{AgreementId, Digest, HoldId, RecordId};
use domain::report::{
    CaseOpening, Hit, Mode, NodeStatus, PapersFiled, Query, QueryReport, WithdrawalReceipt,
};
use domain::submission::{Case, Submission};
use std::time::Duration;
use tonic::Streaming;
use tonic::transport::Channel;

/// A query waits for its partners, in milliseconds.
pub const QUERY_MS_MAX: u64 = CALL_MS_MAX;
/// The largest export of an audit log that is taken, in bytes.
pub const EXPORT_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Calls one's own node. A clone shares the connection.
#[derive(Debug, Clone)]
pub struct OfficerClient {
    service: OfficerServiceClient<Channel>,
}

impl OfficerClient {
    /// Calls over a channel of [`crate::connect::Dialler`], which knows who has to answer.
    pub fn new(channel: Channel) -> Self {
        let service = OfficerServiceClient::new(channel)
            .max_decoding_message_size(DECODE_BYTES_MAX)
            .max_encoding_message_size(ENCODE_BYTES_MAX);
        Self { service }
    }

    /// How the node and its partners are.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn status(&self) -> Result<NodeStatus, CallFailure> {
        let mut service = self.service.clone();
        let call = service.status(request(v1::StatusRequest {}, CALL_MS_MAX));
        Ok(answer(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Opens a case.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn open_case(&self, opening: CaseOpening) -> Result<Case, CallFailure> {
        let mut service = self.service.clone();
        let call = service.open_case(request(opening.into(), CALL_MS_MAX));
        Ok(answer::<v1::OpenCaseResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// One page of the agency's cases: those with a number above `after_number`.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_cases(&self, after_number: u32) -> Result<Vec<Case>, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_cases(request(v1::ListCasesRequest { after_number }, CALL_MS_MAX));
        Ok(answer::<v1::ListCasesResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Submits, or asks what would happen; one result for each submission, in their order.
    ///
    /// # Errors
    /// [`CallFailure`]; after a failure that came too late, submit again under the same
    /// idempotency keys.
    pub async fn submit(
        &self,
        submissions: Vec<Submission>,
        mode: Mode,
    ) -> Result<Vec<SubmissionResult>, CallFailure> {
        let mut service = self.service.clone();
        let count = submissions.len();
        let message = submission::to_request(submissions, mode).map_err(CallFailure::NotSent)?;
        let call = service.submit(request(message, CALL_MS_MAX));
        let response = answer::<v1::SubmitResponse>(CALL_MS_MAX, call).await?;
        let results = Vec::<SubmissionResult>::try_from(response)?;
        if results.len() == count { Ok(results) } else { Err(misfit("results")) }
    }

    /// Asks the own index, and the partners that the query names.
    ///
    /// # Errors
    /// [`CallFailure`]; what a partner did not answer is in the report, not here.
    pub async fn query(&self, asked: Query, mode: Mode) -> Result<QueryReport, CallFailure> {
        let mut service = self.service.clone();
        let call = service.query(request(query::to_request(asked, mode), QUERY_MS_MAX));
        Ok(answer::<v1::QueryResponse>(QUERY_MS_MAX, call).await?.try_into()?)
    }

    /// One page of what matched so far, newest first, after the hit with this follow-up reference.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_hits(&self, after: Option<RecordId>) -> Result<Vec<Hit>, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_hits(request(HitsAfter(after).into(), CALL_MS_MAX));
        Ok(answer::<v1::ListHitsResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Takes a record back, for ever.
    ///
    /// # Errors
    /// [`CallFailure`]; a receipt for a record that was not named is one.
    pub async fn withdraw(
        &self,
        record: RecordReference,
    ) -> Result<WithdrawalReceipt, CallFailure> {
        let mut service = self.service.clone();
        let call = service.withdraw(request(record.clone().into(), CALL_MS_MAX));
        let response = answer::<v1::WithdrawResponse>(CALL_MS_MAX, call).await?;
        let receipt = WithdrawalReceipt::try_from(response)?;
        if record.names(&receipt.record_id) { Ok(receipt) } else { Err(misfit("record_id")) }
    }

    /// Makes a new version of an own record, or asks what would change.
    ///
    /// # Errors
    /// [`CallFailure`]; a receipt for a record that was not named is one.
    pub async fn correct(
        &self,
        record: RecordReference,
        wanted: Correction,
        mode: Mode,
    ) -> Result<CorrectionReceipt, CallFailure> {
        let mut service = self.service.clone();
        let message = correction::to_request(record.clone(), wanted, mode);
        let call = service.correct(request(message, CALL_MS_MAX));
        let response = answer::<v1::CorrectResponse>(CALL_MS_MAX, call).await?;
        let receipt = CorrectionReceipt::try_from(response)?;
        if record.names(&receipt.record_id) { Ok(receipt) } else { Err(misfit("record_id")) }
    }

    /// The versions of an own record, oldest first.
    ///
    /// # Errors
    /// [`CallFailure`]; those of a record that was not named are one.
    pub async fn history(&self, record: RecordReference) -> Result<History, CallFailure> {
        let mut service = self.service.clone();
        let call = service.history(request(record.clone().into(), CALL_MS_MAX));
        let response = answer::<v1::HistoryResponse>(CALL_MS_MAX, call).await?;
        let history = History::try_from(response)?;
        if record.names(&history.record_id) { Ok(history) } else { Err(misfit("record_id")) }
    }

    /// Places a legal hold.
    ///
    /// # Errors
    /// [`CallFailure`]; a hold on a record that was not named is one.
    pub async fn place_hold(
        &self,
        record: RecordReference,
        order: HoldOrder,
    ) -> Result<HoldReceipt, CallFailure> {
        let mut service = self.service.clone();
        let message = hold::to_request(record.clone(), order);
        let call = service.place_hold(request(message, CALL_MS_MAX));
        let response = answer::<v1::PlaceHoldResponse>(CALL_MS_MAX, call).await?;
        let receipt = HoldReceipt::try_from(response)?;
        if record.names(&receipt.record_id) { Ok(receipt) } else { Err(misfit("record_id")) }
    }

    /// One page of the legal holds, by record, after the one with this record and hold.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_holds(
        &self,
        after: Option<(RecordId, HoldId)>,
    ) -> Result<Vec<HoldStanding>, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_holds(request(HoldsAfter(after).into(), CALL_MS_MAX));
        Ok(answer::<v1::ListHoldsResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Reads a record under its hold.
    ///
    /// # Errors
    /// [`CallFailure`]; one under a hold that was not named is one.
    pub async fn read_hold(&self, hold: HoldReference) -> Result<HeldReading, CallFailure> {
        let mut service = self.service.clone();
        let call = service.read_hold(request(hold.clone().into(), CALL_MS_MAX));
        let response = answer::<v1::ReadHoldResponse>(CALL_MS_MAX, call).await?;
        let reading = HeldReading::try_from(response)?;
        let fits = hold.names(&reading.standing.hold.hold_id);
        if fits { Ok(reading) } else { Err(misfit("hold_id")) }
    }

    /// One page of the duties, the most overdue first, after the one at this place.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_duties(
        &self,
        after: Option<Vec<u8>>,
    ) -> Result<Vec<ListedDuty>, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_duties(request(DutiesAfter(after).into(), CALL_MS_MAX));
        Ok(answer::<v1::ListDutiesResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Disputes a partner's record.
    ///
    /// # Errors
    /// [`CallFailure`]; a receipt for a record that was not named is one.
    pub async fn dispute_record(
        &self,
        record: RecordReference,
        order: DisputeOrder,
    ) -> Result<DisputeReceipt, CallFailure> {
        let mut service = self.service.clone();
        let message = dispute::to_request(record.clone(), order);
        let call = service.dispute_record(request(message, CALL_MS_MAX));
        let response = answer::<v1::DisputeRecordResponse>(CALL_MS_MAX, call).await?;
        let receipt = DisputeReceipt::try_from(response)?;
        if record.names(&receipt.record_id) { Ok(receipt) } else { Err(misfit("record_id")) }
    }

    /// One page of the disputes, ours first, after the one at this place.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_disputes(
        &self,
        after: Option<Vec<u8>>,
    ) -> Result<Vec<PlacedDispute>, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_disputes(request(DisputesAfter(after).into(), CALL_MS_MAX));
        Ok(answer::<v1::ListDisputesResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Answers all open disputes about an own record.
    ///
    /// # Errors
    /// [`CallFailure`]; a receipt for a record that was not named is one.
    pub async fn rule_on_disputes(
        &self,
        record: RecordReference,
        ruling: Ruling,
    ) -> Result<AnswerReceipt, CallFailure> {
        let mut service = self.service.clone();
        let message = dispute::to_ruling(record.clone(), ruling);
        let call = service.rule_on_disputes(request(message, CALL_MS_MAX));
        let response = answer::<v1::RuleOnDisputesResponse>(CALL_MS_MAX, call).await?;
        let receipt = AnswerReceipt::try_from(response)?;
        if record.names(&receipt.record_id) { Ok(receipt) } else { Err(misfit("record_id")) }
    }

    /// Matches with a record again that we disputed.
    ///
    /// # Errors
    /// [`CallFailure`]; a receipt for a record that was not named is one.
    pub async fn lift_dispute(&self, record: RecordReference) -> Result<LiftReceipt, CallFailure> {
        let mut service = self.service.clone();
        let call = service.lift_dispute(request(dispute::to_lift(record.clone()), CALL_MS_MAX));
        let response = answer::<v1::LiftDisputeResponse>(CALL_MS_MAX, call).await?;
        let receipt = LiftReceipt::try_from(response)?;
        if record.names(&receipt.record_id) { Ok(receipt) } else { Err(misfit("record_id")) }
    }

    /// Lifts a legal hold.
    ///
    /// # Errors
    /// [`CallFailure`]; a receipt for a hold that was not named is one.
    pub async fn lift_hold(
        &self,
        hold: HoldReference,
        reason: impl Into<String>,
    ) -> Result<HoldReceipt, CallFailure> {
        let mut service = self.service.clone();
        let message = hold::to_lift_request(hold.clone(), reason.into());
        let call = service.lift_hold(request(message, CALL_MS_MAX));
        let response = answer::<v1::LiftHoldResponse>(CALL_MS_MAX, call).await?;
        let receipt = HoldReceipt::try_from(response)?;
        if hold.names(&receipt.hold_id) { Ok(receipt) } else { Err(misfit("hold_id")) }
    }

    /// Erases records here; one result for each, in their order.
    ///
    /// # Errors
    /// [`CallFailure`]; results that do not fit what was asked are one.
    pub async fn erase(
        &self,
        records: Vec<RecordReference>,
        reason: impl Into<String>,
    ) -> Result<Vec<ErasureResult>, CallFailure> {
        let mut service = self.service.clone();
        let message = erasure::to_request(records.clone(), reason.into());
        let call = service.erase(request(message, CALL_MS_MAX));
        let response = answer::<v1::EraseResponse>(CALL_MS_MAX, call).await?;
        let results = Vec::<ErasureResult>::try_from(response)?;
        let fits = |(record, result): (&RecordReference, &ErasureResult)| {
            result.as_ref().map_or(true, |receipt| record.names(&receipt.record_id))
        };
        let fit = results.len() == records.len() && records.iter().zip(&results).all(fits);
        if fit { Ok(results) } else { Err(misfit("results")) }
    }

    /// Who could get a record by policy now, and who is granted it.
    ///
    /// # Errors
    /// [`CallFailure`]; an answer about a record that was not named is one.
    pub async fn record_reach(&self, record: RecordReference) -> Result<Reach, CallFailure> {
        let mut service = self.service.clone();
        let call = service.record_reach(request(record.clone().into(), CALL_MS_MAX));
        let reach: Reach =
            answer::<v1::RecordReachResponse>(CALL_MS_MAX, call).await?.try_into()?;
        if record.names(&reach.record_id) { Ok(reach) } else { Err(misfit("record_id")) }
    }

    /// Rules: those in force, those before, or proposed ones.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn read_policy(&self, which: Which) -> Result<PolicyText, CallFailure> {
        let mut service = self.service.clone();
        let call = service.read_policy(request(which.into(), CALL_MS_MAX));
        Ok(answer::<v1::ReadPolicyResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// One page of the classes held under an agreement.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn read_census(&self, asked: CensusAfter) -> Result<CensusPage, CallFailure> {
        let mut service = self.service.clone();
        let call = service.read_census(request(asked.into(), CALL_MS_MAX));
        Ok(answer::<v1::ReadCensusResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// The proposals that wait.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_proposals(&self) -> Result<Vec<Proposal>, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_proposals(request(v1::ListProposalsRequest {}, CALL_MS_MAX));
        Ok(answer::<v1::ListProposalsResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Proposes rules, or adds a signature to a proposal.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn sign_policy(
        &self,
        local: String,
        consent: Envelope,
    ) -> Result<Proposal, CallFailure> {
        let mut service = self.service.clone();
        let message = policy::to_request(local, consent);
        let call = service.sign_policy(request(message, CALL_MS_MAX));
        Ok(answer::<v1::SignPolicyResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Puts a proposal in force.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn activate_policy(
        &self,
        proposal: ProposalReference,
    ) -> Result<Activated, CallFailure> {
        let mut service = self.service.clone();
        let call = service.activate_policy(request(proposal.into(), CALL_MS_MAX));
        let response = answer::<v1::ActivatePolicyResponse>(CALL_MS_MAX, call).await?;
        Ok(policy::activated(response.activated)?)
    }

    /// Stops all sharing at once.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn freeze_policy(&self, consent: Envelope) -> Result<Activated, CallFailure> {
        let mut service = self.service.clone();
        let call = service.freeze_policy(request(consent.into(), CALL_MS_MAX));
        let response = answer::<v1::FreezePolicyResponse>(CALL_MS_MAX, call).await?;
        Ok(policy::activated(response.activated)?)
    }

    /// Asks whether a record may be used in court, in a case.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn use_in_court(
        &self,
        record: RecordReference,
        order: CourtUseOrder,
    ) -> Result<CourtUseReceipt, CallFailure> {
        let mut service = self.service.clone();
        let message = court_use::to_request(record.clone(), order);
        let call = service.use_in_court(request(message, CALL_MS_MAX));
        let response = answer::<v1::UseInCourtResponse>(CALL_MS_MAX, call).await?;
        let receipt = CourtUseReceipt::try_from(response)?;
        if record.names(&receipt.record_id) { Ok(receipt) } else { Err(misfit("record_id")) }
    }

    /// Hands in what a person signed for one own record.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn approve(
        &self,
        record: RecordReference,
        signed: Envelope,
    ) -> Result<ApprovalReceipt, CallFailure> {
        let mut service = self.service.clone();
        let call = service.approve(request(approval::to_request(record, signed), CALL_MS_MAX));
        Ok(answer(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// A page of approvals, after this record and hash; on the first one what waits, too.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn list_approvals(
        &self,
        after: Option<(RecordId, Digest)>,
    ) -> Result<ApprovalPage, CallFailure> {
        let mut service = self.service.clone();
        let call = service.list_approvals(request(ApprovalsAfter(after).into(), CALL_MS_MAX));
        Ok(answer(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Takes an approval back.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn end_approval(&self, end: Envelope) -> Result<ApprovalReceipt, CallFailure> {
        let mut service = self.service.clone();
        let call = service.end_approval(request(approval::to_end_request(end), CALL_MS_MAX));
        Ok(answer(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Every paper of an agreement; not verified yet.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn read_docket(&self, agreement: &AgreementId) -> Result<Vec<Paper>, CallFailure> {
        let mut service = self.service.clone();
        let message = v1::ReadDocketRequest { agreement: agreement.to_string() };
        let call = service.read_docket(request(message, CALL_MS_MAX));
        let mut stream: Streaming<v1::ReadDocketResponse> = answer(CALL_MS_MAX, call).await?;
        let mut papers = Vec::new();
        loop {
            let pause = Duration::from_millis(CALL_MS_MAX);
            match tokio::time::timeout(pause, stream.message()).await {
                Ok(Ok(Some(message))) => papers.extend(docket::from_read(message)?),
                Ok(Ok(None)) => return Ok(papers),
                Ok(Err(status)) => return Err(CallFailure::of(&status)),
                Err(_) => return Err(CallFailure::TimedOut),
            }
            if papers.len() > PAPERS_MAX {
                return Err(Invalid::new("papers", Why::TooMany { max: PAPERS_MAX }).into());
            }
        }
    }

    /// Files papers of one agreement.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn file_papers(&self, papers: Vec<Paper>) -> Result<PapersFiled, CallFailure> {
        let mut service = self.service.clone();
        let call = service.file_papers(request(docket::to_filing(papers), CALL_MS_MAX));
        Ok(answer::<v1::FilePapersResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// The signed head of the audit log; not verified yet.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn audit_head(&self) -> Result<SignedNote, CallFailure> {
        let mut service = self.service.clone();
        let call = service.audit_head(request(v1::AuditHeadRequest {}, CALL_MS_MAX));
        Ok(answer::<v1::AuditHeadResponse>(CALL_MS_MAX, call).await?.try_into()?)
    }

    /// Opens the export of the audit log.
    ///
    /// # Errors
    /// [`CallFailure`].
    pub async fn audit_export(&self) -> Result<AuditExport, CallFailure> {
        let mut service = self.service.clone();
        let stream = answer(CALL_MS_MAX, service.audit_export(v1::AuditExportRequest {})).await?;
        Ok(AuditExport { stream, room: EXPORT_BYTES_MAX })
    }
}

/// An export under way: at most one piece is in memory.
#[derive(Debug)]
pub struct AuditExport {
    stream: Streaming<v1::AuditExportResponse>,
    room: u64,
}

impl AuditExport {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`CallFailure`]: what came so far is not the whole export.
    pub async fn next(&mut self) -> Result<Option<Chunk>, CallFailure> {
        let pause = Duration::from_millis(CALL_MS_MAX);
        let chunk = match tokio::time::timeout(pause, self.stream.message()).await {
            Ok(Ok(Some(chunk))) => Chunk::try_from(chunk)?,
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(status)) => return Err(CallFailure::of(&status)),
            Err(_) => return Err(CallFailure::TimedOut),
        };
        let bytes = u64::try_from(chunk.0.len()).unwrap_or(u64::MAX);
        let max = usize::try_from(EXPORT_BYTES_MAX).unwrap_or(usize::MAX);
        let too_long = Invalid::new("chunk", Why::TooLong { max });
        self.room = self.room.checked_sub(bytes).ok_or(too_long)?;
        Ok(Some(chunk))
    }
}
