//! Faults, and their end.

use super::World;
use super::event::Event;
use crate::clock::Moment;
use crate::faults::Fault;
use crate::network::Link;

impl World {
    pub(super) fn inject(&mut self, fault: Fault) {
        if let Some(kind) = fault.kind() {
            self.statistics.faults[kind] += 1;
        }
        match fault {
            Fault::Cut {
                process,
                is_cut,
                duration,
            } => {
                self.processes[process].link.is_cut = is_cut;
                self.mend_later(process, duration);
            }
            Fault::Disturb {
                process,
                link,
                duration,
            } => {
                self.processes[process].link = link;
                self.mend_later(process, duration);
            }
            Fault::Mend { process } => self.processes[process].link = Link::GOOD,
            Fault::Freeze { process, duration } => self.freeze(process, duration),
            Fault::Crash { process, downtime } => {
                let crashed = &mut self.processes[process];
                crashed.is_running = false;
                crashed.life += 1;
                crashed.frozen_until = 0;
                crashed.deferred.clear();
                self.schedule(self.now + downtime, Event::Start { process });
            }
            Fault::Slow { process, longest } => self.processes[process].slowness = longest,
            Fault::ChangeRate { process, drift } => {
                self.processes[process].clock.set_drift(self.now, drift);
            }
            Fault::StepWallClock {
                process,
                by,
                is_back,
            } => self.processes[process].clock.step_wall(by, is_back),
            Fault::RestartDatabase { downtime } => self.stop_database(downtime),
            Fault::Promote { downtime, lost } => {
                self.stop_database(downtime);
                self.database.promote(lost);
            }
            Fault::DeleteOldChanges { kept } => self.database.delete_old_changes(kept),
            Fault::BeginEpoch => self.database.begin_epoch(),
        }
    }

    fn mend_later(&mut self, process: usize, duration: Moment) {
        let mend = Event::Fault(Fault::Mend { process });
        self.schedule(self.now + duration, mend);
    }

    pub(super) fn freeze(&mut self, process: usize, duration: Moment) {
        let until = self.now + duration;
        let frozen = &mut self.processes[process];
        frozen.frozen_until = frozen.frozen_until.max(until);
        self.schedule(until, Event::Thaw { process });
    }

    /// Continues a process that was frozen: it handles what has happened meanwhile, in this order.
    pub(super) fn thaw(&mut self, process: usize) {
        if self.processes[process].is_frozen(self.now) {
            return;
        }
        for event in std::mem::take(&mut self.processes[process].deferred) {
            self.schedule(self.now, event);
        }
    }

    fn stop_database(&mut self, downtime: Moment) {
        self.database.stop();
        let incarnation = self.database.incarnation;
        self.schedule(self.now + downtime, Event::DatabaseUp { incarnation });
    }

    /// Ends all faults.
    pub(super) fn heal(&mut self) {
        self.is_healed = true;
        self.database.is_up = true;
        for index in 0..self.processes.len() {
            let process = &mut self.processes[index];
            process.link = Link::GOOD;
            process.slowness = 0;
            process.frozen_until = 0;
            self.thaw(index);
            self.start(index);
        }
    }
}
