//! What keys and users have in common: they are listed, shown and changed by the same rules.

use axum::extract::State;
use axum::http::StatusCode;
use countersign::Id;
use countersign::directory::CredentialKind;
use countersign::registry::{
    Change, CredentialFilter, Record, Registry as _, RegistryError, Sessions as _,
};
use countersign::time::{Clock as _, SystemClock};
use countersign_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{Json, Members, OptionalJson, Page, PathId, PathPair, Plainly};
use super::problem::Problem;
use super::{Admin, fields};
use crate::command::shown::Shown;
use crate::http::openapi::{Handled, Routes, delete as delete_one, get, post, put, values};
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
    pub(super) fn routes(&self) -> Routes<Self> {
        let collection = self.collection();
        let name = |action: &str| format!("{}_{action}", collection.trim_start_matches('/'));
        let at = |path: &str| format!("{collection}{path}");
        let list = get(name("list"), "Those within reach, oldest first", list);
        let list = match self.kind {
            CredentialKind::User => list.answers::<Users<'_>>("a page of them"),
            _ => list.answers::<Keys<'_>>("a page of them"),
        };
        let show = get(name("show"), "Its record", show).answers::<Shown<'_>>("the record");
        let delete = delete_one(name("delete"), "Forgets one that is revoked", delete)
            .answers_nothing(StatusCode::NO_CONTENT, "it is forgotten")
            .may(StatusCode::CONFLICT, STATUS);
        let changed = |change: Handled<Self>| {
            change
                .answers::<Shown<'_>>("the record as it is now")
                .may(StatusCode::CONFLICT, STATUS)
        };
        let suspend = post(name("suspend"), "Refuses it until it is activated", suspend);
        let activate = post(name("activate"), "Accepts it again", activate);
        let revoke = post(name("revoke"), "Refuses it for good", revoke);
        let scopes = put(name("scopes"), "Gives it other scopes", scopes);
        let sessions = get(name("sessions"), "Its sessions, oldest first", sessions)
            .answers::<KeptSessions<'_>>("those that live");
        let end = delete_one(name("end_session"), "Ends one of its sessions", end_session)
            .answers_nothing(StatusCode::NO_CONTENT, "it has ended");
        Routes::new()
            .at(&at(""), [list])
            .at(&at("/{id}"), [show, delete])
            .at(&at("/{id}/suspend"), [changed(suspend)])
            .at(&at("/{id}/activate"), [changed(activate)])
            .at(&at("/{id}/revoke"), [changed(revoke)])
            .at(&at("/{id}/scopes"), [changed(scopes)])
            .at(&at("/{id}/sessions"), [sessions])
            .at(&at("/{id}/sessions/{session}"), [end])
    }
}

const STATUS: &str = "its status does not allow it";

#[derive(Serialize, ToSchema)]
struct Keys<'a> {
    keys: Vec<Shown<'a>>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<values::Id>, required = true)]
    next: Option<Id>,
}

#[derive(Serialize, ToSchema)]
struct Users<'a> {
    users: Vec<Shown<'a>>,
    /// Where the next page begins, if there is one.
    #[schema(value_type = Option<values::Id>, required = true)]
    next: Option<Id>,
}

#[derive(Serialize, ToSchema)]
struct KeptSessions<'a> {
    sessions: Vec<sessions::Shown<'a>>,
}

async fn list(State(all): State<Credentials>, by: Administrator, page: Page<Id>) -> Answer {
    let listing = CredentialFilter::of(all.kind).page(page.cursor, page.one_more());
    let records = all.store().list(&by.caller, listing).await?;
    let (records, next) = page.cut(records, |record| record.id);
    let shown = records.iter().map(Shown::from).collect();
    match all.kind {
        CredentialKind::User => answer::json(&Users { users: shown, next }),
        _ => answer::json(&Keys { keys: shown, next }),
    }
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

#[derive(Default, Deserialize, ToSchema)]
#[schema(as = Revocation)]
#[serde(deny_unknown_fields)]
struct Why {
    #[schema(value_type = Option<values::Reason>)]
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewScopes {
    #[schema(value_type = Vec<values::Scope>)]
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
    let sessions = found.iter().map(sessions::Shown::from).collect();
    answer::json(&KeptSessions { sessions })
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
