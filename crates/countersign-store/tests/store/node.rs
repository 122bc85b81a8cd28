//! A process that mints and judges: a store, and what stands on it.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::jose::Algorithm;
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::mint::{
    AccessToken, IssuanceSettings, Issuer, Mint, MintParameters, MintRequest, SessionMint,
};
use countersign::principal::{PrimaryPrincipal, Principal};
use countersign::random::SystemRandom;
use countersign::registry::{CreatedKey, Registry as _, SessionError};
use countersign::rejection::Reason;
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::{Store, StoreOptions};

use crate::support::{NeverSet, Place, key, me};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(crate) const URL: &str = "https://auth.example";

pub(crate) fn clock() -> FixedClock {
    FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000))
}

pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) mint: Mint,
    pub(crate) clock: FixedClock,
    jwt: Jwt,
}

impl Node {
    pub(crate) async fn open(place: &Place, clock: &FixedClock) -> Self {
        Self::of(options(place, clock), clock, "default", URL).await
    }

    /// The same for an issuer. What it signs with signs the same text differently each time.
    pub(crate) async fn of(
        options: StoreOptions,
        clock: &FixedClock,
        issuer: &str,
        url: &str,
    ) -> Self {
        let store = Store::open(options).await.unwrap();
        let ring = store.signing_keys(issuer, Some(Algorithm::Es256)).await;
        let two_hours = IssuanceSettings::new(HOUR * 2, HOUR * 2);
        let issuer = Issuer::builder(url).signing_keys(ring.unwrap());
        let issuer = issuer.settings(two_hours).build().unwrap();
        let trusted = issuer.trusted().managed_tokens(DAY * 366);
        let trusted = trusted.directory(store.directory()).build().unwrap();
        Self {
            mint: Mint::new(issuer, clock.clone(), SystemRandom),
            jwt: Jwt::new([trusted]),
            clock: clock.clone(),
            store,
        }
    }

    pub(crate) async fn create_key(&self, name: &str) -> CreatedKey {
        self.store.create_key(&me(), key(name)).await.unwrap()
    }

    /// Whom a key proves.
    pub(crate) async fn prove(&self, key: &CreatedKey) -> PrimaryPrincipal {
        let keys = ApiKeys::new(self.store.directory(), self.store.peppers());
        let keys = Authenticator::builder().primary(keys);
        let keys = keys.clock(self.clock.clone()).build().unwrap();
        let credentials = Credentials::key(key.issued.key.clone());
        keys.authenticate(credentials, &RequestHead::empty())
            .await
            .unwrap()
            .primary()
            .unwrap()
    }

    pub(crate) fn sessions(&self) -> SessionMint {
        SessionMint::new(self.mint.clone(), Arc::new(self.store.clone()))
    }

    /// The token of a session with this name, or with none.
    pub(crate) async fn log_in(
        &self,
        key: &CreatedKey,
        name: impl Into<Option<&str>>,
    ) -> Result<AccessToken, SessionError> {
        let request = MintRequest::new(self.prove(key).await, MintParameters::default());
        let name = name.into().map(|name| name.parse().unwrap());
        self.sessions().mint(&request, name).await
    }

    /// Judges a token.
    pub(crate) fn judge(&self, token: &AccessToken) -> Result<Principal, Reason> {
        self.judge_text(token.token.expose())
    }

    pub(crate) fn judge_text(&self, token: &str) -> Result<Principal, Reason> {
        self.jwt.introspect(token, self.clock.now())
    }
}

pub(crate) fn options(place: &Place, clock: &FixedClock) -> StoreOptions {
    let mut options = place.options();
    options.clock = Arc::new(clock.clone());
    options.since_boot = Arc::new(NeverSet(clock.clone()));
    // How old a view may be is tested elsewhere.
    options.max_staleness = DAY * 999;
    options
}
