//! Mechanisms judge one kind of credentials each: [`Jwt`], [`ApiKeys`], [`Basic`], and your own.

mod api_keys;
mod basic;
#[cfg(feature = "passwords")]
mod failures;
mod jwt;
#[cfg(feature = "passwords")]
pub mod password;

use std::sync::Arc;
use std::time::Duration;

use crate::BoxFuture;
use crate::credentials::{Carrier, Credentials};
use crate::key::KeyPrefix;
use crate::principal::Identity;
use crate::reason::{Reason, RejectionKind};
use crate::rejection::Challenge;
use crate::time::Timestamp;

pub use api_keys::ApiKeys;
pub use basic::Basic;
#[cfg(feature = "passwords")]
pub use failures::FailureLimit;
pub use jwt::Jwt;

/// The longest password that is looked at, in bytes. What is longer is refused before hashing.
const MAX_PASSWORD: usize = 1024;

/// Judges one kind of credentials.
///
/// What it [claims](Self::claims) is judged by it alone: when it refuses, no other mechanism is
/// asked.
///
/// ```
/// use countersign::credentials::{Carrier, Credentials};
/// use countersign::mechanism::{CredentialSelector, Judged, Mechanism, Outcome};
/// use countersign::principal::Identity;
/// use countersign::rejection::{Challenge, Reason};
/// use countersign::time::Timestamp;
/// use countersign::Scopes;
/// use http::HeaderName;
///
/// /// Trusts a header that a proxy in front sets.
/// struct Proxy;
///
/// impl Mechanism for Proxy {
///     fn selectors(&self) -> Vec<CredentialSelector> {
///         vec![CredentialSelector::all(Carrier::Header(HeaderName::from_static("x-verified-user")))]
///     }
///     fn challenge(&self) -> Challenge {
///         Challenge::named("Proxy")
///     }
///     fn try_verify(&self, credentials: &Credentials, _now: Timestamp) -> Judged {
///         Judged::Now(match std::str::from_utf8(credentials.expose()) {
///             Ok(name) if !name.is_empty() => Outcome::Accepted(Identity::new("proxy", name, Scopes::none())),
///             _ => Outcome::Rejected(Reason::Custom("proxy_header_empty")),
///         })
///     }
/// }
/// ```
pub trait Mechanism: Send + Sync + 'static {
    /// Which carriers it reads, and what in them is its own.
    fn selectors(&self) -> Vec<CredentialSelector>;

    /// What it asks for when nothing was presented.
    fn challenge(&self) -> Challenge;

    /// Judges at once where that needs no waiting: no task, no lock, no I/O.
    fn try_verify(&self, credentials: &Credentials, now: Timestamp) -> Judged;

    /// Judges what [`try_verify`](Self::try_verify) left for [`Later`](Judged::Later). Mechanisms
    /// that always judge at once have no need of it.
    fn verify(
        self: Arc<Self>,
        credentials: Credentials,
        now: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        let _ = (credentials, now);
        Box::pin(std::future::ready(Outcome::Unavailable(
            Reason::MechanismUnavailable,
        )))
    }
}

/// A mechanism's answer.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is no fifth answer; a caller must treat all four"
)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the common one, and a box would be an allocation on every request"
)]
pub enum Outcome {
    /// The credentials are good.
    Accepted(Identity),
    /// They are bad.
    Rejected(Reason),
    /// They could not be judged: 503, not 401.
    Unavailable(Reason),
    /// They are not judged, right or wrong, since whoever presents them has failed too often: 429.
    Throttled {
        /// In what time they may be presented again. The client is told it in whole seconds, rounded up, and
        /// at least one.
        retry_after: Duration,
    },
}

impl From<Result<Identity, Reason>> for Outcome {
    fn from(result: Result<Identity, Reason>) -> Self {
        match result {
            Ok(identity) => Self::Accepted(identity),
            Err(reason) => match reason.kind() {
                RejectionKind::Unavailable => Self::Unavailable(reason),
                RejectionKind::TooManyRequests => Self::Throttled {
                    retry_after: Duration::ZERO,
                },
                _ => Self::Rejected(reason),
            },
        }
    }
}

/// What became of an attempt to judge at once.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "judged now, or not now")]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the common one, and a box would be an allocation on every request"
)]
pub enum Judged {
    /// Judged.
    Now(Outcome),
    /// It takes waiting: ask [`Mechanism::verify`].
    Later,
}

/// A carrier that a mechanism reads, and what in it is the mechanism's own.
///
/// Two mechanisms may read one carrier if what they claim there cannot be confused: keys of
/// different prefixes, or keys and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSelector {
    pub(crate) carrier: Carrier,
    pub(crate) part: SelectorKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SelectorKind {
    All,
    /// `<prefix>_…`. No token begins so: a JOSE header begins with `{`, in base64url `e`, and a
    /// second character after which no `_` can follow.
    Keys(KeyPrefix),
    Tokens,
}

impl CredentialSelector {
    /// Whatever the carrier holds.
    #[must_use]
    pub const fn all(carrier: Carrier) -> Self {
        Self {
            carrier,
            part: SelectorKind::All,
        }
    }

    /// Keys that begin with `<prefix>_`.
    #[must_use]
    pub const fn keys(carrier: Carrier, prefix: KeyPrefix) -> Self {
        Self {
            carrier,
            part: SelectorKind::Keys(prefix),
        }
    }

    /// Signed tokens.
    pub(crate) const fn tokens(carrier: Carrier) -> Self {
        Self {
            carrier,
            part: SelectorKind::Tokens,
        }
    }

    pub(crate) fn conflicts_with(&self, other: &Self) -> bool {
        if self.carrier != other.carrier {
            return false;
        }
        match (&self.part, &other.part) {
            (SelectorKind::Keys(a), SelectorKind::Keys(b)) => a == b,
            (SelectorKind::Keys(_), SelectorKind::Tokens)
            | (SelectorKind::Tokens, SelectorKind::Keys(_)) => false,
            _ => true,
        }
    }

    /// Whether these are keys that it claims by their prefix.
    pub(crate) fn takes_key(&self, credentials: &Credentials) -> bool {
        match &self.part {
            SelectorKind::Keys(prefix) => {
                self.carrier == *credentials.carrier() && has_prefix(credentials.expose(), prefix)
            }
            SelectorKind::All | SelectorKind::Tokens => false,
        }
    }

    /// Whether it claims all of their carrier but the keys that others claim.
    pub(crate) fn takes_rest(&self, credentials: &Credentials) -> bool {
        self.carrier == *credentials.carrier()
            && matches!(self.part, SelectorKind::All | SelectorKind::Tokens)
    }
}

fn has_prefix(text: &[u8], prefix: &KeyPrefix) -> bool {
    text.strip_prefix(prefix.as_str().as_bytes())
        .is_some_and(|rest| rest.first() == Some(&b'_'))
}

/// A mechanism whose credentials are long-lived, so that tokens may be minted for them: [`ApiKeys`],
/// [`Basic`], and what [`dangerous::AssertPrimary`](crate::dangerous::AssertPrimary) vouches for.
///
/// Sealed: nobody else can say it of theirs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not judge primary credentials, so no token can be minted for what it accepts",
    label = "not a primary mechanism",
    note = "a bearer token never mints another: give the mint `ApiKeys` or `Basic`; to an `AuthLayer` add it with `mechanism`",
    note = "a mechanism of your own over long-lived credentials goes through `countersign::dangerous::AssertPrimary`"
)]
pub trait PrimaryMechanism: Mechanism + sealed::Sealed {}

pub(crate) mod sealed {
    /// Named only here.
    #[expect(unnameable_types, reason = "that is what seals it")]
    pub trait Sealed {}
}

impl PrimaryMechanism for ApiKeys {}
impl sealed::Sealed for ApiKeys {}
impl PrimaryMechanism for Basic {}
impl sealed::Sealed for Basic {}

/// Whether text is a signed token by its looks: three base64url parts, the first a JSON object with
/// `alg`. Such a thing given as a key, secret or password is refused before anything is looked up.
pub(crate) fn looks_like_token(text: &[u8]) -> bool {
    crate::jose::looks_like_jws(text)
}
