//! The table of the page.

use std::fmt::Write as _;

use countersign::testing::conformance::{Case, CaseOutcome, Group, Level, Report};

/// A column: what the middleware is called, and how it did.
#[derive(Debug)]
pub struct Column {
    /// Name and version.
    pub name: String,
    /// Of the same suite as the others.
    pub report: Report,
}

/// A line that counts outcomes of one sort.
type Sum = (&'static str, fn(&CaseOutcome) -> bool);

/// The columns beside each other in Markdown, a table for each group of cases, and the sums before them.
#[must_use]
pub fn markdown(columns: &[Column]) -> String {
    let mut text = String::from("| |");
    head(&mut text, columns);
    let sums: [Sum; 5] = [
        ("passed", |outcome| *outcome == CaseOutcome::Passed),
        ("otherwise", |outcome| {
            matches!(outcome, CaseOutcome::Differs(_))
        }),
        (
            "— of these a refusal with 401 and no challenge",
            |outcome| matches!(outcome, CaseOutcome::Differs(what) if what.contains("(401, no challenge)")),
        ),
        ("**failed**", |outcome| {
            matches!(outcome, CaseOutcome::Failed(_))
        }),
        ("not offered", |outcome| *outcome == CaseOutcome::NotRun),
    ];
    for (name, is) in sums {
        let _ = write!(text, "| {name} |");
        for column in columns {
            let count = column.report.outcomes().filter(|(_, o)| is(o)).count();
            let _ = write!(text, " {count} |");
        }
        text.push('\n');
    }
    let mut group = None;
    for (index, case) in Case::all().enumerate() {
        if group.replace(case.group()) != Some(case.group()) {
            let _ = write!(
                text,
                "\n### {}\n\n| case | source | expected |",
                title(case)
            );
            head(&mut text, columns);
        }
        text.push_str(&beginning(case));
        for column in columns {
            let outcome = column.report.outcomes().nth(index);
            let cell = outcome.map(|(_, outcome)| cell(outcome));
            let _ = write!(text, " {} |", cell.unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

/// What a case's line begins with, whoever is beside it.
#[must_use]
pub fn beginning(case: &Case) -> String {
    let must = match case.level() {
        Level::Must => "",
        _ => " *",
    };
    let (name, source, expected) = (case.name(), case.source(), case.expected());
    format!("| {name}{must} | {source} | {expected} |")
}

/// The rest of the first line, and the one below.
fn head(text: &mut String, columns: &[Column]) {
    for column in columns {
        let _ = write!(text, " {} |", column.name);
    }
    let begun = text.rsplit('\n').next().unwrap_or_default();
    let cells = begun.matches('|').count().saturating_sub(1);
    let _ = writeln!(text, "\n|{}", "---|".repeat(cells));
}

fn title(case: &Case) -> &'static str {
    match case.group() {
        Group::Presence => "Presence and form of the credentials",
        Group::Signature => "Signature and choice of the key",
        Group::Encoding => "Header and encoding",
        Group::Claims => "Claims and times",
        Group::Scopes => "Scopes",
        _ => "Keys that change and fail",
    }
}

fn cell(outcome: &CaseOutcome) -> String {
    match outcome {
        CaseOutcome::Passed => "✓".to_owned(),
        CaseOutcome::Differs(what) => what.clone(),
        CaseOutcome::Failed(what) => format!("**failed: {what}**"),
        _ => "not offered".to_owned(),
    }
}
