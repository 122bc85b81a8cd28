//! Credentials as commands show them.

use countersign::directory::{CredentialKind, Issuers, Networks, Status};
use countersign::registry::Record;
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::output::{maybe, moment, rfc3339, rows, table, until};
use crate::http::values;

/// A credential's record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Credential)]
pub(crate) struct Shown<'a> {
    #[schema(value_type = values::Id)]
    id: Id,
    #[schema(value_type = String)]
    kind: CredentialKind,
    name: &'a str,
    #[schema(value_type = values::Id)]
    account_id: Id,
    #[schema(value_type = Option<values::Id>, required = true)]
    environment_id: Option<Id>,
    #[schema(value_type = String)]
    status: Status,
    #[schema(required = true)]
    reason: Option<&'a str>,
    #[schema(value_type = Vec<values::Scope>)]
    scopes: &'a Scopes,
    /// Empty: from anywhere.
    #[schema(value_type = Vec<values::Network>)]
    allow_from: &'a Networks,
    /// Empty: all.
    #[serde(serialize_with = "names")]
    #[schema(value_type = Vec<values::IssuerName>)]
    issuers: &'a Issuers,
    generation: u32,
    #[serde(serialize_with = "moment")]
    #[schema(value_type = values::Moment)]
    created_at: Timestamp,
    #[serde(serialize_with = "moment")]
    #[schema(value_type = values::Moment)]
    updated_at: Timestamp,
    #[serde(serialize_with = "maybe")]
    #[schema(value_type = Option<values::Moment>, required = true)]
    expires_at: Option<Timestamp>,
    #[serde(serialize_with = "maybe")]
    #[schema(value_type = Option<values::Moment>, required = true)]
    grace_until: Option<Timestamp>,
    #[serde(serialize_with = "maybe")]
    #[schema(value_type = Option<values::Moment>, required = true)]
    last_used_at: Option<Timestamp>,
}

impl<'a> From<&'a Record> for Shown<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            id: record.id,
            kind: record.kind,
            name: &record.name,
            account_id: record.account_id,
            environment_id: record.environment_id,
            status: record.status,
            reason: record.reason.as_deref(),
            scopes: &record.scopes,
            allow_from: &record.allow_from,
            issuers: &record.issuers,
            generation: record.generation,
            created_at: record.created_at,
            updated_at: record.updated_at,
            expires_at: record.expires_at,
            grace_until: record.grace_until,
            last_used_at: record.last_used_at,
        }
    }
}

impl Shown<'_> {
    /// One line for each member.
    pub(crate) fn text(&self) -> String {
        let environment = self.environment_id.map(|id| id.to_string());
        let from = match self.allow_from {
            anywhere if anywhere.is_anywhere() => "anywhere".to_owned(),
            networks => networks.to_string(),
        };
        let issuers = match self.issuers.to_string() {
            none if none.is_empty() => "all".to_owned(),
            names => names,
        };
        let mut lines = vec![
            ("id", self.id.to_string()),
            ("name", self.name.to_owned()),
            ("status", self.status.as_str().to_owned()),
            ("scopes", self.scopes.to_string()),
            ("from", from),
            ("issuers", issuers),
            ("account", self.account_id.to_string()),
            (
                "environment",
                environment.unwrap_or_else(|| "none".to_owned()),
            ),
            ("generation", self.generation.to_string()),
            ("created", rfc3339(self.created_at)),
            ("updated", rfc3339(self.updated_at)),
            ("expires", until(self.expires_at)),
            ("last used", until(self.last_used_at)),
        ];
        if let Some(reason) = self.reason {
            lines.insert(3, ("reason", reason.to_owned()));
        }
        if let Some(moment) = self.grace_until {
            lines.push(("grace until", rfc3339(moment)));
        }
        table(&lines)
    }

    fn cells(&self) -> [String; COLUMNS] {
        let updated = (self.updated_at != self.created_at).then_some(self.updated_at);
        let perhaps = |moment: Option<Timestamp>| moment.map(rfc3339).unwrap_or_default();
        [
            self.id.to_string(),
            self.status.as_str().to_owned(),
            until(self.expires_at),
            until(self.last_used_at),
            perhaps(updated),
            perhaps(self.grace_until),
            self.allow_from.to_string(),
            self.issuers.to_string(),
            self.reason.unwrap_or_default().to_owned(),
            self.name.to_owned(),
            self.scopes.to_string(),
        ]
    }
}

const COLUMNS: usize = 11;
const HEADER: [&str; COLUMNS] = [
    "ID",
    "STATUS",
    "EXPIRES",
    "LAST USED",
    "UPDATED",
    "GRACE UNTIL",
    "FROM",
    "ISSUERS",
    "REASON",
    "NAME",
    "SCOPES",
];

/// `serialize_with` for issuers: a list of their names.
fn names<S: Serializer>(issuers: &&Issuers, s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(issuers.iter())
}

/// A list for people.
pub(crate) fn list(records: &[Shown<'_>]) -> String {
    rows(HEADER, records.iter().map(Shown::cells))
}
