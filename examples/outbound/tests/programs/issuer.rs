//! A token endpoint with two clients, on the loopback interface.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get_service, post_service};
use countersign::auth::Authenticator;
use countersign::directory::MemoryDirectory;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::mint::{Issuer, Mint};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, MemoryRegistry, NewKey, Registry as _};
use countersign::time::SystemClock;
use countersign::token::TrustedIssuer;
use countersign_wire::{AuthorizationServer, OAuth, TokenEndpoint};

pub(crate) const CALLS: &str = "https://calls.example";
pub(crate) const ORDERS: &str = "https://orders.example";

/// The id and the secret of a client.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

pub(crate) struct TokenServer {
    pub(crate) url: String,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) peppers: Peppers,
    issuer: Issuer,
    registry: MemoryRegistry,
}

impl TokenServer {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let peppers = Peppers::new(Pepper::new(1, &[7; 32])?, []);
        let directory = Arc::new(MemoryDirectory::default());
        let table = Arc::clone(&directory);
        let registry = MemoryRegistry::new(table, peppers.clone(), SystemClock, SystemRandom)?;
        let issuer = Issuer::builder(url.as_str())
            .audience(CALLS)
            .audience(ORDERS)
            .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom)?)
            .build()?;
        let clients = Authenticator::builder()
            .primary(ApiKeys::new(directory.clone(), peppers.clone()))
            .primary(Basic::new(directory.clone(), peppers.clone()))
            .build()?;
        let mint = Mint::new(issuer.clone(), SystemClock, SystemRandom);
        let endpoint = TokenEndpoint::new(OAuth::default(), clients, mint);
        let documents = AuthorizationServer::new(issuer.clone(), "/oauth/token");
        let metadata = get_service(documents.metadata());
        let app = Router::new()
            .route("/oauth/token", post_service(endpoint))
            .route(AuthorizationServer::METADATA_PATH, metadata)
            .route(
                AuthorizationServer::JWKS_PATH,
                get_service(documents.jwks()),
            );
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self {
            url,
            directory,
            peppers,
            issuer,
            registry,
        })
    }

    pub(crate) async fn client(&self, scopes: &str) -> Result<Client, Box<dyn Error>> {
        let new = NewKey::new("client", scopes.parse()?);
        let created = self
            .registry
            .create_key(&Caller::operator("test"), new)
            .await?;
        Ok(Client {
            id: created.record.id.to_string(),
            secret: created.issued.secret.expose().to_owned(),
        })
    }

    /// Returns what a service in this process trusts.
    pub(crate) fn trusted(&self) -> Result<TrustedIssuer, Box<dyn Error>> {
        Ok(self
            .issuer
            .trusted()
            .directory(self.directory.clone())
            .build()?)
    }
}
