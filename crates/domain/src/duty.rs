//! Duties: who has not answered yet, what was asked, since when, and until when it was due.

use crate::acknowledgement::{Applied, AppliedChange};
use crate::closed::closed;
use crate::name::{AgencyId, AgreementId, ClassHandle, RecordId};
use crate::record::{CLOCK_SKEW_MS, Version};
use crate::time::Timestamp;

/// The largest stored duty, in bytes.
pub const DUTY_BYTES_MAX: usize = 512;
/// So many overdue duties are counted at most.
pub const OVERDUE_DUTIES_MAX: usize = 1000;
/// The most duties that one listing brings.
pub const DUTIES_LISTED_MAX: usize = 16_384;

closed! {
    /// What was asked.
    Asked, "duty" {
        /// To acknowledge that a withdrawn record is gone.
        Withdrawal = 1 "WITHDRAWAL",
        /// To acknowledge that a new version of a record is in use.
        Correction = 2 "CORRECTION",
        /// To acknowledge that an erased record is gone.
        Erasure = 3 "ERASURE",
        /// To answer a dispute.
        DisputeAnswer = 4 "DISPUTE_ANSWER",
        /// To correct or withdraw a record after a dispute was upheld.
        Remedy = 5 "REMEDY",
        /// To look whether a record is still needed: the day of its review has passed.
        Review = 6 "REVIEW",
    }
}

closed! {
    /// Who owes it.
    Debtor, "debtor" {
        /// A partner, to us.
        Partner = 1 "PARTNER",
        /// We: to a partner, or to everybody who holds the record.
        Ourselves = 2 "OURSELVES",
    }
}

/// How long there is to answer. An agreement may come to set it; until then every agreement has
/// [`AnswerTimes::DEFAULT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTimes {
    /// To acknowledge a change, in milliseconds.
    pub acknowledgement_ms: u64,
    /// To answer a dispute, in milliseconds.
    pub dispute_ms: u64,
    /// To correct or withdraw after a dispute was upheld, in milliseconds.
    pub remedy_ms: u64,
}

impl AnswerTimes {
    /// Seven days, 72 hours, seven days.
    pub const DEFAULT: Self = Self {
        acknowledgement_ms: 7 * Timestamp::DAY_MS,
        dispute_ms: 3 * Timestamp::DAY_MS,
        remedy_ms: 7 * Timestamp::DAY_MS,
    };
}

impl Default for AnswerTimes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Something that somebody owes about one record.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Duty {
    /// Who owes it.
    #[n(1)]
    pub debtor: Debtor,
    /// The partner: who owes, or to whom; our own agency for a [`Asked::Remedy`] and a
    /// [`Asked::Review`].
    #[n(2)]
    pub agency: AgencyId,
    /// The agreement.
    #[n(3)]
    pub agreement: AgreementId,
    /// The record.
    #[n(4)]
    pub record_id: RecordId,
    /// What was asked.
    #[n(5)]
    pub asked: Asked,
    /// The version that was asked for, or that is disputed.
    #[n(6)]
    pub version: Option<Version>,
    /// Since when it is owed: the first thing that was asked and is not answered.
    #[n(7)]
    pub since: Timestamp,
    /// Until when.
    #[n(8)]
    pub due: Timestamp,
    /// What the partner knew the class of the record by when it was asked.
    #[n(9)]
    pub handle: Option<ClassHandle>,
    /// Acknowledged, and a legal hold of the partner keeps the record apart until this review.
    #[n(10)]
    pub kept_until: Option<Timestamp>,
}

impl Duty {
    /// Is it too late?
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.due <= now
    }

    /// What an acknowledgement is worth for this duty.
    pub fn answered_by(&self, applied: &Applied) -> Answered {
        use AppliedChange as Change;
        if applied.at.plus_ms(CLOCK_SKEW_MS) < self.since {
            return Answered::Earlier;
        }
        match (self.asked, applied.change) {
            (Asked::Correction, Change::Version) => match applied.version.cmp(&self.version) {
                core::cmp::Ordering::Less => Answered::Earlier,
                core::cmp::Ordering::Equal => Answered::Settled,
                core::cmp::Ordering::Greater => Answered::NotAsked,
            },
            (Asked::Correction | Asked::Withdrawal | Asked::Erasure, Change::Gone)
            | (Asked::Withdrawal | Asked::Erasure, Change::Withdrawn) => {
                applied.kept_until.map_or(Answered::Settled, Answered::KeptApart)
            }
            (Asked::Withdrawal | Asked::Erasure, Change::Version) => Answered::Earlier,
            (Asked::Correction, Change::Withdrawn)
            | (Asked::DisputeAnswer | Asked::Remedy | Asked::Review, _) => Answered::NotAsked,
        }
    }
}

/// What an acknowledgement is worth for a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The duty is done.
    Settled,
    /// Nothing is in use any more; a legal hold keeps the record apart until this review.
    KeptApart(Timestamp),
    /// It is about something that was asked before.
    Earlier,
    /// It is about something that was never asked.
    NotAsked,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding;

    #[test]
    fn an_answer_is_worth_what_was_asked_and_nothing_else() {
        let at = Timestamp::from_millis(1_795_000_000_000);
        let record_id = RecordId::from_bytes([1; 16]);
        let duty = |asked, n| Duty {
            debtor: Debtor::Partner,
            agency: "es-pn".parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            record_id,
            asked,
            version: Some(Version { epoch: 1, n }),
            since: at,
            due: at.plus_days(7),
            handle: None,
            kept_until: None,
        };
        let of = |change, n: Option<u32>| Applied {
            record_id,
            change,
            version: n.map(|n| Version { epoch: 1, n }),
            kept_until: None,
            at,
        };
        let version = |n| of(AppliedChange::Version, Some(n));
        let (gone, withdrawn) = (of(AppliedChange::Gone, None), of(AppliedChange::Withdrawn, None));
        let review = at.plus_days(30);
        let kept = |applied| Applied { kept_until: Some(review), ..applied };
        let old = |applied| Applied { at: at.minus_ms(CLOCK_SKEW_MS + 1), ..applied };
        for (asked, applied, expected) in [
            (Asked::Correction, version(3), Answered::Settled),
            (Asked::Correction, version(2), Answered::Earlier),
            (Asked::Correction, version(4), Answered::NotAsked),
            (Asked::Correction, gone, Answered::Settled),
            (Asked::Correction, kept(gone), Answered::KeptApart(review)),
            (Asked::Correction, withdrawn, Answered::NotAsked),
            (Asked::Correction, old(version(3)), Answered::Earlier),
            (Asked::Correction, old(gone), Answered::Earlier),
            (Asked::Withdrawal, withdrawn, Answered::Settled),
            (Asked::Withdrawal, kept(withdrawn), Answered::KeptApart(review)),
            (Asked::Withdrawal, gone, Answered::Settled),
            (Asked::Withdrawal, version(3), Answered::Earlier),
            (Asked::Erasure, withdrawn, Answered::Settled),
            (Asked::Erasure, version(9), Answered::Earlier),
            (Asked::DisputeAnswer, withdrawn, Answered::NotAsked),
            (Asked::Remedy, gone, Answered::NotAsked),
        ] {
            assert_eq!(duty(asked, 3).answered_by(&applied), expected, "{asked} {applied:?}");
        }
    }

    #[test]
    fn the_longest_duty_fits_and_goes_there_and_back() {
        let duty = Duty {
            debtor: Debtor::Partner,
            agency: "a".repeat(32).parse().unwrap(),
            agreement: "a".repeat(64).parse().unwrap(),
            record_id: RecordId::from_bytes([0xff; 16]),
            asked: Asked::Erasure,
            version: Some(Version { epoch: u32::MAX, n: u32::MAX }),
            since: Timestamp::MAX,
            due: Timestamp::MAX,
            handle: Some(ClassHandle::from_bytes([0xff; 16])),
            kept_until: Some(Timestamp::MAX),
        };
        let bytes = encoding::to_bytes(&duty);
        assert!(bytes.len() <= DUTY_BYTES_MAX, "{}", bytes.len());
        assert_eq!(encoding::from_bytes("duty", &bytes, DUTY_BYTES_MAX), Ok(duty.clone()));
        assert!(duty.is_overdue(Timestamp::MAX));
        assert!(!duty.is_overdue(Timestamp::MAX.minus_ms(1)));
    }
}
