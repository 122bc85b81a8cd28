//! The choice of the key that verifies a token, and tokens that are not a JWS in compact serialization.

use std::sync::LazyLock;

use crate::header::rejected_in_own_tokens_only;
use countersign::jose::{Algorithm, KeySet, VerifyingKey};
use countersign::rejection::Reason;
use countersign_tests::{
    Harness, Key, Object, TokenBuilder, base64url, compact, harness, key, keys,
};

/// An untrusted key with the id of a trusted one.
static ATTACKER: LazyLock<Key> = LazyLock::new(|| Key::generate(Algorithm::EdDsa, "kid-eddsa"));

#[test]
fn bearer_is_rejected_when_its_header_contains_a_key() {
    // RFC 8725 §3.10; CVE-2018-0114, CVE-2026-27962, CVE-2026-34240; Wycheproof 32
    for builder in TokenBuilder::for_both_issuers() {
        let plain = builder.clone().signed_by(&ATTACKER);
        harness::PUBLIC_KEYS
            .send(plain.token())
            .rejected_forged("the attacker's signature alone");
        for jwk in [
            ATTACKER.jwk(&[]),
            ATTACKER.jwk(&[("kid", "\"kid-eddsa\""), ("alg", "\"EdDSA\"")]),
            "null".into(),
            "{}".into(),
            "[]".into(),
        ] {
            let forged = plain.clone().header("jwk", jwk.clone());
            harness::PUBLIC_KEYS.send(forged.token()).rejected(&jwk);
            let unnamed = forged.without_header("kid");
            harness::PUBLIC_KEYS.send(unnamed.token()).rejected(&jwk);
            rejected_in_own_tokens_only("jwk", &[&jwk]);
        }
        let escaped = plain.header("j\\u0077k", ATTACKER.jwk(&[])).token();
        harness::PUBLIC_KEYS.send(escaped).rejected("escaped");
    }
}

#[test]
fn bearer_is_rejected_when_its_header_contains_the_url_of_a_key() {
    // CVE-2024-21643, CVE-2026-48522. No connection can be opened: these issuers
    // have no remote keys, and a token that is rejected for its header looks up no key.
    let addresses = [
        "http://127.0.0.1:8080/jwks",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "file:///etc/passwd",
        "ftp://evil.example/jwks",
        "data:application/json,{}",
        "https://auth.example@evil.example/jwks",
        "https://auth.example/jwks",
        "//evil.example",
        "",
        "gopher://127.0.0.1:6379/_x",
    ];
    for member in ["jku", "x5u"] {
        for address in addresses {
            let value = format!("\"{address}\"");
            rejected_in_own_tokens_only(member, &[&value]);
            for builder in TokenBuilder::for_both_issuers() {
                let forged = builder.header(member, value.clone()).signed_by(&ATTACKER);
                harness::PUBLIC_KEYS.send(forged.token()).rejected(address);
            }
        }
        rejected_in_own_tokens_only(member, &["null", "[\"https://evil.example\"]", "7"]);
    }
}

#[test]
fn bearer_is_rejected_when_its_header_contains_a_certificate() {
    // RFC 8725 §3.10
    let certificate = "[\"MIIBHjCB0aADAgECAgEBMAUGAytlcDARMQ8wDQYDVQQDDAZhdHRhY2s=\"]";
    for builder in TokenBuilder::for_both_issuers() {
        for value in [certificate, "[]", "null", "\"MIIB\""] {
            let forged = builder.clone().header("x5c", value).signed_by(&ATTACKER);
            harness::PUBLIC_KEYS.send(forged.token()).rejected(value);
            let unnamed = forged.without_header("kid");
            harness::PUBLIC_KEYS.send(unnamed.token()).rejected(value);
            rejected_in_own_tokens_only("x5c", &[value]);
        }
        // A thumbprint contains no key. It is ignored, and does not choose one.
        for member in ["x5t", "x5t#S256"] {
            let builder = builder.clone().header(member, "\"AAAA\"");
            harness::PUBLIC_KEYS.send(builder.token()).accepted(member);
            harness::PUBLIC_KEYS
                .send(builder.signed_by(&ATTACKER).token())
                .rejected_forged(member);
        }
    }
}

#[test]
fn bearer_is_rejected_when_its_kid_is_not_exactly_that_of_a_key() {
    // RFC 8725 §3.10: a kid is only compared.
    let long = format!("\"{}\"", "k".repeat(257));
    let longest = format!("\"{}\"", "k".repeat(256));
    let endless = format!("\"{}\"", "k".repeat(64 * 1024));
    let kids = [
        "\"../../dev/null\"",
        "\"../../../../../../dev/null\"",
        "\"/dev/null\"",
        "\"' OR '1'='1\"",
        "\"x' UNION SELECT 'secret';--\"",
        "\"|id\"",
        "\"$(id)\"",
        "\"kid-eddsa\\r\\nX: y\"",
        "\"kid-eddsa\\u0000\"",
        "\"\\u0000\"",
        "\"KID-EDDSA\"",
        "\"Kid-eddsa\"",
        "\"kid-eddsa \"",
        "\" kid-eddsa\"",
        "\"kid-edds\"",
        "\"kid-eddsaa\"",
        "\"\"",
        "\"kid-es256\"",
        "\"*\"",
        "\"null\"",
        "\"k\u{131}d-eddsa\"",
        "7",
        "0",
        "null",
        "true",
        "[\"kid-eddsa\"]",
        "{\"kid\":\"kid-eddsa\"}",
        &long,
        &longest,
        &endless,
    ];
    for builder in TokenBuilder::for_both_issuers() {
        for kid in kids {
            let excerpt: String = kid.chars().take(60).collect();
            let token = builder.clone().header("kid", kid).token();
            harness::PUBLIC_KEYS
                .send(token)
                .rejected_unverified(&excerpt);
        }
        // The escaped text is the same kid.
        harness::PUBLIC_KEYS
            .send(builder.header("kid", "\"kid\\u002deddsa\"").token())
            .accepted("escaped");
    }
    let named = |id: &str| key(Algorithm::EdDsa).verifying_key().with_id(id);
    let harness = Harness::new(KeySet::new([named(&"k".repeat(256)).unwrap()]).unwrap());
    for builder in TokenBuilder::for_both_issuers() {
        harness
            .send(builder.clone().header("kid", longest.clone()).token())
            .accepted("256 characters");
        harness
            .send(builder.header("kid", long.clone()).token())
            .rejected_unverified("257 characters");
    }
    assert!(named(&"k".repeat(257)).is_err() && named("").is_err());
}

#[test]
fn bearer_is_rejected_when_its_hmac_key_is_empty() {
    // CVE-2026-44351, CVE-2026-45363
    let unknown = [
        "\"unknown\"",
        "\"\"",
        "\"/dev/null\"",
        "\"kid-hs256\"",
        "\"kid-eddsa\"",
    ];
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        for secret in [&b""[..], b"\0", &[0; 32], &[0; 64], b"null", b"undefined"] {
            let empty = Key::hmac(algorithm, "unknown", secret);
            for builder in TokenBuilder::for_both_issuers() {
                let header = builder.header.clone().set_text("alg", algorithm.as_str());
                let named = unknown.map(|kid| header.clone().set("kid", kid));
                for header in named.into_iter().chain([header.clone().without("kid")]) {
                    let token = compact(header.json(), builder.claims.json(), &empty);
                    let case = format!("{} by {secret:02x?}", header.json());
                    harness::PUBLIC_KEYS.send(&token).rejected_unverified(&case);
                    harness::HMAC_KEYS.send(&token).rejected(&case);
                }
                let header = header.set("kid", "\"unknown\"");
                let token = compact(header.json(), builder.claims.json(), &empty);
                harness::HMAC_KEYS
                    .send(token)
                    .rejected_unverified_because(Reason::KeyUnknown, "kid unknown");
            }
        }
    }
}

#[test]
fn bearer_without_kid_is_accepted_only_when_exactly_one_key_has_its_algorithm() {
    // RFC 7515 §4.1.4 makes kid optional. Without it, a key is chosen only if exactly one has the algorithm of the
    // token; otherwise none is tried.
    let second = Key::generate(Algorithm::Es256, "kid-second");
    let es256 = key(Algorithm::Es256);
    let one = Harness::new(keys::key_set([
        es256,
        key(Algorithm::EdDsa),
        key(Algorithm::Rs256),
    ]));
    let two = Harness::new(keys::key_set([es256, &second, key(Algorithm::EdDsa)]));
    for builder in TokenBuilder::for_both_issuers() {
        let named = builder.key(es256);
        let unnamed = named.clone().without_header("kid");
        one.send(unnamed.token())
            .accepted("one ES256 key among three");
        two.send(unnamed.token())
            .rejected_unverified_because(Reason::KeyUnknown, "two ES256 keys");
        two.send(named.token()).accepted("named among two");
        let other = compact(unnamed.header.json(), unnamed.claims.json(), &second);
        two.send(other)
            .rejected_unverified_because(Reason::KeyUnknown, "by the second key");
        let third = unnamed.key(key(Algorithm::Es384)).without_header("kid");
        one.send(third.token())
            .rejected_unverified_because(Reason::KeyUnknown, "no ES384 key");
    }
}

#[test]
fn bearer_is_rejected_when_its_key_was_removed_or_is_for_another_use() {
    // RFC 7517 §4.2 and §4.3; Wycheproof 353-356
    let es256 = key(Algorithm::Es256);
    let rest = Harness::new(keys::key_set(
        keys::public_keys().filter(|k| k.kid != es256.kid),
    ));
    for builder in TokenBuilder::for_both_issuers() {
        let builder = builder.key(es256);
        harness::PUBLIC_KEYS
            .send(builder.token())
            .accepted("before");
        rest.send(builder.token())
            .rejected_unverified_because(Reason::KeyUnknown, "removed");
        rest.send(builder.without_header("kid").token())
            .rejected_unverified_because(Reason::KeyUnknown, "no kid");
    }
    let purposes = [
        ("use", "\"enc\""),
        ("use", "\"x509-svid\""),
        ("key_ops", "[\"encrypt\"]"),
        ("key_ops", "[\"decrypt\"]"),
        ("key_ops", "[\"wrapKey\"]"),
        ("key_ops", "[\"deriveKey\"]"),
        ("key_ops", "[\"sign\"]"),
        ("key_ops", "[\"verify\",\"encrypt\"]"),
        ("key_ops", "[\"verify\",\"verify\"]"),
        ("key_ops", "\"verify\""),
        ("key_ops", "[\"Verify\"]"),
    ];
    let other = key(Algorithm::EdDsa).jwk(&[("kid", "\"kid-eddsa\"")]);
    for (member, value) in purposes {
        let jwk = es256.jwk(&[("kid", "\"kid-es256\""), (member, value)]);
        let (set, dropped) = KeySet::from_jwks(&format!("{{\"keys\":[{jwk},{other}]}}")).unwrap();
        assert_eq!((set.len(), dropped.len()), (1, 1), "{jwk}");
        let harness = Harness::new(set);
        for builder in TokenBuilder::for_both_issuers() {
            harness
                .send(builder.token())
                .accepted("the other key is good");
            harness
                .send(builder.key(es256).token())
                .rejected_unverified_because(Reason::KeyUnknown, value);
        }
    }
    for (member, value) in [
        ("use", "\"sig\""),
        ("use", "\"\""),
        ("use", "\"SIG\""),
        ("use", "\"tls\""),
        ("use", "null"),
        ("key_ops", "[]"),
        ("key_ops", "null"),
        ("key_ops", "[\"verify\"]"),
        ("key_ops", "[\"sign\",\"verify\"]"),
    ] {
        let jwk = es256.jwk(&[("kid", "\"kid-es256\""), (member, value)]);
        let harness = Harness::new(KeySet::new([VerifyingKey::from_jwk(&jwk).unwrap()]).unwrap());
        harness
            .send(TokenBuilder::own().key(es256).token())
            .accepted(value);
    }
}

#[test]
fn bearer_is_rejected_when_it_is_encrypted() {
    // CVE-2026-29000, CVE-2024-28180, CVE-2025-63811, CVE-2023-50966,
    // CVE-2026-34986. Five parts are malformed, and nothing is decrypted, decompressed or derived.
    let headers = [
        r#"{"alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A256GCM","cty":"JWT","kid":"kid-eddsa"}"#,
        r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"kid-rs256"}"#,
        r#"{"alg":"RSA-OAEP-256","enc":"A128CBC-HS256","zip":"DEF"}"#,
        r#"{"alg":"ECDH-ES","enc":"A256GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}"#,
        r#"{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":2147483647,"p2s":"AAAA"}"#,
        r#"{"alg":"A256KW","enc":"A256GCM"}"#,
        r#"{"alg":"EdDSA","enc":"A256GCM","kid":"kid-eddsa"}"#,
        r#"{"alg":"EdDSA","typ":"at+jwt","kid":"kid-eddsa"}"#,
    ];
    for builder in TokenBuilder::for_both_issuers() {
        let unsigned = format!(
            "{}.{}.",
            base64url(r#"{"alg":"none"}"#),
            base64url(builder.claims.json())
        );
        for header in headers {
            let h = base64url(header);
            let inner = base64url(&unsigned);
            for token in [
                format!("{h}.AAAA.AAAAAAAAAAAAAAAA.{inner}.AAAAAAAAAAAAAAAAAAAAAA"),
                format!("{h}..AAAAAAAAAAAAAAAA.{inner}.AAAAAAAAAAAAAAAAAAAAAA"),
                format!("{h}....{inner}"),
                format!("{h}...."),
            ] {
                harness::PUBLIC_KEYS
                    .send(token)
                    .rejected_unverified_because(Reason::TokenMalformed, header);
            }
            if header != headers[9] {
                harness::PUBLIC_KEYS
                    .send(builder.raw_header(header))
                    .rejected_unverified(header);
            }
        }
        // 49 kB of DEFLATE, which expand to 50 MB, exceed the length limit. A shorter payload is not decompressed.
        for (length, reason) in [
            (49_000, Reason::TokenTooLong),
            (4_000, Reason::HeaderUnsupported),
        ] {
            let bomb = builder
                .clone()
                .header("zip", "\"DEF\"")
                .raw_claims(vec![0; length]);
            harness::PUBLIC_KEYS
                .send(bomb)
                .rejected_unverified_because(reason, &format!("zip of {length} bytes"));
        }
    }
}

#[test]
fn bearer_is_rejected_when_it_is_in_json_serialization() {
    // RFC 7515 §7.2; GHSA-jc38-x7x8-2xc8, CVE-2022-39227. The syntax of a
    // bearer token does not allow quotes (RFC 6750 §2.1), so the request is malformed (400).
    for builder in TokenBuilder::for_both_issuers() {
        let token = builder.token();
        let parts: Vec<&str> = token.split('.').collect();
        let (h, p, s) = (parts[0], parts[1], parts[2]);
        let unprotected = builder.header.json();
        let forged = base64url(builder.claims.clone().set_text("scope", "*").json());
        let forms = [
            format!(r#"{{"payload":"{p}","protected":"{h}","signature":"{s}"}}"#),
            format!(
                r#"{{"payload":"{p}","signatures":[{{"protected":"{h}","signature":"{s}"}}]}}"#
            ),
            format!(r#"{{"payload":"{p}","header":{unprotected},"signature":"{s}"}}"#),
            format!(r#"{{"payload":"{p}","header":{{"alg":"none"}},"signature":""}}"#),
            // python-jwt's polyglot: compact for one parser, flattened for the other.
            format!(
                r#"{{"{h}.{forged}.":"","protected":"{h}","payload":"{p}","signature":"{s}"}}"#
            ),
            format!(r#"{h}.{forged}.{s}","protected":"{h}","payload":"{p}"#),
        ];
        for form in forms {
            harness::PUBLIC_KEYS.send(&form).malformed(&form);
            // Base64url makes it fit into the syntax: alone, and in place of the header.
            harness::PUBLIC_KEYS
                .send(base64url(&form))
                .rejected_unverified(&form);
            harness::PUBLIC_KEYS
                .send(format!("{}.{p}.{s}", base64url(&form)))
                .rejected_unverified(&form);
        }
        let polyglot = Object::new().set(&format!("{h}.{forged}."), "1").json();
        harness::PUBLIC_KEYS
            .send(builder.raw_header(polyglot))
            .rejected_unverified("polyglot header");
        let alg_unprotected = format!(
            "{}.{p}.{s}",
            base64url(builder.header.without("alg").json())
        );
        harness::PUBLIC_KEYS
            .send(alg_unprotected)
            .rejected_unverified("alg outside the protected header");
    }
}
