//! Which configurations are rejected, and what is shown of them.

use std::time::Duration;

use countersign::Secret;
use countersign::mechanism::OpaqueTokens;
use countersign::remote::{OpaqueIssuer, RemoteError};
use countersign::token::TrustError;
use countersign::url::UrlError;

const URL: &str = "https://login.test/introspect";

fn secret() -> Secret {
    Secret::from("canary".to_owned())
}

fn complete() -> OpaqueIssuer {
    OpaqueTokens::issuer("https://login.test")
        .introspection_url(URL)
        .client_secret("id", &secret())
        .audience("https://api.test")
}

#[test]
fn endpoint_secret_and_audience_are_required() {
    let issuer = || OpaqueTokens::issuer("https://login.test").audience("a");
    let error = |issuer: OpaqueIssuer| issuer.build().map(drop);
    assert_eq!(error(complete()), Ok(()));
    assert_eq!(
        error(issuer().introspection_url(URL)),
        Err(RemoteError::NoEndpoint)
    );
    assert_eq!(
        error(issuer().client_secret("id", &secret())),
        Err(RemoteError::NoEndpoint)
    );
    let without_audience = OpaqueTokens::issuer("https://login.test")
        .introspection_url(URL)
        .client_secret("id", &secret());
    assert_eq!(
        error(without_audience),
        Err(RemoteError::Trust(TrustError::NoAudience))
    );
}

#[test]
fn endpoint_is_https_or_loopback() {
    let at = |url: &str| complete().introspection_url(url).build().map(drop);
    assert_eq!(at("http://127.0.0.1:8080/introspect"), Ok(()));
    for (url, error) in [
        ("http://login.test/introspect", UrlError::NotHttps),
        ("http://169.254.169.254/", UrlError::NotHttps),
        ("file:///etc/passwd", UrlError::Malformed),
        ("/introspect", UrlError::Malformed),
    ] {
        let Err(RemoteError::Url(rejected)) = at(url) else {
            unreachable!("{url}");
        };
        assert_eq!(rejected.error(), error, "{url}");
        let (shown, debug) = (rejected.to_string(), format!("{rejected:?}"));
        assert!(shown.contains(url) && debug.contains(url), "{shown}");
        assert!(!shown.contains("allow_http"), "{shown}");
    }
}

#[test]
fn time_limit_and_lifetime_of_the_cache_are_bounded() {
    let (zero, long) = (Duration::ZERO, Duration::from_millis(60_001));
    for builder in [
        complete().timeout(zero),
        complete().timeout(long),
        complete().cache_for(long),
    ] {
        assert_eq!(builder.build().map(drop), Err(RemoteError::Introspection));
    }
    assert!(complete().cache_for(zero).build().is_ok());
}

#[test]
fn secret_is_not_printed() {
    let builder = complete();
    let tokens = builder.clone().build().unwrap();
    let shown = format!("{builder:?} {tokens:?}");
    // Python: base64.b64encode(b"id:canary")
    for secret in ["canary", "aWQ6Y2FuYXJ5"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(URL), "{shown}");
}
