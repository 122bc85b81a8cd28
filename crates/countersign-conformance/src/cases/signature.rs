//! The signature, and the choice of the key.

use countersign::jose::{Algorithm, SigningKey};
use countersign::random::SystemRandom;
use countersign::testing::Flaw;

use super::request::{bearer, encode, flawed, header, parts};
use crate::case::cases;

cases! {
    Signature;
    Must InvalidToken "alg none without a signature is rejected", "RFC 8725 §3.1; CVE-2015-9235":
        |issuer| flawed(issuer, Flaw::AlgorithmNone);
    Must InvalidToken "alg nOnE without a signature is rejected", "RFC 8725 §3.1; CVE-2020-28042":
        |issuer| parts(issuer, |_, claims, _| format!("{}.{claims}.", encode(r#"{"alg":"nOnE","typ":"at+jwt"}"#)));
    Must InvalidToken "alg none with a valid token's signature is rejected", "RFC 8725 §3.1":
        |issuer| parts(issuer, |_, claims, signature| {
            let header = encode(r#"{"alg":"none","typ":"at+jwt"}"#);
            format!("{header}.{claims}.{signature}")
        });
    Must InvalidToken "a missing alg is rejected", "RFC 7515 §4.1.1":
        |issuer| flawed(issuer, Flaw::AlgorithmMissing);
    Must InvalidToken "alg as a list is rejected", "RFC 7515 §4.1.1":
        |issuer| header(issuer, "alg", ["EdDSA"]);
    Must InvalidToken "alg in another case is rejected", "RFC 7515 §4.1.1":
        |issuer| header(issuer, "alg", "eddsa");
    Must InvalidToken "alg that does not match the key of the kid is rejected", "RFC 8725 §3.1":
        |issuer| header(issuer, "alg", "ES256");
    Must InvalidToken "HS256 with the public key as secret is rejected", "RFC 8725 §3.1; CVE-2026-48526":
        |issuer| flawed(issuer, Flaw::AlgorithmConfusion);
    Must InvalidToken "a key in the header (jwk) is not used", "RFC 8725 §3.10; CVE-2018-0114":
        |issuer| flawed(issuer, Flaw::KeyInHeader);
    Must InvalidToken "a key URL in the header (jku) is not used", "RFC 8725 §3.10; CVE-2024-21643":
        |issuer| flawed(issuer, Flaw::KeyUrlInHeader);
    Must InvalidToken "a certificate in the header (x5c) is not used", "RFC 8725 §3.10":
        |issuer| {
            let unknown = SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?;
            bearer(issuer.token().key(unknown).header("x5c", ["AA=="]).sign())
        };
    Should InvalidToken "a missing kid is rejected where the issuer has several keys", "RFC 7515 §4.1.4":
        |issuer| flawed(issuer, Flaw::KeyIdMissing);
    Must InvalidToken "an unknown kid is rejected", "RFC 7515 §6":
        |issuer| flawed(issuer, Flaw::KeyIdUnknown);
    Must InvalidToken "kid as a number is rejected", "RFC 7515 §4.1.4":
        |issuer| header(issuer, "kid", 0);
    Must InvalidToken "kid as a path is rejected", "RFC 8725 §3.10":
        |issuer| header(issuer, "kid", "../../../../dev/null");
    Must InvalidToken "a signature by another key under a known kid is rejected", "RFC 7515 §5.2":
        |issuer| flawed(issuer, Flaw::SignedByUnknownKey);
    Must InvalidToken "a claim changed after signing is rejected", "RFC 7515 §5.2":
        |issuer| flawed(issuer, Flaw::ClaimChanged);
    Must InvalidToken "an empty signature is rejected", "RFC 7515 §5.2":
        |issuer| parts(issuer, |header, claims, _| format!("{header}.{claims}."));
    Must InvalidToken "a signature of zeros is rejected", "RFC 7515 §5.2; CVE-2022-21449":
        |issuer| parts(issuer, |header, claims, signature| {
            format!("{header}.{claims}.{}", "A".repeat(signature.len()))
        });
    Must Accepted "an unknown member of the header is ignored", "RFC 7515 §4":
        |issuer| header(issuer, "x", "y");
}
