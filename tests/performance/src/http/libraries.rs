//! Libraries on axum.

use std::rc::Rc;

use countersign::jose::Algorithm;

use super::services::Service;
use super::wrk::Target;
use crate::in_process::material::token;
use crate::in_process::own::password_layer;
use crate::process::{Server, on_server_core};

/// Starts a service of this program, and returns its URL and API key.
pub(crate) fn start_service(
    service: Service,
    algorithm: Algorithm,
) -> (Rc<Server>, String, String) {
    use clap::ValueEnum as _;

    let name = service.to_possible_value().unwrap();
    let mut command = on_server_core(std::env::current_exe().unwrap());
    command.args(["serve", name.get_name(), algorithm.as_str()]);
    let (server, line) = Server::start_printing(command);
    let (url, key) = line.split_once(' ').unwrap_or((&line, ""));
    (Rc::new(server), url.to_owned(), key.to_owned())
}

pub(super) fn start() -> Vec<Target> {
    let mut targets = Vec::new();
    let (server, url, _) = start_service(Service::Bare, Algorithm::Hs256);
    targets.push(Target::new(
        "libraries",
        "axum, no authentication",
        url,
        &server,
    ));
    let (server, url, key) = start_service(Service::Key, Algorithm::Hs256);
    targets.push(
        Target::new("libraries", "countersign, API key", url, &server).header("x-api-key", key),
    );
    let (server, url, _) = start_service(Service::Password, Algorithm::Hs256);
    let (_, credentials) = password_layer();
    let target = Target::new(
        "libraries",
        "countersign, Basic with a password",
        url,
        &server,
    );
    targets.push(target.header("authorization", credentials.to_str().unwrap()));
    for algorithm in [Algorithm::Hs256, Algorithm::EdDsa] {
        for (service, name) in [
            (Service::Cached, "countersign, cached"),
            (Service::NoCache, "countersign, no cache"),
            (Service::JwtAuthorizer, "jwt-authorizer"),
        ] {
            let (server, url, _) = start_service(service, algorithm);
            let target = Target::new("libraries", format!("{name}, {algorithm}"), url, &server);
            let bearer = format!("Bearer {}", token(algorithm));
            targets.push(target.header("authorization", bearer));
        }
    }
    targets
}
