use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::credentials::ClientAddress;

/// An IPv4 address, or the IPv6 network of this prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::mechanism) enum Network {
    V4(u32),
    V6(u128, u8),
    /// All clients whose address a trusted proxy did not report.
    Unknown,
}

impl Network {
    /// Returns the networks of a client, the smallest first, and for each of them how many times as many failures as
    /// the smallest it may have. Every client has a whole IPv6 /64, many have a /56 or a /48.
    pub(in crate::mechanism) fn of(address: ClientAddress) -> impl Iterator<Item = (Self, u32)> {
        let v6 = |address: Ipv6Addr, length: u8| {
            Self::V6(address.to_bits() & (u128::MAX << (128 - length)), length)
        };
        let networks = match address.ip() {
            None => [Some((Self::Unknown, 1)), None, None],
            Some(IpAddr::V4(address)) => [Some((Self::V4(address.to_bits()), 1)), None, None],
            Some(IpAddr::V6(address)) => [(64, 1), (56, 4), (48, 16)]
                .map(|(length, times)| Some((v6(address, length), times))),
        };
        networks.into_iter().flatten()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(bits) => write!(f, "{}", Ipv4Addr::from_bits(bits)),
            Self::V6(bits, length) => write!(f, "{}/{length}", Ipv6Addr::from_bits(bits)),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
