//! Compaction: segments are written anew without what must go, and data keys that nothing needs any
//! more are destroyed.
//!
//! ```text
//! a segment with something that must go  ->  looked through, item by item, beside the commits
//!   -> NNNNNNNN-GGGG.segment.new, every frame with its chain, tree and commitments as they were
//!   -> synced, renamed, folder synced  ->  readers use it from now on  ->  the old file is removed
//! ```
//!
//! Places noted in tables and memory stay right: see `layout`. A crash at any moment leaves the old
//! file, the new one, or both; opening takes the newest.

use crate::disk::Disk;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::frame::{Prefix, SEGMENT_HEADER_BYTES, items};
use crate::index::RowState;
use crate::item::{Due, ItemKind, ItemView, RecordEntry, RowEntry};
use crate::journal::{FOLDER, FrameThere};
use crate::layout::{Layout, SegmentFile};
use crate::load::place_in;
use crate::pointer::Place;
use crate::reading::{Compacted, Ended, Ownership};
use crate::segment::FOOTER;
use crate::table::{RECORD, Table, full_key, row_key};
use domain::digest::hash;
use domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How many bytes are read or written between two pauses, and synced at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// How long a pause is at least. It is as long as what went before it took, and several times as long
/// if something was committed meanwhile: commits find disk and processor free most of the time, however
/// slow both are, and a store that nobody writes to is compacted sooner.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// How long a pause is at most.
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// How many times longer a pause is beside commits, after reading.
const READING_YIELDS: u32 = 6;
/// The same after a piece was made durable: a commit whose sync meets that one waits for both, so few
/// commits may meet one. Measured by the bench `compaction`.
const WRITING_YIELDS: u32 = 64;
/// How often, and how long each time, frames that were just written are waited for.
const PUBLISHED_TRIES_MAX: usize = 1_000;
const PUBLISHED_WAIT_MS: u64 = 5;

/// Asked often: true ends the work at the next good moment.
pub(crate) type Stop<'s> = &'s dyn Fn() -> bool;

/// What goes, by where the frame stands in its file and the number of the item in it.
type Plan = BTreeMap<(u64, u32), Due>;

impl Engine {
    pub(crate) fn compact(&self, now: Timestamp, stop: Stop<'_>) -> Result<Compacted> {
        let _alone = self.compaction.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut done, mut from) = (Compacted::default(), 0);
        self.check_unfenced()?;
        self.journal.remove_replaced()?;
        loop {
            let growing = self.journal.growing_segment();
            let next = self.state().left.next_segment(from, growing);
            let Some(segment) = next else { break };
            if stop() {
                return Ok(Compacted { ended: Ended::Stopped, ..done });
            }
            self.check_unfenced()?;
            if self.compact_segment(segment, stop, &mut done)? == Ended::Stopped {
                return Ok(Compacted { ended: Ended::Stopped, ..done });
            }
            from = segment.saturating_add(1);
        }
        done.keys_destroyed = self.retire_keys(now)?;
        Ok(done)
    }

    /// After a failure that fenced the store, memory may not know all that the journal holds.
    fn check_unfenced(&self) -> Result<()> {
        self.fenced().map_or(Ok(()), |why| Err(Error::Fenced(why)))
    }

    fn compact_segment(&self, segment: u32, stop: Stop<'_>, done: &mut Compacted) -> Result<Ended> {
        self.wait_until_shown(self.journal.close_segment(segment))?;
        let left = self.state_mut().left.take(segment);
        let ended = self.write_anew(segment, stop, done);
        if !matches!(ended, Ok(Ended::Done)) {
            self.state_mut().left.put_back(segment, left);
        }
        ended
    }

    /// Waits until readers see that many frames: what was written a moment ago must not look as if
    /// nobody needed it.
    fn wait_until_shown(&self, frames: u64) -> Result<()> {
        for _ in 0..PUBLISHED_TRIES_MAX {
            if self.state().tip.size() >= frames {
                return Ok(());
            }
            self.check_unfenced()?;
            std::thread::sleep(Duration::from_millis(PUBLISHED_WAIT_MS));
        }
        Err(Error::Busy)
    }

    fn write_anew(&self, segment: u32, stop: Stop<'_>, done: &mut Compacted) -> Result<Ended> {
        done.segments_read += 1;
        let before = self.journal.layout(segment);
        let bytes = self.disk.length(&before.file.path());
        let bytes = bytes.map_err(Error::io("read a segment of the journal"))?;
        let Some(planned) = self.plan(before.file, bytes, stop)? else {
            return Ok(Ended::Stopped);
        };
        if planned.plan.is_empty() {
            return Ok(Ended::Done);
        }
        let generation = before.file.generation.checked_add(1).ok_or(Error::Full)?;
        let file = SegmentFile { number: segment, generation };
        let frames = || self.state().tip.size();
        let mut output = Output::begin(&*self.disk, file, &frames)?;
        let written = self.copy(before.file, bytes, &planned.plan, &mut output, stop);
        let written = written.and_then(|written| match written {
            Some(layout) => output.finish().map(|()| Some(layout)),
            None => Ok(None),
        });
        let Some(layout) = written.inspect_err(|_| output.undo())? else {
            output.undo();
            return Ok(Ended::Stopped);
        };
        let mut state = self.state_mut();
        state.shorten_journal(bytes.saturating_sub(output.length));
        planned.released.iter().for_each(|(key, items)| state.left.release_key(*key, *items));
        drop(state);
        self.journal.replace_layout(layout);
        done.segments_rewritten += 1;
        done.bytes_before += bytes;
        done.bytes_after += output.length;
        done.parts_erased += planned.parts;
        self.journal.remove_replaced()?;
        Ok(Ended::Done)
    }

    /// Looks through a file; `None` if it was stopped.
    fn plan(&self, file: SegmentFile, bytes: u64, stop: Stop<'_>) -> Result<Option<Planned>> {
        let (mut planned, mut layout) = (Planned::default(), Layout::new(file));
        let frames = || self.state().tip.size();
        let (mut at, mut pace) =
            (SEGMENT_HEADER_BYTES as u64, Pace::begin(&frames, READING_YIELDS));
        let (shown, mut seq) = (frames(), 0);
        while at < bytes {
            if stop() {
                return Ok(None);
            }
            if seq >= shown {
                // Memory would say that nobody needs what it does not know of.
                return Err(Error::Fenced("a write to the journal may or may not be durable"));
            }
            let frame = self.journal.frame_at(file, at)?;
            seq = frame.prefix.frame.seq.saturating_add(1);
            for (index, item) in (0..).zip(items(&frame.body)) {
                let (offset, item) = item.map_err(|why| frame.damage(why))?;
                let view = ItemView::parse(item).map_err(|error| frame.damage(error))?;
                let place = place_in(&mut layout, at, offset, view.shrunk(), item.len());
                let place = place.ok_or_else(|| frame.damage("a place that cannot be"))?;
                let due = self.due(&view, place).map_err(|why| why.of(&frame))?;
                planned.note((at, index), &view, due);
            }
            at += frame.length() as u64;
            pace.worked(frame.length());
        }
        Ok(Some(planned))
    }

    /// What of an item must go.
    fn due(&self, item: &ItemView<'_>, place: Place) -> Result<Due, Undecided> {
        let is_current = |key: &[u8]| -> Result<bool, Undecided> {
            let pointer = self.tables.get(key).map_err(Undecided::Store)?;
            let here =
                |there: Place| (there.segment, there.offset) == (place.segment, place.offset);
            Ok(pointer.is_some_and(|pointer| here(pointer.place)))
        };
        match item.header.kind {
            ItemKind::Record if item.has_content() => {
                let entry: Option<RecordEntry> = item.entry()?;
                let entry =
                    entry.ok_or(Undecided::Damage("a record without an entry".to_owned()))?;
                if let Standing::Present(number) | Standing::Repeated(number) =
                    self.standing(&entry, place)
                    && is_current(&row_key(RECORD, number))?
                {
                    return Ok(Due::NOTHING);
                }
                // Looked at again: the pointer may have moved on since, and memory with it.
                Ok(self.content_due(&entry, place))
            }
            ItemKind::Row => {
                let entry: Option<RowEntry> = item.entry()?;
                let Some(entry) = entry else { return Ok(Due::NOTHING) };
                let is_current = is_current(&full_key(entry.table, &entry.key))?;
                // That a hold was placed stays as long as that it was lifted: when the journal is
                // read back, what was held meanwhile was held.
                let old = if entry.table == Table::Hold.byte() { Due::CONTENT } else { Due::ALL };
                Ok(if is_current { Due::NOTHING } else { old })
            }
            _ => Ok(Due::NOTHING),
        }
    }

    /// What of a record must go that no pointer leads to.
    fn content_due(&self, entry: &RecordEntry, place: Place) -> Due {
        let due = match self.standing(entry, place) {
            Standing::Kept => return Due::NOTHING,
            // It was not held then: a hold that came later has nothing to keep.
            Standing::Erased => return Due::CONTENT,
            Standing::Gone | Standing::Present(_) => Due::CONTENT,
            Standing::Repeated(_) => Due::SUPERSEDED,
        };
        let is_held = self.state().is_held(&entry.record_id);
        if is_held && self.state_mut().left.hold_back(&entry.record_id, place.segment) {
            return Due::NOTHING;
        }
        due
    }

    /// What memory knows of the content of a record item.
    fn standing(&self, entry: &RecordEntry, place: Place) -> Standing {
        let state = self.state();
        let found = state.rows.find(&entry.record_id);
        let Some((number, row)) = found.and_then(|n| Some((n, state.rows.row(n)?))) else {
            return Standing::Gone;
        };
        let class = state.classes.class(entry.class);
        if class.is_none_or(|class| state.origin(row.origin) != Some(&class.origin)) {
            // It was dropped, and its id is another originator's now.
            Standing::Gone
        } else if row.erased {
            Standing::Erased
        } else if row.ownership() == Ownership::Own {
            // The history of an own record goes with the record.
            Standing::Kept
        } else if row.state != RowState::Live || entry.version < row.version {
            Standing::Gone
        } else if state.left.keeps_older(number, place.segment) {
            // The token of the version that counts may have come with an earlier item.
            Standing::Repeated(number)
        } else {
            Standing::Present(number)
        }
    }

    /// Copies a file without what was planned; `None` if it was stopped.
    fn copy(
        &self,
        file: SegmentFile,
        bytes: u64,
        plan: &Plan,
        output: &mut Output<'_>,
        stop: Stop<'_>,
    ) -> Result<Option<Layout>> {
        let (mut old, mut new) = (Layout::new(file), Layout::new(output.file));
        let header = self.journal.header_of(file)?;
        output.push(&header)?;
        let mut at = SEGMENT_HEADER_BYTES as u64;
        while at < bytes {
            if stop() {
                return Ok(None);
            }
            let frame = self.journal.frame_at(file, at)?;
            let mut body = Vec::with_capacity(frame.body.len());
            for (index, item) in (0..).zip(items(&frame.body)) {
                let (offset, item) = item.map_err(|why| frame.damage(why))?;
                let view = ItemView::parse(item).map_err(|error| frame.damage(error))?;
                let noted = place_in(&mut old, at, offset, view.shrunk(), item.len());
                let left = plan.get(&(at, index)).map(|due| view.without(*due));
                let left = left.as_deref().unwrap_or(item);
                let offset = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
                body.extend_from_slice(
                    &u32::try_from(left.len()).unwrap_or(u32::MAX).to_be_bytes(),
                );
                body.extend_from_slice(left);
                // What is written is read back as what it was, at the place it was noted at.
                let view = ItemView::parse(left).map_err(|error| frame.damage(error))?;
                view.check().map_err(|error| frame.damage(error))?;
                let found = place_in(&mut new, output.length, offset, view.shrunk(), left.len());
                if noted.is_none() || found != noted {
                    return Err(frame.damage("an item would be found elsewhere"));
                }
            }
            let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
            let prefix = Prefix { body_bytes, body_hash: hash(&[&body]), ..frame.prefix };
            output.push(&prefix.to_bytes())?;
            output.push(&body)?;
            output.push(&[FOOTER])?;
            at += frame.length() as u64;
        }
        Ok(Some(new))
    }

    /// Destroys the data keys of past months that nothing in the journal is sealed under.
    fn retire_keys(&self, now: Timestamp) -> Result<u64> {
        let retired = || {
            let (state, ring) = (self.state(), self.ring());
            ring.retire(now, |number| state.left.uses_key(number))
        };
        if retired().is_none() {
            return Ok(0);
        }
        // Nothing is sealed meanwhile.
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_unfenced()?;
        let Some((gone, file)) = retired() else {
            return Ok(0);
        };
        // Whether the file becomes durable or not, nothing new is sealed under these keys.
        self.ring_mut().set_aside(&gone);
        self.save_keys(&file)?;
        gone.iter().for_each(|number| self.ring_mut().forget(*number));
        Ok(gone.len() as u64)
    }
}

/// The content of a record item, as far as memory knows.
enum Standing {
    /// It is kept.
    Kept,
    /// Its record was erased.
    Erased,
    /// It was dropped, withdrawn or superseded.
    Gone,
    /// Of the version that counts: it stays if the pointer of that row leads to it.
    Present(u32),
    /// The same, but it may have been written again since: then its token stays.
    Repeated(u32),
}

/// What was found in a segment.
#[derive(Default)]
struct Planned {
    plan: Plan,
    parts: u64,
    /// How many items lose all content, by data key.
    released: HashMap<u32, u64>,
}

impl Planned {
    fn note(&mut self, item: (u64, u32), view: &ItemView<'_>, due: Due) {
        let parts = view.still_due(due);
        if parts == 0 {
            return;
        }
        self.parts += parts as u64;
        let key = view.header.key.filter(|_| view.header.kind == ItemKind::Record);
        if let Some(key) = key.filter(|_| view.has_content() && !view.keeps_content(due)) {
            *self.released.entry(key).or_default() += 1;
        }
        self.plan.insert(item, due);
    }
}

/// Why it cannot be said what of an item must go.
enum Undecided {
    Damage(String),
    Store(Error),
}

impl Undecided {
    fn of(self, frame: &FrameThere) -> Error {
        match self {
            Self::Damage(why) => frame.damage(why),
            Self::Store(error) => error,
        }
    }
}

impl From<minicbor::decode::Error> for Undecided {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Damage(error.to_string())
    }
}

/// A file of the next generation while it is written.
struct Output<'d> {
    disk: &'d dyn Disk,
    file: SegmentFile,
    waiting: Vec<u8>,
    length: u64,
    pace: Pace<'d>,
}

impl<'d> Output<'d> {
    fn begin(disk: &'d dyn Disk, file: SegmentFile, frames: &'d dyn Fn() -> u64) -> Result<Self> {
        let (waiting, pace) =
            (Vec::with_capacity(CHUNK_BYTES), Pace::begin(frames, WRITING_YIELDS));
        let output = Self { disk, file, waiting, length: 0, pace };
        let removed = match disk.remove(&output.unfinished()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let begun = removed.and_then(|()| disk.create(&output.unfinished()));
        begun.map_err(Error::io("begin a segment anew"))?;
        Ok(output)
    }

    fn unfinished(&self) -> String {
        format!("{}.new", self.file.path())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        if self.waiting.len() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Small pieces are made durable one by one: a commit never waits for a large one.
    fn flush(&mut self) -> Result<()> {
        let (disk, path, pace) = (self.disk, self.unfinished(), &mut self.pace);
        let mut chunks = self.waiting.chunks(CHUNK_BYTES);
        let written = chunks.try_for_each(|chunk| {
            disk.append(&path, chunk)?;
            disk.sync(&path)?;
            pace.worked(chunk.len());
            Ok(())
        });
        self.waiting.clear();
        written.map_err(Error::io("write a segment anew"))
    }

    /// Gives the file its name, durably.
    fn finish(&mut self) -> Result<()> {
        self.flush()?;
        let named = self.disk.rename(&self.unfinished(), &self.file.path());
        named
            .and_then(|()| self.disk.sync_folder(FOLDER))
            .map_err(Error::io("put a segment in place"))
    }

    /// Best effort: what stays is removed when the store is opened, or holds nothing more than the
    /// file it would have replaced.
    fn undo(&self) {
        drop(self.disk.remove(&self.unfinished()));
        drop(self.disk.remove(&self.file.path()));
    }
}

/// How much was done since the last pause, and how many frames there were then.
struct Pace<'f> {
    since: Instant,
    bytes: usize,
    frames: &'f dyn Fn() -> u64,
    before: u64,
    yields: u32,
}

impl<'f> Pace<'f> {
    fn begin(frames: &'f dyn Fn() -> u64, yields: u32) -> Self {
        Self { since: Instant::now(), bytes: 0, frames, before: frames(), yields }
    }

    /// Pauses once enough was done.
    fn worked(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= CHUNK_BYTES {
            let times = if (self.frames)() == self.before { 1 } else { self.yields };
            std::thread::sleep((self.since.elapsed() * times).clamp(PAUSE_MIN, PAUSE_MAX));
            *self = Self::begin(self.frames, self.yields);
        }
    }
}
