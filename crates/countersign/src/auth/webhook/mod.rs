//! The layer that verifies webhooks. See [`mechanism::webhook`](crate::mechanism::webhook).

mod body;
mod future;
mod layer;

pub use future::WebhookFuture;
pub use layer::{WebhookLayer, WebhookService};
