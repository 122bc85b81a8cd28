//! All processes, the database and the network, in virtual time.

mod claim;
mod event;
mod injection;
mod process;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;

pub(crate) use self::claim::Violation;
use self::event::{Event, Scheduled};
use self::process::{Process, Role};
use crate::clock::{MILLISECOND, Moment, SECOND};
use crate::database::{Database, Effect};
use crate::faults;
use crate::message::{Change, Changes, Reply, Request};
use crate::network::Direction;
use crate::node::{Node, POLL_PERIOD};
use crate::statistics::Statistics;
use crate::variant::Variant;
use crate::writer::{LOOK_PERIOD, Writer};

/// When all faults are healed.
const HEAL: Moment = 30 * SECOND;
/// When all nodes must be fresh and equal to the database.
const CONVERGED: Moment = HEAL + SECOND;
/// When all writers must have their receipts, or have given up.
const END: Moment = CONVERGED + 8 * SECOND;
/// A transaction that executes no statement for so long is ended by the database.
const TRANSACTION_TIMEOUT: Moment = SECOND;

#[derive(Debug)]
pub(crate) struct World {
    variant: Option<Variant>,
    random: Rng,
    now: Moment,
    events: BinaryHeap<Reverse<Scheduled>>,
    /// The number of events that were scheduled. It is also the source of ids.
    scheduled: u64,
    database: Database,
    processes: Vec<Process>,
    next_change: Change,
    /// When each change was committed.
    committed_at: [Option<Moment>; Changes::MAX as usize + 1],
    complete: Changes,
    /// The changes that were committed so long ago that no view may lack them and be fresh, whatever the receipts say.
    due: Changes,
    is_healed: bool,
    violation: Option<Violation>,
    prints: bool,
    pub(crate) statistics: Statistics,
}

/// Runs one seed. Returns what happened, and the violation of the claim, if any.
pub(crate) fn run(
    seed: u64,
    variant: Option<Variant>,
    prints: bool,
) -> (Statistics, Option<Violation>) {
    let mut world = World::new(seed, variant, prints);
    while world.violation.is_none() {
        let Some(Reverse(next)) = world.events.pop() else {
            break;
        };
        world.now = next.at;
        world.statistics.steps += 1;
        world.handle(next.event);
        world.check_claim();
    }
    (world.statistics, world.violation)
}

impl World {
    fn new(seed: u64, variant: Option<Variant>, prints: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let nodes = random.usize(3..=8);
        let writers = random.usize(2..=3);
        let mut world = Self {
            variant,
            now: 0,
            events: BinaryHeap::new(),
            scheduled: 0,
            database: Database::new(variant),
            processes: Vec::new(),
            next_change: 0,
            committed_at: [None; _],
            complete: Changes::default(),
            due: Changes::default(),
            is_healed: false,
            violation: None,
            prints,
            statistics: Statistics {
                runs: 1,
                ..Statistics::default()
            },
            random,
        };
        for index in 0..nodes + writers {
            let role = match index < nodes {
                true => Role::Node(Node::new(variant, 0)),
                false => Role::Writer(Writer::new()),
            };
            let drift = faults::drift(&mut world.random);
            world.processes.push(Process::new(role, drift));
            let at = world.random.u64(..SECOND / 2);
            world.schedule(at, Event::Start { process: index });
        }
        for (at, fault) in faults::plan(&mut world.random, nodes + writers, HEAL) {
            world.schedule(at, Event::Fault(fault));
        }
        world.schedule(HEAL, Event::Heal);
        world.schedule(CONVERGED, Event::CheckConvergence);
        world.schedule(END, Event::End);
        world
    }

    fn schedule(&mut self, at: Moment, event: Event) {
        self.scheduled += 1;
        let order = self.scheduled;
        self.events.push(Reverse(Scheduled { at, order, event }));
    }

    fn print(&self, text: impl FnOnce() -> String) {
        if self.prints {
            println!("{:10.6} s  {}", self.now as f64 / 1e6, text());
        }
    }

    fn handle(&mut self, event: Event) {
        if let Some((process, life)) = event.process() {
            if self.processes[process].life != life {
                return;
            }
            if self.processes[process].is_frozen(self.now) {
                return self.processes[process].deferred.push(event);
            }
        }
        if !matches!(event, Event::Timer { .. } | Event::Due { .. }) {
            self.print(|| format!("{event:?}"));
        }
        match event {
            Event::Start { process } => self.start(process),
            Event::Timer { process, .. } => self.tick(process),
            Event::Begin { process, .. } => self.begin(process),
            Event::Request {
                process,
                incarnation,
                request,
                ..
            } => {
                if self.database.is_up && self.database.incarnation == incarnation {
                    let mut effects = Vec::new();
                    self.database.execute(process, request, &mut effects);
                    self.take(effects);
                }
            }
            Event::Reply {
                process,
                reply,
                was_slow,
                ..
            } => self.receive(process, reply, was_slow),
            Event::TransactionTimeout {
                transaction,
                statements,
            } => {
                let mut effects = Vec::new();
                self.database
                    .time_out(transaction, statements, &mut effects);
                self.take(effects);
            }
            Event::Due { change } => self.due.insert(change),
            Event::Thaw { process } => self.thaw(process),
            Event::DatabaseUp { incarnation } => {
                self.database.is_up |= self.database.incarnation == incarnation;
            }
            Event::Fault(fault) => self.inject(fault),
            Event::Heal => self.heal(),
            Event::CheckConvergence => self.check_convergence(),
            Event::End => {
                self.check_receipts();
                self.events.clear();
            }
        }
    }

    fn start(&mut self, index: usize) {
        let row = self.scheduled;
        let process = &mut self.processes[index];
        if process.is_running {
            return;
        }
        process.is_running = true;
        let life = process.life;
        match &mut process.role {
            Role::Node(node) => *node = Node::new(self.variant, row),
            Role::Writer(writer) => {
                *writer = Writer::new();
                self.begin_later(index);
            }
        }
        let timer = Event::Timer {
            process: index,
            life,
        };
        self.schedule(self.now, timer);
    }

    /// Lets a process do what is due, and sets its timer again.
    fn tick(&mut self, index: usize) {
        let row = self.scheduled;
        let process = &mut self.processes[index];
        let now = process.clock.now(self.now);
        let mut requests = Vec::new();
        let (receipt, period) = match &mut process.role {
            Role::Node(node) => {
                node.poll(now, row, &mut requests);
                (None, POLL_PERIOD)
            }
            Role::Writer(writer) => {
                let receipt = writer.look(self.variant, now.monotonic, &mut requests);
                (receipt, LOOK_PERIOD)
            }
        };
        let next = process.clock.after(self.now, period);
        let timer = Event::Timer {
            process: index,
            life: process.life,
        };
        self.schedule(next, timer);
        self.send(index, requests);
        self.completed(receipt);
    }

    fn begin_later(&mut self, process: usize) {
        let life = self.processes[process].life;
        let at = self.now + self.random.u64(100 * MILLISECOND..1_500 * MILLISECOND);
        self.schedule(at, Event::Begin { process, life });
    }

    /// Lets a writer begin its next change, if it has finished the last one.
    fn begin(&mut self, index: usize) {
        self.begin_later(index);
        let process = &mut self.processes[index];
        let now = process.clock.now(self.now).monotonic;
        let Role::Writer(writer) = &mut process.role else {
            return;
        };
        if self.is_healed || !writer.is_idle() || self.next_change > Changes::MAX {
            return;
        }
        let mut requests = Vec::new();
        writer.begin((self.scheduled, self.next_change), now, &mut requests);
        self.next_change += 1;
        self.send(index, requests);
    }

    fn receive(&mut self, index: usize, reply: Reply, was_slow: bool) {
        let process = &mut self.processes[index];
        if !was_slow && process.slowness > 0 && matches!(reply, Reply::Answer(_)) {
            let duration = self.random.u64(..=process.slowness);
            let life = process.life;
            process.deferred.push(Event::Reply {
                process: index,
                life,
                reply,
                was_slow: true,
            });
            return self.freeze(index, duration);
        }
        let now = process.clock.now(self.now);
        let mut requests = Vec::new();
        let receipt = match &mut process.role {
            Role::Node(node) => {
                node.receive(reply, now, &mut requests);
                None
            }
            Role::Writer(writer) => {
                writer.receive(&reply, self.variant, now.monotonic, &mut requests)
            }
        };
        self.send(index, requests);
        self.completed(receipt);
    }

    /// Sends requests of a process to the database.
    fn send(&mut self, process: usize, requests: Vec<Request>) {
        let incarnation = self.database.incarnation;
        for request in requests {
            for delay in self
                .delays(process, Direction::Request)
                .into_iter()
                .flatten()
            {
                let event = Event::Request {
                    process,
                    incarnation,
                    request,
                };
                self.schedule(self.now + delay, event);
            }
        }
    }

    fn reply(&mut self, process: usize, reply: &Reply) {
        let life = self.processes[process].life;
        for delay in self.delays(process, Direction::Reply).into_iter().flatten() {
            let reply = reply.clone();
            let event = Event::Reply {
                process,
                life,
                reply,
                was_slow: false,
            };
            self.schedule(self.now + delay, event);
        }
    }

    /// Returns when the copies of a message arrive.
    fn delays(&mut self, process: usize, direction: Direction) -> [Option<Moment>; 2] {
        let link = &self.processes[process].link;
        let delays = link.delays(direction, &mut self.random);
        self.statistics.lost += u64::from(delays[0].is_none());
        self.statistics.doubled += u64::from(delays[1].is_some());
        delays
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { process, reply } => self.reply(process, &reply),
                Effect::Await {
                    transaction,
                    statements,
                } => {
                    let event = Event::TransactionTimeout {
                        transaction,
                        statements,
                    };
                    self.schedule(self.now + TRANSACTION_TIMEOUT, event);
                }
                Effect::Committed { change } => {
                    self.committed(change);
                    for process in 0..self.processes.len() {
                        if matches!(self.processes[process].role, Role::Node(_)) {
                            self.reply(process, &Reply::Notification);
                        }
                    }
                }
            }
        }
    }
}
