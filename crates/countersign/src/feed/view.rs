use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use super::credentials::CredentialView;
use super::error::Refusal;
use super::message::FeedMessage;
use crate::directory::{DenySet, Directory as _};
use crate::id::Id;
use crate::jose::{KeySet, SharedKeySet};
use crate::time::BootClock;

/// The largest number of keys of an issuer.
const MAX_KEYS: usize = 100;

/// What a verifier knows of an issuer, and until when it may use it. Requests read it without waiting.
pub(super) struct View {
    /// Replaced as a whole by a message with the whole state; otherwise changed denial by denial.
    denied: ArcSwap<DenySet>,
    keys: SharedKeySet,
    /// The API keys; `None` if they are not asked for.
    credentials: Option<CredentialView>,
    /// The account that the view is restricted to.
    account: ArcSwapOption<Id>,
    /// When the view becomes stale, in nanoseconds since boot. 0 before the first answer since the start of the process.
    fresh_until: AtomicU64,
    clock: Arc<dyn BootClock>,
}

impl View {
    pub(super) fn new(clock: Arc<dyn BootClock>, credentials: Option<CredentialView>) -> Self {
        Self {
            denied: ArcSwap::default(),
            keys: SharedKeySet::new(KeySet::default()),
            credentials,
            account: ArcSwapOption::empty(),
            fresh_until: AtomicU64::new(0),
            clock,
        }
    }

    pub(super) fn since_boot(&self) -> Duration {
        self.clock.since_boot()
    }

    /// Returns for how long the view may still be used: zero if it is stale.
    pub(super) fn remaining(&self) -> Duration {
        let until = Duration::from_nanos(self.fresh_until.load(Ordering::Acquire));
        until.saturating_sub(self.since_boot())
    }

    pub(super) fn is_fresh(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Returns the keys, if the view is fresh.
    pub(super) fn keys(&self) -> Option<Guard<Arc<KeySet>>> {
        self.is_fresh().then(|| self.keys.load())
    }

    /// Returns the numbers of denials and of the keys of the issuer.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.denied.load().len(), self.keys.load().len())
    }

    pub(super) const fn credentials(&self) -> Option<&CredentialView> {
        self.credentials.as_ref()
    }

    pub(super) fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.denied.load().lowest_generation(entity)
    }

    pub(super) fn accepts_generation(&self, entity: &Id, generation: u32) -> bool {
        let account = self.account.load();
        // Of other accounts, it is not known what is denied.
        let is_known = account
            .as_ref()
            .is_none_or(|account| entity.is_in_partition_of(account));
        is_known && self.denied.load().accepts_generation(entity, generation)
    }

    pub(super) fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.denied.load().is_denied(issuer, token)
    }

    /// Applies an answer to a question that was sent at `sent`, and that continues what the view contains. If `is_new_history`,
    /// earlier denials stay: what was revoked may not be in a restored backup.
    pub(super) fn apply(
        &self,
        message: &FeedMessage,
        is_new_history: bool,
        (sent, bound): (Duration, Duration),
    ) -> Result<(), Refusal> {
        let keys = KeySet::from_jwks_of(&message.jwks, MAX_KEYS);
        let (keys, _) = keys.map_err(|_| Refusal::Keys)?;
        if let Some(view) = &self.credentials {
            let credentials = message.credentials.as_ref();
            let credentials = credentials.ok_or(Refusal::NoCredentials)?;
            view.apply(credentials, message.after.is_none())?;
        }
        let known = self.denied.load_full();
        let denied = match message.after {
            Some(_) => known,
            None => {
                let whole = DenySet::default();
                if is_new_history {
                    whole.deny_all_of(&known);
                }
                Arc::new(whole)
            }
        };
        for id in &message.removed {
            denied.remove(id);
        }
        for denial in &message.denials {
            denied.deny(denial);
        }
        self.denied.store(denied);
        self.keys.replace(keys);
        self.account.store(message.account.map(Arc::new));
        // At last, so that a request that finds the view fresh finds what makes it so.
        let until = sent.saturating_add(bound).saturating_sub(message.age);
        let until = u64::try_from(until.as_nanos()).unwrap_or(0);
        self.fresh_until.store(until, Ordering::Release);
        Ok(())
    }
}
