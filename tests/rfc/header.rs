//! The header of a token.

use countersign::jose::Algorithm;
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::token_builder::signed;
use countersign_tests::{
    AUDIENCE, EXTERNAL_ISSUER, Harness, NOW, TokenBuilder, base64url, harness, key, keys,
};

/// Sends valid tokens in which one header member is added or has another value.
#[track_caller]
fn rejected_with_value(name: &str, values: &[&str], reason: Option<Reason>) {
    for builder in TokenBuilder::for_both_issuers() {
        harness::PUBLIC_KEYS
            .send(builder.token())
            .accepted("control");
        for value in values {
            let case = format!("{name}: {value}");
            let observed = harness::PUBLIC_KEYS.send(builder.clone().header(name, *value).token());
            observed.rejected_unverified(&case);
            if reason.is_some() {
                assert_eq!(observed.reason, reason, "{case}");
            }
        }
    }
}

/// Sends valid tokens with a parameter that own tokens never have, and that is ignored in external ones.
#[track_caller]
pub(crate) fn rejected_in_own_tokens_only(name: &str, values: &[&str]) {
    for value in values {
        let case = format!("{name}: {value}");
        let own = TokenBuilder::own().header(name, *value).token();
        harness::PUBLIC_KEYS
            .send(own)
            .rejected_unverified_because(Reason::HeaderUnsupported, &case);
        let external = TokenBuilder::external().header(name, *value).token();
        harness::PUBLIC_KEYS.send(external).accepted(&case);
    }
}

#[test]
fn bearer_is_rejected_when_its_header_has_critical_members() {
    // RFC 7515 §4.1.11; CVE-2025-59420, CVE-2026-32597, GHSA-hm7r-c7qw-ghp6
    let values = [
        "[\"x\"]",
        "[]",
        "[\"alg\"]",
        "[\"exp\",\"exp\"]",
        "\"exp\"",
        "[\"absent\"]",
        "[\"b64\"]",
        "null",
        "{}",
        "true",
        "[1]",
        "[\"\"]",
        "[\"http://example.com/UNDEFINED\"]",
    ];
    rejected_with_value("crit", &values, Some(Reason::HeaderUnsupported));
    for builder in TokenBuilder::for_both_issuers() {
        // The named member is present; the name `crit` is escaped.
        let present = builder
            .clone()
            .header("crit", "[\"exp\"]")
            .header("exp", "1");
        harness::PUBLIC_KEYS
            .send(present.token())
            .rejected_unverified_because(Reason::HeaderUnsupported, "present");
        let escaped = builder.clone().header("cri\\u0074", "[\"x\"]");
        harness::PUBLIC_KEYS
            .send(escaped.token())
            .rejected_unverified_because(Reason::HeaderUnsupported, "escaped");
        // Names are case-sensitive, so this is an unknown member, which is ignored (RFC 7515 §4).
        harness::PUBLIC_KEYS
            .send(builder.header("Crit", "[\"x\"]").token())
            .accepted("Crit");
    }
}

#[test]
fn bearer_is_rejected_when_its_payload_is_unencoded() {
    // RFC 7797
    rejected_with_value(
        "b64",
        &["false", "true", "null", "0"],
        Some(Reason::HeaderUnsupported),
    );
    for builder in TokenBuilder::for_both_issuers() {
        let header = builder.header.clone().set("b64", "false");
        let critical = header.clone().set("crit", "[\"b64\"]");
        for header in [header, critical, builder.header.clone()] {
            let detached = signed(&format!("{}.", base64url(header.json())), builder.key);
            harness::PUBLIC_KEYS
                .send(detached)
                .rejected_unverified("detached");
            let words = signed(
                &format!("{}.no-json-here", base64url(header.json())),
                builder.key,
            );
            harness::PUBLIC_KEYS
                .send(words)
                .rejected_unverified("unencoded words");
            // Unencoded claims have quotes and commas, which the syntax of a bearer token does not allow.
            let plain = signed(
                &format!("{}.{}", base64url(header.json()), builder.claims.json()),
                builder.key,
            );
            let observed = harness::PUBLIC_KEYS.send(plain);
            observed.malformed("unencoded claims");
        }
    }
}

#[test]
fn bearer_is_rejected_when_it_is_compressed_encrypted_or_nested() {
    // RFC 8725 §3.6
    let unsupported = Some(Reason::HeaderUnsupported);
    rejected_with_value("zip", &["\"DEF\"", "\"none\"", "null"], unsupported);
    rejected_with_value(
        "enc",
        &["\"A256GCM\"", "\"A128CBC-HS256\"", "null"],
        unsupported,
    );
    rejected_in_own_tokens_only("cty", &["\"JWT\"", "\"jwt\"", "\"json\"", "null"]);
    for builder in TokenBuilder::for_both_issuers() {
        let nested = builder
            .clone()
            .header("cty", "\"JWT\"")
            .raw_claims(builder.token());
        harness::PUBLIC_KEYS
            .send(nested)
            .rejected_unverified("nested");
        let silent = builder.raw_claims(builder.token());
        harness::PUBLIC_KEYS
            .send(silent)
            .rejected_unverified_because(Reason::ClaimsMalformed, "nested, without cty");
    }
}

#[test]
fn bearer_is_rejected_when_its_type_is_not_that_of_an_access_token() {
    // RFC 8725 §3.11, RFC 9068 §4
    let other = [
        "\"logout+jwt\"",
        "\"secevent+jwt\"",
        "\"dpop+jwt\"",
        "\"api-token+jwt\"",
        "\"at+jwt \"",
        "\" at+jwt\"",
        "\"at+jwt;x=1\"",
        "\"xat+jwt\"",
        "\"at\"",
        "\"\"",
        "\"application/application/jwt\"",
        "\"application/\"",
        "\"application/at+jwt \"",
        "\"application/x/at+jwt\"",
        "\"text/at+jwt\"",
        "\"JOSE+JSON\"",
        "\"kb+jwt\"",
        "\"token-introspection+jwt\"",
    ];
    rejected_with_value("typ", &other, Some(Reason::TypeRejected));
    let no_text = ["7", "[\"at+jwt\"]", "null", "true", "{\"typ\":\"at+jwt\"}"];
    rejected_with_value("typ", &no_text, Some(Reason::HeaderMalformed));
    // RFC 7515 §4.1.9: `application/` may be left out.
    for typ in [
        "\"JWT\"",
        "\"jwt\"",
        "\"application/jwt\"",
        "\"Application/JWT\"",
        "\"JOSE\"",
    ] {
        let own = TokenBuilder::own().header("typ", typ).token();
        harness::PUBLIC_KEYS
            .send(own)
            .rejected_unverified_because(Reason::TypeRejected, typ);
        harness::PUBLIC_KEYS
            .send(TokenBuilder::external().header("typ", typ).token())
            .accepted(typ);
    }
    let own = TokenBuilder::own().without_header("typ").token();
    harness::PUBLIC_KEYS
        .send(own)
        .rejected_unverified_because(Reason::TypeRejected, "no typ");
    harness::PUBLIC_KEYS
        .send(TokenBuilder::external().without_header("typ").token())
        .accepted("no typ");
    // RFC 7515 §4.1.9: media types are case-insensitive.
    for typ in [
        "\"application/at+jwt\"",
        "\"AT+JWT\"",
        "\"at+JWT\"",
        "\"Application/At+Jwt\"",
    ] {
        for builder in TokenBuilder::for_both_issuers() {
            harness::PUBLIC_KEYS
                .send(builder.header("typ", typ).token())
                .accepted(typ);
        }
    }
}

#[test]
fn issuer_with_the_type_at_jwt_accepts_no_other_type() {
    // RFC 9068 §4
    let external = TrustedIssuer::external(EXTERNAL_ISSUER)
        .audience(AUDIENCE)
        .keys(keys::key_set(keys::public_keys()))
        .accepted_types(["at+jwt"]);
    let now = Timestamp::from_unix_seconds(NOW);
    let harness = Harness::with_issuers(now, [external.build().unwrap()]);
    for typ in ["\"at+jwt\"", "\"application/at+jwt\""] {
        let token = TokenBuilder::external().header("typ", typ).token();
        harness.send(token).accepted(typ);
    }
    for typ in ["\"JWT\"", "\"application/jwt\"", "\"id+jwt\""] {
        let token = TokenBuilder::external().header("typ", typ).token();
        harness
            .send(token)
            .rejected_unverified_because(Reason::TypeRejected, typ);
    }
    let token = TokenBuilder::external().without_header("typ").token();
    harness
        .send(token)
        .rejected_unverified_because(Reason::TypeRejected, "no typ");
}

#[test]
fn bearer_is_rejected_when_a_header_member_occurs_twice() {
    // RFC 7515 §4 also allows a parser to use the last one; this library rejects the token.
    for builder in TokenBuilder::for_both_issuers() {
        let alg = builder.header.raw("alg").unwrap().to_owned();
        let kid = builder.header.raw("kid").unwrap().to_owned();
        let twice = [
            ("alg", alg.clone()),
            ("alg", "\"none\"".into()),
            ("a\\u006cg", alg.clone()),
            ("a\\u006cg", "\"none\"".into()),
            ("\\u0061\\u006c\\u0067", alg),
            ("kid", kid.clone()),
            ("kid", "\"other\"".into()),
            ("k\\u0069d", kid),
            ("typ", "\"at+jwt\"".into()),
            ("t\\u0079p", "\"at+jwt\"".into()),
        ];
        for (name, value) in twice {
            let token = builder.clone().add_header(name, value.clone()).token();
            harness::PUBLIC_KEYS
                .send(token)
                .rejected_unverified_because(Reason::HeaderMalformed, &format!("{name} {value}"));
        }
        let unknown = builder.clone().add_header("x", "1");
        harness::PUBLIC_KEYS
            .send(unknown.token())
            .accepted("an unknown member once");
        for second in ["x", "\\u0078"] {
            let token = unknown.clone().add_header(second, "1").token();
            harness::PUBLIC_KEYS
                .send(token)
                .rejected_unverified_because(Reason::HeaderMalformed, second);
        }
        let nested = builder.header("x", r#"{"a":1,"a":1}"#).token();
        harness::PUBLIC_KEYS
            .send(nested)
            .rejected_unverified_because(Reason::HeaderMalformed, "twice inside");
    }
}

#[test]
fn bearer_is_rejected_when_its_header_is_not_one_json_object() {
    // RFC 7515 §4, RFC 8259 §8, RFC 8725 §3.7
    for builder in TokenBuilder::for_both_issuers() {
        let good = builder.header.json();
        let utf16 =
            |to: fn(u16) -> [u8; 2]| -> Vec<u8> { good.encode_utf16().flat_map(to).collect() };
        let wrong: Vec<Vec<u8>> = vec![
            format!("[{good}]").into(),
            b"[\"alg\",\"EdDSA\"]".to_vec(),
            format!("{good:?}").into(),
            b"\"EdDSA\"".to_vec(),
            b"null".to_vec(),
            b"7".to_vec(),
            Vec::new(),
            b" ".to_vec(),
            b"{}".to_vec(),
            format!("\u{feff}{good}").into(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
            format!("{good}x").into(),
            format!("{good}{{}}").into(),
            format!("{good}\0").into(),
            format!("/* jose */{good}").into(),
            format!("{good}//").into(),
            good.trim_end_matches('}').into(),
            good.replace('"', "'").into(),
            good.replace('}', ",}").into(),
        ];
        for header in wrong {
            let case = format!("{:?}", String::from_utf8_lossy(&header));
            harness::PUBLIC_KEYS
                .send(builder.raw_header(&header))
                .rejected_unverified(&case);
        }
        let members: [&[u8]; 13] = [
            b"\"x\":\"\xff\"",
            b"\"x\":\"\xc1\x81\"",
            b"\"x\":\"\xed\xa0\x80\"",
            b"\"x\":\"\\ud800\"",
            b"\"x\":\"\\udfff\\ud800\"",
            b"\"\\ud800\":1",
            b"\"x\":NaN",
            b"\"x\":Infinity",
            b"\"x\":01",
            b"\"x\":undefined",
            b"x:1",
            b"\"x\":\"\n\"",
            b"/* */\"x\":1",
        ];
        for member in members {
            let header = [b"{", member, b",", &good.as_bytes()[1..]].concat();
            let case = format!("{:?}", String::from_utf8_lossy(member));
            let observed = harness::PUBLIC_KEYS.send(builder.raw_header(&header));
            observed.rejected_unverified_because(Reason::HeaderMalformed, &case);
        }
        harness::PUBLIC_KEYS
            .send(builder.raw_header(format!(" {good}\r\n")))
            .accepted("white space");
    }
}

#[test]
fn bearer_is_rejected_when_its_json_is_deep_wide_or_long() {
    // CVE-2025-53864. Rejected before a signature is verified; a token over 8 KiB is not even decoded.
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    let wide: String = (0..20_000).map(|i| format!("\"k{i}\":0,")).collect();
    for builder in TokenBuilder::for_both_issuers() {
        for depth in [131_072, 2_500, 128] {
            for value in [deep(depth), objects(depth.min(900))] {
                let token = builder.clone().claim("x", value.clone()).token();
                let case = format!("payload nested {depth} deep");
                harness::PUBLIC_KEYS.send(token).rejected_unverified(&case);
                let token = builder.clone().header("x", value).token();
                harness::PUBLIC_KEYS
                    .send(token)
                    .rejected_unverified(&format!("header nested {depth} deep"));
            }
        }
        let payload = format!("{{{wide}{}", &builder.claims.json()[1..]);
        let observed = harness::PUBLIC_KEYS.send(builder.raw_claims(payload));
        observed.rejected_unverified_because(Reason::TokenTooLong, "payload with 20,000 members");
        let header = format!("{{{wide}{}", &builder.header.json()[1..]);
        let observed = harness::PUBLIC_KEYS.send(builder.raw_header(header));
        observed.rejected_unverified_because(Reason::TokenTooLong, "header with 20,000 members");
        let mebibyte = format!("\"{}\"", "a".repeat(1 << 20));
        let token = builder.clone().claim("x", mebibyte.clone()).token();
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::TokenTooLong, "payload of 1 MiB");
        let token = builder.clone().header("x", mebibyte).token();
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::TokenTooLong, "header of 1 MiB");
        harness::PUBLIC_KEYS
            .send(builder.claim("x", deep(100)).token())
            .accepted("payload nested 100 deep");
    }
}

#[test]
fn header_of_over_1_kib_is_rejected_in_own_tokens_only() {
    // External issuers add chains of certificates (`x5c`).
    let long = |builder: TokenBuilder| {
        let token = builder.header("x", format!("\"{}\"", "a".repeat(1_024)));
        harness::PUBLIC_KEYS.send(token.token())
    };
    long(TokenBuilder::own()).rejected_unverified_because(Reason::TokenMalformed, "own");
    long(TokenBuilder::external()).accepted("external");
}

#[test]
fn unchanged_bearer_is_accepted_for_each_algorithm() {
    // The control of the tests above: the tokens that they change are valid without the change.
    for algorithm in [
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Rs256,
        Algorithm::Ps512,
    ] {
        for builder in TokenBuilder::for_both_issuers() {
            harness::PUBLIC_KEYS
                .send(builder.key(key(algorithm)).token())
                .accepted(algorithm.as_str());
        }
    }
}
