use countersign::Id;
use countersign::time::Timestamp;

use crate::secrets::{SealContext, framed};

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
    /// Returns all columns of the row. The encrypted response is bound to them.
    pub(crate) fn binding(&self) -> Vec<u8> {
        let until = self.until.unix_millis().to_be_bytes();
        framed(&[
            self.caller.as_bytes(),
            self.key.as_bytes(),
            &self.request,
            &until,
        ])
    }

    pub(crate) const fn context(binding: &[u8]) -> SealContext<'_> {
        SealContext::new(
            "idempotency_keys",
            binding,
            "the response to a repeated request",
        )
    }
}
