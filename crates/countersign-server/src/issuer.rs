//! Issuers, from the configuration and the store.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{Directory, IssuerDirectory, Issuers};
use countersign::mint::{IssuanceSettings, Issuer, IssuerError};
use countersign::registry::Caller;
use countersign::token::TrustedIssuer;
use countersign_store::{Store, StoreError};

use crate::config::{Config, IssuerSettings, WireSettings};
use crate::failure::Failure;

/// How long the next signing key is published before it signs. Verifiers may keep the key set for five minutes.
const LEAD: Duration = Duration::from_secs(3600);
/// How often is looked whether it is time.
const LOOK: Duration = Duration::from_secs(60);

/// An issuer with its keys, and what is configured for it.
#[derive(Clone, Debug)]
pub(crate) struct Configured {
    pub(crate) settings: IssuerSettings,
    pub(crate) issuer: Issuer,
}

impl Configured {
    /// The issuer under `url`, with its keys from the store.
    pub(crate) async fn build(
        settings: &IssuerSettings,
        store: &Store,
        url: &str,
    ) -> Result<Self, Failure> {
        store.ensure_issuer(&settings.name).await?;
        let keys = store
            .signing_keys(&settings.name, settings.algorithm)
            .await?;
        let builder = Issuer::builder(url)
            .signing_keys(keys)
            .terms(IssuanceSettings {
                lifetime: settings.lifetimes.usual,
                max_lifetime: longest(settings),
                catalogue: settings.scopes.clone(),
            });
        let audiences = settings.audiences.iter().cloned();
        let issuer = audiences
            .fold(builder, |builder, audience| builder.audience(audience))
            .build()?;
        Ok(Self {
            settings: settings.clone(),
            issuer,
        })
    }

    /// What this issuer knows of credentials: those that may not use it are unknown.
    pub(crate) fn directory(&self, store: &Store) -> Arc<dyn Directory> {
        Arc::new(IssuerDirectory::new(
            store.directory(),
            &*self.settings.name,
        ))
    }

    /// The issuer as this server's own verifiers see it: tokens of revoked credentials are refused.
    pub(crate) fn trusted(&self, store: &Store) -> Result<TrustedIssuer, Failure> {
        let trusted = self.issuer.trusted().directory(self.directory(store));
        let managed = &self.settings.wires.managed;
        let trusted = if managed.enabled {
            trusted.managed_tokens(managed.lifetimes.longest)
        } else {
            trusted
        };
        let trusted = trusted.build();
        trusted.map_err(|error| IssuerError::Trust(error).into())
    }
}

/// Rotates an issuer's signing key when its time has come, for as long as the server runs. Failures are logged, and
/// tried again.
pub(crate) async fn rotate_keys(store: Store, name: Box<str>, every: Duration) {
    let caller = Caller::operator("schedule");
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        match store
            .rotate_signing_key_when_due(&caller, &name, every, LEAD)
            .await
        {
            Ok(Some(made)) => {
                tracing::info!(
                    issuer = name,
                    kid = made.kid,
                    "the next signing key is published"
                );
            }
            Ok(None) => {}
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::warn!(issuer = name, %error, "whether to rotate the signing key is not known");
            }
        }
    }
}

/// What verifiers must accept: the longest lifetime of any endpoint.
fn longest(settings: &IssuerSettings) -> Duration {
    let own = settings.lifetimes.longest;
    settings.wires.longest().map_or(own, |wires| wires.max(own))
}

/// Tells the store how long what is signed can live, before the first token is: what is denied is kept as long.
pub(crate) async fn allow_lifetimes(config: &Config, store: &Store) -> Result<(), Failure> {
    if let Some(lifetime) = config.issuers.iter().map(longest).max() {
        store.allow_lifetime(lifetime).await?;
    }
    let managed = config.issuers.iter().map(|issuer| &issuer.wires.managed);
    let managed = managed.filter(|wire| wire.enabled);
    if let Some(lifetime) = managed.map(|wire| wire.lifetimes.longest).max() {
        store.allow_managed_lifetime(lifetime).await?;
    }
    Ok(())
}

/// The terms of one wire's mint.
pub(crate) fn terms(wire: &WireSettings) -> IssuanceSettings {
    IssuanceSettings {
        lifetime: wire.lifetimes.usual,
        max_lifetime: wire.lifetimes.longest,
        catalogue: wire.scopes.clone(),
    }
}

/// An issuer's URL for a server that got `bound`: configured, or for the one that always is stored, or else this
/// address, which is stored now. A port that was left to the system is another one at each start, and is not
/// stored.
pub(crate) async fn url_of_server(
    config: &Config,
    settings: &IssuerSettings,
    store: &Store,
    bound: SocketAddr,
) -> Result<String, Failure> {
    if let Some(url) = &settings.url {
        return Ok(url.clone());
    }
    let here = url_of(bound);
    if config.server.listen.port() == 0 {
        return Ok(here);
    }
    Ok(store.set_issuer_url(&settings.name, &here).await?)
}

/// An issuer's URL where no server is: configured, else stored.
pub(crate) async fn known_url(settings: &IssuerSettings, store: &Store) -> Result<String, Failure> {
    if let Some(url) = &settings.url {
        return Ok(url.clone());
    }
    store.issuer_url(&settings.name).await?.ok_or_else(|| {
        Failure::new(
            "the issuer has no URL yet: set `url` in [issuer.default], or start `countersign serve` once \
             on a fixed port",
        )
    })
}

/// The names of all issuers: those that are configured, and others that the store has keys of.
pub(crate) async fn names(config: &Config, store: &Store) -> Result<Vec<String>, Failure> {
    let configured = config.issuers.iter().map(|issuer| issuer.name.to_string());
    let mut names: Vec<_> = configured.collect();
    for stored in store.issuers().await? {
        if !names.contains(&stored) {
            names.push(stored);
        }
    }
    Ok(names)
}

/// The issuers of these names, each of which must be known; none stands for all.
pub(crate) async fn named(
    names: &[String],
    config: &Config,
    store: &Store,
) -> Result<Issuers, Failure> {
    if !names.is_empty() {
        let known = self::names(config, store).await?;
        for name in names {
            if !known.contains(name) {
                return Err(unknown(name));
            }
        }
    }
    Issuers::named(names.iter().map(String::as_str))
        .map_err(|invalid| Failure::new(invalid.to_string()))
}

/// Sees to it that the store has the issuer of this name, which must be known.
pub(crate) async fn ensure(name: &str, config: &Config, store: &Store) -> Result<(), Failure> {
    if config.issuer(name).is_some() {
        return Ok(store.ensure_issuer(name).await?);
    }
    if store.issuers().await?.iter().any(|stored| stored == name) {
        return Ok(());
    }
    Err(unknown(name))
}

fn unknown(name: &str) -> Failure {
    Failure::new(format!(
        "there is no issuer {name}: put [issuer.{name}] with its `url` into the configuration first, and name \
         that file with --config"
    ))
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
