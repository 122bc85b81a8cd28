use std::sync::Arc;

use tower_layer::Layer;

use crate::auth::{AuthBuilder, AuthService, Engine};
use crate::rejection::EmptyBody;

/// Judges every request before the inner service sees it. See the [module](crate::auth).
#[derive(Clone, Debug)]
pub struct AuthLayer<R = EmptyBody> {
    pub(super) engine: Arc<Engine>,
    pub(super) reject_body: R,
}

impl AuthLayer {
    /// Starts building a layer.
    #[must_use]
    pub fn builder() -> AuthBuilder {
        AuthBuilder::new()
    }
}

impl<S, R: Clone> Layer<S> for AuthLayer<R> {
    type Service = AuthService<S, R>;

    fn layer(&self, inner: S) -> AuthService<S, R> {
        AuthService {
            inner,
            engine: Arc::clone(&self.engine),
            reject_body: self.reject_body.clone(),
        }
    }
}
