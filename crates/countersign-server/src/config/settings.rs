//! What can be set, its defaults, and how the sections are read.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use countersign::Scopes;
use countersign::directory::Networks;
use countersign::jose::Algorithm;
use countersign_store::MasterKey;

use super::environment::{self, Environment};
use super::mistake::{Mistake, Mistakes, Place};
use super::reader::{Reader, Section, Single};
use super::value;
use crate::logging::Format;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How many passwords and keys an address may get wrong at once.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// The whole configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: ServerSettings,
    pub(crate) store: StoreSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) log: LogSettings,
    /// The one issuer, `default`.
    pub(crate) issuer: IssuerSettings,
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

/// `[issuer.default]`
#[derive(Clone, Debug)]
pub(crate) struct IssuerSettings {
    /// `url`, or else the server's `public_url`.
    pub(crate) url: Option<String>,
    pub(crate) audiences: Vec<Box<str>>,
    /// `None`: what the issuer signs with already, or EdDSA for a new one.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) lifetime: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) scopes: Scopes,
    /// How long a signing key signs before the next one does.
    pub(crate) rotate_keys_every: Duration,
    pub(crate) oauth: OAuthSettings,
}

/// `[issuer.default.wires.oauth]`; what is not set there is the issuer's.
#[derive(Clone, Debug)]
pub(crate) struct OAuthSettings {
    pub(crate) enabled: bool,
    pub(crate) path: String,
    pub(crate) lifetime: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) scopes: Scopes,
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
    let mut issuer = issuer(&mut reader, &mut root);
    reader.close(root);
    reader.finish()?;
    issuer.url = issuer.url.or_else(|| server.public_url.clone());
    Ok(Config {
        server,
        store,
        limits,
        log,
        issuer,
    })
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
    let mut rate = reader.section(&mut section, "failed_authentications");
    let per = value::duration_within(Duration::from_secs(1), 24 * HOUR);
    let failed_authentications = Rate {
        per: reader.text(&mut rate, "per", per).unwrap_or(MINUTE),
        burst: reader
            .number(&mut rate, "burst", value::burst)
            .unwrap_or(BURST),
    };
    reader.close(rate);
    reader.close(section);
    LimitSettings {
        failed_authentications,
    }
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

fn issuer<'i>(reader: &mut Reader<'i>, root: &mut Section<'i>) -> IssuerSettings {
    let mut issuers = reader.section(root, "issuer");
    let mut section = reader.section(&mut issuers, "default");
    let url = reader.text(&mut section, "url", value::base_url);
    let audiences = audiences(reader, &mut section);
    let algorithm = reader.text(&mut section, "algorithm", value::algorithm);
    let lifetimes = lifetimes(reader, &mut section, (HOUR, HOUR));
    let scopes = catalogue(reader, &mut section, &Scopes::none());
    let every = value::duration_within(DAY, DAY * 3650);
    let every = reader.text(&mut section, "rotate_keys_every", every);
    let mut wires = reader.section(&mut section, "wires");
    let oauth = oauth(reader, &mut wires, lifetimes, &scopes);
    reader.close(wires);
    reader.close(section);
    reader.close(issuers);
    let (lifetime, max_lifetime) = lifetimes;
    IssuerSettings {
        url,
        audiences,
        algorithm,
        lifetime,
        max_lifetime,
        scopes,
        rotate_keys_every: every.unwrap_or(DAY * 90),
        oauth,
    }
}

/// `audience`. Without one the issuer's URL is it; an empty list would say that tokens are for nobody.
fn audiences<'i>(reader: &mut Reader<'i>, section: &mut Section<'i>) -> Vec<Box<str>> {
    if let Some(place) = reader.place_of_nothing(section, "audience") {
        let path = section.path_of("audience");
        reader.wrong(
            place,
            &path,
            "expected at least one audience, or no such line",
        );
    }
    let audiences = reader.list(section, "audience", Single::Allowed, value::audience);
    audiences.unwrap_or_default()
}

fn oauth<'i>(
    reader: &mut Reader<'i>,
    wires: &mut Section<'i>,
    of_issuer: (Duration, Duration),
    issuers_scopes: &Scopes,
) -> OAuthSettings {
    let mut section = reader.section(wires, "oauth");
    let enabled = reader.switch(&mut section, "enabled");
    let path = reader.text(&mut section, "path", value::path);
    let (lifetime, max_lifetime) = lifetimes(reader, &mut section, of_issuer);
    let scopes = catalogue(reader, &mut section, issuers_scopes);
    reader.close(section);
    OAuthSettings {
        enabled: enabled.unwrap_or(true),
        path: path.unwrap_or_else(|| "/oauth/token".to_owned()),
        lifetime,
        max_lifetime,
        scopes,
    }
}

/// `lifetime` and `max_lifetime`. A wire with a lifetime of its own has it as its maximum too.
fn lifetimes<'i>(
    reader: &mut Reader<'i>,
    section: &mut Section<'i>,
    (default, default_max): (Duration, Duration),
) -> (Duration, Duration) {
    let places = ["lifetime", "max_lifetime"].map(|key| reader.place(section, key));
    let lifetime = reader.text(section, "lifetime", value::lifetime);
    let max_lifetime = reader.text(section, "max_lifetime", value::lifetime);
    let inherits = section.is_within("wires");
    let max = max_lifetime.unwrap_or(match lifetime {
        Some(own) if inherits => own,
        _ => default_max,
    });
    let lifetime = lifetime.unwrap_or(default);
    if lifetime > max
        && let Some(place) = places.into_iter().flatten().next()
    {
        let path = section.path_of("lifetime");
        let text = format!(
            "out of range: {} is longer than max_lifetime, {}",
            value::shown(lifetime),
            value::shown(max)
        );
        reader.wrong(place, &path, &text);
    }
    (lifetime, max)
}

/// `scopes`: the catalogue. A wire's must lie within its issuer's, where that has one.
fn catalogue<'i>(reader: &mut Reader<'i>, section: &mut Section<'i>, outer: &Scopes) -> Scopes {
    let place = reader.place(section, "scopes");
    let list = reader.list(section, "scopes", Single::Refused, value::scope);
    let (Some(place), Some(list)) = (place, list) else {
        return outer.clone();
    };
    let path = section.path_of("scopes");
    match Scopes::from_list(list.iter().map(|scope| &**scope)) {
        // Empty means "any" where the issuer has no catalogue, and the issuer's where it has one.
        Ok(scopes) if scopes.is_empty() => outer.clone(),
        Ok(scopes) if outer.is_empty() || outer.contains(&scopes) => scopes,
        Ok(_) => {
            reader.wrong(place, &path, "a scope is not within the issuer's scopes");
            outer.clone()
        }
        Err(invalid) => {
            reader.wrong(place, &path, &invalid.to_string());
            outer.clone()
        }
    }
}
