//! Classes by number, and the append log of each class of own records.

use crate::index::NONE;
use crate::reading::{ClassEntry, ClassNumber, LogKind};
use domain::class::{CLASSES_MAX, Class};
use domain::name::{AgencyId, AgreementId, Digest};
use domain::record::Version;
use std::collections::HashMap;
use std::sync::Arc;

/// One row of a class log: 16 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggedRow {
    pub(crate) row: u32,
    pub(crate) version: Version,
    pub(crate) kind: LogKind,
}

struct Known {
    class: Arc<Class>,
    hash: Digest,
    log: Vec<LoggedRow>,
    records: u64,
}

/// Every class the journal holds.
#[derive(Default)]
pub(crate) struct Classes {
    list: Vec<Known>,
    numbers: HashMap<Arc<Class>, u32>,
    by_owner: HashMap<(AgencyId, AgreementId), Owned>,
}

/// The classes of one originator under one agreement.
#[derive(Default)]
struct Owned {
    numbers: Vec<u32>,
    /// How many of them have records.
    live: usize,
}

impl Classes {
    pub(crate) const fn count(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn number(&self, class: &Class) -> Option<u32> {
        self.numbers.get(class).copied()
    }

    pub(crate) fn class(&self, number: u32) -> Option<&Arc<Class>> {
        self.list.get(number as usize).map(|known| &known.class)
    }

    /// How many more classes with records this originator may have under this agreement.
    pub(crate) fn room(&self, class: &Class) -> usize {
        let owner = (class.origin.clone(), class.agreement.clone());
        CLASSES_MAX.saturating_sub(self.by_owner.get(&owner).map_or(0, |owned| owned.live))
    }

    /// Does the class have records?
    pub(crate) fn is_live(&self, number: u32) -> bool {
        self.list.get(number as usize).is_some_and(|known| known.records > 0)
    }

    /// Adds the next class; false if the number is not the next, or the class is there.
    #[must_use]
    pub(crate) fn add(&mut self, number: u32, class: Arc<Class>) -> bool {
        if number as usize != self.list.len() || number == NONE || self.number(&class).is_some() {
            return false;
        }
        let owner = (class.origin.clone(), class.agreement.clone());
        self.by_owner.entry(owner).or_default().numbers.push(number);
        self.numbers.insert(Arc::clone(&class), number);
        let hash = class.hash();
        self.list.push(Known { class, hash, log: Vec::new(), records: 0 });
        true
    }

    /// Appends a row to the log of a class; where it stands, or [`NONE`] if there is no such class.
    pub(crate) fn append(&mut self, number: u32, row: LoggedRow) -> u32 {
        let Some(known) = self.list.get_mut(number as usize) else { return NONE };
        let at = u32::try_from(known.log.len()).unwrap_or(NONE);
        known.log.push(row);
        at
    }

    /// One record more or less is in the class; [`NONE`] is no class.
    pub(crate) fn count_record(&mut self, number: u32, by: i64) {
        let Some(known) = self.list.get_mut(number as usize) else { return };
        let was_live = known.records > 0;
        known.records = known.records.saturating_add_signed(by);
        let is_live = known.records > 0;
        if was_live != is_live {
            let owner = (known.class.origin.clone(), known.class.agreement.clone());
            let live = &mut self.by_owner.entry(owner).or_default().live;
            *live = if is_live { *live + 1 } else { live.saturating_sub(1) };
        }
    }

    /// Rows of a log with their positions.
    pub(crate) fn log(
        &self,
        number: ClassNumber,
        from: u64,
        limit: usize,
    ) -> Vec<(u64, LoggedRow)> {
        let Some(known) = self.list.get(number.0 as usize) else {
            return Vec::new();
        };
        let start = usize::try_from(from).unwrap_or(usize::MAX);
        let rest = known.log.get(start..).unwrap_or_default();
        rest.iter().copied().zip(from..=u64::MAX).map(|(row, at)| (at, row)).take(limit).collect()
    }

    pub(crate) fn entry(&self, number: u32) -> Option<ClassEntry> {
        let Known { class, hash, log, records } = self.list.get(number as usize)?;
        Some(ClassEntry {
            number: ClassNumber(number),
            class: Arc::clone(class),
            hash: *hash,
            end: log.len() as u64,
            records: *records,
        })
    }

    pub(crate) fn of(&self, origin: &AgencyId, agreement: &AgreementId) -> Vec<ClassEntry> {
        let numbers = self.by_owner.get(&(origin.clone(), agreement.clone()));
        let numbers = numbers.map(|owned| owned.numbers.as_slice()).unwrap_or_default();
        numbers.iter().filter_map(|number| self.entry(*number)).collect()
    }
}
