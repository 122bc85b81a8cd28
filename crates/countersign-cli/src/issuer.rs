//! Issuers, built from the configuration and the store.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use countersign::directory::{Directory, IssuerDirectory};
use countersign::mint::{IssuanceSettings, Issuer, IssuerError};
use countersign::token::TrustedIssuer;
use countersign_store::Store;

use crate::config::{Config, IssuerSettings, ServerSettings, WireSettings};
use crate::error::CommandError;

/// An issuer with its signing keys and its settings.
#[derive(Clone, Debug)]
pub struct ConfiguredIssuer {
    pub settings: IssuerSettings,
    pub issuer: Issuer,
}

impl ConfiguredIssuer {
    /// Builds the issuer with this URL, and reads its signing keys from the store.
    pub async fn build(
        settings: &IssuerSettings,
        store: &Store,
        url: &str,
    ) -> Result<Self, CommandError> {
        store.ensure_issuer(&settings.name).await?;
        let keys = store
            .signing_keys(&settings.name, settings.algorithm)
            .await?;
        let builder = Issuer::builder(url).signing_keys(keys).settings(
            IssuanceSettings::new(settings.lifetimes.default, max_lifetime(settings))
                .catalogue(settings.scopes.clone()),
        );
        let audiences = settings.audiences.iter().cloned();
        let issuer = audiences
            .fold(builder, |builder, audience| builder.audience(audience))
            .build()?;
        Ok(Self {
            settings: settings.clone(),
            issuer,
        })
    }

    /// Returns the issuer's view of credentials: it lacks those that may not use the issuer.
    pub fn directory(&self, store: &Store) -> Arc<dyn Directory> {
        Arc::new(IssuerDirectory::new(
            store.directory(),
            &*self.settings.name,
        ))
    }

    /// Returns the issuer for this server's own verifiers, which reject tokens of revoked credentials.
    pub fn trusted(&self, store: &Store) -> Result<TrustedIssuer, CommandError> {
        let trusted = self.issuer.trusted().directory(self.directory(store));
        let managed = &self.settings.wires.managed;
        let trusted = if managed.enabled {
            trusted.managed_tokens(managed.lifetimes.max)
        } else {
            trusted
        };
        trusted
            .build()
            .map_err(|error| IssuerError::Trust(error).into())
    }

    /// Returns the issuer for verifiers that do not consult the directory: they also accept tokens of
    /// revoked credentials.
    pub fn trusted_without_directory(&self) -> Result<TrustedIssuer, CommandError> {
        let trusted = self.issuer.trusted().build();
        trusted.map_err(|error| IssuerError::Trust(error).into())
    }
}

/// Returns the longest lifetime of a token of any endpoint of the issuer, which verifiers must accept.
fn max_lifetime(settings: &IssuerSettings) -> Duration {
    let own = settings.lifetimes.max;
    settings
        .wires
        .max_lifetime()
        .map_or(own, |wires| wires.max(own))
}

/// Informs the store of the longest lifetime of tokens before the first one is minted: denials are retained that long.
pub async fn allow_lifetimes(config: &Config, store: &Store) -> Result<(), CommandError> {
    if let Some(lifetime) = config.issuers.iter().map(max_lifetime).max() {
        store.allow_lifetime(lifetime).await?;
    }
    let managed = config.issuers.iter().map(|issuer| &issuer.wires.managed);
    let managed = managed.filter(|wire| wire.enabled);
    if let Some(lifetime) = managed.map(|wire| wire.lifetimes.max).max() {
        store.allow_managed_lifetime(lifetime).await?;
    }
    Ok(())
}

/// Returns the settings of one wire's mint.
pub fn issuance_settings(wire: &WireSettings) -> IssuanceSettings {
    IssuanceSettings::new(wire.lifetimes.default, wire.lifetimes.max).catalogue(wire.scopes.clone())
}

/// Returns an issuer's URL for a server that listens on `bound`: the configured one, else the stored one, else
/// this address, which is stored then. The address is not stored if the system chose the port, since the port is
/// another one at each start.
pub async fn server_url(
    config: &Config,
    settings: &IssuerSettings,
    store: &Store,
    bound: SocketAddr,
) -> Result<String, CommandError> {
    if let Some(url) = &settings.url {
        return Ok(url.clone());
    }
    let url = address_url(&config.server, bound);
    if config.server.listen.port() == 0 {
        return Ok(url);
    }
    Ok(store.set_issuer_url(&settings.name, &url).await?)
}

/// Returns an issuer's URL for a command: the configured one, else the stored one.
pub async fn known_url(settings: &IssuerSettings, store: &Store) -> Result<String, CommandError> {
    if let Some(url) = &settings.url {
        return Ok(url.clone());
    }
    store.issuer_url(&settings.name).await?.ok_or_else(|| {
        CommandError::new(
            "the issuer has no URL yet: set `url` in [issuer.default], or start `countersign serve` once \
             on a fixed port",
        )
    })
}

/// Returns the URL under which this machine reaches `address`. An unspecified address is reached on the loopback.
pub fn address_url(server: &ServerSettings, address: SocketAddr) -> String {
    let scheme = if server.tls.is_some() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}", reachable(address))
}

/// Returns the address at which this machine reaches a server that listens at `address`.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspecified_address_is_reached_on_the_loopback() {
        for (address, expected) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()).to_string(), expected);
        }
    }
}
