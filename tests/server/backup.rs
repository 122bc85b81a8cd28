//! Backup and restore.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::harness::{Home, Server, api_key, bearer};
use crate::lifecycle::error_of;

/// A home with a fixed issuer URL, so that tokens stay valid when the next server has another port.
fn home() -> Home {
    Home::on_sqlite().with("COUNTERSIGN_SERVER__PUBLIC_URL", "https://auth.example")
}

fn backup(home: &Home) -> serde_json::Value {
    home.json(&["backup", "b.db"])
}

fn database(home: &Home) -> PathBuf {
    home.path().join("x.db")
}

fn status(home: &Home, id: &str) -> String {
    let details = home.json(&["key", "show", id]);
    details["status"].as_str().unwrap().to_owned()
}

#[test]
fn backup_of_a_running_server_reports_its_contents_and_the_missing_master_key() {
    let home = Home::on_sqlite();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let created = backup(&home);
    assert_eq!(
        (&created["file"], &created["records"]),
        (&"b.db".into(), &1.into())
    );
    assert_eq!(created["epoch"].as_str().unwrap().len(), 32);
    assert!(created["change"].as_i64().unwrap() > 0);
    let mode = fs::metadata(home.path().join("b.db"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);

    let output = String::from_utf8(home.run(&["backup", "c.db"]).stdout).unwrap();
    assert!(output.contains("master key is not in it"), "{output}");
    let again = error_of(&home, &["backup", "b.db"]);
    assert!(again.contains("exists already"), "{again}");
    let newest = &home.json(&["audit", "list"])["records"][0];
    assert_eq!(newest["action"], "backup.create");
}

#[test]
fn restore_under_a_running_server_is_rejected_and_the_server_keeps_running() {
    let home = Home::on_sqlite();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    backup(&home);
    let error = error_of(&home, &["restore", "b.db"]);
    assert!(error.contains("stop the server first"), "{error}");
    // It is also rejected while SQLite cannot read the file that the server has open.
    let whole = fs::read(database(&home)).unwrap();
    let mut damaged = whole.clone();
    damaged[..16].fill(b'x');
    overwrite(&home, &damaged);
    let error = error_of(&home, &["restore", "b.db"]);
    assert!(error.contains("stop the server first"), "{error}");
    overwrite(&home, &whole);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
}

/// Overwrites the database in place, so that the server still has this file open.
fn overwrite(home: &Home, bytes: &[u8]) {
    use std::io::Write as _;
    let file = fs::OpenOptions::new().write(true).open(database(home));
    file.unwrap().write_all(bytes).unwrap();
}

#[test]
fn key_revoked_after_the_backup_is_revoked_after_the_restore() {
    let home = home();
    let server = Server::start(&home, &[]);
    let (active, revoked) = (server.create_key(&home, "*"), server.create_key(&home, "*"));
    let token = server.token(&[api_key(&active.key)]);
    backup(&home);
    home.run(&["key", "revoke", &revoked.id]);
    let later = home.create_key("*");
    server.stop();

    let restored = home.json(&["restore", "b.db"]);
    assert_eq!(restored["replayed"], 2);
    assert_eq!(restored["suspended"], 0);
    let kept = restored["kept"].as_str().unwrap();
    assert!(kept.contains("x.db.before-restore-"), "{kept}");
    let server = Server::start(&home, &[]);
    for (key, status) in [(&active, 200), (&revoked, 401), (&later, 200)] {
        assert_eq!(server.status_for(&[api_key(&key.key)]), status);
    }
    assert_eq!(server.status_for(&[bearer(&token)]), 200);
    home.run(&["audit", "verify"]);
}

#[test]
fn every_key_is_suspended_if_changes_after_the_backup_are_lost() {
    let home = home();
    let server = Server::start(&home, &[]);
    let (active, revoked) = (server.create_key(&home, "*"), server.create_key(&home, "*"));
    let taken = backup(&home);
    home.run(&["key", "revoke", &revoked.id]);
    let token = server.token(&[api_key(&active.key)]);
    server.stop();
    let checkpoint = home.json(&["audit", "verify"])["checkpoint"].clone();
    fs::remove_file(database(&home)).unwrap();

    let output = home.run(&["restore", "b.db"]).stdout;
    let output = String::from_utf8(output).unwrap();
    for part in ["no live database", "key activate", "--accept-loss-since"] {
        assert!(output.contains(part), "{output}");
    }
    let server = Server::start(&home, &[]);
    for key in [&active, &revoked] {
        assert_eq!(status(&home, &key.id), "suspended");
        assert_eq!(server.status_for(&[api_key(&key.key)]), 401);
    }
    home.run(&["key", "activate", &active.id]);
    server.wait_until_accepted(&[api_key(&active.key)]);
    assert_eq!(
        server.status_for(&[bearer(&token)]),
        401,
        "a token from after the backup"
    );
    home.run(&["audit", "verify"]);
    let lost = home
        .command(&[
            "audit",
            "verify",
            "--checkpoint",
            checkpoint.as_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert!(!lost.status.success(), "{taken} {lost:?}");
}

#[test]
fn accept_loss_since_must_not_be_later_than_the_backup_and_later_tokens_are_rejected() {
    let home = home();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    backup(&home);
    let token = server.token(&[api_key(&key.key)]);
    server.stop();
    fs::remove_file(database(&home)).unwrap();
    let restore = |since| ["restore", "b.db", "--accept-loss-since", since];
    let error = error_of(&home, &restore("2999-01-01T00:00:00Z"));
    assert!(error.contains("or an earlier moment"), "{error}");
    let bad = home.command(&restore("yesterday")).output().unwrap();
    assert_eq!(bad.status.code(), Some(2), "{bad:?}");

    let restored = home.json(&restore("2001-01-01T00:00:00Z"));
    assert_eq!(
        (&restored["suspended"], &restored["replayed"]),
        (&0.into(), &().into())
    );
    let server = Server::start(&home, &[]);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
    assert_eq!(server.status_for(&[bearer(&token)]), 401);
}

#[test]
fn restore_on_another_machine_needs_only_the_backup_and_the_master_key() {
    let (home, other) = (Home::on_sqlite(), Home::on_sqlite());
    let key = home.create_key("*");
    backup(&home);
    fs::copy(home.path().join("b.db"), other.path().join("b.db")).unwrap();
    let error = error_of(&other, &["restore", "b.db"]);
    assert!(error.contains("countersign.key"), "{error}");
    fs::copy(
        home.path().join("countersign.key"),
        other.path().join("countersign.key"),
    )
    .unwrap();
    other.run(&["restore", "b.db"]);
    assert_eq!(status(&other, &key.id), "suspended");
}
