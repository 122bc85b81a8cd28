//! The address that a request came from: the peer's, or, behind proxies that are trusted, the one that they
//! check_freshness for.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use countersign::credentials::ClientAddress;
use countersign::directory::Networks;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whoever is at the other end of the connection, as an extension of each of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// The proxies that are believed.
#[derive(Clone, Debug)]
pub(super) struct Proxies(Option<Networks>);

impl Proxies {
    /// None, or those in these networks.
    pub(super) fn new(trusted: Option<Networks>) -> Self {
        // A restriction that restricts nothing would believe everybody.
        Self(trusted.filter(|networks| !networks.is_anywhere()))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let trusted = self.0.as_ref();
        trusted.is_some_and(|networks| networks.allow(Some(address)))
    }

    /// The rightmost hop that is not trusted: whatever stands left of it, it may have made up. What is no
    /// address was not written by a proxy of ours, and whoever sent it is as far as anybody knows.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut last = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter();
        let hops = lines
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        for hop in hops {
            if !self.trusts(last) {
                break;
            }
            let Some(address) = parse(hop) else {
                break;
            };
            last = address;
        }
        last
    }
}

fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop.trim_ascii()).ok()?;
    text.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// Says in the request's extensions where it came from.
pub(super) async fn locate(
    State(proxies): State<Proxies>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(&Peer(peer)) = request.extensions().get() {
        let client = proxies.client(peer, request.headers());
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
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
        let proxies = Proxies::new(Some(trusted.parse().unwrap()));
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn address_is_the_peers_where_the_peer_is_not_trusted() {
        let spoofed: &[&[u8]] = &[b"192.0.2.1"];
        assert_eq!(client("10.0.0.1", "10.0.0.2", spoofed), "10.0.0.2");
        assert_eq!(client("", "10.0.0.2", spoofed), "10.0.0.2");
        let nobody = Proxies::new(None);
        assert!(!nobody.trusts("10.0.0.2".parse().unwrap()));
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
    fn address_is_the_last_trusted_one_before_a_hop_that_is_no_address() {
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
