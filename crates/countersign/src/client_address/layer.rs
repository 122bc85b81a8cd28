use std::net::IpAddr;
use std::task::{Context, Poll};

use http::{Extensions, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::forwarded::client_address;
use crate::directory::Networks;

/// Layer that inserts the [`ClientAddress`](crate::credentials::ClientAddress) of each request into its extensions.
///
/// See the [module documentation](super) for the rules and an example.
#[derive(Clone, Debug)]
pub struct ClientAddressLayer {
    peer: Peer,
    trusted: Option<Networks>,
}

/// The source of the peer's address.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Address(IpAddr),
    Extensions(fn(&Extensions) -> Option<IpAddr>),
}

impl ClientAddressLayer {
    /// Creates the layer of one connection, whose peer has this address.
    #[must_use]
    pub const fn of_peer(address: IpAddr) -> Self {
        Self {
            peer: Peer::Address(address),
            trusted: None,
        }
    }

    /// Creates a layer that reads the address of the peer from what a framework puts into the request extensions.
    ///
    /// If `peer` returns `None`, no `ClientAddress` is inserted.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use countersign::client_address::ClientAddressLayer;
    ///
    /// # struct ConnectInfo<T>(T);
    /// // axum, with `into_make_service_with_connect_info::<SocketAddr>()`:
    /// let layer = ClientAddressLayer::from_extensions(|extensions| {
    ///     let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    ///     Some(peer.ip())
    /// });
    /// ```
    #[must_use]
    pub const fn from_extensions(peer: fn(&Extensions) -> Option<IpAddr>) -> Self {
        Self {
            peer: Peer::Extensions(peer),
            trusted: None,
        }
    }

    /// Sets the networks of the proxies whose `X-Forwarded-For` is accepted. By default no proxy is trusted.
    ///
    /// [`Networks::anywhere`] also means that no proxy is trusted: otherwise every client could choose its address.
    #[must_use]
    pub fn trusted_proxies(mut self, networks: Networks) -> Self {
        self.trusted = Some(networks).filter(|networks| !networks.is_anywhere());
        self
    }
}

impl<S> Layer<S> for ClientAddressLayer {
    type Service = ClientAddressService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientAddressService {
            inner,
            layer: self.clone(),
        }
    }
}

/// Service that inserts the `ClientAddress` of each request. See [`ClientAddressLayer`].
#[derive(Clone, Debug)]
pub struct ClientAddressService<S> {
    inner: S,
    layer: ClientAddressLayer,
}

impl<S, B> Service<Request<B>> for ClientAddressService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let peer = match self.layer.peer {
            Peer::Address(address) => Some(address),
            Peer::Extensions(peer) => peer(request.extensions()),
        };
        if let Some(peer) = peer {
            let trusted = self.layer.trusted.as_ref();
            let client = client_address(trusted, peer, request.headers());
            request.extensions_mut().insert(client);
        }
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt as _, service_fn};

    use super::*;
    use crate::credentials::ClientAddress;

    fn address_for(layer: &ClientAddressLayer, peer: Option<IpAddr>) -> Option<String> {
        let show = service_fn(async |request: Request<()>| {
            let address = request.extensions().get::<ClientAddress>();
            Ok::<_, Infallible>(address.map(|address| address.ip().unwrap().to_string()))
        });
        let mut request = Request::get("/").header("x-forwarded-for", "192.0.2.1");
        if let Some(peer) = peer {
            request = request.extension(peer);
        }
        tokio_test::block_on(layer.layer(show).oneshot(request.body(()).unwrap())).unwrap()
    }

    #[test]
    fn peer_is_read_from_the_extensions_and_missing_without_it() {
        let layer = ClientAddressLayer::from_extensions(|extensions| extensions.get().copied());
        let peer = "::ffff:10.0.0.1".parse().ok();
        assert_eq!(address_for(&layer, peer).unwrap(), "10.0.0.1");
        assert_eq!(address_for(&layer, None), None);
    }

    #[test]
    fn no_proxy_is_trusted_by_default_or_if_every_address_would_be() {
        let peer = "10.0.0.1".parse().unwrap();
        let layer = ClientAddressLayer::of_peer(peer);
        assert_eq!(address_for(&layer, None).unwrap(), "10.0.0.1");
        let anywhere = layer.clone().trusted_proxies(Networks::anywhere());
        assert_eq!(address_for(&anywhere, None).unwrap(), "10.0.0.1");
        let trusted = layer.trusted_proxies("10.0.0.0/8".parse().unwrap());
        assert_eq!(address_for(&trusted, None).unwrap(), "192.0.2.1");
    }
}
