//! The audit.

use serde_json::{Value, json};

use super::{Fixture, text};

#[test]
fn every_change_is_in_the_audit_newest_first_in_pages() {
    let fixture = Fixture::open();
    let key = fixture.key(&["a"]);
    let id = text(&key, "id");
    for change in ["suspend", "activate", "revoke"] {
        fixture.post(&format!("/keys/{id}/{change}"), &Value::Null);
    }
    // A request that changes nothing adds no record.
    fixture.post(&format!("/keys/{id}/revoke"), &json!({}));
    let mut actions = Vec::new();
    let mut path = "/audit?limit=2".to_owned();
    loop {
        let page = fixture.get(&path);
        let records = page["records"].as_array().unwrap();
        assert!(records.len() <= 2, "{page}");
        actions.extend(records.iter().map(|record| text(record, "action")));
        assert!(text(&records[0], "at").ends_with('Z'), "{page}");
        match page["next"].as_i64() {
            Some(next) => path = format!("/audit?before={next}&limit=2"),
            None => break,
        }
    }
    assert_eq!(
        actions,
        [
            "key.revoke",
            "key.activate",
            "key.suspend",
            "key.create",
            // The keys that sign the feed, at the first start of the server.
            "issuer.create",
            "key.create"
        ]
    );
    let verified = fixture.get("/audit/verify");
    assert_eq!(
        (&verified["intact"], &verified["records"]),
        (&json!(true), &json!(6))
    );
    assert!(
        text(&verified, "checkpoint").starts_with("6:"),
        "{verified}"
    );
}
