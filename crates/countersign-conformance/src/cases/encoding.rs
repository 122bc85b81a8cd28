//! The header and the encoding of the token.

use countersign::testing::Flaw;
use serde_json::json;

use super::request::{claims, encode, flawed, header, header_text, parts};
use crate::case::cases;

cases! {
    Encoding;
    Should InvalidToken "a token of more than 8 KiB is rejected", "countersign's limit":
        |issuer| flawed(issuer, Flaw::TooLong);
    Must InvalidToken "two parts are rejected", "RFC 7515 §3.1":
        |issuer| flawed(issuer, Flaw::TwoParts);
    Must InvalidToken "four parts are rejected", "RFC 7515 §3.1":
        |issuer| parts(issuer, |header, claims, signature| format!("{header}.{claims}.{signature}.{signature}"));
    Must InvalidToken "five parts (an encrypted token) are rejected", "RFC 7516 §9; CVE-2026-29000":
        |issuer| parts(issuer, |_, claims, signature| {
            let header = encode(r#"{"alg":"dir","enc":"A128GCM","typ":"at+jwt"}"#);
            format!("{header}..{claims}.{claims}.{signature}")
        });
    Must InvalidToken "a character outside base64url is rejected", "RFC 7515 §5.2":
        |issuer| flawed(issuer, Flaw::NotBase64);
    Must InvalidToken "padding of the signature is rejected", "RFC 7515 §2":
        |issuer| parts(issuer, |header, claims, signature| format!("{header}.{claims}.{signature}=="));
    Should InvalidToken "nonzero spare bits at the end of the signature are rejected", "RFC 4648 §3.5":
        |issuer| parts(issuer, |header, claims, signature| {
            // The last character of 64 encoded bytes has four spare bits, which are 0 in A, Q, g and w.
            let (rest, last) = signature.split_at(signature.len().saturating_sub(1));
            let other = match last {
                "A" => "B",
                "Q" => "R",
                "g" => "h",
                _ => "x",
            };
            format!("{header}.{claims}.{rest}{other}")
        });
    Must InvalidToken "a header that is a list is rejected", "RFC 7515 §4":
        |issuer| flawed(issuer, Flaw::HeaderNotAnObject);
    Should InvalidToken "a duplicate member of the header is rejected",
        "RFC 7515 §4, which also allows the last one":
        |issuer| header_text(issuer, |text| text.replacen('{', r#"{"alg":"none","#, 1));
    Must InvalidToken "an extension that must be understood (crit) is rejected",
        "RFC 7515 §4.1.11; CVE-2025-59420":
        |issuer| flawed(issuer, Flaw::CriticalExtension);
    Must InvalidToken "an empty crit is rejected", "RFC 7515 §4.1.11":
        |issuer| header(issuer, "crit", json!([]));
    Must InvalidToken "an unknown critical extension is rejected", "RFC 7515 §4.1.11; CVE-2026-32597":
        |issuer| header_text(issuer, |text| text.replacen('{', r#"{"crit":["urn:x"],"urn:x":1,"#, 1));
    Must InvalidToken "an unencoded payload (b64) is rejected", "RFC 7797 §6":
        |issuer| header_text(issuer, |text| text.replacen('{', r#"{"crit":["b64"],"b64":false,"#, 1));
    Should InvalidToken "compression (zip) is rejected", "RFC 8725 §3.6":
        |issuer| header(issuer, "zip", "DEF");
    Must InvalidToken "the type of a proof of possession is rejected", "RFC 9068 §4; RFC 8725 §3.11":
        |issuer| flawed(issuer, Flaw::WrongType);
    Must InvalidToken "the type of a logout token is rejected", "RFC 9068 §4; RFC 8725 §3.11":
        |issuer| header(issuer, "typ", "logout+jwt");
    Should InvalidToken "a type that is a number is rejected", "RFC 7515 §4.1.9":
        |issuer| header(issuer, "typ", 1);
    Must InvalidToken "claims that are a list are rejected", "RFC 7519 §7.2":
        |issuer| flawed(issuer, Flaw::ClaimsNotAnObject);
    Must InvalidToken "claims with trailing data are rejected", "RFC 7519 §7.2":
        |issuer| claims(issuer, |text| format!("{text}{{}}"));
    Must Accepted "the full name of the type is accepted", "RFC 9068 §4":
        |issuer| header(issuer, "typ", "application/at+jwt");
    Must Accepted "spaces in the JSON are accepted", "RFC 8259 §2":
        |issuer| claims(issuer, |text| text.replace("\":", "\" : "));
}
