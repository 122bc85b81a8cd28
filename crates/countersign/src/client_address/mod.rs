//! Middleware that determines the address of the client.
//!
//! [`ClientAddressLayer`] inserts a [`ClientAddress`] into the request extensions. Credentials that are restricted to
//! networks, and the limit of failed authentications, read it from there: put the layer outside the
//! [`AuthLayer`](crate::AuthLayer).
//!
//! The address is that of the connection's peer, or is found by these rules if the peer is a trusted proxy:
//!
//! 1. The hops of all `X-Forwarded-For` headers are read from right to left, since each proxy appends the address of
//!    its own peer.
//! 2. The first hop that is not a trusted proxy is the client. The client may have made up every hop left of it.
//! 3. A hop may have a port, brackets and quotes. At a hop that is not an IP address, such as `unknown`, the address of
//!    the client is [unknown](crate::credentials::ClientAddress::Unknown): credentials that are restricted to networks are rejected, and
//!    failures are counted together with those of all other unknown clients, never with those of the proxy.
//!
//! # Deployment caveat
//!
//! A trusted proxy must append to `X-Forwarded-For`, or replace it. If it passes the header on unchanged, clients can
//! choose their address.
//!
//! # Example
//!
//! ```
//! use std::convert::Infallible;
//!
//! use countersign::client_address::ClientAddressLayer;
//! use countersign::credentials::ClientAddress;
//! use http::{Request, Response};
//! use tower::{Layer as _, ServiceExt as _, service_fn};
//!
//! # tokio_test::block_on(async {
//! let show = service_fn(async |request: Request<()>| {
//!     Ok::<_, Infallible>(Response::new(request.extensions().get().copied()))
//! });
//! let request = || Request::get("/").header("x-forwarded-for", "192.0.2.1").body(());
//!
//! // The peer is a trusted proxy: the header is accepted.
//! let layer = ClientAddressLayer::of_peer("10.0.0.1".parse()?).trusted_proxies("10.0.0.0/8".parse()?);
//! let response = layer.layer(show).oneshot(request()?).await?;
//! assert_eq!(response.into_body(), Some(ClientAddress::Known("192.0.2.1".parse()?)));
//!
//! // The peer is not trusted: the header is ignored.
//! let layer = ClientAddressLayer::of_peer("203.0.113.9".parse()?).trusted_proxies("10.0.0.0/8".parse()?);
//! let response = layer.layer(show).oneshot(request()?).await?;
//! assert_eq!(response.into_body(), Some(ClientAddress::Known("203.0.113.9".parse()?)));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ClientAddress`]: crate::credentials::ClientAddress

mod forwarded;
mod layer;

pub use layer::{ClientAddressLayer, ClientAddressService};
