//! One crash: when it comes, and whom it takes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use countersign_tests::xorshift::XorShift;

use super::campaign::Home;
use super::worker::Work;
use super::{Server, Switch, Violation, within};

const WORKERS: u64 = 4;
/// At most so many places to die at are passed before the crash: some operations' worth.
const PLACES: usize = 100;

/// What a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Processes.
    Kill,
    /// All processes, and what was not synchronised.
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

enum Moment {
    After(Duration),
    /// At a call that concerns the disk, before it, half way or after it.
    AtCall(u64),
}

/// What was done before it came.
pub(super) struct Done {
    pub(super) acknowledged: usize,
    pub(super) cut_off: usize,
}

/// Works on the keys until the crash. The server is gone then.
pub(super) fn crash(
    home: &mut Home,
    kind: Kind,
    name: &str,
    patience: Duration,
    chance: &mut XorShift,
) -> Result<Done, Violation> {
    // Starting is work for the disk, too: that of the first start, and looking after the crash before.
    let while_starting = home.server.is_none() || chance.below(4) == 0;
    let moment = if chance.below(2) == 0 {
        Moment::After(patience.mul_f64(chance.below(1000) as f64 / 1000.0))
    } else {
        Moment::AtCall(1 + chance.below(PLACES) as u64)
    };
    let spares_commands = kind == Kind::Kill && chance.below(2) == 0;

    let (program, disk) = (&home.program, &home.program.disk);
    let mut server = match home.server.take() {
        Some((server, address)) if !while_starting => (server, Some(address)),
        running => {
            drop(running);
            (Server::spawn(program), None)
        }
    };
    disk.set(Switch::Whole, u64::from(kind == Kind::PowerLoss));
    if let Moment::AtCall(number) = moment {
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
        cut_off: AtomicUsize::new(0),
    };
    let ended: Vec<Result<(), Violation>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let chance = XorShift::new(chance.next_number() | 1);
                let (work, name) = (&work, format!("{name}.{number}"));
                scope.spawn(move || work.go_on(&name, chance))
            })
            .collect();
        match moment {
            Moment::After(time) => thread::sleep(time),
            Moment::AtCall(_) => {
                within(patience * 3, || disk.read(Switch::Countdown) == 0);
            }
        }
        work.stop.store(true, Ordering::Relaxed);
        if kind == Kind::PowerLoss {
            disk.set(Switch::Dead, 1);
        }
        server.0.kill();
        if !spares_commands {
            program.kill_commands();
        }
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker ends well"))
            .collect()
    });
    disk.set(Switch::Countdown, 0);
    let done = Done {
        acknowledged: work.acknowledged.into_inner(),
        cut_off: work.cut_off.into_inner(),
    };
    ended.into_iter().collect::<Result<(), _>>()?;
    if kind == Kind::PowerLoss {
        disk.lose_power(chance);
    }
    Ok(done)
}
