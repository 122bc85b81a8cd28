use std::num::NonZeroU32;
use std::time::Duration;

use crate::credentials::ClientAddress;
use crate::limit::RateLimit;
use crate::mechanism::failures::Network;
use crate::time::Timestamp;

/// How many calls to the issuer are made in a second: a number for all requests, and half of it for each IPv4 address or
/// IPv6 /48, so that tokens from elsewhere are still introspected while one network sends garbage.
#[derive(Clone, Debug)]
pub(crate) struct CallBudget {
    all: RateLimit<()>,
    by_network: RateLimit<Network>,
}

impl CallBudget {
    pub(crate) fn per_second(calls: NonZeroU32) -> Self {
        let second = Duration::from_secs(1);
        let half = NonZeroU32::new(calls.get() / 2).unwrap_or(NonZeroU32::MIN);
        Self {
            all: RateLimit::new(calls, second),
            by_network: RateLimit::new(half, second),
        }
    }

    /// Counts a call, and returns whether it may be made.
    pub(super) fn take(&self, from: Option<ClientAddress>, now: Timestamp) -> bool {
        let network = from.and_then(|address| Network::of(address).last());
        let has_share =
            network.is_none_or(|(network, _)| self.by_network.take(network, now).is_ok());
        has_share && self.all.take((), now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);

    fn taken(budget: &CallBudget, from: Option<&str>, now: Timestamp) -> usize {
        let address = from.map(|from| ClientAddress::Known(from.parse::<IpAddr>().unwrap()));
        (0..1000).filter(|_| budget.take(address, now)).count()
    }

    #[test]
    fn network_gets_half_of_the_budget_and_all_together_get_the_whole() {
        let budget = CallBudget::per_second(NonZeroU32::new(10).unwrap());
        assert_eq!(taken(&budget, Some("192.0.2.1"), NOW), 5);
        assert_eq!(taken(&budget, Some("2001:db8:0:1::1"), NOW), 5);
        assert_eq!(taken(&budget, Some("2001:db8:0:2::1"), NOW), 0);
        assert_eq!(taken(&budget, Some("198.51.100.1"), NOW), 0);
        assert_eq!(taken(&budget, None, NOW), 0);
        assert_eq!(taken(&budget, None, NOW.plus(Duration::from_secs(1))), 10);
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_half() {
        let budget = CallBudget::per_second(NonZeroU32::new(10).unwrap());
        let addresses = (0..100).map(|n| format!("2001:db8:0:{n}::1"));
        let taken: usize = addresses.map(|from| taken(&budget, Some(&from), NOW)).sum();
        assert_eq!(taken, 5);
    }

    #[test]
    fn smallest_budget_permits_one_call() {
        let budget = CallBudget::per_second(NonZeroU32::MIN);
        assert_eq!(taken(&budget, Some("192.0.2.1"), NOW), 1);
    }
}
