//! Reads a journal that may be in use: no lock, nothing changed, every frame and part checked.

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::frame::{PREFIX_BYTES, Prefix, SEGMENT_HEADER_BYTES, SegmentHeader, find_magic, items};
use crate::item::ItemView;
use crate::journal::{SEGMENT_BYTES_MAX, segment_name};
use crate::segment::Segment;
use audit::frame::{Chain, ItemsRoot, Tip};
use audit::tree::Hash;
use domain::name::AgencyId;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a segment is looked for again that compaction replaced while it was being read.
const LOOKS_MAX: usize = 8;
/// How often the end of the journal is read again if it looks damaged: somebody may be writing it.
const REREADS_MAX: usize = 3;
/// How long between two of those, in milliseconds.
const REREAD_MS: u64 = 20;

/// Something that is wrong in the journal, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{segment} at byte {offset}, frame {seq}: {why}")]
pub struct Fault {
    /// The file in the folder of the journal.
    pub segment: String,
    /// Where in the file.
    pub offset: u64,
    /// The number of the frame that stands there, or should.
    pub seq: u64,
    /// What is wrong.
    pub why: String,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let Fault { segment, offset, seq, why } = fault;
        Self::corrupt(segment, offset, format!("frame {seq}: {why}"))
    }
}

/// Follows a log frame by frame and notices whatever does not continue it.
pub(crate) struct Follower {
    /// The number of the next frame.
    pub(crate) seq: u64,
    pub(crate) chain: Chain,
    /// The tree, as long as nothing was wrong.
    tip: Option<Tip>,
    /// The size at which the root is to be remembered.
    mark: Option<u64>,
    pub(crate) marked: Option<(Hash, Chain)>,
    pub(crate) items: u64,
    pub(crate) parts_erased: u64,
    /// By how many bytes the last frame is shorter than when it was written: parts were erased.
    pub(crate) shrunk: u64,
    /// The data keys that parts are sealed under which were not erased.
    pub(crate) keys: BTreeSet<u32>,
}

impl Follower {
    /// At the start of an agency's log. At the size `mark` root and chain are remembered.
    pub(crate) fn start(agency: &AgencyId, mark: Option<u64>) -> Self {
        let tip = Tip::start(agency);
        let marked = (mark == Some(0)).then(|| (tip.root(), tip.chain()));
        Self {
            seq: 0,
            chain: tip.chain(),
            tip: Some(tip),
            mark,
            marked,
            items: 0,
            parts_erased: 0,
            shrunk: 0,
            keys: BTreeSet::new(),
        }
    }

    /// Goes on from elsewhere, after something was wrong.
    fn rebase(&mut self, seq: u64, chain: Chain) {
        (self.seq, self.chain, self.tip) = (seq, chain, None);
    }

    /// Takes the next frame, whose prefix and body fit together. Goes on after it in any case.
    pub(crate) fn follow(&mut self, prefix: &Prefix, body: &[u8]) -> Result<(), String> {
        let (frame, before) = (&prefix.frame, (self.seq, self.chain));
        (self.seq, self.chain) = (frame.seq.saturating_add(1), prefix.chain);
        let judged = if frame.seq != before.0 {
            Err(format!("frame {} stands where frame {} belongs", frame.seq, before.0))
        } else if before.1.next(frame) != prefix.chain {
            Err(audit::Error::ChainBroken.to_string())
        } else {
            self.read_items(prefix, body)
        };
        let tip = if judged.is_ok() { self.tip.as_mut() } else { None };
        match tip.map(|tip| tip.append(frame).map(|_| (tip.size(), tip.root(), tip.chain()))) {
            Some(Ok((size, root, chain))) if self.mark == Some(size) => {
                self.marked = Some((root, chain));
            }
            Some(Ok(_)) => {}
            _ => self.tip = None,
        }
        judged
    }

    fn read_items(&mut self, prefix: &Prefix, body: &[u8]) -> Result<(), String> {
        let mut root = ItemsRoot::new();
        self.shrunk = 0;
        for item in items(body) {
            let (_, bytes) = item?;
            let item = ItemView::parse(bytes).map_err(|error| error.to_string())?;
            item.check().map_err(|error| error.to_string())?;
            root.append(item.commitment);
            self.items += 1;
            self.shrunk = self.shrunk.saturating_add(item.shrunk() as u64);
            let parts = [Some(item.entry), item.local, item.data];
            let erased = parts.iter().flatten().filter(|part| part.bytes().is_none()).count();
            self.parts_erased += erased as u64;
            let is_open = [item.local, item.data].iter().flatten().any(|p| p.bytes().is_some());
            self.keys.extend(item.header.key.filter(|_| is_open));
        }
        match root.finish() {
            Ok((count, root)) if (count, root) == (prefix.frame.items, prefix.frame.items_root) => {
                Ok(())
            }
            _ => Err(audit::Error::ItemsRootChanged.to_string()),
        }
    }

    /// Is the log that was read the one that a head speaks of?
    pub(crate) fn leads_to(&self, head: &audit::head::Head) -> bool {
        self.marked == Some((head.root, head.chain))
    }
}

/// What is done with each frame, as it stands on disk; with a fault; and with the progress, in
/// bytes: how far, of how many.
pub(crate) struct Hooks<'h> {
    pub(crate) frame: &'h mut dyn FnMut(&[u8]) -> Result<()>,
    pub(crate) fault: &'h mut dyn FnMut(Fault) -> Result<()>,
    pub(crate) progress: &'h mut dyn FnMut(u64, u64),
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// Bytes of whole frames.
    pub(crate) bytes: u64,
    /// Bytes at the end that are a write still under way, or one that never came to its end.
    pub(crate) incomplete: u64,
}

/// Reads every frame that was durable when this was called, and those that came soon after.
pub(crate) fn walk(
    disk: &dyn Disk,
    follower: &mut Follower,
    hooks: &mut Hooks<'_>,
) -> Result<Walked> {
    let files = crate::layout::files(disk)?.current;
    // A file that went away meanwhile is counted when it is read.
    let lengths = files.iter().map(|file| disk.length(&file.path()).unwrap_or(0));
    let total = lengths.sum();
    let (mut walked, mut done) = (Walked::default(), 0);
    for file in &files {
        let is_last = file.number == files.len() as u32;
        let mut walk = SegmentWalk { disk, number: file.number, is_last, follower, hooks };
        done += walk.read(&mut walked)?;
        (hooks.progress)(done, total);
    }
    Ok(walked)
}

struct SegmentWalk<'w, 'h> {
    disk: &'w dyn Disk,
    number: u32,
    is_last: bool,
    follower: &'w mut Follower,
    hooks: &'w mut Hooks<'h>,
}

/// What stands at a place of a segment.
enum Found {
    /// A frame that ends there, with its judgement.
    Frame(usize, Result<(), String>),
    /// A frame that was read before the segment was read again.
    Seen(usize),
    Incomplete,
    Damage(&'static str),
}

impl SegmentWalk<'_, '_> {
    /// Reads one segment; answers how many bytes it has.
    fn read(&mut self, walked: &mut Walked) -> Result<u64> {
        let (mut name, mut bytes) = self.load()?;
        self.header(&name, &bytes)?;
        let (mut at, mut rereads) = (SEGMENT_HEADER_BYTES, 0);
        while at < bytes.len() {
            let seq = self.follower.seq;
            match self.look(&bytes, at, rereads > 0) {
                Found::Seen(end) => at = end,
                Found::Frame(end, judged) => {
                    if let Err(why) = judged {
                        self.fault(&name, at, seq, why)?;
                    }
                    let frame = bytes.get(at..end).unwrap_or_default();
                    (self.hooks.frame)(frame)?;
                    walked.bytes += frame.len() as u64;
                    at = end;
                }
                Found::Incomplete => {
                    walked.incomplete = (bytes.len() - at) as u64;
                    break;
                }
                Found::Damage(_) if self.is_last && rereads < REREADS_MAX => {
                    std::thread::sleep(Duration::from_millis(REREAD_MS));
                    (name, bytes) = self.load()?;
                    (at, rereads) = (SEGMENT_HEADER_BYTES, rereads + 1);
                }
                Found::Damage(why) => {
                    self.fault(&name, at, seq, why.to_owned())?;
                    at = self.next_frame(&bytes, at);
                }
            }
        }
        Ok(bytes.len() as u64)
    }

    /// The bytes of the segment as it is now. Compaction may have replaced the file since it was
    /// listed: then the one that took its place holds the same frames.
    fn load(&self) -> Result<(String, Vec<u8>)> {
        for _ in 0..LOOKS_MAX {
            let files = crate::layout::files(self.disk)?.current;
            let Some(file) = files.into_iter().find(|file| file.number == self.number) else {
                break;
            };
            let read = crate::disk::read(self.disk, &file.path(), SEGMENT_BYTES_MAX);
            match read {
                Ok(Some(bytes)) => return Ok((file.name(), bytes)),
                Ok(None) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("read a segment of the journal")(error)),
            }
        }
        Err(Error::corrupt(segment_name(self.number), 0, "the segment is missing"))
    }

    fn header(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let header = bytes.get(..SEGMENT_HEADER_BYTES).unwrap_or_default();
        let (seq, chain) = (self.follower.seq, self.follower.chain);
        let expected = SegmentHeader { number: self.number, first_seq: seq, chain_before: chain };
        let why = match SegmentHeader::from_bytes(header) {
            Ok(header) if header == expected => return Ok(()),
            Ok(header) => {
                self.follower.rebase(header.first_seq, header.chain_before);
                "the segment does not continue the one before it"
            }
            Err(why) => why,
        };
        self.fault(name, 0, seq, why.to_owned())
    }

    fn look(&mut self, bytes: &[u8], at: usize, again: bool) -> Found {
        let segment = Segment { number: self.number, bytes, is_last: self.is_last };
        match segment.frame_at(at) {
            Ok((prefix, body)) => {
                let end = at + PREFIX_BYTES + body.len() + 1;
                if again && prefix.frame.seq < self.follower.seq {
                    return Found::Seen(end);
                }
                Found::Frame(end, self.follower.follow(&prefix, body))
            }
            Err(_) if self.is_last && segment.is_incomplete(at, self.follower.seq) => {
                Found::Incomplete
            }
            Err(why) => Found::Damage(why),
        }
    }

    /// Where the next whole frame begins after damage, or the end.
    fn next_frame(&self, bytes: &[u8], at: usize) -> usize {
        let segment = Segment { number: self.number, bytes, is_last: false };
        let mut from = at + 1;
        while let Some(rest) = bytes.get(from..)
            && let Some(found) = find_magic(rest)
        {
            if segment.frame_at(from + found).is_ok() {
                return from + found;
            }
            from += found + 1;
        }
        bytes.len()
    }

    fn fault(&mut self, name: &str, at: usize, seq: u64, why: String) -> Result<()> {
        (self.hooks.fault)(Fault { segment: name.to_owned(), offset: at as u64, seq, why })
    }
}
