//! In anyone's router, or in none.

use axum::Router;
use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;
use tower::ServiceExt as _;

use crate::fixture::{TOKENS, World};
use crate::response::Answer;

async fn get(router: Router, path: &str, key: &str) -> (u16, String) {
    let request = Request::get(path).header("x-api-key", key);
    let request = request.body(Full::<Bytes>::default()).unwrap();
    Answer::of(router.oneshot(request).await.unwrap())
        .await
        .code()
}

#[tokio::test]
async fn resource_is_the_same_nested_routed_and_alone() {
    let world = World::new().await;
    let id = world.token().await.id;
    let nested = Router::new().nest_service(TOKENS, world.managed.clone());
    let whole = world.managed.clone().mounted_at(TOKENS);
    let routed = Router::new()
        .route_service(TOKENS, whole.clone())
        .route_service(&format!("{TOKENS}/{{*rest}}"), whole.clone());
    let alone = Router::new().fallback_service(whole);
    for (name, router) in [("nested", nested), ("routed", routed), ("alone", alone)] {
        for (path, wanted) in [
            (TOKENS.to_owned(), 200),
            (format!("{TOKENS}?pagination[offset]=1"), 200),
            (format!("{TOKENS}/{id}"), 200),
            (format!("{TOKENS}/{id}/suspend"), 405),
            (format!("{TOKENS}/{id}/other"), 404),
        ] {
            let (status, _) = get(router.clone(), &path, &world.admin.key).await;
            assert_eq!(status, wanted, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn resource_finds_nothing_elsewhere_than_where_it_is_mounted() {
    let world = World::new().await;
    let id = world.token().await.id;
    let alone = Router::new().fallback_service(world.managed.clone().mounted_at(TOKENS));
    for path in ["/", "/api/v1/api_tokens", "/api/v1", &format!("/{id}")] {
        let answer = get(alone.clone(), path, &world.admin.key).await;
        assert_eq!(answer, (404, "not_found".to_owned()), "{path}");
    }
}
