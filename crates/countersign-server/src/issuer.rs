//! The issuer `default`, from the configuration and the store.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use countersign::directory::Caller;
use countersign::mint::{Issuer, IssuerError, Terms};
use countersign::token::TrustedIssuer;
use countersign_store::{Store, StoreError};

use crate::config::{Config, IssuerSettings};
use crate::failure::Failure;

/// How long the next signing key is published before it signs. Verifiers may keep the key set for five minutes.
const LEAD: Duration = Duration::from_secs(3600);
/// How often is looked whether it is time.
const LOOK: Duration = Duration::from_secs(60);

/// The one issuer's name.
pub(crate) const NAME: &str = "default";

/// The issuer under `url`, with its key from the store.
pub(crate) async fn build(
    config: &IssuerSettings,
    store: &Store,
    url: &str,
) -> Result<Issuer, Failure> {
    let keys = store.signing_keys(NAME, config.algorithm).await?;
    let builder = Issuer::builder(url).signing_keys(keys).terms(Terms {
        lifetime: config.lifetime,
        max_lifetime: longest(config),
        catalogue: config.scopes.clone(),
    });
    let audiences = config.audiences.iter().cloned();
    let issuer = audiences
        .fold(builder, |builder, audience| builder.audience(audience))
        .build()?;
    Ok(issuer)
}

/// Rotates the signing key when its time has come, for as long as the server runs. Failures are logged, and tried
/// again.
pub(crate) async fn rotate_keys(store: Store, every: Duration) {
    let caller = Caller::operator("schedule");
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        match store
            .rotate_signing_key_when_due(&caller, NAME, every, LEAD)
            .await
        {
            Ok(Some(made)) => tracing::info!(kid = made.kid, "the next signing key is published"),
            Ok(None) => {}
            Err(StoreError::Closed) => return,
            Err(error) => tracing::warn!(%error, "whether to rotate the signing key is not known"),
        }
    }
}

/// The issuer as this server's own verifiers see it: tokens of revoked credentials are refused.
pub(crate) fn trusted(issuer: &Issuer, store: &Store) -> Result<TrustedIssuer, Failure> {
    let trusted = issuer.trusted().directory(store.directory()).build();
    trusted.map_err(|error| IssuerError::Trust(error).into())
}

/// What verifiers must accept: the longest lifetime of any endpoint.
pub(crate) fn longest(config: &IssuerSettings) -> Duration {
    if config.oauth.enabled {
        config.max_lifetime.max(config.oauth.max_lifetime)
    } else {
        config.max_lifetime
    }
}

/// The terms of the oauth wire's mint.
pub(crate) fn oauth_terms(config: &IssuerSettings) -> Terms {
    Terms {
        lifetime: config.oauth.lifetime,
        max_lifetime: config.oauth.max_lifetime,
        catalogue: config.oauth.scopes.clone(),
    }
}

/// The issuer's URL for a server that got `bound`: configured, else stored, else this address, which is
/// stored now. A port that was left to the system is another one at each start, and is not stored.
pub(crate) async fn url_of_server(
    config: &Config,
    store: &Store,
    bound: SocketAddr,
) -> Result<String, Failure> {
    if let Some(url) = &config.issuer.url {
        return Ok(url.clone());
    }
    let here = url_of(bound);
    if config.server.listen.port() == 0 {
        return Ok(here);
    }
    Ok(store.set_issuer_url(NAME, &here).await?)
}

/// The issuer's URL where no server is: configured, else stored.
pub(crate) async fn known_url(config: &Config, store: &Store) -> Result<String, Failure> {
    if let Some(url) = &config.issuer.url {
        return Ok(url.clone());
    }
    store.issuer_url(NAME).await?.ok_or_else(|| {
        Failure::new(
            "the issuer has no URL yet: set `url` in [issuer.default], or start `countersign serve` once \
             on a fixed port",
        )
    })
}

/// Where this machine reaches `address`: one that stands for all interfaces is nobody's.
pub(crate) fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_all_interfaces_is_reached_on_the_loopback() {
        for (address, url) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(url_of(address.parse().unwrap()), url);
        }
    }
}
