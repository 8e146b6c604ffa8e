//! From an archive to a data folder: everything is verified before anything gets its name.

use super::format::{FOOTER_MAGIC, Footer, Header, MAGIC_BYTES, Seal, broken, take};
use super::marker::{
    Condition, MOVED, RECOVERY, RESTORING, Recovery, Restored, mark, mark_recovery, unmark,
};
use super::scan::Follower;
use super::{IMPORT_DAYS_MAX, Kind};
use crate::disk::Disk;
use crate::engine::{KEY_FILE, KEYS_FOLDER};
use crate::error::{Error, Result};
use crate::frame::{PREFIX_BYTES, Prefix, SegmentHeader};
use crate::journal::{FOLDER, SEGMENT_BYTES, segment_name};
use crate::proof::HEAD_FILE;
use crate::seal::{KEY_BYTES, KeyRing};
use crate::segment::FOOTER;
use audit::frame::Chain;
use audit::head::Head;
use audit::note::VerifyingKeys;
use domain::name::AgencyId;
use domain::time::Timestamp;
use std::io::Read;

/// What may be in a data folder that counts as empty.
const NOT_COUNTED: [&str; 4] = ["LOCK", "FORMAT", FOLDER, KEYS_FOLDER];
/// How many bytes are collected before they are written.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Where an archive is put.
#[derive(Clone, Copy)]
pub struct Target<'t> {
    /// The files of a store, none yet.
    pub disk: &'t dyn Disk,
    /// Whose node it is.
    pub agency: &'t AgencyId,
    /// The key-encryption key.
    pub kek: &'t [u8; KEY_BYTES],
    /// The keys of this agency's audit log.
    pub head_keys: &'t VerifyingKeys,
}

/// What an archive is put there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// After a loss. What happened since the backup is not known, so it ends in recovery.
    Restore,
    /// A move: the archive must be an export of a source that was fenced.
    Import,
}

/// What was put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// When the archive was made.
    pub made_at: Timestamp,
    /// How many frames.
    pub frames: u64,
    /// The chain value after the last of them.
    pub chain: Chain,
    /// The size of the log in its signed head.
    pub head: Option<u64>,
    /// What the folder may be used for now.
    pub condition: Condition,
}

/// Puts an archive and its key file into an empty folder.
///
/// Chain, bodies, commitments, keys, the seal and the signature of the head are verified first; only
/// then do the files get their names. A folder in recovery says so durably before it has a journal.
/// `progress` is told how many bytes of frames were read.
///
/// # Errors
/// [`Error::NotEmpty`]; [`Error::Archive`], [`Error::Corrupt`], [`Error::NewerFormat`] of the archive;
/// [`Error::WrongKey`], [`Error::KeyGone`] of the key file; [`Error::Rollback`] for an archive that
/// does not lead to its own head; [`Error::Audit`] for the log of another agency, or a head that
/// nobody signed; [`Error::Full`], [`Error::Io`]. Nothing is left in place then.
pub fn restore(
    target: &Target<'_>,
    purpose: Purpose,
    archive: &mut dyn Read,
    keys: &[u8],
    now: Timestamp,
    progress: &mut dyn FnMut(u64),
) -> Result<Placed> {
    check_empty(target.disk)?;
    let ring = KeyRing::of_file(target.kek, keys)?;
    mark(target.disk, RESTORING, b"")?;
    let mut segments = Segments { disk: target.disk, number: 0, length: 0, waiting: Vec::new() };
    let placed = read_archive(target, purpose, archive, &ring, &mut segments, now, progress)
        .and_then(|(placed, head)| {
            put_in_place(target.disk, &segments, keys, head, &placed)?;
            Ok(placed)
        });
    match placed {
        Ok(placed) => unmark(target.disk, RESTORING).map(|()| placed),
        Err(error) => {
            // What cannot be removed keeps its marker, and nobody opens the folder.
            drop(clear(target.disk, segments.number));
            Err(error)
        }
    }
}

/// Refuses a folder in which there is something already.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::HalfRestored`], [`Error::Io`].
pub fn check_empty(disk: &dyn Disk) -> Result<()> {
    for folder in ["", FOLDER, KEYS_FOLDER] {
        let names = disk.list(folder).map_err(Error::io("list the data folder"))?;
        let first = names
            .into_iter()
            .filter(|name| !(folder.is_empty() && NOT_COUNTED.contains(&name.as_str())));
        match first.min() {
            Some(name) if name == RESTORING => return Err(Error::HalfRestored),
            Some(name) => return Err(Error::NotEmpty(name)),
            None => {}
        }
    }
    // A disk in memory lists no names of its root.
    for name in [HEAD_FILE, RECOVERY, MOVED, RESTORING] {
        if disk.length(name).is_ok() {
            return Err(Error::NotEmpty(name.to_owned()));
        }
    }
    Ok(())
}

/// Verifies the archive from end to end and writes its segments, without their names. Second: the
/// signed head.
fn read_archive(
    target: &Target<'_>,
    purpose: Purpose,
    archive: &mut dyn Read,
    ring: &KeyRing,
    segments: &mut Segments<'_>,
    now: Timestamp,
    progress: &mut dyn FnMut(u64),
) -> Result<(Placed, Option<Vec<u8>>)> {
    let (header, header_bytes) = Header::read(archive)?;
    if header.agency != *target.agency {
        let (expected, found) = (target.agency.to_string(), header.agency.to_string());
        return Err(Error::Audit(audit::Error::OtherLog { expected, found }));
    }
    if purpose == Purpose::Import && header.kind != Kind::Export {
        return Err(broken("it is a backup, and only an export can be imported; restore it"));
    }
    let head = header.head.as_deref().map(|head| Head::open(head, target.head_keys)).transpose()?;
    let head_size = head.as_ref().map(|head| head.size);
    let mut follower = Follower::start(target.agency, head_size);
    if (header.first_seq, header.chain_before) != (0, follower.chain) {
        return Err(broken("it does not begin with the first frame"));
    }
    let mut seal = Seal::start(target.kek);
    seal.take(&header_bytes);
    let mut bytes = 0_u64;
    let footer = loop {
        let magic = take(archive, MAGIC_BYTES)?;
        if magic == FOOTER_MAGIC {
            break Footer::read(archive, &seal)?;
        }
        let (seq, before) = (follower.seq, follower.chain);
        let at = |why: String| broken(format!("frame {seq}: {why}"));
        let frame = read_frame(archive, magic).map_err(|error| match error {
            Error::Archive(why) => at(why),
            error => error,
        })?;
        follower.follow(&frame.prefix, &frame.body).map_err(at)?;
        seal.take(&frame.prefix.to_bytes());
        segments.append(&frame, follower.shrunk, seq, before)?;
        bytes = bytes.saturating_add(frame.length());
        progress(bytes);
    };
    if (footer.frames, footer.bytes, footer.chain) != (follower.seq, bytes, follower.chain) {
        return Err(broken("its footer does not fit its frames"));
    }
    if follower.keys.iter().any(|number| !ring.knows(*number)) {
        return Err(Error::KeyGone);
    }
    if let Some(head) = &head
        && !follower.leads_to(head)
    {
        return Err(Error::Rollback { known: head.size, found: follower.seq });
    }
    segments.finish()?;
    let is_fresh = now < header.made_at.plus_days(IMPORT_DAYS_MAX);
    let restored = Restored { at: now, frames: follower.seq, chain: follower.chain };
    let condition = match purpose {
        Purpose::Import if is_fresh => Condition::Ordinary,
        _ => Condition::Recovery(Recovery { restored: Some(restored) }),
    };
    let (frames, chain, made_at) = (follower.seq, follower.chain, header.made_at);
    Ok((Placed { made_at, frames, chain, head: head_size, condition }, header.head))
}

/// A frame of an archive.
struct FrameRead {
    prefix: Prefix,
    body: Vec<u8>,
}

impl FrameRead {
    fn length(&self) -> u64 {
        (PREFIX_BYTES + self.body.len() + 1) as u64
    }
}

/// Reads what stands after the magic of a frame, or whatever stands in its place.
fn read_frame(archive: &mut dyn Read, magic: Vec<u8>) -> Result<FrameRead> {
    let mut prefix = magic;
    prefix.extend_from_slice(&take(archive, PREFIX_BYTES - MAGIC_BYTES)?);
    let prefix = Prefix::from_bytes(&prefix).map_err(broken)?;
    let body = take(archive, prefix.body_bytes as usize)?;
    if !prefix.fits(&body) || take(archive, 1)? != [FOOTER] {
        return Err(broken("it was changed"));
    }
    Ok(FrameRead { prefix, body })
}

/// Writes segments under names that nobody opens.
struct Segments<'d> {
    disk: &'d dyn Disk,
    /// How many were begun.
    number: u32,
    /// The length of the last one, as if nothing in it had been erased: places are counted so.
    length: u64,
    /// What of it was not written yet.
    waiting: Vec<u8>,
}

impl Segments<'_> {
    fn append(
        &mut self,
        frame: &FrameRead,
        shrunk: u64,
        seq: u64,
        chain_before: Chain,
    ) -> Result<()> {
        let length = frame.length().saturating_add(shrunk);
        if self.number == 0 || self.length.saturating_add(length) > SEGMENT_BYTES {
            self.finish()?;
            self.begin(seq, chain_before)?;
        }
        self.waiting.extend_from_slice(&frame.prefix.to_bytes());
        self.waiting.extend_from_slice(&frame.body);
        self.waiting.push(FOOTER);
        self.length = self.length.saturating_add(length);
        if self.waiting.len() >= CHUNK_BYTES { self.write() } else { Ok(()) }
    }

    fn begin(&mut self, first_seq: u64, chain_before: Chain) -> Result<()> {
        self.number += 1;
        if self.number == 1 {
            self.disk.create_folder(FOLDER).map_err(placing())?;
        }
        self.disk.create(&fresh_path(self.number)).map_err(placing())?;
        let header = SegmentHeader { number: self.number, first_seq, chain_before }.to_bytes();
        self.length = header.len() as u64;
        self.waiting = header;
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let path = fresh_path(self.number);
        self.disk.append(&path, &self.waiting).map_err(placing())?;
        self.waiting.clear();
        Ok(())
    }

    /// Makes the last one durable.
    fn finish(&mut self) -> Result<()> {
        if self.number == 0 {
            return Ok(());
        }
        self.write()?;
        self.disk.sync(&fresh_path(self.number)).map_err(placing())
    }
}

/// Gives everything its name. What says that the folder is in recovery is durable first.
fn put_in_place(
    disk: &dyn Disk,
    segments: &Segments<'_>,
    keys: &[u8],
    head: Option<Vec<u8>>,
    placed: &Placed,
) -> Result<()> {
    if let Condition::Recovery(Recovery { restored: Some(restored) }) = &placed.condition {
        mark_recovery(disk, *restored)?;
    }
    disk.create_folder(KEYS_FOLDER).map_err(placing())?;
    crate::disk::replace(disk, KEYS_FOLDER, KEY_FILE, keys).map_err(placing())?;
    if let Some(head) = head {
        crate::disk::replace(disk, "", HEAD_FILE, &head).map_err(placing())?;
    }
    for number in 1..=segments.number {
        let path = format!("{FOLDER}/{}", segment_name(number));
        disk.rename(&fresh_path(number), &path).map_err(placing())?;
    }
    disk.create_folder(FOLDER).and_then(|()| disk.sync_folder(FOLDER)).map_err(placing())
}

/// Takes away what a restore that failed has written.
fn clear(disk: &dyn Disk, segments: u32) -> Result<()> {
    let names = (1..=segments)
        .flat_map(|number| [fresh_path(number), format!("{FOLDER}/{}", segment_name(number))]);
    let beside = [format!("{KEYS_FOLDER}/{KEY_FILE}"), HEAD_FILE.to_owned(), RECOVERY.to_owned()];
    for path in names.chain(beside) {
        match disk.remove(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove what was restored in part")(error));
            }
            _ => {}
        }
    }
    unmark(disk, RESTORING)
}

fn fresh_path(number: u32) -> String {
    format!("{FOLDER}/{}.new", segment_name(number))
}

fn placing() -> impl FnOnce(std::io::Error) -> Error {
    Error::io("write what is restored")
}
