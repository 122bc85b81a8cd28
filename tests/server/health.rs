//! `countersign healthcheck`, `shutdown_delay`, and which requests are logged.

use rustix::process::Signal;

use crate::harness::{Home, Server};

/// Returns the exit code of `healthcheck` for a URL, and what it printed.
fn health_check(home: &Home, url: &str) -> (Option<i32>, String) {
    let output = home.command(&["healthcheck", url]).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

#[test]
fn healthcheck_fails_if_the_server_is_not_ready_or_does_not_answer() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let ready = format!("{}/readyz", server.url());
    assert_eq!(health_check(&home, &ready), (Some(0), "ready\n".to_owned()));
    let (code, printed) = health_check(&home, &format!("{}/unknown", server.url()));
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("404"), "{printed}");
    server.stop();
    let (code, printed) = health_check(&home, &ready);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("does not answer"), "{printed}");
}

#[test]
fn server_is_not_ready_and_goes_on_for_shutdown_delay_and_a_second_signal_ends_it() {
    let home = Home::new();
    let config = home.configure("[server]\nshutdown_delay = \"1h\"\n");
    let server = Server::start(&home, &["--config", &config]);
    assert_eq!(server.get("/readyz", &[]).status, 200);
    server.send_signal(Signal::TERM, "signal received");
    assert_eq!(server.get("/readyz", &[]).status, 503);
    assert_eq!(server.get("/healthz", &[]).status, 200);
    assert_eq!(server.status_for(&[]), 401);
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn requests_are_logged_as_configured_and_successful_health_checks_are_not() {
    for (access, logged) in [
        ("all", [false, true, true]),
        ("errors", [false, false, true]),
        ("off", [false; 3]),
    ] {
        let home = Home::new();
        let config = home.configure(&format!("[log]\naccess = \"{access}\"\n"));
        let server = Server::start(&home, &["--config", &config]);
        let paths = ["/healthz", "/openapi.json", "/whoami"];
        let statuses = paths.map(|path| server.get(path, &[]).status);
        assert_eq!(statuses, [200, 200, 401]);
        let (_, log) = server.stop();
        let found = paths.map(|path| log.contains(&format!(r#""route":"{path}""#)));
        assert_eq!(found, logged, "{access}: {log}");
    }
}
