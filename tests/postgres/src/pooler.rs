//! PgBouncer in front of the shared cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cluster::free_port;
use crate::programs::{as_user, give, own_folder, program};

const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A running PgBouncer in transaction mode, which is killed when it is dropped.
#[derive(Debug)]
pub struct Pooler {
    folder: PathBuf,
    child: Child,
    url: String,
}

impl Pooler {
    /// Starts one for the database of a URL, with few connections, so that those are shared.
    #[must_use]
    pub fn start(url: &str) -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "run tests/setup, which installs PgBouncer"
        );
        let folder = own_folder();
        fs::create_dir_all(&folder).unwrap();
        give(&folder);
        let (server, database) = url.rsplit_once('/').unwrap();
        let (_, port) = server.rsplit_once(':').unwrap();
        let own = free_port();
        let config = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={port} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nauth_type = any\nunix_socket_dir =\n\
             pool_mode = transaction\ndefault_pool_size = 4\nlogfile = {}\n",
            folder.join("log").display()
        );
        fs::write(&config, text).unwrap();
        let mut pooler = as_user(Path::new(PROGRAM));
        pooler.arg("-q").arg(&config).stdin(Stdio::null());
        let child = pooler.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let pooler = Self {
            folder,
            child: child.unwrap(),
            url: format!("postgres://postgres@127.0.0.1:{own}/{database}"),
        };
        let is_ready = || {
            let mut ready = Command::new(program("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &own.to_string()]);
            ready.status().is_ok_and(|status| status.success())
        };
        assert!((0..1000).any(|_| is_ready()), "PgBouncer does not answer");
        pooler
    }

    /// Returns the URL of the database through it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
