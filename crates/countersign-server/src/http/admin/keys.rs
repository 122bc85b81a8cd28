use std::time::Duration;

use axum::http::StatusCode;
use countersign::directory::CredentialKind;
use countersign::registry::{NewKey, Rotation};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{Json, OptionalJson, whole_number};
use super::error::AdminError;
use super::path::PathId;
use super::response::{self, HandlerResult};
use super::{credentials, fields};
use crate::http::openapi::{Routes, post};
use crate::ops::{CreatedKeyResponse, Operations, rotation};
use crate::schema;

const MAX_GRACE_DAYS: u64 = 366;

pub(super) fn routes() -> Routes {
    let create = post("keys_create", "Create an API key, and show it once", create)
        .creates::<CreatedKeyResponse>("the new key with its secret")
        .may(
            StatusCode::NOT_FOUND,
            "the account or environment was not found",
        )
        .may(
            StatusCode::CONFLICT,
            "the account's status does not allow it",
        );
    let rotate = post(
        "keys_rotate",
        "Give an API key a new secret, and show it once",
        rotate,
    )
    .answers::<CreatedKeyResponse>("the key with its new secret")
    .may(StatusCode::CONFLICT, credentials::STATUS_CONFLICT);
    Routes::new()
        .at("/keys", [create])
        .at("/keys/{id}/rotate", [rotate])
        .merge(credentials::routes(CredentialKind::Key))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateKeyRequest {
    #[schema(value_type = schema::Name)]
    name: String,
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: Vec<String>,
    #[schema(value_type = Option<schema::Id>)]
    account_id: Option<String>,
    #[schema(value_type = Option<schema::Id>)]
    environment_id: Option<String>,
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<String>,
    #[schema(value_type = Option<Vec<schema::Network>>, max_items = 64)]
    allow_from: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<schema::IssuerName>>)]
    issuers: Option<Vec<String>>,
}

async fn create(operations: Operations, Json(new): Json<CreateKeyRequest>) -> HandlerResult {
    let owner = fields::owner(new.account_id.as_deref(), new.environment_id.as_deref())?;
    let mut key = NewKey::new(fields::name(&new.name)?, fields::scopes(&new.scopes)?)
        .owner(owner)
        .allow_from(fields::networks(&new.allow_from.unwrap_or_default())?);
    key.expires_at = fields::expiry(new.expires_at.as_deref())?;
    let issuers = new.issuers.unwrap_or_default();
    let created = operations.create_key(key, &issuers).await?;
    response::created(&format!("/keys/{}", created.id), &created)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateKeyRequest {
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(maximum = 31622400)]
    grace_seconds: Option<u64>,
    compromised: Option<bool>,
}

impl RotateKeyRequest {
    fn rotation(&self) -> Result<Rotation, AdminError> {
        let grace: Option<Duration> =
            fields::seconds("grace_seconds", self.grace_seconds, MAX_GRACE_DAYS)?;
        let compromised = self.compromised.unwrap_or_default();
        if compromised && grace.is_some() {
            let detail = "A compromised secret has no grace period: send either `grace_seconds` or `compromised`.";
            return Err(AdminError::invalid("invalid_body", detail));
        }
        Ok(rotation(compromised, grace))
    }
}

async fn rotate(
    operations: Operations,
    PathId(id): PathId,
    OptionalJson(request): OptionalJson<RotateKeyRequest>,
) -> HandlerResult {
    response::json(&operations.rotate_key(id, request.rotation()?).await?)
}
