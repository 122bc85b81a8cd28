use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A future that is seldom ready, beside one whose task wakes for every request: it is polled only if `is_due`, and once for
/// each task. Between, it is registered for the task already.
pub(super) struct Seldom<F, D> {
    future: F,
    /// Whether the future may be ready.
    is_due: D,
    registered: Option<Waker>,
}

impl<F, D> Seldom<F, D> {
    pub(super) const fn new(future: F, is_due: D) -> Self {
        Self {
            future,
            is_due,
            registered: None,
        }
    }
}

impl<F, D> Future for Seldom<F, D>
where
    F: Future + Unpin,
    D: Fn(&F) -> bool + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let registered = this.registered.as_ref();
        let is_registered = registered.is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_registered && !(this.is_due)(&this.future) {
            return Poll::Pending;
        }
        if !is_registered {
            this.registered = Some(cx.waker().clone());
        }
        Pin::new(&mut this.future).poll(cx)
    }
}
