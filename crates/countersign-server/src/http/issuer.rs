//! What one issuer has under its URL.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::get;
use countersign::auth::{AuthLayer, PrimaryAuthenticator};
use countersign::mechanism::Jwt;
use countersign::mint::{Mint, SessionMint, Terms};
use countersign::random::SystemRandom;
use countersign::rejection::ProblemDetails;
use countersign::time::SystemClock;
use countersign_store::Store;
use countersign_wire::{
    AuthorizationServer, Envelope, Introspection, KeyPair, ManagedTokenResource, MintLimit, Minter,
    OAuth, Revocation, Scoped, Session, SessionResource, TokenEndpoint, Wire,
};
use tower::Service;

use super::judges::{Judges, Shared};
use super::{WHOAMI, mount, whoami};
use crate::config::WireSettings;
use crate::failure::Failure;
use crate::issuer::{Configured, terms};

/// What is the same for all issuers.
pub(super) struct Common<'a> {
    pub(super) store: &'a Store,
    pub(super) judges: &'a Shared,
    /// A credential is counted once, whichever issuers and wires it uses.
    pub(super) mints: MintLimit,
    pub(super) body_limit: usize,
}

impl Common<'_> {
    /// What keeps credentials and sessions.
    fn kept(&self) -> Arc<Store> {
        Arc::new(self.store.clone())
    }
}

/// All of an issuer's routes, each with its whole path.
pub(super) fn routes(common: &Common<'_>, of: &Configured) -> Result<Router, Failure> {
    let judges = common.judges.over(of.directory(common.store));
    Routes {
        common,
        of,
        judges,
        router: Router::new(),
    }
    .build()
}

struct Routes<'a> {
    common: &'a Common<'a>,
    of: &'a Configured,
    judges: Judges,
    router: Router,
}

impl Routes<'_> {
    fn build(mut self) -> Result<Router, Failure> {
        self.whoami()?;
        self.wires()?;
        Ok(self.router)
    }

    fn under(&self, path: &str) -> String {
        format!("{}{path}", mount(self.of.issuer.url()))
    }

    fn whoami(&mut self) -> Result<(), Failure> {
        let trusted = self.of.trusted(self.common.store)?;
        let judge: AuthLayer<_> = self
            .judges
            .any([trusted])
            .reject_body(ProblemDetails)
            .build()?;
        let whoami = get(whoami::whoami).route_layer(judge);
        let path = self.under(WHOAMI);
        self.mount(|router| router.route(&path, whoami));
        Ok(())
    }

    fn wires(&mut self) -> Result<(), Failure> {
        let wires = &self.of.settings.wires;
        let envelope = Envelope::default().error_status(wires.envelope.error_status);
        self.wire(&wires.envelope.wire, envelope, self.judges.primary()?)?;
        self.wire(&wires.scoped, Scoped::default(), self.judges.clients()?)?;
        self.wire(&wires.key_pair, KeyPair::default(), self.judges.clients()?)?;
        self.managed()?;
        self.session()?;
        self.oauth()
    }

    fn managed(&mut self) -> Result<(), Failure> {
        let settings = &self.of.settings.wires.managed;
        if !settings.enabled {
            return Ok(());
        }
        let trusted = self.of.trusted(self.common.store)?;
        let layer = self.judges.any([trusted]).build()?;
        // These tokens live as long as their records say, which has nothing to do with the issuer's terms.
        let terms = Terms {
            catalogue: settings.scopes.clone(),
            ..self.of.issuer.terms().clone()
        };
        let mint = Mint::new(self.of.issuer.clone(), SystemClock, SystemRandom);
        let mint = mint.with_terms(terms)?;
        let path = self.under(&settings.path);
        let judge = self.judges.primary()?;
        let tokens = ManagedTokenResource::new(layer, judge, mint, self.common.kept())
            .mounted_at(&*path)
            .default_lifetime(settings.lifetimes.usual)
            .max_lifetime(settings.lifetimes.longest)
            .body_limit(self.common.body_limit)
            .mint_limit(self.common.mints.clone());
        self.mount(|router| at_and_below(router, &path, tokens.clone(), tokens));
        Ok(())
    }

    fn session(&mut self) -> Result<(), Failure> {
        let settings = &self.of.settings.wires.session;
        if !settings.wire.enabled {
            return Ok(());
        }
        let judge = self.judges.primary()?;
        let kept = self.common.kept();
        let mint = SessionMint::new(self.mint(&settings.wire)?, kept.clone())
            .max_sessions(settings.max_sessions.get())
            .renew_within(settings.renew_within);
        self.endpoint(
            &settings.wire,
            Session::default(),
            judge.clone(),
            mint.into(),
        );
        let path = self.under(&settings.sessions_path);
        let sessions = SessionResource::new(judge, kept).mounted_at(&*path);
        self.mount(|router| at_and_below(router, &path, sessions.clone(), sessions));
        Ok(())
    }

    fn oauth(&mut self) -> Result<(), Failure> {
        let settings = &self.of.settings.wires.oauth;
        let published = AuthorizationServer::new(self.of.issuer.clone(), &*settings.wire.path);
        let published = published
            .introspection_path(&*settings.introspection_path)
            .revocation_path(&*settings.revocation_path);
        let jwks = self.under(AuthorizationServer::JWKS_PATH);
        self.mount(|router| router.route_service(&jwks, published.jwks()));
        if !settings.wire.enabled {
            return Ok(());
        }
        let judge = self.judges.clients()?;
        self.wire(&settings.wire, OAuth::default(), judge.clone())?;
        let jwt = Jwt::new([self.of.trusted(self.common.store)?]);
        let kept = self.common.kept();
        let introspection = Introspection::new(judge.clone(), jwt.clone());
        let revocation = Revocation::new(judge, jwt, kept.clone()).sessions(kept);
        let introspect = self.under(&settings.introspection_path);
        let revoke = self.under(&settings.revocation_path);
        let mount = mount(self.of.issuer.url());
        let well_known = AuthorizationServer::METADATA_PATH;
        let in_front = self.under(well_known);
        self.mount(|router| {
            let router = router
                .route_service(&introspect, introspection)
                .route_service(&revoke, revocation)
                // RFC 8414 §3.1 puts the issuer's path behind the well-known one.
                .route_service(&format!("{well_known}{mount}"), published.metadata());
            if mount.is_empty() {
                return router;
            }
            // And many clients put it in front.
            router.route_service(&in_front, published.metadata())
        });
        Ok(())
    }

    fn mint(&self, wire: &WireSettings) -> Result<Mint, Failure> {
        let mint = Mint::new(self.of.issuer.clone(), SystemClock, SystemRandom);
        Ok(mint.with_terms(terms(wire))?)
    }

    /// Mounts a wire that mints anew each time, if it is switched on.
    fn wire<W: Wire + Clone>(
        &mut self,
        settings: &WireSettings,
        wire: W,
        judge: PrimaryAuthenticator,
    ) -> Result<(), Failure> {
        if settings.enabled {
            let mint = self.mint(settings)?;
            self.endpoint(settings, wire, judge, mint.into());
        }
        Ok(())
    }

    fn endpoint<W: Wire + Clone>(
        &mut self,
        settings: &WireSettings,
        wire: W,
        judge: PrimaryAuthenticator,
        minter: Minter,
    ) {
        let endpoint = TokenEndpoint::new(wire, judge, minter)
            .body_limit(self.common.body_limit)
            .mint_limit(self.common.mints.clone());
        let nothing = endpoint.clone().nothing_here();
        let path = self.under(&settings.path);
        self.mount(|router| at_and_below(router, &path, endpoint, nothing));
    }

    fn mount(&mut self, add: impl FnOnce(Router) -> Router) {
        self.router = add(std::mem::take(&mut self.router));
    }
}

/// Mounts a service at a path, and another at all that lies below it.
fn at_and_below<S>(router: Router, path: &str, at: S, below: S) -> Router
where
    S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    router
        .route_service(path, at)
        .route_service(&format!("{path}/"), below.clone())
        .route_service(&format!("{path}/{{*rest}}"), below)
}
