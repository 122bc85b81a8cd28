//! The store as a registry of credentials.

mod accounts;
mod credentials;
mod idempotency;
mod managed_tokens;
mod sessions;

use countersign::directory::{CredentialKind, UserName};
use countersign::key::ImportedKey;
use countersign::registry::backend::{StoredCredential, StoredSecret};
use countersign::registry::{
    Account, Caller, Change, Conflict, CreatedKey, CredentialFilter, DeniedToken, Environment,
    NewEnvironment, NewKey, NewUser, Record, Registry, RegistryError, Rotation,
};
use countersign::{BoxFuture, Id};

use crate::audit::AuditRecord;
use crate::error::StoreError;
use crate::records::ChangedEntity;
use crate::sqlite;
use crate::sqlite::denials::Denied;
use crate::store::Store;

use accounts::{account_for, placement, reachable_account};
use credentials::{change, insert, reachable, revoke_created, write};

type Response<'a, T> = BoxFuture<'a, Result<T, RegistryError>>;

impl Registry for Store {
    fn create_key<'a>(&'a self, caller: &'a Caller, new: NewKey) -> Response<'a, CreatedKey> {
        Box::pin(async move {
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let kind = CredentialKind::Key;
            let placement = placement(&mut transaction, &authority, new.owner, kind).await?;
            let (state, now) = (transaction.state(), transaction.now);
            let id = transaction.new_id(&placement.account)?;
            let issued = state.peppers.generate_key(&id, &*state.random);
            let issued = issued.map_err(StoreError::from)?;
            let secret = StoredSecret::Key(state.peppers.digests(&id, issued.secret.expose()));
            let credential =
                StoredCredential::new_key(&authority, id, placement, new, secret, now)?;
            let record = insert(transaction, caller, credential).await?;
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
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let kind = CredentialKind::Key;
            let placement = placement(&mut transaction, &authority, new.owner, kind).await?;
            let digests = self.0.state.peppers.imported(&key);
            for digest in &digests {
                let connection = transaction.connection();
                if sqlite::credentials::is_imported(connection, digest).await? {
                    return Err(Conflict::AlreadyImported.into());
                }
            }
            let newest = *digests.first().ok_or(Conflict::PepperMissing)?;
            let (id, now) = (transaction.new_id(&placement.account)?, transaction.now);
            let secret = StoredSecret::ImportedKey(newest);
            let credential =
                StoredCredential::new_key(&authority, id, placement, new, secret, now)?;
            insert(transaction, caller, credential).await
        })
    }

    fn create_user<'a>(&'a self, caller: &'a Caller, new: NewUser) -> Response<'a, Record> {
        Box::pin(async move {
            let (mut reader, _) = self.0.look_for(caller).await?;
            let same_name = sqlite::credentials::find_user(&mut reader, &new.name).await?;
            drop(reader);
            let (mut transaction, authority) = match same_name {
                None => self.0.begin_for(caller).await?,
                Some(_) => return Err(RegistryError::NameTaken),
            };
            let kind = CredentialKind::User;
            let placement = placement(&mut transaction, &authority, new.owner, kind).await?;
            let same_name = sqlite::credentials::find_user(transaction.connection(), &new.name);
            if same_name.await?.is_some() {
                return Err(RegistryError::NameTaken);
            }
            let id = transaction.new_id(&placement.account)?;
            let now = transaction.now;
            let credential = StoredCredential::new_user(&authority, id, placement, new, now)?;
            insert(transaction, caller, credential).await
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
            let mut connection = self.0.database.reader().await?;
            Ok(sqlite::credentials::list(&mut connection, &filter, account).await?)
        })
    }

    fn show<'a>(&'a self, caller: &'a Caller, id: Id) -> Response<'a, Record> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let found = sqlite::credentials::find(&mut connection, &id).await?;
            Ok(reachable(caller, found)?.record)
        })
    }

    fn find_user<'a>(&'a self, caller: &'a Caller, name: UserName) -> Response<'a, Record> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let found = sqlite::credentials::find_user(&mut connection, &name).await?;
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
            let (mut reader, _) = self.0.look_for(caller).await?;
            reachable(caller, sqlite::credentials::find(&mut reader, &id).await?)?;
            drop(reader);
            let issued = state.peppers.generate_key(&id, &*state.random);
            let issued = issued.map_err(StoreError::from)?;
            let (mut transaction, authority) = match rotation {
                Rotation::Grace(_) => self.0.begin_for(caller).await?,
                _ => self.0.begin_revocation(caller).await?,
            };
            let found = sqlite::credentials::find(transaction.connection(), &id).await?;
            let mut credential = reachable(caller, found)?;
            let (secret, now) = (issued.secret.expose(), transaction.now);
            let effect = credential.rotate(&authority, secret, rotation, &state.peppers, now)?;
            let entry = AuditRecord::by(caller, "key.rotate");
            let entry = match rotation {
                Rotation::Grace(grace) => entry.with("grace_seconds", grace.as_secs()),
                _ => entry.with("compromised", true),
            };
            write(&mut transaction, effect, &credential, entry).await?;
            let reason = rotation.revokes_created_tokens();
            revoke_created(&mut transaction, &authority, &id, reason).await?;
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
            if sqlite::denials::is_token_denied(&mut reader, issuer, &id, until).await? {
                return Ok(());
            }
            drop(reader);
            let (mut transaction, _) = self.0.begin_revocation(caller).await?;
            let now = transaction.now;
            let connection = transaction.connection();
            // Another request may have denied it while this one waited.
            if sqlite::denials::is_token_denied(connection, issuer, &id, until).await? {
                return Ok(());
            }
            let token = Denied::TokenOf(issuer);
            sqlite::denials::insert(connection, &id, token, until, now).await?;
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
            if !sqlite::accounts::insert(transaction.connection(), &account).await? {
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

    fn list_accounts<'a>(&'a self, caller: &'a Caller) -> Response<'a, Vec<Account>> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let mut accounts = sqlite::accounts::list(&mut connection).await?;
            accounts.retain(|account| caller.can_access(&account.id));
            Ok(accounts)
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
            let (mut transaction, _) = self.0.begin_revocation(caller).await?;
            let now = transaction.now;
            let connection = transaction.connection();
            let mut account = reachable_account(connection, caller, &id).await?;
            if account.id == self.0.state.account {
                return Err(Conflict::DefaultAccount.into());
            }
            if !account.revoke()? {
                return Ok(account);
            }
            sqlite::accounts::update(connection, &account).await?;
            let until = sqlite::denials::until(connection, now).await?;
            let denied = Denied::Below(account.generation);
            sqlite::denials::insert(connection, &id, denied, until, now).await?;
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
            let (mut transaction, authority) = self.0.begin_for(caller).await?;
            let account = account_for(&mut transaction, caller, new.account).await?;
            let (id, now) = (transaction.new_id(&account)?, transaction.now);
            let environment = Environment::create(&authority, id, account, new, now)?;
            let connection = transaction.connection();
            if !sqlite::accounts::insert_environment(connection, &environment).await? {
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

    fn list_environments<'a>(&'a self, caller: &'a Caller) -> Response<'a, Vec<Environment>> {
        Box::pin(async move {
            let mut connection = self.0.database.reader().await?;
            let mut environments = sqlite::accounts::list_environments(&mut connection).await?;
            environments.retain(|environment| caller.can_access(&environment.account_id));
            Ok(environments)
        })
    }
}
