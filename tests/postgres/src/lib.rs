//! PostgreSQL for tests: a cluster of its own from the installed programs, on the loopback, as an unprivileged user.
//!
//! All test processes share one cluster, and each test has a database of its own in it. The first process starts the
//! cluster, and a shell stops it seconds after the last process has ended, however that ended: the processes hold a lock
//! on a file, which the system releases.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test support"
)]

mod cluster;
mod pooler;
mod programs;

pub use cluster::Cluster;
pub use pooler::Pooler;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use programs::{as_user, home, program};

/// Returns the URL of a new, empty database in the shared cluster.
#[must_use]
pub fn new_database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    SHARED.new_database(&format!("test_{}_{number}", std::process::id()))
}

/// Runs a statement as the superuser, and returns the rows that it has, one on each line.
#[must_use]
pub fn query(url: &str, sql: &str) -> String {
    cluster::psql(url, &["-A", "-t"], sql)
}

/// The cluster of all test processes. Statics are never dropped: the lock is held until the process ends.
static SHARED: LazyLock<Shared> = LazyLock::new(Shared::join);

struct Shared {
    port: u16,
    _in_use: File,
}

impl Shared {
    fn join() -> Self {
        let folder = home();
        let in_use = lock_file(&folder, "use");
        in_use.lock_shared().unwrap();
        let starting = lock_file(&folder, "start");
        starting.lock().unwrap();
        let port = running(&folder).unwrap_or_else(|| start(&folder));
        Self {
            port,
            _in_use: in_use,
        }
    }

    fn new_database(&self, name: &str) -> String {
        cluster::new_database(self.port, name)
    }
}

/// Returns a file beside the folder of the cluster, which the next process may also open as another user.
fn lock_file(folder: &Path, purpose: &str) -> File {
    let path = lock_path(folder, purpose);
    let options = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    options.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lock_path(folder: &Path, purpose: &str) -> PathBuf {
    folder.with_extension(purpose)
}

/// Returns the port of the shared cluster if it runs.
fn running(folder: &Path) -> Option<u16> {
    let port = std::fs::read_to_string(folder.join("port")).ok()?;
    let mut ready = Command::new(program("pg_isready"));
    ready.args(["-q", "-h", "127.0.0.1", "-p", port.trim()]);
    let is_ready = ready.status().is_ok_and(|status| status.success());
    port.trim().parse().ok().filter(|_| is_ready)
}

/// Starts the shared cluster, and the shell that will stop it.
#[expect(clippy::zombie_processes, reason = "the shell outlives this process")]
fn start(folder: &Path) -> u16 {
    let cluster = Cluster::start(
        folder,
        &["fsync=off", "full_page_writes=off", "max_connections=400"],
    );
    let port = cluster.port();
    cluster.leave_running();
    let mut file = File::create(folder.join("port")).unwrap();
    writeln!(file, "{port}").unwrap();
    // A moment passes between two tests.
    let script = r#"
        while flock -x "$1" true; do
            sleep 3
            flock -x "$2" flock -n -x "$1" bash -c '"${@:2}"; rm -rf "$1"' bash "$3" "${@:4}" && exit
        done"#;
    let mut stop = as_user(&program("pg_ctl"));
    stop.args(["stop", "-s", "-m", "immediate", "-D"])
        .arg(folder.join("data"));
    let mut shell = Command::new("setsid");
    shell.args(["bash", "-c", script, "bash"]);
    shell
        .arg(lock_path(folder, "use"))
        .arg(lock_path(folder, "start"))
        .arg(folder);
    shell.arg(stop.get_program()).args(stop.get_args());
    let nothing = || Stdio::null();
    shell.stdin(nothing()).stdout(nothing()).stderr(nothing());
    shell.spawn().unwrap();
    port
}
