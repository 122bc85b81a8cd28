use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use countersign::jose::Algorithm;
use countersign::time::Timestamp;
use countersign_store::SigningKeyRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::administrator::Administrator;
use super::answer::{self, Answer};
use super::extract::{IssuerOf, Members, OptionalJson, PathText, whole};
use super::problem::Problem;
use super::{Admin, fields};
use crate::command::output;
use crate::config::DEFAULT_ISSUER;
use crate::http::openapi::{Routes, get, post, values};

/// Verifiers may keep an issuer's keys for five minutes: a new one is published for twice as long before it
/// signs.
const LEAD: Duration = Duration::from_secs(600);
const LONGEST_LEAD_DAYS: u64 = 90;
const UNKNOWN_ISSUER: &str = "there is no such issuer";

pub(super) fn routes(admin: &Admin) -> Routes {
    let list = get("signing_keys_list", "An issuer's signing keys", list)
        .answers::<SigningKeys<'_>>("all of them")
        .may(StatusCode::NOT_FOUND, UNKNOWN_ISSUER);
    let rotate = post(
        "signing_keys_rotate",
        "Publishes an issuer's next signing key",
        rotate,
    )
    .answers::<Shown<'_>>("the key that signs next")
    .may(StatusCode::NOT_FOUND, UNKNOWN_ISSUER)
    .may(
        StatusCode::CONFLICT,
        "another rotation is under way, or of another algorithm",
    );
    let revoke = post(
        "signing_keys_revoke",
        "Refuses all that a key has signed",
        revoke,
    )
    .answers::<Shown<'_>>("the key as it is now")
    .may(StatusCode::NOT_FOUND, "there is no such key")
    .may(StatusCode::CONFLICT, "its state does not allow it");
    Routes::new()
        .at("/signing-keys", [list])
        .at("/signing-keys/rotate", [rotate])
        .at("/signing-keys/{kid}/revoke", [revoke])
        .with_state(admin.clone())
}

#[derive(Serialize, ToSchema)]
struct SigningKeys<'a> {
    signing_keys: Vec<Shown<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
struct Shown<'a> {
    kid: &'a str,
    algorithm: &'static str,
    state: &'static str,
    #[serde(serialize_with = "output::moment")]
    #[schema(value_type = values::Moment)]
    created_at: Timestamp,
    #[serde(serialize_with = "output::moment")]
    #[schema(value_type = values::Moment)]
    activates_at: Timestamp,
    #[serde(serialize_with = "output::maybe")]
    #[schema(value_type = Option<values::Moment>, required = true)]
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
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IssuerQuery {
    #[schema(value_type = Option<values::IssuerName>)]
    issuer: Option<String>,
}

impl Members for IssuerQuery {
    const EXPECTED: &'static str = "`issuer` (a string, optional)";
}

async fn list(State(admin): State<Admin>, by: Administrator, IssuerOf(issuer): IssuerOf) -> Answer {
    by.runs_the_server()?;
    let issuer = issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    let keys = admin.0.store.list_signing_keys(issuer).await?;
    let signing_keys = keys.iter().map(Shown::from).collect();
    answer::json(&SigningKeys { signing_keys })
}

#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SigningKeyRotation)]
#[serde(deny_unknown_fields)]
struct Rotate {
    #[schema(value_type = Option<values::Algorithm>)]
    algorithm: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 7776000)]
    lead_seconds: Option<u64>,
    #[schema(value_type = Option<values::IssuerName>)]
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
    OptionalJson(of): OptionalJson<IssuerQuery>,
) -> Answer {
    by.runs_the_server()?;
    let issuer = of.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
    let revoked = admin.0.store.revoke_signing_key(&by.caller, issuer, &kid);
    answer::json(&Shown::from(&revoked.await?))
}
