use super::claims::{Claims, id, read, text};
use super::revalidate::check_denials;
use crate::credentials::Scheme;
use crate::directory::Directory;
use crate::id::Id;
use crate::jose::json::Value;
use crate::principal::{Identity, Subject};
use crate::reason::Reason;
use crate::scope::Scopes;

/// The origin of an own token: its credential, account and session with their generations.
pub(super) struct OwnToken {
    token: Id,
    credential: Id,
    generation: u32,
    account: Id,
    account_generation: u32,
    environment: Option<Id>,
    session: Option<(Id, u32)>,
    scopes: Scopes,
}

impl OwnToken {
    pub(super) fn read(claims: &Claims<'_>, subject: &str) -> Result<Self, Reason> {
        let malformed = Reason::ClaimsMalformed;
        if text(&claims.client_id)? != Some(subject) {
            return Err(malformed);
        }
        let session = match (
            id(&claims.session)?,
            read(&claims.session_generation, Value::u32)?,
        ) {
            (Some(session), Some(generation)) => Some((session, generation)),
            (None, None) => None,
            _ => return Err(malformed),
        };
        let generation = |claim| read(claim, Value::u32)?.ok_or(malformed);
        let scope = text(&claims.scope)?.unwrap_or_default();
        Ok(Self {
            token: id(&claims.jti)?.ok_or(malformed)?,
            credential: subject.parse().map_err(|_| malformed)?,
            generation: generation(&claims.credential_generation)?,
            account: id(&claims.account)?.ok_or(malformed)?,
            account_generation: generation(&claims.account_generation)?,
            environment: id(&claims.environment)?,
            session,
            scopes: Scopes::from_token(scope).map_err(|_| malformed)?,
        })
    }

    pub(super) fn check_denials(
        &self,
        directory: &dyn Directory,
        issuer: &str,
    ) -> Result<(), Reason> {
        let origins = [
            Some((self.credential, self.generation)),
            Some((self.account, self.account_generation)),
            self.session,
        ];
        check_denials(directory, issuer, &self.token, origins)
    }

    pub(super) fn identity(self) -> Identity {
        let subject = Subject::Id(self.credential.text());
        Identity {
            credential: Some(self.credential),
            generation: self.generation,
            account: Some(self.account),
            account_generation: self.account_generation,
            environment: self.environment,
            session: self.session,
            token_id: Some(Subject::Id(self.token.text())),
            ..Identity::bare(Scheme::Bearer, subject, self.scopes)
        }
    }
}
