//! Absolute HTTP URLs, for which this is the one place that decides which text is a URL, and the encoding of forms.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use http::Uri;

/// The longest URL that is accepted, in bytes.
const MAX_LENGTH: usize = 2048;

/// An absolute `http` or `https` URL (RFC 9110 §4.2) without user information and fragment.
///
/// Its text is kept as it was written, since issuers and audiences are compared letter by letter.
///
/// ```
/// use countersign::url::{HttpUrl, UrlError};
///
/// let url = HttpUrl::parse("https://auth.example:8443/realms/a?b")?;
/// assert_eq!(url.origin(), "https://auth.example:8443");
/// assert_eq!(url.path(), "/realms/a");
/// assert_eq!(url.query(), Some("b"));
///
/// assert_eq!(HttpUrl::parse("auth.example"), Err(UrlError::Malformed));
/// assert_eq!(HttpUrl::parse("https://user@auth.example"), Err(UrlError::Malformed));
/// assert_eq!(HttpUrl::parse("ftp://auth.example"), Err(UrlError::NotHttps));
/// # Ok::<(), UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    text: Box<str>,
    uri: Uri,
}

impl HttpUrl {
    /// Parses a URL of at most 2,048 bytes.
    ///
    /// # Errors
    ///
    /// - [`UrlError::Malformed`] if `text` is not an absolute URL, has user information, a fragment, a port above
    ///   65,535, or a character that RFC 3986 forbids in URLs.
    /// - [`UrlError::NotHttps`] if the scheme is neither `https` nor `http`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        // `Uri` drops a fragment silently, and accepts quotes and bytes that are not ASCII.
        let is_forbidden = |b: u8| !b.is_ascii_graphic() || matches!(b, b'"' | b'#' | b'\\');
        if text.len() > MAX_LENGTH || text.bytes().any(is_forbidden) {
            return Err(UrlError::Malformed);
        }
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        // `Uri` accepts any number as a port.
        let port = authority.as_str().strip_prefix(authority.host());
        let has_port = port.is_some_and(|port| !port.is_empty());
        if authority.as_str().contains('@')
            || authority.host().is_empty()
            || has_port && authority.port_u16().is_none()
        {
            return Err(UrlError::Malformed);
        }
        match uri.scheme_str() {
            Some("http" | "https") => Ok(Self {
                text: text.into(),
                uri,
            }),
            Some(_) => Err(UrlError::NotHttps),
            None => Err(UrlError::Malformed),
        }
    }

    /// Returns the URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the URL as a request target.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns scheme, host and port as they were written.
    #[must_use]
    pub fn origin(&self) -> &str {
        split(&self.text).0
    }

    /// Returns the path as it was written: empty, or `/` and what follows.
    #[must_use]
    pub fn path(&self) -> &str {
        without_query(split(&self.text).1)
    }

    /// Returns the query, without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    /// Returns whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Returns whether the host is this machine: `localhost` (RFC 6761 §6.3) or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || address
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl fmt::Debug for HttpUrl {
    /// Leaves the query out, where some services expect secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(without_query(&self.text))
    }
}

fn without_query(text: &str) -> &str {
    text.split('?').next().unwrap_or_default()
}

/// Splits a URL into its origin (scheme, host and port), and the path and query that follow it.
///
/// ```
/// use countersign::url::split;
///
/// assert_eq!(split("https://api.example/calls?page=2"), ("https://api.example", "/calls?page=2"));
/// assert_eq!(split("https://api.example"), ("https://api.example", ""));
/// ```
#[must_use]
pub fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).and_then(|rest| rest.find(['/', '?']));
    url.split_at_checked(rest.map_or(url.len(), |at| host + at))
        .unwrap_or_default()
}

/// Encodes a text as a name or value of `application/x-www-form-urlencoded` (RFC 6749, appendix B), with `%20` for a space.
///
/// ```
/// use countersign::url::form_encode;
///
/// assert_eq!(form_encode("a-b_c.d*"), "a-b_c.d*");
/// assert_eq!(form_encode("a b+ü"), "a%20b%2B%C3%BC");
/// ```
#[must_use]
pub fn form_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The reason why a URL is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The text is not an absolute URL of at most 2,048 bytes, or has user information, a fragment, a port above
    /// 65,535, or, as an issuer's URL, a query.
    #[error(
        "expected an absolute URL without user information and fragment, and for an issuer without query"
    )]
    Malformed,
    /// The scheme is not `https`, and `http` is not allowed here.
    #[error("use https; http is allowed for this machine's loopback addresses")]
    NotHttps,
}

/// A URL in a configuration that is rejected, and the reason.
///
/// `Debug` writes the same text as `Display`, since programs that return an error from `main` print that. User information,
/// queries and fragments may hold secrets, and are never kept.
#[cfg(feature = "remote")]
#[derive(Clone, PartialEq, Eq)]
pub struct RejectedUrl {
    url: Box<str>,
    error: UrlError,
    may_allow_http: bool,
}

#[cfg(feature = "remote")]
impl RejectedUrl {
    /// The number of characters of the URL that are kept.
    const MAX_SHOWN: usize = 200;

    pub(crate) fn new(url: &str, error: UrlError) -> Self {
        let shown = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = match shown
            .find("://")
            .and_then(|at| shown.split_at_checked(at + 3))
        {
            Some(parts) => parts,
            None => ("", shown),
        };
        let rest = rest.rsplit('@').next().unwrap_or_default();
        let shown = scheme.chars().chain(rest.chars());
        Self {
            url: shown.take(Self::MAX_SHOWN).collect(),
            error,
            may_allow_http: false,
        }
    }

    /// The URL could be used with [`dangerous::allow_http`](crate::dangerous::allow_http).
    pub(crate) fn or_allow_http(mut self) -> Self {
        let scheme = self.url.get(..7).unwrap_or_default();
        self.may_allow_http =
            self.error == UrlError::NotHttps && scheme.eq_ignore_ascii_case("http://");
        self
    }

    /// Returns the reason.
    #[must_use]
    pub fn error(&self) -> UrlError {
        self.error
    }
}

#[cfg(feature = "remote")]
impl fmt::Display for RejectedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the URL {:?} is rejected: {}", self.url, self.error)?;
        match self.may_allow_http {
            true => f.write_str(", and elsewhere with `dangerous::allow_http`"),
            false => Ok(()),
        }
    }
}

#[cfg(feature = "remote")]
impl fmt::Debug for RejectedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "remote")]
impl std::error::Error for RejectedUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_an_absolute_http_url_is_rejected() {
        for (url, error) in [
            ("", UrlError::Malformed),
            ("/keys", UrlError::Malformed),
            ("login.example", UrlError::Malformed),
            ("https://", UrlError::Malformed),
            ("https:///keys", UrlError::Malformed),
            ("file:///etc/keys", UrlError::Malformed),
            ("https://user@login.example/", UrlError::Malformed),
            ("https://login.example/#keys", UrlError::Malformed),
            ("https://login.example/a b", UrlError::Malformed),
            ("https://login.example/\r\n", UrlError::Malformed),
            ("https://login.example/\"", UrlError::Malformed),
            ("https://login.example/\\", UrlError::Malformed),
            ("https://login.example/ü", UrlError::Malformed),
            ("https://login.example:99999", UrlError::Malformed),
            ("https://login.example:", UrlError::Malformed),
            ("https://[::1]:99999", UrlError::Malformed),
            ("ftp://login.example", UrlError::NotHttps),
        ] {
            assert_eq!(HttpUrl::parse(url), Err(error), "{url}");
        }
        let longest = format!("https://a/{}", "a".repeat(MAX_LENGTH - 10));
        assert!(HttpUrl::parse(&longest).is_ok());
        let too_long = format!("{longest}a");
        assert_eq!(HttpUrl::parse(&too_long), Err(UrlError::Malformed));
    }

    #[test]
    fn parts_are_those_that_were_written() {
        for (url, origin, path, query) in [
            ("https://a.example", "https://a.example", "", None),
            ("https://a.example/", "https://a.example", "/", None),
            ("http://[::1]:8080/b", "http://[::1]:8080", "/b", None),
            (
                "https://A.example?c=/",
                "https://A.example",
                "",
                Some("c=/"),
            ),
            ("https://a:80/b//?c", "https://a:80", "/b//", Some("c")),
        ] {
            let parsed = HttpUrl::parse(url).unwrap();
            let parts = (parsed.origin(), parsed.path(), parsed.query());
            assert_eq!(parts, (origin, path, query), "{url}");
            assert_eq!(parsed.as_str(), url);
        }
    }

    #[cfg(feature = "remote")]
    #[test]
    fn rejected_url_is_shown_with_the_reason_and_without_secrets() {
        let shown = |url: &str| {
            let rejected = RejectedUrl::new(url, HttpUrl::parse(url).unwrap_err());
            assert_eq!(format!("{rejected:?}"), rejected.to_string());
            let shown = rejected.to_string();
            assert!(!shown.contains("secret"), "{shown}");
            shown
        };
        for (url, start) in [
            (
                "ftp://keys.example/a?secret",
                r#"the URL "ftp://keys.example/a" is rejected: use https"#,
            ),
            (
                "https://user:secret@a.example/b",
                r#"the URL "https://a.example/b" is rejected: expected"#,
            ),
            ("user:secret@a.example", r#"the URL "a.example" is"#),
            (
                "https:/user:secret@a.example/b",
                r#"the URL "a.example/b" is"#,
            ),
            (
                "https://a.example/#secret",
                r#"the URL "https://a.example/" is"#,
            ),
            (
                "https://a.example/\n",
                r#"the URL "https://a.example/\n" is"#,
            ),
            ("", r#"the URL "" is"#),
        ] {
            let shown = shown(url);
            assert!(shown.starts_with(start), "{shown}");
        }
        assert!(shown(&"a".repeat(10_000)).len() < 500);
    }

    #[test]
    fn debug_does_not_show_the_query() {
        let url = HttpUrl::parse("https://a.example:8443/keys?token=secret").unwrap();
        assert_eq!(format!("{url:?}"), "https://a.example:8443/keys");
    }
}
