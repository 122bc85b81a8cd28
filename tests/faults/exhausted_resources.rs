//! A full or failing disk, too few file descriptors, and a locked database: changes fail with a clear error and are not
//! applied, and authentication goes on.

use std::net::SocketAddr;
use std::thread::{self, ScopedJoinHandle};

use rustix::io::Errno;

use crate::harness::{Client, PATIENCE, Program, Server, Switch, WriteLock, within};

/// A running server with a key that it accepts.
struct Fixture {
    program: Program,
    server: Server,
    address: SocketAddr,
    client: Client,
    key: String,
    id: String,
}

impl Fixture {
    fn new() -> Self {
        let program = Program::on_disk(&Program::build(false));
        let mut server = Server::spawn(&program);
        let address = server.address().unwrap();
        let scopes = "countersign:admin *";
        let created = program
            .json(&["key", "create", "--name", "known", "--scopes", scopes])
            .unwrap();
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        let mut fixture = Self {
            key: text("key"),
            id: text("id"),
            client: Client::connect(address).unwrap(),
            program,
            server,
            address,
        };
        assert!(within(PATIENCE, || fixture.status() == 200));
        fixture
    }

    /// Returns the status of `/whoami` for the key.
    fn status(&mut self) -> u16 {
        self.client.whoami("x-api-key", &self.key).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let listed = self.program.json(&["key", "list"]).unwrap();
        let keys = listed["keys"].as_array().unwrap();
        let name = |key: &serde_json::Value| key["name"].as_str().unwrap().to_owned();
        keys.iter().map(name).collect()
    }

    /// Checks that commands fail to create and revoke keys, with an error of one line that contains one of `words`;
    /// that the server fails to do so, too, `over_http`; and that it authenticates meanwhile.
    fn assert_changes_fail(&mut self, wrapper: &[&str], words: &[&str], over_http: bool) {
        let (program, address, id, key) = (&self.program, self.address, &self.id, &self.key);
        let create = ["key", "create", "--name", "new", "--scopes", "a", "--json"];
        let revoke = ["key", "revoke", id, "--json"];
        let lines = [&create[..], &revoke];
        let requests = [
            (
                "/admin/v1/keys".to_owned(),
                r#"{"name":"new","scopes":["a"]}"#,
            ),
            (format!("/admin/v1/keys/{id}/revoke"), ""),
        ];
        let headers = [
            ("x-api-key", key.as_str()),
            ("content-type", "application/json"),
        ];
        thread::scope(|scope| {
            let commands = lines.map(|line| {
                scope.spawn(move || {
                    let ended = program.finish(program.wrapped(wrapper, line));
                    assert_eq!(ended.status.code(), Some(1), "{line:?}: {ended:?}");
                    assert_eq!(ended.output, "", "{line:?}: {ended:?}");
                    assert_eq!(ended.errors.lines().count(), 1, "{line:?}: {ended:?}");
                    let is_clear = words.iter().any(|word| ended.errors.contains(word));
                    assert!(is_clear, "{line:?}: {}", ended.errors);
                })
            });
            let requests = requests.iter().filter(|_| over_http).map(|(path, body)| {
                scope.spawn(move || {
                    let mut client = Client::connect(address).unwrap();
                    let response = client.send("POST", path, &headers, body).unwrap();
                    assert_eq!(response.status, 503, "{path}: {response:?}");
                    assert!(
                        response.json()["detail"].is_string(),
                        "{path}: {response:?}"
                    );
                })
            });
            let under_way: Vec<_> = commands.into_iter().chain(requests).collect();
            while !under_way.iter().all(ScopedJoinHandle::is_finished) {
                assert_eq!(self.client.whoami("x-api-key", key).unwrap(), 200);
            }
        });
        assert_eq!(self.status(), 200);
    }

    /// Checks that no change was applied, also after a restart, and that changes succeed again.
    fn assert_recovers(mut self) {
        assert_eq!(self.names(), ["known"]);
        assert_eq!(self.status(), 200);
        self.restart();
        assert_eq!(self.names(), ["known"]);
        assert_eq!(self.status(), 200);
        self.assert_changes_succeed();
    }

    fn restart(&mut self) {
        self.server.kill();
        self.server = Server::spawn(&self.program);
        self.address = self.server.address().unwrap();
        self.client = Client::connect(self.address).unwrap();
    }

    /// Checks that changes succeed.
    fn assert_changes_succeed(mut self) {
        let create = ["key", "create", "--name", "another", "--scopes", "a"];
        self.program.json(&create).unwrap();
        assert!(self.names().contains(&"another".to_owned()));
        self.program.json(&["key", "revoke", &self.id]).unwrap();
        // Each command has waited for the server that was killed, and idle connections are closed meanwhile.
        self.client = Client::connect(self.address).unwrap();
        assert!(within(PATIENCE, || self.status() == 401));
    }
}

#[test]
fn changes_fail_on_a_full_disk_and_authentication_goes_on() {
    let mut fixture = Fixture::new();
    let disk = &fixture.program.disk;
    disk.set(Switch::WriteError, Errno::NOSPC.raw_os_error() as u64);
    fixture.assert_changes_fail(&[], &["full", "No space"], true);
    fixture.program.disk.set(Switch::WriteError, 0);
    fixture.assert_recovers();
}

#[test]
fn changes_fail_on_a_disk_that_cannot_synchronise_and_authentication_goes_on() {
    let mut fixture = Fixture::new();
    let disk = &fixture.program.disk;
    disk.set(Switch::SyncError, Errno::IO.raw_os_error() as u64);
    fixture.assert_changes_fail(&[], &["I/O error", "Input/output"], true);
    fixture.program.disk.set(Switch::SyncError, 0);

    // The changes are complete in the write-ahead log, since only its synchronisation has failed: after a crash, the
    // last of them may be recovered. Therefore the errors do not say that the changes were not applied.
    assert_eq!(fixture.status(), 200);
    fixture.restart();
    let shown = fixture.program.json(&["key", "show", &fixture.id]).unwrap();
    let expected = match shown["status"].as_str() {
        Some("active") => 200,
        Some("revoked") => 401,
        _ => panic!("{shown}"),
    };
    assert_eq!(fixture.status(), expected);
    fixture.assert_changes_succeed();
}

#[test]
fn commands_without_file_descriptors_fail_and_authentication_goes_on() {
    let mut fixture = Fixture::new();
    let limit = ["sh", "-c", "ulimit -n 10 && exec \"$0\" \"$@\""];
    fixture.assert_changes_fail(&limit, &["open"], false);
    fixture.assert_recovers();
}

#[test]
fn a_server_without_file_descriptors_authenticates_and_accepts_connections_again() {
    let mut fixture = Fixture::new();
    fixture.server.limit_files(Some(0));
    // This connection waits in the accept queue.
    let mut waiting = Client::connect(fixture.address).unwrap();
    for _ in 0..100 {
        assert_eq!(fixture.status(), 200);
    }
    fixture.server.limit_files(None);
    assert_eq!(waiting.whoami("x-api-key", &fixture.key).unwrap(), 200);
    fixture.assert_recovers();
}

#[test]
fn changes_fail_on_a_locked_database_and_authentication_goes_on() {
    let mut fixture = Fixture::new();
    let held = WriteLock::take(&fixture.program.database().unwrap());
    fixture.assert_changes_fail(&[], &["locked", "busy"], true);
    held.release();
    fixture.assert_recovers();
}
