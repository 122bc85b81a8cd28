//! The server's configuration: `countersign.toml`, then environment variables, then flags; the later wins.
//!
//! Nothing is ignored: an unknown setting, a wrong type and a value out of range are errors, each with its line, and
//! all errors are reported at once.

mod error;
mod gateway;
mod issuers;
mod lifetimes;
mod path_pattern;
mod reader;
mod routes;
mod settings;
#[cfg(test)]
mod tests;
mod trust;
pub mod value;
mod wires;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use countersign::Secret;

pub use error::ConfigErrors;
pub use gateway::{Access, GatewayRule};
pub use issuers::{DEFAULT as DEFAULT_ISSUER, IssuerSettings};
pub use lifetimes::Lifetimes;
pub use path_pattern::PathPattern;
pub use settings::{
    AccessLog, Config, LimitSettings, LogFormat, LogSettings, Rate, ServerSettings, StoreSettings,
    TlsSettings,
};
pub use trust::{TrustSettings, TrustedName};
pub use wires::{EnvelopeSettings, OAuthSettings, SessionSettings, WireSettings, WiresSettings};

use error::Location;

/// The configuration file that is read if no other is named.
const FILE: &str = "countersign.toml";

/// The environment variables that belong to the server, by name. A value that is not UTF-8 is `None`.
#[derive(Debug, Default)]
pub struct Environment(BTreeMap<String, Option<Secret>>);

impl Environment {
    /// Takes `COUNTERSIGN_*` from `variables`, except those that Kubernetes sets for a service of this name.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let own = variables.into_iter().filter_map(|(name, value)| {
            let name = name.to_string_lossy().into_owned();
            let value = value.into_string().ok().map(Secret::from);
            let is_own =
                name.starts_with("COUNTERSIGN_") && !is_of_kubernetes(&name, value.as_ref());
            is_own.then_some((name, value))
        });
        Self(own.collect())
    }
}

/// Returns whether Kubernetes sets such a variable for a service whose name begins with `countersign`
/// (`{SVCNAME}_SERVICE_HOST`, and the variables of Docker links such as `{SVCNAME}_PORT_8080_TCP_ADDR`).
fn is_of_kubernetes(name: &str, value: Option<&Secret>) -> bool {
    const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    let is_url = || {
        let scheme = value.and_then(|value| value.expose().split_once("://"));
        scheme.is_some_and(|(scheme, _)| PROTOCOLS.contains(&&*scheme.to_ascii_uppercase()))
    };
    let words: Vec<&str> = name.split('_').collect();
    // Names of settings have an empty word, between two underscores.
    !words.contains(&"")
        && (1..words.len()).any(|at| match words.get(at..).unwrap_or_default() {
            ["SERVICE", "HOST"] | ["SERVICE", "PORT", ..] => true,
            ["PORT"] => is_url(),
            ["PORT", number, protocol] | ["PORT", number, protocol, "PROTO" | "PORT" | "ADDR"] => {
                is_number(number) && PROTOCOLS.contains(protocol)
            }
            _ => false,
        })
}

/// Reads the configuration from `named`, or else from `countersign.toml` if there is such a file, and from the
/// environment.
///
/// # Errors
///
/// Returns all errors at once. A named file that cannot be read is one.
pub fn load(named: Option<&Path>, environment: Environment) -> Result<Config, ConfigErrors> {
    let path = named.unwrap_or_else(|| Path::new(FILE));
    let name = path.display().to_string();
    let unreadable = |text| ConfigErrors::new(&name, vec![(Location::File, text)]);
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| unreadable("not UTF-8".to_owned()))?,
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unreadable(format!("cannot be read: {error}"))),
    };
    settings::read(&name, &text, environment)
}

/// Returns the file that [`load`] reads, if there is one.
pub fn file(named: Option<&Path>) -> Option<PathBuf> {
    let path = named.unwrap_or_else(|| Path::new(FILE));
    path.exists().then(|| path.to_owned())
}
