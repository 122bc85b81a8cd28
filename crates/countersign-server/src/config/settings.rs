//! What can be set, its defaults, and how the sections are read.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use countersign::directory::Networks;
use countersign_store::MasterKey;

use super::environment::{self, Environment};
use super::issuers::{self, IssuerSettings};
use super::mistake::{Mistake, Mistakes, Place};
use super::reader::{Reader, Section, Single};
use super::{routes, value};
use crate::logging::Format;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// How many passwords and keys an address may get wrong at once.
const FAILURES: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
/// How many tokens a credential may have minted at once.
const MINTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599);

/// The whole configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: ServerSettings,
    pub(crate) store: StoreSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) log: LogSettings,
    /// `default` is among them.
    pub(crate) issuers: Vec<IssuerSettings>,
}

/// `[server]`
#[derive(Clone, Debug)]
pub(crate) struct ServerSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) body_limit: usize,
    pub(crate) shutdown_grace: Duration,
    /// The proxies whose word is taken for where a request comes from.
    pub(crate) trusted_proxies: Option<Networks>,
}

/// `[store]`
#[derive(Clone, Debug)]
pub(crate) struct StoreSettings {
    pub(crate) url: String,
    pub(crate) master_key_file: Option<PathBuf>,
    /// From `COUNTERSIGN_MASTER_KEY`.
    pub(crate) master_key: Option<MasterKey>,
    pub(crate) max_staleness: Duration,
}

/// `[limits]`
#[derive(Clone, Debug)]
pub(crate) struct LimitSettings {
    pub(crate) failed_authentications: Rate,
    /// Of one credential, on all wires.
    pub(crate) mints: Rate,
}

/// `burst` at once, and as many again in each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) burst: NonZeroU32,
    pub(crate) per: Duration,
}

/// `[log]`
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) format: Option<Format>,
    pub(crate) filter: Option<String>,
}

/// Reads the text of a file and the environment.
pub(super) fn read(file: String, text: &str, environment: Environment) -> Result<Config, Mistakes> {
    let master_key = environment.master_key.clone();
    let gives_master_key = environment.gives_master_key;
    let (mut reader, mut root) = Reader::new(file, text, environment);
    let server = server(&mut reader, &mut root);
    let mut store = store(&mut reader, &mut root);
    if store.master_key_file.is_some() && gives_master_key {
        let place = Place::Variable(environment::MASTER_KEY.to_owned());
        let text =
            "master_key_file in [store] is given, too: only one of them can be the key's place";
        reader.note(Mistake::new(place, text));
    }
    store.master_key = master_key;
    let limits = limits(&mut reader, &mut root);
    let log = log(&mut reader, &mut root);
    let issuers = issuers::read(&mut reader, &mut root, server.public_url.as_deref());
    reader.close(root);
    routes::check(&mut reader, &issuers);
    reader.finish()?;
    let issuers = issuers.into_iter().map(|read| read.settings).collect();
    Ok(Config {
        server,
        store,
        limits,
        log,
        issuers,
    })
}

impl Config {
    /// The issuer of this name, where it is configured.
    pub(crate) fn issuer(&self, name: &str) -> Option<&IssuerSettings> {
        self.issuers.iter().find(|issuer| *issuer.name == *name)
    }
}

fn server<'i>(reader: &mut Reader<'i>, root: &mut Section<'i>) -> ServerSettings {
    let mut section = reader.section(root, "server");
    let grace = value::duration_within(Duration::ZERO, HOUR);
    let settings = ServerSettings {
        listen: reader
            .scalar(&mut section, "listen", value::listen)
            .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
        public_url: reader.scalar(&mut section, "public_url", value::base_url),
        body_limit: reader
            .scalar(&mut section, "body_limit", value::body_limit)
            .unwrap_or(16 * 1024),
        shutdown_grace: reader
            .scalar(&mut section, "shutdown_grace", grace)
            .unwrap_or(Duration::from_secs(10)),
        trusted_proxies: networks(reader, &mut section, "trusted_proxies"),
    };
    reader.close(section);
    settings
}

/// A list of networks; `None` where it is empty, which [`Networks`] would take for anywhere.
fn networks<'i>(
    reader: &mut Reader<'i>,
    section: &mut Section<'i>,
    key: &'static str,
) -> Option<Networks> {
    let place = reader.place(section, key)?;
    let list = reader.list(section, key, Single::Refused, value::network)?;
    match Networks::from_list(list.iter().map(|network| &**network)) {
        Ok(networks) if networks.is_anywhere() => None,
        Ok(networks) => Some(networks),
        Err(invalid) => {
            let path = section.path_of(key);
            reader.wrong(place, &path, &invalid.to_string());
            None
        }
    }
}

fn store<'i>(reader: &mut Reader<'i>, root: &mut Section<'i>) -> StoreSettings {
    let mut section = reader.section(root, "store");
    let staleness = value::duration_within(Duration::from_secs(1), HOUR);
    let settings = StoreSettings {
        url: reader
            .scalar(&mut section, "url", value::store_url)
            .unwrap_or_else(|| "sqlite://countersign.db".to_owned()),
        master_key_file: reader.scalar(&mut section, "master_key_file", value::file),
        master_key: None,
        max_staleness: reader
            .scalar(&mut section, "max_staleness", staleness)
            .unwrap_or(Duration::from_secs(5)),
    };
    reader.close(section);
    settings
}

fn limits<'i>(reader: &mut Reader<'i>, root: &mut Section<'i>) -> LimitSettings {
    let mut section = reader.section(root, "limits");
    let settings = LimitSettings {
        failed_authentications: rate(reader, &mut section, "failed_authentications", FAILURES),
        mints: rate(reader, &mut section, "mints", MINTS),
    };
    reader.close(section);
    settings
}

fn rate<'i>(
    reader: &mut Reader<'i>,
    limits: &mut Section<'i>,
    key: &'static str,
    burst: NonZeroU32,
) -> Rate {
    let mut section = reader.section(limits, key);
    let per = value::duration_within(Duration::from_secs(1), 24 * HOUR);
    let rate = Rate {
        per: reader.text(&mut section, "per", per).unwrap_or(MINUTE),
        burst: reader
            .number(&mut section, "burst", value::count)
            .unwrap_or(burst),
    };
    reader.close(section);
    rate
}

fn log<'i>(reader: &mut Reader<'i>, root: &mut Section<'i>) -> LogSettings {
    let mut section = reader.section(root, "log");
    let settings = LogSettings {
        format: reader.scalar(&mut section, "format", value::format),
        filter: reader.scalar(&mut section, "filter", value::filter),
    };
    reader.close(section);
    settings
}
