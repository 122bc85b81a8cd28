//! Lists the public API of the libraries in `docs/api`.
//!
//! Without an argument it writes the listings. With `--check` it compares them with the committed ones, and fails if
//! they differ, so that every change of the public API is seen in review.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

const CRATES: [&str; 5] = [
    "countersign",
    "countersign-wire",
    "countersign-store",
    "countersign-client",
    "countersign-conformance",
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let check = env::args()
        .nth(1)
        .is_some_and(|argument| argument == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let mut changed = false;
    for name in CRATES {
        let listing = listing(&root, name)?;
        let path = root.join(format!("docs/api/{name}.txt"));
        if !check {
            fs::create_dir_all(root.join("docs/api"))?;
            fs::write(&path, listing)?;
        } else if fs::read_to_string(&path).unwrap_or_default() != listing {
            eprintln!("docs/api/{name}.txt does not list the public API");
            changed = true;
        }
    }
    if changed {
        eprintln!("run `cargo run -p public-api-listing`, and commit the change if it is intended");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the public items of a crate, one on each line.
fn listing(root: &Path, name: &str) -> Result<String, Box<dyn Error>> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let status = Command::new("cargo")
        .current_dir(root)
        .env("RUSTDOC", root.join("tests/public-api/rustdoc"))
        .args([
            "rustdoc",
            "--quiet",
            "--locked",
            "--lib",
            "--all-features",
            "--package",
            name,
        ])
        .args([
            "--",
            "-Zunstable-options",
            "--output-format=json",
            "--cap-lints=allow",
        ])
        .status()?;
    if !status.success() {
        return Err(format!("rustdoc failed for {name}").into());
    }
    let json = target
        .join("doc")
        .join(format!("{}.json", name.replace('-', "_")));
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}
