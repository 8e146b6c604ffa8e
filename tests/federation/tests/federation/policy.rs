//! The policy tools against running nodes: how far a record reaches, and rules that officers sign.

use cedar_engine::{COMMON_FLOOR, Engine};
use domain::event::Act;
use domain::policy_consent::PolicyStep;
use domain::refusal::RefusalCode;
use domain::time::Timestamp;
use federation::cast::{AGREEMENT, Agency, Agency::*};
use federation::draft::{link, now};
use federation::patience::{stays, until};
use federation::signatory::Signatory;
use federation::world::Federation;
use node::officer::OfficerRole;
use policy::difference::{Change, Way};
use policy::proposal::{Authority, Frozen, Which};
use policy::reach::{Granted, Reach};
use policy::{Evaluator as _, Verdict};
use wire::client::CallFailure;

/// Belgium's policy without links among the kinds that are shared.
fn without_links() -> String {
    let kinds = "Kind::\"INVITE_CODE\", Kind::\"URL\", ";
    let narrowed = Belgium.policy().replace(kinds, "Kind::\"INVITE_CODE\", ");
    assert_ne!(narrowed, Belgium.policy());
    narrowed
}

/// A rule whose conditions exclude each other.
const NEVER_DECIDES: &str = "\n@id(\"BE98-both\")\n@reason(\"RED and AMBER at once.\")\n\
    forbid (principal, action == Action::\"Share\", resource)\n\
    when { resource.tlp == Tlp::\"RED\" && resource.tlp == Tlp::\"AMBER\" };\n";

fn refused<T: core::fmt::Debug>(result: Result<T, CallFailure>) -> (RefusalCode, String) {
    match result {
        Err(CallFailure::Refused(refusal)) => (refusal.code, refusal.rule.unwrap_or_default()),
        other => panic!("not refused: {other:?}"),
    }
}

fn row(reach: &Reach, partner: Agency) -> (Granted, Vec<(Way, Verdict)>) {
    let of = |one: &&policy::reach::PartnerReach| one.partner.labels.agency == partner.id();
    let row = reach.partners.iter().find(of).unwrap();
    (row.granted, row.ways.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_record_reaches_is_what_really_happens() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    let mut draft = link(Belgium, "for Spain alone");
    draft.audience = [Spain.id()].into();
    let id = world[Belgium].submit(draft).await.unwrap().record_id;
    until("Spain has it", || world[Spain].holds(&id)).await;
    let officer = world[Belgium].officer().await;
    let reach = officer.record_reach(id.into()).await.unwrap();
    assert_eq!(reach.partners.len(), 3);
    let (granted, ways) = row(&reach, Spain);
    assert_eq!(granted, Granted::Yes);
    let allowed =
        |verdict: &Verdict| matches!(verdict, Verdict::Allow { rules } if !rules.is_empty());
    assert!(ways.len() == 3 && ways.iter().all(|(_, verdict)| allowed(verdict)), "{ways:?}");
    let (granted, ways) = row(&reach, France);
    assert_eq!(granted, Granted::No);
    let unnamed = Verdict::Deny { rules: vec!["code.audience".to_owned()] };
    assert!(ways.iter().all(|(_, verdict)| *verdict == unnamed), "{ways:?}");
    assert!(!world[France].holds(&id));

    let census = world[Belgium].desk().census(&AGREEMENT.parse().unwrap()).unwrap();
    assert_eq!(census.classes.iter().map(|(_, records)| records).sum::<u64>(), 1);
    officer.withdraw(id.into()).await.unwrap();
    assert_eq!(refused(officer.record_reach(id.into()).await).0, RefusalCode::Withdrawn);
    // A partner's copy is for that partner to share.
    let copy = link(Spain, "of Spain");
    let copy = world[Spain].submit(copy).await.unwrap().record_id;
    until("Belgium has it", || world[Belgium].holds(&copy)).await;
    let (granted, ways) = row(&officer.record_reach(copy.into()).await.unwrap(), France);
    let not_ours = Verdict::Deny { rules: vec!["code.relay".to_owned()] };
    assert_eq!(granted, Granted::No);
    assert!(ways.iter().all(|(_, verdict)| *verdict == not_ours), "{ways:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn narrowing_takes_one_signature_and_widening_two() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "a page")).await.unwrap().record_id;
    until("Spain has it", || world[Spain].holds(&id)).await;
    let first = Signatory::of(&world[Belgium], "BE-71", OfficerRole::PolicyOfficer).await;
    let second = Signatory::of(&world[Belgium], "BE-72", OfficerRole::Magistrate).await;

    let narrowing = first.sign(&without_links()).await.unwrap();
    assert_eq!((narrowing.change, narrowing.signed_by.len()), (Change::Narrowing, 1));
    assert!(world[Spain].holds(&id), "a proposal changes nothing");
    let activated = first.activate(&narrowing).await.unwrap();
    assert_eq!(
        (activated.change, activated.signed_by),
        (Change::Narrowing, vec!["BE-71".parse().unwrap()])
    );
    until("it leaves Spain", || !world[Spain].holds(&id)).await;

    // Going back opens what was closed: one signature proposes it, and no more.
    let previous = first.client.read_policy(Which::Previous).await.unwrap();
    assert_eq!((previous.local.as_str(), previous.authority), (Belgium.policy(), Authority::File));
    let widening = first.sign(&previous.local).await.unwrap();
    assert_eq!(widening.change, Change::Widening);
    let again = first.sign(&previous.local).await.unwrap();
    assert_eq!(again.signed_by.len(), 1, "one officer signs once");
    let alone = refused(first.activate(&widening).await);
    assert_eq!(alone, (RefusalCode::NeedsApproval, "code.policy-signatures".to_owned()));
    stays("it stays at home", || !world[Spain].holds(&id)).await;

    // What was signed wins over the file, over a reload and over a start.
    world[Belgium].reload().await;
    world[Belgium].stop().await;
    world[Belgium].start().await;
    let first = Signatory::of_again(&world[Belgium], first).await;
    let second = Signatory::of_again(&world[Belgium], second).await;
    let active = first.client.read_policy(Which::Active).await.unwrap();
    assert_eq!((active.local, active.authority), (without_links(), Authority::Signatures));
    assert_eq!(first.client.list_proposals().await.unwrap(), [widening]);

    let complete = second.sign(Belgium.policy()).await.unwrap();
    assert_eq!(complete.signed_by.len(), 2);
    second.activate(&complete).await.unwrap();
    until("it comes back to Spain", || world[Spain].holds(&id)).await;
    assert_eq!(first.client.list_proposals().await.unwrap(), []);
    let said: Vec<_> = world[Belgium].events_of(Act::PolicyActivated);
    let last = said.last().unwrap();
    assert_eq!(last.local.officer.as_ref().unwrap().as_str(), "BE-72");
    assert!(last.local.note.as_ref().unwrap().contains("WIDENS"));
    assert!(last.local.note.as_ref().unwrap().contains("BE-71, BE-72"));
    let count = |act| world[Belgium].count_of(act);
    assert_eq!((count(Act::PolicyProposed), count(Act::PolicySigned)), (2, 1));
    assert_eq!(count(Act::PolicyRefused), 1);

    // Going back to what was narrower is a narrowing: one signature does.
    let before = first.client.read_policy(Which::Previous).await.unwrap();
    assert_eq!(before.local, without_links());
    let back = first.sign(&before.local).await.unwrap();
    assert_eq!(first.activate(&back).await.unwrap().change, Change::Narrowing);
    until("it leaves Spain again", || !world[Spain].holds(&id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_takes_one_signature_and_lifting_it_two() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let id = world[Belgium].submit(link(Belgium, "a page")).await.unwrap().record_id;
    until("Spain has it", || world[Spain].holds(&id)).await;
    let operator = Signatory::of(&world[Belgium], "BE-73", OfficerRole::Operator).await;
    let first = Signatory::of(&world[Belgium], "BE-71", OfficerRole::PolicyOfficer).await;
    let frozen = operator.freeze().await.unwrap();
    assert_eq!(frozen.change, Change::Narrowing);
    until("it leaves Spain", || !world[Spain].holds(&id)).await;
    let later = world[Belgium].submit(link(Belgium, "another")).await.unwrap().record_id;
    let from_spain = world[Spain].submit(link(Spain, "of Spain")).await.unwrap().record_id;
    until("Belgium still takes", || world[Belgium].holds(&from_spain)).await;
    stays("nothing leaves", || !world[Spain].holds(&later)).await;
    let text = first.client.read_policy(Which::Active).await.unwrap();
    assert_eq!(text.frozen, Frozen::Yes);
    let back = first.sign(Belgium.policy()).await.unwrap();
    assert_eq!(back.change, Change::Widening);
    assert_eq!(refused(first.activate(&back).await).0, RefusalCode::NeedsApproval);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_signed_for_is_not_put_in_force() {
    let world = Federation::of(&[Belgium]).await;
    let first = Signatory::of(&world[Belgium], "BE-71", OfficerRole::PolicyOfficer).await;
    let second = Signatory::of(&world[Belgium], "BE-72", OfficerRole::Magistrate).await;
    let clerk = Signatory::of(&world[Belgium], "BE-74", OfficerRole::Clerk).await;
    let rules = without_links();
    let of = first.weighed(&rules).await;
    let send = |who: &Signatory, consent, local: &str| {
        let (client, local) = (who.client.clone(), local.to_owned());
        async move { refused(client.sign_policy(local, consent).await) }
    };
    let role = (RefusalCode::OfficerNotEntitled, "code.policy-role".to_owned());
    let not_theirs = (RefusalCode::SignatureInvalid, "code.policy-consent".to_owned());
    let moved = (RefusalCode::VersionConflict, "code.policy-moved".to_owned());

    let by_clerk = clerk.consent(PolicyStep::Activate, of, now());
    assert_eq!(send(&clerk, by_clerk, &rules).await, role);
    assert_eq!(refused(clerk.freeze().await), role);
    let mut forged = first.consent(PolicyStep::Activate, of, now());
    forged.signatures[0].signature[9] ^= 1;
    assert_eq!(send(&first, forged, &rules).await, not_theirs);
    let of_first = first.consent(PolicyStep::Activate, of, now());
    assert_eq!(send(&second, of_first.clone(), &rules).await, not_theirs, "somebody else's");
    let yesterday = now().minus_ms(Timestamp::DAY_MS);
    let old = first.consent(PolicyStep::Activate, of, yesterday);
    assert_eq!(send(&first, old, &rules).await, not_theirs);
    let for_a_freeze = first.consent(PolicyStep::Freeze, of, now());
    assert_eq!(send(&first, for_a_freeze, &rules).await, not_theirs);
    assert_eq!(send(&first, of_first, Belgium.policy()).await, moved, "for other rules");
    let other_counts = first.consent(PolicyStep::Activate, (of.0, of.1, of.0), now());
    assert_eq!(send(&first, other_counts, &rules).await, moved);
    let broken = first.consent(PolicyStep::Activate, of, now());
    assert_eq!(send(&first, broken, "permit (").await.0, RefusalCode::Malformed);
    let idle = format!("{}{NEVER_DECIDES}", Belgium.policy());
    let of_idle = first.consent(PolicyStep::Activate, first.weighed(&idle).await, now());
    let never = (RefusalCode::Malformed, "code.policy-idle".to_owned());
    assert_eq!(send(&first, of_idle, &idle).await, never);
    assert_eq!(first.client.list_proposals().await.unwrap(), []);
    // What closes something must not wait for a rule to be mended.
    let closes = first.sign(&format!("{rules}{NEVER_DECIDES}")).await.unwrap();
    assert_eq!(closes.change, Change::Narrowing);

    // Signed for while nothing was held; one link more, and it would do something else.
    let proposal = first.sign(&rules).await.unwrap();
    world[Belgium].submit(link(Belgium, "a page")).await.unwrap();
    assert_eq!(refused(first.activate(&proposal).await), moved);
    // An officer who is revoked has signed nothing.
    let anew = first.sign(&rules).await.unwrap();
    node::officer::revoke(&world[Belgium].config, &first.officer).unwrap();
    assert_eq!(refused(second.activate(&anew).await).0, RefusalCode::NeedsApproval);
    let active = second.client.read_policy(Which::Active).await.unwrap();
    assert_eq!(active.bundle, Engine::load(COMMON_FLOOR, Belgium.policy()).unwrap().bundle_hash());
    assert_eq!(world[Belgium].count_of(Act::PolicyActivated), 1, "the start alone");
    assert_eq!(world[Belgium].count_of(Act::PolicyRefused), 12);
}
