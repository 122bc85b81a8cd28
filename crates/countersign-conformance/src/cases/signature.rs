//! The signature, and the choice of the key.

use countersign::jose::{Algorithm, SigningKey};
use countersign::random::SystemRandom;
use countersign::testing::Flaw;
use serde_json::json;

use super::request::{bearer, encode, flawed, header, parts};
use crate::Expected::{Accepted, InvalidToken};
use crate::Group::Signature;
use crate::Level::{self, Must, Should};
use crate::case::{Case, CreateRequest, case};

pub(crate) const CASES: &[Case] = &[
    rejected(
        "alg none without a signature is rejected",
        "RFC 8725 §3.1; CVE-2015-9235",
        Must,
        |issuer| flawed(issuer, Flaw::AlgorithmNone),
    ),
    rejected(
        "alg nOnE without a signature is rejected",
        "RFC 8725 §3.1; CVE-2020-28042",
        Must,
        |issuer| {
            parts(issuer, |_, claims, _| {
                format!("{}.{claims}.", encode(r#"{"alg":"nOnE","typ":"at+jwt"}"#))
            })
        },
    ),
    rejected(
        "alg none with a valid token's signature is rejected",
        "RFC 8725 §3.1",
        Must,
        |issuer| {
            parts(issuer, |_, claims, signature| {
                let header = encode(r#"{"alg":"none","typ":"at+jwt"}"#);
                format!("{header}.{claims}.{signature}")
            })
        },
    ),
    rejected(
        "a missing alg is rejected",
        "RFC 7515 §4.1.1",
        Must,
        |issuer| flawed(issuer, Flaw::AlgorithmMissing),
    ),
    rejected(
        "alg as a list is rejected",
        "RFC 7515 §4.1.1",
        Must,
        |issuer| header(issuer, "alg", json!(["EdDSA"])),
    ),
    rejected(
        "alg in another case is rejected",
        "RFC 7515 §4.1.1",
        Must,
        |issuer| header(issuer, "alg", json!("eddsa")),
    ),
    rejected(
        "alg that does not match the key of the kid is rejected",
        "RFC 8725 §3.1",
        Must,
        |issuer| header(issuer, "alg", json!("ES256")),
    ),
    rejected(
        "HS256 with the public key as secret is rejected",
        "RFC 8725 §3.1; CVE-2026-48526",
        Must,
        |issuer| flawed(issuer, Flaw::AlgorithmConfusion),
    ),
    rejected(
        "a key in the header (jwk) is not used",
        "RFC 8725 §3.10; CVE-2018-0114",
        Should,
        |issuer| flawed(issuer, Flaw::KeyInHeader),
    ),
    rejected(
        "an unknown key in the header (jwk) is not used",
        "RFC 8725 §3.10; CVE-2018-0114",
        Must,
        |issuer| {
            let unknown = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
            let jwk = unknown.public_jwk().unwrap_or_default();
            let jwk: serde_json::Value = serde_json::from_str(&jwk)?;
            bearer(issuer.token().key(unknown).header("jwk", jwk).sign())
        },
    ),
    rejected(
        "a key URL in the header (jku) is rejected",
        "RFC 8725 §3.10; CVE-2024-21643",
        Should,
        |issuer| flawed(issuer, Flaw::KeyUrlInHeader),
    ),
    rejected(
        "a certificate in the header (x5c) is rejected",
        "RFC 8725 §3.10",
        Should,
        |issuer| header(issuer, "x5c", json!(["AA=="])),
    ),
    rejected(
        "a missing kid is rejected where the issuer has several keys",
        "RFC 7515 §4.1.4",
        Should,
        |issuer| flawed(issuer, Flaw::KeyIdMissing),
    ),
    rejected(
        "an unknown kid is rejected",
        "RFC 7515 §6",
        Must,
        |issuer| flawed(issuer, Flaw::KeyIdUnknown),
    ),
    rejected(
        "kid as a number is rejected",
        "RFC 7515 §4.1.4",
        Must,
        |issuer| header(issuer, "kid", json!(0)),
    ),
    rejected(
        "kid as a path is rejected",
        "RFC 8725 §3.10",
        Must,
        |issuer| header(issuer, "kid", json!("../../../../dev/null")),
    ),
    rejected(
        "a signature by another key under a known kid is rejected",
        "RFC 7515 §5.2",
        Must,
        |issuer| flawed(issuer, Flaw::SignedByUnknownKey),
    ),
    rejected(
        "a claim changed after signing is rejected",
        "RFC 7515 §5.2",
        Must,
        |issuer| flawed(issuer, Flaw::ClaimChanged),
    ),
    rejected(
        "an empty signature is rejected",
        "RFC 7515 §5.2",
        Must,
        |issuer| parts(issuer, |header, claims, _| format!("{header}.{claims}.")),
    ),
    rejected(
        "a signature of zeros is rejected",
        "RFC 7515 §5.2; CVE-2022-21449",
        Must,
        |issuer| {
            parts(issuer, |header, claims, signature| {
                format!("{header}.{claims}.{}", "A".repeat(signature.len()))
            })
        },
    ),
    case(
        Signature,
        "an unknown member of the header is ignored",
        "RFC 7515 §4",
        (Must, Accepted),
        |issuer| header(issuer, "x", json!("y")),
    ),
];

const fn rejected(
    name: &'static str,
    source: &'static str,
    level: Level,
    create: CreateRequest,
) -> Case {
    case(Signature, name, source, (level, InvalidToken), create)
}
