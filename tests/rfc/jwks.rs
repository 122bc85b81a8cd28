//! JWKs and JWK sets (RFC 7517) that are rejected when they are loaded.

use countersign::jose::{Algorithm, KeyError, KeySet, VerifyingKey};
use countersign::rejection::Reason;
use countersign::token::{TrustError, TrustedIssuer};
use countersign_tests::{AUDIENCE, Harness, Key, OWN_ISSUER, TokenBuilder, base64url, key};

/// Loads a document with an invalid and a valid key, and asserts that the invalid one is dropped with `error` and that
/// the valid one still verifies.
#[track_caller]
fn dropped(jwk: &str, error: KeyError) {
    let good = key(Algorithm::EdDsa).jwk(&[("kid", "\"kid-eddsa\"")]);
    for document in [
        format!("{{\"keys\":[{jwk},{good}]}}"),
        format!("{{\"keys\":[{good},{jwk}]}}"),
    ] {
        let (set, dropped) = KeySet::from_jwks(&document).unwrap();
        assert_eq!(dropped, [error], "{jwk}");
        assert_eq!(set.len(), 1, "{jwk}");
        let harness = Harness::new(set);
        harness.send(TokenBuilder::own().token()).accepted(jwk);
    }
    assert_eq!(VerifyingKey::from_jwk(jwk).unwrap_err(), error, "{jwk}");
}

fn rsa_jwk(modulus: &[u8], exponent: &[u8]) -> String {
    format!(
        r#"{{"kty":"RSA","kid":"bad","n":"{}","e":"{}"}}"#,
        base64url(modulus),
        base64url(exponent)
    )
}

/// An odd number of this many bits.
pub(crate) fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0x35; bits / 8];
    bytes[0] = 0x80;
    bytes
}

#[test]
fn two_different_keys_of_one_kid_and_algorithm_are_dropped() {
    // Neither is used, so that the result does not depend on their order.
    let one = key(Algorithm::Es256).jwk(&[("kid", "\"same\"")]);
    let good = key(Algorithm::EdDsa).jwk(&[("kid", "\"kid-eddsa\"")]);
    let second = Key::generate(Algorithm::Es256, "same");
    let other = second.jwk(&[("kid", "\"same\"")]);
    let document = format!("{{\"keys\":[{one},{good},{other}]}}");
    let (set, dropped) = KeySet::from_jwks(&document).unwrap();
    assert_eq!(dropped, [KeyError::Ambiguous, KeyError::Ambiguous]);
    let harness = Harness::new(set);
    harness
        .send(TokenBuilder::own().token())
        .accepted("the third key");
    let token = TokenBuilder::own()
        .key(key(Algorithm::Es256))
        .header("kid", "\"same\"")
        .token();
    harness
        .send(token)
        .rejected_unverified_because(Reason::KeyUnknown, &other);
    let pair = || {
        [
            key(Algorithm::Es256).verifying_key(),
            second.verifying_key().with_id("kid-es256").unwrap(),
        ]
    };
    assert_eq!(KeySet::new(pair()).unwrap_err(), KeyError::Ambiguous);
}

#[test]
fn symmetric_jwk_is_dropped_and_of_a_private_one_only_the_public_key_is_used() {
    // RFC 7517 §9.2; Wycheproof json_web_key
    for k in ["", "AA", "5t8Qk2nV0cXw7Lr9mB4yHf1sJd6gAe3Z5t8Qk2nV0cX"] {
        dropped(
            &format!(r#"{{"kty":"oct","kid":"bad","k":"{k}"}}"#),
            KeyError::Private,
        );
        dropped(
            &format!(r#"{{"kty":"oct","alg":"HS256","k":"{k}"}}"#),
            KeyError::Private,
        );
    }
    dropped(r#"{"kty":"oct"}"#, KeyError::Private);
    for algorithm in [
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Rs256,
    ] {
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "\\u0064"] {
            let jwk = key(algorithm).jwk(&[(member, "\"AAAA\"")]);
            let harness =
                Harness::new(KeySet::new([VerifyingKey::from_jwk(&jwk).unwrap()]).unwrap());
            for builder in TokenBuilder::for_both_issuers() {
                harness
                    .send(builder.key(key(algorithm)).token())
                    .accepted(&jwk);
            }
        }
    }
}

#[test]
fn rsa_key_is_rejected_when_it_is_weak() {
    // RFC 7518 §3.3; CVE-2017-15361 (ROCA)
    let weak = KeyError::WeakRsa;
    for bits in [8, 512, 1024, 1536, 2040] {
        dropped(&rsa_jwk(&modulus(bits), &[1, 0, 1]), weak);
    }
    dropped(
        &rsa_jwk(&[&[0; 128][..], &modulus(1024)].concat(), &[1, 0, 1]),
        weak,
    );
    let mut almost = modulus(2048);
    almost[0] = 0x7f;
    dropped(&rsa_jwk(&almost, &[1, 0, 1]), weak);
    for bits in [8200, 16384, 32768] {
        dropped(&rsa_jwk(&modulus(bits), &[1, 0, 1]), weak);
    }
    for exponent in [
        &[1][..],
        &[0, 0, 1],
        &[2],
        &[0],
        &[4],
        &[1, 0, 0],
        &[1, 0, 0, 0, 1],
        &[0xff; 256],
    ] {
        dropped(&rsa_jwk(&modulus(2048), exponent), weak);
    }
    let mut even = modulus(2048);
    even[255] = 0x34;
    dropped(&rsa_jwk(&even, &[1, 0, 1]), weak);
    dropped(&rsa_jwk(&roca(), &[1, 0, 1]), weak);
    for jwk in [
        r#"{"kty":"RSA","kid":"bad","e":"AQAB"}"#,
        r#"{"kty":"RSA","kid":"bad","n":"AQAB"}"#,
        r#"{"kty":"RSA","kid":"bad","n":7,"e":"AQAB"}"#,
        r#"{"kty":"RSA","kid":"bad","n":"not base64url!","e":"AQAB"}"#,
    ] {
        dropped(jwk, KeyError::Malformed);
    }
}

/// 65537^5 modulo the product of the primes to 167, plus multiples of that product.
pub(crate) fn roca() -> Vec<u8> {
    let tail = concat!(
        "01b8eca54bf1de60cf081b39d822",
        "25339d436eb4308c3637d4f406d6631f",
    );
    let tail = (0..tail.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&tail[i..i + 2], 16).unwrap());
    let tail: Vec<u8> = tail.collect();
    [&[0x80][..], &vec![0; 255 - tail.len()], &tail].concat()
}

#[test]
fn curve_key_is_rejected_when_its_point_or_curve_is_wrong() {
    // RFC 7518 §6.2.1, RFC 8037 §2; Wycheproof json_web_key
    let ec = |crv: &str, x: &[u8], y: &[u8]| {
        format!(
            r#"{{"kty":"EC","kid":"bad","crv":"{crv}","x":"{}","y":"{}"}}"#,
            base64url(x),
            base64url(y)
        )
    };
    for (algorithm, crv, other) in [
        (Algorithm::Es256, "P-256", "P-384"),
        (Algorithm::Es384, "P-384", "P-521"),
        (Algorithm::Es512, "P-521", "P-256"),
    ] {
        let point = key(algorithm).public();
        let (x, y) = point[1..].split_at(point.len() / 2);
        let zero = vec![0; x.len()];
        let mut off = y.to_vec();
        off[5] ^= 1;
        let full = vec![0xff; x.len()];
        for (x, y) in [
            (x, &off[..]),
            (&zero, &zero),
            (y, x),
            (x, x),
            (&full, &full),
            (&full, y),
            (&x[1..], y),
            (x, &y[1..]),
            (x, b""),
            (b"", b""),
        ] {
            dropped(&ec(crv, x, y), KeyError::Malformed);
        }
        dropped(&ec(crv, &[&[0], x].concat(), y), KeyError::Malformed);
        dropped(&ec(other, x, y), KeyError::Malformed);
        for crv in ["secp256k1", "P-224", "p-256", "Ed25519", ""] {
            dropped(&ec(crv, x, y), KeyError::Algorithm);
        }
        let without = format!(
            r#"{{"kty":"EC","kid":"bad","crv":"{crv}","x":"{}"}}"#,
            base64url(x)
        );
        dropped(&without, KeyError::Malformed);
    }
    let okp = |crv: &str, x: &[u8]| {
        format!(
            r#"{{"kty":"OKP","kid":"bad","crv":"{crv}","x":"{}"}}"#,
            base64url(x)
        )
    };
    let x = key(Algorithm::EdDsa).public();
    for crv in ["X25519", "Ed448", "ed25519", "P-256"] {
        dropped(&okp(crv, &x), KeyError::Algorithm);
    }
    for x in [
        &x[..31],
        &[&x[..], &[0]].concat(),
        b"",
        &key(Algorithm::EdDsa).spki(),
    ] {
        dropped(&okp("Ed25519", x), KeyError::Malformed);
    }
}

#[test]
fn jwk_is_dropped_when_alg_and_kty_differ_or_a_member_is_invalid() {
    // RFC 8725 §3.1, RFC 7517 §4.4
    let mismatched = [
        (Algorithm::Es256, "ES384"),
        (Algorithm::Es256, "RS256"),
        (Algorithm::Es256, "EdDSA"),
        (Algorithm::Es256, "HS256"),
        (Algorithm::Es384, "ES256"),
        (Algorithm::EdDsa, "ES256"),
        (Algorithm::EdDsa, "HS256"),
        (Algorithm::Rs256, "ES256"),
        (Algorithm::Rs256, "HS256"),
        (Algorithm::Rs256, "RSA-OAEP"),
        (Algorithm::Rs256, "none"),
        (Algorithm::Rs256, ""),
        (Algorithm::Rs256, "rs256"),
        (Algorithm::Es256, "ES256K"),
        (Algorithm::Es256, "ECDH-ES"),
    ];
    for (algorithm, alg) in mismatched {
        let jwk = key(algorithm).jwk(&[("kid", "\"bad\""), ("alg", &format!("\"{alg}\""))]);
        dropped(&jwk, KeyError::Algorithm);
    }
    let with = |members: &[(&str, &str)]| key(Algorithm::Es256).jwk(members);
    for malformed in [
        with(&[("kid", "7")]),
        with(&[("alg", "[\"ES256\"]")]),
        with(&[("kty", "7")]),
        with(&[("use", "[\"sig\"]")]),
        with(&[("\\u006bty", "\"RSA\"")]),
        with(&[("\\u0078", "\"AAAA\"")]),
        "7".into(),
        "[]".into(),
        "\"jwk\"".into(),
        "null".into(),
        "{}".into(),
    ] {
        dropped(&malformed, KeyError::Malformed);
    }
    dropped(
        &with(&[("kid", &format!("\"{}\"", "k".repeat(257)))]),
        KeyError::KeyId,
    );
}

#[test]
fn document_is_rejected_when_it_is_not_a_jwk_set() {
    // RFC 7517 §5
    let good = key(Algorithm::EdDsa).jwk(&[]);
    let thousand = vec![good.as_str(); 1_001].join(",");
    let documents = [
        "",
        "[]",
        "null",
        "7",
        "{}",
        "\"keys\"",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"Keys\":[]}",
        "{\"keys\":[]}x",
        "{\"keys\":[}",
        "<html></html>",
    ];
    let built = [
        format!("[{good}]"),
        good.clone(),
        format!("{{\"keys\":{good}}}"),
        format!("{{\"keys\":[{good}],\"keys\":[]}}"),
        format!("{{\"keys\":[{good}],\"k\\u0065ys\":[]}}"),
        format!("{{\"keys\":[{good}]}}{{}}"),
        format!("\u{feff}{{\"keys\":[{good}]}}"),
        format!("{{\"keys\":[{thousand}]}}"),
    ];
    for document in documents
        .iter()
        .copied()
        .chain(built.iter().map(String::as_str))
    {
        let excerpt: String = document.chars().take(80).collect();
        assert_eq!(
            KeySet::from_jwks(document).unwrap_err(),
            KeyError::Malformed,
            "{excerpt}"
        );
    }
    // An empty set is valid, but no issuer can be trusted with it.
    let (empty, _) = KeySet::from_jwks("{\"keys\":[]}").unwrap();
    let trusted = TrustedIssuer::own(OWN_ISSUER)
        .audience(AUDIENCE)
        .keys(empty)
        .build();
    assert_eq!(trusted.unwrap_err(), TrustError::NoKey);
}

#[test]
fn keys_of_unknown_types_are_ignored_beside_a_valid_key() {
    // RFC 7517 §5
    for unknown in [
        r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA","kid":"bad"}"#,
        r#"{"kty":"AKP","alg":"ML-DSA-87","pub":"AAAA"}"#,
        r#"{"kty":"LWE","matrix":{"rows":[1,2,3]}}"#,
        r#"{"kty":"","kid":"bad"}"#,
    ] {
        dropped(unknown, KeyError::Algorithm);
    }
    // Unknown members are ignored (RFC 7517 §4).
    let jwk =
        key(Algorithm::Es256).jwk(&[("x5t", "\"AAAA\""), ("ext", "true"), ("v", "{\"a\":[1]}")]);
    assert!(VerifyingKey::from_jwk(&jwk).is_ok());
}
