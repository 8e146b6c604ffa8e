//! The origin's side: which classes a partner is granted, and what of a class log it is sent.

use crate::message::{Cursor, Epoch, LogKind, LogRow, SECTION_ENTRIES_MAX};
use domain::encoding::{self, Malformed};
use domain::name::{ClassHandle, Digest, RecordId};
use domain::record::Version;
use std::collections::{BTreeMap, BTreeSet};

/// The largest stored grant set, in bytes.
pub const GRANTS_BYTES_MAX: usize = 1024 * 1024;

/// One granted class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Grant {
    /// What the partner knows the class by.
    #[n(1)]
    pub handle: ClassHandle,
    /// The end of the class log when the class was granted: retractions before it are not told,
    /// because the partner never saw those records.
    #[n(2)]
    pub snapshot_end: u64,
    /// The one record that it is a class of, if a partner gets it by approval: its log has one row.
    #[n(3)]
    pub only: Option<RecordId>,
}

/// The grants of one partner under one agreement. Stored; goes up, never back.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Grants {
    /// The origin's epoch the handles belong to.
    #[n(1)]
    pub epoch: Epoch,
    /// Goes up with every change.
    #[n(2)]
    pub sequence: u64,
    /// The granted classes by the hash of their tuple.
    #[n(3)]
    pub classes: BTreeMap<Digest, Grant>,
}

/// A class the partner may see now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisibleClass {
    /// The hash of the tuple.
    pub class: Digest,
    /// The end of its log.
    pub end: u64,
    /// The one record that it is a class of.
    pub only: Option<RecordId>,
}

/// Did the grants change?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regrant {
    /// They are what they were.
    Unchanged,
    /// They changed: a new sequence, to be stored before a byte leaves.
    Changed,
}

impl Grants {
    /// No class at all.
    pub const fn none(epoch: Epoch) -> Self {
        Self { epoch, sequence: 0, classes: BTreeMap::new() }
    }

    /// Makes the grants those of `visible`; new classes get handles from `handle`.
    pub fn regrant(
        &mut self,
        epoch: Epoch,
        visible: &[VisibleClass],
        mut handle: impl FnMut() -> ClassHandle,
    ) -> Regrant {
        let mut changed = false;
        if self.epoch != epoch {
            self.epoch = epoch;
            self.classes.clear();
            changed = true;
        }
        let count = self.classes.len();
        let seen: BTreeSet<Digest> = visible.iter().map(|seen| seen.class).collect();
        self.classes.retain(|class, _| seen.contains(class));
        changed |= count != self.classes.len();
        for seen in visible {
            self.classes.entry(seen.class).or_insert_with(|| {
                changed = true;
                Grant { handle: handle(), snapshot_end: seen.end, only: seen.only }
            });
        }
        if changed {
            self.sequence += 1;
            Regrant::Changed
        } else {
            Regrant::Unchanged
        }
    }

    /// The handles, as the partner is told them.
    pub fn handles(&self) -> Vec<ClassHandle> {
        self.classes.values().map(|grant| grant.handle).collect()
    }

    /// Has the partner seen a history that is not ours (R5)? Then a new epoch is due, higher than
    /// both. That is so if its epoch is not ours and not older, or if under our epoch it knows a
    /// later grant set, another one of the same number, or a position beyond the end of a log.
    pub fn shows_the_future(
        &self,
        epoch: Epoch,
        grant_sequence: u64,
        cursors: &[Cursor],
        end: impl Fn(&Digest) -> Option<u64>,
    ) -> bool {
        if epoch != self.epoch {
            return epoch.counter >= self.epoch.counter;
        }
        if grant_sequence > self.sequence {
            return true;
        }
        let granted: BTreeMap<ClassHandle, (&Digest, &Grant)> =
            self.classes.iter().map(|(class, grant)| (grant.handle, (class, grant))).collect();
        cursors.iter().any(|cursor| match granted.get(&cursor.handle) {
            Some((_, grant)) if grant.only.is_some() => cursor.position > 1,
            Some((class, _)) => end(class).is_none_or(|end| cursor.position > end),
            None => grant_sequence == self.sequence,
        })
    }

    /// The epoch after this one and after `seen`, which a partner showed.
    ///
    /// `None` if there is none: a partner that shows the last counter there is does not mean it.
    pub fn epoch_after(&self, seen: Epoch, random: [u8; 16]) -> Option<Epoch> {
        let counter = self.epoch.counter.max(seen.counter).checked_add(1)?;
        (counter < u32::MAX / 2).then_some(Epoch { counter, random })
    }

    /// The exact bytes kept in the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    /// [`Malformed`]: the store is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        encoding::from_bytes("grants", bytes, GRANTS_BYTES_MAX)
    }
}

/// The state of a record at the moment of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowState {
    /// Its present version.
    pub version: Version,
    /// Its present class.
    pub class: Digest,
    /// Whether it may still be sent.
    pub life: Life,
}

/// Is a record alive?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Neither withdrawn nor expired.
    Alive,
    /// Past its end.
    Expired,
    /// Withdrawn.
    Withdrawn,
}

/// Which changes of a piece of a class log are sent. Each `Add` is checked again against the row's
/// present version, class and life (R2); what was undone leaves a hole.
pub fn select(
    rows: &[LogRow],
    class: &Digest,
    grant: &Grant,
    row_state: impl Fn(&RecordId) -> Option<RowState>,
) -> Vec<LogRow> {
    rows.iter()
        .take(SECTION_ENTRIES_MAX)
        .filter(|row| match row.kind {
            LogKind::Add => row_state(&row.record_id).is_some_and(|state| {
                state.version == row.version && state.class == *class && state.life == Life::Alive
            }),
            LogKind::Leave | LogKind::Retract => row.position >= grant.snapshot_end,
        })
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch { counter: 1, random: [1; 16] };

    fn class(n: u8) -> Digest {
        Digest::from_bytes([n; 32])
    }

    fn handles() -> impl FnMut() -> ClassHandle {
        let mut n = 0;
        move || {
            n += 1;
            ClassHandle::from_bytes([n; 16])
        }
    }

    #[test]
    fn regranting_the_same_changes_nothing_and_a_class_that_comes_back_gets_a_new_handle() {
        let mut grants = Grants::none(EPOCH);
        let mut handles = handles();
        let visible = [VisibleClass { class: class(1), end: 7, only: None }];
        assert_eq!(grants.regrant(EPOCH, &visible, &mut handles), Regrant::Changed);
        assert_eq!(grants.regrant(EPOCH, &visible, &mut handles), Regrant::Unchanged);
        let first = grants.classes[&class(1)];
        assert_eq!((grants.sequence, first.snapshot_end), (1, 7));
        grants.regrant(EPOCH, &[], &mut handles);
        grants.regrant(EPOCH, &visible, &mut handles);
        assert_eq!(grants.sequence, 3);
        assert_ne!(grants.classes[&class(1)].handle, first.handle);
        assert_eq!(Grants::from_bytes(&grants.to_bytes()), Ok(grants));
    }

    #[test]
    fn a_new_epoch_draws_every_handle_again() {
        let mut grants = Grants::none(EPOCH);
        let mut handles = handles();
        let visible = [VisibleClass { class: class(1), end: 0, only: None }];
        grants.regrant(EPOCH, &visible, &mut handles);
        let before = grants.handles();
        let forked = Epoch { counter: 1, random: [2; 16] };
        assert_eq!(grants.regrant(forked, &visible, &mut handles), Regrant::Changed);
        assert_ne!(grants.handles(), before);
    }

    #[test]
    fn a_history_that_is_not_ours_shows() {
        let mut grants = Grants::none(EPOCH);
        grants.regrant(EPOCH, &[VisibleClass { class: class(1), end: 3, only: None }], handles());
        let at =
            |handle, position| [Cursor { handle: ClassHandle::from_bytes([handle; 16]), position }];
        let shows = |epoch, sequence, cursors: &[Cursor], end| {
            grants.shows_the_future(epoch, sequence, cursors, |_| end)
        };
        assert!(!shows(EPOCH, 1, &at(1, 3), Some(3)));
        assert!(shows(EPOCH, 1, &at(1, 4), Some(3)), "a position beyond the end");
        assert!(shows(EPOCH, 1, &at(1, 0), None), "a class that is not there");
        assert!(shows(EPOCH, 2, &at(1, 0), Some(3)), "a later grant set");
        assert!(shows(EPOCH, 1, &at(9, 0), Some(3)), "another set of the same number");
        assert!(!shows(EPOCH, 0, &at(9, 0), Some(3)), "a handle of an older set");
        let of = |counter| Epoch { counter, random: [7; 16] };
        assert!(shows(of(1), 1, &[], Some(3)) && shows(of(2), 1, &[], Some(3)));
        assert!(!shows(of(0), 1, &[], Some(3)), "an older epoch is told the new one");
        let only = Some(RecordId::from_bytes([5; 16]));
        let mut alone = Grants::none(EPOCH);
        alone.regrant(EPOCH, &[VisibleClass { class: class(1), end: 1, only }], handles());
        assert!(!alone.shows_the_future(EPOCH, 1, &at(1, 1), |_| None), "one row, and no log");
        assert!(alone.shows_the_future(EPOCH, 1, &at(1, 2), |_| None));
        assert_eq!(Grants::from_bytes(&alone.to_bytes()), Ok(alone));
        assert_eq!(grants.epoch_after(of(5), [1; 16]).map(|epoch| epoch.counter), Some(6));
        assert_eq!(grants.epoch_after(of(u32::MAX), [1; 16]), None);
    }

    #[test]
    fn what_was_undone_is_not_sent_and_old_retractions_are_not_told() {
        let row = |position, n: u8, kind| LogRow {
            position,
            record_id: RecordId::from_bytes([n; 16]),
            version: Version::FIRST,
            kind,
        };
        let rows = [
            row(0, 1, LogKind::Add),
            row(1, 2, LogKind::Add),
            row(2, 2, LogKind::Retract),
            row(3, 3, LogKind::Add),
            row(4, 3, LogKind::Leave),
            row(5, 4, LogKind::Add),
        ];
        let state = |id: &RecordId| {
            let life = match id.as_bytes()[0] {
                2 => Life::Withdrawn,
                4 => Life::Expired,
                _ => Life::Alive,
            };
            let class = if id.as_bytes()[0] == 3 { class(9) } else { class(1) };
            Some(RowState { version: Version::FIRST, class, life })
        };
        let handle = ClassHandle::from_bytes([0; 16]);
        let grant = |snapshot_end| Grant { handle, snapshot_end, only: None };
        let sent = |snapshot_end| {
            let rows = select(&rows, &class(1), &grant(snapshot_end), state);
            rows.iter().map(|row| row.position).collect::<Vec<_>>()
        };
        assert_eq!(sent(0), [0, 2, 4]);
        assert_eq!(sent(3), [0, 4]);
        assert_eq!(sent(6), [0]);
    }
}
