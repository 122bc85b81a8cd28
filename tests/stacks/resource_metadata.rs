//! The parameter `resource_metadata` of challenges (RFC 9728 §5.1).

use countersign::auth::BuildError;
use countersign::require::scope;
use countersign::{AuthLayer, require};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::fixture::{Fixture, bearer, text};

const URL: &str = "https://api.example/.well-known/oauth-protected-resource";

#[tokio::test]
async fn every_bearer_challenge_names_the_metadata_and_no_other_challenge_does() {
    let fixture = Fixture::new().await;
    let layer = fixture.builder().resource_metadata(URL).build().unwrap();
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let service = layer.layer(require(scope("calls:write")).unwrap().layer(inner));
    let send = async |headers: &[(&str, &[u8])]| {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = service.clone().oneshot(request.body(()).unwrap());
        let response = response.await.unwrap();
        let challenges = response.headers().get_all("www-authenticate").iter();
        let texts = challenges.map(|value| value.to_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    let with = |parameters: &str| {
        format!("Bearer realm=\"countersign\"{parameters}, resource_metadata=\"{URL}\"")
    };
    let missing = send(&[]).await;
    assert_eq!(missing[0], with(""));
    assert_eq!(missing[1], r#"ApiKey realm="countersign""#);
    assert_eq!(missing[2], r#"Basic realm="countersign", charset="UTF-8""#);
    let invalid = send(&[("authorization", b"Bearer a.b.c")]).await;
    assert_eq!(invalid, [with(r#", error="invalid_token""#)]);
    let malformed = send(&[("authorization", b"Bearer")]).await;
    assert_eq!(malformed, [with(r#", error="invalid_request""#)]);
    let token = bearer(&fixture.token);
    let narrow = send(&[("authorization", &token)]).await;
    let lacking = r#", error="insufficient_scope", scope="calls:write""#;
    assert_eq!(narrow, [with(lacking)]);
    let key = text(&fixture.other.issued.key);
    assert!(send(&[("x-api-key", key)]).await.is_empty());
}

#[tokio::test]
async fn build_fails_when_the_metadata_url_cannot_be_quoted_or_is_not_absolute() {
    let fixture = Fixture::new().await;
    for url in [
        "",
        "/metadata",
        "https://a\"b",
        "https://a b",
        "https://\u{e9}",
    ] {
        let built: Result<AuthLayer, _> = fixture.builder().resource_metadata(url).build();
        assert_eq!(built.unwrap_err(), BuildError::ResourceMetadata, "{url}");
    }
}
