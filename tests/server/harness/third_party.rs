//! Third-party programs in other languages.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The language of a program in `tests/third_party`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    JavaScript,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Python, Self::JavaScript];

    /// Builds the command that runs a program.
    #[track_caller]
    pub(crate) fn command(self, program: &str) -> Command {
        let folder = third_party_folder();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("third_party");
        let mut command = match self {
            Self::Python => {
                let mut command = Command::new(folder.join("venv/bin/python"));
                command.arg(sources.join(format!("{program}.py")));
                command
            }
            Self::JavaScript => {
                // The source is passed as text, so that Node.js resolves modules from the current folder.
                let source = sources.join(format!("{program}.mjs"));
                let source = fs::read_to_string(source).unwrap();
                let mut command = Command::new(folder.join("bin/node"));
                command.current_dir(folder.join("node"));
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

    /// Runs a program that must succeed; returns its output.
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

    /// Runs a program that must succeed; parses its output as JSON.
    #[track_caller]
    pub(crate) fn json(self, program: &str, arguments: &[&str], input: &str) -> Value {
        serde_json::from_str(&self.run(program, arguments, input)).unwrap()
    }
}

/// Returns the folder in which `tests/setup` installed the third-party programs.
#[track_caller]
pub(crate) fn third_party_folder() -> PathBuf {
    let folder = match std::env::var_os("THIRD_PARTY") {
        Some(path) => PathBuf::from(path),
        // Next to `tmp` in Cargo's target folder.
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("third-party"),
    };
    assert!(
        folder.join("stamp").is_file(),
        "the third-party programs are not in {}: run tests/setup",
        folder.display()
    );
    folder
}
