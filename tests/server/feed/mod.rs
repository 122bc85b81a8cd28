//! Verifiers that follow the feed of a real server.

mod credentials;
mod example;

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::directory::Directory as _;
use countersign::feed::{Feed, FeedBuilder, FeedError};
use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::remote::{Fetch, FetchError, FetchedBody, HttpClient};
use countersign::time::{Clock as _, SystemClock};
use countersign::{BoxFuture, Secret};
use http::{Request, Response, Uri};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::harness::{Header, Home, IssuedKey, Server, api_key, bearer, wait_for};

const PATIENCE: Duration = Duration::from_secs(30);
const ISSUER: &str = "https://auth.example";
const CONFIG: &str =
    "[issuer.default]\nurl = \"https://auth.example\"\n[store]\nmax_staleness = \"2s\"\n";

/// An HTTP client for a server that has another port after a restart.
#[derive(Clone)]
struct Moving {
    client: HttpClient,
    base: Arc<Mutex<String>>,
}

impl Moving {
    fn to(server: &Server) -> Self {
        Self {
            client: HttpClient::new().unwrap(),
            base: Arc::new(Mutex::new(server.url())),
        }
    }

    fn move_to(&self, server: &Server) {
        *self.base.lock().unwrap() = server.url();
    }
}

impl Fetch for Moving {
    fn send<'a>(
        &'a self,
        mut request: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        let base = self.base.lock().unwrap().clone();
        let path = request.uri().path_and_query().unwrap();
        let uri: Uri = format!("{base}{path}").parse().unwrap();
        *request.uri_mut() = uri;
        self.client.send(request, body)
    }
}

/// A server, and a verifier in this process.
struct Fixture {
    home: Home,
    config: String,
    server: Server,
    client: Moving,
    operator: IssuedKey,
    runtime: Runtime,
    feed: Feed,
    jwt: Jwt,
}

impl Fixture {
    fn new() -> Self {
        let home = Home::new();
        let config = home.configure(CONFIG);
        let operator = home.create_key("*");
        let key = home.create_key("feed:denials");
        let server = Server::start(&home, &["--config", &config]);
        let client = Moving::to(&server);
        let runtime = Runtime::new().unwrap();
        let feed = runtime.block_on(connect(client.clone(), &key.key));
        let jwt = verifier(&feed);
        Self {
            home,
            config,
            server,
            client,
            operator,
            runtime,
            feed,
            jwt,
        }
    }

    fn token(&self, key: &IssuedKey) -> String {
        self.server.token(&[api_key(&key.key)])
    }

    fn verify(&self, token: &str) -> Result<(), Reason> {
        verify(&self.jwt, token)
    }

    #[track_caller]
    fn wait_until(&self, token: &str, expected: Result<(), Reason>) {
        wait_for("the verifier", PATIENCE, || {
            (self.verify(token) == expected).then_some(())
        });
    }

    fn question(&self, credentials: &[Header], more: &str) -> crate::harness::Response {
        let id = "0123456789abcdefghjkmnpqrstvwxyz";
        let path = format!("/v1/feed?verifier={id}&nonce=abc&max_staleness_ms=2000{more}");
        self.server.get(&path, credentials)
    }
}

async fn connect(client: impl Fetch, key: &str) -> Feed {
    ready(Feed::builder(ISSUER).client(client), key).await
}

async fn ready(feed: FeedBuilder, key: &str) -> Feed {
    let key = Secret::from(key.to_owned());
    let feed = feed.max_staleness(Duration::from_secs(2)).connect(&key);
    let feed = feed.unwrap();
    tokio::time::timeout(PATIENCE, feed.ready())
        .await
        .unwrap_or_else(|_| panic!("{:?}", feed.status()));
    feed
}

fn verifier(feed: &Feed) -> Jwt {
    Jwt::new([feed.trusted().audience(ISSUER).build().unwrap()])
}

fn verify(jwt: &Jwt, token: &str) -> Result<(), Reason> {
    jwt.introspect(token, SystemClock.now()).map(drop)
}

#[test]
fn verifier_without_the_database_rejects_what_is_revoked() {
    let fixture = Fixture::new();
    let key = fixture.server.create_key(&fixture.home, "calls:read");
    let (token, other) = (fixture.token(&key), fixture.token(&fixture.operator));
    assert_eq!(fixture.verify(&token), Ok(()));
    fixture.home.run(&["key", "revoke", &key.id]);
    // The command has waited for the verifier.
    assert_eq!(fixture.verify(&token), Err(Reason::Superseded));

    let form = format!("token={other}");
    let revoked = fixture
        .server
        .post("/oauth/revoke", &[api_key(&fixture.operator.key)], &form);
    assert_eq!(revoked.status, 200, "{revoked:?}");
    fixture.wait_until(&other, Err(Reason::TokenRevoked));
    let another = fixture.token(&fixture.operator);
    assert_eq!(fixture.verify(&another), Ok(()));
}

#[test]
fn receipt_counts_verifiers() {
    let fixture = Fixture::new();
    for _ in 0..10 {
        let key = fixture.home.create_key("calls:read");
        let revoked = fixture.home.json(&["key", "revoke", &key.id]);
        let receipt = &revoked["receipt"];
        assert_eq!(receipt["complete"], true, "{revoked}");
        assert_eq!(
            (&receipt["nodes"], &receipt["applied"]),
            (&json!(2), &json!(2))
        );
    }
    let nodes = fixture.home.json(&["node", "list"]);
    let names = nodes["nodes"].as_array().unwrap().iter();
    let mut names = names.map(|node| node["name"].as_str().unwrap());
    assert!(
        names.any(|name| name.starts_with("verifier of ")),
        "{nodes}"
    );
}

#[test]
fn verifier_survives_a_restart_of_the_server_and_stops_when_it_is_gone() {
    let Fixture {
        home,
        config,
        server,
        client,
        operator,
        runtime: _runtime,
        feed,
        jwt,
    } = Fixture::new();
    let token = server.token(&[api_key(&operator.key)]);
    server.stop();
    let restarted = Server::start(&home, &["--config", &config]);
    client.move_to(&restarted);
    wait_for("an answer of the restarted server", PATIENCE, || {
        (feed.status().failures == 0 && feed.is_ready()).then_some(())
    });
    assert_eq!(verify(&jwt, &token), Ok(()));
    let key = home.create_key("calls:read");
    let revoked = home.json(&["key", "revoke", &key.id]);
    assert_eq!(revoked["receipt"]["complete"], true, "{revoked}");

    drop(restarted);
    wait_for("the end of the bound", PATIENCE, || {
        (verify(&jwt, &token) == Err(Reason::KeysUnavailable)).then_some(())
    });
    assert!(feed.check_freshness().is_err());
}

#[test]
fn revoked_signing_key_verifies_nothing_at_the_verifier() {
    let fixture = Fixture::new();
    let token = fixture.token(&fixture.operator);
    assert_eq!(fixture.verify(&token), Ok(()));
    let keys = fixture.home.json(&["signing-key", "list"]);
    let kid = keys["signing_keys"][0]["kid"].as_str().unwrap();
    fixture.home.run(&["signing-key", "revoke", kid]);
    assert_eq!(fixture.verify(&token), Err(Reason::KeyUnknown));
    let minted = fixture.token(&fixture.operator);
    fixture.wait_until(&minted, Ok(()));
}

#[test]
fn feed_is_for_long_lived_credentials_with_its_scope() {
    let fixture = Fixture::new();
    let without = fixture.server.create_key(&fixture.home, "calls:*");
    let token = fixture.token(&fixture.operator);
    for (credentials, status) in [
        (vec![], 401),
        (vec![api_key("cs_wrong")], 401),
        (vec![api_key(&without.key)], 403),
        (vec![bearer(&token)], 403),
        (vec![api_key(&fixture.operator.key)], 200),
    ] {
        let answer = fixture.question(&credentials, "");
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let keys = fixture.server.get("/v1/feed/keys", &[]);
    assert_eq!(keys.status, 200);
    let published = fixture.server.get("/.well-known/jwks.json", &[]).json();
    let kid = &keys.json()["keys"][0]["kid"];
    assert_ne!(
        kid, &published["keys"][0]["kid"],
        "the feed has a key of its own"
    );
    assert!(keys.json()["keys"][0].get("d").is_none());
}

#[test]
fn question_that_is_malformed_is_rejected() {
    let fixture = Fixture::new();
    let key = [api_key(&fixture.operator.key)];
    for more in [
        "&nonce=abc",
        "&wait_ms=x",
        "&after=-1&history=a",
        "&history=%20",
        "&other=1",
    ] {
        assert_eq!(fixture.question(&key, more).status, 400, "{more}");
    }
    let missing = fixture.server.get("/v1/feed", &key);
    assert_eq!(missing.status, 400);
}

#[test]
fn question_ends_when_its_credential_is_revoked() {
    let fixture = Fixture::new();
    let key = fixture.server.create_key(&fixture.home, "feed:denials");
    let first = fixture.question(&[api_key(&key.key)], "");
    assert_eq!(first.status, 200);
    let runtime = Runtime::new().unwrap();
    let followed = runtime.block_on(connect(fixture.client.clone(), &key.key));
    fixture.home.run(&["key", "revoke", &key.id]);
    wait_for("the end", PATIENCE, || {
        let error = followed.status().last_error;
        (error == Some(FeedError::Fetch(FetchError::Status(401)))).then_some(())
    });
    wait_for("the end of the bound", PATIENCE, || {
        (!followed.is_ready()).then_some(())
    });
}

#[test]
fn verifier_of_another_account_learns_of_that_account_only() {
    let fixture = Fixture::new();
    let home = &fixture.home;
    let account = home.json(&["account", "create", "acme"]);
    let account = account["id"].as_str().unwrap();
    let create = |scopes: &str| {
        let created = home.json(&[
            "key",
            "create",
            "--name",
            "t",
            "--scopes",
            scopes,
            "--account",
            account,
        ]);
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        IssuedKey {
            id: text("id"),
            key: text("key"),
            secret: text("secret"),
        }
    };
    let (reader, tenant) = (create("feed:denials"), create("calls:read"));
    let key = home.create_key("calls:read");
    let runtime = Runtime::new().unwrap();
    let feed = runtime.block_on(connect(fixture.client.clone(), &reader.key));
    let jwt = verifier(&feed);
    let (own, other) = (fixture.token(&tenant), fixture.token(&key));
    assert_eq!(verify(&jwt, &own), Ok(()));
    assert_eq!(
        verify(&jwt, &other),
        Err(Reason::Superseded),
        "of another account"
    );
    let denials = feed.status().denials;
    home.run(&["key", "revoke", &key.id]);
    assert_eq!(feed.status().denials, denials);
    home.run(&["key", "revoke", &tenant.id]);
    assert_eq!(verify(&jwt, &own), Err(Reason::Superseded));
    assert_eq!(feed.status().denials, denials + 1);
}

#[test]
fn keys_that_sign_the_feed_are_rotated_and_revoked() {
    let fixture = Fixture::new();
    let home = &fixture.home;
    let kids = || {
        let keys = fixture.server.get("/v1/feed/keys", &[]).json();
        let keys = keys["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let signing = || {
        let answer = fixture.question(&[api_key(&fixture.operator.key)], "");
        let head = answer.body.lines().next().unwrap().to_owned();
        countersign_tests::header(&head)["kid"].clone()
    };
    let first = kids().remove(0);
    assert_eq!(signing(), first);
    let rotated = home.json(&["signing-key", "rotate", "--feed", "--lead", "1s"]);
    assert_eq!(rotated["algorithm"], "EdDSA");
    wait_for("the next key", PATIENCE, || {
        (signing() == rotated["kid"]).then_some(())
    });
    let key = fixture.server.create_key(home, "calls:read");
    let token = fixture.token(&key);
    assert_eq!(fixture.verify(&token), Ok(()));
    home.run(&["key", "revoke", &key.id]);
    assert_eq!(fixture.verify(&token), Err(Reason::Superseded));

    let kid = rotated["kid"].as_str().unwrap();
    let revoked = home.json(&["signing-key", "revoke", kid, "--feed"]);
    assert_eq!(revoked["state"], "revoked");
    wait_for("the successor", PATIENCE, || {
        (signing() != rotated["kid"]).then_some(())
    });
    assert!(!kids().contains(&kid.to_owned()));
    let answers = fixture.feed.status().answers;
    wait_for("an answer of the successor", PATIENCE, || {
        (fixture.feed.status().answers > answers).then_some(())
    });
    let states = home.json(&["signing-key", "list", "--feed"]);
    let states = states["signing_keys"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["active", "revoked", "retiring"]);
}

#[test]
fn what_verifiers_do_is_counted() {
    let fixture = Fixture::new();
    let key = fixture.home.create_key("calls:read");
    fixture.home.run(&["key", "revoke", &key.id]);
    let metrics = fixture
        .server
        .get("/metrics", &[api_key(&fixture.operator.key)]);
    for line in [
        "countersign_feed_answers_total{kind=\"snapshot\"}",
        "countersign_feed_answers_total{kind=\"delta\"}",
        "countersign_feed_waiting ",
    ] {
        assert!(metrics.body.contains(line), "{line}: {}", metrics.body);
    }
}
