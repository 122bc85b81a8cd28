//! Each mechanism decides with a view of the credentials that is fresh before and after it looks them up. Otherwise the request
//! is 503, whether its credentials are valid or not.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Authenticator;
use countersign::credentials::{ClientCertificate, Credentials, RequestHead};
use countersign::directory::Directory;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{ImportedKey, Pepper, Peppers};
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, ClientCertificates, Jwt};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest, SessionMint};
use countersign::principal::PrimaryPrincipal;
use countersign::random::SystemRandom;
use countersign::registry::{
    Account, Caller, Change, CreatedKey, IdempotentOutcome, ManagedTokens as _, MemoryRegistry,
    NewKey, NewToken, NewUser, Owner, Registry as _, SessionSelector, Sessions as _,
};
use countersign::rejection::{Reason, Rejection, RejectionKind};
use countersign::testing::FixedClock;
use countersign::time::Clock as _;
use countersign::{Id, Principal};
use countersign_tests::CountingDirectory;
use http::Request;

use crate::fixture::{COOKIE, NOW, basic, bearer};

const IMPORTED: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
const MAPPED: &str = "spiffe://acme.example/billing";
const MAPPED_TO_NOTHING: &str = "spiffe://acme.example/deleted";

/// A kind of credentials: valid ones, and ones that are rejected after a look-up.
struct Kind {
    name: &'static str,
    valid: Request<()>,
    invalid: Request<()>,
}

struct Fixture {
    directory: Arc<CountingDirectory>,
    registry: Arc<MemoryRegistry>,
    operator: Caller,
    account: Account,
    clock: FixedClock,
    mint: Mint,
    authenticator: Authenticator,
}

impl Fixture {
    async fn new() -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(CountingDirectory::default());
        let table = Arc::clone(&directory.table);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
        let operator = Caller::operator("test");
        let account = registry.create_account(&operator, "a".to_owned());
        let account = account.await.unwrap();
        let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
        let (name, hash) = ("ada".parse().unwrap(), hasher.hash("right").unwrap());
        let ada = registry.create_user(&operator, NewUser::new(name, hash, scopes()));
        let ada = ada.await.unwrap().id;

        let shared = || Arc::clone(&directory) as Arc<dyn Directory>;
        let signing = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let issuer = Issuer::builder("https://auth.example").signing_key(signing);
        let issuer = issuer.build().unwrap();
        let trusted = issuer.trusted().directory(shared());
        let trusted = trusted.managed_tokens(Duration::from_secs(3600)).build();
        let jwt = Jwt::new([trusted.unwrap()]);
        let find = move |certificate: &ClientCertificate| match certificate.uris().next()? {
            MAPPED => Some(ada),
            MAPPED_TO_NOTHING => Some(Id::from_bytes([1; 20])),
            _ => None,
        };
        let authenticator = Authenticator::builder()
            .mechanism(jwt.clone())
            .mechanism(jwt.in_cookie(COOKIE.parse().unwrap()))
            .primary(ApiKeys::new(shared(), peppers.clone()).imported())
            .primary(Basic::new(shared(), peppers).passwords(hasher))
            .primary(ClientCertificates::new(shared(), find))
            .clock(clock.clone());
        Self {
            authenticator: authenticator.build().unwrap(),
            mint: Mint::new(issuer, clock.clone(), SystemRandom),
            registry: Arc::new(registry),
            directory,
            operator,
            account,
            clock,
        }
    }

    fn new_key(&self) -> NewKey {
        let owner = Owner {
            account: Some(self.account.id),
            environment: None,
        };
        NewKey::new("ci", scopes()).owner(owner)
    }

    async fn key(&self) -> CreatedKey {
        let key = self.registry.create_key(&self.operator, self.new_key());
        key.await.unwrap()
    }

    async fn revoke(&self, id: Id) {
        let revoke = Change::Revoke { reason: None };
        let revoked = self.registry.change(&self.operator, id, revoke);
        revoked.await.unwrap();
    }

    /// Returns the principal of a key.
    async fn primary(&self, key: &CreatedKey) -> PrimaryPrincipal {
        let credentials = Credentials::key(key.issued.key.clone());
        let principal = self
            .authenticator
            .authenticate(credentials, &RequestHead::empty());
        principal.await.unwrap().primary().unwrap()
    }

    async fn request_to_mint(&self, key: &CreatedKey) -> MintRequest {
        MintRequest::new(self.primary(key).await, MintParameters::default())
    }

    /// Returns a token of a key, and one of a key that was revoked since.
    async fn access_tokens(&self) -> [String; 2] {
        let keys = [self.key().await, self.key().await];
        let mut tokens = Vec::new();
        for key in &keys {
            let token = self.mint.mint(&self.request_to_mint(key).await).unwrap();
            tokens.push(token.token.expose().to_owned());
        }
        self.revoke(keys[1].record.id).await;
        tokens.try_into().unwrap()
    }

    /// Returns the tokens of two sessions, the second of which has ended.
    async fn session_tokens(&self) -> [String; 2] {
        let key = self.key().await;
        let sessions = SessionMint::new(self.mint.clone(), self.registry.clone());
        let request = self.request_to_mint(&key).await;
        let mut tokens = Vec::new();
        for name in ["first", "second"] {
            let token = sessions.mint(&request, Some(name.parse().unwrap())).await;
            tokens.push(token.unwrap().token.expose().to_owned());
        }
        let second = SessionSelector::Named("second".parse().unwrap());
        let ended = self
            .registry
            .end_sessions(&self.operator, key.record.id, second);
        ended.await.unwrap();
        tokens.try_into().unwrap()
    }

    /// Returns two managed tokens, the second of which is revoked.
    async fn managed_tokens(&self) -> [String; 2] {
        let creator = self.primary(&self.key().await).await;
        let mut tokens = Vec::new();
        for revoke in [false, true] {
            let end = self.clock.now().plus(Duration::from_secs(600));
            let mut new = NewToken::new(scopes(), end);
            new.owner.account = Some(self.account.id);
            let created = self.registry.create_token(&self.operator, new, None);
            let IdempotentOutcome::New(record) = created.await.unwrap() else {
                panic!("the token was created before");
            };
            let token = self.mint.managed_token(&creator, &record).unwrap();
            tokens.push(token.expose().to_owned());
            if revoke {
                self.revoke(record.id).await;
            }
        }
        tokens.try_into().unwrap()
    }

    async fn kinds(&self) -> [Kind; 10] {
        let (key, revoked) = (self.key().await, self.key().await);
        self.revoke(revoked.record.id).await;
        let imported = ImportedKey::of(IMPORTED.as_bytes());
        let imported = self
            .registry
            .import_key(&self.operator, self.new_key(), imported);
        imported.await.unwrap();
        let keys = [&key, &revoked];
        let whole = keys.map(|key| key.issued.key.expose().to_owned());
        let pairs = keys.map(|key| {
            let (id, secret) = (key.record.id.to_string(), key.issued.secret.expose());
            header("authorization", basic(&id, secret))
        });
        let tokens = self.access_tokens().await;
        let in_cookie = |token: &String| format!("{COOKIE}={token}");
        let in_header = |token: String| header("authorization", bearer(&token));
        let kind = |name, [valid, invalid]: [Request<()>; 2]| Kind {
            name,
            valid,
            invalid,
        };
        [
            kind("key", whole.clone().map(|key| header("x-api-key", key))),
            kind(
                "key with a scheme",
                whole.map(|key| header("authorization", format!("ApiKey {key}"))),
            ),
            kind(
                "imported key",
                [IMPORTED, "sk_live_unknown_unknown"].map(|key| header("x-api-key", key)),
            ),
            kind("id and secret", pairs),
            kind(
                "password",
                ["ada", "eve"].map(|name| header("authorization", basic(name, "right"))),
            ),
            kind(
                "certificate",
                [MAPPED, MAPPED_TO_NOTHING].map(|uri| {
                    let mut request = Request::new(());
                    let certificate = ClientCertificate::for_test(uri);
                    request.extensions_mut().insert(certificate);
                    request
                }),
            ),
            kind(
                "token in a cookie",
                tokens
                    .each_ref()
                    .map(|token| header("cookie", in_cookie(token))),
            ),
            kind("token", tokens.map(in_header)),
            kind(
                "token of a session",
                self.session_tokens().await.map(in_header),
            ),
            kind("managed token", self.managed_tokens().await.map(in_header)),
        ]
    }

    async fn authenticate(&self, request: &Request<()>) -> Result<Principal, Rejection> {
        let head = RequestHead::new(request);
        let credentials = self.authenticator.find_credentials(&head)?.unwrap();
        self.authenticator.authenticate(credentials, &head).await
    }

    /// Checks a decision with a view that is stale, with one that goes stale at each of its look-ups, and with a fresh one.
    async fn assert_needs_a_fresh_view(
        &self,
        case: &str,
        expected: Result<(), RejectionKind>,
        decide: &impl AsyncFn() -> Result<(), Rejection>,
    ) {
        let stale = Err(Reason::DirectoryStale);
        let reason = |decision: Result<(), Rejection>| decision.map_err(|error| error.reason());
        self.directory.go_stale();
        assert_eq!(reason(decide().await), stale, "{case}, stale before");
        for look_up in 1.. {
            self.directory.go_stale_at_look_up(look_up);
            let decision = decide().await;
            if self.directory.check_freshness().is_ok() {
                assert!(look_up > 1, "{case}: nothing was looked up");
                assert_eq!(decision.map_err(|error| error.kind()), expected, "{case}");
                self.directory.refresh();
                return;
            }
            assert_eq!(reason(decision), stale, "{case}, stale at {look_up}");
        }
    }
}

fn scopes() -> countersign::Scopes {
    "calls:read".parse().unwrap()
}

fn header(name: &str, value: impl AsRef<[u8]>) -> Request<()> {
    Request::get("/")
        .header(name, value.as_ref())
        .body(())
        .unwrap()
}

#[tokio::test]
async fn decision_of_each_mechanism_needs_a_view_that_is_fresh_before_and_after_each_look_up() {
    let fixture = Fixture::new().await;
    for kind in fixture.kinds().await {
        for (request, expected) in [
            (&kind.valid, Ok(())),
            (&kind.invalid, Err(RejectionKind::Invalid)),
        ] {
            let decide = async || fixture.authenticate(request).await.map(drop);
            // What was found in the first round is cached in the second.
            for round in 1..=2 {
                let case = format!("{}, expected {expected:?}, round {round}", kind.name);
                let checked = fixture.assert_needs_a_fresh_view(&case, expected, &decide);
                checked.await;
            }
        }
        let principal = fixture.authenticate(&kind.valid).await.unwrap();
        let decide = async || fixture.authenticator.revalidate(&principal);
        let case = format!("{}, again", kind.name);
        let checked = fixture.assert_needs_a_fresh_view(&case, Ok(()), &decide);
        checked.await;
    }
}
