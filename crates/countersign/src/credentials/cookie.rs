use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::headers::is_tchar;
use super::{Carrier, Credentials, Form};
use crate::reason::Reason;

/// The longest name, in bytes.
const MAX_NAME: usize = 256;

/// The name of a cookie that carries a token (RFC 6265 §4.1.1). Upper and lower case differ.
///
/// Give the name the prefix `__Host-`. Browsers then accept the cookie only over https, with `Secure` and `Path=/`, and without
/// `Domain`, so that no other host of the domain can set it. Set it with `HttpOnly`, and with `SameSite=Lax` or `Strict`.
///
/// ```
/// use countersign::credentials::CookieName;
///
/// let name: CookieName = "__Host-token".parse()?;
/// assert_eq!(name.as_str(), "__Host-token");
/// assert!("a name".parse::<CookieName>().is_err());
/// # Ok::<(), countersign::credentials::InvalidCookieName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(Arc<str>);

impl CookieName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the range of the value in a pair of the header, if the pair is the cookie of this name.
    fn value_in(&self, pair: &[u8]) -> Option<Range<usize>> {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at(equals);
        if name.trim_ascii() != self.0.as_bytes() {
            return None;
        }
        let value = value.get(1..)?;
        let start = pair.len() - value.trim_ascii_start().len();
        Some(start..start + value.trim_ascii().len())
    }
}

impl FromStr for CookieName {
    type Err = InvalidCookieName;

    fn from_str(name: &str) -> Result<Self, InvalidCookieName> {
        let is_token = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_tchar);
        is_token.then(|| Self(name.into())).ok_or(InvalidCookieName)
    }
}

/// The error for a text that is not the name of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a cookie has 1 to 256 letters, digits and characters of !#$%&'*+-.^_`|~ (RFC 6265 §4.1.1)"
)]
#[non_exhaustive]
pub struct InvalidCookieName;

/// Finds the credentials in the cookies of these names. A request may have several `cookie` lines (RFC 9113 §8.2.3).
pub(super) fn read(
    headers: &HeaderMap,
    names: &[CookieName],
) -> Result<Option<Credentials>, Reason> {
    let mut found: Option<Credentials> = None;
    for name in names {
        let carrier = Carrier::Cookie(name.clone());
        for line in headers.get_all(COOKIE) {
            for range in values_in(line, name) {
                match &found {
                    Some(first) if *first.carrier() == carrier => {
                        return Err(Reason::RepeatedCookie);
                    }
                    Some(_) => return Err(Reason::SeveralCredentials),
                    None => {
                        let form = Form::Header(line.clone(), range);
                        found = Some(Credentials::new(carrier.clone(), form));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Removes the cookies of these names. All others stay, in the same order.
pub(super) fn strip(headers: &mut HeaderMap, names: &[CookieName]) {
    let is_named = |line: &HeaderValue| {
        let mut names = names.iter();
        names.any(|name| values_in(line, name).next().is_some())
    };
    if !headers.get_all(COOKIE).iter().any(is_named) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    headers.remove(COOKIE);
    for line in lines {
        let rest = match is_named(&line) {
            true => without(&line, names),
            false => Some(line),
        };
        if let Some(rest) = rest {
            headers.append(COOKIE, rest);
        }
    }
}

/// Returns a line without the cookies of these names, or `None` if there are no others.
fn without(line: &HeaderValue, names: &[CookieName]) -> Option<HeaderValue> {
    let is_other = |pair: &&[u8]| names.iter().all(|name| name.value_in(pair).is_none());
    let others: Vec<&[u8]> = pairs(line)
        .filter(is_other)
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
        .collect();
    if others.is_empty() {
        return None;
    }
    let mut rest = HeaderValue::from_bytes(&others.join(&b"; "[..])).ok()?;
    rest.set_sensitive(line.is_sensitive());
    Some(rest)
}

/// Returns where the values of the cookies of this name are in a line.
fn values_in(line: &HeaderValue, name: &CookieName) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    pairs(line).filter_map(move |pair| {
        let start = next;
        next += pair.len() + 1;
        let value = name.value_in(pair)?;
        Some(start + value.start..start + value.end)
    })
}

/// Returns the pairs of a line, with the white space around them.
fn pairs(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|&byte| byte == b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        headers
    }

    fn names(names: &[&str]) -> Vec<CookieName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn read_token(lines: &[&str]) -> Result<Option<String>, Reason> {
        let found = read(&headers(lines), &names(&["token"]))?;
        Ok(found.map(|found| String::from_utf8(found.expose().to_vec()).unwrap()))
    }

    fn stripped(lines: &[&str]) -> Vec<String> {
        let mut headers = headers(lines);
        strip(&mut headers, &names(&["token"]));
        let lines = headers.get_all(COOKIE).iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn cookie_of_the_name_is_found_among_others_and_in_any_line() {
        for lines in [
            &["token=a.b.c"][..],
            &["token=a.b.c;"],
            &["theme=dark; token=a.b.c; lang=de"],
            &["theme=dark;token=a.b.c"],
            &["theme=dark;\t token = a.b.c ; lang=de"],
            &["theme=dark", "lang=de; token=a.b.c"],
            &["nameless; =empty; token=a.b.c"],
        ] {
            assert_eq!(read_token(lines), Ok(Some("a.b.c".to_owned())), "{lines:?}");
        }
    }

    #[test]
    fn other_cookies_are_not_credentials() {
        for lines in [
            &[][..],
            &[""],
            &["token"],
            &["Token=a", "TOKEN=a"],
            &["xtoken=a; token2=a; __Host-token=a"],
            &["theme=token=a"],
            &["theme=\"token=a\""],
        ] {
            assert_eq!(read_token(lines), Ok(None), "{lines:?}");
        }
    }

    #[test]
    fn empty_cookie_is_presented_all_the_same() {
        assert_eq!(read_token(&["token="]), Ok(Some(String::new())));
        assert_eq!(read_token(&["a=b; token= ; c=d"]), Ok(Some(String::new())));
    }

    #[test]
    fn repeated_cookie_and_two_cookies_with_tokens_are_a_contradiction() {
        for lines in [
            &["token=a; token=a"][..],
            &["token=a; token=b"],
            &["token=a", "token=b"],
            &["token=; theme=dark; token=a"],
        ] {
            assert_eq!(read_token(lines), Err(Reason::RepeatedCookie), "{lines:?}");
        }
        let both = read(&headers(&["a=1; b=2"]), &names(&["a", "b"]));
        assert_eq!(both.map(drop), Err(Reason::SeveralCredentials));
        let one = read(&headers(&["b=2"]), &names(&["a", "b"])).unwrap();
        assert_eq!(one.unwrap().expose(), b"2");
    }

    #[test]
    fn only_the_cookie_of_the_name_is_removed() {
        for (lines, rest) in [
            (&["token=a"][..], &[][..]),
            (&["token=a; "], &[]),
            (&["theme=dark; token=a; lang=de"], &["theme=dark; lang=de"]),
            (
                &["theme=dark;token = a;lang=\"d e\""],
                &["theme=dark; lang=\"d e\""],
            ),
            (&["token=a; token=b; x=y"], &["x=y"]),
            (
                &["theme=dark;  lang=de", "token=a"],
                &["theme=dark;  lang=de"],
            ),
            (
                &["token=a; a=b", "c=d; token=e", "f=g"],
                &["a=b", "c=d", "f=g"],
            ),
            (
                &["theme=token=a; Token=b; token"],
                &["theme=token=a; Token=b; token"],
            ),
        ] {
            assert_eq!(stripped(lines), rest, "{lines:?}");
        }
    }

    #[test]
    fn name_is_a_token_of_at_most_256_bytes() {
        for name in ["__Host-token", "a", "x!#$%&'*+-.^_`|~9"] {
            assert_eq!(name.parse::<CookieName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(257);
        for name in ["", "a b", "a=b", "a;b", "a,b", "\"a\"", "é", "a\n", &long] {
            assert_eq!(name.parse::<CookieName>(), Err(InvalidCookieName), "{name}");
        }
    }
}
