//! From the journal to memory: one pass over every frame, at start.

use crate::disk::{Disk, read};
use crate::effect::{Effect, Fault};
use crate::engine::{KEY_FILE, KEYS_FOLDER};
use crate::error::{Error, Result};
use crate::frame::items;
use crate::index::Mixer;
use crate::item::ItemView;
use crate::journal::Journal;
use crate::layout::Layout;
use crate::pointer::{Place, PointerChange};
use crate::seal::{Entropy, KEY_BYTES, KEY_FILE_BYTES_MAX, KeyRing};
use crate::segment::FrameFound;
use crate::state::State;
use audit::frame::{Chain, ItemsRoot};
use audit::tree::Hash;
use domain::name::AgencyId;
use std::sync::Arc;

/// What the pass is told after each frame: how far it is, and how the tables change.
pub(crate) type OnFrame<'f> = dyn FnMut(u64, Chain, Vec<PointerChange>) -> Result<()> + 'f;

/// Opens the key file; the first start draws the keys. A journal without its key file is refused.
pub(crate) fn key_ring(
    disk: &dyn Disk,
    kek: &[u8; KEY_BYTES],
    entropy: &mut Entropy,
) -> Result<KeyRing> {
    disk.create_folder(KEYS_FOLDER).map_err(Error::io("make the key folder"))?;
    let path = format!("{KEYS_FOLDER}/{KEY_FILE}");
    let file = read(disk, &path, KEY_FILE_BYTES_MAX).map_err(Error::io("read the key file"))?;
    if file.is_none() {
        let segments = disk.list(crate::journal::FOLDER);
        if !segments.map_err(Error::io("list the journal's segments"))?.is_empty() {
            return Err(Error::KeyGone);
        }
    }
    let (ring, fresh) = KeyRing::open(kek, file.as_deref(), entropy)?;
    if let Some(fresh) = fresh {
        crate::disk::replace(disk, KEYS_FOLDER, KEY_FILE, &fresh)
            .map_err(Error::io("write the key file"))?;
    }
    Ok(ring)
}

/// Reads the whole journal.
pub(crate) fn load(
    disk: &Arc<dyn Disk>,
    agency: &AgencyId,
    segment_bytes: u64,
    ring: &KeyRing,
    mixer: Mixer,
    on_frame: &mut OnFrame<'_>,
) -> Result<(State, Journal)> {
    let mut state = State::new(agency, mixer);
    let work = |body: &[u8]| open_body(body, ring);
    let journal = Journal::open(
        Arc::clone(disk),
        agency,
        segment_bytes,
        &work,
        &mut |found, opened, layout| {
            let changes = take(&mut state, &found, opened, layout)?;
            on_frame(found.prefix.frame.seq + 1, found.prefix.chain, changes)
        },
    )?;
    Ok((state, journal))
}

/// The items of a frame, read and opened before its turn.
struct Opened {
    items: Vec<OpenedItem>,
    /// What the frame must say of them.
    root: Option<(u32, Hash)>,
    /// Why the items end too early.
    fault: Option<Fault>,
}

struct OpenedItem {
    effect: Effect,
    /// Where in the body it stands now, and how long it is now.
    offset: u32,
    length: usize,
    /// How much shorter it is than when it was written.
    shrunk: usize,
}

/// What can be made of a body without knowing what stands before it.
fn open_body(body: &[u8], ring: &KeyRing) -> Opened {
    let (mut root, mut opened) = (ItemsRoot::new(), Vec::new());
    for item in items(body) {
        let read = item.map_err(Fault::from).and_then(|(offset, bytes)| {
            let view = ItemView::parse(bytes)?;
            root.append(view.commitment);
            let effect = Effect::of(&view, ring)?;
            Ok(OpenedItem { effect, offset, length: bytes.len(), shrunk: view.shrunk() })
        });
        match read {
            Ok(item) => opened.push(item),
            Err(fault) => return Opened { items: opened, root: None, fault: Some(fault) },
        }
    }
    Opened { items: opened, root: root.finish().ok(), fault: None }
}

fn take(
    state: &mut State,
    found: &FrameFound,
    opened: Opened,
    layout: &mut Layout,
) -> Result<Vec<PointerChange>> {
    let frame = &found.prefix.frame;
    let place = (found.segment, found.offset);
    let appended = state.append_frame(frame, place, found.length() as u64);
    appended.map_err(|error| found.damage(error))?;
    let mut changes = Vec::new();
    for item in opened.items {
        let effect = item.effect.of_class(&|class| state.is_own_class(class));
        let OpenedItem { offset, length, shrunk, .. } = item;
        let place = place_in(layout, found.at as u64, offset, shrunk, length);
        let place = place.ok_or_else(|| found.damage("a segment longer than any can be"))?;
        let applied = state.apply(frame.seq, effect, place, &mut changes);
        applied.map_err(|impossible| found.damage(impossible.0))?;
    }
    match (opened.fault, opened.root) {
        (Some(Fault::Damage(why)), _) => Err(found.damage(why)),
        (Some(Fault::Store(error)), _) => Err(error),
        (None, Some((count, root))) if count == frame.items && root == frame.items_root => {
            Ok(changes)
        }
        (None, _) => Err(found.damage(audit::Error::ItemsRootChanged)),
    }
}

/// The place of an item as it was first written; what it lost since then goes into the layout. `at`
/// is where its frame stands now, `offset` where in the body it stands now.
pub(crate) fn place_in(
    layout: &mut Layout,
    at: u64,
    offset: u32,
    shrunk: usize,
    length: usize,
) -> Option<Place> {
    let at = at.checked_add(crate::frame::PREFIX_BYTES as u64 + u64::from(offset))?;
    let (offset, length) = (layout.noted(at)?, u32::try_from(length + shrunk).ok()?);
    let end = offset.checked_add(length)?;
    let fits = shrunk == 0 || layout.shrunk(end, shrunk);
    fits.then_some(Place { segment: layout.file.number, offset, length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;
    use crate::{Batch, Change, MemoryStore, Secrecy, Store, Table};
    use domain::event::{Act, Event};
    use domain::time::{SystemClock, Timestamp};

    struct Zeros;

    impl rand_core::TryRng for Zeros {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            out.fill(0);
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Zeros {}

    fn agency() -> AgencyId {
        "be-fedpol".parse().unwrap()
    }

    /// A journal of three frames: rows plain and sealed, and events.
    fn files() -> Vec<(&'static str, Vec<u8>)> {
        let store = MemoryStore::new(agency(), Arc::new(SystemClock), Box::new(Zeros)).unwrap();
        for n in 0..3 {
            let row = |key: u8, secrecy| {
                let value = vec![n + 1; 40];
                Change::Put { table: Table::Cursor, key: vec![key], value, secrecy }
            };
            let batch = Batch::new()
                .with(row(1, Secrecy::Plain))
                .with(row(2, Secrecy::Sealed))
                .saying(Event::new(Timestamp::from_millis(5), Act::NodeStarted));
            store.commit(batch).wait().unwrap();
        }
        ["journal/00000001.segment", "keys/data-keys"]
            .map(|path| (path, read(store.disk(), path, 1 << 20).unwrap().unwrap()))
            .into()
    }

    /// How many frames there are, and whether the end of them was cut.
    fn open(files: &[(&str, Vec<u8>)]) -> Result<(u64, bool)> {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        for (path, bytes) in files {
            disk.create(path).unwrap();
            disk.append(path, bytes).unwrap();
        }
        let mut entropy = Entropy::new(Box::new(Zeros));
        let ring = key_ring(&*disk, &[0; KEY_BYTES], &mut entropy)?;
        let mixer = Mixer([1, 2]);
        let loaded = load(&disk, &agency(), 1 << 20, &ring, mixer, &mut |_, _, _| Ok(()))?;
        Ok((loaded.0.tip.size(), loaded.1.cut().is_some()))
    }

    #[test]
    fn any_flipped_bit_of_the_journal_is_refused_and_its_segment_named() {
        let good = files();
        assert_eq!(open(&good).unwrap(), (3, false));
        for bit in 0..8 * good[0].1.len() {
            let mut files = good.clone();
            files[0].1[bit / 8] ^= 1 << (bit % 8);
            match open(&files) {
                Err(Error::Corrupt { what, .. }) => assert_eq!(what, "00000001.segment"),
                other => panic!("bit {bit}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_journal_that_ends_anywhere_keeps_its_whole_frames() {
        let good = files();
        let (mut ends, mut last) = (Vec::new(), 0);
        for length in 72..=good[0].1.len() {
            let mut files = good.clone();
            files[0].1.truncate(length);
            let (frames, is_cut) = open(&files).unwrap();
            assert!(frames >= last, "length {length}");
            if frames > last || length == 72 {
                ends.push(length);
            }
            assert_eq!(is_cut, !ends.contains(&length), "length {length}");
            last = frames;
        }
        assert_eq!(ends.len(), 4);
    }

    #[test]
    fn damage_before_a_frame_that_was_durable_is_never_cut() {
        let good = files();
        let end = good[0].1.len();
        // The second frame is zero, as if it had never been written; the third says that it was.
        let frame = (end - 72) / 3;
        let mut files = good;
        files[0].1[72 + frame..72 + 2 * frame].fill(0);
        assert!(matches!(open(&files), Err(Error::Corrupt { .. })));
        // The last frame alone: that may be a write that was cut off.
        files = self::files();
        files[0].1[72 + 2 * frame..].fill(0);
        assert_eq!(open(&files).unwrap(), (2, true));
    }
}
