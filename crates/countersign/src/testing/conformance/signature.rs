//! Signature, and choice of the key.

use serde_json::json;

use super::Expected::{Accepted, InvalidToken};
use super::Group::Signature;
use super::Level::{self, Must, Should};
use super::case::{Case, Make, case};
use super::crafted::{encode, flawed, header, parts};
use crate::testing::Flaw;

pub(super) const CASES: &[Case] = &[
    refused(
        "alg none without a signature is refused",
        "RFC 8725 §3.1; CVE-2015-9235",
        Must,
        |issuer| flawed(issuer, Flaw::AlgorithmNone),
    ),
    refused(
        "alg nOnE without a signature is refused",
        "RFC 8725 §3.1; CVE-2020-28042",
        Must,
        |issuer| {
            parts(issuer, |_, claims, _| {
                format!("{}.{claims}.", encode(r#"{"alg":"nOnE","typ":"at+jwt"}"#))
            })
        },
    ),
    refused(
        "alg none with the good token's signature is refused",
        "RFC 8725 §3.1",
        Must,
        |issuer| {
            parts(issuer, |_, claims, signature| {
                let header = encode(r#"{"alg":"none","typ":"at+jwt"}"#);
                format!("{header}.{claims}.{signature}")
            })
        },
    ),
    refused("no alg is refused", "RFC 7515 §4.1.1", Must, |issuer| {
        flawed(issuer, Flaw::AlgorithmMissing)
    }),
    refused(
        "alg as a list is refused",
        "RFC 7515 §4.1.1",
        Must,
        |issuer| header(issuer, "alg", json!(["EdDSA"])),
    ),
    refused(
        "alg in another case is refused",
        "RFC 7515 §4.1.1",
        Must,
        |issuer| header(issuer, "alg", json!("eddsa")),
    ),
    refused(
        "alg of another kind of key than the kid's is refused",
        "RFC 8725 §3.1",
        Must,
        |issuer| header(issuer, "alg", json!("ES256")),
    ),
    refused(
        "HS256 with the public key as secret is refused",
        "RFC 8725 §3.1; CVE-2026-48526",
        Must,
        |issuer| flawed(issuer, Flaw::AlgorithmConfused),
    ),
    refused(
        "a key in the header (jwk) is not used",
        "RFC 8725 §3.10; CVE-2018-0114",
        Should,
        |issuer| flawed(issuer, Flaw::KeyInHeader),
    ),
    refused(
        "a stranger's key in the header (jwk) is not used",
        "RFC 8725 §3.10; CVE-2018-0114",
        Must,
        |issuer| {
            let mut token = issuer.token();
            let stranger = crate::jose::SigningKey::generate(
                token.key.algorithm(),
                &crate::random::SystemRandom,
            )?;
            let jwk = stranger.public_jwk().unwrap_or_default();
            token.key = stranger;
            token
                .header
                .insert("jwk".to_owned(), serde_json::from_str(&jwk)?);
            super::case::bearer(token.sign())
        },
    ),
    refused(
        "a URL of keys in the header (jku) is refused",
        "RFC 8725 §3.10; CVE-2024-21643",
        Should,
        |issuer| flawed(issuer, Flaw::KeyUrlInHeader),
    ),
    refused(
        "a certificate in the header (x5c) is refused",
        "RFC 8725 §3.10",
        Should,
        |issuer| header(issuer, "x5c", json!(["AA=="])),
    ),
    refused(
        "no kid is refused where there are several keys",
        "RFC 7515 §4.1.4",
        Should,
        |issuer| flawed(issuer, Flaw::KeyIdMissing),
    ),
    refused("an unknown kid is refused", "RFC 7515 §6", Must, |issuer| {
        flawed(issuer, Flaw::KeyIdUnknown)
    }),
    refused(
        "kid as a number is refused",
        "RFC 7515 §4.1.4",
        Must,
        |issuer| header(issuer, "kid", json!(0)),
    ),
    refused(
        "kid as a path is refused",
        "RFC 8725 §3.10",
        Must,
        |issuer| header(issuer, "kid", json!("../../../../dev/null")),
    ),
    refused(
        "a stranger's signature under a known kid is refused",
        "RFC 7515 §5.2",
        Must,
        |issuer| flawed(issuer, Flaw::SignedByStranger),
    ),
    refused(
        "a claim changed after signing is refused",
        "RFC 7515 §5.2",
        Must,
        |issuer| flawed(issuer, Flaw::ClaimChanged),
    ),
    refused(
        "an empty signature is refused",
        "RFC 7515 §5.2",
        Must,
        |issuer| parts(issuer, |header, claims, _| format!("{header}.{claims}.")),
    ),
    refused(
        "a signature of zeros is refused",
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

const fn refused(name: &'static str, source: &'static str, level: Level, make: Make) -> Case {
    case(Signature, name, source, (level, InvalidToken), make)
}
