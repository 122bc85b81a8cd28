//! The header and the encoding of the token.

use countersign::testing::Flaw;
use serde_json::json;

use super::request::{claims, encode, flawed, header, header_text, parts};
use crate::Expected::{Accepted, InvalidToken};
use crate::Group::Encoding;
use crate::Level::{self, Must, Should};
use crate::case::{Case, CreateRequest, case};

pub(crate) const CASES: &[Case] = &[
    rejected(
        "a token of more than 8 KiB is rejected",
        "countersign's limit",
        Should,
        |issuer| flawed(issuer, Flaw::TooLong),
    ),
    rejected("two parts are rejected", "RFC 7515 §3.1", Must, |issuer| {
        flawed(issuer, Flaw::TwoParts)
    }),
    rejected("four parts are rejected", "RFC 7515 §3.1", Must, |issuer| {
        parts(issuer, |header, claims, signature| {
            format!("{header}.{claims}.{signature}.{signature}")
        })
    }),
    rejected(
        "five parts (an encrypted token) are rejected",
        "RFC 7516 §9; CVE-2026-29000",
        Must,
        |issuer| {
            parts(issuer, |_, claims, signature| {
                let header = encode(r#"{"alg":"dir","enc":"A128GCM","typ":"at+jwt"}"#);
                format!("{header}..{claims}.{claims}.{signature}")
            })
        },
    ),
    rejected(
        "a character outside base64url is rejected",
        "RFC 7515 §5.2",
        Must,
        |issuer| flawed(issuer, Flaw::NotBase64),
    ),
    rejected(
        "padding of the signature is rejected",
        "RFC 7515 §2",
        Must,
        |issuer| {
            parts(issuer, |header, claims, signature| {
                format!("{header}.{claims}.{signature}==")
            })
        },
    ),
    rejected(
        "nonzero spare bits at the end of the signature are rejected",
        "RFC 4648 §3.5",
        Should,
        |issuer| {
            parts(issuer, |header, claims, signature| {
                // The last character of 64 encoded bytes has four spare bits, which are 0 in A, Q, g and w.
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
    rejected(
        "a header that is a list is rejected",
        "RFC 7515 §4",
        Must,
        |issuer| flawed(issuer, Flaw::HeaderNotAnObject),
    ),
    rejected(
        "a duplicate member of the header is rejected",
        "RFC 7515 §4, which also allows the last one",
        Should,
        |issuer| header_text(issuer, |text| text.replacen('{', r#"{"alg":"none","#, 1)),
    ),
    rejected(
        "an extension that must be understood (crit) is rejected",
        "RFC 7515 §4.1.11; CVE-2025-59420",
        Must,
        |issuer| flawed(issuer, Flaw::CriticalExtension),
    ),
    rejected(
        "an empty crit is rejected",
        "RFC 7515 §4.1.11",
        Must,
        |issuer| header(issuer, "crit", json!([])),
    ),
    rejected(
        "an unknown critical extension is rejected",
        "RFC 7515 §4.1.11; CVE-2026-32597",
        Must,
        |issuer| {
            header_text(issuer, |text| {
                text.replacen('{', r#"{"crit":["urn:x"],"urn:x":1,"#, 1)
            })
        },
    ),
    rejected(
        "an unencoded payload (b64) is rejected",
        "RFC 7797 §6",
        Must,
        |issuer| {
            header_text(issuer, |text| {
                text.replacen('{', r#"{"crit":["b64"],"b64":false,"#, 1)
            })
        },
    ),
    rejected(
        "compression (zip) is rejected",
        "RFC 8725 §3.6",
        Should,
        |issuer| header(issuer, "zip", json!("DEF")),
    ),
    rejected(
        "the type of a proof of possession is rejected",
        "RFC 9068 §4; RFC 8725 §3.11",
        Must,
        |issuer| flawed(issuer, Flaw::WrongType),
    ),
    rejected(
        "the type of a logout token is rejected",
        "RFC 9068 §4; RFC 8725 §3.11",
        Must,
        |issuer| header(issuer, "typ", json!("logout+jwt")),
    ),
    rejected(
        "a type that is a number is rejected",
        "RFC 7515 §4.1.9",
        Should,
        |issuer| header(issuer, "typ", json!(1)),
    ),
    rejected(
        "claims that are a list are rejected",
        "RFC 7519 §7.2",
        Must,
        |issuer| flawed(issuer, Flaw::ClaimsNotAnObject),
    ),
    rejected(
        "claims with trailing data are rejected",
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

const fn rejected(
    name: &'static str,
    source: &'static str,
    level: Level,
    create: CreateRequest,
) -> Case {
    case(Encoding, name, source, (level, InvalidToken), create)
}
