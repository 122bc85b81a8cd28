//! Opaque tokens, checked at the introspection endpoints of an external provider and of this project's server.

use std::convert::Infallible;

use countersign::mechanism::OpaqueTokens;
use countersign::rejection::{Reason, Rejection};
use countersign::{AuthLayer, Principal, Secret};
use countersign_client::{Credentials, TokenRequest, Tokens};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::harness::{Home, Server};
use crate::issuer_by_url::Provider;

/// The resource whose tokens are opaque at the provider.
const OPAQUE_API: &str = "https://opaque.example";

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

/// Sends a bearer token through the mechanism: the subject and the scopes, or the status and the reason.
async fn send(tokens: &OpaqueTokens, token: &str) -> Result<String, (u16, Reason)> {
    let layer = AuthLayer::builder()
        .mechanism(tokens.clone())
        .build()
        .unwrap();
    let whoami = service_fn(|request: Request<()>| async move {
        let principal = request.extensions().get::<Principal>().unwrap();
        let text = format!("{} {}", principal.subject(), principal.scopes());
        Ok::<_, Infallible>(Response::new(text))
    });
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    let response = layer
        .layer(whoami)
        .oneshot(request.body(()).unwrap())
        .await
        .unwrap();
    match response.extensions().get::<Rejection>() {
        Some(rejection) => Err((response.status().as_u16(), rejection.reason())),
        None => Ok(response.into_body()),
    }
}

#[tokio::test]
async fn opaque_token_of_oidc_provider_is_accepted_and_others_are_rejected() {
    let provider = Provider::start();
    let credentials = Credentials::client_secret("worker", "worker-secret");
    let client = Tokens::discover(&provider.url, credentials)
        .request(TokenRequest::scopes(["calls:read"]).resource(OPAQUE_API))
        .build()
        .unwrap();
    let bearer = client.get().await.unwrap();
    let token = bearer
        .authorization()
        .to_str()
        .unwrap()
        .trim_start_matches("Bearer ");
    assert!(!token.contains('.'), "the token is opaque");

    let endpoint = format!("{}/token/introspection", provider.url);
    let asking = |secret: Secret, audience: &str| {
        OpaqueTokens::issuer(&*provider.url)
            .introspection_url(&*endpoint)
            .client_secret("worker", &secret)
            .audience(audience)
            // Tokens of the client credentials grant have no `sub` at this provider.
            .subject_claim("client_id")
            .build()
            .unwrap()
    };
    let tokens = asking(secret("worker-secret"), OPAQUE_API);
    assert_eq!(
        send(&tokens, token).await,
        Ok("worker calls:read".to_owned())
    );
    let inactive = Err((401, Reason::TokenInactive));
    assert_eq!(send(&tokens, &token[1..]).await, inactive);
    assert_eq!(send(&tokens, "garbage").await, inactive);

    let other_audience = asking(secret("worker-secret"), "https://other.example");
    let rejected = send(&other_audience, token).await;
    assert_eq!(rejected, Err((401, Reason::AudienceMismatch)));
    let wrong_secret = asking(secret("wrong"), OPAQUE_API);
    let failed = send(&wrong_secret, token).await;
    assert_eq!(failed, Err((503, Reason::IntrospectionFailed)));
}

#[tokio::test]
async fn server_of_this_project_answers_that_it_does_not_know_an_opaque_token() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read");
    let asking = |secret: Secret| {
        OpaqueTokens::issuer(server.url())
            .introspection_url(format!("{}/oauth/introspect", server.url()))
            .client_secret(&key.id, &secret)
            .audience(server.url())
            .build()
            .unwrap()
    };
    // Its own tokens are signed, so they are verified and not introspected.
    let tokens = asking(secret(&key.secret));
    let garbage = send(&tokens, "garbage").await;
    assert_eq!(garbage, Err((401, Reason::TokenInactive)));
    let failed = send(&asking(secret("wrong")), "garbage").await;
    assert_eq!(failed, Err((503, Reason::IntrospectionFailed)));
}
