use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use countersign::jose::Algorithm;
use countersign::time::Timestamp;
use countersign_store::SigningKeyRecord;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{IssuerOf, Members, OptionalJson, PathText};
use super::problem::Problem;
use super::{Admin, fields};
use crate::command::output;
use crate::config::DEFAULT_ISSUER;

/// Verifiers may keep an issuer's keys for five minutes: a new one is published for twice as long before it
/// signs.
const LEAD: Duration = Duration::from_secs(600);
const LONGEST_LEAD_DAYS: u64 = 90;

pub(super) fn routes(admin: &Admin) -> Router {
    Router::new()
        .route("/signing-keys", get(list))
        .route("/signing-keys/rotate", post(rotate))
        .route("/signing-keys/{kid}/revoke", post(revoke))
        .with_state(admin.clone())
}

#[derive(Serialize)]
struct Shown<'a> {
    kid: &'a str,
    algorithm: &'static str,
    state: &'static str,
    #[serde(serialize_with = "output::moment")]
    created_at: Timestamp,
    #[serde(serialize_with = "output::moment")]
    activates_at: Timestamp,
    #[serde(serialize_with = "output::maybe")]
    revoked_at: Option<Timestamp>,
}

impl<'a> From<&'a SigningKeyRecord> for Shown<'a> {
    fn from(key: &'a SigningKeyRecord) -> Self {
        Self {
            kid: &key.kid,
            algorithm: key.algorithm.as_str(),
            state: key.state.as_str(),
            created_at: key.created_at,
            activates_at: key.activates_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// Whose keys they are.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfIssuer {
    issuer: Option<String>,
}

impl Members for OfIssuer {
    const EXPECTED: &'static str = "`issuer` (a string, optional)";
}

async fn list(State(admin): State<Admin>, by: Administrator, IssuerOf(issuer): IssuerOf) -> Answer {
    by.runs_the_server()?;
    let issuer = issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    let keys = admin.0.store.list_signing_keys(issuer).await?;
    let keys: Vec<_> = keys.iter().map(Shown::from).collect();
    answer::json(&json!({ "signing_keys": keys }))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    algorithm: Option<String>,
    lead_seconds: Option<u64>,
    issuer: Option<String>,
}

impl Members for Rotate {
    const EXPECTED: &'static str =
        "`algorithm`, `issuer` (strings) and `lead_seconds` (a whole number), all optional";
}

async fn rotate(
    State(admin): State<Admin>,
    by: Administrator,
    OptionalJson(rotate): OptionalJson<Rotate>,
) -> Answer {
    by.runs_the_server()?;
    let lead = fields::seconds("lead_seconds", rotate.lead_seconds, LEAD, LONGEST_LEAD_DAYS)?;
    let wanted = rotate.algorithm.map(|name| name.parse::<Algorithm>());
    let wanted = wanted.transpose().map_err(|_| {
        Problem::invalid(
            "invalid_algorithm",
            "`algorithm` is none that tokens are signed with.",
        )
    })?;
    let issuer = rotate.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    let configured = admin.0.config.issuer(issuer);
    let configured = configured.and_then(|issuer| issuer.algorithm);
    if wanted.is_some() && configured.is_some() && wanted != configured {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "algorithm_configured",
            "The configuration names another algorithm, and no server that reads it could start: take \
             `algorithm` out of the issuer's section first.",
        ));
    }
    let made = admin
        .0
        .store
        .rotate_signing_key(&by.caller, issuer, wanted, lead);
    answer::json(&Shown::from(&made.await?))
}

async fn revoke(
    State(admin): State<Admin>,
    by: Administrator,
    PathText(kid): PathText,
    OptionalJson(of): OptionalJson<OfIssuer>,
) -> Answer {
    by.runs_the_server()?;
    let issuer = of.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    let revoked = admin.0.store.revoke_signing_key(&by.caller, issuer, &kid);
    answer::json(&Shown::from(&revoked.await?))
}
