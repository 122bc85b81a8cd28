use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

/// The program, built once, as users build it.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--package",
            "countersign-server",
            "--bin",
            "countersign",
        ])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let messages = String::from_utf8(built.stdout).unwrap();
    let executable = messages
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|message| message["target"]["name"] == "countersign")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&built.stderr)))
});

/// A folder with a database, and what is configured for it.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What `key create --json` printed.
#[derive(Clone, Debug)]
pub(crate) struct IssuedKey {
    pub(crate) id: String,
    /// The whole string that is presented.
    pub(crate) key: String,
    /// The part that goes with the id.
    pub(crate) secret: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            environment: Vec::new(),
        }
    }

    /// Sets a variable for everything that is started here.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes `countersign.toml`; its path.
    pub(crate) fn configure(&self, text: &str) -> String {
        let path = self.path().join("countersign.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The program with nothing configured but the database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare_command(arguments);
        let database = self.path().join("x.db");
        command.args(["--database", &format!("sqlite://{}", database.display())]);
        command
    }

    /// The program with nothing configured at all.
    pub(crate) fn bare_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&*BINARY);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(arguments);
        command
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    /// Runs a command that must succeed, and print one JSON object.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Does something to the database behind the program's back, or looks into it; the number that this says.
    #[track_caller]
    pub(crate) fn meddle(&self, statement: &'static str) -> Option<i64> {
        use sqlx::ConnectOptions as _;

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let options = SqliteConnectOptions::new().filename(self.path().join("x.db"));
            let mut connection = options.connect().await.unwrap();
            let query = sqlx::query_scalar(statement);
            query.fetch_optional(&mut connection).await.unwrap()
        })
    }

    #[track_caller]
    pub(crate) fn create_key(&self, scopes: &str) -> IssuedKey {
        let made = self.json(&["key", "create", "--name", "test", "--scopes", scopes]);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        IssuedKey {
            id: text("id"),
            key: text("key"),
            secret: text("secret"),
        }
    }
}
