use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use countersign::directory::CredentialKind;
use countersign::registry;
use countersign::registry::{CreatedKey, Registry as _, Rotation};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::credentials::Credentials;
use super::extract::{Json, Members, OptionalJson, PathId, whole};
use super::problem::Problem;
use super::{Admin, fields};
use crate::command::output;
use crate::http::openapi::{Routes, post, values};

/// How long the old secret works beside the new one: a day, at most a year.
const GRACE: Duration = Duration::from_secs(24 * 3600);
const LONGEST_GRACE_DAYS: u64 = 366;

pub(super) fn routes(admin: &Admin) -> Routes {
    let keys = Credentials {
        admin: admin.clone(),
        kind: CredentialKind::Key,
    };
    let create = post(
        "keys_create",
        "Makes an API key, and shows it this once",
        create,
    )
    .creates::<Made<'_>>("it was made")
    .may(
        StatusCode::NOT_FOUND,
        "there is no such account or environment",
    )
    .may(StatusCode::CONFLICT, "the account does not allow it");
    let rotate = post(
        "keys_rotate",
        "Gives a key a new secret, and shows it this once",
        rotate,
    )
    .answers::<Made<'_>>("the key with its new secret")
    .may(StatusCode::CONFLICT, "its status does not allow it");
    keys.routes()
        .at("/keys", [create])
        .at("/keys/{id}/rotate", [rotate])
        .with_state(keys)
}

/// A key that was just made, or has a new secret: shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyMade)]
struct Made<'a> {
    #[schema(value_type = values::Id)]
    id: Id,
    key: &'a str,
    secret: &'a str,
    #[schema(value_type = Vec<values::Scope>)]
    scopes: &'a Scopes,
    #[schema(value_type = values::Id)]
    account_id: Id,
    #[schema(value_type = Option<values::Id>, required = true)]
    environment_id: Option<Id>,
    #[serde(serialize_with = "output::maybe")]
    #[schema(value_type = Option<values::Moment>, required = true)]
    expires_at: Option<Timestamp>,
}

impl<'a> From<&'a CreatedKey> for Made<'a> {
    fn from(CreatedKey { record, issued }: &'a CreatedKey) -> Self {
        Self {
            id: record.id,
            key: issued.key.expose(),
            secret: issued.secret.expose(),
            scopes: &record.scopes,
            account_id: record.account_id,
            environment_id: record.environment_id,
            expires_at: record.expires_at,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    #[schema(value_type = values::Name)]
    name: String,
    #[schema(value_type = Vec<values::Scope>)]
    scopes: Vec<String>,
    #[schema(value_type = Option<values::Id>)]
    account_id: Option<String>,
    #[schema(value_type = Option<values::Id>)]
    environment_id: Option<String>,
    #[schema(value_type = Option<values::Moment>)]
    expires_at: Option<String>,
    #[serde(default)]
    #[schema(value_type = Vec<values::Network>, max_items = 64)]
    allow_from: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Vec<values::IssuerName>)]
    issuers: Vec<String>,
}

impl Members for NewKey {
    const EXPECTED: &'static str = "`name` (a string), `scopes` (a list of strings), and optionally `account_id`, `environment_id`, \
         `expires_at` (strings), `allow_from` and `issuers` (lists of strings)";
}

async fn create(
    State(keys): State<Credentials>,
    by: Administrator,
    Json(new): Json<NewKey>,
) -> Answer {
    let scopes = fields::scopes(&new.scopes)?;
    by.grants(&scopes)?;
    let owner = fields::owner(new.account_id.as_deref(), new.environment_id.as_deref())?;
    let mut key = registry::NewKey::new(fields::name(new.name)?, scopes)
        .owner(owner)
        .allow_from(fields::networks(&new.allow_from)?)
        .issuers(by.issuers(&new.issuers, keys.store()).await?);
    key.expires_at = fields::end(new.expires_at.as_deref())?;
    let made = keys.store().create_key(&by.caller, key).await?;
    answer::created(keys.location(&made.record.id), &Made::from(&made))
}

#[derive(Default, Deserialize, ToSchema)]
#[schema(as = KeyRotation)]
#[serde(deny_unknown_fields)]
struct Rotate {
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 31622400)]
    grace_seconds: Option<u64>,
    #[serde(default)]
    compromised: bool,
}

impl Members for Rotate {
    const EXPECTED: &'static str =
        "`grace_seconds` (a whole number) or `compromised` (true or false), both optional";
}

impl Rotate {
    fn rotation(&self) -> Result<Rotation, Problem> {
        match (self.compromised, self.grace_seconds) {
            (true, None) => Ok(Rotation::Compromised),
            (true, Some(_)) => Err(Problem::invalid(
                "invalid_body",
                "What is compromised has no grace: `grace_seconds` or `compromised`, not both.",
            )),
            (false, grace) => fields::seconds("grace_seconds", grace, GRACE, LONGEST_GRACE_DAYS)
                .map(Rotation::Grace),
        }
    }
}

async fn rotate(
    State(keys): State<Credentials>,
    by: Administrator,
    PathId(id): PathId,
    OptionalJson(rotate): OptionalJson<Rotate>,
) -> Answer {
    let rotation = rotate.rotation()?;
    by.may_take_over(&keys.find(&by, id).await?)?;
    let made = keys.store().rotate(&by.caller, id, rotation).await?;
    // It may have been given more since it was looked at.
    by.may_take_over(&made.record)?;
    answer::json(&Made::from(&made))
}
