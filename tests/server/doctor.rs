//! What is wrong, and the help of shells.

use crate::harness::Home;

#[test]
fn a_sound_store_is_ok_line_by_line() {
    let home = Home::new();
    home.create_key("*");
    let output = home.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for of in ["store", "master key", "schema", "sqlite", "clock", "pepper"] {
        let line = format!("ok    {of} ");
        assert!(
            text.lines().any(|found| found.starts_with(&line)),
            "{of}: {text}"
        );
    }
    // Until the first start nothing signs, which is worth a word and no failure.
    assert!(text.contains("warn  signing key"), "{text}");
    let json = home.json(&["doctor"]);
    assert_eq!(json["healthy"], true);
    assert_eq!(json["findings"][0]["grade"], "ok");
}

#[test]
fn a_store_that_does_not_open_fails_with_what_to_do() {
    let home = Home::new();
    home.create_key("*");
    std::fs::remove_file(home.path().join("countersign.key")).unwrap();
    let output = home.command(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("fail  store "), "{text}");
    assert!(text.contains("master_key_file"), "{text}");
}

#[test]
fn a_record_from_the_future_is_a_wrong_clock() {
    let home = Home::new();
    home.create_key("*");
    home.meddle("UPDATE credentials SET updated_at = 4102444800000");
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
fn a_pepper_of_other_times_is_warned_of_and_no_failure() {
    let home = Home::new();
    home.create_key("*");
    home.meddle("UPDATE peppers SET created_at = 0");
    let output = home.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("warn  pepper "), "{text}");
}

#[test]
fn shells_are_told_of_every_command() {
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
        "nothing was made"
    );
}
