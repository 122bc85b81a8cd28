use countersign::Id;
use countersign::time::Timestamp;

use crate::secrets::SealContext;

/// The response to a request that may be repeated.
pub(crate) struct StoredAnswer {
    /// The credential that made the request.
    pub(crate) caller: Id,
    /// The idempotency key of the request.
    pub(crate) key: String,
    /// A digest of the request.
    pub(crate) request: [u8; 32],
    pub(crate) until: Timestamp,
}

impl StoredAnswer {
    /// Returns the context of the encrypted response: all columns of the row.
    pub(crate) fn context(&self) -> SealContext {
        let row = [
            self.caller.as_bytes(),
            self.key.as_bytes(),
            &self.request,
            &self.until.unix_millis().to_be_bytes(),
        ];
        SealContext::new(
            "idempotency_keys",
            &row,
            "the response to a repeated request",
        )
    }
}
