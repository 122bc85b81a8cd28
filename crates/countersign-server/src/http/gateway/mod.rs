//! `/forward-auth`, `/ext-authz`, and `ext_authz` of Envoy over gRPC: gateways ask whether a request that they have received is allowed, and whose it is.
//!
//! What a gateway says of the original request is believed from `trusted_proxies` alone. The first rule that matches its
//! path and method decides. A request that no rule matches is denied.

mod grpc;
mod original;
mod path;
mod response;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::routing::{any, post};
use countersign::Principal;
use countersign::auth::Authenticator;
use countersign::credentials::RequestHead;
use countersign::rejection::{Reason, Rejection};
use countersign::require::{Requirement, require};
use countersign::token::TrustedIssuer;
use countersign_cli::config::{Access, GatewayRule};
use countersign_cli::error::CommandError;
use countersign_wire::openapi::Security;

use super::authenticators::Authenticators;
use super::openapi::{DescribeExtractor, DescribeResponse, OperationDraft, Routes, get};
use original::{OriginalRequest, UnknownRequest};
use response::Decision;

/// The path of the endpoint that reads the original request from headers.
const FORWARD_AUTH: &str = "/forward-auth";
/// The path of the endpoint for Envoy, below which the path of the original request is.
const EXT_AUTHZ: &str = "/ext-authz";

/// Whether the peer of the connection is one of `trusted_proxies`.
#[derive(Clone, Copy, Debug)]
pub(super) struct FromProxy(pub(super) bool);

fn is_from_proxy(extensions: &Extensions) -> bool {
    let from_proxy = extensions.get::<FromProxy>();
    from_proxy.is_some_and(|FromProxy(is_proxy)| *is_proxy)
}

/// The state of the handlers. Clones share it.
#[derive(Clone)]
struct Gateway(Arc<Inner>);

struct Inner {
    rules: Vec<(GatewayRule, Option<Requirement>)>,
    authenticator: Authenticator,
}

/// Returns the endpoints, which accept credentials of all issuers of the server, and tokens of these issuers.
pub(super) fn routes(
    rules: &[GatewayRule],
    authenticators: &Authenticators,
    issuers: impl IntoIterator<Item = TrustedIssuer>,
) -> Result<Routes, CommandError> {
    // A certificate of this connection is that of the gateway, and not of the client that it asks about.
    let authenticators = authenticators.without_certificates();
    let layer = authenticators.any(issuers, None)?;
    routes_over(rules, layer.authenticator().clone())
}

fn routes_over(
    rules: &[GatewayRule],
    authenticator: Authenticator,
) -> Result<Routes, CommandError> {
    let mut with_requirements = Vec::new();
    for rule in rules {
        let requirement = rule.access.requirement();
        if let Some(requirement) = &requirement {
            require(requirement.clone())?;
        }
        with_requirements.push((rule.clone(), requirement));
    }
    let gateway = Gateway(Arc::new(Inner {
        rules: with_requirements,
        authenticator,
    }));
    let ask = get(FORWARD_AUTH, "forward_auth", forward_auth)
        .summary("Ask, as a gateway, whether a request is allowed");
    Ok(Routes::of([ask]).map_router(|router| {
        router
            .route(&format!("{EXT_AUTHZ}/"), any(ext_authz))
            .route(&format!("{EXT_AUTHZ}/{{*path}}"), any(ext_authz))
            .route(grpc::PATH, post(grpc::check))
            .with_state(gateway)
    }))
}

/// Answers nginx, Caddy, Traefik and HAProxy.
async fn forward_auth(State(gateway): State<Gateway>, request: Request) -> Decision {
    let (head, _) = request.into_parts();
    let original = OriginalRequest::of_headers(&head.headers);
    Decision(gateway.decide(original, head).await)
}

/// Answers the filter `ext_authz` of Envoy, which sends the original method, and the original path behind a prefix.
async fn ext_authz(State(gateway): State<Gateway>, request: Request) -> Decision {
    let (head, _) = request.into_parts();
    let path = head.uri.path().strip_prefix(EXT_AUTHZ).unwrap_or_default();
    let original = OriginalRequest::new(head.method.clone(), path.as_bytes());
    Decision(gateway.decide(original, head).await)
}

impl Gateway {
    /// Decides whether the original request is allowed. Returns its principal, or `None` for a public request without
    /// credentials.
    async fn decide(
        &self,
        original: Result<OriginalRequest, UnknownRequest>,
        head: Parts,
    ) -> Result<Option<Principal>, Rejection> {
        if !is_from_proxy(&head.extensions) {
            return Err(denied("proxy_untrusted"));
        }
        let original = original?;
        let Some((rule, requirement)) = self.rule(&original) else {
            return Err(denied("no_gateway_rule"));
        };
        let is_public = match rule.access {
            Access::Public => true,
            Access::Authenticated(_) => false,
            Access::Denied => return Err(denied("gateway_rule_denies")),
        };
        let authenticator = &self.0.authenticator;
        let found = authenticator.find_credentials(&RequestHead::from(&head))?;
        let Some(credentials) = found else {
            // Credentials of an unknown scheme are not taken for none.
            return match is_public && !head.headers.contains_key(AUTHORIZATION) {
                true => Ok(None),
                false => Err(authenticator.missing_credentials(&RequestHead::from(&head))),
            };
        };
        let authentication = authenticator.authenticate(credentials, &RequestHead::from(&head));
        let principal = authentication.await?;
        if let Some(requirement) = requirement {
            requirement.check(&principal)?;
        }
        Ok(Some(principal))
    }

    /// Returns the first rule that matches.
    fn rule(&self, original: &OriginalRequest) -> Option<&(GatewayRule, Option<Requirement>)> {
        self.0.rules.iter().find(|(rule, _)| {
            let methods = &rule.methods;
            (methods.is_empty() || methods.contains(&original.method))
                && rule.path.matches(&original.path)
        })
    }
}

fn denied(label: &'static str) -> Rejection {
    Rejection::new(Reason::Unmet(label))
}

/// The original request is in the headers.
impl DescribeExtractor for Request {
    fn describe(draft: &mut OperationDraft) {
        draft.secured(&[Security::Bearer, Security::ApiKey, Security::Basic]);
        draft.problem(StatusCode::FORBIDDEN, "the original request is denied");
    }
}

impl DescribeResponse for Decision {
    fn describe(draft: &mut OperationDraft) {
        draft.empty(StatusCode::OK, "the original request is allowed");
    }
}
