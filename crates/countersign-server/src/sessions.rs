//! Sessions as whoever runs the server sees them: by command and over HTTP.

use countersign::registry::{Caller, RegistryError, Session, SessionSelector, Sessions as _};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use countersign_store::Store;
use serde::Serialize;
use utoipa::ToSchema;

use crate::command::output::{self, rfc3339};
use crate::http::values;

/// A session. Its token is not in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptSession)]
pub(crate) struct Shown<'a> {
    #[schema(value_type = values::Id)]
    id: Id,
    #[schema(required = true)]
    session_id: Option<&'a str>,
    issuer: &'a str,
    #[schema(value_type = Vec<values::Scope>)]
    scopes: &'a Scopes,
    #[serde(serialize_with = "output::moment")]
    #[schema(value_type = values::Moment)]
    issued_at: Timestamp,
    #[serde(serialize_with = "output::moment")]
    #[schema(value_type = values::Moment)]
    expires_at: Timestamp,
}

impl<'a> From<&'a Session> for Shown<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id,
            session_id: session.name.as_ref().map(|name| name.as_str()),
            issuer: &session.issuer,
            scopes: &session.scopes,
            issued_at: session.issued_at,
            expires_at: session.expires_at,
        }
    }
}

impl Shown<'_> {
    /// For a table.
    pub(crate) fn cells(&self) -> [String; 6] {
        [
            self.id.to_string(),
            self.session_id.unwrap_or_default().to_owned(),
            rfc3339(self.issued_at),
            rfc3339(self.expires_at),
            self.issuer.to_owned(),
            self.scopes.to_string(),
        ]
    }
}

/// Ends the session of this id, or else those of this name: a client may have chosen one that looks like an id.
pub(crate) async fn end(
    store: &Store,
    caller: &Caller,
    credential: Id,
    session: &str,
) -> Result<(), RegistryError> {
    if let Ok(id) = session.parse() {
        let ended = store.end_sessions(caller, credential, SessionSelector::Id(id));
        match ended.await {
            Err(RegistryError::NotFound) => {}
            ended => return ended,
        }
    }
    let name = session.parse().map_err(|_| RegistryError::NotFound)?;
    let named = SessionSelector::Named(name);
    store.end_sessions(caller, credential, named).await
}
