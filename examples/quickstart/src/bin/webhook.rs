//! An axum service that receives webhooks of GitHub, of Stripe, and as Standard Webhooks specifies. The secrets are in
//! environment variables.

use axum::{Extension, Router, routing::post};
use countersign::Secret;
use countersign::auth::WebhookLayer;
use countersign::mechanism::webhook::{VerifiedWebhook, WebhookVerifier};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = |name| Ok::<_, std::env::VarError>([Secret::from(std::env::var(name)?)]);
    let github = WebhookVerifier::github(secret("GITHUB_SECRET")?)?;
    let stripe = WebhookVerifier::stripe(secret("STRIPE_SECRET")?)?;
    let standard = WebhookVerifier::standard(secret("STANDARD_SECRET")?)?;
    let app = Router::new()
        .route("/github", post(receive).layer(WebhookLayer::new(github)))
        .route("/stripe", post(receive).layer(WebhookLayer::new(stripe)))
        .route(
            "/standard",
            post(receive).layer(WebhookLayer::new(standard)),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn receive(Extension(webhook): Extension<VerifiedWebhook>, body: String) -> String {
    format!("{} sent {body}", webhook.provider())
}
