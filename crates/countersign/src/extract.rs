//! Extractors for axum handlers (feature `axum`): [`Principal`], [`PrimaryPrincipal`] and [`Scopes`].
//!
//! A handler inside of an [`AuthLayer`](crate::auth::AuthLayer) takes them as arguments. Without the
//! layer the response is 500. `PrimaryPrincipal` rejects bearer tokens with 403. The body of these
//! rejections is the one of the layer.
//!
//! ```
//! use axum_core::extract::FromRequestParts;
//! use countersign::Principal;
//! use http::{Request, StatusCode};
//!
//! # tokio_test::block_on(async {
//! let (mut parts, ()) = Request::new(()).into_parts();
//! let missing = Principal::from_request_parts(&mut parts, &()).await;
//! assert_eq!(missing.unwrap_err().kind().status(), StatusCode::INTERNAL_SERVER_ERROR);
//! # });
//! ```

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::HeaderMap;
use http::request::Parts;

use crate::principal::{PrimaryPrincipal, Principal};
use crate::rejection::{InheritedBody, Rejection, UnmetRequirement};
use crate::scope::Scopes;

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        crate::auth::log(&self);
        // The request headers are not available here, and handlers of axum do not serve gRPC.
        Self::into_response::<Body>(self, &InheritedBody, &HeaderMap::new())
    }
}

fn extension<T: Clone + Send + Sync + 'static>(parts: &Parts) -> Result<T, Rejection> {
    let found = parts.extensions.get::<T>().cloned();
    found.ok_or_else(Rejection::layer_missing)
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        extension(parts)
    }
}

impl<S: Sync> FromRequestParts<S> for PrimaryPrincipal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let principal: Principal = extension(parts)?;
        principal
            .primary()
            .ok_or_else(|| principal.reject(UnmetRequirement::Primary))
    }
}

impl<S: Sync> FromRequestParts<S> for Scopes {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        extension(parts)
    }
}
