use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::WebhookConfigError;
use crate::jose::is_guessable_secret;
use crate::secret::Secret;

/// Every webhook is checked with every secret, so their number is limited.
const MAX_SECRETS: usize = 8;
/// The shortest secret that is text, in bytes.
const MIN_TEXT: usize = 16;
/// The shortest secret in base64, in bytes: that of Standard Webhooks.
const MIN_BASE64: usize = 24;

/// How the secrets of webhooks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretEncoding {
    /// The bytes of the text are the secret.
    #[default]
    Text,
    /// The secret is the base64 (RFC 4648 §4) of its bytes, after `whsec_` if the text begins with it.
    Base64,
}

/// Prepares the keys of HMAC-SHA256.
pub(super) fn keys(
    secrets: impl IntoIterator<Item = Secret>,
    encoding: SecretEncoding,
) -> Result<Box<[hmac::Key]>, WebhookConfigError> {
    let keys = secrets.into_iter().take(MAX_SECRETS + 1);
    let keys: Result<Box<[_]>, _> = keys.map(|secret| key(&secret, encoding)).collect();
    match keys? {
        keys if keys.is_empty() => Err(WebhookConfigError::NoSecret),
        keys if keys.len() > MAX_SECRETS => Err(WebhookConfigError::TooManySecrets),
        keys => Ok(keys),
    }
}

fn key(secret: &Secret, encoding: SecretEncoding) -> Result<hmac::Key, WebhookConfigError> {
    let text = secret.expose();
    match encoding {
        SecretEncoding::Text => checked_key(text.as_bytes(), MIN_TEXT),
        SecretEncoding::Base64 => {
            let base64 = text.strip_prefix("whsec_").unwrap_or(text);
            let bytes = STANDARD.decode(base64);
            let bytes = bytes.map_err(|_| WebhookConfigError::SecretNotBase64)?;
            checked_key(&Zeroizing::new(bytes), MIN_BASE64)
        }
    }
}

fn checked_key(bytes: &[u8], min: usize) -> Result<hmac::Key, WebhookConfigError> {
    if bytes.len() < min || is_guessable_secret(hmac::HMAC_SHA256, bytes) {
        return Err(WebhookConfigError::WeakSecret);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}
