//! The claims set as a whole, scopes, and the purpose of a token.

use countersign::rejection::Reason;
use countersign::require::scope;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{
    AUDIENCE, EXTERNAL_ISSUER, Harness, NOW, OWN_ISSUER, TokenBuilder, harness, keys,
};
use http::StatusCode;

const READ: &str = r#"Bearer realm="countersign", error="insufficient_scope", scope="calls:read""#;

#[test]
fn bearer_is_rejected_when_a_claim_occurs_twice() {
    // RFC 7519 §4 also allows a parser to use the last one, but then two parsers could read two different tokens.
    let escaped = [
        ("exp", "e\\u0078p"),
        ("scope", "sc\\u006fpe"),
        ("sub", "s\\u0075b"),
        ("aud", "\\u0061ud"),
        ("jti", "jt\\u0069"),
        ("iss", "\\u0069ss"),
        ("nbf", "nb\\u0066"),
        ("iat", "i\\u0061t"),
        ("cnf-like", "cnf\\u002dlike"),
    ];
    for builder in TokenBuilder::for_both_issuers() {
        for (name, escape) in escaped {
            let value = builder.claims.raw(name).unwrap_or("1").to_owned();
            let once = builder
                .clone()
                .without_claim(name)
                .add_claim(name, value.clone());
            for second in [name, escape] {
                for other in [value.as_str(), "\"another\"", "1"] {
                    let token = once.clone().add_claim(second, other).token();
                    let case = format!("{second} = {other} after {name} = {value}");
                    harness::PUBLIC_KEYS
                        .send(token)
                        .rejected_unverified_because(Reason::ClaimsMalformed, &case);
                }
            }
            if builder.claims.raw(name).is_some() {
                let alone = builder.clone().without_claim(name).add_claim(escape, value);
                harness::PUBLIC_KEYS
                    .send(alone.token())
                    .accepted(&format!("{escape} alone"));
            }
        }
        for nested in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":1,"a":1}}]"#,
        ] {
            let token = builder.clone().claim("ext", nested).token();
            harness::PUBLIC_KEYS
                .send(token)
                .rejected_unverified_because(Reason::ClaimsMalformed, nested);
        }
        let token = builder.claim("ext", r#"{"a":1,"b":{"a":1}}"#).token();
        harness::PUBLIC_KEYS.send(token).accepted("one member each");
    }
}

#[test]
fn bearer_is_rejected_when_its_claims_are_not_one_json_object() {
    // RFC 7519 §7.2; fast-jwt #639
    for builder in TokenBuilder::for_both_issuers() {
        let good = builder.claims.json();
        let quoted = format!("{good:?}");
        let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let exp = NOW + 600;
        let cases: Vec<Vec<u8>> = vec![
            format!("[{exp},{NOW},\"alice\",\"{EXTERNAL_ISSUER}\",\"{AUDIENCE}\"]").into(),
            format!("[{exp},{NOW},\"alice\",\"{OWN_ISSUER}\",\"{AUDIENCE}\"]").into(),
            format!("[{good}]").into(),
            quoted.into(),
            b"\"\"".to_vec(),
            exp.to_string().into(),
            b"null".to_vec(),
            b"true".to_vec(),
            Vec::new(),
            b" ".to_vec(),
            b"{}".to_vec(),
            b"[]".to_vec(),
            format!("{good}{good}").into(),
            format!("{good}x").into(),
            format!("{good}\0").into(),
            format!("{good},").into(),
            format!("\u{feff}{good}").into(),
            format!("{good}\u{feff}").into(),
            format!("// claims\n{good}").into(),
            format!("{good}/* end */").into(),
            good.trim_end_matches('}').into(),
            good.replace('}', ",}").into(),
            good.replace('"', "'").into(),
            [good.as_bytes(), b"\xff"].concat(),
            utf16,
        ];
        for payload in cases {
            let case = String::from_utf8_lossy(&payload).into_owned();
            harness::PUBLIC_KEYS
                .send(builder.raw_claims(&payload))
                .rejected_unverified(&case);
        }
        for extra in [
            &b"\"a\":\"\xff\xfe\""[..],
            b"\"a\":\"\xc0\xae\"",
            b"\"a\":\"\xed\xa0\x80\"",
            b"\"a\":\"\\ud800\"",
            b"\"a\":\"\\udc00\\ud800\"",
            b"\"\\ud800\":1",
            b"\"a\":\"\x01\"",
            b"\"a\":\"\\x\"",
            b"\"a\":\"\\u12\"",
            b"\"a\":NaN",
            b"\"a\":.5",
            b"\"a\":1e999",
            b"a:1",
            b"\"a\"",
        ] {
            let payload = [b"{", extra, b",", &good.as_bytes()[1..]].concat();
            let case = format!("{:?}", String::from_utf8_lossy(extra));
            harness::PUBLIC_KEYS
                .send(builder.raw_claims(&payload))
                .rejected_unverified(&case);
        }
        harness::PUBLIC_KEYS
            .send(builder.raw_claims(format!(" \n{good}\t\r\n")))
            .accepted("white space");
    }
}

#[test]
fn bearer_is_forbidden_when_it_lacks_the_scope_of_a_route() {
    // RFC 6750 §3.1
    let closed = harness::PUBLIC_KEYS.requiring(scope("calls:write"));
    let open = harness::PUBLIC_KEYS.requiring(scope("calls:read"));
    let challenge =
        r#"Bearer realm="countersign", error="insufficient_scope", scope="calls:write""#;
    for builder in TokenBuilder::for_both_issuers() {
        let observed = closed.send(builder.token());
        observed.rejected_with("calls:read is not enough", StatusCode::FORBIDDEN, challenge);
        assert_eq!(observed.reason, Some(Reason::ScopeMissing));
        open.send(builder.token()).accepted("calls:read is enough");
        for lacking in [
            "\"\"",
            "\"calls\"",
            "\"calls:rea\"",
            "\"calls:reads\"",
            "\"CALLS:READ\"",
            "\"xcalls:read\"",
            "\"calls:read:all\"",
            "\"calls:read.\"",
        ] {
            let observed = open.send(builder.clone().claim("scope", lacking).token());
            observed.rejected_with(lacking, StatusCode::FORBIDDEN, READ);
        }
        let observed = open.send(builder.without_claim("scope").token());
        observed.rejected_with("no scope", StatusCode::FORBIDDEN, READ);
    }
    let several = harness::PUBLIC_KEYS.requiring(scope("calls:read") & scope("a:b") & scope("c:d"));
    let observed = several.send(TokenBuilder::own().token());
    let both = r#"Bearer realm="countersign", error="insufficient_scope", scope="a:b c:d""#;
    observed.rejected_with("two lacking", StatusCode::FORBIDDEN, both);
}

#[test]
fn star_in_an_external_scope_is_a_literal_and_in_an_own_scope_a_wildcard() {
    // RFC 6749 §3.3: scopes of an external issuer are opaque strings.
    let open = harness::PUBLIC_KEYS.requiring(scope("calls:read"));
    for star in ["\"*\"", "\"calls:*\"", "\"*:read\""] {
        open.send(TokenBuilder::own().claim("scope", star).token())
            .accepted(star);
        let external = open.send(TokenBuilder::external().claim("scope", star).token());
        external.rejected_with(star, StatusCode::FORBIDDEN, READ);
    }
}

#[test]
fn invalid_bearer_is_unauthorized_before_its_scope_is_checked() {
    // A forged token must not reveal what a route requires.
    let closed = harness::PUBLIC_KEYS.requiring(scope("calls:write"));
    for builder in TokenBuilder::for_both_issuers() {
        let token = countersign_tests::token_builder::with_signature(&builder.token(), [7; 64]);
        closed
            .send(token)
            .rejected_forged("forged, and without the scope");
    }
}

#[test]
fn bearer_is_rejected_when_it_is_an_id_token_a_refresh_token_or_for_another_audience() {
    // RFC 8725 §3.12, RFC 9700 §2.3, ASVS 5.0 V9.2.2-4
    let id_token = TokenBuilder::external()
        .header("typ", "\"JWT\"")
        .claim("aud", "\"s6BhdRkqt3\"")
        .claim("azp", "\"s6BhdRkqt3\"")
        .claim("nonce", "\"n-0S6_WzA2Mj\"")
        .claim("at_hash", "\"77QmUPtjPfzWtF2AnpK9RQ\"");
    let refresh = TokenBuilder::external()
        .header("typ", "\"JWT\"")
        .claim("typ", "\"Refresh\"")
        .claim("aud", format!("\"{EXTERNAL_ISSUER}\""));
    let for_others = [TokenBuilder::own(), TokenBuilder::external()]
        .map(|builder| builder.claim("aud", "\"https://billing.example\""));
    harness::PUBLIC_KEYS
        .send(id_token.token())
        .rejected_unverified_because(Reason::AudienceMismatch, "ID token");
    harness::PUBLIC_KEYS
        .send(refresh.token())
        .rejected_unverified_because(Reason::AudienceMismatch, "refresh token");
    for builder in for_others {
        harness::PUBLIC_KEYS
            .send(builder.token())
            .rejected_unverified_because(Reason::AudienceMismatch, "for another audience");
    }
    // Even with the right audience, a token of the own issuer must be an access token.
    for typ in ["\"JWT\"", "\"id+jwt\"", "\"rt+jwt\"", "\"api-token+jwt\""] {
        let token = TokenBuilder::own().header("typ", typ).token();
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::TypeRejected, typ);
    }
}

#[test]
fn bearer_is_authenticated_again_for_another_route() {
    // CVE-2026-33496, CVE-2021-32701, heimdall #3452, CVE-2026-35039
    let now = Timestamp::from_unix_seconds(NOW);
    let keys = || keys::key_set(keys::public_keys());
    let own = |audience: &str| {
        Harness::with_issuers(
            now,
            [TrustedIssuer::own(OWN_ISSUER)
                .audience(audience)
                .keys(keys())
                .build()
                .unwrap()],
        )
    };
    let a = own(AUDIENCE);
    let other_audience = own("https://billing.example");
    let other_issuer = Harness::with_issuers(
        now,
        [TrustedIssuer::external(EXTERNAL_ISSUER)
            .audience(AUDIENCE)
            .keys(keys())
            .build()
            .unwrap()],
    );
    let other_scope = a.requiring(scope("calls:write"));
    let later = Harness::at(Timestamp::from_unix_seconds(NOW + 602), keys());
    let without_key = Harness::new(keys::key_set(
        keys::public_keys().filter(|key| key.algorithm != TokenBuilder::own().key.algorithm),
    ));

    let token = TokenBuilder::own().token();
    for round in ["first", "second"] {
        a.send(&token).accepted(round);
        other_audience
            .send(&token)
            .rejected_unverified_because(Reason::AudienceMismatch, round);
        other_issuer
            .send(&token)
            .rejected_unverified_because(Reason::IssuerUntrusted, round);
        later
            .send(&token)
            .rejected_unverified_because(Reason::TokenExpired, round);
        without_key
            .send(&token)
            .rejected_unverified_because(Reason::KeyUnknown, round);
        let observed = other_scope.send(&token);
        let write =
            r#"Bearer realm="countersign", error="insufficient_scope", scope="calls:write""#;
        observed.rejected_with(round, StatusCode::FORBIDDEN, write);
        assert_eq!(observed.signatures, 1, "{round}: authenticated again");
    }
}
