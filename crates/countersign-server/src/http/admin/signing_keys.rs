use std::time::Duration;

use axum::http::StatusCode;
use countersign::jose::Algorithm;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{OptionalJson, whole_number};
use super::error::AdminError;
use super::fields;
use super::path::{IssuerQuery, PathText};
use super::response::{self, HandlerResult};
use crate::config::DEFAULT_ISSUER;
use crate::http::openapi::{Routes, get, post};
use crate::ops::{Operations, SigningKeyListResponse, SigningKeyResponse};
use crate::schema;

/// How long a new key is published before it signs, by default: twice as long as verifiers may cache the key set.
const DEFAULT_LEAD: Duration = Duration::from_secs(600);
const MAX_LEAD_DAYS: u64 = 90;
const ISSUER_NOT_FOUND: &str = "the issuer was not found";

pub(super) fn routes() -> Routes {
    let list = get("signing_keys_list", "List an issuer's signing keys", list)
        .answers::<SigningKeyListResponse>("the signing keys")
        .may(StatusCode::NOT_FOUND, ISSUER_NOT_FOUND);
    let rotate = post(
        "signing_keys_rotate",
        "Publish an issuer's next signing key",
        rotate,
    )
    .answers::<SigningKeyResponse>("the next signing key")
    .may(StatusCode::NOT_FOUND, ISSUER_NOT_FOUND)
    .may(
        StatusCode::CONFLICT,
        "a rotation is in progress, or the algorithm conflicts with the configuration or the other keys",
    );
    let revoke = post(
        "signing_keys_revoke",
        "Reject every token that a signing key has signed",
        revoke,
    )
    .answers::<SigningKeyResponse>("the revoked key")
    .may(StatusCode::NOT_FOUND, "the signing key was not found")
    .may(StatusCode::CONFLICT, "the key's state does not allow it");
    Routes::new()
        .at("/signing-keys", [list])
        .at("/signing-keys/rotate", [rotate])
        .at("/signing-keys/{kid}/revoke", [revoke])
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeSigningKeyRequest {
    #[schema(value_type = Option<schema::IssuerName>)]
    issuer: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateSigningKeyRequest {
    #[schema(value_type = Option<schema::Algorithm>)]
    algorithm: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(maximum = 7776000)]
    lead_seconds: Option<u64>,
    #[schema(value_type = Option<schema::IssuerName>)]
    issuer: Option<String>,
}

async fn list(operations: Operations, IssuerQuery(issuer): IssuerQuery) -> HandlerResult {
    let issuer = issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    response::json(&operations.list_signing_keys(issuer).await?)
}

async fn rotate(
    operations: Operations,
    OptionalJson(rotate): OptionalJson<RotateSigningKeyRequest>,
) -> HandlerResult {
    let lead = fields::seconds("lead_seconds", rotate.lead_seconds, MAX_LEAD_DAYS)?;
    let algorithm = rotate.algorithm.map(|name| name.parse::<Algorithm>());
    let algorithm = algorithm.transpose().map_err(|_| {
        let detail = "`algorithm` is not a supported signature algorithm.";
        AdminError::invalid("invalid_algorithm", detail)
    })?;
    let issuer = rotate.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    let lead = lead.unwrap_or(DEFAULT_LEAD);
    let rotated = operations.rotate_signing_key(issuer, algorithm, lead);
    response::json(&rotated.await?)
}

async fn revoke(
    operations: Operations,
    PathText(kid): PathText,
    OptionalJson(request): OptionalJson<RevokeSigningKeyRequest>,
) -> HandlerResult {
    let issuer = request.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    response::json(&operations.revoke_signing_key(issuer, &kid).await?)
}
