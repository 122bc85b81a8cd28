//! Claims and times.

use serde_json::json;

use super::Expected::{Accepted, InvalidToken};
use super::Group::Claims;
use super::Level::{self, Must, Should};
use super::case::{Case, Make, case};
use super::crafted::{claim, claims, flawed, time};
use crate::testing::{Flaw, TestIssuer};

pub(super) const CASES: &[Case] = &[
    refused("no iss is refused", "RFC 9068 §4", Must, |issuer| {
        flawed(issuer, Flaw::IssuerMissing)
    }),
    refused(
        "iss with a slash more is refused",
        "RFC 9068 §4; RFC 7519 §4.1.1",
        Must,
        |issuer| flawed(issuer, Flaw::IssuerWrong),
    ),
    refused(
        "iss in another case is refused",
        "RFC 9068 §4; RFC 7519 §4.1.1",
        Must,
        |issuer| claim(issuer, "iss", json!(issuer.url().replace("http:", "HTTP:"))),
    ),
    refused(
        "iss that only begins like ours is refused",
        "RFC 9068 §4; GHSA-75c5-xw7c-p5pm",
        Must,
        |issuer| claim(issuer, "iss", json!(format!("{}.evil.test", issuer.url()))),
    ),
    refused(
        "iss as a list with ours is refused",
        "RFC 7519 §4.1.1",
        Must,
        |issuer| claim(issuer, "iss", json!([issuer.url()])),
    ),
    refused(
        "no aud is refused",
        "RFC 9068 §4; RFC 8725 §3.9",
        Must,
        |issuer| flawed(issuer, Flaw::AudienceMissing),
    ),
    refused(
        "aud of somebody else is refused",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| flawed(issuer, Flaw::AudienceWrong),
    ),
    refused(
        "an empty aud is refused",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| claim(issuer, "aud", json!([])),
    ),
    refused(
        "aud that only begins like ours is refused",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| {
            let longer = format!("{}.evil.test", TestIssuer::AUDIENCE);
            claim(issuer, "aud", json!(longer))
        },
    ),
    refused(
        "aud as a number is refused",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| claim(issuer, "aud", json!(42)),
    ),
    refused("no sub is refused", "RFC 9068 §2.2", Should, |issuer| {
        flawed(issuer, Flaw::SubjectMissing)
    }),
    refused(
        "sub as a number is refused",
        "RFC 7519 §4.1.2",
        Should,
        |issuer| claim(issuer, "sub", json!(42)),
    ),
    refused(
        "an expired token is refused",
        "RFC 7519 §4.1.4",
        Must,
        |issuer| flawed(issuer, Flaw::Expired),
    ),
    refused("no exp is refused", "RFC 9068 §4", Must, |issuer| {
        flawed(issuer, Flaw::ExpiryMissing)
    }),
    refused(
        "exp as a string is refused",
        "RFC 7519 §4.1.4; CVE-2026-25537",
        Must,
        |issuer| claim(issuer, "exp", json!("9999999999")),
    ),
    refused(
        "exp as null is refused",
        "RFC 7519 §4.1.4",
        Must,
        |issuer| claim(issuer, "exp", json!(null)),
    ),
    refused(
        "a negative exp is refused",
        "RFC 7519 §4.1.4",
        Must,
        |issuer| claim(issuer, "exp", json!(-1)),
    ),
    refused(
        "exp beyond all numbers is refused",
        "RFC 8259 §6",
        Must,
        |issuer| time(issuer, "exp", "1e400"),
    ),
    refused(
        "a token that is not valid yet is refused",
        "RFC 7519 §4.1.5",
        Must,
        |issuer| flawed(issuer, Flaw::NotYetValid),
    ),
    refused(
        "nbf as a string is refused",
        "RFC 7519 §4.1.5",
        Must,
        |issuer| claim(issuer, "nbf", json!("9999999999")),
    ),
    refused(
        "a token issued in the future is refused",
        "RFC 7519 §4.1.6",
        Should,
        |issuer| flawed(issuer, Flaw::IssuedInFuture),
    ),
    refused(
        "a token that lives for ten years is refused",
        "RFC 9700 §2.2.2",
        Should,
        |issuer| flawed(issuer, Flaw::LifetimeTooLong),
    ),
    refused(
        "a token bound to a key is refused where nothing checks that",
        "RFC 7800 §3.1; RFC 9449 §7.1",
        Should,
        |issuer| flawed(issuer, Flaw::Bound),
    ),
    refused(
        "a claim twice is refused",
        "RFC 7519 §4, which allows the last one too",
        Should,
        |issuer| flawed(issuer, Flaw::ClaimTwice),
    ),
    refused(
        "a claim twice, once with an escape, is refused",
        "RFC 7519 §4, which allows the last one too",
        Should,
        |issuer| {
            claims(issuer, |text| {
                text.replacen('{', r#"{"s\u0075b":"mallory","#, 1)
            })
        },
    ),
    accepted(
        "aud as a list with ours is accepted",
        "RFC 7519 §4.1.3",
        |issuer| {
            let both = json!(["https://somebody.else.test", TestIssuer::AUDIENCE]);
            claim(issuer, "aud", both)
        },
    ),
    accepted(
        "exp with a fraction is accepted",
        "RFC 7519 §2, NumericDate",
        |issuer| {
            let exp = issuer.token().now.unix_seconds().saturating_add(300);
            time(issuer, "exp", &format!("{exp}.5"))
        },
    ),
    accepted("an unknown claim is ignored", "RFC 7519 §4", |issuer| {
        claim(issuer, "urn:x", json!({ "a": [1, null] }))
    }),
];

const fn refused(name: &'static str, source: &'static str, level: Level, make: Make) -> Case {
    case(Claims, name, source, (level, InvalidToken), make)
}

const fn accepted(name: &'static str, source: &'static str, make: Make) -> Case {
    case(Claims, name, source, (Must, Accepted), make)
}
