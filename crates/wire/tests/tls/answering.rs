//! Who may answer a dial: a node that lies about itself is found out, and every failure has its name.

use crate::kit::{Authority, BELGIUM, MOROCCO, Running, SPAIN, World, ask, entry, expired};
use domain::time::{Clock as _, SystemClock};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wire::accept::AcceptLimits;
use wire::connect::{DialFailure, DialLimits, Dialler, Step, Target};
use wire::tls::Port;
use wire::tls::credentials::{Credentials, CredentialsRefused, authority_from_pem};
use wire::tls::refusal::IdentityRefusal;
use wire::tls::registry::{PeerRegistry, Snapshot, Standing};

/// What Spain knows of Belgium and Morocco.
fn known_to_spain(world: &World) -> Arc<PeerRegistry> {
    let snapshot = Snapshot::new(SPAIN.parse().unwrap())
        .with_peer(BELGIUM.parse().unwrap(), entry(&[&world.belgium], Standing::Active))
        .unwrap()
        .with_peer(MOROCCO.parse().unwrap(), entry(&[&world.morocco], Standing::Active))
        .unwrap();
    PeerRegistry::new(snapshot)
}

fn dialler(world: &World, limits: DialLimits) -> Dialler {
    let credentials = world.spanish_node().credentials();
    Dialler::new(Port::Partner, credentials, known_to_spain(world), limits)
}

fn to_belgium(address: SocketAddr) -> Target {
    Target { address: address.to_string(), agency: BELGIUM.parse().unwrap() }
}

/// A server of no scruples that presents this chain, and then says these bytes.
async fn impostor(issued: crate::kit::Issued, greeting: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(issued.chain.clone(), issued.private_key())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(socket).await {
                let _ = stream.write_all(greeting).await;
                let _ = stream.read_u8().await;
            }
        }
    });
    address
}

#[tokio::test]
async fn a_node_that_lies_about_its_identity_is_refused_with_the_reason() {
    let world = World::new();
    let claimed = || BELGIUM.parse().unwrap();
    let belgian = "spiffe://be-fedpol/node/brussels";
    let cases = [
        (
            world.morocco.issue(&["spiffe://ma-dgsn/node/rabat"]),
            IdentityRefusal::NotExpected {
                expected: claimed(),
                presented: MOROCCO.parse().unwrap(),
            },
        ),
        (
            world.morocco.issue(&[belgian]),
            IdentityRefusal::ForeignAuthority {
                claimed: claimed(),
                owner: MOROCCO.parse().unwrap(),
            },
        ),
        (
            Authority::new().issue(&[belgian]),
            IdentityRefusal::UnknownAuthority { claimed: claimed() },
        ),
        (
            world.belgium.issue_with(&[belgian], expired),
            IdentityRefusal::Expired { claimed: claimed() },
        ),
        (
            world.belgium.issue(&["spiffe://be-fedpol/officer/BE-1042"]),
            IdentityRefusal::OfficerInPlaceOfNode { claimed: claimed() },
        ),
        (
            world.belgium.issue_with(&[belgian], |params| {
                params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
            }),
            IdentityRefusal::WrongPurpose { claimed: claimed() },
        ),
    ];
    for (issued, reason) in cases {
        let address = impostor(issued, b"").await;
        let failure = dialler(&world, DialLimits::default()).dial(to_belgium(address)).await;
        assert_eq!(failure.unwrap_err(), DialFailure::IdentityRefused(reason));
    }
}

#[tokio::test]
async fn the_node_learns_that_we_refused_it_and_no_call_is_made() {
    let world = World::new();
    let rabat = world.morocco.issue(&["spiffe://ma-dgsn/node/rabat"]).credentials();
    let registry = PeerRegistry::new(
        Snapshot::new(MOROCCO.parse().unwrap())
            .with_peer(SPAIN.parse().unwrap(), entry(&[&world.spain], Standing::Active))
            .unwrap(),
    );
    let node = Running::start(Port::Partner, rabat, registry, AcceptLimits::default()).await;
    let channel = dialler(&world, DialLimits::default()).channel(node.target()).unwrap();
    let status = ask(&channel, "hello").await.unwrap_err();
    let failure = DialFailure::inside(&status).expect("the reason is inside the status");
    assert_eq!(failure.code(), "not-the-agency-dialled");
    node.refused_only("refused-by-caller", 1).await;
}

#[tokio::test]
async fn whatever_is_no_node_has_a_name() {
    let world = World::new();
    let limits = DialLimits { dial_ms_max: 2_000, greeting_ms_max: 300 };
    let dial = |address: SocketAddr| {
        let dialler = dialler(&world, limits);
        async move { dialler.dial(to_belgium(address)).await.unwrap_err() }
    };
    let node = || world.belgium.issue(&["spiffe://be-fedpol/node/brussels"]);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = dial(address).await;
    assert!(matches!(silent, DialFailure::TimedOut { step: Step::Handshaking, .. }), "{silent}");
    drop(listener);
    assert!(matches!(dial(address).await, DialFailure::Unreachable { .. }));

    let mute = dial(impostor(node(), b"").await).await;
    assert!(matches!(mute, DialFailure::TimedOut { step: Step::Greeting, .. }), "{mute}");
    for greeting in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\x00\x00\x00\x04\x01\x00\x00\x00\x00",
        b"\x00\x00\x05\x04\x00\x00\x00\x00\x00",
        b"\xff\xff\xff\x04\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x01",
    ] {
        let failure = dial(impostor(node(), greeting).await).await;
        assert!(matches!(failure, DialFailure::NotANode { .. }), "{failure}");
    }

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = plain.accept().await.unwrap();
        socket.write_all(b"220 mail.example.org ready\r\n").await.unwrap();
        let _ = socket.read_to_end(&mut Vec::new()).await;
        let (socket, _) = plain.accept().await.unwrap();
        drop(socket);
    });
    assert!(matches!(dial(address).await, DialFailure::NotANode { .. }));
    assert_eq!(dial(address).await, DialFailure::Closed);

    let nowhere = Target { address: "no port here".into(), agency: BELGIUM.parse().unwrap() };
    let failure = dialler(&world, limits).dial(nowhere).await.unwrap_err();
    assert!(matches!(failure, DialFailure::NoSuchAddress { .. }), "{failure}");
}

#[test]
fn credentials_that_no_peer_could_accept_are_refused_at_once() {
    let world = World::new();
    let now = SystemClock.now();
    let load = |pem: &str, key: &str| {
        Credentials::from_pem(pem.as_bytes(), key.as_bytes(), now).map(drop).unwrap_err()
    };
    let good = world.spanish_node();
    let leaf_only = good.pem.replace(&world.spain.pem, "");
    assert_eq!(load("", &good.key_pem), CredentialsRefused::NotPem { what: "certificate" });
    assert_eq!(load(&good.pem, ""), CredentialsRefused::NotPem { what: "private key" });
    assert_eq!(load(&good.pem, &good.pem), CredentialsRefused::NotPem { what: "private key" });
    assert_eq!(load(&leaf_only, &good.key_pem), CredentialsRefused::AuthorityMissing);
    let other = format!("{leaf_only}{}", world.morocco.pem);
    assert_eq!(load(&other, &good.key_pem), CredentialsRefused::AuthorityMissing);
    let another_key = world.spanish_node().key_pem;
    assert_eq!(load(&good.pem, &another_key), CredentialsRefused::KeyOfAnother);
    let huge = " ".repeat(1 << 20);
    assert_eq!(load(&huge, &good.key_pem), CredentialsRefused::TooLong { what: "certificate" });

    let old = world.spain.issue_with(&["spiffe://es-policia/node/madrid"], expired);
    let claimed = SPAIN.parse().unwrap();
    let refused = load(&old.pem, &old.key_pem);
    assert_eq!(refused, CredentialsRefused::Certificate(IdentityRefusal::Expired { claimed }));
    assert_eq!(refused.hint(), "renew the certificate");
    let authority = |pem: &str| authority_from_pem(pem.as_bytes(), now);
    assert_eq!(authority(&world.spain.pem), Ok(world.spain.pin()));
    assert_eq!(authority(&leaf_only), Err(CredentialsRefused::NotAnAuthority));
    assert_eq!(authority(&good.pem), Err(CredentialsRefused::NotAnAuthority));
    let past = Authority::with(expired);
    assert_eq!(authority(&past.pem), Err(CredentialsRefused::NotAnAuthority));
    assert_eq!(authority(""), Err(CredentialsRefused::NotPem { what: "certificate" }));
    assert_eq!(
        good.credentials().authority().as_bytes(),
        world.spain.pin().as_bytes(),
        "the manifest carries this hash"
    );
}
