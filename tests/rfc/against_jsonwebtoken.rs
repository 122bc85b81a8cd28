//! Thousands of valid and invalid tokens are verified by this library and by jsonwebtoken. The library never accepts a token
//! that jsonwebtoken rejects. If only the library rejects a token, one of the rules below is the reason.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::jose::Algorithm;
use countersign::rejection::Reason;
use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign::token::TrustedIssuer;
use countersign_tests::xorshift::XorShift;
use countersign_tests::{
    AUDIENCE, EXTERNAL_ISSUER, Harness, Key, OWN_ISSUER, base64url, key, keys,
};
use http::HeaderValue;
use jsonwebtoken::{DecodingKey, Validation};

use crate::generator::Generator;

const TOKENS: usize = 2_000;

/// The rules that only this library checks, or checks more strictly than jsonwebtoken.
const RULES: [(Reason, &str); 9] = [
    (
        Reason::HeaderUnsupported,
        "crit, b64, zip and enc in a header are rejected, and cty and keys in that of an own token (RFC 8725 §3.6, §3.10)",
    ),
    (
        Reason::HeaderMalformed,
        "a header has no duplicate member (RFC 7515 §4)",
    ),
    (
        Reason::TypeRejected,
        "the type is that of an access token (RFC 9068 §4)",
    ),
    (Reason::KeyUnknown, "kid chooses the key (RFC 7515 §4.1.4)"),
    (
        Reason::ClaimsMalformed,
        "claims are one object without duplicates, of the right types (RFC 7519 §4, §7.2)",
    ),
    (
        Reason::NotYetValid,
        "iat is not in the future, and nbf not after exp (RFC 7519 §4.1.5, §4.1.6)",
    ),
    (Reason::LifetimeTooLong, "the lifetime is limited"),
    (
        Reason::TokenBound,
        "a token with cnf is rejected (RFC 7800 §3.1)",
    ),
    (Reason::TokenTooLong, "a token has 8 KiB at most"),
];

struct Verifiers {
    harness: Harness,
    other: DecodingKey,
    validation: Validation,
}

impl Verifiers {
    /// Creates both verifiers for one key at the current time, without leeway. All times in tokens differ from it by a
    /// hundred seconds or more, so it does not matter when exactly jsonwebtoken reads the clock.
    fn new(key: &Key, now: Timestamp) -> Self {
        let issuer = |builder: countersign::token::TrustedIssuerBuilder| {
            let builder = builder.audience(AUDIENCE).leeway(Duration::ZERO);
            builder.keys(keys::key_set([key])).build().unwrap()
        };
        let issuers = [
            issuer(TrustedIssuer::own(OWN_ISSUER)),
            issuer(TrustedIssuer::external(EXTERNAL_ISSUER)),
        ];
        let public = key.public();
        let (algorithm, other) = match key.algorithm {
            Algorithm::Hs256 => (
                jsonwebtoken::Algorithm::HS256,
                DecodingKey::from_secret(&public),
            ),
            Algorithm::EdDsa => (
                jsonwebtoken::Algorithm::EdDSA,
                DecodingKey::from_ed_components(&base64url(public)).unwrap(),
            ),
            Algorithm::Es256 => (
                jsonwebtoken::Algorithm::ES256,
                DecodingKey::from_ec_components(
                    &base64url(&public[1..33]),
                    &base64url(&public[33..]),
                )
                .unwrap(),
            ),
            _ => (
                jsonwebtoken::Algorithm::RS256,
                DecodingKey::from_rsa_components(&base64url(key.modulus()), "AQAB").unwrap(),
            ),
        };
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[OWN_ISSUER, EXTERNAL_ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.leeway = 0;
        validation.validate_nbf = true;
        Self {
            harness: Harness::with_issuers(now, issuers),
            other,
            validation,
        }
    }

    fn jsonwebtoken_accepts(&self, token: &str) -> bool {
        jsonwebtoken::decode::<serde_json::Value>(token, &self.other, &self.validation).is_ok()
    }
}

#[test]
fn token_that_jsonwebtoken_rejects_is_rejected_and_every_other_rejection_has_a_rule() {
    let mut met: BTreeMap<&str, usize> = RULES.iter().map(|(_, rule)| (*rule, 0)).collect();
    let (mut accepted, mut rejected) = (0, 0);
    let algorithms = [
        Algorithm::Hs256,
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Rs256,
    ];
    for (seed, algorithm) in (1..).zip(algorithms) {
        let now = SystemClock.now();
        let mut generator = Generator {
            random: XorShift::new(0x9e37_79b9_7f4a_7c15 ^ seed),
            key: key(algorithm),
            now: now.unix_seconds(),
        };
        let verifiers = Verifiers::new(key(algorithm), now);
        for i in 0..TOKENS {
            let token = generator.token();
            if HeaderValue::try_from(format!("Bearer {token}")).is_err() {
                continue;
            }
            let observed = verifiers.harness.send(&token);
            let case = format!("{algorithm} {i}: {token}");
            match (
                observed.status.is_success(),
                verifiers.jsonwebtoken_accepts(&token),
            ) {
                (true, true) => accepted += 1,
                (false, false) => rejected += 1,
                (true, false) => panic!("the library accepts what jsonwebtoken rejects: {case}"),
                (false, true) => {
                    let reason = observed.reason.unwrap();
                    let rule = RULES.iter().find(|(known, _)| *known == reason);
                    let (_, rule) =
                        rule.unwrap_or_else(|| panic!("{reason:?} has no rule: {case}"));
                    *met.get_mut(rule).unwrap() += 1;
                }
            }
        }
    }
    println!("{accepted} accepted by both, {rejected} rejected by both");
    println!("rejected by this library only:");
    for (rule, count) in &met {
        println!("{count:>6}  {rule}");
    }
    let alone: usize = met.values().sum();
    assert!(accepted + rejected + alone >= 5_000);
    assert!(
        accepted > 500 && rejected > 500,
        "{accepted} accepted, {rejected} rejected"
    );
    for (rule, count) in met {
        assert!(count > 0, "no token met the rule: {rule}");
    }
}
