//! `countersign session …`.

use clap::Subcommand;
use serde_json::json;

use super::report::Report;
use super::subject::Subject;
use super::{CommandResult, Context};

const COLUMNS: &str = "id session_id issued_at expires_at issuer scopes";

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List the sessions of a key or user, without those whose token has expired
    List {
        /// The id of the key or user, or the user's name
        credential: String,
    },
    /// Revoke a session: its token is rejected, and the next login gets another
    Revoke {
        /// The id of the key or user, or the user's name
        credential: String,
        /// The session's id, or the name that the client gave it
        // The client chose the name, which may begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        session: String,
    },
}

pub(super) async fn run(context: &Context, command: &SessionCommand) -> CommandResult {
    let operations = context.operations().await?;
    let (SessionCommand::List { credential } | SessionCommand::Revoke { credential, .. }) = command;
    let owner = operations.find_credential(credential).await;
    let owner = owner.map_err(|error| Subject::Credential.error(error))?;
    match command {
        SessionCommand::List { .. } => {
            let list = operations.list_sessions(owner.id).await?;
            let none = "the credential has no session with a valid token";
            Report::of_table(&list, &list.sessions, COLUMNS, none)
        }
        SessionCommand::Revoke { session, .. } => {
            let ended = operations.end_session(owner.id, session).await;
            ended.map_err(|error| Subject::Session.error(error))?;
            Report::new(
                &json!({ "credential_id": owner.id, "session": session }),
                "The session's token is rejected from now on; the next login gets another one.",
            )
        }
    }
}
