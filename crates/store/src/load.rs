//! From the journal to memory: one pass over every frame, at start.

use crate::disk::{Disk, read};
use crate::effect::{Effect, Fault};
use crate::engine::{KEY_FILE, KEYS_FOLDER};
use crate::error::{Error, Result};
use crate::frame::items;
use crate::index::Mixer;
use crate::item::ItemView;
use crate::journal::{FrameFound, Journal};
use crate::layout::Layout;
use crate::pointer::{Place, PointerChange};
use crate::seal::{Entropy, KEY_BYTES, KEY_FILE_BYTES_MAX, KeyRing};
use crate::state::State;
use audit::frame::{Chain, ItemsRoot};
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
    let journal = Journal::open(Arc::clone(disk), agency, segment_bytes, &mut |found, layout| {
        let changes = take(&mut state, ring, &found, layout)?;
        on_frame(found.prefix.frame.seq + 1, found.prefix.chain, changes)
    })?;
    Ok((state, journal))
}

fn take(
    state: &mut State,
    ring: &KeyRing,
    found: &FrameFound<'_>,
    layout: &mut Layout,
) -> Result<Vec<PointerChange>> {
    let frame = &found.prefix.frame;
    let bytes = crate::frame::PREFIX_BYTES + found.body.len() + 1;
    let appended = state.append_frame(frame, (found.segment, found.offset), bytes as u64);
    appended.map_err(|error| found.damage(error))?;
    let (mut root, mut changes) = (ItemsRoot::new(), Vec::new());
    for item in items(found.body) {
        let (offset, bytes) = item.map_err(|why| found.damage(why))?;
        let view = ItemView::parse(bytes).map_err(|error| found.damage(error))?;
        root.append(view.commitment);
        let effect = Effect::of(&view, &|class| state.is_own_class(class), ring);
        let effect = effect.map_err(|fault| match fault {
            Fault::Damage(why) => found.damage(why),
            Fault::Store(error) => error,
        })?;
        let place = place_in(layout, found.at as u64, offset, &view, bytes.len());
        let place = place.ok_or_else(|| found.damage("a segment longer than any can be"))?;
        let applied = state.apply(frame.seq, effect, place, &mut changes);
        applied.map_err(|impossible| found.damage(impossible.0))?;
    }
    match root.finish() {
        Ok((count, root)) if count == frame.items && root == frame.items_root => Ok(changes),
        _ => Err(found.damage(audit::Error::ItemsRootChanged)),
    }
}

/// The place of an item as it was first written; what it lost since then goes into the layout. `at`
/// is where its frame stands now, `offset` where in the body it stands now.
pub(crate) fn place_in(
    layout: &mut Layout,
    at: u64,
    offset: u32,
    view: &ItemView<'_>,
    length: usize,
) -> Option<Place> {
    let shrunk = view.shrunk();
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
