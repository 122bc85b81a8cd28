//! Extractors for axum handlers (feature `axum`): [`Principal`], [`PrimaryPrincipal`], [`Scopes`](crate::scope::Scopes) and
//! [`Claims`].
//!
//! A handler inside of an [`AuthLayer`](crate::auth::AuthLayer) takes them as arguments. Without the
//! layer the response is 500. `PrimaryPrincipal` rejects bearer tokens with 403, and `Claims` rejects claims that do not fit. The
//! rejections have the body that was set on the layer with `reject_body`.
//!
//! Inside of an [optional](crate::auth::AuthLayer::optional) layer, they reject a request without credentials with 401, and
//! `Option<Principal>`, `Option<PrimaryPrincipal>` and `Option<Claims<T>>` are `None` for it. For a request with credentials,
//! the `Option` changes nothing.
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

mod unfit;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::auth::Caller;
use crate::principal::{PrimaryPrincipal, Principal};
use crate::rejection::{InheritedBody, Rejection, UnmetRequirement};
use crate::scope;

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        crate::auth::log(&self);
        // The request headers are not available here, and handlers of axum do not serve gRPC.
        Self::into_response::<Body>(self, &InheritedBody, &HeaderMap::new())
    }
}

/// The claims of the token as a value of your own type. The response is 403 if there is no token, or if its claims do not fit
/// the type. In the second case, the log warns once a minute, with the name of the claim and without its value.
///
/// ```
/// use countersign::extract::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct Tenant {
///     tid: String,
/// }
///
/// async fn handler(Claims(tenant): Claims<Tenant>) -> String {
///     tenant.tid
/// }
/// # let _ = handler;
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is taken apart in the arguments of handlers"
)]
pub struct Claims<T>(pub T);

fn required(parts: &Parts) -> Result<&Principal, Rejection> {
    let caller = Caller::of(&parts.extensions)?;
    caller
        .principal()
        .ok_or_else(|| caller.reject(&UnmetRequirement::Principal))
}

/// Returns the principal, or `None` for a request without credentials inside of an optional layer.
fn optional(parts: &Parts) -> Result<Option<&Principal>, Rejection> {
    Ok(Caller::of(&parts.extensions)?.principal())
}

fn primary(principal: &Principal) -> Result<PrimaryPrincipal, Rejection> {
    let primary = principal.primary();
    primary.ok_or_else(|| principal.reject_unmet(&UnmetRequirement::Primary))
}

fn claims<T: DeserializeOwned>(principal: &Principal) -> Result<Claims<T>, Rejection> {
    principal.claims().map(Claims).map_err(|error| {
        principal.reject_unmet(&match principal.claims_json() {
            [] => UnmetRequirement::Token,
            json => UnmetRequirement::Claims(unfit::explain(json, &error)),
        })
    })
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        required(parts).cloned()
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(optional(parts)?.cloned())
    }
}

impl<S: Sync> FromRequestParts<S> for PrimaryPrincipal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        primary(required(parts)?)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for PrimaryPrincipal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        optional(parts)?.map(primary).transpose()
    }
}

impl<S: Sync> FromRequestParts<S> for scope::Scopes {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let principal = required(parts)?;
        let found = parts.extensions.get::<Self>();
        Ok(found.unwrap_or_else(|| principal.scopes()).clone())
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Claims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        claims(required(parts)?)
    }
}

impl<T: DeserializeOwned, S: Sync> OptionalFromRequestParts<S> for Claims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        optional(parts)?.map(claims).transpose()
    }
}
