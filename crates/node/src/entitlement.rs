//! Which call of the officer port belongs to whose office: one table, read before the call is.
//!
//! The role comes from the register, read anew with every call, so that a revoked officer is out at
//! once and a new one in. What the table does not name nobody may call. Who may sign rules and their
//! activation is judged by the policy book, who may approve by the agreement: here such a call only
//! has to come from somebody whose office it can be.

use crate::officer::{OfficerRole, Register};
use desk::Desk;
use domain::name::OfficerId;
use domain::refusal::{Refusal, RefusalCode};
use policy::invariant;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::NamedService;
use wire::accept::officer_calling;
use wire::convert::status::{Reader, to_status};

use OfficerRole::{
    Analyst, Clerk, DataProtectionOfficer, Deputy, Magistrate, Operator, Oversight, PolicyOfficer,
};

/// Whoever is enrolled.
const EVERYBODY: &[OfficerRole] = &[
    Analyst,
    Magistrate,
    Deputy,
    Clerk,
    Operator,
    PolicyOfficer,
    DataProtectionOfficer,
    Oversight,
];
/// Whoever has to do with cases and records; who keeps the machine running has not.
const READERS: &[OfficerRole] =
    &[Analyst, Magistrate, Deputy, Clerk, DataProtectionOfficer, Oversight];
/// Whoever may see how a record travels: those, and who writes the rules for it.
const WEIGHERS: &[OfficerRole] =
    &[Analyst, Magistrate, Deputy, Clerk, PolicyOfficer, DataProtectionOfficer, Oversight];
/// Whoever works on a case.
const INVESTIGATORS: &[OfficerRole] = &[Analyst, Magistrate, Deputy];
/// Whoever may open one: a clerk prepares.
const OPENERS: &[OfficerRole] = &[Analyst, Magistrate, Deputy, Clerk];
/// Whoever decides what becomes of a record against somebody's will.
const DECIDERS: &[OfficerRole] = &[Magistrate, Deputy, DataProtectionOfficer];
/// Whoever brings what was signed elsewhere.
const BEARERS: &[OfficerRole] =
    &[Analyst, Magistrate, Deputy, Clerk, Operator, PolicyOfficer, DataProtectionOfficer];
/// Whoever brings an approval.
const APPROVERS: &[OfficerRole] = &[Magistrate, Deputy, Clerk];
/// Whoever takes the whole log away.
const EXPORTERS: &[OfficerRole] = &[Magistrate, Deputy, Operator, DataProtectionOfficer, Oversight];

/// Every call, and whose it is.
const CALLS: [(&str, &[OfficerRole]); 34] = [
    ("Status", EVERYBODY),
    ("OpenCase", OPENERS),
    ("ListCases", READERS),
    ("Submit", INVESTIGATORS),
    ("Query", INVESTIGATORS),
    ("ListHits", READERS),
    ("Withdraw", INVESTIGATORS),
    ("Correct", INVESTIGATORS),
    ("History", READERS),
    ("PlaceHold", DECIDERS),
    ("ListHolds", READERS),
    ("ReadHold", READERS),
    ("LiftHold", DECIDERS),
    ("Erase", DECIDERS),
    ("RecordReach", WEIGHERS),
    ("ReadPolicy", EVERYBODY),
    ("ReadCensus", EVERYBODY),
    ("ListProposals", EVERYBODY),
    ("SignPolicy", EVERYBODY),
    ("ActivatePolicy", EVERYBODY),
    ("FreezePolicy", EVERYBODY),
    ("AuditHead", EVERYBODY),
    ("AuditExport", EXPORTERS),
    ("ReadDocket", EVERYBODY),
    ("FilePapers", BEARERS),
    ("ListDuties", EVERYBODY),
    ("DisputeRecord", INVESTIGATORS),
    ("ListDisputes", READERS),
    ("RuleOnDisputes", DECIDERS),
    ("LiftDispute", INVESTIGATORS),
    ("Approve", APPROVERS),
    ("ListApprovals", READERS),
    ("EndApproval", APPROVERS),
    ("UseInCourt", INVESTIGATORS),
];

fn call_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// May this role make this call?
fn may_call(role: OfficerRole, call: &str) -> bool {
    CALLS.iter().any(|(named, whose)| *named == call && whose.contains(&role))
}

/// The service for officers, behind a door that asks the register who calls.
#[derive(Clone)]
pub(crate) struct Entitled<S> {
    inner: S,
    register: Register,
    /// Where a refusal is written down; `None` in recovery, where nothing is.
    log: Option<Arc<Desk>>,
}

impl<S> Entitled<S> {
    pub(crate) const fn new(inner: S, register: Register, log: Option<Arc<Desk>>) -> Self {
        Self { inner, register, log }
    }

    /// May this officer make the call of this path now?
    fn lets_in(&self, officer: &OfficerId, path: &str) -> bool {
        let role = self.register.active(officer).map(|entry| entry.role);
        role.is_some_and(|role| may_call(role, call_of(path)))
    }
}

impl<S> Service<http::Request<Body>> for Entitled<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        // Without an officer the service itself refuses.
        let officer = officer_calling(request.extensions());
        let Some(officer) = officer.filter(|officer| !self.lets_in(officer, path)) else {
            return Box::pin(self.inner.call(request));
        };
        tracing::warn!(%officer, path = %path.escape_debug(), "not what this officer may do");
        let call = CALLS.iter().map(|(call, _)| *call).find(|call| *call == call_of(path));
        let log = self.log.clone();
        Box::pin(async move {
            let refusal =
                Refusal::by_rule(RefusalCode::OfficerNotEntitled, invariant::OFFICER_ROLE);
            if let Some(desk) = log
                && let Err(error) =
                    desk.note_call_refused(&officer, &refusal, call.unwrap_or("unknown")).await
            {
                tracing::error!(%error, "a refusal could not be written down");
            }
            Ok(to_status(&refusal, Reader::Officer).into_http())
        })
    }
}

impl<S: NamedService> NamedService for Entitled<S> {
    const NAME: &'static str = S::NAME;
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = include_str!("../../../proto/malines/v1/officer.proto");

    #[test]
    fn every_call_of_the_contract_is_somebodys_and_no_other() {
        let calls: Vec<&str> = CONTRACT
            .lines()
            .filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next())
            .collect();
        assert_eq!(calls, CALLS.map(|(call, _)| call), "in the order of the contract");
        assert!(CALLS.iter().all(|(_, whose)| !whose.is_empty()));
        for nobodys in ["", "status", "Status/", "Format"] {
            assert!(EVERYBODY.iter().all(|role| !may_call(*role, nobodys)), "{nobodys}");
        }
    }

    #[test]
    fn who_does_what_is_as_the_documents_say() {
        let may = |role| -> Vec<&str> {
            let calls = CALLS.iter().filter(|(call, _)| may_call(role, call));
            calls.map(|(call, _)| *call).collect()
        };
        // Oversight and operators change nothing but what others sign.
        let changes = ["Submit", "Query", "Withdraw", "Correct", "Erase", "OpenCase", "Approve"];
        for role in [Operator, Oversight, PolicyOfficer] {
            assert!(changes.iter().all(|call| !may(role).contains(call)), "{role:?}");
        }
        assert!(!may(Oversight).contains(&"FilePapers"));
        assert!(!may(Operator).contains(&"ListHits") && !may(Operator).contains(&"ListCases"));
        // An analyst takes back and corrects; what becomes of a record against somebody's will is
        // for others, and so is the whole log.
        for call in ["Erase", "PlaceHold", "LiftHold", "RuleOnDisputes", "Approve", "AuditExport"] {
            assert!(!may(Analyst).contains(&call), "{call}");
        }
        // A clerk prepares and carries what a magistrate signed.
        assert!(may(Clerk).contains(&"Approve") && !may(Clerk).contains(&"Query"));
        assert_eq!(may(Magistrate).len(), CALLS.len());
    }

    #[test]
    fn the_register_is_read_with_every_call() {
        let folder = tempfile::tempdir().unwrap();
        let door = Entitled::new((), Register::new(folder.path().to_owned()), None);
        let officer: OfficerId = "BE-1".parse().unwrap();
        let lets_in = |path| door.lets_in(&officer, path);
        let write = |text: &str| std::fs::write(folder.path().join("BE-1.toml"), text).unwrap();
        let entry = |who: &str, role: &str, state: &str| {
            format!(
                "officer = \"{who}\"\nrole = \"{role}\"\nvalid_until = \"2027-01-01T00:00:00Z\"\n\
                 state = \"{state}\"\n"
            )
        };
        let status = "/malines.v1.OfficerService/Status";
        assert!(!lets_in(status), "nobody is in the register");
        write(&entry("BE-1", "oversight", "active"));
        assert!(lets_in(status));
        assert!(!lets_in("/malines.v1.OfficerService/Query"));
        write(&entry("BE-1", "analyst", "active"));
        assert!(lets_in("/malines.v1.OfficerService/Query"));
        for refused in [
            entry("BE-1", "analyst", "revoked"),
            entry("BE-2", "analyst", "active"),
            entry("BE-1", "king", "active"),
            String::new(),
        ] {
            write(&refused);
            assert!(!lets_in(status), "{refused}");
        }
    }
}
