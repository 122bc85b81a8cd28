//! How metadata and key sets are fetched, and from where.

use std::error::Error;
use std::sync::{Arc, Mutex};

use countersign::mechanism::Jwt;
use countersign::remote::{
    Fetch, FetchError, FetchedBody, RemoteError, RemoteIssuer, RemoteKeys, UrlError,
};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use countersign::{BoxFuture, dangerous};
use http::{Request, Response};

use crate::server::{Answer, Site};

fn jwks() -> String {
    TestIssuer::start(SystemClock).unwrap().jwks()
}

fn ok(content_type: &str, body: &str) -> Answer {
    (
        200,
        format!("content-type: {content_type}\r\n"),
        body.to_owned(),
    )
}

/// Answers with metadata and keys at the paths of a Kubernetes API server, whose port the request names.
fn kubernetes(head: &str, keys: &str) -> Answer {
    let host = head
        .split("host: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap();
    if head.starts_with("get /openid/v1/jwks ") {
        ok("application/jwk-set+json", keys)
    } else if head.starts_with("get /.well-known/openid-configuration ") {
        let metadata =
            format!(r#"{{"issuer":"https://{host}","jwks_uri":"https://{host}/openid/v1/jwks"}}"#);
        ok("application/json", &metadata)
    } else {
        (404, String::new(), String::new())
    }
}

/// Builds the mechanism, and returns the result of its first fetch.
async fn fetched(issuer: RemoteIssuer) -> Result<(), FetchError> {
    let trusted = issuer.audience("a").trust().unwrap();
    trusted.remote_keys().unwrap().refresh().await
}

#[tokio::test]
async fn keys_are_fetched_from_a_server_that_demands_their_media_type() {
    let keys = jwks();
    let site = Site::start(move |head| {
        let accept = head.split("\r\naccept: ").nth(1).unwrap_or_default();
        match accept.split("\r\n").next() {
            Some(accept) if accept.contains("application/jwk-set+json") => {
                ok("application/jwk-set+json", &keys)
            }
            _ => (406, String::new(), String::new()),
        }
    })
    .await;
    let keys = RemoteKeys::jwks(&site.url).start().unwrap();
    assert_eq!(keys.refresh().await, Ok(()));
    for head in site.take_heads() {
        let accept = "accept: application/jwk-set+json, application/json, */*;q=0.1\r\n";
        assert!(head.contains(accept), "{head}");
        assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
    }
}

#[tokio::test]
async fn keys_are_accepted_with_any_content_type() {
    let document = jwks();
    for content_type in [
        "text/plain",
        "application/octet-stream",
        "text/html; charset=utf-8",
        "x",
    ] {
        let document = document.clone();
        let site = Site::start(move |_| ok(content_type, &document)).await;
        assert_eq!(
            RemoteKeys::jwks(&site.url).start().unwrap().refresh().await,
            Ok(()),
            "{content_type}"
        );
    }
}

#[tokio::test]
async fn compressed_keys_are_an_error_that_says_so() {
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, br"] {
        let site = Site::start(move |_| {
            (
                200,
                format!("content-encoding: {encoding}\r\n"),
                "\u{1f}not json".to_owned(),
            )
        })
        .await;
        let error = RemoteKeys::jwks(&site.url)
            .start()
            .unwrap()
            .refresh()
            .await
            .unwrap_err();
        assert_eq!(error, FetchError::Compressed, "{encoding}");
    }
    let document = jwks();
    let site = Site::start(move |_| {
        (
            200,
            "content-encoding: identity\r\n".to_owned(),
            document.clone(),
        )
    })
    .await;
    assert_eq!(
        RemoteKeys::jwks(&site.url).start().unwrap().refresh().await,
        Ok(())
    );
}

#[tokio::test]
async fn keys_behind_a_private_authority_and_a_bearer_token_are_fetched() {
    let keys = jwks();
    let expected = Arc::new(Mutex::new("first".to_owned()));
    let demanded = Arc::clone(&expected);
    let (site, root) = Site::start_tls(move |head| {
        let bearer = format!("authorization: bearer {}\r\n", demanded.lock().unwrap());
        match head.contains(&bearer) {
            true => kubernetes(head, &keys),
            false => (401, String::new(), String::new()),
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (ca, token) = (folder.path().join("ca.crt"), folder.path().join("token"));
    std::fs::write(&ca, root).unwrap();
    std::fs::write(&token, "first\n").unwrap();

    let issuer = || Jwt::issuer(site.url.as_str()).ca_file(&ca);
    assert_eq!(fetched(issuer()).await, Err(FetchError::Status(401)));
    let trusted = issuer()
        .fetch_token_file(&token)
        .audience("a")
        .trust()
        .unwrap();
    let keys = trusted.remote_keys().unwrap();
    assert_eq!(keys.refresh().await, Ok(()));

    // The token file is read for each fetch, since Kubernetes replaces it every hour.
    "second".clone_into(&mut expected.lock().unwrap());
    assert_eq!(keys.refresh().await, Err(FetchError::Status(401)));
    std::fs::write(&token, "second").unwrap();
    assert_eq!(keys.refresh().await, Ok(()));
    for unreadable in ["", "two words", "a\u{0}b"] {
        std::fs::write(&token, unreadable).unwrap();
        assert_eq!(
            keys.refresh().await,
            Err(FetchError::TokenFile),
            "{unreadable:?}"
        );
    }
    std::fs::remove_file(&token).unwrap();
    assert_eq!(keys.refresh().await, Err(FetchError::TokenFile));
}

#[tokio::test]
async fn missing_ca_file_is_a_build_error_that_names_it() {
    let issuer = Jwt::issuer("https://kubernetes.default.svc").ca_file("/no/such/ca.crt");
    let error = issuer.audience("a").build().unwrap_err();
    assert!(error.to_string().contains("/no/such/ca.crt"), "{error}");
}

/// An HTTP client without a network.
struct NoNetwork;

impl Fetch for NoNetwork {
    fn send<'a>(
        &'a self,
        _: Request<Vec<u8>>,
        _: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        Box::pin(async { Err("no network".into()) })
    }
}

#[tokio::test]
async fn plain_http_outside_of_this_machine_needs_the_dangerous_option() {
    let issuer = || {
        Jwt::issuer("http://keycloak.internal/realms/a")
            .audience("a")
            .client(NoNetwork)
    };
    let error = issuer().build().unwrap_err();
    // Programs that return it from `main` print the second one.
    for text in [error.to_string(), format!("{error:?}")] {
        for part in [
            "http://keycloak.internal/realms/a",
            "https",
            "dangerous::allow_http",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
    assert!(matches!(error, RemoteError::Url(url) if url.error() == UrlError::NotHttps));
    assert!(dangerous::allow_http(issuer()).build().is_ok());
    let keys = dangerous::allow_http(issuer()).jwks_url("http://keys.internal/a");
    assert!(keys.build().is_ok());
    for other in ["ftp://keycloak.internal", "file:///etc/keys"] {
        let issuer = dangerous::allow_http(Jwt::issuer(other).audience("a").client(NoNetwork));
        assert!(issuer.build().is_err(), "{other}");
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_say_which_was_found_and_which_is_configured() {
    let site = Site::start(|head| {
        let host = head
            .split("host: ")
            .nth(1)
            .unwrap()
            .split("\r\n")
            .next()
            .unwrap();
        ok(
            "application/json",
            &format!(r#"{{"issuer":"http://{host}/","jwks_uri":"http://{host}/keys"}}"#),
        )
    })
    .await;
    let error = fetched(Jwt::issuer(site.url.as_str())).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("`{}/`", site.url)), "{text}");
    assert!(text.contains(&format!("`{}`", site.url)), "{text}");
}

#[tokio::test]
async fn trust_domain_needs_the_url_of_its_keys() {
    let error = Jwt::trust_domain("acme.example")
        .audience("a")
        .build()
        .unwrap_err();
    assert_eq!(error, RemoteError::NoUrl);
    for name in [
        "",
        "Acme.example",
        "acme.example/",
        "spiffe://acme.example",
        "a b",
    ] {
        let domain = Jwt::trust_domain(name)
            .jwks_url("https://acme.example/bundle")
            .client(NoNetwork);
        assert!(
            matches!(domain.audience("a").build(), Err(RemoteError::Trust(_))),
            "{name}"
        );
    }
}
