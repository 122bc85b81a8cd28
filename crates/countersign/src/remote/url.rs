//! URLs that documents may be fetched from: `https`, or `http` on this machine's loopback. With the dangerous option,
//! `http` anywhere.

#[cfg(feature = "feed")]
use crate::url::RejectedUrl;
use crate::url::{HttpUrl, UrlError};

/// Whether documents may be fetched over `http` from other machines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AllowHttp(pub(super) bool);

/// Parses the URL of an issuer that documents may be fetched from: `https`, or `http` on this machine's loopback.
#[cfg(feature = "feed")]
pub(crate) fn fetchable(text: &str) -> Result<HttpUrl, RejectedUrl> {
    let parsed = AllowHttp(false).issuer(text);
    parsed.map_err(|error| RejectedUrl::new(text, error))
}

impl AllowHttp {
    /// Parses an issuer's URL, which has no query (RFC 8414 §2).
    pub(super) fn issuer(self, text: &str) -> Result<HttpUrl, UrlError> {
        let url = self.document(text)?;
        let no_query = url.query().is_none();
        no_query.then_some(url).ok_or(UrlError::Malformed)
    }

    /// Parses a document's URL.
    pub(super) fn document(self, text: &str) -> Result<HttpUrl, UrlError> {
        let url = HttpUrl::parse(text)?;
        let may_fetch = url.is_https() || url.is_loopback() || self.0;
        may_fetch.then_some(url).ok_or(UrlError::NotHttps)
    }

    /// Parses the URL of a document that the document `by` names. A document that was fetched over `https` cannot name one
    /// on `http`.
    pub(super) fn named(self, by: &HttpUrl, text: &str) -> Result<HttpUrl, UrlError> {
        let url = self.document(text)?;
        let may_name = url.is_https() || !by.is_https();
        may_name.then_some(url).ok_or(UrlError::NotHttps)
    }

    /// Returns the two URLs of an issuer's metadata: RFC 8414 §3.1 puts the well-known name before the path, OpenID
    /// Connect Discovery §4 behind it. Both drop a slash at the path's end.
    pub(super) fn metadata(self, issuer: &HttpUrl) -> [Option<HttpUrl>; 2] {
        let origin = issuer.origin();
        let path = issuer.path().trim_end_matches('/');
        [
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
            format!("{origin}{path}/.well-known/openid-configuration"),
        ]
        .map(|url| self.document(&url).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Result<HttpUrl, UrlError> {
        AllowHttp(false).issuer(text)
    }

    fn document(text: &str) -> Result<HttpUrl, UrlError> {
        AllowHttp(false).document(text)
    }

    fn named(by: &HttpUrl, text: &str) -> Result<HttpUrl, UrlError> {
        AllowHttp(false).named(by, text)
    }

    #[test]
    fn dangerous_option_allows_http_and_no_other_scheme() {
        let allowed = AllowHttp(true);
        assert!(allowed.issuer("http://keycloak.internal/realms/a").is_ok());
        assert_eq!(
            allowed.document("ftp://keycloak.internal"),
            Err(UrlError::NotHttps)
        );
        let https = issuer("https://login.example").unwrap();
        assert_eq!(
            allowed.named(&https, "http://keys.internal"),
            Err(UrlError::NotHttps)
        );
    }

    #[test]
    fn only_https_and_http_to_loopback_are_accepted() {
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
            assert!(document(url).is_ok(), "{url}");
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
            assert_eq!(document(url), Err(error), "{url}");
        }
        let long = format!("https://login.example/{}", "a".repeat(2048));
        assert_eq!(document(&long), Err(UrlError::Malformed));
    }

    #[test]
    fn issuer_with_a_query_is_rejected_and_a_query_of_a_document_is_not_shown() {
        let url = "https://login.example:8443/keys?token=secret";
        assert_eq!(issuer(url), Err(UrlError::Malformed));
        let shown = document(url).unwrap();
        assert_eq!(
            format!("{shown:?}"),
            "https://login.example:8443/keys",
            "the query is not shown"
        );
    }

    #[test]
    fn https_issuer_cannot_name_a_document_on_this_machine_s_http() {
        let remote = issuer("https://login.example").unwrap();
        let local = issuer("http://127.0.0.1:8080").unwrap();
        let keys = "http://127.0.0.1:9/keys";
        assert_eq!(named(&remote, keys), Err(UrlError::NotHttps));
        assert!(named(&local, keys).is_ok());
        assert!(named(&remote, "https://keys.example/keys").is_ok());
    }

    #[test]
    fn metadata_are_looked_for_where_the_two_standards_put_them() {
        let places = |url: &str| {
            let url = issuer(url).unwrap();
            AllowHttp(false)
                .metadata(&url)
                .map(|url| url.unwrap().uri().to_string())
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
