//! A party leaves: nothing to or from it from then on, what it was given is erased, and what others
//! hold of it too; who still holds what is seen by everybody.

use agreement::declaration::Step;
use agreement::purge::{Holding, KeptApart, PurgeCounts, PurgeGround, PurgeOrder, PurgeReceipt};
use agreement::{Paper, Phase, WhyNot};
use domain::envelope::Signed;
use domain::event::Act;
use domain::hold::{HoldGround, HoldOrder};
use domain::indicator::Kind;
use domain::name::RecordId;
use domain::question::PartnerAnswer;
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use federation::cast::{ALL, Agency, Agency::*};
use federation::draft::{fingerprint, link, now, submission};
use federation::patience::{stays, until};
use federation::world::{Federation, sign};
use std::collections::BTreeMap;
use wire::convert::hold::HoldReference;

/// An authority demands its data back from a party.
fn order(world: &Federation, origin: Agency, holder: Agency, at: Timestamp) -> Paper {
    let docket = world.on_file(origin);
    let version = docket.version(&docket.state(at)).clone();
    let order = PurgeOrder {
        origin: origin.id(),
        holder: holder.id(),
        first: docket.register().first(),
        agreement: version.hash(),
        ground: PurgeGround::Withdrawal,
        issued_at: at,
        due: at.plus_days(version.withdrawal.purge_days),
    };
    Signed::seal(order, &world[origin].authority_key()).into_parts().1.into()
}

type Holdings = BTreeMap<(String, String), Holding>;

/// Who holds what of whom, as one party sees it at some time.
fn board(world: &Federation, seen_by: Agency, at: Timestamp) -> Holdings {
    let board = world.on_file(seen_by).register().board(at);
    let rows = board.rows().iter().map(|row| {
        let ends = (row.order.origin.to_string(), row.order.holder.to_string());
        (ends, row.holding)
    });
    rows.collect()
}

fn row(origin: Agency, holder: Agency, holding: Holding) -> ((String, String), Holding) {
    ((origin.as_str().to_owned(), holder.as_str().to_owned()), holding)
}

fn leaving(world: &Federation, seen_by: Agency, at: Timestamp) -> Option<Phase> {
    let state = world.on_file(seen_by).state(at);
    state.leaving.get(&Morocco.id()).map(|leaving| leaving.phase)
}

/// One link of every party, at every other one.
async fn everybody_shares(world: &Federation) -> BTreeMap<Agency, RecordId> {
    let mut ids = BTreeMap::new();
    for agency in ALL {
        let mut link = link(agency, agency.as_str());
        link.labels.handling = domain::label::HandlingSet::EMPTY;
        ids.insert(agency, world[agency].submit(link).await.unwrap().record_id);
    }
    for (origin, id) in &ids {
        until("it is everywhere", || origin.others().all(|one| world[one].holds(id))).await;
    }
    ids
}

/// The Belgian record at Morocco is evidence there.
async fn hold_in_morocco(world: &Federation, id: RecordId) -> HoldReference {
    hold_until(world, id, now().plus_days(30)).await
}

async fn hold_until(world: &Federation, id: RecordId, review_at: Timestamp) -> HoldReference {
    let case = world[Morocco].open_case("2026/DGSN/4125").await;
    let order = HoldOrder {
        ground: HoldGround::SupervisoryAuthorityHold,
        case: case.case_id,
        reason: "exhibit of the trial".to_owned(),
        authority: "investigating judge, Rabat".to_owned(),
        review_at,
    };
    let receipt = world[Morocco].officer().await.place_hold(id.into(), order).await.unwrap();
    HoldReference::new(&receipt.hold_id.as_bytes()[..4]).unwrap()
}

/// A live answer, too, is something that was got.
async fn ask_belgium_live(world: &Federation) {
    let answered = submission(Belgium, Kind::Phone, "+33199004231");
    world[Belgium].submit(answered).await.unwrap();
    let case = world[Morocco].open_case("2026/0097").await;
    let answer = world[Morocco].ask(&case, Kind::Phone, "+33199004231", Belgium).await;
    assert!(matches!(answer, PartnerAnswer::Match(_)), "{answer:?}");
    assert_eq!(live_answers(world).await, 1);
}

/// How many live matches with Belgian records Morocco's officers see.
async fn live_answers(world: &Federation) -> usize {
    let hits = world[Morocco].officer().await.list_hits(None).await.unwrap();
    hits.iter().filter(|hit| hit.origin == Belgium.id() && hit.record_id.is_none()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_leaves_takes_its_data_along_and_gives_back_what_it_got() {
    let mut world = Federation::four().await;
    let ids = everybody_shares(&world).await;
    let extra = world[Belgium].submit(link(Belgium, "not-evidence")).await.unwrap().record_id;
    until("it arrives", || world[Morocco].holds(&extra)).await;
    let hold = hold_in_morocco(&world, ids[&Belgium]).await;
    ask_belgium_live(&world).await;
    world[France].stop().await;

    // At Morocco's node alone.
    let left = world.said_by(Morocco, Step::Withdraw);
    world.file(&[Morocco], vec![left]).await;
    let up = [Belgium, Spain, Morocco];
    for agency in up {
        until("the leaving is told", || {
            world.why_not(agency, Morocco, Belgium).contains(&WhyNot::Withdrawn)
                && world.why_not(agency, Belgium, Morocco).contains(&WhyNot::Withdrawn)
        })
        .await;
        assert_eq!(world.standing(agency).await, "in force; left by ma-dgsn");
    }
    assert!(world.why_not(Belgium, Belgium, Spain).is_empty());
    let to_them = world[Belgium].submit(link(Belgium, "after")).await.unwrap().record_id;
    let of_them = world[Morocco].submit(link(Morocco, "after")).await;
    until("the others go on", || world[Spain].holds(&to_them)).await;
    stays("nothing to or from Morocco", || {
        let of_them = of_them.as_ref().ok().map(|receipt| receipt.record_id);
        !world[Morocco].holds(&to_them)
            && of_them.is_none_or(|id| !world[Belgium].holds(&id) && !world[Spain].holds(&id))
    })
    .await;
    for (asker, owner) in [(Belgium, Morocco), (Morocco, Belgium)] {
        let case = world[asker].open_case("2026/0098").await;
        let answer = world[asker].ask(&case, Kind::Phone, "+33199004217", owner).await;
        assert_eq!(answer, PartnerAnswer::NotAsked(RefusalCode::AgreementNotInForce));
        let event = world[asker].events_of(Act::NotAsked).pop().unwrap();
        assert_eq!(event.local.rule.as_deref(), Some("code.suspended"));
    }

    // Each origin demands what is its own, at its own node.
    let issued = now();
    for origin in [Belgium, Spain] {
        world.file(&[origin], vec![order(&world, origin, Morocco, issued)]).await;
    }
    // France's authority hands its order to Belgium's officer: its own node is down.
    let of_france = order(&world, France, Morocco, issued);
    world.file(&[Belgium], vec![of_france]).await;
    let of_morocco =
        [Belgium, Spain, France].map(|holder| order(&world, Morocco, holder, issued)).to_vec();
    world.file(&[Morocco], of_morocco).await;
    let mut expected: Holdings = [
        row(Belgium, Morocco, Holding::ErasedExcept),
        row(Spain, Morocco, Holding::Erased),
        row(France, Morocco, Holding::Erased),
        row(Morocco, Belgium, Holding::Erased),
        row(Morocco, Spain, Holding::Erased),
        row(Morocco, France, Holding::Held),
    ]
    .into();
    for agency in up {
        until("receipts come back", || board(&world, agency, now()) == expected).await;
        assert_eq!(leaving(&world, agency, now()), Some(Phase::WindingDown));
    }
    // France, which is down, is late one day, and everybody sees it.
    let later = issued.plus_days(31);
    for agency in up {
        let late = board(&world, agency, later);
        let key = row(Morocco, France, Holding::Overdue);
        assert_eq!(late.get(&key.0), Some(&key.1));
        assert_eq!(leaving(&world, agency, later), Some(Phase::Overdue));
    }
    for holder in [Belgium, Spain] {
        assert_eq!(world[holder].records_from(Morocco), 0);
        assert!(world[holder].store().record(&ids[&Morocco]).unwrap().is_none());
    }
    what_is_kept(&world, &ids, hold).await;

    // France comes back, hears of it all, erases and says so: the last receipt.
    world[France].start().await;
    until("France erases", || world[France].records_from(Morocco) == 0).await;
    expected.extend([row(Morocco, France, Holding::Erased)]);
    for agency in ALL {
        until("every receipt is in", || board(&world, agency, now()) == expected).await;
        assert_eq!(leaving(&world, agency, now()), Some(Phase::Closed), "{agency:?}");
    }
    // Who knows that all is over still tells it to those who do not; after a week it is done.
    let morocco = world[France].desk().partner(&Morocco.id()).unwrap();
    assert!(morocco.agreements.is_empty() && !morocco.dockets.is_empty());
    assert_eq!(world[Morocco].records_from(France), 0);
    assert!(world[Spain].holds(&ids[&Belgium]), "the others keep what is theirs");
}

/// What Morocco keeps apart as evidence, and what its receipt says of it.
async fn what_is_kept(world: &Federation, ids: &BTreeMap<Agency, RecordId>, hold: HoldReference) {
    let evidence = ids[&Belgium];
    assert_eq!(world[Morocco].records_from(Spain), 0);
    assert_eq!(world[Morocco].records_from(Belgium), 0, "what is held matches nothing any more");
    assert!(!world[Morocco].holds(&evidence));
    assert!(world[Morocco].store().record(&evidence).unwrap().is_none(), "nobody else reads it");
    assert_eq!(live_answers(world).await, 0, "what was answered live is forgotten");
    let officer = world[Morocco].officer().await;
    assert!(!officer.read_hold(hold).await.unwrap().says.is_empty(), "the proceeding does");
    let case = world[Morocco].open_case("2026/DGSN/4126").await;
    let x = fingerprint(Kind::Url, "https://passage-22.example/be-fedpol");
    let report = world[Morocco].query(&case, Kind::Url, vec![x], &[]).await;
    assert!(report.held.is_empty(), "it matches nothing");

    let board = world.on_file(Belgium).register().board(now());
    let of_evidence = |row: &&agreement::purge::BoardRow| row.order.origin == Belgium.id();
    let receipt = board.rows().iter().find(of_evidence).unwrap().receipt.clone().unwrap();
    assert_eq!((receipt.holder, receipt.counts.records), (Morocco.id(), 1));
    let [kept] = receipt.exceptions.as_slice() else { panic!("one exception") };
    assert_eq!(kept.ground, HoldGround::SupervisoryAuthorityHold);
    assert_eq!((kept.authority.as_str(), kept.records), ("investigating judge, Rabat", 1));
    let purged = world[Morocco].events_of(Act::Purged);
    let of_belgium = purged.iter().find(|event| event.shared.peer == Some(Belgium.id()));
    assert_eq!(of_belgium.unwrap().shared.exchange, Some(receipt.order), "the order is named");
}

/// What Morocco says last of the Belgian data it was ordered to erase, as Belgium knows it.
fn last_receipt(world: &Federation) -> PurgeReceipt {
    let board = world.on_file(Belgium).register().board(now());
    let [row] = board.rows() else { panic!("one order") };
    row.receipt.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hold_kept_is_confirmed_when_it_is_replaced_and_when_it_ends() {
    let world = Federation::of(&[Belgium, Morocco]).await;
    let mut ids = Vec::new();
    for page in ["exhibit", "no-exhibit"] {
        ids.push(world[Belgium].submit(link(Belgium, page)).await.unwrap().record_id);
    }
    until("they arrive", || ids.iter().all(|id| world[Morocco].holds(id))).await;
    let short = hold_until(&world, ids[0], now().plus_ms(4_000)).await;
    let left = world.said_by(Morocco, Step::Withdraw);
    world.file(&[Morocco], vec![left]).await;
    let order = order(&world, Belgium, Morocco, now());
    world.file(&[Belgium], vec![order]).await;
    let stands = |holding| board(&world, Belgium, now()) == [row(Belgium, Morocco, holding)].into();
    until("the review is due", || stands(Holding::ReviewDue)).await;
    let first = last_receipt(&world);
    assert_eq!((first.sequence, first.counts.records, first.exceptions.len()), (1, 1, 1));
    stays("the same is not said again", || last_receipt(&world) == first).await;

    // Reviewed: a new hold with a later review, and the old one is lifted.
    let long = hold_in_morocco(&world, ids[0]).await;
    let officer = world[Morocco].officer().await;
    officer.lift_hold(short, "reviewed").await.unwrap();
    until("the new review is told", || stands(Holding::ErasedExcept)).await;
    let second = last_receipt(&world);
    assert_eq!((second.sequence, second.counts.records, second.exceptions.len()), (2, 1, 1));
    assert!(!officer.read_hold(long.clone()).await.unwrap().says.is_empty(), "it is still read");

    officer.lift_hold(long, "the trial is over").await.unwrap();
    until("it is erased", || stands(Holding::Erased)).await;
    let third = last_receipt(&world);
    assert_eq!((third.sequence, third.counts.records, third.exceptions.len()), (3, 2, 0));
    assert_ne!(third.removed_root, first.removed_root);
    assert!(world[Morocco].store().held_record(&ids[0]).unwrap().is_none());
    let purged = world[Morocco].events_of(Act::Purged);
    let last = purged.last().unwrap();
    assert_eq!((&last.local.records, last.shared.exchange), (&vec![ids[0]], Some(third.order)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_something_apart_is_heard_until_it_is_erased() {
    let mut world = Federation::found();
    let ago = |days| now().minus_ms(days * Timestamp::DAY_MS);
    let mut docket = world.signed_at(&ALL, ago(20));
    let (morocco, says) = (&world[Morocco], Step::Withdraw);
    docket.declare(&morocco.id, says, ago(10), &morocco.authority_key()).unwrap();
    world.hand_out(&docket);
    // Everything was erased more than a week ago, but for a Belgian exhibit at Morocco.
    let others = [Belgium, Spain, France];
    let pairs = others.map(|one| (one, Morocco)).into_iter();
    for (origin, holder) in pairs.chain(others.map(|one| (Morocco, one))) {
        let order = order(&world, origin, holder, ago(9));
        let Paper::Signed { envelope } = &order else { panic!("it is signed") };
        let kept = KeptApart {
            ground: HoldGround::SupervisoryAuthorityHold,
            authority: "investigating judge, Rabat".to_owned(),
            review_on: now().plus_days(30),
            records: 1,
        };
        let receipt = PurgeReceipt {
            order: envelope.payload_hash(),
            holder: holder.id(),
            sequence: 1,
            counts: PurgeCounts { records: 1, index_rows: 1, backups: 0 },
            removed_root: domain::name::Digest::from_bytes([7; 32]),
            exceptions: (origin == Belgium).then_some(kept).into_iter().collect(),
            made_at: ago(8),
        };
        let receipt = Signed::seal(receipt, &world[holder].authority_key()).into_parts().1;
        docket.admit_all([order, receipt.into()]).unwrap();
    }
    world.hand_out(&docket);
    world.start(&[Belgium, Spain]).await;
    for agency in [Belgium, Spain] {
        assert_eq!(leaving(&world, agency, now()), Some(Phase::Closed));
    }
    let partner = |agency: Agency| world[agency].desk().partner(&Morocco.id());
    assert!(partner(Spain).is_none(), "all is over between them, and everybody heard of it");
    let partner = partner(Belgium).expect("the last receipt has to find its way");
    assert!(partner.agreements.is_empty() && !partner.dockets.is_empty(), "for papers alone");
}

/// A second version, without Morocco, that every party signs at some time, Morocco too. All of it is
/// handed in at Belgium's node.
async fn amend_morocco_away(world: &Federation, at: Timestamp) {
    let docket = world.on_file(Belgium);
    let first = docket.register().version(&docket.register().first()).unwrap();
    let mut terms = agreement::Agreement::clone(first).into_terms();
    terms.version = 2;
    terms.supersedes = Some(first.hash());
    let morocco = Morocco.id();
    let country = first.party(&morocco).unwrap().country.clone();
    terms.parties.retain(|party| party.agency != morocco);
    terms.pairs.retain(|pair| pair.from != morocco && pair.to != morocco);
    terms.offence_map.retain(|entry| entry.country != country);
    terms.approvers.retain(|approver| approver.party != morocco);
    for clause in &mut terms.clauses {
        clause.binds.remove(&morocco);
    }
    let second = agreement::Agreement::new(terms).unwrap();
    let mut papers = vec![Paper::of_version(&second)];
    for agency in ALL {
        let (member, step) = (&world[agency], sign(&second));
        let mut docket = world.on_file(agency);
        papers.push(docket.declare(&member.id, step, at, &member.authority_key()).unwrap());
    }
    world.file(&[Belgium], papers).await;
}

/// How many records of Morocco that Belgium holds are a match for its officers.
async fn matches_in_belgium(world: &Federation, reference: &str) -> usize {
    let case = world[Belgium].open_case(reference).await;
    let x = fingerprint(Kind::Url, "https://passage-22.example/of-morocco");
    world[Belgium].query(&case, Kind::Url, vec![x], &[]).await.held.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_is_amended_away_is_like_one_that_left() {
    let world = Federation::of(&[Belgium, Morocco]).await;
    let theirs = world[Morocco].submit(link(Morocco, "of-morocco")).await.unwrap().record_id;
    let ours = world[Belgium].submit(link(Belgium, "of-belgium")).await.unwrap().record_id;
    until("both arrive", || world[Belgium].holds(&theirs) && world[Morocco].holds(&ours)).await;
    assert_eq!(matches_in_belgium(&world, "2026/0101").await, 1);
    amend_morocco_away(&world, now()).await;
    for agency in [Belgium, Morocco] {
        until("Morocco is no party", || {
            world.why_not(agency, Morocco, Belgium).contains(&WhyNot::NotAParty)
        })
        .await;
        assert_eq!(leaving(&world, agency, now()), Some(Phase::WindingDown));
    }
    assert_eq!(world.standing(Belgium).await, "in force; left by ma-dgsn");
    assert_eq!(world[Belgium].records_from(Morocco), 1, "nobody ordered yet");
    assert_eq!(matches_in_belgium(&world, "2026/0102").await, 0, "and it is used no more");

    let mut expected = Holdings::new();
    for (origin, holder) in [(Belgium, Morocco), (Morocco, Belgium)] {
        let docket = world.on_file(origin);
        let state = docket.state(now());
        let end = state.ended(&origin.id(), &holder.id()).unwrap();
        assert_eq!(end.agreement, docket.register().first(), "it was shared under the first");
        let direction = (origin.id(), holder.id());
        let order = end.order(&direction, docket.register().first(), now());
        let order = Signed::seal(order, &world[origin].authority_key()).into_parts().1;
        world.file(&[origin], vec![order.into()]).await;
        expected.extend([row(origin, holder, Holding::Erased)]);
    }
    for agency in [Belgium, Morocco] {
        until("both confirm", || board(&world, agency, now()) == expected).await;
    }
    assert_eq!(world[Belgium].records_from(Morocco) + world[Morocco].records_from(Belgium), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_party_gave_that_was_amended_away_is_erased_without_an_order_too() {
    let ago = |days| now().minus_ms(days * Timestamp::DAY_MS);
    let mut world = Federation::found();
    world.terms.valid_from = ago(60);
    world.hand_out(&world.signed_at(&ALL, ago(50)));
    world.start(&[Belgium, Morocco]).await;
    world.linked(&[Belgium, Morocco]).await;
    let theirs = world[Morocco].submit(link(Morocco, "of-morocco")).await.unwrap().record_id;
    until("it arrives", || world[Belgium].holds(&theirs)).await;
    // Signed longer ago than the agreement gives for erasing, and heard of now.
    amend_morocco_away(&world, ago(31)).await;
    until("it is erased", || world[Belgium].records_from(Morocco) == 0).await;
    assert!(board(&world, Belgium, now()).is_empty(), "nobody ordered it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_over_more_records_than_fit_one_entry_is_obeyed_in_full() {
    const RECORDS: u64 = 520;
    let world = Federation::of(&[Belgium, Morocco]).await;
    let links = (0..RECORDS).map(|n| link(Belgium, &format!("page-{n}"))).collect();
    world[Belgium].submit_all(links).await;
    world.arrived(Belgium, Morocco, RECORDS).await;
    let left = world.said_by(Morocco, Step::Withdraw);
    world.file(&[Morocco], vec![left]).await;
    let order = order(&world, Belgium, Morocco, now());
    world.file(&[Belgium], vec![order]).await;
    let expected: Holdings = [row(Belgium, Morocco, Holding::Erased)].into();
    until("the receipt comes", || board(&world, Belgium, now()) == expected).await;
    let board = world.on_file(Belgium).register().board(now());
    let receipt = board.rows()[0].receipt.clone().unwrap();
    assert_eq!(receipt.counts.records, RECORDS);
    assert_eq!(world[Morocco].records_from(Belgium), 0);
    let purged: u32 =
        world[Morocco].events_of(Act::Purged).iter().map(|event| event.shared.count).sum();
    assert_eq!(u64::from(purged), RECORDS, "every one is in the log");
}
