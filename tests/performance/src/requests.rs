//! Sends requests to services in this process.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderName, HeaderValue, Request, Response};
use tower::Service;

use crate::timing::Run;

/// Returns the path of requests with one of these values after the other. Each request is created as a server does: its
/// header value is a slice of a shared buffer. All rows contain this cost.
pub(crate) fn requests<S, B>(
    mut service: S,
    name: &'static str,
    values: Vec<HeaderValue>,
    status: u16,
) -> Run
where
    S: Service<Request<()>, Response = Response<B>> + 'static,
    S::Error: Debug,
{
    let name = HeaderName::from_static(name);
    let mut send = move |value: &HeaderValue| {
        let response = drive(call(&mut service, request(&name, value)));
        assert_eq!(response.status().as_u16(), status);
    };
    // What is made or cached at the first requests does not count.
    for value in values.iter().cycle().take(4) {
        send(value);
    }
    let mut next = 0;
    Box::new(move |times| {
        for _ in 0..times {
            send(&values[next]);
            // A stride that is no divisor of a power of ten, so that neighbours are not taken in turn.
            next = (next + 7919) % values.len();
        }
    })
}

pub(crate) fn request(name: &HeaderName, value: &HeaderValue) -> Request<()> {
    let mut request = Request::new(());
    request.headers_mut().insert(name.clone(), value.clone());
    request
}

fn call<S, B>(service: &mut S, request: Request<()>) -> impl Future<Output = Response<B>>
where
    S: Service<Request<()>, Response = Response<B>>,
    S::Error: Debug,
{
    let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert!(ready.is_ready(), "the service is not ready");
    let response = service.call(request);
    async move { response.await.unwrap() }
}

/// Polls a future that never waits for anything.
pub(crate) fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("the request waited");
}

/// Drops the request and responds with an empty body.
pub(crate) struct EmptyService<B>(PhantomData<fn() -> B>);

impl<B> EmptyService<B> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<B> Clone for EmptyService<B> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<B: Default> Service<Request<()>> for EmptyService<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(&request);
        drop(request);
        ready(Ok(Response::new(B::default())))
    }
}
