use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use crate::directory::Networks;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the address of the client behind `peer`: the rightmost hop that is not a trusted proxy.
pub(super) fn client_address(
    trusted: Option<&Networks>,
    peer: IpAddr,
    headers: &HeaderMap,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let Some(trusted) = trusted else {
        return client;
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
            break;
        };
        client = address;
    }
    client
}

fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let address: IpAddr = text.parse().ok()?;
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
        client_address(Some(&trusted), peer.parse().unwrap(), &headers).to_string()
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
    fn address_is_the_last_trusted_proxy_before_a_hop_that_is_not_an_address() {
        for line in [
            "192.0.2.1, unknown",
            "192.0.2.1,",
            "192.0.2.1, 192.0.2.1:443",
            "192.0.2.1, 10.0.0.300",
            "192.0.2.1, \u{660}",
        ] {
            let first = client("10.0.0.0/8", "10.0.0.1", &[line.as_bytes()]);
            assert_eq!(first, "10.0.0.1", "{line}");
            let behind_another = format!("{line}, 10.2.2.2");
            let second = client("10.0.0.0/8", "10.0.0.1", &[behind_another.as_bytes()]);
            assert_eq!(second, "10.2.2.2", "{line}");
        }
    }
}
