//! The server binary and a home for its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

/// The path of the server binary, which is built once with the default features.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| built("countersign-server", "countersign"));

/// Builds a program of the workspace with its default features; returns its path.
pub(crate) fn built(package: &str, program: &str) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--package", package, "--bin", program])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let messages = String::from_utf8(built.stdout).unwrap();
    let executable = messages
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|message| message["target"]["name"] == program)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&built.stderr)))
}

/// The master key of PostgreSQL databases.
pub(crate) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A temporary folder for a database and its files, with environment variables for the commands.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
    /// The URL of the database; `None` for a file in the folder.
    database: Option<String>,
    environment: Vec<(&'static str, String)>,
}

/// The output of `key create --json`.
#[derive(Clone, Debug)]
pub(crate) struct IssuedKey {
    pub(crate) id: String,
    /// The API key.
    pub(crate) key: String,
    /// The secret that belongs to the id.
    pub(crate) secret: String,
}

impl Home {
    /// Creates a home for the kind of database that the variable `COUNTERSIGN_TEST_STORE` names, `sqlite` or `postgres`.
    pub(crate) fn new() -> Self {
        match std::env::var("COUNTERSIGN_TEST_STORE").as_deref() {
            Ok("postgres") => Self::on_postgres(),
            Ok("sqlite") | Err(_) => Self::on_sqlite(),
            Ok(other) => panic!("COUNTERSIGN_TEST_STORE: {other}"),
        }
    }

    /// Creates a home whose database is a file, for tests about its files.
    pub(crate) fn on_sqlite() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            database: None,
            environment: Vec::new(),
        }
    }

    /// Creates a home whose servers and commands use a new PostgreSQL database.
    pub(crate) fn on_postgres() -> Self {
        let mut home = Self::on_sqlite().with("COUNTERSIGN_MASTER_KEY", MASTER_KEY);
        home.database = Some(countersign_test_postgres::new_database());
        home
    }

    /// Sets an environment variable for all commands and servers of this home.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes `countersign.toml`; returns its path.
    pub(crate) fn configure(&self, text: &str) -> String {
        let path = self.path().join("countersign.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Builds a command that uses the database of this home.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare_command(arguments);
        let file = || format!("sqlite://{}", self.path().join("x.db").display());
        let database = self.database.clone().unwrap_or_else(file);
        command.args(["--database", &database]);
        command
    }

    /// Builds a command without any configuration.
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

    /// Runs a command that must succeed and print one JSON object.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Runs a statement on the database; returns the first column of the first row.
    #[track_caller]
    pub(crate) fn query(&self, statement: &'static str) -> Option<i64> {
        use sqlx::ConnectOptions as _;

        if let Some(url) = &self.database {
            return countersign_test_postgres::query(url, statement)
                .lines()
                .next()
                .map(|line| line.parse().unwrap());
        }
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
        let created = self.json(&["key", "create", "--name", "test", "--scopes", scopes]);
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        IssuedKey {
            id: text("id"),
            key: text("key"),
            secret: text("secret"),
        }
    }
}
