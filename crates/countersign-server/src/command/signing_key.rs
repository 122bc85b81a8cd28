//! `countersign signing-key …`.

use std::process::ExitCode;

use super::arguments::SigningKeyCommand;
use super::output::Output;
use crate::error::CommandError;
use crate::ops::Operations;

const FIELDS: &str = "kid state algorithm created_at activates_at revoked_at";
const COLUMNS: &str = "kid state algorithm created_at activates_at revoked_at";

pub(super) async fn run(
    operations: &Operations,
    command: SigningKeyCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let key = match command {
        SigningKeyCommand::List { of } => {
            let list = operations.list_signing_keys(&of.issuer).await?;
            let none = "there is no signing key yet: `countersign serve` creates the first one";
            return output.print_table(&list, &list.signing_keys, COLUMNS, none);
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
    output.print_fields(&key, FIELDS)
}
