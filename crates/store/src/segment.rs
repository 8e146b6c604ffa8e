//! Reading one segment from its first frame to its last, on all processors, at opening.
//!
//! Frames are visited in order; while they are, other threads check and open the next ones. Damage is
//! told in the order of the segment, whoever found it.

use crate::error::{Error, Result};
use crate::frame::{PREFIX_BYTES, Prefix, SEGMENT_HEADER_BYTES, SegmentHeader, find_magic};
use crate::layout::{Layout, SegmentFile};
use audit::frame::Tip;

/// Ends every frame. Never zero, so that a last sector that is all zero was never written.
pub(crate) const FOOTER: u8 = b'.';
const SECTOR_BYTES: usize = 512;
/// How much of a segment is worked on ahead, in bytes, at opening.
const AHEAD_BYTES: usize = 4 * 1024 * 1024;
/// The most threads that work on it.
const THREADS_MAX: usize = 8;

/// What is made of the body of a frame before its turn comes, by any thread.
pub(crate) type Work<'w, W> = dyn Fn(&[u8]) -> W + Sync + 'w;
/// What takes frames one after the other with what was made of them, and tells the layout what in
/// them is erased.
pub(crate) type Visit<'v, W> = dyn FnMut(FrameFound, W, &mut Layout) -> Result<()> + 'v;

/// How many threads share work that no caller can wait for.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX)
}

/// A frame as it was found; its body is what it says it is.
pub(crate) struct FrameFound {
    pub(crate) prefix: Prefix,
    pub(crate) segment: u32,
    /// Where it was when it was first written.
    pub(crate) offset: u32,
    /// Where it stands now, and in which file.
    pub(crate) at: usize,
    file: SegmentFile,
}

impl FrameFound {
    /// How long it is now.
    pub(crate) const fn length(&self) -> usize {
        PREFIX_BYTES + self.prefix.body_bytes as usize + 1
    }

    pub(crate) fn damage(&self, why: impl ToString) -> Error {
        Error::corrupt(self.file.name(), self.at as u64, why)
    }
}

/// Frames whose turn comes next, and who works on them.
struct Ahead<'s, W> {
    /// Where each begins, and what its prefix says.
    frames: Vec<(usize, Prefix)>,
    /// Each has a run of the frames; nothing is made of a frame that was changed.
    threads: Vec<std::thread::ScopedJoinHandle<'s, Vec<Option<W>>>>,
    /// Where the frame after them begins.
    end: usize,
    /// Set if no frame follows: at the end of the segment, or because of what stands there.
    stopped: Option<Option<&'static str>>,
}

/// The bytes of one segment.
pub(crate) struct Segment<'b> {
    pub(crate) number: u32,
    pub(crate) bytes: &'b [u8],
    pub(crate) is_last: bool,
}

impl Segment<'_> {
    /// Visits every frame; answers where the last whole one ends. While frames are visited, all
    /// processors work on the next ones.
    pub(crate) fn read<W: Send>(
        &self,
        tip: &mut Tip,
        layout: &mut Layout,
        work: &Work<'_, W>,
        visit: &mut Visit<'_, W>,
    ) -> Result<usize> {
        self.check_header(tip, layout.file)?;
        std::thread::scope(|scope| {
            let mut next = self.ahead(scope, SEGMENT_HEADER_BYTES, work);
            loop {
                let Ahead { frames, threads, end, stopped } = next;
                next = match stopped {
                    None => self.ahead(scope, end, work),
                    Some(_) => Ahead { frames: Vec::new(), threads: Vec::new(), end, stopped },
                };
                let mut frames = frames.into_iter();
                for thread in threads {
                    let done = thread.join();
                    let done = done.map_err(|_| self.damage(layout.file, end, "reading failed"))?;
                    for (done, (at, prefix)) in done.into_iter().zip(frames.by_ref()) {
                        let Some(done) = done else {
                            return self.end(layout.file, at, tip, "a frame was changed");
                        };
                        self.visit(tip, layout, at, prefix, done, visit)?;
                    }
                }
                match stopped {
                    None => {}
                    Some(None) => return Ok(end),
                    Some(Some(why)) => return self.end(layout.file, end, tip, why),
                }
            }
        })
    }

    fn check_header(&self, tip: &Tip, file: SegmentFile) -> Result<()> {
        let header =
            SegmentHeader::from_bytes(self.bytes.get(..SEGMENT_HEADER_BYTES).unwrap_or_default());
        let header = header.map_err(|why| self.damage(file, 0, why))?;
        let expected =
            SegmentHeader { number: self.number, first_seq: tip.size(), chain_before: tip.chain() };
        if header == expected {
            Ok(())
        } else {
            Err(self.damage(file, 0, "the segment does not continue the one before it"))
        }
    }

    /// Finds the next frames by their prefixes and gives them to threads; no body was looked at yet.
    fn ahead<'s, W: Send + 's>(
        &'s self,
        scope: &'s std::thread::Scope<'s, '_>,
        from: usize,
        work: &'s Work<'_, W>,
    ) -> Ahead<'s, W> {
        let (mut frames, mut bodies, mut end) = (Vec::new(), Vec::new(), from);
        let stopped = loop {
            if end >= self.bytes.len() {
                break Some(None);
            }
            if end - from >= AHEAD_BYTES {
                break None;
            }
            match self.bounds_at(end) {
                Ok((prefix, body)) => {
                    frames.push((end, prefix));
                    bodies.push((prefix, body));
                    end += PREFIX_BYTES + body.len() + 1;
                }
                Err(why) => break Some(Some(why)),
            }
        };
        let share = bodies.len().div_ceil(threads()).max(1);
        let mut bodies = bodies.into_iter().peekable();
        let mut threads = Vec::with_capacity(threads());
        while bodies.peek().is_some() {
            let mine: Vec<(Prefix, &[u8])> = bodies.by_ref().take(share).collect();
            threads.push(scope.spawn(move || {
                let of = |(prefix, body): (Prefix, &[u8])| prefix.fits(body).then(|| work(body));
                mine.into_iter().map(of).collect()
            }));
        }
        Ahead { frames, threads, end, stopped }
    }

    fn visit<W>(
        &self,
        tip: &mut Tip,
        layout: &mut Layout,
        at: usize,
        prefix: Prefix,
        done: W,
        visit: &mut Visit<'_, W>,
    ) -> Result<()> {
        let file = layout.file;
        let appended = tip.append(&prefix.frame);
        appended.map_err(|error| self.damage(file, at, error))?;
        if tip.chain() != prefix.chain {
            return Err(self.damage(file, at, audit::Error::ChainBroken));
        }
        let offset = layout.noted(at as u64);
        let offset = offset.ok_or_else(|| self.damage(file, at, "too long"))?;
        visit(FrameFound { prefix, segment: self.number, offset, at, file }, done, layout)
    }

    /// What stands at `at` is no frame: the end of the journal, or damage.
    fn end(&self, file: SegmentFile, at: usize, tip: &Tip, why: &'static str) -> Result<usize> {
        if self.is_last && self.is_incomplete(at, tip.size()) {
            return Ok(at);
        }
        Err(self.damage(file, at, why))
    }

    fn damage(&self, file: SegmentFile, at: usize, why: impl ToString) -> Error {
        Error::corrupt(file.name(), at as u64, why)
    }

    pub(crate) fn frame_at(&self, at: usize) -> Result<(Prefix, &[u8]), &'static str> {
        let (prefix, body) = self.bounds_at(at)?;
        if prefix.fits(body) { Ok((prefix, body)) } else { Err("a frame was changed") }
    }

    /// A frame as its prefix describes it; whether its body was changed is not looked at.
    fn bounds_at(&self, at: usize) -> Result<(Prefix, &[u8]), &'static str> {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let (prefix, rest) =
            rest.split_at_checked(PREFIX_BYTES).ok_or("the segment ends inside a frame")?;
        let prefix = Prefix::from_bytes(prefix)?;
        let body_bytes = prefix.body_bytes as usize;
        let (body, rest) =
            rest.split_at_checked(body_bytes).ok_or("the segment ends inside a frame")?;
        match rest.first() {
            None => Err("the segment ends inside a frame"),
            Some(&FOOTER) => Ok((prefix, body)),
            Some(_) => Err("a frame was changed"),
        }
    }

    /// Is what stands at `at` a write that was never acknowledged? `seq` is the frame it would be.
    pub(crate) fn is_incomplete(&self, at: usize, seq: u64) -> bool {
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
}
