use super::claims::Claims;
use super::revalidate::check_denials;
use crate::credentials::Scheme;
use crate::directory::Directory;
use crate::id::Id;
use crate::jose::json::OneOrMany;
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
        if Claims::text(&claims.client_id) != Some(subject) {
            return Err(malformed);
        }
        let scope = match &claims.scope {
            None => "",
            Some(OneOrMany::One(text)) => &text.0,
            Some(OneOrMany::Many(_)) => return Err(malformed),
        };
        let session = match (Claims::id(&claims.session)?, claims.session_generation) {
            (Some(session), Some(generation)) => Some((session, generation)),
            (None, None) => None,
            _ => return Err(malformed),
        };
        Ok(Self {
            token: Claims::id(&claims.jti)?.ok_or(malformed)?,
            credential: subject.parse().map_err(|_| malformed)?,
            generation: claims.credential_generation.ok_or(malformed)?,
            account: Claims::id(&claims.account)?.ok_or(malformed)?,
            account_generation: claims.account_generation.ok_or(malformed)?,
            environment: Claims::id(&claims.environment)?,
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
