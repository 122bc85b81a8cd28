//! A flood of requests that reach the store, by a key without useful scopes or without credentials.

use std::time::Duration;

use clap::ValueEnum;
use tokio::time::sleep;

use super::operator::{Operator, check_command, check_operator};
use crate::Outcome;
use crate::measure::{Flood, check_bystander, check_memory};
use crate::message::Request;
use crate::report::Report;
use crate::server::{Binary, Fixture, Key};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    flood: Flood,
    /// What is requested
    #[arg(
        long,
        value_enum,
        default_values_t = [Call::Sessions, Call::Logins, Call::Revoke, Call::Introspect, Call::Readiness]
    )]
    call: Vec<Call>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Call {
    /// `DELETE /auth/sessions` for a session that does not exist
    Sessions,
    /// `POST /auth/login`, each with another session
    Logins,
    /// `POST /oauth/revoke` for the key's own token
    Revoke,
    /// `POST /oauth/introspect` for the key's own token
    Introspect,
    /// `GET /readyz` without credentials
    Readiness,
}

impl Call {
    fn request(self, key: &Key, token: &str, number: usize) -> Request {
        let request = match self {
            Self::Sessions => Request::new("DELETE", "/auth/sessions?session_id=x"),
            Self::Logins => {
                let body =
                    serde_json::json!({ "api_key": key.key, "session_id": number.to_string() });
                return Request::post("/auth/login").json(&body);
            }
            Self::Revoke => Request::post("/oauth/revoke").form(&format!("token={token}")),
            Self::Introspect => Request::post("/oauth/introspect").form(&format!("token={token}")),
            Self::Readiness => return Request::get("/readyz"),
        };
        request.header("x-api-key", &key.key)
    }
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    for call in &options.call {
        let fixture = Fixture::start(binary).await?;
        let key = fixture.home.create_key("flood", "nothing:read").await?;
        let victim = fixture.home.create_key("victim", "calls:read").await?;
        // The server sees the new keys after a short delay.
        sleep(Duration::from_millis(500)).await;
        let mint = Request::post("/oauth/token").form("grant_type=client_credentials");
        let mint = mint.header("x-api-key", &key.key);
        let token = fixture.attacker().send(&mint).await?.text("access_token")?;

        report.title(&format!(
            "{} × {} requests of one key at the same time for {} s: {call:?}",
            options.flood.connections, options.flood.streams, options.flood.seconds
        ));
        let watch = fixture.watch()?;
        let bystander = fixture.bystander();
        let operator = Operator::start(&fixture).await?;
        let (call, attack) = (*call, options.flood);
        let make = move |number| call.request(&key, &token, number);
        let flood = attack.run(fixture.attacker(), make);
        let command = async {
            sleep(attack.duration() / 2).await;
            check_command(&fixture.home, &victim.id, report).await
        };
        let (flood, command) = tokio::join!(flood, command);
        command?;
        report.figure("flood", flood?);
        check_operator(&operator.stop().await?, report);
        check_bystander(&bystander.stop().await?, report);
        check_memory(&watch.stop().await?, report);
    }
    Ok(())
}
