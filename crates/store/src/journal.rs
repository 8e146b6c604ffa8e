//! The journal: append-only segments of frames. What it holds happened; all else is rebuilt from it.
//!
//! One append is one write and one sync, for all frames of a group; when it answers, they are
//! durable. Opening cuts one thing only: an incomplete write at the very end. A write is incomplete
//! if the file ends inside it, or if a sector of 512 bytes of it is still zero, and if nothing after
//! it says that it was durable. Everything else that does not verify is damage and stops the node.

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::frame::{
    BODY_BYTES_MAX, PREFIX_BYTES, Prefix, SEGMENT_HEADER_BYTES, SegmentHeader, find_magic,
};
use crate::pointer::Place;
use audit::frame::{Chain, Tip};
use domain::name::AgencyId;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The size at which a segment is closed and the next is begun.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// The most bytes one group writes.
pub(crate) const GROUP_BYTES_MAX: usize = BODY_BYTES_MAX + 16 * 1024 * 1024;
/// The folder of the segments.
pub(crate) const FOLDER: &str = "journal";

/// No segment is longer: what is read into memory at once while opening.
const SEGMENT_BYTES_MAX: u64 = 2 * SEGMENT_BYTES + GROUP_BYTES_MAX as u64;
/// Ends every frame. Never zero, so that a last sector that is all zero was never written.
const FOOTER: u8 = b'.';
const SECTOR_BYTES: usize = 512;

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

/// A frame as it was found.
pub(crate) struct FrameFound<'b> {
    pub(crate) prefix: Prefix,
    pub(crate) body: &'b [u8],
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

impl FrameFound<'_> {
    /// Where an item of the body stands.
    pub(crate) fn place(&self, offset: u32, length: usize) -> Place {
        place_of(self.segment, self.offset, offset, length)
    }

    pub(crate) fn damage(&self, why: impl ToString) -> Error {
        Error::corrupt(segment_name(self.segment), u64::from(self.offset), why)
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
    /// Why nothing more may be appended.
    broken: Option<&'static str>,
}

/// The open journal.
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    tail: Mutex<Tail>,
    /// An incomplete write that was found and not yet removed.
    cut: Mutex<Option<Cut>>,
}

/// What reads frames one after the other.
pub(crate) type Visit<'v> = dyn FnMut(FrameFound<'_>) -> Result<()> + 'v;

impl Journal {
    /// Reads the whole journal, in order, and is then ready to append. An incomplete write at the
    /// end is found but not removed before [`Journal::confirm_cut`].
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        agency: &AgencyId,
        segment_bytes: u64,
        visit: &mut Visit<'_>,
    ) -> Result<Self> {
        disk.create_folder(FOLDER).map_err(Error::io("make the journal's folder"))?;
        let last = segments(&*disk)?;
        let (mut tip, mut length, mut cut) = (Tip::start(agency), 0, None);
        for number in 1..=last {
            let bytes = read_segment(&*disk, number)?;
            let found = Segment { number, bytes: &bytes, is_last: number == last };
            let end = found.read(&mut tip, visit)?;
            length = end as u64;
            if end < bytes.len() {
                let (segment, bytes) = (segment_name(number), (bytes.len() - end) as u64);
                cut = Some(Cut { segment, offset: length, bytes });
            }
        }
        let tail = Mutex::new(Tail { segment: last, length, broken: None });
        Ok(Self { disk, segment_bytes, tail, cut: Mutex::new(cut) })
    }

    /// The incomplete write that opening found.
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes the incomplete write, durably, before anything is appended.
    pub(crate) fn confirm_cut(&self) -> Result<()> {
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
        if tail.segment == 0 || (full && tail.length > SEGMENT_HEADER_BYTES as u64) {
            self.roll(&mut tail, first.prefix.frame.seq, chain_before)?;
        }
        let start = u32::try_from(tail.length).map_err(|_| Error::Full)?;
        self.write(&mut tail, &bytes)?;
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
        let path = segment_path(place.segment);
        if place.length as usize > BODY_BYTES_MAX {
            let why = "a pointer to more bytes than any item has";
            return Err(Error::corrupt(path, u64::from(place.offset), why));
        }
        let mut bytes = vec![0; place.length as usize];
        let offset = u64::from(place.offset);
        let read = self.disk.read_at(&path, offset, &mut bytes);
        if read.map_err(Error::io("read the journal"))? != bytes.len() {
            return Err(Error::corrupt(path, offset, "the segment ends too early"));
        }
        Ok(bytes)
    }

    /// Reads one frame that begins at a place.
    pub(crate) fn frame(&self, segment: u32, offset: u32) -> Result<(Prefix, Vec<u8>)> {
        let damage =
            |why: &'static str| Error::corrupt(segment_name(segment), u64::from(offset), why);
        let prefix = self.read(Place { segment, offset, length: PREFIX_BYTES as u32 })?;
        let prefix = Prefix::from_bytes(&prefix).map_err(damage)?;
        let body = place_of(segment, offset, 0, prefix.body_bytes as usize);
        let body = self.read(body)?;
        if prefix.fits(&body) { Ok((prefix, body)) } else { Err(damage("a frame was changed")) }
    }

    /// Refuses every later append.
    pub(crate) fn close(&self) {
        self.tail().broken = Some("it was closed");
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the last segment. A segment that is missing before it is damage.
fn segments(disk: &dyn Disk) -> Result<u32> {
    let names = disk.list(FOLDER).map_err(Error::io("list the journal's segments"))?;
    let mut numbers = Vec::new();
    for name in names {
        if name.ends_with(".new") {
            let removed = disk.remove(&format!("{FOLDER}/{name}"));
            removed.map_err(Error::io("remove an unfinished segment"))?;
            continue;
        }
        let number = name.strip_suffix(".segment").and_then(|number| number.parse::<u32>().ok());
        match number.filter(|number| segment_name(*number) == name) {
            Some(number) => numbers.push(number),
            None => return Err(Error::corrupt(name, 0, "not a segment of the journal")),
        }
    }
    numbers.sort_unstable();
    for (expected, found) in (1..).zip(&numbers) {
        if *found != expected {
            return Err(Error::corrupt(segment_name(expected), 0, "the segment is missing"));
        }
    }
    Ok(numbers.last().copied().unwrap_or(0))
}

fn read_segment(disk: &dyn Disk, number: u32) -> Result<Vec<u8>> {
    let read = crate::disk::read(disk, &segment_path(number), SEGMENT_BYTES_MAX);
    let read = read.map_err(Error::io("read a segment of the journal"))?;
    read.ok_or_else(|| Error::corrupt(segment_name(number), 0, "the segment is missing"))
}

struct Segment<'b> {
    number: u32,
    bytes: &'b [u8],
    is_last: bool,
}

impl Segment<'_> {
    /// Visits every frame; answers where the last whole one ends.
    fn read(&self, tip: &mut Tip, visit: &mut Visit<'_>) -> Result<usize> {
        let header =
            SegmentHeader::from_bytes(self.bytes.get(..SEGMENT_HEADER_BYTES).unwrap_or_default());
        let header = header.map_err(|why| self.damage(0, why))?;
        let expected =
            SegmentHeader { number: self.number, first_seq: tip.size(), chain_before: tip.chain() };
        if header != expected {
            return Err(self.damage(0, "the segment does not continue the one before it"));
        }
        let mut at = SEGMENT_HEADER_BYTES;
        while at < self.bytes.len() {
            match self.frame_at(at) {
                Ok((prefix, body)) => {
                    tip.append(&prefix.frame).map_err(|error| self.damage(at, error))?;
                    if tip.chain() != prefix.chain {
                        return Err(self.damage(at, audit::Error::ChainBroken));
                    }
                    let offset = u32::try_from(at).map_err(|_| self.damage(at, "too long"))?;
                    visit(FrameFound { prefix, body, segment: self.number, offset })?;
                    at += PREFIX_BYTES + body.len() + 1;
                }
                Err(_) if self.is_last && self.is_incomplete(at, tip.size()) => return Ok(at),
                Err(why) => return Err(self.damage(at, why)),
            }
        }
        Ok(at)
    }

    fn frame_at(&self, at: usize) -> Result<(Prefix, &[u8]), &'static str> {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let (prefix, rest) =
            rest.split_at_checked(PREFIX_BYTES).ok_or("the segment ends inside a frame")?;
        let prefix = Prefix::from_bytes(prefix)?;
        let body_bytes = prefix.body_bytes as usize;
        let (body, rest) =
            rest.split_at_checked(body_bytes).ok_or("the segment ends inside a frame")?;
        match rest.first() {
            None => Err("the segment ends inside a frame"),
            Some(&FOOTER) if prefix.fits(body) => Ok((prefix, body)),
            Some(_) => Err("a frame was changed"),
        }
    }

    /// Is what stands at `at` a write that was never acknowledged? `seq` is the frame it would be.
    fn is_incomplete(&self, at: usize, seq: u64) -> bool {
        let rest = self.bytes.get(at..).unwrap_or_default();
        if self.was_durable(at, seq) {
            return false;
        }
        let prefix = rest.get(..PREFIX_BYTES).and_then(|prefix| Prefix::from_bytes(prefix).ok());
        let length = prefix.map(|prefix| PREFIX_BYTES + prefix.body_bytes as usize + 1);
        if length.unwrap_or(PREFIX_BYTES) > rest.len() {
            return true;
        }
        let end = length.map_or(self.bytes.len(), |length| at + length);
        let mut from = at;
        while from < end {
            let to = (from / SECTOR_BYTES + 1).saturating_mul(SECTOR_BYTES).min(end);
            let sector = self.bytes.get(from..to).unwrap_or_default();
            if sector.iter().all(|byte| *byte == 0) {
                return true;
            }
            from = to;
        }
        false
    }

    /// Does a later frame say that frame `seq` was durable when it was written?
    fn was_durable(&self, at: usize, seq: u64) -> bool {
        let mut from = at + 1;
        while let Some(rest) = self.bytes.get(from..)
            && let Some(found) = find_magic(rest)
        {
            let later = rest.get(found..found + PREFIX_BYTES);
            if later.and_then(|later| Prefix::from_bytes(later).ok()).is_some_and(|p| p.group > seq)
            {
                return true;
            }
            from += found + 1;
        }
        false
    }

    fn damage(&self, at: usize, why: impl ToString) -> Error {
        Error::corrupt(segment_name(self.number), at as u64, why)
    }
}

pub(crate) fn segment_name(number: u32) -> String {
    format!("{number:08}.segment")
}

fn segment_path(number: u32) -> String {
    format!("{FOLDER}/{}", segment_name(number))
}
