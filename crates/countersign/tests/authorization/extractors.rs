//! Extractors of axum, and the name of a principal.

use std::convert::Infallible;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::MemoryDirectory;
use countersign::extract::Claims;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::ApiKeys;
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::rejection::Reason;
use countersign::testing::AlwaysLayer;
use countersign::time::SystemClock;
use countersign::{AuthLayer, Principal, Scopes};
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

#[tokio::test]
async fn claims_that_do_not_fit_are_403() {
    let mut seen = Request::new(());
    let service = AlwaysLayer::new(ada().build()).layer(service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(request.into_parts().0))
    }));
    let mut parts = service
        .oneshot(std::mem::take(&mut seen))
        .await
        .unwrap()
        .into_body();
    let Claims(all) = Claims::<Value>::from_request_parts(&mut parts, &())
        .await
        .unwrap();
    assert_eq!(all["flag"], true);
    let unfit = Claims::<Vec<u8>>::from_request_parts(&mut parts, &())
        .await
        .unwrap_err();
    assert_eq!(
        (unfit.kind().status(), unfit.reason()),
        (StatusCode::FORBIDDEN, Reason::ClaimMissing)
    );
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
