//! Servers as child processes on a core of their own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::workspace;

/// The core of all servers, and that of the load.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";
/// How long a server may take until it accepts connections.
const START: Duration = Duration::from_secs(60);
/// The ticks of a second in `/proc`.
const TICKS: f64 = 100.0;

/// A running server, whose process group is killed on drop.
pub(crate) struct Server {
    child: Child,
}

/// Builds the command of a program that runs on the core of the servers.
pub(crate) fn on_server_core(program: impl AsRef<Path>) -> Command {
    on_core(SERVER_CORE, program.as_ref())
}

/// Builds the command of a program that runs on the core of the load.
pub(crate) fn on_load_core(program: impl AsRef<Path>) -> Command {
    on_core(LOAD_CORE, program.as_ref())
}

fn on_core(core: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program).stdin(Stdio::null());
    command
}

/// Returns whether a program is in the search path or, if it has a path, exists.
pub(crate) fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    Path::new(program).is_file()
        || !program.contains('/')
            && std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Returns the folder with the third-party programs that `tests/setup` installs.
pub(crate) fn third_party() -> PathBuf {
    let given = std::env::var_os("THIRD_PARTY").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| workspace().join("target/third-party"));
    folder.canonicalize().unwrap_or(folder)
}

/// Returns a port of the loopback that is free at present.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    /// Starts a server, and waits until it accepts connections on these ports.
    pub(crate) fn start(mut command: Command, ports: &[u16]) -> Self {
        let child = command.process_group(0).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let server = Self { child };
        for port in ports {
            wait_for(*port);
        }
        server
    }

    /// Starts a server that prints a line when it accepts connections, and returns the line.
    pub(crate) fn start_printing(mut command: Command) -> (Self, String) {
        let child = command.stdout(Stdio::piped()).process_group(0).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{command:?} ended");
        // Kept open, so that the server can print.
        std::mem::forget(output);
        (Self { child }, line.trim().to_owned())
    }

    /// Returns the seconds of processor time that the process group has used.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let group = self.child.id().to_string();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let ticks = processes.filter_map(|process| {
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            // The name is in parentheses, and may contain spaces.
            let (_, fields) = stat.rsplit_once(") ")?;
            let fields: Vec<&str> = fields.split(' ').collect();
            if *fields.get(2)? != group {
                return None;
            }
            let time = |index: usize| fields.get(index)?.parse::<f64>().ok();
            Some(time(11)? + time(12)?)
        });
        ticks.sum::<f64>() / TICKS
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().try_into().ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn wait_for(port: u16) {
    let (begun, address) = (
        Instant::now(),
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
    );
    while TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < START, "nothing listens on {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
