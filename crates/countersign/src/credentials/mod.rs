//! The credentials of one request, and where they travel.
//!
//! Mechanisms declare the [`Carrier`]s that they read. The headers of a request are searched for
//! these carriers by presence alone, before anything is verified, so that two credentials in one
//! request are always a conflict. Only cookies, which browsers add by themselves, give way to other credentials.

mod carrier;
mod client_certificate;
mod cookie;
mod cross_site;
mod head;
mod headers;
mod scheme;

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use http::HeaderValue;

use crate::secret::Secret;

pub use carrier::{AuthScheme, Carrier};
pub use client_certificate::ClientCertificate;
#[cfg(feature = "client-certificates")]
pub use client_certificate::InvalidCertificate;
pub use cookie::{CookieName, InvalidCookieName};
pub use cross_site::{AllowedOrigins, is_cross_site};
pub(crate) use cross_site::{may_be_cross_site, names_other_site};
pub use head::RequestHead;
pub(crate) use headers::Carriers;
#[cfg(feature = "webhooks")]
pub(crate) use headers::only;
pub use scheme::Scheme;

/// The address of the client, as a request extension.
///
/// The server inserts it, for example with
/// [`ClientAddressLayer`](crate::client_address::ClientAddressLayer). Credentials that may be used from certain
/// networks only are rejected without a known address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an address is known or not")]
pub enum ClientAddress {
    /// The address of the peer or, behind trusted proxies, the one that they report.
    Known(IpAddr),
    /// A trusted proxy did not report an address that can be read. Failures of all such clients are counted together.
    Unknown,
}

impl ClientAddress {
    /// Returns the address, if it is known. An IPv4 address that was mapped into IPv6 is returned as IPv4.
    #[must_use]
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Known(address) => Some(address.to_canonical()),
            Self::Unknown => None,
        }
    }
}

/// The credentials of one request (RFC 9110 §11.4), not yet authenticated. They cannot be printed.
#[derive(Clone)]
pub struct Credentials {
    carrier: Carrier,
    form: Form,
    /// The address that they come from.
    pub(crate) from: Option<ClientAddress>,
}

#[derive(Clone)]
enum Form {
    /// Cloning the header value copies a reference count, not the secret.
    Header(HeaderValue, Range<usize>),
    Text(Secret),
    /// An id and a secret, or a name and a password.
    Pair(Secret, Secret),
    Certificate(ClientCertificate),
}

impl Credentials {
    /// Creates the credentials of an API key in a request body.
    #[must_use]
    pub fn key(key: Secret) -> Self {
        Self::new(Carrier::BodyKey, Form::Text(key))
    }

    /// Creates the credentials of a client's id and secret, from a request body or from a header that
    /// a token endpoint decodes by a rule of its own. They identify an API key, never a user.
    #[must_use]
    pub fn client(id: Secret, secret: Secret) -> Self {
        Self::new(Carrier::BodyClient, Form::Pair(id, secret))
    }

    /// Creates the credentials of a user's name and password in a request body. They identify a user,
    /// never an API key.
    #[must_use]
    pub fn user(name: Secret, password: Secret) -> Self {
        Self::new(Carrier::BodyUser, Form::Pair(name, password))
    }

    /// Creates the credentials of a client's certificate.
    #[must_use]
    pub const fn certificate(certificate: ClientCertificate) -> Self {
        Self::new(Carrier::ClientCertificate, Form::Certificate(certificate))
    }

    const fn new(carrier: Carrier, form: Form) -> Self {
        Self {
            carrier,
            form,
            from: None,
        }
    }

    /// Sets the address that the credentials come from.
    #[must_use]
    pub fn presented_from(mut self, address: Option<ClientAddress>) -> Self {
        self.from = address;
        self
    }

    /// Returns the address that the credentials come from, or `None` if the service does not determine addresses.
    #[must_use]
    pub const fn from(&self) -> Option<ClientAddress> {
        self.from
    }

    /// Returns where the credentials travelled.
    #[must_use]
    pub fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// Returns the credentials as bytes: what follows the scheme in `Authorization`, the whole value
    /// of another header, the value of a cookie, or the API key of a body. They are empty for an id and secret of a body, and
    /// for a certificate.
    ///
    /// They are secret. Do not log or store them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match &self.form {
            Form::Header(value, range) => value.as_bytes().get(range.clone()).unwrap_or_default(),
            Form::Text(text) => text.expose().as_bytes(),
            Form::Pair(..) | Form::Certificate(_) => &[],
        }
    }

    /// Returns the id and secret, or the name and password, of a body. They are secret.
    #[must_use]
    pub fn expose_pair(&self) -> Option<(&str, &str)> {
        match &self.form {
            Form::Pair(id, secret) => Some((id.expose(), secret.expose())),
            Form::Header(..) | Form::Text(_) | Form::Certificate(_) => None,
        }
    }

    /// Returns the certificate of the client, if it is what the credentials are.
    #[must_use]
    pub const fn client_certificate(&self) -> Option<&ClientCertificate> {
        match &self.form {
            Form::Certificate(certificate) => Some(certificate),
            Form::Header(..) | Form::Text(_) | Form::Pair(..) => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, [redacted])", self.carrier)
    }
}
