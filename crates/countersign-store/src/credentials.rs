//! Keys and users: made, changed and listed.

use countersign::Id;
use countersign::directory::{CredentialKind, EnvironmentKind, StoredSecret, UserName};
use countersign::key::KeyDigests;
use countersign::registry::backend::{ChangeEffect, Placement, StoredCredential};
use countersign::registry::{
    Caller, Change, CreatedKey, CredentialFilter, DeniedToken, NewKey, NewUser, Owner, Record,
    RegistryError, Rotation,
};
use countersign::time::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::audit::AuditEntry;
use crate::denials;
use crate::error::StoreError;
use crate::record::{find_credential, read_credential, read_environment_kind, select_credentials};
use crate::store::Inner;
use crate::writing::{Entity, Writing, entry};

impl Inner {
    pub(crate) async fn create_key(
        &self,
        caller: &Caller,
        new: NewKey,
    ) -> Result<CreatedKey, RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let home = self.home(&mut writing, caller, new.owner).await?;
        let id = self.new_id(writing.now, &home.account)?;
        let issued = self
            .ground
            .peppers
            .generate_key(&id, &*self.options.random)
            .map_err(StoreError::from)?;
        let digests = self.ground.peppers.proof(&id, issued.secret.expose());
        let kept = StoredCredential::new_key(id, home, new, digests, writing.now);
        let record = self.insert(writing, caller, kept).await?;
        Ok(CreatedKey::new(record, issued))
    }

    pub(crate) async fn create_user(
        &self,
        caller: &Caller,
        new: NewUser,
    ) -> Result<Record, RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let home = self.home(&mut writing, caller, new.owner).await?;
        if find_user(writing.connection(), &new.name).await?.is_some() {
            return Err(RegistryError::NameTaken);
        }
        let id = self.new_id(writing.now, &home.account)?;
        let kept = StoredCredential::new_user(id, home, new, writing.now);
        self.insert(writing, caller, kept).await
    }

    pub(crate) async fn insert(
        &self,
        mut writing: Writing<'_>,
        caller: &Caller,
        kept: StoredCredential,
    ) -> Result<Record, RegistryError> {
        let record = &kept.record;
        let scopes = record.scopes.as_str();
        insert(writing.connection(), &kept).await?;
        let told = match record.kind {
            CredentialKind::User => entry(caller, "user.create"),
            CredentialKind::Token => entry(caller, "api_token.create"),
            _ => entry(caller, "key.create"),
        };
        let mut told = told.with("scopes", scopes);
        if record.kind != CredentialKind::Token {
            told = told.with("name", record.name.as_str());
        }
        (told.account, told.entity) = (Some(record.account_id), Some(record.id));
        writing.changed(Entity::Credential(record.id));
        writing.commit(self, Some(told)).await?;
        Ok(kept.record)
    }

    pub(crate) async fn list(
        &self,
        caller: &Caller,
        listing: CredentialFilter,
    ) -> Result<Vec<Record>, RegistryError> {
        let account = match (caller.account(), listing.account) {
            (Some(own), Some(asked)) if *own != asked => return Err(RegistryError::NotFound),
            (own, asked) => asked.or(own.copied()),
        };
        let account = account.map(|id| id.as_bytes().to_vec());
        let after = listing.after.map(|id| id.as_bytes().to_vec());
        let mut connection = self.reader().await?;
        let rows = sqlx::query(select_credentials!(
            "WHERE kind = ?1 AND (?2 IS NULL OR account_id = ?2) AND (?3 IS NULL OR id > ?3) \
             ORDER BY id LIMIT ?4"
        ))
        .bind(listing.kind.as_str())
        .bind(account)
        .bind(after)
        .bind(listing.limit)
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::from)?;
        let records = rows.iter().map(|row| Ok(read_credential(row)?.record));
        records.collect()
    }

    pub(crate) async fn show(&self, caller: &Caller, id: &Id) -> Result<Record, RegistryError> {
        let mut connection = self.reader().await?;
        let found = find_credential(&mut connection, id).await?;
        Ok(reached(caller, found)?.record)
    }

    pub(crate) async fn find_user(
        &self,
        caller: &Caller,
        name: &UserName,
    ) -> Result<Record, RegistryError> {
        let mut connection = self.reader().await?;
        let found = find_user(&mut connection, name).await?;
        Ok(reached(caller, found)?.record)
    }

    pub(crate) async fn change(
        &self,
        caller: &Caller,
        id: &Id,
        change: &Change,
    ) -> Result<Record, RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let (record, told) = change_in(&mut writing, caller, id, change).await?;
        writing.commit(self, told).await?;
        Ok(record)
    }

    pub(crate) async fn rotate(
        &self,
        caller: &Caller,
        id: &Id,
        rotation: Rotation,
    ) -> Result<CreatedKey, RegistryError> {
        let issued = self
            .ground
            .peppers
            .generate_key(id, &*self.options.random)
            .map_err(StoreError::from)?;
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let found = find_credential(writing.connection(), id).await?;
        let mut kept = reached(caller, found)?;
        let (secret, now) = (issued.secret.expose(), writing.now);
        let effect = kept.rotate(secret, rotation, &self.ground.peppers, now)?;
        let told = entry(caller, "key.rotate");
        let told = match rotation {
            Rotation::Grace(grace) => told.with("grace_seconds", grace.as_secs()),
            _ => told.with("compromised", true),
        };
        let told = write(&mut writing, effect, &kept, told).await?;
        writing.commit(self, told).await?;
        let record = kept.record;
        Ok(CreatedKey::new(record, issued))
    }

    pub(crate) async fn deny_token(
        &self,
        caller: &Caller,
        token: &DeniedToken,
    ) -> Result<(), RegistryError> {
        if !caller.can_access(&token.account) {
            return Err(RegistryError::NotFound);
        }
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let DeniedToken {
            issuer, token: id, ..
        } = token;
        denials::deny_token(writing.connection(), issuer, id, token.expires_at).await?;
        let mut told = entry(caller, "token.revoke").with("issuer", issuer.as_str());
        (told.account, told.entity) = (Some(token.account), Some(*id));
        writing.changed(Entity::Token(*id));
        Ok(writing.commit(self, Some(told)).await?)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    pub(crate) fn new_id(&self, now: Timestamp, account: &Id) -> Result<Id, StoreError> {
        Ok(Id::new(now, account, &*self.options.random)?)
    }
}

/// Makes a change; what it has made of the credential, and what there is to tell of it.
pub(crate) async fn change_in<'a>(
    writing: &mut Writing<'_>,
    caller: &'a Caller,
    id: &Id,
    change: &Change,
) -> Result<(Record, Option<AuditEntry<'a>>), RegistryError> {
    let found = find_credential(writing.connection(), id).await?;
    let mut kept = reached(caller, found)?;
    let effect = kept.change(change, writing.now)?;
    let mut told = entry(caller, action(kept.record.kind, change));
    told = match change {
        Change::Scopes(scopes) => told.with("scopes", scopes.as_str()),
        Change::Revoke {
            reason: Some(reason),
        } => told.with("reason", reason.as_str()),
        _ => told,
    };
    let told = write(writing, effect, &kept, told).await?;
    Ok((kept.record, told))
}

/// Writes what a change has made of a credential; what there is to tell of it.
async fn write<'a>(
    writing: &mut Writing<'_>,
    effect: ChangeEffect,
    kept: &StoredCredential,
    mut told: AuditEntry<'a>,
) -> Result<Option<AuditEntry<'a>>, StoreError> {
    let record = &kept.record;
    let (id, now) = (record.id, writing.now);
    let connection = writing.connection();
    match effect {
        // What was asked for is so already: there is nothing to write, and nothing to tell.
        ChangeEffect::Unchanged => return Ok(None),
        ChangeEffect::Changed => save(connection, kept).await?,
        ChangeEffect::TokensInvalidated => {
            save(connection, kept).await?;
            denials::deny_below(connection, &id, record.generation, now).await?;
        }
        ChangeEffect::Deleted => {
            denials::deny_below(connection, &id, record.generation, now).await?;
            sqlx::query("DELETE FROM credentials WHERE id = ?")
                .bind(id.as_bytes().as_slice())
                .execute(connection)
                .await?;
        }
    }
    told = told.with("generation", record.generation);
    (told.account, told.entity) = (Some(record.account_id), Some(id));
    writing.changed(Entity::Credential(id));
    Ok(Some(told))
}

impl Inner {
    /// The account and environment that something new is to belong to.
    async fn home(
        &self,
        writing: &mut Writing<'_>,
        caller: &Caller,
        owner: Owner,
    ) -> Result<Placement, RegistryError> {
        let own = self.ground.environment;
        let mut home = self.whole(writing, caller, owner).await?;
        if home.environment.is_none() && home.account == self.ground.account {
            let kind = environment_kind(writing.connection(), &home.account, &own).await?;
            home = home.environment(own, kind);
        }
        Ok(home)
    }

    /// The same, where no environment means the whole account, also the default one.
    pub(crate) async fn whole(
        &self,
        writing: &mut Writing<'_>,
        caller: &Caller,
        owner: Owner,
    ) -> Result<Placement, RegistryError> {
        let connection = writing.connection();
        let account = self.account_for(connection, caller, owner.account).await?;
        let home = Placement::account(account);
        Ok(match owner.environment {
            Some(id) => home.environment(id, environment_kind(connection, &account, &id).await?),
            None => home,
        })
    }
}

/// What an environment of this account is for.
async fn environment_kind(
    connection: &mut SqliteConnection,
    account: &Id,
    id: &Id,
) -> Result<EnvironmentKind, RegistryError> {
    let query = "SELECT kind FROM environments WHERE id = ? AND account_id = ?";
    let kind: Option<String> = sqlx::query_scalar(query)
        .bind(id.as_bytes().as_slice())
        .bind(account.as_bytes().as_slice())
        .fetch_optional(connection)
        .await
        .map_err(StoreError::from)?;
    let kind = kind.ok_or(RegistryError::NotFound)?;
    Ok(read_environment_kind(Some(&kind))?)
}

pub(crate) fn reached(
    caller: &Caller,
    found: Option<StoredCredential>,
) -> Result<StoredCredential, RegistryError> {
    let reached = found.filter(|kept| caller.can_access(&kept.record.account_id));
    reached.ok_or(RegistryError::NotFound)
}

async fn find_user(
    connection: &mut SqliteConnection,
    name: &UserName,
) -> Result<Option<StoredCredential>, StoreError> {
    let row = sqlx::query(select_credentials!("WHERE kind = 'user' AND name = ?"))
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read_credential).transpose()
}

async fn insert(
    connection: &mut SqliteConnection,
    kept: &StoredCredential,
) -> Result<(), StoreError> {
    let record = &kept.record;
    let (key, password) = halves(&kept.secret);
    sqlx::query(
        "INSERT INTO credentials (id, kind, name, account_id, environment_id, scopes, allow_from, issuers,
                                  created_by, created_at, updated_at, expires_at, pepper_version, digest,
                                  password_hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(record.id.as_bytes().as_slice())
    .bind(record.kind.as_str())
    .bind(&record.name)
    .bind(record.account_id.as_bytes().as_slice())
    .bind(record.environment_id.map(|id| id.as_bytes().to_vec()))
    .bind(record.scopes.as_str())
    .bind(record.allow_from.to_string())
    .bind(record.issuers.to_string())
    .bind(record.created_by.map(|id| id.as_bytes().to_vec()))
    .bind(record.created_at.unix_millis())
    .bind(record.updated_at.unix_millis())
    .bind(record.expires_at.map(Timestamp::unix_millis))
    .bind(key.map(|key| key.current().pepper))
    .bind(key.map(|key| key.current().digest.as_bytes().as_slice()))
    .bind(password)
    .execute(connection)
    .await?;
    Ok(())
}

fn halves(proof: &StoredSecret) -> (Option<&KeyDigests>, Option<&str>) {
    match proof {
        StoredSecret::Key(key) => (Some(key), None),
        StoredSecret::Password(hash) => (None, Some(hash)),
        _ => (None, None),
    }
}

/// Writes everything of a credential that ever changes.
async fn save(
    connection: &mut SqliteConnection,
    kept: &StoredCredential,
) -> Result<(), StoreError> {
    let record = &kept.record;
    let (key, password) = halves(&kept.secret);
    let previous = key.and_then(|key| key.previous());
    sqlx::query(
        "UPDATE credentials SET generation = ?, status = ?, reason = ?, scopes = ?, updated_at = ?,
             pepper_version = ?, digest = ?, previous_digest = ?, previous_until = ?, password_hash = ?
         WHERE id = ?",
    )
    .bind(record.generation)
    .bind(record.status.as_str())
    .bind(&record.reason)
    .bind(record.scopes.as_str())
    .bind(record.updated_at.unix_millis())
    .bind(key.map(|key| key.current().pepper))
    .bind(key.map(|key| key.current().digest.as_bytes().as_slice()))
    .bind(previous.map(|(digest, _)| digest.as_bytes().as_slice()))
    .bind(previous.map(|(_, until)| until.unix_millis()))
    .bind(password)
    .bind(record.id.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// What the audit calls a change.
const fn action(kind: CredentialKind, change: &Change) -> &'static str {
    match (kind, change) {
        (CredentialKind::User, Change::Suspend) => "user.suspend",
        (CredentialKind::User, Change::Activate) => "user.activate",
        (CredentialKind::User, Change::Revoke { .. }) => "user.revoke",
        (CredentialKind::User, Change::Delete) => "user.delete",
        (CredentialKind::User, Change::Scopes(_)) => "user.scopes",
        (_, Change::Password(_)) => "user.password",
        (CredentialKind::Token, Change::Suspend) => "api_token.suspend",
        (CredentialKind::Token, Change::Activate) => "api_token.activate",
        (CredentialKind::Token, Change::Revoke { .. }) => "api_token.revoke",
        (CredentialKind::Token, Change::Delete) => "api_token.delete",
        (CredentialKind::Token, Change::Scopes(_)) => "api_token.scopes",
        (_, Change::Suspend) => "key.suspend",
        (_, Change::Activate) => "key.activate",
        (_, Change::Revoke { .. }) => "key.revoke",
        (_, Change::Delete) => "key.delete",
        (_, Change::Scopes(_)) => "key.scopes",
        (_, _) => "credential.change",
    }
}
