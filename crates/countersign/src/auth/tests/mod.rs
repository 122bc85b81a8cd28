//! Tests of the authenticator and of the layer.

mod authenticator;
mod builder;
mod inherited_body;
mod layer;
#[cfg(feature = "webhooks")]
mod webhook;

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use http::Request;
use tokio::sync::oneshot;
use tokio_test::task;

use crate::BoxFuture;
use crate::auth::AuthLayer;
use crate::credentials::{Carrier, Credentials, RequestHead};
use crate::mechanism::{CredentialSelector, Mechanism, Outcome};
use crate::principal::Identity;
use crate::rejection::{Challenge, Reason};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// Authenticates `x-test: good | bad | late-good | late-bad | down`. The late ones wait for `gate`.
#[derive(Clone, Default)]
struct Scripted {
    gate: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
}

fn outcome(word: &[u8]) -> Outcome {
    match word {
        b"good" => Outcome::Accepted(Identity::new("test", "someone", Scopes::none())),
        b"down" => Outcome::Unavailable(Reason::MechanismUnavailable),
        _ => Outcome::Rejected(Reason::Custom("bad")),
    }
}

impl Mechanism for Scripted {
    fn selectors(&self) -> Vec<CredentialSelector> {
        vec![CredentialSelector::all(Carrier::Header(
            "x-test".parse().unwrap(),
        ))]
    }

    fn challenge(&self) -> Challenge {
        Challenge::named("Test")
    }

    fn try_authenticate(
        &self,
        credentials: &Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> Option<Outcome> {
        match credentials.expose() {
            late if late.starts_with(b"late-") => None,
            word => Some(outcome(word)),
        }
    }

    fn authenticate(
        self: Arc<Self>,
        credentials: Credentials,
        _: &RequestHead<'_>,
        _: Timestamp,
    ) -> BoxFuture<'static, Outcome> {
        let gate = self
            .gate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Box::pin(async move {
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            outcome(credentials.expose().strip_prefix(b"late-").unwrap())
        })
    }
}

fn layer() -> (AuthLayer, oneshot::Sender<()>) {
    let (open, gate) = oneshot::channel();
    let scripted = Scripted {
        gate: Arc::new(Mutex::new(Some(gate))),
    };
    (
        AuthLayer::builder().mechanism(scripted).build().unwrap(),
        open,
    )
}

fn request(word: &str) -> Request<()> {
    Request::builder().header("x-test", word).body(()).unwrap()
}

/// Returns the output of a future that does not wait.
#[track_caller]
fn poll_once<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match task::spawn(future.as_mut()).poll() {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}
