//! Who is calling: [`Principal`], and [`PrimaryPrincipal`] where a long-lived credential proved it.
//!
//! Neither can be made outside this crate. A mechanism answers with an [`Identity`]; the layer that
//! asked it makes the principal. That the identity was proven by a *primary* credential is known to
//! the layer from how the mechanism was added, not from anything that the mechanism says.

mod identity;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::credentials::Scheme;
use crate::directory::{CredentialKind, EnvironmentKind};
use crate::id::Id;
use crate::rejection::{Challenges, UnmetRequirement};
use crate::scope::Scopes;
use crate::time::Timestamp;

pub use identity::Identity;
pub(crate) use identity::Subject;

/// Who is calling. A request extension behind the layer; cloning it copies a reference count.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

struct Inner {
    identity: Identity,
    proof: PrincipalKind,
    challenges: Arc<Challenges>,
}

/// What the layer knows of the mechanism that judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalKind {
    /// Added with `primary`: long-lived credentials.
    Primary,
    /// Added with `mechanism`: bearer tokens, and all that is not vouched for as primary.
    Derived,
}

impl Principal {
    pub(crate) fn new(
        identity: Identity,
        proof: PrincipalKind,
        challenges: Arc<Challenges>,
    ) -> Self {
        Self(Arc::new(Inner {
            identity,
            proof,
            challenges,
        }))
    }

    /// The subject: for our own credentials and tokens the credential's id, for foreign tokens `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.0.identity.subject.as_str()
    }

    /// The credential itself, or the one that the token was minted from; `None` for foreign tokens.
    #[must_use]
    pub fn credential_id(&self) -> Option<&Id> {
        self.0.identity.credential.as_ref()
    }

    /// What kind the credential is, where it was presented itself; `None` for tokens that were minted from one.
    #[must_use]
    pub fn credential_kind(&self) -> Option<CredentialKind> {
        self.0.identity.credential_kind
    }

    /// The credential's generation when it was presented, or when the token was minted from it.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.0.identity.generation
    }

    /// The account's id; `None` for foreign tokens.
    #[must_use]
    pub fn account(&self) -> Option<&Id> {
        self.0.identity.account.as_ref()
    }

    /// The account's generation, as [`generation`](Self::generation) is the credential's.
    pub(crate) fn account_generation(&self) -> u32 {
        self.0.identity.account_generation
    }

    /// The environment's id, where the credential belongs to one.
    #[must_use]
    pub fn environment(&self) -> Option<&Id> {
        self.0.identity.environment.as_ref()
    }

    /// The session that the token belongs to, where it belongs to one: `sid`.
    #[must_use]
    pub fn session(&self) -> Option<&Id> {
        self.0.identity.session.as_ref()
    }

    /// How the caller proved who it is.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.0.identity.scheme
    }

    /// What the caller may do. Beside the principal, these are a request extension of their own.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.identity.scopes
    }

    /// The token's issuer; `None` for credentials that are not tokens.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.identity.issuer.as_deref()
    }

    /// When the credential or token expires; `None` if it does not.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.identity.expires_at
    }

    /// A claim of the token, read from its payload when asked for; `None` where there is no token,
    /// no such claim, or one of another type.
    #[must_use]
    pub fn claim<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        let payload = self.0.identity.payload.as_deref()?;
        let mut claims: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(payload).ok()?;
        serde_json::from_value(claims.remove(name)?).ok()
    }

    /// The same principal as a primary one, if a long-lived credential proved it.
    #[must_use]
    pub fn primary(&self) -> Option<PrimaryPrincipal> {
        (self.0.proof == PrincipalKind::Primary).then(|| PrimaryPrincipal(self.clone()))
    }

    pub(crate) fn reject(&self, lack: UnmetRequirement) -> crate::rejection::Rejection {
        crate::rejection::Rejection::of_principal(
            lack,
            self.scheme(),
            Arc::clone(&self.0.challenges),
        )
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.0.proof == PrincipalKind::Primary
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("subject", &self.subject())
            .field("scheme", &self.scheme())
            .field("account", &self.account())
            .field("scopes", self.scopes())
            .field("proof", &self.0.proof)
            .finish_non_exhaustive()
    }
}

/// A [`Principal`] proven by a long-lived credential: the only thing that tokens are minted for.
///
/// There is no way from a bearer token to one of these, so a token cannot mint another:
///
/// ```compile_fail,E0277
/// use countersign::auth::PrimaryAuthenticator;
/// use countersign::mechanism::Jwt;
///
/// fn mint_for_bearers(jwt: Jwt) {
///     PrimaryAuthenticator::builder().primary(jwt); // a bearer token is not a primary credential
/// }
/// ```
#[derive(Clone, Debug)]
pub struct PrimaryPrincipal(Principal);

impl PrimaryPrincipal {
    /// What the credential's environment is for; without one, production.
    #[must_use]
    pub fn environment_kind(&self) -> EnvironmentKind {
        self.0.0.identity.environment_kind
    }
}

#[cfg(feature = "testing")]
impl PrimaryPrincipal {
    pub(crate) fn wrap(principal: Principal) -> Self {
        Self(principal)
    }
}

impl Deref for PrimaryPrincipal {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl From<PrimaryPrincipal> for Principal {
    fn from(primary: PrimaryPrincipal) -> Self {
        primary.0
    }
}
