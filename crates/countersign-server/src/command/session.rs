//! `countersign session …`.

use std::process::ExitCode;

use countersign::Id;
use serde::Serialize;

use super::arguments::SessionCommand;
use super::output::{Output, or_empty, table};
use super::subject::Subject;
use crate::error::CommandError;
use crate::ops::{Operations, SessionListResponse};

/// A session that was ended.
#[derive(Serialize)]
struct EndedSessionResponse<'a> {
    credential_id: Id,
    session: &'a str,
}

pub(super) async fn run(
    operations: &Operations,
    command: SessionCommand,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let (SessionCommand::List { credential } | SessionCommand::Revoke { credential, .. }) =
        &command;
    let owner = operations.find_credential(credential).await;
    let owner = owner.map_err(|error| Subject::Credential.error(error))?;
    match &command {
        SessionCommand::List { .. } => list(&operations.list_sessions(owner.id).await?, output),
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

fn list(list: &SessionListResponse, output: Output) -> Result<ExitCode, CommandError> {
    let lines = list.sessions.iter().map(|session| {
        [
            session.id.to_string(),
            or_empty(session.session_id.as_ref()),
            session.issued_at.to_string(),
            session.expires_at.to_string(),
            session.issuer.clone(),
            session.scopes.to_string(),
        ]
    });
    let text = if list.sessions.is_empty() {
        "the credential has no session with a valid token".to_owned()
    } else {
        let header = ["ID", "NAME", "ISSUED", "EXPIRES", "ISSUER", "SCOPES"];
        table(header, lines)
    };
    output.print(list, &text)
}
