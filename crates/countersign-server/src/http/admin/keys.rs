use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use countersign::directory::{self, CreatedKey, CredentialKind, Registry as _, Rotation};
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use serde::{Deserialize, Serialize};

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::credentials::Credentials;
use super::extract::{Json, Members, OptionalJson, PathId};
use super::problem::Problem;
use super::{Admin, fields};
use crate::command::output;

/// How long the old secret works beside the new one: a day, at most a year.
const GRACE: Duration = Duration::from_secs(24 * 3600);
const LONGEST_GRACE_DAYS: u64 = 366;

pub(super) fn routes(admin: &Admin) -> Router {
    let keys = Credentials {
        admin: admin.clone(),
        kind: CredentialKind::Key,
    };
    keys.routes()
        .route("/keys", post(create))
        .route("/keys/{id}/rotate", post(rotate))
        .with_state(keys)
}

/// A key that was just made, or has a new secret: shown this once.
#[derive(Serialize)]
struct Made<'a> {
    id: Id,
    key: &'a str,
    secret: &'a str,
    scopes: &'a Scopes,
    account_id: Id,
    environment_id: Option<Id>,
    #[serde(serialize_with = "output::maybe")]
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    scopes: Vec<String>,
    account_id: Option<String>,
    environment_id: Option<String>,
    expires_at: Option<String>,
    #[serde(default)]
    allow_from: Vec<String>,
    #[serde(default)]
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
    let mut key = directory::NewKey::new(fields::name(new.name)?, scopes)
        .owner(owner)
        .allow_from(fields::networks(&new.allow_from)?)
        .issuers(by.issuers(&new.issuers, keys.store()).await?);
    key.expires_at = fields::end(new.expires_at.as_deref())?;
    let made = keys.store().create_key(&by.caller, key).await?;
    answer::created(keys.location(&made.record.id), &Made::from(&made))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
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
