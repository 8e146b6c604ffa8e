//! A policy that is narrowed while the nodes run takes back what it let out, and is seen to.

use domain::event::Act;
use domain::indicator::Kind;
use federation::cast::{ALL, Agency::*};
use federation::draft::{link, submission};
use federation::envoy::Envoy;
use federation::patience::{WATCH, stays, until};
use federation::signatory::Signatory;
use federation::world::Federation;
use node::error::NodeError;
use node::officer::OfficerRole;
use std::time::{Duration, Instant};

/// Belgium's policy without links among the kinds that are shared.
fn without_links() -> String {
    let narrowed = Belgium
        .policy()
        .replace("Kind::\"INVITE_CODE\", Kind::\"URL\", ", "Kind::\"INVITE_CODE\", ");
    assert_ne!(narrowed, Belgium.policy());
    narrowed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_policy_drops_the_class_everywhere_and_a_widened_one_brings_it_back() {
    let world = Federation::four().await;
    let links = (0..5).map(|n| link(Belgium, &format!("page-{n}"))).collect();
    let links = world[Belgium].submit_all(links).await;
    let file = submission(Belgium, Kind::Sha256, "picture of a boat");
    let file = world[Belgium].submit(file).await.unwrap().record_id;
    for partner in Belgium.others() {
        world.arrived(Belgium, partner, 6).await;
    }

    world[Belgium].set_policy(&without_links());
    world[Belgium].reload().await;
    for partner in Belgium.others() {
        world.arrived(Belgium, partner, 1).await;
        assert!(world[partner].holds(&file), "the other class is untouched");
        assert!(links.iter().all(|id| world[partner].store().record(id).unwrap().is_none()));
    }
    until("every partner's receipt is in the log", || {
        let receipts = world[Belgium].events_of(Act::Purged);
        Belgium.others().all(|partner| {
            let mut of_partner =
                receipts.iter().filter(|event| event.shared.peer == Some(partner.id()));
            of_partner.any(|event| event.shared.exchange.is_some())
        })
    })
    .await;
    for partner in Belgium.others() {
        assert_eq!(world[partner].count_of(Act::Purged), 1);
    }

    // What is handed in now stays home, until the policy is wide again.
    let later = world[Belgium].submit(link(Belgium, "later")).await.unwrap();
    stays("the links are at home", || {
        Belgium.others().all(|one| world[one].records_from(Belgium) == 1)
    })
    .await;
    // One person with an editor opens nothing: two officers sign for it.
    world[Belgium].set_policy(Belgium.policy());
    let widened = world[Belgium].try_reload().await;
    assert!(matches!(widened, Err(NodeError::PolicyWidens { .. })), "{widened:?}");
    stays("the links are still at home", || {
        Belgium.others().all(|one| world[one].records_from(Belgium) == 1)
    })
    .await;
    let refused = world[Belgium].events_of(Act::PolicyRefused);
    assert_eq!(refused[0].local.rule.as_deref(), Some("code.policy-signatures"));
    let first = Signatory::of(&world[Belgium], "BE-71", OfficerRole::PolicyOfficer).await;
    let second = Signatory::of(&world[Belgium], "BE-72", OfficerRole::Magistrate).await;
    first.sign(Belgium.policy()).await.unwrap();
    let proposal = second.sign(Belgium.policy()).await.unwrap();
    second.activate(&proposal).await.unwrap();
    for partner in Belgium.others() {
        world.arrived(Belgium, partner, 7).await;
        assert!(world[partner].holds(&later.record_id));
        assert!(links.iter().all(|id| world[partner].holds(id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_opens_more_is_not_followed_at_a_start_either() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    world[Belgium].set_policy(&without_links());
    world[Belgium].reload().await;
    world[Belgium].stop().await;
    world[Belgium].set_policy(Belgium.policy());
    world[Belgium].start().await;
    world.linked(&[Belgium, Spain]).await;
    let link = world[Belgium].submit(link(Belgium, "page")).await.unwrap().record_id;
    let file = submission(Belgium, Kind::Sha256, "picture of a boat");
    let file = world[Belgium].submit(file).await.unwrap().record_id;
    until("the other class arrives", || world[Spain].holds(&file)).await;
    stays("the link does not", || !world[Spain].holds(&link)).await;
    assert_eq!(world[Belgium].count_of(Act::PolicyRefused), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_narrows_takes_no_more_and_the_origin_is_not_told() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let before = world[Belgium].submit(link(Belgium, "before")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&before)).await;
    let narrowed = format!(
        "{}\n@id(\"ES99-no-links\")\n@reason(\"No links for now.\")\n\
         forbid (principal, action == Action::\"Receive\", resource)\n\
         when {{ resource.kind == Kind::\"URL\" }};\n",
        Spain.policy()
    );
    world[Spain].set_policy(&narrowed);
    world[Spain].reload().await;
    world[Belgium].submit(link(Belgium, "after")).await.unwrap();
    until("the refusal is in the log", || world[Spain].count_of(Act::ReceiptRefused) == 1).await;
    let refused = world[Spain].events_of(Act::ReceiptRefused);
    assert!(refused[0].local.code.is_some() && refused[0].shared.code.is_none());
    stays("one record", || world[Spain].records_from(Belgium) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_read_leaves_the_old_one_in_force() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let before = world[Belgium].submit(link(Belgium, "before")).await.unwrap().record_id;
    until("it arrives", || world[Spain].holds(&before)).await;
    world[Belgium].set_policy("permit (principal, action, resource");
    assert!(world[Belgium].try_reload().await.is_err());
    let after = world[Belgium].submit(link(Belgium, "after")).await.unwrap().record_id;
    until("sharing goes on", || world[Spain].holds(&after)).await;
}

/// R3: whoever narrows waits for what was let through before, and not for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_narrower_policy_is_in_force_when_what_was_let_through_before_has_left() {
    let mut world = Federation::found();
    world.hand_out(&world.signed_by(&ALL));
    world.start(&[Belgium]).await;
    let links = (0..6_000).map(|number| link(Belgium, &format!("page-{number}")));
    world[Belgium].submit_all(links.collect()).await;
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let wanted = envoy.whole_view().await;
    // It opens the stream and does not read.
    let unread = envoy.raw.pull(wanted).await.unwrap().into_inner();
    let (mut sent, mut since) = (0, Instant::now());
    until("a batch waits for the partner", || {
        let shared = world[Belgium].count_of(Act::Shared);
        if shared != sent || world[Belgium].desk().undrained(u64::MAX).is_empty() {
            (sent, since) = (shared, Instant::now());
        }
        sent > 0 && since.elapsed() > Duration::from_secs(1)
    })
    .await;
    let narrowed = format!(
        "{}\n@id(\"BE92-nothing\")\n@reason(\"Nothing to Spain for now.\")\n\
         forbid (principal, action == Action::\"Share\", resource)\n\
         when {{ principal == Agency::\"es-pn\" }};\n",
        Belgium.policy()
    );
    world[Belgium].set_policy(&narrowed);
    {
        let mut narrowing = std::pin::pin!(world[Belgium].reload());
        let early = tokio::time::timeout(Duration::from_millis(500), &mut narrowing).await;
        assert!(early.is_err(), "it waits for the batch");
        drop(unread);
        tokio::time::timeout(WATCH, narrowing).await.expect("and for nothing else");
    }
    let shared = world[Belgium].count_of(Act::Shared);
    assert!(world[Belgium].desk().undrained(u64::MAX).is_empty());
    let wanted = envoy.whole_view().await;
    let messages = envoy.pull(wanted).await.unwrap();
    assert!(messages.iter().all(|message| message.section.is_none()), "nothing leaves after it");
    assert_eq!(world[Belgium].count_of(Act::Shared), shared);
}
