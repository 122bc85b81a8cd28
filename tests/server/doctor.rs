//! The commands `doctor` and `completions`.

use crate::harness::Home;

#[test]
fn doctor_prints_one_line_for_each_check_of_a_healthy_store() {
    let home = Home::new();
    home.create_key("*");
    let output = home.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for of in [
        "store",
        "master key",
        "schema",
        "database",
        "clock",
        "pepper",
    ] {
        let line = format!("ok    {of} ");
        assert!(
            text.lines().any(|found| found.starts_with(&line)),
            "{of}: {text}"
        );
    }
    // Before the first start there is no signing key, which is a warning and no failure.
    assert!(text.contains("warn  signing key"), "{text}");
    let json = home.json(&["doctor"]);
    assert_eq!(json["healthy"], true);
    assert_eq!(json["findings"][0]["grade"], "ok");
}

#[test]
fn doctor_fails_for_a_store_without_its_master_key_and_says_what_to_do() {
    let home = Home::on_sqlite();
    home.create_key("*");
    std::fs::remove_file(home.path().join("countersign.key")).unwrap();
    let output = home.command(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("fail  store "), "{text}");
    assert!(text.contains("master_key_file"), "{text}");
}

#[test]
fn doctor_reports_a_wrong_clock_for_a_record_from_the_future() {
    let home = Home::new();
    home.create_key("*");
    home.query("UPDATE credentials SET updated_at = 4102444800000");
    let output = home.command(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("fail  clock "));
    assert!(
        line.is_some_and(|line| line.contains("2100-01-01T00:00:00Z")),
        "{text}"
    );
}

#[test]
fn doctor_warns_of_an_old_pepper() {
    let home = Home::new();
    home.create_key("*");
    home.query("UPDATE peppers SET created_at = 0");
    let output = home.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("warn  pepper "), "{text}");
}

#[test]
fn completions_of_every_shell_have_all_commands() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = home.bare_command(&["completions", shell]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["signing-key", "suspend", "doctor", "allow-from"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(
        home.path().read_dir().unwrap().count(),
        0,
        "a file was created"
    );
}
