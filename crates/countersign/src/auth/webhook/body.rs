use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::reason::Reason;

pin_project! {
    /// Reads a body of at most `limit` bytes into one buffer. Trailers are discarded, because no signature covers them.
    pub(super) struct Collect<B> {
        #[pin]
        body: B,
        read: BytesMut,
        limit: usize,
    }
}

impl<B> Collect<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        Self {
            body,
            read: BytesMut::new(),
            limit,
        }
    }
}

impl<B: Body> Future for Collect<B> {
    type Output = Result<Bytes, Reason>;

    /// Copies each frame, so that a body of many small frames needs no more memory than another.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        while let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)) {
            let Ok(frame) = frame else {
                return Poll::Ready(Err(Reason::BodyIncomplete));
            };
            if let Ok(data) = frame.into_data() {
                if data.remaining() > this.limit.saturating_sub(this.read.len()) {
                    return Poll::Ready(Err(Reason::BodyTooLarge));
                }
                this.read.put(data);
            }
        }
        Poll::Ready(Ok(this.read.split().freeze()))
    }
}

/// Returns whether an announced length exceeds a limit.
pub(super) fn exceeds(length: u64, limit: usize) -> bool {
    u64::try_from(limit).is_ok_and(|limit| length > limit)
}
