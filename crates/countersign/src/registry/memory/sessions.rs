//! Sessions in memory.

use super::MemoryRegistry;
use super::credentials::FOR_GOOD;
use crate::BoxFuture;
use crate::directory::Directory as _;
use crate::directory::SESSION_GENERATION;
use crate::id::Id;
use crate::registry::{
    Caller, RegistryError, Session, SessionError, SessionKey, SessionRequest, SessionSelector,
    SessionToken, Sessions,
};
use crate::time::Timestamp;
use crate::token::AccessToken;

pub(super) struct OpenSession {
    key: SessionKey,
    account: Id,
    minted: SessionToken,
}

impl MemoryRegistry {
    /// A session whose token was denied by itself is over too: it would be refused.
    fn lives(&self, session: &OpenSession, now: Timestamp) -> bool {
        let token = &session.minted.token;
        let denied = self.directory.is_denied(&session.key.issuer, &token.id);
        now < token.expires_at && !denied
    }

    fn open_session(&self, opening: SessionRequest<'_>) -> Result<AccessToken, SessionError> {
        let SessionRequest { key, now, .. } = opening;
        let mut held = self.held();
        held.sessions.retain(|session| self.lives(session, now));
        let mut same = held.sessions.iter().filter(|session| session.key == key);
        let latest = now.plus(opening.longest);
        let kept = same.find(|kept| {
            let minted = &kept.minted;
            let fits = minted.issued_at <= now && minted.token.expires_at <= latest;
            fits && now < minted.reuse_until
        });
        if let Some(kept) = kept {
            return Ok(kept.minted.token.clone());
        }
        // What is dead, or is about to be replaced because its key signs no more, is not counted.
        let others = held.sessions.iter().filter(|session| {
            let other = &session.key;
            (other.credential, other.generation) == (key.credential, key.generation)
                && (other.issuer != key.issuer || other.key_id == key.key_id)
                && now < session.minted.reuse_until
        });
        let ends: Vec<_> = others
            .map(|session| session.minted.token.expires_at)
            .collect();
        if ends.len() >= usize::try_from(opening.limit).unwrap_or(usize::MAX) {
            let first = ends.into_iter().min().unwrap_or(now);
            return Err(SessionError::TooMany(first));
        }
        let minted = (opening.mint)()?;
        let token = minted.token.clone();
        held.sessions.push(OpenSession {
            key,
            account: opening.account,
            minted,
        });
        Ok(token)
    }

    fn sessions_of(&self, caller: &Caller, credential: &Id, now: Timestamp) -> Vec<Session> {
        let held = self.held();
        let of = held.sessions.iter().filter(|session| {
            session.key.credential == *credential
                && caller.reaches(&session.account)
                && self.lives(session, now)
        });
        of.map(|OpenSession { key, minted, .. }| {
            Session::new(
                minted.session,
                key,
                minted.issued_at,
                minted.token.expires_at,
            )
        })
        .collect()
    }

    fn end(
        &self,
        caller: &Caller,
        credential: &Id,
        which: &SessionSelector,
    ) -> Result<(), RegistryError> {
        let mut held = self.held_for(caller)?;
        let now = self.clock.now();
        let before = held.sessions.len();
        held.sessions.retain(|session| {
            let named = match which {
                SessionSelector::Id(id) => session.minted.session == *id,
                SessionSelector::Named(name) => session.key.name.as_ref() == Some(name),
            };
            let meant = named
                && session.key.credential == *credential
                && caller.reaches(&session.account)
                && self.lives(session, now);
            if meant {
                let denied = self.directory.denied();
                denied.deny_below(session.minted.session, SESSION_GENERATION + 1, FOR_GOOD);
            }
            !meant
        });
        if held.sessions.len() == before {
            return Err(RegistryError::NotFound);
        }
        Ok(())
    }
}

impl Sessions for MemoryRegistry {
    fn open<'a>(
        &'a self,
        opening: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<AccessToken, SessionError>> {
        Box::pin(async move { self.open_session(opening) })
    }

    fn list_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Session>, RegistryError>> {
        Box::pin(async move { Ok(self.sessions_of(caller, &credential, now)) })
    }

    fn end_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        which: SessionSelector,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(async move { self.end(caller, &credential, &which) })
    }
}
