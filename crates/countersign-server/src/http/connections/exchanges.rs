//! The exchanges of a connection, which are its requests with their responses, and how long they may take.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// How long the parts of a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// The head of a request. Over HTTP/1.1, this includes the time without a request before it.
    pub(super) head: Duration,
    /// The whole exchange, from the head of the request to the end of the response.
    pub(super) exchange: Duration,
    /// The time without a request. It is at least as long as `exchange`.
    pub(super) idle: Duration,
    /// The time in which the client takes nothing of what is written.
    pub(super) write: Duration,
    /// The time after the last response in which it must have been written, once the server shuts down.
    pub(super) flush: Duration,
}

/// The exchanges of one connection. Clones share them.
#[derive(Clone)]
pub(super) struct Exchanges(Arc<Mutex<State>>);

struct State {
    open: BTreeMap<u64, OpenExchange>,
    /// The number of the next exchange.
    next: u64,
    /// When the connection was accepted, or when the last exchange ended.
    quiet_since: Instant,
}

struct OpenExchange {
    since: Instant,
    /// Whether the request has arrived whole, or is answered.
    complete: bool,
}

impl Exchanges {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            open: BTreeMap::new(),
            next: 0,
            quiet_since: Instant::now(),
        })))
    }

    /// Begins an exchange, with a request whose head has arrived.
    pub(super) fn begin(&self) -> Arc<Exchange> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        let open = OpenExchange {
            since: Instant::now(),
            complete: false,
        };
        state.open.insert(number, open);
        Arc::new(Exchange {
            exchanges: self.clone(),
            number,
        })
    }

    /// Waits until an exchange, or the time without one, exceeds its deadline.
    pub(super) async fn overdue(&self, deadlines: &Deadlines) {
        let deadline = |state: &State| match state.open.values().next() {
            Some(oldest) => oldest.since + deadlines.exchange,
            None if state.next == 0 => state.quiet_since + deadlines.head,
            None => state.quiet_since + deadlines.idle,
        };
        self.wait(deadline).await;
    }

    /// Waits until no complete request is processed any more, and the last response has had time to be written.
    pub(super) async fn drained(&self, deadlines: &Deadlines) {
        const PERIOD: Duration = Duration::from_millis(50);
        let deadline = |state: &State| match state.open.values().any(|exchange| exchange.complete) {
            true => Instant::now() + PERIOD,
            false => state.quiet_since + deadlines.flush,
        };
        self.wait(deadline).await;
    }

    /// Waits for a deadline that may move while it is waited for.
    async fn wait(&self, deadline: impl Fn(&State) -> Instant) {
        loop {
            let end = deadline(&self.lock());
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One exchange, which ends on drop.
pub(super) struct Exchange {
    exchanges: Exchanges,
    number: u64,
}

impl Exchange {
    /// Returns whether the request has arrived whole.
    pub(super) fn is_complete(&self) -> bool {
        let state = self.exchanges.lock();
        let open = state.open.get(&self.number);
        open.is_none_or(|exchange| exchange.complete)
    }

    /// Records that the request has arrived whole, or is answered.
    pub(super) fn complete(&self) {
        if let Some(open) = self.exchanges.lock().open.get_mut(&self.number) {
            open.complete = true;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.exchanges.lock();
        state.open.remove(&self.number);
        state.quiet_since = Instant::now();
    }
}

/// The body of a request or of a response. The exchange is complete when the body ends, and does not end before it.
pub(super) struct ExchangeBody<B> {
    inner: B,
    exchange: Arc<Exchange>,
}

impl<B: Body> ExchangeBody<B> {
    pub(super) fn new(inner: B, exchange: &Arc<Exchange>) -> Self {
        if inner.is_end_stream() {
            exchange.complete();
        }
        let exchange = Arc::clone(exchange);
        Self { inner, exchange }
    }
}

impl<B: Body + Unpin> Body for ExchangeBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            self.exchange.complete();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
