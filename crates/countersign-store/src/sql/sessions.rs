//! Sessions and their encrypted tokens.

use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::registry::Page;
use countersign::registry::backend::{SessionKey, SessionRequest};
use countersign::time::Timestamp;

use super::rows::{blob, id, one_of, optional_blob, parsed, time, unsigned};
use super::{Connection, Row};
use crate::error::{Result, corrupt};
use crate::records::{SessionRecord, StoredSession};

/// Returns the condition that no token of a session `s` is denied: otherwise the session has ended.
macro_rules! has_not_ended {
    () => {
        "NOT EXISTS (SELECT 1 FROM denials d WHERE d.entity = s.token_id AND d.issuer = s.issuer) \
         AND NOT EXISTS (SELECT 1 FROM denials d \
             WHERE d.entity = s.credential_id AND d.issuer = '' AND d.lowest_generation > s.generation) AND "
    };
}

/// Returns the statement that reads the sessions to which a condition applies.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, issuer, credential_id, account_id, generation, name, scopes, audience, kid, token_id, \
             issued_at, reuse_until, expires_at, sealed FROM sessions s WHERE ",
            has_not_ended!(),
            $condition
        )
    };
}

/// Returns the statement that reads a page of sessions, oldest first, with their credentials.
macro_rules! select_with_credential {
    ($condition:literal) => {
        concat!(
            "SELECT s.id, s.issuer, s.credential_id, s.account_id, s.generation, s.name, s.scopes, s.audience, \
             s.kid, s.token_id, s.issued_at, s.reuse_until, s.expires_at, \
             c.kind AS credential_kind, c.name AS credential_name \
             FROM sessions s JOIN credentials c ON c.id = s.credential_id WHERE ",
            has_not_ended!(),
            $condition,
            " ORDER BY s.id LIMIT $3"
        )
    };
}

const ALL: &str = select_with_credential!("s.id > $1 AND s.expires_at > $2");
const OF_ACCOUNT: &str =
    select_with_credential!("s.account_id = $4 AND s.id > $1 AND s.expires_at > $2");

/// Returns the session whose token can be returned again, and its encrypted token.
pub(crate) async fn find_reusable(
    db: &mut Connection,
    request: &SessionRequest<'_>,
) -> Result<Option<(StoredSession, Vec<u8>)>> {
    let SessionRequest { key, now, .. } = request;
    Ok(fetch_optional!(
        db,
        |row| Ok((read(row)?, row.try_get("sealed")?)),
        select!(
            "credential_id = $1 AND issuer = $2 AND generation = $3 AND name IS NOT DISTINCT FROM $4 AND scopes = $5 AND audience = $6 \
         AND kid = $7 AND account_id = $8 AND issued_at <= $9 AND reuse_until > $9 \
         AND expires_at > $9 AND expires_at <= $10 ORDER BY issued_at DESC, id DESC LIMIT 1"
        ),
        blob(&key.credential),
        &*key.issuer,
        key.generation,
        key.name.as_ref().map(|name| name.as_str()),
        key.scopes.to_sorted_string(),
        &*key.audience,
        &*key.key_id,
        blob(&request.account),
        now.unix_millis(),
        now.plus(request.max_lifetime).unix_millis(),
    ))
}

pub(crate) async fn insert(
    db: &mut Connection,
    session: &StoredSession,
    sealed: &[u8],
) -> Result<()> {
    let key = &session.key;
    execute!(
        db,
        "INSERT INTO sessions (id, issuer, credential_id, account_id, generation, name, scopes, audience, kid,
                               token_id, issued_at, reuse_until, expires_at, sealed, until_uptime)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, (SELECT uptime FROM state) + $15)",
        blob(&session.id),
        &*key.issuer,
        blob(&key.credential),
        blob(&session.account),
        key.generation,
        session.name(),
        key.scopes.to_sorted_string(),
        &*key.audience,
        &*key.key_id,
        blob(&session.token),
        session.issued_at.unix_millis(),
        session.reuse_until.unix_millis(),
        session.expires_at.unix_millis(),
        sealed,
        session.expires_at.unix_millis() - session.issued_at.unix_millis(),
    );
    Ok(())
}

/// Returns when the sessions end that count against the limit of the request, the first first. A session that will be
/// replaced because its signing key does not sign any more is not counted.
pub(crate) async fn ends_of_live(
    db: &mut Connection,
    request: &SessionRequest<'_>,
) -> Result<Vec<Timestamp>> {
    let key = &request.key;
    Ok(fetch_all!(
        db,
        |row| time(row, "expires_at"),
        select!(
            "credential_id = $1 AND generation = $2 AND (issuer <> $3 OR kid = $4) AND expires_at > $5 AND reuse_until > $5 \
         ORDER BY expires_at"
        ),
        blob(&key.credential),
        key.generation,
        &*key.issuer,
        &*key.key_id,
        request.now.unix_millis(),
    ))
}

/// Returns the sessions of a credential that have not expired at `now`, oldest first.
pub(crate) async fn list(
    db: &mut Connection,
    credential: &Id,
    now: Timestamp,
) -> Result<Vec<StoredSession>> {
    Ok(fetch_all!(
        db,
        read,
        select!("credential_id = $1 AND expires_at > $2 ORDER BY issued_at, id"),
        blob(credential),
        now.unix_millis(),
    ))
}

/// Returns a page of the sessions that have not expired at `now`, oldest first: of all credentials, or those of an account.
pub(crate) async fn list_all(
    db: &mut Connection,
    account: Option<&Id>,
    page: Page,
    now: Timestamp,
) -> Result<Vec<SessionRecord>> {
    let query = match account {
        Some(_) => OF_ACCOUNT,
        None => ALL,
    };
    Ok(fetch_all!(
        db,
        read_record,
        query,
        // Every id comes after the empty one.
        optional_blob(page.after.as_ref()).unwrap_or_default(),
        now.unix_millis(),
        page.limit,
        optional_blob(account),
    ))
}

pub(crate) async fn delete(db: &mut Connection, id: &Id) -> Result<()> {
    execute!(db, "DELETE FROM sessions WHERE id = $1", blob(id));
    Ok(())
}

pub(super) fn read(row: &Row) -> Result<StoredSession> {
    let name: Option<&str> = row.try_get("name")?;
    let name = name.map(str::parse).transpose();
    let key = SessionKey {
        issuer: row.try_get::<&str>("issuer")?.into(),
        credential: id(row, "credential_id")?,
        generation: unsigned(row, "generation")?,
        name: name.or_else(|_| corrupt("the name of a session"))?,
        scopes: parsed(row, "scopes", "the scopes of a session")?,
        audience: row.try_get::<&str>("audience")?.into(),
        key_id: row.try_get::<&str>("kid")?.into(),
    };
    Ok(StoredSession {
        id: id(row, "id")?,
        key,
        account: id(row, "account_id")?,
        token: id(row, "token_id")?,
        issued_at: time(row, "issued_at")?,
        reuse_until: time(row, "reuse_until")?,
        expires_at: time(row, "expires_at")?,
    })
}

fn read_record(row: &Row) -> Result<SessionRecord> {
    let session = read(row)?;
    let kinds = [CredentialKind::Key, CredentialKind::User];
    let what = "the kind of the credential of a session";
    Ok(SessionRecord {
        credential: session.key.credential,
        credential_kind: one_of(row, "credential_kind", &kinds, CredentialKind::as_str, what)?,
        credential_name: row.try_get::<&str>("credential_name")?.to_owned(),
        session: session.describe(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::sqlite::{memory, plan};

    #[tokio::test]
    async fn page_of_sessions_is_read_in_order_and_without_those_of_other_accounts() {
        let mut db = memory().await;
        for (query, index) in [
            (ALL, "sqlite_autoindex_sessions_1 (id>?)"),
            (OF_ACCOUNT, "sessions_of_accounts (account_id=? AND id>?)"),
        ] {
            let plan = plan(&mut db, query).await;
            assert!(plan.contains(index), "{query}\n{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{query}\n{plan}");
        }
    }
}
