use std::convert::Infallible;
use std::future::ready;

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use countersign::auth::AuthLayer;
use countersign::mechanism::Jwt;
use countersign::mint::IssuerError;
use countersign::registry::{DeniedToken, Registry as _};
use countersign::{Principal, Secret};
use serde::Deserialize;
use tower::{Layer as _, ServiceExt as _, service_fn};
use utoipa::ToSchema;

use super::Admin;
use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Json, Members, secret};
use super::problem::Problem;
use crate::failure::Failure;
use crate::http::openapi::{Routes, post};
use crate::issuer::Configured;

pub(super) fn routes(admin: &Admin) -> Routes {
    let revoke = post(
        "tokens_revoke",
        "Refuses a token that was issued here",
        revoke,
    )
    .answers_nothing(StatusCode::NO_CONTENT, "it is refused from now on")
    .may(StatusCode::NOT_FOUND, "its account is out of reach");
    Routes::new()
        .at("/tokens/revoke", [revoke])
        .with_state(admin.clone())
}

/// Reads tokens of the issuers' that have not expired, whether they are denied or not: to deny one again is no
/// error.
pub(super) struct TokenReader(AuthLayer);

impl TokenReader {
    pub(super) fn new(issuers: &[Configured]) -> Result<Self, Failure> {
        let mut trusted = Vec::new();
        for of in issuers {
            trusted.push(of.issuer.trusted().build().map_err(IssuerError::Trust)?);
        }
        let layer = AuthLayer::builder().mechanism(Jwt::new(trusted));
        Ok(Self(layer.build()?))
    }

    async fn read(&self, token: &Secret) -> Option<DeniedToken> {
        let mut presented = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
        presented.set_sensitive(true);
        let request = Request::builder().header(AUTHORIZATION, presented).body(());
        let reader = self.0.layer(service_fn(|request: Request<()>| {
            let principal = request.extensions().get::<Principal>().cloned();
            ready(Ok::<_, Infallible>(Response::new(principal)))
        }));
        let answered = reader.oneshot(request.ok()?).await;
        let principal = answered.ok()?.into_body()?;
        Some(DeniedToken {
            issuer: principal.issuer()?.to_owned(),
            token: principal.claim("jti")?,
            account: *principal.account()?,
            expires_at: principal.expires_at()?,
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = TokenToRevoke)]
#[serde(deny_unknown_fields)]
struct Revoked {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    token: Secret,
}

impl Members for Revoked {
    const EXPECTED: &'static str = "`token` (a string)";
}

async fn revoke(
    State(admin): State<Admin>,
    by: Administrator,
    Json(Revoked { token }): Json<Revoked>,
) -> Answer {
    let token = admin.0.tokens.read(&token).await.ok_or_else(|| {
        let detail = "`token` is none of this server's that is still valid.";
        Problem::invalid("invalid_token", detail)
    })?;
    admin.0.store.deny_token(&by.caller, token).await?;
    answer::nothing()
}
