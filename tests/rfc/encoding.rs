//! security.md table 1b, rows 29 to 31: how a token is put together, and how long it may be.

use countersign::jose::Algorithm;
use countersign::rejection::Reason;
use countersign_tests::craft::{signed, with_signature};
use countersign_tests::{Craft, b64, gate, key};

#[test]
fn bearer_rejected_when_it_has_not_three_parts() {
    // security.md row 29; RFC 7515 §5.2; CVE-2025-30204
    let mut cases: Vec<String> = [
        "a", ".", "..", "...", "....", "a.b", "a..", ".a.", "..a", "a.b.", ".b.c", "a..c",
    ]
    .map(String::from)
    .to_vec();
    for craft in Craft::both() {
        let token = craft.token();
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
        gate::PUBLIC.send(&token).refused_unverified(&token);
    }
    for length in [8_192, 8_193, 1_000_000] {
        gate::PUBLIC
            .send(".".repeat(length))
            .refused_unverified(&format!("{length} dots"));
    }
}

/// Good tokens whose parts each have one character that stands for fewer than six bits.
fn with_spare_bits() -> Vec<[String; 3]> {
    let pad = |json: String| {
        (0..3)
            .map(|n| json.clone() + &" ".repeat(n))
            .find(|j| j.len() % 3 != 0)
    };
    let parts = |craft: Craft| {
        let (header, claims) = (
            pad(craft.header.json()).unwrap(),
            pad(craft.claims.json()).unwrap(),
        );
        let token = countersign_tests::compact(header, claims, craft.key);
        let mut parts = token.split('.').map(String::from);
        [(); 3].map(|()| parts.next().unwrap())
    };
    Craft::both().map(parts).to_vec()
}

#[test]
fn bearer_rejected_when_a_part_is_not_strict_base64url() {
    // security.md row 30; RFC 7515 §2 and §5.2, RFC 4648 §3.5; Wycheproof 360-375. Header and payload
    // are signed as they stand, so that nothing but the encoding is wrong.
    for parts in with_spare_bits() {
        gate::PUBLIC.send(parts.join(".")).accepted("control");
        for i in 0..3 {
            let part = &parts[i];
            let middle = part.len() / 2;
            let insert = |at: usize, text: &str| format!("{}{text}{}", &part[..at], &part[at..]);
            let mut spoilt = vec![
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
                // A length that no bytes have.
                format!("{part}{}", &"AAA"[..(5 - part.len() % 4) % 4]),
            ];
            // The other alphabet, where the part has a letter in which they differ.
            spoilt.extend(
                [part.replace('-', "+"), part.replace('_', "/")]
                    .into_iter()
                    .filter(|s| s != part),
            );
            spoilt.extend(other_last_bits(part));
            for spoilt in spoilt {
                let mut token = parts.clone();
                token[i] = spoilt;
                let token = if i < 2 {
                    let input = format!("{}.{}", token[0], token[1]);
                    let craft = Craft::own();
                    signed(&input, craft.key)
                } else {
                    token.join(".")
                };
                let verdict = gate::PUBLIC.send(&token);
                verdict.refused_for(Reason::TokenMalformed, &format!("part {i}: {token}"));
            }
        }
    }
}

/// The same bytes with other bits in the rest of the last character.
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
fn bearer_rejected_when_white_space_or_foreign_letters_stand_in_it() {
    // security.md row 30. What is not one word of printable ASCII is no bearer's token at all: 400, as
    // for two words (row 49) and for bytes from 0x80 on (row 55). CR, LF and NUL no header can hold.
    for parts in with_spare_bits() {
        let token = parts.join(".");
        for i in [1, parts[0].len() + 5, token.len() - 3] {
            let insert = |text: &str| format!("{}{text}{}", &token[..i], &token[i..]);
            for text in [
                " ", "\t", "\u{ff0e}", "\u{a0}", "\u{200b}", "\"", ",", "\u{ad}",
            ] {
                gate::PUBLIC
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
            gate::PUBLIC.send(token).malformed(dot);
        }
        let token = token.replacen('.', "%2E", 1);
        gate::PUBLIC
            .send(token)
            .refused_for(Reason::TokenMalformed, "%2E");
    }
}

#[test]
fn bearer_rejected_unread_when_longer_than_8_kib() {
    // security.md row 31; HAProxy's overflow in its JWT code, CVE-2026-48525
    for algorithm in [Algorithm::Es256, Algorithm::Es384] {
        for craft in Craft::both() {
            let token = craft.key(key(algorithm)).token();
            let (input, _) = token.rsplit_once('.').unwrap();
            for length in [21_830, 1 << 20] {
                let long = format!("{input}.{}", "A".repeat(length));
                let case = format!("signature of {length} characters");
                gate::PUBLIC
                    .send(long)
                    .refused_for(Reason::TokenTooLong, &case);
            }
            // The longest that fits is longer than any signature is.
            let long = format!("{input}.{}", "A".repeat(4_000));
            gate::PUBLIC
                .send(long)
                .refused_unverified("signature of 4,000 characters");
            let long = with_signature(&token, vec![1; 1_025]);
            gate::PUBLIC.send(long).refused("signature of 1,025 bytes");
        }
    }
}

#[test]
fn bearer_of_8192_bytes_accepted_and_of_8193_rejected() {
    // security.md row 31: the limit to the byte
    for craft in Craft::both() {
        let sized = |length: usize| {
            let empty = craft.clone().claim("x", "\"\"").token().len();
            let filler = (length - empty) / 4 * 3;
            (filler.saturating_sub(6)..filler + 6)
                .map(|n| {
                    craft
                        .clone()
                        .claim("x", format!("\"{}\"", "a".repeat(n)))
                        .token()
                })
                .find(|token| token.len() == length)
        };
        // Base64url skips one length in four, so that another header is needed for some.
        let token = sized(8_192).unwrap_or_else(|| grown(&craft, 8_192));
        gate::PUBLIC.send(token).accepted("8,192 bytes");
        let token = sized(8_193).unwrap_or_else(|| grown(&craft, 8_193));
        gate::PUBLIC
            .send(token)
            .refused_for(Reason::TokenTooLong, "8,193 bytes");
    }
}

fn grown(craft: &Craft, length: usize) -> String {
    for spaces in 0..4 {
        let header = craft.header.json() + &" ".repeat(spaces);
        for n in 5_000..6_200 {
            let claims = craft
                .claims
                .clone()
                .set("x", format!("\"{}\"", "a".repeat(n)))
                .json();
            if b64(&header).len() + (claims.len() * 4).div_ceil(3) + 88 == length {
                return countersign_tests::compact(&header, claims, craft.key);
            }
        }
    }
    panic!("no token has {length} bytes")
}
