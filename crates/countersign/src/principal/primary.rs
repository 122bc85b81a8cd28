use crate::directory::EnvironmentKind;
use crate::principal::Principal;

/// A [`Principal`] that a long-lived credential authenticated. Tokens are minted only for these.
///
/// A bearer token never leads to one, so a token cannot mint another:
///
/// ```compile_fail,E0277
/// use countersign::auth::Authenticator;
/// use countersign::mechanism::Jwt;
///
/// fn mint_for_bearers(jwt: Jwt) {
///     Authenticator::builder().primary(jwt); // a bearer token is not a primary credential
/// }
/// ```
#[derive(Clone, Debug)]
pub struct PrimaryPrincipal(Principal);

impl PrimaryPrincipal {
    pub(super) fn new(principal: &Principal) -> Option<Self> {
        principal.is_primary().then(|| Self(principal.clone()))
    }

    #[cfg(feature = "testing")]
    pub(crate) const fn wrap(principal: Principal) -> Self {
        Self(principal)
    }

    /// Returns the principal.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.0
    }

    /// Returns the kind of the credential's environment. Without an environment it is production.
    #[must_use]
    pub fn environment_kind(&self) -> EnvironmentKind {
        self.0.fields().environment_kind
    }
}

impl From<PrimaryPrincipal> for Principal {
    fn from(primary: PrimaryPrincipal) -> Self {
        primary.0
    }
}
