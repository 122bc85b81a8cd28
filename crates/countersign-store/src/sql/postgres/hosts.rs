use std::net::IpAddr;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Row as _};

use super::within;
use crate::error::{Result, StoreError};

/// How long to wait for a connection to one server.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// The servers of a database, of which one is the primary. It has no `Debug`: it contains a password.
#[derive(Clone)]
pub(crate) struct Hosts(Vec<PgConnectOptions>);

impl Hosts {
    /// Reads a URL, `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?PARAMETER=VALUE`.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnsupportedUrl`], or [`StoreError::InsecureUrl`] if a server on another machine would not be
    /// authenticated.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or(StoreError::UnsupportedUrl)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let has_mode = query.split('&').any(|parameter| {
            let name = parameter.split('=').next();
            matches!(name, Some("sslmode" | "ssl-mode"))
        });
        let hosts = hosts.split(',');
        let hosts = hosts.map(|host| options(&format!("{scheme}://{user}{host}{path}"), has_mode));
        hosts.collect::<Result<_>>().map(Self)
    }

    /// Connects to the primary, and returns which of the servers it is. The one that was the primary before is tried first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Standby`] if there are only standbys, or that no server can be reached.
    pub(super) async fn connect(&self, before: usize) -> Result<(usize, PgConnection)> {
        let mut first_error = None;
        let (tried_last, tried_first) = self.0.split_at(before.min(self.0.len()));
        let later = tried_last.iter().enumerate();
        let earlier = (before..).zip(tried_first);
        for (index, options) in earlier.chain(later) {
            match connect(options).await {
                Ok(connection) => return Ok((index, connection)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or(StoreError::UnsupportedUrl))
    }

    /// Returns the options of one of the servers.
    pub(super) fn options(&self, index: usize) -> PgConnectOptions {
        self.0.get(index).cloned().unwrap_or_default()
    }
}

/// Connects to a server if it is the primary.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    within(CONNECT_TIME, async {
        let mut connection = options.connect().await?;
        let query = sqlx::raw_sql("SELECT pg_is_in_recovery()");
        match query.fetch_one(&mut connection).await?.try_get(0)? {
            true => Err(StoreError::Standby),
            false => Ok(connection),
        }
    })
    .await?
}

fn options(url: &str, has_mode: bool) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::UnsupportedUrl)?;
    let options = match (is_local(&options), has_mode) {
        (true, true) => options,
        (true, false) => options.ssl_mode(PgSslMode::Disable),
        (false, false) => options.ssl_mode(PgSslMode::VerifyFull),
        (false, true) if matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) => options,
        (false, true) => return Err(StoreError::InsecureUrl),
    };
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("countersign"),
    };
    // A pooler rejects parameters that it does not know.
    let options = options.extra_float_digits(None);
    // Twenty polls a second would fill a debug log.
    Ok(options.disable_statement_logging())
}

/// Returns whether the connection does not leave this machine.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(url: &str) -> Result<Vec<(String, u16, PgSslMode)>> {
        let hosts = Hosts::parse(url)?;
        let mode = |options: &PgConnectOptions| {
            let host = options.get_host().to_owned();
            (host, options.get_port(), options.get_ssl_mode())
        };
        Ok(hosts.0.iter().map(mode).collect())
    }

    #[test]
    fn each_of_several_servers_has_its_port() {
        let hosts = modes("postgres://me:pass@word@a.example:5433,b.example/auth").unwrap();
        let hosts: Vec<_> = hosts
            .iter()
            .map(|(host, port, _)| (&**host, *port))
            .collect();
        assert_eq!(hosts, [("a.example", 5433), ("b.example", 5432)]);
    }

    #[test]
    fn certificate_of_another_machine_is_verified() {
        for url in [
            "postgres://me@db.example/auth",
            "postgresql://me@db.example/auth?sslmode=verify-full",
            "postgres://me@192.0.2.1,[2001:db8::1]:5433/auth?sslmode=verify-full",
        ] {
            for (_, _, mode) in modes(url).unwrap() {
                assert!(matches!(mode, PgSslMode::VerifyFull), "{url}");
            }
        }
    }

    #[test]
    fn another_machine_is_never_trusted_without_its_certificate() {
        for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
            for url in [
                format!("postgres://me@db.example/auth?sslmode={mode}"),
                format!("postgres://me@127.0.0.1,db.example/auth?connect_timeout=3&sslmode={mode}"),
                format!("postgres://me@localhost/auth?host=db.example&ssl-mode={mode}"),
            ] {
                let error = modes(&url).unwrap_err();
                assert!(matches!(error, StoreError::InsecureUrl), "{url}: {error}");
            }
        }
    }

    #[test]
    fn connection_on_this_machine_needs_no_certificate() {
        for url in [
            "postgres://me@127.0.0.1/auth",
            "postgres://me@localhost:6432/auth",
            "postgres://me@[::1]/auth",
            "postgres:///auth?host=/var/run/postgresql",
            "postgres://me@%2Fvar%2Frun%2Fpostgresql/auth",
        ] {
            for (_, _, mode) in modes(url).unwrap() {
                assert!(matches!(mode, PgSslMode::Disable), "{url}");
            }
        }
    }
}
