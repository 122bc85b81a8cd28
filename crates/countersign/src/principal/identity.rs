use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::credentials::Credentials;
use crate::credentials::Scheme;
use crate::directory::{Credential, CredentialKind, EnvironmentKind};
use crate::id::{Id, IdText};
use crate::reason::Reason;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// What a mechanism found out: whose credentials these are, and what they allow.
///
/// Mechanisms of users' own make them with [`Identity::new`]. An identity opens nothing by itself:
/// only a layer makes a `Principal` of it, and nothing in it says whether it is a primary one.
#[derive(Clone)]
pub struct Identity {
    pub(crate) subject: Subject,
    pub(crate) credential: Option<Id>,
    pub(crate) credential_kind: Option<CredentialKind>,
    pub(crate) generation: u32,
    pub(crate) account: Option<Id>,
    pub(crate) account_generation: u32,
    pub(crate) environment: Option<Id>,
    pub(crate) environment_kind: EnvironmentKind,
    pub(crate) session: Option<Id>,
    pub(crate) scheme: Scheme,
    pub(crate) scopes: Scopes,
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) payload: Option<Box<[u8]>>,
}

impl Identity {
    /// An identity of a mechanism of the user's own, with no account and no expiry.
    #[must_use]
    pub fn new(scheme: &'static str, subject: impl Into<Box<str>>, scopes: Scopes) -> Self {
        Self::bare(
            Scheme::Custom(scheme),
            Subject::Text(subject.into()),
            scopes,
        )
    }

    /// The same until `moment`. A layer does not ask again: the mechanism refuses what has expired.
    #[must_use]
    pub fn expires_at(mut self, moment: Timestamp) -> Self {
        self.expires_at = Some(moment);
        self
    }

    /// The identity behind a credential of the directory's that a mechanism of the user's own has found
    /// proof of in what was `presented`, such as a client certificate. Only such identities have an account,
    /// and only for those can tokens be minted.
    ///
    /// # Errors
    ///
    /// The [`Reason`] why the credential may not be used now: it is suspended or revoked, has expired, or may
    /// not be presented from there.
    pub fn of_credential(
        scheme: &'static str,
        credential: Credential,
        presented: &Credentials,
        now: Timestamp,
    ) -> Result<Self, Reason> {
        Self::proven(credential, Scheme::Custom(scheme), presented.from(), now)
    }

    /// The identity behind a credential of ours whose secret or password was right.
    pub(crate) fn proven(
        credential: Credential,
        scheme: Scheme,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Self, Reason> {
        credential.usable(now, from)?;
        let subject = Subject::Id(credential.id.text());
        Ok(Self {
            credential: Some(credential.id),
            credential_kind: Some(credential.kind()),
            generation: credential.generation,
            account: Some(credential.account),
            account_generation: credential.account_generation,
            environment: credential.environment,
            environment_kind: credential.environment_kind,
            expires_at: credential.expires_at,
            ..Self::bare(scheme, subject, credential.scopes)
        })
    }

    pub(crate) fn bare(scheme: Scheme, subject: Subject, scopes: Scopes) -> Self {
        Self {
            subject,
            credential: None,
            credential_kind: None,
            generation: 0,
            account: None,
            account_generation: 0,
            environment: None,
            environment_kind: EnvironmentKind::Production,
            session: None,
            scheme,
            scopes,
            issuer: None,
            expires_at: None,
            payload: None,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.subject.as_str())
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Our own subjects are ids and need no allocation.
#[derive(Clone)]
pub(crate) enum Subject {
    Id(IdText),
    Text(Box<str>),
}

impl Subject {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id.as_str(),
            Self::Text(text) => text,
        }
    }
}
