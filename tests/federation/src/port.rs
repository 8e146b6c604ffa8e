//! Ports that no other test of this process gets, and that nobody listens on.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// The ports that are drawn from. Systems take the ports of outgoing connections from above.
const PORTS: std::ops::Range<u16> = 15_000..30_000;
/// How many ports are tried before giving up.
const TRIES_MAX: usize = 2_000;

static DRAWN: AtomicU16 = AtomicU16::new(0);

/// A free port. Two runs of the tests at a time begin at different places.
///
/// # Panics
/// If no port is free.
pub fn free() -> u16 {
    let span = PORTS.end - PORTS.start;
    let begin = u16::try_from(std::process::id() % u32::from(span)).unwrap();
    for _ in 0..TRIES_MAX {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (begin.wrapping_mul(7) % span + drawn % span) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}
