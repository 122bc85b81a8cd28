use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What counts as one address: an IPv4 address, or an IPv6 /64, since every client has at least that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::mechanism) enum Network {
    V4(u32),
    /// The first 64 bits of the address. The rest is zero.
    V6(u128),
}

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6(address.to_bits() & (u128::MAX << 64)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(bits) => write!(f, "{}", Ipv4Addr::from_bits(bits)),
            Self::V6(bits) => write!(f, "{}/64", Ipv6Addr::from_bits(bits)),
        }
    }
}
