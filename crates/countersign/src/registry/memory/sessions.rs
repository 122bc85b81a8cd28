use super::{FOREVER, MemoryRegistry};
use crate::BoxFuture;
use crate::directory::Directory as _;
use crate::directory::SESSION_GENERATION;
use crate::id::Id;
use crate::registry::backend::{SessionKey, SessionRequest, SessionToken};
use crate::registry::{
    Caller, RegistryError, RegistryFuture, Session, SessionError, SessionSelector, Sessions,
};
use crate::time::Timestamp;
use crate::token::AccessToken;

pub(super) struct StoredSession {
    key: SessionKey,
    account: Id,
    minted: SessionToken,
}

impl StoredSession {
    /// Returns whether a session is the credential's, and accessible to the caller.
    fn is_of(&self, credential: &Id, caller: &Caller) -> bool {
        self.key.credential == *credential && caller.can_access(&self.account)
    }
}

impl MemoryRegistry {
    fn is_open(&self, session: &StoredSession, now: Timestamp) -> bool {
        now < session.minted.token.expires_at && !self.has_ended(session)
    }

    /// A session whose token was denied by its id has ended too.
    fn has_ended(&self, session: &StoredSession) -> bool {
        let token = &session.minted.token.id;
        self.directory.is_denied(&session.key.issuer, token)
    }

    fn open_session(&self, request: SessionRequest<'_>) -> Result<AccessToken, SessionError> {
        let SessionRequest { key, now, .. } = request;
        let mut state = self.state();
        state.sessions.retain(|session| self.is_open(session, now));
        let latest = now.plus(request.max_lifetime);
        let found = state.sessions.iter().find(|session| {
            let minted = &session.minted;
            session.key == key
                && minted.issued_at <= now
                && minted.token.expires_at <= latest
                && now < minted.reuse_until
        });
        if let Some(found) = found {
            return Ok(found.minted.token.clone());
        }
        // A session that is about to be replaced, because its token is old or its key no longer
        // signs, does not count.
        let counted = state.sessions.iter().filter(|session| {
            let other = &session.key;
            (other.credential, other.generation) == (key.credential, key.generation)
                && (other.issuer != key.issuer || other.key_id == key.key_id)
                && now < session.minted.reuse_until
        });
        let ends: Vec<_> = counted.map(|other| other.minted.token.expires_at).collect();
        if ends.len() >= usize::try_from(request.max_sessions).unwrap_or(usize::MAX) {
            let first = ends.into_iter().min().unwrap_or(now);
            return Err(SessionError::TooMany(first));
        }
        let minted = (request.mint)()?;
        let token = minted.token.clone();
        state.sessions.push(StoredSession {
            key,
            account: request.account,
            minted,
        });
        Ok(token)
    }
}

impl Sessions for MemoryRegistry {
    fn open<'a>(
        &'a self,
        request: SessionRequest<'a>,
    ) -> BoxFuture<'a, Result<AccessToken, SessionError>> {
        Box::pin(async move { self.open_session(request) })
    }

    fn list_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        now: Timestamp,
    ) -> RegistryFuture<'a, Vec<Session>> {
        Box::pin(async move {
            let state = self.state();
            let sessions = state.sessions.iter();
            let open = sessions
                .filter(|session| session.is_of(&credential, caller) && self.is_open(session, now));
            let describe = |StoredSession { key, minted, .. }: &StoredSession| {
                key.session(minted.session, minted.issued_at, minted.token.expires_at)
            };
            Ok(open.map(describe).collect())
        })
    }

    fn end_sessions<'a>(
        &'a self,
        caller: &'a Caller,
        credential: Id,
        which: SessionSelector,
    ) -> RegistryFuture<'a, ()> {
        Box::pin(async move {
            let (mut state, _) = self.state_for_change(caller)?;
            let before = state.sessions.len();
            state.sessions.retain(|session| {
                let selected = match &which {
                    SessionSelector::Id(id) => session.minted.session == *id,
                    SessionSelector::Named(name) => session.key.name.as_ref() == Some(name),
                };
                // Whether it has expired does not matter: the clock may be ahead.
                let ends =
                    selected && session.is_of(&credential, caller) && !self.has_ended(session);
                if ends {
                    let denied = self.directory.denied();
                    denied.deny_below(session.minted.session, SESSION_GENERATION + 1, FOREVER);
                }
                !ends
            });
            if state.sessions.len() == before {
                return Err(RegistryError::NotFound);
            }
            Ok(())
        })
    }
}
