//! What is cached: accepted tokens that come again, within a number of bytes.

use std::fmt::Write as _;

use countersign::jose::Algorithm::{EdDsa, Hs256};
use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use countersign_tests::{AUDIENCE, EXTERNAL_ISSUER, NOW, TokenBuilder, key, keys};

use crate::fixture::{Fixture, Presented};

#[test]
fn invalid_tokens_are_never_cached_and_displace_no_other() {
    let fixture = Fixture::new(Hs256);
    let valid = fixture.token(&fixture.key());
    fixture.cache(&valid);
    let (input, _) = valid.rsplit_once('.').unwrap();
    let forged = |n: u32| format!("{input}.{n:043}");
    for n in 0..20_000 {
        let presented = fixture.present(&forged(n * 4));
        assert!(presented.result.is_err());
    }
    for _ in 0..5 {
        let Presented { result, signatures } = fixture.present(&forged(4));
        assert_eq!(
            (result.unwrap_err(), signatures),
            (Reason::SignatureInvalid, 1)
        );
    }
    assert_eq!(fixture.present(&valid).signatures, 0);
}

#[test]
fn valid_tokens_that_come_once_displace_no_other() {
    let fixture = Fixture::new(Hs256);
    let key = fixture.key();
    let hot = fixture.token(&key);
    fixture.cache(&hot);
    for _ in 0..10_000 {
        let presented = fixture.present(&fixture.token(&key));
        assert_eq!((presented.reason(), presented.signatures), (None, 1));
    }
    assert_eq!(fixture.present(&hot).signatures, 0);
}

#[test]
fn token_in_use_stays_cached_among_many_that_come_twice() {
    let fixture = Fixture::new(Hs256);
    let key = fixture.key();
    let hot = fixture.token(&key);
    fixture.cache(&hot);
    let mut verified_again = 0;
    for _ in 0..10_000 {
        let token = fixture.token(&key);
        fixture.present(&token);
        fixture.present(&token);
        verified_again += fixture.present(&hot).signatures;
    }
    assert!(verified_again <= 2, "{verified_again} times");
}

/// Claims that occupy much more memory when they are parsed than in the token.
fn shapes() -> [(&'static str, String); 6] {
    let list = |element: &str| format!("[{}]", vec![element; 1500].join(","));
    let mut members = String::from("{");
    let mut nested = String::new();
    for n in 0..500 {
        let comma = if n == 0 { "" } else { "," };
        write!(members, "{comma}\"{n:x}\":0").unwrap();
    }
    members.push('}');
    for _ in 0..100 {
        nested.push_str(r#"{"a":"#);
    }
    nested.push('0');
    nested.push_str(&"}".repeat(100));
    [
        ("none", "0".to_owned()),
        ("numbers", list("0")),
        ("strings", list(r#""""#)),
        (
            "objects",
            list(r#"{"a":0}"#)[..800]
                .rsplit_once(',')
                .unwrap()
                .0
                .to_owned()
                + "]",
        ),
        ("members", members),
        ("nested objects", nested),
    ]
}

#[test]
fn cache_occupies_no_more_memory_than_its_size() {
    const BYTES: usize = 2 * 1024 * 1024;
    let now = Timestamp::from_unix_seconds(NOW);
    for (name, claim) in shapes() {
        let issuer = TrustedIssuer::external(EXTERNAL_ISSUER)
            .audience(AUDIENCE)
            .keys(keys::key_set([key(Hs256)]));
        let issuer = issuer.build().unwrap();
        let tokens: Vec<String> = (0..700)
            .map(|n| {
                let token = TokenBuilder::external().key(key(Hs256));
                token
                    .claim("jti", format!("\"{n}\""))
                    .claim("x", claim.clone())
                    .token()
            })
            .collect();
        let mut jwt = None;
        let measured = allocation_counter::measure(|| {
            let cached = Jwt::new([issuer.clone()]).cache_bytes(BYTES);
            for token in &tokens {
                for _ in 0..2 {
                    cached.introspect(token, now).unwrap();
                }
            }
            jwt = Some(cached);
        });
        let occupied = usize::try_from(measured.bytes_current).unwrap();
        assert!(occupied <= BYTES * 5 / 4, "{name}: {occupied} bytes");
        assert!(occupied >= BYTES / 4, "{name}: only {occupied} bytes");
        drop(jwt);
    }
}

#[test]
fn cache_can_be_turned_off() {
    let fixture = Fixture::new(EdDsa);
    let token = fixture.token(&fixture.key());
    for _ in 0..5 {
        let presented = fixture.present_uncached(&token);
        assert_eq!((presented.reason(), presented.signatures), (None, 1));
    }
}
