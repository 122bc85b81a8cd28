//! TLS.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use countersign_tests::Authority;
use rustix::process::Signal;

use crate::harness::{Home, Server, TlsFiles, send, wait_for};

const PATIENCE: Duration = Duration::from_secs(30);
/// The version of HTTP and the status.
const VERSION: [&str; 4] = ["-o", "/dev/null", "-w", "%{http_version} %{http_code}"];

#[test]
fn certificate_is_replaced_without_a_restart_and_a_broken_one_is_not_used() {
    let home = Home::new();
    let files = TlsFiles::new(&home);
    let config = home.configure(&files.section(2100));
    let server = Server::start(&home, &["--config", &config]);
    let request = |trusted: &str| {
        let trusted = files.path(trusted);
        let arguments = [&VERSION[..], &["--cacert", &trusted]].concat();
        files.curl(&server, "/healthz", &arguments)
    };
    assert_eq!(request("authority.pem"), "2 200");

    let second = Authority::default();
    fs::write(files.path("second.pem"), second.certificate().pem()).unwrap();
    files.write("server", &second.server(2100));
    server.send_signal(Signal::HUP, "certificate and key read again");
    assert_eq!(request("second.pem"), "2 200");
    assert_eq!(request("authority.pem"), "0 000");

    fs::write(files.path("server.pem"), "broken").unwrap();
    server.send_signal(Signal::HUP, "the present certificate stays");
    assert_eq!(request("second.pem"), "2 200");
}

#[test]
fn file_that_cannot_be_read_at_the_start_is_an_error_that_names_it() {
    let home = Home::new();
    let files = TlsFiles::new(&home);
    for broken in ["server.key", "clients.pem"] {
        let clients = files.path("clients.pem");
        let text = format!("{}client_ca = {clients:?}\n", files.section(2100));
        fs::copy(files.path("authority.pem"), &clients).unwrap();
        fs::write(files.path(broken), "broken").unwrap();
        let serve = ["serve", "--config", &home.configure(&text)];
        let output = home.command(&serve).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(broken), "{errors}");
    }
}

/// Returns an address that is free at present.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Waits until the metric says that the certificate expires at this time.
fn wait_for_expiry(management: SocketAddr, seconds: i64) {
    let line = format!("countersign_certificate_expires_at_seconds {seconds}");
    wait_for("the new certificate", PATIENCE, || {
        let metrics = send(management, "GET", "/metrics", &[], "").body;
        metrics.lines().any(|found| found == line).then_some(())
    });
}

#[test]
fn certificate_and_configuration_are_replaced_under_load_and_no_request_is_lost() {
    let home = Home::new();
    let files = TlsFiles::new(&home);
    let key = home.create_key("calls:read");
    let header = format!("x-api-key: {}", key.key);
    let management = free_address();
    let configure = |year: i32, minutes: usize| {
        let tls = files.section(year);
        home.configure(&format!(
            "[server]\nmanagement_listen = \"{management}\"\n{tls}[issuer.default]\nlifetime = \"{minutes}m\"\n"
        ))
    };
    let server = Server::start(&home, &["--config", &configure(2040, 9)]);
    // 2041-01-01T00:00:00Z and the next years.
    let years = [
        (2041, 2_240_611_200),
        (2042, 2_272_147_200),
        (2043, 2_303_683_200),
    ];
    let statuses = thread::scope(|scope| {
        // The load ends when this is dropped, also by a panic.
        let running = Arc::new(());
        let load = |connection: &'static [&'static str]| {
            let fixed = ["-o", "/dev/null", "-w", "%{http_code}\n", "-H", &*header];
            let arguments = [&fixed[..], connection].concat();
            let (running, files, server) = (Arc::downgrade(&running), &files, &server);
            scope.spawn(move || {
                let mut printed = String::new();
                while Weak::upgrade(&running).is_some() {
                    printed += &files.curl(server, "/whoami?n=[1-20]", &arguments);
                }
                printed
            })
        };
        // One connection for 20 requests, and one for each.
        let loads = [
            load(&["--http2"]),
            load(&["--http1.1", "-H", "connection: close"]),
        ];
        for (minutes, (year, end)) in (1..).zip(years) {
            configure(year, minutes);
            server.send_signal(Signal::HUP, "configuration applied");
            wait_for_expiry(management, end);
        }
        drop(running);
        loads.map(|load| load.join().unwrap())
    });
    for printed in statuses {
        let lost: Vec<_> = printed.lines().filter(|status| *status != "200").collect();
        assert!(lost.is_empty() && printed.len() >= 4 * 20, "{lost:?}");
    }
    let grant = ["-H", &*header, "-d", "grant_type=client_credentials"];
    wait_for("the last configuration", PATIENCE, || {
        let minted = files.curl(&server, "/oauth/token", &grant);
        minted.contains("\"expires_in\":180").then_some(())
    });
}
