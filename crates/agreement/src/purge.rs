//! The end of sharing: orders to erase, signed receipts, and the board that shows who still holds
//! what. Honest limit: a receipt binds the holder by signature; it cannot prove that no copy exists.

use crate::Agreement;
use crate::declaration::{exact, not_valid};
use crate::listed::listed;
use crate::terms::PurgeException;
use domain::encoding::{self, Malformed};
use domain::envelope::Payload;
use domain::hold::HoldGround;
use domain::name::{AgencyId, Digest};
use domain::time::Timestamp;
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};

/// The most exceptions of one receipt.
pub const EXCEPTIONS_MAX: usize = 16;
/// The longest until an exception is looked at again, in days.
pub const REVIEW_DAYS_MAX: u32 = 366;

listed! {
    /// Why something must be erased.
    PurgeGround, "purge ground" {
        /// A party leaves, or is none in a later version.
        Withdrawal = 1 "WITHDRAWAL",
        /// The agreement ended, or a later version has nothing pass in that direction.
        Expiry = 2 "EXPIRY",
    }
}

/// The origin demands that a holder erase everything that came from it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PurgeOrder {
    /// Whose data.
    #[n(1)]
    pub origin: AgencyId,
    /// Who holds it.
    #[n(2)]
    pub holder: AgencyId,
    /// The hash of the first version of the agreement.
    #[n(3)]
    pub first: Digest,
    /// The hash of the version that it was shared under.
    #[n(4)]
    pub agreement: Digest,
    /// Why.
    #[n(5)]
    pub ground: PurgeGround,
    /// When.
    #[n(6)]
    pub issued_at: Timestamp,
    /// Until when: at most the purge days of the agreement later.
    #[n(7)]
    pub due: Timestamp,
}

impl PurgeOrder {
    /// The hash that receipts name.
    pub fn hash(&self) -> Digest {
        Digest::from_bytes(domain::digest::hash(&[&self.to_payload()]))
    }

    /// Does it demand what the agreement says: two parties, and neither less nor more time than agreed?
    pub fn fits(&self, first: Digest, agreement: &Agreement) -> bool {
        self.first == first
            && self.agreement == agreement.hash()
            && self.origin != self.holder
            && agreement.party(&self.origin).is_some()
            && agreement.party(&self.holder).is_some()
            && self.due == self.issued_at.plus_days(agreement.withdrawal.purge_days)
    }
}

impl Payload for PurgeOrder {
    const TYPE: &'static str = "application/vnd.malines.purge-order.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let order: Self = exact("purge order", bytes)?;
        if order.origin == order.holder || order.due < order.issued_at {
            return Err(not_valid("purge order", "to itself, or due before it was issued"));
        }
        Ok(order)
    }
}

/// What was erased, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct PurgeCounts {
    /// Records, sheets and tombstones aside.
    #[n(1)]
    pub records: u64,
    /// Entries of indexes. A node of this program has one for each record that could match.
    #[n(2)]
    pub index_rows: u64,
    /// Backups made unreadable by destroying their key. A node of this program knows of none: 0.
    #[n(3)]
    pub backups: u64,
}

/// Something that is kept, apart, and until when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct KeptApart {
    /// Why.
    #[n(1)]
    pub ground: HoldGround,
    /// The authority that holds it: a function, never a name.
    #[n(2)]
    pub authority: String,
    /// When it is looked at again.
    #[n(3)]
    pub review_on: Timestamp,
    /// How many records.
    #[n(4)]
    pub records: u64,
}

/// The holder says what it erased and what it keeps apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct PurgeReceipt {
    /// The hash of the order.
    #[n(1)]
    pub order: Digest,
    /// Who erased.
    #[n(2)]
    pub holder: AgencyId,
    /// 1 for the first receipt, then one more each time an exception ends: the highest counts.
    #[n(3)]
    pub sequence: u32,
    /// How much, in all.
    #[n(4)]
    pub counts: PurgeCounts,
    /// The root over the ids of what was erased, in the order in which they were erased.
    #[n(5)]
    pub removed_root: Digest,
    /// What is kept apart, ascending; at most [`EXCEPTIONS_MAX`].
    #[n(6)]
    pub exceptions: Vec<KeptApart>,
    /// When.
    #[n(7)]
    pub made_at: Timestamp,
}

impl Payload for PurgeReceipt {
    const TYPE: &'static str = "application/vnd.malines.purge-receipt.v1+cbor";

    fn to_payload(&self) -> Vec<u8> {
        encoding::to_bytes(self)
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, Malformed> {
        let receipt: Self = receipt_from(bytes)?;
        let not_valid = |why| not_valid("purge receipt", why);
        if receipt.sequence == 0 || receipt.exceptions.len() > EXCEPTIONS_MAX {
            return Err(not_valid("no sequence, or too many exceptions"));
        }
        if !receipt.exceptions.is_sorted_by(|a, b| a < b) {
            return Err(not_valid("exceptions repeated or not in ascending order"));
        }
        let latest = receipt.made_at.plus_days(REVIEW_DAYS_MAX);
        for kept in &receipt.exceptions {
            if !crate::fit::is_text(&kept.authority, crate::terms::WORD_BYTES_MAX) {
                return Err(not_valid("an exception without the authority that holds it"));
            }
            if kept.review_on <= receipt.made_at || kept.review_on > latest {
                return Err(not_valid("an exception without a review within a year"));
            }
        }
        Ok(receipt)
    }
}

/// A receipt with its exceptions may be larger than a declaration.
fn receipt_from(bytes: &[u8]) -> Result<PurgeReceipt, Malformed> {
    let receipt: PurgeReceipt = encoding::from_bytes("purge receipt", bytes, 8 * 1024)?;
    if encoding::to_bytes(&receipt) == bytes {
        Ok(receipt)
    } else {
        Err(not_valid("purge receipt", "a field that this release does not know"))
    }
}

/// Where one order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holding {
    /// Erased, all of it.
    Erased,
    /// Erased but for what is kept apart, every review still to come.
    ErasedExcept,
    /// Held; not due yet.
    Held,
    /// A review is due: what is kept apart was not looked at again.
    ReviewDue,
    /// The holder signed two different receipts for one sequence, or keeps what may not be kept.
    Contradicted,
    /// Past its day without a receipt.
    Overdue,
}

impl Holding {
    /// The word on the board.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "ERASED",
            Self::ErasedExcept => "ERASED_EXCEPT",
            Self::Held => "HELD",
            Self::ReviewDue => "REVIEW_DUE",
            Self::Contradicted => "CONTRADICTED",
            Self::Overdue => "OVERDUE",
        }
    }

    /// Is there nothing more to wait for, but reviews to come?
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Erased | Self::ErasedExcept)
    }
}

impl core::fmt::Display for Holding {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One line of the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardRow {
    /// The order.
    pub order: PurgeOrder,
    /// Where it stands.
    pub holding: Holding,
    /// The receipt that counts.
    pub receipt: Option<PurgeReceipt>,
}

/// Held by, erased by, overdue: a pure function of orders, receipts and now. Hand it only messages
/// whose signatures were verified with the keys of origin and holder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Board {
    rows: Vec<BoardRow>,
}

impl Board {
    /// Reads orders and receipts under one version, in whatever order and however often they came.
    pub fn of(
        kept: PurgeException,
        orders: impl IntoIterator<Item = PurgeOrder>,
        receipts: impl IntoIterator<Item = PurgeReceipt>,
        now: Timestamp,
    ) -> Self {
        Self::read(orders.into_iter().map(|order| (order, kept)), receipts, now)
    }

    /// The same, each order with what its own version lets the holder keep.
    pub(crate) fn read(
        orders: impl IntoIterator<Item = (PurgeOrder, PurgeException)>,
        receipts: impl IntoIterator<Item = PurgeReceipt>,
        now: Timestamp,
    ) -> Self {
        let orders: BTreeMap<Digest, (PurgeOrder, PurgeException)> =
            orders.into_iter().map(|(order, kept)| (order.hash(), (order, kept))).collect();
        let mut of_order: BTreeMap<Digest, BTreeMap<u32, BTreeSet<PurgeReceipt>>> = BTreeMap::new();
        for receipt in receipts {
            let known = orders.get(&receipt.order);
            if known.is_some_and(|(order, _)| order.holder == receipt.holder) {
                let sequences = of_order.entry(receipt.order).or_default();
                sequences.entry(receipt.sequence).or_default().insert(receipt);
            }
        }
        let mut rows: Vec<BoardRow> = orders
            .into_iter()
            .map(|(hash, (order, kept))| {
                let (holding, receipt) = judge(kept, &order, of_order.get(&hash), now);
                BoardRow { order, holding, receipt }
            })
            .collect();
        rows.sort_by(|a, b| {
            let key = |row: &BoardRow| {
                let order = &row.order;
                (order.origin.clone(), order.holder.clone(), order.issued_at, order.hash())
            };
            key(a).cmp(&key(b))
        });
        Self { rows }
    }

    /// Every order, by origin, holder and date.
    pub fn rows(&self) -> &[BoardRow] {
        &self.rows
    }

    /// Who holds something that should be gone: late, contradicted, or past a review.
    pub fn overdue(&self) -> impl Iterator<Item = &BoardRow> {
        self.rows.iter().filter(|row| {
            matches!(row.holding, Holding::Overdue | Holding::Contradicted | Holding::ReviewDue)
        })
    }

    /// Where the data of one party at another stands: the worst of the orders made since.
    pub fn between(
        &self,
        origin: &AgencyId,
        holder: &AgencyId,
        since: Timestamp,
    ) -> Option<Holding> {
        let of_pair = self.rows.iter().filter(|row| {
            row.order.origin == *origin
                && row.order.holder == *holder
                && row.order.issued_at >= since
        });
        of_pair.map(|row| row.holding).max()
    }
}

fn judge(
    kept: PurgeException,
    order: &PurgeOrder,
    receipts: Option<&BTreeMap<u32, BTreeSet<PurgeReceipt>>>,
    now: Timestamp,
) -> (Holding, Option<PurgeReceipt>) {
    let newest = receipts.and_then(BTreeMap::last_key_value).map(|(_, newest)| newest);
    let Some(receipt) = newest.and_then(BTreeSet::first) else {
        let holding = if now > order.due { Holding::Overdue } else { Holding::Held };
        return (holding, None);
    };
    let twice = receipts.is_some_and(|all| all.values().any(|same| same.len() > 1));
    let forbidden = receipt.exceptions.iter().any(|one| {
        one.ground == HoldGround::EvidenceInProceedings && kept == PurgeException::Nothing
    });
    let holding = if twice || forbidden {
        Holding::Contradicted
    } else if receipt.exceptions.is_empty() {
        Holding::Erased
    } else if receipt.exceptions.iter().any(|one| one.review_on <= now) {
        Holding::ReviewDue
    } else {
        Holding::ErasedExcept
    };
    (holding, Some(receipt.clone()))
}
