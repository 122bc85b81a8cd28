//! The commands, one file each. `serve` is the server's.

mod arguments;
mod audit;
mod backup;
mod caller;
mod created;
mod credential;
mod doctor;
mod file_entry;
mod healthcheck;
mod import;
mod input;
mod key;
mod managed_token;
mod node;
mod password;
pub mod report;
mod server_secrets;
mod session;
mod signing_key;
mod store;
mod subject;
mod tenants;
mod token;
mod usage;
mod user;

use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::Shell;
use countersign_store::{Store, StoreOptions, ViewContents};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

pub use arguments::{Arguments, ServeArgs};
pub use caller::caller;

use arguments::{Command, ConfigCommand, GlobalArgs};
use report::Report;

use crate::config::{self, Config, ConfigErrors, Environment};
use crate::error::CommandError;
use crate::ops::Operations;

/// The default log filter of `serve`.
const SERVER_LOG: &str = "info";
/// The default log filter of all other commands, which log problems only.
const COMMAND_LOG: &str = "warn";

type CommandResult = Result<Report, CommandError>;

/// What a command works with: the configuration, and the store once the command has opened it.
pub struct Context {
    pub config: Arc<Config>,
    global: GlobalArgs,
    /// The runtime of the store, on which nothing waits for requests.
    pub store_runtime: Handle,
    operations: OnceCell<Operations>,
}

impl Context {
    /// Returns whether commands print JSON.
    #[must_use]
    pub const fn prints_json(&self) -> bool {
        self.global.json
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    ///
    /// Returns all errors of the configuration at once.
    pub fn read_config(&self) -> Result<Config, CommandError> {
        let environment = Environment::new(std::env::vars_os());
        let read = config::load(self.global.config.as_deref(), environment);
        let config = read.map_err(|errors| CommandError::new(errors.to_string()))?;
        Ok(override_with(&self.global, config))
    }

    /// Opens the store, and returns the operations of the operator who runs the command.
    async fn operations(&self) -> Result<&Operations, CommandError> {
        self.operations_over(ViewContents::Nothing).await
    }

    /// Does the same with a store whose view has these contents, for commands that look up credentials.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be opened.
    pub async fn operations_over(
        &self,
        contents: ViewContents,
    ) -> Result<&Operations, CommandError> {
        let open = async || {
            let mut options = self.store_options();
            options.contents = contents;
            // The store begins its tasks on the runtime on which it is opened.
            let opened = self.store_runtime.spawn(Store::open(options)).await;
            let store = opened.map_err(|_| CommandError::new("the database was not opened"))??;
            Ok(Operations::new(store, Arc::clone(&self.config), caller()))
        };
        self.operations.get_or_try_init(open).await
    }

    /// Returns the options of the configured store.
    fn store_options(&self) -> StoreOptions {
        let settings = &self.config.store;
        let mut options = StoreOptions::new(settings.url.as_str());
        options.max_staleness = settings.max_staleness;
        options.when_stale = settings.when_stale;
        options.limits = self.config.limits.records;
        options.master_key = settings.master_key.clone();
        options
    }

    /// Closes the store if it was opened.
    async fn close(&self) -> Result<(), CommandError> {
        match self.operations.get() {
            Some(operations) => Ok(operations.store().close().await?),
            None => Ok(()),
        }
    }
}

/// Prints an error on one line, and returns failure.
#[must_use]
pub fn fail(text: &str) -> ExitCode {
    // The text of a library's error may contain line breaks.
    let text = text.replace(char::is_control, " ");
    report::print_error(&format!("countersign: {text}"));
    ExitCode::FAILURE
}

/// Parses the arguments of the process.
///
/// # Errors
///
/// Returns the exit status after help, the version or a usage error was printed.
pub fn parse() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| usage::print_usage(&error))
}

/// A command with its context.
pub struct Invocation {
    context: Context,
    command: Command,
}

impl Invocation {
    /// Reads the configuration, and runs the commands that need none.
    ///
    /// # Errors
    ///
    /// Returns the exit status if such a command has run, or after errors of the configuration were printed.
    pub fn new(
        arguments: Arguments,
        environment: Environment,
        store_runtime: Handle,
    ) -> Result<Self, ExitCode> {
        let Arguments { global, command } = arguments;
        let command = command.unwrap_or_else(|| Command::Serve(ServeArgs::default()));
        let file = global.config.as_deref();
        let loaded = config::load(file, environment);
        let finished = match &command {
            Command::Config(ConfigCommand::Check) => Some(check_config(file, &loaded)),
            Command::Completions { shell } => Some(completions(*shell)),
            Command::Manpage => Some(manual()),
            _ => None,
        };
        if let Some(finished) = finished {
            let printed = finished.and_then(|report| report.print(global.json));
            return Err(printed.unwrap_or_else(|error| fail(&error.to_string())));
        }
        let mut config = match loaded {
            Ok(config) => override_with(&global, config),
            Err(errors) => {
                // One error on each line, after its file and line number, as compilers print them.
                report::print_error(&errors.to_string());
                return Err(ExitCode::FAILURE);
            }
        };
        if let Command::Serve(ServeArgs { listen, .. }) = &command {
            config.server.listen = listen.unwrap_or(config.server.listen);
        }
        let context = Context {
            config: Arc::new(config),
            global,
            store_runtime,
            operations: OnceCell::new(),
        };
        Ok(Self { context, command })
    }

    /// Returns the context of the command.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the log filter that applies if none is configured.
    #[must_use]
    pub const fn default_log_filter(&self) -> &'static str {
        match self.serve() {
            Some(_) => SERVER_LOG,
            None => COMMAND_LOG,
        }
    }

    /// Returns the arguments of `serve` if that is the command. [`run`](Self::run) does nothing then.
    #[must_use]
    pub const fn serve(&self) -> Option<&ServeArgs> {
        match &self.command {
            Command::Serve(arguments) => Some(arguments),
            _ => None,
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    ///
    /// Returns the error of the command.
    pub async fn run(self) -> Result<ExitCode, CommandError> {
        // Boxed, so that the commands are compiled in this crate, and not again in the one that calls this.
        let run: Pin<Box<dyn Future<Output = _>>> = Box::pin(run(self.context, self.command));
        run.await
    }
}

async fn run(context: Context, command: Command) -> Result<ExitCode, CommandError> {
    let json = context.prints_json();
    let waits = command.is_change() && !context.global.no_wait;
    let report = match command {
        Command::Key(command) => key::run(&context, command).await?,
        Command::ManagedToken(command) => managed_token::run(&context, command).await?,
        Command::User(command) => user::run(&context, command).await?,
        Command::Credential(command) => created::run(&context, command).await?,
        Command::Account(command) => tenants::run_account(&context, command).await?,
        Command::Environment(command) => tenants::run_environment(&context, command).await?,
        Command::Session(command) => session::run(&context, &command).await?,
        Command::SigningKey(command) => signing_key::run(&context, command).await?,
        Command::Pepper(_) => server_secrets::rotate_pepper(&context).await?,
        Command::MasterKey(_) => server_secrets::rotate_master_key(&context).await?,
        Command::Token(command) => token::run(&context, command).await?,
        Command::Node(command) => node::run(&context, command).await?,
        Command::Audit(command) => audit::run(&context, command).await?,
        Command::Backup(arguments) => backup::back_up(&context, &arguments).await?,
        Command::Restore(arguments) => backup::restore(&context, &arguments).await?,
        Command::Store(command) => store::run(&context, command).await?,
        Command::Doctor => doctor::run(&context).await?,
        Command::Healthcheck { url } => {
            healthcheck::run(url.as_ref(), &context.config.server).await?
        }
        // The server serves, and the others have run already.
        Command::Serve(_) | Command::Config(_) | Command::Completions { .. } | Command::Manpage => {
            return Ok(ExitCode::SUCCESS);
        }
    };
    let code = match context.operations.get() {
        Some(operations) if waits => {
            let receipt = operations.wait_for_nodes(Duration::MAX);
            report.print_with_receipt(json, receipt).await?
        }
        _ => report.print(json)?,
    };
    context.close().await?;
    Ok(code)
}

/// Reports all errors in the configuration.
fn check_config(file: Option<&Path>, loaded: &Result<Config, ConfigErrors>) -> CommandResult {
    let file = config::file(file).map(|file| file.display().to_string());
    let text = match &file {
        Some(file) => format!("{file}: no errors"),
        None => "no configuration file: the defaults and the environment apply".to_owned(),
    };
    match loaded {
        Ok(_) => Report::new(&json!({ "file": file, "errors": [] }), text),
        Err(errors) => {
            let response = json!({ "file": file, "errors": errors.lines() });
            Ok(Report::new(&response, errors.to_string())?.into_error())
        }
    }
}

/// Reports the completions of commands for a shell.
fn completions(shell: Shell) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "countersign", &mut script);
    let script = String::from_utf8_lossy(&script);
    let response = json!({ "shell": shell.to_string(), "script": script });
    Report::new(&response, script.trim_end())
}

/// Reports the manual page, in the language of roff.
fn manual() -> CommandResult {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Arguments::command()).render(&mut page);
    rendered.map_err(|error| CommandError::new(format!("cannot write the page: {error}")))?;
    let page = String::from_utf8_lossy(&page);
    Report::new(&json!({ "page": page }), page.trim_end())
}

/// Replaces settings by flags.
fn override_with(global: &GlobalArgs, mut config: Config) -> Config {
    if let Some(url) = &global.database {
        config.store.url.clone_from(url);
    }
    if let Some(format) = global.log_format {
        config.log.format = Some(format);
    }
    config
}
