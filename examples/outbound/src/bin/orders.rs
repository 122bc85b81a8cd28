//! The first of two services in a chain. It authenticates its caller, and calls the second with a token of its own:
//! `orders ISSUER CALLS_URL`. `CLIENT_ID` and `CLIENT_SECRET` are its credentials.

use axum::{Router, body::Body, routing::get};
use countersign::{AuthLayer, Principal, mechanism::Jwt};
use countersign_client::{BearerLayer, BoxError, Credentials, TokenRequest, Tokens};
use http::{Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Layer, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let url = arguments.next().ok_or("missing argument: CALLS_URL")?;
    let (id, secret) = (std::env::var("CLIENT_ID")?, std::env::var("CLIENT_SECRET")?);
    let wanted = TokenRequest::scopes(["calls:on-behalf"]).resource("https://calls.example");
    let tokens = Tokens::discover(&issuer, Credentials::client_secret(id, secret)).request(wanted);
    let http = Client::builder(TokioExecutor::new()).build_http();
    let calls = BearerLayer::new(tokens.build()?, [url.as_str()])?.layer(http);
    let list_orders = async move |caller: Principal| {
        let request = Request::get(format!("{url}/calls"));
        let request = request.header("on-behalf-of", caller.subject());
        let request = request
            .body(Body::empty())
            .or(Err(StatusCode::BAD_REQUEST))?;
        let response = calls.clone().oneshot(request).await;
        response
            .or(Err(StatusCode::BAD_GATEWAY))
            .map(|response| response.map(Body::new))
    };
    let jwt = Jwt::issuer(issuer).audience("https://orders.example");
    let app = Router::new()
        .route("/orders", get(list_orders))
        .layer(AuthLayer::builder().mechanism(jwt.build()?).build()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
