use std::fmt;

use http::HeaderName;

use super::format::{Format, TimestampSource};
use super::{SecretEncoding, SignatureEncoding, SignedPart, WebhookConfigError, WebhookVerifier};
use crate::secret::Secret;

/// Describes how a provider signs its webhooks with HMAC-SHA256. By default, the header contains one signature in
/// hexadecimal digits, of the body alone.
///
/// ```
/// use countersign::Secret;
/// use countersign::mechanism::webhook::{SignedPart, WebhookConfigError, WebhookVerifier};
/// use countersign::time::Timestamp;
/// use http::{HeaderMap, HeaderName};
///
/// let secret = Secret::from("8f742231b10e8888abcd99yyyzzz85a5".to_owned());
/// let slack = WebhookVerifier::builder("slack", HeaderName::from_static("x-slack-signature"))
///     .prefix("v0=")
///     .timestamp_header(HeaderName::from_static("x-slack-request-timestamp"))
///     .signed([SignedPart::Text("v0:"), SignedPart::Timestamp, SignedPart::Text(":"), SignedPart::Body])
///     .secrets([secret])
///     .build()?;
/// let mut headers = HeaderMap::new();
/// let signature = "v0=cb34721f83ea230188ae06e94e0538f55cdef61b05f3ea944b49399f1304fa44";
/// headers.insert("x-slack-signature", signature.parse()?);
/// headers.insert("x-slack-request-timestamp", "1531420618".parse()?);
/// let now = Timestamp::from_unix_seconds(1_531_420_618);
/// assert!(slack.verify(&headers, b"command=%2Fhelp", now).is_ok());
/// assert!(slack.verify(&headers, b"command=%2Fstop", now).is_err());
///
/// let without_secret = WebhookVerifier::builder("slack", HeaderName::from_static("x-slack-signature"));
/// assert_eq!(without_secret.build().unwrap_err(), WebhookConfigError::NoSecret);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct WebhookBuilder {
    provider: &'static str,
    format: Format,
    secrets: Vec<Secret>,
    secret_encoding: SecretEncoding,
}

impl WebhookBuilder {
    pub(super) fn new(provider: &'static str, header: HeaderName) -> Self {
        Self {
            provider,
            format: Format {
                header,
                prefix: "",
                separator: None,
                encoding: SignatureEncoding::Hex,
                timestamp: None,
                id: None,
                signed: vec![SignedPart::Body],
            },
            secrets: Vec::new(),
            secret_encoding: SecretEncoding::Text,
        }
    }

    /// Sets the text before each signature, such as `sha256=`. What has another prefix is ignored. The default is none.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.format.prefix = prefix;
        self
    }

    /// Sets the character between several signatures in the header. By default, there is one signature.
    pub const fn separator(mut self, separator: char) -> Self {
        self.format.separator = Some(separator);
        self
    }

    /// Sets how the signatures are written. The default is hexadecimal digits.
    pub const fn signature_encoding(mut self, encoding: SignatureEncoding) -> Self {
        self.format.encoding = encoding;
        self
    }

    /// Sets the header of the timestamp, in seconds since 1970.
    pub fn timestamp_header(mut self, header: HeaderName) -> Self {
        self.format.timestamp = Some(TimestampSource::Header(header));
        self
    }

    /// Sets the text before the timestamp in the header of the signatures, from which the
    /// [separator](Self::separator) separates it.
    pub fn timestamp_prefix(mut self, prefix: &'static str) -> Self {
        self.format.timestamp = Some(TimestampSource::Prefix(prefix));
        self
    }

    /// Sets the header of the id.
    pub fn id_header(mut self, header: HeaderName) -> Self {
        self.format.id = Some(header);
        self
    }

    /// Sets what is signed, in this order. The default is the body.
    pub fn signed(mut self, parts: impl IntoIterator<Item = SignedPart>) -> Self {
        self.format.signed = parts.into_iter().collect();
        self
    }

    /// Sets the secrets: one, or several while they are rotated. One signature by one of them is enough.
    pub fn secrets(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.secrets = secrets.into_iter().collect();
        self
    }

    /// Sets how the secrets are written. By default, the bytes of the text are the secret.
    pub const fn secret_encoding(mut self, encoding: SecretEncoding) -> Self {
        self.secret_encoding = encoding;
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    ///
    /// * [`WebhookConfigError::NoSecret`], [`TooManySecrets`](WebhookConfigError::TooManySecrets),
    ///   [`WeakSecret`](WebhookConfigError::WeakSecret) and [`SecretNotBase64`](WebhookConfigError::SecretNotBase64) for
    ///   the secrets.
    /// * [`WebhookConfigError::BodyNotLast`], [`RepeatedPart`](WebhookConfigError::RepeatedPart),
    ///   [`PartsNotSeparated`](WebhookConfigError::PartsNotSeparated),
    ///   [`NoSeparator`](WebhookConfigError::NoSeparator),
    ///   [`TimestampNotSigned`](WebhookConfigError::TimestampNotSigned) and
    ///   [`IdNotSigned`](WebhookConfigError::IdNotSigned) for what is signed.
    pub fn build(self) -> Result<WebhookVerifier, WebhookConfigError> {
        WebhookVerifier::new(
            self.provider,
            self.format,
            self.secrets,
            self.secret_encoding,
        )
    }
}

impl fmt::Debug for WebhookBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookBuilder")
            .field("provider", &self.provider)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
