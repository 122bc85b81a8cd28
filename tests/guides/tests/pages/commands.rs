//! The commands on the pages: every `sh` block is run, and prints what the `text` block after it shows.

use std::thread;

use crate::output::matches;
use crate::page::{Block, Page, markdown_files};
use crate::programs::programs;
use crate::shell::{self, Ports};

/// Pages about the work on the project itself, whose commands need the sources, other programs, or hours.
const FOR_DEVELOPERS: &[&str] = &[
    "docs/architecture.md",
    "docs/distribution.md",
    "docs/performance.md",
    "docs/propagation.md",
    "docs/releasing.md",
];

/// A script, and what it prints, if the page shows it.
#[derive(Debug)]
struct Step {
    line: usize,
    script: String,
    expected: Option<String>,
}

#[test]
fn every_command_on_a_page_prints_what_the_page_shows() {
    let pages = pages();
    assert!(pages.len() > 6, "only {} pages have commands", pages.len());
    // Built before the threads start, so that the time of the build does not count.
    assert!(!programs().is_empty());
    let failures: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = pages
            .iter()
            .map(|(page, ports)| scope.spawn(|| check(page, ports)))
            .collect();
        let ended = running.into_iter().map(|page| page.join().unwrap());
        ended.filter_map(Result::err).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Returns the front page and the pages of the guides.
fn guides() -> Vec<Page> {
    let mut files = markdown_files("docs".as_ref());
    files.retain(|path| !FOR_DEVELOPERS.contains(&&*path.to_string_lossy()));
    files.push("README.md".into());
    files.iter().map(|path| Page::read(path)).collect()
}

/// Returns the pages with commands, and ports for each.
fn pages() -> Vec<(Page, Ports)> {
    let mut pages = guides();
    pages.retain(|page| !steps(page).is_empty());
    let texts = pages.iter().map(|page| page.text.as_str());
    let ports = Ports::for_each(texts);
    pages.into_iter().zip(ports).collect()
}

#[test]
fn every_command_on_a_page_is_in_a_block_that_is_run() {
    for page in guides() {
        for line in page.prose() {
            let command = line
                .strip_prefix("    ")
                .and_then(|line| line.split(' ').next());
            let is_outside = matches!(command, Some("cargo" | "countersign" | "curl" | "wrk"));
            assert!(!is_outside, "{}: {line}", page.path.display());
        }
    }
}

#[test]
fn every_configuration_on_a_page_is_accepted() {
    let mut configurations = 0;
    for path in markdown_files("docs".as_ref()) {
        let page = Page::read(&path);
        for block in page.blocks() {
            if block.info != ["toml"] {
                continue;
            }
            configurations += 1;
            let script = format!(
                "cat >countersign.toml <<'END'\n{}END\ncountersign config check",
                block.text
            );
            let run = shell::run(&[script], &Ports::default());
            assert!(run.success, "{}:{}: {run:?}", path.display(), block.line);
        }
    }
    assert!(configurations > 5, "only {configurations} configurations");
}

fn steps(page: &Page) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut runs = false;
    for Block {
        info,
        text,
        line,
        follows_another,
    } in page.blocks()
    {
        match info[..] {
            ["sh"] => steps.push(Step {
                line,
                script: text,
                expected: None,
            }),
            ["text"] if runs && follows_another => {
                steps.last_mut().expect("a step is before").expected = Some(text);
            }
            ["sh", "not-run"] => {}
            ["sh" | "bash" | "console" | "shell", ..] => panic!(
                "{}:{line}: commands are in blocks of the language `sh`, or `sh,not-run`",
                page.path.display()
            ),
            _ => {}
        }
        runs = info == ["sh"];
    }
    steps
}

fn check(page: &Page, ports: &Ports) -> Result<(), String> {
    let steps = steps(page);
    let scripts: Vec<String> = steps.iter().map(|step| step.script.clone()).collect();
    let run = shell::run(&scripts, ports);
    for (step, output) in steps.iter().zip(&run.outputs) {
        let place = format!("{}:{}", page.path.display(), step.line);
        let expected = step.expected.as_deref().map(|text| ports.replace(text));
        if let Some(expected) = expected
            && !matches(output, &expected)
        {
            return Err(format!(
                "{place}: expected:\n{expected}\nprinted:\n{output}\n{}",
                run.errors
            ));
        }
    }
    let last = run.outputs.len().checked_sub(1);
    match last.and_then(|last| steps.get(last)) {
        _ if run.success => Ok(()),
        Some(step) => Err(format!(
            "{}:{}: a command failed or took too long:\n{}\n{}",
            page.path.display(),
            step.line,
            run.outputs.last().map_or("", String::as_str),
            run.errors
        )),
        None => Err(format!("{}: {}", page.path.display(), run.errors)),
    }
}

#[test]
fn command_that_fails_or_prints_something_else_is_found() {
    let page = |text: &str| Page {
        path: "page.md".into(),
        text: text.to_owned(),
    };
    let checked = |text: &str| check(&page(text), &Ports::default());
    let accepted = "```sh\nx=1; true & \n```\n```sh\necho $x\n```\n\n```text\n1\n```\n";
    assert_eq!(checked(accepted), Ok(()));
    for (text, place) in [
        ("\n```sh\ntrue\nfalse\n```\n", "page.md:3: a command failed"),
        (
            "```sh\ntrue\n```\n```sh\necho $x\n```\n",
            "page.md:5: a command failed",
        ),
        (
            "```sh\necho 1\n```\n```text\n2\n```\n",
            "page.md:2: expected:\n2",
        ),
    ] {
        let error = checked(text).unwrap_err();
        assert!(error.starts_with(place), "{error}");
    }
}
