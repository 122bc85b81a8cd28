//! A layer that authenticates users and API keys, limits failures and counts hashed passwords.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::auth::AuthLayer;
use countersign::credentials::ClientAddress;
use countersign::directory::{Credential, Directory, MemoryDirectory, StaleView, UserName};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{ApiKeys, Basic, FailureLimit};
use countersign::random::SystemRandom;
use countersign::registry::{
    Caller, Change, CreatedKey, MemoryRegistry, NewKey, NewUser, Registry,
};
use countersign::rejection::{Reason, Rejection};
use countersign::testing::FixedClock;
use countersign::{Id, Scopes};
use http::{Request, Response};
use tower::{Layer as _, Service as _, service_fn};

use crate::fixture::{NOW, basic};

/// The address of most requests.
pub const ADDRESS: &str = "192.0.2.1";
/// The password of the user `aladdin`.
pub const PASSWORD: &str = "open sesame";

type Modification = Box<dyn Fn(&mut Credential) + Send + Sync>;

/// A directory that a test can make stale, or whose credentials it can modify.
#[derive(Default)]
pub struct ModifiedDirectory {
    pub table: Arc<MemoryDirectory>,
    pub modification: Mutex<Option<Modification>>,
    pub stale: Mutex<bool>,
}

impl ModifiedDirectory {
    fn modified(&self, credential: Option<Credential>) -> Option<Credential> {
        let mut credential = credential?;
        if let Some(modify) = &*self.modification.lock().unwrap() {
            modify(&mut credential);
        }
        Some(credential)
    }
}

impl Directory for ModifiedDirectory {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.modified(self.table.credential(id))
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.modified(self.table.user(name))
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.table.lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.table.is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), StaleView> {
        if *self.stale.lock().unwrap() {
            Err(StaleView)
        } else {
            Ok(())
        }
    }
}

pub struct PasswordFixture {
    pub directory: Arc<ModifiedDirectory>,
    pub registry: MemoryRegistry,
    pub caller: Caller,
    pub user: Id,
    pub key: CreatedKey,
    pub hasher: PasswordHasher,
    pub clock: FixedClock,
    pub layer: AuthLayer,
}

impl PasswordFixture {
    pub async fn new() -> Self {
        Self::with(FailureLimit::default()).await
    }

    pub async fn with(limit: FailureLimit) -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(ModifiedDirectory::default());
        let table = Arc::clone(&directory.table);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
        let hasher = PasswordHasher::new(2, SystemRandom).unwrap();
        let caller = Caller::operator("test");
        let new = NewKey::new("test", "calls:read".parse().unwrap());
        let key = registry.create_key(&caller, new).await.unwrap();
        let shared: Arc<dyn Directory> = directory.clone();
        let basic = Basic::new(Arc::clone(&shared), peppers.clone())
            .passwords(hasher.clone())
            .failure_limit(limit.clone());
        let layer = AuthLayer::builder()
            .primary(ApiKeys::new(shared, peppers).failure_limit(limit))
            .primary(basic)
            .clock(clock.clone())
            .build()
            .unwrap();
        let mut fixture = Self {
            directory,
            registry,
            caller,
            user: key.record.id,
            key,
            hasher,
            clock,
            layer,
        };
        fixture.user = fixture.add("aladdin", PASSWORD).await;
        fixture
    }

    pub async fn add(&self, name: &str, password: &str) -> Id {
        let hash = self.hasher.hash(password).unwrap();
        let scopes = "calls:read calls:write".parse().unwrap();
        let user = NewUser::new(name.parse().unwrap(), hash, scopes);
        self.registry
            .create_user(&self.caller, user)
            .await
            .unwrap()
            .id
    }

    pub async fn change(&self, change: Change) {
        let changed = self.registry.change(&self.caller, self.user, change);
        changed.await.unwrap();
    }

    pub fn modify(&self, modify: impl Fn(&mut Credential) + Send + Sync + 'static) {
        *self.directory.modification.lock().unwrap() = Some(Box::new(modify));
    }

    /// Sends one request with this header. The body of the response is the scopes of the principal.
    pub async fn send(&self, from: Option<&str>, name: &str, value: Vec<u8>) -> Response<String> {
        self.start(from, name, value).await
    }

    /// Starts a request, which is authenticated when the future is polled.
    pub fn start(
        &self,
        from: Option<&str>,
        name: &str,
        value: Vec<u8>,
    ) -> impl Future<Output = Response<String>> + use<> {
        let inner = service_fn(|request: Request<()>| async move {
            let scopes = request.extensions().get::<Scopes>().unwrap().to_string();
            Ok::<_, std::convert::Infallible>(Response::new(scopes))
        });
        let mut request = Request::builder().header(name, value).body(()).unwrap();
        if let Some(from) = from {
            let address: IpAddr = from.parse().unwrap();
            request
                .extensions_mut()
                .insert(ClientAddress::Known(address));
        }
        let response = self.layer.layer(inner).call(request);
        async { response.await.unwrap() }
    }

    pub fn attempt(&self, from: &str, password: &str) -> impl Future<Output = u16> + use<> {
        let response = self.start(Some(from), "authorization", basic("aladdin", password));
        async { response.await.status().as_u16() }
    }

    pub async fn authenticate(&self, from: &str, name: &str, password: &str) -> Response<String> {
        let value = basic(name, password);
        self.send(Some(from), "authorization", value).await
    }

    pub async fn status(&self, from: &str, name: &str, password: &str) -> u16 {
        self.authenticate(from, name, password)
            .await
            .status()
            .as_u16()
    }

    pub async fn fail(&self, from: &str, times: u32) {
        for n in 0..times {
            let status = self.status(from, "aladdin", &format!("guess {n}")).await;
            assert_eq!(status, 401, "guess {n}");
        }
    }

    pub fn passwords_hashed(&self) -> u64 {
        self.hasher.passwords_checked()
    }
}

pub fn limit_of_one() -> FailureLimit {
    FailureLimit::new(NonZeroU32::MIN, Duration::from_secs(60))
}

pub fn reason(response: &Response<String>) -> Reason {
    response.extensions().get::<Rejection>().unwrap().reason()
}
