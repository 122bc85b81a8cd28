//! Credentials and tokens, some of which were revoked.

use serde_json::json;

use crate::Outcome;
use crate::http1::Client;
use crate::message::{Request, Response};
use crate::server::{Key, text};

/// Requests with credentials that are valid, and with others that were revoked.
pub(super) struct Population {
    valid: Vec<(&'static str, Request)>,
    revoked: Vec<(&'static str, Request)>,
}

impl Population {
    pub(super) async fn create(client: Client, operator: &Key) -> Outcome<Self> {
        let factory = Factory { client, operator };
        let key = factory.key().await?;
        let of_key = |request: Request| request.header("x-api-key", &key.key);
        let managed = factory.managed_token(&key).await?.1;
        let valid = vec![
            ("key", of_key(Request::get("/whoami"))),
            ("token", whoami(&factory.token(&key).await?)),
            ("managed token", whoami(&managed)),
            ("minting", of_key(mint())),
        ];

        let own = factory.token(&key).await?;
        let revoke = Request::post("/oauth/revoke").form(&format!("token={own}"));
        factory.expect(200, &of_key(revoke)).await?;

        let login = Request::post("/auth/login");
        let login = login.json(&json!({ "api_key": key.key, "session_id": "s" }));
        let session = client.send(&login).await?.text("access_token")?;
        let end = Request::new("DELETE", "/auth/sessions?session_id=s");
        factory.expect(204, &of_key(end)).await?;

        let (id, managed) = factory.managed_token(&key).await?;
        let revoke = Request::post(&format!("/api/v1/api_token/{id}/revoke"));
        factory.expect(200, &of_key(revoke)).await?;

        let [revoked, suspended, rotated] = [
            factory.key().await?,
            factory.key().await?,
            factory.key().await?,
        ];
        let of_revoked = factory.token(&revoked).await?;
        let of_suspended = factory.token(&suspended).await?;
        let of_rotated = factory.token(&rotated).await?;
        let nothing = json!({});
        factory.change(&revoked, "revoke", &nothing).await?;
        factory.change(&suspended, "suspend", &nothing).await?;
        let compromised = json!({ "compromised": true });
        factory.change(&rotated, "rotate", &compromised).await?;

        let key = |key: &Key| Request::get("/whoami").header("x-api-key", &key.key);
        Ok(Self {
            valid,
            revoked: vec![
                ("revoked token", whoami(&own)),
                ("token of an ended session", whoami(&session)),
                ("revoked managed token", whoami(&managed)),
                ("revoked key", key(&revoked)),
                ("token of a revoked key", whoami(&of_revoked)),
                ("suspended key", key(&suspended)),
                ("token of a suspended key", whoami(&of_suspended)),
                ("compromised key", key(&rotated)),
                ("token of a compromised key", whoami(&of_rotated)),
            ],
        })
    }

    /// Presents what is valid; returns the names and statuses.
    pub(super) async fn accepted(&self, client: Client) -> Outcome<Vec<String>> {
        present(client, &self.valid).await
    }

    /// Presents what was revoked; returns the names and statuses.
    pub(super) async fn rejected(&self, client: Client) -> Outcome<Vec<String>> {
        present(client, &self.revoked).await
    }
}

async fn present(client: Client, requests: &[(&str, Request)]) -> Outcome<Vec<String>> {
    let mut statuses = Vec::new();
    for (name, request) in requests {
        let status = client.send(request).await?.status;
        statuses.push(format!("{name} {status}"));
    }
    Ok(statuses)
}

fn whoami(token: &str) -> Request {
    Request::get("/whoami").bearer(token)
}

/// Returns a request for a token.
pub(super) fn mint() -> Request {
    Request::post("/oauth/token").form("grant_type=client_credentials")
}

/// Creates credentials and tokens over HTTP.
struct Factory<'a> {
    client: Client,
    operator: &'a Key,
}

impl Factory<'_> {
    async fn expect(&self, status: u16, request: &Request) -> Outcome<Response> {
        let response = self.client.send(request).await?;
        if response.status != status {
            return Err(format!("{} of {request:?}", response.description()).into());
        }
        Ok(response)
    }

    async fn key(&self) -> Outcome<Key> {
        let create = Request::post("/admin/v1/keys").header("x-api-key", &self.operator.key);
        let scopes = ["calls:read", "api_token:write"];
        let create = create.json(&json!({ "name": "key", "scopes": scopes }));
        Key::from_json(&self.expect(201, &create).await?.json()?)
    }

    async fn change(&self, key: &Key, action: &str, body: &serde_json::Value) -> Outcome<()> {
        let change = Request::post(&format!("/admin/v1/keys/{}/{action}", key.id));
        let change = change.header("x-api-key", &self.operator.key).json(body);
        self.expect(200, &change).await.map(drop)
    }

    async fn token(&self, key: &Key) -> Outcome<String> {
        let mint = mint().header("x-api-key", &key.key);
        self.client.send(&mint).await?.text("access_token")
    }

    /// Creates a managed token; returns its id and the token.
    async fn managed_token(&self, key: &Key) -> Outcome<(String, String)> {
        let create = Request::post("/api/v1/api_token").header("x-api-key", &key.key);
        let create = create.json(&json!({ "token_scope": "account" }));
        let created = self.expect(200, &create).await?.json()?;
        let details = created.get("details").ok_or("no details")?;
        Ok((text(details, "id")?, text(&created, "token")?))
    }
}
