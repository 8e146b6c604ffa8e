//! Scenario 5: what its originator marked H1 is used in court when people of the originator permit it,
//! for the case that they name and for no other.

use crate::approval::{approval, hand_in, take_back, with_magistrates};
use domain::approval::{Approval, ApprovedAct, PendingApproval};
use domain::correction::{Changes, Correction};
use domain::court_use::{CourtUse, CourtUseOrder, CourtUseReceipt, PermissionQuestion};
use domain::event::Act;
use domain::indicator::Kind;
use domain::label::HandlingSet;
use domain::name::{CaseId, RecordId};
use domain::question::QuestionTerms;
use domain::record::Version;
use domain::refusal::RefusalCode;
use domain::report::Mode;
use domain::submission::Submission;
use domain::value::{Channel, Offence, Purpose, Urgency};
use federation::cast::{AGREEMENT, Agency, Agency::*, CLAUSE};
use federation::draft::{link, random};
use federation::envoy::{Envoy, code_of};
use federation::patience::{stays, until};
use federation::world::Federation;
use wire::client::CallFailure;

const CASE: &str = "Brussels, PN 9/2026";

fn for_belgium(path: &str) -> Submission {
    Submission { audience: [Belgium.id()].into(), ..link(Spain, path) }
}

async fn used(
    world: &Federation,
    id: RecordId,
    case: CaseId,
    reference: &str,
) -> Result<CourtUseReceipt, RefusalCode> {
    let order = CourtUseOrder { case, case_reference: reference.to_owned() };
    match world[Belgium].officer().await.use_in_court(id.into(), order).await {
        Ok(receipt) => Ok(receipt),
        Err(CallFailure::Refused(refusal)) => Err(refusal.code),
        Err(other) => panic!("{other}"),
    }
}

fn permission(by: &str, id: RecordId, holder: Agency, case: &str) -> Approval {
    let act = ApprovedAct::JudicialUse { case_reference: case.to_owned() };
    let purposes = [Purpose::Investigation, Purpose::Prosecution].into();
    Approval { act, purposes, ..approval(by, id, holder, Purpose::Investigation) }
}

async fn pending(world: &Federation) -> Vec<PendingApproval> {
    world[Spain].officer().await.list_approvals(None).await.unwrap().pending
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_record_is_used_in_court_only_as_its_originator_permits() {
    let world = with_magistrates(&[Belgium, Spain], 1).await;
    let id = world[Spain].submit(for_belgium("proof")).await.unwrap().record_id;
    until("Belgium has it", || world[Belgium].holds(&id)).await;
    let case = world[Belgium].open_case_for("BR20.F1.9/26", Purpose::Prosecution).await.case_id;

    let no = used(&world, id, case, CASE).await.unwrap();
    assert_eq!((no.state, no.persons.len(), no.until), (CourtUse::NotPermitted, 0, None));
    let waits = pending(&world).await;
    assert_eq!(waits.len(), 1);
    let act = ApprovedAct::JudicialUse { case_reference: CASE.to_owned() };
    assert_eq!((&waits[0].act, waits[0].needed), (&act, 1));
    assert_eq!((waits[0].record_id, &waits[0].peer), (id, &Belgium.id()));

    // Another case, another partner, a permission to share, an analyst: none of them serves.
    hand_in(&world, "ES-1", permission("ES-1", id, Belgium, "Brussels, PN 10/2026")).await.unwrap();
    hand_in(&world, "ES-1", permission("ES-1", id, France, CASE)).await.unwrap();
    let share = approval("ES-1", id, Belgium, Purpose::Investigation);
    hand_in(&world, "ES-1", share).await.unwrap();
    let analyst = hand_in(&world, "ES-3", permission("ES-3", id, Belgium, CASE)).await;
    assert_eq!(analyst, Err(RefusalCode::OfficerNotEntitled));
    assert_eq!(used(&world, id, case, CASE).await.unwrap().state, CourtUse::NotPermitted);

    // Nor does one that names the purposes of the record and not that of the case.
    let narrow = [Purpose::Investigation].into();
    let narrow = Approval { purposes: narrow, ..permission("ES-2", id, Belgium, CASE) };
    hand_in(&world, "ES-2", narrow).await.unwrap();
    assert_eq!(used(&world, id, case, CASE).await.unwrap().state, CourtUse::NotPermitted);

    let permitted = hand_in(&world, "ES-1", permission("ES-1", id, Belgium, CASE)).await.unwrap();
    assert_eq!((permitted.persons.len(), permitted.needed), (2, 1));
    assert_eq!(pending(&world).await, []);
    let yes = used(&world, id, case, CASE).await.unwrap();
    assert_eq!(yes.state, CourtUse::Permitted);
    assert_eq!(yes.persons, ["ES-1".parse().unwrap()]);
    assert!(yes.until.is_some() && yes.origin == Spain.id());
    let elsewhere = used(&world, id, case, "Brussels, PN 11/2026").await.unwrap();
    assert_eq!(elsewhere.state, CourtUse::NotPermitted);

    // Both logs hold the same exchange, and only the holder's says in which case of its own.
    let asked = world[Belgium].events_of(Act::PermissionAsked);
    let answered = world[Spain].events_of(Act::PermissionAnswered);
    let exchanges = |events: &[domain::event::Event]| {
        events.iter().map(|event| event.shared.exchange).collect::<Vec<_>>()
    };
    assert_eq!(exchanges(&asked), exchanges(&answered));
    assert_eq!(
        answered.iter().map(|event| event.shared.count).collect::<Vec<_>>(),
        [0, 0, 0, 2, 0]
    );
    assert_eq!(world[Belgium].count_of(Act::UsedInCourt), 1);
    assert_eq!(world[Belgium].count_of(Act::CourtUseRefused), 4);

    // Taken back, it counts no more.
    take_back(&world, "ES-2", &permitted).await;
    assert_eq!(used(&world, id, case, CASE).await.unwrap().state, CourtUse::NotPermitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_is_for_the_version_that_was_looked_at_and_asked_for_each_time() {
    let mut world = with_magistrates(&[Belgium, Spain], 1).await;
    let id = world[Spain].submit(for_belgium("proof")).await.unwrap().record_id;
    until("Belgium has it", || world[Belgium].holds(&id)).await;
    let case = world[Belgium].open_case("BR20.F1.9/26").await.case_id;
    hand_in(&world, "ES-1", permission("ES-1", id, Belgium, CASE)).await.unwrap();
    assert_eq!(used(&world, id, case, CASE).await.unwrap().state, CourtUse::Permitted);

    let own = world[Spain].open_case("ES/2026/3").await.case_id;
    let changes =
        Changes { valid_until: Some(federation::draft::now().plus_days(80)), ..Changes::default() };
    let (reason, expected) = ("shorter".to_owned(), None);
    let correction = Correction { case: own, reason, changes, expected };
    let officer = world[Spain].officer().await;
    let corrected = officer.correct(id.into(), correction, Mode::Real).await.unwrap();
    let version = |world: &Federation| world[Belgium].store().hit_row(&id).map(|row| row.version);
    until("Belgium has the new one", || version(&world) == Some(corrected.version)).await;
    assert_eq!(used(&world, id, case, CASE).await.unwrap().state, CourtUse::NotPermitted);

    world[Spain].stop().await;
    let silent = used(&world, id, case, CASE).await.unwrap();
    assert_eq!(silent.state, CourtUse::Unreachable);
    assert!(!silent.note.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_restricted_needs_nobody_and_what_is_disputed_or_gone_is_not_used() {
    let world = with_magistrates(&[Belgium, Spain], 1).await;
    let mut open = for_belgium("open");
    open.labels.handling = HandlingSet::EMPTY;
    let open = world[Spain].submit(open).await.unwrap().record_id;
    let closed = world[Spain].submit(for_belgium("closed")).await.unwrap().record_id;
    let own = world[Belgium].submit(link(Belgium, "own")).await.unwrap().record_id;
    until("Belgium has both", || world[Belgium].holds(&open) && world[Belgium].holds(&closed))
        .await;
    let case = world[Belgium].open_case("BR20.F1.9/26").await.case_id;
    assert_eq!(used(&world, open, case, CASE).await.unwrap().state, CourtUse::NotRestricted);
    assert_eq!(used(&world, own, case, CASE).await.unwrap().state, CourtUse::OwnRecord);
    assert_eq!(world[Spain].count_of(Act::PermissionAnswered), 0, "nobody was asked");

    let order = domain::dispute::DisputeOrder {
        case,
        reason: domain::dispute::DisputeReason::Outdated,
        note: None,
    };
    world[Belgium].officer().await.dispute_record(open.into(), order).await.unwrap();
    assert_eq!(used(&world, open, case, CASE).await, Err(RefusalCode::DisputeOpen));
    world[Spain].officer().await.withdraw(closed.into()).await.unwrap();
    until("it is gone", || world[Belgium].knows_withdrawn(&closed)).await;
    assert_eq!(used(&world, closed, case, CASE).await, Err(RefusalCode::Withdrawn));
    let nothing = RecordId::from_bytes(random());
    assert_eq!(used(&world, nothing, case, CASE).await, Err(RefusalCode::NotHeld));
    let no_case = CaseId::from_bytes(random());
    assert_eq!(used(&world, own, no_case, CASE).await, Err(RefusalCode::NoCase));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_not_sent_a_record_learns_nothing_by_asking() {
    let world = with_magistrates(&[Belgium, Spain], 1).await;
    let id = world[Spain].submit(for_belgium("proof")).await.unwrap().record_id;
    until("Belgium has it", || world[Belgium].holds(&id)).await;
    hand_in(&world, "ES-1", permission("ES-1", id, France, CASE)).await.unwrap();
    let question = |record_id| PermissionQuestion {
        terms: QuestionTerms {
            agreement: AGREEMENT.parse().unwrap(),
            clause: CLAUSE.parse().unwrap(),
            purpose: Purpose::Investigation,
            offence: Offence::MigrantSmuggling,
            kind: Kind::Url,
            channel: Channel::Analyst,
            urgency: Urgency::Normal,
            exercise: false,
        },
        record_id,
        version: Version::FIRST,
        case_reference: CASE.to_owned(),
    };
    let france = Envoy::dial(&world, France, Spain).await.unwrap();
    for asked in [id, RecordId::from_bytes(random())] {
        assert_eq!(france.client.ask_permission(question(asked), 5_000).await.unwrap(), []);
    }
    assert_eq!(pending(&world).await, [], "and nobody is bothered");
    let mut uncovered = question(id);
    uncovered.terms.agreement = "other-2026".parse().unwrap();
    let refused = france.client.ask_permission(uncovered, 5_000).await;
    assert!(matches!(refused, Err(CallFailure::Refused(_))), "{refused:?}");
    // A hostile case reference does not reach anybody.
    let mut raw = france.raw.clone();
    let mut request = wire::convert::court_use::to_question(question(id));
    request.case_reference = "\u{1b}[2J".to_owned();
    let status = raw.ask_permission(request).await.unwrap_err();
    assert_eq!(code_of(&status), Some(RefusalCode::Malformed));

    // The holder's questions have an end, and the node goes on serving it.
    let belgium = Envoy::dial(&world, Belgium, Spain).await.unwrap();
    let mut last = Ok(Vec::new());
    for number in 0..=domain::dispute::LETTERS_PER_DAY_MAX {
        let case_reference = format!("case {number}");
        let question = PermissionQuestion { case_reference, ..question(id) };
        last = belgium.client.ask_permission(question, 5_000).await;
    }
    assert!(
        matches!(last, Err(CallFailure::Refused(refusal)) if refusal.code == RefusalCode::QuotaSpent)
    );
    let waits = pending(&world).await.len();
    assert!(waits > 0 && waits <= domain::court_use::PERMISSIONS_WAITING_MAX, "{waits}");
    stays("Belgium keeps what it has", || world[Belgium].holds(&id)).await;
}
