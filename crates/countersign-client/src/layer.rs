use std::sync::Arc;

use tower::Layer;

use crate::origin::{Origin, OriginError, Targets};
use crate::replay::{CloneBody, EmptyBody};
use crate::service::BearerService;
use crate::tokens::Tokens;

/// Adds bearer tokens to outbound requests, and repeats a request once if its token was rejected.
///
/// Only requests to the configured origins get a token. A request that has an `Authorization` header keeps it.
///
/// A request that got 401 is sent once more with another token, unless
///
/// - a `Bearer` challenge of the response names another error than `invalid_token` (RFC 6750 §3.1),
/// - there is no other token: the token endpoint returns the same one, or fails, or was asked a moment ago, or
/// - the body cannot be sent again: by default, only empty ones can. See [`replay`](Self::replay). Then another token is
///   requested for the next request.
///
/// A gRPC response without messages and with the status `UNAUTHENTICATED` counts as 401. The calls of tonic have bodies
/// that cannot be copied, so a call whose token was rejected fails, and the next one has another token.
///
/// Place it inside of a layer that follows redirects, so that each request is checked against the origins.
#[derive(Clone, Debug)]
#[must_use]
pub struct BearerLayer<R = EmptyBody> {
    tokens: Tokens,
    targets: Targets,
    replay: R,
}

impl BearerLayer {
    /// Creates a layer that sends tokens to `origins`, such as `["https://api.example"]`.
    ///
    /// # Errors
    ///
    /// [`OriginError`] if one is not an absolute URL, or neither https nor this machine.
    pub fn new<'a>(
        tokens: Tokens,
        origins: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, OriginError> {
        let origins: Result<Arc<[_]>, _> = origins.into_iter().map(Origin::parse).collect();
        Ok(Self {
            tokens,
            targets: Targets {
                origins: origins?,
                relative: false,
            },
            replay: EmptyBody,
        })
    }

    /// Creates a layer for a client that is connected to one server, such as a tonic channel, whose requests have a
    /// path and no authority.
    ///
    /// # Errors
    ///
    /// [`OriginError`] if `origin` is not an absolute URL, or neither https nor this machine.
    pub fn connected_to(tokens: Tokens, origin: &str) -> Result<Self, OriginError> {
        let mut layer = Self::new(tokens, [origin])?;
        layer.targets.relative = true;
        Ok(layer)
    }
}

impl<R> BearerLayer<R> {
    /// Sets how bodies are copied, so that requests with a body can be repeated: a function that returns `None` for a
    /// body that cannot be copied.
    pub fn replay<F>(self, copy: F) -> BearerLayer<CloneBody<F>> {
        BearerLayer {
            tokens: self.tokens,
            targets: self.targets,
            replay: CloneBody(copy),
        }
    }
}

impl<S, R: Clone> Layer<S> for BearerLayer<R> {
    type Service = BearerService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerService {
            inner,
            tokens: self.tokens.clone(),
            targets: self.targets.clone(),
            replay: self.replay.clone(),
        }
    }
}
