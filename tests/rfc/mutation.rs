//! One bit flipped anywhere in a good token, and it is refused: RFC 7515 §5.2, RFC 8725 §3.3.

use countersign::jose::Algorithm;
use countersign_tests::craft::{split, unb64};
use countersign_tests::{Craft, Gate, b64, gate, key};
use http::HeaderValue;

fn gate_of(algorithm: Algorithm) -> &'static Gate {
    if algorithm.as_str().starts_with("HS") {
        &gate::SECRET
    } else {
        &gate::PUBLIC
    }
}

/// RSA takes longest: there every seventh bit is enough to reach all places of a byte.
fn step(algorithm: Algorithm) -> usize {
    match algorithm.as_str().as_bytes() {
        [b'R' | b'P', ..] => 7,
        _ => 1,
    }
}

#[test]
fn bearer_rejected_when_any_bit_of_its_text_is_flipped() {
    let (mut sent, mut unsendable) = (0, 0);
    for algorithm in Algorithm::ALL {
        for craft in Craft::both() {
            let token = craft.key(key(algorithm)).token();
            gate_of(algorithm).send(&token).accepted("control");
            for bit in (0..token.len() * 8).step_by(step(algorithm)) {
                let mut text = token.clone().into_bytes();
                text[bit / 8] ^= 1 << (bit % 8);
                // Some bytes no header can hold: no request comes of them.
                if HeaderValue::from_bytes(&text).is_err() {
                    unsendable += 1;
                    continue;
                }
                sent += 1;
                let verdict = gate_of(algorithm).send(&text);
                let case = format!("{algorithm}, bit {bit} of {token}");
                if verdict.status == http::StatusCode::BAD_REQUEST {
                    verdict.malformed(&case);
                } else {
                    verdict.refused(&case);
                }
            }
        }
    }
    println!("{sent} tokens refused, {unsendable} unfit for a header");
    assert!(sent > 20_000, "{sent}");
}

#[test]
fn bearer_rejected_when_any_bit_of_its_decoded_parts_is_flipped() {
    for algorithm in Algorithm::ALL {
        let token = Craft::own().key(key(algorithm)).token();
        let (input, _) = split(&token);
        let parts: Vec<Vec<u8>> = token.split('.').map(unb64).collect();
        for (i, part) in parts.iter().enumerate() {
            for bit in (0..part.len() * 8).step_by(step(algorithm)) {
                let mut parts = parts.clone();
                parts[i][bit / 8] ^= 1 << (bit % 8);
                let spoilt = parts.iter().map(b64).collect::<Vec<_>>().join(".");
                let case = format!("{algorithm}, bit {bit} of part {i} of {input}");
                let verdict = gate_of(algorithm).send(spoilt);
                if i == 2 {
                    // Nothing but the signature is wrong.
                    verdict.forged(&case);
                } else {
                    verdict.refused(&case);
                }
            }
        }
    }
}
