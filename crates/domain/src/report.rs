//! What a node tells its own officers: status, queries and their outcome, hits, cases.

use crate::digest::Fingerprint;
use crate::indicator::Kind;
use crate::name::{AgencyId, AgreementId, CaseId, Clause, Country, RecordId};
use crate::question::{MatchSummary, PartnerAnswer};
use crate::time::Timestamp;
use crate::value::{Offence, Purpose, Urgency};

/// The most fingerprints of one query.
pub const QUERY_FINGERPRINTS_MAX: usize = 1000;
/// The most cases, and the most hits, of one page.
pub const PAGE_MAX: usize = 256;
/// The most records that one request erases.
pub const ERASURES_MAX: usize = 256;
/// So many overdue records are counted at most.
pub const OVERDUE_COUNTED_MAX: usize = 1000;
/// The most submissions of one request.
pub const SUBMISSIONS_MAX: usize = 512;

/// How a node and its partners are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// The agency.
    pub agency: AgencyId,
    /// The version of the program.
    pub version: String,
    /// The node's clock.
    pub clock: Timestamp,
    /// Own records, neither withdrawn nor expired.
    pub own_records: u64,
    /// Entries of the audit log.
    pub audit_size: u64,
    /// The agreements known here, at most 64.
    pub agreements: Vec<AgreementStatus>,
    /// The partners, at most 256.
    pub partners: Vec<PartnerStatus>,
    /// How expiring and erasing goes.
    pub upkeep: UpkeepStatus,
    /// Duties, partners' and our own, that are overdue; at most
    /// [`crate::duty::OVERDUE_DUTIES_MAX`] are counted.
    pub overdue_duties: u64,
    /// Why the node is in recovery and only lets itself be read; empty if it is not.
    pub recovery: String,
}

/// How the hourly expiring and erasing of a node goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpkeepStatus {
    /// When it last ended well, since this start.
    pub last: Option<Timestamp>,
    /// Records whose end was more than a day before the last upkeep and that are still here: always
    /// none, or something is wrong. At most [`OVERDUE_COUNTED_MAX`] are counted.
    pub overdue: u64,
    /// Legal holds whose review is due.
    pub reviews_due: u64,
    /// Why the last upkeep failed; empty if it did not.
    pub note: String,
}

/// How an agreement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementStatus {
    /// The agreement.
    pub agreement: AgreementId,
    /// In words: `in force`, `waiting for es-pn, ma-dgsn`, `expired`.
    pub standing: String,
    /// Its last instant.
    pub valid_until: Timestamp,
    /// Its parties.
    pub parties: Vec<AgencyId>,
}

/// What filing papers of an agreement has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PapersFiled {
    /// The agreement.
    pub agreement: AgreementId,
    /// How many papers were new.
    pub taken: u32,
    /// Where it stands now, in words, as in [`AgreementStatus`].
    pub standing: String,
}

/// How a partner is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Connected.
    Up,
    /// Not connected; the note says why.
    Down,
    /// Being connected.
    Connecting,
}

/// How a partner is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerStatus {
    /// The partner.
    pub agency: AgencyId,
    /// Its country.
    pub country: Country,
    /// The link.
    pub link: Link,
    /// Its records held here.
    pub records_in: u64,
    /// Classes of ours it is granted.
    pub classes_out: u64,
    /// When a pull from it last ended well.
    pub last_sync: Option<Timestamp>,
    /// Why the link is down; empty if it is not.
    pub note: String,
}

/// What an officer says to open a case. Its `Debug` shows no reference.
#[derive(Clone, PartialEq, Eq)]
pub struct CaseOpening {
    /// The agreement.
    pub agreement: AgreementId,
    /// The clause relied on.
    pub clause: Clause,
    /// The purpose.
    pub purpose: Purpose,
    /// The offence.
    pub offence: Offence,
    /// The reference of the national proceeding, 1 to 64 characters.
    pub reference: String,
    /// For how many days it is open, 1 to 366.
    pub open_days: u32,
}

impl core::fmt::Debug for CaseOpening {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CaseOpening({}, {}, ..)", self.agreement, self.purpose)
    }
}

/// Record, or only say what would happen?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Do it.
    Real,
    /// Only say what would happen.
    DryRun,
}

/// What an officer asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The case.
    pub case: CaseId,
    /// The kind of every fingerprint.
    pub kind: Kind,
    /// The fingerprints, at most [`QUERY_FINGERPRINTS_MAX`].
    pub fingerprints: Vec<Fingerprint>,
    /// The partners to ask live, by name.
    pub ask: Vec<AgencyId>,
    /// How soon.
    pub urgency: Urgency,
    /// Training data only.
    pub exercise: bool,
}

/// What came of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryReport {
    /// What is held here: own records and copies of partners' records.
    pub held: Vec<Hit>,
    /// One row per partner named.
    pub answers: Vec<AnswerRow>,
    /// The sequence of the audit entry.
    pub audit_sequence: u64,
    /// What the officer has used of the day, this query included.
    pub allowance: Allowance,
}

/// What an officer asked about today (UTC), and how much that may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Values asked about.
    pub asked_today: u64,
    /// How many there may be.
    pub per_day: u64,
}

/// What one partner said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    /// The partner.
    pub agency: AgencyId,
    /// What it said; `None` in a dry run: it would be asked.
    pub answer: Option<PartnerAnswer>,
    /// As of when.
    pub as_of: Timestamp,
    /// For "not asked" the rule of our own policy, for "no answer" the true reason.
    pub note: String,
}

/// Something that matched.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Hit {
    /// Whose record.
    #[n(1)]
    pub origin: AgencyId,
    /// What is known of it.
    #[n(2)]
    pub summary: MatchSummary,
    /// When it was found.
    #[n(3)]
    pub found_at: Timestamp,
    /// The case it was found for.
    #[n(4)]
    pub case: Option<CaseId>,
    /// The record, if it is held here.
    #[n(5)]
    pub record_id: Option<RecordId>,
}

/// What came of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalReceipt {
    /// The record.
    pub record_id: RecordId,
    /// The sequence of the audit entry.
    pub audit_sequence: u64,
    /// The partners that were granted its class and will be told.
    pub partners: Vec<AgencyId>,
}

/// What came of erasing one record here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureReceipt {
    /// The record: its id remains.
    pub record_id: RecordId,
    /// Whose it was.
    pub origin: AgencyId,
    /// The partners that were granted it and are told that it is withdrawn; none for a copy.
    pub told: Vec<AgencyId>,
    /// The sequence number of the audit entry, which remains.
    pub audit_sequence: u64,
}
