//! The endpoints of one issuer.

use std::sync::Arc;

use countersign::auth::Authenticator;
use countersign::mint::{Mint, SessionMint};
use countersign::random::SystemRandom;
use countersign::rejection::ProblemDetails;
use countersign::time::SystemClock;
use countersign::token::TrustedIssuer;
use countersign_cli::config::{DEFAULT_ISSUER, WireSettings};
use countersign_cli::error::CommandError;
use countersign_cli::issuer::{ConfiguredIssuer, issuance_settings};
use countersign_store::Store;
use countersign_wire::openapi::DescribeWire;
use countersign_wire::{
    AuthorizationServer, Envelope, Introspection, KeySecret, ManagedTokenResource, OAuth,
    ProtectedResource, Revocation, Scoped, Session, SessionResource, TokenEndpoint, TokenMint,
};
use tokio::runtime::Handle;
use tower::{Layer as _, service_fn};

use super::authenticators::Authenticators;
use super::counted_wire::CountedWire;
use super::feed::{self, FeedSettings};
use super::limits::Limits;
use super::openapi::{Routes, get};
use super::shortcuts::Shortcut;
use super::store_runtime::on_store_runtime;
use super::{WHOAMI, metrics, mount, whoami};

/// What all issuers have in common.
pub(super) struct Common<'a> {
    pub(super) store: &'a Store,
    /// The runtime of the store.
    pub(super) runtime: &'a Handle,
    /// The issuers whose tokens are accepted outside the token endpoints.
    pub(super) external: &'a [TrustedIssuer],
    pub(super) authenticators: &'a Authenticators,
    pub(super) limits: &'a Limits,
    pub(super) body_limit: usize,
    pub(super) feed: FeedSettings,
}

/// Returns all routes of an issuer.
pub(super) fn routes(
    common: &Common<'_>,
    configured: &ConfiguredIssuer,
) -> Result<Routes, CommandError> {
    let mut minting = IssuerEndpoints::new(common, configured);
    minting.wires()?;
    let mut stored = IssuerEndpoints::new(common, configured);
    stored.managed()?;
    stored.session()?;
    stored.revocation()?;
    let whoami = stored.whoami()?;
    stored.feed()?;
    let name = &*configured.settings.name;
    let stored = on_store_runtime(stored.routes, common.runtime);
    let routes = minting.routes.merge(stored).merge(whoami).tagged(name);
    if name == DEFAULT_ISSUER {
        return Ok(routes);
    }
    Ok(routes.named(name))
}

/// Collects the routes of one issuer.
struct IssuerEndpoints<'a> {
    common: &'a Common<'a>,
    configured: &'a ConfiguredIssuer,
    authenticators: Authenticators,
    store: Arc<Store>,
    routes: Routes,
}

impl<'a> IssuerEndpoints<'a> {
    fn new(common: &'a Common<'a>, configured: &'a ConfiguredIssuer) -> Self {
        let directory = configured.directory(common.store);
        Self {
            common,
            configured,
            authenticators: common.authenticators.over(directory),
            store: Arc::new(common.store.clone()),
            routes: Routes::of([]),
        }
    }

    /// Returns the whole path of one of the issuer's endpoints.
    fn path(&self, path: &str) -> String {
        format!("{}{path}", mount(self.configured.issuer.url()))
    }

    fn whoami(&self) -> Result<Routes, CommandError> {
        let trusted = self.configured.trusted(self.common.store)?;
        let external = self.common.external.iter().cloned();
        let issuers = std::iter::once(trusted).chain(external);
        let authenticate = self.authenticators.any(issuers, None)?;
        let authenticate = authenticate.reject_body(ProblemDetails);
        let path = self.path(WHOAMI);
        let whoami = get(&*path, "whoami", whoami::whoami);
        let shortcut = authenticate.layer(service_fn(whoami::respond));
        let routes = Routes::of([whoami.summary("Show who is calling")]);
        let mut routes = routes.map_router(|router| router.route_layer(authenticate));
        routes.shortcut(Shortcut::get(&path, shortcut));
        Ok(routes)
    }

    fn feed(&mut self) -> Result<(), CommandError> {
        let trusted = self.configured.trusted(self.common.store)?;
        let layer = self.authenticators.any([trusted], None)?;
        let (common, limits) = (self.common, self.common.limits.feed.clone());
        let name = (*self.configured.settings.name).into();
        let issuer = (name, self.configured.issuer.clone());
        let feed = feed::Feed::new(common.store.clone(), issuer, &common.feed, limits, &layer);
        let routes = std::mem::replace(&mut self.routes, Routes::of([]));
        self.routes = routes.merge(feed.routes(&self.path(""), &layer)?);
        Ok(())
    }

    fn wires(&mut self) -> Result<(), CommandError> {
        let wires = &self.configured.settings.wires;
        let primary = self.authenticators.primary()?;
        let clients = self.authenticators.clients()?;
        let envelope = Envelope::default().error_status(wires.envelope.error_status);
        self.wire("envelope", &wires.envelope.wire, envelope, primary)?;
        self.wire("scoped", &wires.scoped, Scoped::default(), clients.clone())?;
        self.wire(
            "key_secret",
            &wires.key_secret,
            KeySecret::default(),
            clients,
        )?;
        self.oauth()
    }

    fn managed(&mut self) -> Result<(), CommandError> {
        let settings = &self.configured.settings.wires.managed;
        if !settings.enabled {
            return Ok(());
        }
        let trusted = self.configured.trusted(self.common.store)?;
        let path = self.path(&settings.path);
        let (origin, _) = countersign::url::split(self.configured.issuer.url());
        let resource = ProtectedResource::new(format!("{origin}{path}"))
            .authorization_server(self.configured.issuer.url())
            .scopes([
                ManagedTokenResource::READ_SCOPE,
                ManagedTokenResource::WRITE_SCOPE,
            ]);
        let layer = self.authenticators.any([trusted], Some(&resource))?;
        let authenticator = layer.authenticator().clone();
        // The lifetime of a managed token is in its record, and independent of the issuer's settings.
        let issuance = self.configured.issuer.settings().clone();
        let issuance = issuance.catalogue(settings.scopes.clone());
        let mint = Mint::new(self.configured.issuer.clone(), SystemClock, SystemRandom);
        let mint = mint.with_settings(issuance)?;
        let tokens = ManagedTokenResource::new(authenticator, mint, self.store.clone())
            .mounted_at(&*path)
            .of_issuer(&*self.configured.settings.name)
            .default_lifetime(settings.lifetimes.default)
            .max_lifetime(settings.lifetimes.max)
            .body_limit(self.common.body_limit)
            .limit(self.common.limits.mints.clone());
        self.routes.at_and_below(&path, tokens.clone(), tokens);
        self.routes
            .protected_resource(&resource, "managed_metadata");
        Ok(())
    }

    fn session(&mut self) -> Result<(), CommandError> {
        let settings = &self.configured.settings.wires.session;
        if !settings.wire.enabled {
            return Ok(());
        }
        let authenticator = self.authenticators.primary()?;
        let mint = SessionMint::new(self.mint(&settings.wire)?, self.store.clone())
            .max_sessions(settings.max_sessions.get())
            .min_remaining(settings.renew_within);
        let wire = Session::default();
        let issued = (&settings.wire, wire);
        self.endpoint("session", issued, authenticator.clone(), mint.into());
        let path = self.path(&settings.sessions_path);
        let sessions = SessionResource::new(authenticator, self.store.clone())
            .mounted_at(&*path)
            .limit(self.common.limits.writes.clone());
        self.routes.at_and_below(&path, sessions.clone(), sessions);
        Ok(())
    }

    fn oauth(&mut self) -> Result<(), CommandError> {
        let settings = &self.configured.settings.wires.oauth;
        let issuer = &self.configured.issuer;
        let published = AuthorizationServer::new(issuer.clone(), &settings.wire.path)
            .introspection_path(&settings.introspection_path)
            .revocation_path(&settings.revocation_path);
        let jwks = self.path(AuthorizationServer::JWKS_PATH);
        let description = published.describe_jwks();
        self.routes.described(&jwks, published.jwks(), description);
        if !settings.wire.enabled {
            return Ok(());
        }
        let clients = self.authenticators.clients()?;
        self.wire("oauth", &settings.wire, OAuth::default(), clients.clone())?;
        let trusted = self.configured.trusted(self.common.store)?;
        let jwt = self.authenticators.tokens([trusted]);
        let introspection =
            Introspection::new(clients, jwt).limit(self.common.limits.introspections.clone());
        let introspect = self.path(&settings.introspection_path);
        self.routes.service(&introspect, introspection);
        // RFC 8414 §3.1 inserts the well-known path before the issuer's path. Many clients append it instead.
        let well_known = AuthorizationServer::METADATA_PATH;
        let mount = mount(issuer.url());
        let inserted = (format!("{well_known}{mount}"), "oauth_metadata");
        let appended = (self.path(well_known), "oauth_metadata_below");
        let appended = (!mount.is_empty()).then_some(appended);
        for (path, id) in [inserted].into_iter().chain(appended) {
            let description = published.describe_metadata(id);
            self.routes
                .described(&path, published.metadata(), description);
        }
        Ok(())
    }

    fn revocation(&mut self) -> Result<(), CommandError> {
        let settings = &self.configured.settings.wires.oauth;
        if !settings.wire.enabled {
            return Ok(());
        }
        let trusted = self.configured.trusted(self.common.store)?;
        let jwt = self.authenticators.tokens([trusted]);
        let (clients, store) = (self.authenticators.clients()?, self.store.clone());
        let revocation = Revocation::new(clients, jwt, store.clone())
            .sessions(store)
            .limit(self.common.limits.writes.clone());
        let path = self.path(&settings.revocation_path);
        self.routes.service(&path, revocation);
        Ok(())
    }

    fn mint(&self, wire: &WireSettings) -> Result<Mint, CommandError> {
        let mint = Mint::new(self.configured.issuer.clone(), SystemClock, SystemRandom);
        Ok(mint.with_settings(issuance_settings(wire))?)
    }

    /// Mounts a wire that mints a new token for each request, if it is enabled.
    fn wire<W: DescribeWire + Clone>(
        &mut self,
        name: &'static str,
        settings: &WireSettings,
        wire: W,
        authenticator: Authenticator,
    ) -> Result<(), CommandError> {
        if settings.enabled {
            let mint = self.mint(settings)?;
            let endpoint = self.endpoint(name, (settings, wire), authenticator, mint.into());
            let shortcut = Shortcut::post(&self.path(&settings.path), endpoint);
            self.routes.shortcut(shortcut.with_request_id());
        }
        Ok(())
    }

    /// Mounts a wire, and returns its endpoint.
    fn endpoint<W: DescribeWire + Clone>(
        &mut self,
        name: &'static str,
        (settings, wire): (&WireSettings, W),
        authenticator: Authenticator,
        mint: TokenMint,
    ) -> TokenEndpoint<CountedWire<W>> {
        let wire = CountedWire::new(wire, metrics::minted(name));
        let endpoint = TokenEndpoint::new(wire, authenticator, mint)
            .body_limit(self.common.body_limit)
            .limit(self.common.limits.mints.clone());
        let not_found = endpoint.clone().not_found_service();
        let path = self.path(&settings.path);
        self.routes.at_and_below(&path, endpoint.clone(), not_found);
        endpoint
    }
}
