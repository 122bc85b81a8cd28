//! The protocol, and variants of it that lack one rule each.

/// A protocol that lacks one rule. The claim does not hold for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    NotificationsTrusted,
    NumberFromSequence,
    AgeFromWallClock,
    AgeFromArrival,
    DriftIgnored,
    WaitFromBeforeCommit,
    RowRemovedAtOnce,
    OwnRowIgnored,
    RecordBeforeFreshness,
    GapIgnored,
    AsynchronousStandby,
    FormerPrimaryAnswers,
    UnacknowledgedRowIgnored,
    AnswerTakenForApplied,
    AnswerAgeIgnored,
    AnswerBeforeRegistration,
}

impl Variant {
    pub(crate) const ALL: [Self; 16] = [
        Self::NotificationsTrusted,
        Self::NumberFromSequence,
        Self::AgeFromWallClock,
        Self::AgeFromArrival,
        Self::DriftIgnored,
        Self::WaitFromBeforeCommit,
        Self::RowRemovedAtOnce,
        Self::OwnRowIgnored,
        Self::RecordBeforeFreshness,
        Self::GapIgnored,
        Self::AsynchronousStandby,
        Self::FormerPrimaryAnswers,
        Self::UnacknowledgedRowIgnored,
        Self::AnswerTakenForApplied,
        Self::AnswerAgeIgnored,
        Self::AnswerBeforeRegistration,
    ];

    /// Returns the name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NotificationsTrusted => "notifications-trusted",
            Self::NumberFromSequence => "number-from-sequence",
            Self::AgeFromWallClock => "age-from-wall-clock",
            Self::AgeFromArrival => "age-from-arrival",
            Self::DriftIgnored => "drift-ignored",
            Self::WaitFromBeforeCommit => "wait-from-before-commit",
            Self::RowRemovedAtOnce => "row-removed-at-once",
            Self::OwnRowIgnored => "own-row-ignored",
            Self::RecordBeforeFreshness => "record-before-freshness",
            Self::GapIgnored => "gap-ignored",
            Self::AsynchronousStandby => "asynchronous-standby",
            Self::FormerPrimaryAnswers => "former-primary-answers",
            Self::UnacknowledgedRowIgnored => "unacknowledged-row-ignored",
            Self::AnswerTakenForApplied => "answer-taken-for-applied",
            Self::AnswerAgeIgnored => "answer-age-ignored",
            Self::AnswerBeforeRegistration => "answer-before-registration",
        }
    }

    /// Says what is different from the protocol.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::NotificationsTrusted => {
                "a node takes its view for current while it has received no notification"
            }
            Self::NumberFromSequence => {
                "the number of a change comes from a sequence, before the commit and without a lock"
            }
            Self::AgeFromWallClock => "a node measures the age of its view with the wall clock",
            Self::AgeFromArrival => {
                "the age of a view counts from the arrival of the answer, not from the question"
            }
            Self::DriftIgnored => {
                "a writer waits for max_staleness on its clock, as if all clocks had one rate"
            }
            Self::WaitFromBeforeCommit => {
                "a writer counts its wait from the beginning of the transaction"
            }
            Self::RowRemovedAtOnce => "the row of a node is removed as soon as its lease has ended",
            Self::OwnRowIgnored => {
                "a comparison counts although the node's own row is missing or leaving"
            }
            Self::RecordBeforeFreshness => {
                "a request reads the record first, and checks then that the view is fresh"
            }
            Self::GapIgnored => "a node reads the rest of a log whose beginning was deleted",
            Self::AsynchronousStandby => {
                "the standby is asynchronous, and may be promoted without the last changes"
            }
            Self::FormerPrimaryAnswers => {
                "the former primary still answers nodes after the standby was promoted"
            }
            Self::UnacknowledgedRowIgnored => {
                "a receipt does not wait for a row that has acknowledged nothing yet"
            }
            Self::AnswerTakenForApplied => {
                "a node writes that a verifier has applied the changes in an answer when it sends the answer"
            }
            Self::AnswerAgeIgnored => {
                "a verifier counts from its question alone, and ignores the age in the answer"
            }
            Self::AnswerBeforeRegistration => {
                "a node answers a verifier from a comparison that began before the verifier had a row"
            }
        }
    }
}

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    /// The missing rule, if any.
    pub(crate) variant: Option<Variant>,
    /// How many changes the writers make: at most [`CHANGES`](crate::state::CHANGES).
    pub(crate) changes: u8,
    /// The database deletes old changes from its log.
    pub(crate) compacts: bool,
    /// How many nodes answer a verifier. 0: there are two nodes, and no verifier.
    pub(crate) answering: usize,
    /// Each clock counts one unit or two at each step, and not only as is worst: see [`Rates`].
    pub(crate) rates: Rates,
}

/// The rates of clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rates {
    /// The clocks of nodes are slow, and the others are fast. A view that is fresh for less long, and a process that waits for
    /// longer, can do nothing that is not possible then.
    Worst,
    /// Every clock is slow or fast, and changes its rate at any time.
    Any,
}

impl Protocol {
    /// Returns the protocol with this many changes, and two nodes.
    pub(crate) const fn of(changes: u8) -> Self {
        Self {
            variant: None,
            changes,
            compacts: false,
            answering: 0,
            rates: Rates::Worst,
        }
    }

    /// Returns the protocol without a rule, together with the faults that show it.
    pub(crate) fn without(variant: Variant) -> Self {
        Self {
            variant: Some(variant),
            changes: 2,
            compacts: variant == Variant::GapIgnored,
            answering: match variant {
                Variant::AnswerTakenForApplied
                | Variant::AnswerAgeIgnored
                | Variant::AnswerBeforeRegistration => 1,
                _ => 0,
            },
            rates: Rates::Worst,
        }
    }

    pub(crate) fn is(&self, variant: Variant) -> bool {
        self.variant == Some(variant)
    }
}
