//! `countersign signing-key …`.

use std::process::ExitCode;

use super::arguments::SigningKeyCommand;
use super::output::{Output, fields, or_empty, table};
use crate::error::CommandError;
use crate::ops::{Operations, SigningKeyListResponse, SigningKeyResponse};

pub(super) async fn run(
    operations: &Operations,
    command: SigningKeyCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let key = match command {
        SigningKeyCommand::List { of } => {
            return list(&operations.list_signing_keys(&of.issuer).await?, output);
        }
        SigningKeyCommand::Rotate(rotate) => {
            operations
                .rotate_signing_key(&rotate.of.issuer, rotate.algorithm, rotate.lead)
                .await?
        }
        SigningKeyCommand::Revoke { kid, of } => {
            operations.revoke_signing_key(&of.issuer, &kid).await?
        }
    };
    output.print(&key, &text(&key))
}

fn list(list: &SigningKeyListResponse, output: Output) -> Result<ExitCode, CommandError> {
    let lines = list.signing_keys.iter().map(|key| {
        [
            key.kid.clone(),
            key.state.to_owned(),
            key.algorithm.to_owned(),
            key.created_at.to_string(),
            key.activates_at.to_string(),
            or_empty(key.revoked_at),
        ]
    });
    let text = if list.signing_keys.is_empty() {
        "there is no signing key yet: `countersign serve` creates the first one".to_owned()
    } else {
        let header = [
            "KID",
            "STATE",
            "ALGORITHM",
            "CREATED",
            "SIGNS FROM",
            "REVOKED",
        ];
        table(header, lines)
    };
    output.print(list, &text)
}

fn text(key: &SigningKeyResponse) -> String {
    let mut lines = vec![
        ("kid", key.kid.clone()),
        ("state", key.state.to_owned()),
        ("algorithm", key.algorithm.to_owned()),
        ("created", key.created_at.to_string()),
        ("signs from", key.activates_at.to_string()),
    ];
    if let Some(revoked_at) = key.revoked_at {
        lines.push(("revoked", revoked_at.to_string()));
    }
    fields(&lines)
}
