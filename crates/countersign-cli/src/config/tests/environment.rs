//! Settings and secrets in environment variables.

use super::*;

#[test]
fn environment_variable_wins_over_the_file() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\nshutdown_grace = \"1s\"\n";
    let variables = [
        ("COUNTERSIGN_SERVER__LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_STORE__MAX_STALENESS", "9s"),
        ("UNRELATED", "x"),
    ];
    let config = read(text, &variables).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(1));
    assert_eq!(config.store.max_staleness, Duration::from_secs(9));
}

#[test]
fn value_that_the_environment_replaces_must_be_valid() {
    let variables = [("COUNTERSIGN_SERVER__LISTEN", "127.0.0.1:2")];
    assert!(read("[server]\nlisten = 1\n", &variables).is_err());
}

#[test]
fn unknown_and_unreadable_variables_are_rejected_by_name() {
    for (name, value) in [
        ("COUNTERSIGN_SERVER__LISTN", "127.0.0.1:2"),
        ("COUNTERSIGN_SERVER_LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_ISSUER__URL", "https://example.com"),
        ("COUNTERSIGN_SERVER__BODY_LIMIT", "much"),
    ] {
        let errors = read("", &[(name, value)]).unwrap_err();
        assert!(errors.starts_with(&format!("{name}: ")), "{errors}");
    }
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_of_this_name_are_ignored() {
    let variables = [
        ("COUNTERSIGN_SERVICE_HOST", "10.96.7.1"),
        ("COUNTERSIGN_SERVICE_PORT", "8080"),
        ("COUNTERSIGN_SERVICE_PORT_HTTP", "8080"),
        ("COUNTERSIGN_PORT", "tcp://10.96.7.1:8080"),
        ("COUNTERSIGN_PORT_8080_TCP", "tcp://10.96.7.1:8080"),
        ("COUNTERSIGN_PORT_8080_TCP_PROTO", "tcp"),
        ("COUNTERSIGN_PORT_8080_TCP_PORT", "8080"),
        ("COUNTERSIGN_PORT_8080_TCP_ADDR", "10.96.7.1"),
        ("COUNTERSIGN_PORT_53_UDP_ADDR", "10.96.7.1"),
        ("COUNTERSIGN_SERVER_PORT", "tcp://10.96.7.2:8080"),
        ("COUNTERSIGN_SERVER_2_SERVICE_HOST", "10.96.7.2"),
    ];
    assert_eq!(read("", &variables).err(), None);
    // A setting that is misspelt looks similar.
    for (name, value) in [
        ("COUNTERSIGN_PORT", "8080"),
        ("COUNTERSIGN_SERVER_PORT", "8080"),
        ("COUNTERSIGN_SERVER__PORT", "tcp://10.96.7.1:8080"),
        ("COUNTERSIGN_PORT_HTTP_TCP", "tcp://10.96.7.1:8080"),
        ("COUNTERSIGN_HOST", "10.96.7.1"),
    ] {
        let errors = read("", &[(name, value)]).unwrap_err();
        assert!(errors.starts_with(&format!("{name}: unknown")), "{errors}");
    }
}

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[test]
fn master_key_is_read_from_its_variable_and_is_not_printed() {
    let config = read("", &[("COUNTERSIGN_MASTER_KEY", MASTER_KEY)]).unwrap();
    let MasterKey::Text(key) = &config.store.master_key else {
        panic!("the variable has a key");
    };
    assert_eq!(key.expose(), MASTER_KEY);
    assert!(!format!("{config:?}").contains(MASTER_KEY));
}

#[test]
fn malformed_master_key_is_rejected_by_its_variable_and_not_repeated() {
    let zeros = format!("{}=", "A".repeat(43));
    for value in ["", " ", "canary", &MASTER_KEY[4..], &zeros] {
        let errors = read("", &[("COUNTERSIGN_MASTER_KEY", value)]).unwrap_err();
        assert!(
            errors.starts_with("COUNTERSIGN_MASTER_KEY: expected 32 random bytes"),
            "{errors}"
        );
        assert!(value.len() < 2 || !errors.contains(value), "{errors}");
    }
}

#[test]
fn master_key_in_a_file_and_a_variable_is_rejected() {
    let file = "[store]\nmaster_key_file = \"a.key\"\n";
    let also = ("COUNTERSIGN_STORE__MASTER_KEY_FILE", "a.key");
    for (text, others) in [(file, &[][..]), ("", &[also])] {
        for (key, found) in [(MASTER_KEY, 1), ("", 2)] {
            let variables = [&[("COUNTERSIGN_MASTER_KEY", key)], others].concat();
            let errors = read(text, &variables).unwrap_err();
            assert!(errors.contains("only one of them"), "{errors}");
            assert_eq!(errors.lines().count(), found, "{errors}");
        }
    }
}
