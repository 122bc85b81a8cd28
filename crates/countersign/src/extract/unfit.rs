//! Explanations of claims that do not fit the type that reads them. They name the claim and the types, and never contain the
//! value of a claim, which may be personal data.

use std::fmt::Write as _;

use serde_json::Error;

/// The number of characters of a name that are shown.
const MAX_SHOWN: usize = 64;

/// What serde calls the values that it finds, without the values themselves.
const KINDS: [&str; 10] = [
    "null",
    "boolean",
    "integer",
    "floating point",
    "string",
    "character",
    "sequence",
    "map",
    "unit value",
    "enum",
];

/// Explains why `claims` do not fit a type.
pub(super) fn explain(claims: &[u8], error: &Error) -> String {
    let mut text = "the claims do not fit the type that reads them: ".to_owned();
    if let Some(claim) = claim_at(claims, error) {
        let shown: String = claim.chars().take(MAX_SHOWN).collect();
        // Writing to a string never fails.
        let _ = write!(text, "the claim {shown:?}: ");
    }
    text.push_str(&without_values(&error.to_string()));
    text
}

/// Returns an error message of serde without values. Messages of other kinds, such as those of types that parse text, may
/// contain the value, and are left out.
fn without_values(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(m, _)| m);
    // The last one is not part of a value, since what is expected follows the value.
    let expected = message.rsplit_once(", expected ").map(|(_, e)| e);
    let kind_of = |rest: &str| KINDS.into_iter().find(|kind| rest.starts_with(kind));
    let shown = if let Some(rest) = message.strip_prefix("missing field `") {
        let name = rest.split('`').next();
        name.map(|name| format!("missing field `{name}`"))
    } else if let Some(rest) = message.strip_prefix("invalid type: ") {
        let kind = kind_of(rest).unwrap_or("another value");
        expected.map(|expected| format!("invalid type: {kind}, expected {expected}"))
    } else if let Some(rest) = message.strip_prefix("invalid value: ") {
        let kind = kind_of(rest).unwrap_or("another value");
        // What is expected may be the error of a parser, with a part of the text.
        let is_number = ["integer", "floating point"].contains(&kind);
        let expected = expected.filter(|_| is_number);
        Some(match expected {
            Some(expected) => format!("invalid value: {kind}, expected {expected}"),
            None => format!("invalid value: {kind}"),
        })
    } else if message.starts_with("unknown variant `") {
        expected.map(|expected| format!("unknown variant, expected {expected}"))
    } else if message.starts_with("unknown field `") {
        Some("unknown field".to_owned())
    } else if message.starts_with("duplicate field `") {
        Some("duplicate field".to_owned())
    } else {
        None
    };
    shown.unwrap_or_else(|| "the type does not accept it".to_owned())
}

/// Returns the name of the claim in which the error is. It is `None` if the object as a whole does not fit.
fn claim_at(claims: &[u8], error: &Error) -> Option<String> {
    let line_start = claims
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().checked_sub(1)?)
        .map(<[u8]>::len)
        .sum::<usize>();
    let before = claims.get(..line_start.checked_add(error.column())?)?;
    let (mut depth, mut is_key, mut key) = (0_usize, false, None);
    let mut rest = before;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let len = string_len(tail)?;
                if is_key && depth == 1 {
                    key = tail.get(..len);
                }
                rest = tail.get(len.checked_add(1)?..).unwrap_or_default();
            }
            _ => {}
        }
        is_key = match byte {
            b'{' | b',' => true,
            b' ' | b'\t' | b'\n' | b'\r' => is_key,
            _ => false,
        };
    }
    let key = key.filter(|_| depth > 0)?;
    Some(String::from_utf8_lossy(key).into_owned())
}

/// Returns the length of a JSON string, whose opening quote has been read, without its closing quote.
fn string_len(text: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(rename_all = "lowercase")]
    enum Tier {
        Free,
        Paid,
    }

    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "only the errors are of interest")]
    struct Realm {
        roles: Vec<String>,
    }

    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "only the errors are of interest")]
    struct Tenant {
        tid: String,
        #[serde(default)]
        age: Option<u8>,
        #[serde(default)]
        tier: Option<Tier>,
        #[serde(default)]
        address: Option<std::net::IpAddr>,
        realm: Option<Realm>,
    }

    fn explained<T: DeserializeOwned + std::fmt::Debug>(claims: &str) -> String {
        let error = serde_json::from_str::<T>(claims).unwrap_err();
        let text = explain(claims.as_bytes(), &error);
        let prefix = "the claims do not fit the type that reads them: ";
        text.strip_prefix(prefix).unwrap().to_owned()
    }

    #[test]
    fn explanation_names_the_claim_and_the_types() {
        for (claims, expected) in [
            (r#"{"sub":"ada"}"#, "missing field `tid`"),
            (
                r#"{"tid":null}"#,
                r#"the claim "tid": invalid type: null, expected a string"#,
            ),
            (
                r#"{"sub":"a","tid":{"a":[1]},"exp":3}"#,
                r#"the claim "tid": invalid type: map, expected a string"#,
            ),
            (
                "{\n \"sub\" : \"a\\\",{\",\n \"age\" : 300}",
                r#"the claim "age": invalid value: integer, expected u8"#,
            ),
            (
                r#"{"tid":"x","tier":"secret","a":1}"#,
                r#"the claim "tier": unknown variant, expected `free` or `paid`"#,
            ),
            (
                r#"{"tid":"x","realm":{"groups":["roles"]}}"#,
                r#"the claim "realm": missing field `roles`"#,
            ),
            (
                r#"{"tid":"x","address":"secret"}"#,
                r#"the claim "address": the type does not accept it"#,
            ),
        ] {
            assert_eq!(explained::<Tenant>(claims), expected, "{claims}");
        }
    }

    #[test]
    fn explanation_contains_no_value_of_a_claim() {
        for value in [
            r#""secret""#,
            r#""a, expected secret""#,
            r#""`secret`""#,
            r#""\"secret""#,
            r#"["secret"]"#,
            r#"{"a":"secret"}"#,
            r#"["x",{"b":["secret"]}]"#,
        ] {
            let claims = format!(r#"{{"sub":"secret","age":{value},"tid":{value}}}"#);
            for text in [
                explained::<Tenant>(&claims),
                explained::<Vec<u8>>(&claims),
                explained::<std::collections::HashMap<String, u8>>(&claims),
                explained::<std::collections::HashMap<String, std::net::IpAddr>>(&claims),
            ] {
                assert!(!text.contains("secret"), "{claims}: {text}");
            }
        }
    }
}
