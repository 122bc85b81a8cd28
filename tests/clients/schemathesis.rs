//! The property-based OpenAPI client, and what it saw.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Home, Server, scratch};

/// Requests of the fuzzing phase for each operation, where `SCHEMATHESIS_EXAMPLES` names no other number.
fn examples(usual: u32) -> String {
    std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| usual.to_string())
}

/// Nothing is refused for being too many.
pub(crate) const LIMITS: &str = "[limits]\n\
    mints = { per = \"1s\", burst = 1000000 }\n\
    failed_authentications = { per = \"1s\", burst = 1000000 }\n";

/// One run of the client.
pub(crate) struct Run<'a> {
    /// The document's file.
    pub(crate) document: &'a str,
    /// The client's own configuration.
    pub(crate) configuration: &'a str,
    /// What comes behind its usual arguments.
    pub(crate) arguments: Vec<&'a str>,
    /// How many examples of each operation.
    pub(crate) examples: u32,
}

/// The statuses that operations were seen to answer with, such as `GET /whoami`.
pub(crate) type Seen = BTreeMap<String, BTreeSet<u16>>;

impl Run<'_> {
    /// Sends thousands of requests, good and bad: there must be no answer that the document does not name.
    #[track_caller]
    pub(crate) fn holds(&self, home: &Home, server: &Server) -> Seen {
        let configuration = home.path().join("schemathesis.toml");
        fs::write(&configuration, self.configuration).unwrap();
        let report = home.path().join("report.ndjson");
        let run = Command::new(scratch().join("venv/bin/schemathesis"))
            .arg("--config-file")
            .arg(&configuration)
            .args(["run", self.document, "--url", &server.url()])
            .args([
                "--checks",
                "all",
                "--max-examples",
                &examples(self.examples),
            ])
            .args(["--seed", "20261122", "--no-color"])
            .args(["--suppress-health-check", "all", "--warnings", "off"])
            .args(["--report", "ndjson", "--report-ndjson-path"])
            .arg(&report)
            .args(&self.arguments)
            // Nothing of the machine's, and nothing left behind.
            .current_dir(home.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        let complained = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{said}{complained}");
        println!("{said}");
        seen(&fs::read_to_string(report).unwrap())
    }
}

fn seen(report: &str) -> Seen {
    let mut seen = Seen::new();
    for line in report.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let recorder = &event["ScenarioFinished"]["recorder"];
        let Some(cases) = recorder["cases"].as_object() else {
            continue;
        };
        for (id, case) in cases {
            let status = &recorder["interactions"][id]["response"]["status_code"];
            let text = |name: &str| case["value"][name].as_str().unwrap_or_default();
            let operation = format!("{} {}", text("method"), text("path"));
            let status: Option<u16> = status.as_u64().and_then(|status| status.try_into().ok());
            seen.entry(operation).or_default().extend(status);
        }
    }
    seen
}
