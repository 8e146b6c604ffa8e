//! Proving: heads, receipts, the gap-free tail, the export and the verification of what is on disk.

use crate::batch::ItemReceipt;
use crate::effect::{DATA_PART, Fault, open_local};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::frame::{Prefix, items};
use crate::item::{ItemKind, ItemView, RecordEntry, RowEntry};
use crate::journal::FrameThere;
use crate::layout::SegmentFile;
use crate::reading::{Depth, Head, Shown, StoredFrame, TAIL_FRAMES_MAX, Verified};
use crate::seal::{Opened, aad_of_record, aad_of_row};
use audit::export::{ExportWriter, Item};
use audit::frame::{Chain, ItemsRoot, Tip, item_path};
use audit::head::Checkpoint;
use audit::note::{NOTE_BYTES_MAX, Note};
use audit::receipt::Receipt;
use audit::tree::Hash;
use std::io::Write;
use std::sync::PoisonError;

/// The file of the newest signed head.
pub const HEAD_FILE: &str = "head";
/// The most bytes of frames one tail answers; a single larger frame is answered alone.
const TAIL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How many pointers a deep verification reads at once.
const POINTERS_AT_ONCE: usize = 1024;

/// A frame read back from the journal.
pub(crate) struct FrameRead {
    pub(crate) prefix: Prefix,
    body: Vec<u8>,
    file: SegmentFile,
    at: u64,
}

impl FrameRead {
    pub(crate) fn items(&self) -> impl Iterator<Item = Result<ItemView<'_>>> {
        items(&self.body).map(|item| {
            let (_, bytes) = item.map_err(|why| self.damage(why))?;
            ItemView::parse(bytes).map_err(|error| self.damage(error))
        })
    }

    pub(crate) fn receipts(&self, wanted: impl Fn(ItemKind) -> bool) -> Result<Vec<ItemReceipt>> {
        let mut receipts = Vec::new();
        for (index, item) in (0..).zip(self.items()) {
            let item = item?;
            if wanted(item.header.kind) {
                receipts.push(ItemReceipt { item: index, commitment: item.commitment });
            }
        }
        Ok(receipts)
    }

    pub(crate) fn damage(&self, why: impl ToString) -> Error {
        Error::corrupt(self.file.name(), self.at, why)
    }
}

/// The head in the bytes of a signed note. Its signature is not checked: no key is known here.
pub(crate) fn parse_head(bytes: &[u8]) -> Result<(Note, audit::head::Head)> {
    let note = Note::parse(bytes)?;
    let head = audit::head::Head::try_from(Checkpoint::parse(note.text())?)?;
    Ok((note, head))
}

/// The bytes of the head file.
pub(crate) fn read_head(disk: &dyn crate::disk::Disk) -> Result<Option<Vec<u8>>> {
    crate::disk::read(disk, HEAD_FILE, NOTE_BYTES_MAX as u64)
        .map_err(Error::io("read the signed head"))
}

impl Engine {
    pub(crate) fn stored_frame(&self, seq: u64) -> Result<FrameRead> {
        let place = {
            let state = self.state();
            let outside = audit::Error::OutsideTree { asked: seq, size: state.tip.size() };
            state.place(seq).ok_or(Error::Audit(outside))?
        };
        let FrameThere { prefix, body, file, at } = self.journal.frame(place.0, place.1)?;
        let frame = FrameRead { prefix, body, file, at };
        if prefix.frame.seq == seq { Ok(frame) } else { Err(frame.damage("another frame")) }
    }

    pub(crate) fn present_head(&self) -> Head {
        let state = self.state();
        let tree_size = state.tip.size();
        let (root, chain) = (state.tip.root(), state.tip.chain());
        Head { seq: tree_size.checked_sub(1), tree_size, root, chain }
    }

    /// Refuses a head of another agency's log, or one that this journal does not lead to.
    pub(crate) fn check_head(&self, head: &audit::head::Head) -> Result<()> {
        if head.agency != self.agency {
            let (expected, found) = (self.agency.to_string(), head.agency.to_string());
            return Err(Error::Audit(audit::Error::OtherLog { expected, found }));
        }
        let found = self.present_head().tree_size;
        let behind = Error::Rollback { known: head.size, found };
        if head.size > found {
            return Err(behind);
        }
        let root = self.state().tree.root(head.size)?;
        let chain = match head.size.checked_sub(1) {
            Some(last) => self.stored_frame(last)?.prefix.chain,
            None => Chain::start(&self.agency),
        };
        if root == head.root && chain == head.chain { Ok(()) } else { Err(behind) }
    }

    pub(crate) fn keep_head(&self, bytes: &[u8]) -> Result<()> {
        let (_, head) = parse_head(bytes)?;
        self.check_head(&head)?;
        let mut kept = self.head.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_deref()
            && parse_head(kept)?.1.size > head.size
        {
            return Ok(());
        }
        crate::disk::replace(&*self.disk, "", HEAD_FILE, bytes)
            .map_err(Error::io("write the signed head"))?;
        *kept = Some(bytes.to_vec());
        Ok(())
    }

    pub(crate) fn kept_head(&self) -> Option<Vec<u8>> {
        self.head.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn receipt_of(&self, seq: u64, item: u32, signed_head: &[u8]) -> Result<Receipt> {
        let (note, head) = parse_head(signed_head)?;
        self.check_head(&head)?;
        let frame = self.stored_frame(seq)?;
        let mut commitments: Vec<Hash> = Vec::new();
        for item in frame.items() {
            commitments.push(item?.commitment);
        }
        let item_path = item_path(&commitments, item)?;
        let tree_path = self.state().tree.inclusion(seq, head.size)?;
        let frame = frame.prefix.frame;
        Ok(Receipt { frame, item, item_path, tree_path, head: note.to_string() })
    }

    pub(crate) fn frames_from(&self, from: u64, limit: usize) -> Result<Vec<StoredFrame>> {
        let size = self.present_head().tree_size;
        let (mut frames, mut bytes) = (Vec::new(), 0);
        for seq in (from..size).take(limit.min(TAIL_FRAMES_MAX)) {
            let frame = self.stored_frame(seq)?;
            bytes += frame.body.len();
            if bytes > TAIL_BYTES_MAX && !frames.is_empty() {
                break;
            }
            let mut items = Vec::new();
            for item in frame.items() {
                items.push(checked(&frame, item?)?.to_item()?);
            }
            let Prefix { frame, chain, .. } = frame.prefix;
            frames.push(StoredFrame { frame, chain, items });
        }
        Ok(frames)
    }

    pub(crate) fn export_log(&self, writer: &mut dyn Write, shown: Shown) -> Result<()> {
        let head = self.kept_head().ok_or(Error::NoHead)?;
        let (note, head) = parse_head(&head)?;
        let mut export = ExportWriter::start(writer, &self.agency, Tip::start(&self.agency))?;
        for seq in 0..head.size {
            let frame = self.stored_frame(seq)?;
            let mut items = Vec::new();
            for item in frame.items() {
                let item = checked(&frame, item?)?;
                items.push(as_shown(item.to_item()?, item.header.kind, shown));
            }
            let Prefix { frame: stated, chain, .. } = frame.prefix;
            if export.frame(stated.operation, stated.time, &items)? != chain {
                return Err(frame.damage(audit::Error::ChainBroken));
            }
        }
        export.signed_head(&note)?;
        export.finish()?;
        Ok(())
    }

    pub(crate) fn verify_all(&self, depth: Depth) -> Result<Verified> {
        let (mut verified, mut tip) = (Verified::default(), Tip::start(&self.agency));
        let size = self.present_head().tree_size;
        for seq in 0..size {
            match self.stored_frame(seq) {
                Ok(frame) => self.verify_frame(&frame, depth, &mut tip, &mut verified),
                Err(error @ Error::Io { .. }) => return Err(error),
                Err(error) => {
                    verified.fault(error);
                    return Ok(verified);
                }
            }
        }
        if self.state().tree.root(size).ok() != Some(tip.root()) {
            verified.fault("the tree in memory is not the tree of the journal");
        }
        if depth == Depth::Deep {
            self.verify_tables(&mut verified)?;
        }
        Ok(verified)
    }

    fn verify_frame(
        &self,
        frame: &FrameRead,
        depth: Depth,
        tip: &mut Tip,
        verified: &mut Verified,
    ) {
        verified.frames += 1;
        let mut root = ItemsRoot::new();
        for item in frame.items() {
            let item = match item {
                Ok(item) => item,
                Err(error) => return verified.fault(error),
            };
            verified.items += 1;
            root.append(item.commitment);
            let parts = [Some(item.entry), item.local, item.data];
            let erased = parts.iter().flatten().filter(|part| part.bytes().is_none()).count();
            verified.parts_erased += erased as u64;
            if depth == Depth::Deep
                && let Err(error) =
                    checked(frame, item).and_then(|item| self.open_seals(frame, &item))
            {
                verified.fault(error);
            } else if depth == Depth::Deep {
                verified.parts_opened += (parts.iter().flatten().count() - erased) as u64;
            }
        }
        let stated = &frame.prefix.frame;
        if root.finish() != Ok((stated.items, stated.items_root)) {
            verified.fault(frame.damage(audit::Error::ItemsRootChanged));
        }
        match tip.append(stated) {
            Ok(_) if tip.chain() == frame.prefix.chain => {}
            Ok(_) => verified.fault(frame.damage(audit::Error::ChainBroken)),
            Err(error) => verified.fault(frame.damage(error)),
        }
    }

    fn open_seals(&self, frame: &FrameRead, item: &ItemView<'_>) -> Result<()> {
        let Some(number) = item.header.key else {
            return Ok(());
        };
        let seal = || frame.damage("a seal that does not open");
        let data = item.data.and_then(|part| part.bytes());
        let aad = match item.header.kind {
            ItemKind::Record => {
                let entry = item.entry().map_err(|error| frame.damage(error))?;
                let Some(entry): Option<RecordEntry> = entry else {
                    return Ok(());
                };
                open_local(item, &entry, &self.ring()).map_err(|fault| match fault {
                    Fault::Damage(why) => frame.damage(why),
                    Fault::Store(error) => error,
                })?;
                aad_of_record(DATA_PART, &entry.record_id, entry.version).to_vec()
            }
            _ => {
                let entry = item.entry().map_err(|error| frame.damage(error))?;
                let Some(entry): Option<RowEntry> = entry else {
                    return Ok(());
                };
                aad_of_row(entry.table, &entry.key)
            }
        };
        let Some(data) = data else { return Ok(()) };
        match self.ring().open_seal(number, &aad, data)? {
            Some(Opened::Bytes(_) | Opened::Erased) => Ok(()),
            None => Err(seal()),
        }
    }

    /// Every pointer of the tables, followed; and every record of memory, found.
    fn verify_tables(&self, verified: &mut Verified) -> Result<()> {
        let expected = |counts: crate::reading::Counts| counts.own + counts.foreign;
        let before = expected(self.state().counts());
        let (mut after, mut records): (Option<Vec<u8>>, u64) = (None, 0);
        loop {
            let from = after.clone().unwrap_or_else(|| vec![crate::table::RECORD]);
            let page = self.tables.scan(&[], Some(&from), POINTERS_AT_ONCE)?;
            for (key, _) in &page {
                records += u64::from(key.first() == Some(&crate::table::RECORD));
                if let Err(error) = self.check_pointer(key) {
                    verified.fault(error);
                }
            }
            match page.last() {
                Some((last, _)) => after = Some(last.clone()),
                None => break,
            }
        }
        // Commits go on: a record that came or went meanwhile is not missing.
        let missing = before.min(expected(self.state().counts())).saturating_sub(records);
        if missing > 0 {
            verified.fault(format!("{missing} records are missing in the tables"));
        }
        Ok(())
    }
}

fn checked<'b>(frame: &FrameRead, item: ItemView<'b>) -> Result<ItemView<'b>> {
    item.check().map_err(|error| frame.damage(error))?;
    Ok(item)
}

/// Only events are shown; what a record or a row says is not the log's to tell.
fn as_shown(mut item: Item, kind: ItemKind, shown: Shown) -> Item {
    if kind != ItemKind::Event {
        item.entry.close();
    }
    if kind != ItemKind::Event || shown == Shown::Entries {
        item.local.iter_mut().for_each(audit::export::Part::close);
    }
    item.data.iter_mut().for_each(audit::export::Part::close);
    item
}
