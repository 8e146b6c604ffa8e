//! From the journal to memory: one pass over every frame, at start.

use crate::disk::{Disk, read};
use crate::effect::{Effect, Fault};
use crate::engine::{KEY_FILE, KEYS_FOLDER};
use crate::error::{Error, Result};
use crate::frame::items;
use crate::index::Mixer;
use crate::item::ItemView;
use crate::journal::{FrameFound, Journal};
use crate::pointer::PointerChange;
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
    disk.create_folder(KEYS_FOLDER)
        .map_err(Error::io("make the key folder"))?;
    let path = format!("{KEYS_FOLDER}/{KEY_FILE}");
    let file = read(disk, &path, KEY_FILE_BYTES_MAX).map_err(Error::io("read the key file"))?;
    if file.is_none() {
        let segments = disk.list(crate::journal::FOLDER);
        if !segments
            .map_err(Error::io("list the journal's segments"))?
            .is_empty()
        {
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
    let journal = Journal::open(Arc::clone(disk), agency, segment_bytes, &mut |found| {
        let changes = take(&mut state, ring, &found)?;
        on_frame(found.prefix.frame.seq + 1, found.prefix.chain, changes)
    })?;
    Ok((state, journal))
}

fn take(state: &mut State, ring: &KeyRing, found: &FrameFound<'_>) -> Result<Vec<PointerChange>> {
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
        let place = found.place(offset, bytes.len());
        let applied = state.apply(frame.seq, effect, place, &mut changes);
        applied.map_err(|impossible| found.damage(impossible.0))?;
    }
    match root.finish() {
        Ok((count, root)) if count == frame.items && root == frame.items_root => Ok(changes),
        _ => Err(found.damage(audit::Error::ItemsRootChanged)),
    }
}
