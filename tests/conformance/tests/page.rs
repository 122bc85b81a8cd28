//! What the page says is what the suite is, and our own column is as it stands there.

use countersign::testing::conformance::{Case, CaseOutcome};
use countersign_conformance::subjects;
use countersign_conformance::table::{Column, beginning, markdown};

const PAGE: &str = include_str!("../../../crates/countersign/CONFORMANCE.md");

#[tokio::test]
async fn our_own_column_has_no_difference_and_nothing_is_left_out() {
    let report = subjects::countersign().await.unwrap();
    report.assert_passed();
    for (case, outcome) in report.outcomes() {
        assert_eq!(*outcome, CaseOutcome::Passed, "{}", case.name());
    }
    let column = Column {
        name: "countersign".to_owned(),
        report,
    };
    let cases = Case::all().count();
    assert!(markdown(&[column]).contains(&format!("| passed | {cases} |\n")));
}

#[test]
fn cases_of_the_page_are_those_of_the_code_and_ours_are_passed() {
    let heads = ["| |", "|---|", "| case |"];
    let (_, tables) = PAGE.split_once("\n### ").unwrap();
    let lines: Vec<&str> = tables
        .lines()
        .filter(|line| line.starts_with('|') && !heads.iter().any(|head| line.starts_with(head)))
        .collect();
    let cases: Vec<String> = Case::all().map(beginning).collect();
    assert_eq!(lines.len(), cases.len());
    for (line, case) in lines.iter().zip(cases) {
        let ours = line
            .strip_prefix(&case)
            .map(|rest| rest.starts_with(" ✓ |"));
        assert_eq!(ours, Some(true), "{case} is not what the page has: {line}");
    }
}
