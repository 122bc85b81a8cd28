//! A cluster, for all tests or for one that stops it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::{as_user, give, own_folder, program, run};

/// A running cluster, which is stopped and deleted when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    stops: bool,
}

impl Cluster {
    /// Starts a new cluster for one test.
    #[must_use]
    pub fn temporary() -> Self {
        Self::start(&own_folder(), &["fsync=off"])
    }

    /// Starts a new cluster that writes durably, has room for many nodes, and knows the times of commits.
    #[must_use]
    pub fn durable() -> Self {
        Self::start(
            &own_folder(),
            &["max_connections=500", "track_commit_timestamp=on"],
        )
    }

    /// Starts a new cluster in a folder, which is emptied, with these settings.
    pub(crate) fn start(folder: &Path, settings: &[&str]) -> Self {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        give(folder);
        let data = folder.join("data");
        let mut initdb = as_user(&program("initdb"));
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        run(initdb.arg("--no-sync").arg("-D").arg(&data));
        let cluster = Self::over(folder, free_port(), true);
        let socket = folder.display();
        let lines = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{socket}'\nport = {}\nshared_buffers = 64MB\n",
            cluster.port
        );
        let settings: String = settings
            .iter()
            .map(|setting| format!("{setting}\n"))
            .collect();
        let file = data.join("postgresql.conf");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + &lines + &settings).unwrap();
        cluster.control(&["start", "-w", "-s"]);
        cluster
    }

    fn over(folder: &Path, port: u16, stops: bool) -> Self {
        Self {
            folder: folder.to_owned(),
            port,
            stops,
        }
    }

    /// Returns the port on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of a database of the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// Creates a database, and returns its URL.
    #[must_use]
    pub fn new_database(&self, name: &str) -> String {
        new_database(self.port, name)
    }

    /// Stops the server at once, as a crash does.
    pub fn crash(&self) {
        self.control(&["stop", "-s", "-m", "immediate"]);
    }

    /// Kills the server.
    pub fn kill(&self) {
        let file = self.folder.join("data/postmaster.pid");
        let text = fs::read_to_string(&file).unwrap();
        let process = text.lines().next().unwrap();
        run(Command::new("kill").args(["-9", process]));
    }

    /// Starts the server again. It refuses to while children of a killed one are ending.
    pub fn restart(&self) {
        let start = || self.try_control(&["start", "-w", "-s"]);
        assert!((0..100).any(|_| start()), "{}", self.log());
    }

    /// Creates a standby of this server. Commits wait for it from then on.
    #[must_use]
    pub fn standby(&self) -> Self {
        self.standby_at(free_port())
    }

    /// Creates one with a port that nothing else uses.
    #[must_use]
    pub fn standby_at(&self, port: u16) -> Self {
        let folder = &*own_folder();
        fs::create_dir_all(folder).unwrap();
        give(folder);
        let standby = Self::over(folder, port, true);
        let mut copy = as_user(&program("pg_basebackup"));
        copy.args([
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-R",
            "-c",
            "fast",
            "-p",
        ]);
        run(copy
            .arg(self.port.to_string())
            .arg("-D")
            .arg(folder.join("data")));
        let lines = format!(
            "\nport = {}\nunix_socket_directories = '{}'\n",
            standby.port,
            folder.display()
        );
        let file = folder.join("data/postgresql.conf");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + &lines).unwrap();
        standby.control(&["start", "-w", "-s"]);
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.execute("SELECT pg_reload_conf()");
        standby
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.control(&["promote", "-w", "-s"]);
    }

    /// Runs a statement as the superuser.
    pub fn execute(&self, sql: &str) {
        psql(&self.url("postgres"), &[], sql);
    }

    /// Lets the cluster run after this value is dropped.
    pub(crate) fn leave_running(mut self) {
        self.stops = false;
    }

    /// Runs `pg_ctl`, which must succeed.
    fn control(&self, arguments: &[&str]) {
        assert!(self.try_control(arguments), "{arguments:?}: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("data/log")).unwrap_or_default()
    }

    /// Runs `pg_ctl`, whose server keeps none of the pipes of the test.
    fn try_control(&self, arguments: &[&str]) -> bool {
        let mut command = as_user(&program("pg_ctl"));
        command
            .args(arguments)
            .arg("-D")
            .arg(self.folder.join("data"));
        command.arg("-l").arg(self.folder.join("data/log"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().unwrap().success()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.stops {
            let mut command = as_user(&program("pg_ctl"));
            command
                .args(["stop", "-s", "-m", "immediate", "-D"])
                .arg(self.folder.join("data"));
            let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Runs a statement as the superuser, and returns what is printed.
pub(crate) fn psql(url: &str, format: &[&str], sql: &str) -> String {
    let mut psql = Command::new(program("psql"));
    psql.args(["-q", "-X", "-v", "ON_ERROR_STOP=1"]);
    run(psql.args(format).args(["-d", url, "-c", sql]))
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}

/// Creates a database in the cluster at a port, and returns its URL.
pub(crate) fn new_database(port: u16, name: &str) -> String {
    let (arguments, at) = (
        ["-h", "127.0.0.1", "-U", "postgres", "-p"],
        port.to_string(),
    );
    run(Command::new(program("createdb"))
        .args(arguments)
        .args([&at, name]));
    url(port, name)
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
