//! A running server when its database is replaced, with large request heads, and on SIGHUP.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Home, Server, api_key, wait_for};

#[test]
fn a_server_whose_database_was_replaced_or_removed_is_503_until_a_restart() {
    for replaced in [true, false] {
        let (home, other) = (Home::on_sqlite(), Home::on_sqlite());
        let config = home.configure("[store]\nmax_staleness = \"1s\"\n");
        let server = Server::start(&home, &["--config", &config]);
        let key = server.create_key(&home, "*");
        let presented = [api_key(&key.key)];

        let path = home.path().join("x.db");
        fs::rename(&path, home.path().join("aside.db")).unwrap();
        if replaced {
            other.run(&["key", "list"]);
            fs::rename(other.path().join("x.db"), &path).unwrap();
        }
        server.wait_for_log("restart the server");
        wait_for("503", Duration::from_secs(10), || {
            (server.status_for(&presented) == 503).then_some(())
        });
        assert_eq!(server.get("/readyz", &[]).status, 503);
        assert_eq!(server.get("/healthz", &[]).status, 200);
        assert_eq!(server.mint(&presented).status, 503);
        server.stop();

        fs::rename(home.path().join("aside.db"), &path).unwrap();
        let server = Server::start(&home, &["--config", &config]);
        assert_eq!(server.status_for(&presented), 200);
    }
}

#[test]
fn a_server_whose_log_cannot_be_written_answers_requests() {
    let home = Home::on_sqlite();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let server = Server::start_with_log(&home, &[], full.into());
    for _ in 0..3 {
        assert_eq!(server.get("/healthz", &[]).status, 200);
    }
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_request_head_of_40_kb_is_rejected_and_one_of_20_kb_is_not() {
    let home = Home::on_sqlite();
    let server = Server::start(&home, &[]);
    assert_heads(&server, [(20_000, "200"), (40_000, "431")]);
}

#[test]
fn largest_head_of_a_request_is_configured() {
    let home = Home::on_sqlite();
    let config = home.configure("[server]\nheader_limit = \"100KiB\"\n");
    let server = Server::start(&home, &["--config", &config]);
    assert_heads(&server, [(90_000, "200"), (210_000, "431")]);
}

/// Checks the status of requests with a header of these lengths.
#[track_caller]
fn assert_heads(server: &Server, heads: [(usize, &str); 2]) {
    for (length, status) in heads {
        let long = "a".repeat(length);
        let head = format!(
            "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-long: {long}\r\n\r\n"
        );
        let response = server.send_raw(head.as_bytes());
        let response = response.lines().next().unwrap_or_default();
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}")),
            "{length}: {response}"
        );
    }
}

#[test]
fn configuration_is_read_again_on_sighup_and_an_invalid_one_is_not_applied() {
    let home = Home::on_sqlite();
    let config = home.configure("[issuer.default.wires.oauth]\npath = \"/first\"\n");
    let server = Server::start(&home, &["--config", &config]);
    let status = |path: &str| server.post(path, &[], "").status;
    assert_eq!((status("/first"), status("/second")), (400, 404));
    home.configure("[issuer.default.wires.oauth]\npath = \"/second\"\n");
    server.send_signal(Signal::HUP, "configuration applied");
    assert_eq!((status("/first"), status("/second")), (404, 400));
    home.configure("[issuer.default.wires.oauth]\npath = 1\n");
    server.send_signal(Signal::HUP, "the present configuration stays");
    assert_eq!((status("/first"), status("/second")), (404, 400));
    let (exit, _) = server.stop();
    assert_eq!(exit.code(), Some(0));
}
