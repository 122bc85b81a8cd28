//! The reference server.

use std::rc::Rc;

use countersign::jose::Algorithm;

use super::libraries::start_service;
use super::services::Service;
use super::wrk::Target;
use crate::server::{Home, token};

pub(super) fn start() -> Vec<Target> {
    let mut targets = Vec::new();
    let (server, url, _) = start_service(Service::Bare, Algorithm::Hs256);
    targets.push(Target::new(
        "server",
        "axum, no authentication",
        url,
        &server,
    ));
    for (access, suffix) in [("off", ""), ("all", ", access log")] {
        let home = Rc::new(Home::new(&format!(
            "[log]\nformat = \"json\"\naccess = \"{access}\"\n"
        )));
        let (_, key) = home.create_key("bench");
        let (server, address) = home.serve();
        let (server, token) = (Rc::new(server), token(&address, &key));
        let target = |name: &str, path: &str| {
            let name = format!("countersign, {name}{suffix}");
            Target::new("server", name, format!("http://{address}{path}"), &server).keep(&home)
        };
        if access == "off" {
            targets.push(target("/healthz", "/healthz"));
        }
        targets.push(target("/whoami, API key", "/whoami").header("x-api-key", &key));
        let bearer = format!("Bearer {token}");
        targets.push(target("/whoami, cached bearer", "/whoami").header("authorization", bearer));
        let mint = target("mint EdDSA", "/oauth/token").header("x-api-key", &key);
        targets.push(mint.form("grant_type=client_credentials"));
    }
    targets
}
