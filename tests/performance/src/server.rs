//! The reference server in a folder of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::build;
use crate::process::{Server, on_server_core};

/// A folder with a database and a configuration.
pub(crate) struct Home(TempDir);

impl Home {
    /// Creates a folder whose server has this configuration.
    pub(crate) fn new(configuration: &str) -> Self {
        let folder = TempDir::with_prefix("countersign-performance-").unwrap();
        let limits = "[limits]\nmints = { per = \"1s\", burst = 1000000 }\n";
        let configuration = format!("{configuration}\n{limits}");
        fs::write(folder.path().join("countersign.toml"), configuration).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("countersign.db")
    }

    fn prepared(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).current_dir(self.path());
        command
    }

    /// Runs a command, and parses the JSON that it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let command = Command::new(build::program("countersign"));
        let output = self
            .prepared(command, arguments)
            .arg("--json")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Creates an API key, and returns its id and the key.
    pub(crate) fn create_key(&self, name: &str) -> (String, String) {
        let scopes = "calls:read calls:write campaigns:read agents:read";
        let created = self.json(&["key", "create", "--name", name, "--scopes", scopes]);
        let text = |member: &str| created[member].as_str().unwrap().to_owned();
        (text("id"), text("key"))
    }

    /// Starts the server, and returns its address.
    pub(crate) fn serve(&self) -> (Server, String) {
        let log = fs::File::create(self.path().join("server.log")).unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let mut command = self.prepared(on_server_core(build::program("countersign")), &arguments);
        command.stderr(log);
        let (server, line) = Server::start_printing(command);
        let address = line.strip_prefix("listening on http://");
        (
            server,
            address.unwrap_or_else(|| panic!("{line}")).to_owned(),
        )
    }
}

/// Obtains a token from the OAuth endpoint of a server.
pub(crate) fn token(address: &str, key: &str) -> String {
    let body = "grant_type=client_credentials";
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{response}"));
    answer["access_token"].as_str().unwrap().to_owned()
}
