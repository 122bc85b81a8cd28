//! The promises of `SECURITY.md`: each has tests, and the tests exist.

use std::fs;

use crate::sources::repository;

/// A paragraph of the section "Guarantees", and the list below it.
#[derive(Debug)]
struct Promise<'a> {
    text: &'a str,
    /// Each file with the names of its tests.
    tests: Vec<(&'a str, Vec<&'a str>)>,
}

#[test]
fn every_promise_has_tests_that_exist() {
    let policy = fs::read_to_string(repository().join("SECURITY.md")).unwrap();
    let promises = promises(&policy);
    assert!(promises.len() > 30, "only {} promises", promises.len());
    let found = faults(&promises, |file| {
        fs::read_to_string(repository().join(file)).ok()
    });
    assert!(
        found.is_empty(),
        "{} faults:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn promise_without_tests_and_tests_that_do_not_exist_are_found() {
    let policy = "## Guarantees\n\nAn introduction.\n\n### Kept\n\nKept\npromise.\n\n- `a.rs`: `is_a_test`,\n  \
                  `is_async`\n\n### Broken\n\nBroken.\n\n- `a.rs`: `is_a_function`, `is_a`\n- `b.rs`: `is_a_test`\n\
                  - `a.rs`\n\nUntested.\n\n## Out of scope\n\n- all else\n";
    let source = "#[test]\nfn is_a_test() {}\n\nmod tests {\n    #[tokio::test(start_paused = true)]\n    \
                  // A comment.\n    async fn is_async() {}\n    fn is_a_function() {}\n}\n";
    let read = |file: &str| (file == "a.rs").then(|| source.to_owned());
    let expected = [
        "Broken.: a.rs has no test is_a_function",
        "Broken.: a.rs has no test is_a",
        "Broken.: there is no b.rs",
        "Broken.: no test is named in a.rs",
        "Untested.: it has no tests",
    ];
    assert_eq!(faults(&promises(policy), read), expected);
}

/// Reads the promises and their tests.
fn promises(policy: &str) -> Vec<Promise<'_>> {
    let (_, section) = policy
        .split_once("## Guarantees\n\n")
        .expect("the policy has guarantees");
    let section = section.split("\n\n## ").next().unwrap_or_default();
    let blocks = section.trim_end().split("\n\n");
    let mut promises: Vec<Promise<'_>> = Vec::new();
    // The introduction is before the first heading.
    for block in blocks.skip_while(|block| !block.starts_with("### ")) {
        if let Some(list) = block.strip_prefix("- ") {
            let promise = promises.last_mut().expect("a list is below a promise");
            promise.tests.extend(list.split("\n- ").map(item));
        } else if !block.starts_with("### ") {
            promises.push(Promise {
                text: block.lines().next().unwrap_or_default(),
                tests: Vec::new(),
            });
        }
    }
    promises
}

/// Reads a file and the names of its tests, each in backquotes.
fn item(item: &str) -> (&str, Vec<&str>) {
    let mut quoted = item.split('`').skip(1).step_by(2);
    (quoted.next().unwrap_or_default(), quoted.collect())
}

/// Returns a line for each promise without tests, and for each test that does not exist.
fn faults(promises: &[Promise<'_>], read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for Promise { text, tests } in promises {
        if tests.is_empty() {
            faults.push(format!("{text}: it has no tests"));
        }
        for (file, names) in tests {
            let Some(source) = read(file) else {
                faults.push(format!("{text}: there is no {file}"));
                continue;
            };
            if names.is_empty() {
                faults.push(format!("{text}: no test is named in {file}"));
            }
            let missing = names.iter().filter(|name| !has_test(&source, name));
            faults.extend(missing.map(|name| format!("{text}: {file} has no test {name}")));
        }
    }
    faults
}

/// Returns whether a function with this name has the attribute of a test.
fn has_test(source: &str, name: &str) -> bool {
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[") || line.starts_with("//") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            continue;
        }
        let function = line.strip_prefix("async ").unwrap_or(line);
        let function = function.strip_prefix("fn ").and_then(|f| f.split_once('('));
        if is_test && function.is_some_and(|(found, _)| found == name) {
            return true;
        }
        is_test = false;
    }
    false
}
