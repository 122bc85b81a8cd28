//! nginx, Caddy, HAProxy and Envoy with the configurations of `examples/gateways`: alone, with a trivial endpoint in place
//! of the reference server, and with the reference server.

mod configuration;

use std::fs::File;
use std::rc::Rc;

use countersign::jose::Algorithm;
use countersign_tests::{GatewayExample, GatewayPorts};
use tempfile::TempDir;

use crate::Effort;
use crate::http::libraries::start_service;
use crate::http::services::Service;
use crate::http::wrk::{Target, interleaved};
use crate::process::{Server, free_port, on_server_core, third_party};
use crate::report::{FORWARD_AUTH, Part, Table};
use crate::server::{Home, token};
use crate::versions;

const COLUMNS: [&str; 4] = [
    "alone, requests/s",
    "trivial endpoint, requests/s",
    "countersign, requests/s",
    "countersign / trivial endpoint",
];
const NOTE: &str = "Each gateway with its example, in front of a service that answers 200. *Alone* is the example without \
    the directive or filter that asks; the *trivial endpoint* answers 200 to every question without reading it. The client \
    sends a token with four scopes. The gateway, the service and what the gateway asks share one core, and the load, 64 \
    connections, has another one; the figures are medians of five turns. The trivial endpoint speaks no gRPC.";

/// What a gateway asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Trivial,
    Countersign,
}

/// The servers beside the gateways.
struct Servers {
    service: (Rc<Server>, u16),
    trivial: (Rc<Server>, u16),
    countersign: (Rc<Server>, u16),
    token: String,
    _home: Home,
}

impl Servers {
    fn start() -> Self {
        let trivial = || {
            let (server, url, _) = start_service(Service::Anything, Algorithm::Hs256);
            (server, port(&url))
        };
        let configuration = GatewayExample::server_configuration();
        let home = Home::new(&format!("{configuration}\n[log]\naccess = \"off\"\n"));
        let (_, key) = home.create_key("bench");
        let (server, address) = home.serve();
        Self {
            service: trivial(),
            trivial: trivial(),
            token: token(&address, &key),
            countersign: (Rc::new(server), port(&address)),
            _home: home,
        }
    }

    /// Starts a gateway, and returns what is asked of it.
    fn gateway(&self, example: GatewayExample, asked: Asked) -> Target {
        let folder = Rc::new(TempDir::with_prefix("countersign-performance-").unwrap());
        let (answering, server) = match asked {
            Asked::Nothing | Asked::Trivial => &self.trivial,
            Asked::Countersign => &self.countersign,
        };
        let gateway = free_port();
        let ports = GatewayPorts {
            gateway,
            server: *server,
            service: self.service.1,
        };
        example.write(folder.path(), ports);
        if asked == Asked::Nothing {
            configuration::ask_nothing(example, folder.path());
        }
        let log = File::create(folder.path().join("gateway.log")).unwrap();
        let mut command = on_server_core(example.program(&third_party()));
        command
            .args(example.arguments())
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let running = Rc::new(Server::start(command, &[gateway]));
        let url = format!("http://127.0.0.1:{gateway}/calls");
        let name = format!("{}, {asked:?}", example.name());
        Target::new(FORWARD_AUTH, name, url, &running)
            .header("authorization", format!("Bearer {}", self.token))
            .also(&self.service.0)
            .also(answering)
            .keep(&folder)
    }
}

pub(crate) fn measure(effort: Effort) -> Part {
    let servers = Servers::start();
    let is_installed = |example: &GatewayExample| example.program(&third_party()).is_file();
    let (measured, missing): (Vec<_>, Vec<_>) =
        GatewayExample::ASKING.into_iter().partition(is_installed);
    let mut cells = Vec::new();
    let mut targets = Vec::new();
    for &example in &measured {
        for asked in [Asked::Nothing, Asked::Trivial, Asked::Countersign] {
            if example != GatewayExample::EnvoyGrpc || asked == Asked::Countersign {
                cells.push((example, asked));
                targets.push(servers.gateway(example, asked));
            }
        }
    }
    let figures = interleaved(&targets, effort);
    let mut table = Table::new(FORWARD_AUTH, "Requests per second", NOTE, &COLUMNS);
    for example in measured {
        let per_second = |asked: Asked| {
            let mut cells = cells.iter().zip(&figures);
            let (_, figures) = cells.find(|(cell, _)| **cell == (example, asked))?;
            Some(figures.per_second)
        };
        let (trivial, own) = (per_second(Asked::Trivial), per_second(Asked::Countersign));
        let ratio = own.zip(trivial).map(|(own, trivial)| own / trivial);
        let values = vec![per_second(Asked::Nothing), trivial, own, ratio];
        table.row(example.name(), values);
    }
    let mut part = Part::new(FORWARD_AUTH, vec![table]);
    let omitted = missing.iter().map(|example| {
        let name = example.name();
        format!("{name} is not installed: run tests/setup")
    });
    part.omitted = omitted.collect();
    part.versions = vec![versions::package("axum")];
    let programs = [
        (GatewayExample::Nginx, "-v"),
        (GatewayExample::Caddy, "version"),
        (GatewayExample::HaProxy, "-v"),
        (GatewayExample::Envoy, "--version"),
    ];
    for (example, argument) in programs {
        let program = example.program(&third_party()).display().to_string();
        let version = versions::named(example.name(), &program, argument);
        part.versions.extend(version);
    }
    part
}

/// Returns the port of a URL or an address.
fn port(url: &str) -> u16 {
    let (_, port) = url.trim_end_matches('/').rsplit_once(':').unwrap();
    port.parse().unwrap()
}
