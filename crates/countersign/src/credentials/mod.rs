//! What one request presented, and where it travelled.
//!
//! Mechanisms declare [`Carrier`]s. Reading a request's headers is a matter of *presence*: the
//! declared carriers are looked for, and nothing is verified, so that two credentials are a conflict
//! before either is looked at.

mod carrier;
mod headers;
mod scheme;

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use http::HeaderValue;

use crate::secret::Secret;

pub use carrier::{AuthScheme, Carrier};
pub(crate) use headers::{Carriers, Presented};
pub use scheme::Scheme;

/// The address that a request came from, as a request extension.
///
/// Whoever accepts connections puts it there: the peer's, or behind proxies that are trusted the one that they
/// check_freshness for. Credentials that may be presented from certain networks alone are refused where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an address is all that it is")]
pub struct ClientAddress(pub IpAddr);

/// What one request presented (RFC 9110 §11.4): not yet judged, and never printed.
#[derive(Clone)]
pub struct Credentials {
    carrier: Carrier,
    form: Form,
    from: Option<IpAddr>,
}

#[derive(Clone)]
enum Form {
    /// A clone of the header value is a reference count: the secret is not copied.
    Header(HeaderValue, Range<usize>),
    Text(Secret),
    Pair {
        id: Secret,
        secret: Secret,
    },
}

impl Credentials {
    /// An API key from a request's body.
    #[must_use]
    pub fn key(key: Secret) -> Self {
        Self {
            carrier: Carrier::BodyKey,
            form: Form::Text(key),
            from: None,
        }
    }

    /// A client's id and secret from a request's body, or from a header that a wire has decoded by its own
    /// rule. They name a key, never a user.
    #[must_use]
    pub fn client(id: Secret, secret: Secret) -> Self {
        Self {
            carrier: Carrier::BodyClient,
            form: Form::Pair { id, secret },
            from: None,
        }
    }

    /// A user's name and password from a request's body. They name a user, never a key.
    #[must_use]
    pub fn user(name: Secret, password: Secret) -> Self {
        Self {
            carrier: Carrier::BodyUser,
            form: Form::Pair {
                id: name,
                secret: password,
            },
            from: None,
        }
    }

    pub(crate) fn header(carrier: Carrier, value: HeaderValue, range: Range<usize>) -> Self {
        Self {
            carrier,
            form: Form::Header(value, range),
            from: None,
        }
    }

    /// The same, presented from this address.
    #[must_use]
    pub fn presented_from(mut self, address: Option<ClientAddress>) -> Self {
        self.from = address.map(|ClientAddress(address)| address.to_canonical());
        self
    }

    /// The address that they were presented from, where it is known. An IPv4 address is one, also where it came
    /// mapped into IPv6.
    #[must_use]
    pub const fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// Where they travelled.
    #[must_use]
    pub fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// The bytes presented: what follows the scheme in `Authorization`, the whole value of a header of
    /// its own, or the key from a body. Empty for a pair.
    ///
    /// They are secret. Do not log them, and do not keep them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match &self.form {
            Form::Header(value, range) => value.as_bytes().get(range.clone()).unwrap_or_default(),
            Form::Text(text) => text.expose().as_bytes(),
            Form::Pair { .. } => &[],
        }
    }

    /// The two halves of a pair, secret as [`expose`](Self::expose)'s bytes are; `None` for all else.
    #[must_use]
    pub fn expose_pair(&self) -> Option<(&str, &str)> {
        match &self.form {
            Form::Pair { id, secret } => Some((id.expose(), secret.expose())),
            Form::Header(..) | Form::Text(_) => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, [redacted])", self.carrier)
    }
}
