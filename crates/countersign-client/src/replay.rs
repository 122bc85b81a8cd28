use std::fmt;

use http_body::Body;

/// Decides whether the body of a request can be sent a second time, after a 401.
pub trait Replay<B>: Clone {
    /// Returns a copy of `body`, which has not been read yet, or `None` if it cannot be copied.
    fn copy(&self, body: &B) -> Option<B>;
}

/// Repeats only requests whose body is empty.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct EmptyBody;

impl<B: Body + Default> Replay<B> for EmptyBody {
    fn copy(&self, body: &B) -> Option<B> {
        let is_empty = body.is_end_stream() || body.size_hint().exact() == Some(0);
        is_empty.then(B::default)
    }
}

/// Repeats requests whose body the function can copy, such as `|body: &Full<Bytes>| Some(body.clone())`, or for reqwest
/// `|body: &reqwest::Body| Some(body.as_bytes()?.to_vec().into())`.
#[derive(Clone, Copy)]
pub struct CloneBody<F>(pub(crate) F);

impl<B, F: Fn(&B) -> Option<B> + Clone> Replay<B> for CloneBody<F> {
    fn copy(&self, body: &B) -> Option<B> {
        (self.0)(body)
    }
}

impl<F> fmt::Debug for CloneBody<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CloneBody")
    }
}
