//! A series of crashes, with a check of all data after each.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_tests::xorshift::XorShift;

use super::model::Model;
use super::{
    Client, Kind, PATIENCE, Program, Server, Switch, Violation, check, crash, ensure, within,
};

/// The number of crashes after which a new database is created, so that crashes during the first start are tested, and
/// databases stay small.
const CRASHES_PER_HOME: usize = 25;

/// A database, its program, and the model of its expected contents.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) program: Program,
    pub(super) model: Model,
    pub(super) server: Option<(Server, SocketAddr)>,
    /// A key with all scopes for changes over HTTP; created after the first crash.
    pub(super) administrator: Option<String>,
    kind: Kind,
    crashes: usize,
}

/// The results of a campaign.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) kills: usize,
    pub(crate) power_losses: usize,
    pub(crate) databases: usize,
    pub(crate) acknowledged: usize,
    pub(crate) interrupted: usize,
    /// The number of keys and tokens that were correctly accepted after a crash.
    pub(crate) accepted: usize,
    pub(crate) rejected: usize,
}

/// A series of crashes that a seed determines.
#[derive(Debug)]
pub(crate) struct Campaign {
    binary: PathBuf,
    seed: u64,
    ignore_syncs: bool,
    /// The time within which a crash happens: the duration of some commands.
    patience: Duration,
    home: Option<Home>,
    report: Report,
}

impl Campaign {
    /// Creates a campaign after measuring how long a command takes.
    pub(crate) fn new(binary: &Path, seed: u64) -> Result<Self, Violation> {
        const COMMANDS: u32 = 4;
        let program = Program::new(binary);
        program.json(&CREATE)?;
        let begun = Instant::now();
        program.json(&CREATE)?;
        Ok(Self {
            binary: binary.to_owned(),
            seed,
            ignore_syncs: false,
            patience: begun.elapsed() * COMMANDS,
            report: Report::default(),
            home: None,
        })
    }

    /// Ignores fsync of the write-ahead log, so that data must be lost.
    pub(crate) fn with_ignored_syncs(mut self) -> Self {
        self.ignore_syncs = true;
        self
    }

    pub(crate) const fn report(&self) -> &Report {
        &self.report
    }

    /// Crashes the program once, and checks all data.
    pub(crate) fn crash(&mut self, kind: Kind) -> Result<(), Violation> {
        let number = self.report.kills + self.report.power_losses + 1;
        let ended = self.try_crash(kind, number);
        ended.map_err(|Violation(what)| {
            // The folder is not needed if data is lost because syncs were ignored.
            let home = self.home.as_mut().filter(|_| !self.ignore_syncs);
            let kept = home.map(|home| home.program.disk.keep());
            let kept = kept.map_or_else(String::new, |path| format!(" (see {})", path.display()));
            let (seed, kind) = (self.seed, kind.name());
            Violation(format!(
                "seed {seed}, crash {number}, a {kind}: {what}{kept}"
            ))
        })
    }

    fn try_crash(&mut self, kind: Kind, number: usize) -> Result<(), Violation> {
        // Mixes the bits, so that consecutive numbers give unrelated sequences.
        let mixed = (self.seed ^ (number as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut chance = XorShift::new(mixed | 1);
        chance.next_number();

        let replace = |home: &Home| home.kind != kind || home.crashes == CRASHES_PER_HOME;
        if self.home.as_ref().is_none_or(replace) {
            self.home = None;
            self.report.databases += 1;
        }
        let home = self
            .home
            .get_or_insert_with(|| Home::new(&self.binary, kind, self.ignore_syncs));
        home.crashes += 1;

        let name = number.to_string();
        let operations = crash::crash(home, kind, &name, self.patience, &mut chance)?;
        self.report.acknowledged += operations.acknowledged;
        self.report.interrupted += operations.interrupted;
        match kind {
            Kind::Kill => self.report.kills += 1,
            Kind::PowerLoss => self.report.power_losses += 1,
        }

        let mut server = Server::spawn(&home.program);
        let address = server.address()?;
        let outcomes = check::check(&home.program, address, &mut home.model, &mut chance)?;
        self.report.accepted += outcomes.accepted;
        self.report.rejected += outcomes.rejected;
        home.server = Some((server, address));
        if home.crashes == 1 {
            home.create_administrator(address)?;
        }
        Ok(())
    }
}

const CREATE: [&str; 6] = ["key", "create", "--name", "x", "--scopes", "*"];

impl Home {
    fn new(binary: &Path, kind: Kind, ignore_syncs: bool) -> Self {
        let loses = kind == Kind::PowerLoss;
        let program = match kind {
            Kind::Kill => Program::new(binary),
            Kind::PowerLoss => Program::on_disk(binary),
        };
        program.disk.set(Switch::Mirror, u64::from(loses));
        program
            .disk
            .set(Switch::IgnoreSync, u64::from(ignore_syncs));
        Self {
            program,
            model: Model::default(),
            server: None,
            administrator: None,
            kind,
            crashes: 0,
        }
    }

    /// Creates the key for changes over HTTP, which workers do not change.
    fn create_administrator(&mut self, address: SocketAddr) -> Result<(), Violation> {
        let scopes = "countersign:admin *";
        let name = "administrator";
        let created = self
            .program
            .json(&["key", "create", "--name", name, "--scopes", scopes])?;
        let text = |name: &str| created[name].as_str().unwrap_or_default().to_owned();
        let key = text("key");
        self.model.spared.push(text("id"));
        let mut client = Client::connect(address).unwrap();
        let known = within(PATIENCE, || {
            matches!(client.whoami("x-api-key", &key), Ok(200))
        });
        ensure(known, || "the server does not see a new key".to_owned())?;
        self.administrator = Some(key);
        Ok(())
    }
}
