//! The crate `oauth2` with an own transport: the same steps as the clients in other languages.

use http::{Request, Response};
use oauth2::basic::BasicClient;
use oauth2::{
    AccessToken, AuthType, ClientId, ClientSecret, IntrospectionUrl, RevocationUrl, Scope,
    StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use serde_json::{Value, json};

use crate::harness::{Header, Home, Server};
use crate::oauth_programs::check;

#[test]
fn oauth2_gets_uses_introspects_and_revokes_a_token_with_either_client_authentication() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "calls:read wallet:*");
    let metadata = server
        .get("/.well-known/oauth-authorization-server", &[])
        .json();
    let endpoint = |name: &str| metadata[name].as_str().unwrap().to_owned();
    // The crate revokes only over https (RFC 7009 §2), which the server on loopback does not support.
    let revocation = endpoint("revocation_endpoint").replace("http:", "https:");
    let send = |request: Request<Vec<u8>>| transport(&server, &request);

    for auth_type in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = BasicClient::new(ClientId::new(key.id.clone()))
            .set_client_secret(ClientSecret::new(key.secret.clone()))
            .set_auth_type(auth_type)
            .set_token_uri(TokenUrl::new(endpoint("token_endpoint")).unwrap())
            .set_introspection_url(
                IntrospectionUrl::new(endpoint("introspection_endpoint")).unwrap(),
            )
            .set_revocation_url(RevocationUrl::new(revocation.clone()).unwrap());
        let token = client
            .exchange_client_credentials()
            .add_scope(Scope::new("calls:read".to_owned()))
            .request(&send)
            .unwrap();
        let bearer = (
            "authorization",
            format!("Bearer {}", token.access_token().secret()),
        );
        let introspect = |access: &AccessToken| -> Value {
            let response = client.introspect(access).request(&send).unwrap();
            if !response.active() {
                return json!({"active": false});
            }
            let scopes: Vec<_> = response
                .scopes()
                .unwrap()
                .iter()
                .map(|scope| scope.to_string())
                .collect();
            json!({
                "active": true,
                "client_id": response.client_id().unwrap().as_str(),
                "scope": scopes.join(" "),
                "iss": response.iss().unwrap(),
            })
        };
        let whoami = server.get("/whoami", std::slice::from_ref(&bearer)).json();
        let introspection = introspect(token.access_token());
        let revocable: StandardRevocableToken = token.access_token().into();
        client
            .revoke_token(revocable)
            .unwrap()
            .request(&send)
            .unwrap();
        let after = json!({
            "introspection": introspect(token.access_token()),
            "status": server.status_for(&[bearer]),
        });
        let seen = json!({
            "token": {
                "token_type": token.token_type().as_ref(),
                "expires_in": token.expires_in().unwrap().as_secs(),
            },
            "whoami": whoami,
            "introspection": introspection,
            "after": after,
        });
        check(&seen, &key, &server.url());
    }
}

/// Posts a form to the server on loopback, and ignores the scheme of the URL.
fn transport(
    server: &Server,
    request: &Request<Vec<u8>>,
) -> Result<Response<Vec<u8>>, http::Error> {
    let authorization = request.headers().get("authorization");
    let headers: Vec<Header> = authorization
        .map(|value| ("authorization", value.to_str().unwrap().to_owned()))
        .into_iter()
        .collect();
    let form = std::str::from_utf8(request.body()).unwrap();
    let received = server.post(request.uri().path(), &headers, form);
    let mut response = Response::builder().status(received.status);
    if let Some(value) = received.header("content-type") {
        response = response.header("content-type", value);
    }
    response.body(received.body.into_bytes())
}
