//! How many connections there may be, in total and from one network, and how many requests of one connection are processed
//! at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign::directory::Networks;
use countersign_cli::config::ServerSettings;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The connections that are open.
pub(super) struct Admission {
    places: Arc<Semaphore>,
    total: NonZeroU32,
    per_address: u32,
    trusted_proxies: Option<Networks>,
    open: Arc<Open>,
}

/// The open connections of each network.
#[derive(Default)]
struct Open(Mutex<HashMap<Network, u32>>);

/// The place of one connection, which is freed on drop.
pub(super) struct Place {
    networks: Vec<Network>,
    open: Arc<Open>,
    _permit: OwnedSemaphorePermit,
}

/// The most requests of one connection that are processed at once; further ones wait. Each step of a request waits until all
/// other requests have had their turn, so that thousands at once would delay every other client.
const MAX_REQUESTS: usize = 8;

/// The first bits of an address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Network {
    bits: u128,
    length: u32,
}

impl Admission {
    pub(super) fn new(server: &ServerSettings) -> Self {
        let total = server.max_connections;
        Self {
            places: Arc::new(Semaphore::new(total.get() as usize)),
            total,
            per_address: server.max_connections_per_address.get(),
            trusted_proxies: server.trusted_proxies.clone(),
            open: Arc::default(),
        }
    }

    /// Takes a place for a connection from `peer`, unless there are too many. A trusted proxy connects for many clients,
    /// so that only the total limits it.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let trusted = self.trusted_proxies.as_ref();
        let networks = match trusted.is_some_and(|proxies| proxies.allow(Some(peer))) {
            true => Vec::new(),
            false => self.networks(peer),
        };
        let mut open = self.open.lock();
        let count = |network: &Network| open.get(network).copied().unwrap_or_default();
        if networks
            .iter()
            .any(|(network, most)| count(network) >= *most)
        {
            return None;
        }
        let networks: Vec<_> = networks.into_iter().map(|(network, _)| network).collect();
        for network in &networks {
            *open.entry(*network).or_default() += 1;
        }
        drop(open);
        Some(Place {
            networks,
            open: Arc::clone(&self.open),
            _permit: permit,
        })
    }

    /// Returns the number of open connections.
    pub(super) fn count(&self) -> usize {
        self.total.get() as usize - self.places.available_permits()
    }

    /// Waits until every place is free.
    pub(super) async fn all_free(&self) {
        let _ = self.places.acquire_many(self.total.get()).await;
    }

    /// Returns the networks of an address, each with the most connections that it may have. One user of IPv6 has at least
    /// a /64, and easily a /48 (RFC 6177).
    fn networks(&self, peer: IpAddr) -> Vec<(Network, u32)> {
        let most = self.per_address;
        match peer.to_canonical() {
            IpAddr::V4(address) => {
                vec![(Network::of(address.to_ipv6_mapped().to_bits(), 128), most)]
            }
            IpAddr::V6(address) => vec![
                (Network::of(address.to_bits(), 64), most),
                (Network::of(address.to_bits(), 48), most.saturating_mul(2)),
            ],
        }
    }
}

impl Network {
    fn of(address: u128, length: u32) -> Self {
        let bits = address >> (128 - length);
        Self { bits, length }
    }
}

impl Place {
    /// Returns the permits of the requests that are processed at once; `None` for a trusted proxy, whose connection carries
    /// the requests of many clients.
    pub(super) fn requests(&self) -> Option<Arc<Semaphore>> {
        let is_of_client = !self.networks.is_empty();
        is_of_client.then(|| Arc::new(Semaphore::new(MAX_REQUESTS)))
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, HashMap<Network, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        for network in &self.networks {
            if let Some(count) = open.get_mut(network) {
                *count -= 1;
                if *count == 0 {
                    open.remove(network);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(total: u32, per_address: u32) -> Admission {
        let total = NonZeroU32::new(total).unwrap();
        Admission {
            places: Arc::new(Semaphore::new(total.get() as usize)),
            total,
            per_address,
            trusted_proxies: Some("10.0.0.0/8".parse().unwrap()),
            open: Arc::default(),
        }
    }

    fn admitted(admission: &Admission, peers: &[&str]) -> Vec<Place> {
        let peers = peers.iter().map(|peer| peer.parse().unwrap());
        peers.filter_map(|peer| admission.admit(peer)).collect()
    }

    #[test]
    fn one_address_has_its_places_and_others_have_theirs() {
        let admission = admission(100, 2);
        let one = admitted(&admission, &["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"]);
        assert_eq!(one.len(), 2);
        assert_eq!(admitted(&admission, &["192.0.2.2"]).len(), 1);
        drop(one);
        assert_eq!(admitted(&admission, &["192.0.2.1"; 3]).len(), 2);
        assert!(admission.open.lock().is_empty());
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_places() {
        let admission = admission(100, 2);
        let of_64 = ["2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:1:f::3"];
        let of_48 = ["2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:1:4::1"];
        let first = admitted(&admission, &of_64);
        assert_eq!(first.len(), 2);
        let second = admitted(&admission, &of_48);
        assert_eq!(second.len(), 2);
        assert_eq!(admitted(&admission, &["2001:db8:2::1"]).len(), 1);
    }

    #[test]
    fn requests_of_a_connection_need_permits_and_those_of_a_trusted_proxy_do_not() {
        let admission = admission(100, 4);
        let places = admitted(&admission, &["192.0.2.1", "10.0.0.1"]);
        let permits = |place: &Place| {
            place
                .requests()
                .map(|requests| requests.available_permits())
        };
        let permits: Vec<_> = places.iter().map(permits).collect();
        assert_eq!(permits, [Some(MAX_REQUESTS), None]);
    }

    #[test]
    fn the_total_limits_trusted_proxies_too_and_the_limit_of_an_address_does_not() {
        let admission = admission(4, 2);
        let proxies = admitted(&admission, &["10.0.0.1"; 3]);
        assert_eq!(proxies.len(), 3);
        let others = admitted(&admission, &["192.0.2.1", "192.0.2.2", "10.0.0.1"]);
        assert_eq!(others.len(), 1);
    }
}
