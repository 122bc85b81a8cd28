//! The commands, one file each.

mod account;
mod arguments;
mod audit;
mod backup;
mod caller;
mod check;
mod completions;
mod doctor;
mod environment;
mod key;
mod master_key;
pub(crate) mod output;
mod password;
mod pepper;
mod restore;
mod serve;
mod session;
pub(crate) mod shown;
mod signing_key;
mod token;
mod usage;
mod user;

use std::process::ExitCode;

use countersign_store::{MasterKey, Store, StoreOptions};

pub(crate) use arguments::Arguments;
use arguments::Config::Check;
use arguments::{Command, Global, Serve};
use caller::caller;
use output::Output;
pub(crate) use usage::explain;

use crate::config::{self, Config, Environment};
use crate::failure::Failure;
use crate::logging;

/// What `serve` writes to the log unless told otherwise; commands write what went wrong alone.
const SERVER_LOG: &str = "info";
const COMMAND_LOG: &str = "warn";

/// Says what went wrong, and that it did: in one line, whatever a library below has put into its text.
pub(crate) fn fail(text: &str) -> ExitCode {
    output::complain(&format!(
        "countersign: {}",
        text.replace(char::is_control, " ")
    ));
    ExitCode::FAILURE
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> ExitCode {
    let Arguments { global, command } = arguments;
    let output = Output::from(&global);
    let loaded = config::load(global.config.as_deref(), environment);
    let ended = match command.unwrap_or(Command::Serve(Serve::default())) {
        Command::Config(Check) => {
            let file = config::file(global.config.as_deref());
            check::run(file, loaded.map(drop), output)
        }
        Command::Completions { shell } => completions::run(shell, output),
        command => match loaded {
            Ok(config) => dispatch(command, override_with(global, config), output).await,
            Err(mistakes) => {
                // One a line, each with its place in front, as compilers write them.
                output::complain(&mistakes.to_string());
                Ok(ExitCode::FAILURE)
            }
        },
    };
    ended.unwrap_or_else(|failure| fail(&failure.to_string()))
}

async fn dispatch(command: Command, config: Config, output: Output) -> Result<ExitCode, Failure> {
    let log = match command {
        Command::Serve(_) => SERVER_LOG,
        _ => COMMAND_LOG,
    };
    logging::start(config.log.format, config.log.filter.as_deref(), log);
    match command {
        Command::Serve(arguments) => serve::run(config, &arguments, output).await,
        Command::Key(command) => key::run(&config, command, output).await,
        Command::User(command) => user::run(&config, command, output).await,
        Command::Account(command) => account::run(&config, command, output).await,
        Command::Environment(command) => environment::run(&config, command, output).await,
        Command::Session(command) => session::run(&config, command, output).await,
        Command::SigningKey(command) => signing_key::run(&config, command, output).await,
        Command::Pepper(command) => pepper::run(&config, command, output).await,
        Command::MasterKey(command) => master_key::run(&config, command, output).await,
        Command::Token(command) => token::run(&config, command, output).await,
        Command::Audit(command) => audit::run(&config, command, output).await,
        Command::Backup(arguments) => backup::run(&config, &arguments, output).await,
        Command::Restore(arguments) => restore::run(&config, &arguments, output).await,
        Command::Doctor => doctor::run(&config, output).await,
        // Done already, without a configuration that holds.
        Command::Config(Check) | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Flags win over everything.
fn override_with(global: Global, mut config: Config) -> Config {
    if let Some(url) = global.database {
        config.store.url = url;
    }
    if let Some(format) = global.log_format {
        config.log.format = Some(format);
    }
    config
}

impl From<&Global> for Output {
    fn from(global: &Global) -> Self {
        if global.json {
            Self::Json
        } else {
            Self::People
        }
    }
}

/// Opens the store that the configuration names.
async fn open(config: &Config) -> Result<Store, Failure> {
    Ok(Store::open(store_options(config)).await?)
}

/// How it is opened.
fn store_options(config: &Config) -> StoreOptions {
    let settings = &config.store;
    let mut options = StoreOptions::new(settings.url.as_str());
    options.max_staleness = settings.max_staleness;
    options.master_key = match (&settings.master_key, &settings.master_key_file) {
        (Some(key), _) => key.clone(),
        (None, Some(path)) => MasterKey::File(path.clone()),
        (None, None) => MasterKey::BesideDatabase,
    };
    options
}
