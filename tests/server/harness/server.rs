//! A running server.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::client::{self, Header};
use super::{Home, IssuedKey, Response, wait_for};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `countersign serve`, which is killed on drop.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    output: Transcript,
    errors: Transcript,
}

impl Server {
    /// Starts a server on a free port, and waits until it listens.
    #[track_caller]
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        Self::start_with_log(home, arguments, Stdio::piped())
    }

    /// Starts a server that writes its log to `log`.
    #[track_caller]
    pub(crate) fn start_with_log(home: &Home, arguments: &[&str], log: Stdio) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let mut child = home
            .command(&[&serve, arguments].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let output = Transcript::of(child.stdout.take().unwrap());
        let errors = match child.stderr.take() {
            Some(pipe) => Transcript::of(pipe),
            None => Transcript::of(std::io::empty()),
        };
        let mut server = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            output,
            errors,
        };
        let line = wait_for("the first line", PATIENCE, || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", server.errors.text());
            server.output.lines(1).map(|lines| lines[0].clone())
        });
        let url = line.strip_prefix("listening on ");
        let address = url
            .and_then(|url| url.split_once("://"))
            .map(|(_, address)| address);
        server.address = address.expect(&line).parse().expect(&line);
        server
    }

    /// Returns the address on which the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the server, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until `enough` accepts the lines that the server has printed; returns them.
    #[track_caller]
    pub(crate) fn printed(&self, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        wait_for("the output", PATIENCE, || {
            self.output.lines(1).filter(|lines| enough(lines))
        })
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str, headers: &[Header]) -> Response {
        client::send(self.address, "GET", path, headers, "")
    }

    /// Sends a JSON body.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[Header],
        json: &str,
    ) -> Response {
        let json_type = ("content-type", "application/json".to_owned());
        let headers = [headers, &[json_type]].concat();
        client::send(self.address, method, path, &headers, json)
    }

    /// Sends these bytes; returns the response.
    #[track_caller]
    pub(crate) fn send_raw(&self, bytes: &[u8]) -> String {
        client::send_raw(self.address, bytes)
    }

    /// Sends a signal.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends a signal, and waits until the server has logged this text.
    #[track_caller]
    pub(crate) fn send_signal(&self, signal: Signal, words: &str) {
        self.signal(signal);
        self.wait_for_log(words);
    }

    /// Waits until the server has logged this text.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, words: &str) {
        wait_for(words, PATIENCE, || {
            self.errors.text().contains(words).then_some(())
        });
    }

    /// Posts a form.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, headers: &[Header], form: &str) -> Response {
        let form_type = (
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        );
        let headers = [headers, &[form_type]].concat();
        client::send(self.address, "POST", path, &headers, form)
    }

    /// Requests a token from the wire `oauth`.
    #[track_caller]
    pub(crate) fn mint(&self, headers: &[Header]) -> Response {
        self.post("/oauth/token", headers, "grant_type=client_credentials")
    }

    /// Mints a token.
    #[track_caller]
    pub(crate) fn token(&self, headers: &[Header]) -> String {
        let response = self.mint(headers);
        assert_eq!(response.status, 200, "{response:?}");
        response.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Waits until the server accepts these credentials. It sees changes of other processes after a short delay.
    #[track_caller]
    pub(crate) fn wait_until_accepted(&self, headers: &[Header]) {
        wait_for("acceptance by the server", PATIENCE, || {
            (self.status_for(headers) == 200).then_some(())
        });
    }

    /// Creates a key by a command, and waits until the server accepts it.
    #[track_caller]
    pub(crate) fn create_key(&self, home: &Home, scopes: &str) -> IssuedKey {
        let key = home.create_key(scopes);
        self.wait_until_accepted(&[client::api_key(&key.key)]);
        key
    }

    /// Returns the status of `/whoami` for these headers.
    #[track_caller]
    pub(crate) fn status_for(&self, headers: &[Header]) -> u16 {
        self.get("/whoami", headers).status
    }

    /// Stops the server with SIGTERM; returns its exit status and its log.
    #[track_caller]
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = wait_for("the exit of the server", PATIENCE, || {
            self.child.try_wait().unwrap()
        });
        self.errors.end();
        (status, self.errors.text())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.errors.text());
        }
    }
}

/// The text that a process has written to a pipe so far.
struct Transcript {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Transcript {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                *written.lock().unwrap() += &String::from_utf8_lossy(&line);
                line.clear();
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Returns the complete lines if there are at least this many.
    fn lines(&self, at_least: usize) -> Option<Vec<String>> {
        let text = self.text();
        let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
        let lines: Vec<String> = complete.lines().map(str::to_owned).collect();
        (lines.len() >= at_least).then_some(lines)
    }

    /// Waits until the process has closed the pipe.
    fn end(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}
