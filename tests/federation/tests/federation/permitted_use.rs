//! What the signed terms let a partner do with what it got, who is said to have it, and how long what
//! people approved is kept.

use crate::approval::{approval, hand_in, take_back, with_magistrates};
use agreement::terms::EvidenceRule;
use domain::approval::{Approval, ApprovedAct};
use domain::court_use::{CourtUse, CourtUseOrder};
use domain::event::Act;
use domain::label::{HandlingSet, Labels};
use domain::name::{CaseId, RecordId};
use domain::refusal::{Refusal, RefusalCode};
use domain::report::CaseOpening;
use domain::submission::Submission;
use domain::value::{Handling, Offence, Purpose, Tlp};
use federation::cast::{AGREEMENT, Agency::*, CLAUSE};
use federation::draft::{labels, link, now};
use federation::patience::until;
use federation::world::Federation;
use policy::Verdict;
use policy::difference::Way;
use policy::reach::Granted;
use store::Table;
use wire::client::CallFailure;

const CASE: &str = "Brussels, PN 9/2026";

/// Spain's own, for Belgium, with these handling codes.
fn for_belgium(path: &str, handling: HandlingSet) -> Submission {
    let labels = Labels { handling, ..labels(Tlp::Amber) };
    Submission { audience: [Belgium.id()].into(), labels, ..link(Spain, path) }
}

async fn case_of(world: &Federation, offence: Offence) -> CaseId {
    let opening = CaseOpening {
        agreement: AGREEMENT.parse().unwrap(),
        clause: CLAUSE.parse().unwrap(),
        purpose: Purpose::Investigation,
        offence,
        reference: "BR20.F1.9/26".to_owned(),
        open_days: 30,
    };
    world[Belgium].officer().await.open_case(opening).await.unwrap().case_id
}

async fn used(world: &Federation, id: RecordId, case: CaseId) -> Result<CourtUse, Refusal> {
    let order = CourtUseOrder { case, case_reference: CASE.to_owned() };
    match world[Belgium].officer().await.use_in_court(id.into(), order).await {
        Ok(receipt) => Ok(receipt.state),
        Err(CallFailure::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_of_another_offence_takes_the_originators_permission() {
    let world = with_magistrates(&[Belgium, Spain], 1).await;
    let open = for_belgium("open", HandlingSet::EMPTY);
    let id = world[Spain].submit(open).await.unwrap().record_id;
    until("Belgium has it", || world[Belgium].holds(&id)).await;
    let same = case_of(&world, Offence::MigrantSmuggling).await;
    assert_eq!(used(&world, id, same).await, Ok(CourtUse::NotRestricted));
    let other = case_of(&world, Offence::TraffickingInPersons).await;
    assert_eq!(used(&world, id, other).await, Ok(CourtUse::NotPermitted));
    let officer = world[Spain].officer().await;
    let pending = officer.list_approvals(None).await.unwrap().pending;
    let asked_for = Some((Purpose::Investigation, Offence::TraffickingInPersons));
    assert_eq!((pending.len(), pending[0].asked_for), (1, asked_for));
    let act = ApprovedAct::JudicialUse { case_reference: CASE.to_owned() };
    let permission = Approval { act, ..approval("ES-1", id, Belgium, Purpose::Investigation) };
    hand_in(&world, "ES-1", permission).await.unwrap();
    assert_eq!(used(&world, id, other).await, Ok(CourtUse::Permitted));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_formal_requests_count_nothing_shared_is_used_in_court() {
    let mut world = Federation::found();
    world.terms.evidence_rule = EvidenceRule::FormalRequestOnly;
    world.hand_out(&world.signed_by(&federation::cast::ALL));
    world.start(&[Belgium, Spain]).await;
    world.linked(&[Belgium, Spain]).await;
    let own = world[Belgium].submit(link(Belgium, "own")).await.unwrap().record_id;
    let mut ids = Vec::new();
    for (path, handling) in
        [("free", HandlingSet::EMPTY), ("h1", HandlingSet::EMPTY.with(Handling::H1))]
    {
        ids.push(world[Spain].submit(for_belgium(path, handling)).await.unwrap().record_id);
    }
    until("Belgium has both", || ids.iter().all(|id| world[Belgium].holds(id))).await;
    let case = case_of(&world, Offence::MigrantSmuggling).await;
    for id in ids {
        let refused = used(&world, id, case).await.unwrap_err();
        assert_eq!(refused.code, RefusalCode::RuleDenied);
        assert_eq!(refused.rule.as_deref(), Some("code.evidence-rule"));
    }
    assert_eq!(used(&world, own, case).await, Ok(CourtUse::OwnRecord), "nobody else's rule");
    assert_eq!(world[Belgium].count_of(Act::PermissionAsked), 0, "nobody is asked in vain");
    assert_eq!(world[Belgium].count_of(Act::CourtUseRefused), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_given_by_approval_is_shown_as_granted_and_its_approvals_have_an_end() {
    let world = with_magistrates(&[Belgium, Spain, Morocco], 1).await;
    let restricted = for_belgium("one", HandlingSet::EMPTY.with(Handling::H2));
    let id = world[Spain].submit(restricted).await.unwrap().record_id;
    let officer = world[Spain].officer().await;
    let reach = async || {
        let reach = officer.record_reach(id.into()).await.unwrap();
        let is_morocco =
            |one: &&policy::reach::PartnerReach| one.partner.labels.agency == Morocco.id();
        let row = reach.partners.iter().find(is_morocco).unwrap();
        let hand = row.ways.iter().find(|(way, _)| *way == Way::Hand).unwrap();
        (row.granted, matches!(hand.1, Verdict::Allow { .. }))
    };
    assert_eq!(reach().await, (Granted::No, false));
    let given = approval("ES-1", id, Morocco, Purpose::Investigation);
    let given = hand_in(&world, "ES-1", given).await.unwrap();
    until("Morocco has it", || world[Morocco].holds(&id)).await;
    assert_eq!(reach().await, (Granted::Yes, true));

    // What came by approval is forgotten with the record, and what ended after its time.
    let received = || world[Morocco].store().scan(Table::Approval, b"r", None, 8).unwrap().len();
    let own = || world[Spain].store().scan(Table::Approval, b"a", None, 8).unwrap().len();
    let go_on = || false;
    assert_eq!((received(), own()), (1, 1));
    let desk = world[Morocco].desk();
    assert_eq!(desk.forget_approvals(&go_on).await.unwrap(), 0, "the record is here");
    take_back(&world, "ES-2", &given).await;
    until("Morocco drops it", || !world[Morocco].holds(&id) && received() == 0).await;
    assert_eq!(reach().await, (Granted::No, false));

    let desk = world[Spain].desk();
    assert_eq!(desk.forget_approvals(&go_on).await.unwrap(), 0, "it could be handed in again");
    let after_its_end = now().plus_days(6);
    assert_eq!(desk.forget_approvals_before(after_its_end, &go_on).await.unwrap(), 1);
    assert_eq!(own(), 0);
    assert_eq!(officer.list_approvals(None).await.unwrap().approvals, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_copy_takes_the_approvals_that_it_came_by_along() {
    let world = with_magistrates(&[Spain, Morocco], 1).await;
    let restricted = for_belgium("one", HandlingSet::EMPTY.with(Handling::H2));
    let id = world[Spain].submit(restricted).await.unwrap().record_id;
    let given = approval("ES-1", id, Morocco, Purpose::Investigation);
    hand_in(&world, "ES-1", given).await.unwrap();
    until("Morocco has it", || world[Morocco].holds(&id)).await;
    let received = || world[Morocco].store().scan(Table::Approval, b"r", None, 8).unwrap().len();
    assert_eq!(received(), 1);
    let order = store::Batch::new().with(store::Change::Erase { record_ids: vec![id] });
    world[Morocco].store().commit(order).await.unwrap();
    assert_eq!(world[Morocco].desk().forget_approvals(&|| false).await.unwrap(), 1);
    assert_eq!(received(), 0);
}
