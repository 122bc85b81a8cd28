//! The tables of CONFORMANCE.md.

use std::fmt::Write as _;

use countersign_conformance::{Case, CaseOutcome, Group, Level, Report};

/// A column: a middleware and its outcomes.
#[derive(Debug)]
pub struct Column {
    /// Its name and version.
    pub name: String,
    /// Its outcomes.
    pub report: Report,
}

/// A row of the summary: its title, and which outcomes it counts.
type SummaryRow = (&'static str, fn(&CaseOutcome) -> bool);

/// Returns a summary and a table for each group of cases, in Markdown.
#[must_use]
pub fn markdown(columns: &[Column]) -> String {
    let mut text = String::from("| |");
    header(&mut text, columns);
    let summary: [SummaryRow; 5] = [
        ("passed", |outcome| *outcome == CaseOutcome::Passed),
        ("differs", |outcome| {
            matches!(outcome, CaseOutcome::Differs(_))
        }),
        (
            "of these: 401 without a challenge",
            |outcome| matches!(outcome, CaseOutcome::Differs(response) if response.contains("(401, no challenge)")),
        ),
        ("**failed**", |outcome| {
            matches!(outcome, CaseOutcome::Failed(_))
        }),
        ("not run", |outcome| *outcome == CaseOutcome::NotRun),
    ];
    for (name, is) in summary {
        let _ = write!(text, "| {name} |");
        for column in columns {
            let count = column.report.outcomes().filter(|(_, o)| is(o)).count();
            let _ = write!(text, " {count} |");
        }
        text.push('\n');
    }
    let mut group = None;
    for (index, case) in Case::all().enumerate() {
        if group.replace(case.group) != Some(case.group) {
            let _ = write!(
                text,
                "\n### {}\n\n| case | source | expected |",
                title(case)
            );
            header(&mut text, columns);
        }
        text.push_str(&case_cells(case));
        for column in columns {
            let outcome = column.report.outcomes().nth(index);
            let cell = outcome.map(|(_, outcome)| cell(outcome));
            let _ = write!(text, " {} |", cell.unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// Returns the first cells of a case's row: name, source and expected response.
#[must_use]
pub fn case_cells(case: &Case) -> String {
    let must = match case.level {
        Level::Must => "",
        _ => " *",
    };
    let (name, source, expected) = (case.name, case.source, case.expected);
    format!("| {name}{must} | {source} | {expected} |")
}

/// Writes the rest of the header row, and the delimiter row.
fn header(text: &mut String, columns: &[Column]) {
    for column in columns {
        let _ = write!(text, " {} |", column.name);
    }
    let row = text.rsplit('\n').next().unwrap_or_default();
    let cells = row.matches('|').count().saturating_sub(1);
    let _ = writeln!(text, "\n|{}", "---|".repeat(cells));
}

fn title(case: &Case) -> &'static str {
    match case.group {
        Group::Presence => "Presence and form of the credentials",
        Group::Signature => "Signature and choice of the key",
        Group::Encoding => "Header and encoding",
        Group::Claims => "Claims and times",
        Group::Scopes => "Scopes",
        _ => "Key rotation and failing key endpoints",
    }
}

fn cell(outcome: &CaseOutcome) -> String {
    match outcome {
        CaseOutcome::Passed => "✓".to_owned(),
        CaseOutcome::Differs(response) => response.clone(),
        CaseOutcome::Failed(response) => format!("**failed: {response}**"),
        _ => "not run".to_owned(),
    }
}
