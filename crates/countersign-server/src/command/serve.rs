//! `countersign serve`.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use countersign::Scopes;
use countersign::registry::{CreatedKey, NewKey, Registry as _};
use countersign_store::Store;
use serde::Serialize;
use tokio::net::TcpListener;

use super::arguments::Serve;
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::failure::Failure;
use crate::http::{self, Ended, Signals};
use crate::issuer::{self, Configured};

const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// What a server says of itself to programs.
#[derive(Serialize)]
struct Started<'a> {
    listening_on: &'a str,
    /// The first key, where there was no credential and it may be shown.
    first_key: Option<&'a str>,
}

/// What to do about a database without credentials.
enum FirstKey {
    NotNeeded,
    Made(Box<CreatedKey>),
    /// Nobody would see it.
    LeftToPeople,
}

pub(super) async fn run(
    mut config: Config,
    arguments: &Serve,
    output: Output,
) -> Result<ExitCode, Failure> {
    if let Some(listen) = arguments.listen {
        config.server.listen = listen;
    }
    let store = open(&config).await?;
    let listener = bind(config.server.listen).await?;
    let bound = listener
        .local_addr()
        .map_err(|error| Failure::new(format!("the address is not known: {error}")))?;
    issuer::allow_lifetimes(&config, &store).await?;
    let mut issuers = Vec::new();
    for settings in &config.issuers {
        let url = issuer::url_of_server(&config, settings, &store, bound).await?;
        issuers.push(Configured::build(settings, &store, &url).await?);
    }
    let routes = http::routes(&config, &store, &issuers)?;
    tokio::spawn(store.follow(Store::POLL_PERIOD));
    for settings in &config.issuers {
        let every = settings.rotate_keys_every;
        let name = settings.name.clone();
        tokio::spawn(issuer::rotate_keys(store.clone(), name, every));
    }
    let signals = Signals::listen()
        .map_err(|error| Failure::new(format!("signals cannot be heard: {error}")))?;
    for of in &issuers {
        tracing::info!(name = &*of.settings.name, url = of.issuer.url(), "issuer");
    }
    tracing::info!(address = %bound, "listening");

    let first = first_key(&store, arguments).await?;
    let here = format!("http://{bound}");
    match output {
        Output::Json => introduce_to_programs(&here, &first)?,
        Output::People => insert_principal(&here, bound, issuers.first(), &first)?,
    }
    let grace = config.server.shutdown_grace;
    match http::serve(listener, routes, grace, signals).await {
        Ended::InOrder => {
            // What was acknowledged is on the disk already: closing late is not worth waiting for.
            if let Ok(closed) = tokio::time::timeout(CLOSE_WITHIN, store.close()).await {
                closed?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Ended::AtOnce => Ok(ExitCode::FAILURE),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!(
            "{address} cannot be listened on: {error}; choose another with --listen or `listen` in [server]"
        ))
    })
}

async fn first_key(store: &Store, arguments: &Serve) -> Result<FirstKey, Failure> {
    if store.has_credentials().await? {
        return Ok(FirstKey::NotNeeded);
    }
    if !arguments.print_first_key && !io::stdout().is_terminal() {
        return Ok(FirstKey::LeftToPeople);
    }
    let scopes = "*"
        .parse()
        .map_err(|error| Failure::new(format!("no first key can be made: {error}")))?;
    let new = NewKey::new("first", scopes);
    let made = store.create_key(&caller(), new).await?;
    Ok(FirstKey::Made(Box::new(made)))
}

fn introduce_to_programs(here: &str, first: &FirstKey) -> Result<(), Failure> {
    let started = Started {
        listening_on: here,
        first_key: match first {
            FirstKey::Made(made) => Some(made.issued.key.expose()),
            FirstKey::NotNeeded | FirstKey::LeftToPeople => None,
        },
    };
    Output::Json.print(&started, "")
}

/// The first line is for programs: it says where, once connections are taken.
fn insert_principal(
    here: &str,
    bound: SocketAddr,
    default: Option<&Configured>,
    first: &FirstKey,
) -> Result<(), Failure> {
    output::write(&format!("listening on {here}"))?;
    match (first, default) {
        (FirstKey::NotNeeded, _) | (FirstKey::Made(_), None) => Ok(()),
        (FirstKey::LeftToPeople, _) => output::write(
            "There is no credential yet: `countersign key create --name NAME --scopes \"*\"` makes one.",
        ),
        (FirstKey::Made(made), Some(of)) => {
            let mount = http::mount(of.issuer.url());
            let base = format!("{}{mount}", issuer::url_of(bound));
            let wire = &of.settings.wires.oauth.wire;
            let token = wire.enabled.then(|| format!("{base}{}", wire.path));
            let whoami = format!("{base}{}", http::WHOAMI);
            output::write(&welcome(
                made.issued.key.expose(),
                token.as_deref(),
                &wire.scopes,
                &whoami,
            ))
        }
    }
}

/// The first key, and lines to paste into a shell.
fn welcome(key: &str, token: Option<&str>, catalogue: &Scopes, whoami: &str) -> String {
    let shown = format!(
        "\nThere was no credential yet. Here is an API key that may do everything; it is shown this once.\n\n\
         {key}\n\nTo try it, paste:\n"
    );
    let Some(token) = token else {
        return format!("{shown}\ncurl -sS {whoami} -H 'x-api-key: {key}'\n");
    };
    // The key may do everything, which is more than such a mint gives: it must be asked for less.
    let scope = if catalogue.is_empty() {
        String::new()
    } else {
        format!(r#" --data-urlencode "scope={catalogue}""#)
    };
    format!(
        r#"{shown}
TOKEN=$(curl -sS {token} -H 'x-api-key: {key}' -d grant_type=client_credentials{scope} | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$TOKEN"
curl -sS {whoami} -H "authorization: Bearer $TOKEN"; echo
curl -sS {token} -H "authorization: Bearer $TOKEN" -d grant_type=client_credentials{scope}; echo

The first gets a token, the second shows whose it is, the third is refused: a token gets no other token.
"#
    )
}
