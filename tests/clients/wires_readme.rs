//! What the wires' page shows, asked of a server by the shell that its readers have.

use std::process::Command;

use crate::harness::{Home, Server};

const PAGE: &str = include_str!("../../crates/countersign-wire/README.md");

#[test]
fn every_command_of_the_wires_page_answers_as_the_page_shows() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "api_token:write calls:read");
    let blocks = PAGE.split("```console\n").skip(1);
    let mut asked = 0;
    for block in blocks {
        let block = block.split("```").next().unwrap();
        // One shell a block, since a command may set what the next one uses.
        let mut script = String::from("set -eu\n");
        let mut shown: Vec<String> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => {
                    script += &format!("printf '\\n\\036'; {command}\n");
                    shown.push(String::new());
                    asked += 1;
                }
                None => shown.last_mut().unwrap().push_str(line),
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
        let said = String::from_utf8(run.stdout).unwrap();
        let answers: Vec<&str> = said.split("\n\u{1e}").skip(1).collect();
        assert_eq!(answers.len(), shown.len(), "{block}{said}");
        for (answer, shown) in answers.iter().zip(&shown) {
            let answer = answer.replace('\n', "");
            assert!(is_like(&answer, shown), "shown: {shown}\nsaid:  {answer}");
        }
    }
    assert!(asked > 15, "{asked} commands");
}

/// Whether the text is what is shown, where `…` stands for one text of JSON, not empty.
fn is_like(said: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else {
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
fn what_differs_from_what_is_shown_is_seen() {
    assert!(is_like(r#"{"a":"x","b":"y"}"#, r#"{"a":"…","b":"y"}"#));
    assert!(!is_like(r#"{"a":"","b":"y"}"#, r#"{"a":"…","b":"y"}"#));
    assert!(!is_like(r#"{"a":"x","b":"z"}"#, r#"{"a":"…","b":"y"}"#));
    assert!(!is_like(r#"{"a":"x"}"#, r#"{"a":"…"}}"#));
    assert!(!is_like("", "{}"));
}
