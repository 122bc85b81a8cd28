//! Tokens that third-party libraries sign, verified by `countersign`.

use countersign::jose::{Algorithm, KeySet, SigningKey};
use countersign::random::SystemRandom;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{AUDIENCE, EXTERNAL_ISSUER, Harness, NOW};
use serde_json::json;

use crate::harness::Language;

const SAMPLES: usize = 50;

#[test]
fn eddsa_tokens_of_joserfc_and_jose_are_accepted_and_with_one_changed_bit_rejected() {
    assert_accepted_and_with_a_changed_bit_rejected(Algorithm::EdDsa);
}

#[test]
fn es256_tokens_of_joserfc_and_jose_are_accepted_and_with_one_changed_bit_rejected() {
    assert_accepted_and_with_a_changed_bit_rejected(Algorithm::Es256);
}

#[test]
fn rs256_tokens_of_joserfc_and_jose_are_accepted_and_with_one_changed_bit_rejected() {
    assert_accepted_and_with_a_changed_bit_rejected(Algorithm::Rs256);
}

fn assert_accepted_and_with_a_changed_bit_rejected(algorithm: Algorithm) {
    let key = SigningKey::generate(algorithm, &SystemRandom).unwrap();
    let published = format!(r#"{{"keys":[{}]}}"#, key.public_jwk().unwrap());
    let (keys, unusable) = KeySet::from_jwks(&published).unwrap();
    assert_eq!((keys.len(), unusable), (1, Vec::new()));
    let issuer = TrustedIssuer::external(EXTERNAL_ISSUER)
        .audience(AUDIENCE)
        .keys(keys);
    let now = Timestamp::from_unix_seconds(NOW);
    let harness = Harness::with_issuers(now, [issuer.build().unwrap()]);

    for language in Language::ALL {
        let token = sign(language, &key);
        let outcome = harness.send(&token);
        let principal = outcome.accepted("as signed").principal.clone().unwrap();
        assert_eq!(principal.subject(), "alice");

        for sample in 0..SAMPLES {
            // Positions are distributed evenly over the whole token, including its last character.
            let position = sample * (token.len() - 1) / (SAMPLES - 1);
            let mut changed = token.clone().into_bytes();
            // Low bits, so that the result is still a valid header value.
            changed[position] ^= 1 << (sample % 3);
            let outcome = harness.send(&changed);
            let case = format!(
                "{language:?} {algorithm}, character {position} of {}",
                token.len()
            );
            assert_eq!(outcome.inner_calls, 0, "{case}");
            assert!(
                matches!(outcome.status.as_u16(), 400 | 401),
                "{case}: {outcome:?}"
            );
        }
    }
}

/// Signs a token with a library that gets the key as PKCS #8.
fn sign(language: Language, key: &SigningKey) -> String {
    let der = key.to_secret_bytes().unwrap();
    let input = json!({
        "pem": pem(&der),
        "header": {"alg": key.algorithm().as_str(), "typ": "at+jwt", "kid": key.id()},
        "claims": {
            "iss": EXTERNAL_ISSUER,
            "aud": AUDIENCE,
            "sub": "alice",
            "iat": NOW,
            "exp": NOW + 600,
        },
    });
    language.run("sign", &[], &input.to_string())
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;

    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}
