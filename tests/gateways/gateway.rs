//! A running gateway with the configuration of an example.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{third_party_folder, wait_for};

const PATIENCE: Duration = Duration::from_secs(30);

/// A program with a configuration in `examples/gateways`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Nginx,
    Caddy,
    HaProxy,
    Envoy,
}

impl Program {
    fn folder(self) -> PathBuf {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/gateways");
        examples.join(match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::HaProxy => "haproxy",
            Self::Envoy => "envoy",
        })
    }

    /// Returns the command that runs it in the foreground with this file of the current folder.
    fn command(self, file: &str) -> Command {
        let venv = |path: &str| third_party_folder().join("venv/bin").join(path);
        let program = match self {
            Self::Nginx => PathBuf::from("nginx"),
            Self::HaProxy => PathBuf::from("haproxy"),
            Self::Caddy => venv("caddy"),
            Self::Envoy => venv("envoy"),
        };
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
        match self {
            // One process, which ends when it is killed.
            Self::Nginx => command
                .args(["-p", ".", "-c", file, "-e", "stderr", "-g"])
                .arg("daemon off; master_process off;"),
            Self::HaProxy => command.args(["-db", "-f", file]),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config", file]),
            Self::Envoy => command.args([
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "-l",
                "warning",
                "-c",
                file,
            ]),
        };
        command
    }
}

/// The ports of the server and of the service behind the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) server: u16,
    pub(crate) service: u16,
}

/// A running gateway, which is ended on drop.
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Gateway {
    /// Starts a program with a file of its example, in which only the ports are replaced, beside these further files.
    #[track_caller]
    pub(crate) fn start(
        program: Program,
        file: &str,
        ports: Ports,
        further: &[(&str, &str)],
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = reserved.local_addr().unwrap();
        for entry in fs::read_dir(program.folder()).unwrap() {
            let path = entry.unwrap().path();
            let text = replace_ports(&fs::read_to_string(&path).unwrap(), address.port(), ports);
            fs::write(folder.path().join(path.file_name().unwrap()), text).unwrap();
        }
        for (name, text) in further {
            fs::write(folder.path().join(name), text).unwrap();
        }
        drop(reserved);
        let log = File::create(folder.path().join("gateway.log")).unwrap();
        let child = program
            .command(file)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{program:?} is not installed: run tests/setup: {error}")
        });
        let mut gateway = Self {
            child,
            address,
            folder,
        };
        wait_for("the gateway", PATIENCE, || {
            let ended = gateway.child.try_wait().unwrap();
            assert!(ended.is_none(), "{program:?}: {ended:?}");
            TcpStream::connect(address).ok()
        });
        gateway
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Replaces the ports of an example. The URL of the issuer, which contains one of them, stays.
fn replace_ports(text: &str, gateway: u16, ports: Ports) -> String {
    let text = text
        .replace(":8000", &format!(":{gateway}"))
        .replace(":9000", &format!(":{}", ports.service))
        .replace("port_value: 8000", &format!("port_value: {gateway}"))
        .replace(
            "port_value: 9000",
            &format!("port_value: {}", ports.service),
        )
        .replace("port_value: 8080", &format!("port_value: {}", ports.server));
    // nginx, which tests may run without the rights for its own folders.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary
        .iter()
        .map(|name| format!("    {name}_temp_path {name};\n"))
        .collect();
    let text = text.replace("\nhttp {\n", &format!("\nhttp {{\n{temporary}"));
    let is_url_of_issuer = |line: &str| line.contains("acl of_issuer") || line.contains("issuer:");
    let lines = text.lines().map(|line| match is_url_of_issuer(line) {
        true => line.to_owned(),
        false => line.replace(":8080", &format!(":{}", ports.server)),
    });
    lines.map(|line| line + "\n").collect()
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("gateway.log"));
            eprintln!("the log of the gateway:\n{}", log.unwrap_or_default());
        }
    }
}
