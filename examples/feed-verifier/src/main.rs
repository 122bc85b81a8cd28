//! A service that rejects tokens some milliseconds after their credentials were revoked, without a database:
//!
//! ```text
//! FEED_KEY=… feed-verifier ISSUER [api-keys]
//! ```
//!
//! The key has the scope `feed:denials`. With `api-keys`, it has the scope `feed:credentials`, and the service authenticates the API
//! keys of the issuer too.

use axum::{Router, routing::get};
use countersign::feed::Feed;
use countersign::mechanism::Jwt;
use countersign::rejection::ProblemDetails;
use countersign::{AuthLayer, Principal, Secret};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::args().nth(1).ok_or("missing argument: ISSUER")?;
    let with_keys = std::env::args().nth(2).as_deref() == Some("api-keys");
    let key = Secret::from(std::env::var("FEED_KEY")?);
    let feed = Feed::builder(&*issuer);
    let feed = if with_keys { feed.credentials() } else { feed };
    let feed = feed.connect(&key)?;
    let tokens = Jwt::new([feed.trusted().audience(&*issuer).build()?]);
    let mut auth = AuthLayer::builder().mechanism(tokens);
    if with_keys {
        auth = auth.primary(feed.api_keys());
    }
    let auth = auth.build()?;
    let app = Router::new()
        .route("/calls", get(list_calls))
        .layer(auth.reject_body(ProblemDetails));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // Before the first answer of the issuer, every request would get 503.
    feed.ready().await;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(principal: Principal) -> String {
    format!("the calls of {}\n", principal.subject())
}
