use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::registry::Session;
use countersign::registry::backend::{SessionKey, SessionRequest, SessionToken};
use countersign::time::Timestamp;

use crate::secrets::SealContext;

/// A session, and the credential that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRecord {
    /// The session.
    pub session: Session,
    /// The id of the credential.
    pub credential: Id,
    /// The kind of the credential.
    pub credential_kind: CredentialKind,
    /// The name of the credential.
    pub credential_name: String,
}

/// A session, without its token.
///
/// The token is stored, not the data from which it could be signed again: a session then has one token whatever the
/// algorithm, and an attacker with write access to the database cannot have anything signed. The token can only be
/// decrypted together with the rest of its row, so that the token of one session is never given to the holder of
/// another.
pub(crate) struct StoredSession {
    pub(crate) id: Id,
    pub(crate) key: SessionKey,
    pub(crate) account: Id,
    /// The id of the token, `jti`.
    pub(crate) token: Id,
    pub(crate) issued_at: Timestamp,
    pub(crate) reuse_until: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl StoredSession {
    pub(crate) fn new(request: &SessionRequest<'_>, minted: &SessionToken) -> Self {
        Self {
            id: minted.session,
            key: request.key.clone(),
            account: request.account,
            token: minted.token.id,
            issued_at: minted.issued_at,
            reuse_until: minted.reuse_until,
            expires_at: minted.token.expires_at,
        }
    }

    /// Returns the context of the encrypted token: all columns of the row.
    pub(crate) fn context(&self) -> SealContext {
        let key = &self.key;
        let scopes = key.scopes.to_sorted_string();
        let row = [
            self.id.as_bytes(),
            key.issuer.as_bytes(),
            key.credential.as_bytes(),
            self.account.as_bytes(),
            &key.generation.to_be_bytes(),
            // A name is never empty.
            self.name().unwrap_or_default().as_bytes(),
            scopes.as_bytes(),
            key.audience.as_bytes(),
            key.key_id.as_bytes(),
            self.token.as_bytes(),
            &self.issued_at.unix_millis().to_be_bytes(),
            &self.reuse_until.unix_millis().to_be_bytes(),
            &self.expires_at.unix_millis().to_be_bytes(),
        ];
        SealContext::new("sessions", &row, "the token of a session")
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.key.name.as_ref().map(|name| name.as_str())
    }

    pub(crate) fn describe(self) -> Session {
        self.key.session(self.id, self.issued_at, self.expires_at)
    }
}
