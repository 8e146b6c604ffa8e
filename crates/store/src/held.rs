//! Reading what a legal hold keeps, whatever became of the record since: its newest content, and the
//! versions before it.

use crate::engine::Engine;
use crate::error::Result;
use crate::frame::items;
use crate::item::{ItemKind, ItemView, RecordEntry};
use crate::journal::FrameThere;
use crate::reading::{HELD_VERSIONS_MAX, StoredRecord, Withdrawn};
use crate::table::{RECORD, row_key};
use domain::class::Class;
use domain::name::RecordId;
use policy::Held;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Engine {
    /// A record under a legal hold, whatever became of it since.
    pub(crate) fn find_held(&self, record_id: &RecordId) -> Result<Option<Held<StoredRecord>>> {
        let (row, rows) = {
            let state = self.state();
            if !state.is_held(record_id) {
                return Ok(None);
            }
            let rows = state.held_rows(record_id);
            (rows[0].and_then(|number| state.hit_row(number)), rows)
        };
        let withdrawn = row.map_or(Withdrawn::No, |row| row.withdrawn);
        let origin = row.map(|row| row.origin);
        for number in rows.into_iter().flatten() {
            let found = self.follow(&row_key(RECORD, number), |pointer| {
                self.record_at(record_id, pointer, withdrawn, origin)
            })?;
            if let Some((stored, class)) = found {
                return Ok(Some(Held::new(stored, class)));
            }
        }
        Ok(None)
    }

    /// Versions of a record under a legal hold, the newest first. No pointer leads to those that were
    /// superseded: the segments that were kept for them are looked through.
    pub(crate) fn find_held_versions(
        &self,
        record_id: &RecordId,
    ) -> Result<Vec<Held<StoredRecord>>> {
        let (origin, segments, frames) = {
            let state = self.state();
            let rows: Vec<u32> = state.held_rows(record_id).into_iter().flatten().collect();
            let known: Vec<_> = rows.iter().filter_map(|number| state.rows.row(*number)).collect();
            let erased = known.iter().any(|row| row.erased);
            let origin = known.first().and_then(|row| state.origin(row.origin)).cloned();
            let Some(origin) = origin.filter(|_| state.is_held(record_id) && !erased) else {
                return Ok(Vec::new());
            };
            let newest = known.iter().map(|row| row.segment);
            let mut segments = state.left.kept_segments(record_id, &rows);
            segments.extend(newest.filter(|segment| *segment != crate::index::NOWHERE));
            (origin, segments, state.tip.size())
        };
        let mut versions = BTreeMap::new();
        for segment in segments {
            let look = |frame: &FrameThere| self.versions_in(frame, record_id);
            let found = self.journal.search(segment, frames, look)?.into_iter();
            // Another originator may have had the id before.
            let ours = found.filter(|(_, class)| class.origin == origin);
            versions.extend(ours.map(|(stored, class)| (stored.version, (stored, class))));
        }
        let newest = versions.into_values().rev().take(HELD_VERSIONS_MAX);
        Ok(newest.map(|(stored, class)| Held::new(stored, class)).collect())
    }

    /// The content of a record that is still in a frame.
    fn versions_in(
        &self,
        frame: &FrameThere,
        record_id: &RecordId,
    ) -> Result<Vec<(StoredRecord, Arc<Class>)>> {
        let (mut found, damage) = (Vec::new(), |why: &str| frame.damage(why));
        for item in items(&frame.body) {
            let (_, item) = item.map_err(damage)?;
            let view = ItemView::parse(item).map_err(|error| frame.damage(error))?;
            if view.header.kind != ItemKind::Record || !view.has_content() {
                continue;
            }
            let entry: Option<RecordEntry> = view.entry().map_err(|error| frame.damage(error))?;
            if entry.is_some_and(|entry| entry.record_id == *record_id) {
                view.check().map_err(|error| frame.damage(error))?;
                found.extend(self.record_of(&view, record_id, Withdrawn::No, None, &damage)?);
            }
        }
        Ok(found)
    }
}
