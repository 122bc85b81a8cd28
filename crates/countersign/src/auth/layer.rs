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
    /// The accepted principal becomes an extension of the response.
    pub(super) principal_in_response: bool,
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
                principal_in_response: false,
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

    /// Adds the accepted [`Principal`](crate::principal::Principal) to the extensions of the response, where middleware outside
    /// of the layer finds it, such as an access log. A rejected request has its [`Rejection`](crate::rejection::Rejection)
    /// there in any case.
    ///
    /// ```
    /// # use countersign::directory::MemoryDirectory;
    /// # use countersign::key::{Pepper, Peppers};
    /// # use countersign::mechanism::ApiKeys;
    /// # use countersign::random::SystemRandom;
    /// # use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry};
    /// # use countersign::time::SystemClock;
    /// # use std::sync::Arc;
    /// use countersign::Principal;
    /// use countersign::auth::AuthLayer;
    /// use countersign::rejection::{Reason, Rejection};
    /// use http::{Request, Response};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # tokio_test::block_on(async {
    /// # let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
    /// # let directory = Arc::new(MemoryDirectory::default());
    /// # let registry = MemoryRegistry::new(directory.clone(), peppers.clone(), SystemClock, SystemRandom)?;
    /// # let operator = Caller::operator("docs");
    /// # let created = registry.create_key(&operator, NewKey::new("ci", "calls:read".parse()?)).await?;
    /// # let key = created.issued.key.expose();
    /// let keys = ApiKeys::new(directory, peppers);
    /// let layer = AuthLayer::builder().primary(keys).build()?.principal_in_response();
    /// let service = layer.layer(service_fn(async |_: Request<()>| {
    ///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    /// }));
    ///
    /// let accepted = Request::builder().header("x-api-key", key).body(())?;
    /// let response = service.clone().oneshot(accepted).await?;
    /// let principal = response.extensions().get::<Principal>().unwrap();
    /// assert_eq!(principal.name(), Some("ci"));
    ///
    /// let response = service.oneshot(Request::new(())).await?;
    /// assert!(response.extensions().get::<Principal>().is_none());
    /// let rejection = response.extensions().get::<Rejection>().unwrap();
    /// assert_eq!(rejection.reason(), Reason::NoCredentials);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub const fn principal_in_response(mut self) -> Self {
        self.options.principal_in_response = true;
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
