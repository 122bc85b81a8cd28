use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::credentials::{Carrier, Scheme};
use crate::id::Id;
use crate::principal::{IdentityFields, PrimaryPrincipal, Principal, PrincipalKind, Subject};
use crate::scope::Scopes;

/// Builds a principal as the token of an external issuer gives, for tests of requirements and handlers.
///
/// ```
/// use countersign::Scopes;
/// use countersign::require::{claim, scope};
/// use countersign::testing::TestPrincipal;
///
/// let ada = TestPrincipal::new("auth0|ada")
///     .issuer("https://acme.eu.auth0.com/")
///     .scopes(Scopes::opaque("read:calls"))
///     .claim("https://acme.example/roles", ["editor"])
///     .build();
/// assert!(scope("read:calls").check(&ada).is_ok());
/// assert!(claim("https://acme.example/roles").contains("editor").check(&ada).is_ok());
/// assert!(scope("delete:calls").check(&ada).is_err());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TestPrincipal {
    subject: Box<str>,
    issuer: Arc<str>,
    scopes: Scopes,
    claims: Map<String, Value>,
}

impl TestPrincipal {
    /// Starts building a principal of the issuer `https://issuer.test`, without scopes and claims.
    pub fn new(subject: impl Into<Box<str>>) -> Self {
        Self {
            subject: subject.into(),
            issuer: "https://issuer.test".into(),
            scopes: Scopes::opaque(""),
            claims: Map::new(),
        }
    }

    /// Sets the issuer.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// Sets the scopes. Those of external issuers are [opaque](Scopes::opaque).
    pub fn scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = scopes;
        self
    }

    /// Sets a claim. A value that JSON cannot represent becomes `null`.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Builds the principal.
    #[must_use]
    pub fn build(self) -> Principal {
        let identity = IdentityFields {
            issuer: Some(self.issuer),
            claims: self.claims.into(),
            ..IdentityFields::bare(Scheme::Bearer, Subject::Text(self.subject), self.scopes)
        };
        Principal::unattached(identity.into(), Carrier::BEARER, PrincipalKind::Derived)
    }
}

impl Principal {
    /// Creates a principal of a bearer token, in an account of its own.
    #[must_use]
    pub fn for_test(subject: Id, scopes: Scopes) -> Self {
        principal(subject, scopes, Scheme::Bearer, PrincipalKind::Derived)
    }
}

impl PrimaryPrincipal {
    /// Creates a principal of an API key, in an account of its own.
    #[must_use]
    pub fn for_test(subject: Id, scopes: Scopes) -> Self {
        Self::wrap(principal(
            subject,
            scopes,
            Scheme::ApiKey,
            PrincipalKind::Primary,
        ))
    }
}

fn principal(subject: Id, scopes: Scopes, scheme: Scheme, kind: PrincipalKind) -> Principal {
    let identity = IdentityFields {
        credential: Some(subject),
        generation: 1,
        account: Some(subject),
        account_generation: 1,
        ..IdentityFields::bare(scheme, Subject::Id(subject.text()), scopes)
    };
    let carrier = match kind {
        PrincipalKind::Primary => Carrier::BodyKey,
        PrincipalKind::Derived => Carrier::BEARER,
    };
    Principal::unattached(identity.into(), carrier, kind)
}
