//! Rotation and revocation of signing keys by commands.

use std::time::Duration;

use countersign::jose::VerifyingKey;
use countersign_tests::header;
use serde_json::Value;

use crate::harness::{Home, Server, api_key, bearer, wait_for};
use crate::lifecycle::{error_of, wait_for_status};

const PATIENCE: Duration = Duration::from_secs(10);

fn published_kids(server: &Server) -> Vec<Value> {
    let keys = server.get("/.well-known/jwks.json", &[]).json();
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].clone()).collect()
}

#[test]
fn the_next_key_is_published_and_does_not_sign_yet_and_another_rotation_is_rejected() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let before = server.token(&[api_key(&key.key)]);

    let rotated = home.json(&["signing-key", "rotate", "--algorithm", "ES256"]);
    assert_eq!(rotated["state"], "pending");
    assert_eq!(rotated["algorithm"], "ES256");
    wait_for("the next key in the key set", PATIENCE, || {
        published_kids(&server)
            .contains(&rotated["kid"])
            .then_some(())
    });
    let after = server.token(&[api_key(&key.key)]);
    assert_eq!(header(&after)["kid"], header(&before)["kid"]);
    let again = error_of(&home, &["signing-key", "rotate"]);
    assert!(again.contains("pending already"), "{again}");
}

#[test]
fn the_next_key_signs_and_tokens_of_the_last_one_stay_valid() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let presented = [api_key(&key.key)];
    let before = server.token(&presented);

    let rotate = [
        "signing-key",
        "rotate",
        "--lead",
        "1s",
        "--algorithm",
        "ES256",
    ];
    let next = &home.json(&rotate)["kid"];
    let after = wait_for("a token of the next key", PATIENCE, || {
        let token = server.token(&presented);
        (header(&token)["kid"] == *next).then_some(token)
    });
    assert_eq!(header(&after)["alg"], "ES256");
    for token in [&before, &after] {
        assert_eq!(server.status_for(&[bearer(token)]), 200);
    }
    let listed = home.json(&["signing-key", "list"]);
    let states = listed["signing_keys"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["active", "retiring"]);
}

#[test]
fn the_default_lead_time_is_ten_minutes() {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    let home = Home::new();
    let rotated = home.json(&["signing-key", "rotate"]);
    let timestamp =
        |name: &str| OffsetDateTime::parse(rotated[name].as_str().unwrap(), &Rfc3339).unwrap();
    let lead = timestamp("activates_at") - timestamp("created_at");
    assert_eq!(lead.whole_seconds(), 600);
}

#[test]
fn tokens_of_a_revoked_signing_key_are_rejected_and_another_key_signs() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let token = server.token(&[api_key(&key.key)]);
    let kid = header(&token)["kid"].as_str().unwrap().to_owned();

    let revoked = home.json(&["signing-key", "revoke", &kid]);
    assert_eq!(revoked["state"], "revoked");
    wait_for_status(&server, 401, &[bearer(&token)]);
    assert!(!published_kids(&server).contains(&kid.as_str().into()));
    let renewed = server.token(&[api_key(&key.key)]);
    assert_ne!(header(&renewed)["kid"], kid.as_str());
    assert_eq!(server.status_for(&[bearer(&renewed)]), 200);
}

#[test]
fn a_signing_key_for_another_algorithm_than_the_configured_one_is_not_created() {
    let home = Home::new();
    let config = home.configure("[issuer.default]\nalgorithm = \"EdDSA\"\n");
    let rotate = [
        "--config",
        &config,
        "signing-key",
        "rotate",
        "--algorithm",
        "ES256",
    ];
    let error = error_of(&home, &rotate);
    assert!(error.contains("`algorithm` in [issuer.default]"), "{error}");
    let listed = home.json(&["signing-key", "list"]);
    assert_eq!(listed["signing_keys"], serde_json::json!([]));
}

#[test]
fn public_part_of_a_published_signing_key_is_exported_in_pem() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let first = home.json(&["signing-key", "list"])["signing_keys"][0].clone();
    let next = home.json(&["signing-key", "rotate", "--algorithm", "ES256"]);
    for key in [&first, &next] {
        let kid = key["kid"].as_str().unwrap();
        let printed = home.run(&["signing-key", "export", "--pem", kid]).stdout;
        let algorithm = key["algorithm"].as_str().unwrap().parse().unwrap();
        assert!(VerifyingKey::from_pem(algorithm, &printed).is_ok(), "{key}");
        let printed = String::from_utf8(printed).unwrap();
        assert!(
            printed.starts_with("-----BEGIN PUBLIC KEY-----\n"),
            "{printed}"
        );
        let exported = home.json(&["signing-key", "export", "--pem", kid]);
        assert_eq!(exported["pem"].as_str().unwrap(), printed);
        assert_eq!(exported["algorithm"], key["algorithm"]);
    }
    drop(server);

    let error = error_of(&home, &["signing-key", "export", "--pem", "unknown"]);
    assert!(error.contains("signing-key list"), "{error}");
    let kid = next["kid"].as_str().unwrap();
    home.run(&["signing-key", "revoke", kid]);
    let error = error_of(&home, &["signing-key", "export", "--pem", kid]);
    assert!(error.contains("revoked"), "{error}");
}
