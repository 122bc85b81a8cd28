//! A running gateway with the configuration of an example.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use countersign_tests::{GatewayExample, GatewayPorts};
use tempfile::TempDir;

use crate::harness::{third_party_folder, wait_for};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running gateway, which is ended on drop.
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Gateway {
    /// Starts the gateway between a server and a service at these addresses, with a PEM file of the server's public key.
    #[track_caller]
    pub(crate) fn start(
        example: GatewayExample,
        server: SocketAddr,
        service: SocketAddr,
        pem: &str,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = reserved.local_addr().unwrap();
        let ports = GatewayPorts {
            gateway: address.port(),
            server: server.port(),
            service: service.port(),
        };
        example.write(folder.path(), ports);
        fs::write(folder.path().join("countersign.pem"), pem).unwrap();
        drop(reserved);
        let log = File::create(folder.path().join("gateway.log")).unwrap();
        let child = Command::new(example.program(&third_party_folder()))
            .args(example.arguments())
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{example:?} is not installed: run tests/setup: {error}")
        });
        let mut gateway = Self {
            child,
            address,
            folder,
        };
        wait_for("the gateway", PATIENCE, || {
            let ended = gateway.child.try_wait().unwrap();
            assert!(ended.is_none(), "{example:?}: {ended:?}");
            TcpStream::connect(address).ok()
        });
        gateway
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
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
