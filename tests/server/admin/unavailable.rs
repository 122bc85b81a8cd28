use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};

use super::{Site, assert_problem, text};
use crate::harness::{Home, api_key};

/// Runs a statement behind the server's back.
fn meddle(home: &Home, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(home.path().join("x.db"));
        let mut connection = options.connect().await.unwrap();
        connection.execute(statement).await.unwrap();
    });
}

#[test]
fn what_cannot_be_put_on_record_is_503_and_not_done_and_judging_goes_on() {
    let site = Site::open();
    let key = site.key(&["a"]);
    let id = text(&key, "id");
    meddle(&site.home, "UPDATE audit_head SET mac = zeroblob(32)");

    let revoke = format!("/keys/{id}/revoke");
    let rotate = format!("/keys/{id}/rotate");
    let new = json!({ "name": "x", "scopes": [] });
    for (path, body) in [
        ("/keys", &new),
        (&*revoke, &Value::Null),
        (&*rotate, &Value::Null),
        ("/signing-keys/rotate", &Value::Null),
        ("/accounts", &json!({ "name": "x" })),
    ] {
        let refused = site.ask(&site.operator, "POST", path, body);
        assert_problem(&refused, 503, "unavailable");
        assert_eq!(refused.header("retry-after"), Some("1"), "{refused:?}");
    }
    assert_eq!(site.whoami(&text(&key, "key")), 200);
    assert_eq!(site.server.mint(&[api_key(&text(&key, "key"))]).status, 200);
    assert_eq!(site.get("/keys")["keys"].as_array().unwrap().len(), 2);
    let verified = site.get("/audit/verify");
    assert_eq!(verified["intact"], false, "{verified}");
    site.server.logs("nothing was acknowledged");
}
