//! Archives: the whole journal as one file, to be put away as a backup or carried to another machine.
//!
//! ```text
//! archive   header, frames exactly as in the journal, footer
//! header    "MALINARC" | format u32 | length u32 | CBOR of agency, kind, time, first seq, the
//!           chain value before it and the newest signed head | check 16
//! frame     prefix | body | "."                        as `frame` and `journal` describe
//! footer    "MALINEND" | length u32 | CBOR of frames, bytes and chain value | seal 32
//! ```
//!
//! Integers are big-endian. The seal is keyed BLAKE3 over the footer and a running hash of header and
//! prefixes, under a key derived from the node's key-encryption key. So a shortened archive, a changed
//! one, one of another node, and a backup that says it is an export are all noticed. Nothing in an
//! archive depends on the engine of the tables. The data keys are not in it: they go into a file of
//! their own, and erasing means that one day they are gone from there.

mod format;
mod marker;
mod restore;
mod scan;

pub(crate) use marker::check_condition;
pub use marker::{Condition, MOVED, RECOVERY, Recovery, Restored, condition, mark_moved};
pub use restore::{Placed, Purpose, Target, check_empty, restore};
pub use scan::Fault;

use crate::disk::{Disk, read};
use crate::engine::{KEY_FILE, KEYS_FOLDER};
use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::frame::PREFIX_BYTES;
use crate::proof::{parse_head, read_head};
use crate::seal::{KEY_BYTES, KEY_FILE_BYTES_MAX, KeyRing};
use audit::frame::Chain;
use audit::note::VerifyingKeys;
use domain::name::AgencyId;
use domain::time::Timestamp;
use format::{Footer, Header, Seal};
use scan::{Follower, Hooks, walk};
use std::io::Write;
use std::path::Path;

/// The format of archives that this release writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// The age from which an export is no proof any more that its source has stood still since, in days:
/// importing it ends in recovery, as restoring a backup does.
pub const IMPORT_DAYS_MAX: u32 = 2;
/// The most faults that are listed.
pub const FAULTS_MAX: usize = 100;

/// What an archive is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// A copy: the node may have gone on after it was made.
    #[n(1)]
    Backup,
    /// The source was fenced: nothing was written after it was made.
    #[n(2)]
    Export,
}

/// A store whose files are read, in use or not.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    /// Its files.
    pub disk: &'s dyn Disk,
    /// Whose it is.
    pub agency: &'s AgencyId,
    /// The key-encryption key.
    pub kek: &'s [u8; KEY_BYTES],
}

/// What was put into an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// How many frames.
    pub frames: u64,
    /// The bytes of these frames.
    pub bytes: u64,
    /// The chain value after the last of them.
    pub chain: Chain,
    /// The size of the log in the signed head that is in it.
    pub head: Option<u64>,
    /// The key file that belongs to it, wrapped. To be kept apart, and only its newest state.
    pub keys: Vec<u8>,
}

/// Holds a data folder, so that no node runs on it meanwhile.
pub struct Locked {
    _folder: Folder,
}

/// Takes the lock of a data folder; makes the folder if it is not there.
///
/// # Errors
/// [`Error::InUse`], [`Error::NewerFormat`], [`Error::Io`].
pub fn lock(path: &Path, disk: &dyn Disk) -> Result<Locked> {
    Folder::open(path, disk).map(|folder| Locked { _folder: folder })
}

/// Writes an archive of everything that is durable now. Takes no lock: a node may be running on it.
///
/// Every frame, every part and the newest signed head are verified on the way. `progress` is told how
/// many bytes were read, of how many.
///
/// # Errors
/// [`Error::Recovery`] for an export; [`Error::Corrupt`] names the place; [`Error::WrongKey`],
/// [`Error::KeyGone`]; [`Error::Rollback`] if the journal does not lead to the signed head;
/// [`Error::Busy`] if compaction retired keys meanwhile; [`Error::Full`] and [`Error::Io`], also of
/// `out`.
pub fn write(
    source: &Source<'_>,
    kind: Kind,
    made_at: Timestamp,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Written> {
    check_condition(source.disk)?;
    if kind == Kind::Export && matches!(condition(source.disk)?, Condition::Recovery(_)) {
        return Err(Error::Recovery);
    }
    // Before the frames: a head that was signed by then speaks of frames that were durable.
    let head = read_head(source.disk)?;
    let stated = head.as_deref().map(parse_head).transpose()?.map(|(_, head)| head);
    let keys_before = read_keys(source.disk)?;
    KeyRing::of_file(source.kek, &keys_before)?;
    let mut seal = Seal::start(source.kek);
    let mut follower = Follower::start(source.agency, stated.as_ref().map(|head| head.size));
    let (agency, chain_before) = (source.agency.clone(), follower.chain);
    let header = Header { agency, kind, made_at, first_seq: 0, chain_before, head }.to_bytes();
    seal.take(&header);
    out.write_all(&header).map_err(writing())?;
    let walked = walk(
        source.disk,
        &mut follower,
        &mut Hooks {
            frame: &mut |frame| {
                seal.take(frame.get(..PREFIX_BYTES).unwrap_or_default());
                out.write_all(frame).map_err(writing())
            },
            fault: &mut |fault| Err(fault.into()),
            progress,
        },
    )?;
    if let Some(head) = &stated
        && !follower.leads_to(head)
    {
        return Err(Error::Rollback { known: head.size, found: follower.seq });
    }
    // After the frames: a key is durable before anything is sealed under it.
    let keys = read_keys(source.disk)?;
    let ring = KeyRing::of_file(source.kek, &keys)?;
    if follower.keys.iter().any(|number| !ring.knows(*number)) {
        return Err(if keys == keys_before { Error::KeyGone } else { Error::Busy });
    }
    let (frames, chain) = (follower.seq, follower.chain);
    let size = stated.map(|head| head.size);
    let footer = Footer { frames, bytes: walked.bytes, chain }.to_bytes(&seal);
    out.write_all(&footer).and_then(|()| out.flush()).map_err(writing())?;
    Ok(Written { frames, bytes: walked.bytes, chain, head: size, keys })
}

fn writing() -> impl FnOnce(std::io::Error) -> Error {
    Error::io("write the archive")
}

/// The key file of a store.
fn read_keys(disk: &dyn Disk) -> Result<Vec<u8>> {
    let path = format!("{KEYS_FOLDER}/{KEY_FILE}");
    let keys = read(disk, &path, KEY_FILE_BYTES_MAX).map_err(Error::io("read the key file"))?;
    keys.ok_or(Error::KeyGone)
}

/// Do these bytes hold the data keys of a store, wrapped under this key?
///
/// # Errors
/// [`Error::Corrupt`], [`Error::WrongKey`].
pub fn check_keys(kek: &[u8; KEY_BYTES], keys: &[u8]) -> Result<()> {
    KeyRing::of_file(kek, keys).map(|_| ())
}

/// Are `after` a later state of the data keys `before`, or the same state?
///
/// # Errors
/// As [`check_keys`], for either.
pub fn keys_follow(kek: &[u8; KEY_BYTES], after: &[u8], before: &[u8]) -> Result<bool> {
    Ok(KeyRing::of_file(kek, after)?.follows(&KeyRing::of_file(kek, before)?))
}

/// What a verification without the lock found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Frames read.
    pub frames: u64,
    /// Items in them.
    pub items: u64,
    /// Parts that were erased; their commitments stay.
    pub parts_erased: u64,
    /// Bytes at the end that are a write under way, or one that was never acknowledged.
    pub incomplete: u64,
    /// The size of the log in the newest signed head.
    pub head: Option<u64>,
    /// How many places are wrong.
    pub faults: u64,
    /// The first of them, at most [`FAULTS_MAX`].
    pub first_faults: Vec<Fault>,
    /// What is wrong with the whole: the head, or the keys.
    pub beside: Vec<Error>,
}

/// Reads the whole journal and compares it with itself, its commitments, its key file and its signed
/// head. Takes no lock and changes nothing: a node may be running on it. Goes on after damage.
///
/// # Errors
/// [`Error::Io`], [`Error::Corrupt`] for a segment that is missing; what is wrong with the content is
/// in the answer.
pub fn verify(
    source: &Source<'_>,
    head_keys: &VerifyingKeys,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Checked> {
    let mut checked = Checked::default();
    let head = read_head(source.disk)?;
    let opened = head.as_deref().map(|bytes| audit::head::Head::open(bytes, head_keys));
    let stated = match opened {
        Some(Ok(head)) => Some(head),
        Some(Err(error)) => {
            checked.beside.push(Error::corrupt(crate::proof::HEAD_FILE, 0, error));
            None
        }
        None => None,
    };
    checked.head = stated.as_ref().map(|head| head.size);
    let mut follower = Follower::start(source.agency, checked.head);
    let (mut frames, mut faults, mut first_faults) = (0, 0, Vec::new());
    let walked = walk(
        source.disk,
        &mut follower,
        &mut Hooks {
            frame: &mut |_| {
                frames += 1;
                Ok(())
            },
            fault: &mut |fault| {
                faults += 1;
                if first_faults.len() < FAULTS_MAX {
                    first_faults.push(fault);
                }
                Ok(())
            },
            progress,
        },
    )?;
    if let Some(head) = &stated
        && faults == 0
        && !follower.leads_to(head)
    {
        checked.beside.push(Error::Rollback { known: head.size, found: follower.seq });
    }
    match read_keys(source.disk).and_then(|keys| KeyRing::of_file(source.kek, &keys)) {
        Ok(ring) if follower.keys.iter().all(|number| ring.knows(*number)) => {}
        Ok(_) => checked.beside.push(Error::KeyGone),
        // A folder without a frame has no keys yet either.
        Err(Error::KeyGone) if frames == 0 && faults == 0 => {}
        Err(error) => checked.beside.push(error),
    }
    Ok(Checked {
        frames,
        items: follower.items,
        parts_erased: follower.parts_erased,
        incomplete: walked.incomplete,
        faults,
        first_faults,
        ..checked
    })
}
