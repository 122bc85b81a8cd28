use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mechanism::failures::Network;

/// The places for passwords that are hashed, or wait for it.
///
/// A network gets another place only while it has fewer than are free. One network, however many addresses it has,
/// takes about half of the places, the next one half of the rest, and so on, so that there is a place for others.
pub(super) struct Places {
    capacity: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_network: HashMap<Network, usize>,
}

/// A place, which dropping it gives back.
pub(super) struct Place {
    places: Arc<Places>,
    networks: Vec<Network>,
}

impl Places {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            taken: Mutex::default(),
        }
    }

    /// Takes a place for a client in these networks, if there is one for them.
    pub(super) fn take(self: Arc<Self>, networks: Vec<Network>) -> Option<Place> {
        let mut taken = self.lock();
        let free = self.capacity.saturating_sub(taken.total);
        let has = |network| taken.by_network.get(network).copied().unwrap_or(0);
        if free == 0 || networks.iter().any(|network| has(network) >= free) {
            return None;
        }
        taken.total += 1;
        for network in &networks {
            *taken.by_network.entry(*network).or_default() += 1;
        }
        drop(taken);
        Some(Place {
            places: self,
            networks,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.total -= 1;
        for network in &self.networks {
            if let Some(places) = taken.by_network.get_mut(network) {
                *places -= 1;
                if *places == 0 {
                    taken.by_network.remove(network);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::ClientAddress;

    fn networks(address: &str) -> Vec<Network> {
        let address = ClientAddress::Known(address.parse().unwrap());
        Network::of(address).map(|(network, _)| network).collect()
    }

    fn fill(places: &Arc<Places>, addresses: impl IntoIterator<Item = String>) -> Vec<Place> {
        let take = |address: String| Arc::clone(places).take(networks(&address));
        addresses.into_iter().filter_map(take).collect()
    }

    #[test]
    fn one_network_leaves_places_to_others_whatever_its_addresses() {
        let places = Arc::new(Places::new(33));
        let flood = (0..10_000).map(|n| format!("2001:db8:0:{n:x}::1"));
        let attacker = fill(&places, flood);
        assert_eq!(attacker.len(), 17);
        let others = (0..5).map(|n| format!("198.51.100.{n}"));
        assert_eq!(fill(&places, others.clone()).len(), 5);
        let one = fill(&places, std::iter::repeat_n("192.0.2.1".to_owned(), 100));
        assert_eq!(one.len(), 8);
        let held = fill(&places, others);
        assert_eq!(held.len(), 5);
    }

    #[test]
    fn places_are_given_back_and_forgotten() {
        let places = Arc::new(Places::new(2));
        drop(fill(
            &places,
            ["192.0.2.1", "2001:db8::1"].map(String::from),
        ));
        let taken = places.lock();
        assert_eq!((taken.total, taken.by_network.len()), (0, 0));
    }

    #[test]
    fn number_of_places_is_bounded_without_an_address() {
        let places = Arc::new(Places::new(3));
        let taken: Vec<_> = (0..10)
            .filter_map(|_| Arc::clone(&places).take(Vec::new()))
            .collect();
        assert_eq!(taken.len(), 3);
    }
}
