//! The tables: small rows by key, for everything that is not a record.

use crate::error::{Error, Result};
use domain::name::RecordId;

/// The longest key of a row, in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// The largest value of a row, in bytes.
pub const VALUE_BYTES_MAX: usize = 512 * 1024;
/// The most rows one scan answers.
pub const SCAN_ROWS_MAX: usize = 4096;

macro_rules! tables {
    ($( $(#[$meta:meta])* $name:ident = $byte:literal $word:literal, )+) => {
        /// A table. Its byte is the first byte of every key on disk and never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Table {
            $( $(#[$meta])* $name = $byte, )+
        }

        impl Table {
            /// Every table.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )+ ];

            /// The byte before every key.
            pub const fn byte(self) -> u8 {
                self as u8
            }

            /// Its name in messages.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
                match byte { $( $byte => Some(Self::$name), )+ _ => None }
            }
        }
    };
}

tables! {
    /// What the node remembers about itself: epoch, incarnation, settings.
    NodeState = 16 "node state",
    /// Agreements, by id.
    Agreement = 17 "agreements",
    /// Signatures and other events of agreements.
    AgreementEvent = 18 "agreement events",
    /// Manifests of partners.
    Peer = 19 "peers",
    /// Token keys, ours and partners'. Always [`crate::Secrecy::Sealed`].
    TokenKey = 20 "token keys",
    /// Cases of our own officers. Always [`crate::Secrecy::Sealed`].
    Case = 21 "cases",
    /// Which classes a partner may see, with the sequence of its grants.
    GrantSet = 22 "grant sets",
    /// Class handles, by partner, class and epoch.
    ClassHandle = 23 "class handles",
    /// How far we pulled from a partner.
    Cursor = 24 "cursors",
    /// Records of a partner that were refused: id, origin and reason, never content.
    RefusedRecord = 25 "refused records",
    /// Signed tombstones to send back to their origin (sync rule R8).
    TombBack = 26 "tombstones to send back",
    /// What an asker has used of its quota.
    Quota = 27 "quotas",
    /// Questions we asked, by case.
    Question = 28 "questions",
    /// Matches we were told.
    Hit = 29 "hits",
    /// Policies that were activated.
    Policy = 30 "policies",
    /// The last audit head seen of each partner.
    PeerHead = 31 "heads of peers",
    /// What binds a record to its siblings under other agreements. Always sealed.
    Sibling = 32 "siblings",
    /// Token sheets made for partners.
    Sheet = 33 "token sheets",
    /// What a later release adds before it has a table of its own.
    Extension = 34 "extensions",
    /// Records that their origin withdrew before they ever came here, by origin and id.
    UnseenTombstone = 35 "tombstones of records never seen",
    /// Legal holds, by record id and hold id (16 bytes each): the record must not be erased while
    /// one lasts. Always [`crate::Secrecy::Sealed`].
    Hold = 36 "legal holds",
    /// Own versions that a correction superseded, by record id and version. Always
    /// [`crate::Secrecy::Sealed`].
    Superseded = 37 "superseded versions",
    /// How far each class that a partner is granted was sent to it, by partner, agreement and handle.
    Sent = 38 "how far classes were sent",
    /// Who has not answered, and whom we have not answered: see [`domain::duty`].
    Duty = 39 "duties",
    /// What we changed on a partner's word and have not told it yet, by partner, agreement and record.
    Acknowledgement = 40 "acknowledgements to deliver",
    /// Disputes, ours and partners', and answers to deliver. Always [`crate::Secrecy::Sealed`].
    Dispute = 41 "disputes",
    /// What people approved of one record for one partner: ours, partners', and what was asked for.
    /// Always [`crate::Secrecy::Sealed`].
    Approval = 42 "approvals",
}

/// Keys that no table of the trait can reach.
pub(crate) const WATERMARK: u8 = 0;
/// The pointers of records.
pub(crate) const RECORD: u8 = 1;
/// The pointers of tombstones.
pub(crate) const TOMBSTONE: u8 = 2;

/// The key on disk.
pub(crate) fn full_key(prefix: u8, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(prefix);
    full.extend_from_slice(key);
    full
}

/// The record that a row of [`Table::Hold`] holds, and the hold's own id, from its key.
pub(crate) fn held_by(key: &[u8]) -> Option<(RecordId, [u8; 16])> {
    let (record_id, hold) = key.split_first_chunk::<16>()?;
    Some((RecordId::from_bytes(*record_id), hold.try_into().ok()?))
}

/// The key on disk of the pointer of a record or a tombstone: the number of its row in memory. Rows
/// are numbered in the order of the journal, so a new record's key is the last one, and what a write
/// costs does not grow with the records that are there (random ids would touch a page each).
pub(crate) fn row_key(prefix: u8, number: u32) -> Vec<u8> {
    full_key(prefix, &number.to_be_bytes())
}

pub(crate) fn check_key(key: &[u8]) -> Result<()> {
    if key.len() > KEY_BYTES_MAX {
        let (given, max) = (key.len() as u64, KEY_BYTES_MAX as u64);
        return Err(Error::too_large("a key in bytes", given, max));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_own_byte_away_from_the_reserved_ones() {
        for (index, table) in Table::ALL.iter().enumerate() {
            assert_eq!(Table::from_byte(table.byte()), Some(*table));
            assert_eq!(usize::from(table.byte()), index + 16);
        }
        assert_eq!(Table::from_byte(RECORD), None);
        assert_eq!(Table::from_byte(WATERMARK), None);
    }
}
