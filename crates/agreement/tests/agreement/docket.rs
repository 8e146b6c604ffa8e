//! The docket: papers as a set, verified one by one, the same wherever they meet.

use super::fixture::{PARTIES, agency, authority_of, now, terms};
use super::register::{Papers, amended, days_ago, floor, root_of};
use agreement::declaration::Head;
use agreement::docket::{self, Admitted, Docket, Paper};
use agreement::purge::{Holding, PurgeCounts, PurgeGround, PurgeOrder, PurgeReceipt};
use agreement::{Agreement, AgreementError, Phase, Step};
use domain::envelope::{Envelope, Signed};
use domain::manifest::Manifest;
use domain::name::Digest;
use domain::signature::{SecretKey, Signer as _};
use domain::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn papers_of(papers: &Papers) -> Vec<Paper> {
    let versions = core::iter::once(&papers.first).chain(&papers.later).map(Paper::of_version);
    versions.chain(papers.envelopes.iter().cloned().map(Paper::from)).collect()
}

fn manifest(party: &str, sequence: u32) -> Envelope {
    let key = SecretKey::from_seed(&[7; 32]).public_key();
    let manifest = Manifest {
        agency: agency(party),
        country: party.chars().take(2).collect::<String>().to_uppercase().parse().unwrap(),
        kind: domain::value::AgencyKind::Police,
        sequence,
        valid_from: days_ago(5),
        valid_until: now().plus_days(5),
        node_authorities: vec![Digest::from_bytes([1; 32])],
        addresses: vec!["node.example:7443".to_owned()],
        record_key: key,
        log_key: key,
        seal_key: [3; 32],
    };
    Signed::seal(manifest, &root_of(party)).into_parts().1
}

/// Two versions, a suspension, heads, manifests, an order and its receipt.
fn eventful() -> Vec<Paper> {
    let mut papers = Papers::signed_without(&[]);
    let next = amended(&papers.first, |terms| terms.withdrawal.purge_days = 20);
    papers.later.push(next);
    papers.say("fr-oltim", Step::Suspend { scope: agreement::Scope::All });
    papers.say("ma-dgsn", Step::Withdraw);
    papers.heads();
    let order = order(&papers.first);
    let receipt = receipt(&order, now());
    papers.add(order, &authority_of("es-pn"));
    papers.add(receipt, &authority_of("ma-dgsn"));
    let mut papers = papers_of(&papers);
    papers.extend(PARTIES.map(|party| Paper::from(manifest(party, 1))));
    papers
}

fn order(agreement: &Agreement) -> PurgeOrder {
    PurgeOrder {
        origin: agency("es-pn"),
        holder: agency("ma-dgsn"),
        first: agreement.hash(),
        agreement: agreement.hash(),
        ground: PurgeGround::Withdrawal,
        issued_at: days_ago(10),
        due: days_ago(10).plus_days(agreement.withdrawal.purge_days),
    }
}

fn receipt(order: &PurgeOrder, made_at: Timestamp) -> PurgeReceipt {
    PurgeReceipt {
        order: order.hash(),
        holder: order.holder.clone(),
        sequence: 1,
        counts: PurgeCounts { records: 3, index_rows: 3, backups: 0 },
        removed_root: Digest::from_bytes([4; 32]),
        exceptions: Vec::new(),
        made_at,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_and_the_number_of_times_mean_nothing(
        shuffled in Just(eventful()).prop_shuffle(),
        cut in 0..20_usize,
    ) {
        let sorted = Docket::open(eventful()).unwrap();
        let docket = Docket::open(shuffled.clone()).unwrap();
        prop_assert_eq!(&docket, &sorted);
        // In two parts, as two nodes would tell each other, whatever was in which.
        let (one, other) = shuffled.split_at(cut.min(shuffled.len()));
        let first = eventful().remove(0);
        let mut meeting = Docket::open([first]).unwrap();
        let _ = meeting.admit_each(one.to_vec());
        let _ = meeting.admit_each(other.to_vec());
        let (news, refused) = meeting.admit_each(shuffled.clone());
        prop_assert!(refused.is_none(), "{refused:?}");
        prop_assert!(news.taken.len() <= one.len());
        prop_assert_eq!(meeting.root(), sorted.root());
        prop_assert_eq!(meeting.state(now()), sorted.state(now()));
        let (again, _) = meeting.admit_each(shuffled);
        prop_assert!(again.is_empty());
    }

    #[test]
    fn a_file_with_any_byte_changed_opens_to_nothing_new(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let good = Docket::open(papers_of(&Papers::signed_without(&["ma-dgsn"]))).unwrap();
        let mut bytes = good.to_file();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let Ok(papers) = docket::from_file(&bytes) else { return Ok(()) };
        if let Ok(docket) = Docket::open(papers) {
            // A change that is not noticed is one of the shell, which nobody signed.
            prop_assert_eq!(docket.root(), good.root(), "byte {}", at);
        }
    }
}

#[test]
fn a_file_holds_everything() {
    let docket = Docket::open(eventful()).unwrap();
    let read = Docket::open(docket::from_file(&docket.to_file()).unwrap()).unwrap();
    assert_eq!(read, docket);
    let all: BTreeSet<Digest> = eventful().iter().map(Paper::hash).collect();
    assert_eq!(docket.papers().keys().copied().collect::<BTreeSet<_>>(), all);
    assert!(docket::from_file(b"dear colleague").is_err());
    assert!(docket::from_file(&vec![0; docket::PAPERS_BYTES_MAX + 1]).is_err());
}

/// RFC 8949 by hand: what goes from hand to hand never changes its bytes.
#[test]
fn the_bytes_of_a_file_are_known() {
    let mut envelope = manifest("es-pn", 1);
    (envelope.payload, envelope.payload_type) = (vec![8], "t".to_owned());
    envelope.signatures.clear();
    let papers = [Paper::Version { bytes: vec![7] }, Paper::from(envelope)];
    let bytes = [
        0xa1, 0x01, 0x82, 0x82, 0x01, 0x41, 0x07, 0x82, 0x02, 0xa3, 0x01, 0x41, 0x08, 0x02, 0x61,
        b't', 0x03, 0x80,
    ];
    assert_eq!(docket::to_file(&papers), bytes);
    assert_eq!(docket::from_file(&bytes).unwrap(), papers);
}

#[test]
fn a_node_learns_what_it_lacks_and_no_more() {
    let whole = Docket::open(eventful()).unwrap();
    let mut part = Docket::open(papers_of(&Papers::signed_without(&[]))).unwrap();
    assert_ne!(part.root(), whole.root());
    let held: BTreeSet<Digest> = part.papers().keys().copied().collect();
    let missing: Vec<Paper> = whole.missing(&held).cloned().collect();
    assert_eq!(missing.len(), whole.papers().len() - held.len());
    part.admit_all(missing).unwrap();
    assert_eq!(part.root(), whole.root());
    let held: BTreeSet<Digest> = part.papers().keys().copied().collect();
    assert_eq!(whole.missing(&held).count(), 0);
}

#[test]
fn a_newer_head_takes_the_place_of_the_older() {
    let papers = Papers::signed_without(&[]);
    let mut docket = Docket::open(papers_of(&papers)).unwrap();
    let count = docket.papers().len();
    let (n, last) = papers.end_of("es-pn");
    let head = |made_at| {
        let head = Head { party: agency("es-pn"), first: papers.first.hash(), n, last, made_at };
        Paper::from(Signed::seal(head, &authority_of("es-pn")).into_parts().1)
    };
    let Admitted::New(dropped) = docket.admit(head(now())).unwrap() else { panic!() };
    assert_eq!(dropped.len(), 1);
    assert_eq!(docket.papers().len(), count);
    assert_eq!(docket.admit(head(days_ago(3))).unwrap(), Admitted::Known);
    assert_eq!(docket.papers().len(), count);
    // With old heads only, the party is silent, and nothing passes.
    let later = now().plus_days(8);
    assert_eq!(docket.state(now()).phase(), Phase::InForce);
    assert_eq!(docket.state(later).phase(), Phase::Suspended);
}

#[test]
fn manifests_are_vouched_for_by_the_root_key_of_their_agency() {
    let mut docket = Docket::open(papers_of(&Papers::new())).unwrap();
    docket.admit(manifest("es-pn", 2).into()).unwrap();
    assert_eq!(docket.admit(manifest("es-pn", 1).into()).unwrap(), Admitted::Known);
    let version = docket.version(&docket.state(now())).clone();
    let spain = version.party(&agency("es-pn")).unwrap();
    assert_eq!(docket.manifest(spain).unwrap().sequence, 2);
    let Admitted::New(dropped) = docket.admit(manifest("es-pn", 3).into()).unwrap() else {
        panic!()
    };
    assert_eq!(dropped, [manifest("es-pn", 2).payload_hash()]);

    // France's root key speaks for France only.
    let manifest = domain::envelope::Payload::from_payload(&manifest("es-pn", 9).payload);
    let manifest: Manifest = manifest.unwrap();
    let (_, foreign) = Signed::seal(manifest, &root_of("fr-oltim")).into_parts();
    let refused = docket.admit(foreign.into());
    assert!(matches!(refused, Err(AgreementError::ForeignManifest { .. })), "{refused:?}");
}

#[test]
fn a_paper_carries_one_signature_and_belongs_here() {
    let papers = Papers::signed_without(&[]);
    let mut docket = Docket::open(papers_of(&Papers::new())).unwrap();
    let mut crowded = papers.envelopes[0].clone();
    crowded.signatures.push(papers.envelopes[1].signatures[0].clone());
    assert!(matches!(docket.admit(crowded.into()), Err(AgreementError::Malformed(_))));
    let mut unsigned = papers.envelopes[0].clone();
    unsigned.signatures.clear();
    assert!(docket.admit(unsigned.into()).is_err());

    let mut other = terms(floor());
    other.facts_scope = "something else".to_owned();
    let other = Papers::about(other);
    let refused = docket.admit(Paper::of_version(&other.first));
    assert_eq!(refused, Err(AgreementError::OtherAgreement));
    let two = papers_of(&papers).into_iter().chain(papers_of(&other));
    assert_eq!(Docket::open(two), Err(AgreementError::OtherAgreement));
    let none = papers.envelopes.iter().cloned().map(Paper::from);
    assert_eq!(Docket::open(none), Err(AgreementError::NoVersion));
}

#[test]
fn orders_and_receipts_come_from_those_whom_they_are_about() {
    let mut papers = Papers::signed_without(&[]);
    papers.say("ma-dgsn", Step::Withdraw);
    let order = order(&papers.first);
    let receipt = receipt(&order, now());
    let seal = |signer: &str| {
        Paper::from(Signed::seal(order.clone(), &authority_of(signer)).into_parts().1)
    };
    let confirm = |signer: &str| {
        Paper::from(Signed::seal(receipt.clone(), &authority_of(signer)).into_parts().1)
    };
    let mut docket = Docket::open(papers_of(&papers)).unwrap();
    assert!(docket.admit(seal("ma-dgsn")).is_err(), "the holder does not order for the origin");
    assert!(docket.admit(confirm("ma-dgsn")).is_err(), "a receipt for no order");
    docket.admit(seal("es-pn")).unwrap();
    let board = docket.register().board(now());
    assert_eq!(board.rows()[0].holding, Holding::Held);
    assert!(docket.admit(confirm("es-pn")).is_err(), "the origin does not confirm for the holder");
    docket.admit(confirm("ma-dgsn")).unwrap();
    assert_eq!(docket.register().board(now()).rows()[0].holding, Holding::Erased);

    // Neither less nor more time than was agreed.
    let hasty = PurgeOrder { due: order.due.minus_ms(1), ..order.clone() };
    let hasty = Paper::from(Signed::seal(hasty, &authority_of("es-pn")).into_parts().1);
    assert!(matches!(docket.admit(hasty), Err(AgreementError::Chain(_))));
}
