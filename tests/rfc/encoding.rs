//! The three parts of a token, base64url, and the length limit.

use countersign::jose::Algorithm;
use countersign::rejection::Reason;
use countersign_tests::token_builder::{signed, with_signature};
use countersign_tests::{TokenBuilder, base64url, harness, key};

#[test]
fn bearer_is_rejected_when_it_does_not_have_three_parts() {
    // RFC 7515 §5.2; CVE-2025-30204
    let mut cases: Vec<String> = [
        "a", ".", "..", "...", "....", "a.b", "a..", ".a.", "..a", "a.b.", ".b.c", "a..c",
    ]
    .map(String::from)
    .to_vec();
    for builder in TokenBuilder::for_both_issuers() {
        let token = builder.token();
        let parts: Vec<&str> = token.split('.').collect();
        let (header, payload, signature) = (parts[0], parts[1], parts[2]);
        cases.extend([
            format!("{header}.{payload}"),
            format!("{header}.{payload}."),
            format!("{payload}.{signature}"),
            format!("{header}.{signature}"),
            format!(".{payload}.{signature}"),
            format!("{header}..{signature}"),
            format!("{token}.{signature}"),
            format!("{token}.{signature}.{signature}"),
            format!("{header}.{header}.{payload}.{signature}"),
            format!(".{token}"),
            format!("{token}."),
            format!("{header}{payload}{signature}"),
            format!("{header}..{payload}.{signature}"),
        ]);
    }
    for token in cases {
        harness::PUBLIC_KEYS
            .send(&token)
            .rejected_unverified(&token);
    }
    for length in [8_192, 8_193, 1_000_000] {
        harness::PUBLIC_KEYS
            .send(".".repeat(length))
            .rejected_unverified(&format!("{length} dots"));
    }
}

/// Valid tokens in which the last character of each part encodes fewer than six bits.
fn with_spare_bits() -> Vec<[String; 3]> {
    let pad = |json: String| {
        (0..3)
            .map(|n| json.clone() + &" ".repeat(n))
            .find(|j| j.len() % 3 != 0)
    };
    let parts = |builder: TokenBuilder| {
        let (header, claims) = (
            pad(builder.header.json()).unwrap(),
            pad(builder.claims.json()).unwrap(),
        );
        let token = countersign_tests::compact(header, claims, builder.key);
        let mut parts = token.split('.').map(String::from);
        [(); 3].map(|()| parts.next().unwrap())
    };
    TokenBuilder::for_both_issuers().map(parts).to_vec()
}

#[test]
fn bearer_is_rejected_when_a_part_is_not_strict_base64url() {
    // RFC 7515 §2 and §5.2, RFC 4648 §3.5; Wycheproof 360-375. The
    // signature covers the invalid header or payload, so that only the encoding is wrong.
    for parts in with_spare_bits() {
        harness::PUBLIC_KEYS
            .send(parts.join("."))
            .accepted("control");
        for i in 0..3 {
            let part = &parts[i];
            let middle = part.len() / 2;
            let insert = |at: usize, text: &str| format!("{}{text}{}", &part[..at], &part[at..]);
            let mut variants = vec![
                format!("{part}="),
                format!("{part}=="),
                format!("{part}==="),
                format!("={part}"),
                insert(middle, "="),
                insert(middle, "+"),
                insert(middle, "/"),
                insert(middle, "?"),
                insert(middle, "~"),
                insert(middle, "%2E"),
                insert(middle, "%3D"),
                // No bytes encode to this length.
                format!("{part}{}", &"AAA"[..(5 - part.len() % 4) % 4]),
            ];
            // The standard alphabet, if the part has a character in which the alphabets differ.
            variants.extend(
                [part.replace('-', "+"), part.replace('_', "/")]
                    .into_iter()
                    .filter(|s| s != part),
            );
            variants.extend(other_last_bits(part));
            for variant in variants {
                let mut token = parts.clone();
                token[i] = variant;
                let token = if i < 2 {
                    let input = format!("{}.{}", token[0], token[1]);
                    let builder = TokenBuilder::own();
                    signed(&input, builder.key)
                } else {
                    token.join(".")
                };
                let observed = harness::PUBLIC_KEYS.send(&token);
                observed.rejected_unverified_because(
                    Reason::TokenMalformed,
                    &format!("part {i}: {token}"),
                );
            }
        }
    }
}

/// The same bytes with other spare bits in the last character.
fn other_last_bits(part: &str) -> Vec<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let spare = match part.len() % 4 {
        2 => 16,
        3 => 4,
        _ => panic!("no spare bits"),
    };
    let (rest, last) = part.split_at(part.len() - 1);
    let value = ALPHABET.find(last).unwrap();
    assert_eq!(value % spare, 0);
    (1..spare)
        .map(|bits| format!("{rest}{}", &ALPHABET[value + bits..=value + bits]))
        .collect()
}

#[test]
fn bearer_is_rejected_when_it_contains_white_space_or_characters_outside_its_alphabet() {
    // RFC 6750 §2.1: a value that is not one word of printable ASCII is a malformed request (400). A header cannot
    // contain CR, LF or NUL (RFC 9110 §5.5).
    for parts in with_spare_bits() {
        let token = parts.join(".");
        for i in [1, parts[0].len() + 5, token.len() - 3] {
            let insert = |text: &str| format!("{}{text}{}", &token[..i], &token[i..]);
            for text in [
                " ", "\t", "\u{ff0e}", "\u{a0}", "\u{200b}", "\"", ",", "\u{ad}",
            ] {
                harness::PUBLIC_KEYS
                    .send(insert(text))
                    .malformed(&format!("{text:?} at {i}"));
            }
            for text in ["\r", "\n", "\r\n ", "\0", "\u{7f}"] {
                let value = format!("Bearer {}", insert(text));
                assert!(http::HeaderValue::try_from(value).is_err(), "{text:?}");
            }
        }
        for dot in ["\u{ff0e}", "\u{3002}", "\u{2024}"] {
            let token = token.replacen('.', dot, 1);
            harness::PUBLIC_KEYS.send(token).malformed(dot);
        }
        let token = token.replacen('.', "%2E", 1);
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::TokenMalformed, "%2E");
    }
}

#[test]
fn bearer_longer_than_8_kib_is_rejected_without_parsing() {
    // Heap overflow in the JWT code of HAProxy; CVE-2026-48525
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        for builder in TokenBuilder::for_both_issuers() {
            let token = builder.key(key(algorithm)).token();
            let (input, _) = token.rsplit_once('.').unwrap();
            for length in [21_830, 1 << 20] {
                let long = format!("{input}.{}", "A".repeat(length));
                let case = format!("signature of {length} characters");
                harness::PUBLIC_KEYS
                    .send(long)
                    .rejected_unverified_because(Reason::TokenTooLong, &case);
            }
            // The longest one that fits is longer than any valid signature.
            let long = format!("{input}.{}", "A".repeat(4_000));
            harness::PUBLIC_KEYS
                .send(long)
                .rejected_unverified("signature of 4,000 characters");
            let long = with_signature(&token, vec![1; 1_025]);
            harness::PUBLIC_KEYS
                .send(long)
                .rejected("signature of 1,025 bytes");
        }
    }
}

#[test]
fn bearer_of_8192_bytes_is_accepted_and_of_8193_is_rejected() {
    // The limit is exact to the byte.
    for builder in TokenBuilder::for_both_issuers() {
        let sized = |length: usize| {
            let empty = builder.clone().claim("x", "\"\"").token().len();
            let filler = (length - empty) / 4 * 3;
            (filler.saturating_sub(6)..filler + 6)
                .map(|n| {
                    builder
                        .clone()
                        .claim("x", format!("\"{}\"", "a".repeat(n)))
                        .token()
                })
                .find(|token| token.len() == length)
        };
        // Base64url cannot produce one length in four, so some lengths need another header.
        let token = sized(8_192).unwrap_or_else(|| padded_to(&builder, 8_192));
        harness::PUBLIC_KEYS.send(token).accepted("8,192 bytes");
        let token = sized(8_193).unwrap_or_else(|| padded_to(&builder, 8_193));
        harness::PUBLIC_KEYS
            .send(token)
            .rejected_unverified_because(Reason::TokenTooLong, "8,193 bytes");
    }
}

fn padded_to(builder: &TokenBuilder, length: usize) -> String {
    for spaces in 0..4 {
        let header = builder.header.json() + &" ".repeat(spaces);
        for n in 5_000..6_200 {
            let claims = builder
                .claims
                .clone()
                .set("x", format!("\"{}\"", "a".repeat(n)))
                .json();
            if base64url(&header).len() + (claims.len() * 4).div_ceil(3) + 88 == length {
                return countersign_tests::compact(&header, claims, builder.key);
            }
        }
    }
    panic!("no token has {length} bytes")
}
