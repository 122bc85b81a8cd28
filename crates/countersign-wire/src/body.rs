//! Reading a request's body, up to a limit.

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{FieldError, FieldErrorCode, TokenError};

/// Reads the body whole. One that is announced as too large is refused before a byte is read.
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
        Err(_) => {
            let message = "the body could not be read whole";
            Err(TokenError::invalid(FieldError::new(
                "body",
                FieldErrorCode::Malformed,
                message,
            )))
        }
    }
}
