//! The commands in the README of `countersign-wire`, run by a shell against the server.

use std::process::Command;

use crate::harness::{Home, Server};

const README: &str = include_str!("../../crates/countersign-wire/README.md");

#[test]
fn every_command_of_the_readme_prints_what_the_readme_shows() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "api_token:write calls:read");
    let blocks = README.split("```console\n").skip(1);
    let mut commands = 0;
    for block in blocks {
        let block = block.split("```").next().unwrap();
        // One shell for each block, since a command may set variables for the next one.
        let mut script = String::from("set -eu\n");
        let mut expected: Vec<String> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => {
                    script += &format!("printf '\\n\\036'; {command}\n");
                    expected.push(String::new());
                    commands += 1;
                }
                None => expected.last_mut().unwrap().push_str(line),
            }
        }
        let run = Command::new("bash")
            .args(["-c", &script])
            .env("URL", server.url())
            .env("KEY", &key.key)
            .env("ID", &key.id)
            .env("SECRET", &key.secret)
            .env("no_proxy", "*")
            .output()
            .unwrap();
        assert!(run.status.success(), "{block}{run:?}");
        let output = String::from_utf8(run.stdout).unwrap();
        let outputs: Vec<&str> = output.split("\n\u{1e}").skip(1).collect();
        assert_eq!(outputs.len(), expected.len(), "{block}{output}");
        for (output, expected) in outputs.iter().zip(&expected) {
            let output = output.replace('\n', "");
            assert!(
                matches(&output, expected),
                "expected: {expected}\nprinted:  {output}"
            );
        }
    }
    assert!(commands > 15, "{commands} commands");
}

/// Whether the output matches the expected one, in which `…` matches the rest of one non-empty JSON string.
fn matches(output: &str, expected: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = output.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    for part in parts {
        let end = rest.find('"').filter(|end| *end > 0);
        let Some(next) = end.and_then(|end| rest[end..].strip_prefix(part)) else {
            return false;
        };
        rest = next;
    }
    rest.is_empty()
}

#[test]
fn output_that_differs_from_the_readme_does_not_match() {
    assert!(matches(r#"{"a":"x","b":"y"}"#, r#"{"a":"…","b":"y"}"#));
    assert!(!matches(r#"{"a":"","b":"y"}"#, r#"{"a":"…","b":"y"}"#));
    assert!(!matches(r#"{"a":"x","b":"z"}"#, r#"{"a":"…","b":"y"}"#));
    assert!(!matches(r#"{"a":"x"}"#, r#"{"a":"…"}}"#));
    assert!(!matches("", "{}"));
}
