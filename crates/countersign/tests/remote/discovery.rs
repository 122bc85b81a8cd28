//! Discovery: where metadata are fetched from, and which metadata are accepted.

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

/// Returns the result of a first attempt, and the URLs that it requested.
async fn first(documents: &Documents, url: &str) -> (Result<(), FetchError>, Vec<String>) {
    let keys = RemoteKeys::discover(url)
        .client(documents.clone())
        .start()
        .unwrap();
    let result = keys.refresh().await;
    (result, documents.take_requested())
}

#[tokio::test]
async fn oauth_metadata_are_fetched_first_and_openid_metadata_only_without_them() {
    let documents = Documents::default();
    documents.put(OPENID, metadata(URL, KEYS));
    documents.put(KEYS, keys());
    let requested = [OAUTH, OPENID, KEYS].map(str::to_owned).to_vec();
    assert_eq!(first(&documents, URL).await, (Ok(()), requested));

    documents.put(OAUTH, metadata(URL, KEYS));
    let requested = [OAUTH, KEYS].map(str::to_owned).to_vec();
    assert_eq!(first(&documents, URL).await, (Ok(()), requested));

    documents.put(OAUTH, "<html>not found</html>");
    let requested = [OAUTH, OPENID, KEYS].map(str::to_owned).to_vec();
    assert_eq!(first(&documents, URL).await, (Ok(()), requested));
}

#[tokio::test]
async fn metadata_of_another_issuer_are_rejected() {
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
        let (result, requested) = first(&documents, URL).await;
        let is_mismatch = matches!(result, Err(FetchError::IssuerMismatch { .. }));
        assert!(is_mismatch, "{issuer}");
        assert!(!requested.contains(&KEYS.to_owned()));
    }
}

#[tokio::test]
async fn metadata_can_only_name_an_https_url() {
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
        let (result, requested) = first(&documents, URL).await;
        assert_eq!(result, Err(FetchError::UrlRejected), "{url}");
        assert_eq!(requested, [OAUTH, OPENID], "{url}");
    }
}

#[tokio::test]
async fn metadata_with_missing_or_repeated_members_are_malformed() {
    let repeated = format!(r#"{{"issuer":"{URL}","jwks_uri":"{KEYS}","jwks_uri":"{KEYS}"}}"#);
    let incomplete = format!(r#"{{"issuer":"{URL}"}}"#);
    for document in ["{}", "[]", "", &incomplete, &repeated] {
        let documents = Documents::default();
        documents.put(OPENID, document);
        documents.put(KEYS, keys());
        let (result, _) = first(&documents, URL).await;
        assert_eq!(result, Err(FetchError::Malformed), "{document}");
    }
}

#[tokio::test]
async fn metadata_are_fetched_again_only_after_a_failure_and_may_be_missing_then() {
    let documents = Documents::default();
    documents.put(OAUTH, metadata(URL, KEYS));
    documents.put(KEYS, keys());
    let remote = RemoteKeys::discover(URL)
        .client(documents.clone())
        .start()
        .unwrap();
    remote.refresh().await.unwrap();
    assert_eq!(documents.take_requested(), [OAUTH, KEYS]);
    remote.refresh().await.unwrap();
    assert_eq!(documents.take_requested(), [KEYS]);

    documents.remove(KEYS);
    assert_eq!(remote.refresh().await, Err(FetchError::Status(404)));
    assert_eq!(documents.take_requested(), [KEYS]);
    // The keys have moved.
    let moved = "https://keys.example/b";
    documents.put(OAUTH, metadata(URL, moved));
    documents.put(moved, keys());
    remote.refresh().await.unwrap();
    assert_eq!(documents.take_requested(), [OAUTH, moved]);

    // Fetching the keys fails once, and the metadata are missing: the last known URL is used.
    documents.remove(moved);
    remote.refresh().await.unwrap_err();
    documents.remove(OAUTH);
    documents.put(moved, keys());
    remote.refresh().await.unwrap();
    assert_eq!(documents.take_requested(), [moved, OAUTH, OPENID, moved]);
}

#[tokio::test]
async fn jwks_url_replaces_discovery_and_the_issuer_may_be_any_name() {
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
async fn invalid_urls_policies_and_audiences_are_build_errors() {
    let error = |url: &str| match Jwt::issuer(url).audience("a").build() {
        Err(RemoteError::Url(url)) => url.error(),
        other => unreachable!("{url}: {other:?}"),
    };
    assert_eq!(error("http://login.example"), UrlError::NotHttps);
    assert_eq!(error("login.example"), UrlError::Malformed);
    assert_eq!(error("https://login.example?a"), UrlError::Malformed);
    let open = Jwt::issuer("https://login.example").build().unwrap_err();
    assert!(matches!(open, RemoteError::Trust(_)));

    let second = Duration::from_secs(1);
    let default = RefreshPolicy::default();
    let policies = [
        RefreshPolicy {
            minimum_interval: second / 2,
            ..default
        },
        RefreshPolicy {
            ttl: second * 29,
            ..default
        },
        RefreshPolicy {
            max_stale: second * 300,
            ..default
        },
        RefreshPolicy {
            timeout: Duration::ZERO,
            ..default
        },
        RefreshPolicy {
            timeout: second * 61,
            ..default
        },
    ];
    for policy in policies {
        let keys = RemoteKeys::discover(URL).policy(policy).start();
        assert_eq!(keys.unwrap_err(), RemoteError::Policy, "{policy:?}");
    }
}

#[test]
fn keys_cannot_be_started_outside_a_runtime() {
    let keys = RemoteKeys::discover(URL)
        .client(Documents::default())
        .start();
    assert_eq!(keys.unwrap_err(), RemoteError::NoRuntime);
}
