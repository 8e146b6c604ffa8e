//! The handshakes under way on a port, and which of them makes room when the places are taken.
//!
//! The oldest handshake of the source that holds most places goes. So a flood of silent sockets
//! from one source displaces itself, and a flood from many has to be faster than an honest
//! handshake to displace it.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use tokio::task::{AbortHandle, JoinSet};

/// The handshakes under way.
#[derive(Default)]
pub(crate) struct Pending {
    tasks: JoinSet<()>,
    entries: HashMap<tokio::task::Id, PendingEntry>,
    begun: u64,
}

struct PendingEntry {
    order: u64,
    remote: SocketAddr,
    abort: AbortHandle,
}

impl Pending {
    pub(crate) fn add(
        &mut self,
        remote: SocketAddr,
        handshake: impl Future<Output = ()> + Send + 'static,
    ) {
        let abort = self.tasks.spawn(handshake);
        self.begun += 1;
        let order = self.begun;
        self.entries.insert(abort.id(), PendingEntry { order, remote, abort });
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Resolves when one of them has ended; never while there is none.
    pub(crate) async fn one_ended(&mut self) {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => return std::future::pending().await,
        };
        self.entries.remove(&id);
    }

    /// Gives up the oldest handshake of the source that has most of them.
    pub(crate) fn displace(&mut self) -> Option<SocketAddr> {
        let mut held: HashMap<IpAddr, (usize, u64, tokio::task::Id)> = HashMap::new();
        for (id, entry) in &self.entries {
            let source = held.entry(source(entry.remote)).or_insert((0, entry.order, *id));
            source.0 += 1;
            if entry.order < source.1 {
                (source.1, source.2) = (entry.order, *id);
            }
        }
        let (_, _, id) =
            held.into_values().max_by_key(|(count, order, _)| (*count, u64::MAX - order))?;
        let entry = self.entries.remove(&id)?;
        entry.abort.abort();
        Some(entry.remote)
    }
}

/// Whom an address counts for: an IPv6 host owns at least a /64.
fn source(remote: SocketAddr) -> IpAddr {
    match remote.ip().to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_of_the_greediest_source_makes_room() {
        let mut pending = Pending::default();
        let from = |text: &str| text.parse::<SocketAddr>().unwrap();
        for remote in ["192.0.2.9:1", "192.0.2.1:2", "192.0.2.1:3", "198.51.100.7:4"] {
            pending.add(from(remote), std::future::pending());
        }
        assert_eq!(pending.displace(), Some(from("192.0.2.1:2")));
        assert_eq!(pending.displace(), Some(from("192.0.2.9:1")));
        pending.one_ended().await;
        assert_eq!(pending.len(), 2);
    }

    #[test]
    fn neighbours_in_ipv6_are_one_source_and_mapped_addresses_are_ipv4() {
        let of = |text: &str| source(text.parse().unwrap());
        assert_eq!(of("[2001:db8::1]:1"), of("[2001:db8::ffff:2]:9"));
        assert_ne!(of("[2001:db8::1]:1"), of("[2001:db8:0:1::1]:1"));
        assert_eq!(of("[::ffff:192.0.2.1]:1"), of("192.0.2.1:2"));
    }
}
