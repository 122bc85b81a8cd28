//! The commands, one file each.

mod account;
mod arguments;
mod audit;
mod backup;
mod caller;
mod completions;
mod config_check;
mod credential;
mod doctor;
mod environment;
mod key;
mod master_key;
mod output;
mod password;
mod pepper;
mod restore;
mod serve;
mod session;
mod signing_key;
mod stdin;
mod subject;
mod token;
mod usage;
mod user;

use std::process::ExitCode;
use std::sync::Arc;

use countersign_store::{Store, StoreOptions, ViewContents};

pub(crate) use arguments::Arguments;
use arguments::ConfigCommand::Check;
use arguments::{Command, GlobalArgs, ServeArgs};
use caller::caller;
use output::Output;
pub(crate) use usage::print_usage;

use crate::config::{self, Config, Environment};
use crate::error::CommandError;
use crate::logging;
use crate::ops::Operations;

/// The default log filter of `serve`.
const SERVER_LOG: &str = "info";
/// The default log filter of all other commands, which log problems only.
const COMMAND_LOG: &str = "warn";

/// Prints an error on one line, and returns failure.
pub(crate) fn fail(text: &str) -> ExitCode {
    // The text of a library's error may contain line breaks.
    let text = text.replace(char::is_control, " ");
    output::print_error(&format!("countersign: {text}"));
    ExitCode::FAILURE
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> ExitCode {
    let Arguments { global, command } = arguments;
    let output = if global.json {
        Output::Json
    } else {
        Output::Text
    };
    let loaded = config::load(global.config.as_deref(), environment);
    let result = match command.unwrap_or(Command::Serve(ServeArgs::default())) {
        Command::Config(Check) => {
            let file = config::file(global.config.as_deref());
            config_check::run(file, loaded.map(drop), output)
        }
        Command::Completions { shell } => completions::run(shell, output),
        command => match loaded {
            Ok(config) => dispatch(command, override_with(global, config), output).await,
            Err(errors) => {
                // One error on each line, after its file and line number, as compilers print them.
                output::print_error(&errors.to_string());
                Ok(ExitCode::FAILURE)
            }
        },
    };
    result.unwrap_or_else(|error| fail(&error.to_string()))
}

async fn dispatch(
    command: Command,
    config: Config,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let log = match command {
        Command::Serve(_) => SERVER_LOG,
        _ => COMMAND_LOG,
    };
    logging::start(config.log.format, config.log.filter.as_deref(), log);
    match command {
        Command::Serve(arguments) => serve::run(config, &arguments, output).await,
        Command::User(command) => user::run(config, command, output).await,
        Command::MasterKey(command) => master_key::run(config, command, output).await,
        Command::Token(command) => token::run(config, &command, output).await,
        Command::Restore(arguments) => restore::run(&config, &arguments, output).await,
        Command::Doctor => doctor::run(&config, output).await,
        command => {
            with_operations(config, async |operations: &Operations| match command {
                Command::Key(command) => key::run(operations, command, output).await,
                Command::Account(command) => account::run(operations, command, output).await,
                Command::Environment(command) => {
                    environment::run(operations, command, output).await
                }
                Command::Session(command) => session::run(operations, &command, output).await,
                Command::SigningKey(command) => signing_key::run(operations, command, output).await,
                Command::Pepper(command) => pepper::run(operations, command, output).await,
                Command::Audit(command) => audit::run(operations, command, output).await,
                Command::Backup(arguments) => backup::run(operations, arguments, output).await,
                // These are handled before the store is opened.
                _ => Ok(ExitCode::SUCCESS),
            })
            .await
        }
    }
}

/// Opens the store, runs a command on it as its operator, and closes it.
async fn with_operations(
    config: Config,
    command: impl AsyncFnOnce(&Operations) -> Result<ExitCode, CommandError>,
) -> Result<ExitCode, CommandError> {
    with_view(config, ViewContents::Nothing, command).await
}

/// Does the same with a store whose view contains records, for commands that look up credentials.
async fn with_view(
    config: Config,
    contents: ViewContents,
    command: impl AsyncFnOnce(&Operations) -> Result<ExitCode, CommandError>,
) -> Result<ExitCode, CommandError> {
    let store = open(&config, contents).await?;
    let operations = Operations::unrestricted(store, Arc::new(config), caller());
    let code = command(&operations).await?;
    operations.store().close().await?;
    Ok(code)
}

/// Replaces settings by flags.
fn override_with(global: GlobalArgs, mut config: Config) -> Config {
    if let Some(url) = global.database {
        config.store.url = url;
    }
    if let Some(format) = global.log_format {
        config.log.format = Some(format);
    }
    config
}

/// Opens the configured store.
async fn open(config: &Config, contents: ViewContents) -> Result<Store, CommandError> {
    let mut options = store_options(config);
    options.contents = contents;
    Ok(Store::open(options).await?)
}

/// Returns the options of the configured store.
fn store_options(config: &Config) -> StoreOptions {
    let settings = &config.store;
    let mut options = StoreOptions::new(settings.url.as_str());
    options.max_staleness = settings.max_staleness;
    options.master_key = settings.master_key.clone();
    options
}
