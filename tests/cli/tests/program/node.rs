//! A node with fixed answers behind the real door: mutual TLS, the real contract, no policy.

use crate::kit::{Desk, export};
use agreement::Docket;
use domain::correction::{CorrectionReceipt, Difference, History, PastVersion, STATEMENT_KEYS};
use domain::dispute::{
    AnswerReceipt, DisputeReason, DisputeReceipt, DisputeSide, DisputeState, LiftReceipt,
    ListedDispute, MatchingStop, Note, RejectionReason, Verdict,
};
use domain::duty::{Asked, Debtor, Duty};
use domain::hold::{HeldReading, HeldState, Hold, HoldGround, HoldReceipt, HoldStanding};
use domain::indicator::{Kind, Tier};
use domain::label::{Evaluation, EvaluationScheme, HandlingSet};
use domain::name::{CaseId, HoldId, IdempotencyKey, RecordId};
use domain::question::{MatchSummary, NoAnswer, PartnerAnswer};
use domain::record::Version;
use domain::refusal::{Refusal, RefusalCode};
use domain::report::{
    AgreementStatus, Allowance, AnswerRow, CaseOpening, ErasureReceipt, Hit, Link, Mode,
    NodeStatus, PapersFiled, PartnerStatus, QueryReport, UpkeepStatus, WithdrawalReceipt,
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

mod approvals;
mod authority;
mod rules;
mod said;
mod scripted;

use approvals::*;
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
    if kind == Kind::Sha256 {
        let stays = Fate::Stays(RefusalCode::RuleDenied);
        return vec![row("es-pn", stays, Some("BE04-weak-stays-home"))];
    }
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
