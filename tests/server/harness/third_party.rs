use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the programs in `tests/third_party` are written in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    JavaScript,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Python, Self::JavaScript];

    /// A program, ready to be started.
    #[track_caller]
    pub(crate) fn command(self, program: &str) -> Command {
        let scratch = scratch();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("third_party");
        let mut command = match self {
            Self::Python => {
                let mut command = Command::new(scratch.join("venv/bin/python"));
                command.arg(sources.join(format!("{program}.py")));
                command
            }
            Self::JavaScript => {
                // As text, since modules are looked for from the folder of the source, else from here.
                let source = sources.join(format!("{program}.mjs"));
                let source = fs::read_to_string(source).unwrap();
                let mut command = Command::new(scratch.join("bin/node"));
                command.current_dir(scratch.join("node"));
                command.args(["--input-type=module", "--eval", &source, "--"]);
                command
            }
        };
        for proxy in [
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
        ] {
            command.env_remove(proxy);
        }
        command
    }

    /// Runs a program to its end, which must be a good one, and gives what it printed.
    #[track_caller]
    pub(crate) fn run(self, program: &str, arguments: &[&str], input: &str) -> String {
        let mut child = self
            .command(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{program} in {self:?} {arguments:?}: {errors}"
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, where it prints JSON.
    #[track_caller]
    pub(crate) fn json(self, program: &str, arguments: &[&str], input: &str) -> Value {
        serde_json::from_str(&self.run(program, arguments, input)).unwrap()
    }
}

/// Where `tests/setup` put the clients.
#[track_caller]
pub(crate) fn scratch() -> PathBuf {
    let scratch = match std::env::var_os("FOREIGN_SCRATCH") {
        Some(named) => PathBuf::from(named),
        // Beside `tmp` in cargo's target folder.
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("foreign"),
    };
    assert!(
        scratch.join("stamp").is_file(),
        "the foreign clients are not in {}: run tests/setup",
        scratch.display()
    );
    scratch
}
