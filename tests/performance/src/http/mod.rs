//! End to end over the loopback: one core for the servers, one for the load, 64 connections.

mod envoy;
mod gateways;
pub(crate) mod libraries;
mod own_server;
pub(crate) mod services;
pub(crate) mod wrk;

use crate::process::is_installed;
use crate::report::{Part, Table};
use crate::{Effort, versions};

use wrk::{Figures, Target};

const COLUMNS: [&str; 3] = ["requests/s", "p99, µs", "processor time, µs/request"];

pub(crate) fn measure(effort: Effort) -> Part {
    let mut omitted = Vec::new();
    let mut targets = libraries::start();
    targets.extend(own_server::start());
    if is_installed("haproxy") {
        targets.extend(gateways::haproxy());
    } else {
        omitted.push("HAProxy is not installed (Debian: `apt-get install haproxy`)".to_owned());
    }
    if is_installed("nginx") {
        targets.extend(gateways::nginx());
    } else {
        omitted.push("nginx is not installed (Debian: `apt-get install nginx-light`)".to_owned());
    }
    match envoy::program() {
        Some(envoy) => targets.extend(envoy::start(&envoy)),
        None => omitted.push(envoy::INSTALL.to_owned()),
    }
    let figures = wrk::interleaved(&targets, effort);
    let tables = [
        (
            "libraries",
            "Libraries on axum",
            "A handler that answers `ok`, on one core. jwt-authorizer runs on axum 0.7, which it needs.",
        ),
        (
            "gateways",
            "Gateways",
            "Each answers by itself, without an upstream, except where nginx asks a backend. Envoy's cache keeps no revocation.",
        ),
        (
            "server",
            "The reference server",
            "`access` of `[log]` is off, except where it is said to be on. The key and the token have four scopes.",
        ),
    ];
    let tables = tables.map(|(id, title, note)| table(id, title, note, &targets, &figures));
    let mut part = Part::new("http", tables.into());
    part.omitted = omitted;
    part.versions = ["axum", "hyper", "jwt-authorizer", "jsonwebtoken"]
        .map(versions::package)
        .into();
    let programs = [("wrk", "-v"), ("haproxy", "-v"), ("nginx", "-v")];
    let programs = programs
        .iter()
        .filter_map(|(name, flag)| versions::program(name, &[flag]));
    part.versions.extend(programs);
    let version_of_envoy =
        envoy::program().and_then(|envoy| versions::named("Envoy", &envoy, "--version"));
    part.versions.extend(version_of_envoy);
    part
}

/// Makes the table with the targets of this name.
pub(crate) fn table(
    id: &str,
    title: &str,
    note: &str,
    targets: &[Target],
    figures: &[Figures],
) -> Table {
    let mut table = Table::new(id, title, note, &COLUMNS).bars(0);
    for (target, figures) in targets.iter().zip(figures) {
        if target.table == id {
            let values = [figures.per_second, figures.p99, figures.processor];
            table.row(&target.name, values.map(Some).into());
        }
    }
    table
}
