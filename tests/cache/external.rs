//! Tokens of external issuers, and several issuers in one mechanism.

use countersign::auth::Authenticator;
use countersign::jose::{Algorithm, KeySet, SharedKeySet};
use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{AUDIENCE, EXTERNAL_ISSUER, Key, NOW, TokenBuilder, key, keys};

use crate::fixture::{Presented, cache_in};

fn authenticator(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Authenticator {
    let clock = FixedClock::at(Timestamp::from_unix_seconds(NOW));
    let builder = Authenticator::builder().mechanism(Jwt::new(issuers));
    builder.clock(clock).build().unwrap()
}

fn external(url: &str, keys: impl Into<SharedKeySet>) -> TrustedIssuer {
    let issuer = TrustedIssuer::external(url).audience(AUDIENCE);
    issuer.keys(keys.into()).build().unwrap()
}

fn set<'a>(keys: impl IntoIterator<Item = &'a Key>) -> KeySet {
    keys::key_set(keys)
}

#[test]
fn token_of_an_external_issuer_is_verified_again_after_its_keys_changed() {
    let es256 = key(Algorithm::Es256);
    let shared = SharedKeySet::new(set([es256]));
    let verifier = authenticator([external(EXTERNAL_ISSUER, shared.clone())]);
    let token = TokenBuilder::external()
        .key(es256)
        .claim("roles", r#"["editor"]"#)
        .token();
    let principal = cache_in(&verifier, &token);
    assert_eq!(principal.claim::<Vec<String>>("roles").unwrap(), ["editor"]);

    // The same keys, fetched again.
    shared.replace(set([es256]));
    assert_eq!(Presented::to(&verifier, &token).signatures, 0);
    // Another key under the same id.
    let other = Box::leak(Box::new(Key::generate(Algorithm::Es256, es256.kid)));
    shared.replace(set([&*other]));
    let presented = Presented::to(&verifier, &token);
    assert_eq!(presented.reason(), Some(Reason::SignatureInvalid));
    shared.replace(set([key(Algorithm::EdDsa)]));
    let presented = Presented::to(&verifier, &token);
    assert_eq!(presented.reason(), Some(Reason::KeyUnknown));
    shared.replace(set([es256]));
    cache_in(&verifier, &token);
}

#[test]
fn keys_of_one_issuer_are_replaced_without_effect_on_the_tokens_of_another() {
    let other_url = "https://other.example";
    let signing = key(Algorithm::EdDsa);
    let shared = [(); 2].map(|()| SharedKeySet::new(set([signing])));
    let [first, second] = shared.clone();
    let verifier = authenticator([
        external(EXTERNAL_ISSUER, first),
        external(other_url, second),
    ]);
    let tokens = [EXTERNAL_ISSUER, other_url].map(|url| {
        let token = TokenBuilder::external().claim("iss", format!("\"{url}\""));
        token.token()
    });
    tokens
        .iter()
        .for_each(|token| drop(cache_in(&verifier, token)));
    shared[0].replace(set([key(Algorithm::Es256)]));
    let presented = Presented::to(&verifier, &tokens[0]);
    assert_eq!(presented.reason(), Some(Reason::KeyUnknown));
    assert_eq!(Presented::to(&verifier, &tokens[1]).signatures, 0);
}

#[test]
fn token_with_another_payload_or_signature_is_not_the_cached_one() {
    let verifier = authenticator([external(EXTERNAL_ISSUER, set([key(Algorithm::EdDsa)]))]);
    let token = TokenBuilder::external().token();
    cache_in(&verifier, &token);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = input.split_once('.').unwrap();
    let admin = TokenBuilder::external()
        .claim("scope", r#""admin""#)
        .token();
    let (admin, other_signature) = admin.rsplit_once('.').unwrap();
    for forged in [
        format!("{admin}.{signature}"),
        format!("{input}.{other_signature}"),
        format!("{header}.{header}.{signature}"),
        format!(".{input}.{signature}"),
    ] {
        for _ in 0..3 {
            let presented = Presented::to(&verifier, &forged);
            assert!(presented.result.is_err(), "{forged}");
        }
    }
    assert_eq!(Presented::to(&verifier, &token).signatures, 0);
}
