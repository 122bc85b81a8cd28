//! security.md table 1c, rows 42 to 46: the claims set as a whole, and what a token is for.

use countersign::rejection::Reason;
use countersign::require::scope;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{AUDIENCE, Craft, FOREIGN, Gate, NOW, OURS, gate, keys};
use http::StatusCode;

const READ: &str = r#"Bearer realm="countersign", error="insufficient_scope", scope="calls:read""#;

#[test]
fn bearer_rejected_when_a_claim_comes_twice() {
    // security.md row 42; RFC 7519 §4 allows the last to win; two parsers could then see two tokens
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
    for craft in Craft::both() {
        for (name, escape) in escaped {
            let value = craft.claims.raw(name).unwrap_or("1").to_owned();
            let once = craft.clone().no_claim(name).add_claim(name, value.clone());
            for second in [name, escape] {
                for other in [value.as_str(), "\"another\"", "1"] {
                    let token = once.clone().add_claim(second, other).token();
                    let case = format!("{second} = {other} after {name} = {value}");
                    gate::PUBLIC
                        .send(token)
                        .refused_for(Reason::ClaimsMalformed, &case);
                }
            }
            if craft.claims.raw(name).is_some() {
                let alone = craft.clone().no_claim(name).add_claim(escape, value);
                gate::PUBLIC
                    .send(alone.token())
                    .accepted(&format!("{escape} alone"));
            }
        }
        for nested in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":1,"a":1}}]"#,
        ] {
            let token = craft.clone().claim("ext", nested).token();
            gate::PUBLIC
                .send(token)
                .refused_for(Reason::ClaimsMalformed, nested);
        }
        let token = craft.claim("ext", r#"{"a":1,"b":{"a":1}}"#).token();
        gate::PUBLIC.send(token).accepted("one member each");
    }
}

#[test]
fn bearer_rejected_when_its_claims_are_not_one_json_object() {
    // security.md row 43; RFC 7519 §7.2; fast-jwt #639
    for craft in Craft::both() {
        let good = craft.claims.json();
        let quoted = format!("{good:?}");
        let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let exp = NOW + 600;
        let cases: Vec<Vec<u8>> = vec![
            format!("[{exp},{NOW},\"alice\",\"{FOREIGN}\",\"{AUDIENCE}\"]").into(),
            format!("[{exp},{NOW},\"alice\",\"{OURS}\",\"{AUDIENCE}\"]").into(),
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
            gate::PUBLIC
                .send(craft.raw_claims(&payload))
                .refused_unverified(&case);
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
            gate::PUBLIC
                .send(craft.raw_claims(&payload))
                .refused_unverified(&case);
        }
        gate::PUBLIC
            .send(craft.raw_claims(format!(" \n{good}\t\r\n")))
            .accepted("white space");
    }
}

#[test]
fn bearer_forbidden_when_it_lacks_the_scope_of_a_route() {
    // security.md row 44; RFC 6750 §3.1
    let closed = gate::PUBLIC.requiring(scope("calls:write"));
    let open = gate::PUBLIC.requiring(scope("calls:read"));
    let challenge =
        r#"Bearer realm="countersign", error="insufficient_scope", scope="calls:write""#;
    for craft in Craft::both() {
        let verdict = closed.send(craft.token());
        verdict.closed("calls:read is not enough", StatusCode::FORBIDDEN, challenge);
        assert_eq!(verdict.reason, Some(Reason::ScopeMissing));
        open.send(craft.token()).accepted("calls:read is enough");
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
            let verdict = open.send(craft.clone().claim("scope", lacking).token());
            verdict.closed(lacking, StatusCode::FORBIDDEN, READ);
        }
        let verdict = open.send(craft.no_claim("scope").token());
        verdict.closed("no scope", StatusCode::FORBIDDEN, READ);
    }
    let several = gate::PUBLIC.requiring(scope("calls:read") & scope("a:b") & scope("c:d"));
    let verdict = several.send(Craft::own().token());
    let both = r#"Bearer realm="countersign", error="insufficient_scope", scope="a:b c:d""#;
    verdict.closed("two lacking", StatusCode::FORBIDDEN, both);
}

#[test]
fn star_in_a_foreign_scope_is_a_letter_and_in_ours_a_pattern() {
    // security.md row 44; design.md, Scopes
    let open = gate::PUBLIC.requiring(scope("calls:read"));
    for star in ["\"*\"", "\"calls:*\"", "\"*:read\""] {
        open.send(Craft::own().claim("scope", star).token())
            .accepted(star);
        let foreign = open.send(Craft::external().claim("scope", star).token());
        foreign.closed(star, StatusCode::FORBIDDEN, READ);
    }
}

#[test]
fn bad_bearer_is_unauthorized_before_its_scope_is_looked_at() {
    // security.md row 44 beside A1: a forged token learns nothing of what a route requires
    let closed = gate::PUBLIC.requiring(scope("calls:write"));
    for craft in Craft::both() {
        let token = countersign_tests::craft::with_signature(&craft.token(), [7; 64]);
        closed.send(token).forged("forged, and without the scope");
    }
}

#[test]
fn bearer_rejected_when_it_is_an_id_token_a_refresh_token_or_meant_for_others() {
    // security.md row 45; RFC 8725 §3.12, RFC 9700 §2.3, ASVS 5.0 V9.2.2-4
    let id_token = Craft::external()
        .header("typ", "\"JWT\"")
        .claim("aud", "\"s6BhdRkqt3\"")
        .claim("azp", "\"s6BhdRkqt3\"")
        .claim("nonce", "\"n-0S6_WzA2Mj\"")
        .claim("at_hash", "\"77QmUPtjPfzWtF2AnpK9RQ\"");
    let refresh = Craft::external()
        .header("typ", "\"JWT\"")
        .claim("typ", "\"Refresh\"")
        .claim("aud", format!("\"{FOREIGN}\""));
    let for_others = [Craft::own(), Craft::external()]
        .map(|craft| craft.claim("aud", "\"https://billing.example\""));
    gate::PUBLIC
        .send(id_token.token())
        .refused_for(Reason::AudienceMismatch, "ID token");
    gate::PUBLIC
        .send(refresh.token())
        .refused_for(Reason::AudienceMismatch, "refresh token");
    for craft in for_others {
        gate::PUBLIC
            .send(craft.token())
            .refused_for(Reason::AudienceMismatch, "of others");
    }
    // With the right audience an issuer of ours still wants access tokens, and nothing else.
    for typ in ["\"JWT\"", "\"id+jwt\"", "\"rt+jwt\"", "\"api-token+jwt\""] {
        let token = Craft::own().header("typ", typ).token();
        gate::PUBLIC
            .send(token)
            .refused_for(Reason::TypeRefused, typ);
    }
}

#[test]
fn bearer_judged_again_for_another_route() {
    // security.md row 46; CVE-2026-33496, CVE-2021-32701, heimdall #3452, CVE-2026-35039
    let now = Timestamp::from_unix_seconds(NOW);
    let keys = || keys::key_set(keys::public_keys());
    let ours = |audience: &str| {
        Gate::of(
            now,
            [TrustedIssuer::own(OURS)
                .audience(audience)
                .keys(keys())
                .build()
                .unwrap()],
        )
    };
    let a = ours(AUDIENCE);
    let other_audience = ours("https://billing.example");
    let other_issuer = Gate::of(
        now,
        [TrustedIssuer::external(FOREIGN)
            .audience(AUDIENCE)
            .keys(keys())
            .build()
            .unwrap()],
    );
    let other_scope = a.requiring(scope("calls:write"));
    let later = Gate::at(Timestamp::from_unix_seconds(NOW + 600), keys());
    let without_key = Gate::new(keys::key_set(
        keys::public_keys().filter(|key| key.algorithm != Craft::own().key.algorithm),
    ));

    let token = Craft::own().token();
    for round in ["first", "second"] {
        a.send(&token).accepted(round);
        other_audience
            .send(&token)
            .refused_for(Reason::AudienceMismatch, round);
        other_issuer
            .send(&token)
            .refused_for(Reason::IssuerUntrusted, round);
        later.send(&token).refused_for(Reason::TokenExpired, round);
        without_key
            .send(&token)
            .refused_for(Reason::KeyUnknown, round);
        let verdict = other_scope.send(&token);
        let write =
            r#"Bearer realm="countersign", error="insufficient_scope", scope="calls:write""#;
        verdict.closed(round, StatusCode::FORBIDDEN, write);
        assert_eq!(verdict.signatures, 1, "{round}: judged anew");
    }
}
