use super::event::Event;
use crate::clock::{Clock, Moment};
use crate::network::Link;
use crate::node::Node;
use crate::writer::Writer;

/// A process: a node that decides on requests, or a writer that makes changes.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) role: Role,
    pub(super) clock: Clock,
    pub(super) link: Link,
    pub(super) is_running: bool,
    /// Counts the crashes.
    pub(super) life: u32,
    /// Until then, the process does nothing.
    pub(super) frozen_until: Moment,
    /// What happened to the process while it was frozen.
    pub(super) deferred: Vec<Event>,
    /// The longest time that the process takes to apply an answer.
    pub(super) slowness: Moment,
}

#[derive(Debug)]
pub(super) enum Role {
    Node(Node),
    Writer(Writer),
}

impl Process {
    pub(super) const fn new(role: Role, drift: i64) -> Self {
        Self {
            role,
            clock: Clock::new(drift),
            link: Link::GOOD,
            is_running: false,
            life: 0,
            frozen_until: 0,
            deferred: Vec::new(),
            slowness: 0,
        }
    }

    pub(super) const fn is_frozen(&self, now: Moment) -> bool {
        now < self.frozen_until
    }
}
