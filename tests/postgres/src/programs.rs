//! The programs of PostgreSQL, and the user that they run as.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where Debian installs them. They are not on the path.
const FOLDER: &str = "/usr/lib/postgresql";

static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let versions = fs::read_dir(FOLDER);
    let versions = versions.unwrap_or_else(|_| {
        panic!("{FOLDER} is missing: run tests/setup, which installs PostgreSQL")
    });
    let version = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.parse::<u32>().ok())
    };
    let newest = versions
        .map(|entry| entry.unwrap().path())
        .max_by_key(version);
    newest.expect("a version of PostgreSQL").join("bin")
});

/// Returns the path of a program of PostgreSQL.
pub(crate) fn program(name: &str) -> PathBuf {
    PROGRAMS.join(name)
}

/// Returns a command that runs a program as a user who is not root: PostgreSQL refuses to run as root.
pub(crate) fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
        "--",
    ]);
    command.arg(program);
    // The present folder may be closed to that user.
    command.current_dir("/");
    command
}

/// Makes a folder belong to the user of [`as_user`].
pub(crate) fn give(folder: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres:postgres").arg(folder));
    }
}

/// Returns the folder of the shared cluster of this checkout. It is short, as the path of a socket must be.
pub(crate) fn home() -> PathBuf {
    let checkout = env!("CARGO_MANIFEST_DIR");
    let digest = checkout.bytes().fold(5381_u32, |digest, byte| {
        digest.wrapping_mul(33) ^ u32::from(byte)
    });
    let user = fs::metadata("/proc/self").map_or(0, |found| found.uid());
    std::env::temp_dir().join(format!("countersign-postgres-{user}-{digest:08x}"))
}

/// Returns the folder of a cluster or pooler of one test. The temporary folder of a test is closed to the other user.
pub(crate) fn own_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    home().with_extension(format!("{}-{number}", std::process::id()))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

/// Runs a command that must succeed, and returns its output.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
