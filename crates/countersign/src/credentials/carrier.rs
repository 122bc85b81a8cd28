use std::borrow::Cow;

use http::HeaderName;

use super::CookieName;

/// Where credentials travel in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Carrier {
    /// `Authorization: <scheme> …` (RFC 9110 §11.6.2).
    Authorization(AuthScheme),
    /// A header whose whole value is the credential, such as `x-api-key`.
    Header(HeaderName),
    /// A cookie (RFC 6265). It counts only without an `Authorization` header and other credentials, and is never a primary
    /// credential: a browser adds it, whichever page causes the request. See [`Jwt::in_cookie`](crate::mechanism::Jwt::in_cookie).
    Cookie(CookieName),
    /// The TLS connection: a [`ClientCertificate`](super::ClientCertificate) in the request extensions. It counts only
    /// if the request has no credentials in its headers.
    ClientCertificate,
    /// A member of a body with an API key. Only token endpoints read bodies.
    BodyKey,
    /// Two members of a body with a client's id and secret. Only token endpoints read bodies.
    BodyClient,
    /// Two members of a body with a user's name and password. Only token endpoints read bodies.
    BodyUser,
}

impl Carrier {
    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    pub const BEARER: Self = Self::Authorization(AuthScheme::BEARER);
    /// `Authorization: Basic …` (RFC 7617).
    pub const BASIC: Self = Self::Authorization(AuthScheme::BASIC);
    /// `Authorization: ApiKey …`, as the challenge for API keys names it.
    pub const API_KEY: Self = Self::Authorization(AuthScheme::API_KEY);
}

/// The name of an authentication scheme. Case does not matter (RFC 9110 §11.1).
#[derive(Clone, Debug)]
pub struct AuthScheme(Cow<'static, str>);

impl Carrier {
    /// Returns whether the credentials travel in a body.
    pub(crate) const fn is_body(&self) -> bool {
        matches!(self, Self::BodyKey | Self::BodyClient | Self::BodyUser)
    }
}

impl AuthScheme {
    /// `Bearer` (RFC 6750).
    pub const BEARER: Self = Self(Cow::Borrowed("Bearer"));
    /// `Basic` (RFC 7617).
    pub const BASIC: Self = Self(Cow::Borrowed("Basic"));
    /// `ApiKey`, which no RFC defines.
    pub const API_KEY: Self = Self(Cow::Borrowed("ApiKey"));

    /// Creates a scheme from its name.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// Returns the name as challenges write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is(&self, name: &[u8]) -> bool {
        // Most clients write the name as it is registered.
        let own = self.0.as_bytes();
        own == name || own.eq_ignore_ascii_case(name)
    }
}

impl PartialEq for AuthScheme {
    fn eq(&self, other: &Self) -> bool {
        // The scheme of a request is a copy of a declared one, which is mostly the same constant.
        std::ptr::eq(self.as_str(), other.as_str()) || self.is(other.0.as_bytes())
    }
}

impl Eq for AuthScheme {}
