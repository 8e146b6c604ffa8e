//! What is left to erase: how many items of each segment hold bytes that must go, and what holds
//! them back.
//!
//! Kept exact enough in memory that a compaction with nothing to do reads nothing: a segment may be
//! counted that has nothing to erase any more, but none is missed.

use crate::batch::Secrecy;
use crate::index::{Mixer, NOWHERE};
use domain::name::RecordId;
use hashbrown::HashTable;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A row of a table: a hash of its key under this process's secret, and the segment it stands in.
#[derive(Debug, Clone, Copy)]
struct RowPlace {
    hash: [u32; 2],
    /// The number of the segment, doubled, plus one if the value is sealed.
    segment: u32,
}

impl RowPlace {
    const fn new(hash: u64, (segment, secrecy): (u32, Secrecy)) -> Self {
        let sealed = matches!(secrecy, Secrecy::Sealed) as u32;
        let hash = [(hash >> 32) as u32, hash as u32];
        Self { hash, segment: segment.saturating_mul(2) | sealed }
    }

    const fn is_sealed(&self) -> bool {
        self.segment & 1 == 1
    }

    const fn segment(&self) -> u32 {
        self.segment / 2
    }

    const fn hash(&self) -> u64 {
        (self.hash[0] as u64) << 32 | self.hash[1] as u64
    }
}

/// How many items of a segment hold something to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Left {
    /// Content of records, sealed rows, and whatever was deleted: it must go soon.
    due: u64,
    /// Plain rows that were written again: they only take space.
    stale: u64,
}

/// How many stale rows make a segment worth writing anew.
const STALE_ROWS_MIN: u64 = 4_096;

/// The holds on one record.
#[derive(Debug, Default)]
struct Holds {
    ids: BTreeSet<[u8; 16]>,
    /// The segments of content that was let go while it was held.
    kept: Vec<u32>,
    /// The rows it had, which nothing else finds any more. The last one is the newest.
    dropped: Vec<u32>,
}

/// See the module.
pub(crate) struct Leftovers {
    mixer: Mixer,
    segments: BTreeMap<u32, Left>,
    table_rows: HashTable<RowPlace>,
    /// The segments of older content of a row that is still kept: versions of an own record.
    older: HashMap<u32, Vec<u32>>,
    holds: HashMap<RecordId, Holds>,
    /// How many record items have content under each data key.
    keys: BTreeMap<u32, u64>,
}

impl Leftovers {
    pub(crate) fn new(mixer: Mixer) -> Self {
        Self {
            mixer,
            segments: BTreeMap::new(),
            table_rows: HashTable::new(),
            older: HashMap::new(),
            holds: HashMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// How many items hold something that must go.
    pub(crate) fn count(&self) -> u64 {
        self.segments.values().map(|left| left.due).sum()
    }

    /// The first segment from `from` on that is worth writing anew. The one that grows is left alone
    /// unless something in it must go.
    pub(crate) fn next_segment(&self, from: u32, growing: Option<u32>) -> Option<u32> {
        let is_worth = |(segment, left): &(&u32, &Left)| {
            left.due > 0 || (left.stale >= STALE_ROWS_MIN && growing != Some(**segment))
        };
        self.segments.range(from..).find(is_worth).map(|(segment, _)| *segment)
    }

    /// Takes the counts of a segment that is about to be looked through.
    pub(crate) fn take(&mut self, segment: u32) -> Left {
        self.segments.remove(&segment).unwrap_or_default()
    }

    /// Gives back what was taken: it is still there.
    pub(crate) fn put_back(&mut self, segment: u32, left: Left) {
        let now = self.segments.entry(segment).or_default();
        now.due += left.due;
        now.stale += left.stale;
    }

    /// Something in a segment must go.
    pub(crate) fn must_go(&mut self, segment: u32) {
        if segment != NOWHERE {
            self.segments.entry(segment).or_default().due += 1;
        }
    }

    /// A row of a table was written in a segment, or deleted: what was there before goes.
    pub(crate) fn table_row(&mut self, key: &[u8], written: Option<(u32, Secrecy)>) {
        let hash = self.mixer.of_key(key);
        let found = self.table_rows.find_entry(hash, |row| row.hash() == hash);
        let before = match (found, written) {
            (Ok(mut found), Some(written)) => {
                core::mem::replace(found.get_mut(), RowPlace::new(hash, written))
            }
            (Ok(found), None) => found.remove().0,
            (Err(_), None) => return,
            (Err(_), Some(written)) => {
                let row = RowPlace::new(hash, written);
                self.table_rows.insert_unique(hash, row, RowPlace::hash);
                return;
            }
        };
        if written.is_none() || before.is_sealed() {
            self.must_go(before.segment());
        } else {
            self.segments.entry(before.segment()).or_default().stale += 1;
        }
    }

    /// Content in a segment, older than what a row shows, is kept for now.
    pub(crate) fn keep_older(&mut self, row: u32, segment: u32) {
        self.older.entry(row).or_default().push(segment);
    }

    /// All content of a row must go, the newest and what was kept.
    pub(crate) fn row_must_go(&mut self, row: u32, newest: u32) {
        self.must_go(newest);
        self.older_go(row);
    }

    /// The content of a row that goes away is kept as long as its record is held.
    pub(crate) fn keep_for_holds(&mut self, record_id: &RecordId, row: u32, newest: u32) {
        let older = self.older.remove(&row).unwrap_or_default();
        if let Some(holds) = self.holds.get_mut(record_id) {
            holds.dropped.push(row);
            holds.kept.push(newest);
            holds.kept.extend(older);
        }
    }

    /// Content in a segment must go as soon as its record is not held any more; false if it is not
    /// held.
    #[must_use]
    pub(crate) fn hold_back(&mut self, record_id: &RecordId, segment: u32) -> bool {
        let Some(holds) = self.holds.get_mut(record_id) else { return false };
        if !holds.kept.contains(&segment) {
            holds.kept.push(segment);
        }
        true
    }

    /// The segments in which content of a held record may stand that is older than what its rows show.
    pub(crate) fn kept_segments(&self, record_id: &RecordId, rows: &[u32]) -> BTreeSet<u32> {
        let held = self.holds.get(record_id).into_iter().flat_map(|holds| &holds.kept);
        let older = rows.iter().filter_map(|row| self.older.get(row)).flatten();
        held.chain(older).copied().filter(|segment| *segment != NOWHERE).collect()
    }

    /// Is older content of a row in a segment kept for now?
    pub(crate) fn keeps_older(&self, row: u32, segment: u32) -> bool {
        self.older.get(&row).is_some_and(|segments| segments.contains(&segment))
    }

    /// A higher version has come, and nothing holds the older ones: all of them must go.
    pub(crate) fn older_go(&mut self, row: u32) {
        for segment in self.older.remove(&row).unwrap_or_default() {
            self.must_go(segment);
        }
    }

    pub(crate) fn is_held(&self, record_id: &RecordId) -> bool {
        self.holds.contains_key(record_id)
    }

    /// A hold was placed, perhaps again.
    pub(crate) fn hold(&mut self, record_id: RecordId, hold: [u8; 16]) {
        self.holds.entry(record_id).or_default().ids.insert(hold);
    }

    /// The newest row of a record that was dropped while it was held.
    pub(crate) fn dropped_under_hold(&self, record_id: &RecordId) -> Option<u32> {
        self.holds.get(record_id)?.dropped.last().copied()
    }

    /// A hold was lifted. If it was the last one on the record: the rows that only holds kept.
    #[must_use]
    pub(crate) fn lift(&mut self, record_id: &RecordId, hold: &[u8; 16]) -> Option<Vec<u32>> {
        let holds = self.holds.get_mut(record_id)?;
        if !holds.ids.remove(hold) || !holds.ids.is_empty() {
            return None;
        }
        let Holds { kept, dropped, .. } = self.holds.remove(record_id)?;
        kept.into_iter().for_each(|segment| self.must_go(segment));
        Some(dropped)
    }

    /// Older content of a partner's record that was kept for a hold is kept no more.
    pub(crate) fn older_must_go(&mut self, row: u32) {
        // The list stays: one of them may hold the token of the newest version, and goes with it.
        for segment in self.older.get(&row).cloned().unwrap_or_default() {
            self.must_go(segment);
        }
    }

    /// A record item with content under a data key was written or read.
    pub(crate) fn use_key(&mut self, key: u32) {
        *self.keys.entry(key).or_default() += 1;
    }

    /// That many record items lost their content under a data key.
    pub(crate) fn release_key(&mut self, key: u32, items: u64) {
        if let Some(uses) = self.keys.get_mut(&key) {
            *uses = uses.saturating_sub(items);
            if *uses == 0 {
                self.keys.remove(&key);
            }
        }
    }

    /// Does any record item have content under this data key?
    pub(crate) fn uses_key(&self, key: u32) -> bool {
        self.keys.contains_key(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leftovers() -> Leftovers {
        Leftovers::new(Mixer([3, 4]))
    }

    #[test]
    fn what_is_deleted_or_sealed_must_go_and_what_is_only_stale_may_wait() {
        let mut left = leftovers();
        let (plain, sealed) = (Secrecy::Plain, Secrecy::Sealed);
        left.table_row(b"a", Some((1, plain)));
        left.table_row(b"b", Some((1, sealed)));
        assert_eq!((left.count(), left.next_segment(0, None)), (0, None));
        left.table_row(b"a", Some((2, plain)));
        assert_eq!((left.count(), left.next_segment(0, None)), (0, None), "only stale");
        left.table_row(b"b", Some((2, plain)));
        assert_eq!((left.count(), left.next_segment(0, Some(1))), (1, Some(1)));
        left.table_row(b"a", None);
        left.table_row(b"a", None);
        left.table_row(b"never", None);
        assert_eq!((left.count(), left.next_segment(2, None)), (2, Some(2)));
        let taken = left.take(1);
        assert_eq!(taken, Left { due: 1, stale: 1 });
        assert_eq!(left.next_segment(0, None), Some(2));
        left.put_back(1, taken);
        assert_eq!(left.next_segment(0, None), Some(1));
        left.take(1);
        left.take(2);
        for n in 0..=STALE_ROWS_MIN {
            assert_eq!(left.next_segment(0, None), None, "{n}");
            left.table_row(b"b", Some((3, plain)));
        }
        assert_eq!((left.next_segment(0, None), left.next_segment(0, Some(3))), (Some(3), None));
    }

    #[test]
    fn what_is_held_is_left_when_the_last_hold_ends() {
        let mut left = leftovers();
        let record_id = RecordId::from_bytes([1; 16]);
        left.hold(record_id, [1; 16]);
        left.hold(record_id, [2; 16]);
        left.hold(record_id, [2; 16]);
        left.keep_older(7, 3);
        left.keep_for_holds(&record_id, 7, 4);
        assert_eq!(left.lift(&record_id, &[9; 16]), None);
        assert_eq!(left.lift(&record_id, &[1; 16]), None);
        assert_eq!(left.dropped_under_hold(&record_id), Some(7));
        assert_eq!((left.is_held(&record_id), left.count()), (true, 0));
        assert_eq!(left.lift(&record_id, &[2; 16]), Some(vec![7]));
        assert!(!left.is_held(&record_id));
        assert_eq!((left.take(3).due, left.take(4).due, left.count()), (1, 1, 0));
        assert_eq!(left.lift(&record_id, &[2; 16]), None);
    }

    #[test]
    fn a_key_is_used_as_long_as_one_item_has_content_under_it() {
        let mut left = leftovers();
        left.use_key(5);
        left.use_key(5);
        left.release_key(5, 1);
        assert!(left.uses_key(5));
        left.release_key(5, 1);
        left.release_key(5, 1);
        assert!(!left.uses_key(5));
    }
}
