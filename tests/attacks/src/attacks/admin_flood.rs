//! A tenant's administrator who creates keys as fast as the server allows, and an operator who verifies the audit log
//! all the time.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;
use tokio::time::sleep;

use super::operator::{Operator, check_command, check_operator};
use super::records::append_records;
use crate::Outcome;
use crate::measure::{Flood, check_bystander, check_memory};
use crate::message::Request;
use crate::report::Report;
use crate::server::{Binary, Fixture, Key};

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    flood: Flood,
    /// The most keys that the administrator may be able to create
    #[arg(long, default_value_t = 1000)]
    max_keys: usize,
    /// The records in the audit log that is verified
    #[arg(long, default_value_t = 5000)]
    records: usize,
    /// What is requested
    #[arg(long, value_enum, default_values_t = [Call::Create, Call::Verify])]
    call: Vec<Call>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Call {
    /// `POST /admin/v1/keys` by a tenant's administrator
    Create,
    /// `GET /admin/v1/audit/verify` by an administrator of the account `default`
    Verify,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let fixture = Fixture::start(binary).await?;
    let admin = "countersign:admin calls:read";
    let verifier = fixture.home.create_key("verifier", admin).await?;
    let tenant = tenant(&fixture, admin).await?;
    for call in &options.call {
        if *call == Call::Verify {
            append_records(&fixture, options.records).await?;
        }
        let victim = fixture.home.create_key("victim", "calls:read").await?;
        // The server sees the new keys after a short delay.
        sleep(Duration::from_millis(500)).await;
        report.title(&format!(
            "{} × {} requests of an administrator at the same time for {} s: {call:?}",
            options.flood.connections, options.flood.streams, options.flood.seconds
        ));
        let watch = fixture.watch()?;
        let bystander = fixture.bystander();
        let operator = Operator::start(&fixture).await?;
        let (call, attack) = (*call, options.flood);
        let (tenant, verifier) = (tenant.key.clone(), verifier.key.clone());
        let make = move |number| match call {
            Call::Create => Request::post("/admin/v1/keys")
                .header("x-api-key", &tenant)
                .json(&json!({ "name": format!("key {number}"), "scopes": ["calls:read"] })),
            Call::Verify => Request::get("/admin/v1/audit/verify").header("x-api-key", &verifier),
        };
        let flood = attack.run(fixture.attacker(), make);
        let command = async {
            sleep(attack.duration() / 2).await;
            check_command(&fixture.home, &victim.id, report).await
        };
        let (flood, command) = tokio::join!(flood, command);
        command?;
        let flood = flood?;
        report.figure("flood", &flood);
        if call == Call::Create {
            let created = flood.with_status("201");
            let limit = format!("the tenant creates at most {} keys", options.max_keys);
            report.check(&limit, created <= options.max_keys, created);
        }
        check_operator(&operator.stop().await?, report);
        check_bystander(&bystander.stop().await?, report);
        check_memory(&watch.stop().await?, report);
    }
    Ok(())
}

/// Creates an account with an administrator.
async fn tenant(fixture: &Fixture<'_>, scopes: &str) -> Outcome<Key> {
    let account = fixture.home.json(&["account", "create", "tenant"]).await?;
    let account = crate::server::text(&account, "id")?;
    let arguments = ["key", "create", "--name", "admin", "--account", &account];
    let arguments = [&arguments[..], &["--scopes", scopes]].concat();
    Key::from_json(&fixture.home.json(&arguments).await?)
}
