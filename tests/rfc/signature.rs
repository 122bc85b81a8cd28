//! Algorithms and signatures.

use countersign::jose::{Algorithm, KeySet, VerifyingKey};
use countersign::rejection::Reason;
use countersign_tests::keys::pem;
use countersign_tests::token_builder::{split, with_signature};
use countersign_tests::{Harness, Key, TokenBuilder, base64url, compact, harness, key};

#[test]
fn bearer_is_rejected_when_its_algorithm_is_none() {
    // RFC 8725 §3.1; CVE-2015-9235, CVE-2020-28042
    let names = [
        "none",
        "None",
        "nOnE",
        "NONE",
        " none",
        "none ",
        "\\u006eone",
        "none\\u0000",
        "",
    ];
    for name in names {
        for builder in TokenBuilder::for_both_issuers() {
            for builder in [builder.clone(), builder.clone().without_header("kid")] {
                let real = builder.header("alg", format!("\"{name}\"")).token();
                let (input, _) = split(&real);
                for token in [format!("{input}."), format!("{input}.AAAA"), real.clone()] {
                    for harness in [&harness::PUBLIC_KEYS, &harness::HMAC_KEYS] {
                        harness
                            .send(&token)
                            .rejected_unverified(&format!("{name:?}: {token}"));
                    }
                }
            }
        }
    }
    for &algorithm in Algorithm::ALL {
        for builder in TokenBuilder::for_both_issuers() {
            let token = builder.key(key(algorithm)).token();
            let (input, _) = split(&token);
            for harness in [&harness::PUBLIC_KEYS, &harness::HMAC_KEYS] {
                let empty = harness.send(format!("{input}."));
                empty.rejected_unverified(&format!("{algorithm} without a signature"));
            }
        }
    }
}

#[test]
fn bearer_is_rejected_when_its_algorithm_is_missing_or_misspelt() {
    // RFC 7515 §4.1.1: names are case-sensitive.
    let values = [
        "null",
        "0",
        "[\"ES256\"]",
        "\"es256\"",
        "\"ES256 \"",
        "\" ES256\"",
        "\"Es256\"",
        "{}",
        "true",
        "\"\"",
        "\"ES256\\u0000\"",
        "\"ES255\"",
        "\"ES256K\"",
        "\"ES511\"",
        "\"SHA256\"",
        "\"ES25\"",
        "\"ES2566\"",
    ];
    for builder in TokenBuilder::for_both_issuers() {
        let builder = builder.key(key(Algorithm::Es256));
        harness::PUBLIC_KEYS
            .send(builder.token())
            .accepted("control");
        for value in values {
            let token = builder.clone().header("alg", value).token();
            harness::PUBLIC_KEYS.send(token).rejected_unverified(value);
            let token = builder
                .clone()
                .without_header("kid")
                .header("alg", value)
                .token();
            harness::PUBLIC_KEYS
                .send(token)
                .rejected_unverified(&format!("{value}, no kid"));
        }
        let token = builder.clone().without_header("alg").token();
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::AlgorithmRejected, "no alg");
        // Member names are case-sensitive too (RFC 7515 §4).
        let token = builder
            .without_header("alg")
            .header("Alg", "\"ES256\"")
            .token();
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::AlgorithmRejected, "Alg");
    }
}

/// The encodings of a public key that verifiers have used as an HMAC secret.
fn as_secrets(key: &Key) -> Vec<(String, Vec<u8>)> {
    let mut forms: Vec<(String, Vec<u8>)> = vec![
        ("SPKI DER".into(), key.spki()),
        ("public key".into(), key.public()),
        (
            "public key in base64url".into(),
            base64url(key.public()).into(),
        ),
        ("JWK".into(), key.jwk(&[]).into()),
        ("JWK with kid".into(), key.jwk(&[("kid", "\"k\"")]).into()),
        (
            "JWKS".into(),
            format!("{{\"keys\":[{}]}}", key.jwk(&[])).into(),
        ),
    ];
    let mut pems = vec![("SPKI", "PUBLIC KEY", key.spki())];
    match key.algorithm {
        Algorithm::EdDsa => {}
        Algorithm::Es256 | Algorithm::Es384 => {
            let point = key.public();
            let (x, y) = point[1..].split_at(point.len() / 2);
            forms.push(("x".into(), x.to_vec()));
            forms.push(("y".into(), y.to_vec()));
            forms.push(("x‖y".into(), point[1..].to_vec()));
            forms.push(("x in base64url".into(), base64url(x).into()));
        }
        _ => {
            forms.push(("modulus".into(), key.modulus()));
            forms.push(("0‖modulus".into(), [&[0][..], &key.modulus()].concat()));
            forms.push((
                "modulus in base64url".into(),
                base64url(key.modulus()).into(),
            ));
            pems.push(("PKCS #1", "RSA PUBLIC KEY", key.public()));
        }
    }
    for (form, label, der) in pems {
        let lf = pem(label, &der, "\n");
        forms.push((format!("{form} PEM"), lf.clone().into()));
        forms.push((format!("{form} PEM, trimmed"), lf.trim().into()));
        forms.push((
            format!("{form} PEM with CRLF"),
            pem(label, &der, "\r\n").into(),
        ));
        forms.push((
            format!("{form} PEM with leading space"),
            format!(" {lf}").into(),
        ));
        forms.push((
            format!("{form} PEM with leading line"),
            format!("\n{lf}").into(),
        ));
    }
    forms
}

#[track_caller]
fn rejected_as_secrets(public: &'static Key) {
    let alone = Harness::new(KeySet::new([public.verifying_key()]).unwrap());
    for (form, secret) in as_secrets(public) {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let forger = Key::hmac(algorithm, public.kid, &secret);
            for builder in TokenBuilder::for_both_issuers() {
                let named = builder.header.set_text("alg", algorithm.as_str());
                for header in [
                    named.clone().set_text("kid", public.kid),
                    named.without("kid"),
                ] {
                    let token = compact(header.json(), builder.claims.json(), &forger);
                    let case = format!("{algorithm} by {} as {form}", public.algorithm);
                    alone.send(&token).rejected_unverified(&case);
                    harness::PUBLIC_KEYS.send(&token).rejected_unverified(&case);
                    // A verifier with HMAC keys finds an invalid signature or no key.
                    harness::HMAC_KEYS.send(&token).rejected(&case);
                    // Under the algorithm of the public key, the MAC is not a valid signature.
                    let own = header.set_text("alg", public.algorithm.as_str());
                    let token = compact(own.json(), builder.claims.json(), &forger);
                    alone.send(&token).rejected_forged(&case);
                }
            }
        }
    }
}

#[test]
fn bearer_is_rejected_when_its_hmac_key_is_an_rsa_public_key() {
    // CVE-2017-11424, CVE-2022-29217, CVE-2024-33663, CVE-2024-37568,
    // CVE-2026-34950, CVE-2026-48526
    rejected_as_secrets(key(Algorithm::Rs256));
    rejected_as_secrets(key(Algorithm::Ps256));
}

#[test]
fn bearer_is_rejected_when_its_hmac_key_is_a_curve_public_key() {
    // Wycheproof json_web_signature tcId 31
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
        rejected_as_secrets(key(algorithm));
    }
}

#[test]
fn pem_text_is_rejected_as_an_hmac_secret() {
    // CVE-2017-11424: a PEM text is rejected when it is loaded as an HMAC secret.
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        for (form, secret) in as_secrets(key(algorithm))
            .iter()
            .filter(|(f, _)| f.contains("PEM"))
        {
            for hmac in [Algorithm::Hs256, Algorithm::Hs512] {
                assert!(
                    VerifyingKey::hmac(hmac, secret).is_err(),
                    "{algorithm} {form}"
                );
            }
        }
    }
}

#[test]
fn bearer_is_rejected_when_it_is_signed_by_the_right_key_under_another_algorithm() {
    // RFC 8725 §3.1; Wycheproof 332-340; PyJWT 2.11
    let rsa = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];
    for named in rsa {
        // All six share one RSA key. Only the algorithm in the JWK differs.
        let jwk = key(named).jwk(&[("alg", &format!("\"{named}\"")), ("kid", "\"k\"")]);
        let harness = Harness::new(KeySet::new([VerifyingKey::from_jwk(&jwk).unwrap()]).unwrap());
        for used in rsa {
            for builder in TokenBuilder::for_both_issuers() {
                let builder = builder.key(key(used)).header("kid", "\"k\"");
                let case = format!("{used} by a key for {named}");
                for builder in [builder.clone(), builder.without_header("kid")] {
                    let observed = harness.send(builder.token());
                    if used == named {
                        observed.accepted(&case);
                    } else {
                        observed.rejected_unverified_because(Reason::KeyUnknown, &case);
                        // Under the algorithm of the key, the signature is invalid.
                        let renamed = builder.header("alg", format!("\"{named}\""));
                        harness.send(renamed.token()).rejected_forged(&case);
                    }
                }
            }
        }
    }
    let crossed = [
        (Algorithm::Es384, Algorithm::Es256),
        (Algorithm::Es256, Algorithm::Es384),
        (Algorithm::Es256, Algorithm::Rs256),
        (Algorithm::Rs256, Algorithm::Es256),
        (Algorithm::EdDsa, Algorithm::Es256),
        (Algorithm::Es256, Algorithm::EdDsa),
        (Algorithm::Hs256, Algorithm::EdDsa),
    ];
    for (named, real) in crossed {
        for builder in TokenBuilder::for_both_issuers() {
            let builder = builder.key(key(real)).header("alg", format!("\"{named}\""));
            let observed = harness::PUBLIC_KEYS.send(builder.token());
            observed.rejected_unverified_because(
                Reason::KeyUnknown,
                &format!("{named} under a kid of {real}"),
            );
            // A signature by one key under the kid and algorithm of another.
            let other = builder.key(key(real)).signed_by(key(named));
            harness::PUBLIC_KEYS
                .send(other.token())
                .rejected_forged(&format!("{named} signs as {real}"));
        }
    }
}

/// The orders of the groups of the curves.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384_ORDER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";

fn hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16));
    digits.collect::<Result<_, _>>().unwrap()
}

#[test]
fn ecdsa_signature_is_rejected_when_r_or_s_is_zero_or_the_order() {
    // CVE-2022-21449; Wycheproof 386-401
    for (algorithm, order) in [
        (Algorithm::Es256, P256_ORDER),
        (Algorithm::Es384, P384_ORDER),
    ] {
        let n = hex(order);
        let zero = vec![0; n.len()];
        let one = [&zero[1..], &[1]].concat();
        let ones = vec![0xff; n.len()];
        for builder in TokenBuilder::for_both_issuers() {
            let token = builder.key(key(algorithm)).token();
            harness::PUBLIC_KEYS.send(&token).accepted("control");
            let (_, signature) = split(&token);
            let (r, s) = signature.split_at(n.len());
            let odd = [&zero, &n, &ones, &one];
            let halves = odd
                .iter()
                .flat_map(|a| odd.iter().map(move |b| (a.as_slice(), b.as_slice())));
            let beside = odd
                .iter()
                .flat_map(|&a| [(a.as_slice(), s), (r, a.as_slice())]);
            for (r, s) in halves.chain(beside).chain([(s, r)]) {
                let forged = with_signature(&token, [r, s].concat());
                harness::PUBLIC_KEYS
                    .send(forged)
                    .rejected_forged(&format!("{algorithm} {r:02x?} ‖ {s:02x?}"));
            }
        }
    }
}

#[test]
fn ecdsa_signature_is_rejected_when_it_is_not_two_numbers_of_full_length() {
    // RFC 7518 §3.4; node-jose #343
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        for builder in TokenBuilder::for_both_issuers() {
            let token = builder.key(key(algorithm)).token();
            let (_, signature) = split(&token);
            let (r, s) = signature.split_at(signature.len() / 2);
            let last = signature.len() - 1;
            let cases: Vec<(&str, Vec<u8>)> = vec![
                ("DER", der_signature(r, s)),
                ("truncated by one", signature[..last].to_vec()),
                ("without its first byte", signature[1..].to_vec()),
                ("one byte more", [&signature[..], &[0]].concat()),
                ("leading zero", [&[0], &signature[..]].concat()),
                ("leading zeros on both", [&[0], r, &[0], s].concat()),
                ("trailing DER", [&signature[..], &[0x30, 0]].concat()),
                ("r alone", r.to_vec()),
                ("twice", [&signature[..], &signature[..]].concat()),
                ("one byte", vec![0]),
                ("r and s swapped", [s, r].concat()),
            ];
            for (case, signature) in cases {
                let forged = with_signature(&token, signature);
                harness::PUBLIC_KEYS
                    .send(forged)
                    .rejected(&format!("{algorithm}: {case}"));
            }
        }
    }
}

/// `ECDSA-Sig-Value` (RFC 3279 §2.2.3).
fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|&&byte| byte == 0).count();
        let mut content = number[zeros..].to_vec();
        if content[0] & 0x80 != 0 {
            content.insert(0, 0);
        }
        [&[2, u8::try_from(content.len()).unwrap()], &content[..]].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

#[test]
fn ed25519_signature_is_rejected_when_s_is_not_reduced_or_r_is_not_a_point() {
    // RFC 8032 §5.1.7: without the check S < L, S + L would also be valid.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    for builder in TokenBuilder::for_both_issuers() {
        let token = builder.token();
        let (_, signature) = split(&token);
        let (r, s) = signature.split_at(32);
        let mut shifted = s.to_vec();
        for round in 1..8 {
            let mut carry = 0;
            for (byte, order) in shifted.iter_mut().zip(ORDER) {
                let sum = u16::from(*byte) + u16::from(order) + carry;
                *byte = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
            let forged = with_signature(&token, [r, &shifted].concat());
            harness::PUBLIC_KEYS
                .send(forged)
                .rejected_forged(&format!("S + {round} L"));
        }
        let zero = [0; 32];
        let identity = [&[1][..], &zero[1..]].concat();
        let cases: [(&str, Vec<u8>); 9] = [
            ("all zero", vec![0; 64]),
            ("identity and zero", [&identity[..], &zero].concat()),
            ("identity and S", [&identity[..], s].concat()),
            ("R and zero", [r, &zero].concat()),
            ("R and L", [r, &ORDER].concat()),
            ("all ones", vec![0xff; 64]),
            ("swapped", [s, r].concat()),
            ("63 bytes", signature[..63].to_vec()),
            ("65 bytes", [&signature[..], &[0]].concat()),
        ];
        for (case, signature) in cases {
            harness::PUBLIC_KEYS
                .send(with_signature(&token, signature))
                .rejected_forged(case);
        }
    }
}
