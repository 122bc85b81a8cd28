//! Several issuers in one server.

use serde_json::{Value, json};

use crate::admin::assert_same;
use crate::harness::{Home, Response, Server, api_key, basic, bearer, wait_for};
use crate::lifecycle::error_of;

const CONFIG: &str = "\
[issuer.default]
url = \"https://auth.example\"
[issuer.core]
url = \"https://auth.example/core\"
audience = \"https://core.example\"
lifetime = \"5m\"
";

/// A server with two issuers, and keys that are restricted to the first, the second, both, and unrestricted.
struct Fixture {
    home: Home,
    server: Server,
    config: String,
    keys: [String; 4],
}

impl Fixture {
    fn open() -> Self {
        let home = Home::new();
        let config = home.configure(CONFIG);
        let bound = [&["default"][..], &["core"], &["core", "default"], &[]];
        let keys = bound.map(|issuers| {
            let create = [
                "key", "create", "--name", "k", "--scopes", "*", "--config", &config,
            ];
            let flags = issuers.iter().flat_map(|name| ["--issuer", name]);
            let line: Vec<&str> = create.into_iter().chain(flags).collect();
            home.json(&line)["key"].as_str().unwrap().to_owned()
        });
        let server = Server::start(&home, &["--config", &config]);
        Self {
            home,
            server,
            config,
            keys,
        }
    }

    /// Runs a command with this configuration, which must succeed.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        self.home
            .json(&[arguments, &["--config", &self.config]].concat())
    }

    #[track_caller]
    fn mint(&self, mount: &str, key: &str) -> Response {
        let grant = "grant_type=client_credentials";
        self.server
            .post(&format!("{mount}/oauth/token"), &[api_key(key)], grant)
    }

    #[track_caller]
    fn token(&self, mount: &str, key: &str) -> String {
        let response = self.mint(mount, key);
        assert_eq!(response.status, 200, "{response:?}");
        response.json()["access_token"].as_str().unwrap().to_owned()
    }

    fn whoami(&self, mount: &str, header: (&'static str, String)) -> Response {
        self.server.get(&format!("{mount}/whoami"), &[header])
    }

    fn kids(&self, issuer: &str) -> Vec<String> {
        let listed = self.json(&["signing-key", "list", "--issuer", issuer]);
        let keys = listed["signing_keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn a_token_of_one_issuer_is_rejected_by_the_other() {
    let fixture = Fixture::open();
    let both = &fixture.keys[2];
    for (own, other, url) in [
        ("", "/core", "https://auth.example"),
        ("/core", "", "https://auth.example/core"),
    ] {
        let token = fixture.token(own, both);
        let whoami = fixture.whoami(own, bearer(&token));
        assert_eq!(whoami.json()["issuer"], url, "{whoami:?}");
        assert_eq!(fixture.whoami(other, bearer(&token)).status, 401);
        let introspected = fixture.server.post(
            &format!("{other}/oauth/introspect"),
            &[api_key(both)],
            &format!("token={token}"),
        );
        assert_eq!(introspected.body, r#"{"active":false}"#);
        // `/admin/v1` belongs to no issuer: it recognizes the tokens of all.
        let admin = fixture.server.get("/admin/v1/keys", &[bearer(&token)]);
        assert_eq!(admin.status, 403, "{admin:?}");
        let inspected = fixture.json(&["token", "inspect", &token]);
        assert_eq!(inspected["claims"]["iss"], url, "{inspected}");
        fixture.json(&["token", "revoke", &token]);
        wait_for("the rejection", std::time::Duration::from_secs(10), || {
            (fixture.whoami(own, bearer(&token)).status == 401).then_some(())
        });
    }
    let session = fixture.server.send(
        "POST",
        "/core/auth/login",
        &[],
        &json!({ "api_key": both }).to_string(),
    );
    assert_eq!(session.json()["expires_in"], 300, "{session:?}");
}

#[test]
fn a_key_that_is_restricted_to_one_issuer_is_unknown_to_the_other() {
    let fixture = Fixture::open();
    let [default, core, ..] = &fixture.keys;
    // A well-formed key whose id does not exist here.
    let unknown = &Home::new().create_key("*").key;
    for (mount, bound, own) in [("", core, default), ("/core", default, core)] {
        let send = |key: &str| {
            let body = json!({ "api_key": key }).to_string();
            let login = format!("{mount}/auth/login");
            [
                fixture.whoami(mount, api_key(key)),
                fixture.mint(mount, key),
                fixture.server.send("POST", &login, &[], &body),
            ]
        };
        for response in send(own) {
            assert_eq!(response.status, 200, "{response:?}");
        }
        for (response, to_unknown) in send(bound).iter().zip(&send(unknown)) {
            assert_eq!(response.status, 401, "{response:?}");
            assert_same(response, to_unknown);
        }
    }
}

#[test]
fn each_issuer_publishes_its_own_keys_and_metadata_and_rotates_independently() {
    let fixture = Fixture::open();
    let well_known = "/.well-known/oauth-authorization-server";
    for (path, url) in [
        (well_known.to_owned(), "https://auth.example"),
        (format!("{well_known}/core"), "https://auth.example/core"),
        (format!("/core{well_known}"), "https://auth.example/core"),
    ] {
        let metadata = fixture.server.get(&path, &[]).json();
        assert_eq!(metadata["issuer"], url, "{path}: {metadata}");
        assert_eq!(metadata["token_endpoint"], format!("{url}/oauth/token"));
        assert_eq!(metadata["jwks_uri"], format!("{url}/.well-known/jwks.json"));
    }
    let published = |mount: &str| {
        let keys = fixture
            .server
            .get(&format!("{mount}/.well-known/jwks.json"), &[])
            .json();
        keys["keys"].as_array().unwrap().len()
    };
    let (default, core) = (fixture.kids("default"), fixture.kids("core"));
    assert!(default.len() == 1 && core.len() == 1 && default != core);
    fixture.json(&[
        "signing-key",
        "rotate",
        "--issuer",
        "core",
        "--algorithm",
        "ES256",
    ]);
    wait_for(
        "the new key in the key set",
        std::time::Duration::from_secs(10),
        || (published("/core") == 2).then_some(()),
    );
    assert_eq!(published(""), 1);
    assert_eq!(fixture.kids("default"), default);
    assert_eq!(fixture.kids("core").len(), 2);

    let doctor = fixture.json(&["doctor"]).to_string();
    assert!(doctor.contains("issuer default: in use") && doctor.contains("issuer core: in use"));
    // The same over HTTP.
    let operator = api_key(&fixture.keys[0]);
    let listed = fixture.server.get(
        "/admin/v1/signing-keys?issuer=core",
        std::slice::from_ref(&operator),
    );
    assert_eq!(listed.json()["signing_keys"].as_array().unwrap().len(), 2);
    for (query, status) in [("?issuer=nowhere", 404), ("?issuer=core&issuer=core", 400)] {
        let path = format!("/admin/v1/signing-keys{query}");
        assert_eq!(
            fixture
                .server
                .get(&path, std::slice::from_ref(&operator))
                .status,
            status
        );
    }
    let body = r#"{"issuer":"default","lead_seconds":60}"#;
    let rotated = fixture
        .server
        .send("POST", "/admin/v1/signing-keys/rotate", &[operator], body);
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert_eq!(fixture.kids("default").len(), 2);
}

#[test]
fn a_caller_that_is_restricted_to_issuers_can_grant_only_those() {
    let fixture = Fixture::open();
    let core = [api_key(&fixture.keys[1])];
    let send = |path: &str, body: Value| {
        fixture.server.send(
            "POST",
            &format!("/admin/v1{path}"),
            &core,
            &body.to_string(),
        )
    };
    let created = send("/keys", json!({ "name": "own", "scopes": ["a:b"] }));
    assert_eq!(created.status, 201, "{created:?}");
    let path = format!("/admin/v1/keys/{}", created.json()["id"].as_str().unwrap());
    assert_eq!(
        fixture.server.get(&path, &core).json()["issuers"],
        json!(["core"])
    );
    let user = json!({ "name": "ada", "password": "p", "scopes": ["a:b"], "issuers": ["core"] });
    let created = send("/users", user);
    assert_eq!(
        (created.status, &created.json()["issuers"]),
        (201, &json!(["core"]))
    );

    for (issuers, status, code) in [
        (json!(["default"]), 403, "issuer_not_held"),
        (json!(["core", "default"]), 403, "issuer_not_held"),
        (json!(["nowhere"]), 400, "unknown_issuer"),
        (json!("core"), 400, "invalid_body"),
    ] {
        let rejected = send(
            "/keys",
            json!({ "name": "k", "scopes": ["a:b"], "issuers": issuers }),
        );
        assert_eq!(
            (rejected.status, &rejected.json()["code"]),
            (status, &json!(code)),
            "{issuers}"
        );
    }
    // It also cannot rotate or change keys with more issuers.
    let keys = fixture.server.get("/admin/v1/keys", &core).json();
    let keys = keys["keys"].as_array().unwrap().iter();
    let wider: Vec<_> = keys
        .filter(|key| key["issuers"] != json!(["core"]))
        .collect();
    assert_eq!(wider.len(), 3, "{wider:?}");
    for key in wider {
        let path = format!("/keys/{}", key["id"].as_str().unwrap());
        let rotated = send(&format!("{path}/rotate"), json!({}));
        let scopes = json!({ "scopes": ["a:b"] }).to_string();
        let path = format!("/admin/v1{path}/scopes");
        let changed = fixture.server.send("PUT", &path, &core, &scopes);
        for rejected in [rotated, changed] {
            assert_eq!(rejected.status, 403, "{rejected:?}");
            assert_eq!(rejected.json()["code"], "issuer_not_held");
        }
    }
}

#[test]
fn a_user_that_is_restricted_to_one_issuer_is_accepted_only_there() {
    let home = Home::new();
    let config = home.configure(CONFIG);
    let create = [
        "user",
        "create",
        "ada",
        "--scopes",
        "a:b",
        "--generate",
        "--issuer",
        "core",
    ];
    let created = home.json(&[&create[..], &["--config", &config]].concat());
    assert_eq!(created["issuers"], json!(["core"]));
    let server = Server::start(&home, &["--config", &config]);
    let presented = [basic("ada", created["password"].as_str().unwrap())];
    assert_eq!(server.get("/core/whoami", &presented).status, 200);
    assert_eq!(server.get("/whoami", &presented).status, 401);
    assert_eq!(
        server.send("POST", "/auth/token", &presented, "").status,
        401
    );
}

#[test]
fn an_unknown_issuer_is_an_error_that_says_what_to_do() {
    let home = Home::new();
    for line in [
        &[
            "key", "create", "--name", "k", "--scopes", "a:b", "--issuer", "core",
        ][..],
        &[
            "user",
            "create",
            "ada",
            "--scopes",
            "a:b",
            "--generate",
            "--issuer",
            "core",
        ],
        &["signing-key", "list", "--issuer", "core"],
        &["signing-key", "rotate", "--issuer", "core"],
    ] {
        let error = error_of(&home, line);
        assert!(
            error.contains("put [issuer.core] with its `url`"),
            "{error}"
        );
    }
    assert_eq!(home.json(&["key", "list"])["keys"], json!([]));
}

#[test]
fn conflicting_issuers_are_reported_with_their_lines() {
    let home = Home::new();
    let config = home.configure(
        "[issuer.default]\nurl = \"https://a.example/x\"\n\n[issuer.core]\nurl = \"https://b.example/x\"\n\n\
         [issuer.two]\nlifetime = \"5m\"\n\n[issuer.three]\nurl = \"https://a.example\"\n\
         [issuer.three.wires.oauth]\npath = \"/x/whoami\"\n",
    );
    let output = home
        .bare_command(&["config", "check", "--config", &config])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = errors
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    let expected = [5, 7, 13].map(|line| format!("{config}:{line}"));
    assert_eq!(lines, expected, "{errors}");
}
