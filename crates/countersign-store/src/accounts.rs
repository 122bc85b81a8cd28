//! Accounts and their environments.

use countersign::Id;
use countersign::directory::Status;
use countersign::registry::{
    Account, Caller, Conflict, Environment, NewEnvironment, RegistryError,
};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::denials;
use crate::error::StoreError;
use crate::record::{
    find_account, moment, read_account, read_environment_kind, read_id, select_accounts,
};
use crate::store::Inner;
use crate::writing::{Entity, Writing, entry};

impl Inner {
    pub(crate) async fn create_account(
        &self,
        caller: &Caller,
        name: String,
    ) -> Result<Account, RegistryError> {
        if caller.account().is_some() {
            return Err(RegistryError::NotFound);
        }
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let now = writing.now;
        let id = Id::new_account(now, &*self.options.random).map_err(StoreError::from)?;
        let account = Account::new(id, name, now);
        let made = sqlx::query(
            "INSERT INTO accounts (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
        )
        .bind(account.id.as_bytes().as_slice())
        .bind(&account.name)
        .bind(now.unix_millis())
        .execute(writing.connection())
        .await
        .map_err(StoreError::from)?;
        if made.rows_affected() == 0 {
            return Err(RegistryError::NameTaken);
        }
        let mut told = entry(caller, "account.create").with("name", account.name.as_str());
        (told.account, told.entity) = (Some(account.id), Some(account.id));
        writing.changed(Entity::Account(account.id));
        writing.commit(self, Some(told)).await?;
        Ok(account)
    }

    pub(crate) async fn list_accounts(&self, caller: &Caller) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query(select_accounts!("ORDER BY id"))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let mut accounts = rows
            .iter()
            .map(read_account)
            .collect::<Result<Vec<_>, _>>()?;
        accounts.retain(|account| caller.can_access(&account.id));
        Ok(accounts)
    }

    pub(crate) async fn show_account(
        &self,
        caller: &Caller,
        id: &Id,
    ) -> Result<Account, RegistryError> {
        let mut connection = self.reader().await?;
        reached(&mut connection, caller, id).await
    }

    pub(crate) async fn revoke_account(
        &self,
        caller: &Caller,
        id: &Id,
    ) -> Result<Account, RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let mut account = reached(writing.connection(), caller, id).await?;
        if account.id == self.ground.account {
            return Err(Conflict::DefaultAccount.into());
        }
        if !account.revoke()? {
            return Ok(account);
        }
        sqlx::query("UPDATE accounts SET generation = ?, status = ? WHERE id = ?")
            .bind(account.generation)
            .bind(account.status.as_str())
            .bind(id.as_bytes().as_slice())
            .execute(writing.connection())
            .await
            .map_err(StoreError::from)?;
        let now = writing.now;
        denials::deny_below(writing.connection(), id, account.generation, now).await?;
        let mut told = entry(caller, "account.revoke").with("generation", account.generation);
        (told.account, told.entity) = (Some(*id), Some(*id));
        writing.changed(Entity::Account(*id));
        writing.commit(self, Some(told)).await?;
        Ok(account)
    }

    /// The account that something new is to belong to: the one that is named, else the caller's, else the default.
    pub(crate) async fn account_for(
        &self,
        connection: &mut SqliteConnection,
        caller: &Caller,
        named: Option<Id>,
    ) -> Result<Id, RegistryError> {
        let id = named.or(caller.account().copied());
        let account = reached(connection, caller, &id.unwrap_or(self.ground.account)).await?;
        match account.status {
            Status::Revoked => Err(Conflict::Revoked.into()),
            _ => Ok(account.id),
        }
    }

    pub(crate) async fn create_environment(
        &self,
        caller: &Caller,
        new: NewEnvironment,
    ) -> Result<Environment, RegistryError> {
        let mut connection = self.writer().await?;
        let mut writing = Writing::begin_for(&mut connection, self.now(), caller).await?;
        let now = writing.now;
        let account_id = self
            .account_for(writing.connection(), caller, new.account)
            .await?;
        let id = self.new_id(now, &account_id)?;
        let environment = Environment::new(id, account_id, new.name, new.kind, now);
        let made = sqlx::query(
            "INSERT INTO environments (id, account_id, name, kind, created_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (account_id, name) DO NOTHING",
        )
        .bind(environment.id.as_bytes().as_slice())
        .bind(account_id.as_bytes().as_slice())
        .bind(&environment.name)
        .bind(environment.kind.as_str())
        .bind(now.unix_millis())
        .execute(writing.connection())
        .await
        .map_err(StoreError::from)?;
        if made.rows_affected() == 0 {
            return Err(RegistryError::NameTaken);
        }
        let mut told = entry(caller, "environment.create").with("name", environment.name.as_str());
        told = told.with("kind", environment.kind.as_str());
        (told.account, told.entity) = (Some(account_id), Some(environment.id));
        writing.commit(self, Some(told)).await?;
        Ok(environment)
    }

    pub(crate) async fn list_environments(
        &self,
        caller: &Caller,
    ) -> Result<Vec<Environment>, StoreError> {
        let query = "SELECT id, account_id, name, kind, created_at FROM environments ORDER BY id";
        let rows = sqlx::query(query)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let mut all = rows
            .iter()
            .map(read_environment)
            .collect::<Result<Vec<_>, _>>()?;
        all.retain(|environment| caller.can_access(&environment.account_id));
        Ok(all)
    }
}

async fn reached(
    connection: &mut SqliteConnection,
    caller: &Caller,
    id: &Id,
) -> Result<Account, RegistryError> {
    let found = find_account(connection, id).await?;
    let reached = found.filter(|account| caller.can_access(&account.id));
    reached.ok_or(RegistryError::NotFound)
}

fn read_environment(row: &SqliteRow) -> Result<Environment, StoreError> {
    Ok(Environment::new(
        read_id(row.try_get("id")?)?,
        read_id(row.try_get("account_id")?)?,
        row.try_get("name")?,
        read_environment_kind(row.try_get("kind")?)?,
        moment(row.try_get("created_at")?),
    ))
}
