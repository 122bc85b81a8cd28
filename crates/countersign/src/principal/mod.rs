//! The caller: [`Principal`], and [`PrimaryPrincipal`] if a long-lived credential authenticated it.
//!
//! Neither can be created outside of this crate. A mechanism returns an [`Identity`], and the
//! [`Authenticator`](crate::auth::Authenticator) makes a principal of it. Whether the principal is
//! *primary* follows from how the mechanism was added, not from the identity.

mod claims;
mod identity;
mod primary;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::credentials::{Carrier, Scheme};
use crate::directory::CredentialKind;
use crate::id::Id;
use crate::rejection::{Challenges, Reason, Rejection, RejectionKind, UnmetRequirement};
use crate::scope::Scopes;
use crate::time::Timestamp;

pub use claims::ClaimPath;
pub(crate) use claims::Claims;
pub use identity::Identity;
pub(crate) use identity::{IdentityFields, Subject};
pub use primary::PrimaryPrincipal;

/// The caller of a request, as a request extension inside of an
/// [`AuthLayer`](crate::auth::AuthLayer). Cloning it copies reference counts.
#[derive(Clone)]
pub struct Principal {
    identity: Identity,
    verifier: Arc<Verifier>,
}

/// How the mechanism was added to the authenticator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalKind {
    /// With `primary`: a long-lived credential.
    Primary,
    /// With `mechanism`: a bearer token, or anything else that is not primary.
    Derived,
}

/// The mechanism that accepted the credentials, and where they travelled. It is the same for all callers whose credentials
/// the same selector selects.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// The index of the mechanism in the authenticator.
    pub(crate) mechanism: usize,
    pub(crate) carrier: Carrier,
    pub(crate) kind: PrincipalKind,
    /// They identify the authenticator.
    pub(crate) challenges: Arc<Challenges>,
}

impl Principal {
    pub(crate) const fn new(identity: Identity, verifier: Arc<Verifier>) -> Self {
        Self { identity, verifier }
    }

    /// Creates a principal that no authenticator made.
    pub(crate) fn unattached(identity: Identity, carrier: Carrier, kind: PrincipalKind) -> Self {
        let verifier = Verifier {
            mechanism: 0,
            carrier,
            kind,
            challenges: Arc::default(),
        };
        Self::new(identity, Arc::new(verifier))
    }

    fn fields(&self) -> &IdentityFields {
        self.identity.fields()
    }

    /// Returns the subject: the id of the credential for own credentials and tokens, the claim `sub`
    /// for tokens of external issuers.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.fields().subject.as_str()
    }

    /// Returns the display name of the key, or the login name of the user, for logs and pages. It may change, and is not
    /// unique: decide by the [subject](Self::subject) what a caller may do. It is `None` for tokens.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.fields().name.as_deref()
    }

    /// Returns the credential, or the credential that the token was minted from. It is `None` for
    /// tokens of external issuers.
    #[must_use]
    pub fn credential_id(&self) -> Option<&Id> {
        self.fields().credential.as_ref()
    }

    /// Returns the kind of the credential, if the credential itself was presented. It is `None` for
    /// tokens that were minted from one.
    #[must_use]
    pub fn credential_kind(&self) -> Option<CredentialKind> {
        self.fields().credential_kind
    }

    /// Returns the generation of the credential when it was presented, or when the token was minted
    /// from it.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.fields().generation
    }

    /// Returns the account. It is `None` for tokens of external issuers.
    #[must_use]
    pub fn account(&self) -> Option<&Id> {
        self.fields().account.as_ref()
    }

    /// Returns the generation of the account, at the same time as [`generation`](Self::generation).
    pub(crate) fn account_generation(&self) -> u32 {
        self.fields().account_generation
    }

    /// Returns the environment of the credential, if it has one.
    #[must_use]
    pub fn environment(&self) -> Option<&Id> {
        self.fields().environment.as_ref()
    }

    /// Returns the session of the token (`sid`), if it has one.
    #[must_use]
    pub fn session(&self) -> Option<&Id> {
        self.fields().session.as_ref().map(|(session, _)| session)
    }

    /// Returns the session of the token and its generation (`sid` and `sgn`).
    pub(crate) fn session_generation(&self) -> Option<(Id, u32)> {
        self.fields().session
    }

    /// Returns the id of the token (`jti`), if a token with an id was presented.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.fields().token_id.as_ref().map(Subject::as_str)
    }

    /// Returns the kind of credentials that authenticated the caller.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.fields().scheme
    }

    /// Returns the scopes. They are also a request extension of their own.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.fields().scopes
    }

    /// Returns the issuer of the token. It is `None` for credentials that are not tokens.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.fields().issuer.as_deref()
    }

    /// Returns when the credential or token expires. It is `None` if it does not expire.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.fields().expires_at
    }

    /// Returns until when the token is accepted: its expiry and the leeway of its issuer.
    pub(crate) fn accepted_until(&self) -> Option<Timestamp> {
        self.fields().accepted_until
    }

    /// Returns a claim of the token. It is `None` if there is no token, if the token has no such
    /// claim, or if the claim has another type. The claims are parsed once, by the first call.
    #[must_use]
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.fields().claims.get(name)
    }

    /// Returns all claims of the token as a value of your own type.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no token, or if its claims do not fit the type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.fields().claims.all()
    }

    /// Returns the claims as a JSON object. Without a token, it is empty.
    pub(crate) fn claims_object(&self) -> &Map<String, Value> {
        self.fields().claims.object()
    }

    /// Returns the claims as JSON text. Without a token, it is empty.
    #[cfg(feature = "axum")]
    pub(crate) fn claims_json(&self) -> &[u8] {
        self.fields().claims.json()
    }

    /// Returns the same principal as a primary one, if a long-lived credential authenticated it.
    #[must_use]
    pub fn primary(&self) -> Option<PrimaryPrincipal> {
        PrimaryPrincipal::new(self)
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.verifier.kind == PrincipalKind::Primary
    }

    pub(crate) fn carrier(&self) -> &Carrier {
        &self.verifier.carrier
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Returns the address that the credentials came from.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.fields().address
    }

    /// Returns the rejection of this principal for a reason of your own, such as [`Reason::Unmet`], with the challenges of
    /// the layer that accepted it. A handler of axum can return it as an error.
    #[must_use]
    pub fn reject(&self, reason: Reason) -> Rejection {
        let challenges = Arc::clone(&self.verifier.challenges);
        match (reason.kind(), self.scheme()) {
            (RejectionKind::InsufficientScope, Scheme::Bearer) => {
                Rejection::of_bearer(reason, "", challenges)
            }
            _ => Rejection::of_credentials(reason, self.carrier().clone(), challenges),
        }
    }

    pub(crate) fn reject_unmet(&self, unmet: &UnmetRequirement) -> Rejection {
        let challenges = Arc::clone(&self.verifier.challenges);
        let rejection = Rejection::of_principal(unmet, self.scheme(), challenges);
        let mut looks_misconfigured = unmet.looks_misconfigured();
        let mut explanation = format!("{unmet}, and the caller is {}", self.subject());
        if let UnmetRequirement::Scope(scope) = &*unmet.cause()
            && scope
                .split(' ')
                .all(|scope| self.scopes().would_grant_as_patterns(scope))
        {
            explanation.push_str(
                ". The scopes of its issuer are opaque, and `*` is not a pattern in them: set `scope_patterns()` if the \
                 issuer is a server of this project",
            );
            looks_misconfigured = true;
        }
        rejection.explained(explanation, looks_misconfigured)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("subject", &self.subject())
            .field("scheme", &self.scheme())
            .field("account", &self.account())
            .field("scopes", self.scopes())
            .field("kind", &self.verifier.kind)
            .finish_non_exhaustive()
    }
}
