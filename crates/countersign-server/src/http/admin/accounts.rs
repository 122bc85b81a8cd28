use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use countersign::Id;
use countersign::directory::{Account, Registry as _, Status};
use countersign::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Json, Members, OptionalJson, PathId, Plainly};
use super::{Admin, fields};
use crate::command::output;

pub(super) fn routes(admin: &Admin) -> Router {
    Router::new()
        .route("/accounts", get(list).post(create))
        .route("/accounts/{id}", get(show))
        .route("/accounts/{id}/revoke", post(revoke))
        .with_state(admin.clone())
}

#[derive(Serialize)]
struct Shown<'a> {
    id: Id,
    name: &'a str,
    status: Status,
    generation: u32,
    #[serde(serialize_with = "output::moment")]
    created_at: Timestamp,
}

impl<'a> From<&'a Account> for Shown<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: account.id,
            name: &account.name,
            status: account.status,
            generation: account.generation,
            created_at: account.created_at,
        }
    }
}

async fn list(State(admin): State<Admin>, by: Administrator) -> Answer {
    let accounts = admin.0.store.list_accounts(&by.caller).await?;
    let accounts: Vec<_> = accounts.iter().map(Shown::from).collect();
    answer::json(&json!({ "accounts": accounts }))
}

async fn show(State(admin): State<Admin>, by: Administrator, PathId(id): PathId) -> Answer {
    let account = admin.0.store.show_account(&by.caller, id).await?;
    answer::json(&Shown::from(&account))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
}

impl Members for NewAccount {
    const EXPECTED: &'static str = "`name` (a string)";
}

async fn create(
    State(admin): State<Admin>,
    by: Administrator,
    Json(new): Json<NewAccount>,
) -> Answer {
    by.runs_the_server()?;
    let name = fields::name(new.name)?;
    let made = admin.0.store.create_account(&by.caller, name).await?;
    let location = format!("{}/accounts/{}", super::PATH, made.id);
    answer::created(location, &Shown::from(&made))
}

async fn revoke(
    State(admin): State<Admin>,
    by: Administrator,
    PathId(id): PathId,
    OptionalJson(Plainly {}): OptionalJson<Plainly>,
) -> Answer {
    // One that is out of reach does not exist, also for those who may revoke none.
    admin.0.store.show_account(&by.caller, id).await?;
    by.runs_the_server()?;
    let revoked = admin.0.store.revoke_account(&by.caller, id).await?;
    answer::json(&Shown::from(&revoked))
}
