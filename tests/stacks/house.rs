//! A service that takes users and keys, limits failures, and counts hashes.

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

pub const HOME: &str = "192.0.2.1";
pub const RIGHT: &str = "open sesame";

type Doctor = Box<dyn Fn(&mut Credential) + Send + Sync>;

/// A directory whose credentials can be made to look otherwise.
#[derive(Default)]
pub struct Doctored {
    pub table: Arc<MemoryDirectory>,
    pub doctor: Mutex<Option<Doctor>>,
    pub stale: Mutex<bool>,
}

impl Doctored {
    fn show(&self, credential: Option<Credential>) -> Option<Credential> {
        let mut credential = credential?;
        if let Some(doctor) = &*self.doctor.lock().unwrap() {
            doctor(&mut credential);
        }
        Some(credential)
    }
}

impl Directory for Doctored {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.show(self.table.credential(id))
    }

    fn user(&self, name: &UserName) -> Option<Credential> {
        self.show(self.table.user(name))
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

pub struct House {
    pub directory: Arc<Doctored>,
    pub registry: MemoryRegistry,
    pub me: Caller,
    pub user: Id,
    pub key: CreatedKey,
    pub hasher: PasswordHasher,
    pub clock: FixedClock,
    pub layer: AuthLayer,
}

impl House {
    pub async fn new() -> Self {
        Self::with(FailureLimit::default()).await
    }

    pub async fn with(limit: FailureLimit) -> Self {
        let clock = FixedClock::at(NOW);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(Doctored::default());
        let table = Arc::clone(&directory.table);
        let registry =
            MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
        let hasher = PasswordHasher::new(2, &SystemRandom).unwrap();
        let me = Caller::operator("test");
        let new = NewKey::new("test", "calls:read".parse().unwrap());
        let key = registry.create_key(&me, new).await.unwrap();
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
        let mut house = Self {
            directory,
            registry,
            me,
            user: key.record.id,
            key,
            hasher,
            clock,
            layer,
        };
        house.user = house.add("aladdin", RIGHT).await;
        house
    }

    pub async fn add(&self, name: &str, password: &str) -> Id {
        let hash = self.hasher.hash(password, &SystemRandom).unwrap();
        let scopes = "calls:read calls:write".parse().unwrap();
        let user = NewUser::new(name.parse().unwrap(), hash, scopes);
        self.registry.create_user(&self.me, user).await.unwrap().id
    }

    pub async fn change(&self, change: Change) {
        let changed = self.registry.change(&self.me, self.user, change);
        changed.await.unwrap();
    }

    pub fn doctor(&self, doctor: impl Fn(&mut Credential) + Send + Sync + 'static) {
        *self.directory.doctor.lock().unwrap() = Some(Box::new(doctor));
    }

    /// The answer to one request with these headers; its body is the principal's scopes.
    pub async fn ask(&self, from: Option<&str>, name: &str, value: Vec<u8>) -> Response<String> {
        self.take(from, name, value).await
    }

    /// A request that the layer has taken, and judges when it is polled.
    pub fn take(
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
            request.extensions_mut().insert(ClientAddress(address));
        }
        let answer = self.layer.layer(inner).call(request);
        async { answer.await.unwrap() }
    }

    pub fn attempt(&self, from: &str, password: &str) -> impl Future<Output = u16> + use<> {
        let answer = self.take(Some(from), "authorization", basic("aladdin", password));
        async { answer.await.status().as_u16() }
    }

    pub async fn sign_in(&self, from: &str, name: &str, password: &str) -> Response<String> {
        let value = basic(name, password);
        self.ask(Some(from), "authorization", value).await
    }

    pub async fn status(&self, from: &str, name: &str, password: &str) -> u16 {
        self.sign_in(from, name, password).await.status().as_u16()
    }

    pub async fn fail(&self, from: &str, times: u32) {
        for n in 0..times {
            let status = self.status(from, "aladdin", &format!("guess {n}")).await;
            assert_eq!(status, 401, "guess {n}");
        }
    }

    pub fn hashes(&self) -> u64 {
        self.hasher.passwords_checked()
    }
}

pub fn limit_of_one() -> FailureLimit {
    FailureLimit::new(NonZeroU32::MIN, Duration::from_secs(60))
}

pub fn reason(response: &Response<String>) -> Reason {
    response.extensions().get::<Rejection>().unwrap().reason()
}
