//! What keys and users have in common: they are listed, shown and changed by the same rules.

use axum::Router;
use axum::extract::State;
use axum::routing::{delete as delete_at, get, post, put};
use countersign::Id;
use countersign::directory::{
    Change, CredentialKind, Listing, Record, Registry as _, RegistryError, Sessions as _,
};
use countersign::time::{Clock as _, SystemClock};
use countersign_store::Store;
use serde::Deserialize;
use serde_json::json;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Json, Members, OptionalJson, Page, PathId, PathPair, Plainly};
use super::problem::Problem;
use super::{Admin, fields};
use crate::command::shown::Shown;
use crate::sessions;

/// The credentials of one kind.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) admin: Admin,
    pub(super) kind: CredentialKind,
}

impl Credentials {
    /// `/keys` or `/users`.
    pub(super) fn collection(&self) -> &'static str {
        match self.kind {
            CredentialKind::User => "/users",
            _ => "/keys",
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.admin.0.store
    }

    /// Where it is, for a new one.
    pub(super) fn location(&self, id: &Id) -> String {
        format!("{}{}/{id}", super::PATH, self.collection())
    }

    /// The one of this id. One of another kind is none.
    pub(super) async fn find(&self, by: &Administrator, id: Id) -> Result<Record, Problem> {
        let record = self.store().show(&by.caller, id).await?;
        if record.kind == self.kind {
            Ok(record)
        } else {
            Err(RegistryError::NotFound.into())
        }
    }

    pub(super) async fn change(&self, by: &Administrator, id: Id, change: Change) -> Answer {
        self.find(by, id).await?;
        let record = self.store().change(&by.caller, id, change).await?;
        answer::json(&Shown::from(&record))
    }

    /// What every kind can do.
    pub(super) fn routes(&self) -> Router<Self> {
        let at = |path: &str| format!("{}{path}", self.collection());
        Router::new()
            .route(&at(""), get(list))
            .route(&at("/{id}"), get(show).delete(delete))
            .route(&at("/{id}/suspend"), post(suspend))
            .route(&at("/{id}/activate"), post(activate))
            .route(&at("/{id}/revoke"), post(revoke))
            .route(&at("/{id}/scopes"), put(scopes))
            .route(&at("/{id}/sessions"), get(sessions))
            .route(&at("/{id}/sessions/{session}"), delete_at(end_session))
    }
}

async fn list(State(all): State<Credentials>, by: Administrator, page: Page<Id>) -> Answer {
    let listing = Listing::of(all.kind).page(page.cursor, page.one_more());
    let records = all.store().list(&by.caller, listing).await?;
    let (records, next) = page.cut(records, |record| record.id);
    let shown: Vec<_> = records.iter().map(Shown::from).collect();
    answer::json(&match all.kind {
        CredentialKind::User => json!({ "users": shown, "next": next }),
        _ => json!({ "keys": shown, "next": next }),
    })
}

async fn show(State(all): State<Credentials>, by: Administrator, PathId(id): PathId) -> Answer {
    answer::json(&Shown::from(&all.find(&by, id).await?))
}

async fn suspend(
    State(all): State<Credentials>,
    by: Administrator,
    PathId(id): PathId,
    OptionalJson(Plainly {}): OptionalJson<Plainly>,
) -> Answer {
    all.change(&by, id, Change::Suspend).await
}

async fn activate(
    State(all): State<Credentials>,
    by: Administrator,
    PathId(id): PathId,
    OptionalJson(Plainly {}): OptionalJson<Plainly>,
) -> Answer {
    all.change(&by, id, Change::Activate).await
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: Option<String>,
}

impl Members for Why {
    const EXPECTED: &'static str = "`reason` (a string, optional)";
}

async fn revoke(
    State(all): State<Credentials>,
    by: Administrator,
    PathId(id): PathId,
    OptionalJson(why): OptionalJson<Why>,
) -> Answer {
    let reason = fields::reason(why.reason)?;
    all.change(&by, id, Change::Revoke { reason }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewScopes {
    scopes: Vec<String>,
}

impl Members for NewScopes {
    const EXPECTED: &'static str = "`scopes` (a list of strings)";
}

async fn scopes(
    State(all): State<Credentials>,
    by: Administrator,
    PathId(id): PathId,
    Json(new): Json<NewScopes>,
) -> Answer {
    let scopes = fields::scopes(&new.scopes)?;
    by.grants(&scopes)?;
    // What it may do, it may do at all of its issuers.
    by.lets_use(&all.find(&by, id).await?.issuers)?;
    all.change(&by, id, Change::Scopes(scopes)).await
}

async fn delete(State(all): State<Credentials>, by: Administrator, PathId(id): PathId) -> Answer {
    all.change(&by, id, Change::Delete).await?;
    answer::nothing()
}

async fn sessions(State(all): State<Credentials>, by: Administrator, PathId(id): PathId) -> Answer {
    all.find(&by, id).await?;
    let now = SystemClock.now();
    let found = all.store().list_sessions(&by.caller, id, now).await?;
    let shown: Vec<_> = found.iter().map(sessions::Shown::from).collect();
    answer::json(&json!({ "sessions": shown }))
}

async fn end_session(
    State(all): State<Credentials>,
    by: Administrator,
    PathPair(id, session): PathPair,
) -> Answer {
    all.find(&by, id).await?;
    sessions::end(all.store(), &by.caller, id, &session).await?;
    answer::nothing()
}
