//! Where in its file something stands that was noted before parts of the segment were erased.
//!
//! A place is noted once, as the segment was first written, and never changes: tables, memory and
//! cursors keep it for ever. Compaction writes a segment anew without what must go, as a file of the
//! next generation; what is left of an item says how long it was, so one pass over the file tells
//! by how much everything behind it has moved.

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::frame::SEGMENT_HEADER_BYTES;
use crate::journal::{FOLDER, segment_name};

/// The files of one segment: `NNNNNNNN.segment`, and `NNNNNNNN-GGGG.segment` once it was written
/// anew. The highest generation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentFile {
    pub(crate) number: u32,
    pub(crate) generation: u32,
}

impl SegmentFile {
    pub(crate) fn name(self) -> String {
        let Self { number, generation } = self;
        if generation == 0 {
            format!("{number:08}.segment")
        } else {
            format!("{number:08}-{generation:04}.segment")
        }
    }

    pub(crate) fn path(self) -> String {
        format!("{FOLDER}/{}", self.name())
    }

    /// What a name stands for; `None` for any other name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".segment")?;
        let (number, generation) = stem.split_once('-').unwrap_or((stem, "0"));
        let file = Self { number: number.parse().ok()?, generation: generation.parse().ok()? };
        (file.name() == name).then_some(file)
    }
}

/// The files of the journal.
pub(crate) struct Files {
    /// Of each segment the newest, in order.
    pub(crate) current: Vec<SegmentFile>,
    /// Those that a newer one has replaced.
    pub(crate) replaced: Vec<SegmentFile>,
    /// Names of files that were not finished.
    pub(crate) unfinished: Vec<String>,
}

/// The one place that knows which files count. Another process may be using them: one may be gone
/// again when it is opened. A segment that is missing is damage, and so is any other name.
pub(crate) fn files(disk: &dyn Disk) -> Result<Files> {
    let names = disk.list(FOLDER).map_err(Error::io("list the journal's segments"))?;
    let mut found = Vec::new();
    let mut unfinished = Vec::new();
    for name in names {
        match SegmentFile::parse(&name) {
            Some(file) => found.push(file),
            None if name.ends_with(".new") => unfinished.push(name),
            None => return Err(Error::corrupt(name, 0, "not a segment of the journal")),
        }
    }
    found.sort_unstable();
    let (mut current, mut replaced): (Vec<SegmentFile>, _) = (Vec::new(), Vec::new());
    for file in found {
        match current.last_mut() {
            Some(last) if last.number == file.number => {
                replaced.push(core::mem::replace(last, file));
            }
            _ => current.push(file),
        }
    }
    for (expected, found) in (1..).zip(&current) {
        if found.number != expected {
            return Err(Error::corrupt(segment_name(expected), 0, "the segment is missing"));
        }
    }
    Ok(Files { current, replaced, unfinished })
}

/// How the present file of a segment differs from how it was first written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) file: SegmentFile,
    /// From which noted offset on everything stands by how much earlier; ascending.
    shifts: Vec<(u32, u32)>,
}

impl Layout {
    /// Of a file in which everything stands where it is noted.
    pub(crate) const fn new(file: SegmentFile) -> Self {
        Self { file, shifts: Vec::new() }
    }

    /// Does anything in it stand elsewhere than noted?
    pub(crate) const fn is_moved(&self) -> bool {
        !self.shifts.is_empty()
    }

    /// By how much what comes next stands earlier than noted.
    pub(crate) fn shift(&self) -> u32 {
        self.shifts.last().map_or(0, |(_, shift)| *shift)
    }

    /// The noted offset of what stands at `at`, behind everything seen so far.
    pub(crate) fn noted(&self, at: u64) -> Option<u32> {
        u32::try_from(at).ok()?.checked_add(self.shift())
    }

    /// An item that ends before the noted offset `end` is shorter than it was. False if the segment
    /// was longer than any can be.
    #[must_use]
    pub(crate) fn shrunk(&mut self, end: u32, by: usize) -> bool {
        let total = u32::try_from(by).ok().and_then(|by| self.shift().checked_add(by));
        total.map(|total| self.shifts.push((end, total))).is_some()
    }

    /// Where something stands now. What was erased itself stands where its rest begins.
    pub(crate) fn offset(&self, noted: u32) -> u64 {
        let behind = self.shifts.partition_point(|(from, _)| *from <= noted);
        let shift = behind.checked_sub(1).and_then(|last| self.shifts.get(last));
        let offset = noted.saturating_sub(shift.map_or(0, |(_, shift)| *shift));
        u64::from(offset.max(SEGMENT_HEADER_BYTES as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back_and_no_other_name_is_one() {
        for (number, generation, name) in
            [(1, 0, "00000001.segment"), (7, 3, "00000007-0003.segment")]
        {
            let file = SegmentFile { number, generation };
            assert_eq!(file.name(), name);
            assert_eq!(SegmentFile::parse(name), Some(file));
        }
        for name in ["1.segment", "00000001-0000.segment", "00000001-3.segment", "00000001", "x"] {
            assert_eq!(SegmentFile::parse(name), None, "{name}");
        }
        assert!(
            SegmentFile { number: 1, generation: 20_000 }
                > SegmentFile { number: 1, generation: 9_999 }
        );
    }

    #[test]
    fn what_stands_behind_something_erased_is_found_where_it_moved() {
        let mut layout = Layout::new(SegmentFile { number: 1, generation: 1 });
        assert_eq!((layout.offset(100), layout.is_moved()), (100, false));
        assert!(layout.shrunk(300, 50) && layout.shrunk(500, 20));
        for (noted, now) in [(100, 100), (299, 299), (300, 250), (499, 449), (500, 430), (900, 830)]
        {
            assert_eq!(layout.offset(noted), now, "{noted}");
        }
        assert_eq!(layout.noted(430), Some(500));
        assert!(!layout.shrunk(600, u32::MAX as usize) && !layout.shrunk(600, usize::MAX));
    }
}
