//! security.md table 1a, rows 10 to 16, 20 and 21: which key judges a token, and what is no JWS.

use std::sync::LazyLock;

use countersign::jose::{Algorithm, KeySet, VerifyingKey};
use countersign::rejection::Reason;
use countersign_tests::{Craft, Gate, Key, Object, b64, compact, gate, key, keys};

/// A key of nobody whom we trust, under the id of one whom we do.
static ATTACKER: LazyLock<Key> = LazyLock::new(|| Key::made(Algorithm::EdDsa, "kid-eddsa"));

#[test]
fn bearer_rejected_when_it_brings_its_own_key() {
    // security.md row 10; RFC 8725 §3.10; CVE-2018-0114, CVE-2026-27962, CVE-2026-34240; Wycheproof 32
    for craft in Craft::both() {
        let plain = craft.clone().signed_by(&ATTACKER);
        gate::PUBLIC
            .send(plain.token())
            .forged("the attacker's signature alone");
        for jwk in [
            ATTACKER.jwk(&[]),
            ATTACKER.jwk(&[("kid", "\"kid-eddsa\""), ("alg", "\"EdDSA\"")]),
            "null".into(),
            "{}".into(),
            "[]".into(),
        ] {
            for craft in [plain.clone(), plain.clone().no_header("kid"), craft.clone()] {
                let token = craft.header("jwk", jwk.clone()).token();
                gate::PUBLIC
                    .send(token)
                    .refused_for(Reason::HeaderUnsupported, &jwk);
            }
        }
        let escaped = plain.header("j\\u0077k", ATTACKER.jwk(&[])).token();
        gate::PUBLIC
            .send(escaped)
            .refused_for(Reason::HeaderUnsupported, "escaped");
    }
}

#[test]
fn bearer_rejected_when_it_names_an_address_for_its_key() {
    // security.md row 11; CVE-2024-21643, CVE-2026-48522. Nothing here could open a connection: the crate
    // links no network code, and what is refused for its header asks for no key.
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
    for craft in Craft::both() {
        for member in ["jku", "x5u"] {
            for address in addresses {
                let spoilt = craft.clone().header(member, format!("\"{address}\""));
                for craft in [
                    spoilt.clone(),
                    spoilt.clone().no_header("kid"),
                    spoilt.signed_by(&ATTACKER),
                ] {
                    let verdict = gate::PUBLIC.send(craft.token());
                    verdict.refused_for(Reason::HeaderUnsupported, &format!("{member} {address}"));
                }
            }
            for value in ["null", "[\"https://evil.example\"]", "7"] {
                let token = craft.clone().header(member, value).token();
                gate::PUBLIC
                    .send(token)
                    .refused_for(Reason::HeaderUnsupported, value);
            }
        }
    }
}

#[test]
fn bearer_rejected_when_it_brings_a_certificate() {
    // security.md row 12; RFC 8725 §3.10
    let certificate = "[\"MIIBHjCB0aADAgECAgEBMAUGAytlcDARMQ8wDQYDVQQDDAZhdHRhY2s=\"]";
    for craft in Craft::both() {
        for value in [certificate, "[]", "null", "\"MIIB\""] {
            let craft = craft.clone().header("x5c", value);
            for craft in [
                craft.clone(),
                craft.clone().no_header("kid").signed_by(&ATTACKER),
            ] {
                gate::PUBLIC
                    .send(craft.token())
                    .refused_for(Reason::HeaderUnsupported, value);
            }
        }
        // A thumbprint brings no key: it is ignored, and chooses none.
        for member in ["x5t", "x5t#S256"] {
            let craft = craft.clone().header(member, "\"AAAA\"");
            gate::PUBLIC.send(craft.token()).accepted(member);
            gate::PUBLIC
                .send(craft.signed_by(&ATTACKER).token())
                .forged(member);
        }
    }
}

#[test]
fn bearer_rejected_when_its_kid_is_not_that_of_a_key_letter_by_letter() {
    // security.md row 13; RFC 8725 §3.10: a kid is compared, and nothing else is done with it
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
    for craft in Craft::both() {
        for kid in kids {
            let shown: String = kid.chars().take(60).collect();
            let token = craft.clone().header("kid", kid).token();
            gate::PUBLIC.send(token).refused_unverified(&shown);
        }
        // Escaped, it is the same text.
        gate::PUBLIC
            .send(craft.header("kid", "\"kid\\u002deddsa\"").token())
            .accepted("escaped");
    }
    let named = |id: &str| key(Algorithm::EdDsa).verifying().with_id(id);
    let gate = Gate::new(KeySet::new([named(&"k".repeat(256)).unwrap()]).unwrap());
    for craft in Craft::both() {
        gate.send(craft.clone().header("kid", longest.clone()).token())
            .accepted("256 letters");
        gate.send(craft.header("kid", long.clone()).token())
            .refused_unverified("257 letters");
    }
    assert!(named(&"k".repeat(257)).is_err() && named("").is_err());
}

#[test]
fn bearer_rejected_when_macked_with_an_empty_key() {
    // security.md row 14; CVE-2026-44351, CVE-2026-45363
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
            for craft in Craft::both() {
                let header = craft.header.clone().set_text("alg", algorithm.as_str());
                let named = unknown.map(|kid| header.clone().set("kid", kid));
                for header in named.into_iter().chain([header.clone().without("kid")]) {
                    let token = compact(header.json(), craft.claims.json(), &empty);
                    let case = format!("{} by {secret:02x?}", header.json());
                    gate::PUBLIC.send(&token).refused_unverified(&case);
                    gate::SECRET.send(&token).refused(&case);
                }
                let header = header.set("kid", "\"unknown\"");
                let token = compact(header.json(), craft.claims.json(), &empty);
                gate::SECRET
                    .send(token)
                    .refused_for(Reason::KeyUnknown, "kid unknown");
            }
        }
    }
}

#[test]
fn bearer_without_kid_accepted_only_when_one_key_has_its_algorithm() {
    // security.md row 15. The choice: no kid leads to a key where exactly one is of the token's
    // algorithm; where several are, none is tried.
    let second = Key::made(Algorithm::Es256, "kid-second");
    let es256 = key(Algorithm::Es256);
    let one = Gate::new(keys::key_set([
        es256,
        key(Algorithm::EdDsa),
        key(Algorithm::Rs256),
    ]));
    let two = Gate::new(keys::key_set([es256, &second, key(Algorithm::EdDsa)]));
    for craft in Craft::both() {
        let named = craft.key(es256);
        let unnamed = named.clone().no_header("kid");
        one.send(unnamed.token())
            .accepted("one ES256 key among three");
        two.send(unnamed.token())
            .refused_for(Reason::KeyUnknown, "two ES256 keys");
        two.send(named.token()).accepted("named among two");
        let other = compact(unnamed.header.json(), unnamed.claims.json(), &second);
        two.send(other)
            .refused_for(Reason::KeyUnknown, "by the second key");
        let third = unnamed.key(key(Algorithm::Es384)).no_header("kid");
        one.send(third.token())
            .refused_for(Reason::KeyUnknown, "no ES384 key");
    }
}

#[test]
fn bearer_rejected_when_its_key_was_removed_or_is_for_another_purpose() {
    // security.md row 16; RFC 7517 §4.2 and §4.3; Wycheproof 353-356
    let es256 = key(Algorithm::Es256);
    let rest = Gate::new(keys::key_set(
        keys::public_keys().filter(|k| k.kid != es256.kid),
    ));
    for craft in Craft::both() {
        let craft = craft.key(es256);
        gate::PUBLIC.send(craft.token()).accepted("before");
        rest.send(craft.token())
            .refused_for(Reason::KeyUnknown, "removed");
        rest.send(craft.no_header("kid").token())
            .refused_for(Reason::KeyUnknown, "no kid");
    }
    let purposes = [
        ("use", "\"enc\""),
        ("use", "\"\""),
        ("use", "\"SIG\""),
        ("use", "\"tls\""),
        ("key_ops", "[\"encrypt\"]"),
        ("key_ops", "[\"decrypt\"]"),
        ("key_ops", "[\"wrapKey\"]"),
        ("key_ops", "[\"deriveKey\"]"),
        ("key_ops", "[]"),
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
        let gate = Gate::new(set);
        for craft in Craft::both() {
            gate.send(craft.token()).accepted("the other key is good");
            gate.send(craft.key(es256).token())
                .refused_for(Reason::KeyUnknown, value);
        }
    }
    for (member, value) in [
        ("use", "\"sig\""),
        ("key_ops", "[\"verify\"]"),
        ("key_ops", "[\"sign\",\"verify\"]"),
    ] {
        let jwk = es256.jwk(&[("kid", "\"kid-es256\""), (member, value)]);
        let gate = Gate::new(KeySet::new([VerifyingKey::from_jwk(&jwk).unwrap()]).unwrap());
        gate.send(Craft::own().key(es256).token()).accepted(value);
    }
}

#[test]
fn bearer_rejected_when_it_is_encrypted() {
    // security.md row 20; CVE-2026-29000, CVE-2024-28180, CVE-2025-63811, CVE-2023-50966,
    // CVE-2026-34986. Five parts are none of ours, and nothing is decrypted, inflated or derived.
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
    for craft in Craft::both() {
        let unsigned = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(craft.claims.json()));
        for header in headers {
            let h = b64(header);
            let inner = b64(&unsigned);
            for token in [
                format!("{h}.AAAA.AAAAAAAAAAAAAAAA.{inner}.AAAAAAAAAAAAAAAAAAAAAA"),
                format!("{h}..AAAAAAAAAAAAAAAA.{inner}.AAAAAAAAAAAAAAAAAAAAAA"),
                format!("{h}....{inner}"),
                format!("{h}...."),
            ] {
                gate::PUBLIC
                    .send(token)
                    .refused_for(Reason::TokenMalformed, header);
            }
            if header != headers[9] {
                gate::PUBLIC
                    .send(craft.raw_header(header))
                    .refused_unverified(header);
            }
        }
        // 50 MB of zeros in 49 kB of DEFLATE are too long for a bearer; what is shorter is not inflated.
        for (length, reason) in [
            (49_000, Reason::TokenTooLong),
            (4_000, Reason::HeaderUnsupported),
        ] {
            let bomb = craft
                .clone()
                .header("zip", "\"DEF\"")
                .raw_claims(vec![0; length]);
            gate::PUBLIC
                .send(bomb)
                .refused_for(reason, &format!("zip of {length} bytes"));
        }
    }
}

#[test]
fn bearer_rejected_when_serialized_as_json() {
    // security.md row 21; RFC 7515 §7.2; GHSA-jc38-x7x8-2xc8, CVE-2022-39227. JSON has quotes, which no
    // bearer's token has: 400, as row 49 allows.
    for craft in Craft::both() {
        let token = craft.token();
        let parts: Vec<&str> = token.split('.').collect();
        let (h, p, s) = (parts[0], parts[1], parts[2]);
        let unprotected = craft.header.json();
        let forged = b64(craft.claims.clone().set_text("scope", "*").json());
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
            gate::PUBLIC.send(&form).malformed(&form);
            // Encoded, so that it fits: alone, and as the part that should be the header.
            gate::PUBLIC.send(b64(&form)).refused_unverified(&form);
            gate::PUBLIC
                .send(format!("{}.{p}.{s}", b64(&form)))
                .refused_unverified(&form);
        }
        let polyglot = Object::new().set(&format!("{h}.{forged}."), "1").json();
        gate::PUBLIC
            .send(craft.raw_header(polyglot))
            .refused_unverified("polyglot header");
        let alg_unprotected = format!("{}.{p}.{s}", b64(craft.header.without("alg").json()));
        gate::PUBLIC
            .send(alg_unprotected)
            .refused_unverified("alg outside the protected header");
    }
}
