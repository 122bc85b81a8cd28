//! A registry in memory, an issuer, and the same verifier with and without the cache.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::credentials::{ClientAddress, Credentials, RequestHead};
use countersign::directory::{Directory, MemoryDirectory};
use countersign::jose::{Algorithm, SigningKey, SigningKeys};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest, SessionMint};
use countersign::principal::PrimaryPrincipal;
use countersign::random::SystemRandom;
use countersign::registry::{
    Account, Caller, Change, DeniedToken, IdempotentOutcome, ManagedTokens as _, MemoryRegistry,
    NewKey, NewToken, Owner, Record, Registry as _, RegistryError, SessionSelector, Sessions as _,
};
use countersign::rejection::Reason;
use countersign::testing::{FixedClock, signatures_verified};
use countersign::time::{Clock as _, Timestamp};
use countersign::token::TrustedIssuerBuilder;
use countersign::{Id, Principal, Secret};
use countersign_tests::CountingDirectory;
use futures_util::FutureExt as _;
use http::Request;

pub(crate) const URL: &str = "https://auth.example";
pub(crate) const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
/// The leeway of own issuers.
pub(crate) const LEEWAY: Duration = Duration::from_secs(2);
/// The longest lifetime of managed tokens.
const MANAGED: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct Fixture {
    pub(crate) clock: FixedClock,
    pub(crate) directory: Arc<CountingDirectory>,
    pub(crate) registry: Arc<MemoryRegistry>,
    pub(crate) operator: Caller,
    pub(crate) signing: SigningKeys,
    pub(crate) issuer: Issuer,
    pub(crate) mint: Mint,
    /// The number of accounts.
    accounts: Cell<u32>,
    keys: Authenticator,
    cached: Authenticator,
    uncached: Authenticator,
}

/// A key and its principal.
pub(crate) struct Key {
    pub(crate) account: Account,
    pub(crate) record: Record,
    secret: Secret,
    /// The principal when the key was created.
    first: PrimaryPrincipal,
}

impl Fixture {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let clock = FixedClock::at(START);
        let table = Arc::new(MemoryDirectory::default());
        let directory = Arc::new(CountingDirectory::over(Arc::clone(&table)));
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
        let key = SigningKey::generate(algorithm, &SystemRandom).unwrap();
        let signing = SigningKeys::new([(key, Timestamp::from_unix_seconds(0))]).unwrap();
        let issuer = Issuer::builder(URL).signing_keys(signing.clone());
        let issuer = issuer.build().unwrap();
        let shared: Arc<dyn Directory> = directory.clone();
        let trusted = issuer.trusted().directory(Arc::clone(&shared));
        let jwt = Jwt::new([trusted.managed_tokens(MANAGED).build().unwrap()]);
        let keys = Authenticator::builder().primary(ApiKeys::new(shared, peppers));
        Self {
            keys: keys.clock(clock.clone()).build().unwrap(),
            uncached: authenticator(jwt.clone().cache_bytes(0), &clock),
            cached: authenticator(jwt, &clock),
            mint: Mint::new(issuer.clone(), clock.clone(), SystemRandom),
            clock,
            directory,
            registry: Arc::new(registry),
            operator: Caller::operator("test"),
            accounts: Cell::new(0),
            signing,
            issuer,
        }
    }

    /// Returns a verifier of the issuer with another configuration, with its cache.
    pub(crate) fn other(
        &self,
        change: impl FnOnce(TrustedIssuerBuilder) -> TrustedIssuerBuilder,
    ) -> Authenticator {
        let directory: Arc<dyn Directory> = self.directory.clone();
        let trusted = change(self.issuer.trusted().directory(directory));
        authenticator(Jwt::new([trusted.build().unwrap()]), &self.clock)
    }

    /// Creates a key in an account of its own.
    pub(crate) fn key(&self) -> Key {
        self.accounts.set(self.accounts.get() + 1);
        let name = format!("account {}", self.accounts.get());
        let account = self.registry.create_account(&self.operator, name);
        let account = now(account).unwrap();
        let owner = Owner {
            account: Some(account.id),
            environment: None,
        };
        let new = NewKey::new("ci", "calls:read calls:write".parse().unwrap()).owner(owner);
        let created = now(self.registry.create_key(&self.operator, new)).unwrap();
        let secret = created.issued.key;
        Key {
            account,
            record: created.record,
            first: self.authenticate(&secret).unwrap(),
            secret,
        }
    }

    fn authenticate(&self, secret: &Secret) -> Option<PrimaryPrincipal> {
        let credentials = Credentials::key(secret.clone());
        let principal = now(self.keys.authenticate(credentials, &RequestHead::empty()));
        principal.ok()?.primary()
    }

    /// Returns the present principal of a key, or the first one of a key that is not accepted any more.
    fn principal(&self, key: &Key) -> PrimaryPrincipal {
        let present = self.authenticate(&key.secret);
        present.unwrap_or_else(|| key.first.clone())
    }

    pub(crate) fn token(&self, key: &Key) -> String {
        self.token_for(key, Duration::from_secs(600))
    }

    pub(crate) fn token_for(&self, key: &Key, lifetime: Duration) -> String {
        let parameters = MintParameters::default().lifetime(lifetime);
        let request = MintRequest::new(self.principal(key), parameters);
        self.mint.mint(&request).unwrap().token.expose().to_owned()
    }

    /// Returns the token of a session, unless the key is deleted.
    pub(crate) fn session_token(&self, key: &Key, name: &str) -> Option<String> {
        let sessions = SessionMint::new(self.mint.clone(), self.registry.clone());
        let request = MintRequest::new(self.principal(key), MintParameters::default());
        let token = now(sessions.mint(&request, Some(name.parse().unwrap())));
        Some(token.ok()?.token.expose().to_owned())
    }

    /// Returns a managed token that lives for an hour, and its record, unless the account is revoked.
    pub(crate) fn managed_token(&self, key: &Key) -> Option<(Record, String)> {
        let end = self.clock.now().plus(Duration::from_secs(3600));
        let mut new = NewToken::new("calls:read".parse().unwrap(), end);
        new.owner.account = Some(key.account.id);
        let created = now(self.registry.create_token(&self.operator, new, None)).ok()?;
        let IdempotentOutcome::New(record) = created else {
            panic!("the token was created before");
        };
        let token = self
            .mint
            .managed_token(&self.principal(key), &record)
            .unwrap();
        Some((*record, token.expose().to_owned()))
    }

    pub(crate) fn change(&self, id: Id, change: Change) -> Result<Record, RegistryError> {
        now(self.registry.change(&self.operator, id, change))
    }

    pub(crate) fn deny(&self, principal: &Principal) -> Result<(), RegistryError> {
        let denied = DeniedToken {
            issuer: URL.to_owned(),
            token: principal.token_id().unwrap().parse().unwrap(),
            account: *principal.account().unwrap(),
            expires_at: principal.expires_at().unwrap(),
        };
        now(self.registry.deny_token(&self.operator, denied))
    }

    pub(crate) fn end_session(&self, principal: &Principal) -> Result<(), RegistryError> {
        let which = SessionSelector::Id(*principal.session().unwrap());
        let credential = *principal.credential_id().unwrap();
        now(self
            .registry
            .end_sessions(&self.operator, credential, which))
    }

    /// Signs with a new key from now on. The other keys still verify, if `keep`.
    pub(crate) fn rotate_signing_key(&self, keep: Option<SigningKey>, algorithm: Algorithm) {
        let new = SigningKey::generate(algorithm, &SystemRandom).unwrap();
        let old = keep.map(|key| (key, Timestamp::from_unix_seconds(0)));
        let keys = std::iter::once((new, Timestamp::from_unix_seconds(1))).chain(old);
        self.signing.replace(keys).unwrap();
    }

    pub(crate) fn present(&self, token: &str) -> Presented {
        Presented::to(&self.cached, token)
    }

    pub(crate) fn present_from(&self, token: &str, address: &str) -> Presented {
        let address = ClientAddress::Known(address.parse().unwrap());
        Presented::with(&self.cached, token, Some(address))
    }

    pub(crate) fn present_uncached(&self, token: &str) -> Presented {
        Presented::to(&self.uncached, token)
    }

    /// Presents a token until it is cached, and returns its principal.
    #[track_caller]
    pub(crate) fn cache(&self, token: &str) -> Principal {
        cache_in(&self.cached, token)
    }

    /// Asserts that a token that was cached is rejected, and that the verifier without a cache gives the same reason.
    #[track_caller]
    pub(crate) fn assert_rejected(&self, token: &str, reason: Reason) {
        for presented in [self.present(token), self.present(token)] {
            assert_eq!(presented.reason(), Some(reason));
        }
        assert_eq!(self.present_uncached(token).reason(), Some(reason));
    }
}

fn authenticator(jwt: Jwt, clock: &FixedClock) -> Authenticator {
    let builder = Authenticator::builder().mechanism(jwt);
    builder.clock(clock.clone()).build().unwrap()
}

/// Presents a token until it is in the cache of this authenticator, and returns its principal.
#[track_caller]
pub(crate) fn cache_in(authenticator: &Authenticator, token: &str) -> Principal {
    for _ in 0..2 {
        assert_eq!(Presented::to(authenticator, token).reason(), None);
    }
    let cached = Presented::to(authenticator, token);
    assert_eq!(cached.signatures, 0, "the token was not cached");
    cached.result.unwrap()
}

/// Returns the output of a future that does not wait.
#[track_caller]
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("nothing in memory waits")
}

/// The result of one presentation of a token.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) result: Result<Principal, Reason>,
    /// The number of signatures that were verified.
    pub(crate) signatures: u64,
}

impl Presented {
    #[track_caller]
    pub(crate) fn to(authenticator: &Authenticator, token: &str) -> Self {
        Self::with(authenticator, token, None)
    }

    #[track_caller]
    fn with(authenticator: &Authenticator, token: &str, from: Option<ClientAddress>) -> Self {
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let mut request = request.body(()).unwrap();
        if let Some(from) = from {
            request.extensions_mut().insert(from);
        }
        let head = RequestHead::new(&request);
        let credentials = authenticator.find_credentials(&head).unwrap().unwrap();
        let before = signatures_verified();
        let result = now(authenticator.authenticate(credentials, &head));
        Self {
            signatures: signatures_verified() - before,
            result: result.map_err(|rejection| rejection.reason()),
        }
    }

    pub(crate) fn reason(&self) -> Option<Reason> {
        self.result.as_ref().err().copied()
    }
}
