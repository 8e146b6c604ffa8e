//! Quotas: how much a partner may ask of us in a day, and how much an officer may ask at all.
//!
//! Who may ask q things a day can test q guesses a day; against that stand law, audit and these counts
//! (docs/threat-model.md). A question that is refused for another reason costs as much as an answered
//! one; one that no longer fits into the day costs nothing.

use crate::Desk;
use crate::error::DeskError;
use domain::encoding;
use domain::name::OfficerId;
use domain::refusal::{Refusal, RefusalCode};
use domain::report::Allowance;
use domain::time::Timestamp;
use policy::invariant;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use store::{Batch, Change, PendingCommit, Secrecy, Store, Table};

/// The most askers whose use is kept, on each side.
const ASKERS_MAX: usize = 1024;
/// A day's quota is written in so many steps: what a restart can cost an asker is one of them.
const QUOTA_STEPS: u64 = 64;
/// What stands before an officer's name in the table; no agency's name holds a slash.
const OFFICERS: &str = "officer/";

/// What may be asked in a calendar day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Tokens that one partner may ask about here, padding included, across agreements and purposes.
    pub tokens_per_day: u64,
    /// Values that one officer of ours may ask about, here and at partners, however many are asked.
    pub officer_values_per_day: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { tokens_per_day: 50_000, officer_values_per_day: 1_000 }
    }
}

/// Who used how much.
pub(crate) struct Quotas {
    pub(crate) partners: QuotaBook,
    pub(crate) officers: QuotaBook,
}

impl Quotas {
    pub(crate) fn load(store: &dyn Store, quota: Quota, now: Timestamp) -> Result<Self, DeskError> {
        Ok(Self {
            partners: QuotaBook::load(store, "", quota.tokens_per_day, now)?,
            officers: QuotaBook::load(store, OFFICERS, quota.officer_values_per_day, now)?,
        })
    }
}

/// What each asker of one side used today. The journal is told ahead, in steps: a commit writes a row
/// only when the step that was written before is used up. A restart counts what was written as used.
pub(crate) struct QuotaBook {
    prefix: &'static str,
    per_day: u64,
    used: Mutex<BTreeMap<String, Used>>,
}

/// One asker's day.
#[derive(Debug, Clone, Copy)]
struct Used {
    day: u64,
    count: u64,
    written: u64,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct QuotaRow {
    #[n(1)]
    day: u64,
    #[n(2)]
    count: u64,
}

impl QuotaBook {
    fn load(
        store: &dyn Store,
        prefix: &'static str,
        per_day: u64,
        now: Timestamp,
    ) -> Result<Self, DeskError> {
        let mut used = BTreeMap::new();
        // The partners' rows lie among the officers'.
        let rows = store.scan(Table::Quota, prefix.as_bytes(), None, 2 * ASKERS_MAX)?;
        for (key, value) in rows {
            let QuotaRow { day, count } = encoding::from_bytes("quota", &value, 64)?;
            let asker = core::str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(prefix));
            if let Some(asker) = asker.filter(|asker| day == day_of(now) && !asker.contains('/')) {
                used.insert(asker.to_owned(), Used { day, count, written: count });
            }
        }
        Ok(Self { prefix, per_day, used: Mutex::new(used) })
    }

    /// Takes so much from today's quota; what is refused takes nothing.
    pub(crate) fn spend(&self, asker: &str, count: u64, now: Timestamp) -> Result<(), RefusalCode> {
        let mut book = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= ASKERS_MAX && !book.contains_key(asker) {
            book.retain(|_, used| used.day == day_of(now));
            if book.len() >= ASKERS_MAX {
                return Err(RefusalCode::QuotaSpent);
            }
        }
        let fresh = Used { day: day_of(now), count: 0, written: 0 };
        let used = book.entry(asker.to_owned()).or_insert(fresh);
        if used.day != day_of(now) {
            *used = fresh;
        }
        let after = used.count.saturating_add(count);
        if after > self.per_day {
            return Err(RefusalCode::QuotaSpent);
        }
        used.count = after;
        Ok(())
    }

    /// Commits a batch that is always written, with the asker's row if the step before is used up. The
    /// book is locked while the batch is handed over, so that rows are written in the order in which
    /// they grew.
    pub(crate) fn commit(&self, asker: &str, store: &dyn Store, batch: Batch) -> PendingCommit {
        let mut book = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        store.commit(match self.row_due(&mut book, asker) {
            Some(row) => batch.with(row),
            None => batch,
        })
    }

    /// Commits the asker's row by itself, if the step before is used up: beside a batch that the store
    /// may answer without writing it.
    pub(crate) fn commit_row(&self, asker: &str, store: &dyn Store) -> Option<PendingCommit> {
        let mut book = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let row = self.row_due(&mut book, asker)?;
        Some(store.commit(Batch::new().with(row)))
    }

    /// The row to write, a step ahead of what is used.
    fn row_due(&self, book: &mut BTreeMap<String, Used>, asker: &str) -> Option<Change> {
        let used = book.get_mut(asker).filter(|used| used.count > used.written)?;
        let step = (self.per_day / QUOTA_STEPS).max(1);
        let written = used.count.saturating_add(step).min(self.per_day);
        used.written = written.max(used.count);
        let row = QuotaRow { day: used.day, count: used.written };
        let key = [self.prefix, asker].concat();
        Some(crate::put(Table::Quota, key.as_bytes(), encoding::to_bytes(&row), Secrecy::Plain))
    }

    fn used_today(&self, asker: &str, now: Timestamp) -> u64 {
        let book = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        book.get(asker).filter(|used| used.day == day_of(now)).map_or(0, |used| used.count)
    }
}

impl Desk {
    /// What an officer asked about today, and how much that may be.
    pub fn allowance(&self, officer: &OfficerId) -> Allowance {
        let book = &self.quotas.officers;
        Allowance {
            asked_today: book.used_today(officer.as_str(), self.now()),
            per_day: book.per_day,
        }
    }

    /// Takes one value from an officer's day, for what is told beside something else; without an entry,
    /// because nothing is refused.
    pub(crate) fn may_ask(&self, officer: &OfficerId, now: Timestamp) -> bool {
        self.quotas.officers.spend(officer.as_str(), 1, now).is_ok()
    }

    /// Takes so many values from an officer's day; a refusal is an entry of the log.
    pub(crate) async fn spend_of_officer(
        &self,
        officer: &OfficerId,
        values: usize,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let values = u64::try_from(values).unwrap_or(u64::MAX);
        let Err(code) = self.quotas.officers.spend(officer.as_str(), values, now) else {
            return Ok(());
        };
        let refusal = Refusal::by_rule(code, invariant::OFFICER_QUOTA);
        self.note_call_refused(officer, &refusal, "Query").await?;
        Err(refusal.into())
    }
}

const fn day_of(now: Timestamp) -> u64 {
    now.as_millis() / Timestamp::DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORNING: Timestamp = Timestamp::from_millis(20_000 * Timestamp::DAY_MS + 1);

    fn book(per_day: u64) -> QuotaBook {
        QuotaBook { prefix: OFFICERS, per_day, used: Mutex::default() }
    }

    #[test]
    fn a_day_holds_so_much_and_the_next_begins_anew() {
        let book = book(100);
        assert_eq!(book.spend("BE-1", 60, MORNING), Ok(()));
        assert_eq!(book.spend("BE-1", 41, MORNING), Err(RefusalCode::QuotaSpent));
        assert_eq!(book.used_today("BE-1", MORNING), 60, "what is refused takes nothing");
        assert_eq!(book.spend("BE-1", 40, MORNING), Ok(()));
        assert_eq!(
            book.spend("BE-2", 100, MORNING),
            Ok(()),
            "another officer has a day of his own"
        );
        assert_eq!(book.spend("BE-1", u64::MAX, MORNING), Err(RefusalCode::QuotaSpent));
        let tomorrow = MORNING.plus_days(1);
        assert_eq!(book.used_today("BE-1", tomorrow), 0);
        assert_eq!(book.spend("BE-1", 100, tomorrow), Ok(()));
    }

    #[test]
    fn no_more_askers_are_kept_than_stated() {
        let book = book(1);
        for asker in 0..ASKERS_MAX {
            assert_eq!(book.spend(&asker.to_string(), 1, MORNING), Ok(()));
        }
        assert_eq!(book.spend("one-more", 1, MORNING), Err(RefusalCode::QuotaSpent));
    }
}
