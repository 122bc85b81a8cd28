use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::registry::{NewKey, Rotation};
use countersign_cli::ops::{
    CreatedKeyResponse, CredentialResponse, ImportRequest, KeyListResponse, rotation,
};
use countersign_cli::schema;
use serde::Deserialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::body::{OptionalJson, whole_number};
use super::error::{AdminError, Result};
use super::path::{CredentialQuery, Path, Query};
use super::{PATH, credentials, fields};
use crate::http::json::{Created, Json};
use crate::http::openapi::{Routes, get, post};

const MAX_GRACE_DAYS: u64 = 366;

pub(super) fn routes() -> Routes {
    Routes::of([
        get("/keys", "keys_list", list)
            .summary("List the keys that the caller can access, oldest first"),
        post("/keys", "keys_create", create).summary("Create an API key, and show it once"),
        post("/keys/import", "keys_import", import)
            .summary("Import a key of another system by its digest, or a user by a password hash"),
        post("/keys/{id}/rotate", "keys_rotate", rotate)
            .summary("Give an API key a new secret, and show it once"),
    ])
    .merge(credentials::routes(CredentialKind::Key, "keys"))
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

async fn list(
    Administrator(operations): Administrator,
    Query(query): Query<CredentialQuery>,
) -> Result<Json<KeyListResponse>> {
    let keys = operations.list_keys(query.created_by, query.page());
    Ok(Json(keys.await?))
}

async fn create(
    Administrator(operations): Administrator,
    Json(new): Json<CreateKeyRequest>,
) -> Result<Created<CreatedKeyResponse>> {
    let owner = fields::owner(new.account_id.as_deref(), new.environment_id.as_deref())?;
    let mut key = NewKey::new(fields::name(&new.name)?, fields::scopes(&new.scopes)?)
        .owner(owner)
        .allow_from(fields::networks(&new.allow_from.unwrap_or_default())?);
    key.expires_at = fields::expiry(new.expires_at.as_deref())?;
    let issuers = new.issuers.unwrap_or_default();
    let key = operations.create_key(key, &issuers).await?;
    Ok(Created(format!("{PATH}/keys/{}", key.id), key))
}

async fn import(
    Administrator(operations): Administrator,
    Json(request): Json<ImportRequest>,
) -> Result<Created<CredentialResponse>> {
    let import = request.check(None);
    let import = import.map_err(fields::invalid("invalid_body", "The credential is invalid"))?;
    let imported = operations.import(import).await?;
    let collection = match imported.kind {
        CredentialKind::User => "users",
        _ => "keys",
    };
    let path = format!("{PATH}/{collection}/{}", imported.id);
    Ok(Created(path, imported))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateKeyRequest {
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(maximum = 31622400)]
    grace_seconds: Option<u64>,
    compromised: Option<bool>,
    /// Whether the managed tokens that the key created are kept if it is compromised.
    keep_tokens: Option<bool>,
}

impl RotateKeyRequest {
    fn rotation(&self) -> Result<Rotation> {
        let grace = fields::seconds("grace_seconds", self.grace_seconds, MAX_GRACE_DAYS)?;
        let compromised = self.compromised.unwrap_or_default();
        if compromised && grace.is_some() {
            let detail = "A compromised secret has no grace period: send either `grace_seconds` or `compromised`.";
            return Err(AdminError::invalid("invalid_body", detail));
        }
        let keep_tokens = self.keep_tokens.unwrap_or_default();
        if keep_tokens && !compromised {
            let detail = "Managed tokens end with a compromised key only: send `keep_tokens` with `compromised`.";
            return Err(AdminError::invalid("invalid_body", detail));
        }
        Ok(rotation(compromised, keep_tokens, grace))
    }
}

async fn rotate(
    Administrator(operations): Administrator,
    Path(id): Path<Id>,
    OptionalJson(request): OptionalJson<RotateKeyRequest>,
) -> Result<Json<CreatedKeyResponse>> {
    let rotated = operations.rotate_key(id, request.rotation()?);
    Ok(Json(rotated.await?))
}
