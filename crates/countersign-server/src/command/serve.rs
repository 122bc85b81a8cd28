//! `countersign serve`.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use countersign::Scopes;
use countersign::directory::Networks;
use countersign::registry::{CreatedKey, NewKey, Registry as _};
use countersign_store::{Store, ViewContents};
use serde::Serialize;
use tokio::net::TcpListener;

use super::arguments::ServeArgs;
use super::output::{self, Output};
use super::{caller, open};
use crate::config::Config;
use crate::error::CommandError;
use crate::http::{self, Shutdown, Signals};
use crate::issuer::{self, ConfiguredIssuer};

const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the server prints when it has started, with `--json`.
#[derive(Serialize)]
struct StartedResponse<'a> {
    listening_on: &'a str,
    /// The first key, if there was no credential and the key may be shown.
    first_key: Option<&'a str>,
}

/// How a database without credentials gets its first key.
enum FirstKey {
    /// There are credentials.
    NotNeeded,
    Created(Box<CreatedKey>),
    /// Standard output is not a terminal, where the operator would see the key.
    NotShown,
}

pub(super) async fn run(
    mut config: Config,
    arguments: &ServeArgs,
    output: Output,
) -> Result<ExitCode, CommandError> {
    if let Some(listen) = arguments.listen {
        config.server.listen = listen;
    }
    let store = open(&config, ViewContents::Everything).await?;
    let listener = bind(config.server.listen).await?;
    let bound = listener
        .local_addr()
        .map_err(|error| CommandError::new(format!("the bound address is not known: {error}")))?;
    issuer::allow_lifetimes(&config, &store).await?;
    let mut issuers = Vec::new();
    for settings in &config.issuers {
        let url = issuer::server_url(&config, settings, &store, bound).await?;
        issuers.push(ConfiguredIssuer::build(settings, &store, &url).await?);
    }
    let routes = http::routes(&config, &store, &issuers)?;
    for settings in &config.issuers {
        let every = settings.rotate_keys_every;
        let name = settings.name.clone();
        tokio::spawn(issuer::rotate_keys(store.clone(), name, every));
    }
    let signals = Signals::listen()
        .map_err(|error| CommandError::new(format!("cannot handle signals: {error}")))?;
    for ConfiguredIssuer { settings, issuer } in &issuers {
        tracing::info!(
            name = &*settings.name,
            url = issuer.url(),
            "issuer configured"
        );
    }
    tracing::info!(address = %bound, "listening");

    let first = first_key(&store, arguments).await?;
    let url = format!("http://{bound}");
    match output {
        Output::Json => print_json(&url, &first)?,
        Output::Text => print_text(&url, bound, issuers.first(), &first)?,
    }
    let proxies = config.server.trusted_proxies;
    let proxies = proxies.unwrap_or_else(Networks::anywhere);
    let grace = config.server.shutdown_grace;
    match http::serve(listener, routes, proxies, grace, signals).await {
        Shutdown::Graceful => {
            // Every acknowledged change is on disk already, so that closing need not be waited for.
            if let Ok(closed) = tokio::time::timeout(CLOSE_TIMEOUT, store.close()).await {
                closed?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Shutdown::Immediate => Ok(ExitCode::FAILURE),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandError::new(format!(
            "cannot listen on {address}: {error}; choose another address with --listen or `listen` in [server]"
        ))
    })
}

async fn first_key(store: &Store, arguments: &ServeArgs) -> Result<FirstKey, CommandError> {
    if store.has_credentials().await? {
        return Ok(FirstKey::NotNeeded);
    }
    if !arguments.print_first_key && !io::stdout().is_terminal() {
        return Ok(FirstKey::NotShown);
    }
    let failed = |error: &dyn ToString| {
        CommandError::new(format!(
            "cannot create the first key: {}",
            error.to_string()
        ))
    };
    let scopes = "*".parse().map_err(|error| failed(&error))?;
    let new = NewKey::new("first", scopes);
    let created = store.create_key(&caller(), new).await;
    let created = created.map_err(|error| failed(&error))?;
    Ok(FirstKey::Created(Box::new(created)))
}

fn print_json(url: &str, first: &FirstKey) -> Result<(), CommandError> {
    let started = StartedResponse {
        listening_on: url,
        first_key: match first {
            FirstKey::Created(created) => Some(created.issued.key.expose()),
            FirstKey::NotNeeded | FirstKey::NotShown => None,
        },
    };
    Output::Json.print(&started, "").map(drop)
}

/// Prints where the server listens, and the first key. Scripts read the first line.
fn print_text(
    url: &str,
    bound: SocketAddr,
    default: Option<&ConfiguredIssuer>,
    first: &FirstKey,
) -> Result<(), CommandError> {
    output::write(&format!("listening on {url}"))?;
    match (first, default) {
        (FirstKey::NotNeeded, _) | (FirstKey::Created(_), None) => Ok(()),
        (FirstKey::NotShown, _) => output::write(
            "There is no credential yet: `countersign key create --name NAME --scopes \"*\"` creates one.",
        ),
        (FirstKey::Created(created), Some(ConfiguredIssuer { settings, issuer })) => {
            let mount = http::mount(issuer.url());
            let base = format!("{}{mount}", issuer::address_url(bound));
            let wire = &settings.wires.oauth.wire;
            let token = wire.enabled.then(|| format!("{base}{}", wire.path));
            let whoami = format!("{base}{}", http::WHOAMI);
            output::write(&welcome(
                created.issued.key.expose(),
                token.as_deref(),
                &wire.scopes,
                &whoami,
            ))
        }
    }
}

/// Returns the text that shows the first key, with lines to paste into a shell.
fn welcome(key: &str, token: Option<&str>, catalogue: &Scopes, whoami: &str) -> String {
    let created = format!(
        "\nThere was no credential yet. This API key was created with the scope `*`; it is shown only once:\n\n\
         {key}\n\nTo try it, paste:\n"
    );
    let Some(token) = token else {
        return format!("{created}\ncurl -sS {whoami} -H 'x-api-key: {key}'\n");
    };
    // The key holds more than this endpoint mints, so that the scopes must be requested.
    let scope = if catalogue.is_empty() {
        String::new()
    } else {
        format!(r#" --data-urlencode "scope={catalogue}""#)
    };
    format!(
        r#"{created}
TOKEN=$(curl -sS {token} -H 'x-api-key: {key}' -d grant_type=client_credentials{scope} | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$TOKEN"
curl -sS {whoami} -H "authorization: Bearer $TOKEN"; echo
curl -sS {token} -H "authorization: Bearer $TOKEN" -d grant_type=client_credentials{scope}; echo

The first line obtains a token. The second shows whose it is. The third is rejected: a token cannot obtain another token.
"#
    )
}
