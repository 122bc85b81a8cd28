//! Credentials in memory, and a service with an empty response.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use countersign::directory::MemoryDirectory;
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::ApiKeys;
use countersign::random::SystemRandom;
use countersign::registry::{Caller, CreatedKey, MemoryRegistry, NewKey, Registry as _};
use countersign::time::SystemClock;
use http::{Request, Response};
use tower::Service;

/// A directory and a registry in memory.
#[derive(Debug)]
pub struct MemoryCredentials {
    pub directory: Arc<MemoryDirectory>,
    pub peppers: Peppers,
    registry: MemoryRegistry,
}

impl Default for MemoryCredentials {
    fn default() -> Self {
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let registry = MemoryRegistry::new(
            Arc::clone(&directory),
            peppers.clone(),
            SystemClock,
            SystemRandom,
        )
        .unwrap();
        Self {
            directory,
            peppers,
            registry,
        }
    }
}

impl MemoryCredentials {
    /// Creates a key with these scopes.
    pub fn create_key(&self, scopes: &str) -> CreatedKey {
        let new = NewKey::new("test", scopes.parse().unwrap());
        let caller = Caller::operator("test");
        let mut create = self.registry.create_key(&caller, new);
        match create
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(key) => key.unwrap(),
            Poll::Pending => panic!("a registry in memory never waits"),
        }
    }

    /// Returns the mechanism that authenticates the keys.
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys::new(self.directory.clone(), self.peppers.clone())
    }
}

/// A service that drops the request and responds with an empty body.
#[derive(Clone, Debug)]
pub struct EmptyService;

impl Service<Request<()>> for EmptyService {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        std::hint::black_box(request);
        ready(Ok(Response::new(())))
    }
}
