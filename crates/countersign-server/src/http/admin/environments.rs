use axum::extract::State;
use axum::http::StatusCode;
use countersign::Id;
use countersign::directory::EnvironmentKind;
use countersign::registry::{Environment, NewEnvironment, Registry as _};
use countersign::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Json, Members, id};
use super::{Admin, fields};
use crate::command::output;
use crate::http::openapi::{Routes, get, post, values};

pub(super) fn routes(admin: &Admin) -> Routes {
    let list = get("environments_list", "The environments within reach", list)
        .answers::<Environments<'_>>("all of them");
    let create = post(
        "environments_create",
        "Makes an environment of an account",
        create,
    )
    .creates::<Shown<'_>>("it was made")
    .may(StatusCode::NOT_FOUND, "there is no such account")
    .may(
        StatusCode::CONFLICT,
        "another one of the account has this name",
    );
    Routes::new()
        .at("/environments", [list, create])
        .with_state(admin.clone())
}

#[derive(Serialize, ToSchema)]
struct Environments<'a> {
    environments: Vec<Shown<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Environment)]
struct Shown<'a> {
    #[schema(value_type = values::Id)]
    id: Id,
    #[schema(value_type = values::Id)]
    account_id: Id,
    name: &'a str,
    #[schema(value_type = Kind)]
    kind: EnvironmentKind,
    #[serde(serialize_with = "output::moment")]
    #[schema(value_type = values::Moment)]
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
    let environments = environments.iter().map(Shown::from).collect();
    answer::json(&Environments { environments })
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewEnvironment)]
#[serde(deny_unknown_fields)]
struct New {
    #[schema(value_type = values::Name)]
    name: String,
    kind: Kind,
    #[schema(value_type = Option<values::Id>)]
    account_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = EnvironmentKind)]
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
