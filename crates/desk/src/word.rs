//! What the node says for its agency by itself, with the operator's key that the authority
//! certified: every day that nothing was said, and what was erased when an agreement ended.
//!
//! Both can only be said of ourselves, and neither binds to anything new. Without a certified key a
//! person says it with `malines agreement`; if nobody does, partners stop, which is right.

use crate::error::DeskError;
use crate::{Desk, put};
use agreement::officer::Power;
use agreement::purge::{
    BoardRow, EXCEPTIONS_MAX, Holding, KeptApart, PurgeCounts, PurgeOrder, PurgeReceipt,
    REVIEW_DAYS_MAX,
};
use agreement::terms::WORD_BYTES_MAX;
use agreement::{Docket, Paper};
use domain::encoding;
use domain::envelope::Signed;
use domain::event::{Act, EVENT_RECORDS_MAX, Event};
use domain::hold::{HOLDS_MAX, Hold, HoldGround};
use domain::name::{AgencyId, AgreementId, Digest, RecordId};
use domain::signature::Signer;
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use store::{Batch, Change, Secrecy, Table};

/// How old our last word may be before it is given again, in milliseconds: a day, of the seven after
/// which partners stop.
pub const WORD_AGE_MAX_MS: u64 = Timestamp::DAY_MS;
/// How old a receipt has to be before a change that leaves something kept apart is told in a further
/// one, in milliseconds: a docket has room for so many receipts, and holds are lifted one by one.
const RECEIPT_AGE_MIN_MS: u64 = 60 * 60 * 1000;

impl Desk {
    /// States our heads where they are a day old, and erases and confirms what we were ordered to.
    /// Answers how many papers were made.
    ///
    /// # Errors
    /// A failing store.
    pub async fn keep_word(&self) -> Result<usize, DeskError> {
        let mut made = 0;
        for docket in self.dockets() {
            self.forget_ended(&docket).await?;
            let Some(operator) = &self.keys.operator else { continue };
            made += self.give_word(&docket, &**operator).await?;
            for row in self.orders_to_us(&docket) {
                made += self.obey(&docket, &row, &**operator).await?;
            }
        }
        Ok(made)
    }

    async fn give_word(&self, docket: &Docket, operator: &dyn Signer) -> Result<usize, DeskError> {
        let (now, register) = (self.now(), docket.register());
        let said = register.last_word(&self.own);
        let is_fresh = said.is_none_or(|at| now < at.plus_ms(WORD_AGE_MAX_MS));
        let may = register.may(&self.own, operator.key_id(), Power::StateHead, now).is_ok();
        // Who never said anything has nothing to say again.
        if is_fresh || !may {
            return Ok(0);
        }
        match Docket::clone(docket).state_head(&self.own, now, operator) {
            Ok(paper) => self.file_own(paper).await,
            Err(error) => {
                tracing::warn!(agreement = %register.id(), %error, "our head cannot be stated");
                Ok(0)
            }
        }
    }

    async fn file_own(&self, paper: Paper) -> Result<usize, DeskError> {
        let filed = self.file_papers(vec![paper]).await?;
        Ok(usize::try_from(filed.taken).unwrap_or(usize::MAX))
    }

    /// Orders to us without a receipt of ours, and those of which something is kept apart.
    fn orders_to_us(&self, docket: &Docket) -> Vec<BoardRow> {
        let board = docket.register().board(self.now());
        let is_open = |row: &&BoardRow| match &row.receipt {
            None => matches!(row.holding, Holding::Held | Holding::Overdue),
            Some(receipt) => !receipt.exceptions.is_empty(),
        };
        let to_us = board.rows().iter().filter(|row| row.order.holder == self.own);
        to_us.filter(is_open).cloned().collect()
    }

    /// Erases what an order names, and confirms it. What a hold keeps is set apart and told as an
    /// exception; when that changes, it is told in a further receipt.
    async fn obey(
        &self,
        docket: &Docket,
        row: &BoardRow,
        operator: &dyn Signer,
    ) -> Result<usize, DeskError> {
        let (now, id) = (self.now(), docket.register().id().clone());
        let order = &row.order;
        let erased = match &row.receipt {
            None => self.erase_all(&order.origin, &id, Some(order.hash())).await?,
            Some(_) => match self.erase_free(order, &id).await? {
                Some(erased) => erased,
                // A person signed that receipt for what this node never erased.
                None => return Ok(0),
            },
        };
        let Erased { so_far, newly, held } = erased;
        if newly > 0 {
            tracing::info!(origin = %order.origin, agreement = %id, newly, "erased on order");
        }
        let is_told =
            row.receipt.as_ref().is_some_and(|told| !is_told_again(row, told, &held, now));
        let register = docket.register();
        if is_told || register.may(&self.own, operator.key_id(), Power::ConfirmPurge, now).is_err()
        {
            return Ok(0);
        }
        let before = row.receipt.as_ref().map_or(0, |receipt| receipt.sequence);
        // One entry of the index goes with each record; of backups a node knows nothing.
        let receipt = PurgeReceipt {
            order: order.hash(),
            holder: self.own.clone(),
            sequence: before.saturating_add(1),
            counts: PurgeCounts { records: so_far.count, index_rows: so_far.count, backups: 0 },
            removed_root: so_far.root,
            exceptions: exceptions(held, now),
            made_at: now,
        };
        self.file_own(Signed::seal(receipt, operator).into_parts().1.into()).await
    }

    /// Without an order too, nothing is kept longer than was agreed after an end.
    async fn forget_ended(&self, docket: &Docket) -> Result<(), DeskError> {
        let (now, id) = (self.now(), docket.register().id());
        let state = docket.state(now);
        let agreement = docket.version(&state);
        let days = agreement.withdrawal.purge_days;
        let is_due = |since: Timestamp| now > since.plus_days(days);
        let all_over = is_due(agreement.valid_to)
            || state.leaving.get(&self.own).is_some_and(|leaving| is_due(leaving.since));
        let left = |party: &AgencyId| {
            let ended = state.ended(party, &self.own);
            state.leaving.get(party).is_some_and(|leaving| is_due(leaving.since))
                || ended.is_some_and(|end| now > end.since.plus_days(end.purge_days))
        };
        let parties = docket.register().agreements().flat_map(|version| &version.parties);
        let parties: BTreeSet<&AgencyId> = parties.map(|party| &party.agency).collect();
        for origin in parties.into_iter().filter(|origin| **origin != self.own) {
            let holds_some = || {
                let classes = self.store.classes(origin, id);
                classes.iter().any(|class| class.records > 0)
            };
            if !all_over && !left(origin) {
                continue;
            }
            if holds_some() {
                let newly = self.erase_all(origin, id, None).await?.newly;
                tracing::warn!(%origin, agreement = %id, newly, "erased at the end, not ordered");
            }
            // Where only live answers came, there is no class.
            self.forget_answers(origin, id).await?;
        }
        Ok(())
    }

    /// Erases everything of a partner under an agreement; what a hold keeps is set apart. What an
    /// order erased is written in the same batch, so that its receipt is true after a crash too.
    async fn erase_all(
        &self,
        origin: &AgencyId,
        id: &AgreementId,
        order: Option<Digest>,
    ) -> Result<Erased, DeskError> {
        let held = self.held_from(origin, id)?;
        let all = self.records_from(origin, id);
        let under_hold: BTreeSet<RecordId> = held.iter().map(|hold| hold.record_id).collect();
        let purge = Purge { origin, id, order };
        let mut so_far = Purged::NOTHING;
        if let Some(order) = order {
            so_far = self.purged(&order)?.unwrap_or(Purged::NOTHING);
            // The hold on what an earlier run set apart may have been lifted meanwhile.
            let apart = so_far.apart.iter().flatten();
            let free = apart.filter(|record| !under_hold.contains(record) && !all.contains(record));
            let free: Vec<RecordId> = free.copied().collect();
            if so_far.apart.as_ref() != Some(&under_hold) {
                self.count_free(&mut so_far, &under_hold, &free, &purge).await?;
            }
        }
        let (kept, erased): (Vec<RecordId>, Vec<RecordId>) =
            all.into_iter().partition(|record| under_hold.contains(record));
        for some in erased.chunks(EVENT_RECORDS_MAX) {
            so_far.add(some);
            let erase = Change::Erase { record_ids: some.to_vec() };
            let batch = Batch::new().with(erase).saying(self.purge_event(&purge, some));
            self.store.commit(purge.noting(&so_far, batch)).await?;
        }
        // What a hold keeps matches nothing from now on, and is read for its proceeding alone.
        for some in kept.chunks(EVENT_RECORDS_MAX) {
            let (origin, classes) = (origin.clone(), Vec::new());
            let drop = Change::DropForeign { origin, classes, record_ids: some.to_vec() };
            let mut event = self.purge_event(&purge, some);
            event.local.note = Some(SET_APART.to_owned());
            self.store.commit(Batch::new().with(drop).saying(event)).await?;
        }
        self.forget_answers(origin, id).await?;
        Ok(Erased { so_far, newly: erased.len(), held })
    }

    /// Counts as erased what an order set apart and no hold keeps any more: the store let go of it
    /// with the last hold. Other records of the partner, which may have come under a later version,
    /// are not touched. `None` if this node did not obey that order.
    async fn erase_free(
        &self,
        order: &PurgeOrder,
        id: &AgreementId,
    ) -> Result<Option<Erased>, DeskError> {
        let (origin, hash) = (&order.origin, order.hash());
        let Some(mut so_far) = self.purged(&hash)? else { return Ok(None) };
        let Some(apart) = &so_far.apart else {
            // Obeyed before what was set apart was noted.
            let held = self.held_from(origin, id)?;
            return Ok(Some(Erased { so_far, newly: 0, held }));
        };
        let mut held = Vec::new();
        for record in apart {
            held.extend(self.holds_on(record)?);
        }
        held.retain(|hold| hold.origin == *origin && hold.agreement == *id);
        let kept: BTreeSet<RecordId> = held.iter().map(|hold| hold.record_id).collect();
        let free: Vec<RecordId> = apart.difference(&kept).copied().collect();
        let newly = free.len();
        if newly > 0 {
            let purge = Purge { origin, id, order: Some(hash) };
            self.count_free(&mut so_far, &kept, &free, &purge).await?;
        }
        Ok(Some(Erased { so_far, newly, held }))
    }

    /// Writes what an order set apart, and counts what is free of it, each with its entry.
    async fn count_free(
        &self,
        so_far: &mut Purged,
        kept: &BTreeSet<RecordId>,
        free: &[RecordId],
        purge: &Purge<'_>,
    ) -> Result<(), DeskError> {
        let mut rest = free;
        loop {
            let (some, after) = rest.split_at(rest.len().min(EVENT_RECORDS_MAX));
            so_far.add(some);
            // What is free stays on the list until it is counted.
            so_far.apart = Some(kept.iter().chain(after).copied().collect());
            let mut batch = purge.noting(so_far, Batch::new());
            if !some.is_empty() {
                batch = batch.saying(self.purge_event(purge, some));
            }
            self.store.commit(batch).await?;
            rest = after;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn purge_event(&self, purge: &Purge<'_>, records: &[RecordId]) -> Event {
        let mut event = Event::new(self.now(), Act::Purged);
        event.shared.peer = Some(purge.origin.clone());
        event.shared.agreement = Some(purge.id.clone());
        event.shared.count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        event.shared.exchange = purge.order;
        event.local.records = records.to_vec();
        event
    }

    /// What an order erased until now; `None` if it was not obeyed here.
    fn purged(&self, order: &Digest) -> Result<Option<Purged>, DeskError> {
        let row = self.store.get(Table::NodeState, &purged_key(order))?;
        let purged = row.map(|row| encoding::from_bytes("purge", &row, PURGED_BYTES_MAX));
        Ok(purged.transpose()?)
    }

    /// Every record of a partner that is here under an agreement.
    fn records_from(&self, origin: &AgencyId, agreement: &AgreementId) -> Vec<RecordId> {
        let classes = self.store.classes(origin, agreement);
        let numbers: Vec<_> = classes.iter().map(|class| class.number).collect();
        self.store.live_records(&numbers)
    }

    fn held_from(
        &self,
        origin: &AgencyId,
        agreement: &AgreementId,
    ) -> Result<Vec<Hold>, DeskError> {
        let mut holds = self.all_holds()?;
        holds.retain(|hold| hold.origin == *origin && hold.agreement == *agreement);
        Ok(holds)
    }
}

/// What was erased, and what a hold keeps.
struct Erased {
    so_far: Purged,
    newly: usize,
    held: Vec<Hold>,
}

/// Whose records are erased, under which agreement, and on which order.
struct Purge<'a> {
    origin: &'a AgencyId,
    id: &'a AgreementId,
    order: Option<Digest>,
}

impl Purge<'_> {
    /// With what the order erased until now, if there is one.
    fn noting(&self, so_far: &Purged, batch: Batch) -> Batch {
        let Some(order) = self.order else { return batch };
        let (key, value) = (purged_key(&order), encoding::to_bytes(so_far));
        batch.with(put(Table::NodeState, &key, value, Secrecy::Plain))
    }
}

/// What an order erased: how many, and a root over their ids in the order in which they went; and
/// what it set apart.
#[derive(Clone, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Purged {
    #[n(1)]
    count: u64,
    #[n(2)]
    root: Digest,
    /// What a hold keeps of it; `None` in a row that was written before this was noted.
    #[n(3)]
    apart: Option<BTreeSet<RecordId>>,
}

impl Purged {
    const NOTHING: Self =
        Self { count: 0, root: Digest::from_bytes([0; Digest::BYTES]), apart: None };

    fn add(&mut self, records: &[RecordId]) {
        for record in records {
            let parts: [&[u8]; 2] = [self.root.as_bytes(), record.as_bytes()];
            self.root = Digest::from_bytes(domain::digest::derive("malines purge root v1", &parts));
            self.count = self.count.saturating_add(1);
        }
    }
}

fn purged_key(order: &Digest) -> Vec<u8> {
    [b"purge/", order.as_bytes().as_slice()].concat()
}

/// The largest stored row of what an order erased, in bytes: every hold may keep another record.
const PURGED_BYTES_MAX: usize = 128 + HOLDS_MAX * (RecordId::BYTES + 1);

/// Is what is kept apart to be told anew? As the holds stood at the time of the last receipt, it said
/// the same: reviews are brought into the span that a receipt may name, and that alone changes
/// nothing. At once if nothing is kept any more or no review is due any more; else after a while.
fn is_told_again(row: &BoardRow, told: &PurgeReceipt, held: &[Hold], now: Timestamp) -> bool {
    if exceptions(held.to_vec(), told.made_at) == told.exceptions {
        return false;
    }
    let is_reviewed = held.iter().all(|hold| hold.review_at > now);
    let settles = held.is_empty() || (is_reviewed && row.holding == Holding::ReviewDue);
    settles || now >= told.made_at.plus_ms(RECEIPT_AGE_MIN_MS)
}

/// What is kept apart, by ground, authority and review: a record under two holds counts under each.
/// More than fit are told as one for each ground, with the next review.
fn exceptions(holds: Vec<Hold>, now: Timestamp) -> Vec<KeptApart> {
    let mut under: BTreeMap<(HoldGround, String, Timestamp), BTreeSet<RecordId>> = BTreeMap::new();
    let latest = now.plus_days(REVIEW_DAYS_MAX);
    for hold in holds {
        let mut authority = hold.authority;
        while authority.len() > WORD_BYTES_MAX {
            authority.pop();
        }
        let review = hold.review_at.clamp(now.plus_ms(1), latest);
        under.entry((hold.ground, authority, review)).or_default().insert(hold.record_id);
    }
    if under.len() > EXCEPTIONS_MAX {
        let mut joined: BTreeMap<HoldGround, (Timestamp, BTreeSet<RecordId>)> = BTreeMap::new();
        for ((ground, _, review), records) in under {
            let (next, all) = joined.entry(ground).or_insert((review, BTreeSet::new()));
            *next = review.min(*next);
            all.extend(records);
        }
        let joined = joined.into_iter();
        under =
            joined.map(|(ground, (next, all))| ((ground, SEVERAL.to_owned(), next), all)).collect();
    }
    let kept = under.into_iter().map(|((ground, authority, review_on), records)| KeptApart {
        ground,
        authority,
        review_on,
        records: records.len() as u64,
    });
    let mut kept: Vec<KeptApart> = kept.collect();
    kept.sort();
    kept
}

const SEVERAL: &str = "several authorities";
const SET_APART: &str = "set apart under a legal hold";

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(ground: HoldGround, authority: String) -> Hold {
        Hold {
            hold_id: domain::name::HoldId::from_bytes([1; 16]),
            record_id: RecordId::from_bytes([2; RecordId::BYTES]),
            origin: "es-pn".parse().unwrap(),
            agreement: "malines-2026".parse().unwrap(),
            case: domain::name::CaseId::from_bytes([3; 16]),
            reason: "exhibit".to_owned(),
            authority,
            review_at: Timestamp::from_millis(20),
            placed_at: Timestamp::from_millis(1),
            placed_by: "BE-1042".parse().unwrap(),
            ground,
        }
    }

    #[test]
    fn what_is_kept_is_told_by_its_ground_however_much_it_is() {
        let now = Timestamp::from_millis(10);
        let evidence = |record: usize, authority: usize| Hold {
            record_id: RecordId::from_bytes([u8::try_from(record).unwrap(); RecordId::BYTES]),
            ..hold(HoldGround::EvidenceInProceedings, format!("{authority}"))
        };
        let asked = || hold(HoldGround::DataSubjectRequest, "0".to_owned());
        // Record 2 is under three holds, two of them of one ground.
        let few = vec![evidence(1, 0), evidence(2, 0), asked(), evidence(2, 0)];
        let few = exceptions(few, now);
        let few: Vec<_> = few.iter().map(|one| (one.ground, one.records)).collect();
        assert_eq!(
            few,
            [(HoldGround::EvidenceInProceedings, 2), (HoldGround::DataSubjectRequest, 1)]
        );
        let many = (0..=EXCEPTIONS_MAX).map(|number| evidence(number, number)).chain([asked()]);
        let many = exceptions(many.collect(), now);
        let many: Vec<_> =
            many.iter().map(|one| (one.ground, one.authority.as_str(), one.records)).collect();
        let all = EXCEPTIONS_MAX as u64 + 1;
        assert_eq!(
            many,
            [
                (HoldGround::EvidenceInProceedings, SEVERAL, all),
                (HoldGround::DataSubjectRequest, SEVERAL, 1)
            ]
        );
    }

    #[test]
    fn a_receipt_is_followed_when_what_is_kept_changes_and_not_each_second() {
        let made_at = Timestamp::from_millis(10);
        let order = PurgeOrder {
            origin: "es-pn".parse().unwrap(),
            holder: "be-fedpol".parse().unwrap(),
            first: Digest::from_bytes([4; 32]),
            agreement: Digest::from_bytes([4; 32]),
            ground: agreement::purge::PurgeGround::Withdrawal,
            issued_at: made_at,
            due: made_at.plus_days(30),
        };
        let told = |held: &[Hold]| PurgeReceipt {
            order: order.hash(),
            holder: order.holder.clone(),
            sequence: 1,
            counts: PurgeCounts { records: 0, index_rows: 0, backups: 0 },
            removed_root: Digest::from_bytes([0; 32]),
            exceptions: exceptions(held.to_vec(), made_at),
            made_at,
        };
        let row = |holding| BoardRow { order: order.clone(), holding, receipt: None };
        let court = |review_at: u64| Hold {
            review_at: Timestamp::from_millis(review_at),
            ..hold(HoldGround::EvidenceInProceedings, "court".to_owned())
        };
        let asked = hold(HoldGround::DataSubjectRequest, "desk".to_owned());
        let (soon, late) = (made_at.plus_ms(5_000), made_at.plus_ms(RECEIPT_AGE_MIN_MS));
        // A review that had passed before the first receipt, and one that passes after it.
        for review in [1, 200] {
            let held = [court(review), asked.clone()];
            let receipt = told(&held);
            for at in [made_at, soon, late] {
                assert!(!is_told_again(&row(Holding::ReviewDue), &receipt, &held, at), "clamped");
            }
            let except = &held[..1];
            assert!(!is_told_again(&row(Holding::ReviewDue), &receipt, except, soon), "still due");
            assert!(is_told_again(&row(Holding::ReviewDue), &receipt, except, late));
            assert!(is_told_again(&row(Holding::ErasedExcept), &receipt, &[], soon), "all free");
            let moved = [court(9_000_000)];
            assert!(is_told_again(&row(Holding::ReviewDue), &receipt, &moved, soon), "reviewed");
            assert!(!is_told_again(&row(Holding::ErasedExcept), &receipt, &moved, soon));
            assert!(is_told_again(&row(Holding::ErasedExcept), &receipt, &moved, late));
        }
    }

    #[test]
    fn a_purge_that_was_cut_in_two_counts_like_one() {
        let records = [1, 2, 3].map(|byte| RecordId::from_bytes([byte; RecordId::BYTES]));
        let (mut whole, mut cut) = (Purged::NOTHING, Purged::NOTHING);
        whole.add(&records);
        cut.add(&records[..1]);
        let row = encoding::to_bytes(&cut);
        let mut kept: Purged = encoding::from_bytes("purge", &row, PURGED_BYTES_MAX).unwrap();
        kept.add(&records[1..]);
        assert_eq!((kept.count, kept.root), (3, whole.root));
        assert_ne!(cut.root, whole.root);
    }
}
