use std::error::Error;
use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

/// The longest URL that is fetched from, in bytes.
const MAX_URL: usize = 2048;

/// A URL that may be fetched from. Shown without its query, where some put secrets.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Url(Uri);

impl Url {
    /// An issuer's URL (RFC 8414 §2): no query, no fragment.
    pub(super) fn issuer(text: &str) -> Result<Self, UrlError> {
        let url = Self::document(text)?;
        match url.0.query() {
            None => Ok(url),
            Some(_) => Err(UrlError::Malformed),
        }
    }

    /// A document's URL.
    pub(super) fn document(text: &str) -> Result<Self, UrlError> {
        // The parser drops a fragment without a word.
        if text.len() > MAX_URL || text.contains('#') {
            return Err(UrlError::Malformed);
        }
        let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(UrlError::Malformed);
        }
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => Ok(Self(uri)),
            Some(scheme) if *scheme == Scheme::HTTP && is_loopback(authority.host()) => {
                Ok(Self(uri))
            }
            Some(_) => Err(UrlError::NotHttps),
            None => Err(UrlError::Malformed),
        }
    }

    /// A document's URL that this one's document names. From `https` no way leads to this machine's `http`.
    pub(super) fn named(&self, text: &str) -> Result<Self, UrlError> {
        let url = Self::document(text)?;
        if self.is_https() && !url.is_https() {
            return Err(UrlError::NotHttps);
        }
        Ok(url)
    }

    /// Where an issuer's metadata are: RFC 8414 §3.1 puts the well-known name before the path, OpenID Connect
    /// Discovery §4 behind it. Both drop a slash at the path's end.
    pub(super) fn metadata(&self) -> [Option<Self>; 2] {
        let path = self.0.path().trim_end_matches('/');
        let at = |path: String| {
            let mut parts = self.0.clone().into_parts();
            parts.path_and_query = Some(path.parse().ok()?);
            Uri::from_parts(parts).ok().map(Self)
        };
        [
            at(format!("/.well-known/oauth-authorization-server{path}")),
            at(format!("{path}/.well-known/openid-configuration")),
        ]
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }

    fn is_https(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self
            .0
            .authority()
            .map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{authority}{}", self.0.path())
    }
}

/// RFC 6761 §6.3: `localhost` is this machine, whoever is asked.
fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || literal
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Why nothing is fetched from a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not an absolute URL of at most 2,048 bytes, or has a user, a fragment, or as an issuer's a query.
    Malformed,
    /// It is neither `https`, nor `http` to this machine's loopback.
    NotHttps,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "give an absolute URL without user and fragment, and an issuer's without query"
            }
            Self::NotHttps => {
                "keys are fetched over https, or over http from this machine's loopback"
            }
        })
    }
}

impl Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_and_http_to_loopback_are_fetched_from_and_nothing_else() {
        let good = [
            "https://login.example",
            "https://login.example:8443/realms/a",
            "https://[2001:db8::1]/keys",
            "http://127.0.0.1:8080/keys",
            "http://127.9.9.9",
            "http://[::1]:8080",
            "http://LOCALHOST:8080/realms/a",
        ];
        for url in good {
            assert!(Url::document(url).is_ok(), "{url}");
        }
        let bad = [
            ("http://login.example", UrlError::NotHttps),
            ("http://10.0.0.1/", UrlError::NotHttps),
            ("http://169.254.169.254/latest", UrlError::NotHttps),
            ("http://127.0.0.1.example/", UrlError::NotHttps),
            ("http://localhost.example/", UrlError::NotHttps),
            ("http://2130706433/", UrlError::NotHttps),
            ("http://0.0.0.0/", UrlError::NotHttps),
            ("ftp://login.example/", UrlError::NotHttps),
            ("https://user@login.example/", UrlError::Malformed),
            ("http://127.0.0.1@login.example/", UrlError::Malformed),
            ("https://login.example/#keys", UrlError::Malformed),
            ("/keys", UrlError::Malformed),
            ("login.example", UrlError::Malformed),
            ("file:///etc/keys", UrlError::Malformed),
            ("https://", UrlError::Malformed),
            ("https:///keys", UrlError::Malformed),
            ("", UrlError::Malformed),
            ("https://login.example/a b", UrlError::Malformed),
            ("https://login.example/\r\n", UrlError::Malformed),
        ];
        for (url, error) in bad {
            assert_eq!(Url::document(url), Err(error), "{url}");
        }
        let long = format!("https://login.example/{}", "a".repeat(MAX_URL));
        assert_eq!(Url::document(&long), Err(UrlError::Malformed));
    }

    #[test]
    fn issuer_with_a_query_is_refused_and_a_document_s_is_kept_to_itself() {
        let url = "https://login.example:8443/keys?token=secret";
        assert_eq!(Url::issuer(url), Err(UrlError::Malformed));
        let document = Url::document(url).unwrap();
        assert_eq!(
            format!("{document:?}"),
            "https://login.example:8443/keys",
            "nor is it shown"
        );
    }

    #[test]
    fn https_issuer_cannot_name_a_document_on_this_machine_s_http() {
        let remote = Url::issuer("https://login.example").unwrap();
        let local = Url::issuer("http://127.0.0.1:8080").unwrap();
        let keys = "http://127.0.0.1:9/keys";
        assert_eq!(remote.named(keys), Err(UrlError::NotHttps));
        assert!(local.named(keys).is_ok());
        assert!(remote.named("https://keys.example/keys").is_ok());
    }

    #[test]
    fn metadata_are_looked_for_where_the_two_standards_put_them() {
        let places = |issuer: &str| {
            let url = Url::issuer(issuer).unwrap();
            url.metadata().map(|url| url.unwrap().uri().to_string())
        };
        // RFC 8414 §3.1, its own example.
        assert_eq!(
            places("https://example.com/issuer1"),
            [
                "https://example.com/.well-known/oauth-authorization-server/issuer1",
                "https://example.com/issuer1/.well-known/openid-configuration",
            ]
        );
        for issuer in ["https://example.com", "https://example.com/"] {
            assert_eq!(
                places(issuer),
                [
                    "https://example.com/.well-known/oauth-authorization-server",
                    "https://example.com/.well-known/openid-configuration",
                ]
            );
        }
        assert_eq!(
            places("http://localhost:8080/realms/a/")[1],
            "http://localhost:8080/realms/a/.well-known/openid-configuration"
        );
    }
}
