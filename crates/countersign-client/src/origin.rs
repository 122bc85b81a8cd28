use std::sync::Arc;

use countersign::url::{HttpUrl, UrlError};
use http::Uri;

/// Scheme, host and port of a server (RFC 6454 §4) that may receive tokens.
///
/// ```
/// use countersign_client::{Origin, OriginError};
///
/// assert!(Origin::parse("https://api.example").is_ok());
/// assert!(Origin::parse("http://127.0.0.1:8080").is_ok());
/// assert_eq!(Origin::parse("http://api.example"), Err(OriginError::PlainHttp));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Parses a URL and drops its path and query.
    ///
    /// # Errors
    ///
    /// - [`OriginError::Url`] if the text is not an absolute `http` or `https` URL.
    /// - [`OriginError::PlainHttp`] if the scheme is `http` and the host is not this machine.
    pub fn parse(url: &str) -> Result<Self, OriginError> {
        let url = HttpUrl::parse(url).map_err(OriginError::Url)?;
        if !url.is_https() && !url.is_loopback() {
            return Err(OriginError::PlainHttp);
        }
        Self::of(url.uri()).ok_or(OriginError::Url(UrlError::Malformed))
    }

    /// Returns the origin of a request target, or `None` if it has no scheme or authority.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            is_https,
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
        })
    }
}

/// Which requests get a token.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    pub(crate) origins: Arc<[Origin]>,
    /// Whether requests without scheme and authority get one.
    pub(crate) relative: bool,
}

impl Targets {
    /// Returns whether a request to `uri` gets a token.
    pub(crate) fn include(&self, uri: &Uri) -> bool {
        if uri.authority().is_none() {
            return self.relative;
        }
        Origin::of(uri).is_some_and(|origin| self.origins.contains(&origin))
    }
}

/// The reason why a URL is not an origin that may receive tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// The text is not an absolute `http` or `https` URL.
    #[error("{0}")]
    Url(UrlError),
    /// The scheme is `http`, over which anyone on the way can read the token.
    #[error(
        "tokens are sent over https only; http is allowed for this machine's loopback addresses"
    )]
    PlainHttp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_equal_if_scheme_host_and_port_are() {
        let origin = Origin::parse("https://API.example/v1?x").unwrap();
        for same in ["https://api.example", "https://api.example:443/calls"] {
            assert_eq!(Origin::parse(same).unwrap(), origin, "{same}");
        }
        for other in [
            "https://api.example:8443",
            "https://api.example.evil.example",
            "https://evil.example/api.example",
        ] {
            assert_ne!(Origin::parse(other).unwrap(), origin, "{other}");
        }
        assert_ne!(
            Origin::of(&Uri::from_static("http://api.example/")),
            Some(origin)
        );
    }
}
