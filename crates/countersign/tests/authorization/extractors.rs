//! Extractors of axum, and the name of a principal.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::IntoResponse as _;
use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::MemoryDirectory;
use countersign::extract::Claims;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::ApiKeys;
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::rejection::{Reason, Rejection};
use countersign::testing::AlwaysLayer;
use countersign::time::SystemClock;
use countersign::{AuthLayer, Id, PrimaryPrincipal, Principal, Scopes};
use http::{Request, Response, StatusCode};
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::{ada, layer};

/// Sends a request without credentials through a layer, and extracts from it.
async fn parts(layer: AuthLayer) -> http::request::Parts {
    let (sender, receiver) = std::sync::mpsc::channel();
    let service = layer.layer(service_fn(move |request: Request<()>| {
        let sender = sender.clone();
        async move {
            sender.send(request.into_parts().0).unwrap();
            Ok::<_, Infallible>(Response::new(()))
        }
    }));
    service.oneshot(Request::default()).await.unwrap();
    receiver.recv().unwrap()
}

#[tokio::test]
async fn principal_is_optional_inside_of_an_optional_layer_only() {
    let mut parts = parts(layer().optional()).await;
    let principal =
        <Principal as OptionalFromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
    assert!(principal.unwrap().is_none());
    let required = <Principal as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
    assert_eq!(
        required.unwrap_err().kind().status(),
        StatusCode::UNAUTHORIZED
    );
    let (mut bare, ()) = Request::new(()).into_parts();
    let missing =
        <Principal as OptionalFromRequestParts<()>>::from_request_parts(&mut bare, &()).await;
    assert_eq!(
        missing.unwrap_err().kind().status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

/// Returns a request that a layer has accepted as this principal.
async fn accepted(principal: Principal) -> http::request::Parts {
    let service = AlwaysLayer::new(principal).layer(service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(request.into_parts().0))
    }));
    service
        .oneshot(Request::default())
        .await
        .unwrap()
        .into_body()
}

async fn extract<T: FromRequestParts<(), Rejection = Rejection>>(
    parts: &mut http::request::Parts,
) -> Result<T, Rejection> {
    T::from_request_parts(parts, &()).await
}

async fn extract_optional<T: OptionalFromRequestParts<(), Rejection = Rejection>>(
    parts: &mut http::request::Parts,
) -> Result<Option<T>, Rejection> {
    T::from_request_parts(parts, &()).await
}

#[tokio::test]
async fn claims_that_do_not_fit_are_403_without_a_challenge() {
    let mut parts = accepted(ada().build()).await;
    let Claims(all) = extract::<Claims<Value>>(&mut parts).await.unwrap();
    assert_eq!(all["flag"], true);
    for unfit in [
        extract::<Claims<HashMap<String, bool>>>(&mut parts)
            .await
            .unwrap_err(),
        extract_optional::<Claims<HashMap<String, bool>>>(&mut parts)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (unfit.kind().status(), unfit.reason()),
            (StatusCode::FORBIDDEN, Reason::ClaimsUnfit)
        );
        let explanation = unfit.explanation().unwrap();
        assert!(
            explanation.contains("invalid type") && explanation.contains("ada"),
            "{explanation}"
        );
        assert!(!explanation.contains("scope"), "{explanation}");
        let text = unfit.public_text();
        assert!(!text.contains("scope"), "{text}");
        let response = unfit.into_response();
        assert_eq!(response.headers().get("www-authenticate"), None);
    }
}

#[tokio::test]
async fn claims_without_a_token_are_403() {
    let key = PrimaryPrincipal::for_test(Id::from_bytes([1; 20]), Scopes::none());
    let mut parts = accepted(key.into()).await;
    for none in [
        extract::<Claims<Value>>(&mut parts).await.unwrap_err(),
        extract_optional::<Claims<Value>>(&mut parts)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (none.kind().status(), none.reason()),
            (StatusCode::FORBIDDEN, Reason::ClaimsUnfit)
        );
        let explanation = none.explanation().unwrap();
        assert!(explanation.contains("a token is required"), "{explanation}");
    }
}

#[tokio::test]
async fn claims_and_primary_principal_are_optional_inside_of_an_optional_layer_only() {
    let mut anonymous = parts(layer().optional()).await;
    let claims = extract_optional::<Claims<Value>>(&mut anonymous).await;
    assert!(claims.unwrap().is_none());
    let primary = extract_optional::<PrimaryPrincipal>(&mut anonymous).await;
    assert!(primary.unwrap().is_none());

    let (mut bare, ()) = Request::new(()).into_parts();
    let claims = extract_optional::<Claims<Value>>(&mut bare).await;
    assert_eq!(claims.unwrap_err().reason(), Reason::LayerMissing);
    let primary = extract_optional::<PrimaryPrincipal>(&mut bare).await;
    assert_eq!(primary.unwrap_err().reason(), Reason::LayerMissing);

    let mut bearer = accepted(ada().build()).await;
    let claims = extract_optional::<Claims<Value>>(&mut bearer).await;
    assert_eq!(claims.unwrap().unwrap().0["flag"], true);
    let primary = extract_optional::<PrimaryPrincipal>(&mut bearer).await;
    assert_eq!(primary.unwrap_err().reason(), Reason::PrimaryRequired);

    let key = PrimaryPrincipal::for_test(Id::from_bytes([1; 20]), Scopes::none());
    let mut key = accepted(key.into()).await;
    let primary = extract_optional::<PrimaryPrincipal>(&mut key).await;
    assert!(primary.unwrap().is_some());
}

#[tokio::test]
async fn principal_of_a_key_has_its_display_name_beside_the_stable_id() {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let registry = MemoryRegistry::new(
        directory.clone(),
        peppers.clone(),
        SystemClock,
        SystemRandom,
    )
    .unwrap();
    let new = NewKey::new("nightly build", Scopes::none());
    let created = registry
        .create_key(&Caller::operator("test"), new)
        .await
        .unwrap();
    let authenticator = Authenticator::builder()
        .primary(ApiKeys::new(directory, peppers))
        .build()
        .unwrap();
    let credentials = Credentials::key(created.issued.key);
    let principal = authenticator
        .authenticate(credentials, &RequestHead::empty())
        .await
        .unwrap();
    assert_eq!(principal.name(), Some("nightly build"));
    assert_eq!(principal.subject(), created.record.id.to_string());
    assert_eq!(ada().build().name(), None);
}
