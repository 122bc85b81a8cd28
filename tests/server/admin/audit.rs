use serde_json::{Value, json};

use super::{Site, text};

#[test]
fn every_change_is_on_record_newest_first_in_pages() {
    let site = Site::open();
    let key = site.key(&["a"]);
    let id = text(&key, "id");
    for change in ["suspend", "activate", "revoke"] {
        site.post(&format!("/keys/{id}/{change}"), &Value::Null);
    }
    // What changes nothing is not told.
    site.post(&format!("/keys/{id}/revoke"), &json!({}));
    let mut actions = Vec::new();
    let mut path = "/audit?limit=2".to_owned();
    loop {
        let page = site.get(&path);
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
            "key.create"
        ]
    );
    let verified = site.get("/audit/verify");
    assert_eq!(
        (&verified["intact"], &verified["records"]),
        (&json!(true), &json!(5))
    );
    assert!(
        text(&verified, "checkpoint").starts_with("5:"),
        "{verified}"
    );
}
