//! The claims `iss`, `aud`, `sub` and `cnf`. Every token here is signed correctly. Its claims are checked before its
//! signature, so no signature is verified.

use countersign::rejection::Reason;
use countersign_tests::{TokenBuilder, harness};

/// Sends valid tokens of both issuers in which one claim has another value.
#[track_caller]
pub(crate) fn rejected_with_value(claim: &str, values: &[&str]) {
    for builder in TokenBuilder::for_both_issuers() {
        harness::PUBLIC_KEYS
            .send(builder.token())
            .accepted("control");
        for value in values {
            let excerpt: String = value.chars().take(80).collect();
            let token = builder.clone().claim(claim, *value).token();
            harness::PUBLIC_KEYS
                .send(token)
                .rejected_unverified(&format!("{claim}: {excerpt}"));
        }
    }
}

/// Sends valid tokens of both issuers without a claim.
#[track_caller]
pub(crate) fn rejected_without(claim: &str) {
    for builder in TokenBuilder::for_both_issuers() {
        let token = builder.without_claim(claim).token();
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified(&format!("no {claim}"));
    }
}

#[track_caller]
fn accepted_with(builder: TokenBuilder, claim: &str, value: impl Into<String>) {
    let value = value.into();
    let token = builder.claim(claim, value.clone()).token();
    harness::PUBLIC_KEYS
        .send(token)
        .accepted(&format!("{claim}: {value}"));
}

#[test]
fn bearer_is_rejected_when_iss_is_not_exactly_a_trusted_issuer() {
    // GHSA-75c5-xw7c-p5pm; RFC 8725 §3.8, RFC 9068 §4
    rejected_without("iss");
    let other = [
        "\"https://auth.exampl\"",
        "\"https://auth.example.evil.example\"",
        "\"https://auth\"",
        "\"https://auth.example/\"",
        "\"https://login.example/\"",
        "\"https://AUTH.example\"",
        "\"HTTPS://login.example\"",
        "\" https://auth.example\"",
        "\"https://auth.example \"",
        "\"https://auth.example\\u0000\"",
        "\"https://auth.example\\u0000.evil\"",
        "\"h\"",
        "\"\"",
        "42",
        "null",
        "true",
        "[\"https://auth.example\"]",
        "[\"https://evil.example\",\"https://auth.example\"]",
        "[\"https://login.example\"]",
        "{\"https://auth.example\":1}",
        "\"https://evil.example\"",
    ];
    rejected_with_value("iss", &other);
    // An escaped character is equal to the unescaped one (RFC 8259 §8.3).
    accepted_with(
        TokenBuilder::own(),
        "iss",
        r#""https:\/\/\u0061uth.example""#,
    );
}

#[test]
fn bearer_is_rejected_when_aud_does_not_name_this_service() {
    // CVE-2020-26160, CVE-2024-5798, CVE-2026-55669; RFC 7519 §4.1.3
    rejected_without("aud");
    let many = format!(
        "[{}\"{}\"]",
        "\"x\",".repeat(9_999),
        countersign_tests::AUDIENCE
    );
    let fits = format!("[{}\"x\"]", "\"x\",".repeat(1_000));
    let other = [
        "null",
        "42",
        "true",
        "[]",
        "\"\"",
        "[\"\"]",
        "[\"https://api.example\",1]",
        "[1,\"https://api.example\"]",
        "[\"https://api.example\",null]",
        "[\"https://api.example\",[\"x\"]]",
        "[[\"https://api.example\"]]",
        "{\"https://api.example\":true}",
        "{\"0\":\"https://api.example\"}",
        "\"https://api.example/\"",
        "\"https://api.exampl\"",
        "\"https://api\"",
        "\"api.example\"",
        "\"xhttps://api.example\"",
        "\"https://API.example\"",
        "\"https://api.example https://other.example\"",
        "\"https://other.example,https://api.example\"",
        "\"*\"",
        "[\"*\"]",
        "\"https://*.example\"",
        "\"https://auth.example\"",
        &fits,
        &many,
    ];
    rejected_with_value("aud", &other);
    for builder in TokenBuilder::for_both_issuers() {
        accepted_with(builder.clone(), "aud", r#"["https://api.example"]"#);
        accepted_with(
            builder,
            "aud",
            r#"["https://other.example","https://api.example"]"#,
        );
    }
}

#[test]
fn bearer_is_rejected_when_sub_is_missing_empty_or_not_a_string() {
    // RFC 9068 §2.2, RFC 8725 §3.8
    rejected_without("sub");
    rejected_with_value(
        "sub",
        &[
            "\"\"",
            "42",
            "null",
            "true",
            "[\"alice\"]",
            "{\"sub\":\"alice\"}",
        ],
    );
}

#[test]
fn own_bearer_is_rejected_without_a_claim_that_the_issuer_always_writes() {
    // RFC 9068 §2.2 also requires client_id, iat and jti, and the own issuer writes them.
    for claim in ["client_id", "iat", "jti", "account", "cgn", "agn"] {
        let token = TokenBuilder::own().without_claim(claim).token();
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::ClaimsMalformed, &format!("no {claim}"));
    }
    let wrong = [
        ("jti", "\"\""),
        ("jti", "7"),
        ("client_id", "\"another-client\""),
        ("client_id", "null"),
        ("sub", "\"alice\""),
        ("account", "\"alice\""),
        ("environment", "\"production\""),
        ("cgn", "-1"),
        ("cgn", "\"1\""),
        ("cgn", "1.0"),
        ("agn", "4294967296"),
        ("scope", "[\"calls:read\"]"),
        ("scope", "\"calls:read  calls:write\""),
        ("scope", "\"calls:re*d\""),
        ("scope", "7"),
    ];
    for (claim, value) in wrong {
        let token = TokenBuilder::own().claim(claim, value).token();
        let case = format!("{claim}: {value}");
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::ClaimsMalformed, &case);
    }
}

#[test]
fn bearer_is_rejected_when_sub_is_too_long_or_has_control_characters() {
    // Header injection: CR and LF in a subject that a gateway forwards in a header.
    let long = format!("\"{}\"", "a".repeat(256));
    let endless = format!("\"{}\"", "a".repeat(64 * 1024));
    let injecting = [
        r#""alice\r\nX-User-Id: root""#,
        r#""alice\n""#,
        r#""alice\r""#,
        r#""alice\u0000""#,
        r#""\u0000""#,
        r#""al\tice""#,
        r#""alice\u007f""#,
        r#""alice\u0085""#,
        "\"alice\u{85}\"",
        "\"alice\r\nX-User-Id: root\"",
        "\"alice\u{0}\"",
        &long,
        &endless,
    ];
    rejected_with_value("sub", &injecting);
    let longest = format!("\"{}\"", "a".repeat(255));
    accepted_with(TokenBuilder::external(), "sub", longest);
    // A comma is allowed; a gateway that forwards subjects has to encode it.
    accepted_with(TokenBuilder::external(), "sub", r#""alice,root""#);
}

#[test]
fn bearer_is_rejected_when_it_is_bound_to_a_key() {
    // RFC 7800 §3.1: the library checks no binding, so it must not accept a bound token.
    for value in [
        r#"{"jkt":"x"}"#,
        r#"{"x5t#S256":"x"}"#,
        "{}",
        "null",
        "\"x\"",
    ] {
        for builder in TokenBuilder::for_both_issuers() {
            let observed = harness::PUBLIC_KEYS.send(builder.claim("cnf", value).token());
            observed.rejected_unverified_because(Reason::TokenBound, value);
        }
    }
}
