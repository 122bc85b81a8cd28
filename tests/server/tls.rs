//! TLS.

use std::fs;
use std::process::Command;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::Signal;

use crate::harness::{Home, Server};

/// The files of a server's certificate and key.
struct Files<'a>(&'a Home);

impl Files<'_> {
    fn path(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    /// Writes a new certificate for `localhost` and its key, and a copy of the certificate for clients.
    fn write(&self, copy: &str) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        for name in ["server.pem", copy] {
            fs::write(self.path(name), cert.pem()).unwrap();
        }
        fs::write(self.path("server.key"), signing_key.serialize_pem()).unwrap();
    }

    /// Writes the configuration, and returns its path.
    fn configure(&self) -> String {
        let (cert, key) = (self.path("server.pem"), self.path("server.key"));
        let text = format!("[server.tls]\ncert = {cert:?}\nkey = {key:?}\n");
        self.0.configure(&text)
    }

    /// Requests `/healthz` with curl, which trusts this certificate. Returns the version of HTTP and the status.
    fn request(&self, server: &Server, trusted: &str) -> String {
        let port = server.address().port();
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "10", "-o", "/dev/null"])
            .args(["-w", "%{http_version} %{http_code}"])
            .args(["--cacert", &self.path(trusted)])
            .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
            .arg(format!("https://localhost:{port}/healthz"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn certificate_is_replaced_without_a_restart_and_a_broken_one_is_not_used() {
    let home = Home::new();
    let files = Files(&home);
    files.write("first.pem");
    let server = Server::start(&home, &["--config", &files.configure()]);
    assert_eq!(files.request(&server, "first.pem"), "2 200");

    files.write("second.pem");
    server.send_signal(Signal::HUP, "certificate and key read again");
    assert_eq!(files.request(&server, "second.pem"), "2 200");
    assert_eq!(files.request(&server, "first.pem"), "0 000");

    fs::write(files.path("server.pem"), "broken").unwrap();
    server.send_signal(Signal::HUP, "the present certificate stays");
    assert_eq!(files.request(&server, "second.pem"), "2 200");
}

#[test]
fn certificate_that_cannot_be_read_at_the_start_is_an_error_that_names_its_file() {
    let home = Home::new();
    let files = Files(&home);
    files.write("first.pem");
    fs::write(files.path("server.key"), "broken").unwrap();
    let serve = ["serve", "--config", &files.configure()];
    let output = home.command(&serve).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("server.key"), "{errors}");
}
