//! A node with fixed answers behind the real door: mutual TLS, the real contract, no policy.

use crate::kit::{Desk, export};
use agreement::Docket;
use domain::correction::{CorrectionReceipt, Difference, History, PastVersion, STATEMENT_KEYS};
use domain::dispute::{
    AnswerReceipt, DisputeReason, DisputeReceipt, DisputeSide, DisputeState, LiftReceipt,
    ListedDispute, MatchingStop, Note, RejectionReason, Verdict,
};
use domain::duty::{Asked, Debtor, Duty};
use domain::hold::{HeldReading, HeldState, Hold, HoldReceipt, HoldStanding};
use domain::indicator::{Kind, Tier};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet};
use domain::name::{CaseId, HoldId, IdempotencyKey, RecordId};
use domain::question::{MatchSummary, NoAnswer, PartnerAnswer};
use domain::record::Version;
use domain::refusal::{Refusal, RefusalCode};
use domain::report::{
    AgreementStatus, AnswerRow, CaseOpening, ErasureReceipt, Hit, Link, Mode, NodeStatus,
    PapersFiled, PartnerStatus, QueryReport, UpkeepStatus, WithdrawalReceipt,
};
use domain::submission::{Case, Fate, Outlook, Repeated, Submission, SubmissionReceipt};
use domain::time::{Clock as _, SystemClock, Timestamp};
use domain::value::{Basis, Handling, Offence, Pap, Purpose, Role, Tlp};
use prost::Message;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tonic::codegen::tokio_stream;
use tonic::{Request, Response, Status};
use wire::accept::{self, AcceptLimits};
use wire::convert::audit::{SignedNote, chunks};
use wire::convert::dispute::PlacedDispute;
use wire::convert::duty::{DutiesAfter, ListedDuty};
use wire::convert::erasure::ErasureResult;
use wire::convert::hold::{HoldReference, HoldsAfter};
use wire::convert::query::HitsAfter;
use wire::convert::status::{Reader, to_status};
use wire::convert::submission::SubmissionResult;
use wire::convert::withdrawal::RecordReference;
use wire::convert::{correction, dispute, docket, erasure, hold, query, submission};
use wire::limits;
use wire::tls::Port;
use wire::tls::credentials::Credentials;
use wire::tls::registry::{PeerRegistry, Snapshot};
use wire::v1;
use wire::v1::officer_service_server::{OfficerService, OfficerServiceServer};

mod authority;
mod rules;
mod said;

pub(crate) use authority::Authority;
pub(crate) use rules::narrowed;
use rules::*;
use said::*;

/// A call as it came over the wire.
pub(crate) struct Heard {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// A running node and the desk of an officer who may call it.
pub(crate) struct Office {
    pub(crate) desk: Desk,
    heard: Arc<Mutex<Vec<Heard>>>,
    runtime: tokio::runtime::Runtime,
}

impl Office {
    pub(crate) fn open() -> Self {
        let (nodes, officers) = (Authority::new(), Authority::new());
        let (chain, key) = nodes.issue("spiffe://be-fedpol/node/brussels");
        let credentials =
            Credentials::from_pem(chain.as_bytes(), key.as_bytes(), SystemClock.now()).unwrap();
        let known = Snapshot::new("be-fedpol".parse().unwrap());
        let registry =
            PeerRegistry::new(known.with_officer_authorities(vec![officers.pin]).unwrap());
        let heard = Arc::default();
        let (heard_by, known) = (Arc::clone(&heard), Mutex::default());
        let service = Scripted { heard: heard_by, known, docket: Mutex::default() };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let incoming = accept::open(
                listener,
                Port::Officer,
                &credentials,
                &registry,
                AcceptLimits::default(),
            )
            .unwrap();
            let router = limits::server().add_service(OfficerServiceServer::new(service));
            accept::serve(router, incoming, std::future::pending()).await.unwrap();
        });
        let desk = Desk::new();
        let (chain, key) = officers.issue("spiffe://be-fedpol/officer/BE-1042");
        desk.write("officer.pem", chain);
        desk.write("officer.key", key);
        desk.write("node-ca.pem", nodes.pem());
        let profile = format!(
            "node = \"{address}\"\nagency = \"be-fedpol\"\ncertificate = \"officer.pem\"\nkey = \"officer.key\"\nnode_ca = \"node-ca.pem\"\n"
        );
        desk.write("default.toml", profile);
        Self { desk, heard, runtime }
    }

    /// Ends the node.
    pub(crate) fn close(self) -> Desk {
        self.runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        self.desk
    }

    /// How often a call with this name came.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|call| call.name == name).count()
    }

    /// Was this text in any message?
    pub(crate) fn was_sent(&self, text: &str) -> bool {
        let holds =
            |call: &Heard| call.bytes.windows(text.len()).any(|window| window == text.as_bytes());
        self.heard.lock().unwrap().iter().any(holds)
    }

    /// The submissions of the first call that recorded some.
    pub(crate) fn recorded(&self) -> Vec<Submission> {
        let heard = self.heard.lock().unwrap();
        let call = heard.iter().find(|call| call.name == "submit-real").unwrap();
        let request = v1::SubmitRequest::decode(call.bytes.as_slice()).unwrap();
        submission::from_request(request).unwrap().0
    }
}

/// What no test of this package asks: `tests/federation` asks real nodes.
fn unscripted() -> Status {
    Status::unimplemented("not in the script")
}

struct Scripted {
    heard: Arc<Mutex<Vec<Heard>>>,
    known: Mutex<HashMap<IdempotencyKey, RecordId>>,
    docket: Mutex<Option<Docket>>,
}

impl Scripted {
    fn hear(&self, name: &'static str, message: &impl Message) {
        self.heard.lock().unwrap().push(Heard { name, bytes: message.encode_to_vec() });
    }
}

fn at(day: u64) -> Timestamp {
    Timestamp::from_date(2026, 11, day).unwrap().plus_ms(43_200_000)
}

fn outlook(kind: Kind) -> Vec<Outlook> {
    let here = if kind.tier() == Tier::Sealed { Fate::AnsweredWhenAsked } else { Fate::Leaves };
    let row = |peer: &str, fate, rule: Option<&str>| Outlook {
        peer: peer.parse().unwrap(),
        fate,
        rule: rule.map(str::to_owned),
    };
    vec![
        row("es-pn", here, None),
        row("fr-oltim", Fate::NeedsApproval, Some("L07-approval")),
        row("ma-dgsn", Fate::Stays(RefusalCode::NoTransferBasis), Some("C03-transfer-basis")),
    ]
}

impl Scripted {
    fn receive(&self, number: usize, submission: &Submission, mode: Mode) -> SubmissionResult {
        if submission.offences.contains(&Offence::Terrorism) {
            return Err(Refusal::by_rule(RefusalCode::RuleDenied, "L12-terrorism"));
        }
        let mut known = self.known.lock().unwrap();
        let fresh = RecordId::from_bytes([u8::try_from(known.len() % 200 + 1).unwrap(); 16]);
        let before = known.get(&submission.idempotency_key).copied();
        if mode == Mode::Real && before.is_none() {
            known.insert(submission.idempotency_key, fresh);
        }
        let hits = if submission.kind == Kind::InviteCode {
            vec![hit(submission.kind, "es-pn", 12)]
        } else {
            Vec::new()
        };
        Ok(SubmissionReceipt {
            record_id: before.unwrap_or(fresh),
            version: Version::FIRST,
            repeated: if before.is_some() { Repeated::Yes } else { Repeated::No },
            audit_sequence: 40_000 + u64::try_from(number).unwrap(),
            outlook: outlook(submission.kind),
            hits,
        })
    }
}

/// What the partners answer depends on the kind alone.
fn answers(kind: Kind) -> [PartnerAnswer; 3] {
    match kind {
        Kind::Phone => [
            PartnerAnswer::Match(vec![summary(kind, 0)]),
            PartnerAnswer::Refused(RefusalCode::PurposeNotCovered),
            PartnerAnswer::NoMatch,
        ],
        Kind::Email => [
            PartnerAnswer::Refused(RefusalCode::QuotaSpent),
            PartnerAnswer::Refused(RefusalCode::PurposeNotCovered),
            PartnerAnswer::NotAsked(RefusalCode::NoTransferBasis),
        ],
        Kind::Iban => [
            PartnerAnswer::NoMatch,
            PartnerAnswer::NoAnswer(NoAnswer::TimedOut),
            PartnerAnswer::NoMatch,
        ],
        _ => [PartnerAnswer::NoMatch, PartnerAnswer::NoMatch, PartnerAnswer::NoMatch],
    }
}

#[tonic::async_trait]
impl OfficerService for Scripted {
    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        self.hear("status", request.get_ref());
        Ok(Response::new(node_status().into()))
    }

    async fn open_case(
        &self,
        request: Request<v1::OpenCaseRequest>,
    ) -> Result<Response<v1::OpenCaseResponse>, Status> {
        self.hear("open_case", request.get_ref());
        let opening = CaseOpening::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        if opening.agreement.as_str() != "malines-2026" {
            let refusal = Refusal::by_rule(RefusalCode::AgreementUnknown, "C01-agreement");
            return Err(to_status(&refusal, Reader::Officer));
        }
        let opened = Case { reference: opening.reference, ..case(13) };
        Ok(Response::new(opened.into()))
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Result<Response<v1::ListCasesResponse>, Status> {
        let after = request.get_ref().after_number;
        let cases: Vec<Case> =
            [3, 12].into_iter().filter(|number| *number > after).map(case).collect();
        Ok(Response::new(cases.into()))
    }

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let name = if request.get_ref().dry_run { "submit-dry" } else { "submit-real" };
        self.hear(name, request.get_ref());
        let (submissions, mode) = submission::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let results: Vec<SubmissionResult> = submissions
            .iter()
            .enumerate()
            .map(|(number, one)| self.receive(number, one, mode))
            .collect();
        Ok(Response::new(results.into()))
    }

    async fn query(
        &self,
        request: Request<v1::QueryRequest>,
    ) -> Result<Response<v1::QueryResponse>, Status> {
        let name = if request.get_ref().dry_run { "query-dry" } else { "query-real" };
        self.hear(name, request.get_ref());
        let (query, mode) =
            query::from_request(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        if query.kind == Kind::Wallet {
            return Err(to_status(
                &Refusal::by_rule(RefusalCode::NoCase, "C02-case"),
                Reader::Officer,
            ));
        }
        let names = ["es-pn", "fr-oltim", "ma-dgsn"];
        let rows = names.iter().zip(answers(query.kind)).map(|(name, answer)| AnswerRow {
            agency: name.parse().unwrap(),
            note: match &answer {
                PartnerAnswer::NotAsked(_) => "C03-transfer-basis".to_owned(),
                PartnerAnswer::NoAnswer(_) => "no answer within 10 s".to_owned(),
                _ => String::new(),
            },
            answer: (mode == Mode::Real).then_some(answer),
            as_of: at(21),
        });
        let answers = rows.filter(|row| query.ask.contains(&row.agency)).collect();
        let held =
            if query.kind == Kind::Url { vec![hit(query.kind, "es-pn", 12)] } else { Vec::new() };
        Ok(Response::new(QueryReport { held, answers, audit_sequence: 40_214 }.into()))
    }

    async fn list_hits(
        &self,
        request: Request<v1::ListHitsRequest>,
    ) -> Result<Response<v1::ListHitsResponse>, Status> {
        let after =
            HitsAfter::try_from(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        let hits = match after {
            HitsAfter(None) => {
                vec![hit(Kind::Url, "es-pn", 12), hit(Kind::InviteCode, "fr-oltim", 3)]
            }
            HitsAfter(Some(_)) => Vec::new(),
        };
        Ok(Response::new(hits.into()))
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        self.hear("withdraw", request.get_ref());
        let record = RecordReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let mut bytes = [0; 16];
        bytes[..record.as_bytes().len()].copy_from_slice(record.as_bytes());
        if bytes[0] == 0xff {
            return Err(to_status(&Refusal::new(RefusalCode::NotHeld), Reader::Officer));
        }
        let partners = ["es-pn", "fr-oltim"].iter().map(|name| name.parse().unwrap()).collect();
        let receipt = WithdrawalReceipt {
            record_id: RecordId::from_bytes(bytes),
            audit_sequence: 40_215,
            partners,
        };
        Ok(Response::new(receipt.into()))
    }

    async fn correct(
        &self,
        request: Request<v1::CorrectRequest>,
    ) -> Result<Response<v1::CorrectResponse>, Status> {
        let name = if request.get_ref().dry_run { "correct-dry" } else { "correct-real" };
        self.hear(name, request.get_ref());
        let (record, wanted, _) = correction::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let record_id = known(record.as_bytes())?;
        let is_first = record_id.as_bytes()[0] == 0x5f;
        let mut differences = Vec::new();
        let mut differs = |key: &str, before: &str, after: String| {
            let key = STATEMENT_KEYS.into_iter().find(|known| *known == key).unwrap();
            differences.push(Difference { key, before: before.to_owned(), after });
        };
        if let Some(tlp) = wanted.changes.tlp.filter(|_| is_first) {
            differs("tlp", "AMBER", tlp.to_string());
        }
        if let Some(audience) = wanted.changes.audience.filter(|_| is_first) {
            let names: Vec<String> = audience.iter().map(ToString::to_string).collect();
            differs("audience", "es-pn", names.join(", "));
        }
        let repeated = if differences.is_empty() { Repeated::Yes } else { Repeated::No };
        let receipt = CorrectionReceipt {
            record_id,
            version: Version { epoch: 1, n: if repeated == Repeated::Yes { 1 } else { 2 } },
            repeated,
            audit_sequence: 40_216,
            differences,
            outlook: outlook(Kind::Url),
            told: vec!["es-pn".parse().unwrap()],
        };
        Ok(Response::new(receipt.into()))
    }

    async fn history(
        &self,
        request: Request<v1::HistoryRequest>,
    ) -> Result<Response<v1::HistoryResponse>, Status> {
        let record = RecordReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let record_id = known(record.as_bytes())?;
        let differs = |key, before: &str, after: &str| Difference {
            key,
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let first = PastVersion {
            version: Version::FIRST,
            made_at: at(2),
            made_by: Some("BE-1042".parse().unwrap()),
            reason: None,
            case: None,
            differences: vec![differs("tlp", "", "GREEN"), differs("audience", "", "es-pn")],
        };
        let second = PastVersion {
            version: Version { epoch: 1, n: 2 },
            made_at: at(9),
            made_by: Some("BE-1077".parse().unwrap()),
            reason: Some("the source asked for \u{202e}more care".to_owned()),
            case: Some(CaseId::from_bytes([12; 16])),
            differences: vec![differs("tlp", "GREEN", "AMBER")],
        };
        Ok(Response::new(History { record_id, versions: vec![first, second] }.into()))
    }

    async fn place_hold(
        &self,
        request: Request<v1::PlaceHoldRequest>,
    ) -> Result<Response<v1::PlaceHoldResponse>, Status> {
        self.hear("place_hold", request.get_ref());
        let (record, order) =
            hold::from_request(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        let record_id = known(record.as_bytes())?;
        if order.review_at.as_date().0 > 2090 {
            return Err(to_status(&RefusalCode::RetentionImpossible.into(), Reader::Officer));
        }
        Ok(Response::new(hold_receipt(record_id, 40_217).into()))
    }

    async fn list_holds(
        &self,
        request: Request<v1::ListHoldsRequest>,
    ) -> Result<Response<v1::ListHoldsResponse>, Status> {
        let HoldsAfter(after) =
            HoldsAfter::try_from(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        let holds = if after.is_none() { vec![hold_standing()] } else { Vec::new() };
        Ok(Response::new(holds.into()))
    }

    async fn read_hold(
        &self,
        request: Request<v1::ReadHoldRequest>,
    ) -> Result<Response<v1::ReadHoldResponse>, Status> {
        self.hear("read_hold", request.get_ref());
        let hold = HoldReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        known(hold.as_bytes())?;
        let says =
            |key, after: &str| Difference { key, before: String::new(), after: after.to_owned() };
        let reading = HeldReading {
            standing: hold_standing(),
            version: Version { epoch: 1, n: 2 },
            made_at: at(2),
            says: vec![says("tlp", "AMBER"), says("audience", "be-fedpol")],
            older: vec![PastVersion {
                version: Version::FIRST,
                made_at: at(1),
                made_by: None,
                reason: None,
                case: None,
                differences: vec![says("tlp", "GREEN"), says("audience", "be-fedpol")],
            }],
        };
        Ok(Response::new(reading.into()))
    }

    async fn lift_hold(
        &self,
        request: Request<v1::LiftHoldRequest>,
    ) -> Result<Response<v1::LiftHoldResponse>, Status> {
        self.hear("lift_hold", request.get_ref());
        let (hold, _) = hold::from_lift_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        known(hold.as_bytes())?;
        let receipt = hold_receipt(hold_standing().hold.record_id, 40_218);
        Ok(Response::new(receipt.into()))
    }

    async fn dispute_record(
        &self,
        request: Request<v1::DisputeRecordRequest>,
    ) -> Result<Response<v1::DisputeRecordResponse>, Status> {
        self.hear("dispute_record", request.get_ref());
        let (record, _) = dispute::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(dispute_receipt(known(record.as_bytes())?)?.into()))
    }

    async fn list_disputes(
        &self,
        request: Request<v1::ListDisputesRequest>,
    ) -> Result<Response<v1::ListDisputesResponse>, Status> {
        let is_first = request.into_inner().after.is_empty();
        Ok(Response::new(if is_first { disputes() } else { Vec::new() }.into()))
    }

    async fn rule_on_disputes(
        &self,
        request: Request<v1::RuleOnDisputesRequest>,
    ) -> Result<Response<v1::RuleOnDisputesResponse>, Status> {
        self.hear("rule_on_disputes", request.get_ref());
        let (record, ruling) =
            dispute::from_ruling(request.into_inner()).map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(answer_receipt(known(record.as_bytes())?, ruling.verdict).into()))
    }

    async fn lift_dispute(
        &self,
        request: Request<v1::LiftDisputeRequest>,
    ) -> Result<Response<v1::LiftDisputeResponse>, Status> {
        self.hear("lift_dispute", request.get_ref());
        let record_id = known(&request.into_inner().record_id)?;
        Ok(Response::new(LiftReceipt { record_id, audit_sequence: 40_222 }.into()))
    }

    async fn list_duties(
        &self,
        request: Request<v1::ListDutiesRequest>,
    ) -> Result<Response<v1::ListDutiesResponse>, Status> {
        self.hear("list_duties", request.get_ref());
        let DutiesAfter(after) = DutiesAfter::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(duties(after).into()))
    }

    async fn erase(
        &self,
        request: Request<v1::EraseRequest>,
    ) -> Result<Response<v1::EraseResponse>, Status> {
        self.hear("erase", request.get_ref());
        let (records, _) = erasure::from_request(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        let results = records.iter().map(|record| match record.as_bytes()[0] {
            0xff => Err(Refusal::new(RefusalCode::NotHeld)),
            0xee => Err(Refusal::by_rule(RefusalCode::UnderHold, "hold H-88888888")),
            first => Ok(ErasureReceipt {
                record_id: filled(record.as_bytes()),
                origin: if first == 0x5f { "be-fedpol" } else { "es-pn" }.parse().unwrap(),
                told: if first == 0x5f { vec!["es-pn".parse().unwrap()] } else { Vec::new() },
                audit_sequence: 40_219,
            }),
        });
        let results: Vec<ErasureResult> = results.collect();
        Ok(Response::new(results.into()))
    }

    async fn record_reach(
        &self,
        request: Request<v1::RecordReachRequest>,
    ) -> Result<Response<v1::RecordReachResponse>, Status> {
        let record = RecordReference::try_from(request.into_inner())
            .map_err(|_| Status::invalid_argument(""))?;
        Ok(Response::new(reach(known(record.as_bytes())?)))
    }

    async fn read_policy(
        &self,
        request: Request<v1::ReadPolicyRequest>,
    ) -> Result<Response<v1::ReadPolicyResponse>, Status> {
        Ok(Response::new(rules(request.into_inner())?))
    }

    async fn read_census(
        &self,
        _: Request<v1::ReadCensusRequest>,
    ) -> Result<Response<v1::ReadCensusResponse>, Status> {
        Ok(Response::new(census()))
    }

    async fn list_proposals(
        &self,
        _: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsResponse>, Status> {
        Ok(Response::new(v1::ListProposalsResponse { proposals: vec![proposal()] }))
    }

    async fn sign_policy(
        &self,
        request: Request<v1::SignPolicyRequest>,
    ) -> Result<Response<v1::SignPolicyResponse>, Status> {
        self.hear("sign_policy", request.get_ref());
        Ok(Response::new(v1::SignPolicyResponse { proposal: Some(proposal()) }))
    }

    async fn activate_policy(
        &self,
        request: Request<v1::ActivatePolicyRequest>,
    ) -> Result<Response<v1::ActivatePolicyResponse>, Status> {
        self.hear("activate_policy", request.get_ref());
        let rule = "code.policy-signatures";
        Err(to_status(&Refusal::by_rule(RefusalCode::NeedsApproval, rule), Reader::Officer))
    }

    async fn freeze_policy(
        &self,
        request: Request<v1::FreezePolicyRequest>,
    ) -> Result<Response<v1::FreezePolicyResponse>, Status> {
        self.hear("freeze_policy", request.get_ref());
        Ok(Response::new(v1::FreezePolicyResponse { activated: Some(activated()) }))
    }

    async fn audit_head(
        &self,
        _: Request<v1::AuditHeadRequest>,
    ) -> Result<Response<v1::AuditHeadResponse>, Status> {
        let head =
            crate::kit::vector_json("audit/journal.json")["head"].as_str().unwrap().to_owned();
        Ok(Response::new(SignedNote(head).into()))
    }

    type AuditExportStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<v1::AuditExportResponse, Status>>>;

    async fn audit_export(
        &self,
        _: Request<v1::AuditExportRequest>,
    ) -> Result<Response<Self::AuditExportStream>, Status> {
        let (log, _) = export();
        let pieces: Vec<_> = chunks(&log).map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(pieces)))
    }

    async fn approve(
        &self,
        _: Request<v1::ApproveRequest>,
    ) -> Result<Response<v1::ApproveResponse>, Status> {
        Err(unscripted())
    }

    async fn list_approvals(
        &self,
        _: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        Err(unscripted())
    }

    async fn end_approval(
        &self,
        _: Request<v1::EndApprovalRequest>,
    ) -> Result<Response<v1::EndApprovalResponse>, Status> {
        Err(unscripted())
    }

    type ReadDocketStream =
        tokio_stream::Iter<std::vec::IntoIter<Result<v1::ReadDocketResponse, Status>>>;

    async fn read_docket(
        &self,
        _: Request<v1::ReadDocketRequest>,
    ) -> Result<Response<Self::ReadDocketStream>, Status> {
        let docket = self.docket.lock().unwrap();
        let papers = docket.iter().flat_map(|docket| docket.papers().values().cloned()).collect();
        let messages: Vec<_> = docket::to_read(papers).map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(messages)))
    }

    async fn file_papers(
        &self,
        request: Request<v1::FilePapersRequest>,
    ) -> Result<Response<v1::FilePapersResponse>, Status> {
        let papers = docket::from_filing(request.into_inner()).unwrap();
        let mut kept = self.docket.lock().unwrap();
        let (docket, taken) = match kept.take() {
            None => {
                let docket = Docket::open(papers).unwrap();
                let taken = docket.papers().len();
                (docket, taken)
            }
            Some(mut docket) => {
                let taken = docket.admit_all(papers).unwrap().taken.len();
                (docket, taken)
            }
        };
        let filed = PapersFiled {
            agreement: docket.register().id().clone(),
            taken: u32::try_from(taken).unwrap(),
            standing: "as the node says".to_owned(),
        };
        *kept = Some(docket);
        Ok(Response::new(filed.into()))
    }
}
