//! Schemathesis, a property-based OpenAPI client, and the statuses that it received.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Home, Server, third_party_folder};

/// Returns the number of requests for each operation in the fuzzing phase: `SCHEMATHESIS_EXAMPLES`, or `default`.
fn examples(default: u32) -> String {
    std::env::var("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| default.to_string())
}

/// A configuration without effective rate limits.
pub(crate) const LIMITS: &str = "[limits]\n\
    mints = { per = \"1s\", burst = 1000000 }\n\
    writes = { per = \"1s\", burst = 1000000 }\n\
    failed_authentications = { per = \"1s\", burst = 1000000 }\n";

/// One run of the client.
pub(crate) struct Run<'a> {
    /// The path of the document.
    pub(crate) document: &'a str,
    /// The configuration of Schemathesis.
    pub(crate) configuration: &'a str,
    /// Further arguments.
    pub(crate) arguments: Vec<&'a str>,
    /// The number of examples for each operation.
    pub(crate) examples: u32,
}

/// The statuses of all responses, by operation, such as `GET /whoami`.
pub(crate) type Seen = BTreeMap<String, BTreeSet<u16>>;

impl Run<'_> {
    /// Sends thousands of valid and invalid requests, and fails if a response does not conform to the document.
    #[track_caller]
    pub(crate) fn assert_conforms(&self, home: &Home, server: &Server) -> Seen {
        let configuration = home.path().join("schemathesis.toml");
        fs::write(&configuration, self.configuration).unwrap();
        let report = home.path().join("report.ndjson");
        let run = Command::new(third_party_folder().join("venv/bin/schemathesis"))
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
            // Ignores the configuration of the machine, and leaves no files behind.
            .current_dir(home.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&run.stdout);
        let errors = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{output}{errors}");
        println!("{output}");
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
