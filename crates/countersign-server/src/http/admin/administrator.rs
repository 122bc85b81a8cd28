//! Who asks, and how far that reaches.

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use countersign::credentials::{ClientAddress, Credentials};
use countersign::directory::{Credential, Directory as _, Issuers};
use countersign::principal::{Identity, PrimaryPrincipal};
use countersign::registry::{Caller, Record};
use countersign::time::{Clock as _, SystemClock};
use countersign::{Principal, Scopes, Secret};
use countersign_store::Store;
use countersign_wire::RequestId;
use countersign_wire::openapi::Security;
use futures_util::StreamExt as _;

use super::problem::Problem;
use super::{Admin, origin};
use crate::http::openapi::{Draft, Part};

/// A primary credential that may administrate. There is one behind [`admit`] alone.
#[derive(Clone)]
pub(super) struct Administrator {
    pub(super) caller: Caller,
    scopes: Scopes,
    issuers: Issuers,
}

impl Administrator {
    /// Whoever hands out scopes holds them.
    pub(super) fn grants(&self, scopes: &Scopes) -> Result<(), Problem> {
        if self.scopes.contains(scopes) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "scope_not_held",
            "These credentials grant at most the scopes that they hold.",
        ))
    }

    /// Whoever lets others use issuers may use them.
    pub(super) fn lets_use(&self, issuers: &Issuers) -> Result<(), Problem> {
        let all = |issuers: &Issuers| issuers.iter().next().is_none();
        let named = || issuers.iter().all(|name| self.issuers.admit(name));
        if all(&self.issuers) || (!all(issuers) && named()) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "issuer_not_held",
            "These credentials may not use all of these issuers.",
        ))
    }

    /// Whoever gets a credential's secret can do what it may, and where: that must not be more than they could
    /// before.
    pub(super) fn may_take_over(&self, record: &Record) -> Result<(), Problem> {
        self.grants(&record.scopes)?;
        self.lets_use(&record.issuers)
    }

    /// The issuers of a new credential; without names, those that its maker may use.
    pub(super) async fn issuers(
        &self,
        names: &[String],
        store: &Store,
    ) -> Result<Issuers, Problem> {
        if names.is_empty() {
            return Ok(self.issuers.clone());
        }
        let known = store.issuers().await?;
        if !names.iter().all(|name| known.contains(name)) {
            let detail = "`issuers` names one that this server does not have.";
            return Err(Problem::invalid("unknown_issuer", detail));
        }
        let issuers = Issuers::named(names.iter().map(String::as_str));
        let issuers = issuers
            .map_err(|flaw| Problem::invalid("unknown_issuer", format!("`issuers`: {flaw}.")))?;
        self.lets_use(&issuers)?;
        Ok(issuers)
    }

    /// What concerns the whole server is for the default account.
    pub(super) fn runs_the_server(&self) -> Result<(), Problem> {
        if self.caller.account().is_none() {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "default_account_required",
            "This concerns the whole server: it takes credentials of the account `default`.",
        ))
    }
}

impl<S: Sync> FromRequestParts<S> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(Problem::internal)
    }
}

impl Part for Administrator {
    fn describe(draft: &mut Draft) {
        draft.secured(&[Security::ApiKey, Security::Basic]);
        draft.problem(
            StatusCode::FORBIDDEN,
            "the credentials are not those of an administrator, or may not do this",
        );
        draft.problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    }
}

/// Reads the body, and then says who asks: whoever takes their time to send it may have been revoked
/// meanwhile.
pub(super) async fn admit(
    State(admin): State<Admin>,
    principal: PrimaryPrincipal,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut head, body) = request.into_parts();
    if !head.method.is_safe() && origin::is_cross_site(&head) {
        let detail = "Pages of other sites may change nothing here.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", detail));
    }
    let body = read(body, admin.0.config.server.body_limit).await?;
    let standing = standing(&admin.0.store, &principal, &head.extensions);
    let issuers = standing.ok_or_else(Problem::lapsed)?.issuers;
    let administrator = administrator(&admin, &principal, issuers, &head.extensions).await?;
    head.extensions.insert(administrator);
    Ok(next.run(Request::from_parts(head, body.into())).await)
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Problem::too_large());
    }
    let mut read = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|_| Problem::invalid("incomplete_body", "The body came to no proper end."))?;
        if chunk.len() > limit.saturating_sub(read.len()) {
            return Err(Problem::too_large());
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.into())
}

/// The credential, if what was judged before the body was read would be judged so now.
fn standing(store: &Store, principal: &Principal, extensions: &Extensions) -> Option<Credential> {
    let now = store.directory().credential(principal.credential_id()?)?;
    if now.generation != principal.generation() {
        return None;
    }
    let from = extensions.get::<ClientAddress>().copied();
    // Nothing is proven by it but that the credential may be used.
    let presented = Credentials::key(Secret::from(String::new())).presented_from(from);
    let judged = Identity::of_credential("admin", now.clone(), &presented, SystemClock.now());
    judged.is_ok().then_some(now)
}

async fn administrator(
    admin: &Admin,
    principal: &PrimaryPrincipal,
    issuers: Issuers,
    extensions: &Extensions,
) -> Result<Administrator, Problem> {
    let (Some(credential), Some(account)) = (principal.credential_id(), principal.account()) else {
        return Err(Problem::internal());
    };
    let actor = credential.to_string();
    let caller = if *account == admin.default_account().await? {
        Caller::operator(actor)
    } else {
        Caller::of_account(actor, *account)
    };
    // The change may have to wait for its turn: it is asked again then.
    let caller = caller.proven_by(principal);
    let caller = match extensions.get::<RequestId>() {
        Some(id) => caller.with_request_id(id.clone()),
        None => caller,
    };
    Ok(Administrator {
        caller,
        scopes: principal.scopes().clone(),
        issuers,
    })
}
