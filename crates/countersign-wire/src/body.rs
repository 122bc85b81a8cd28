//! Request bodies, up to a limit.

use std::pin::pin;

use bytes::{BufMut as _, Bytes, BytesMut};
use countersign::BoxFuture;
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::error::{FieldErrorCode, TokenError};

/// The default limit, in bytes.
pub(crate) const DEFAULT_LIMIT: usize = 16 * 1024;

/// A body that is read when it is awaited.
pub(crate) type PendingBody = BoxFuture<'static, Result<Bytes, BodyError>>;

/// The reason why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is too much of it, or too little"
)]
pub enum BodyError {
    /// The body is larger than the limit.
    TooLarge,
    /// The body ended prematurely.
    Incomplete,
}

/// Reads a whole body of at most `limit` bytes. A body whose announced length exceeds the limit is rejected before a byte
/// is read.
///
/// # Errors
///
/// Returns [`BodyError::TooLarge`] if the body is larger than the limit, and [`BodyError::Incomplete`] if it could not be
/// read to its end.
pub async fn read_body<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge);
    }
    let mut body = pin!(Limited::new(body, limit));
    // The bytes are copied: a frame may be one byte of a large buffer, which it would keep in memory.
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => BodyError::TooLarge,
            false => BodyError::Incomplete,
        })?;
        if let Ok(data) = frame.into_data() {
            bytes.put(data);
        }
    }
    Ok(bytes.freeze())
}

impl From<BodyError> for TokenError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::PayloadTooLarge,
            BodyError::Incomplete => {
                let message = "the body could not be read whole";
                Self::field("body", FieldErrorCode::Malformed, message)
            }
        }
    }
}
