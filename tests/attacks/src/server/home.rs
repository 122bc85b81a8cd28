//! A temporary folder for the files of one server, and commands on its database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::Command;

use super::Binary;
use crate::Outcome;

/// The URL of the issuer. It stays the same when the server has another port after a restart.
const URL: &str = "http://localhost";
/// A file with the offset of the wall clock, which libfaketime reads once in a second.
const CLOCK: &str = "clock";
/// How long libfaketime remembers the offset, in seconds.
const CLOCK_CACHE: &str = "1";

/// A temporary folder with a database, a configuration, a log and perhaps a wall clock of its own.
pub(crate) struct Home<'a> {
    folder: TempDir,
    binary: &'a Binary,
    has_clock: bool,
}

/// A new API key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl Key {
    /// Reads the response to `key create`, as a command or over HTTP.
    pub(crate) fn from_json(created: &Value) -> Outcome<Self> {
        Ok(Self {
            id: text(created, "id")?,
            key: text(created, "key")?,
            secret: text(created, "secret")?,
        })
    }
}

/// Returns a member of a JSON object that is a string.
pub(crate) fn text(object: &Value, name: &str) -> Outcome<String> {
    let member = object.get(name).and_then(Value::as_str);
    let member = member.ok_or_else(|| format!("no string `{name}` in {object}"))?;
    Ok(member.to_owned())
}

impl<'a> Home<'a> {
    /// Creates a folder whose server has this configuration: more settings of `[server]`, and further sections.
    pub(crate) fn new(binary: &'a Binary, configuration: &str) -> Outcome<Self> {
        let home = Self {
            folder: TempDir::with_prefix("countersign-attacks-")?,
            binary,
            has_clock: false,
        };
        home.configure(configuration)?;
        Ok(home)
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, configuration: &str) -> Outcome<()> {
        let configuration = format!("[server]\npublic_url = \"{URL}\"\n{configuration}");
        fs::write(self.path().join("countersign.toml"), configuration)?;
        Ok(())
    }

    /// As [`new`](Self::new), for a server whose wall clock can be set.
    pub(crate) fn with_clock(binary: &'a Binary, configuration: &str) -> Outcome<Self> {
        binary.faketime()?;
        let mut home = Self::new(binary, configuration)?;
        home.has_clock = true;
        home.set_clock(0)?;
        Ok(home)
    }

    /// Sets the wall clock of the server and of commands to the real time plus an offset in seconds. Running processes
    /// see it after a second.
    pub(crate) fn set_clock(&self, offset: i64) -> Outcome<()> {
        let new = self.path().join("clock.new");
        fs::write(&new, format!("{offset:+}\n"))?;
        fs::rename(new, self.path().join(CLOCK))?;
        Ok(())
    }

    /// Returns the real time plus an offset in seconds (RFC 3339).
    pub(crate) fn time(offset: i64) -> Outcome<String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the server has the clock of the machine, too"
        )]
        let now = OffsetDateTime::now_utc();
        Ok((now + time::Duration::seconds(offset)).format(&Rfc3339)?)
    }

    /// Returns the path of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("countersign.db")
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Builds a command in a shell, which first runs `preparation`.
    pub(super) fn command_after(&self, preparation: &str, arguments: &[&str]) -> Outcome<Command> {
        let mut command = Command::new("sh");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command
            .args(["-c", &format!("{preparation} exec \"$0\" \"$@\"")])
            .arg(&self.binary.server)
            .args(arguments)
            .current_dir(self.path())
            .env("COUNTERSIGN_LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if self.has_clock {
            command
                .env("LD_PRELOAD", self.binary.faketime()?)
                .env("FAKETIME_TIMESTAMP_FILE", self.path().join(CLOCK))
                .env("FAKETIME_CACHE_DURATION", CLOCK_CACHE)
                // Only the wall clock is wrong: timers and file times stay right.
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("NO_FAKE_STAT", "1");
        }
        Ok(command)
    }

    /// Runs a command, and returns whether it succeeded, with its output and its errors.
    pub(crate) async fn try_run(&self, arguments: &[&str]) -> Outcome<(bool, String)> {
        let output = self.command_after("", arguments)?.output().await?;
        let text = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        ))
    }

    /// Runs a command that must succeed, and parses the JSON that it prints.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Outcome<Value> {
        let arguments = [arguments, &["--json"]].concat();
        let (succeeded, text) = self.try_run(&arguments).await?;
        if !succeeded {
            return Err(format!("{arguments:?}: {text}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) async fn create_key(&self, name: &str, scopes: &str) -> Outcome<Key> {
        let arguments = ["key", "create", "--name", name, "--scopes", scopes];
        Key::from_json(&self.json(&arguments).await?)
    }

    /// Returns the end of the server's log.
    pub(crate) fn log_end(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path().join("server.log")
    }
}
