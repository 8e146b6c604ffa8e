//! Who may dial a node: each is let in, or refused with the true reason on our side only.

use crate::kit::{
    Authority, Issued, MOROCCO, SPAIN, World, alert, ask, brazen_config, brazen_dial,
    brazen_dial_with, expired, listen, not_yet_valid, presenting,
};
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, IsCa};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::{kx_group, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, HandshakeKind, NamedGroup, SignatureScheme};
use std::sync::Arc;
use wire::connect::DialFailure;
use wire::tls::Port;
use wire::tls::registry::Standing;
use wire::tls::verify::{Expected, verify_chain};

#[tokio::test]
async fn a_partner_is_let_in_over_the_hybrid_group_and_known_by_name() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let channel = world.spain_dials().dial(node.target()).await.unwrap();
    let answer = ask(&channel, "hello").await.unwrap();
    assert_eq!(answer, "spiffe://es-policia/node/madrid Hybrid hello");
    assert!(node.gate.refusals().is_empty());

    let all = [kx_group::X25519, kx_group::SECP256R1, kx_group::X25519MLKEM768];
    let learned = brazen_dial(node.address, Some(&world.spanish_node()), &all).await.unwrap();
    assert_eq!(learned.group, NamedGroup::X25519MLKEM768);
}

#[tokio::test]
async fn classic_groups_are_refused_to_partners_and_allowed_to_officers() {
    let world = World::new();
    let classic = [kx_group::X25519, kx_group::SECP256R1];

    let partner = world.open(Port::Partner).await;
    let refused = brazen_dial(partner.address, Some(&world.spanish_node()), &classic).await;
    assert_eq!(alert(&refused.unwrap_err()), Some(AlertDescription::HandshakeFailure));
    partner.refused_only("weak-key-exchange", 1).await;

    let officer = world.open(Port::Officer).await;
    let learned = brazen_dial(officer.address, Some(&world.officer()), &classic).await.unwrap();
    assert_eq!(learned.group, NamedGroup::X25519);
    assert!(officer.gate.refusals().is_empty());
}

#[tokio::test]
async fn an_officer_is_let_in_at_the_own_node_only_and_never_on_the_partner_port() {
    let world = World::new();
    let node = world.open(Port::Officer).await;
    let dialler = world.dials(Port::Officer, &world.officer(), crate::kit::BELGIUM);
    let channel = dialler.dial(node.target()).await.unwrap();
    let answer = ask(&channel, "hello").await.unwrap();
    assert_eq!(answer, "spiffe://be-fedpol/officer/BE-1042 Hybrid hello");

    let refused = listen(&channel).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated, "that call is for nodes");

    let foreign = world.officers.issue(&["spiffe://es-policia/officer/ES-7"]);
    let dialler = world.dials(Port::Officer, &foreign, SPAIN);
    refused_by_peer(dialler.dial(node.target()).await.unwrap_err());
    node.refused_only("foreign-officer", 1).await;
}

#[tokio::test]
async fn each_wrong_certificate_is_refused_on_one_dial_with_its_own_reason() {
    let world = World::new();
    let stranger = Authority::new();
    let spanish = "spiffe://es-policia/node/madrid";
    let below = world.spain.below();
    let past = Authority::with(expired);
    let cases: Vec<(Port, Issued, &'static str)> = vec![
        (Port::Partner, stranger.issue(&[spanish]), "unknown-authority"),
        (Port::Partner, world.spanish_node().behind(&[]), "unknown-authority"),
        (Port::Partner, world.morocco.issue(&[spanish]), "foreign-authority"),
        (Port::Partner, world.officers.issue(&[spanish]), "foreign-authority"),
        (
            Port::Partner,
            world.morocco.issue(&[spanish]).behind(&[&world.morocco, &world.spain]),
            "foreign-authority",
        ),
        (Port::Partner, stranger.issue(&[spanish]).behind(&[&world.spain]), "not-signed"),
        (Port::Partner, below.issue(&[spanish]).behind(&[&below, &world.spain]), "not-signed"),
        (Port::Partner, past.issue(&[spanish]), "unknown-authority"),
        (Port::Partner, stranger.issue(&["spiffe://nl-politie/node/a"]), "unregistered-agency"),
        (
            Port::Partner,
            world.spain.issue(&["spiffe://be-fedpol/node/brussels"]),
            "unregistered-agency",
        ),
        (Port::Partner, world.spain.issue_with(&[spanish], expired), "expired"),
        (Port::Partner, world.spain.issue_with(&[spanish], not_yet_valid), "not-yet-valid"),
        (Port::Partner, world.officer(), "officer-in-place-of-node"),
        (Port::Officer, world.spanish_node(), "node-in-place-of-officer"),
        (
            Port::Officer,
            world.spain.issue(&["spiffe://be-fedpol/officer/BE-1042"]),
            "foreign-authority",
        ),
        (
            Port::Partner,
            world.spain.issue(&[spanish, "spiffe://ma-dgsn/node/rabat"]),
            "several-names",
        ),
        (Port::Partner, world.spain.issue(&[spanish, spanish]), "several-names"),
        (Port::Partner, world.spain.issue(&[]), "unnamed"),
        (Port::Partner, world.spain.issue(&["spiffe://es-policia/node/*"]), "malformed-name"),
        (
            Port::Partner,
            world.spain.issue_with(&[spanish], |params| {
                // The extension of the alternative names a second time, with another URI.
                let uri = b"spiffe://ma-dgsn/node/rabat";
                let mut second = vec![0x30, 2 + 27, 0x86, 27];
                second.extend_from_slice(uri);
                let names = CustomExtension::from_oid_content(&[2, 5, 29, 17], second);
                params.custom_extensions.push(names);
            }),
            "certificate-unreadable",
        ),
        (
            Port::Partner,
            world.spain.issue_with(&[spanish], |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
            "wrong-purpose",
        ),
        (
            Port::Partner,
            world.spain.issue_with(&[spanish], |params| params.extended_key_usages.clear()),
            "wrong-purpose",
        ),
        (
            Port::Partner,
            world.spain.issue_with(&[spanish], |params| {
                params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            }),
            "unacceptable-certificate",
        ),
        (
            Port::Partner,
            world.spanish_node().behind(&[&world.spain, &stranger, &below, &past]),
            "chain-too-long",
        ),
    ];
    for (port, issued, reason) in cases {
        let node = world.open(port).await;
        let error = brazen_dial(node.address, Some(&issued), &[kx_group::X25519MLKEM768])
            .await
            .unwrap_err();
        assert_eq!(alert(&error), Some(AlertDescription::CertificateUnknown), "{reason}");
        node.refused_only(reason, 1).await;
        assert_eq!(node.gate.connections(), 0);
    }
}

#[tokio::test]
async fn a_known_authority_that_may_not_sign_now_is_unfit() {
    let mut world = World::new();
    world.spain = Authority::with(expired);
    let node = world.open(Port::Partner).await;
    let group = [kx_group::X25519MLKEM768];
    assert!(brazen_dial(node.address, Some(&world.spanish_node()), &group).await.is_err());
    node.refused_only("authority-unfit", 1).await;
}

#[tokio::test]
async fn no_certificate_is_no_entry() {
    let world = World::new();
    for port in [Port::Partner, Port::Officer] {
        let node = world.open(port).await;
        let refused = brazen_dial(node.address, None, &[kx_group::X25519MLKEM768]).await;
        assert_eq!(alert(&refused.unwrap_err()), Some(AlertDescription::CertificateRequired));
        node.refused_only("no-certificate", 1).await;
    }
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_no_entry() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let own = Authority::new().issue(&[]);
    let stolen = Issued { chain: world.spanish_node().chain, ..own };
    let config = brazen_config(&[kx_group::X25519MLKEM768], |config| {
        config.with_client_cert_resolver(presenting(&stolen))
    });
    assert!(brazen_dial_with(node.address, config).await.is_err());
    node.refused_only("key-not-held", 1).await;
}

#[tokio::test]
async fn suspended_and_revoked_partners_are_refused_and_the_others_are_not() {
    let world = World::new();
    for (standing, reason) in [(Standing::Suspended, "suspended"), (Standing::Revoked, "revoked")] {
        let node = world.open(Port::Partner).await;
        node.registry.replace(world.known_to_belgium(standing));
        refused_by_peer(world.spain_dials().dial(node.target()).await.unwrap_err());
        node.refused_only(reason, 1).await;

        let rabat = world.morocco.issue(&["spiffe://ma-dgsn/node/rabat"]);
        let channel =
            world.dials(Port::Partner, &rabat, MOROCCO).dial(node.target()).await.unwrap();
        assert!(ask(&channel, "").await.unwrap().starts_with("spiffe://ma-dgsn/node/rabat"));
    }
}

#[tokio::test]
async fn a_revoked_officer_is_refused() {
    let world = World::new();
    let node = world.open(Port::Officer).await;
    let revoked = ["BE-1042".parse().unwrap()].into();
    let registry = world.known_to_belgium(Standing::Active).with_revoked_officers(revoked).unwrap();
    node.registry.replace(registry);
    let dialler = world.dials(Port::Officer, &world.officer(), crate::kit::BELGIUM);
    refused_by_peer(dialler.dial(node.target()).await.unwrap_err());
    node.refused_only("officer-revoked", 1).await;
}

#[tokio::test]
async fn sessions_are_not_resumed() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let issued = world.spanish_node();
    let config = brazen_config(&[kx_group::X25519MLKEM768], |config| {
        config.with_client_cert_resolver(presenting(&issued))
    });
    for _ in 0..2 {
        let learned = brazen_dial_with(node.address, config.clone()).await.unwrap();
        assert_eq!(learned.handshake, HandshakeKind::Full);
        assert_eq!(learned.tickets, 0);
    }
}

#[tokio::test]
async fn the_names_of_the_members_are_not_hinted() {
    #[derive(Debug)]
    struct Curious(Arc<CertifiedKey>, Arc<std::sync::Mutex<Option<usize>>>);
    impl ResolvesClientCert for Curious {
        fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            *self.1.lock().unwrap() = Some(hints.len());
            Some(Arc::clone(&self.0))
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let issued = world.spanish_node();
    let key = any_supported_type(&issued.private_key()).unwrap();
    let hints = Arc::default();
    let curious = Curious(Arc::new(CertifiedKey::new(issued.chain, key)), Arc::clone(&hints));
    let config = brazen_config(&[kx_group::X25519MLKEM768], |config| {
        config.with_client_cert_resolver(Arc::new(curious))
    });
    brazen_dial_with(node.address, config).await.unwrap();
    assert_eq!(*hints.lock().unwrap(), Some(0));
}

#[tokio::test]
async fn whoever_does_not_ask_for_http2_is_refused() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let issued = world.spanish_node();
    let mut config = brazen_config(&[kx_group::X25519MLKEM768], |config| {
        config.with_client_cert_resolver(presenting(&issued))
    });
    config.alpn_protocols.clear();
    assert!(brazen_dial_with(node.address, config.clone()).await.is_err());
    node.refused_only("not-http2", 1).await;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    assert!(brazen_dial_with(node.address, config).await.is_err());
    node.refused_only("not-http2", 2).await;
}

#[test]
fn no_damaged_certificate_is_accepted() {
    let world = World::new();
    let registry = world.known_to_belgium(Standing::Active);
    let chain = world.spanish_node().chain;
    let verify = |leaf: Vec<u8>, authority: Vec<u8>| {
        let (leaf, others) = (CertificateDer::from(leaf), [CertificateDer::from(authority)]);
        verify_chain(&Expected::CallingNode, &registry, &leaf, &others, UnixTime::now())
    };
    let (leaf, authority) = (chain[0].to_vec(), chain[1].to_vec());
    assert!(verify(leaf.clone(), authority.clone()).is_ok());
    for at in 0..leaf.len() {
        for mask in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = leaf.clone();
            damaged[at] ^= mask;
            assert!(verify(damaged, authority.clone()).is_err(), "byte {at} of the leaf");
        }
        assert!(verify(leaf[..at].to_vec(), authority.clone()).is_err(), "cut at {at}");
    }
    for at in 0..authority.len() {
        let mut damaged = authority.clone();
        damaged[at] ^= 0x01;
        assert!(verify(leaf.clone(), damaged).is_err(), "byte {at} of the authority");
    }
    let longer = [leaf, vec![0]].concat();
    assert!(verify(longer, authority).is_err());
}

fn refused_by_peer(failure: DialFailure) {
    let alert = u8::from(AlertDescription::CertificateUnknown);
    assert_eq!(failure, DialFailure::RefusedByPeer { alert });
    assert!(!failure.hint().is_empty());
}
