//! Crash after crash, with a look at everything in between.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_tests::xorshift::XorShift;

use super::model::Model;
use super::{
    Client, Kind, PATIENCE, Program, Server, Switch, Violation, check, crash, ensure, within,
};

/// After so many crashes a new database is begun: first starts must be survived, and few keys are
/// soon looked at.
const CRASHES_A_HOME: usize = 25;

/// A database, its program, and what must be in it.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) program: Program,
    pub(super) model: Model,
    pub(super) server: Option<(Server, SocketAddr)>,
    /// A key that may do anything over HTTP, once a first crash was survived.
    pub(super) administrator: Option<String>,
    kind: Kind,
    crashes: usize,
}

/// What a campaign did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) kills: usize,
    pub(crate) power_losses: usize,
    pub(crate) databases: usize,
    pub(crate) acknowledged: usize,
    pub(crate) cut_off: usize,
    /// Keys and tokens that were presented after a crash, by the answer, which was right.
    pub(crate) let_in: usize,
    pub(crate) refused: usize,
}

/// A series of crashes that a seed decides.
#[derive(Debug)]
pub(crate) struct Campaign {
    binary: PathBuf,
    seed: u64,
    lies: bool,
    /// Within which a crash comes: some commands' time.
    patience: Duration,
    home: Option<Home>,
    report: Report,
}

impl Campaign {
    /// Nothing is done yet but to look at what the program can do, and how fast it is here.
    pub(crate) fn new(binary: &Path, seed: u64) -> Result<Self, Violation> {
        const COMMANDS: u32 = 4;
        let program = Program::new(binary);
        program.json(&CREATE)?;
        let begun = Instant::now();
        program.json(&CREATE)?;
        Ok(Self {
            binary: binary.to_owned(),
            seed,
            lies: false,
            patience: begun.elapsed() * COMMANDS,
            report: Report::default(),
            home: None,
        })
    }

    /// The same on a disk that does not do what it says: something must be lost.
    pub(crate) fn on_a_lying_disk(mut self) -> Self {
        self.lies = true;
        self
    }

    pub(crate) const fn report(&self) -> &Report {
        &self.report
    }

    /// One crash, and a look at everything.
    pub(crate) fn crash(&mut self, kind: Kind) -> Result<(), Violation> {
        let number = self.report.kills + self.report.power_losses + 1;
        let ended = self.try_crash(kind, number);
        ended.map_err(|Violation(what)| {
            // What a lying disk loses is no riddle.
            let home = self.home.as_mut().filter(|_| !self.lies);
            let kept = home.map(|home| home.program.disk.keep());
            let kept = kept.map_or_else(String::new, |path| format!(" (see {})", path.display()));
            let (seed, kind) = (self.seed, kind.name());
            Violation(format!(
                "seed {seed}, crash {number}, a {kind}: {what}{kept}"
            ))
        })
    }

    fn try_crash(&mut self, kind: Kind, number: usize) -> Result<(), Violation> {
        // Two numbers next to each other have nothing in common in any bit of what comes out.
        let mixed = (self.seed ^ (number as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut chance = XorShift::new(mixed | 1);
        chance.next_number();

        let worn = |home: &Home| home.kind != kind || home.crashes == CRASHES_A_HOME;
        if self.home.as_ref().is_none_or(worn) {
            self.home = None;
            self.report.databases += 1;
        }
        let home = self
            .home
            .get_or_insert_with(|| Home::new(&self.binary, kind, self.lies));
        home.crashes += 1;

        let name = number.to_string();
        let done = crash::crash(home, kind, &name, self.patience, &mut chance)?;
        self.report.acknowledged += done.acknowledged;
        self.report.cut_off += done.cut_off;
        match kind {
            Kind::Kill => self.report.kills += 1,
            Kind::PowerLoss => self.report.power_losses += 1,
        }

        let mut server = Server::spawn(&home.program);
        let address = server.address()?;
        let asked = check::check(&home.program, address, &mut home.model, &mut chance)?;
        self.report.let_in += asked.let_in;
        self.report.refused += asked.refused;
        home.server = Some((server, address));
        if home.crashes == 1 {
            home.settle(address)?;
        }
        Ok(())
    }
}

const CREATE: [&str; 6] = ["key", "create", "--name", "x", "--scopes", "*"];

impl Home {
    fn new(binary: &Path, kind: Kind, lies: bool) -> Self {
        let program = Program::new(binary);
        let loses = kind == Kind::PowerLoss;
        program.disk.set(Switch::Mirror, u64::from(loses));
        program.disk.set(Switch::Lie, u64::from(lies));
        Self {
            program,
            model: Model::default(),
            server: None,
            administrator: None,
            kind,
            crashes: 0,
        }
    }

    /// Makes a key for changes over HTTP, which nothing is done to.
    fn settle(&mut self, address: SocketAddr) -> Result<(), Violation> {
        let scopes = "countersign:admin *";
        let name = "administrator";
        let made = self
            .program
            .json(&["key", "create", "--name", name, "--scopes", scopes])?;
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
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
