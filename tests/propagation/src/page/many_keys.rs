//! The part of the page about many keys.

use std::fmt::Write as _;
use std::path::Path;

use super::{cells, replace_many_keys};
use crate::revocations::Measured;

/// The number of keys for which the figures are computed from the slopes.
const ON_PAPER: u64 = 100_000_000;
const MILLION: f64 = 1e6;
const MIB: f64 = 1024.0 * 1024.0;

/// What was measured with one database.
pub(crate) struct Figures {
    pub(crate) database: &'static str,
    /// With a tenth of the keys, and with all.
    pub(crate) loaded: Vec<Loaded>,
    pub(crate) while_loading: Measured,
    /// How many nodes began to load all keys meanwhile, one after the other.
    pub(crate) loads: usize,
}

/// Nodes that have loaded as many keys as denials.
#[derive(Clone, Copy)]
pub(crate) struct Loaded {
    pub(crate) keys: u64,
    pub(crate) everything: Memory,
    pub(crate) denials: Memory,
}

/// How long a store took to open, and by how much the resident memory of its process grew.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) seconds: f64,
    pub(crate) bytes: u64,
}

/// What one more key costs.
struct Slope {
    seconds: f64,
    bytes: f64,
}

impl Slope {
    fn between((few, first): (u64, Memory), (many, last): (u64, Memory)) -> Self {
        let keys = many.saturating_sub(few).max(1) as f64;
        Self {
            seconds: (last.seconds - first.seconds) / keys,
            bytes: (last.bytes as f64 - first.bytes as f64) / keys,
        }
    }

    /// Returns the figures with another number of keys.
    fn at(&self, keys: u64, (many, last): (u64, Memory)) -> [f64; 2] {
        let more = keys as f64 - many as f64;
        [
            last.seconds + more * self.seconds,
            last.bytes as f64 + more * self.bytes,
        ]
    }
}

/// Writes the part into the page.
pub(crate) fn write(docs: &Path, machine: &str, figures: &[Figures]) {
    replace_many_keys(docs, &section(machine, figures));
}

fn section(machine: &str, figures: &[Figures]) -> String {
    let mut text = format!(
        "\nThis part is measured by a command of its own:\n\n    \
         cargo run --release -p countersign-propagation -- load --write\n\n{machine}\n\n\
         It inserts keys and as many denials, and opens a store in a process of its own: one that holds everything, as a server does, and one that holds \
         only denials, as a service that accepts only tokens does. The seconds are those until the store is open and fresh, the memory is that by which the process grows. \
         The files of the database are in the memory of the operating system.\n\n\
         | database | keys, and denials | everything: seconds | everything: MiB | denials only: seconds | denials only: MiB |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for one in figures {
        for loaded in &one.loaded {
            let [everything, denials] = [loaded.everything, loaded.denials]
                .map(|held| row([held.seconds, held.bytes as f64]));
            let _ = writeln!(
                text,
                "| {} | {} | {everything} | {denials} |",
                one.database, loaded.keys
            );
        }
        if let Some([everything, denials]) = on_paper(&one.loaded) {
            let _ = writeln!(
                text,
                "| {}, on paper | {ON_PAPER} | {} | {} |",
                one.database,
                row(everything),
                row(denials)
            );
        }
    }
    text.push_str(
        "\nThe last line of each database is computed: what a key costs from the tenth to the whole is added as often as it takes. So is this:\n\n\
         | database | a million keys: seconds | a key: bytes | a million denials: seconds | a denial: bytes |\n|---|--:|--:|--:|--:|\n",
    );
    for one in figures {
        let Some([everything, denials]) = slopes(&one.loaded) else {
            continue;
        };
        // A node that holds everything holds the denials, too.
        let key = Slope {
            seconds: everything.seconds - denials.seconds,
            bytes: everything.bytes - denials.bytes,
        };
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.0} | {:.2} | {:.0} |",
            one.database,
            key.seconds * MILLION,
            key.bytes,
            denials.seconds * MILLION,
            denials.bytes,
        );
    }
    text.push_str(
        "\nA node that loads has no row, so that no receipt waits for it. While nodes began to load all keys, one after the other, on the same processors, and two others followed:\n\n\
         | p50 / p99 / greatest, in ms | revocations | nodes that began to load | call to rejection | return to receipt | accepted after the receipt |\n|---|--:|--:|---|---|--:|\n",
    );
    for one in figures {
        let measured = &one.while_loading;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            one.database,
            measured.revocations,
            one.loads,
            cells(measured.from_call),
            cells(measured.receipt),
            measured.accepted_late,
        );
    }
    text
}

fn row([seconds, bytes]: [f64; 2]) -> String {
    let digits = if seconds < 100.0 { 2 } else { 0 };
    format!("{seconds:.digits$} | {:.0}", bytes / MIB)
}

/// Returns what one more key and denial cost: with everything, and with denials only.
fn slopes(loaded: &[Loaded]) -> Option<[Slope; 2]> {
    let (few, many) = (loaded.first()?, loaded.last()?);
    let slope = |held: fn(&Loaded) -> Memory| {
        Slope::between((few.keys, held(few)), (many.keys, held(many)))
    };
    Some([slope(|one| one.everything), slope(|one| one.denials)])
}

fn on_paper(loaded: &[Loaded]) -> Option<[[f64; 2]; 2]> {
    let many = loaded.last()?;
    let [everything, denials] = slopes(loaded)?;
    Some([
        everything.at(ON_PAPER, (many.keys, many.everything)),
        denials.at(ON_PAPER, (many.keys, many.denials)),
    ])
}
