//! What happens to a connection that is already made: revocation, renewal, age and the end.

use crate::kit::{BELGIUM, Running, SPAIN, World, ask, brazen_dial, entry, eventually, listen};
use domain::time::{Clock as _, SystemClock};
use rustls::crypto::aws_lc_rs::kx_group;
use std::time::{Duration, Instant};
use tonic::Streaming;
use wire::accept::AcceptLimits;
use wire::connect::{DialFailure, DialLimits, Dialler};
use wire::tls::Port;
use wire::tls::credentials::CredentialsRefused;
use wire::tls::registry::{Snapshot, Standing};

/// Reads a few messages, so that the stream is known to be alive.
async fn alive(stream: &mut Streaming<String>) {
    for _ in 0..3 {
        stream.message().await.unwrap().expect("the stream goes on");
    }
}

/// Reads until the stream fails, and says how long that took.
async fn dies(stream: &mut Streaming<String>) -> Duration {
    let begun = Instant::now();
    let reading = async { while let Ok(Some(_)) = stream.message().await {} };
    tokio::time::timeout(Duration::from_secs(5), reading).await.expect("the stream was not cut");
    begun.elapsed()
}

#[tokio::test]
async fn revocation_cuts_a_live_stream_of_that_peer_only() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let spain = world.spain_dials().dial(node.target()).await.unwrap();
    let rabat = world.morocco.issue(&["spiffe://ma-dgsn/node/rabat"]);
    let morocco = world.dials(Port::Partner, &rabat, crate::kit::MOROCCO);
    let morocco = morocco.dial(node.target()).await.unwrap();
    let mut of_spain = listen(&spain).await.unwrap();
    let mut of_morocco = listen(&morocco).await.unwrap();
    alive(&mut of_spain).await;
    alive(&mut of_morocco).await;

    node.registry.replace(world.known_to_belgium(Standing::Active));
    alive(&mut of_spain).await;
    node.registry.replace(world.known_to_belgium(Standing::Revoked));
    let took = dies(&mut of_spain).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    alive(&mut of_morocco).await;
    eventually("the place is free", || node.gate.connections() == 1).await;
    assert_eq!(node.gate.refusals()["revoked"], 1);

    let status = ask(&spain, "again").await.unwrap_err();
    let refused = DialFailure::inside(&status).expect("the channel dialled again and was refused");
    assert_eq!(refused.code(), "refused-by-peer");
}

#[tokio::test]
async fn the_dialler_hangs_up_on_a_node_that_it_revokes() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let registry = world.knows_belgium(SPAIN);
    let credentials = world.spanish_node().credentials();
    let limits = DialLimits::default();
    let dialler = Dialler::new(Port::Partner, credentials, registry.clone(), limits);
    let channel = dialler.dial(node.target()).await.unwrap();
    let mut stream = listen(&channel).await.unwrap();
    alive(&mut stream).await;
    registry.replace(Snapshot::new(SPAIN.parse().unwrap()));
    dies(&mut stream).await;
    let status = ask(&channel, "again").await.unwrap_err();
    assert_eq!(DialFailure::inside(&status).unwrap().code(), "unregistered-agency");
}

#[tokio::test]
async fn an_authority_is_rotated_without_a_gap_and_the_old_one_then_counts_no_more() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let old = world.spain_dials().dial(node.target()).await.unwrap();
    let mut of_old = listen(&old).await.unwrap();
    alive(&mut of_old).await;

    let next = crate::kit::Authority::new();
    let known = |authorities: &[&crate::kit::Authority]| {
        Snapshot::new(BELGIUM.parse().unwrap())
            .with_peer(SPAIN.parse().unwrap(), entry(authorities, Standing::Active))
            .unwrap()
    };
    node.registry.replace(known(&[&world.spain, &next]));
    alive(&mut of_old).await;
    let renewed = next.issue(&["spiffe://es-policia/node/madrid"]);
    let new = world.dials(Port::Partner, &renewed, SPAIN).dial(node.target()).await.unwrap();
    let mut of_new = listen(&new).await.unwrap();
    alive(&mut of_new).await;

    node.registry.replace(known(&[&next]));
    dies(&mut of_old).await;
    alive(&mut of_new).await;
    assert_eq!(node.gate.refusals()["authority-withdrawn"], 1);
}

#[tokio::test]
async fn renewed_credentials_count_from_the_next_handshake_and_keep_connections() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let channel = world.spain_dials().dial(node.target()).await.unwrap();
    let mut stream = listen(&channel).await.unwrap();
    alive(&mut stream).await;

    let now = SystemClock.now();
    let renewed = world.belgium.issue(&["spiffe://be-fedpol/node/brussels"]);
    let replace = |issued: &crate::kit::Issued| {
        let (chain, key) = (issued.pem.as_bytes(), issued.key_pem.as_bytes());
        node.credentials.replace_from_pem(chain, key, now)
    };
    let groups = [kx_group::X25519MLKEM768];
    let spanish = world.spanish_node();
    let before = brazen_dial(node.address, Some(&spanish), &groups).await.unwrap();
    assert_ne!(before.leaf, renewed.chain[0]);
    replace(&renewed).unwrap();
    let after = brazen_dial(node.address, Some(&spanish), &groups).await.unwrap();
    assert_eq!(after.leaf, renewed.chain[0]);
    alive(&mut stream).await;

    let another = world.belgium.issue(&["spiffe://be-fedpol/node/antwerp"]);
    assert_eq!(replace(&another), Err(CredentialsRefused::AnotherIdentity));
    let still = brazen_dial(node.address, Some(&spanish), &groups).await.unwrap();
    assert_eq!(still.leaf, renewed.chain[0]);
}

#[tokio::test]
async fn a_connection_has_a_greatest_age() {
    let world = World::new();
    let limits = AcceptLimits { connection_age_ms_max: 200, ..AcceptLimits::default() };
    let node = world.open_with(Port::Partner, limits).await;
    let channel = world.spain_dials().dial(node.target()).await.unwrap();
    let mut stream = listen(&channel).await.unwrap();
    alive(&mut stream).await;
    dies(&mut stream).await;
    ask(&channel, "a new connection is made").await.unwrap();
}

#[tokio::test]
async fn a_stop_closes_the_port_lets_calls_end_and_cuts_what_does_not_end() {
    let world = World::new();
    let limits = AcceptLimits { shutdown_grace_ms: 300, ..AcceptLimits::default() };
    let node = world.open_with(Port::Partner, limits).await;
    let channel = world.spain_dials().dial(node.target()).await.unwrap();
    let mut stream = listen(&channel).await.unwrap();
    alive(&mut stream).await;

    let Running { stop, served, gate, address, .. } = node;
    let begun = Instant::now();
    stop.send(()).unwrap();
    alive(&mut stream).await;
    let target =
        wire::connect::Target { address: address.to_string(), agency: BELGIUM.parse().unwrap() };
    let failure = world.spain_dials().dial(target).await.unwrap_err();
    assert!(matches!(failure, DialFailure::Unreachable { .. }), "{failure}");
    dies(&mut stream).await;
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap().unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(290), "{took:?}");
    assert_eq!(gate.connections(), 0);
}

#[tokio::test]
async fn a_stop_without_calls_is_immediate() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let channel = world.spain_dials().dial(node.target()).await.unwrap();
    ask(&channel, "done").await.unwrap();
    node.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(3), node.served).await.unwrap().unwrap().unwrap();
}
