//! Signed webhooks (feature `webhooks`): who sent a request, and that its body is unchanged.
//!
//! A [`WebhookVerifier`] knows how one provider signs its webhooks, and the secrets. A
//! [`WebhookLayer`](crate::auth::WebhookLayer) reads the body of each request, verifies the signature with it before
//! anything parses the body, and inserts a [`VerifiedWebhook`] into the request extensions. It is no
//! [`Principal`](crate::Principal), so no token can be minted for it.
//!
//! | provider | signature | signed | timestamp |
//! |---|---|---|---|
//! | [Stripe](WebhookVerifier::stripe) | `stripe-signature: t=…,v1=<hex>` | `<t>.<body>` | yes |
//! | [GitHub](WebhookVerifier::github) | `x-hub-signature-256: sha256=<hex>` | `<body>` | no |
//! | [Standard Webhooks](WebhookVerifier::standard) | `webhook-signature: v1,<base64>` | `<id>.<timestamp>.<body>` | yes |
//! | [others](WebhookVerifier::builder) | a header of your choice | parts of your choice | if you say where it is |
//!
//! The signatures are HMAC-SHA256 (RFC 2104), compared in constant time. If a provider signs with several secrets while it
//! rotates them, or if several secrets are configured, one valid signature is enough.
//!
//! # Replays
//!
//! A timestamp bounds how long a webhook can be replayed: by default, it may differ from the time by 5 minutes. Inside of
//! this window, and without a timestamp at all times, the same webhook is accepted again, because providers deliver a
//! webhook more than once anyway. Process each [id](VerifiedWebhook::id) once.
//!
//! ```
//! use countersign::auth::WebhookLayer;
//! use countersign::mechanism::webhook::{VerifiedWebhook, WebhookVerifier};
//! use countersign::Secret;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # tokio_test::block_on(async {
//! let secret = Secret::from("5f3a9c1e7b2d4086a1c3e5f7".to_owned());
//! let service = ServiceBuilder::new()
//!     .layer(WebhookLayer::new(WebhookVerifier::github([secret])?))
//!     .service(service_fn(|request: Request<Full<_>>| async move {
//!         let webhook = request.extensions().get::<VerifiedWebhook>().expect("the layer inserted it");
//!         Ok::<_, std::convert::Infallible>(Response::new(webhook.provider().to_owned()))
//!     }));
//!
//! let signature = "sha256=a446accff63e7da0aa056109f79b8beb5020f3851914c18c8602bae290ad36ae";
//! let send = |body: &'static str| {
//!     let request = Request::post("/webhooks/github").header("x-hub-signature-256", signature);
//!     service.clone().oneshot(request.body(Full::<bytes::Bytes>::from(body)).unwrap())
//! };
//! let accepted = send("Hello, World!").await?;
//! assert_eq!((accepted.status(), accepted.body().as_str()), (StatusCode::OK, "github"));
//!
//! let changed = send("Hello, world!").await?;
//! assert_eq!(changed.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(changed.headers()["www-authenticate"], r#"Webhook realm="countersign""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod builder;
mod format;
mod secret;
#[cfg(test)]
mod tests;
mod verifier;

pub use builder::WebhookBuilder;
pub use format::{SignatureEncoding, SignedPart};
pub use secret::SecretEncoding;
pub use verifier::{VerifiedWebhook, WebhookVerifier};

/// An error in the configuration of a [`WebhookVerifier`]. Every message says how to correct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookConfigError {
    /// There is no secret.
    #[error("no secret: give the secret that the provider shows, or several while it is rotated")]
    NoSecret,
    /// There are more secrets than every webhook can be checked with.
    #[error("too many secrets: give at most 8")]
    TooManySecrets,
    /// A secret is too short, consists of few different characters, or is publicly known.
    #[error(
        "the secret of webhooks can be guessed: use a random one of at least 16 characters or, if it is base64, 24 bytes"
    )]
    WeakSecret,
    /// A secret is not base64.
    #[error("the secret of webhooks is not base64: give it as the provider shows it")]
    SecretNotBase64,
    /// The body is not the last part that is signed.
    #[error("the body is not the last signed part: webhooks are only verified if it is")]
    BodyNotLast,
    /// A part is signed more than once.
    #[error("the id, the timestamp and the body can each be signed once")]
    RepeatedPart,
    /// Two parts follow each other without a text that separates them, so that one could be continued by the other.
    #[error("put a text between two signed parts, which begins with no digit")]
    PartsNotSeparated,
    /// The timestamp is in the header of the signatures, and nothing separates it from them.
    #[error("set the character that separates the timestamp from the signatures in their header")]
    NoSeparator,
    /// A timestamp is configured and not signed, or the reverse.
    #[error(
        "name the header or the prefix of the timestamp, and sign it: a timestamp that is not signed can be changed"
    )]
    TimestampNotSigned,
    /// An id is configured and not signed, or the reverse.
    #[error("name the header of the id, and sign it: an id that is not signed can be changed")]
    IdNotSigned,
}
