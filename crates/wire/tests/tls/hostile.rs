//! Callers who do not want in, but want everybody else out.

use crate::kit::{World, ask, eventually};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::accept::AcceptLimits;
use wire::connect::DialFailure;
use wire::tls::Port;

/// A `ClientHello` of TLS 1.2 (RFC 5246, section 7.4.1.2): no `supported_versions`.
const OLD_HELLO: &[u8] = b"\x16\x03\x01\x00\x4d\x01\x00\x00\x49\x03\x03\
    \x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\
    \x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\
    \x00\x00\x04\xc0\x2b\xc0\x2f\x01\x00\x00\x1c\
    \x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17\
    \x00\x0b\x00\x02\x01\x00\
    \x00\x0d\x00\x08\x00\x06\x04\x03\x08\x04\x04\x01";

/// A partner is still served, and quickly.
async fn assert_served(world: &World, node: &crate::kit::Running) {
    let begun = Instant::now();
    let channel = world.spain_dials().dial(node.target()).await.unwrap();
    ask(&channel, "still there?").await.unwrap();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

async fn say(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn tls_1_2_gets_the_alert_protocol_version() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let answer = say(node.address, OLD_HELLO).await;
    assert_eq!(answer, b"\x15\x03\x03\x00\x02\x02\x46");
    node.refused_only("old-protocol", 1).await;
}

#[tokio::test]
async fn garbage_does_not_stop_the_port() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    say(node.address, b"GET / HTTP/1.1\r\n\r\n").await;
    say(node.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    say(node.address, &[0xff; 4096]).await;
    let mut torn = OLD_HELLO.to_vec();
    // The length of the session id: more than there is, and more than is allowed.
    torn[43] = 0xff;
    say(node.address, &torn).await;
    node.refused_only("not-tls", 4).await;
    assert_served(&world, &node).await;
}

#[tokio::test]
async fn a_reset_in_the_handshake_does_not_stop_the_port() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    for length in [0, 1, 5, 40] {
        let mut socket = TcpStream::connect(node.address).await.unwrap();
        socket.write_all(&OLD_HELLO[..length]).await.unwrap();
        socket.set_zero_linger().unwrap();
        drop(socket);
    }
    node.refused_only("lost", 4).await;
    assert_served(&world, &node).await;
}

#[tokio::test]
async fn hundreds_of_silent_sockets_do_not_keep_a_partner_out() {
    let world = World::new();
    let limits = AcceptLimits { pending_max: 64, ..AcceptLimits::default() };
    let node = world.open_with(Port::Partner, limits).await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(TcpStream::connect(node.address).await.unwrap());
    }
    eventually("the places are taken", || node.gate.refusals().contains_key("displaced")).await;
    assert_served(&world, &node).await;
    eventually("the oldest made room", || node.gate.refusals()["displaced"] >= 336).await;
}

#[tokio::test]
async fn silence_and_drops_of_bytes_end_at_the_deadline() {
    let world = World::new();
    let limits = AcceptLimits { handshake_ms_max: 300, ..AcceptLimits::default() };
    let node = world.open_with(Port::Partner, limits).await;
    let begun = Instant::now();
    assert_eq!(say(node.address, b"").await, b"");
    let took = begun.elapsed();
    assert!((Duration::from_millis(250)..Duration::from_secs(3)).contains(&took), "{took:?}");
    node.refused_only("slow", 1).await;

    let mut socket = TcpStream::connect(node.address).await.unwrap();
    for byte in OLD_HELLO {
        if socket.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.refused_only("slow", 2).await;
}

#[tokio::test]
async fn the_ninth_connection_of_a_partner_is_told_that_there_is_no_place() {
    let world = World::new();
    let node = world.open(Port::Partner).await;
    let dialler = world.spain_dials();
    let mut channels = Vec::new();
    for _ in 0..8 {
        channels.push(dialler.dial(node.target()).await.unwrap());
    }
    assert_eq!(node.gate.connections(), 8);
    assert_eq!(dialler.dial(node.target()).await.unwrap_err(), DialFailure::PeerFull);
    node.refused_only("too-many-of-caller", 1).await;

    let rabat = world.morocco.issue(&["spiffe://ma-dgsn/node/rabat"]);
    let morocco = world.dials(Port::Partner, &rabat, crate::kit::MOROCCO);
    morocco.dial(node.target()).await.expect("another agency has places of its own");

    drop(channels);
    eventually("the places are free again", || node.gate.connections() == 0).await;
    dialler.dial(node.target()).await.unwrap();
}

#[tokio::test]
async fn a_port_has_an_end_too() {
    let world = World::new();
    let limits = AcceptLimits { connections_max: 1, ..AcceptLimits::default() };
    let node = world.open_with(Port::Partner, limits).await;
    let first = world.spain_dials().dial(node.target()).await.unwrap();
    let rabat = world.morocco.issue(&["spiffe://ma-dgsn/node/rabat"]);
    let morocco = world.dials(Port::Partner, &rabat, crate::kit::MOROCCO);
    assert_eq!(morocco.dial(node.target()).await.unwrap_err(), DialFailure::PeerFull);
    node.refused_only("too-many", 1).await;
    drop(first);
}

/// Runs itself again as a child process that may only open 48 files, and takes them all.
#[cfg(unix)]
#[test]
fn running_out_of_descriptors_is_survived() {
    const CHILD: &str = "MALINES_TEST_FEW_DESCRIPTORS";
    if std::env::var_os(CHILD).is_some() {
        return starve();
    }
    let this = std::env::current_exe().unwrap();
    let child = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 48 && exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", "hostile::running_out_of_descriptors_is_survived", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn starve() {
    let world = World::new();
    let limits = AcceptLimits { handshake_ms_max: 60_000, ..AcceptLimits::default() };
    let node = world.open_with(Port::Partner, limits).await;
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    // Three descriptors become three callers, without a chance for the port to run in between, and
    // none is left to accept them with.
    files.truncate(files.len() - 3);
    let connect = |_| std::net::TcpStream::connect(node.address).unwrap();
    let sockets: Vec<_> = (0..3).map(connect).collect();
    assert!(std::fs::File::open("/dev/null").is_err());
    eventually("each was turned away", || node.gate.refusals().get("no-descriptor") == Some(&3))
        .await;
    drop(files);
    drop(sockets);
    assert_served(&world, &node).await;
}
