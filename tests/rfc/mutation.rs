//! A valid token is rejected after a flip of any single bit (RFC 7515 §5.2, RFC 8725 §3.3).

use countersign::jose::Algorithm;
use countersign_tests::token_builder::{decode_base64url, split};
use countersign_tests::{Harness, TokenBuilder, base64url, harness, key};
use http::HeaderValue;

fn harness_for(algorithm: Algorithm) -> &'static Harness {
    if algorithm.as_str().starts_with("HS") {
        &harness::HMAC_KEYS
    } else {
        &harness::PUBLIC_KEYS
    }
}

/// RSA is the slowest: every seventh bit is enough to flip each bit position of a byte.
fn step(algorithm: Algorithm) -> usize {
    match algorithm.as_str().as_bytes() {
        [b'R' | b'P', ..] => 7,
        _ => 1,
    }
}

#[test]
fn bearer_is_rejected_when_any_bit_of_its_text_is_flipped() {
    let (mut sent, mut unsendable) = (0, 0);
    for &algorithm in Algorithm::ALL {
        for builder in TokenBuilder::for_both_issuers() {
            let token = builder.key(key(algorithm)).token();
            harness_for(algorithm).send(&token).accepted("control");
            for bit in (0..token.len() * 8).step_by(step(algorithm)) {
                let mut text = token.clone().into_bytes();
                text[bit / 8] ^= 1 << (bit % 8);
                // A header cannot contain some bytes, so they cannot be sent.
                if HeaderValue::from_bytes(&text).is_err() {
                    unsendable += 1;
                    continue;
                }
                sent += 1;
                let observed = harness_for(algorithm).send(&text);
                let case = format!("{algorithm}, bit {bit} of {token}");
                if observed.status == http::StatusCode::BAD_REQUEST {
                    observed.malformed(&case);
                } else {
                    observed.rejected(&case);
                }
            }
        }
    }
    println!("{sent} tokens rejected, {unsendable} invalid in a header");
    assert!(sent > 20_000, "{sent}");
}

#[test]
fn bearer_is_rejected_when_any_bit_of_its_decoded_parts_is_flipped() {
    for &algorithm in Algorithm::ALL {
        let token = TokenBuilder::own().key(key(algorithm)).token();
        let (input, _) = split(&token);
        let parts: Vec<Vec<u8>> = token.split('.').map(decode_base64url).collect();
        for (i, part) in parts.iter().enumerate() {
            for bit in (0..part.len() * 8).step_by(step(algorithm)) {
                let mut parts = parts.clone();
                parts[i][bit / 8] ^= 1 << (bit % 8);
                let changed = parts.iter().map(base64url).collect::<Vec<_>>().join(".");
                let case = format!("{algorithm}, bit {bit} of part {i} of {input}");
                let observed = harness_for(algorithm).send(changed);
                if i == 2 {
                    // Only the signature is wrong.
                    observed.rejected_forged(&case);
                } else {
                    observed.rejected(&case);
                }
            }
        }
    }
}
