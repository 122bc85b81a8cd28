//! What is configured is what holds.

use crate::harness::{Home, Server, api_key, basic};

#[test]
fn wrong_passwords_are_answered_429_after_as_many_as_are_configured_and_keys_go_on() {
    let home = Home::new();
    let create = ["user", "create", "ada", "--scopes", "*", "--generate"];
    let made = home.json(&create);
    // Before the server starts: asking whether it knows the key yet would be a failure, too.
    let key = home.create_key("*");
    let other = home.create_key("*");
    let config = home.configure("[limits]\nfailed_authentications = { per = \"1h\", burst = 3 }\n");
    let server = Server::start(&home, &["--config", &config]);

    for _ in 0..2 {
        assert_eq!(server.status_for(&[basic("ada", "wrong")]), 401);
    }
    // Where it was wrong does not matter, nor what: a secret that is another key's counts, too.
    assert_eq!(server.mint(&[basic(&key.id, &other.secret)]).status, 401);
    let limited = server.get("/whoami", &[basic("ada", "wrong")]);
    assert_eq!(limited.status, 429, "{limited:?}");
    assert!(limited.header("retry-after").is_some(), "{limited:?}");
    let right = basic("ada", made["password"].as_str().unwrap());
    assert_eq!(server.status_for(&[right]), 429);
    assert_eq!(server.status_for(&[api_key(&key.key)]), 200);
}

#[test]
fn tokens_of_a_credential_are_counted_together_on_all_wires_and_issuers() {
    let home = Home::new();
    let config = home.configure(
        "[limits]\nmints = { per = \"1h\", burst = 3 }\n[issuer.default]\nurl = \"https://a.example\"\n\
         [issuer.core]\nurl = \"https://a.example/core\"\n",
    );
    let server = Server::start(&home, &["--config", &config]);
    let key = [api_key(&server.create_key(&home, "*").key)];
    let other = [api_key(&server.create_key(&home, "*").key)];
    let grant = "grant_type=client_credentials";
    assert_eq!(server.mint(&key).status, 200);
    assert_eq!(server.post("/core/oauth/token", &key, grant).status, 200);
    assert_eq!(server.send("POST", "/auth/token", &key, "").status, 200);
    for (refused, member, word) in [
        (server.mint(&key), "error", "slow_down"),
        (
            server.send("POST", "/core/auth/token", &key, ""),
            "type",
            "RATE_LIMIT_EXCEEDED",
        ),
    ] {
        assert_eq!(refused.status, 429, "{refused:?}");
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        assert_eq!(refused.json()[member], word, "{refused:?}");
    }
    assert_eq!(server.mint(&other).status, 200);
    assert_eq!(server.status_for(&key), 200);
}

#[test]
fn denials_are_kept_as_long_as_the_longest_token_that_is_configured_lives() {
    let home = Home::new();
    let longest = "SELECT largest_lifetime FROM state";
    let config = home.configure(
        "[issuer.default]\nmax_lifetime = \"2d\"\n[issuer.default.wires.oauth]\nmax_lifetime = \"30d\"\n",
    );
    let server = Server::start(&home, &["--config", &config]);
    assert_eq!(home.meddle(longest), Some(30 * 24 * 3600));
    drop(server);
    // A shorter one later does not shorten it: longer ones were minted.
    let server = Server::start(&home, &[]);
    assert_eq!(home.meddle(longest), Some(30 * 24 * 3600));
    drop(server);
}

#[test]
fn managed_tokens_may_live_as_long_as_any_issuer_lets_them_and_denials_need_not() {
    let home = Home::new();
    let config = home.configure(
        "[issuer.default.wires.managed]\nenabled = false\nmax_lifetime = \"366d\"\n\
         [issuer.core]\nurl = \"https://a.example/core\"\n[issuer.core.wires.managed]\nmax_lifetime = \"364d\"\n",
    );
    let _server = Server::start(&home, &["--config", &config]);
    let signed = "SELECT longest_signed FROM state";
    assert_eq!(home.meddle(signed), Some(364 * 24 * 3600));
    assert!(home.meddle("SELECT largest_lifetime FROM state") < Some(2 * 24 * 3600));
}
