//! Options that give up protection, and keys that cannot be fetched.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::mechanism::Jwt;
use countersign::remote::{Fetch, FetchedBody, RemoteKeys};
use countersign::testing::TestIssuer;
use countersign::time::SystemClock;
use countersign::token::TrustedIssuer;
use countersign::{BoxFuture, dangerous};
use http::{Request, Response};
use tracing::Level;

use crate::support::Log;

#[test]
fn dangerous_options_say_so_in_the_log() {
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let lines = Log::of(Level::WARN, || {
        let _ = dangerous::any_tenant(TrustedIssuer::external(template));
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains(template) && lines[0].contains("tokens of any tenant are accepted"),
        "{lines:?}"
    );
    let url = "http://keycloak.internal/realms/a";
    let lines = Log::of(Level::WARN, || {
        let _ = dangerous::allow_http(Jwt::issuer(url));
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains(url) && lines[0].contains("keys are fetched over http"),
        "{lines:?}"
    );
}

/// An error of a client with a cause.
#[derive(Debug, thiserror::Error)]
#[error("tcp connect error")]
struct Unreachable(#[source] Box<dyn Error + Send + Sync>);

/// An HTTP client without a network, which fails unless it has a document.
#[derive(Clone, Default)]
struct Client {
    document: Option<Arc<str>>,
    requests: Arc<AtomicU32>,
}

impl Fetch for Client {
    fn send<'a>(
        &'a self,
        _: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        Box::pin(async move {
            let is_first = self.requests.fetch_add(1, Ordering::Relaxed) == 0;
            let document = self.document.as_ref().filter(|_| is_first);
            body.push(
                document
                    .ok_or(Unreachable("connection refused".into()))?
                    .as_bytes(),
            )?;
            Ok(Response::new(()))
        })
    }
}

/// Lets seconds pass, one after another, so that whatever is due runs when it is due.
async fn pass(seconds: u32) {
    for _ in 0..seconds {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn failing_fetches_are_logged_once_a_minute() {
    let log = Log::new(Level::WARN);
    let _guard = tracing::subscriber::set_default(log.clone());
    let of = |lines: &[String], text: &str| {
        let lines = lines.iter().filter(|line| line.contains(text));
        lines.cloned().collect::<Vec<_>>()
    };

    // Attempts follow each other fast before the first success.
    let client = Client::default();
    let keys = RemoteKeys::discover("https://login.example/a").client(client.clone());
    let keys = keys.start().unwrap();
    pass(59).await;
    assert!(client.requests.load(Ordering::Relaxed) >= 8);
    let lines = log.take();
    let failures = of(&lines, "fetching keys failed; tokens cannot be verified");
    assert_eq!(failures.len(), 1, "{lines:?}");
    for text in [
        "ERROR",
        "from=\"https://login.example/a\"",
        "the HTTP client failed",
        "asked for https://login.example/a/.well-known/openid-configuration",
        "tcp connect error: connection refused",
    ] {
        assert!(failures[0].contains(text), "{failures:?}");
    }
    assert_eq!(lines.len(), 1, "{lines:?}");
    pass(600).await;
    let failures = of(&log.take(), "fetching keys failed");
    assert!((7..=10).contains(&failures.len()), "{failures:?}");
    drop(keys);

    // Afterwards, the last valid keys stay in use.
    let client = Client {
        document: Some(TestIssuer::start(SystemClock).unwrap().jwks().into()),
        ..Client::default()
    };
    let keys = RemoteKeys::jwks("https://keys.example/set").client(client);
    let keys = keys.start().unwrap();
    pass(299).await;
    assert!(keys.is_ready());
    log.take();
    pass(300).await;
    let failures = of(
        &log.take(),
        "fetching keys failed; using the last valid ones",
    );
    assert!((1..=5).contains(&failures.len()), "{failures:?}");
    for text in ["WARN", "https://keys.example/set"] {
        assert!(failures[0].contains(text), "{failures:?}");
    }
}
