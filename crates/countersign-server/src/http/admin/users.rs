use axum::extract::State;
use axum::http::StatusCode;
use countersign::Secret;
use countersign::directory::{CredentialKind, PasswordHash};
use countersign::registry;
use countersign::registry::{Change, Registry as _};
use serde::Deserialize;
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::credentials::Credentials;
use super::extract::{Json, Members, PathId, secret};
use super::problem::Problem;
use super::{Admin, fields};
use crate::command::shown::Shown;
use crate::http::openapi::{Routes, post, values};

pub(super) fn routes(admin: &Admin) -> Routes {
    let users = Credentials {
        admin: admin.clone(),
        kind: CredentialKind::User,
    };
    let create = post("users_create", "Makes a user", create)
        .creates::<Shown<'_>>("it was made")
        .may(
            StatusCode::NOT_FOUND,
            "there is no such account or environment",
        )
        .may(
            StatusCode::CONFLICT,
            "another user has this name, or the account does not allow it",
        );
    let password = post("users_password", "Gives a user another password", password)
        .answers::<Shown<'_>>("the record as it is now")
        .may(StatusCode::CONFLICT, "its status does not allow it");
    users
        .routes()
        .at("/users", [create])
        .at("/users/{id}/password", [password])
        .with_state(users)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    #[schema(value_type = values::UserName)]
    name: String,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = values::Password)]
    password: Secret,
    #[schema(value_type = Vec<values::Scope>)]
    scopes: Vec<String>,
    #[schema(value_type = Option<values::Id>)]
    account_id: Option<String>,
    #[schema(value_type = Option<values::Id>)]
    environment_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = Vec<values::IssuerName>)]
    issuers: Vec<String>,
}

impl Members for NewUser {
    const EXPECTED: &'static str = "`name` and `password` (strings), `scopes` (a list of strings), and optionally `account_id`, \
         `environment_id` (strings) and `issuers` (a list of strings)";
}

async fn create(
    State(users): State<Credentials>,
    by: Administrator,
    Json(new): Json<NewUser>,
) -> Answer {
    let scopes = fields::scopes(&new.scopes)?;
    by.grants(&scopes)?;
    let owner = fields::owner(new.account_id.as_deref(), new.environment_id.as_deref())?;
    let name = new.name.parse();
    let name = name.map_err(|flaw| Problem::invalid("invalid_name", format!("`name`: {flaw}.")))?;
    let issuers = by.issuers(&new.issuers, users.store()).await?;
    let hash = hash(&users, &by, new.password).await?;
    let user = registry::NewUser::new(name, hash, scopes)
        .owner(owner)
        .issuers(issuers);
    let made = users.store().create_user(&by.caller, user).await?;
    answer::created(users.location(&made.id), &Shown::from(&made))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = values::Password)]
    password: Secret,
}

impl Members for NewPassword {
    const EXPECTED: &'static str = "`password` (a string)";
}

async fn password(
    State(users): State<Credentials>,
    by: Administrator,
    PathId(id): PathId,
    Json(new): Json<NewPassword>,
) -> Answer {
    by.may_take_over(&users.find(&by, id).await?)?;
    let hash = hash(&users, &by, new.password).await?;
    users.change(&by, id, Change::Password(hash)).await
}

async fn hash(
    users: &Credentials,
    by: &Administrator,
    password: Secret,
) -> Result<PasswordHash, Problem> {
    let account = by.caller.account().copied();
    users.admin.0.hashing.hash(account, password).await
}
