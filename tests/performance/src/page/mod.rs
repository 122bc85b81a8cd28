//! Renders `docs/performance.md` and its charts.

mod goals;
mod svg;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::report::{Chart, FORWARD_AUTH, Figures, Part, Table};
use crate::{results, workspace};

const INTRODUCTION: &str = "# Performance

This page is written by `cargo run --release -p countersign-performance`, which measures all parts. Each part says when it was
measured: parts of different times may be those of different versions of the code.
Compare figures of one table only: they took turns, while the speed of a machine changes from one second to the next. Allocations
and instructions (callgrind) do not depend on the load of the machine.

`cargo run --release -p countersign-performance -- http` measures one part again and renders the page from the last results of the
others. `-- --quick` is a try.
";

/// What the profiles say about the goals that are missed.
const MISSED: &str = include_str!("missed.md");

/// The comments around the figures in `docs/gateways.md`.
const FIGURES: [&str; 2] = ["<!-- figures -->\n", "<!-- end of figures -->\n"];

/// Writes the page and its charts into `docs` or, after a try, into `target/performance`. The figures of gateways that ask
/// belong to the page about them.
pub(crate) fn render(parts: &[Part], is_try: bool) {
    let folder = match is_try {
        true => results(),
        false => workspace().join("docs"),
    };
    let charts = folder.join("performance");
    let _ = fs::remove_dir_all(&charts);
    fs::create_dir_all(&charts).unwrap();
    let figures = Figures(parts);
    let mut page = INTRODUCTION.to_owned();
    page += &goals(&figures);
    page += MISSED;
    let (of_gateways, parts): (Vec<&Part>, Vec<&Part>) =
        parts.iter().partition(|part| part.name == FORWARD_AUTH);
    for part in parts {
        page += &section(part, &charts);
    }
    for part in of_gateways {
        write_into_guide(&content(part, &charts), is_try || part.quick);
    }
    let file = folder.join("performance.md");
    fs::write(&file, page).unwrap();
    println!("{}", file.display());
}

fn goals(figures: &Figures<'_>) -> String {
    let mut text = "\n## Goals\n\nE is the time of one `Arc` inserted into empty `http::Extensions`. Times in process are those without the \
        inner service. The time that a revocation takes to reach other nodes is on [a page of its own](propagation.md).\n\n\
        | path | goal | measured | |\n|---|---|--:|---|\n"
        .to_owned();
    for goal in &goals::GOALS {
        let (measured, word) = match goal.result(figures) {
            Some((figure, true)) => (number(figure), "met"),
            Some((figure, false)) => (number(figure), "**missed**"),
            None => (String::new(), "not measured"),
        };
        writeln!(
            text,
            "| {} | {} | {measured} | {word} |",
            goal.path, goal.goal
        )
        .unwrap();
    }
    text
}

fn section(part: &Part, charts: &Path) -> String {
    let heading = match &*part.name {
        "in-process" => "In process",
        "http" => "Over HTTP",
        "mint" => "Minting",
        "growth" => "Growth",
        _ => "Compiling",
    };
    format!("\n## {heading}\n{}", content(part, charts))
}

fn content(part: &Part, charts: &Path) -> String {
    let mut text = format!("\n{} · {}", part.date, part.machine);
    if !part.versions.is_empty() {
        write!(text, " · {}", part.versions.join(", ")).unwrap();
    }
    if part.quick {
        text += " · **a try, measured briefly**";
    }
    text.push('\n');
    for omitted in &part.omitted {
        writeln!(text, "\nNot measured: {omitted}.").unwrap();
    }
    for table in &part.tables {
        if !table.rows.is_empty() {
            text += &rendered(part, table, charts);
        }
    }
    text
}

/// Writes the figures of gateways into `docs/gateways.md` or, after a try, to the standard output.
fn write_into_guide(figures: &str, is_try: bool) {
    if is_try {
        println!("{figures}");
        return;
    }
    let file = workspace().join("docs/gateways.md");
    let page = fs::read_to_string(&file).unwrap();
    let [start, end] = FIGURES;
    let (before, rest) = page
        .split_once(start)
        .expect("the page has a place for figures");
    let (_, after) = rest.split_once(end).expect("the place has an end");
    fs::write(&file, format!("{before}{start}{figures}\n{end}{after}")).unwrap();
    println!("{}", file.display());
}

fn rendered(part: &Part, table: &Table, charts: &Path) -> String {
    let mut text = format!("\n### {}\n\n{}\n", table.title, table.note);
    if let Some(chart) = table.chart {
        let name = format!("{}-{}.svg", part.name, table.id.to_lowercase());
        let svg = match chart {
            Chart::Bars { column } => svg::bars(table, column),
            Chart::Lines => svg::lines(table),
        };
        fs::write(charts.join(&name), svg).unwrap();
        writeln!(text, "\n![{}](performance/{name})", table.title).unwrap();
    }
    let columns: String = table
        .columns
        .iter()
        .map(|column| format!(" {column} |"))
        .collect();
    let rule = "--:|".repeat(table.columns.len());
    writeln!(text, "\n| |{columns}\n|---|{rule}").unwrap();
    for row in &table.rows {
        let values = row.values.iter().map(|value| match value {
            Some(value) => format!(" {} |", number(*value)),
            None => " |".to_owned(),
        });
        let values: String = values.collect();
        let name = match row.is_ours {
            true => format!("**{}**", row.name),
            false => row.name.clone(),
        };
        writeln!(text, "| {name} |{values}").unwrap();
    }
    text
}

/// Writes a figure with three digits or, if it is large, as a whole number with separators.
pub(crate) fn number(value: f64) -> String {
    if value < 0.0 {
        return format!("-{}", number(-value));
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value < 99.95 {
        let digits = usize::from(value < 9.995) + usize::from(value < 99.95);
        let text = format!("{value:.digits$}");
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
