//! The list of managed tokens in pages.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, TOKENS};
use crate::response::TestResponse;

async fn page(fixture: &Fixture, query: &str) -> TestResponse {
    let path = format!("{TOKENS}?{query}");
    fixture
        .send(Method::GET, &path, &[("x-api-key", &fixture.admin.key)], "")
        .await
}

/// Creates `count` tokens; returns their ids in order.
async fn with_tokens(count: usize) -> (Fixture, Vec<Value>) {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(Value::from(fixture.token().await.id));
        fixture.clock.advance(Duration::from_secs(2));
    }
    (fixture, ids)
}

#[tokio::test]
async fn an_empty_list_has_exactly_these_members() {
    let fixture = Fixture::new().await;
    assert_eq!(
        page(&fixture, "").await.status_and_body(),
        (
            200,
            concat!(
                r#"{"status":"success","summaries":[],"pagination":{"item_count":0,"page_count":0,"#,
                r#""page_index":0,"page_offset":0,"page_size":50,"item_start":0,"item_end":0,"#,
                r#""next_page_offset":null,"previous_page_offset":null}}"#,
            )
        )
    );
}

#[tokio::test]
async fn summaries_are_the_details_oldest_first() {
    let (fixture, ids) = with_tokens(3).await;
    let list = page(&fixture, "").await.ok().json();
    let summaries = list["summaries"].as_array().unwrap();
    assert_eq!(
        summaries
            .iter()
            .map(|one| one["id"].clone())
            .collect::<Vec<_>>(),
        ids
    );
    for summary in summaries {
        let details = fixture
            .send_as_admin(Method::GET, summary["id"].as_str().unwrap())
            .await
            .json();
        assert_eq!(*summary, details["details"]);
    }
}

#[tokio::test]
async fn pages_have_their_position_and_the_offsets_of_the_next_and_previous_page() {
    let (fixture, ids) = with_tokens(5).await;
    //  offset, size; page_count, page_index, item_start, item_end, next, previous
    for (offset, size, row, found) in [
        (0, 2, json!([3, 0, 1, 2, 2, null]), 0..2),
        (2, 2, json!([3, 1, 3, 4, 4, 0]), 2..4),
        (4, 2, json!([3, 2, 5, 5, null, 2]), 4..5),
        (1, 2, json!([3, 0, 2, 3, 3, 0]), 1..3),
        (0, 5, json!([1, 0, 1, 5, null, null]), 0..5),
        (0, 200, json!([1, 0, 1, 5, null, null]), 0..5),
        (5, 5, json!([1, 1, 0, 0, null, 0]), 5..5),
        (100, 2, json!([3, 50, 0, 0, null, 3]), 5..5),
        (
            4_294_967_295_u32,
            200,
            json!([1, 21_474_836, 0, 0, null, 0]),
            5..5,
        ),
    ] {
        let query = format!("pagination[offset]={offset}&pagination[page_size]={size}");
        let encoded = query.replace('[', "%5B").replace(']', "%5D");
        let response = page(&fixture, &encoded).await.ok().json();
        let pagination = &response["pagination"];
        let members = [
            "page_count",
            "page_index",
            "item_start",
            "item_end",
            "next_page_offset",
            "previous_page_offset",
        ];
        let values: Vec<_> = members
            .iter()
            .map(|name| pagination[name].clone())
            .collect();
        assert_eq!(Value::from(values), row, "{query}");
        assert_eq!(pagination["item_count"], 5);
        assert_eq!(
            (&pagination["page_offset"], &pagination["page_size"]),
            (&json!(offset), &json!(size))
        );
        let listed = response["summaries"].as_array().unwrap().iter();
        assert_eq!(
            listed.map(|one| one["id"].clone()).collect::<Vec<_>>(),
            ids[found],
            "{query}"
        );
    }
}

#[tokio::test]
async fn invalid_page_parameters_are_rejected_and_not_replaced() {
    let fixture = Fixture::new().await;
    let size = "must be a number from 1 to 200";
    let offset = "must be a number from 0 to 4294967295";
    for (name, value, message) in [
        ("pagination[page_size]", "0", size),
        ("pagination[page_size]", "201", size),
        ("pagination[page_size]", "99999999999999999999", size),
        ("pagination[page_size]", "ten", size),
        ("pagination[page_size]", "+1", size),
        ("pagination[page_size]", "1.0", size),
        ("pagination[offset]", "-1", offset),
        ("pagination[offset]", "%2B1", offset),
        ("pagination[offset]", "4294967296", offset),
        ("pagination[offset]", "0x10", offset),
    ] {
        let rejected = page(&fixture, &format!("{name}={value}")).await;
        assert_eq!(
            rejected.code(),
            (422, "validation_errors".into()),
            "{name}={value}"
        );
        assert_eq!(
            rejected.json()["errors"],
            json!({name: [message]}),
            "{name}={value}"
        );
    }
    let rejected = page(&fixture, "pagination[offset]=a&pagination[page_size]=b").await;
    assert_eq!(rejected.json()["errors"].as_object().unwrap().len(), 2);
    for query in [
        "pagination[offset]=1&pagination[offset]=1",
        "pagination[offset]=1&pagination%5Boffset%5D=2",
        "pagination[offset]=%zz",
        "a=%ff",
    ] {
        assert_eq!(
            page(&fixture, query).await.code(),
            (400, "bad_request".into()),
            "{query}"
        );
    }
    for query in ["other=1", "pagination[offset]=", "page_size=0"] {
        page(&fixture, query).await.ok();
    }
}
