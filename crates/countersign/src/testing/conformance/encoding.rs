//! Header and encoding of the token.

use serde_json::json;

use super::Expected::{Accepted, InvalidToken};
use super::Group::Encoding;
use super::Level::{self, Must, Should};
use super::case::{Case, Make, case};
use super::crafted::{claims, encode, flawed, header, header_text, parts};
use crate::testing::Flaw;

pub(super) const CASES: &[Case] = &[
    refused(
        "a token of more than 8 KiB is refused",
        "this crate's limit",
        Should,
        |issuer| flawed(issuer, Flaw::TooLong),
    ),
    refused("two parts are refused", "RFC 7515 §3.1", Must, |issuer| {
        flawed(issuer, Flaw::TwoParts)
    }),
    refused("four parts are refused", "RFC 7515 §3.1", Must, |issuer| {
        parts(issuer, |header, claims, signature| {
            format!("{header}.{claims}.{signature}.{signature}")
        })
    }),
    refused(
        "five parts, an encrypted token, are refused",
        "RFC 7516 §9; CVE-2026-29000",
        Must,
        |issuer| {
            parts(issuer, |_, claims, signature| {
                let header = encode(r#"{"alg":"dir","enc":"A128GCM","typ":"at+jwt"}"#);
                format!("{header}..{claims}.{claims}.{signature}")
            })
        },
    ),
    refused(
        "a character that is not of base64url is refused",
        "RFC 7515 §5.2",
        Must,
        |issuer| flawed(issuer, Flaw::NotBase64),
    ),
    refused(
        "padding of the signature is refused",
        "RFC 7515 §2",
        Must,
        |issuer| {
            parts(issuer, |header, claims, signature| {
                format!("{header}.{claims}.{signature}==")
            })
        },
    ),
    refused(
        "other spare bits at the end of the signature are refused",
        "RFC 4648 §3.5",
        Should,
        |issuer| {
            parts(issuer, |header, claims, signature| {
                // 64 bytes leave four spare bits in the last character, which are 0: A, Q, g or w.
                let (rest, last) = signature.split_at(signature.len().saturating_sub(1));
                let other = match last {
                    "A" => "B",
                    "Q" => "R",
                    "g" => "h",
                    _ => "x",
                };
                format!("{header}.{claims}.{rest}{other}")
            })
        },
    ),
    refused(
        "a header that is a list is refused",
        "RFC 7515 §4",
        Must,
        |issuer| flawed(issuer, Flaw::HeaderNotAnObject),
    ),
    refused(
        "a member twice in the header is refused",
        "RFC 7515 §4, which allows the last one too",
        Should,
        |issuer| header_text(issuer, |text| text.replacen('{', r#"{"alg":"none","#, 1)),
    ),
    refused(
        "an extension that must be understood (crit) is refused",
        "RFC 7515 §4.1.11; CVE-2025-59420",
        Must,
        |issuer| flawed(issuer, Flaw::CriticalExtension),
    ),
    refused(
        "an empty crit is refused",
        "RFC 7515 §4.1.11",
        Must,
        |issuer| header(issuer, "crit", json!([])),
    ),
    refused(
        "an unknown critical extension is refused",
        "RFC 7515 §4.1.11; CVE-2026-32597",
        Must,
        |issuer| {
            header_text(issuer, |text| {
                text.replacen('{', r#"{"crit":["urn:x"],"urn:x":1,"#, 1)
            })
        },
    ),
    refused(
        "an unencoded payload (b64) is refused",
        "RFC 7797 §6",
        Must,
        |issuer| {
            header_text(issuer, |text| {
                text.replacen('{', r#"{"crit":["b64"],"b64":false,"#, 1)
            })
        },
    ),
    refused(
        "compression (zip) is refused",
        "RFC 8725 §3.6",
        Should,
        |issuer| header(issuer, "zip", json!("DEF")),
    ),
    refused(
        "the type of a proof of possession is refused",
        "RFC 9068 §4; RFC 8725 §3.11",
        Must,
        |issuer| flawed(issuer, Flaw::WrongType),
    ),
    refused(
        "the type of a logout token is refused",
        "RFC 9068 §4; RFC 8725 §3.11",
        Must,
        |issuer| header(issuer, "typ", json!("logout+jwt")),
    ),
    refused(
        "a type that is a number is refused",
        "RFC 7515 §4.1.9",
        Should,
        |issuer| header(issuer, "typ", json!(1)),
    ),
    refused(
        "claims that are a list are refused",
        "RFC 7519 §7.2",
        Must,
        |issuer| flawed(issuer, Flaw::ClaimsNotAnObject),
    ),
    refused(
        "claims with something behind them are refused",
        "RFC 7519 §7.2",
        Must,
        |issuer| claims(issuer, |text| format!("{text}{{}}")),
    ),
    case(
        Encoding,
        "the full name of the type is accepted",
        "RFC 9068 §4",
        (Must, Accepted),
        |issuer| header(issuer, "typ", json!("application/at+jwt")),
    ),
    case(
        Encoding,
        "spaces in the JSON are accepted",
        "RFC 8259 §2",
        (Must, Accepted),
        |issuer| claims(issuer, |text| text.replace("\":", "\" : ")),
    ),
];

const fn refused(name: &'static str, source: &'static str, level: Level, make: Make) -> Case {
    case(Encoding, name, source, (level, InvalidToken), make)
}
