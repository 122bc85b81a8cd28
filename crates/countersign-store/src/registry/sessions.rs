//! Sessions: the token of each is stored, encrypted, until it expires.

use countersign::mint::AccessToken;
use countersign::registry::backend::{SESSION_GENERATION, SessionRequest};
use countersign::registry::{
    Caller, Page, RegistryError, Session, SessionError, SessionSelector, Sessions,
};
use countersign::time::Timestamp;
use countersign::{BoxFuture, Id};

use super::Response;
use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::{ChangedEntity, SessionRecord, StoredSession};
use crate::sql::denials::Denied;
use crate::sql::{self, Connection};
use crate::state::State;
use crate::store::Store;

impl Sessions for Store {
    fn open<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<AccessToken, SessionError>> {
        Box::pin(async move {
            let state = &self.0.state;
            let mut snapshot = self.0.database.session_snapshot().await?;
            let found = find_token(&mut snapshot, state, &request).await?;
            let checked = match found {
                Some(_) => Ok(()),
                None => check_limit(&mut snapshot, &request).await,
            };
            snapshot.commit().await?;
            drop(snapshot);
            checked?;
            if let Some(token) = found {
                return Ok(token);
            }

            // Of several requests that find no token, the first one mints it, and the others find it here.
            let mut transaction = self.0.begin().await?;
            let connection = transaction.connection();
            if let Some(token) = find_token(connection, state, &request).await? {
                return Ok(token);
            }
            check_limit(connection, &request).await?;
            let minted = (request.mint)()?;
            let session = StoredSession::new(&request, &minted);
            let sealer = state.sealer(connection).await?;
            let secret = minted.token.token.expose().as_bytes();
            let sealed = sealer.seal(&session.context(), secret, &*state.random)?;
            sql::sessions::insert(connection, &session, &sealed).await?;
            transaction.commit().await?;
            Ok(minted.token)
        })
    }

    fn list_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        now: Timestamp,
    ) -> Response<'a, Vec<Session>> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let sessions = reachable(&mut connection, caller, &credential, now).await?;
            Ok(sessions.into_iter().map(StoredSession::describe).collect())
        })
    }

    fn end_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        selector: SessionSelector,
    ) -> Response<'a, ()> {
        Box::pin(async move {
            let (mut reader, _) = self.0.look_for(caller).await?;
            selected(&mut reader, caller, &credential, &selector).await?;
            drop(reader);
            let (mut transaction, _) = self.0.begin_revocation(caller).await?;
            let now = transaction.now;
            let connection = transaction.connection();
            let sessions = selected(connection, caller, &credential, &selector).await?;
            let until = sql::denials::until(connection, now).await?;
            let lowest = Denied::Below(SESSION_GENERATION.saturating_add(1));
            for session in sessions {
                let (id, until) = (session.id, until.max(session.expires_at));
                let connection = transaction.connection();
                sql::sessions::delete(connection, &id).await?;
                sql::denials::insert(connection, &id, lowest, until, now).await?;
                let entry = AuditRecord::by(caller, "session.revoke")
                    .about(session.account, id)
                    .with("name", session.name())
                    .with("credential", credential.to_string());
                transaction.append_audit(entry).await?;
                transaction.changed(ChangedEntity::Denial(id));
            }
            Ok(transaction.commit().await?)
        })
    }
}

impl Store {
    /// Returns a page of the sessions, of all credentials that the caller can access, whose tokens have not expired, oldest
    /// first. The cursor of a page is the id of a session.
    ///
    /// # Errors
    ///
    /// Returns an error if the database cannot be read.
    pub fn list_all_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        page: Page,
    ) -> BoxFuture<'a, Result<Vec<SessionRecord>, StoreError>> {
        Box::pin(async move {
            let mut connection = self.0.database.list_reader().await?;
            let now = self.0.state.clock.now();
            sql::sessions::list_all(&mut connection, caller.account(), page, now).await
        })
    }
}

/// Returns the stored token of the session, if there is one that can be returned again.
async fn find_token(
    connection: &mut Connection,
    state: &State,
    request: &SessionRequest<'_>,
) -> Result<Option<AccessToken>, StoreError> {
    let found = sql::sessions::find_reusable(connection, request).await?;
    let Some((session, sealed)) = found else {
        return Ok(None);
    };
    let sealer = state.sealer(connection).await?;
    let left = session.expires_at.unix_seconds() - request.now.unix_seconds();
    Ok(Some(AccessToken {
        token: sealer.open_text(&session.context(), &sealed)?,
        id: session.token,
        expires_at: session.expires_at,
        expires_in: u64::try_from(left).unwrap_or(0),
        scopes: session.key.scopes,
    }))
}

/// Returns an error if the credential has as many sessions as it may have.
async fn check_limit(
    connection: &mut Connection,
    request: &SessionRequest<'_>,
) -> Result<(), SessionError> {
    let ends = sql::sessions::ends_of_live(connection, request).await?;
    match usize::try_from(request.max_sessions) {
        Ok(limit) if ends.len() >= limit => {
            let next = ends.first().copied().unwrap_or(request.now);
            Err(SessionError::TooMany(next))
        }
        _ => Ok(()),
    }
}

/// Returns the sessions, of a credential that the caller can access, that have not expired at `now`, oldest first.
async fn reachable(
    connection: &mut Connection,
    caller: &Caller,
    credential: &Id,
    now: Timestamp,
) -> Result<Vec<StoredSession>, StoreError> {
    let mut sessions = sql::sessions::list(connection, credential, now).await?;
    sessions.retain(|session| caller.can_access(&session.account));
    Ok(sessions)
}

/// Returns the sessions that a selector selects, expired ones too: while the clock is ahead, a session may seem to have
/// expired, and its token would be accepted once the clock is right.
///
/// # Errors
///
/// [`RegistryError::NotFound`] if there is none.
async fn selected(
    connection: &mut Connection,
    caller: &Caller,
    credential: &Id,
    selector: &SessionSelector,
) -> Result<Vec<StoredSession>, RegistryError> {
    let mut sessions = reachable(
        connection,
        caller,
        credential,
        Timestamp::from_unix_seconds(0),
    )
    .await?;
    sessions.retain(|session| match selector {
        SessionSelector::Id(id) => session.id == *id,
        SessionSelector::Named(name) => session.key.name.as_ref() == Some(name),
        _ => false,
    });
    match sessions.is_empty() {
        true => Err(RegistryError::NotFound),
        false => Ok(sessions),
    }
}
