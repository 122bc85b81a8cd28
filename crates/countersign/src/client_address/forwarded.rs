use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::credentials::ClientAddress;
use crate::directory::Networks;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the address of the client behind `peer`: the rightmost hop that is not a trusted proxy.
pub(super) fn client_address(
    trusted: Option<&Networks>,
    peer: IpAddr,
    headers: &HeaderMap,
) -> ClientAddress {
    let mut client = peer.to_canonical();
    let Some(trusted) = trusted.filter(|trusted| trusted.allow(Some(client))) else {
        return ClientAddress::Known(client);
    };
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let hops = lines
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
    for hop in hops {
        if !trusted.allow(Some(client)) {
            break;
        }
        let Some(address) = parse(hop) else {
            return ClientAddress::Unknown;
        };
        client = address;
    }
    ClientAddress::Known(client)
}

/// Parses an address, with or without a port, brackets around an IPv6 address, and quotes around the whole (RFC 7239
/// §6), as some proxies write them into `X-Forwarded-For` too.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = quoted.unwrap_or(text);
    let bracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = match bracketed {
        Some(address) => IpAddr::V6(address.parse().ok()?),
        None => text
            .parse()
            .or_else(|_| text.parse().map(|with_port: SocketAddr| with_port.ip()))
            .ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn client(trusted: &str, peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, (*line).try_into().unwrap());
        }
        let trusted = trusted.parse().unwrap();
        match client_address(Some(&trusted), peer.parse().unwrap(), &headers) {
            ClientAddress::Known(address) => address.to_string(),
            ClientAddress::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn address_is_the_peers_if_the_peer_is_not_trusted() {
        let spoofed: &[&[u8]] = &[b"192.0.2.1"];
        assert_eq!(client("10.0.0.1", "10.0.0.2", spoofed), "10.0.0.2");
    }

    #[test]
    fn address_is_the_rightmost_hop_that_is_not_trusted() {
        let trusted = "10.0.0.0/8 2001:db8::/32";
        for (lines, address) in [
            (&[b"192.0.2.1".as_slice()][..], "192.0.2.1"),
            (&[b"203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            (&[b"203.0.113.9, 192.0.2.1, 10.1.1.1"], "192.0.2.1"),
            (
                &[b"203.0.113.9, 192.0.2.1", b"10.1.1.1 ,2001:db8::7"],
                "192.0.2.1",
            ),
            (&[b"192.0.2.1", b"203.0.113.9"], "203.0.113.9"),
            (&[b"::ffff:192.0.2.1, ::ffff:10.1.1.1"], "192.0.2.1"),
            (&[b"10.3.3.3, 10.2.2.2"], "10.3.3.3"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client(trusted, "10.0.0.1", lines), address, "{lines:?}");
            assert_eq!(client(trusted, "::ffff:10.0.0.1", lines), address);
        }
    }

    #[test]
    fn port_brackets_and_quotes_of_a_hop_are_read() {
        for (hop, address) in [
            ("203.0.113.7:17085", "203.0.113.7"),
            ("\"203.0.113.7:17085\"", "203.0.113.7"),
            ("\"203.0.113.7\"", "203.0.113.7"),
            ("[2001:db8:1::1]:443", "2001:db8:1::1"),
            ("\"[2001:db8:1::1]:443\"", "2001:db8:1::1"),
            ("[2001:db8:1::1]", "2001:db8:1::1"),
            ("2001:db8:1::1", "2001:db8:1::1"),
            ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ] {
            let alone = client("10.0.0.0/8", "10.0.0.1", &[hop.as_bytes()]);
            assert_eq!(alone, address, "{hop}");
            let behind_another = format!("192.0.2.1, {hop}, 10.2.2.2:81");
            let hop = client("10.0.0.0/8", "10.0.0.1", &[behind_another.as_bytes()]);
            assert_eq!(hop, address, "{behind_another}");
        }
    }

    #[test]
    fn address_is_unknown_behind_a_hop_that_is_not_an_address() {
        for line in [
            "192.0.2.1, unknown",
            "192.0.2.1, _hidden",
            "192.0.2.1,",
            "",
            "192.0.2.1, 192.0.2.1:",
            "192.0.2.1, 192.0.2.1:65536",
            "192.0.2.1, [192.0.2.1]",
            "192.0.2.1, [2001:db8::1",
            "192.0.2.1, \"192.0.2.1",
            "192.0.2.1, 10.0.0.300",
            "192.0.2.1, \u{660}",
        ] {
            let first = client("10.0.0.0/8", "10.0.0.1", &[line.as_bytes()]);
            assert_eq!(first, "unknown", "{line}");
            let behind_another = format!("{line}, 10.2.2.2");
            let second = client("10.0.0.0/8", "10.0.0.1", &[behind_another.as_bytes()]);
            assert_eq!(second, "unknown", "{line}");
        }
    }
}
