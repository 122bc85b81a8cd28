//! The sessions of the dashboard, in memory: those of one server, until it stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::random::{Random, RandomError};
use countersign::{Principal, Secret};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::origin::Transport;

/// The time without a request of the user after which a session ends.
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);
/// The time after which a session ends.
pub(super) const LIFETIME: Duration = Duration::from_secs(8 * 3600);
const MAX_SESSIONS: usize = 256;
const MAX_PER_CREDENTIAL: usize = 8;
const ID_BYTES: usize = 32;

/// The sessions. Beyond the limits, those that were not used for longest end.
pub(super) struct Sessions {
    random: Arc<dyn Random>,
    table: Mutex<Table>,
}

/// The sessions by the SHA-256 of their ids, so that the time of a look-up says nothing about an id.
type Table = HashMap<[u8; 32], Session>;

struct Session {
    principal: Principal,
    transport: Transport,
    began: Instant,
    used: Instant,
}

impl Session {
    fn is_valid(&self, now: Instant) -> bool {
        now < self.began + LIFETIME && now < self.used + IDLE
    }
}

impl Sessions {
    pub(super) fn new(random: impl Random) -> Self {
        Self {
            random: Arc::new(random),
            table: Mutex::default(),
        }
    }

    /// Begins a session, and returns its id.
    pub(super) fn begin(
        &self,
        principal: Principal,
        transport: Transport,
    ) -> Result<Secret, RandomError> {
        let mut bytes = [0; ID_BYTES];
        self.random.fill(&mut bytes)?;
        let id = Secret::from(URL_SAFE_NO_PAD.encode(bytes));
        let now = Instant::now();
        let credential = principal.credential_id().copied();
        let mut table = self.lock();
        table.retain(|_, session| session.is_valid(now));
        let is_own = |session: &Session| session.principal.credential_id() == credential.as_ref();
        make_room(&mut table, MAX_PER_CREDENTIAL, is_own);
        make_room(&mut table, MAX_SESSIONS, |_| true);
        let session = Session {
            principal,
            transport,
            began: now,
            used: now,
        };
        table.insert(digest(&id), session);
        Ok(id)
    }

    /// Returns the principal of a session. `is_activity` is false for requests that a page sends by itself.
    pub(super) fn find(
        &self,
        id: &Secret,
        transport: Transport,
        is_activity: bool,
    ) -> Option<Principal> {
        let now = Instant::now();
        let mut table = self.lock();
        let session = table.get_mut(&digest(id))?;
        if session.transport != transport || !session.is_valid(now) {
            return None;
        }
        if is_activity {
            session.used = now;
        }
        Some(session.principal.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &Secret) {
        self.lock().remove(&digest(id));
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(id: &Secret) -> [u8; 32] {
    Sha256::digest(id.expose()).into()
}

/// Ends the sessions that were not used for longest, until one more of these does not exceed `max`.
fn make_room(table: &mut Table, max: usize, counts: impl Fn(&Session) -> bool) {
    loop {
        let counted = || table.iter().filter(|(_, session)| counts(session));
        if counted().count() < max {
            return;
        }
        let oldest = counted().min_by_key(|(_, session)| session.used);
        let Some(oldest) = oldest.map(|(key, _)| *key) else {
            return;
        };
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign::auth::Authenticator;
    use countersign::credentials::{Credentials, RequestHead};
    use countersign::directory::MemoryDirectory;
    use countersign::key::{Pepper, Peppers};
    use countersign::mechanism::ApiKeys;
    use countersign::random::SystemRandom;
    use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
    use countersign::time::SystemClock;
    use tokio::time::advance;

    use super::*;

    const TLS: Transport = Transport::Tls;
    const SECOND: Duration = Duration::from_secs(1);

    async fn principals<const N: usize>() -> [Principal; N] {
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let registry = MemoryRegistry::new(
            directory.clone(),
            peppers.clone(),
            SystemClock,
            SystemRandom,
        );
        let (registry, caller) = (registry.unwrap(), Caller::operator("test"));
        let authenticator = Authenticator::builder().primary(ApiKeys::new(directory, peppers));
        let authenticator = authenticator.build().unwrap();
        let mut principals = Vec::new();
        for _ in 0..N {
            let new = NewKey::new("admin", "*".parse().unwrap());
            let created = registry.create_key(&caller, new).await.unwrap();
            let credentials = Credentials::key(created.issued.key);
            let principal = authenticator.authenticate(credentials, &RequestHead::empty());
            principals.push(principal.await.unwrap());
        }
        principals.try_into().unwrap()
    }

    fn sessions() -> Sessions {
        Sessions::new(SystemRandom)
    }

    #[tokio::test(start_paused = true)]
    async fn session_ends_when_it_is_idle_although_its_page_sends_requests() {
        let [principal] = principals().await;
        let sessions = sessions();
        let id = sessions.begin(principal, TLS).unwrap();
        for _ in 0..3 {
            advance(IDLE - SECOND).await;
            assert!(sessions.find(&id, TLS, true).is_some());
        }
        advance(IDLE - SECOND).await;
        assert!(sessions.find(&id, TLS, false).is_some());
        advance(SECOND).await;
        assert!(sessions.find(&id, TLS, true).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn session_ends_after_its_lifetime_although_it_is_used() {
        let [principal] = principals().await;
        let sessions = sessions();
        let id = sessions.begin(principal, TLS).unwrap();
        let step = IDLE / 2;
        for _ in 1..LIFETIME.as_secs() / step.as_secs() {
            advance(step).await;
            assert!(sessions.find(&id, TLS, true).is_some());
        }
        advance(step).await;
        assert!(sessions.find(&id, TLS, true).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn session_is_found_by_its_whole_id_and_its_transport_only() {
        let [principal] = principals().await;
        let sessions = sessions();
        let id = sessions.begin(principal, TLS).unwrap();
        assert!(sessions.find(&id, TLS, true).is_some());
        assert!(sessions.find(&id, Transport::Loopback, true).is_none());
        let cut = Secret::from(id.expose()[1..].to_owned());
        for other in [cut, Secret::from(String::new())] {
            assert!(sessions.find(&other, TLS, true).is_none());
        }
        sessions.end(&id);
        assert!(sessions.find(&id, TLS, true).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn oldest_session_of_a_credential_ends_beyond_the_limit_and_others_stay() {
        let [own, other] = principals().await;
        let sessions = sessions();
        let others = sessions.begin(other, TLS).unwrap();
        let mut ids = Vec::new();
        for _ in 0..=MAX_PER_CREDENTIAL {
            advance(SECOND).await;
            ids.push(sessions.begin(own.clone(), TLS).unwrap());
        }
        let is_valid = |id: &Secret| sessions.find(id, TLS, false).is_some();
        let valid: Vec<bool> = ids.iter().map(is_valid).collect();
        assert!(!valid[0] && valid[1..].iter().all(|valid| *valid));
        assert!(is_valid(&others));
    }

    #[tokio::test(start_paused = true)]
    async fn number_of_all_sessions_is_bounded() {
        let sessions = sessions();
        for principal in principals::<{ MAX_SESSIONS + 2 }>().await {
            sessions.begin(principal, TLS).unwrap();
        }
        assert_eq!(sessions.lock().len(), MAX_SESSIONS);
    }
}
