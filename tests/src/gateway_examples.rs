//! The configurations of gateways in `examples/gateways`, as tests and measurements run them.

use std::fs;
use std::path::{Path, PathBuf};

/// A configuration of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayExample {
    Nginx,
    Caddy,
    HaProxy,
    Envoy,
    EnvoyGrpc,
    /// HAProxy, which verifies tokens itself and does not ask the server.
    HaProxyAlone,
    /// Envoy, which verifies tokens itself and does not ask the server.
    EnvoyAlone,
}

/// The ports of the gateway, of the server, and of the service behind the gateway.
#[derive(Clone, Copy, Debug)]
pub struct GatewayPorts {
    pub gateway: u16,
    pub server: u16,
    pub service: u16,
}

impl GatewayExample {
    /// Those that ask the server about each request.
    pub const ASKING: [Self; 5] = [
        Self::Nginx,
        Self::Caddy,
        Self::HaProxy,
        Self::Envoy,
        Self::EnvoyGrpc,
    ];

    /// Returns the name in the tables of `docs/gateways.md`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
            Self::HaProxy | Self::HaProxyAlone => "HAProxy",
            Self::Envoy | Self::EnvoyAlone => "Envoy",
            Self::EnvoyGrpc => "Envoy, gRPC",
        }
    }

    /// Returns the file that the gateway reads.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Caddy => "Caddyfile",
            Self::HaProxy => "haproxy.cfg",
            Self::HaProxyAlone => "jwt.cfg",
            Self::Envoy => "ext_authz.yaml",
            Self::EnvoyGrpc => "ext_authz_grpc.yaml",
            Self::EnvoyAlone => "jwt_authn.yaml",
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::HaProxy | Self::HaProxyAlone => "haproxy",
            Self::Envoy | Self::EnvoyGrpc | Self::EnvoyAlone => "envoy",
        }
    }

    /// Returns the program: a package of Debian, or one that `tests/setup` has installed into this folder.
    #[must_use]
    pub fn program(self, third_party: &Path) -> PathBuf {
        match self {
            Self::Nginx | Self::HaProxy | Self::HaProxyAlone => of_system(self.folder()),
            _ => third_party.join("venv/bin").join(self.folder()),
        }
    }

    /// Returns the arguments with which the program runs in the foreground, in the folder of its files.
    #[must_use]
    pub fn arguments(self) -> Vec<&'static str> {
        let file = self.file();
        match self {
            // One process, which ends when it is killed.
            Self::Nginx => [
                &["-p", ".", "-c", file, "-e", "stderr", "-g"][..],
                &["daemon off; master_process off;"],
            ]
            .concat(),
            Self::Caddy => vec!["run", "--adapter", "caddyfile", "--config", file],
            Self::HaProxy | Self::HaProxyAlone => vec!["-db", "-f", file],
            Self::Envoy | Self::EnvoyGrpc | Self::EnvoyAlone => [
                &["--disable-hot-restart", "--concurrency", "1"][..],
                &["-l", "warning", "-c", file],
            ]
            .concat(),
        }
    }

    /// Copies the files of the example into a folder. Only the ports are replaced.
    pub fn write(self, folder: &Path, ports: GatewayPorts) {
        let files = fs::read_dir(examples().join(self.folder())).unwrap();
        for file in files {
            let path = file.unwrap().path();
            let text = replace_ports(&fs::read_to_string(&path).unwrap(), ports);
            fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
        }
    }

    /// Returns the configuration of the server that the gateways ask.
    #[must_use]
    pub fn server_configuration() -> String {
        fs::read_to_string(examples().join("countersign.toml")).unwrap()
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/gateways")
}

/// Returns the path of a program of the system. Debian has gateways in folders that not every user's `PATH` names.
fn of_system(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let further = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let folders = std::env::split_paths(&path).chain(further);
    let mut files = folders.map(|folder| folder.join(program));
    let found = files.find(|file| file.is_file());
    found.unwrap_or_else(|| PathBuf::from(program))
}

/// Replaces the ports. The URL of the issuer, which contains one of them, stays.
fn replace_ports(text: &str, ports: GatewayPorts) -> String {
    let replaced = [
        ("8000", ports.gateway),
        ("8080", ports.server),
        ("9000", ports.service),
    ];
    let is_url_of_issuer = |line: &str| line.contains("acl of_issuer") || line.contains("issuer:");
    let mut lines = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        for (old, new) in replaced {
            if old != "8080" || !is_url_of_issuer(&line) {
                line = line.replace(&format!(":{old}"), &format!(":{new}"));
                line = line.replace(&format!("port_value: {old}"), &format!("port_value: {new}"));
            }
        }
        lines += &line;
        lines.push('\n');
    }
    // nginx, which may run without the rights for its own folders.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|name| format!("    {name}_temp_path {name};\n"));
    lines.replace("\nhttp {\n", &format!("\nhttp {{\n{}", temporary.concat()))
}
