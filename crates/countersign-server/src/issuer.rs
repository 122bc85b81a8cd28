//! The rotation of the signing keys of issuers.

use std::time::Duration;

use countersign::registry::Caller;
use countersign_store::{Store, StoreError};

/// How long the next signing key is published before it signs. Verifiers may cache the key set for five minutes.
const KEY_LEAD: Duration = Duration::from_secs(3600);
/// How often the server checks whether a signing key is due for rotation.
const KEY_CHECK_PERIOD: Duration = Duration::from_secs(60);

/// Rotates an issuer's signing key whenever it is due, until the store is closed. Failures are logged and retried.
pub(crate) async fn rotate_keys(store: Store, name: Box<str>, every: Duration) {
    let caller = Caller::operator("schedule");
    let mut ticks = tokio::time::interval(KEY_CHECK_PERIOD);
    loop {
        ticks.tick().await;
        let rotated = store.rotate_signing_key_when_due(&caller, &name, every, KEY_LEAD);
        match rotated.await {
            Ok(Some(key)) => {
                tracing::info!(issuer = name, kid = key.kid, "next signing key published");
            }
            Ok(None) => {}
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::warn!(issuer = name, %error, "signing key rotation failed; retrying");
            }
        }
    }
}
