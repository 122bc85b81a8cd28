//! A disk that is full or broken, too few files, and a database that somebody else holds: changes fail with a
//! clear word and are not done, and checking goes on.

use std::net::SocketAddr;
use std::thread::{self, ScopedJoinHandle};

use rustix::io::Errno;

use crate::harness::{Client, PATIENCE, Program, Server, Switch, WriteLock, within};

/// A running server with a key that it knows.
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
        let program = Program::new(&Program::build(false));
        let mut server = Server::spawn(&program);
        let address = server.address().unwrap();
        let scopes = "countersign:admin *";
        let made = program
            .json(&["key", "create", "--name", "known", "--scopes", scopes])
            .unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
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

    /// The status of `/whoami` for the key.
    fn status(&mut self) -> u16 {
        self.client.whoami("x-api-key", &self.key).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let listed = self.program.json(&["key", "list"]).unwrap();
        let keys = listed["keys"].as_array().unwrap();
        let name = |key: &serde_json::Value| key["name"].as_str().unwrap().to_owned();
        keys.iter().map(name).collect()
    }

    /// That commands neither make nor revoke keys and say so in one line with one of `words`, that the server
    /// does neither if it is asked, and that it goes on checking meanwhile.
    fn refuses_changes(&mut self, wrapper: &[&str], words: &[&str], asked: bool) {
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
                    let clear = words.iter().any(|word| ended.errors.contains(word));
                    assert!(clear, "{line:?}: {}", ended.errors);
                })
            });
            let requests = requests.iter().filter(|_| asked).map(|(path, body)| {
                scope.spawn(move || {
                    let mut client = Client::connect(address).unwrap();
                    let answer = client.send("POST", path, &headers, body).unwrap();
                    assert_eq!(answer.status, 503, "{path}: {answer:?}");
                    assert!(answer.json()["detail"].is_string(), "{path}: {answer:?}");
                })
            });
            let under_way: Vec<_> = commands.into_iter().chain(requests).collect();
            while !under_way.iter().all(ScopedJoinHandle::is_finished) {
                assert_eq!(self.client.whoami("x-api-key", key).unwrap(), 200);
            }
        });
        assert_eq!(self.status(), 200);
    }

    /// That nothing of it was done, now and after a restart, and that changes are made again.
    fn recovers(mut self) {
        assert_eq!(self.names(), ["known"]);
        assert_eq!(self.status(), 200);
        self.restart();
        assert_eq!(self.names(), ["known"]);
        assert_eq!(self.status(), 200);
        self.changes();
    }

    fn restart(&mut self) {
        self.server.kill();
        self.server = Server::spawn(&self.program);
        self.address = self.server.address().unwrap();
        self.client = Client::connect(self.address).unwrap();
    }

    /// That changes are made.
    fn changes(mut self) {
        let create = ["key", "create", "--name", "another", "--scopes", "a"];
        self.program.json(&create).unwrap();
        assert!(self.names().contains(&"another".to_owned()));
        self.program.json(&["key", "revoke", &self.id]).unwrap();
        assert!(within(PATIENCE, || self.status() == 401));
    }
}

#[test]
fn a_full_disk_refuses_changes_and_checking_goes_on() {
    let mut fixture = Fixture::new();
    let disk = &fixture.program.disk;
    disk.set(Switch::WriteError, Errno::NOSPC.raw_os_error() as u64);
    fixture.refuses_changes(&[], &["full", "No space"], true);
    fixture.program.disk.set(Switch::WriteError, 0);
    fixture.recovers();
}

#[test]
fn a_disk_that_cannot_synchronise_refuses_changes_and_checking_goes_on() {
    let mut fixture = Fixture::new();
    let disk = &fixture.program.disk;
    disk.set(Switch::SyncError, Errno::IO.raw_os_error() as u64);
    fixture.refuses_changes(&[], &["I/O error", "Input/output"], true);
    fixture.program.disk.set(Switch::SyncError, 0);

    // The changes are in the log whole, since only synchronising it has failed: whoever reads it anew after a
    // crash may find the last of them. That is why nobody was told that they were not made.
    assert_eq!(fixture.status(), 200);
    fixture.restart();
    let shown = fixture.program.json(&["key", "show", &fixture.id]).unwrap();
    let admitted = match shown["status"].as_str() {
        Some("active") => 200,
        Some("revoked") => 401,
        _ => panic!("{shown}"),
    };
    assert_eq!(fixture.status(), admitted);
    fixture.changes();
}

#[test]
fn a_command_without_files_to_open_refuses_changes_and_checking_goes_on() {
    let mut fixture = Fixture::new();
    let limit = ["sh", "-c", "ulimit -n 10 && exec \"$0\" \"$@\""];
    fixture.refuses_changes(&limit, &["open"], false);
    fixture.recovers();
}

#[test]
fn a_server_without_files_to_open_goes_on_checking_and_takes_connections_again() {
    let mut fixture = Fixture::new();
    fixture.server.limit_files(Some(0));
    // Waits in the queue of connections.
    let mut waiting = Client::connect(fixture.address).unwrap();
    for _ in 0..100 {
        assert_eq!(fixture.status(), 200);
    }
    fixture.server.limit_files(None);
    assert_eq!(waiting.whoami("x-api-key", &fixture.key).unwrap(), 200);
    fixture.recovers();
}

#[test]
fn a_database_that_another_process_holds_refuses_changes_and_checking_goes_on() {
    let mut fixture = Fixture::new();
    let held = WriteLock::take(&fixture.program.database());
    fixture.refuses_changes(&[], &["locked", "busy"], true);
    held.release();
    fixture.recovers();
}
