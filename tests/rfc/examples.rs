//! The examples that the RFCs print.

use std::time::Duration;

use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use countersign::jose::{Algorithm, KeySet, SigningKey, VerifyingKey};
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::token_builder::{decode_base64url, split};
use countersign_tests::{Harness, Key, Object, TokenBuilder, base64url, compact, key, keys};
use http::{HeaderValue, StatusCode};

/// RFC 8037 A.1: the private key.
const ED25519_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
/// RFC 8037 A.2: the public key.
const ED25519_JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn ed25519() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&decode_base64url(ED25519_D)).unwrap()
}

#[test]
fn thumbprint_of_rfc8037_a3_is_the_key_id() {
    // RFC 8037 A.3, RFC 7638 §3
    let pkcs8 = [
        &b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..],
        &decode_base64url(ED25519_D),
    ]
    .concat();
    let key = SigningKey::from_secret_bytes(Algorithm::EdDsa, &pkcs8).unwrap();
    assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let jwk = key.public_jwk().unwrap();
    assert!(
        jwk.starts_with(r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKx"#),
        "{jwk}"
    );
    assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap().id(), Some(key.id()));
}

#[test]
fn key_of_rfc8037_a2_verifies_and_its_example_is_not_a_token() {
    // RFC 8037 A.4 and A.5. The test keys produce the signature of the RFC, so other tests can rely on them.
    let test_key = Box::leak(Box::new(Key::ed25519("a2", ed25519())));
    let example = concat!(
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0Jzl",
        "nLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
    let signed = compact(r#"{"alg":"EdDSA"}"#, "Example of Ed25519 signing", test_key);
    assert_eq!(signed, example);
    let (input, signature) = split(example);
    let public = UnparsedPublicKey::new(&ED25519, test_key.public());
    assert!(public.verify(input.as_bytes(), &signature).is_ok());

    let harness =
        Harness::new(KeySet::new([VerifyingKey::from_jwk(ED25519_JWK).unwrap()]).unwrap());
    harness.send(example).rejected_unverified_because(
        Reason::ClaimsMalformed,
        "signed correctly, but without claims",
    );
    for builder in TokenBuilder::for_both_issuers() {
        harness
            .send(builder.key(test_key).token())
            .accepted("a token by the same key");
    }
}

#[test]
fn example_of_rfc7515_a1_lacks_what_an_access_token_needs() {
    // RFC 7515 A.1, RFC 7519 §3.1: HS256
    let secret = decode_base64url(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    );
    let example = concat!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAs",
        "DQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let test_key = Key::hmac(Algorithm::Hs256, "a1", &secret);
    let (input, signature) = split(example);
    assert_eq!(
        base64url(test_key.sign(input.as_bytes())),
        base64url(signature)
    );
    rejected_without_audience(test_key.verifying_key(), example);
}

#[test]
fn example_of_rfc7515_a2_lacks_what_an_access_token_needs() {
    // RFC 7515 A.2: RS256
    let n = concat!(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt",
        "0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX",
        "ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5",
        "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    );
    let example = concat!(
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl",
        "LmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZm",
        "h7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnby",
        "TyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEs",
        "qtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN",
        "_IoypGlUPQGe77Rw"
    );
    let (input, signature) = split(example);
    let public = aws_lc_rs::rsa::PublicKeyComponents {
        n: decode_base64url(n),
        e: vec![1, 0, 1],
    };
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, input.as_bytes(), &signature)
        .unwrap();
    let jwk = format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#);
    rejected_without_audience(VerifyingKey::from_jwk(&jwk).unwrap(), example);
}

#[test]
fn example_of_rfc7515_a3_lacks_what_an_access_token_needs() {
    // RFC 7515 A.3: ES256
    let (x, y) = (
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    );
    let example = concat!(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl",
        "LmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS",
        "lSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let (input, signature) = split(example);
    let point = [vec![4], decode_base64url(x), decode_base64url(y)].concat();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    assert!(public.verify(input.as_bytes(), &signature).is_ok());
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    rejected_without_audience(VerifyingKey::from_jwk(&jwk).unwrap(), example);
}

/// Asserts that an example is rejected because it has `iss` and `exp`, but no `aud` (RFC 8725 §3.9).
fn rejected_without_audience(key: VerifyingKey, example: &str) {
    let joe = TrustedIssuer::external("joe").audience("https://api.example");
    let joe = joe.keys(KeySet::new([key]).unwrap()).build().unwrap();
    let harness = Harness::with_issuers(Timestamp::from_unix_seconds(1_300_819_379), [joe]);
    harness
        .send(example)
        .rejected_unverified_because(Reason::AudienceMismatch, "no aud");
}

#[test]
fn rsa_key_of_rfc7638_is_accepted() {
    // RFC 7638 §3.1. The library computes thumbprints of signing keys only, and the RFC has no private key.
    let jwk = concat!(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1"#,
        "RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6C",
        "f0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD",
        "08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJ",
        r#"zKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
    );
    let key = VerifyingKey::from_jwk(jwk).unwrap();
    assert_eq!(
        (key.algorithm(), key.id()),
        (Algorithm::Rs256, Some("2011-04-29"))
    );
}

#[test]
fn key_ids_are_thumbprints_by_rfc7638() {
    // RFC 7638 §3: SHA-256 of the required members, sorted, without white space
    for algorithm in [
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Rs256,
    ] {
        let key = SigningKey::generate(algorithm, &countersign::random::SystemRandom).unwrap();
        let jwk: serde_json::Value = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
        let required = ["crv", "e", "kty", "n", "x", "y"];
        let members = required.iter().filter(|name| jwk.get(**name).is_some());
        let object = members.fold(Object::new(), |object, name| {
            object.set(name, jwk[*name].to_string())
        });
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, object.json().as_bytes());
        assert_eq!(key.id(), base64url(digest.as_ref()), "{algorithm}");
    }
}

#[test]
fn access_token_of_rfc9068_section_3_is_accepted() {
    // RFC 9068 §3: the header and claims of the example with a new signature. Its lifetime is 245 days.
    let header = r#"{"typ":"at+JWT","alg":"RS256","kid":"RjEwOwOA"}"#;
    let claims = r#"{
     "iss": "https://authorization-server.example.com/",
     "sub": "5ba552d67",
     "aud": "https://rs.example.com/",
     "exp": 1639528912,
     "iat": 1618354090,
     "jti" : "dbe39bf3a3ba4238a513f51d6e1691c4",
     "client_id": "s6BhdRkqt3",
     "scope": "openid profile reademail"
   }"#;
    let rs256 = key(Algorithm::Rs256);
    let issuer = || {
        let keys = KeySet::new([rs256.verifying_key().with_id("RjEwOwOA").unwrap()]).unwrap();
        TrustedIssuer::external("https://authorization-server.example.com/")
            .audience("https://rs.example.com/")
            .keys(keys)
    };
    let now = Timestamp::from_unix_seconds(1_618_354_100);
    let year = issuer().max_lifetime(Duration::from_secs(366 * 24 * 3600));
    let observed =
        Harness::with_issuers(now, [year.build().unwrap()]).send(compact(header, claims, rs256));
    let principal = observed.accepted("as printed").principal.clone().unwrap();
    assert_eq!(principal.subject(), "5ba552d67");
    assert_eq!(principal.scopes().as_str(), "openid profile reademail");
    assert_eq!(
        principal.claim::<String>("client_id").as_deref(),
        Some("s6BhdRkqt3")
    );

    let day = Harness::with_issuers(now, [issuer().build().unwrap()]);
    let observed = day.send(compact(header, claims, rs256));
    observed.rejected_unverified_because(Reason::LifetimeTooLong, "a day is the default");
}

#[test]
fn credentials_of_rfc6750_get_the_responses_of_section_3() {
    // RFC 6750 §2.1 and §3, RFC 9110 §11.1
    let harness = Harness::new(keys::key_set(keys::public_keys()));
    harness
        .send("mF_9.B5f-4.1JqM")
        .rejected_unverified("the token of RFC 6750 §2.1, which is not a JWT");
    let nothing = harness.send_headers(&[]);
    nothing.rejected_with(
        "nothing",
        StatusCode::UNAUTHORIZED,
        r#"Bearer realm="countersign""#,
    );
    let token = TokenBuilder::own().token();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let value = HeaderValue::try_from(format!("{scheme} {token}")).unwrap();
        harness
            .send_headers(std::slice::from_ref(&value))
            .accepted(scheme);
        harness
            .send_headers(&[value.clone(), value])
            .malformed("twice");
    }
}
