//! What one issuer has under its URL.

use std::sync::Arc;

use countersign::auth::{AuthLayer, PrimaryAuthenticator};
use countersign::mechanism::Jwt;
use countersign::mint::{IssuanceSettings, Mint, SessionMint};
use countersign::random::SystemRandom;
use countersign::rejection::ProblemDetails;
use countersign::time::SystemClock;
use countersign_store::Store;
use countersign_wire::openapi::DescribeWire;
use countersign_wire::{
    AuthorizationServer, Envelope, Introspection, KeySecret, ManagedTokenResource, MintLimit,
    Minter, OAuth, Revocation, Scoped, Session, SessionResource, TokenEndpoint,
};

use super::judges::{Judges, Shared};
use super::openapi::{Routes, get};
use super::{WHOAMI, mount, whoami};
use crate::config::{DEFAULT_ISSUER, WireSettings};
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
pub(super) fn routes(common: &Common<'_>, of: &Configured) -> Result<Routes, Failure> {
    let judges = common.judges.over(of.directory(common.store));
    Mounting {
        common,
        of,
        judges,
        routes: Routes::new(),
    }
    .build()
}

struct Mounting<'a> {
    common: &'a Common<'a>,
    of: &'a Configured,
    judges: Judges,
    routes: Routes,
}

impl Mounting<'_> {
    fn build(mut self) -> Result<Routes, Failure> {
        self.whoami()?;
        self.wires()?;
        let name = &*self.of.settings.name;
        let routes = self.routes.tagged(name);
        if name == DEFAULT_ISSUER {
            return Ok(routes);
        }
        Ok(routes.named(name))
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
        let whoami = get("whoami", "Who is calling", whoami::whoami)
            .answers::<whoami::Whoami<'_>>("what the credentials say")
            .behind(judge);
        let path = self.under(WHOAMI);
        self.mount(|routes| routes.at(&path, [whoami]));
        Ok(())
    }

    fn wires(&mut self) -> Result<(), Failure> {
        let wires = &self.of.settings.wires;
        let envelope = Envelope::default().error_status(wires.envelope.error_status);
        self.wire(&wires.envelope.wire, envelope, self.judges.primary()?)?;
        self.wire(&wires.scoped, Scoped::default(), self.judges.clients()?)?;
        self.wire(
            &wires.key_pair,
            KeySecret::default(),
            self.judges.clients()?,
        )?;
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
        let terms = IssuanceSettings {
            catalogue: settings.scopes.clone(),
            ..self.of.issuer.terms().clone()
        };
        let mint = Mint::new(self.of.issuer.clone(), SystemClock, SystemRandom);
        let mint = mint.with_terms(terms)?;
        let path = self.under(&settings.path);
        let judge = self.judges.primary()?;
        let tokens = ManagedTokenResource::new(layer, judge, mint, self.common.kept())
            .mounted_at(&*path)
            .of_issuer(&*self.of.settings.name)
            .default_lifetime(settings.lifetimes.usual)
            .max_lifetime(settings.lifetimes.longest)
            .body_limit(self.common.body_limit)
            .mint_limit(self.common.mints.clone());
        self.mount(|routes| routes.at_and_below(&path, tokens.clone(), tokens));
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
        self.mount(|routes| routes.at_and_below(&path, sessions.clone(), sessions));
        Ok(())
    }

    fn oauth(&mut self) -> Result<(), Failure> {
        let settings = &self.of.settings.wires.oauth;
        let published = AuthorizationServer::new(self.of.issuer.clone(), &*settings.wire.path);
        let published = published
            .introspection_path(&*settings.introspection_path)
            .revocation_path(&*settings.revocation_path);
        let jwks = self.under(AuthorizationServer::JWKS_PATH);
        self.mount(|routes| routes.described(&jwks, published.jwks(), published.describe_jwks()));
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
        let metadata = |id| published.describe_metadata(id);
        let behind = format!("{well_known}{mount}");
        self.mount(|routes| {
            let routes = routes
                .service(&introspect, introspection)
                .service(&revoke, revocation)
                // RFC 8414 §3.1 puts the issuer's path behind the well-known one.
                .described(&behind, published.metadata(), metadata("oauth_metadata"));
            if mount.is_empty() {
                return routes;
            }
            // And many clients put it in front.
            let description = metadata("oauth_metadata_below");
            routes.described(&in_front, published.metadata(), description)
        });
        Ok(())
    }

    fn mint(&self, wire: &WireSettings) -> Result<Mint, Failure> {
        let mint = Mint::new(self.of.issuer.clone(), SystemClock, SystemRandom);
        Ok(mint.with_terms(terms(wire))?)
    }

    /// Mounts a wire that mints anew each time, if it is switched on.
    fn wire<W: DescribeWire + Clone>(
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

    fn endpoint<W: DescribeWire + Clone>(
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
        self.mount(|routes| routes.at_and_below(&path, endpoint, nothing));
    }

    fn mount(&mut self, add: impl FnOnce(Routes) -> Routes) {
        self.routes = add(std::mem::replace(&mut self.routes, Routes::new()));
    }
}
