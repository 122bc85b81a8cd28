use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq as _;

use super::format::{Format, Presented};
use super::{
    SecretEncoding, SignatureEncoding, SignedPart, WebhookBuilder, WebhookConfigError, secret,
};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::time::Timestamp;

/// How much a timestamp may differ from the time.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Verifies the signatures of one provider's webhooks. See the [module](super). Cloning it copies a reference count.
#[derive(Clone)]
pub struct WebhookVerifier(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    provider: &'static str,
    format: Format,
    keys: Box<[hmac::Key]>,
    tolerance: Duration,
}

impl WebhookVerifier {
    /// Verifies the webhooks of [Stripe](https://docs.stripe.com/webhooks#verify-manually), and of providers that sign as
    /// Stripe does in `stripe-signature`. A secret is the whole text that Stripe shows, with `whsec_`.
    ///
    /// # Errors
    ///
    /// [`WebhookConfigError::NoSecret`], [`TooManySecrets`](WebhookConfigError::TooManySecrets) and
    /// [`WeakSecret`](WebhookConfigError::WeakSecret).
    pub fn stripe(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, WebhookConfigError> {
        Self::builder("stripe", HeaderName::from_static("stripe-signature"))
            .prefix("v1=")
            .separator(',')
            .timestamp_prefix("t=")
            .signed([
                SignedPart::Timestamp,
                SignedPart::Text("."),
                SignedPart::Body,
            ])
            .secrets(secrets)
            .build()
    }

    /// Verifies the webhooks of
    /// [GitHub](https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). They have no timestamp,
    /// so they can be replayed at any time: process each `x-github-delivery` once.
    ///
    /// # Errors
    ///
    /// [`WebhookConfigError::NoSecret`], [`TooManySecrets`](WebhookConfigError::TooManySecrets) and
    /// [`WeakSecret`](WebhookConfigError::WeakSecret).
    pub fn github(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, WebhookConfigError> {
        Self::builder("github", HeaderName::from_static("x-hub-signature-256"))
            .prefix("sha256=")
            .secrets(secrets)
            .build()
    }

    /// Verifies webhooks that are signed as
    /// [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md) says,
    /// with a shared secret (`v1`): base64 of at least 24 bytes, after `whsec_`.
    ///
    /// # Errors
    ///
    /// [`WebhookConfigError::NoSecret`], [`TooManySecrets`](WebhookConfigError::TooManySecrets),
    /// [`WeakSecret`](WebhookConfigError::WeakSecret) and [`SecretNotBase64`](WebhookConfigError::SecretNotBase64).
    pub fn standard(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, WebhookConfigError> {
        let signature = HeaderName::from_static("webhook-signature");
        Self::builder("standard_webhooks", signature)
            .prefix("v1,")
            .separator(' ')
            .signature_encoding(SignatureEncoding::Base64)
            .id_header(HeaderName::from_static("webhook-id"))
            .timestamp_header(HeaderName::from_static("webhook-timestamp"))
            .signed([
                SignedPart::Id,
                SignedPart::Text("."),
                SignedPart::Timestamp,
                SignedPart::Text("."),
                SignedPart::Body,
            ])
            .secret_encoding(SecretEncoding::Base64)
            .secrets(secrets)
            .build()
    }

    /// Starts building a verifier for another provider, which writes its signatures to this header. `provider` is its name
    /// in [`VerifiedWebhook::provider`] and in metrics.
    pub fn builder(provider: &'static str, header: HeaderName) -> WebhookBuilder {
        WebhookBuilder::new(provider, header)
    }

    /// Sets how much the timestamp may differ from the time, in the past and in the future. The default is 5 minutes. It
    /// has no effect for a provider that signs no timestamp.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        Arc::make_mut(&mut self.0).tolerance = tolerance;
        self
    }

    pub(super) fn new(
        provider: &'static str,
        format: Format,
        secrets: Vec<Secret>,
        encoding: SecretEncoding,
    ) -> Result<Self, WebhookConfigError> {
        format.check()?;
        Ok(Self(Arc::new(Inner {
            provider,
            format,
            keys: secret::keys(secrets, encoding)?,
            tolerance: TOLERANCE,
        })))
    }

    /// Returns the header of the signatures.
    pub(crate) fn header(&self) -> &HeaderName {
        &self.0.format.header
    }

    /// Checks everything that can be known without the body.
    pub(crate) fn check_head(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Reason> {
        self.read(headers, now).map(drop)
    }

    /// Verifies a webhook.
    ///
    /// ```
    /// use countersign::Secret;
    /// use countersign::mechanism::webhook::WebhookVerifier;
    /// use countersign::rejection::Reason;
    /// use countersign::time::Timestamp;
    /// use http::HeaderMap;
    ///
    /// let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    /// let verifier = WebhookVerifier::standard([secret])?;
    /// let mut headers = HeaderMap::new();
    /// headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse()?);
    /// headers.insert("webhook-timestamp", "1614265330".parse()?);
    /// headers.insert("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".parse()?);
    ///
    /// let now = Timestamp::from_unix_seconds(1_614_265_331);
    /// let webhook = verifier.verify(&headers, br#"{"test": 2432232314}"#, now).unwrap();
    /// assert_eq!(webhook.id(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    /// let changed = verifier.verify(&headers, br#"{"test": 2432232315}"#, now);
    /// assert_eq!(changed.unwrap_err(), Reason::WebhookSignature);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The [`Reason`]: `NoCredentials` without a signature, `RepeatedHeader`, `WebhookMalformed`, `WebhookTimestamp` or
    /// `WebhookSignature`.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<VerifiedWebhook, Reason> {
        let presented = self.read(headers, now)?;
        let is_valid = |key: &hmac::Key| {
            let expected = self.sign(key, &presented, body);
            let mut signatures = presented.signatures.iter();
            signatures.any(|signature| expected.as_ref().ct_eq(signature.as_slice()).into())
        };
        if !self.0.keys.iter().any(is_valid) {
            return Err(Reason::WebhookSignature);
        }
        Ok(VerifiedWebhook {
            provider: self.0.provider,
            id: presented.id.map(Into::into),
            timestamp: presented.timestamp.map(|(_, value)| value),
        })
    }

    fn read<'h>(&self, headers: &'h HeaderMap, now: Timestamp) -> Result<Presented<'h>, Reason> {
        let presented = self.0.format.read(headers)?;
        if let Some((_, timestamp)) = presented.timestamp {
            let difference = now.unix_millis().abs_diff(timestamp.unix_millis());
            if u128::from(difference) > self.0.tolerance.as_millis() {
                return Err(Reason::WebhookTimestamp);
            }
        }
        Ok(presented)
    }

    fn sign(&self, key: &hmac::Key, presented: &Presented<'_>, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(key);
        for part in &self.0.format.signed {
            context.update(match part {
                SignedPart::Text(text) => text.as_bytes(),
                SignedPart::Id => presented.id.unwrap_or_default().as_bytes(),
                SignedPart::Timestamp => presented
                    .timestamp
                    .map_or(&[][..], |(text, _)| text.as_bytes()),
                SignedPart::Body => body,
            });
        }
        context.sign()
    }

    /// Returns the headers of a webhook with this id and body that is signed now with the first secret, for tests. The id
    /// has no effect for a provider that signs none.
    ///
    /// ```
    /// use countersign::Secret;
    /// use countersign::mechanism::webhook::WebhookVerifier;
    /// use countersign::time::{Clock, SystemClock};
    ///
    /// let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    /// let verifier = WebhookVerifier::standard([secret])?;
    /// let now = SystemClock.now();
    /// let headers = verifier.sign_for_test("msg_1", b"{}", now);
    /// assert!(verifier.verify(&headers, b"{}", now).is_ok());
    /// assert!(verifier.verify(&headers, b"{ }", now).is_err());
    /// # Ok::<(), countersign::mechanism::webhook::WebhookConfigError>(())
    /// ```
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn sign_for_test(&self, id: &str, body: &[u8], now: Timestamp) -> HeaderMap {
        use http::HeaderValue;

        use super::format::TimestampSource;

        let Inner { format, keys, .. } = &*self.0;
        let seconds = now.unix_seconds().to_string();
        let presented = Presented {
            signatures: Vec::new(),
            timestamp: Some((&seconds, now)),
            id: Some(id),
        };
        let mut headers = HeaderMap::new();
        let mut insert = |name: &HeaderName, text: String| {
            let value = HeaderValue::try_from(text).ok();
            headers.extend(value.map(|value| (name.clone(), value)));
        };
        let mut signatures = String::new();
        match &format.timestamp {
            Some(TimestampSource::Header(name)) => insert(name, seconds.clone()),
            Some(TimestampSource::Prefix(prefix)) => {
                signatures = format!("{prefix}{seconds}");
                signatures.extend(format.separator);
            }
            None => {}
        }
        if let Some(name) = &format.id {
            insert(name, id.to_owned());
        }
        if let Some(key) = keys.first() {
            let signature = self.sign(key, &presented, body);
            signatures.push_str(format.prefix);
            signatures.push_str(&format.encoding.encode(signature.as_ref()));
        }
        insert(&format.header, signatures);
        headers
    }
}

impl fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookVerifier")
            .field("provider", &self.0.provider)
            .field("format", &self.0.format)
            .field("tolerance", &self.0.tolerance)
            .finish_non_exhaustive()
    }
}

/// A webhook whose signature was verified, as a request extension inside of a
/// [`WebhookLayer`](crate::auth::WebhookLayer).
///
/// It says who sent the body, and is no principal: it cannot mint a token.
///
/// ```compile_fail,E0308
/// use countersign::mechanism::webhook::VerifiedWebhook;
/// use countersign::mint::{MintParameters, MintRequest};
///
/// fn mint(webhook: VerifiedWebhook) -> MintRequest {
///     MintRequest::new(webhook, MintParameters::default())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedWebhook {
    provider: &'static str,
    id: Option<Box<str>>,
    timestamp: Option<Timestamp>,
}

impl VerifiedWebhook {
    /// Returns the provider: `stripe`, `github`, `standard_webhooks`, or the name that was given to the
    /// [builder](WebhookVerifier::builder).
    #[must_use]
    pub const fn provider(&self) -> &'static str {
        self.provider
    }

    /// Returns the signed id, which is the same each time the webhook is delivered. It is `None` for Stripe and GitHub:
    /// Stripe's is the `id` in the body.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns when the webhook was signed, in whole seconds. It is `None` for a provider that signs no timestamp.
    #[must_use]
    pub const fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }
}
