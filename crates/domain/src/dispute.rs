//! Disputes: a holder says that a record is wrong, and its originator answers.
//!
//! The holder stops matching with the record at once. Elsewhere matching stops when the originator
//! agrees, or when two other agencies say the same: then the originator makes a version of the record
//! that says so, which reaches every holder like any other and names nobody who disputes.

use crate::closed::closed;
use crate::encoding::{self, Malformed};
use crate::envelope::{Envelope, Payload};
use crate::name::{AgencyId, AgreementId, CaseId, Digest, OfficerId, RecordId};
use crate::record::{Version, names_somebody};
use crate::refusal::RefusalCode;
use crate::submission::Repeated;
use crate::time::Timestamp;

/// The longest note of a dispute or an answer, in characters.
pub const DISPUTE_NOTE_CHARACTERS_MAX: usize = 200;
/// The largest dispute, and the largest answer, in bytes.
pub const DISPUTE_BYTES_MAX: usize = 2048;
/// The largest stored row about a dispute, in bytes.
pub const DISPUTE_ROW_BYTES_MAX: usize = 8192;
/// The most disputes that one node has raised and not lifted.
pub const DISPUTES_MAX: usize = 4096;
/// The most that one agency can hand in on one day of each: disputes, violation notices, questions for
/// permission.
pub const LETTERS_PER_DAY_MAX: u32 = 256;
/// So many agencies beside the one that disputes stop the matching elsewhere.
pub const CONCURRING_AGENCIES: usize = 2;

closed! {
    /// What is wrong with a record.
    DisputeReason, "dispute reason" {
        /// It is not accurate.
        Inaccurate = 1 "INACCURATE",
        /// It was accurate once.
        Outdated = 2 "OUTDATED",
        /// It is about somebody else.
        WrongPerson = 3 "WRONG_PERSON",
        /// It may not be kept or shared.
        NotLawful = 4 "NOT_LAWFUL",
    }
}

closed! {
    /// What the originator says of a dispute.
    Verdict, "verdict" {
        /// The record is wrong: it is corrected or withdrawn, and not matched until then.
        Upheld = 1 "UPHELD",
        /// The record is right.
        Rejected = 2 "REJECTED",
    }
}

closed! {
    /// Why a dispute is rejected.
    RejectionReason, "rejection reason" {
        /// It was checked, and is accurate.
        Accurate = 1 "ACCURATE",
        /// It was checked, and is current.
        Current = 2 "CURRENT",
        /// It was checked, and is about this person.
        RightPerson = 3 "RIGHT_PERSON",
        /// It may be kept and shared; the note names the basis.
        Lawful = 4 "LAWFUL",
    }
}

closed! {
    /// Why a record is not matched for now.
    MatchingStop, "matching stop" {
        /// It is disputed.
        Disputed = 1 "DISPUTED",
    }
}

closed! {
    /// Who raised a dispute that is listed.
    DisputeSide, "side of a dispute" {
        /// We, about a partner's record.
        Raised = 1 "RAISED",
        /// A partner, about our record.
        Received = 2 "RECEIVED",
    }
}

closed! {
    /// How a dispute stands.
    DisputeState, "state of a dispute" {
        /// The originator does not have it yet.
        Waiting = 1 "WAITING",
        /// The originator has it and has not answered.
        Open = 2 "OPEN",
        /// Upheld: the record is corrected or withdrawn.
        Upheld = 3 "UPHELD",
        /// Rejected: whoever disputed decides whether to match with it again.
        Rejected = 4 "REJECTED",
    }
}

/// A few words that travel with a dispute or its answer: at most [`DISPUTE_NOTE_CHARACTERS_MAX`]
/// characters, nothing in them that looks like an identifier. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, minicbor::Encode)]
#[cbor(transparent)]
pub struct Note(#[n(0)] String);

impl Note {
    /// Takes words.
    ///
    /// # Errors
    /// [`RefusalCode::TooLarge`], [`RefusalCode::Malformed`] if it is empty or could name somebody.
    pub fn new(words: &str) -> Result<Self, RefusalCode> {
        if words.chars().nth(DISPUTE_NOTE_CHARACTERS_MAX).is_some() {
            Err(RefusalCode::TooLarge)
        } else if words.trim().is_empty() || names_somebody(words) {
            Err(RefusalCode::Malformed)
        } else {
            Ok(Self(words.to_owned()))
        }
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Note {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let refused = |_| minicbor::decode::Error::message("a note that is not allowed").at(at);
        Self::new(d.str()?).map_err(refused)
    }
}

impl core::fmt::Debug for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Note(..)")
    }
}

/// A holder's signed word that a record is wrong. It names no officer.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Dispute {
    /// The record.
    #[n(1)]
    pub record_id: RecordId,
    /// The version that was looked at.
    #[n(2)]
    pub version: Version,
    /// Whose record it is.
    #[n(3)]
    pub origin: AgencyId,
    /// Who disputes it.
    #[n(4)]
    pub disputer: AgencyId,
    /// The agreement of the record.
    #[n(5)]
    pub agreement: AgreementId,
    /// What is wrong.
    #[n(6)]
    pub reason: DisputeReason,
    /// A few words more.
    #[n(7)]
    pub note: Option<Note>,
    /// When.
    #[n(8)]
    pub at: Timestamp,
}

impl Payload for Dispute {
    const TYPE: &'static str = "application/vnd.malines.dispute.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        encoding::from_bytes("dispute", bytes, DISPUTE_BYTES_MAX)
    }
}

/// The originator's signed answer to one dispute. It names no officer.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct DisputeAnswer {
    /// The record.
    #[n(1)]
    pub record_id: RecordId,
    /// Whose record it is.
    #[n(2)]
    pub origin: AgencyId,
    /// Who disputed it.
    #[n(3)]
    pub disputer: AgencyId,
    /// The agreement of the record.
    #[n(4)]
    pub agreement: AgreementId,
    /// The payload hash of the dispute that is answered.
    #[n(5)]
    pub dispute: Digest,
    /// What the originator says.
    #[n(6)]
    pub verdict: Verdict,
    /// Why it is rejected; of [`Verdict::Rejected`] alone.
    #[n(7)]
    pub reason: Option<RejectionReason>,
    /// A few words more.
    #[n(8)]
    pub note: Option<Note>,
    /// When.
    #[n(9)]
    pub at: Timestamp,
}

impl Payload for DisputeAnswer {
    const TYPE: &'static str = "application/vnd.malines.dispute-answer.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let what = "dispute answer";
        let answer: Self = encoding::from_bytes(what, bytes, DISPUTE_BYTES_MAX)?;
        if (answer.verdict == Verdict::Rejected) == answer.reason.is_some() {
            return Ok(answer);
        }
        let why = "a verdict and a reason that contradict each other".to_owned();
        Err(Malformed::NotValid { what, why })
    }
}

/// What an officer says to dispute a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeOrder {
    /// The case in which it was seen to be wrong.
    pub case: CaseId,
    /// What is wrong.
    pub reason: DisputeReason,
    /// A few words more, for the originator.
    pub note: Option<Note>,
}

/// What an officer says to answer the disputes about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What is said.
    pub verdict: Verdict,
    /// Why they are rejected; of [`Verdict::Rejected`] alone.
    pub reason: Option<RejectionReason>,
    /// A few words more, for those who dispute.
    pub note: Option<Note>,
}

/// A dispute that this agency raised, as it is kept: sealed.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Raised {
    /// What was signed.
    #[n(1)]
    pub envelope: Envelope,
    /// The case in which it was seen to be wrong.
    #[n(2)]
    pub case: CaseId,
    /// Who raised it.
    #[n(3)]
    pub raised_by: OfficerId,
    /// When its answer is due.
    #[n(4)]
    pub due: Timestamp,
    /// What the originator signed.
    #[n(5)]
    pub answer: Option<Envelope>,
}

/// A dispute that a partner raised and that is not answered, as it is kept: sealed.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Received {
    /// What was signed.
    #[n(1)]
    pub envelope: Envelope,
    /// When it came.
    #[n(2)]
    pub received_at: Timestamp,
    /// When the answer is due.
    #[n(3)]
    pub due: Timestamp,
}

/// A dispute as officers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDispute {
    /// Who raised it.
    pub side: DisputeSide,
    /// The partner: the originator of a record that we dispute, or who disputes ours.
    pub partner: AgencyId,
    /// The agreement.
    pub agreement: AgreementId,
    /// The record.
    pub record_id: RecordId,
    /// The version that is disputed.
    pub version: Version,
    /// What is said to be wrong.
    pub reason: DisputeReason,
    /// A few words more.
    pub note: Option<Note>,
    /// When it was raised.
    pub at: Timestamp,
    /// When the answer is due, or was.
    pub due: Timestamp,
    /// How it stands.
    pub state: DisputeState,
    /// Why it was rejected.
    pub rejection: Option<RejectionReason>,
    /// The words of the answer.
    pub answer_note: Option<Note>,
}

/// What came of raising a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeReceipt {
    /// The record.
    pub record_id: RecordId,
    /// Whose it is.
    pub origin: AgencyId,
    /// When the answer is due.
    pub due: Timestamp,
    /// Was it disputed already?
    pub repeated: Repeated,
    /// The sequence number of the audit entry; 0 if nothing was written.
    pub audit_sequence: u64,
}

/// What came of answering the disputes about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerReceipt {
    /// The record.
    pub record_id: RecordId,
    /// What was said.
    pub verdict: Verdict,
    /// Who is told.
    pub told: Vec<AgencyId>,
    /// The version of the record now: a new one if matching stops or resumes.
    pub version: Version,
    /// Is matching with it stopped everywhere now?
    pub matching: Option<MatchingStop>,
    /// The sequence number of the audit entry.
    pub audit_sequence: u64,
}

/// What came of lifting a dispute of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiftReceipt {
    /// The record.
    pub record_id: RecordId,
    /// The sequence number of the audit entry.
    pub audit_sequence: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Signed;
    use crate::signature::{SecretKey, Signer as _};

    fn dispute() -> Dispute {
        Dispute {
            record_id: RecordId::from_bytes([1; 16]),
            version: Version { epoch: 1, n: 2 },
            origin: "be-fedpol".parse().unwrap(),
            disputer: "es-pn".parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            reason: DisputeReason::WrongPerson,
            note: Some(Note::new("the shop, not him").unwrap()),
            at: Timestamp::from_millis(1_795_000_000_123),
        }
    }

    fn answer() -> DisputeAnswer {
        DisputeAnswer {
            record_id: RecordId::from_bytes([1; 16]),
            origin: "be-fedpol".parse().unwrap(),
            disputer: "es-pn".parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            dispute: Digest::from_bytes([2; 32]),
            verdict: Verdict::Rejected,
            reason: Some(RejectionReason::RightPerson),
            note: None,
            at: Timestamp::from_millis(1_795_000_000_123),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Written out by hand from the encoding rules of [`crate::encoding`].
    #[test]
    fn the_bytes_are_known() {
        let (one, agencies) = ("01".repeat(16), ["6962652d666564706f6c", "6565732d706e"]);
        let (origin, disputer) = (agencies[0], "6573 2d706e");
        let disputer = format!("65{}", disputer.replace(' ', ""));
        assert_eq!(disputer, agencies[1]);
        let agreement = "6c6d616c696e65732d32303236";
        let at = "1b000001a1ee565e7b";
        let note = "71 7468652073686f702c206e6f742068696d";
        let expected = format!(
            "a8 0150{one} 02a201010202 03{origin} 04{disputer} 05{agreement} 0603 07{note} 08{at}"
        );
        assert_eq!(hex(&dispute().to_payload()), expected.replace(' ', ""));
        let (two, rejected, right_person) = ("02".repeat(32), "02", "03");
        let expected = format!(
            "a8 0150{one} 02{origin} 03{disputer} 04{agreement} 055820{two} 06{rejected} \
             07{right_person} 09{at}"
        );
        assert_eq!(hex(&answer().to_payload()), expected.replace(' ', ""));
        assert_eq!(Dispute::from_payload(&dispute().to_payload()), Ok(dispute()));
        assert_eq!(DisputeAnswer::from_payload(&answer().to_payload()), Ok(answer()));
    }

    #[test]
    fn they_open_with_the_signers_key_alone_and_one_is_not_the_other() {
        let (mine, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let (_, raised) = Signed::seal(dispute(), &mine).into_parts();
        let (_, answered) = Signed::seal(answer(), &mine).into_parts();
        let (mine, other) = (mine.public_key(), other.public_key());
        assert!(Signed::<Dispute>::open(raised.clone(), &mine).is_ok());
        assert!(Signed::<Dispute>::open(raised.clone(), &other).is_err());
        assert!(Signed::<DisputeAnswer>::open(raised, &mine).is_err());
        assert!(Signed::<DisputeAnswer>::open(answered.clone(), &mine).is_ok());
        assert!(Signed::<Dispute>::open(answered, &mine).is_err());
    }

    #[test]
    fn a_verdict_and_its_reason_belong_together() {
        let upheld = DisputeAnswer { verdict: Verdict::Upheld, ..answer() };
        assert!(DisputeAnswer::from_payload(&upheld.to_payload()).is_err());
        let upheld = DisputeAnswer { reason: None, ..upheld };
        assert!(DisputeAnswer::from_payload(&upheld.to_payload()).is_ok());
        let unfounded = DisputeAnswer { reason: None, ..answer() };
        assert!(DisputeAnswer::from_payload(&unfounded.to_payload()).is_err());
    }

    #[test]
    fn a_note_names_nobody_and_is_short() {
        for bad in ["", "  ", "call 0199 00 12", "see t.me/x @boats", "https://a.example", "a\nb"] {
            assert_eq!(Note::new(bad), Err(RefusalCode::Malformed), "{bad:?}");
        }
        let long = "é".repeat(DISPUTE_NOTE_CHARACTERS_MAX);
        assert!(Note::new(&long).is_ok());
        assert_eq!(Note::new(&(long + "é")), Err(RefusalCode::TooLarge));
        assert_eq!(format!("{:?}", dispute().note), "Some(Note(..))");
        // What came from a partner is held to the same.
        let mut bytes = dispute().to_payload();
        let at = bytes.windows(4).position(|window| window == b"shop").unwrap();
        bytes[at..at + 4].copy_from_slice(b"@hop");
        assert!(Dispute::from_payload(&bytes).is_err());
    }

    #[test]
    fn the_longest_ones_fit() {
        let long = Some(Note::new(&"\u{10348}".repeat(DISPUTE_NOTE_CHARACTERS_MAX)).unwrap());
        let agency: AgencyId = "a".repeat(32).parse().unwrap();
        let longest = Dispute {
            version: Version { epoch: u32::MAX, n: u32::MAX },
            origin: agency.clone(),
            disputer: agency,
            agreement: "a".repeat(64).parse().unwrap(),
            note: long,
            at: Timestamp::MAX,
            ..dispute()
        };
        assert!(longest.to_payload().len() < DISPUTE_BYTES_MAX);
        let (_, envelope) = Signed::seal(longest, &SecretKey::from_seed(&[1; 32])).into_parts();
        let raised = Raised {
            envelope: envelope.clone(),
            case: CaseId::from_bytes([1; 16]),
            raised_by: "A".repeat(32).parse().unwrap(),
            due: Timestamp::MAX,
            answer: Some(envelope),
        };
        assert!(encoding::to_bytes(&raised).len() < DISPUTE_ROW_BYTES_MAX);
    }
}
