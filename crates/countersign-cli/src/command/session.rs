//! `countersign session …`.

use clap::Subcommand;
use countersign::registry::Page;
use serde_json::json;

use super::report::Report;
use super::subject::Subject;
use super::{CommandResult, Context};
use crate::error::CommandError;
use crate::ops::{CredentialResponse, Operations};

const COLUMNS: &str = "id session_id issued_at expires_at issuer scopes";
const COLUMNS_OF_ALL: &str =
    "id session_id credential_kind credential_name issued_at expires_at issuer scopes";

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List sessions, without those whose token has expired
    List {
        /// Only those of this key or user: its id, or the user's name
        credential: Option<String>,
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
    match command {
        SessionCommand::List { credential: None } => {
            let list = operations.list_all_sessions(Page::all()).await?;
            let none = "there is no session with a valid token";
            Report::of_table(&list, &list.sessions, COLUMNS_OF_ALL, none)
        }
        SessionCommand::List {
            credential: Some(credential),
        } => {
            let owner = find(operations, credential).await?;
            let list = operations.list_sessions(owner.id).await?;
            let none = "the credential has no session with a valid token";
            Report::of_table(&list, &list.sessions, COLUMNS, none)
        }
        SessionCommand::Revoke {
            credential,
            session,
        } => {
            let owner = find(operations, credential).await?;
            let ended = operations.end_session(owner.id, session).await;
            ended.map_err(|error| Subject::Session.error(error))?;
            Report::new(
                &json!({ "credential_id": owner.id, "session": session }),
                "The session's token is rejected from now on; the next login gets another one.",
            )
        }
    }
}

async fn find(
    operations: &Operations,
    credential: &str,
) -> Result<CredentialResponse, CommandError> {
    let owner = operations.find_credential(credential).await;
    owner.map_err(|error| Subject::Credential.error(error))
}
