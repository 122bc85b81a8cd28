//! A service behind a gateway that asks countersign: `behind-gateway ADDRESS GATEWAY`. It believes what the peer with the IP
//! address `GATEWAY` says about the caller.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::{StatusCode, request::Parts};
use axum::{Router, routing::get};

/// The caller, as the gateway names it.
struct Caller {
    subject: String,
    scopes: String,
}

impl FromRequestParts<IpAddr> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, gateway: &IpAddr) -> Result<Self, StatusCode> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // Any other peer could name any caller.
        peer.filter(|ConnectInfo(peer)| peer.ip() == *gateway)
            .ok_or(StatusCode::FORBIDDEN)?;
        let header = |name| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
        let subject = header("countersign-subject").ok_or(StatusCode::FORBIDDEN)?;
        let scopes = header("countersign-scopes").unwrap_or_default();
        Ok(Self { subject, scopes })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("missing argument: ADDRESS")?;
    let gateway: IpAddr = arguments
        .next()
        .ok_or("missing argument: GATEWAY")?
        .parse()?;
    let app = Router::new()
        .route("/calls", get(list_calls))
        .route("/about", get(async || "a public page\n"))
        .with_state(gateway)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn list_calls(caller: Caller) -> String {
    format!("the calls of {} with {}\n", caller.subject, caller.scopes)
}
