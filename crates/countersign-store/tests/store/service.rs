//! A service that mints and verifies tokens with a store.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::jose::Algorithm;
use countersign::mechanism::Jwt;
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

use crate::support::{BootClockFrom, TestFolder, new_key, operator};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(crate) const URL: &str = "https://auth.example";

pub(crate) fn clock() -> FixedClock {
    FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000))
}

pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) mint: Mint,
    pub(crate) clock: FixedClock,
    jwt: Jwt,
}

impl Service {
    pub(crate) async fn open(folder: &TestFolder, clock: &FixedClock) -> Self {
        Self::with_issuer(options(folder, clock), clock, "default", URL).await
    }

    /// Opens a service of one issuer. It signs with ECDSA, which gives another signature each time.
    pub(crate) async fn with_issuer(
        options: StoreOptions,
        clock: &FixedClock,
        issuer: &str,
        url: &str,
    ) -> Self {
        let store = Store::open(options).await.unwrap();
        let keys = store.signing_keys(issuer, Some(Algorithm::Es256)).await;
        let two_hours = IssuanceSettings::new(HOUR * 2, HOUR * 2);
        let issuer = Issuer::builder(url).signing_keys(keys.unwrap());
        let issuer = issuer.settings(two_hours).build().unwrap();
        let trusted = store.trusted(&issuer).managed_tokens(DAY * 366);
        let trusted = trusted.build().unwrap();
        Self {
            mint: Mint::new(issuer, clock.clone(), SystemRandom),
            jwt: Jwt::new([trusted]),
            clock: clock.clone(),
            store,
        }
    }

    pub(crate) async fn create_key(&self, name: &str) -> CreatedKey {
        self.store
            .create_key(&operator(), new_key(name))
            .await
            .unwrap()
    }

    /// Authenticates an API key.
    pub(crate) async fn authenticate_key(&self, key: &CreatedKey) -> PrimaryPrincipal {
        let keys = Authenticator::builder().primary(self.store.api_keys());
        let keys = keys.clock(self.clock.clone()).build().unwrap();
        let credentials = Credentials::key(key.issued.key.clone());
        let authenticated = keys.authenticate(credentials, &RequestHead::empty());
        authenticated.await.unwrap().primary().unwrap()
    }

    pub(crate) fn sessions(&self) -> SessionMint {
        SessionMint::new(self.mint.clone(), Arc::new(self.store.clone()))
    }

    /// Returns the token of the session with this name, or of the session without a name.
    pub(crate) async fn open_session(
        &self,
        key: &CreatedKey,
        name: impl Into<Option<&str>>,
    ) -> Result<AccessToken, SessionError> {
        let request = MintRequest::new(self.authenticate_key(key).await, MintParameters::default());
        let name = name.into().map(|name| name.parse().unwrap());
        self.sessions().mint(&request, name).await
    }

    /// Verifies a token.
    pub(crate) fn verify(&self, token: &AccessToken) -> Result<Principal, Reason> {
        self.verify_text(token.token.expose())
    }

    pub(crate) fn verify_text(&self, token: &str) -> Result<Principal, Reason> {
        self.jwt.introspect(token, self.clock.now())
    }
}

pub(crate) fn options(folder: &TestFolder, clock: &FixedClock) -> StoreOptions {
    let mut options = folder.options();
    options.clock = Arc::new(clock.clone());
    options.boot_clock = Arc::new(BootClockFrom(clock.clone()));
    // Other tests are about stale views.
    options.max_staleness = DAY * 999;
    options
}
