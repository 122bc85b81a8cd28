//! Errors in the command line, the configuration and the environment.

use std::process::Output;

use crate::harness::Home;

fn printed(output: &Output) -> String {
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
        "a file was created"
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
    let printed = printed(&output);
    assert!(printed.contains("countersign.toml:3"), "{printed}");
    assert!(printed.contains("colour"), "{printed}");
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
        printed(&output).contains("COUNTERSIGN_SERVER__COLOUR"),
        "{output:?}"
    );
}

#[test]
fn config_check_reports_all_errors_at_once() {
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
    let printed = printed(&output);
    for line in [2, 5, 8, 11] {
        assert!(
            printed.contains(&format!("countersign.toml:{line}")),
            "line {line}: {printed}"
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
    let unknown_id = "013xrzp12g3nqk8ngskn1wtxgka5b0nf";
    for command in ["show", "revoke"] {
        let output = home
            .command(&["key", command, unknown_id])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn lists_begin_with_a_header_line_with_aligned_columns() {
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
fn a_missing_master_key_is_an_error_that_names_both_ways_to_configure_it() {
    let home = Home::on_sqlite();
    home.run(&["key", "list"]);
    std::fs::remove_file(home.path().join("countersign.key")).unwrap();
    let output = home.command(&["key", "list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let printed = printed(&output);
    for name in [
        "countersign.key",
        "master_key_file",
        "[store]",
        "COUNTERSIGN_MASTER_KEY",
    ] {
        assert!(printed.contains(name), "{name}: {printed}");
    }
}

#[test]
fn a_master_key_file_readable_by_others_causes_a_warning() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::on_sqlite();
    let created = home.run(&["key", "list"]);
    assert!(created.stderr.is_empty(), "{created:?}");
    let key = home.path().join("countersign.key");
    for mode in [0o640, 0o604] {
        set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let printed = printed(&home.run(&["key", "list"]));
        assert!(printed.contains("chmod 600"), "{mode:o}: {printed}");
        assert!(printed.contains("countersign.key"), "{mode:o}: {printed}");
    }
}

#[test]
fn config_check_reports_an_invalid_master_key_variable() {
    let home = Home::new().with("COUNTERSIGN_MASTER_KEY", "canary");
    let output = home.bare_command(&["config", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let printed = printed(&output);
    assert!(printed.contains("COUNTERSIGN_MASTER_KEY: "), "{printed}");
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn config_check_accepts_the_examples_in_the_readme() {
    let readme = include_str!("../../crates/countersign-server/README.md");
    let examples: Vec<_> = readme.split("```toml\n").skip(1).collect();
    assert!(!examples.is_empty());
    let home = Home::on_sqlite();
    for example in examples {
        let config = home.configure(example.split("```").next().unwrap());
        let output = home
            .bare_command(&["config", "check", "--config", &config])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    }
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let home = Home::new();
    home.create_key("calls:read");
    for arguments in [
        &["key", "list"][..],
        &["audit", "list", "--json"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home.command(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn variables_of_a_kubernetes_service_stop_no_command() {
    let home = Home::new()
        .with("COUNTERSIGN_PORT", "tcp://10.96.7.1:8080")
        .with("COUNTERSIGN_SERVICE_HOST", "10.96.7.1")
        .with("COUNTERSIGN_PORT_8080_TCP_ADDR", "10.96.7.1");
    home.run(&["key", "list"]);
}
