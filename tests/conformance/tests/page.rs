//! CONFORMANCE.md lists the cases of the suite, and countersign passes all of them.

use conformance_comparison::middlewares;
use conformance_comparison::table::{Column, case_cells, markdown};
use countersign_conformance::{Case, CaseOutcome};

const PAGE: &str = include_str!("../../../crates/countersign-conformance/CONFORMANCE.md");

#[tokio::test]
async fn countersign_passes_every_case() {
    let report = middlewares::countersign().await.unwrap();
    report.assert_passed();
    for (case, outcome) in report.outcomes() {
        assert_eq!(*outcome, CaseOutcome::Passed, "{}", case.name);
    }
    let column = Column {
        name: "countersign".to_owned(),
        report,
    };
    let cases = Case::all().count();
    assert!(markdown(&[column]).contains(&format!("| passed | {cases} |\n")));
}

#[test]
fn page_lists_the_cases_of_the_code_and_countersign_passes_them() {
    let header_rows = ["| |", "|---|", "| case |"];
    let (_, tables) = PAGE.split_once("\n### ").unwrap();
    let lines: Vec<&str> = tables
        .lines()
        .filter(|line| {
            line.starts_with('|') && !header_rows.iter().any(|row| line.starts_with(row))
        })
        .collect();
    let cases: Vec<String> = Case::all().map(case_cells).collect();
    assert_eq!(lines.len(), cases.len());
    for (line, case) in lines.iter().zip(cases) {
        let passed = line
            .strip_prefix(&case)
            .map(|rest| rest.starts_with(" ✓ |"));
        assert_eq!(
            passed,
            Some(true),
            "the page has another row than {case}: {line}"
        );
    }
}

#[test]
fn documents_name_the_number_of_cases() {
    let cases = Case::all().count();
    for (document, text) in [
        (
            include_str!("../../../README.md"),
            format!("| of {cases} requests as expected | {cases} |"),
        ),
        (
            include_str!("../../../crates/countersign-conformance/README.md"),
            format!("A suite of {cases} HTTP requests"),
        ),
        (
            include_str!("../../../crates/countersign-conformance/Cargo.toml"),
            format!("A suite of {cases} HTTP requests"),
        ),
    ] {
        assert!(document.contains(&text), "no document says: {text}");
    }
}
