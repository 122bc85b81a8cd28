//! A key in memory, and a service with nothing inside.

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

/// Credentials in memory.
#[derive(Debug)]
pub struct Memory {
    pub directory: Arc<MemoryDirectory>,
    pub peppers: Peppers,
    registry: MemoryRegistry,
}

impl Default for Memory {
    fn default() -> Self {
        let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
        let directory = Arc::new(MemoryDirectory::default());
        let (table, kept) = (Arc::clone(&directory), peppers.clone());
        let registry = MemoryRegistry::new(table, kept, SystemClock, SystemRandom).unwrap();
        Self {
            directory,
            peppers,
            registry,
        }
    }
}

impl Memory {
    /// A new key with these scopes.
    pub fn key(&self, scopes: &str) -> CreatedKey {
        let new = NewKey::new("test", scopes.parse().unwrap());
        let me = Caller::operator("test");
        let mut create = self.registry.create_key(&me, new);
        match create
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(key) => key.unwrap(),
            Poll::Pending => panic!("memory is not waited for"),
        }
    }

    /// The mechanism over the keys.
    pub fn keys(&self) -> ApiKeys {
        ApiKeys::new(self.directory.clone(), self.peppers.clone())
    }
}

/// An inner service that drops the request and answers with nothing.
#[derive(Clone, Debug)]
pub struct Nothing;

impl Service<Request<()>> for Nothing {
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
