use countersign::BoxFuture;
use countersign::directory::CredentialKind;
use countersign::registry::{
    Page, Registry as _, RegistryError, Session, SessionSelector, Sessions as _,
};
use countersign::time::{Clock as _, SystemClock};
use countersign::{Id, Scopes};
use countersign_store::SessionRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::page::{cut, one_more};
use super::{CredentialResponse, Operations, OpsError};
use crate::schema::{self, Rfc3339};

/// A session, without its token.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionResponse {
    #[schema(value_type = schema::Id)]
    pub id: Id,
    /// The name that the client chose.
    #[schema(required = true)]
    pub session_id: Option<String>,
    pub issuer: String,
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Scopes,
    pub issued_at: Rfc3339,
    pub expires_at: Rfc3339,
}

/// A session, and the key or user that it belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnedSessionResponse {
    #[serde(flatten)]
    pub session: SessionResponse,
    #[schema(value_type = schema::Id)]
    pub credential_id: Id,
    /// `key` or `user`.
    #[schema(value_type = String)]
    pub credential_kind: CredentialKind,
    pub credential_name: String,
}

/// A page of the sessions of all credentials whose tokens have not expired.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllSessionsResponse {
    pub sessions: Vec<OwnedSessionResponse>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<schema::Id>, required = true)]
    pub next: Option<Id>,
}

/// The sessions of a credential whose tokens have not expired.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionListResponse {
    pub sessions: Vec<SessionResponse>,
}

impl From<Session> for SessionResponse {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            session_id: session.name.map(|name| name.as_str().to_owned()),
            issuer: session.issuer.to_string(),
            scopes: session.scopes,
            issued_at: session.issued_at.into(),
            expires_at: session.expires_at.into(),
        }
    }
}

impl From<SessionRecord> for OwnedSessionResponse {
    fn from(record: SessionRecord) -> Self {
        Self {
            session: record.session.into(),
            credential_id: record.credential,
            credential_kind: record.credential_kind,
            credential_name: record.credential_name,
        }
    }
}

impl Operations {
    /// Returns the key or user of this id, or the user of this name. A user's name may look like an id.
    pub fn find_credential<'a>(
        &'a self,
        text: &'a str,
    ) -> BoxFuture<'a, Result<CredentialResponse, OpsError>> {
        Box::pin(async move {
            let mut found = Err(RegistryError::NotFound);
            if let Ok(id) = text.parse() {
                found = self.store.show(&self.caller, id).await;
            }
            if let (Err(RegistryError::NotFound), Ok(name)) = (&found, text.parse()) {
                found = self.store.find_user(&self.caller, name).await;
            }
            match found? {
                record if record.kind == CredentialKind::Token => {
                    Err(RegistryError::NotFound.into())
                }
                record => Ok(record.into()),
            }
        })
    }

    /// Lists the sessions of a credential, oldest first.
    pub fn list_sessions(
        &self,
        credential: Id,
    ) -> BoxFuture<'_, Result<SessionListResponse, OpsError>> {
        Box::pin(async move {
            let now = SystemClock.now();
            let sessions = self.store.list_sessions(&self.caller, credential, now);
            let sessions = sessions.await?.into_iter().map(Into::into).collect();
            Ok(SessionListResponse { sessions })
        })
    }

    /// Lists a page of the sessions of all credentials that the caller can access, oldest first.
    pub fn list_all_sessions(
        &self,
        page: Page,
    ) -> BoxFuture<'_, Result<AllSessionsResponse, OpsError>> {
        Box::pin(async move {
            let sessions = self.store.list_all_sessions(&self.caller, one_more(page));
            let (sessions, next) = cut(sessions.await?, page.limit, |record| record.session.id);
            Ok(AllSessionsResponse {
                sessions: sessions.into_iter().map(Into::into).collect(),
                next,
            })
        })
    }

    /// Ends the session of this id, or else those of this name: a client may choose a name that looks
    /// like an id.
    pub fn end_session<'a>(
        &'a self,
        credential: Id,
        session: &'a str,
    ) -> BoxFuture<'a, Result<(), OpsError>> {
        Box::pin(async move {
            if let Ok(id) = session.parse() {
                let by_id = SessionSelector::Id(id);
                match self
                    .store
                    .end_sessions(&self.caller, credential, by_id)
                    .await
                {
                    Err(RegistryError::NotFound) => {}
                    ended => return Ok(ended?),
                }
            }
            let name = session.parse().map_err(|_| RegistryError::NotFound)?;
            let by_name = SessionSelector::Named(name);
            let ended = self.store.end_sessions(&self.caller, credential, by_name);
            Ok(ended.await?)
        })
    }
}
