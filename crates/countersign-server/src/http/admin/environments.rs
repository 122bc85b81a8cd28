use axum::Router;
use axum::extract::State;
use axum::routing::get;
use countersign::Id;
use countersign::directory::{Environment, EnvironmentKind, NewEnvironment, Registry as _};
use countersign::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Json, Members, id};
use super::{Admin, fields};
use crate::command::output;

pub(super) fn routes(admin: &Admin) -> Router {
    Router::new()
        .route("/environments", get(list).post(create))
        .with_state(admin.clone())
}

#[derive(Serialize)]
struct Shown<'a> {
    id: Id,
    account_id: Id,
    name: &'a str,
    kind: EnvironmentKind,
    #[serde(serialize_with = "output::moment")]
    created_at: Timestamp,
}

impl<'a> From<&'a Environment> for Shown<'a> {
    fn from(environment: &'a Environment) -> Self {
        Self {
            id: environment.id,
            account_id: environment.account_id,
            name: &environment.name,
            kind: environment.kind,
            created_at: environment.created_at,
        }
    }
}

async fn list(State(admin): State<Admin>, by: Administrator) -> Answer {
    let environments = admin.0.store.list_environments(&by.caller).await?;
    let environments: Vec<_> = environments.iter().map(Shown::from).collect();
    answer::json(&json!({ "environments": environments }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    kind: Kind,
    account_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Sandbox,
    Production,
}

impl Members for New {
    const EXPECTED: &'static str = "`name` (a string), `kind` (`sandbox` or `production`), and optionally `account_id` (a string)";
}

async fn create(State(admin): State<Admin>, by: Administrator, Json(new): Json<New>) -> Answer {
    let environment = NewEnvironment {
        account: new.account_id.as_deref().map(id).transpose()?,
        name: fields::name(new.name)?,
        kind: match new.kind {
            Kind::Sandbox => EnvironmentKind::Sandbox,
            Kind::Production => EnvironmentKind::Production,
        },
    };
    let made = admin
        .0
        .store
        .create_environment(&by.caller, environment)
        .await?;
    // They are shown in their list alone.
    let location = format!("{}/environments", super::PATH);
    answer::created(location, &Shown::from(&made))
}
