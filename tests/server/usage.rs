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
