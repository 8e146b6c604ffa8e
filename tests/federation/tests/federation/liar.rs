//! The rules of sync against an origin that lies, with its real keys: nothing false becomes
//! visible, and whoever is honest is heard all the same.

use domain::event::Act;
use domain::indicator::{Kind, NormalisationVersion};
use domain::label::HandlingSet;
use domain::name::{ClassHandle, RecordId};
use domain::record::Statement;
use domain::refusal::RefusalCode;
use domain::signature::{SecretKey, Signer};
use domain::time::Timestamp;
use domain::value::{Age, Onward, Subject};
use federation::cast::{AGREEMENT, ALL, Agency, Agency::*};
use federation::draft::{body, link, now, random, sign_bytes, sign_unchecked, statement};
use federation::imposter::{Imposter, Message, Piece, Process};
use federation::patience::{stays, until};
use federation::world::Federation;
use std::collections::{BTreeMap, BTreeSet};
use sync::message::Entry;

const HANDLE: ClassHandle = ClassHandle::from_bytes([1; 16]);
const SECOND: ClassHandle = ClassHandle::from_bytes([2; 16]);

/// Belgium and France are honest; in the place of Spain stands a liar.
async fn against_spain() -> (Federation, Imposter) {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    let liar = Imposter::instead_of(&world, Spain, Belgium).await;
    world.start(&[Belgium, France]).await;
    world.linked(&[Belgium, France]).await;
    until("Belgium pulls from the liar", || liar.pulls() > 0).await;
    (world, liar)
}

fn good(page: &str) -> Statement {
    statement(&Spain.id(), &Belgium.id(), &format!("https://passage-22.example/{page}"))
}

fn add(record: &Statement, signer: &dyn Signer) -> Entry {
    Entry::Add(sign_unchecked(record, signer))
}

/// One message that grants `HANDLE` and `SECOND` and shows a piece of the first.
fn shown(
    sequence: u64,
    from: u64,
    entries: Vec<Entry>,
    sheet: Option<domain::envelope::Envelope>,
) -> Message {
    let to = from + entries.len() as u64;
    Message {
        grant_sequence: sequence,
        grants: Some(vec![HANDLE, SECOND]),
        piece: Some(Piece { handle: HANDLE, from, to, entries, sheet }),
        ..Message::default()
    }
}

/// France's honest record still arrives.
async fn france_is_heard(world: &Federation, page: &str) {
    let mut link = link(France, page);
    link.labels.handling = HandlingSet::EMPTY;
    let id = world[France].submit(link).await.unwrap().record_id;
    until("France is heard", || world[Belgium].holds(&id)).await;
}

fn held_from(world: &Federation, origin: Agency) -> u64 {
    world[Belgium].records_from(origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_false_record_is_refused_with_its_reason_and_the_true_one_is_taken() {
    let (world, liar) = against_spain().await;
    let (belgium, france) = (Belgium.id(), France.id());
    let stranger = SecretKey::from_seed(&random());
    let by = |change: &dyn Fn(&mut Statement)| {
        let mut record = good("page");
        change(&mut record);
        record
    };
    let own = world[Belgium].submit(link(Belgium, "ours")).await.unwrap().record_id;
    let true_one = good("true");
    let unlisted = good("without a token");
    let long_ago = now().minus_ms(40 * Timestamp::DAY_MS);
    let false_ones: Vec<(RefusalCode, Statement)> = vec![
        (RefusalCode::OriginMismatch, by(&|record| record.origin = france.clone())),
        (
            RefusalCode::OriginMismatch,
            by(&|record| record.agreement = "other-2026".parse().unwrap()),
        ),
        (RefusalCode::OriginMismatch, by(&|record| record.record_id = own)),
        (RefusalCode::NotInAudience, by(&|record| record.audience = [france.clone()].into())),
        (RefusalCode::NotInAudience, by(&|record| record.audience.clear())),
        (
            RefusalCode::Expired,
            by(&|record| {
                (record.observed_first, record.observed_last) = (long_ago, long_ago);
                record.made_at = long_ago;
                record.valid_until = long_ago.plus_days(20);
                record.review_at = record.valid_until;
            }),
        ),
        (RefusalCode::SmuggledMigrant, by(&|record| record.subject = Subject::SmuggledMigrant)),
        (
            RefusalCode::ProtectedSubject,
            by(&|record| (record.subject, record.age) = (Subject::Victim, Age::Adult)),
        ),
        (
            RefusalCode::Minor,
            by(&|record| (record.subject, record.age) = (Subject::SuspectFacilitator, Age::Minor)),
        ),
        (RefusalCode::BenefitMissing, by(&|record| record.benefit = None)),
        (
            RefusalCode::SealedKind,
            by(&|record| {
                (record.kind, record.body) = (Kind::Phone, body(Kind::Phone));
                (record.subject, record.age) = (Subject::SuspectFacilitator, Age::Adult);
            }),
        ),
        (
            RefusalCode::NormalisationNotLive,
            by(&|record| record.normalisation = NormalisationVersion(2)),
        ),
        (RefusalCode::CriticalNotUnderstood, by(&|record| record.critical = vec![99])),
        (RefusalCode::VersionConflict, by(&|record| record.version.n = 2)),
    ];
    let mut entries: Vec<Entry> =
        false_ones.iter().map(|(_, record)| add(record, liar.signer())).collect();
    let mut expected: BTreeMap<RefusalCode, u32> = BTreeMap::new();
    for (code, _) in &false_ones {
        *expected.entry(*code).or_default() += 1;
    }
    let strangers = good("by a stranger");
    entries.push(add(&strangers, &stranger));
    *expected.entry(RefusalCode::SignatureInvalid).or_default() += 1;
    entries.push(Entry::Add(sign_bytes("application/json", b"{}".to_vec(), liar.signer())));
    entries.push(add(&unlisted, liar.signer()));
    let noise = random::<200>().to_vec();
    let record_type = <domain::record::Record as domain::envelope::Payload>::TYPE;
    entries.push(Entry::Add(sign_bytes(record_type, noise, liar.signer())));
    *expected.entry(RefusalCode::Malformed).or_default() += 3;
    entries.push(add(&true_one, liar.signer()));

    let mut listed: Vec<&Statement> = false_ones.iter().map(|(_, record)| record).collect();
    listed.extend([&strangers, &true_one]);
    let sheet = liar.sheet(&belgium, &listed);
    // Our own policy judges it after it was verified, and it would be of a class of its own.
    let too_open = by(&|record| record.onward = Onward::WithinParties);
    *expected.entry(RefusalCode::OnwardDenied).or_default() += 1;
    let piece = Piece {
        handle: SECOND,
        from: 0,
        to: 1,
        entries: vec![add(&too_open, liar.signer())],
        sheet: Some(liar.sheet(&belgium, &[&too_open])),
    };
    let first = Message { grant_sequence: 1, piece: Some(piece), ..Message::default() };
    let granted = Message { grants: Some(vec![HANDLE, SECOND]), ..first };
    liar.shows(vec![granted, shown(1, 0, entries, Some(sheet))]);
    until("the true one is taken", || world[Belgium].holds(&true_one.record_id)).await;
    let invisible = |id: &RecordId| *id == own || world[Belgium].store().hit_row(id).is_none();
    assert!(false_ones.iter().all(|(_, record)| invisible(&record.record_id)));
    for hidden in [&strangers, &unlisted, &too_open] {
        assert!(invisible(&hidden.record_id));
    }
    assert_eq!(held_from(&world, Spain), 1);
    assert!(world[Belgium].holds(&own), "ours is untouched");

    let mut refused: BTreeMap<RefusalCode, u32> = BTreeMap::new();
    for event in world[Belgium].events_of(Act::ReceiptRefused) {
        assert_eq!(event.shared.peer, Some(Spain.id()));
        assert_eq!(event.shared.code, None, "the reason is for our own people");
        *refused.entry(event.local.code.unwrap()).or_default() += event.shared.count;
    }
    assert_eq!(refused, expected);
    // The sender is told what its bytes alone say, and nothing that depends on what we hold, on our
    // clock or on our rules: not that a record of that id is here.
    let told = || liar.notices().into_iter().map(|notice| notice.code).collect::<BTreeSet<_>>();
    let faults = BTreeSet::from([
        RefusalCode::SmuggledMigrant,
        RefusalCode::ProtectedSubject,
        RefusalCode::Minor,
        RefusalCode::BenefitMissing,
        RefusalCode::SealedKind,
    ]);
    until("the liar is told", || told() == faults).await;
    let about = liar.notices().into_iter().find(|one| one.code == RefusalCode::SmuggledMigrant);
    let about = about.unwrap();
    assert_eq!((about.sender, about.receiver, about.records), (Spain.id(), belgium, 1));
    let received = world[Belgium].events_of(Act::Received);
    assert!(received.iter().any(|event| event.shared.exchange == Some(about.batch)));
    let reported = world[Belgium].count_of(Act::ViolationReported);
    assert_eq!(reported, faults.len(), "each once");
    france_is_heard(&world, "honest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_the_protocol_leaves_nothing_and_is_an_alarm() {
    let (world, liar) = against_spain().await;
    let belgium = Belgium.id();
    let record = good("page");
    let entries = vec![add(&record, liar.signer())];
    let sheet = || Some(liar.sheet(&belgium, &[&record]));
    let stranger = SecretKey::from_seed(&random());
    let of_nobody = ClassHandle::from_bytes([9; 16]);
    let with = |change: &dyn Fn(&mut Message)| {
        let mut message = shown(1, 0, entries.clone(), sheet());
        change(&mut message);
        message
    };
    let piece =
        |change: &dyn Fn(&mut Piece)| with(&|message| change(message.piece.as_mut().unwrap()));
    let broken = [
        ("a gap", piece(&|piece| (piece.from, piece.to) = (7, 8))),
        ("a section of no length with an entry", piece(&|piece| piece.to = piece.from)),
        ("a class that is not granted", piece(&|piece| piece.handle = of_nobody)),
        ("of another process", with(&|message| message.process = Process::Another)),
        ("a handle granted twice", with(&|message| message.grants = Some(vec![HANDLE, HANDLE]))),
        (
            "a sheet for somebody else",
            piece(&|piece| piece.sheet = Some(liar.sheet(&France.id(), &[&record]))),
        ),
        (
            "a sheet signed by a stranger",
            piece(&|piece| piece.sheet = Some(liar.sheet_signed(&belgium, &[&record], &stranger))),
        ),
    ];
    for (what, message) in broken {
        liar.shows(vec![message]);
        until(what, || liar.is_played()).await;
        let pulls = liar.pulls();
        until("Belgium comes back after a pause", || liar.pulls() > pulls).await;
        france_is_heard(&world, what).await;
        assert!(world[Belgium].store().hit_row(&record.record_id).is_none(), "{what}");
        assert_eq!(held_from(&world, Spain), 0, "{what}");
    }
    // What the contract itself forbids never becomes a message of ours, so it is no entry either.
    let alarms = world[Belgium].events_of(Act::Alarm);
    assert!(alarms.iter().all(|alarm| alarm.shared.peer == Some(Spain.id())));
    assert!(alarms.len() >= 5, "{} alarms", alarms.len());

    // The liar comes to its senses: what it shows is taken at once, from the first position.
    liar.shows(vec![shown(1, 0, entries, sheet())]);
    until("an honest word is believed", || world[Belgium].holds(&record.record_id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sheet_nothing_is_visible_and_with_one_it_is() {
    let (world, liar) = against_spain().await;
    let record = good("page");
    let entries = vec![add(&record, liar.signer())];
    liar.shows(vec![shown(1, 0, entries.clone(), None)]);
    until("the refusal is in the log", || world[Belgium].count_of(Act::ReceiptRefused) == 1).await;
    let refused = &world[Belgium].events_of(Act::ReceiptRefused)[0];
    assert_eq!(refused.local.code, Some(RefusalCode::Malformed));
    stays("it is not visible", || world[Belgium].store().hit_row(&record.record_id).is_none())
        .await;
    let sheet = liar.sheet(&Belgium.id(), &[&record]);
    liar.shows(vec![shown(1, 1, entries, Some(sheet))]);
    until("shown again with its token it is", || world[Belgium].holds(&record.record_id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_classes_under_one_handle_and_a_history_that_goes_back_are_refused() {
    let (world, liar) = against_spain().await;
    let (first, mut second) = (good("first"), good("second"));
    second.onward = Onward::WithOriginatorConsent;
    let belgium = Belgium.id();
    let of = |record: &Statement, from: u64, sequence: u64| {
        let sheet = liar.sheet(&belgium, &[record]);
        shown(sequence, from, vec![add(record, liar.signer())], Some(sheet))
    };
    liar.shows(vec![of(&first, 0, 5)]);
    until("the first arrives", || world[Belgium].holds(&first.record_id)).await;
    liar.shows(vec![of(&second, 1, 5)]);
    until("the second was shown", || liar.is_played()).await;
    france_is_heard(&world, "one").await;
    assert!(world[Belgium].store().hit_row(&second.record_id).is_none(), "another class");
    let third = good("third");
    liar.shows(vec![of(&third, 1, 4)]);
    until("the third was shown", || liar.is_played()).await;
    france_is_heard(&world, "two").await;
    assert!(world[Belgium].store().hit_row(&third.record_id).is_none(), "older grants");
    assert!(world[Belgium].holds(&first.record_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_poison_ends_the_pull_and_others_are_not_touched() {
    let (world, liar) = against_spain().await;
    let stranger = SecretKey::from_seed(&random());
    let poison = |n: usize| add(&good(&format!("poison-{n}")), &stranger);
    let entries: Vec<Entry> = (0..150).map(poison).collect();
    let late = good("late");
    let sheet = liar.sheet(&Belgium.id(), &[&late]);
    let mut last = shown(1, 150, vec![add(&late, liar.signer())], Some(sheet));
    last.grants = None;
    liar.shows(vec![shown(1, 0, entries, None), last]);
    until("the liar is found out", || world[Belgium].count_of(Act::Alarm) == 1).await;
    let refused = world[Belgium].events_of(Act::ReceiptRefused);
    let counts: u32 = refused.iter().map(|event| event.shared.count).sum();
    assert_eq!(counts, 150);
    assert_eq!(held_from(&world, Spain), 0, "the pull ended before the last message");
    france_is_heard(&world, "honest").await;
    let agreement = AGREEMENT.parse().unwrap();
    assert!(world[Belgium].store().classes(&Spain.id(), &agreement).is_empty());
}
