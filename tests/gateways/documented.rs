//! The tables in `docs/gateways.md`.

use std::fs;
use std::path::Path;

use countersign_tests::GatewayExample;

/// In place of `\|`, which does not end a cell.
const BAR: &str = "\u{1}";

/// Compares what a gateway did with its column of the table whose first column has this head.
#[track_caller]
pub(crate) fn compare(head: &str, example: GatewayExample, found: &[(String, String)]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gateways.md");
    let text = fs::read_to_string(file).unwrap().replace("\\|", BAR);
    let start = format!("| {head} |");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip_while(|line| !line.starts_with(&start))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let columns = rows.first().expect("the page has the table");
    let index = columns.iter().position(|cell| *cell == example.name());
    let index = index.expect("the table has the column");
    let documented: Vec<(String, String)> = rows[2..]
        .iter()
        .map(|row| (row[0].replace(BAR, "\\|"), row[index].to_owned()))
        .collect();
    let lines = found
        .iter()
        .map(|(row, cell)| format!("| {row} | {cell} |\n"));
    let lines: String = lines.collect();
    assert!(found == documented, "{}:\n{lines}", example.name());
}
