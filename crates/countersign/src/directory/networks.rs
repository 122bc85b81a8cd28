use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

/// The networks that a credential is accepted from.
///
/// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) counts as the IPv4 address, and a
/// network of them (`::ffff:192.0.2.0/120`) as the IPv4 network.
///
/// ```
/// use countersign::directory::Networks;
///
/// let office: Networks = "192.0.2.0/24 2001:db8::/32".parse()?;
/// assert!(office.allow(Some("192.0.2.7".parse().unwrap())));
/// assert!(!office.allow(Some("198.51.100.1".parse().unwrap())));
/// // An unknown address is allowed only without a restriction.
/// assert!(!office.allow(None));
/// assert!(Networks::anywhere().allow(None));
/// # Ok::<(), countersign::directory::InvalidNetwork>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(Option<Arc<[IpNet]>>);

impl Networks {
    /// How many networks one credential may have.
    pub const MAX: usize = 64;

    /// Allows any address, also an unknown one.
    #[must_use]
    pub const fn anywhere() -> Self {
        Self(None)
    }

    /// Allows the listed networks. Without any, allows any address.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidNetwork`] if a network is malformed, or if there are more than
    /// [`MAX`](Self::MAX).
    pub fn from_list<'a>(
        networks: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, InvalidNetwork> {
        let list: Vec<_> = networks
            .into_iter()
            .map(parse)
            .collect::<Result<_, InvalidNetwork>>()?;
        match list.len() {
            0 => Ok(Self::anywhere()),
            1..=Self::MAX => Ok(Self(Some(list.into()))),
            _ => Err(InvalidNetwork),
        }
    }

    /// Returns whether any address is allowed.
    #[must_use]
    pub const fn is_anywhere(&self) -> bool {
        self.0.is_none()
    }

    /// Returns whether a client with this address is allowed; `None`: its address is unknown.
    #[must_use]
    pub fn allow(&self, from: Option<IpAddr>) -> bool {
        let Some(networks) = &self.0 else {
            return true;
        };
        from.is_some_and(|address| {
            let address = address.to_canonical();
            networks.iter().any(|network| network.contains(&address))
        })
    }

    /// Returns whether every address that `other` allows is allowed, by one network for each of `other`.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(outer), Some(inner)) => inner
                .iter()
                .all(|inner| outer.iter().any(|outer| outer.contains(inner))),
        }
    }

    /// Returns the networks as text.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        self.0
            .iter()
            .flat_map(|all| all.iter())
            .map(IpNet::to_string)
    }
}

/// Parses a network such as `192.0.2.0/24`, or one address. Bits after the prefix are an error, because
/// it is not clear whether the address or the prefix is wrong.
fn parse(text: &str) -> Result<IpNet, InvalidNetwork> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().map_err(|_| InvalidNetwork)?,
    };
    if network.addr() == network.network() {
        Ok(canonical(network))
    } else {
        Err(InvalidNetwork)
    }
}

/// Converts a network of IPv4-mapped addresses to the IPv4 network.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let address = mapped.addr().to_ipv4_mapped();
    let prefix = mapped.prefix_len().checked_sub(96);
    address
        .zip(prefix)
        .and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok())
        .map_or(network, IpNet::V4)
}

impl FromStr for Networks {
    type Err = InvalidNetwork;

    /// Parses networks separated by white space.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        Self::from_list(text.split_whitespace())
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

impl serde::Serialize for Networks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// The text is not a list of valid networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a network must be an address, or an address and a prefix with no bits after it, such as \
     192.0.2.0/24 or 2001:db8::/32; at most 64 are allowed"
)]
pub struct InvalidNetwork;

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(networks: &str, address: &str) -> bool {
        let networks: Networks = networks.parse().unwrap();
        networks.allow(Some(address.parse().unwrap()))
    }

    #[test]
    fn address_is_allowed_only_in_a_listed_network() {
        for (networks, address, allowed) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "192.0.2.1", false),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("10.0.0.0/8 192.0.2.0/24", "192.0.2.1", true),
        ] {
            assert_eq!(allows(networks, address), allowed, "{networks} {address}");
        }
    }

    #[test]
    fn ipv4_mapped_address_counts_as_the_ipv4_address() {
        assert!(allows("192.0.2.0/24", "::ffff:192.0.2.7"));
        assert!(allows("::ffff:192.0.2.7", "192.0.2.7"));
    }

    #[test]
    fn ipv4_mapped_network_counts_as_the_ipv4_network() {
        for (mapped, printed, inside, outside) in [
            (
                "::ffff:192.0.2.0/120",
                "192.0.2.0/24",
                "192.0.2.7",
                "192.0.3.7",
            ),
            (
                "::ffff:c000:200/128",
                "192.0.2.0/32",
                "192.0.2.0",
                "192.0.2.1",
            ),
            ("::ffff:192.0.2.0", "192.0.2.0/32", "192.0.2.0", "192.0.2.1"),
            ("::ffff:0:0/96", "0.0.0.0/0", "192.0.2.7", "2001:db8::1"),
            // A network of mapped and other addresses stays IPv6, so it allows no IPv4 address.
            ("::fffe:0:0/95", "::fffe:0:0/95", "::fffe:0:1", "192.0.2.7"),
            ("::/0", "::/0", "2001:db8::1", "192.0.2.7"),
        ] {
            let networks: Networks = mapped.parse().unwrap();
            assert_eq!(networks.to_string(), printed, "{mapped}");
            assert_eq!(printed.parse(), Ok(networks), "{mapped}");
            assert!(allows(mapped, inside), "{mapped} {inside}");
            assert!(!allows(mapped, outside), "{mapped} {outside}");
        }
        assert!(allows("::ffff:192.0.2.0/120", "::ffff:192.0.2.7"));
        let host_bits = "::ffff:192.0.2.1/120".parse::<Networks>();
        assert_eq!(host_bits, Err(InvalidNetwork));
    }

    #[test]
    fn network_is_rejected_when_malformed_or_with_bits_after_its_prefix() {
        for text in [
            "192.0.2.1/24",
            "192.0.2.0/33",
            "a",
            "192.0.2.0/",
            "/8",
            "1.2.3",
        ] {
            assert_eq!(text.parse::<Networks>(), Err(InvalidNetwork), "{text}");
        }
        let many = vec!["192.0.2.1"; Networks::MAX + 1].join(" ");
        assert!(many.parse::<Networks>().is_err());
    }

    #[test]
    fn networks_are_unchanged_after_printing_and_parsing() {
        for text in ["", "192.0.2.0/24", "192.0.2.1/32 2001:db8::/32"] {
            let networks: Networks = text.parse().unwrap();
            assert_eq!(networks.to_string(), text);
        }
    }
}
