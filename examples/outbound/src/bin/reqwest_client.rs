//! Sends requests with a token through reqwest: `reqwest_client ISSUER AUDIENCE URL`.
//!
//! `CLIENT_ID` and `CLIENT_SECRET` are the credentials of this program.

use countersign_client::{BearerLayer, BoxError, Credentials, TokenRequest, Tokens};
use http::{Request, Response};
use reqwest::{Body, Client, redirect::Policy};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().ok_or("missing argument: ISSUER")?;
    let audience = arguments.next().ok_or("missing argument: AUDIENCE")?;
    let url = arguments.next().ok_or("missing argument: URL")?;
    let (id, secret) = (std::env::var("CLIENT_ID")?, std::env::var("CLIENT_SECRET")?);
    let tokens = Tokens::discover(&issuer, Credentials::client_secret(id, secret))
        .request(TokenRequest::default().resource(audience))
        .build()?;
    // Without redirects, which reqwest would follow inside of the layer.
    let http = Client::builder().redirect(Policy::none()).build()?;
    let http = service_fn(move |request: Request<Body>| {
        let http = http.clone();
        async move {
            let response = http.execute(request.try_into()?).await?;
            Ok::<_, BoxError>(Response::<Body>::from(response))
        }
    });
    let client = BearerLayer::new(tokens, [url.as_str()])?.layer(http);

    let request = Request::get(format!("{url}/calls")).body(Body::default())?;
    let response = reqwest::Response::from(client.oneshot(request).await?);
    println!("{}: {}", response.status(), response.text().await?);
    Ok(())
}
