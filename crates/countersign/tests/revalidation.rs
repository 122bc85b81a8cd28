//! An accepted token is checked again without its signature: expiry, denials, generations and records.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::MemoryDirectory;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Jwt};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest, SessionMint};
use countersign::principal::PrimaryPrincipal;
use countersign::random::SystemRandom;
use countersign::registry::{
    Account, Caller, Change, DeniedToken, IdempotentOutcome, ManagedTokens as _, MemoryRegistry,
    NewKey, NewToken, Owner, Record, Registry as _, SessionSelector, Sessions as _,
};
use countersign::rejection::Reason;
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign::{Principal, Secret};
use http::Request;
use tokio_test::block_on;

const URL: &str = "https://auth.test";
const LEEWAY: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);

struct Fixture {
    clock: FixedClock,
    registry: Arc<MemoryRegistry>,
    operator: Caller,
    account: Account,
    key: Record,
    creator: PrimaryPrincipal,
    mint: Mint,
    tokens: Authenticator,
}

impl Fixture {
    async fn new() -> Self {
        let clock = FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000));
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let registry = MemoryRegistry::new(
            Arc::clone(&directory),
            peppers.clone(),
            clock.clone(),
            SystemRandom,
        );
        let (registry, operator) = (Arc::new(registry.unwrap()), Caller::operator("test"));
        let account = registry.create_account(&operator, "a".to_owned());
        let account = account.await.unwrap();
        let owner = Owner {
            account: Some(account.id),
            environment: None,
        };
        let new = NewKey::new("ci", "calls:read".parse().unwrap()).owner(owner);
        let key = registry.create_key(&operator, new).await.unwrap();

        let keys = ApiKeys::new(directory.clone(), peppers);
        let keys = Authenticator::builder().primary(keys).clock(clock.clone());
        let credentials = Credentials::key(key.issued.key);
        let creator = keys.build().unwrap();
        let creator = creator.authenticate(credentials, &RequestHead::empty());
        let creator = creator.await.unwrap().primary().unwrap();

        let signing = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let issuer = Issuer::builder(URL).signing_key(signing).build().unwrap();
        let trusted = issuer.trusted().directory(directory).leeway(LEEWAY);
        let trusted = trusted.managed_tokens(MINUTE).build().unwrap();
        let tokens = Authenticator::builder().mechanism(Jwt::new([trusted]));
        Self {
            tokens: tokens.clock(clock.clone()).build().unwrap(),
            mint: Mint::new(issuer, clock.clone(), SystemRandom),
            clock,
            registry,
            operator,
            account,
            key: key.record,
            creator,
        }
    }

    async fn accept(&self, token: &Secret) -> Principal {
        let bearer = format!("Bearer {}", token.expose());
        let request = Request::get("/").header("authorization", bearer);
        let request = request.body(()).unwrap();
        let head = RequestHead::new(&request);
        let credentials = self.tokens.find_credentials(&head).unwrap().unwrap();
        self.tokens.authenticate(credentials, &head).await.unwrap()
    }

    /// Returns the principal of an access token that lives for a minute.
    async fn access_token(&self) -> Principal {
        let parameters = MintParameters::default().lifetime(MINUTE);
        let request = MintRequest::new(self.creator.clone(), parameters);
        self.accept(&self.mint.mint(&request).unwrap().token).await
    }

    /// Returns the record and the principal of a managed token that lives for a minute.
    async fn managed_token(&self) -> (Record, Principal) {
        let mut new = NewToken::new("calls:read".parse().unwrap(), self.clock.now().plus(MINUTE));
        new.owner.account = Some(self.account.id);
        let created = self.registry.create_token(&self.operator, new, None);
        let IdempotentOutcome::New(record) = created.await.unwrap() else {
            panic!("the token was created before");
        };
        let token = self.mint.managed_token(&self.creator, &record).unwrap();
        (*record, self.accept(&token).await)
    }

    async fn change(&self, record: &Record, change: Change) {
        let changed = self.registry.change(&self.operator, record.id, change);
        changed.await.unwrap();
    }

    async fn revoke_account(&self) {
        let revoked = self
            .registry
            .revoke_account(&self.operator, self.account.id);
        revoked.await.unwrap();
    }

    #[track_caller]
    fn assert_revalidated(&self, principal: &Principal, expected: Result<(), Reason>) {
        let result = self.tokens.revalidate(principal);
        assert_eq!(result.map_err(|rejection| rejection.reason()), expected);
    }
}

#[test]
fn token_is_revalidated_with_the_leeway_with_which_it_was_accepted() {
    block_on(async {
        let fixture = Fixture::new().await;
        let principal = fixture.access_token().await;
        let end = principal.expires_at().unwrap().plus(LEEWAY);
        fixture
            .clock
            .set(Timestamp::from_unix_millis(end.unix_millis() - 1));
        fixture.assert_revalidated(&principal, Ok(()));
        fixture.clock.set(end);
        fixture.assert_revalidated(&principal, Err(Reason::TokenExpired));
    });
}

#[test]
fn token_is_rejected_after_it_was_denied() {
    block_on(async {
        let fixture = Fixture::new().await;
        let [principal, other] = [fixture.access_token().await, fixture.access_token().await];
        fixture.assert_revalidated(&principal, Ok(()));
        let denied = DeniedToken {
            issuer: URL.to_owned(),
            token: principal.token_id().unwrap().parse().unwrap(),
            account: fixture.account.id,
            expires_at: principal.expires_at().unwrap(),
        };
        let denied = fixture.registry.deny_token(&fixture.operator, denied);
        denied.await.unwrap();
        fixture.assert_revalidated(&principal, Err(Reason::TokenRevoked));
        fixture.assert_revalidated(&other, Ok(()));
    });
}

#[test]
fn token_of_a_session_is_rejected_after_the_session_has_ended() {
    block_on(async {
        let fixture = Fixture::new().await;
        let mint = SessionMint::new(fixture.mint.clone(), fixture.registry.clone());
        let request = MintRequest::new(fixture.creator.clone(), MintParameters::default());
        let name = "worker-7".parse().unwrap();
        let token = mint.mint(&request, Some(name)).await.unwrap();
        let principal = fixture.accept(&token.token).await;
        fixture.assert_revalidated(&principal, Ok(()));
        let session = SessionSelector::Id(*principal.session().unwrap());
        let ended = fixture
            .registry
            .end_sessions(&fixture.operator, fixture.key.id, session);
        ended.await.unwrap();
        fixture.assert_revalidated(&principal, Err(Reason::Superseded));
    });
}

#[test]
fn token_is_rejected_after_its_credential_was_suspended_or_its_account_was_revoked() {
    block_on(async {
        let fixture = Fixture::new().await;
        let principal = fixture.access_token().await;
        fixture.revoke_account().await;
        fixture.assert_revalidated(&principal, Err(Reason::Superseded));

        let fixture = Fixture::new().await;
        let principal = fixture.access_token().await;
        fixture.change(&fixture.key, Change::Suspend).await;
        fixture.assert_revalidated(&principal, Err(Reason::Superseded));
    });
}

#[test]
fn managed_token_is_revalidated_against_its_record() {
    block_on(async {
        let fixture = Fixture::new().await;
        let (record, principal) = fixture.managed_token().await;
        fixture.assert_revalidated(&principal, Ok(()));
        fixture.change(&record, Change::Suspend).await;
        fixture.assert_revalidated(&principal, Err(Reason::CredentialSuspended));
        fixture.change(&record, Change::Activate).await;
        fixture.assert_revalidated(&principal, Ok(()));
        fixture
            .change(&record, Change::Revoke { reason: None })
            .await;
        fixture.assert_revalidated(&principal, Err(Reason::CredentialRevoked));
        fixture.change(&record, Change::Delete).await;
        fixture.assert_revalidated(&principal, Err(Reason::CredentialUnknown));

        let (_, principal) = fixture.managed_token().await;
        fixture.clock.advance(MINUTE);
        fixture.assert_revalidated(&principal, Err(Reason::CredentialExpired));
        let fixture = Fixture::new().await;
        let (_, principal) = fixture.managed_token().await;
        fixture.revoke_account().await;
        fixture.assert_revalidated(&principal, Err(Reason::CredentialRevoked));
    });
}
