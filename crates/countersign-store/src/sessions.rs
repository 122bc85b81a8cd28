//! Sessions: each one's token, kept sealed for as long as it is valid.
//!
//! The token itself is kept, not what it could be signed from again: it is the same bytes whatever the algorithm, and
//! whoever can write the database cannot have anything signed. It opens only beside the rest of its row, so that one
//! session's token is not handed to another's holder.

use countersign::directory::SESSION_GENERATION;
use countersign::mint::AccessToken;
use countersign::registry::backend::{SessionKey, SessionRequest, SessionToken};
use countersign::registry::{
    Caller, RegistryError, Session, SessionError, SessionSelector, Sessions,
};
use countersign::time::Timestamp;
use countersign::{BoxFuture, Id, Secret};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};

use crate::denials;
use crate::error::StoreError;
use crate::record::{corrupt, moment, read_id, read_scopes};
use crate::seal::{Place, framed};
use crate::store::{Inner, Store};
use crate::writing::{Entity, Writing, entry};

/// The statement that reads sessions that are not over, with the end that says which. Whatever denies a session's
/// token ends the session.
macro_rules! select_sessions {
    ($which:literal) => {
        concat!(
            "SELECT id, issuer, credential_id, account_id, generation, name, scopes, audience, kid, token_id, \
             issued_at, reuse_until, expires_at, sealed FROM sessions s \
             WHERE NOT EXISTS (SELECT 1 FROM denied_tokens d WHERE d.token = s.token_id AND d.issuer = s.issuer) \
             AND NOT EXISTS (SELECT 1 FROM denied_entities d \
                 WHERE d.entity = s.credential_id AND d.lowest_generation > s.generation) AND ",
            $which
        )
    };
}

impl Inner {
    async fn open_session(&self, opening: SessionRequest<'_>) -> Result<AccessToken, SessionError> {
        let mut connection = self.reader().await?;
        let mut snapshot = connection.begin().await.map_err(StoreError::from)?;
        let kept = self.kept_token(&mut snapshot, &opening).await?;
        snapshot.commit().await.map_err(StoreError::from)?;
        if let Some(token) = kept {
            return Ok(token);
        }
        drop(connection);

        // Of several that find none, the first makes it, and the others find it now.
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin(&mut connection, opening.now).await?;
        if let Some(token) = self.kept_token(writing.connection(), &opening).await? {
            return Ok(token);
        }
        check_limit(writing.connection(), &opening).await?;
        let minted = (opening.mint)()?;
        let session = StoredSession::new(&opening, &minted);
        self.insert_session(writing.connection(), &session, &minted.token.token)
            .await?;
        writing.keep().await?;
        Ok(minted.token)
    }

    /// The token that is handed out again, if there is one.
    async fn kept_token(
        &self,
        connection: &mut SqliteConnection,
        opening: &SessionRequest<'_>,
    ) -> Result<Option<AccessToken>, StoreError> {
        let SessionRequest { key, now, .. } = opening;
        let row = sqlx::query(select_sessions!(
            "credential_id = ?1 AND issuer = ?2 AND generation = ?3 AND name IS ?4 AND scopes = ?5 AND audience = ?6 \
             AND kid = ?7 AND account_id = ?8 AND issued_at <= ?9 AND reuse_until > ?9 \
             AND expires_at > ?9 AND expires_at <= ?10 ORDER BY issued_at DESC, id DESC LIMIT 1"
        ))
        .bind(key.credential.as_bytes().as_slice())
        .bind(&*key.issuer)
        .bind(key.generation)
        .bind(key.name.as_ref().map(|name| name.as_str()))
        .bind(key.scopes.to_sorted_string())
        .bind(&*key.audience)
        .bind(&*key.key_id)
        .bind(opening.account.as_bytes().as_slice())
        .bind(now.unix_millis())
        .bind(now.plus(opening.max_lifetime).unix_millis())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let session = StoredSession::read(&row)?;
        let sealer = self.ground.sealer(connection).await?;
        let token = sealer
            .open(session_place(&session.bound()), row.try_get("sealed")?)
            .map_err(|_| UNSEAL)?;
        let token = str::from_utf8(&token).or_else(|_| corrupt("a session's token"))?;
        let left = session.expires_at.unix_seconds() - now.unix_seconds();
        Ok(Some(AccessToken {
            token: Secret::from(token.to_owned()),
            id: session.token,
            expires_at: session.expires_at,
            expires_in: u64::try_from(left).unwrap_or(0),
            scopes: session.key.scopes,
        }))
    }

    async fn insert_session(
        &self,
        connection: &mut SqliteConnection,
        session: &StoredSession,
        token: &Secret,
    ) -> Result<(), StoreError> {
        let sealer = self.ground.sealer(connection).await?;
        let bound = session.bound();
        let secret = token.expose().as_bytes();
        let sealed = sealer.seal(session_place(&bound), secret, &*self.options.random)?;
        let key = &session.key;
        sqlx::query(
            "INSERT INTO sessions (id, issuer, credential_id, account_id, generation, name, scopes, audience, kid, token_id,
                                   issued_at, reuse_until, expires_at, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(session.id.as_bytes().as_slice())
        .bind(&*key.issuer)
        .bind(key.credential.as_bytes().as_slice())
        .bind(session.account.as_bytes().as_slice())
        .bind(key.generation)
        .bind(key.name.as_ref().map(|name| name.as_str()))
        .bind(key.scopes.to_sorted_string())
        .bind(&*key.audience)
        .bind(&*key.key_id)
        .bind(session.token.as_bytes().as_slice())
        .bind(session.issued_at.unix_millis())
        .bind(session.reuse_until.unix_millis())
        .bind(session.expires_at.unix_millis())
        .bind(sealed)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn list_sessions(
        &self,
        caller: &Caller,
        credential: &Id,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let mut connection = self.reader().await?;
        let sessions = sessions_of(&mut connection, caller, credential, now).await?;
        Ok(sessions.into_iter().map(StoredSession::describe).collect())
    }

    async fn end_sessions(
        &self,
        caller: &Caller,
        credential: &Id,
        which: &SessionSelector,
    ) -> Result<(), RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let now = writing.now;
        let mut sessions = sessions_of(writing.connection(), caller, credential, now).await?;
        sessions.retain(|session| match which {
            SessionSelector::Id(id) => session.id == *id,
            SessionSelector::Named(name) => session.key.name.as_ref() == Some(name),
            _ => false,
        });
        if sessions.is_empty() {
            return Err(RegistryError::NotFound);
        }
        let until = denials::until(writing.connection(), now).await?;
        for session in sessions {
            let connection = writing.connection();
            sqlx::query("DELETE FROM sessions WHERE id = ?")
                .bind(session.id.as_bytes().as_slice())
                .execute(&mut *connection)
                .await
                .map_err(StoreError::from)?;
            let until = until.max(session.expires_at);
            let lowest = SESSION_GENERATION.saturating_add(1);
            denials::deny_below_until(connection, &session.id, lowest, until).await?;
            writing.changed(Entity::Session(session.id));
            let name = session.key.name.as_ref().map(|name| name.as_str());
            let mut told = entry(caller, "session.revoke").with("name", name);
            told = told.with("credential", credential.to_string());
            (told.account, told.entity) = (Some(session.account), Some(session.id));
            writing.tell(self, told).await?;
        }
        Ok(writing.commit(self, None).await?)
    }
}

/// Whether one more may live. What is dead, or is about to be replaced because its key signs no more, is not counted.
async fn check_limit(
    connection: &mut SqliteConnection,
    opening: &SessionRequest<'_>,
) -> Result<(), SessionError> {
    let SessionRequest { key, now, .. } = opening;
    let rows = sqlx::query(select_sessions!(
        "credential_id = ? AND generation = ? AND (issuer <> ? OR kid = ?) AND expires_at > ?5 AND reuse_until > ?5 \
         ORDER BY expires_at"
    ))
    .bind(key.credential.as_bytes().as_slice())
    .bind(key.generation)
    .bind(&*key.issuer)
    .bind(&*key.key_id)
    .bind(now.unix_millis())
    .fetch_all(connection)
    .await
    .map_err(StoreError::from)?;
    let limit = usize::try_from(opening.max_sessions).unwrap_or(usize::MAX);
    match rows.first() {
        _ if rows.len() < limit => Ok(()),
        Some(first) => {
            let ends = first.try_get("expires_at").map_err(StoreError::from)?;
            Err(SessionError::TooMany(moment(ends)))
        }
        None => Err(SessionError::TooMany(*now)),
    }
}

/// A credential's sessions that are not over at `now`, oldest first.
async fn sessions_of(
    connection: &mut SqliteConnection,
    caller: &Caller,
    credential: &Id,
    now: Timestamp,
) -> Result<Vec<StoredSession>, StoreError> {
    let rows = sqlx::query(select_sessions!(
        "credential_id = ? AND expires_at > ? ORDER BY issued_at, id"
    ))
    .bind(credential.as_bytes().as_slice())
    .bind(now.unix_millis())
    .fetch_all(connection)
    .await?;
    let sessions: Result<Vec<_>, _> = rows.iter().map(StoredSession::read).collect();
    let mut sessions = sessions?;
    sessions.retain(|session| caller.can_access(&session.account));
    Ok(sessions)
}

/// A row, but for the token.
pub(crate) struct StoredSession {
    id: Id,
    key: SessionKey,
    account: Id,
    /// The token's id.
    token: Id,
    issued_at: Timestamp,
    reuse_until: Timestamp,
    expires_at: Timestamp,
}

impl StoredSession {
    fn new(opening: &SessionRequest<'_>, minted: &SessionToken) -> Self {
        Self {
            id: minted.session,
            key: opening.key.clone(),
            account: opening.account,
            token: minted.token.id,
            issued_at: minted.issued_at,
            reuse_until: minted.reuse_until,
            expires_at: minted.token.expires_at,
        }
    }

    pub(crate) fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let name: Option<&str> = row.try_get("name")?;
        let name = name.map(str::parse).transpose();
        let key = SessionKey {
            issuer: row.try_get::<&str, _>("issuer")?.into(),
            credential: read_id(row.try_get("credential_id")?)?,
            generation: row.try_get("generation")?,
            name: name.or_else(|_| corrupt("a session's name"))?,
            scopes: read_scopes(row.try_get("scopes")?)?,
            audience: row.try_get::<&str, _>("audience")?.into(),
            key_id: row.try_get::<&str, _>("kid")?.into(),
        };
        Ok(Self {
            id: read_id(row.try_get("id")?)?,
            key,
            account: read_id(row.try_get("account_id")?)?,
            token: read_id(row.try_get("token_id")?)?,
            issued_at: moment(row.try_get("issued_at")?),
            reuse_until: moment(row.try_get("reuse_until")?),
            expires_at: moment(row.try_get("expires_at")?),
        })
    }

    /// All that the row says, which its token is sealed to.
    pub(crate) fn bound(&self) -> Vec<u8> {
        let key = &self.key;
        // No name is empty.
        let name = key.name.as_ref().map_or("", |name| name.as_str());
        framed(&[
            self.id.as_bytes(),
            key.issuer.as_bytes(),
            key.credential.as_bytes(),
            self.account.as_bytes(),
            &key.generation.to_be_bytes(),
            name.as_bytes(),
            key.scopes.to_sorted_string().as_bytes(),
            key.audience.as_bytes(),
            key.key_id.as_bytes(),
            self.token.as_bytes(),
            &self.issued_at.unix_millis().to_be_bytes(),
            &self.reuse_until.unix_millis().to_be_bytes(),
            &self.expires_at.unix_millis().to_be_bytes(),
        ])
    }

    fn describe(self) -> Session {
        self.key.session(self.id, self.issued_at, self.expires_at)
    }
}

const UNSEAL: StoreError = StoreError::Unseal {
    what: "a session's token",
};

/// Where a session's token is sealed, by all that its row says.
pub(crate) const fn session_place(bound: &[u8]) -> Place<'_> {
    Place {
        table: "sessions",
        row: bound,
        column: "sealed",
    }
}

/// Forgets sessions whose tokens have expired, late enough for a clock that was set forward by mistake: what may still
/// be accepted can be ended.
pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE expires_at < ?")
        .bind(denials::forgettable(now).unix_millis())
        .execute(connection)
        .await?;
    Ok(())
}

impl Sessions for Store {
    fn open<'a>(
        &'a self,
        opening: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<AccessToken, SessionError>> {
        Box::pin(self.0.open_session(opening))
    }

    fn list_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Session>, RegistryError>> {
        Box::pin(async move { Ok(self.0.list_sessions(caller, &credential, now).await?) })
    }

    fn end_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        which: SessionSelector,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async move { self.0.end_sessions(caller, &credential, &which).await })
    }
}
