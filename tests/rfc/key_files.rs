//! Keys from PEM and DER files, and HMAC secrets.

use countersign::jose::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey};
use countersign::mechanism::Jwt;
use countersign::testing::TestIssuer;
use countersign::time::{Clock as _, SystemClock};
use countersign::token::TrustedIssuer;
use countersign_tests::keys::pem;
use countersign_tests::token_builder::with_signature;
use countersign_tests::{Harness, Key, TokenBuilder, key, keys};

use crate::jwks::{modulus, roca};

#[test]
fn public_key_file_is_rejected_when_it_has_other_content() {
    // RFC 8725 §3.1 and §3.4, for keys from files
    let es256 = key(Algorithm::Es256);
    let rsa = key(Algorithm::Rs256);
    let ed = key(Algorithm::EdDsa);
    let spki = |key: &Key| pem("PUBLIC KEY", &key.spki(), "\n");
    for key in [es256, rsa, ed] {
        assert!(VerifyingKey::from_pem(key.algorithm, spki(key).as_bytes()).is_ok());
        for &other in Algorithm::ALL {
            let (pem, der) = (spki(key), key.spki());
            let rsa = |a: Algorithm| a.as_str().starts_with("RS") || a.as_str().starts_with("PS");
            let fits = other == key.algorithm || (rsa(other) && rsa(key.algorithm));
            let case = format!("{} as {other}", key.algorithm);
            assert_eq!(
                VerifyingKey::from_pem(other, pem.as_bytes()).is_ok(),
                fits,
                "{case}"
            );
            assert_eq!(VerifyingKey::from_der(other, &der).is_ok(), fits, "{case}");
        }
        let point = VerifyingKey::from_der(key.algorithm, &key.public());
        assert_eq!(
            point.is_ok(),
            key.algorithm == Algorithm::Rs256,
            "raw key as DER"
        );
        assert!(VerifyingKey::from_der(key.algorithm, &key.spki()[1..]).is_err());
        let certificate = pem("CERTIFICATE", &key.spki(), "\n");
        assert!(VerifyingKey::from_pem(key.algorithm, certificate.as_bytes()).is_err());
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
            let private = pem(label, &key.spki(), "\n");
            let error = VerifyingKey::from_pem(key.algorithm, private.as_bytes()).unwrap_err();
            assert_eq!(error, KeyError::Private, "{label}");
        }
        for nothing in [
            "",
            "PUBLIC KEY",
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        ] {
            assert!(VerifyingKey::from_pem(key.algorithm, nothing.as_bytes()).is_err());
        }
    }
    let weak = der_rsa(&modulus(1024));
    assert!(
        VerifyingKey::from_der(Algorithm::Rs256, &weak).is_err(),
        "1024 bits"
    );
    assert!(
        VerifyingKey::from_der(Algorithm::Rs256, &der_rsa(&roca())).is_err(),
        "ROCA"
    );
    assert!(
        VerifyingKey::from_der(Algorithm::Rs256, &der_rsa(&modulus(2048))).is_ok(),
        "control"
    );
}

/// `RSAPublicKey` (RFC 8017 A.1.1) of a modulus whose first bit is set, and 65537.
fn der_rsa(modulus: &[u8]) -> Vec<u8> {
    let long = |tag: u8, content: &[u8]| {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, high, low], content].concat()
    };
    let n = long(2, &[&[0], modulus].concat());
    long(0x30, &[&n[..], &[2, 3, 1, 0, 1]].concat())
}

#[test]
fn ed25519_key_is_rejected_when_its_point_is_not_on_the_curve() {
    // RFC 8032 §5.1.3: no point has y = 2, or a y that exceeds the field.
    let mut off = [0; 32];
    off[0] = 2;
    let mut beyond = [0xff; 32];
    beyond[31] = 0x7f;
    for y in [off, beyond] {
        let x = countersign_tests::base64url(y);
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
        let loaded = VerifyingKey::from_jwk(&jwk);
        assert_eq!(loaded.err(), Some(KeyError::Malformed), "{jwk}");
    }
}

#[test]
fn ed25519_key_of_small_order_is_rejected() {
    // RFC 8725 §3.4, RFC 7748 §7: with a key of small order, signatures can be forged without a private key. With the
    // neutral element as the key, R = neutral element and S = 0 is valid for every message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let jwk = |y: &[u8]| {
        let x = countersign_tests::base64url(y);
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"kid-eddsa","x":"{x}"}}"#)
    };
    if let Ok(key) = VerifyingKey::from_jwk(&jwk(&neutral)) {
        let forged = with_signature(&TokenBuilder::own().token(), [neutral, [0; 32]].concat());
        Harness::new(KeySet::new([key]).unwrap())
            .send(forged)
            .rejected("signed without a private key");
    }
    let small = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    for hex in small {
        let bytes = (0..64)
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap());
        let mut y: Vec<u8> = bytes.collect();
        for sign in [0, 0x80] {
            y[31] |= sign;
            assert!(
                VerifyingKey::from_jwk(&jwk(&y)).is_err(),
                "{hex}, sign {sign}"
            );
        }
    }
}

#[test]
fn hmac_secret_is_rejected_when_it_is_short_or_known() {
    // RFC 7518 §3.2; wallarm/jwt-secrets
    let good: Vec<u8> = (0..64u8).map(|i| i.wrapping_mul(37) ^ 0x5a).collect();
    let lengths = [
        (Algorithm::Hs256, 32),
        (Algorithm::Hs384, 48),
        (Algorithm::Hs512, 64),
    ];
    for (algorithm, length) in lengths {
        assert!(VerifyingKey::hmac(algorithm, &good[..length]).is_ok());
        assert!(SigningKey::from_secret_bytes(algorithm, &good[..length]).is_ok());
        for short in [0, 1, 16, 31, length - 1] {
            let error = VerifyingKey::hmac(algorithm, &good[..short]).unwrap_err();
            assert_eq!(
                error,
                KeyError::WeakSecret,
                "{algorithm} with {short} bytes"
            );
            assert!(SigningKey::from_secret_bytes(algorithm, &good[..short]).is_err());
        }
        for known in known_secrets(length) {
            let error = VerifyingKey::hmac(algorithm, &known).unwrap_err();
            let case = format!("{algorithm}: {:?}", String::from_utf8_lossy(&known));
            assert_eq!(error, KeyError::WeakSecret, "{case}");
            assert!(
                SigningKey::from_secret_bytes(algorithm, &known).is_err(),
                "{case}"
            );
        }
    }
    for algorithm in keys::public_keys().map(|key| key.algorithm) {
        assert_eq!(
            VerifyingKey::hmac(algorithm, &good).unwrap_err(),
            KeyError::Algorithm
        );
    }
}

#[test]
fn hmac_secret_is_rejected_when_it_is_in_a_public_list() {
    // Some secrets in wallarm/jwt-secrets that are long enough to be accepted otherwise.
    let leaked = [
        "reallyreallyreallyreallyverysafe",
        "serucity_is_secure_beacuse_it_is",
        "<random_string_at_least_32_characters_long>",
    ];
    for secret in leaked {
        let key = VerifyingKey::hmac(Algorithm::Hs256, secret.as_bytes());
        assert_eq!(key.err(), Some(KeyError::WeakSecret), "{secret}");
    }
}

const PUBLISHED_32: &str = "%^&kwicms319842__71839^HBSksmdil";
const PUBLISHED_26: &str = "1728gj3591bbqwer0293aass84";
const PUBLISHED_119: &str = "*kgKvcwda$szu7XaAzKazzB##2qYnKqL7FnNWkX*9$c6PQJFp@jkFhRV#wGIFRdar9MdITjBCCUu*k#Z#T2ek&\
                             AHHx8UwWU*3j%fqLkUzR6QcmI!WUGE9";

#[test]
fn hmac_secret_is_rejected_when_hmac_sees_a_published_one() {
    let padded = |secret: &str, length: usize, padding: u8| {
        let mut padded = secret.as_bytes().to_vec();
        padded.resize(length.max(padded.len()), padding);
        padded
    };
    // From wallarm/jwt-secrets: 32 bytes, 26 bytes, which are too short by themselves, and 19.
    for secret in [PUBLISHED_32, PUBLISHED_26, "your-256-bit-secret"] {
        for (length, padding) in [
            (32, 0),
            (33, 0),
            (64, 0),
            (65, 0),
            (40, b' '),
            (33, b'\n'),
            (33, 0x0b),
        ] {
            let secret = padded(secret, length, padding);
            let key = VerifyingKey::hmac(Algorithm::Hs256, &secret);
            assert_eq!(key.err(), Some(KeyError::WeakSecret), "{secret:?}");
        }
    }
    let surrounded = format!("\r\n\t {PUBLISHED_32} \0\n");
    let key = VerifyingKey::hmac(Algorithm::Hs256, surrounded.as_bytes());
    assert_eq!(key.err(), Some(KeyError::WeakSecret));
    // HMAC hashes secrets that are longer than a block.
    let long = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, PUBLISHED_119.as_bytes());
    let key = VerifyingKey::hmac(Algorithm::Hs256, long.as_ref());
    assert_eq!(key.err(), Some(KeyError::WeakSecret));
}

#[test]
fn random_hmac_secret_may_end_with_zeros_and_white_space() {
    for end in [&[0][..], b"\n", b" \0\0\t"] {
        let mut secret = *b"5t8Qk2nV0cXw7Lr9mB4yHf1sJd6gAe3Z";
        secret[32 - end.len()..].copy_from_slice(end);
        assert!(
            VerifyingKey::hmac(Algorithm::Hs256, &secret).is_ok(),
            "{end:?}"
        );
    }
}

fn known_secrets(length: usize) -> Vec<Vec<u8>> {
    let texts = [
        "a-string-secret-at-least-256-bits-long",
        "a-string-secret-at-least-256-bits-long\n",
        " a-string-secret-at-least-256-bits-long",
        "a-valid-string-secret-that-is-at-least-384-bits-long",
        "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "your-256-bit-secret",
        "your-384-bit-secret",
        "your-512-bit-secret",
        "secret",
        "",
    ];
    let patterns = [
        vec![0; length],
        vec![0xff; length],
        b"secret".repeat(length),
        b"0123".repeat(length),
    ];
    texts
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain(patterns)
        .collect()
}

#[test]
fn pem_is_read_indented_with_escaped_line_ends_and_with_a_byte_order_mark() {
    for key in [
        key(Algorithm::Es256),
        key(Algorithm::Rs256),
        key(Algorithm::EdDsa),
    ] {
        let plain = pem("PUBLIC KEY", &key.spki(), "\n");
        for text in [
            plain.replace('\n', "\n    "),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\\n"),
            plain.replace('\n', "\\r\\n"),
            format!("\u{feff}{plain}"),
            format!("  {plain}\n\n"),
            format!("# the key\n{plain}"),
        ] {
            assert!(
                VerifyingKey::from_pem(key.algorithm, text.as_bytes()).is_ok(),
                "{text}"
            );
        }
    }
    let pkcs1 = pem("RSA PUBLIC KEY", &key(Algorithm::Rs256).public(), "\n");
    assert!(VerifyingKey::from_pem(Algorithm::Rs256, pkcs1.as_bytes()).is_ok());
    assert!(VerifyingKey::from_pem(Algorithm::Es256, pkcs1.as_bytes()).is_err());
}

/// Certificates with an RSA and an EC key, self-signed with `openssl req -x509`, and the private keys of both.
const CERTIFICATES: &str = include_str!("certificates.pem");

/// Returns the section with this label, counted from 0.
fn section(label: &str, index: usize) -> String {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let rest = CERTIFICATES.split(&begin).nth(index + 1).unwrap();
    format!("{begin}{}{end}\n", rest.split(&end).next().unwrap())
}

#[test]
fn key_of_a_certificate_verifies_what_the_private_key_in_each_form_signs() {
    for (algorithm, index, old_label) in [
        (Algorithm::Rs256, 0, "RSA PRIVATE KEY"),
        (Algorithm::Es256, 1, "EC PRIVATE KEY"),
    ] {
        let public =
            VerifyingKey::from_pem(algorithm, section("CERTIFICATE", index).as_bytes()).unwrap();
        let new =
            SigningKey::from_pem(algorithm, section("PRIVATE KEY", index).as_bytes()).unwrap();
        let old = SigningKey::from_pem(algorithm, section(old_label, 0).as_bytes()).unwrap();
        // The key id is the thumbprint of the public key.
        assert_eq!(new.id(), old.id());
        let issuer = TestIssuer::start(SystemClock).unwrap();
        let token = issuer.token().key(old).header("alg", algorithm.as_str());
        let trusted = TrustedIssuer::external(issuer.url()).audience(TestIssuer::AUDIENCE);
        let trusted = trusted.keys(KeySet::new([public]).unwrap()).build();
        let verified =
            Jwt::new([trusted.unwrap()]).introspect(&token.sign().unwrap(), SystemClock.now());
        assert_eq!(verified.unwrap().subject(), "alice", "{algorithm}");
        for other in [Algorithm::EdDsa, Algorithm::Es384] {
            let wrong = VerifyingKey::from_pem(other, section("CERTIFICATE", index).as_bytes());
            assert_eq!(wrong.err(), Some(KeyError::Malformed), "{other}");
        }
    }
}

#[test]
fn message_names_what_a_pem_file_has_and_what_is_wanted() {
    let public = pem("PUBLIC KEY", &key(Algorithm::Es256).spki(), "\n");
    let cases = [
        (
            pem("CERTIFICATE REQUEST", b"x", "\n"),
            "CERTIFICATE REQUEST",
        ),
        ("ssh-ed25519 AAAA".to_owned(), "no PEM section"),
        (String::new(), "no PEM section"),
        (pem("PGP MESSAGE", b"x", "\n"), "another kind"),
        (format!("{public}{public}"), "several"),
        (
            "-----BEGIN PUBLIC KEY-----\nnot base64!\n-----END PUBLIC KEY-----".to_owned(),
            "not base64",
        ),
    ];
    for (text, found) in cases {
        let error = VerifyingKey::from_pem(Algorithm::Es256, text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(found) && error.contains("one section PUBLIC KEY"),
            "{error}"
        );
        let error = SigningKey::from_pem(Algorithm::Es256, text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains("PRIVATE KEY"), "{error}");
    }
    let error = SigningKey::from_pem(Algorithm::Es256, public.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("found PUBLIC KEY"), "{error}");
}

#[test]
fn pem_is_rejected_when_it_contains_two_keys() {
    // In a rotation, the second one would silently be ignored.
    let pem = pem("PUBLIC KEY", &key(Algorithm::Es256).spki(), "\n");
    assert!(VerifyingKey::from_pem(Algorithm::Es256, pem.as_bytes()).is_ok());
    let two = format!("{pem}{pem}");
    let key = VerifyingKey::from_pem(Algorithm::Es256, two.as_bytes());
    assert_eq!(
        key.err(),
        Some(KeyError::NotAPublicKey("several PEM sections"))
    );
}
