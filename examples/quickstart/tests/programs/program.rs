use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running program, and the lines that it printed, the first of which is its URL.
pub(crate) struct Program {
    process: Child,
    pub(crate) lines: Vec<String>,
}

impl Program {
    /// Starts a program, and waits for so many lines.
    pub(crate) fn start(command: &mut Command, lines: usize) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let lines = output.lines().take(lines).map(Result::unwrap).collect();
        Self { process, lines }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.lines[0])
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Runs curl, and returns the body and the status of the response.
pub(crate) fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*"])
        .args(["--write-out", " %{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
