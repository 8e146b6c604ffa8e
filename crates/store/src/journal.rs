//! The journal: append-only segments of frames. What it holds happened; all else is rebuilt from it.
//!
//! One append is one write and one sync, for all frames of a group; when it answers, they are
//! durable. Opening cuts one thing only: an incomplete write at the very end. A write is incomplete
//! if the file ends inside it, or if a sector of 512 bytes of it is still zero, and if nothing after
//! it says that it was durable. Everything else that does not verify is damage and stops the node.

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::frame::{BODY_BYTES_MAX, PREFIX_BYTES, Prefix, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::layout::{Files, Layout, SegmentFile};
use crate::pointer::Place;
use crate::segment::{FOOTER, Segment, Visit, Work};
use audit::frame::{Chain, Tip};
use domain::name::AgencyId;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// The size at which a segment is closed and the next is begun.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// The most bytes one group writes.
pub(crate) const GROUP_BYTES_MAX: usize = BODY_BYTES_MAX + 16 * 1024 * 1024;
/// The folder of the segments.
pub(crate) const FOLDER: &str = "journal";

/// No segment is longer: what is read into memory at once while opening.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 2 * SEGMENT_BYTES + GROUP_BYTES_MAX as u64;
/// How often a file is looked for again that compaction replaced while it was about to be read.
const LOOKS_MAX: usize = 16;

/// The bytes of a frame, ready to be written.
pub(crate) struct FrameBytes {
    pub(crate) prefix: Prefix,
    pub(crate) body: Vec<u8>,
}

impl FrameBytes {
    pub(crate) const fn length(&self) -> usize {
        PREFIX_BYTES + self.body.len() + 1
    }
}

/// Where an item stands, from where its frame and its place in the body begin.
pub(crate) fn place_of(segment: u32, frame: u32, offset: u32, length: usize) -> Place {
    let offset = frame.saturating_add(PREFIX_BYTES as u32).saturating_add(offset);
    Place { segment, offset, length: u32::try_from(length).unwrap_or(u32::MAX) }
}

/// An incomplete write at the end of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub segment: String,
    /// Where it was cut.
    pub offset: u64,
    /// How many bytes were removed.
    pub bytes: u64,
}

struct Tail {
    segment: u32,
    length: u64,
    /// Is the segment closed before it is full, because compaction wants it?
    closed: bool,
    /// How many frames the journal holds.
    frames: u64,
    /// Why nothing more may be appended.
    broken: Option<&'static str>,
}

/// The open journal.
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    tail: Mutex<Tail>,
    /// The segments that are not as they were first written.
    layouts: RwLock<BTreeMap<u32, Arc<Layout>>>,
    /// Files that a newer generation has replaced, still to be removed.
    replaced: Mutex<Vec<String>>,
    /// An incomplete write that was found and not yet removed.
    cut: Mutex<Option<Cut>>,
}

impl Journal {
    /// Reads the whole journal, in order, and is then ready to append. An incomplete write at the
    /// end is found but not removed before [`Journal::confirm_cut`].
    pub(crate) fn open<W: Send>(
        disk: Arc<dyn Disk>,
        agency: &AgencyId,
        segment_bytes: u64,
        work: &Work<'_, W>,
        visit: &mut Visit<'_, W>,
    ) -> Result<Self> {
        disk.create_folder(FOLDER).map_err(Error::io("make the journal's folder"))?;
        let Files { current, replaced, unfinished } = crate::layout::files(&*disk)?;
        for name in unfinished {
            let removed = disk.remove(&format!("{FOLDER}/{name}"));
            removed.map_err(Error::io("remove an unfinished segment"))?;
        }
        let replaced = replaced.into_iter().map(SegmentFile::path).collect();
        let last = current.last().map_or(0, |file| file.number);
        let (mut tip, mut length, mut cut) = (Tip::start(agency), 0, None);
        let (mut layouts, mut closed) = (BTreeMap::new(), false);
        std::thread::scope(|scope| {
            let mut files = current.into_iter();
            // The next segment is read while the one before it is worked on, into the memory of the one
            // before that.
            let mut ahead = |used: Vec<u8>| {
                let (file, disk) = (files.next()?, &*disk);
                Some((file, scope.spawn(move || read_segment(disk, file, used))))
            };
            let (mut next, mut used) = (ahead(Vec::new()), Vec::new());
            while let Some((file, bytes)) = next {
                next = ahead(core::mem::take(&mut used));
                let bytes =
                    bytes.join().map_err(|_| Error::Fenced("reading the journal failed"))??;
                // A file of a later generation got its name when it was whole.
                let is_last = file.number == last && file.generation == 0;
                let found = Segment { number: file.number, bytes: &bytes, is_last };
                let mut layout = Layout::new(file);
                let end = found.read(&mut tip, &mut layout, work, visit)?;
                length = end as u64;
                if end < bytes.len() {
                    let (segment, bytes) = (file.name(), (bytes.len() - end) as u64);
                    cut = Some(Cut { segment, offset: length, bytes });
                }
                closed = file.generation > 0 || layout.is_moved();
                if closed {
                    layouts.insert(file.number, Arc::new(layout));
                }
                used = bytes;
            }
            Ok::<(), Error>(())
        })?;
        let frames = tip.size();
        let tail = Mutex::new(Tail { segment: last, length, closed, frames, broken: None });
        let (layouts, replaced) = (RwLock::new(layouts), Mutex::new(replaced));
        Ok(Self { disk, segment_bytes, tail, layouts, replaced, cut: Mutex::new(cut) })
    }

    /// The incomplete write that opening found.
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The journal as it was read is the one to go on with: files that were replaced are removed,
    /// and so is the incomplete write, durably, before anything is appended.
    pub(crate) fn confirm_cut(&self) -> Result<()> {
        self.remove_replaced()?;
        let Some(cut) = self.cut() else { return Ok(()) };
        let path = format!("{FOLDER}/{}", cut.segment);
        let removed = self.disk.truncate(&path, cut.offset).and_then(|()| self.disk.sync(&path));
        removed.map_err(Error::io("cut an incomplete write"))?;
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// Appends frames with one write and one sync; answers where each begins. `chain_before` is the
    /// chain value before the first of them.
    pub(crate) fn append(
        &self,
        frames: &[FrameBytes],
        chain_before: Chain,
    ) -> Result<Vec<(u32, u32)>> {
        let mut tail = self.tail();
        if let Some(why) = tail.broken {
            return Err(Error::Fenced(why));
        }
        if self.cut().is_some() {
            return Err(Error::Fenced("an incomplete write was not yet removed"));
        }
        let Some(first) = frames.first() else {
            return Ok(Vec::new());
        };
        let total: usize = frames.iter().map(FrameBytes::length).sum();
        let mut bytes = Vec::with_capacity(total);
        for frame in frames {
            bytes.extend_from_slice(&frame.prefix.to_bytes());
            bytes.extend_from_slice(&frame.body);
            bytes.push(FOOTER);
        }
        let full = tail.length.saturating_add(total as u64) > self.segment_bytes;
        let is_full = full && tail.length > SEGMENT_HEADER_BYTES as u64;
        if tail.segment == 0 || tail.closed || is_full {
            self.roll(&mut tail, first.prefix.frame.seq, chain_before)?;
        }
        let start = u32::try_from(tail.length).map_err(|_| Error::Full)?;
        self.write(&mut tail, &bytes)?;
        tail.frames += frames.len() as u64;
        let mut offset = start;
        let places = frames.iter().map(|frame| {
            let place = (tail.segment, offset);
            offset = offset.saturating_add(u32::try_from(frame.length()).unwrap_or(u32::MAX));
            place
        });
        Ok(places.collect())
    }

    /// Begins the next segment: complete and durable before it gets its name.
    fn roll(&self, tail: &mut Tail, first_seq: u64, chain_before: Chain) -> Result<()> {
        let number = tail.segment.checked_add(1).ok_or(Error::Full)?;
        let header = SegmentHeader { number, first_seq, chain_before }.to_bytes();
        let made = crate::disk::replace(&*self.disk, FOLDER, &segment_name(number), &header);
        if let Err(error) = made {
            self.unroll(tail, number);
            return Err(Error::io("begin a segment of the journal")(error));
        }
        tail.segment = number;
        tail.length = header.len() as u64;
        tail.closed = false;
        Ok(())
    }

    /// A segment that could not be begun must not be there: the old one may still take frames.
    fn unroll(&self, tail: &mut Tail, number: u32) {
        let path = segment_path(number);
        let gone = |path: &str| match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let undone = gone(&format!("{path}.new"))
            .and_then(|()| gone(&path))
            .and_then(|()| self.disk.sync_folder(FOLDER));
        if undone.is_err() {
            tail.broken = Some("a segment of the journal could not be begun");
        }
    }

    fn write(&self, tail: &mut Tail, bytes: &[u8]) -> Result<()> {
        let path = segment_path(tail.segment);
        if let Err(error) = self.disk.append(&path, bytes) {
            return Err(self.take_back(tail, error));
        }
        if let Err(error) = self.disk.sync(&path) {
            // After a failed sync nothing is known of what is durable, and a second sync that
            // succeeds proves nothing.
            tail.broken = Some("a write to the journal could not be made durable");
            return Err(Error::Unknown(error.kind().to_string()));
        }
        tail.length += bytes.len() as u64;
        Ok(())
    }

    /// A write that failed was perhaps written in part: what is there of it is removed, durably.
    fn take_back(&self, tail: &mut Tail, error: io::Error) -> Error {
        let path = segment_path(tail.segment);
        let cut = self.disk.truncate(&path, tail.length).and_then(|()| self.disk.sync(&path));
        match cut {
            Ok(()) => Error::io("write to the journal")(error),
            Err(_) => {
                tail.broken = Some("a failed write to the journal could not be removed");
                Error::Unknown(error.kind().to_string())
            }
        }
    }

    /// The bytes of a run; as many as were asked for.
    pub(crate) fn read(&self, place: Place) -> Result<Vec<u8>> {
        self.in_present_file(place.segment, |layout| {
            let at = layout.offset(place.offset);
            self.bytes_at(layout.file, at, place.length as usize)
        })
    }

    /// Reads one frame by the place where it was first written.
    pub(crate) fn frame(&self, segment: u32, offset: u32) -> Result<FrameThere> {
        self.in_present_file(segment, |layout| self.frame_at(layout.file, layout.offset(offset)))
    }

    /// Looks through every frame of a segment before frame `end`.
    pub(crate) fn search<T>(
        &self,
        segment: u32,
        end: u64,
        look: impl Fn(&FrameThere) -> Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        self.in_present_file(segment, |layout| {
            let file = layout.file;
            let header = SegmentHeader::from_bytes(&self.header_of(file)?);
            let mut seq = header.map_err(|why| Error::corrupt(file.name(), 0, why))?.first_seq;
            let length = self.disk.length(&file.path());
            let length = length.map_err(Error::io("read a segment of the journal"))?;
            let (mut at, mut found) = (SEGMENT_HEADER_BYTES as u64, Vec::new());
            while at < length && seq < end {
                let frame = self.frame_at(file, at)?;
                found.extend(look(&frame)?);
                seq = frame.prefix.frame.seq.saturating_add(1);
                at += frame.length() as u64;
            }
            Ok(found)
        })
    }

    /// Reads one frame at a place in a file.
    pub(crate) fn frame_at(&self, file: SegmentFile, at: u64) -> Result<FrameThere> {
        let damage = |why: &'static str| Error::corrupt(file.name(), at, why);
        let prefix = self.bytes_at(file, at, PREFIX_BYTES)?;
        let prefix = Prefix::from_bytes(&prefix).map_err(damage)?;
        let body = self.bytes_at(file, at + PREFIX_BYTES as u64, prefix.body_bytes as usize)?;
        if !prefix.fits(&body) {
            return Err(damage("a frame was changed"));
        }
        Ok(FrameThere { prefix, body, file, at })
    }

    fn bytes_at(&self, file: SegmentFile, at: u64, length: usize) -> Result<Vec<u8>> {
        let path = file.path();
        if length > BODY_BYTES_MAX {
            let why = "a pointer to more bytes than any item has";
            return Err(Error::corrupt(file.name(), at, why));
        }
        let mut bytes = vec![0; length];
        let read = self.disk.read_at(&path, at, &mut bytes);
        if read.map_err(Error::io("read the journal"))? != bytes.len() {
            return Err(Error::corrupt(file.name(), at, "the segment ends too early"));
        }
        Ok(bytes)
    }

    /// Reads in the present file of a segment, and once more in the next one if compaction removed
    /// it meanwhile.
    fn in_present_file<T>(&self, segment: u32, read: impl Fn(&Layout) -> Result<T>) -> Result<T> {
        let mut layout = self.layout(segment);
        for _ in 1..LOOKS_MAX {
            let found = read(&layout);
            let now = self.layout(segment);
            if found.is_ok() || now.file == layout.file {
                return found;
            }
            layout = now;
        }
        read(&layout)
    }

    fn layouts(&self) -> RwLockReadGuard<'_, BTreeMap<u32, Arc<Layout>>> {
        self.layouts.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the present file of a segment is laid out.
    pub(crate) fn layout(&self, segment: u32) -> Arc<Layout> {
        let known = self.layouts().get(&segment).cloned();
        let first = || Arc::new(Layout::new(SegmentFile { number: segment, generation: 0 }));
        known.unwrap_or_else(first)
    }

    /// From now on readers use the file of this layout; the one before it is to be removed.
    pub(crate) fn replace_layout(&self, layout: Layout) {
        let before = self.layout(layout.file.number).file;
        let mut layouts = self.layouts.write().unwrap_or_else(PoisonError::into_inner);
        layouts.insert(layout.file.number, Arc::new(layout));
        drop(layouts);
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner).push(before.path());
    }

    /// Removes, durably, the files that newer ones have replaced.
    pub(crate) fn remove_replaced(&self) -> Result<()> {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        if replaced.is_empty() {
            return Ok(());
        }
        for path in replaced.iter() {
            match self.disk.remove(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove a replaced segment of the journal")(error));
                }
                _ => {}
            }
        }
        let synced = self.disk.sync_folder(FOLDER);
        synced.map_err(Error::io("remove a replaced segment of the journal"))?;
        replaced.clear();
        Ok(())
    }

    /// The bytes of a file before its first frame.
    pub(crate) fn header_of(&self, file: SegmentFile) -> Result<Vec<u8>> {
        self.bytes_at(file, 0, SEGMENT_HEADER_BYTES)
    }

    /// The number of the segment that takes the next frame, if it is not closed.
    pub(crate) fn growing_segment(&self) -> Option<u32> {
        let tail = self.tail();
        (!tail.closed).then_some(tail.segment)
    }

    /// Takes no more frames into a segment if it is the one that grows; answers how many frames the
    /// journal held then. The next frame begins the next segment.
    pub(crate) fn close_segment(&self, segment: u32) -> u64 {
        let mut tail = self.tail();
        tail.closed |= tail.segment == segment;
        tail.frames
    }

    /// Refuses every later append.
    pub(crate) fn close(&self) {
        self.tail().broken = Some("it was closed");
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame that was read back, and where it stands now.
pub(crate) struct FrameThere {
    pub(crate) prefix: Prefix,
    pub(crate) body: Vec<u8>,
    pub(crate) file: SegmentFile,
    pub(crate) at: u64,
}

impl FrameThere {
    /// How long it is now.
    pub(crate) const fn length(&self) -> usize {
        PREFIX_BYTES + self.body.len() + 1
    }

    pub(crate) fn damage(&self, why: impl ToString) -> Error {
        Error::corrupt(self.file.name(), self.at, why)
    }
}

fn read_segment(disk: &dyn Disk, file: SegmentFile, used: Vec<u8>) -> Result<Vec<u8>> {
    let read = crate::disk::read_again(disk, &file.path(), SEGMENT_BYTES_MAX, used);
    let read = read.map_err(Error::io("read a segment of the journal"))?;
    read.ok_or_else(|| Error::corrupt(file.name(), 0, "the segment is missing"))
}

pub(crate) fn segment_name(number: u32) -> String {
    SegmentFile { number, generation: 0 }.name()
}

fn segment_path(number: u32) -> String {
    format!("{FOLDER}/{}", segment_name(number))
}
