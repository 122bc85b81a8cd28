//! Optional authentication, and what the layer leaves for others.

use countersign::rejection::{Grpc, Reason, Rejection};
use countersign::require::{
    Requirement, claim, predicate, primary, public, require, require_methods, scope,
};
use countersign::{Principal, dangerous};
use http::StatusCode;
use tower::ServiceBuilder;

use crate::support::{layer, send};

#[tokio::test]
async fn optional_layer_passes_only_requests_without_credentials_on() {
    let nothing = send(layer().optional(), &[]).await;
    assert!(nothing.into_body().unwrap().0.is_none());
    let other_header = send(layer().optional(), &[("x-api-key", "k")]).await;
    assert_eq!(other_header.status(), StatusCode::OK);
    let good = send(layer().optional(), &[("authorization", "Bearer good")]).await;
    assert_eq!(good.into_body().unwrap().0.unwrap().subject(), "ada");
    for (value, status) in [
        ("Bearer bad", 401),
        ("Bearer", 400),
        ("Digest x", 401),
        ("Basic YTpi", 401),
        ("Negotiate", 401),
        ("good", 401),
        ("", 401),
    ] {
        let rejected = send(layer().optional(), &[("authorization", value)]).await;
        assert_eq!(rejected.status().as_u16(), status, "{value}");
        assert!(
            rejected.headers().contains_key("www-authenticate"),
            "{value}"
        );
    }
}

#[tokio::test]
async fn requirement_behind_an_optional_layer_answers_401_without_a_principal() {
    let stack = |requirement| {
        ServiceBuilder::new()
            .layer(layer().optional())
            .layer(require(requirement).unwrap())
    };
    for requirement in [
        scope("a"),
        primary(),
        claim("a").contains("b"),
        predicate("never", |_| false),
        public() & scope("a"),
    ] {
        let rejected = send(stack(requirement).into_inner(), &[]).await;
        assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            rejected.headers()["www-authenticate"],
            r#"Bearer realm="countersign""#
        );
        assert_eq!(
            rejected.extensions().get::<Rejection>().unwrap().reason(),
            Reason::NoCredentials
        );
    }
    for requirement in [public(), public() | scope("a")] {
        assert_eq!(
            send(stack(requirement).into_inner(), &[]).await.status(),
            StatusCode::OK
        );
    }
    let lacking = send(
        stack(scope("a")).into_inner(),
        &[("authorization", "Bearer good")],
    )
    .await;
    assert_eq!(lacking.status(), StatusCode::FORBIDDEN);
    let without_layer = send(require(public()).unwrap(), &[]).await;
    assert_eq!(without_layer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn public_method_is_open_and_others_need_credentials() {
    let stack = |table: [(&'static str, Requirement); 1]| {
        let methods = require_methods(table).unwrap();
        ServiceBuilder::new()
            .layer(layer().optional().reject_body(Grpc::default()))
            .layer(methods)
            .into_inner()
    };
    let open = send(stack([("/calls.v1.Calls/List", public())]), &[]).await;
    assert_eq!(open.status(), StatusCode::OK);
    for table in [
        [("/calls.v1.Calls/List", scope("a"))],
        [("/other.v1.Other/List", public())],
    ] {
        let headers = [("content-type", "application/grpc")];
        let closed = send(stack(table), &headers).await;
        assert_eq!(closed.headers()["grpc-status"], "16");
    }
}

#[tokio::test]
async fn outer_layer_finds_the_accepted_principal_in_the_response_if_the_layer_adds_it() {
    let good = [("authorization", "Bearer good")];
    let without = send(layer(), &good).await;
    assert!(without.extensions().get::<Principal>().is_none());
    let layer = || layer().principal_in_response();
    let accepted = send(layer(), &good).await;
    assert_eq!(
        accepted.extensions().get::<Principal>().unwrap().subject(),
        "ada"
    );
    let stack = ServiceBuilder::new()
        .layer(layer())
        .layer(require(scope("a")).unwrap());
    let forbidden = send(stack.into_inner(), &good).await;
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        forbidden.extensions().get::<Principal>().unwrap().subject(),
        "ada"
    );
    let rejected = send(layer(), &[("authorization", "Bearer bad")]).await;
    assert!(rejected.extensions().get::<Principal>().is_none());
    let rejection = rejected.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.explanation(), Some("found bad"));
}

#[tokio::test]
async fn credentials_stay_in_the_headers_with_the_dangerous_option_only() {
    let headers = [("authorization", "Bearer good")];
    let stripped = send(layer(), &headers).await;
    assert!(
        !stripped
            .into_body()
            .unwrap()
            .1
            .contains_key("authorization")
    );
    let kept = send(dangerous::keep_credentials(layer()), &headers).await;
    assert_eq!(kept.into_body().unwrap().1["authorization"], "Bearer good");
}
