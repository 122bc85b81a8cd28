//! One crash: its time and its kind.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use countersign_tests::xorshift::XorShift;

use super::campaign::Home;
use super::worker::Work;
use super::{Server, Switch, Violation, within};

const WORKERS: u64 = 4;
/// The largest number of crash points (calls that concern the disk) before the crash.
const CRASH_POINTS: usize = 100;

/// The kind of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Processes are killed.
    Kill,
    /// All processes are killed, and data that was not synchronised is lost.
    PowerLoss,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::PowerLoss => "power loss",
        }
    }
}

enum CrashTime {
    After(Duration),
    /// At a crash point: before, during or after a call that concerns the disk.
    AtCall(u64),
}

/// The numbers of operations before the crash.
pub(super) struct Operations {
    pub(super) acknowledged: usize,
    pub(super) interrupted: usize,
}

/// Creates and changes keys until the crash, after which the server has exited.
pub(super) fn crash(
    home: &mut Home,
    kind: Kind,
    name: &str,
    patience: Duration,
    chance: &mut XorShift,
) -> Result<Operations, Violation> {
    // Some crashes happen while the server starts: at its first start, and while it recovers from the last crash.
    let while_starting = home.server.is_none() || chance.below(4) == 0;
    // The server makes none of these calls if its database is not on the disk.
    let is_on_disk = home.program.database().is_some();
    let time = if chance.below(2) == 0 || !is_on_disk {
        CrashTime::After(patience.mul_f64(chance.below(1000) as f64 / 1000.0))
    } else {
        CrashTime::AtCall(1 + chance.below(CRASH_POINTS) as u64)
    };
    let keep_commands = kind == Kind::Kill && chance.below(2) == 0;

    let (program, disk) = (&home.program, &home.program.disk);
    let mut server = match home.server.take() {
        Some((server, address)) if !while_starting => (server, Some(address)),
        running => {
            drop(running);
            (Server::spawn(program), None)
        }
    };
    disk.set(Switch::PowerLoss, u64::from(kind == Kind::PowerLoss));
    if let CrashTime::AtCall(number) = time {
        disk.set(Switch::Countdown, number);
    }
    let work = Work {
        program,
        server: server
            .1
            .map(|address| (address, home.administrator.as_deref())),
        model: Mutex::new(&mut home.model),
        stop: AtomicBool::new(false),
        acknowledged: AtomicUsize::new(0),
        interrupted: AtomicUsize::new(0),
    };
    let ended: Vec<Result<(), Violation>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let chance = XorShift::new(chance.next_number() | 1);
                let (work, name) = (&work, format!("{name}.{number}"));
                scope.spawn(move || work.run(&name, chance))
            })
            .collect();
        match time {
            CrashTime::After(delay) => thread::sleep(delay),
            CrashTime::AtCall(_) => {
                within(patience * 3, || disk.read(Switch::Countdown) == 0);
            }
        }
        work.stop.store(true, Ordering::Relaxed);
        if kind == Kind::PowerLoss {
            disk.set(Switch::PowerLost, 1);
        }
        server.0.kill();
        if !keep_commands {
            program.kill_commands();
        }
        workers
            .into_iter()
            .map(|worker| worker.join().expect("no worker panics"))
            .collect()
    });
    disk.set(Switch::Countdown, 0);
    let operations = Operations {
        acknowledged: work.acknowledged.into_inner(),
        interrupted: work.interrupted.into_inner(),
    };
    ended.into_iter().collect::<Result<(), _>>()?;
    if kind == Kind::PowerLoss {
        disk.lose_power(chance);
    }
    Ok(operations)
}
