use std::fmt;

/// One atomic action. Writers and nodes are numbered from 0, and shown from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    TakeNumber(usize, u8),
    /// `lost` are the nodes that the notification does not reach.
    Commit {
        writer: usize,
        change: u8,
        lost: [bool; 2],
    },
    ReadRows(usize),
    CompleteReceipt(usize, u8, Arm),
    CrashWriter(usize),
    EndTransaction(usize),

    Start(usize),
    Crash(usize),
    Leave(usize),
    Register(usize),
    Ask(usize),
    Answer(usize, u8),
    AnswerByFormerPrimary(usize, u8),
    LoseQuestion(usize),
    Apply(usize, u8),
    /// Question, answer and application at once.
    Compare(usize, u8),
    Acknowledge(usize, u8),
    TrustSilence(usize),
    SetClockBack(usize),
    ReadRecord(usize),

    // A node writes the row of the verifier, compares its view, and answers the verifier.
    WriteRow(usize),
    CompareToAnswer(usize, u8),
    AnswerVerifier {
        node: usize,
        head: u8,
        age: u8,
    },
    NoteAcknowledgement(u8),
    StartAnew(usize),

    MarkLeaving(usize),
    RemoveRow(usize),
    RestartDatabase,
    Promote,
    Replicate(u8),
    DeleteOldestChange(u8),

    /// Time passes. The clocks of the writers, of the nodes, and of the processes that remove their rows, count one unit or two.
    PassTime([u8; 6]),
}

/// Why a receipt is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// Each registered node has acknowledged the change.
    Acknowledged,
    /// Views that are older than the change are stale by now.
    Elapsed,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TakeNumber(w, number) => {
                write!(f, "writer {} takes number {number} in a transaction", w + 1)
            }
            Self::Commit {
                writer,
                change,
                lost,
            } => {
                write!(f, "writer {} commits change {change}", writer + 1)?;
                for (node, _) in lost.iter().enumerate().filter(|(_, lost)| **lost) {
                    write!(f, "; its notification to node {} is lost", node + 1)?;
                }
                Ok(())
            }
            Self::ReadRows(w) => write!(f, "writer {} reads the rows of the nodes", w + 1),
            Self::CompleteReceipt(_, change, Arm::Acknowledged) => write!(
                f,
                "the receipt of change {change} is complete: each node that had a row has acknowledged it"
            ),
            Self::CompleteReceipt(_, change, Arm::Elapsed) => {
                write!(
                    f,
                    "the receipt of change {change} is complete: its time has elapsed"
                )
            }
            Self::CrashWriter(w) => write!(f, "writer {} crashes", w + 1),
            Self::EndTransaction(w) => {
                write!(f, "the database ends the transaction of writer {}", w + 1)
            }
            Self::Start(n) => write!(f, "node {} starts", n + 1),
            Self::Crash(n) => write!(f, "node {} crashes", n + 1),
            Self::Leave(n) => write!(f, "node {} stops, and deletes its row", n + 1),
            Self::Register(n) => write!(f, "node {} registers", n + 1),
            Self::Ask(n) => write!(f, "node {} asks for the head of the log", n + 1),
            Self::Answer(n, head) => {
                write!(f, "the database answers node {}: the head is {head}", n + 1)
            }
            Self::AnswerByFormerPrimary(n, head) => {
                write!(
                    f,
                    "the former primary answers node {}: the head is {head}",
                    n + 1
                )
            }
            Self::LoseQuestion(n) => write!(f, "node {} loses its connection", n + 1),
            Self::Apply(n, head) => {
                write!(
                    f,
                    "node {} receives the answer, and applies the log up to {head}",
                    n + 1
                )
            }
            Self::Compare(n, head) => write!(f, "node {} applies the log up to {head}", n + 1),
            Self::Acknowledge(n, number) => write!(f, "node {} acknowledges {number}", n + 1),
            Self::TrustSilence(n) => {
                write!(
                    f,
                    "node {} has no notification, and takes its view for current",
                    n + 1
                )
            }
            Self::SetClockBack(n) => write!(f, "the wall clock of node {} is set back", n + 1),
            Self::ReadRecord(n) => {
                write!(
                    f,
                    "a request arrives at node {}, and reads the old record",
                    n + 1
                )
            }
            Self::WriteRow(n) => write!(f, "{} writes the row of node 1", answering(n)),
            Self::CompareToAnswer(n, head) => {
                write!(
                    f,
                    "{} compares its view with the database: the head is {head}",
                    answering(n)
                )
            }
            Self::AnswerVerifier { node, head, age } => write!(
                f,
                "{} answers node 1: the head is {head}, the age is {age}",
                answering(node)
            ),
            Self::NoteAcknowledgement(number) => write!(
                f,
                "the node that node 1 asks writes that node 1 has applied {number}"
            ),
            Self::StartAnew(n) => write!(f, "{} starts anew", answering(n)),
            Self::MarkLeaving(n) => write!(f, "the lease of node {} ends", n + 1),
            Self::RemoveRow(n) => write!(f, "the row of node {} is removed", n + 1),
            Self::RestartDatabase => write!(f, "the database restarts"),
            Self::Promote => write!(f, "the standby is promoted"),
            Self::Replicate(number) => write!(f, "the standby receives number {number}"),
            Self::DeleteOldestChange(number) => {
                write!(f, "the database deletes number {number} from the log")
            }
            Self::PassTime(units) => {
                write!(f, "time passes")?;
                let names = [
                    "writer 1",
                    "writer 2",
                    "node 1",
                    "node 2",
                    "the row of node 1",
                    "the row of node 2",
                ];
                let counted = names.iter().zip(units).filter(|(_, units)| *units > 0);
                let counted: Vec<_> = counted
                    .map(|(name, units)| format!("{units} for {name}"))
                    .collect();
                match counted.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": {}", counted.join(", ")),
                }
            }
        }
    }
}

/// Returns the name of a node that answers the verifier.
const fn answering(node: usize) -> &'static str {
    match node {
        0 => "node A",
        _ => "node B",
    }
}
