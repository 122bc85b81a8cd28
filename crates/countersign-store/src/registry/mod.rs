//! The store as a registry of credentials.

mod accounts;
mod creation;
mod credentials;
mod idempotency;
mod managed_tokens;
mod sessions;

use countersign::directory::UserName;
use countersign::key::ImportedKey;
use countersign::registry::{
    Account, Caller, Change, CreatedKey, CredentialFilter, DeniedToken, Environment,
    NewEnvironment, NewKey, NewUser, Page, Record, Registry, RegistryError, Rotation,
};
use countersign::{BoxFuture, Id};

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::ChangedEntity;
use crate::sql;
use crate::sql::denials::Denied;
use crate::store::Store;

use accounts::reachable_account;
use credentials::{change, insert, reachable, revoke_created, write};

type Response<'a, T> = BoxFuture<'a, Result<T, RegistryError>>;

impl Registry for Store {
    fn create_key<'a>(&'a self, caller: &'a Caller, new: NewKey) -> Response<'a, CreatedKey> {
        Box::pin(async move {
            let (mut reader, authority) = self.0.look_for(caller).await?;
            let basis = (&mut reader, &authority, self.0.state.clock.now());
            let (key, issued) = self.0.plan_key(basis, new.clone(), None).await?;
            drop(reader);
            let planned = Some((key.record.id, issued));
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let basis = (transaction.connection(), &authority, now);
            let (key, issued) = self.0.plan_key(basis, new, planned).await?;
            let record = insert(transaction, caller, key).await?;
            Ok(CreatedKey::new(record, issued))
        })
    }

    fn import_key<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewKey,
        key: ImportedKey,
    ) -> Response<'a, Record> {
        Box::pin(async move {
            let (mut reader, authority) = self.0.look_for(caller).await?;
            let basis = (&mut reader, &authority, self.0.state.clock.now());
            self.0.plan_import(basis, new.clone(), &key).await?;
            drop(reader);
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let basis = (transaction.connection(), &authority, now);
            let key = self.0.plan_import(basis, new, &key).await?;
            insert(transaction, caller, key).await
        })
    }

    fn create_user<'a>(&'a self, caller: &'a Caller, new: NewUser) -> Response<'a, Record> {
        Box::pin(async move {
            let (mut reader, authority) = self.0.look_for(caller).await?;
            let basis = (&mut reader, &authority, self.0.state.clock.now());
            self.0.plan_user(basis, new.clone()).await?;
            drop(reader);
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let basis = (transaction.connection(), &authority, now);
            let user = self.0.plan_user(basis, new).await?;
            insert(transaction, caller, user).await
        })
    }

    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        filter: CredentialFilter,
    ) -> Response<'a, Vec<Record>> {
        Box::pin(async move {
            let account = match (caller.account(), &filter.account) {
                (Some(own), Some(other)) if own != other => return Err(RegistryError::NotFound),
                (own, filter) => filter.as_ref().or(own),
            };
            let mut connection = self.0.database.list_reader().await?;
            Ok(sql::credentials::list(&mut connection, &filter, account).await?)
        })
    }

    fn show<'a>(&'a self, caller: &'a Caller, id: Id) -> Response<'a, Record> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let found = sql::credentials::find(&mut connection, &id).await?;
            Ok(reachable(caller, found)?.record)
        })
    }

    fn find_user<'a>(&'a self, caller: &'a Caller, name: UserName) -> Response<'a, Record> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let found = sql::credentials::find_user(&mut connection, &name).await?;
            Ok(reachable(caller, found)?.record)
        })
    }

    fn change<'a>(&'a self, caller: &'a Caller, id: Id, requested: Change) -> Response<'a, Record> {
        Box::pin(async move {
            if let Some(record) = self.0.unchanged(caller, &id, &requested).await? {
                return Ok(record);
            }
            let (mut transaction, authority) = self.0.begin_change(caller, &requested).await?;
            let record = change(&mut transaction, &authority, &id, &requested).await?;
            transaction.commit().await?;
            Ok(record)
        })
    }

    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: Id,
        rotation: Rotation,
    ) -> Response<'a, CreatedKey> {
        Box::pin(async move {
            let state = &self.0.state;
            let issued = state.peppers.generate_key(&id, &*state.random);
            let issued = issued.map_err(StoreError::from)?;
            let (secret, peppers) = (issued.secret.expose(), &state.peppers);
            let (mut reader, authority) = self.0.look_for(caller).await?;
            let found = sql::credentials::find(&mut reader, &id).await?;
            let now = state.clock.now();
            reachable(caller, found)?.rotate(&authority, secret, rotation, peppers, now)?;
            drop(reader);
            let (mut transaction, authority) = match rotation {
                Rotation::Grace(_) => self.0.begin_for(caller).await?,
                _ => self.0.begin_revocation(caller).await?,
            };
            let found = sql::credentials::find(transaction.connection(), &id).await?;
            let mut credential = reachable(caller, found)?;
            let now = transaction.now;
            let effect = credential.rotate(&authority, secret, rotation, peppers, now)?;
            let entry = AuditRecord::by(caller, "key.rotate");
            let entry = match rotation {
                Rotation::Grace(grace) => entry.with("grace_seconds", grace.as_secs()),
                _ => entry.with("compromised", true),
            };
            let reason = rotation.revokes_created_tokens();
            let entry = revoke_created(&mut transaction, &id, reason, entry).await?;
            write(&mut transaction, effect, &credential, entry).await?;
            transaction.commit().await?;
            Ok(CreatedKey::new(credential.record, issued))
        })
    }

    fn deny_token<'a>(&'a self, caller: &'a Caller, denied: DeniedToken) -> Response<'a, ()> {
        Box::pin(async move {
            if !caller.can_access(&denied.account) {
                return Err(RegistryError::NotFound);
            }
            let (issuer, id, until) = (&*denied.issuer, denied.token, denied.expires_at);
            let (mut reader, _) = self.0.look_for(caller).await?;
            if sql::denials::is_token_denied(&mut reader, issuer, &id, until).await? {
                return Ok(());
            }
            drop(reader);
            let (mut transaction, _) = self.0.begin_revocation(caller).await?;
            let now = transaction.now;
            let connection = transaction.connection();
            // Another request may have denied it while this one waited.
            if sql::denials::is_token_denied(connection, issuer, &id, until).await? {
                return Ok(());
            }
            let token = Denied::TokenOf(issuer);
            sql::denials::insert(connection, &id, token, until, now).await?;
            let entry = AuditRecord::by(caller, "token.revoke").about(denied.account, id);
            transaction
                .append_audit(entry.with("issuer", issuer))
                .await?;
            transaction.changed(ChangedEntity::Denial(id));
            Ok(transaction.commit().await?)
        })
    }

    fn create_account<'a>(&'a self, caller: &'a Caller, name: String) -> Response<'a, Account> {
        Box::pin(async move {
            if caller.account().is_some() {
                return Err(RegistryError::NotFound);
            }
            let (mut transaction, _) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let id = Id::new_account(now, &*self.0.state.random).map_err(StoreError::from)?;
            let account = Account::new(id, name, now);
            if !sql::accounts::insert(transaction.connection(), &account).await? {
                return Err(RegistryError::NameTaken);
            }
            let entry = AuditRecord::by(caller, "account.create").about(id, id);
            let entry = entry.with("name", account.name.as_str());
            transaction.append_audit(entry).await?;
            transaction.changed(ChangedEntity::Account(id));
            transaction.commit().await?;
            Ok(account)
        })
    }

    fn list_accounts<'a>(&'a self, caller: &'a Caller, page: Page) -> Response<'a, Vec<Account>> {
        Box::pin(async move {
            let mut connection = self.0.database.list_reader().await?;
            let Some(own) = caller.account() else {
                return Ok(sql::accounts::list(&mut connection, page).await?);
            };
            let own = sql::accounts::find(&mut connection, own).await?;
            let own = own.filter(|own| page.limit > 0 && page.after.is_none_or(|at| own.id > at));
            Ok(own.into_iter().collect())
        })
    }

    fn show_account<'a>(&'a self, caller: &'a Caller, id: Id) -> Response<'a, Account> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            reachable_account(&mut connection, caller, &id).await
        })
    }

    fn revoke_account<'a>(&'a self, caller: &'a Caller, id: Id) -> Response<'a, Account> {
        Box::pin(async move {
            let (mut reader, _) = self.0.look_for(caller).await?;
            let (account, is_changed) = self.0.plan_revocation(&mut reader, caller, &id).await?;
            drop(reader);
            if !is_changed {
                return Ok(account);
            }
            let (mut transaction, _) = self.0.begin_revocation(caller).await?;
            let now = transaction.now;
            let connection = transaction.connection();
            let (account, is_changed) = self.0.plan_revocation(connection, caller, &id).await?;
            if !is_changed {
                return Ok(account);
            }
            sql::accounts::update(connection, &account).await?;
            let until = sql::denials::until(connection, now).await?;
            let denied = Denied::Below(account.generation);
            sql::denials::insert(connection, &id, denied, until, now).await?;
            let entry = AuditRecord::by(caller, "account.revoke").about(id, id);
            let entry = entry.with("generation", account.generation);
            transaction.append_audit(entry).await?;
            transaction.changed(ChangedEntity::Account(id));
            transaction.commit().await?;
            Ok(account)
        })
    }

    fn create_environment<'a>(
        &'a self,
        caller: &'a Caller,
        new: NewEnvironment,
    ) -> Response<'a, Environment> {
        Box::pin(async move {
            let (mut reader, authority) = self.0.look_for(caller).await?;
            let basis = (&mut reader, &authority, self.0.state.clock.now());
            self.0.plan_environment(basis, new.clone()).await?;
            drop(reader);
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let now = transaction.now;
            let basis = (transaction.connection(), &authority, now);
            let environment = self.0.plan_environment(basis, new).await?;
            let (id, account) = (environment.id, environment.account_id);
            let connection = transaction.connection();
            if !sql::accounts::insert_environment(connection, &environment).await? {
                return Err(RegistryError::NameTaken);
            }
            let entry = AuditRecord::by(caller, "environment.create")
                .about(account, id)
                .with("name", environment.name.as_str())
                .with("kind", environment.kind.as_str());
            transaction.append_audit(entry).await?;
            transaction.commit().await?;
            Ok(environment)
        })
    }

    fn list_environments<'a>(
        &'a self,
        caller: &'a Caller,
        account: Option<Id>,
        page: Page,
    ) -> Response<'a, Vec<Environment>> {
        Box::pin(async move {
            let account = match account.as_ref() {
                Some(account) if !caller.can_access(account) => return Ok(Vec::new()),
                account => account.or(caller.account()),
            };
            let mut connection = self.0.database.list_reader().await?;
            Ok(sql::accounts::list_environments(&mut connection, account, page).await?)
        })
    }
}
