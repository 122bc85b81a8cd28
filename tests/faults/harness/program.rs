//! The server binary, its commands and a running server.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;

use super::{Disk, Violation, ensure};

/// A fixed issuer URL, so that tokens stay valid when the next server has another port.
const CONFIG: &str = "[server]\npublic_url = \"https://auth.example\"\n";

/// The master key of PostgreSQL databases.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The server binary with a configuration and a database on a simulated disk.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) disk: Disk,
    binary: PathBuf,
    /// The URL of the database in PostgreSQL; `None` for a file on the disk.
    postgres: Option<String>,
    /// The running commands. They have not been waited for, so that their process ids are valid.
    running: Mutex<Vec<Pid>>,
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Ended {
    /// Returns the printed JSON object if it is complete.
    pub(crate) fn printed(&self) -> Option<Value> {
        let line = self.output.strip_suffix('\n')?;
        serde_json::from_str(line).ok()
    }
}

impl Program {
    /// Creates one with the kind of database that the variable `COUNTERSIGN_TEST_STORE` names, `sqlite` or `postgres`.
    pub(crate) fn new(binary: &Path) -> Self {
        let kind = std::env::var("COUNTERSIGN_TEST_STORE");
        let is_postgres = kind.is_ok_and(|kind| kind == "postgres");
        Self {
            postgres: is_postgres.then(countersign_test_postgres::new_database),
            ..Self::on_disk(binary)
        }
    }

    /// Creates one whose database is a file on the disk.
    pub(crate) fn on_disk(binary: &Path) -> Self {
        let disk = Disk::new();
        fs::write(disk.aside("countersign.toml"), CONFIG).unwrap();
        Self {
            disk,
            binary: binary.to_owned(),
            postgres: None,
            running: Mutex::default(),
        }
    }

    /// Builds the server binary with its default features; returns its path.
    pub(crate) fn build(release: bool) -> PathBuf {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--package", "countersign-server"])
            .args(["--bin", "countersign"])
            .args(release.then_some("--release"))
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let messages = String::from_utf8(built.stdout).unwrap();
        messages
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|message| message["target"]["name"] == "countersign")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("an executable")
    }

    /// Returns the file of the database; `None` with PostgreSQL.
    pub(crate) fn database(&self) -> Option<PathBuf> {
        let file = || self.disk.live().join("x.db");
        self.postgres.is_none().then(file)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.wrapped(&[], arguments)
    }

    /// Builds a command that another program starts, such as a shell that sets a limit.
    pub(crate) fn wrapped(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let binary = self.binary.as_os_str();
        let mut command = match wrapper {
            [] => Command::new(binary),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(binary);
                command
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        let database = match (self.database(), &self.postgres) {
            (None, Some(url)) => url.clone(),
            (file, _) => format!("sqlite://{}", file.unwrap().display()),
        };
        if self.postgres.is_some() {
            command.env("COUNTERSIGN_MASTER_KEY", MASTER_KEY);
        }
        command
            .args(arguments)
            .arg("--config")
            .arg(self.disk.aside("countersign.toml"))
            .args(["--database", &database])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.disk.load(&mut command);
        command
    }

    /// Runs a command, which may fail.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.finish(self.command(arguments))
    }

    pub(crate) fn finish(&self, mut command: Command) -> Ended {
        let (mut child, id) = {
            let mut running = self.running.lock().unwrap();
            let child = command.spawn().unwrap();
            let id = Pid::from_child(&child);
            running.push(id);
            (child, id)
        };
        let (mut output, mut errors) = (String::new(), String::new());
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut output)
            .unwrap();
        // The errors have one or two lines, which fit into the pipe.
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        let mut running = self.running.lock().unwrap();
        let status = child.wait().unwrap();
        running.retain(|other| *other != id);
        Ended {
            status,
            output,
            errors,
        }
    }

    /// Runs a command that must succeed; returns the printed JSON object.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value, Violation> {
        let ended = self.run(&[arguments, &["--json"]].concat());
        ensure(ended.status.success(), || {
            format!("{arguments:?}: {ended:?}")
        })?;
        let printed = ended.printed();
        printed.ok_or_else(|| Violation(format!("{arguments:?} printed no object: {ended:?}")))
    }

    /// Kills the running commands.
    pub(crate) fn kill_commands(&self) {
        for id in self.running.lock().unwrap().iter() {
            // The command may have exited already.
            let _ = kill_process(*id, Signal::KILL);
        }
    }
}

/// A running server, which is killed on drop.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a server, and does not wait until it listens.
    pub(crate) fn spawn(program: &Program) -> Self {
        let log = program.disk.aside("log");
        let child = program
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Waits until the server listens; returns its address.
    pub(crate) fn address(&mut self) -> Result<SocketAddr, Violation> {
        let mut line = String::new();
        let output = self.child.stdout.take().expect("the first call");
        // The pipe stays open, since printing to a closed pipe would be an error. The rest of the output fits into it.
        let mut output = BufReader::new(output);
        output.read_line(&mut line).unwrap();
        self.child.stdout = Some(output.into_inner());
        let address = line.trim().strip_prefix("listening on http://");
        address
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Violation(format!("the server does not start: {}", self.log())))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn kill(&mut self) {
        // The server may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Limits the number of further file descriptors; `None` removes the limit.
    pub(crate) fn limit_files(&self, more: Option<u64>) {
        let id = Pid::from_child(&self.child);
        let open = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let limit = more.map_or(1024, |more| open.count() as u64 + more);
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(1024),
        };
        prlimit(Some(id), Resource::Nofile, limit).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
