use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use crate::credentials::{ClientAddress, Credentials, Scheme};
use crate::directory::{Credential, CredentialKind, EnvironmentKind};
use crate::id::{Id, IdText};
use crate::principal::Claims;
use crate::reason::Reason;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The identity that credentials prove, and what it may do.
///
/// Mechanisms of your own create one with [`Identity::new`] or [`Identity::of_credential`]. An
/// identity grants nothing by itself: only an authenticator makes a
/// [`Principal`](super::Principal) of it. Cloning it copies a reference count.
#[derive(Clone)]
pub struct Identity(Arc<IdentityFields>);

/// The fields of an [`Identity`].
#[derive(Clone)]
pub(crate) struct IdentityFields {
    pub(crate) subject: Subject,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) credential: Option<Id>,
    pub(crate) credential_kind: Option<CredentialKind>,
    pub(crate) generation: u32,
    pub(crate) account: Option<Id>,
    pub(crate) account_generation: u32,
    pub(crate) environment: Option<Id>,
    pub(crate) environment_kind: EnvironmentKind,
    pub(crate) session: Option<(Id, u32)>,
    pub(crate) token_id: Option<Subject>,
    /// The address that the credentials came from.
    pub(crate) address: Option<IpAddr>,
    pub(crate) scheme: Scheme,
    pub(crate) scopes: Scopes,
    pub(crate) issuer: Option<Arc<str>>,
    /// The audience of the token that this service is.
    pub(crate) audience: Option<Arc<str>>,
    pub(crate) expires_at: Option<Timestamp>,
    /// Until when the token is accepted: its expiry and the leeway of its issuer.
    pub(crate) accepted_until: Option<Timestamp>,
    pub(crate) claims: Claims,
}

impl Identity {
    /// Creates the identity of a mechanism of your own. It has no account and does not expire.
    #[must_use]
    pub fn new(scheme: &'static str, subject: impl Into<Box<str>>, scopes: Scopes) -> Self {
        IdentityFields::bare(
            Scheme::Custom(scheme),
            Subject::Text(subject.into()),
            scopes,
        )
        .into()
    }

    /// Sets when the identity expires. The mechanism itself rejects credentials that have expired.
    #[must_use]
    pub fn expires_at(mut self, moment: Timestamp) -> Self {
        Arc::make_mut(&mut self.0).expires_at = Some(moment);
        self
    }

    /// Creates the identity of a stored credential for which a mechanism of your own found proof in
    /// the `presented` credentials, such as a client certificate. Only such identities have an
    /// account, so that tokens can be minted for them.
    ///
    /// # Errors
    ///
    /// The [`Reason`] why the credential may not be used: it is suspended, revoked or expired, or may
    /// not be used from this address.
    pub fn of_credential(
        scheme: &'static str,
        credential: Credential,
        presented: &Credentials,
        now: Timestamp,
    ) -> Result<Self, Reason> {
        Self::proven(credential, Scheme::Custom(scheme), presented.from(), now)
    }

    /// Creates the identity of a stored credential whose secret or password was verified.
    pub(crate) fn proven(
        credential: Credential,
        scheme: Scheme,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Self, Reason> {
        let address = check_usable(&credential, from, now)?;
        // The fields are some hundred bytes, and are written once.
        Ok(IdentityFields::of_stored(credential, scheme, address).into())
    }

    /// Sets the audience of the token. The identity is new, so that nothing is copied.
    pub(crate) fn for_audience(mut self, audience: Arc<str>) -> Self {
        Arc::make_mut(&mut self.0).audience = Some(audience);
        self
    }

    pub(crate) fn fields(&self) -> &IdentityFields {
        &self.0
    }
}

impl From<IdentityFields> for Identity {
    fn from(fields: IdentityFields) -> Self {
        Self(Arc::new(fields))
    }
}

impl IdentityFields {
    /// Returns the fields for a stored credential whose secret, password or signature was verified.
    pub(crate) fn proven(
        credential: Credential,
        scheme: Scheme,
        from: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<Self, Reason> {
        let address = check_usable(&credential, from, now)?;
        Ok(Self::of_stored(credential, scheme, address))
    }

    /// Returns the fields for a stored credential that may be used.
    #[inline]
    fn of_stored(credential: Credential, scheme: Scheme, address: Option<IpAddr>) -> Self {
        Self {
            subject: Subject::Stored(credential.id, OnceLock::new()),
            credential_kind: Some(credential.kind()),
            name: credential.name,
            credential: Some(credential.id),
            generation: credential.generation,
            account: Some(credential.account),
            account_generation: credential.account_generation,
            environment: credential.environment,
            environment_kind: credential.environment_kind,
            session: None,
            token_id: None,
            address,
            scheme,
            scopes: credential.scopes,
            issuer: None,
            audience: None,
            expires_at: credential.expires_at,
            accepted_until: None,
            claims: Claims::default(),
        }
    }

    /// Returns the fields for a caller without a stored credential.
    pub(crate) fn bare(scheme: Scheme, subject: Subject, scopes: Scopes) -> Self {
        Self {
            subject,
            name: None,
            credential: None,
            credential_kind: None,
            generation: 0,
            account: None,
            account_generation: 0,
            environment: None,
            environment_kind: EnvironmentKind::Production,
            session: None,
            token_id: None,
            address: None,
            scheme,
            scopes,
            issuer: None,
            audience: None,
            expires_at: None,
            accepted_until: None,
            claims: Claims::default(),
        }
    }
}

/// Checks that a stored credential may be used, and returns the address that it came from.
fn check_usable(
    credential: &Credential,
    from: Option<ClientAddress>,
    now: Timestamp,
) -> Result<Option<IpAddr>, Reason> {
    let address = from.and_then(ClientAddress::ip);
    credential.usable(now, address)?;
    Ok(address)
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.0.subject.as_str())
            .field("scheme", &self.0.scheme)
            .finish_non_exhaustive()
    }
}

/// A subject or token id. Own ones are ids, and need no allocation.
#[derive(Clone)]
pub(crate) enum Subject {
    Id(IdText),
    /// An id whose characters are written when they are first needed.
    Stored(Id, OnceLock<IdText>),
    Text(Box<str>),
}

impl Subject {
    /// Returns the id, if its characters are written when they are needed.
    pub(crate) const fn id(&self) -> Option<&Id> {
        match self {
            Self::Stored(id, _) => Some(id),
            Self::Id(_) | Self::Text(_) => None,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id.as_str(),
            Self::Stored(id, text) => text.get_or_init(|| id.text()).as_str(),
            Self::Text(text) => text,
        }
    }
}
