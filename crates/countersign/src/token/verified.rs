use std::sync::Arc;

use super::claims::{Claims, read};
use super::key_source::TokenRejection;
use super::managed::ManagedToken;
use super::own::check_own_denials;
use super::trusted::TrustedIssuer;
use super::verify::seconds;
use crate::credentials::ClientAddress;
use crate::jose::json::{NumericDate, Value};
use crate::jose::{KeySet, SignatureVerified};
use crate::principal::{Claims as Payload, Identity, IdentityFields};
use crate::reason::Reason;
use crate::time::Timestamp;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Access,
    Managed,
}

/// The times in a token. A fraction of a second is never rounded in favour of the token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates {
    pub(super) exp: i64,
    pub(super) iat: Option<NumericDate>,
    pub(super) nbf: Option<NumericDate>,
}

impl Dates {
    pub(super) fn read(claims: &Claims<'_>) -> Result<Self, Reason> {
        let date = |claim| read(claim, Value::date);
        Ok(Self {
            exp: date(&claims.exp)?.ok_or(Reason::TokenExpired)?.rounded_down,
            iat: date(&claims.iat)?,
            nbf: date(&claims.nbf)?,
        })
    }
}

/// A token that passed every check before that of its signature.
pub(super) struct Unverified {
    pub(super) issuer: usize,
    pub(super) audience: Arc<str>,
    pub(super) dates: Dates,
    pub(super) content: Content,
}

/// What the signature of a token proves. Everything else is decided each time that the token is presented, from the
/// cache too: [`check`](Self::check) compares times and audience, [`identity`](Self::identity) asks the directory.
///
/// A copy is made for each request with a cached token, and copies one reference count.
#[derive(Clone)]
pub(super) struct VerifiedToken {
    /// The index of the issuer.
    pub(super) issuer: usize,
    /// The version of the keys with which the signature was verified.
    pub(super) keys: u64,
    dates: Dates,
    kind: Kind,
}

/// A token of each kind, with the audience for which it was accepted.
#[derive(Clone)]
enum Kind {
    Own(Identity),
    External(Identity),
    Managed(Arc<Managed>),
}

struct Managed {
    token: ManagedToken,
    issuer: Arc<str>,
    audience: Arc<str>,
    payload: Payload,
}

/// The well-formed claims of a token that its kind must have.
pub(super) enum Content {
    Own(Identity),
    External(Identity),
    /// The token, the name of its issuer and its claims. What it may do is in its record.
    Managed(ManagedToken, Arc<str>, Payload),
}

impl Unverified {
    /// Returns the verified token. The type of the first argument is the proof.
    pub(super) fn verified(self, _: SignatureVerified, keys: &KeySet) -> VerifiedToken {
        let audience = self.audience;
        VerifiedToken {
            issuer: self.issuer,
            keys: keys.version(),
            dates: self.dates,
            kind: match self.content {
                Content::Own(identity) => Kind::Own(identity.for_audience(audience)),
                Content::External(identity) => Kind::External(identity.for_audience(audience)),
                Content::Managed(token, issuer, payload) => Kind::Managed(Arc::new(Managed {
                    token,
                    issuer,
                    audience,
                    payload,
                })),
            },
        }
    }
}

impl VerifiedToken {
    /// Checks the audience and the times again.
    pub(super) fn check(
        &self,
        issuer: &TrustedIssuer,
        now: Timestamp,
    ) -> Result<(), TokenRejection> {
        let (audience, class) = match &self.kind {
            Kind::Own(identity) | Kind::External(identity) => {
                (identity.fields().audience.as_deref(), Class::Access)
            }
            Kind::Managed(managed) => (Some(&*managed.audience), Class::Managed),
        };
        issuer.check_audience(audience.unwrap_or_default(), self.payload())?;
        issuer.check_dates(&self.dates, class, now)
    }

    fn payload(&self) -> &Payload {
        match &self.kind {
            Kind::Own(identity) | Kind::External(identity) => &identity.fields().claims,
            Kind::Managed(managed) => &managed.payload,
        }
    }

    /// Returns the identity, if the directory of the issuer denies neither the token nor its origin, or has the record of a
    /// managed token, which may be presented from that address.
    pub(super) fn identity(
        self,
        issuer: &TrustedIssuer,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Identity, Reason> {
        let directory = issuer.directory();
        match self.kind {
            Kind::Own(identity) => {
                if let Some(directory) = directory {
                    check_own_denials(directory, &issuer.url, identity.fields())?;
                }
                Ok(identity)
            }
            Kind::External(identity) => Ok(identity),
            Kind::Managed(managed) => {
                let directory = directory.ok_or(Reason::TypeRejected)?;
                let fields = managed.token.identity(directory, from, now)?;
                let (name, exp) = (Arc::clone(&managed.issuer), self.dates.exp);
                Ok(complete(fields, &managed.payload, name, exp, issuer))
            }
        }
    }

    /// Parses the claims, and returns about how many bytes the token occupies in memory.
    pub(super) fn parsed_size(&self) -> usize {
        // Subject, scopes and ids are parts of the payload, and are copied at most once.
        let copied = self.payload().json().len();
        size_of::<Self>() + size_of::<IdentityFields>() + copied + self.payload().parsed_size()
    }
}

/// Adds what is read from every token to the fields of its kind.
#[inline]
pub(super) fn complete(
    fields: IdentityFields,
    payload: &Payload,
    name: Arc<str>,
    exp: i64,
    issuer: &TrustedIssuer,
) -> Identity {
    let fields = IdentityFields {
        issuer: Some(name),
        expires_at: Some(seconds(exp)),
        accepted_until: Some(issuer.accepted_until(exp)),
        claims: payload.clone(),
        ..fields
    };
    fields.into()
}
