//! Key sets with the keys of several issuers, as Microsoft publishes them.

use countersign::jose::{Algorithm, KeySet, SigningKey};
use countersign::mechanism::Jwt;
use countersign::random::SystemRandom;
use countersign::rejection::Reason;
use countersign::testing::{FixedClock, TestIssuer};
use countersign::time::{Clock as _, Timestamp};
use countersign::token::TrustedIssuer;
use serde_json::{Value, json};

#[test]
fn key_of_one_issuer_in_a_shared_key_set_verifies_only_tokens_of_this_issuer() {
    const URL: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
    const OLD: &str = "https://sts.windows.net/{tenantid}/";
    let (own, other) = (
        "9188040d-6c67-4c5b-b112-36a304b66dad",
        "72f988bf-86f1-41af-91ab-2d7cd011db47",
    );
    let of = |url: &str, tenant: &str| url.replace("{tenantid}", tenant);
    let clock = FixedClock::at(Timestamp::from_unix_seconds(1_773_576_000));
    let issuer = TestIssuer::start(clock.clone()).unwrap();
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let verify = |issuer_of_key: Value, url: &str, tenant: &str| {
        let mut jwk: Value = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
        jwk["issuer"] = issuer_of_key;
        let (keys, _) = KeySet::from_jwks(&json!({ "keys": [jwk] }).to_string()).unwrap();
        let trusted = TrustedIssuer::external(url).tenants([own, other]);
        let trusted = trusted.audience("a").keys(keys).build().unwrap();
        let token = issuer.token().audience("a").key(key.clone());
        let token = token.key_id(key.id()).claim("tid", tenant);
        let token = token.claim("iss", of(url, tenant)).sign().unwrap();
        Jwt::new([trusted])
            .introspect(&token, clock.now())
            .map(drop)
    };
    for (issuer_of_key, url, tenant, accepted) in [
        (Value::Null, URL, other, true),
        ("".into(), URL, other, true),
        (URL.into(), URL, own, true),
        (URL.into(), URL, other, true),
        (of(URL, own).into(), URL, own, true),
        (of(URL, own).into(), URL, other, false),
        // The keys for tokens of version 1 may name the issuer of version 2.
        (of(URL, own).into(), OLD, own, true),
        (of(URL, own).into(), OLD, other, false),
        (of(OLD, own).into(), OLD, own, true),
        (of(OLD, own).into(), OLD, other, false),
        (
            "https://login.microsoftonline.com/v2.0".into(),
            URL,
            own,
            false,
        ),
        ("https://evil.example".into(), URL, own, false),
        ("/v2.0".into(), URL, own, false),
    ] {
        let expected = match accepted {
            true => Ok(()),
            false => Err(Reason::KeyUnknown),
        };
        let found = verify(issuer_of_key.clone(), url, tenant);
        assert_eq!(found, expected, "{issuer_of_key} {url} {tenant}");
    }
}
