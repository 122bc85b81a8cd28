use std::time::Duration;

use countersign::jose::Algorithm;
use countersign_cli::config::DEFAULT_ISSUER;
use countersign_cli::ops::{OpsError, SigningKeyListResponse, SigningKeyResponse};
use countersign_cli::schema;
use countersign_store::Store;
use serde::Deserialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{OptionalJson, whole_number};
use super::error::{AdminError, Result};
use super::fields;
use super::path::{IssuerQuery, Path, Query};
use crate::http::json::Json;
use crate::http::openapi::{Routes, get, post};

/// How long a new key is published before it signs, by default: twice as long as verifiers may cache the key set.
const DEFAULT_LEAD: Duration = Duration::from_secs(600);
const MAX_LEAD_DAYS: u64 = 90;

pub(super) fn routes() -> Routes {
    Routes::of([
        get("/signing-keys", "signing_keys_list", list).summary("List an issuer's signing keys"),
        post("/signing-keys/rotate", "signing_keys_rotate", rotate)
            .summary("Publish an issuer's next signing key"),
        post("/signing-keys/{kid}/revoke", "signing_keys_revoke", revoke)
            .summary("Reject every token that a signing key has signed"),
    ])
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

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<IssuerQuery>,
) -> Result<Json<SigningKeyListResponse>> {
    let issuer = issuer_or_default(query.issuer.as_deref())?;
    Ok(Json(operations.list_signing_keys(issuer).await?))
}

async fn rotate(
    Administrator(operations): Administrator,
    OptionalJson(rotate): OptionalJson<RotateSigningKeyRequest>,
) -> Result<Json<SigningKeyResponse>> {
    let lead = fields::seconds("lead_seconds", rotate.lead_seconds, MAX_LEAD_DAYS)?;
    let algorithm = rotate.algorithm.map(|name| name.parse::<Algorithm>());
    let algorithm = algorithm.transpose().map_err(|_| {
        let detail = "`algorithm` is not a supported signature algorithm.";
        AdminError::invalid("invalid_algorithm", detail)
    })?;
    let issuer = issuer_or_default(rotate.issuer.as_deref())?;
    let lead = lead.unwrap_or(DEFAULT_LEAD);
    let rotated = operations.rotate_signing_key(issuer, algorithm, lead);
    Ok(Json(rotated.await?))
}

async fn revoke(
    Administrator(operations): Administrator,
    Path(kid): Path<String>,
    OptionalJson(request): OptionalJson<RevokeSigningKeyRequest>,
) -> Result<Json<SigningKeyResponse>> {
    let issuer = issuer_or_default(request.issuer.as_deref())?;
    Ok(Json(operations.revoke_signing_key(issuer, &kid).await?))
}

/// The keys that sign the feed are changed by commands only.
fn issuer_or_default(name: Option<&str>) -> Result<&str> {
    match name.unwrap_or(DEFAULT_ISSUER) {
        Store::FEED => Err(OpsError::IssuerNotFound(Store::FEED.to_owned()).into()),
        issuer => Ok(issuer),
    }
}
