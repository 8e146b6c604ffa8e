//! How records leave: withdrawn, dropped, erased, expired, superseded, or let go by the last hold.

use super::{Impossible, State};
use crate::class::LoggedRow;
use crate::index::{NONE, NOWHERE, Row, RowState};
use crate::item::DropEntry;
use crate::pointer::{Before, Place, Pointer, PointerChange};
use crate::reading::{LogKind, Ownership};
use crate::table::{RECORD, TOMBSTONE, row_key};
use domain::name::{AgencyId, RecordId};
use domain::time::Timestamp;
use std::collections::HashSet;

impl State {
    pub(super) fn withdraw(
        &mut self,
        record_id: &RecordId,
        origin: &AgencyId,
        place: Place,
        out: &mut Vec<PointerChange>,
    ) -> Result<(), Impossible> {
        let origin = self.origin_number(origin);
        let mut keep = |number: u32| {
            let (key, pointer) = (row_key(TOMBSTONE, number), Some(Pointer::row(place)));
            out.push(PointerChange { key, pointer, before: Before::Possible });
        };
        let Some(number) = self.rows.find(record_id) else {
            let mut row = Row::new(*record_id, origin);
            row.state = RowState::Withdrawn;
            keep(self.rows.add(row));
            self.counts.withdrawn += 1;
            return Ok(());
        };
        keep(number);
        let Some(row) = self.rows.row_mut(number) else {
            return Err(Impossible("no such row"));
        };
        if row.origin != origin {
            return Err(Impossible("a tombstone of another originator"));
        }
        if row.state == RowState::Withdrawn {
            return Ok(());
        }
        row.state = RowState::Withdrawn;
        row.keep_facts(None);
        self.counts.withdrawn += 1;
        let (class, version, content) = (row.class, row.version, row.segment);
        let retracted = LoggedRow { row: number, version, kind: LogKind::Retract };
        if row.erased {
            // Whoever has it still has to be told.
            if origin == 0 {
                self.classes.append(class, retracted);
            }
            return Ok(());
        }
        self.rows.unlink(number);
        if let Some(of) = self.classes.class(class).cloned() {
            self.forget_tokens(number, &of);
        }
        if origin == 0 {
            self.classes.append(class, retracted);
        } else if !self.is_held(record_id) {
            self.left.row_must_go(number, content);
            self.let_go(number, out);
        }
        self.classes.count_record(class, -1);
        self.count(origin, -1);
        Ok(())
    }

    pub(crate) fn is_held(&self, record_id: &RecordId) -> bool {
        self.left.is_held(record_id)
    }

    /// Older content must go, unless it is an own record's history or something holds it.
    pub(super) fn supersede(
        &mut self,
        number: u32,
        record_id: &RecordId,
        segment: u32,
        changed: bool,
    ) {
        let is_own = self.rows.row(number).is_some_and(|row| row.ownership() == Ownership::Own);
        if changed && !is_own && !self.is_held(record_id) {
            self.left.older_go(number);
        }
        if segment == NOWHERE {
            return;
        }
        // The same version once more: the token of the first may be all there is.
        if is_own || !changed || self.is_held(record_id) {
            self.left.keep_older(number, segment);
        }
        if !is_own && !self.is_held(record_id) {
            self.left.must_go(segment);
        }
    }

    /// No pointer leads to the content of a record any more, and no row counts on it.
    fn let_go(&mut self, number: u32, out: &mut Vec<PointerChange>) {
        if let Some(row) = self.rows.row_mut(number) {
            row.segment = NOWHERE;
        }
        let key = row_key(RECORD, number);
        out.push(PointerChange { key, pointer: None, before: Before::Possible });
    }

    /// Nothing finds the record any more, and its content must go. What is not here is not erased.
    pub(super) fn erase(&mut self, record_id: &RecordId, out: &mut Vec<PointerChange>) {
        let Some(number) = self.rows.find(record_id) else { return };
        let Some(row) = self.rows.row_mut(number) else { return };
        if row.erased {
            return;
        }
        row.erased = true;
        row.keep_facts(None);
        let Row { class, origin, state, segment, .. } = *row;
        if state == RowState::Live {
            self.rows.unlink(number);
            if let Some(of) = self.classes.class(class).cloned() {
                self.forget_tokens(number, &of);
            }
            self.classes.count_record(class, -1);
            self.count(origin, -1);
        }
        self.left.row_must_go(number, segment);
        self.let_go(number, out);
    }

    /// A hold ends; with the last one, what only it kept must go.
    pub(super) fn lift(
        &mut self,
        record_id: &RecordId,
        hold: &[u8; 16],
        out: &mut Vec<PointerChange>,
    ) {
        let Some(dropped) = self.left.lift(record_id, hold) else {
            return;
        };
        dropped.into_iter().for_each(|number| self.let_go(number, out));
        let number = self.rows.find(record_id);
        let Some((number, row)) = number.and_then(|n| Some((n, *self.rows.row(n)?))) else {
            return;
        };
        match (row.ownership(), row.state) {
            (Ownership::Own, _) => {}
            (Ownership::Foreign, RowState::Live) => self.left.older_must_go(number),
            (Ownership::Foreign, _) => {
                self.left.row_must_go(number, row.segment);
                self.let_go(number, out);
            }
        }
    }

    pub(super) fn drop_foreign(&mut self, drop: &DropEntry, out: &mut Vec<PointerChange>) {
        let origin = self.origin_number(&drop.origin);
        if origin == 0 {
            return;
        }
        let classes: HashSet<u32> = drop.classes.iter().copied().collect();
        let mut numbers: Vec<u32> =
            drop.record_ids.iter().filter_map(|record_id| self.rows.find(record_id)).collect();
        if !classes.is_empty() {
            let rows = self.rows.iter();
            numbers.extend(rows.filter(|(_, row)| classes.contains(&row.class)).map(|(n, _)| n));
        }
        for number in numbers {
            let Some(row) = self.rows.row(number).copied() else {
                continue;
            };
            if row.origin != origin || !row.is_live() {
                continue;
            }
            if let Some(class) = self.classes.class(row.class).cloned() {
                self.forget_tokens(number, &class);
            }
            self.rows.forget(number);
            self.classes.count_record(row.class, -1);
            self.count(origin, -1);
            if self.is_held(&row.record_id) {
                self.left.keep_for_holds(&row.record_id, number, row.segment);
            } else {
                self.left.row_must_go(number, row.segment);
                self.let_go(number, out);
            }
        }
    }

    /// Records past their end whose content is there and not held, from row `from` on; at most
    /// `rows` rows are looked at. `None` after the last one.
    pub(crate) fn expired(
        &self,
        from: u32,
        rows: u32,
        now: Timestamp,
        found: &mut Vec<RecordId>,
    ) -> Option<u32> {
        for number in from..from.saturating_add(rows) {
            let row = self.rows.row(number)?;
            let is_gone = row.erased
                || row.state == RowState::Dropped
                || (row.state == RowState::Withdrawn && row.ownership() == Ownership::Foreign);
            let is_over = row.class != NONE && row.expiry_ms <= now.as_millis();
            if is_over && !is_gone && !self.is_held(&row.record_id) {
                found.push(row.record_id);
            }
        }
        Some(from.saturating_add(rows))
    }
}
