use axum::extract::State;
use axum::http::StatusCode;
use countersign::Id;
use countersign::directory::Status;
use countersign::registry::{Account, Registry as _};
use countersign::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Json, Members, OptionalJson, PathId, Plainly};
use super::{Admin, fields};
use crate::command::output;
use crate::http::openapi::{Routes, get, post, values};

pub(super) fn routes(admin: &Admin) -> Routes {
    let list = get("accounts_list", "The accounts within reach", list)
        .answers::<Accounts<'_>>("all of them");
    let create = post("accounts_create", "Makes an account", create)
        .creates::<Shown<'_>>("it was made")
        .may(StatusCode::CONFLICT, "another account has this name");
    let show = get("accounts_show", "An account", show).answers::<Shown<'_>>("the account");
    let revoke = post(
        "accounts_revoke",
        "Refuses all credentials of an account, for good",
        revoke,
    )
    .answers::<Shown<'_>>("the account as it is now")
    .may(StatusCode::CONFLICT, "its status does not allow it");
    Routes::new()
        .at("/accounts", [list, create])
        .at("/accounts/{id}", [show])
        .at("/accounts/{id}/revoke", [revoke])
        .with_state(admin.clone())
}

#[derive(Serialize, ToSchema)]
struct Accounts<'a> {
    accounts: Vec<Shown<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
struct Shown<'a> {
    #[schema(value_type = values::Id)]
    id: Id,
    name: &'a str,
    #[schema(value_type = String)]
    status: Status,
    generation: u32,
    #[serde(serialize_with = "output::moment")]
    #[schema(value_type = values::Moment)]
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
    let accounts = accounts.iter().map(Shown::from).collect();
    answer::json(&Accounts { accounts })
}

async fn show(State(admin): State<Admin>, by: Administrator, PathId(id): PathId) -> Answer {
    let account = admin.0.store.show_account(&by.caller, id).await?;
    answer::json(&Shown::from(&account))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    #[schema(value_type = values::Name)]
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
