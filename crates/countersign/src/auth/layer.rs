use tower_layer::Layer;

use crate::auth::{AuthService, Authenticator, AuthenticatorBuilder};
use crate::rejection::EmptyBody;

/// Authenticates every request before the inner service sees it. See the [module](crate::auth).
#[derive(Clone, Debug)]
pub struct AuthLayer<R = EmptyBody> {
    pub(super) authenticator: Authenticator,
    pub(super) reject_body: R,
    pub(super) options: LayerOptions,
}

/// How a layer treats the credentials of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayerOptions {
    /// A request without credentials is passed on.
    pub(super) optional: bool,
    /// The credentials stay in the headers.
    pub(super) keep_credentials: bool,
}

impl AuthLayer {
    /// Starts building a layer with an authenticator of its own.
    #[must_use]
    pub fn builder() -> AuthenticatorBuilder<Self> {
        AuthenticatorBuilder::new(Self::new)
    }

    /// Creates a layer that authenticates with `authenticator`, which other parts of the service may
    /// use too. Rejections have no body.
    #[must_use]
    pub const fn new(authenticator: Authenticator) -> Self {
        Self {
            authenticator,
            reject_body: EmptyBody,
            options: LayerOptions {
                optional: false,
                keep_credentials: false,
            },
        }
    }
}

impl<R> AuthLayer<R> {
    /// Sets the body of rejections. The default is no body. It also applies to the rejections of
    /// [`require`](crate::require::require) layers and extractors inside this layer.
    #[must_use]
    pub fn reject_body<N>(self, reject_body: N) -> AuthLayer<N> {
        AuthLayer {
            authenticator: self.authenticator,
            reject_body,
            options: self.options,
        }
    }

    /// Makes authentication optional: a request without credentials is passed on without a principal. Any credentials that
    /// are not accepted are still rejected, and so is an `Authorization` header with a scheme that no mechanism reads.
    ///
    /// Inside of the layer, `Option<Principal>` is an extractor, and requirements and other extractors reject a request
    /// without a principal with 401.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.options.optional = true;
        self
    }

    /// Leaves the credentials in the headers.
    pub(crate) const fn keep_credentials(mut self) -> Self {
        self.options.keep_credentials = true;
        self
    }

    /// Returns the authenticator, for example to [revalidate](Authenticator::revalidate) principals.
    #[must_use]
    pub const fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl<S, R: Clone> Layer<S> for AuthLayer<R> {
    type Service = AuthService<S, R>;

    fn layer(&self, inner: S) -> AuthService<S, R> {
        AuthService {
            inner,
            authenticator: self.authenticator.clone(),
            reject_body: self.reject_body.clone(),
            options: self.options,
        }
    }
}
