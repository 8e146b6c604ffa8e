//! Orders to erase, receipts and the board.

use super::fixture::{agency, authority_of, now, terms};
use super::register::{days_ago, floor};
use agreement::Agreement;
use agreement::purge::{
    Board, EXCEPTIONS_MAX, Holding, KeptApart, PurgeCounts, PurgeGround, PurgeOrder, PurgeReceipt,
};
use agreement::terms::PurgeException;
use domain::envelope::{Payload, Signed};
use domain::hold::HoldGround;
use domain::name::Digest;
use domain::signature::Signer as _;
use domain::time::Timestamp;
use proptest::prelude::*;

fn order(holder: &str) -> PurgeOrder {
    let agreement = Agreement::new(terms(floor())).unwrap().hash();
    PurgeOrder {
        origin: agency("es-pn"),
        holder: agency(holder),
        first: agreement,
        agreement,
        ground: PurgeGround::Withdrawal,
        issued_at: days_ago(10),
        due: now().plus_days(20),
    }
}

fn receipt(order: &PurgeOrder, sequence: u32, exceptions: Vec<KeptApart>) -> PurgeReceipt {
    PurgeReceipt {
        order: order.hash(),
        holder: order.holder.clone(),
        sequence,
        counts: PurgeCounts { records: 12, index_rows: 40, backups: 1 },
        removed_root: Digest::from_bytes([4; 32]),
        exceptions,
        made_at: now(),
    }
}

fn kept(ground: HoldGround) -> KeptApart {
    let (authority, review_on) = ("court of first instance".to_owned(), now().plus_days(90));
    KeptApart { ground, authority, review_on, records: 2 }
}

fn holding(kept: PurgeException, receipts: Vec<PurgeReceipt>, at: Timestamp) -> Holding {
    Board::of(kept, [order("be-fedpol")], receipts, at).rows()[0].holding
}

#[test]
fn the_board_says_held_erased_and_overdue() {
    const EVIDENCE: PurgeException = PurgeException::EvidenceInProceedings;
    let order = order("be-fedpol");
    let (due, after) = (order.due, order.due.plus_ms(1));
    assert_eq!(holding(EVIDENCE, vec![], due), Holding::Held);
    assert_eq!(holding(EVIDENCE, vec![], after), Holding::Overdue);
    assert_eq!(holding(EVIDENCE, vec![receipt(&order, 1, vec![])], after), Holding::Erased);

    let excepted = receipt(&order, 1, vec![kept(HoldGround::EvidenceInProceedings)]);
    assert_eq!(holding(EVIDENCE, vec![excepted.clone()], now()), Holding::ErasedExcept);
    let review_on = now().plus_days(90);
    assert_eq!(holding(EVIDENCE, vec![excepted.clone()], review_on), Holding::ReviewDue);
    let done = receipt(&order, 2, vec![]);
    assert_eq!(holding(EVIDENCE, vec![done, excepted.clone()], review_on), Holding::Erased);
    // Evidence is kept only where the agreement says so; what the law demands is always kept.
    let nothing = PurgeException::Nothing;
    assert_eq!(holding(nothing, vec![excepted.clone()], now()), Holding::Contradicted);
    let by_law = receipt(&order, 1, vec![kept(HoldGround::SupervisoryAuthorityHold)]);
    assert_eq!(holding(nothing, vec![by_law.clone()], now()), Holding::ErasedExcept);
    // Two different receipts for one sequence.
    assert_eq!(holding(EVIDENCE, vec![by_law, excepted], now()), Holding::Contradicted);

    let board = Board::of(EVIDENCE, [order.clone()], [], after);
    assert_eq!(board.overdue().count(), 1);
    assert_eq!(board.between(&order.origin, &order.holder, days_ago(10)), Some(Holding::Overdue));
    assert_eq!(board.between(&order.origin, &order.holder, days_ago(9)), None);
    assert_eq!(board.between(&order.holder, &order.origin, days_ago(10)), None);
}

#[test]
fn orders_and_receipts_are_signed_exactly_and_checked() {
    let key = authority_of("be-fedpol");
    let order = order("be-fedpol");
    let envelope = Signed::seal(order.clone(), &key).into_parts().1;
    let opened = Signed::<PurgeOrder>::open(envelope.clone(), &key.public_key()).unwrap();
    assert_eq!(opened.message(), &order);
    assert_eq!(envelope.payload_hash(), order.hash());
    assert!(Signed::<PurgeReceipt>::open(envelope, &key.public_key()).is_err());
    let agreement = Agreement::new(terms(floor())).unwrap();
    let mut agreed = order.clone();
    agreed.due = agreed.issued_at.plus_days(agreement.withdrawal.purge_days);
    assert!(agreed.fits(agreement.hash(), &agreement));
    for change in [
        |order: &mut PurgeOrder| order.due = order.due.plus_days(1),
        |order: &mut PurgeOrder| order.holder = agency("pt-pj"),
        |order: &mut PurgeOrder| order.agreement = Digest::from_bytes([1; 32]),
        |order: &mut PurgeOrder| order.first = Digest::from_bytes([1; 32]),
    ] {
        let mut changed = agreed.clone();
        change(&mut changed);
        assert!(!changed.fits(agreement.hash(), &agreement));
    }

    let full = receipt(&order, 1, vec![kept(HoldGround::DataSubjectRequest)]);
    assert_eq!(PurgeReceipt::from_payload(&full.to_payload()), Ok(full.clone()));
    type Change = fn(&mut PurgeReceipt);
    let cases: [(&str, Change); 6] = [
        ("no sequence", |r| r.sequence = 0),
        ("no authority", |r| r.exceptions[0].authority = " ".into()),
        ("no review", |r| r.exceptions[0].review_on = r.made_at),
        ("a review in two years", |r| r.exceptions[0].review_on = r.made_at.plus_days(730)),
        ("twice", |r| r.exceptions.push(r.exceptions[0].clone())),
        ("too many", |r| {
            r.exceptions = (0..=EXCEPTIONS_MAX)
                .map(|n| KeptApart { records: n as u64, ..r.exceptions[0].clone() })
                .collect();
        }),
    ];
    for (what, change) in cases {
        let mut changed = full.clone();
        change(&mut changed);
        assert!(PurgeReceipt::from_payload(&changed.to_payload()).is_err(), "{what}");
    }
    let mut forged = full.clone();
    forged.holder = agency("fr-oltim");
    assert_eq!(holding(PurgeException::Nothing, vec![forged], now()), Holding::Held);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The board is a function of sets: order and repetition mean nothing.
    #[test]
    fn order_and_repetition_mean_nothing(
        chosen in proptest::collection::vec((0_usize..3, 1_u32..3, any::<bool>()), 0..8),
        rotated in 0_usize..8,
        day in 0_u32..200,
    ) {
        let orders = ["be-fedpol", "fr-oltim", "ma-dgsn"].map(order);
        let receipts: Vec<PurgeReceipt> = chosen
            .iter()
            .map(|(which, sequence, excepted)| {
                let kept = excepted.then(|| kept(HoldGround::EvidenceInProceedings));
                receipt(&orders[*which], *sequence, kept.into_iter().collect())
            })
            .collect();
        let mut other = receipts.clone();
        other.extend(receipts.clone());
        let by = rotated.min(other.len());
        other.rotate_left(by);
        let at = now().plus_days(day);
        let kept = PurgeException::EvidenceInProceedings;
        let reversed = orders.iter().rev().cloned().chain(orders.clone());
        let one = Board::of(kept, orders.clone(), receipts, at);
        prop_assert_eq!(one, Board::of(kept, reversed, other, at));
    }
}
