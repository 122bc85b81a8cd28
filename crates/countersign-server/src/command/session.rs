//! `countersign session …`.

use std::process::ExitCode;

use countersign::Id;
use serde::Serialize;

use super::arguments::SessionCommand;
use super::output::Output;
use super::subject::Subject;
use crate::error::CommandError;
use crate::ops::Operations;

const COLUMNS: &str = "id session_id issued_at expires_at issuer scopes";

/// A session that was ended.
#[derive(Serialize)]
struct EndedSessionResponse<'a> {
    credential_id: Id,
    session: &'a str,
}

pub(super) async fn run(
    operations: &Operations,
    command: &SessionCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let (SessionCommand::List { credential } | SessionCommand::Revoke { credential, .. }) = command;
    let owner = operations.find_credential(credential).await;
    let owner = owner.map_err(|error| Subject::Credential.error(error))?;
    match command {
        SessionCommand::List { .. } => {
            let list = operations.list_sessions(owner.id).await?;
            let none = "the credential has no session with a valid token";
            output.print_table(&list, &list.sessions, COLUMNS, none)
        }
        SessionCommand::Revoke { session, .. } => {
            let ended = operations.end_session(owner.id, session).await;
            ended.map_err(|error| Subject::Session.error(error))?;
            let response = EndedSessionResponse {
                credential_id: owner.id,
                session,
            };
            let text =
                "The session's token is rejected from now on; the next login gets another one.";
            output.print(&response, text)
        }
    }
}
