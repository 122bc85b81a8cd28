//! Keys and users as text.

use super::output::{fields, or_empty, or_never, table};
use crate::ops::CredentialResponse;

/// Formats one line for each field of a credential.
pub(super) fn text(credential: &CredentialResponse) -> String {
    let list = |items: &[String], none: &str| match items {
        [] => none.to_owned(),
        items => items.join(" "),
    };
    let environment = credential.environment_id.map(|id| id.to_string());
    let mut lines = vec![
        ("id", credential.id.to_string()),
        ("name", credential.name.clone()),
        ("status", credential.status.as_str().to_owned()),
        ("scopes", credential.scopes.to_string()),
        ("from", list(&credential.allow_from, "anywhere")),
        ("issuers", list(&credential.issuers, "all")),
        ("account", credential.account_id.to_string()),
        (
            "environment",
            environment.unwrap_or_else(|| "none".to_owned()),
        ),
        ("generation", credential.generation.to_string()),
        ("created", credential.created_at.to_string()),
        ("updated", credential.updated_at.to_string()),
        ("expires", or_never(credential.expires_at)),
        ("last used", or_never(credential.last_used_at)),
    ];
    if let Some(reason) = &credential.reason {
        lines.insert(3, ("reason", reason.clone()));
    }
    if let Some(until) = credential.grace_until {
        lines.push(("grace until", until.to_string()));
    }
    fields(&lines)
}

/// Formats a table of credentials, or `none` if there are none.
pub(super) fn list(credentials: &[CredentialResponse], none: &str) -> String {
    if credentials.is_empty() {
        return none.to_owned();
    }
    let header = [
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
    let lines = credentials.iter().map(|credential| {
        let updated =
            (credential.updated_at != credential.created_at).then_some(credential.updated_at);
        [
            credential.id.to_string(),
            credential.status.as_str().to_owned(),
            or_never(credential.expires_at),
            or_never(credential.last_used_at),
            or_empty(updated),
            or_empty(credential.grace_until),
            credential.allow_from.join(" "),
            credential.issuers.join(" "),
            or_empty(credential.reason.as_ref()),
            credential.name.clone(),
            credential.scopes.to_string(),
        ]
    });
    table(header, lines)
}
