//! What a data folder says of itself beside its content: being restored, in recovery, or moved away.

use crate::disk::{Disk, read, replace};
use crate::error::{Error, Result};
use audit::frame::Chain;
use audit::tree::Hash;
use domain::hexadecimal;
use domain::time::Timestamp;
use std::io;

/// There while a restore or an import is under way.
pub(crate) const RESTORING: &str = "RESTORING";
/// There from a restore on until two officers have signed a restore statement.
pub const RECOVERY: &str = "RECOVERY";
/// There once the store was exported to be run elsewhere.
pub const MOVED: &str = "MOVED";

const MARKER_BYTES_MAX: u64 = 4096;

/// What a data folder may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Everything.
    Ordinary,
    /// It was restored: its own officers may read, nobody else is answered.
    Recovery(Recovery),
    /// It was exported; it must not run again.
    Moved,
    /// A restore into it did not come to its end.
    HalfRestored,
}

/// What the marker of a restore says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How far the restored log goes; `None` if the marker cannot be read. It counts all the same.
    pub restored: Option<Restored>,
}

/// The log that was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// When.
    pub at: Timestamp,
    /// How many frames it has.
    pub frames: u64,
    /// The chain value after the last of them.
    pub chain: Chain,
}

impl core::fmt::Display for Recovery {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.restored {
            Some(Restored { at, frames, .. }) => {
                write!(f, "restored at {at} from a backup that ends at frame {frames}")
            }
            None => write!(f, "restored from a backup; the marker cannot be read"),
        }
    }
}

impl Restored {
    fn to_text(self) -> String {
        let chain = hexadecimal::encode(self.chain.as_hash().as_bytes());
        format!("malines recovery 1\n{}\n{}\n{chain}\n", self.at.as_millis(), self.frames)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != "malines recovery 1" {
            return None;
        }
        let at = Timestamp::from_millis(lines.next()?.parse().ok()?);
        let frames = lines.next()?.parse().ok()?;
        let mut chain = [0; 32];
        hexadecimal::decode(lines.next()?.as_bytes(), &mut chain)?;
        let chain = Chain::from_hash(Hash::from_bytes(chain));
        lines.next().is_none().then_some(Self { at, frames, chain })
    }
}

/// What the folder may be used for. A marker that cannot be read counts as what it marks.
///
/// # Errors
/// [`Error::Io`].
pub fn condition(disk: &dyn Disk) -> Result<Condition> {
    if is_there(disk, RESTORING)? {
        return Ok(Condition::HalfRestored);
    }
    if is_there(disk, MOVED)? {
        return Ok(Condition::Moved);
    }
    if !is_there(disk, RECOVERY)? {
        return Ok(Condition::Ordinary);
    }
    let bytes = read(disk, RECOVERY, MARKER_BYTES_MAX).ok().flatten().unwrap_or_default();
    let restored = core::str::from_utf8(&bytes).ok().and_then(Restored::parse);
    Ok(Condition::Recovery(Recovery { restored }))
}

/// Refuses a folder that nobody may open.
pub(crate) fn check_condition(disk: &dyn Disk) -> Result<()> {
    match condition(disk)? {
        Condition::Moved => Err(Error::Moved),
        Condition::HalfRestored => Err(Error::HalfRestored),
        Condition::Ordinary | Condition::Recovery(_) => Ok(()),
    }
}

/// Fences a folder whose content goes elsewhere, durably.
///
/// # Errors
/// [`Error::Io`], [`Error::Full`].
pub fn mark_moved(disk: &dyn Disk, at: Timestamp) -> Result<()> {
    let text = format!(
        "malines moved 1\n{}\nThis store was exported. A second node with its identity must never \
         run.\nRemove this file only if the export was imported nowhere and never will be.\n",
        at.as_millis()
    );
    mark(disk, MOVED, text.as_bytes())
}

pub(crate) fn mark_recovery(disk: &dyn Disk, restored: Restored) -> Result<()> {
    mark(disk, RECOVERY, restored.to_text().as_bytes())
}

pub(crate) fn mark(disk: &dyn Disk, name: &str, bytes: &[u8]) -> Result<()> {
    replace(disk, "", name, bytes).map_err(Error::io("write a marker"))
}

pub(crate) fn unmark(disk: &dyn Disk, name: &str) -> Result<()> {
    disk.remove(name).and_then(|()| disk.sync_folder("")).map_err(Error::io("remove a marker"))
}

fn is_there(disk: &dyn Disk, name: &str) -> Result<bool> {
    match disk.length(name) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look for a marker")(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    #[test]
    fn a_marker_counts_whatever_stands_in_it() {
        let disk = MemoryDisk::new();
        assert_eq!(condition(&disk).unwrap(), Condition::Ordinary);
        let chain = Chain::from_hash(Hash::from_bytes([7; 32]));
        let restored = Restored { at: Timestamp::from_millis(5), frames: 9, chain };
        mark_recovery(&disk, restored).unwrap();
        let recovery = Recovery { restored: Some(restored) };
        assert_eq!(condition(&disk).unwrap(), Condition::Recovery(recovery));
        check_condition(&disk).unwrap();
        for nonsense in
            [&b""[..], b"malines recovery 1\n", b"\xff", b"malines recovery 2\n1\n2\n3\n"]
        {
            mark(&disk, RECOVERY, nonsense).unwrap();
            let recovery = Recovery { restored: None };
            assert_eq!(condition(&disk).unwrap(), Condition::Recovery(recovery));
        }
        mark_moved(&disk, Timestamp::from_millis(5)).unwrap();
        assert_eq!(check_condition(&disk), Err(Error::Moved));
        mark(&disk, RESTORING, b"").unwrap();
        assert_eq!(check_condition(&disk), Err(Error::HalfRestored));
        unmark(&disk, RESTORING).unwrap();
        assert_eq!(check_condition(&disk), Err(Error::Moved));
    }
}
