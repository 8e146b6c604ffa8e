//! What `init` and `officer add` make lets the right ones in, over real TLS.

use crate::kit::{Agency, enrolment};
use domain::time::{Clock as _, SystemClock};
use node::officer;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use wire::accept::{self, AcceptLimits};
use wire::connect::{DialFailure, DialLimits, Dialler, Target};
use wire::limits;
use wire::tls::Port;
use wire::tls::credentials::Credentials;
use wire::tls::registry::{CertificatePin, PeerEntry, PeerRegistry, Snapshot, Standing};

/// A registry made of manifests, as a node derives it.
fn registry(own: &Agency, knows: &[&Agency]) -> Arc<PeerRegistry> {
    let officers = vec![own.config().officer_authority().unwrap()];
    let mut snapshot = Snapshot::new(own.founded.manifest.agency.clone());
    snapshot = snapshot.with_officer_authorities(officers).unwrap();
    for agency in knows {
        let manifest = &agency.founded.manifest;
        let pins = manifest.node_authorities.iter();
        let authorities = pins.map(|pin| CertificatePin::from_bytes(*pin.as_bytes())).collect();
        let entry = PeerEntry { authorities, standing: Standing::Active };
        snapshot = snapshot.with_peer(manifest.agency.clone(), entry).unwrap();
    }
    PeerRegistry::new(snapshot)
}

fn node_credentials(agency: &Agency) -> Arc<Credentials> {
    let (chain, key) = agency.config().tls_files().unwrap();
    Credentials::from_pem(&chain, &key, SystemClock.now()).unwrap()
}

/// Opens a port of an agency's node and says where.
async fn open(agency: &Agency, port: Port, knows: &[&Agency]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let registry = registry(agency, knows);
    let credentials = node_credentials(agency);
    let limits = AcceptLimits::default();
    let incoming = accept::open(listener, port, &credentials, &registry, limits).unwrap();
    let router = limits::server().add_routes(tonic::service::Routes::default());
    tokio::spawn(accept::serve(router, incoming, std::future::pending()));
    address
}

async fn dial(
    port: Port,
    credentials: Arc<Credentials>,
    registry: Arc<PeerRegistry>,
    address: &str,
    agency: &Agency,
) -> Result<(), DialFailure> {
    let dialler = Dialler::new(port, credentials, registry, DialLimits::default());
    let agency = agency.founded.manifest.agency.clone();
    dialler.dial(Target { address: address.to_owned(), agency }).await.map(drop)
}

#[tokio::test]
async fn two_nodes_that_know_each_other_connect_and_a_stranger_does_not() {
    let now = SystemClock.now();
    let belgium = Agency::new("be-fedpol", "BE", now);
    let spain = Agency::new("es-pn", "ES", now);
    let stranger = Agency::new("es-pn", "ES", now);
    let address = open(&belgium, Port::Partner, &[&spain]).await;
    let dials = |agency: &Agency| {
        let registry = registry(agency, &[&belgium]);
        dial(Port::Partner, node_credentials(agency), registry, &address, &belgium)
    };
    dials(&spain).await.unwrap();
    // It has the name of Spain and an authority of its own.
    let refused = dials(&stranger).await.unwrap_err();
    assert!(matches!(refused, DialFailure::RefusedByPeer { .. }), "{refused}");
    // After a renewal under the same authority it still connects.
    node::init::renew_certificate(&spain.config(), now).unwrap();
    dials(&spain).await.unwrap();
}

#[tokio::test]
async fn an_enrolled_officer_reaches_the_officer_port_and_no_other() {
    let now = SystemClock.now();
    let belgium = Agency::new("be-fedpol", "BE", now);
    let spain = Agency::new("es-pn", "ES", now);
    let profile = |agency: &Agency| {
        let out = agency.path("out");
        officer::add(&agency.config(), &enrolment("BE-1042", out.clone()), now).unwrap();
        let read = |name: &str| std::fs::read(Path::new(&out).join(name)).unwrap();
        Credentials::from_pem(&read("BE-1042.pem"), &read("BE-1042.key"), now).unwrap()
    };
    let (ours, theirs) = (profile(&belgium), profile(&spain));
    let officers = open(&belgium, Port::Officer, &[&belgium, &spain]).await;
    let partners = open(&belgium, Port::Partner, &[&belgium, &spain]).await;
    let knows = || registry(&belgium, &[&belgium]);
    dial(Port::Officer, Arc::clone(&ours), knows(), &officers, &belgium).await.unwrap();
    for (credentials, port, address) in [
        (ours, Port::Partner, &partners),
        (theirs, Port::Officer, &officers),
        (node_credentials(&spain), Port::Officer, &officers),
    ] {
        let refused = dial(port, credentials, knows(), address, &belgium).await.unwrap_err();
        assert!(matches!(refused, DialFailure::RefusedByPeer { .. }), "{refused}");
    }
}
