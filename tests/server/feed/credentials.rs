//! Verifiers of API keys that follow the feed of a real server.

use countersign::Secret;
use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::feed::Feed;
use countersign::rejection::Reason;
use tokio::runtime::Runtime;

use super::{Fixture, ISSUER, PATIENCE, ready};
use crate::harness::{Header, Server, api_key, wait_for};

/// A verifier of API keys, in this process.
struct KeyVerifier {
    runtime: Runtime,
    feed: Feed,
    keys: Authenticator,
}

impl KeyVerifier {
    fn of(fixture: &Fixture, key: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let feed = Feed::builder(ISSUER).client(fixture.client.clone());
        let feed = runtime.block_on(ready(feed.credentials(), key));
        let keys = feed.api_keys().imported();
        let keys = Authenticator::builder().primary(keys).build().unwrap();
        Self {
            runtime,
            feed,
            keys,
        }
    }

    /// Returns the scopes of a key, or why it is rejected.
    fn present(&self, key: &str) -> Result<String, Reason> {
        let key = Credentials::key(Secret::from(key.to_owned()));
        let authenticated = self.keys.authenticate(key, &RequestHead::empty());
        let principal = self.runtime.block_on(authenticated);
        let principal = principal.map_err(|rejection| rejection.reason())?;
        Ok(principal.scopes().to_string())
    }
}

#[test]
fn verifier_without_the_database_authenticates_keys() {
    let fixture = Fixture::new();
    let home = &fixture.home;
    let reader = home.create_key("feed:credentials");
    let before = home.create_key("calls:read");
    let verifier = KeyVerifier::of(&fixture, &reader.key);
    assert_eq!(verifier.present(&before.key).unwrap(), "calls:read");
    let after = home.create_key("calls:read calls:write");
    // The commands have waited for the verifier.
    assert_eq!(
        verifier.present(&after.key).unwrap(),
        "calls:read calls:write"
    );

    home.run(&["key", "suspend", &after.id]);
    let suspended = verifier.present(&after.key);
    assert_eq!(suspended, Err(Reason::CredentialSuspended));
    home.run(&["key", "activate", &after.id]);
    assert!(verifier.present(&after.key).is_ok());
    home.run(&["key", "scopes", &after.id, "calls:write"]);
    assert_eq!(verifier.present(&after.key).unwrap(), "calls:write");
    let rotated = home.json(&["key", "rotate", &after.id, "--compromised"]);
    assert_eq!(verifier.present(&after.key), Err(Reason::SecretWrong));
    let rotated = rotated["key"].as_str().unwrap();
    assert!(verifier.present(rotated).is_ok());
    home.run(&["key", "revoke", &after.id]);
    let revoked = verifier.present(rotated);
    assert_eq!(revoked, Err(Reason::CredentialRevoked));
    assert!(verifier.present(&before.key).is_ok());
    // A key whose digest is made with a new pepper, which the verifier learns with it.
    home.run(&["pepper", "rotate"]);
    let renewed = home.create_key("calls:read");
    assert!(verifier.present(&renewed.key).is_ok());
    assert!(verifier.present(&before.key).is_ok());
}

#[test]
fn verifier_of_keys_survives_a_restart_of_the_server() {
    let fixture = Fixture::new();
    let reader = fixture.home.create_key("feed:credentials");
    let key = fixture.home.create_key("calls:read");
    let verifier = KeyVerifier::of(&fixture, &reader.key);
    let Fixture {
        home,
        config,
        server,
        client,
        ..
    } = fixture;
    server.stop();
    let revoked = home.create_key("calls:read");
    home.run(&["key", "revoke", "--no-wait", &key.id]);
    let restarted = Server::start(&home, &["--config", &config]);
    client.move_to(&restarted);
    wait_for("an answer of the restarted server", PATIENCE, || {
        (verifier.present(&key.key) == Err(Reason::CredentialRevoked)).then_some(())
    });
    assert!(verifier.present(&revoked.key).is_ok());
    drop(restarted);
    wait_for("the end of the bound", PATIENCE, || {
        (verifier.present(&revoked.key) == Err(Reason::DirectoryStale)).then_some(())
    });
}

#[test]
fn feed_of_denials_contains_no_key_and_no_pepper() {
    let fixture = Fixture::new();
    let home = &fixture.home;
    let [denials, credentials, both] = ["feed:denials", "feed:credentials", "feed:*"]
        .map(|scopes| api_key(&home.create_key(scopes).key));
    let user = ["user", "create", "ada-lovelace", "--scopes", "calls:read"];
    home.run(&[&user[..], &["--generate"]].concat());
    // Each key has a verifier of its own.
    let ask = |path: &str, (number, key): (u8, &Header)| {
        let verifier = format!("0123456789abcdefghjkmnpqrstvwxy{number}");
        let path = format!("{path}?verifier={verifier}&nonce=abc&max_staleness_ms=2000");
        fixture.server.get(&path, std::slice::from_ref(key))
    };
    for (path, verifier, status) in [
        ("/v1/feed", (1, &denials), 200),
        ("/v1/feed", (2, &credentials), 403),
        ("/v1/feed", (3, &both), 200),
        ("/v1/feed/credentials", (1, &denials), 403),
        ("/v1/feed/credentials", (2, &credentials), 200),
        ("/v1/feed/credentials", (3, &both), 200),
    ] {
        let answer = ask(path, verifier);
        assert_eq!(answer.status, status, "{path} {answer:?}");
        if status != 200 {
            continue;
        }
        let records: Vec<_> = answer.body.lines().skip(1).collect();
        let has = |kind: &str| records.iter().any(|record| record.starts_with(kind));
        let with_keys = path.ends_with("credentials");
        for kind in ["k ", "p "] {
            assert_eq!(has(kind), with_keys, "{path} {records:?}");
        }
        let records = records.join("\n");
        assert_eq!(records.contains("digest"), with_keys, "{path} {records}");
        for of_user in ["ada-lovelace", "argon2"] {
            assert!(!records.contains(of_user), "{path} {records}");
        }
    }
}

#[test]
fn keys_of_another_account_are_not_sent_to_a_verifier_of_one() {
    let fixture = Fixture::new();
    let home = &fixture.home;
    let account = home.json(&["account", "create", "acme"]);
    let account = account["id"].as_str().unwrap();
    let create = |scopes: &str| {
        let of_account = ["--account", account, "--scopes", scopes];
        let created = ["key", "create", "--name", "t"];
        let created = home.json(&[&created[..], &of_account].concat());
        created["key"].as_str().unwrap().to_owned()
    };
    let (reader, tenant) = (create("feed:credentials"), create("calls:read"));
    let verifier = KeyVerifier::of(&fixture, &reader);
    assert!(verifier.present(&tenant).is_ok());
    let other = &fixture.operator.key;
    assert_eq!(verifier.present(other), Err(Reason::CredentialUnknown));
    assert_eq!(verifier.feed.status().credentials, 2);
    let later = home.create_key("calls:read");
    assert_eq!(verifier.present(&later.key), Err(Reason::CredentialUnknown));
    home.run(&["account", "revoke", account]);
    wait_for("the end of the bound", PATIENCE, || {
        (!verifier.feed.is_ready()).then_some(())
    });
}
