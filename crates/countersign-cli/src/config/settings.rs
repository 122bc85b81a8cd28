//! The sections of the configuration, their settings and defaults.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use countersign::Id;
use countersign::directory::Networks;
use countersign::registry::RecordLimits;
use countersign_store::{MasterKey, WhenStale};

use super::error::ConfigErrors;
use super::gateway::{self, GatewayRule};
use super::issuers::{self, IssuerSettings};
use super::reader::{self, Section};
use super::trust::{self, TrustSettings};
use super::value::{self, DAY, HOUR, MINUTE, SECOND, duration};
use super::{Environment, routes};

/// Most systems let a process open 1,024 files.
const MAX_CONNECTIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(899);
const MAX_CONNECTIONS_PER_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);
/// A token of 8 KiB, and room for the other headers.
const HEADER_LIMIT: u32 = 32 * 1024;
const MASTER_KEY: &str = "COUNTERSIGN_MASTER_KEY";

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub server: ServerSettings,
    pub store: StoreSettings,
    pub limits: LimitSettings,
    pub log: LogSettings,
    /// `default` first, which is always there.
    pub issuers: Vec<IssuerSettings>,
    /// The external issuers, in alphabetical order.
    pub trust: Vec<TrustSettings>,
    /// The rules for requests that gateways ask about, of which the first that matches decides.
    pub gateway: Vec<GatewayRule>,
}

/// `[server]`
#[derive(Clone, Debug)]
pub struct ServerSettings {
    pub listen: SocketAddr,
    pub public_url: Option<String>,
    /// The address of probes and metrics without authentication.
    pub management_listen: Option<SocketAddr>,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// The largest head of a request, in bytes.
    pub header_limit: u32,
    /// The bytes of each cache of verified tokens.
    pub token_cache: usize,
    /// The most connections at the same time.
    pub max_connections: NonZeroU32,
    /// The most connections from one address, or from one /64 of IPv6.
    pub max_connections_per_address: NonZeroU32,
    /// The time for which the server goes on after a signal, while it is not ready.
    pub shutdown_delay: Duration,
    pub shutdown_grace: Duration,
    /// The time that a request may take, its body included.
    pub request_timeout: Duration,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Option<Networks>,
    pub tls: Option<TlsSettings>,
    /// The origins whose pages may send requests that change something.
    pub cors_origins: Vec<String>,
}

/// `[server.tls]`
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The certificate and those of its authorities.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The authorities of the certificates that clients may present.
    pub client_ca: Option<PathBuf>,
    /// The credentials of clients, by a name of their certificate or its fingerprint.
    pub clients: HashMap<String, Id>,
    pub handshake_timeout: Duration,
}

/// `[store]`
#[derive(Clone, Debug)]
pub struct StoreSettings {
    pub url: String,
    pub master_key: MasterKey,
    pub max_staleness: Duration,
    pub when_stale: WhenStale,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Of one client address.
    pub failed_authentications: Rate,
    /// Of one credential, on all wires.
    pub mints: Rate,
    /// Of one credential, outside the token endpoints.
    pub writes: Rate,
    /// Of one credential.
    pub introspections: Rate,
    pub records: RecordLimits,
}

/// `burst` at once, and as many again in each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub burst: NonZeroU32,
    pub per: Duration,
}

/// The format of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct LogSettings {
    pub format: Option<LogFormat>,
    pub filter: Option<String>,
    pub access: AccessLog,
}

/// Which requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// All, except those for the health of the server.
    All,
    /// Those with a status from 400.
    Errors,
    /// None.
    Off,
}

impl Config {
    /// Returns the configured issuer of this name.
    pub fn issuer(&self, name: &str) -> Option<&IssuerSettings> {
        self.issuers.iter().find(|issuer| *issuer.name == *name)
    }
}

/// Reads the text of a file and the environment.
pub(super) fn read(
    file: &str,
    text: &str,
    environment: Environment,
) -> Result<Config, ConfigErrors> {
    reader::read(file, text, environment, |root| {
        let server = root.section("server", server);
        let store = root.section("store", store);
        let limits = root.section("limits", |limits| LimitSettings {
            failed_authentications: rate(limits, "failed_authentications", 20),
            mints: rate(limits, "mints", 600),
            writes: rate(limits, "writes", 600),
            introspections: rate(limits, "introspections", 6000),
            records: records(limits),
        });
        let log = root.section("log", |log| LogSettings {
            format: log.scalar("format", value::format),
            filter: log.scalar("filter", value::filter),
            access: log
                .scalar("access", value::access)
                .unwrap_or(AccessLog::All),
        });
        let issuers = issuers::read(root, server.public_url.as_deref());
        routes::check(root, &issuers);
        let trust = trust::read(root);
        let gateway = gateway::read(root);
        if !gateway.is_empty() && server.trusted_proxies.is_none() {
            let text = "`trusted_proxies` in [server] is missing; name the addresses of the gateways there";
            root.error("gateway", text);
        }
        Config {
            server,
            store,
            limits,
            log,
            issuers,
            trust,
            gateway,
        }
    })
}

fn server(server: &mut Section<'_>) -> ServerSettings {
    ServerSettings {
        listen: server
            .scalar("listen", value::listen)
            .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
        public_url: server.scalar("public_url", value::base_url),
        management_listen: server.scalar("management_listen", value::listen),
        body_limit: server
            .scalar("body_limit", value::body_limit)
            .unwrap_or(16 * value::KIB),
        header_limit: server
            .scalar("header_limit", value::header_limit)
            .unwrap_or(HEADER_LIMIT),
        shutdown_delay: server
            .scalar("shutdown_delay", duration(Duration::ZERO..=HOUR))
            .unwrap_or_default(),
        request_timeout: server
            .scalar("request_timeout", duration(SECOND..=HOUR))
            .unwrap_or(30 * SECOND),
        token_cache: server
            .scalar("token_cache", value::cache_size)
            .unwrap_or(8 * value::MIB),
        shutdown_grace: server
            .scalar("shutdown_grace", duration(Duration::ZERO..=HOUR))
            .unwrap_or(5 * SECOND),
        max_connections: server
            .get("max_connections", value::count)
            .unwrap_or(MAX_CONNECTIONS),
        max_connections_per_address: server
            .get("max_connections_per_address", value::count)
            .unwrap_or(MAX_CONNECTIONS_PER_ADDRESS),
        tls: server.section("tls", tls),
        trusted_proxies: networks(server, "trusted_proxies"),
        cors_origins: server
            .list("cors_origins", value::origin)
            .unwrap_or_default(),
    }
}

/// Reads the files of TLS, which is off without them.
fn tls(tls: &mut Section<'_>) -> Option<TlsSettings> {
    let cert = tls.scalar("cert", value::file);
    let key = tls.scalar("key", value::file);
    let client_ca = tls.scalar("client_ca", value::file);
    let clients = tls.section("clients", |clients| {
        let names = clients.keys().into_iter();
        let ids = names.map(|name| (clients.text(&name, value::credential_id), name));
        ids.filter_map(|(id, name)| Some((name, id?))).collect()
    });
    if client_ca.is_none() && tls.has("clients") {
        tls.error(
            "clients",
            "expected `client_ca`, too: no certificate is asked for without it",
        );
    }
    let handshake_timeout = tls
        .scalar("handshake_timeout", duration(SECOND..=MINUTE))
        .unwrap_or(10 * SECOND);
    match (cert, key) {
        (Some(cert), Some(key)) => Some(TlsSettings {
            cert,
            key,
            client_ca,
            clients,
            handshake_timeout,
        }),
        (None, None) if client_ca.is_none() => None,
        _ => {
            tls.error(
                "cert",
                "expected both `cert` and `key`, or none of them and no `client_ca`",
            );
            None
        }
    }
}

/// Reads a list of networks. An empty list is `None`, since [`Networks`] would take it for every address.
fn networks(section: &mut Section<'_>, key: &str) -> Option<Networks> {
    let list = section.list(key, value::network)?;
    Networks::from_list(list.iter().map(|network| &**network))
        .map_err(|invalid| section.error(key, &invalid.to_string()))
        .ok()
        .filter(|networks| !networks.is_anywhere())
}

fn store(store: &mut Section<'_>) -> StoreSettings {
    let file = store.scalar("master_key_file", value::file);
    if file.is_some() && store.has_variable(MASTER_KEY) {
        let text = "master_key_file in [store] is set, too: keep only one of them";
        store.error_in_variable(MASTER_KEY, text);
    }
    let key = store.variable(MASTER_KEY, |text| {
        MasterKey::from_text(text).map_err(|_| {
            "expected 32 random bytes in base64, as in the file of a master key".to_owned()
        })
    });
    StoreSettings {
        url: store
            .scalar("url", value::store_url)
            .unwrap_or_else(|| "sqlite://countersign.db".to_owned()),
        master_key: key
            .or(file.map(MasterKey::File))
            .unwrap_or(MasterKey::BesideDatabase),
        max_staleness: store
            .scalar("max_staleness", duration(SECOND..=HOUR))
            .unwrap_or(5 * SECOND),
        when_stale: store
            .scalar("when_stale", value::when_stale)
            .unwrap_or_default(),
    }
}

fn rate(limits: &mut Section<'_>, key: &str, burst: u32) -> Rate {
    limits.section(key, |rate| Rate {
        per: rate.text("per", duration(SECOND..=DAY)).unwrap_or(MINUTE),
        burst: rate
            .get("burst", value::count)
            .or(NonZeroU32::new(burst))
            .unwrap_or(NonZeroU32::MIN),
    })
}

fn records(limits: &mut Section<'_>) -> RecordLimits {
    let mut records = RecordLimits::default();
    for (key, limit) in [
        ("managed_tokens", &mut records.managed_tokens),
        ("credentials", &mut records.credentials),
        ("environments", &mut records.environments),
    ] {
        *limit = limits.get(key, value::count).unwrap_or(*limit);
    }
    records
}
