//! Metadata: where they are looked for, and what of them is believed.

use std::time::Duration;

use countersign::mechanism::Jwt;
use countersign::remote::{FetchError, RefreshPolicy, RemoteError, RemoteKeys, UrlError};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;

use crate::support::Documents;

const URL: &str = "https://login.example/realms/a";
const OAUTH: &str = "https://login.example/.well-known/oauth-authorization-server/realms/a";
const OPENID: &str = "https://login.example/realms/a/.well-known/openid-configuration";
const KEYS: &str = "https://keys.example/a";

fn metadata(issuer: &str, keys: &str) -> String {
    format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}","claims_supported":["sub"]}}"#)
}

fn keys() -> String {
    TestIssuer::start(SystemClock).unwrap().jwks()
}

/// The outcome of a first attempt, and what was asked for.
async fn first(documents: &Documents, url: &str) -> (Result<(), FetchError>, Vec<String>) {
    let keys = RemoteKeys::discover(url)
        .client(documents.clone())
        .start()
        .unwrap();
    let outcome = keys.refresh().await;
    (outcome, documents.asked())
}

#[tokio::test]
async fn oauth_metadata_are_asked_for_first_and_openid_s_only_without_them() {
    let documents = Documents::default();
    documents.put(OPENID, metadata(URL, KEYS));
    documents.put(KEYS, keys());
    let asked = [OAUTH, OPENID, KEYS].map(str::to_owned).to_vec();
    assert_eq!(first(&documents, URL).await, (Ok(()), asked));

    documents.put(OAUTH, metadata(URL, KEYS));
    let asked = [OAUTH, KEYS].map(str::to_owned).to_vec();
    assert_eq!(first(&documents, URL).await, (Ok(()), asked));

    documents.put(OAUTH, "<html>a page for whoever is lost</html>");
    let asked = [OAUTH, OPENID, KEYS].map(str::to_owned).to_vec();
    assert_eq!(first(&documents, URL).await, (Ok(()), asked));
}

#[tokio::test]
async fn metadata_of_another_issuer_are_not_believed() {
    let others = [
        "https://login.example/realms/b",
        "https://login.example/realms/a/",
        "https://LOGIN.example/realms/a",
        "https://login.example:443/realms/a",
        "https://login.example/realms/%61",
        "",
    ];
    for issuer in others {
        let documents = Documents::default();
        documents.put(OAUTH, metadata(issuer, KEYS));
        documents.put(OPENID, metadata(issuer, KEYS));
        documents.put(KEYS, keys());
        let (outcome, asked) = first(&documents, URL).await;
        assert_eq!(outcome, Err(FetchError::IssuerMismatch), "{issuer}");
        assert!(!asked.contains(&KEYS.to_owned()));
    }
}

#[tokio::test]
async fn metadata_cannot_send_the_fetch_anywhere_but_over_https() {
    let urls = [
        "http://keys.example/a",
        "http://127.0.0.1:1/a",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://user@keys.example/a",
        "/a",
        "",
    ];
    for url in urls {
        let documents = Documents::default();
        documents.put(OPENID, metadata(URL, url));
        documents.put(url, keys());
        let (outcome, asked) = first(&documents, URL).await;
        assert_eq!(outcome, Err(FetchError::UrlRefused), "{url}");
        assert_eq!(asked, [OAUTH, OPENID], "{url}");
    }
}

#[tokio::test]
async fn metadata_without_the_members_or_with_one_twice_are_malformed() {
    let twice = format!(r#"{{"issuer":"{URL}","jwks_uri":"{KEYS}","jwks_uri":"{KEYS}"}}"#);
    let half = format!(r#"{{"issuer":"{URL}"}}"#);
    for document in ["{}", "[]", "", &half, &twice] {
        let documents = Documents::default();
        documents.put(OPENID, document);
        documents.put(KEYS, keys());
        let (outcome, _) = first(&documents, URL).await;
        assert_eq!(outcome, Err(FetchError::Malformed), "{document}");
    }
}

#[tokio::test]
async fn metadata_are_asked_for_again_only_after_a_failure_and_are_not_needed_then() {
    let documents = Documents::default();
    documents.put(OAUTH, metadata(URL, KEYS));
    documents.put(KEYS, keys());
    let remote = RemoteKeys::discover(URL)
        .client(documents.clone())
        .start()
        .unwrap();
    remote.refresh().await.unwrap();
    assert_eq!(documents.asked(), [OAUTH, KEYS]);
    remote.refresh().await.unwrap();
    assert_eq!(documents.asked(), [KEYS]);

    documents.remove(KEYS);
    assert_eq!(remote.refresh().await, Err(FetchError::Status(404)));
    assert_eq!(documents.asked(), [KEYS]);
    // They have moved.
    let moved = "https://keys.example/b";
    documents.put(OAUTH, metadata(URL, moved));
    documents.put(moved, keys());
    remote.refresh().await.unwrap();
    assert_eq!(documents.asked(), [OAUTH, moved]);

    // The keys fail once, and the metadata are gone: the keys are where they were.
    documents.remove(moved);
    remote.refresh().await.unwrap_err();
    documents.remove(OAUTH);
    documents.put(moved, keys());
    remote.refresh().await.unwrap();
    assert_eq!(documents.asked(), [moved, OAUTH, OPENID, moved]);
}

#[tokio::test]
async fn jwks_url_is_asked_at_once_and_the_issuer_s_url_is_a_name_alone() {
    let issuer = TestIssuer::start(SystemClock).unwrap();
    let jwt = Jwt::issuer("urn:partner")
        .jwks_url(&issuer.jwks_url())
        .audience("a")
        .build()
        .unwrap();
    let keys = jwt.issuers().next().unwrap().remote_keys().unwrap().clone();
    keys.refresh().await.unwrap();
    assert!(jwt.is_ready());
    assert_eq!(issuer.metadata_fetches(), 0);
}

#[tokio::test]
async fn layer_that_could_never_fetch_or_would_accept_too_much_is_not_built() {
    let error = |url: &str| Jwt::issuer(url).audience("a").build().unwrap_err();
    assert_eq!(
        error("http://login.example"),
        RemoteError::Url(UrlError::NotHttps)
    );
    assert_eq!(
        error("login.example"),
        RemoteError::Url(UrlError::Malformed)
    );
    assert_eq!(
        error("https://login.example?a"),
        RemoteError::Url(UrlError::Malformed)
    );
    let open = Jwt::issuer("https://login.example").build().unwrap_err();
    assert!(matches!(open, RemoteError::Trust(_)));

    let second = Duration::from_secs(1);
    let default = RefreshPolicy::default();
    let policies = [
        default.minimum_interval(second / 2),
        default.ttl(second * 29),
        default.max_stale(second * 300),
        default.timeout(Duration::ZERO),
        default.timeout(second * 61),
    ];
    for policy in policies {
        let keys = RemoteKeys::discover(URL).policy(policy).start();
        assert_eq!(keys.unwrap_err(), RemoteError::Policy, "{policy:?}");
    }
}

#[test]
fn layer_outside_a_runtime_is_not_built() {
    let keys = RemoteKeys::discover(URL)
        .client(Documents::default())
        .start();
    assert_eq!(keys.unwrap_err(), RemoteError::NoRuntime);
}
