//! Authentication in this process: nanoseconds, allocations and instructions, beside other crates and the primitives alone.

mod count;
pub(crate) mod material;
pub(crate) mod own;
pub(crate) mod peers;
pub(crate) mod raw;

use countersign::jose::Algorithm;

use crate::report::{Part, Table};
use crate::timing::{Run, medians};
use crate::{Effort, versions};

pub use material::Material;

pub(crate) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Hs256,
    Algorithm::EdDsa,
    Algorithm::Es256,
    Algorithm::Rs256,
];

/// Tables of the part, each with its title and note. The name of a path begins with the table's.
const TABLES: [(&str, &str, &str); 7] = [
    (
        "base",
        "What surrounds authentication",
        "Rows below contain the request and the inner service.",
    ),
    ("HS256", "Bearer token, HS256", TOKEN),
    ("EdDSA", "Bearer token, EdDSA", TOKEN),
    ("ES256", "Bearer token, ES256", TOKEN),
    ("RS256", "Bearer token, RS256", TOKEN),
    ("key", "API key", "An API key in `x-api-key`."),
    (
        "basic",
        "Basic",
        "A user's password (Argon2id), and the id and secret of an API key.",
    ),
];

const TOKEN: &str = "One token, the same inner service. Countersign checks the same with the cache and without it, except for \
    the signature. The other crates check signature, `iss`, `aud`, `exp` and `nbf`, and neither scopes nor revocation.";

type Make = fn(&Material, Option<Algorithm>) -> Run;

/// A path, and how it is made.
struct Entry {
    name: String,
    algorithm: Option<Algorithm>,
    make: Make,
    /// Whether instructions are counted, too: not where preparing the path takes minutes under valgrind.
    is_counted: bool,
}

fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, make) in own::BASE {
        entries.push(Entry::new("base", name, None, make));
    }
    for algorithm in ALGORITHMS {
        let group = algorithm.as_str();
        for (name, make) in raw::VERIFY.iter().chain(&peers::LAYERS).chain(&own::BEARER) {
            entries.push(Entry::new(group, name, Some(algorithm), *make));
        }
    }
    for (name, make) in own::KEYS {
        entries.push(Entry::new("key", name, None, make));
    }
    for (name, make) in own::BASIC {
        entries.push(Entry::new("basic", name, None, make));
    }
    entries
}

impl Entry {
    fn new(group: &str, name: &str, algorithm: Option<Algorithm>, make: Make) -> Self {
        Self {
            name: format!("{group}/{name}"),
            algorithm,
            make,
            is_counted: !name.contains("10^6") && !name.contains("password"),
        }
    }
}

/// Makes the path of this name.
#[must_use]
pub fn path(material: &Material, name: &str) -> Option<Run> {
    let entries = entries();
    let entry = entries.iter().find(|entry| entry.name == name)?;
    Some((entry.make)(material, entry.algorithm))
}

/// Takes a path a number of times, for valgrind.
pub(crate) fn take(name: &str, times: u64) {
    let material = Material::load();
    let _runtime = material.enter();
    path(&material, name).expect("a path of the list")(times);
}

pub(crate) fn measure(effort: Effort) -> Part {
    let material = Material::load();
    let _runtime = material.enter();
    let entries = entries();
    let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
    let mut runs: Vec<Run> = entries
        .iter()
        .map(|entry| (entry.make)(&material, entry.algorithm))
        .collect();
    let times = medians(&mut runs, effort.of(80, 10));
    drop(runs);
    let allocations = count::allocations(&names);
    let counted = entries.iter().filter(|entry| entry.is_counted);
    let counted: Vec<&str> = counted.map(|entry| &*entry.name).collect();
    let (instructions, omitted) = match count::instructions(&counted, effort) {
        Some(instructions) => (instructions, Vec::new()),
        None => (
            Default::default(),
            vec!["instructions: valgrind is not installed".to_owned()],
        ),
    };
    let tables = TABLES.map(|(id, title, note)| {
        let columns = ["ns", "allocations", "instructions"];
        let mut table = Table::new(id, title, note, &columns).bars(0);
        for (name, time) in names.iter().zip(&times) {
            let Some(row) = name
                .strip_prefix(id)
                .and_then(|rest| rest.strip_prefix('/'))
            else {
                continue;
            };
            let values = vec![
                Some(*time),
                allocations.get(*name).copied(),
                instructions.get(*name).copied(),
            ];
            table.row(row, values);
        }
        table
    });
    let mut part = Part::new("in-process", tables.into());
    part.omitted = omitted;
    part.versions = vec![versions::rust()];
    let packages = [
        "aws-lc-rs",
        "jsonwebtoken",
        "tower-jwt",
        "jwt-authorizer",
        "axum-jwt-auth",
        "tower-oauth2-resource-server",
        "tower-http",
    ];
    part.versions.extend(packages.map(versions::package));
    part
}
