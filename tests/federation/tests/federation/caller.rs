//! The rules of sync against a partner that pulls as it should not, with its real credentials.

use domain::event::Act;
use domain::refusal::RefusalCode;
use domain::signature::SecretKey;
use federation::cast::Agency::*;
use federation::draft::{link, now, random};
use federation::envoy::Envoy;
use federation::patience::until;
use federation::world::Federation;
use node::certificate::{Authority, Certifies};
use node::key_file::KeyKind;
use tonic::{Code, Status};
use wire::connect::DialFailure;
use wire::convert::status::refusal_of_status;
use wire::tls::Port;
use wire::tls::credentials::Credentials;
use wire::v1;

fn code_of(status: &Status) -> Option<RefusalCode> {
    refusal_of_status(status).unwrap().map(|refusal| refusal.code)
}

fn cursor(class_handle: Vec<u8>, position: u64) -> v1::Cursor {
    v1::Cursor { class_handle, position }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_bound_to_another_process_gets_nothing() {
    let mut world = Federation::of(&[Belgium, Spain]).await;
    world[Belgium].submit(link(Belgium, "page")).await.unwrap();
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let good = envoy.whole_view().await;
    let mut stale = good.clone();
    stale.incarnation = random::<16>().to_vec();
    let refused = envoy.pull(stale).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(envoy.pull(good.clone()).await.unwrap().iter().any(|m| m.section.is_some()));

    world[Belgium].kill();
    world[Belgium].start().await;
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let refused = envoy.pull(good).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "the process it was bound to is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_huge_requests_are_refused_and_the_node_goes_on() {
    let world = Federation::of(&[Belgium, Spain]).await;
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let good = envoy.whole_view().await;
    let with = |change: &dyn Fn(&mut v1::PullRequest)| {
        let mut wanted = good.clone();
        change(&mut wanted);
        wanted
    };
    let epoch = |random: Vec<u8>| Some(v1::Epoch { counter: 1, random });
    let malformed = [
        with(&|wanted| wanted.agreement = "NOT A NAME".to_owned()),
        with(&|wanted| wanted.agreement = "x".repeat(10_000)),
        with(&|wanted| wanted.incarnation.truncate(3)),
        with(&|wanted| wanted.epoch = epoch(vec![0; 15])),
        with(&|wanted| wanted.cursors = vec![cursor(vec![0; 17], 0)]),
        with(&|wanted| wanted.cursors = vec![cursor(vec![7; 16], 0), cursor(vec![7; 16], 1)]),
    ];
    for wanted in malformed {
        let refused = envoy.pull(wanted).await.unwrap_err();
        assert_eq!(code_of(&refused), Some(RefusalCode::Malformed), "{refused:?}");
    }
    let handle = |n: u32| [n.to_be_bytes().as_slice(), &[0; 12]].concat();
    let many = |count: u32| (0..count).map(|n| cursor(handle(n), 0)).collect::<Vec<_>>();
    let refused = envoy.pull(with(&|wanted| wanted.cursors = many(4_097))).await.unwrap_err();
    assert_eq!(code_of(&refused), Some(RefusalCode::TooLarge), "{refused:?}");
    // A list as long as allowed is read; that it names classes nobody granted is no harm.
    assert!(envoy.pull(with(&|wanted| wanted.cursors = many(4_096))).await.is_ok());
    let huge = with(&|wanted| wanted.cursors = many(200_000));
    assert!(envoy.pull(huge).await.is_err());

    let receipts = [None, Some(v1::Envelope::default())];
    for receipt in receipts {
        let message = v1::AcknowledgePurgeRequest { receipt };
        assert!(envoy.raw.acknowledge_purge(message).await.is_err());
    }
    assert_eq!(world[Belgium].count_of(Act::Purged), 0, "nobody's receipt is in the log");
    let ask = v1::AskRequest { tokens: vec![0; 17 * 32].into(), ..v1::AskRequest::default() };
    let refused = envoy.raw.ask(ask).await.unwrap_err();
    assert_eq!(code_of(&refused), Some(RefusalCode::Malformed));
    let id = world[Belgium].submit(link(Belgium, "after")).await.unwrap().record_id;
    until("the honest node is served", || world[Spain].holds(&id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_from_the_future_begins_a_new_history_and_the_sets_are_equal_again() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    let ids =
        world[Belgium].submit_all((0..5).map(|n| link(Belgium, &format!("p{n}"))).collect()).await;
    for partner in [Spain, France] {
        world.arrived(Belgium, partner, 5).await;
    }
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let wanted = envoy.whole_view().await;
    let messages = envoy.pull(wanted.clone()).await.unwrap();
    let handles = &messages[0].grants.as_ref().unwrap().class_handles;
    let (first, epoch) = (handles[0].clone(), messages[0].epoch.clone().unwrap());
    let future = v1::PullRequest {
        epoch: Some(epoch.clone()),
        grant_sequence: messages[0].grant_sequence,
        cursors: vec![cursor(first.clone(), 1_000)],
        ..wanted
    };
    let messages = envoy.pull(future).await.unwrap();
    let renewed = messages[0].epoch.clone().unwrap();
    assert!(renewed.counter > epoch.counter && renewed.random != epoch.random);
    let grants = &messages[0].grants.as_ref().unwrap().class_handles;
    assert!(!grants.contains(&first), "every handle is drawn again");
    let alarms = world[Belgium].events_of(Act::Alarm);
    assert_eq!(alarms.len(), 1);
    assert_eq!(alarms[0].shared.peer, Some(Spain.id()));

    // Spain's honest node, which knew the old history, drops it and takes the new one.
    until("Spain dropped the old view", || world[Spain].count_of(Act::Purged) > 0).await;
    world.arrived(Belgium, Spain, 5).await;
    assert!(ids.iter().all(|id| world[Spain].holds(id)));
    assert_eq!(world[Spain].store().count().foreign, 5);
    world.arrived(Belgium, France, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_are_each_partners_own_and_tell_nothing() {
    let world = Federation::of(&[Belgium, Spain, France]).await;
    world[Belgium].submit(link(Belgium, "page")).await.unwrap();
    let mut handles = Vec::new();
    for partner in [Spain, France] {
        let mut envoy = Envoy::dial(&world, partner, Belgium).await.unwrap();
        let wanted = envoy.whole_view().await;
        let messages = envoy.pull(wanted).await.unwrap();
        let granted = messages[0].grants.as_ref().unwrap().class_handles.clone();
        assert_eq!(granted.len(), 1);
        handles.extend(granted);
    }
    assert_ne!(handles[0], handles[1]);
    // With a handle of France's, Spain sees no more than without.
    let mut envoy = Envoy::dial(&world, Spain, Belgium).await.unwrap();
    let mut wanted = envoy.whole_view().await;
    wanted.cursors = vec![cursor(handles[1].clone(), 0)];
    let messages = envoy.pull(wanted).await.unwrap();
    let seen: Vec<_> = messages.iter().filter_map(|m| m.section.as_ref()).collect();
    assert!(seen.iter().all(|section| section.class_handle == handles[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_members_own_node_comes_in_at_the_partners_port() {
    let world = Federation::of(&[Belgium]).await;
    let issued = |authority: &Authority, own: &str, uri: &str| {
        let issued = authority.issue(&uri.parse().unwrap(), own, now(), 9).unwrap();
        Credentials::from_pem(issued.chain.as_bytes(), issued.key.as_bytes(), now()).unwrap()
    };
    let stranger = SecretKey::from_seed(&random());
    let stranger = Authority::new(&Spain.id(), Certifies::Nodes, stranger);
    let strangers_own = stranger.certificate(now()).unwrap();
    let key = world[Morocco].certifying_key(KeyKind::NodeAuthority);
    let moroccan = Authority::new(&Morocco.id(), Certifies::Nodes, key);
    let path = world[Morocco].home().join("tls").join("node-authority.pem");
    let moroccan_own = std::fs::read_to_string(path).unwrap();
    let forged = [
        ("an unknown authority", issued(&stranger, &strangers_own, "spiffe://es-pn/node/node-1")),
        ("another member's", issued(&moroccan, &moroccan_own, "spiffe://es-pn/node/node-1")),
        ("of no member", issued(&moroccan, &moroccan_own, "spiffe://xx-nobody/node/node-1")),
        ("Belgium's own name", issued(&moroccan, &moroccan_own, "spiffe://be-fedpol/node/node-1")),
    ];
    for (what, credentials) in forged {
        let refused = world[Belgium].dial_with(credentials, Port::Partner).await.err().unwrap();
        assert!(matches!(refused, DialFailure::RefusedByPeer { .. }), "{what}: {refused:?}");
    }
    let honest = issued(&moroccan, &moroccan_own, "spiffe://ma-dgsn/node/node-2");
    assert!(world[Belgium].dial_with(honest, Port::Partner).await.is_ok());
}
