//! The reader of claims, compared with `serde_json`: members of any text are added to those that an external token must have, and
//! the token is signed.
//!
//! ```text
//! cargo +nightly fuzz run claims fuzz/corpus/claims fuzz/seeds/claims
//! ```

#![no_main]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::jose::{Algorithm, KeySet, VerifyingKey};
use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

const SECRET: &[u8] = b"5t8Qk2nV0cXw7Lr9mB4yHf1sJd6gAe3Z";
const NOW: i64 = 1_773_576_000;
const REQUIRED: &str =
    r#""iss":"https://issuer.example","sub":"a","aud":"https://api.example","exp":1773576300"#;
/// The names of members that are read. A value of theirs may be rejected although it is JSON.
const USED: [&str; 20] = [
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "scp", "tid", "account",
    "environment", "cgn", "agn", "sid", "sgn", "cnf", "email", "email_verified",
];

static JWT: LazyLock<Jwt> = LazyLock::new(|| {
    let key = VerifyingKey::hmac(Algorithm::Hs256, SECRET).unwrap();
    let issuer = TrustedIssuer::external("https://issuer.example").audience("https://api.example");
    let issuer = issuer.keys(KeySet::new([key]).unwrap()).build().unwrap();
    Jwt::new([issuer]).cache_bytes(0)
});

fuzz_target!(|members: &[u8]| {
    let mut claims = format!("{{{REQUIRED}").into_bytes();
    if !members.is_empty() {
        claims.push(b',');
    }
    claims.extend(members);
    claims.push(b'}');
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"at+jwt"}"#),
        URL_SAFE_NO_PAD.encode(&claims)
    );
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), input.as_bytes());
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag));

    let result = JWT.introspect(&token, Timestamp::from_unix_seconds(NOW));
    // `serde_json` accepts bytes that are not UTF-8 in values that it ignores.
    let text = std::str::from_utf8(&claims).ok();
    match text.and_then(|text| serde_json::from_str::<Object>(text).ok()) {
        None if token.len() <= 8 * 1024 => {
            assert_eq!(result.err(), Some(Reason::ClaimsMalformed));
        }
        Some(Object(names)) if token.len() <= 8 * 1024 => {
            // The required members are the first four.
            let added = names.iter().skip(4);
            if added.clone().all(|name| !USED.contains(&name.as_str())) {
                assert!(result.is_ok(), "{:?}", result.err());
            }
        }
        _ => assert_eq!(result.err(), Some(Reason::TokenTooLong)),
    }
});

/// The names of the members of an object. Repeated ones are an error, in the values of the members, too.
struct Object(Vec<String>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names).map(Self)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let (mut names, mut known) = (Vec::new(), BTreeSet::new());
        while let Some((name, Any)) = map.next_entry::<String, Any>()? {
            if !known.insert(name.clone()) {
                return Err(A::Error::custom("repeated member"));
            }
            names.push(name);
        }
        Ok(names)
    }
}

/// Any value, with all strings decoded and without repeated members.
struct Any;

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self, A::Error> {
        Names.visit_map(map).map(|_| self)
    }
}
