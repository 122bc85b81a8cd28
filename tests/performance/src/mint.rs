//! Minting: in this process, and over HTTP.

use std::hint::black_box;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::jose::Algorithm;

use crate::http::libraries::start_service;
use crate::http::services::Service;
use crate::http::wrk::{Target, interleaved};
use crate::in_process::ALGORITHMS;
use crate::in_process::material::{SCOPES, mint, token};
use crate::in_process::raw::{encoding_key, jsonwebtoken, name, sign};
use crate::process::{Server, is_installed, on_server_core, third_party};
use crate::report::{Part, Table};
use crate::server::Home;
use crate::timing::{Run, medians};
use crate::{Effort, http, versions, workspace};

const ASYMMETRIC: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
const FORM: &str = "grant_type=client_credentials";

pub(crate) fn measure(effort: Effort) -> Part {
    let mut omitted = Vec::new();
    let in_process = in_process(effort);
    let mut targets = own();
    targets.extend(axum());
    match oidc_provider() {
        Some(providers) => targets.extend(providers),
        None => omitted.push("oidc-provider is not installed: run tests/setup".to_owned()),
    }
    let figures = interleaved(&targets, effort);
    let http = http::table(
        "http",
        "Tokens over HTTP",
        "The client credentials grant. The reference server and oidc-provider authenticate the client. axum with \
         jsonwebtoken mints for anyone who asks.",
        &targets,
        &figures,
    );
    let mut part = Part::new("mint", vec![in_process, http]);
    part.omitted = omitted;
    part.versions = ["jsonwebtoken", "aws-lc-rs", "axum"]
        .map(versions::package)
        .into();
    part.versions.extend(oidc_version());
    part.versions.extend(
        versions::program("node", &["--version"]).map(|version| format!("Node.js {version}")),
    );
    part
}

fn in_process(effort: Effort) -> Table {
    let mut names = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    for algorithm in ALGORITHMS {
        let mut add = |name: &str, run: Run| {
            names.push(format!("{name}, {algorithm}"));
            runs.push(run);
        };
        add("countersign", own_mint(algorithm));
        add("aws-lc-rs, the signature alone", sign(algorithm));
        add("jsonwebtoken, encode alone", encode(algorithm));
    }
    let times = medians(&mut runs, effort.of(80, 10));
    let note = "countersign decides scopes and lifetime, and draws a random `jti`. jsonwebtoken encodes claims that are there.";
    let mut table = Table::new("in-process", "Tokens in process", note, &["ns"]).bars(0);
    for (name, time) in names.iter().zip(times) {
        table.row(name, vec![Some(time)]);
    }
    table
}

fn own_mint(algorithm: Algorithm) -> Run {
    let (mint, request) = mint(algorithm, SCOPES);
    Box::new(move |times| {
        for _ in 0..times {
            black_box(mint.mint(&request).unwrap());
        }
    })
}

fn encode(algorithm: Algorithm) -> Run {
    let token = token(algorithm);
    let (decoding, validation) = jsonwebtoken(algorithm);
    let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &decoding, &validation);
    let (claims, key) = (claims.unwrap().claims, encoding_key(algorithm));
    let header = jsonwebtoken::Header::new(name(algorithm));
    Box::new(move |times| {
        for _ in 0..times {
            black_box(jsonwebtoken::encode(&header, &claims, &key).unwrap());
        }
    })
}

fn own() -> Vec<Target> {
    let mut targets = Vec::new();
    for algorithm in ASYMMETRIC {
        let configuration =
            format!("[log]\naccess = \"off\"\n[issuer.default]\nalgorithm = \"{algorithm}\"\n");
        let home = Rc::new(Home::new(&configuration));
        let (_, key) = home.create_key("bench");
        let (server, address) = home.serve();
        let url = format!("http://{address}/oauth/token");
        let target = Target::new(
            "http",
            format!("countersign, {algorithm}"),
            url,
            &Rc::new(server),
        );
        targets.push(target.header("x-api-key", key).form(FORM).keep(&home));
    }
    targets
}

fn axum() -> Vec<Target> {
    let start = |algorithm: Algorithm| {
        let (server, url, _) = start_service(Service::Mint, algorithm);
        let name = format!("axum with jsonwebtoken, {algorithm}");
        Target::new("http", name, url, &server).form(FORM)
    };
    ASYMMETRIC.map(start).into()
}

fn oidc_version() -> Option<String> {
    let package = third_party().join("node/node_modules/oidc-provider/package.json");
    let package: serde_json::Value = serde_json::from_slice(&std::fs::read(package).ok()?).ok()?;
    Some(format!("oidc-provider {}", package["version"].as_str()?))
}

fn oidc_provider() -> Option<Vec<Target>> {
    let node = third_party().join("bin/node");
    oidc_version()?;
    if !is_installed(&node.display().to_string()) {
        return None;
    }
    let client = format!("Basic {}", STANDARD.encode("worker:worker-secret"));
    let start = |algorithm: Algorithm| {
        let mut command = on_server_core(&node);
        command.env("NODE_ENV", "production");
        command.arg(workspace().join("tests/performance/oidc_provider.mjs"));
        command
            .arg(third_party().join("node"))
            .arg(algorithm.as_str());
        command.stderr(std::process::Stdio::null());
        let (server, url) = Server::start_printing(command);
        let name = format!("oidc-provider, {algorithm}");
        let target = Target::new("http", name, format!("{url}/token"), &Rc::new(server));
        target.header("authorization", &client).form(
            "grant_type=client_credentials&scope=calls:read+calls:write+campaigns:read+agents:read",
        )
    };
    Some(ASYMMETRIC.map(start).into())
}
