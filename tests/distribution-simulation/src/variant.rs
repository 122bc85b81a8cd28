/// A protocol that lacks one rule, so that the simulation must find a violation of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// A node takes its view for current while it has received no notification.
    NotificationsTrusted,
    /// The number of a change comes from a sequence, before the commit and without a lock.
    NumberFromSequence,
    /// A node measures the age of its view with the wall clock.
    AgeFromWallClock,
    /// The age of a view counts from the arrival of the answer, not from the question.
    AgeFromArrival,
    /// A writer waits for `max_staleness` on its clock, as if all clocks had one rate.
    DriftIgnored,
    /// The row of a node is removed as soon as its lease has ended.
    RowRemovedAtOnce,
    /// A node reads the rest of a log whose beginning was deleted.
    GapIgnored,
    /// The standby is asynchronous, and is promoted without the last changes.
    AsynchronousStandby,
}

impl Variant {
    pub(crate) const ALL: [Self; 8] = [
        Self::NotificationsTrusted,
        Self::NumberFromSequence,
        Self::AgeFromWallClock,
        Self::AgeFromArrival,
        Self::DriftIgnored,
        Self::RowRemovedAtOnce,
        Self::GapIgnored,
        Self::AsynchronousStandby,
    ];

    /// Returns the name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NotificationsTrusted => "notifications-trusted",
            Self::NumberFromSequence => "number-from-sequence",
            Self::AgeFromWallClock => "age-from-wall-clock",
            Self::AgeFromArrival => "age-from-arrival",
            Self::DriftIgnored => "drift-ignored",
            Self::RowRemovedAtOnce => "row-removed-at-once",
            Self::GapIgnored => "gap-ignored",
            Self::AsynchronousStandby => "asynchronous-standby",
        }
    }
}
