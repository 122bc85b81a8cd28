//! A subscriber that collects events, and a service that trusts an issuer.

use std::convert::Infallible;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use countersign::AuthLayer;
use countersign::jose::KeySet;
use countersign::mechanism::Jwt;
use countersign::require::{Requirement, require};
use countersign::testing::{FixedClock, TestIssuer, TestToken};
use countersign::time::Timestamp;
use countersign::token::TrustedIssuer;
use http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Collects the events of a thread up to a level, as text that begins with their level.
#[derive(Clone)]
pub(crate) struct Log {
    level: Level,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub(crate) fn new(level: Level) -> Self {
        let lines = Arc::default();
        Self { level, lines }
    }

    /// Returns the lines since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }

    /// Returns the lines that `run` writes.
    pub(crate) fn of(level: Level, run: impl FnOnce()) -> Vec<String> {
        let log = Self::new(level);
        tracing::subscriber::with_default(log.clone(), run);
        log.take()
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("countersign")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(format!("{} ", event.metadata().level()));
        event.record(&mut text);
        self.lines.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A service that trusts an issuer.
pub(crate) struct Fixture {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: FixedClock,
    pub(crate) layer: AuthLayer,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let clock = FixedClock::at(Timestamp::from_unix_seconds(1_773_576_000));
        let issuer = TestIssuer::start(clock.clone()).unwrap();
        let trusted = TrustedIssuer::external(issuer.url())
            .audience(TestIssuer::AUDIENCE)
            .keys(KeySet::from_jwks(&issuer.jwks()).unwrap().0);
        let jwt = Jwt::new([trusted.build().unwrap()]);
        let layer = AuthLayer::builder()
            .mechanism(jwt)
            .clock(clock.clone())
            .build()
            .unwrap();
        Self {
            issuer,
            clock,
            layer,
        }
    }

    /// Sends a token some times, and returns the warnings.
    pub(crate) fn warnings(&self, token: TestToken, times: usize) -> Vec<String> {
        let tokens = std::iter::repeat_n(token, times);
        self.lines(Level::WARN, tokens, None)
    }

    /// Sends tokens to a route with this requirement, and returns the lines.
    pub(crate) fn lines(
        &self,
        level: Level,
        tokens: impl IntoIterator<Item = TestToken>,
        required: Option<Requirement>,
    ) -> Vec<String> {
        let service = ServiceBuilder::new()
            .layer(self.layer.clone())
            .option_layer(required.map(|required| require(required).unwrap()))
            .service(service_fn(async |_: Request<()>| {
                Ok::<_, Infallible>(Response::new(()))
            }));
        Log::of(level, || {
            for token in tokens {
                let value = format!("Bearer {}", token.sign().unwrap());
                let request = Request::get("/").header("authorization", value);
                let request = request.body(()).unwrap();
                tokio_test::block_on(service.clone().oneshot(request)).unwrap();
            }
        })
    }
}
