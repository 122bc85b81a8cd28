//! The resource for managed tokens, nested in a router, routed, and as the only service.

use axum::Router;
use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;
use tower::ServiceExt as _;

use crate::fixture::{Fixture, TOKENS};
use crate::response::TestResponse;

async fn get(router: Router, path: &str, key: &str) -> (u16, String) {
    let request = Request::get(path).header("x-api-key", key);
    let request = request.body(Full::<Bytes>::default()).unwrap();
    TestResponse::read(router.oneshot(request).await.unwrap())
        .await
        .code()
}

#[tokio::test]
async fn resource_behaves_the_same_nested_routed_and_alone() {
    let fixture = Fixture::new().await;
    let id = fixture.token().await.id;
    let nested = Router::new().nest_service(TOKENS, fixture.managed.clone());
    let absolute = fixture.managed.clone().mounted_at(TOKENS);
    let routed = Router::new()
        .route_service(TOKENS, absolute.clone())
        .route_service(&format!("{TOKENS}/{{*rest}}"), absolute.clone());
    let alone = Router::new().fallback_service(absolute);
    for (name, router) in [("nested", nested), ("routed", routed), ("alone", alone)] {
        for (path, expected) in [
            (TOKENS.to_owned(), 200),
            (format!("{TOKENS}?pagination[offset]=1"), 200),
            (format!("{TOKENS}/{id}"), 200),
            (format!("{TOKENS}/{id}/suspend"), 405),
            (format!("{TOKENS}/{id}/other"), 404),
        ] {
            let (status, _) = get(router.clone(), &path, &fixture.admin.key).await;
            assert_eq!(status, expected, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn paths_outside_the_mount_path_are_not_found() {
    let fixture = Fixture::new().await;
    let id = fixture.token().await.id;
    let alone = Router::new().fallback_service(fixture.managed.clone().mounted_at(TOKENS));
    for path in ["/", "/api/v1/api_tokens", "/api/v1", &format!("/{id}")] {
        let response = get(alone.clone(), path, &fixture.admin.key).await;
        assert_eq!(response, (404, "not_found".to_owned()), "{path}");
    }
}
