//! RFC 9728 §5.1: where a challenge says that the resource's metadata are.

use countersign::auth::BuildError;
use countersign::require::scope;
use countersign::{AuthLayer, require};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::fixture::{Fixture, bearer, text};

const URL: &str = "https://api.example/.well-known/oauth-protected-resource";

#[tokio::test]
async fn every_challenge_to_bearers_names_the_metadata_and_no_other_does() {
    let fixture = Fixture::new().await;
    let layer = fixture.builder().resource_metadata(URL).build().unwrap();
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let service = layer.layer(require(scope("calls:write")).unwrap().layer(inner));
    let ask = async |headers: &[(&str, &[u8])]| {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let asked = service.clone().oneshot(request.body(()).unwrap());
        let response = asked.await.unwrap();
        let challenges = response.headers().get_all("www-authenticate").iter();
        let texts = challenges.map(|value| value.to_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    let with = |parameters: &str| {
        format!("Bearer realm=\"countersign\"{parameters}, resource_metadata=\"{URL}\"")
    };
    let missing = ask(&[]).await;
    assert_eq!(missing[0], with(""));
    assert_eq!(missing[1], r#"ApiKey realm="countersign""#);
    assert_eq!(missing[2], r#"Basic realm="countersign", charset="UTF-8""#);
    let bad = ask(&[("authorization", b"Bearer a.b.c")]).await;
    assert_eq!(bad, [with(r#", error="invalid_token""#)]);
    let malformed = ask(&[("authorization", b"Bearer")]).await;
    assert_eq!(malformed, [with(r#", error="invalid_request""#)]);
    let token = bearer(&fixture.token);
    let narrow = ask(&[("authorization", &token)]).await;
    let lacking = r#", error="insufficient_scope", scope="calls:write""#;
    assert_eq!(narrow, [with(lacking)]);
    let key = text(&fixture.other.issued.key);
    assert!(ask(&[("x-api-key", key)]).await.is_empty());
}

#[tokio::test]
async fn metadata_that_cannot_be_quoted_or_are_nowhere_are_refused_when_the_layer_is_built() {
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
