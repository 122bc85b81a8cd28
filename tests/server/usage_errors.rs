//! Mistakes of the person who starts it.

use std::process::Output;

use crate::harness::Home;

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn an_unknown_flag_or_command_exits_2() {
    let home = Home::new();
    for arguments in [
        &["serve", "--colour", "red"][..],
        &["dance"],
        &["key", "create", "--scopes", "a:b"],
    ] {
        let output = home.bare_command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    assert_eq!(
        home.path().read_dir().unwrap().count(),
        0,
        "nothing was made"
    );
}

#[test]
fn an_unknown_setting_exits_1_with_its_file_and_line() {
    let home = Home::new();
    let config = home.configure("[server]\nlisten = \"127.0.0.1:0\"\ncolour = \"red\"\n");
    let output = home
        .bare_command(&["serve", "--config", &config])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = said(&output);
    assert!(said.contains("countersign.toml:3"), "{said}");
    assert!(said.contains("colour"), "{said}");
    assert!(!home.path().join("countersign.db").exists());
}

#[test]
fn an_unknown_variable_exits_1_with_its_name() {
    let home = Home::new().with("COUNTERSIGN_SERVER__COLOUR", "red");
    let output = home
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        said(&output).contains("COUNTERSIGN_SERVER__COLOUR"),
        "{output:?}"
    );
}

#[test]
fn config_check_reports_every_mistake_at_once() {
    let home = Home::new();
    let config = home.configure(
        "[server]\nlistn = \"127.0.0.1:0\"\n\n[store]\nmax_staleness = \"soon\"\n\n[log]\nfilter = 7\n\n\
         [issuer.default]\nalgorithm = \"none\"\n",
    );
    let output = home
        .bare_command(&["config", "check", "--config", &config])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = said(&output);
    for line in [2, 5, 8, 11] {
        assert!(
            said.contains(&format!("countersign.toml:{line}")),
            "line {line}: {said}"
        );
    }

    let config = home.configure("[server]\nlisten = \"127.0.0.1:0\"\n");
    let output = home
        .bare_command(&["config", "check", "--config", &config])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn an_error_is_one_line_on_standard_error() {
    let home = Home::new();
    let nobody = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
    for command in ["show", "revoke"] {
        let output = home.command(&["key", command, nobody]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn lists_for_people_begin_with_what_their_columns_are() {
    let home = Home::new();
    let names = ["a", "a rather long name"];
    for name in names {
        let line = ["key", "create", "--name", name, "--scopes", "calls:read"];
        home.run(&[&line[..], &["--expires-in", "1d"]].concat());
    }
    let output = home.run(&["key", "list"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let column = |name: &str| {
        lines[0]
            .find(name)
            .unwrap_or_else(|| panic!("{name}: {text}"))
    };
    for (line, name) in lines[1..].iter().zip(names) {
        assert!(line[column("STATUS")..].starts_with("active "), "{text}");
        assert!(line[column("NAME")..].starts_with(name), "{text}");
        assert_eq!(&line[column("SCOPES")..], "calls:read", "{text}");
    }
    assert!(lines[0].starts_with("ID "), "{text}");
}

#[test]
fn a_missing_master_key_is_an_error_that_names_both_ways_to_say_where_it_is() {
    let home = Home::new();
    home.run(&["key", "list"]);
    std::fs::remove_file(home.path().join("countersign.key")).unwrap();
    let output = home.command(&["key", "list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = said(&output);
    for name in [
        "countersign.key",
        "master_key_file",
        "[store]",
        "COUNTERSIGN_MASTER_KEY",
    ] {
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[test]
fn a_master_key_open_to_others_is_warned_of_by_name() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::new();
    let made = home.run(&["key", "list"]);
    assert!(made.stderr.is_empty(), "{made:?}");
    let key = home.path().join("countersign.key");
    for mode in [0o640, 0o604] {
        set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let said = said(&home.run(&["key", "list"]));
        assert!(said.contains("chmod 600"), "{mode:o}: {said}");
        assert!(said.contains("countersign.key"), "{mode:o}: {said}");
    }
}

#[test]
fn config_check_reports_a_master_key_variable_that_is_none() {
    let home = Home::new().with("COUNTERSIGN_MASTER_KEY", "canary");
    let output = home.bare_command(&["config", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = said(&output);
    assert!(said.contains("COUNTERSIGN_MASTER_KEY: "), "{said}");
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn defaults_on_the_servers_page_are_a_configuration_without_mistakes() {
    let page = include_str!("../../crates/countersign-server/README.md");
    let block = page
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    // What has no default stands in comments, each a setting that exists. What follows its value explains it.
    let uncommented: String = block
        .lines()
        .filter(|line| !line.starts_with("# Every wire") && !line.starts_with("# issuer does"))
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) => setting.split("    ").next().unwrap().trim_end().to_owned() + "\n",
            None => line.to_owned() + "\n",
        })
        .collect();
    let home = Home::new();
    for text in [block, &uncommented] {
        let config = home.configure(text);
        let output = home
            .bare_command(&["config", "check", "--config", &config])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
}
