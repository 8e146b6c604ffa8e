//! What the audit log says: who did what, to whom, for which purpose, and under which rule.
//!
//! An event has two parts with a salt each. The shared part may be shown to the partner in a mirror
//! audit; the local part - the officer, the rule that depended on a record - never is.

use crate::closed::closed;
use crate::encoding::{self, Malformed};
use crate::name::{AgencyId, AgreementId, Digest, OfficerId, RecordId};
use crate::refusal::RefusalCode;
use crate::time::Timestamp;
use crate::value::Purpose;

/// The most record ids in the local part of one event.
pub const EVENT_RECORDS_MAX: usize = 512;
/// The largest part, in bytes.
pub const EVENT_PART_BYTES_MAX: usize = 16 * 1024;

closed! {
    /// What was done.
    Act, "act" {
        /// The node was made.
        NodeMade = 1 "NODE_MADE",
        /// The node started.
        NodeStarted = 2 "NODE_STARTED",
        /// An agreement came in, changed its state or was signed.
        AgreementEvent = 3 "AGREEMENT_EVENT",
        /// A policy was activated.
        PolicyActivated = 4 "POLICY_ACTIVATED",
        /// A partner's manifest was accepted.
        PeerPinned = 5 "PEER_PINNED",
        /// A token key was drawn, sealed, sent or received.
        TokenKey = 6 "TOKEN_KEY",
        /// An officer opened a case.
        CaseOpened = 7 "CASE_OPENED",
        /// An officer submitted a record.
        Submitted = 8 "SUBMITTED",
        /// A submission was refused.
        SubmissionRefused = 9 "SUBMISSION_REFUSED",
        /// The origin withdrew a record.
        Withdrawn = 10 "WITHDRAWN",
        /// A batch was made for a partner, before its bytes left.
        Shared = 11 "SHARED",
        /// A partner was granted or denied classes.
        Granted = 12 "GRANTED",
        /// A batch came from a partner.
        Received = 13 "RECEIVED",
        /// Something a partner sent was refused; the code says why.
        ReceiptRefused = 14 "RECEIPT_REFUSED",
        /// We asked a partner.
        Asked = 15 "ASKED",
        /// Our own policy kept a question from leaving.
        NotAsked = 16 "NOT_ASKED",
        /// We answered a partner.
        Answered = 17 "ANSWERED",
        /// We refused to answer a partner.
        AnswerRefused = 18 "ANSWER_REFUSED",
        /// A partner answered us.
        AnswerReceived = 19 "ANSWER_RECEIVED",
        /// A partner's view of us was dropped, or ours of it.
        Purged = 20 "PURGED",
        /// A certificate, a signature or a message was not what it must be.
        Alarm = 21 "ALARM",
        /// An officer read the log or exported it.
        LogRead = 22 "LOG_READ",
        /// A partner was refused a view or a token key; the code says why.
        ViewRefused = 23 "VIEW_REFUSED",
        /// An officer corrected a record: a new version supersedes.
        Corrected = 24 "CORRECTED",
        /// A correction was refused.
        CorrectionRefused = 25 "CORRECTION_REFUSED",
        /// An officer placed a legal hold on a record.
        HoldPlaced = 26 "HOLD_PLACED",
        /// An officer lifted a legal hold.
        HoldLifted = 27 "HOLD_LIFTED",
        /// An officer read a record under its legal hold, for that proceeding.
        HoldRead = 28 "HOLD_READ",
        /// An officer erased records here.
        Erased = 29 "ERASED",
        /// Erasing was refused; the code says why.
        ErasureRefused = 30 "ERASURE_REFUSED",
        /// Time erased records that had expired.
        Expired = 31 "EXPIRED",
        /// Matches with records that are gone were forgotten.
        MatchesForgotten = 32 "MATCHES_FORGOTTEN",
        /// An officer proposed rules, with a first signature.
        PolicyProposed = 33 "POLICY_PROPOSED",
        /// An officer added a signature to proposed rules.
        PolicySigned = 34 "POLICY_SIGNED",
        /// Proposed rules were refused, or not put in force; the code says why.
        PolicyRefused = 35 "POLICY_REFUSED",
        /// A partner acknowledged what we withdrew, corrected or erased.
        Acknowledged = 36 "ACKNOWLEDGED",
        /// A partner acknowledged what it was not asked; nothing was told to it.
        AcknowledgementRefused = 37 "ACKNOWLEDGEMENT_REFUSED",
        /// A partner took our acknowledgement.
        AcknowledgementSent = 38 "ACKNOWLEDGEMENT_SENT",
        /// An officer disputed a partner's record: nothing here matches with it any more.
        DisputeRaised = 39 "DISPUTE_RAISED",
        /// A partner took our dispute, or our answer to one.
        DisputeDelivered = 40 "DISPUTE_DELIVERED",
        /// A partner disputed our record.
        DisputeReceived = 41 "DISPUTE_RECEIVED",
        /// A partner disputed what it was not sent, or once more; nothing was told to it.
        DisputeRefused = 42 "DISPUTE_REFUSED",
        /// An officer answered a dispute.
        DisputeAnswered = 43 "DISPUTE_ANSWERED",
        /// The originator answered our dispute.
        DisputeAnswerReceived = 44 "DISPUTE_ANSWER_RECEIVED",
        /// An officer lifted a dispute of our own: we match with the record again.
        DisputeLifted = 45 "DISPUTE_LIFTED",
        /// A version of our record was made that is not matched.
        MatchingStopped = 46 "MATCHING_STOPPED",
        /// A version of our record was made that is matched again.
        MatchingResumed = 47 "MATCHING_RESUMED",
        /// An officer read the versions of an own record.
        HistoryRead = 48 "HISTORY_READ",
        /// An officer listed the legal holds.
        HoldsListed = 49 "HOLDS_LISTED",
        /// A person approved one record for one partner.
        Approved = 50 "APPROVED",
        /// A person took an approval back.
        ApprovalEnded = 51 "APPROVAL_ENDED",
        /// An approval was refused, or its end; the code says why.
        ApprovalRefused = 52 "APPROVAL_REFUSED",
        /// An officer asked the originator to permit the use of a record in court.
        PermissionAsked = 53 "PERMISSION_ASKED",
        /// A partner asked us to permit the use of a record in court; counts what it was told.
        PermissionAnswered = 54 "PERMISSION_ANSWERED",
        /// An officer was told that a record may be used in court, in one case.
        UsedInCourt = 55 "USED_IN_COURT",
        /// An officer was told that a record may not be used in court; the code says why.
        CourtUseRefused = 56 "COURT_USE_REFUSED",
        /// A partner took our notice that what it sent had to be refused.
        ViolationReported = 57 "VIOLATION_REPORTED",
        /// A partner told us that what we sent had to be refused; the code says why.
        ViolationReceived = 58 "VIOLATION_RECEIVED",
        /// An administrator backed the store up.
        BackedUp = 59 "BACKED_UP",
        /// An administrator began to move the store to another machine.
        Exported = 60 "EXPORTED",
        /// An administrator moved the store here from another machine.
        Imported = 61 "IMPORTED",
        /// An administrator restored the store from a backup.
        Restored = 62 "RESTORED",
        /// An administrator had the tables made again from the journal.
        Rebuilt = 63 "REBUILT",
        /// An officer wanted what role or quota does not allow; the code says why.
        CallRefused = 64 "CALL_REFUSED",
        /// An officer was shown what is held here; the note says what, the count how much.
        Consulted = 65 "CONSULTED",
    }
}

/// The part that a mirror audit compares: it names no officer and no rule.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct SharedPart {
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// What.
    #[n(2)]
    pub act: Act,
    /// The partner on the other side.
    #[n(3)]
    pub peer: Option<AgencyId>,
    /// The agreement.
    #[n(4)]
    pub agreement: Option<AgreementId>,
    /// The purpose.
    #[n(5)]
    pub purpose: Option<Purpose>,
    /// How many records, tokens or classes.
    #[n(6)]
    pub count: u32,
    /// What was exchanged: the commitment of a question, the root of a batch.
    #[n(7)]
    pub exchange: Option<Digest>,
    /// The reason of a refusal that the partner was told.
    #[n(8)]
    pub code: Option<RefusalCode>,
}

/// The part that only our own people and our oversight read. Its `Debug` shows no officer.
#[derive(Clone, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct LocalPart {
    /// The officer.
    #[n(1)]
    pub officer: Option<OfficerId>,
    /// The rule that decided.
    #[n(2)]
    pub rule: Option<String>,
    /// The reason that depended on a record.
    #[n(3)]
    pub code: Option<RefusalCode>,
    /// The records concerned, at most [`EVENT_RECORDS_MAX`].
    #[n(4)]
    pub records: Vec<RecordId>,
    /// A sentence for our own people; names no identifier.
    #[n(5)]
    pub note: Option<String>,
}

impl core::fmt::Debug for LocalPart {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LocalPart(rule {:?}, code {:?}, ..)", self.rule, self.code)
    }
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What a mirror audit compares.
    pub shared: SharedPart,
    /// What stays here.
    pub local: LocalPart,
}

impl Event {
    /// An event with nothing but the instant and the act.
    pub fn new(at: Timestamp, act: Act) -> Self {
        Self {
            shared: SharedPart {
                at,
                act,
                peer: None,
                agreement: None,
                purpose: None,
                count: 0,
                exchange: None,
                code: None,
            },
            local: LocalPart::default(),
        }
    }

    /// The bytes of both parts.
    pub fn to_parts(&self) -> (Vec<u8>, Vec<u8>) {
        (encoding::to_bytes(&self.shared), encoding::to_bytes(&self.local))
    }

    /// Reads both parts.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn from_parts(shared: &[u8], local: &[u8]) -> Result<Self, Malformed> {
        Ok(Self {
            shared: encoding::from_bytes("audit entry", shared, EVENT_PART_BYTES_MAX)?,
            local: encoding::from_bytes("audit entry", local, EVENT_PART_BYTES_MAX)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_goes_there_and_back() {
        let mut event = Event::new(Timestamp::from_millis(5), Act::Shared);
        event.shared.peer = Some("es-pn".parse().unwrap());
        event.shared.count = 3;
        event.local.rule = Some("R01".into());
        event.local.records = vec![RecordId::from_bytes([1; 16]); EVENT_RECORDS_MAX];
        let (shared, local) = event.to_parts();
        assert!(local.len() < EVENT_PART_BYTES_MAX);
        assert_eq!(Event::from_parts(&shared, &local), Ok(event));
    }
}
