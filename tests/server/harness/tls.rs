//! Files of TLS, and requests over it with curl.

use std::fs;
use std::process::Command;

use countersign_tests::{Authority, IssuedCertificate};

use super::{Home, Server};

/// The folder with the certificates of a server and of its clients.
pub(crate) struct TlsFiles<'a> {
    pub(crate) home: &'a Home,
    pub(crate) authority: Authority,
}

impl<'a> TlsFiles<'a> {
    /// Writes the certificate of an authority, `authority.pem`.
    pub(crate) fn new(home: &'a Home) -> Self {
        let authority = Authority::default();
        let files = Self { home, authority };
        let pem = files.authority.certificate().pem();
        fs::write(files.path("authority.pem"), pem).unwrap();
        files
    }

    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.home.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    /// Writes a certificate and its key, and returns their paths. Each file is replaced at once.
    pub(crate) fn write(&self, name: &str, issued: &IssuedCertificate) -> [String; 2] {
        let texts = [issued.certificate.pem(), issued.key.serialize_pem()];
        let mut texts = texts.into_iter();
        ["pem", "key"].map(|end| {
            let path = self.path(&format!("{name}.{end}"));
            let new = format!("{path}.new");
            fs::write(&new, texts.next().unwrap()).unwrap();
            fs::rename(new, &path).unwrap();
            path
        })
    }

    /// Writes the certificate of the server, which expires at the start of this year, and returns its section of the
    /// configuration.
    pub(crate) fn section(&self, year: i32) -> String {
        let [cert, key] = self.write("server", &self.authority.server(year));
        format!("[server.tls]\ncert = {cert:?}\nkey = {key:?}\n")
    }

    /// Sends a request with curl, which trusts the authority. Returns the body and the status.
    pub(crate) fn curl(&self, server: &Server, path: &str, arguments: &[&str]) -> String {
        let port = server.address().port();
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "30", "--noproxy", "*"])
            .args(["-w", " %{http_code}\n"])
            .args(["--cacert", &self.path("authority.pem")])
            .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
            .args(arguments)
            .arg(format!("https://localhost:{port}{path}"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}
