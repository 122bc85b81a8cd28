//! Request bodies, up to a limit.

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::error::{FieldErrorCode, TokenError};

/// The default limit, in bytes.
pub(crate) const DEFAULT_LIMIT: usize = 16 * 1024;

/// Reads a whole body. One whose announced length exceeds the limit is rejected before a byte is read.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Bytes, TokenError>
where
    B: Body,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(TokenError::PayloadTooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(TokenError::PayloadTooLarge),
        Err(_) => Err(TokenError::field(
            "body",
            FieldErrorCode::Malformed,
            "the body could not be read whole",
        )),
    }
}
