//! Reviews: every record has a day on which its agency looks whether it is still needed. An own record
//! past that day is a duty of ours until it is corrected with a later one, or is gone (LED Art. 5).
//!
//! The day stands in the record alone, so it is found by reading every own record once a day, at half of
//! one processor at most; nothing is kept in memory for it.

use crate::Desk;
use crate::duty::replaced;
use crate::error::DeskError;
use domain::duty::{Asked, Debtor, Duty};
use domain::name::{AgreementId, RecordId};
use domain::record::Record;
use domain::time::Timestamp;
use std::time::Instant;
use store::{Batch, Ownership};
use sync::message::LogKind;

/// The most reviews that are on the duty list at a time; the rest is found once these are done.
pub const REVIEWS_LISTED_MAX: usize = 256;
/// How many rows of a class log are looked at between two rests.
const LOOKED_AT_ONCE: usize = 256;

impl Desk {
    /// The own records whose review was due by now, at most [`REVIEWS_LISTED_MAX`]. Blocks while it
    /// reads the journal, and rests as long as it works; ends early when `stop` says so.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub fn survey_reviews(&self, stop: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Duty>, DeskError> {
        let mut due = Vec::new();
        for agreement in self.agreement_ids() {
            for entry in self.store.classes(&self.own, &agreement) {
                let mut from = 0;
                loop {
                    let begun = Instant::now();
                    let rows = self.store.class_log(entry.number, from, LOOKED_AT_ONCE);
                    let Some(last) = rows.last() else { break };
                    from = last.position.saturating_add(1);
                    for row in rows.iter().filter(|row| row.kind == LogKind::Add) {
                        // Each version is a row of the log; the record stands at the last one.
                        let here = self.store.hit_row(&row.record_id).is_some_and(|here| {
                            (here.class, here.logged) == (Some(entry.number), Some(row.position))
                        });
                        if here {
                            due.extend(self.due_review(&row.record_id, &agreement)?);
                        }
                    }
                    if stop() || due.len() >= REVIEWS_LISTED_MAX {
                        due.truncate(REVIEWS_LISTED_MAX);
                        return Ok(due);
                    }
                    std::thread::sleep(begun.elapsed());
                }
            }
        }
        Ok(due)
    }

    /// Puts reviews on the duty list, those that are not there. Returns how many are new.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub async fn owe_reviews(&self, due: Vec<Duty>) -> Result<u64, DeskError> {
        let mut room = REVIEWS_LISTED_MAX.saturating_sub(self.open_reviews(None)?.len());
        let mut owed = 0;
        for duty in due {
            // It may have been corrected since it was read.
            let is_due = self.due_review(&duty.record_id, &duty.agreement)?.is_some();
            if room == 0 || !is_due || self.owed_review(&duty)?.is_some() {
                continue;
            }
            room -= 1;
            owed += self.write_review(replaced(Batch::new(), None, Some(&duty))).await?;
        }
        Ok(owed)
    }

    /// Takes reviews off the duty list of records that are gone or were given a later day. Returns how
    /// many; ends early when `stop` says so.
    ///
    /// # Errors
    /// A failing or damaged store.
    pub async fn settle_reviews(&self, stop: &(dyn Fn() -> bool + Sync)) -> Result<u64, DeskError> {
        let mut settled = 0;
        for duty in self.open_reviews(Some(stop))? {
            if self.due_review(&duty.record_id, &duty.agreement)?.is_none() {
                settled += self.write_review(replaced(Batch::new(), Some(&duty), None)).await?;
            }
        }
        Ok(settled)
    }

    /// An own record was corrected or withdrawn: it was looked at.
    pub(crate) fn reviewed(
        &self,
        batch: Batch,
        record_id: &RecordId,
        agreement: &AgreementId,
    ) -> Result<Batch, DeskError> {
        let asked = self.review_duty(record_id, agreement, self.now());
        let owed = self.owed_review(&asked)?;
        Ok(owed.iter().fold(batch, |batch, duty| replaced(batch, Some(duty), None)))
    }

    /// One duty at a time: at most [`REVIEWS_LISTED_MAX`], once a day.
    async fn write_review(&self, batch: Batch) -> Result<u64, DeskError> {
        match self.store.commit(batch).await {
            Ok(_) => Ok(1),
            // An officer did something about it in the same instant.
            Err(store::Error::Conflict(_)) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// The duty to review an own record, if its day has passed and it is live.
    fn due_review(
        &self,
        record_id: &RecordId,
        agreement: &AgreementId,
    ) -> Result<Option<Duty>, DeskError> {
        let now = self.now();
        let row = self.store.hit_row(record_id).filter(|row| row.is_live(now));
        if row.is_none_or(|row| row.origin != Ownership::Own) {
            return Ok(None);
        }
        let Some(held) = self.store.record(record_id)? else { return Ok(None) };
        let record: Record = self.opened(held)?;
        if record.review_at > now {
            return Ok(None);
        }
        Ok(Some(self.review_duty(record_id, agreement, record.review_at)))
    }

    fn review_duty(&self, record_id: &RecordId, agreement: &AgreementId, due: Timestamp) -> Duty {
        Duty {
            debtor: Debtor::Ourselves,
            agency: self.own.clone(),
            agreement: agreement.clone(),
            record_id: *record_id,
            asked: Asked::Review,
            version: None,
            since: due,
            due,
            handle: None,
            kept_until: None,
        }
    }
}
