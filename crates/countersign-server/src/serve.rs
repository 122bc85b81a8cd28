//! `countersign serve`.

use std::fmt::{Debug, Display};
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use countersign::Secret;
use countersign::registry::{NewKey, Registry as _};
use countersign_cli::command::report::{self, Report};
use countersign_cli::command::{Context, ServeArgs, caller};
use countersign_cli::config::Config;
use countersign_cli::error::CommandError;
use countersign_cli::issuer::{self, ConfiguredIssuer};
use countersign_store::{Store, ViewContents};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::http::{
    self, CurrentRoutes, Draining, Endpoint, Limits, Metrics, Process, ServedRoutes, Shutdown,
    Signals, Tls,
};
use crate::issuer::rotate_keys;
use crate::trust;

/// How long a key signs the feed before the next one does. Verifiers fetch it when they see it first.
const FEED_KEY_PERIOD: Duration = Duration::from_secs(90 * 24 * 3600);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn run(
    context: &Context,
    arguments: &ServeArgs,
) -> Result<ExitCode, CommandError> {
    let config = &*context.config;
    let operations = context.operations_over(ViewContents::Everything).await?;
    let store = operations.store();
    let listener = bind(config.server.listen).await?;
    let bound = listener
        .local_addr()
        .map_err(|error| CommandError::new(format!("the bound address is not known: {error}")))?;
    let mut composition = Composition {
        store,
        bound,
        limits: Limits::new(&config.limits)?,
        process: Process {
            draining: Draining::default(),
            metrics: Metrics::start(store.clone())?,
            store_runtime: context.store_runtime.clone(),
            feed_keys: store.feed_keys().await?,
        },
        rotations: JoinSet::new(),
    };
    // Its metric is lost before `Metrics::start`.
    let tls = config.server.tls.as_ref().map(Tls::new).transpose()?;
    let (routes, issuers) = composition.compose(config).await?;
    let management = match config.server.management_listen {
        None => None,
        Some(address) => {
            let routes = http::management_routes(store, &composition.process);
            tracing::info!(%address, "listening for probes and metrics");
            Some(Endpoint {
                listener: bind(address).await?,
                routes: CurrentRoutes::new(routes),
                tls: None,
            })
        }
    };
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

    let needs_key = !store.has_credentials().await?;
    // The operator sees the key on a terminal only.
    let shows_key = arguments.print_first_key || io::stdout().is_terminal();
    let first_key = match needs_key && shows_key {
        true => Some(create_first_key(store).await?),
        false => None,
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{bound}");
    if context.prints_json() {
        let first_key = first_key.as_ref().map(Secret::expose);
        let started = json!({ "listening_on": url, "first_key": first_key });
        Report::new(&started, "")?.print(true)?;
    } else {
        // Scripts read the first line.
        report::write(&format!("listening on {url}"))?;
        match (&first_key, issuers.first()) {
            (Some(key), Some(default)) => report::write(&welcome(
                key,
                default,
                &issuer::address_url(&config.server, bound),
            ))?,
            (None, _) if needs_key => report::write(
                "There is no credential yet: `countersign key create --name NAME --scopes \"*\"` creates one.",
            )?,
            _ => {}
        }
    }
    let draining = composition.process.draining.clone();
    let current = CurrentRoutes::new(routes);
    let (reload, mut reloads) = mpsc::channel(1);
    let following = async {
        while let Some(()) = reloads.recv().await {
            match composition.reload(context, arguments).await {
                Ok(routes) => current.replace(routes),
                Err(error) => tracing::error!(%error, "the present configuration stays"),
            }
        }
        std::future::pending().await
    };
    let public = Endpoint {
        listener,
        routes: current.clone(),
        tls,
    };
    let served = http::serve(
        public,
        management,
        &config.server,
        &draining,
        signals,
        &reload,
    );
    let shutdown = tokio::select! {
        shutdown = served => shutdown,
        never = following => never,
    };
    match shutdown {
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

/// What is served: made from the configuration, and again when it changes.
struct Composition<'s> {
    store: &'s Store,
    bound: SocketAddr,
    limits: Limits,
    process: Process,
    /// The tasks that rotate the signing keys of the issuers.
    rotations: JoinSet<()>,
}

impl Composition<'_> {
    /// Makes the routes and the issuers of a configuration. An error changes nothing of what is served.
    async fn compose(
        &mut self,
        config: &Config,
    ) -> Result<(ServedRoutes, Vec<ConfiguredIssuer>), CommandError> {
        let store = self.store;
        issuer::allow_lifetimes(config, store).await?;
        let mut issuers = Vec::new();
        for settings in &config.issuers {
            let url = issuer::server_url(config, settings, store, self.bound).await?;
            issuers.push(ConfiguredIssuer::build(settings, store, &url).await?);
        }
        let external = trust::external_issuers(config, &issuers)?;
        self.limits = self.limits.or_new(&config.limits)?;
        let (limits, process) = (&self.limits, &self.process);
        let routes = http::routes(config, store, &issuers, &external, limits, process)?;
        self.rotations.abort_all();
        let periods = config.issuers.iter();
        let periods = periods.map(|issuer| (issuer.name.clone(), issuer.rotate_keys_every));
        for (name, every) in periods.chain([(Store::FEED.into(), FEED_KEY_PERIOD)]) {
            let rotation = rotate_keys(store.clone(), name, every);
            self.rotations.spawn(rotation);
        }
        Ok((routes, issuers))
    }

    /// Reads the configuration again, and returns its routes.
    async fn reload(
        &mut self,
        context: &Context,
        arguments: &ServeArgs,
    ) -> Result<ServedRoutes, CommandError> {
        let mut config = context.read_config()?;
        config.server.listen = arguments.listen.unwrap_or(config.server.listen);
        let (routes, _) = self.compose(&config).await?;
        tracing::info!("configuration applied");
        let present = &context.config;
        for (section, is_changed) in [
            ("server", changed(&present.server, &config.server)),
            ("store", changed(&present.store, &config.store)),
            ("log", changed(&present.log, &config.log)),
        ] {
            if is_changed {
                tracing::warn!(
                    section,
                    "this section has changed: its files, addresses and connections change at a restart only"
                );
            }
        }
        Ok(routes)
    }
}

/// Returns whether settings differ.
fn changed<T: Debug>(present: &T, new: &T) -> bool {
    format!("{present:?}") != format!("{new:?}")
}

async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandError::new(format!(
            "cannot listen on {address}: {error}; choose another address with --listen or `listen` in [server]"
        ))
    })
}

async fn create_first_key(store: &Store) -> Result<Secret, CommandError> {
    let failed =
        |error: &dyn Display| CommandError::new(format!("cannot create the first key: {error}"));
    let scopes = "*".parse().map_err(|error| failed(&error))?;
    let created = store
        .create_key(&caller(), NewKey::new("first", scopes))
        .await;
    Ok(created.map_err(|error| failed(&error))?.issued.key)
}

/// Returns the text that shows the first key, with lines to paste into a shell.
fn welcome(key: &Secret, default: &ConfiguredIssuer, address: &str) -> String {
    let base = format!("{address}{}", http::mount(default.issuer.url()));
    let whoami = format!("{base}{}", http::WHOAMI);
    let key = key.expose();
    let created = format!(
        "\nThere was no credential yet. This API key was created with the scope `*`; it is shown only once:\n\n\
         {key}\n\nThe dashboard is at {address}{}: sign in with this key.\n\nTo try it, paste:\n",
        http::DASHBOARD
    );
    let wire = &default.settings.wires.oauth.wire;
    if !wire.enabled {
        return format!("{created}\ncurl -sS {whoami} -H 'x-api-key: {key}'\n");
    }
    let token = format!("{base}{}", wire.path);
    // The key holds more than this endpoint mints, so that the scopes must be requested.
    let scope = match &wire.scopes {
        all if all.is_empty() => String::new(),
        scopes => format!(r#" --data-urlencode "scope={scopes}""#),
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
