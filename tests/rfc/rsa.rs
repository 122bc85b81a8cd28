//! RSA signatures with invalid padding (RFC 8017 §8.1.2, §8.2.2). No library produces them, so the tests compute them with
//! the private exponent. They are variants of the vectors of Wycheproof, whose messages are not tokens.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use countersign::jose::Algorithm;
use countersign_tests::token_builder::{split, with_signature};
use countersign_tests::{Key, TokenBuilder, harness, key};
use num_bigint::BigUint;

/// `block` to the power of the private exponent, computed with the two primes (RFC 8017 §5.1.2).
fn raw(key: &Key, block: &[u8]) -> Vec<u8> {
    let [p, q, dp, dq, q_inverse] =
        [4, 5, 6, 7, 8].map(|i| BigUint::from_bytes_be(&key.private_number(i)));
    let message = BigUint::from_bytes_be(block);
    let one = message.modpow(&dp, &p);
    let two = message.modpow(&dq, &q);
    let h = (q_inverse * (one + &p - &two % &p)) % &p;
    let signature = (two + h * q).to_bytes_be();
    [vec![0; 256 - signature.len()], signature].concat()
}

fn hash(algorithm: &'static digest::Algorithm, message: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, message).as_ref().to_vec()
}

const SHA256_INFO: &[u8] =
    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// `00 01 FF…FF 00 <info>`, 256 bytes.
fn padded(info: &[u8]) -> Vec<u8> {
    [&[0, 1][..], &vec![0xff; 253 - info.len()], &[0], info].concat()
}

#[test]
fn rs256_signature_is_rejected_when_its_padding_is_not_exactly_pkcs1() {
    // RFC 8017 §8.2.2; Bleichenbacher 2006; Wycheproof rsa_signature
    let key = key(Algorithm::Rs256);
    let token = TokenBuilder::own().key(key).token();
    let (input, signature) = split(&token);
    let h = hash(&SHA256, input.as_bytes());
    let right = padded(&[SHA256_INFO, &h].concat());
    assert_eq!(
        raw(key, &right),
        signature,
        "the computed signature is the one of the library"
    );

    let info = [SHA256_INFO, &h].concat();
    let change = |at: usize, byte: u8| {
        let mut block = right.clone();
        block[at] = byte;
        block
    };
    let sha1 = [
        &b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"[..],
        &hash(&SHA1_FOR_LEGACY_USE_ONLY, input.as_bytes()),
    ]
    .concat();
    let sha512 = [
        &b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"[..],
        &hash(&SHA512, input.as_bytes()),
    ]
    .concat();
    let no_null = [
        &b"\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20"[..],
        &h,
    ]
    .concat();
    let long_form = [
        &b"\x30\x81\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"[..],
        &h,
    ]
    .concat();
    let indefinite = [
        &b"\x30\x80\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"[..],
        &h,
        &[0, 0],
    ]
    .concat();
    let parameters = [&b"\x30\x33\x30\x0f\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x02\xab\xcd\x04\x20"[..], &h].concat();
    let short = |ones: usize| {
        let used = 3 + ones + info.len();
        [
            &[0, 1][..],
            &vec![0xff; ones],
            &[0],
            &info,
            &vec![0xab; 256 - used],
        ]
        .concat()
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("trailing garbage after eight ones", short(8)),
        ("trailing garbage without ones", short(0)),
        ("trailing garbage of one byte", short(253 - info.len() - 1)),
        ("block type 2", change(1, 2)),
        ("block type 0", change(1, 0)),
        ("a first byte", change(0, 1)),
        ("a zero among the ones", change(9, 0)),
        ("a one less", change(100, 0xfe)),
        ("no zero after the ones", change(255 - info.len(), 0xff)),
        ("the hash's tag", change(256 - 34, 0x05)),
        ("another oid", change(256 - 37, 0x02)),
        ("SHA-1", padded(&sha1)),
        ("SHA-512", padded(&sha512)),
        ("bare hash", padded(&h)),
        ("bare hash after zeros", [vec![0; 224], h.clone()].concat()),
        ("no NULL", padded(&no_null)),
        ("length in long form", padded(&long_form)),
        ("indefinite length", padded(&indefinite)),
        ("garbage as parameters", padded(&parameters)),
        ("hash truncated", padded(&[SHA256_INFO, &h[..31]].concat())),
        (
            "hash of another message",
            padded(&[SHA256_INFO, &hash(&SHA256, b"other")].concat()),
        ),
    ];
    for (case, block) in cases {
        harness::PUBLIC_KEYS
            .send(with_signature(&token, raw(key, &block)))
            .rejected_forged(case);
    }
    rejected_numbers(&token, &signature);
}

/// Sends numbers that are not a valid signature with any padding.
fn rejected_numbers(token: &str, signature: &[u8]) {
    let n = key(Algorithm::Rs256).modulus();
    let sum = BigUint::from_bytes_be(signature) + BigUint::from_bytes_be(&n);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("zero", vec![0; 256]),
        ("one", [vec![0; 255], vec![1]].concat()),
        ("the modulus", n.clone()),
        ("signature + modulus", sum.to_bytes_be()),
        (
            "modulus less one",
            (BigUint::from_bytes_be(&n) - 1u8).to_bytes_be(),
        ),
        ("truncated", signature[..255].to_vec()),
        ("without its first byte", signature[1..].to_vec()),
        ("one byte more", [signature, &[0]].concat()),
        ("leading zero", [&[0], signature].concat()),
        ("one byte", vec![1]),
    ];
    for (case, forged) in cases {
        harness::PUBLIC_KEYS
            .send(with_signature(token, forged))
            .rejected_forged(case);
    }
}

/// MGF1 (RFC 8017 B.2.1).
fn mask(algorithm: &'static digest::Algorithm, seed: &[u8], length: usize) -> Vec<u8> {
    let blocks = (0u32..).flat_map(|i| hash(algorithm, &[seed, &i.to_be_bytes()].concat()));
    blocks.take(length).collect()
}

/// EMSA-PSS (RFC 8017 §9.1.1) in 256 bytes with free parameters.
struct Pss {
    hash: &'static digest::Algorithm,
    mask: &'static digest::Algorithm,
    salt: usize,
    separator: u8,
    trailer: u8,
    padding: u8,
}

impl Pss {
    fn encode(&self, message: &[u8]) -> Vec<u8> {
        let salt = vec![0x5a; self.salt];
        let h = hash(
            self.hash,
            &[&[0; 8], &hash(self.hash, message)[..], &salt].concat(),
        );
        let length = 256 - h.len() - 1;
        let db = [
            vec![self.padding; length - self.salt - 1],
            vec![self.separator],
            salt,
        ]
        .concat();
        let masked = db
            .iter()
            .zip(mask(self.mask, &h, length))
            .map(|(a, b)| a ^ b);
        let mut block: Vec<u8> = masked.chain(h).chain([self.trailer]).collect();
        block[0] &= 0x7f;
        block
    }
}

#[test]
fn ps_signature_is_rejected_when_its_salt_hash_or_padding_is_wrong() {
    // RFC 7518 §3.5: the salt is as long as the hash, MGF1 uses the same hash
    let hashes = [
        (Algorithm::Ps256, &SHA256, 32),
        (Algorithm::Ps384, &SHA384, 48),
        (Algorithm::Ps512, &SHA512, 64),
    ];
    for (algorithm, hash, length) in hashes {
        let key = key(algorithm);
        let token = TokenBuilder::own().key(key).token();
        let (input, _) = split(&token);
        let good = || Pss {
            hash,
            mask: hash,
            salt: length,
            separator: 1,
            trailer: 0xbc,
            padding: 0,
        };
        let send = |pss: &Pss| {
            harness::PUBLIC_KEYS.send(with_signature(
                &token,
                raw(key, &pss.encode(input.as_bytes())),
            ))
        };
        send(&good()).accepted("a valid computed signature is accepted");
        for salt in [0, 1, 8, 20, length - 1, length + 1, 256 - length - 2] {
            send(&Pss { salt, ..good() }).rejected_forged(&format!("{algorithm}: salt of {salt}"));
        }
        for other in [&SHA1_FOR_LEGACY_USE_ONLY, &SHA256, &SHA384, &SHA512] {
            if other != hash {
                send(&Pss {
                    mask: other,
                    ..good()
                })
                .rejected_forged(&format!("{algorithm}: MGF1 {other:?}"));
                send(&Pss {
                    hash: other,
                    ..good()
                })
                .rejected_forged(&format!("{algorithm}: {other:?}"));
                send(&Pss {
                    hash: other,
                    mask: other,
                    ..good()
                })
                .rejected_forged("both differ");
            }
        }
        send(&Pss {
            separator: 0,
            ..good()
        })
        .rejected_forged("no separator");
        send(&Pss {
            separator: 2,
            ..good()
        })
        .rejected_forged("another separator");
        send(&Pss {
            trailer: 0xcc,
            ..good()
        })
        .rejected_forged("trailer of X9.31");
        send(&Pss {
            trailer: 0,
            ..good()
        })
        .rejected_forged("no trailer");
        send(&Pss {
            padding: 0xff,
            ..good()
        })
        .rejected_forged("padding of ones");
        let pkcs1 = countersign_tests::keys::key(Algorithm::Rs256).sign(input.as_bytes());
        harness::PUBLIC_KEYS
            .send(with_signature(&token, pkcs1))
            .rejected_forged("PKCS #1");
    }
}
