//! The only place that uses the network: a connection to the officer's own node, over mutual TLS.
//!
//! Every call waits for its answer, so that commands read from top to bottom.

use crate::config::{self, Environment, Profile, SMALL_FILE_BYTES_MAX};
use crate::error::Failure;
use agreement::Paper;
use domain::approval::{Approval, ApprovalReceipt, ApprovalStanding, PendingApproval};
use domain::class::CLASSES_MAX;
use domain::correction::{Correction, CorrectionReceipt, History};
use domain::court_use::{CourtUseOrder, CourtUseReceipt};
use domain::digest::{self, DIGEST_BYTES};
use domain::dispute::{
    AnswerReceipt, DisputeOrder, DisputeReceipt, LiftReceipt, ListedDispute, Ruling,
};
use domain::duty::Duty;
use domain::envelope::{Envelope, Payload as _, Signed};
use domain::hold::{HeldReading, HoldOrder, HoldReceipt, HoldStanding};
use domain::name::{AgencyId, AgreementId, Digest, OfficerId};
use domain::policy_consent::{PolicyConsent, PolicyStep};
use domain::report::{
    CaseOpening, Hit, Mode, NodeStatus, PAGE_MAX, PapersFiled, Query, QueryReport, SUBMISSIONS_MAX,
    WithdrawalReceipt,
};
use domain::signature::SecretKey;
use domain::submission::{Case, Submission};
use domain::time::Timestamp;
use fingerprint::file::hash_file;
use policy::difference::Census;
use policy::proposal::{Activated, PolicyText, Proposal, Which};
use policy::reach::Reach;
use std::future::Future;
use std::io::Write;
use wire::client::{CallFailure, OfficerClient};
use wire::connect::{DialLimits, Dialler, Target};
use wire::convert::erasure::ErasureResult;
use wire::convert::hold::HoldReference;
use wire::convert::policy::{CensusAfter, ProposalReference};
use wire::convert::submission::SubmissionResult;
use wire::convert::withdrawal::RecordReference;
use wire::tls::Port;
use wire::tls::credentials::Credentials;
use wire::tls::identity::{Caller, OfficerIdentity};
use wire::tls::registry::{CertificatePin, PeerEntry, PeerRegistry, Snapshot, Standing};
use zeroize::Zeroizing;

/// The most approvals that are listed.
const APPROVALS_LISTED_MAX: usize = 16_384;
/// The most bytes of submissions that are put into one request; far below the limit of a message.
const BATCH_BYTES_MAX: usize = 512 * 1024;
/// What a submission needs at most beside its lists and texts, in bytes.
const SUBMISSION_BYTES: usize = 512;

/// A connection to the own node.
pub(crate) struct Session {
    runtime: tokio::runtime::Runtime,
    client: OfficerClient,
    profile: Profile,
    officer: OfficerId,
    secret: Zeroizing<[u8; DIGEST_BYTES]>,
    now: Timestamp,
}

impl Session {
    /// Connects as the officer of a profile, once.
    ///
    /// # Errors
    /// [`Failure`]: the profile, the certificate, or the true reason why the dial failed.
    pub(crate) fn open(environment: &Environment, profile: Profile) -> Result<Self, Failure> {
        let chain = config::read(&profile.certificate, SMALL_FILE_BYTES_MAX)?;
        let key = config::read(&profile.key, SMALL_FILE_BYTES_MAX)?;
        let credentials =
            Credentials::from_pem(&chain, &key, environment.now).map_err(|refused| {
                Failure::Credentials { file: profile.certificate.clone(), refused }
            })?;
        let Caller::Officer(OfficerIdentity { officer, .. }) = credentials.caller().clone() else {
            let why = "it is not the certificate of an officer".to_owned();
            return Err(Failure::FileInvalid { file: profile.certificate.clone(), line: 0, why });
        };
        let secret = Zeroizing::new(digest::derive("malines officer lists v1", &[&key]));
        let registry = PeerRegistry::new(registry(&profile)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|_| Failure::System("to start the network"))?;
        let target = Target { address: profile.node.clone(), agency: profile.agency.clone() };
        let dialler = Dialler::new(Port::Officer, credentials, registry, DialLimits::default());
        let channel = runtime.block_on(dialler.dial(target)).map_err(Failure::Dial)?;
        let client = runtime.block_on(async { OfficerClient::new(channel) });
        Ok(Self { runtime, client, profile, officer, secret, now: environment.now })
    }

    /// The own agency.
    pub(crate) const fn agency(&self) -> &AgencyId {
        &self.profile.agency
    }

    /// The file of the officer's own signature.
    pub(crate) fn signing_key(&self) -> Result<&std::path::Path, Failure> {
        self.profile.signing_key()
    }

    /// The present instant, read once.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// 16 bytes that are always the same for the same parts under the same officer's key, and that
    /// nobody without the key can test a guess against.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> [u8; 16] {
        let parts: Vec<&[u8]> =
            core::iter::once(self.secret.as_slice()).chain(parts.iter().copied()).collect();
        let derived = digest::derive("malines officer list entry v1", &parts);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(derived).for_each(|(byte, derived)| *byte = derived);
        bytes
    }

    /// How the node is.
    ///
    /// # Errors
    /// [`Failure`], as every call here.
    pub(crate) fn status(&self) -> Result<NodeStatus, Failure> {
        self.call(self.client.status())
    }

    /// Opens a case.
    pub(crate) fn open_case(&self, opening: CaseOpening) -> Result<Case, Failure> {
        self.call(self.client.open_case(opening))
    }

    /// The cases with a number above `after`, all pages.
    pub(crate) fn cases(&self, cases_max: usize) -> Result<Vec<Case>, Failure> {
        let mut cases: Vec<Case> = Vec::new();
        loop {
            let after = cases.last().map_or(0, |case| case.number);
            let page = self.call(self.client.list_cases(after))?;
            let is_last = page.len() < PAGE_MAX;
            let goes_on = page.first().is_some_and(|case| case.number > after);
            cases.extend(page);
            if is_last || !goes_on || cases.len() >= cases_max {
                cases.truncate(cases_max);
                return Ok(cases);
            }
        }
    }

    /// The case that people call `C-12`, or `12`.
    pub(crate) fn case(&self, given: &str) -> Result<Case, Failure> {
        let unknown = || Failure::CaseUnknown { given: given.chars().take(64).collect() };
        let digits = given.trim().trim_start_matches(['C', 'c']).trim_start_matches('-');
        let number: u32 = digits.parse().map_err(|_| unknown())?;
        let page = self.call(self.client.list_cases(number.checked_sub(1).ok_or_else(unknown)?))?;
        page.into_iter().find(|case| case.number == number).ok_or_else(unknown)
    }

    /// Submits, or asks what would happen, in batches; `done` hears how many went so far.
    ///
    /// If a batch fails, those before it are recorded: the same list submitted again is harmless.
    pub(crate) fn submit(
        &self,
        submissions: &[Submission],
        mode: Mode,
        mut done: impl FnMut(usize),
    ) -> Result<Vec<SubmissionResult>, Failure> {
        let mut results = Vec::with_capacity(submissions.len());
        let mut rest = submissions;
        while !rest.is_empty() {
            let (batch, after) = rest.split_at_checked(batch_length(rest)).unwrap_or((rest, &[]));
            results.extend(self.call(self.client.submit(batch.to_vec(), mode))?);
            rest = after;
            done(results.len());
        }
        Ok(results)
    }

    /// Asks.
    pub(crate) fn query(&self, query: Query, mode: Mode) -> Result<QueryReport, Failure> {
        self.call(self.client.query(query, mode))
    }

    /// What matched so far, newest first, at most `hits_max`.
    pub(crate) fn hits(
        &self,
        hits_max: usize,
        keep: impl Fn(&Hit) -> bool,
    ) -> Result<Vec<Hit>, Failure> {
        let mut hits: Vec<Hit> = Vec::new();
        let mut after = None;
        loop {
            let page = self.call(self.client.list_hits(after))?;
            let is_last = page.len() < PAGE_MAX;
            let last = page.last().map(|hit| hit.summary.follow_up);
            let goes_on = last.is_some() && last != after;
            after = last;
            hits.extend(page.into_iter().filter(&keep));
            if is_last || !goes_on || hits.len() >= hits_max {
                hits.truncate(hits_max);
                return Ok(hits);
            }
        }
    }

    /// Takes a record back.
    pub(crate) fn withdraw(&self, record: RecordReference) -> Result<WithdrawalReceipt, Failure> {
        self.call(self.client.withdraw(record))
    }

    /// Makes a new version of an own record, or asks what would change.
    pub(crate) fn correct(
        &self,
        record: RecordReference,
        wanted: Correction,
        mode: Mode,
    ) -> Result<CorrectionReceipt, Failure> {
        self.call(self.client.correct(record, wanted, mode))
    }

    /// The versions of an own record.
    pub(crate) fn history(&self, record: RecordReference) -> Result<History, Failure> {
        self.call(self.client.history(record))
    }

    /// The pseudonym in the officer's certificate.
    pub(crate) const fn officer(&self) -> &OfficerId {
        &self.officer
    }

    /// Asks whether a record may be used in court.
    pub(crate) fn use_in_court(
        &self,
        record: RecordReference,
        order: CourtUseOrder,
    ) -> Result<CourtUseReceipt, Failure> {
        self.call(self.client.use_in_court(record, order))
    }

    /// Hands in an approval.
    pub(crate) fn approve(
        &self,
        record: RecordReference,
        signed: Envelope,
    ) -> Result<ApprovalReceipt, Failure> {
        self.call(self.client.approve(record, signed))
    }

    /// Takes an approval back.
    pub(crate) fn end_approval(&self, end: Envelope) -> Result<ApprovalReceipt, Failure> {
        self.call(self.client.end_approval(end))
    }

    /// The approvals, all pages; what waits for one; and whether more waits than is listed.
    pub(crate) fn approvals(
        &self,
    ) -> Result<(Vec<ApprovalStanding>, Vec<PendingApproval>, bool), Failure> {
        let first = self.call(self.client.list_approvals(None))?;
        let (mut approvals, mut is_last) = (first.approvals, false);
        while !is_last && approvals.len() < APPROVALS_LISTED_MAX {
            let last = approvals.last().and_then(|one| {
                let approval = Approval::from_payload(&one.signed.payload).ok()?;
                Some((approval.record_id, one.approval))
            });
            let Some(after) = last else { break };
            let page = self.call(self.client.list_approvals(Some(after)))?.approvals;
            is_last = page.len() < PAGE_MAX;
            approvals.extend(page);
        }
        Ok((approvals, first.pending, first.more_pending))
    }

    /// Places a legal hold.
    pub(crate) fn place_hold(
        &self,
        record: RecordReference,
        order: HoldOrder,
    ) -> Result<HoldReceipt, Failure> {
        self.call(self.client.place_hold(record, order))
    }

    /// The legal holds, all pages, at most `holds_max`.
    pub(crate) fn holds(&self, holds_max: usize) -> Result<Vec<HoldStanding>, Failure> {
        let mut holds: Vec<HoldStanding> = Vec::new();
        loop {
            let after = holds.last().map(|one| (one.hold.record_id, one.hold.hold_id));
            let page = self.call(self.client.list_holds(after))?;
            let is_last = page.len() < PAGE_MAX;
            let first = page.first().map(|one| (one.hold.record_id, one.hold.hold_id));
            let goes_on = first > after;
            holds.extend(page);
            if is_last || !goes_on || holds.len() >= holds_max {
                holds.truncate(holds_max);
                return Ok(holds);
            }
        }
    }

    /// Reads a record under its hold.
    pub(crate) fn read_hold(&self, hold: HoldReference) -> Result<HeldReading, Failure> {
        self.call(self.client.read_hold(hold))
    }

    /// Disputes a partner's record.
    pub(crate) fn dispute_record(
        &self,
        record: RecordReference,
        order: DisputeOrder,
    ) -> Result<DisputeReceipt, Failure> {
        self.call(self.client.dispute_record(record, order))
    }

    /// The disputes, all pages, at most `disputes_max`.
    pub(crate) fn disputes(&self, disputes_max: usize) -> Result<Vec<ListedDispute>, Failure> {
        let mut disputes: Vec<ListedDispute> = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.call(self.client.list_disputes(after.clone()))?;
            let last = page.last().map(|placed| placed.place.clone());
            let goes_on = last > after;
            after = last;
            disputes.extend(page.into_iter().map(|placed| placed.dispute));
            if !goes_on || disputes.len() >= disputes_max {
                disputes.truncate(disputes_max);
                return Ok(disputes);
            }
        }
    }

    /// Answers the disputes about an own record.
    pub(crate) fn rule_on_disputes(
        &self,
        record: RecordReference,
        ruling: Ruling,
    ) -> Result<AnswerReceipt, Failure> {
        self.call(self.client.rule_on_disputes(record, ruling))
    }

    /// Matches with a record again that we disputed.
    pub(crate) fn lift_dispute(&self, record: RecordReference) -> Result<LiftReceipt, Failure> {
        self.call(self.client.lift_dispute(record))
    }

    /// The duties that are wanted, all pages, the most overdue first, at most `duties_max`.
    pub(crate) fn duties(
        &self,
        duties_max: usize,
        is_wanted: impl Fn(&Duty) -> bool,
    ) -> Result<Vec<Duty>, Failure> {
        let mut duties: Vec<Duty> = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.call(self.client.list_duties(after.clone()))?;
            let last = page.last().map(|listed| listed.place.clone());
            let goes_on = last > after;
            after = last;
            let page = page.into_iter().map(|listed| listed.duty);
            duties.extend(page.filter(&is_wanted));
            if !goes_on || duties.len() >= duties_max {
                duties.truncate(duties_max);
                return Ok(duties);
            }
        }
    }

    /// Lifts a legal hold.
    pub(crate) fn lift_hold(
        &self,
        hold: HoldReference,
        reason: String,
    ) -> Result<HoldReceipt, Failure> {
        self.call(self.client.lift_hold(hold, reason))
    }

    /// Erases records here.
    pub(crate) fn erase(
        &self,
        records: Vec<RecordReference>,
        reason: String,
    ) -> Result<Vec<ErasureResult>, Failure> {
        self.call(self.client.erase(records, reason))
    }

    /// Who could get a record, and who is granted it.
    pub(crate) fn reach(&self, record: RecordReference) -> Result<Reach, Failure> {
        self.call(self.client.record_reach(record))
    }

    /// Rules of the node.
    pub(crate) fn policy(&self, which: Which) -> Result<PolicyText, Failure> {
        self.call(self.client.read_policy(which))
    }

    /// What is held under each of these agreements, all pages.
    pub(crate) fn censuses(&self, agreements: &[AgreementId]) -> Result<Vec<Census>, Failure> {
        let mut censuses = Vec::with_capacity(agreements.len());
        for agreement in agreements {
            let mut census: Option<Census> = None;
            loop {
                let after = census.as_ref().map_or(0, |census| census.classes.len());
                let after = u32::try_from(after).unwrap_or(u32::MAX);
                let asked = CensusAfter { agreement: agreement.clone(), after };
                let page = self.call(self.client.read_census(asked))?;
                let goes_on = !page.census.classes.is_empty();
                let known = match census.take() {
                    None => page.census,
                    Some(mut known) => {
                        known.classes.extend(page.census.classes);
                        known
                    }
                };
                let is_whole = u32::try_from(known.classes.len()) == Ok(page.classes_total);
                if is_whole || !goes_on || known.classes.len() > CLASSES_MAX {
                    censuses.push(known);
                    break;
                }
                census = Some(known);
            }
        }
        Ok(censuses)
    }

    /// The proposals that wait.
    pub(crate) fn proposals(&self) -> Result<Vec<Proposal>, Failure> {
        self.call(self.client.list_proposals())
    }

    /// Signs for a change of rules with the officer's own key.
    pub(crate) fn consent(
        &self,
        step: PolicyStep,
        from: Digest,
        to: Digest,
        difference: Digest,
        key: &SecretKey,
    ) -> Envelope {
        let (agency, officer, at) = (self.agency().clone(), self.officer.clone(), self.now);
        let consent = PolicyConsent { agency, officer, step, from, to, difference, at };
        Signed::seal(consent, key).into_parts().1
    }

    /// Proposes rules, or adds a signature.
    pub(crate) fn sign_policy(
        &self,
        local: String,
        consent: Envelope,
    ) -> Result<Proposal, Failure> {
        self.call(self.client.sign_policy(local, consent))
    }

    /// Puts a proposal in force.
    pub(crate) fn activate_policy(&self, first_bytes: Vec<u8>) -> Result<Activated, Failure> {
        self.call(self.client.activate_policy(ProposalReference(first_bytes)))
    }

    /// Stops all sharing.
    pub(crate) fn freeze_policy(&self, consent: Envelope) -> Result<Activated, Failure> {
        self.call(self.client.freeze_policy(consent))
    }

    /// Every paper of an agreement; not verified yet.
    pub(crate) fn docket(&self, agreement: &AgreementId) -> Result<Vec<Paper>, Failure> {
        self.call(self.client.read_docket(agreement))
    }

    /// Files papers of one agreement.
    pub(crate) fn file_papers(&self, papers: Vec<Paper>) -> Result<PapersFiled, Failure> {
        self.call(self.client.file_papers(papers))
    }

    /// The signed head of the audit log.
    pub(crate) fn audit_head(&self) -> Result<String, Failure> {
        self.call(self.client.audit_head()).map(|note| note.0)
    }

    /// Writes the whole audit log.
    pub(crate) fn audit_export(&self, mut writer: impl Write) -> Result<u64, Failure> {
        let mut export = self.call(self.client.audit_export())?;
        let mut bytes: u64 = 0;
        while let Some(chunk) = self.call(export.next())? {
            writer.write_all(&chunk.0).map_err(|error| Failure::OutputFailed(error.kind()))?;
            bytes = bytes.saturating_add(u64::try_from(chunk.0.len()).unwrap_or(0));
        }
        writer.flush().map_err(|error| Failure::OutputFailed(error.kind()))?;
        Ok(bytes)
    }

    fn call<T>(&self, call: impl Future<Output = Result<T, CallFailure>>) -> Result<T, Failure> {
        self.runtime.block_on(call).map_err(|failure| match failure {
            CallFailure::Refused(refusal) => Failure::Refused(refusal),
            CallFailure::NotConnected(failure) => Failure::Dial(failure),
            other => {
                Failure::Node { code: other.code(), hint: other.hint(), why: other.to_string() }
            }
        })
    }
}

/// Only the own agency's node is dialled, so only its authority is pinned.
fn registry(profile: &Profile) -> Result<Snapshot, Failure> {
    let certificates = config::read_certificates(&profile.node_ca)?;
    let invalid =
        |why: String| Failure::FileInvalid { file: profile.node_ca.clone(), line: 0, why };
    let mut authorities = Vec::new();
    for certificate in certificates {
        let bytes_max = SMALL_FILE_BYTES_MAX;
        let hashes = hash_file(certificate.as_slice(), bytes_max)
            .map_err(|refused| invalid(refused.to_string()))?;
        let pin = CertificatePin::from_bytes(hashes.sha256);
        if !authorities.contains(&pin) {
            authorities.push(pin);
        }
    }
    let entry = PeerEntry { authorities, standing: Standing::Active };
    let snapshot = Snapshot::new(profile.agency.clone()).with_peer(profile.agency.clone(), entry);
    snapshot.map_err(|fault| invalid(fault.to_string()))
}

/// As many as fit one request.
fn batch_length(submissions: &[Submission]) -> usize {
    let mut bytes: usize = 0;
    let fits = |submission: &&Submission| {
        let names: usize = submission.audience.iter().map(|agency| agency.as_str().len() + 4).sum();
        let reason = submission.presumed_adult_reason.as_ref().map_or(0, String::len);
        let ground = submission.benefit.as_ref().map_or(0, |benefit| benefit.ground.len());
        bytes = bytes.saturating_add(SUBMISSION_BYTES + names + reason + ground);
        bytes <= BATCH_BYTES_MAX
    };
    submissions.iter().take(SUBMISSIONS_MAX).take_while(fits).count().max(1)
}
