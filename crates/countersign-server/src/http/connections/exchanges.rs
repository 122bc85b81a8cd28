//! The exchanges of a connection, which are its requests with their responses, and how long they may take.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

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
    /// The oldest first. There are at most as many as HTTP/2 allows at once, and one over HTTP/1.1.
    open: VecDeque<OpenExchange>,
    /// The number of the next exchange.
    next: u64,
    /// When the connection was accepted, or when the last exchange ended.
    quiet_since: Instant,
    /// Whether the last request came over HTTP/1.1 or HTTP/1.0.
    http1: bool,
    /// Whether the client takes nothing of what is written at present, for which there is a deadline of its own, and since when
    /// this has been so or not.
    blocked: bool,
    blocked_since: Instant,
}

struct OpenExchange {
    number: u64,
    since: Instant,
    /// Whether the request has arrived whole, or is answered.
    complete: bool,
}

impl Exchanges {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            open: VecDeque::new(),
            next: 0,
            quiet_since: Instant::now(),
            http1: false,
            blocked: false,
            blocked_since: Instant::now(),
        })))
    }

    /// Begins an exchange, with a request whose head has arrived. It is complete if it has no body.
    pub(super) fn begin(&self, http1: bool, complete: bool) -> Arc<Exchange> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.http1 = http1;
        state.open.push_back(OpenExchange {
            number,
            since: Instant::now(),
            complete,
        });
        Arc::new(Exchange {
            exchanges: self.clone(),
            number,
            complete: AtomicBool::new(complete),
        })
    }

    /// Records whether the client takes nothing of what is written. Over HTTP/1.1, the time without a request begins when the
    /// client has taken the response.
    pub(super) fn set_blocked(&self, blocked: bool) {
        let mut state = self.lock();
        (state.blocked, state.blocked_since) = (blocked, Instant::now());
    }

    /// Waits until an exchange, or the time without one, exceeds its deadline.
    pub(super) fn overdue(&self, deadlines: Deadlines) -> Overdue {
        self.wait(deadlines.head, move |state| match state.open.front() {
            Some(oldest) => oldest.since + deadlines.exchange,
            None if state.next == 0 => state.quiet_since + deadlines.head,
            None if state.http1 && state.blocked => Instant::now() + deadlines.head,
            None if state.http1 => state.quiet_since.max(state.blocked_since) + deadlines.head,
            None => state.quiet_since + deadlines.idle,
        })
    }

    /// Waits until no complete request is processed any more, and the last response has had time to be written.
    pub(super) fn drained(&self, deadlines: Deadlines) -> Overdue {
        const PERIOD: Duration = Duration::from_millis(50);
        let is_complete = |exchange: &OpenExchange| exchange.complete;
        self.wait(PERIOD, move |state| {
            match state.open.iter().any(is_complete) {
                true => Instant::now() + PERIOD,
                false => state.quiet_since + deadlines.flush,
            }
        })
    }

    fn wait(
        &self,
        period: Duration,
        deadline: impl Fn(&State) -> Instant + Send + 'static,
    ) -> Overdue {
        let end = deadline(&self.lock());
        Overdue {
            exchanges: self.clone(),
            deadline: Box::new(deadline),
            period,
            sleep: Box::pin(sleep_until(end)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a deadline that may move while it is waited for.
pub(super) struct Overdue {
    exchanges: Exchanges,
    deadline: Box<dyn Fn(&State) -> Instant + Send>,
    /// The time after which it looks again at the latest: no deadline comes nearer within it.
    period: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Overdue {
    /// Returns whether the deadline was reached that was known last.
    pub(super) fn is_due(&self) -> bool {
        self.sleep.is_elapsed()
    }
}

impl Future for Overdue {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            let end = (self.deadline)(&self.exchanges.lock());
            let now = Instant::now();
            if end <= now {
                return Poll::Ready(());
            }
            let next = end.min(now + self.period);
            self.sleep.as_mut().reset(next);
        }
    }
}

/// One exchange, which ends on drop.
pub(super) struct Exchange {
    exchanges: Exchanges,
    number: u64,
    /// The same as in the state, which is locked only once.
    complete: AtomicBool,
}

impl Exchange {
    /// Records that the request has arrived whole, or is answered. Returns whether it was complete already.
    pub(super) fn complete(&self) -> bool {
        if self.complete.swap(true, Ordering::Relaxed) {
            return true;
        }
        let mut state = self.exchanges.lock();
        let mut open = state.open.iter_mut();
        if let Some(exchange) = open.find(|exchange| exchange.number == self.number) {
            exchange.complete = true;
        }
        false
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.exchanges.lock();
        let number = self.number;
        let mut open = state.open.iter();
        if let Some(index) = open.position(|exchange| exchange.number == number) {
            state.open.remove(index);
        }
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
