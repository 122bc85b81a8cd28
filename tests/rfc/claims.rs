//! security.md table 1c, rows 38 to 41: who a token is from, for and about. Every token here is signed
//! rightly; what is wrong with it is known before the signature is looked at, so none is verified.

use countersign::rejection::Reason;
use countersign_tests::{Craft, gate};

/// Sends good tokens with one claim put in the place of another, to both issuers.
#[track_caller]
pub(crate) fn refused_with(claim: &str, values: &[&str]) {
    for craft in Craft::both() {
        gate::PUBLIC.send(craft.token()).accepted("control");
        for value in values {
            let shown: String = value.chars().take(80).collect();
            let token = craft.clone().claim(claim, *value).token();
            gate::PUBLIC
                .send(token)
                .refused_unverified(&format!("{claim}: {shown}"));
        }
    }
}

/// Sends good tokens without a claim, to both issuers.
#[track_caller]
pub(crate) fn refused_without(claim: &str) {
    for craft in Craft::both() {
        let token = craft.no_claim(claim).token();
        gate::PUBLIC
            .send(token)
            .refused_unverified(&format!("no {claim}"));
    }
}

#[track_caller]
fn accepted_with(craft: Craft, claim: &str, value: impl Into<String>) {
    let value = value.into();
    let token = craft.claim(claim, value.clone()).token();
    gate::PUBLIC
        .send(token)
        .accepted(&format!("{claim}: {value}"));
}

#[test]
fn bearer_rejected_when_iss_is_not_a_trusted_issuer_letter_by_letter() {
    // security.md row 38; GHSA-75c5-xw7c-p5pm; RFC 8725 §3.8, RFC 9068 §4
    refused_without("iss");
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
    refused_with("iss", &other);
    // An escape is the same letter, and the same issuer (RFC 8259 §8.3).
    accepted_with(Craft::own(), "iss", r#""https:\/\/\u0061uth.example""#);
}

#[test]
fn bearer_rejected_when_aud_does_not_name_us() {
    // security.md row 39; CVE-2020-26160, CVE-2024-5798, CVE-2026-55669; RFC 7519 §4.1.3
    refused_without("aud");
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
    refused_with("aud", &other);
    for craft in Craft::both() {
        accepted_with(craft.clone(), "aud", r#"["https://api.example"]"#);
        accepted_with(
            craft,
            "aud",
            r#"["https://other.example","https://api.example"]"#,
        );
    }
}

#[test]
fn bearer_rejected_when_sub_is_missing_empty_or_no_text() {
    // security.md row 40; RFC 9068 §2.2, RFC 8725 §3.8
    refused_without("sub");
    refused_with(
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
fn our_bearer_rejected_without_a_claim_that_we_always_write() {
    // security.md row 40; RFC 9068 §2.2: client_id, iat and jti are required as well, and ours are
    for claim in ["client_id", "iat", "jti", "account", "cgn", "agn"] {
        let token = Craft::own().no_claim(claim).token();
        gate::PUBLIC
            .send(token)
            .refused_for(Reason::ClaimsMalformed, &format!("no {claim}"));
    }
    let wrong = [
        ("jti", "\"\""),
        ("jti", "7"),
        ("client_id", "\"somebody-else\""),
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
        let token = Craft::own().claim(claim, value).token();
        let case = format!("{claim}: {value}");
        gate::PUBLIC
            .send(token)
            .refused_for(Reason::ClaimsMalformed, &case);
    }
}

#[test]
fn bearer_rejected_when_sub_has_control_characters_or_no_end() {
    // security.md row 41: header injection
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
    refused_with("sub", &injecting);
    let longest = format!("\"{}\"", "a".repeat(255));
    accepted_with(Craft::external(), "sub", longest);
    // A comma is a letter here; what forwards subjects has to encode it.
    accepted_with(Craft::external(), "sub", r#""alice,root""#);
}

#[test]
fn bearer_rejected_when_bound_to_a_key() {
    // design.md, Defaults: RFC 7800 `cnf` is refused while no binding is checked
    for value in [
        r#"{"jkt":"x"}"#,
        r#"{"x5t#S256":"x"}"#,
        "{}",
        "null",
        "\"x\"",
    ] {
        for craft in Craft::both() {
            let verdict = gate::PUBLIC.send(craft.claim("cnf", value).token());
            verdict.refused_for(Reason::TokenBound, value);
        }
    }
}
