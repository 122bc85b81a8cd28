//! The claims and times of the token.

use countersign::testing::{Flaw, TestIssuer};
use serde_json::{Value, json};

use super::request::{claim, claims, flawed, literal};
use crate::Expected::{Accepted, InvalidToken};
use crate::Group::Claims;
use crate::Level::{self, Must, Should};
use crate::case::{Case, CreateRequest, case};

pub(crate) const CASES: &[Case] = &[
    rejected("a missing iss is rejected", "RFC 9068 §4", Must, |issuer| {
        flawed(issuer, Flaw::IssuerMissing)
    }),
    rejected(
        "iss with an extra trailing slash is rejected",
        "RFC 9068 §4; RFC 7519 §4.1.1",
        Must,
        |issuer| flawed(issuer, Flaw::IssuerWrong),
    ),
    rejected(
        "iss in another case is rejected",
        "RFC 9068 §4; RFC 7519 §4.1.1",
        Must,
        |issuer| claim(issuer, "iss", json!(issuer.url().replace("http:", "HTTP:"))),
    ),
    rejected(
        "iss that only starts with the issuer's URL is rejected",
        "RFC 9068 §4; GHSA-75c5-xw7c-p5pm",
        Must,
        |issuer| claim(issuer, "iss", json!(format!("{}.evil.test", issuer.url()))),
    ),
    rejected(
        "iss as a list that contains the issuer is rejected",
        "RFC 7519 §4.1.1",
        Must,
        |issuer| claim(issuer, "iss", json!([issuer.url()])),
    ),
    rejected(
        "a missing aud is rejected",
        "RFC 9068 §4; RFC 8725 §3.9",
        Must,
        |issuer| flawed(issuer, Flaw::AudienceMissing),
    ),
    rejected(
        "aud of another service is rejected",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| flawed(issuer, Flaw::AudienceWrong),
    ),
    rejected(
        "an empty aud is rejected",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| claim(issuer, "aud", json!([])),
    ),
    rejected(
        "aud that only starts with the expected one is rejected",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| {
            let longer = format!("{}.evil.test", TestIssuer::AUDIENCE);
            claim(issuer, "aud", json!(longer))
        },
    ),
    rejected(
        "aud as a number is rejected",
        "RFC 7519 §4.1.3",
        Must,
        |issuer| claim(issuer, "aud", json!(42)),
    ),
    rejected(
        "a missing sub is rejected",
        "RFC 9068 §2.2",
        Should,
        |issuer| flawed(issuer, Flaw::SubjectMissing),
    ),
    rejected(
        "sub as a number is rejected",
        "RFC 7519 §4.1.2",
        Should,
        |issuer| claim(issuer, "sub", json!(42)),
    ),
    rejected(
        "an expired token is rejected",
        "RFC 7519 §4.1.4",
        Must,
        |issuer| flawed(issuer, Flaw::Expired),
    ),
    rejected("a missing exp is rejected", "RFC 9068 §4", Must, |issuer| {
        flawed(issuer, Flaw::ExpiryMissing)
    }),
    rejected(
        "exp as a string is rejected",
        "RFC 7519 §4.1.4; CVE-2026-25537",
        Must,
        |issuer| claim(issuer, "exp", json!("9999999999")),
    ),
    rejected(
        "exp as null is rejected",
        "RFC 7519 §4.1.4",
        Must,
        |issuer| claim(issuer, "exp", json!(null)),
    ),
    rejected(
        "a negative exp is rejected",
        "RFC 7519 §4.1.4",
        Must,
        |issuer| claim(issuer, "exp", json!(-1)),
    ),
    rejected(
        "exp beyond the range of a double is rejected",
        "RFC 8259 §6",
        Must,
        |issuer| literal(issuer, "exp", "1e400"),
    ),
    rejected(
        "a token that is not valid yet is rejected",
        "RFC 7519 §4.1.5",
        Must,
        |issuer| flawed(issuer, Flaw::NotYetValid),
    ),
    rejected(
        "nbf as a string is rejected",
        "RFC 7519 §4.1.5",
        Must,
        |issuer| claim(issuer, "nbf", json!("9999999999")),
    ),
    rejected(
        "a token issued in the future is rejected",
        "RFC 7519 §4.1.6",
        Should,
        |issuer| flawed(issuer, Flaw::IssuedInFuture),
    ),
    rejected(
        "a token that lives for ten years is rejected",
        "RFC 9700 §2.2.2",
        Should,
        |issuer| flawed(issuer, Flaw::LifetimeTooLong),
    ),
    rejected(
        "a token bound to a key (cnf) is rejected where no binding is checked",
        "RFC 7800 §3.1; RFC 9449 §7.1",
        Should,
        |issuer| flawed(issuer, Flaw::Bound),
    ),
    rejected(
        "a duplicate claim is rejected",
        "RFC 7519 §4, which also allows the last one",
        Should,
        |issuer| flawed(issuer, Flaw::DuplicateClaim),
    ),
    rejected(
        "a duplicate claim with an escape in its name is rejected",
        "RFC 7519 §4, which also allows the last one",
        Should,
        |issuer| {
            claims(issuer, |text| {
                text.replacen('{', r#"{"s\u0075b":"mallory","#, 1)
            })
        },
    ),
    accepted(
        "aud as a list that contains the expected one is accepted",
        "RFC 7519 §4.1.3",
        |issuer| {
            let both = json!(["https://other-service.test", TestIssuer::AUDIENCE]);
            claim(issuer, "aud", both)
        },
    ),
    accepted(
        "exp with a fraction is accepted",
        "RFC 7519 §2, NumericDate",
        |issuer| {
            let claims: Value = serde_json::from_str(&issuer.token().claims_json())?;
            let exp = claims.get("exp").ok_or("the token has no exp")?;
            literal(issuer, "exp", &format!("{exp}.5"))
        },
    ),
    accepted("an unknown claim is ignored", "RFC 7519 §4", |issuer| {
        claim(issuer, "urn:x", json!({ "a": [1, null] }))
    }),
];

const fn rejected(
    name: &'static str,
    source: &'static str,
    level: Level,
    create: CreateRequest,
) -> Case {
    case(Claims, name, source, (level, InvalidToken), create)
}

const fn accepted(name: &'static str, source: &'static str, create: CreateRequest) -> Case {
    case(Claims, name, source, (Must, Accepted), create)
}
