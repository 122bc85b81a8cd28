//! The list, page by page.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::fixture::{TOKENS, World};
use crate::response::Answer;

async fn page(world: &World, query: &str) -> Answer {
    let path = format!("{TOKENS}?{query}");
    world
        .send(Method::GET, &path, &[("x-api-key", &world.admin.key)], "")
        .await
}

/// A world with so many tokens, and their ids in order.
async fn with_tokens(count: usize) -> (World, Vec<Value>) {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(Value::from(world.token().await.id));
        world.clock.advance(Duration::from_secs(2));
    }
    (world, ids)
}

#[tokio::test]
async fn an_empty_list_is_answered_to_the_letter() {
    let world = World::new().await;
    assert_eq!(
        page(&world, "").await.said(),
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
    let (world, ids) = with_tokens(3).await;
    let list = page(&world, "").await.ok().json();
    let summaries = list["summaries"].as_array().unwrap();
    assert_eq!(
        summaries
            .iter()
            .map(|one| one["id"].clone())
            .collect::<Vec<_>>(),
        ids
    );
    for summary in summaries {
        let shown = world
            .act(Method::GET, summary["id"].as_str().unwrap())
            .await
            .json();
        assert_eq!(*summary, shown["details"]);
    }
}

#[tokio::test]
async fn pages_say_where_they_are_and_where_the_next_ones_begin() {
    let (world, ids) = with_tokens(5).await;
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
        let answer = page(&world, &encoded).await.ok().json();
        let pagination = &answer["pagination"];
        let members = [
            "page_count",
            "page_index",
            "item_start",
            "item_end",
            "next_page_offset",
            "previous_page_offset",
        ];
        let said: Vec<_> = members
            .iter()
            .map(|name| pagination[name].clone())
            .collect();
        assert_eq!(Value::from(said), row, "{query}");
        assert_eq!(pagination["item_count"], 5);
        assert_eq!(
            (&pagination["page_offset"], &pagination["page_size"]),
            (&json!(offset), &json!(size))
        );
        let listed = answer["summaries"].as_array().unwrap().iter();
        assert_eq!(
            listed.map(|one| one["id"].clone()).collect::<Vec<_>>(),
            ids[found],
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_and_not_another_one_given() {
    let world = World::new().await;
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
        let refused = page(&world, &format!("{name}={value}")).await;
        assert_eq!(
            refused.code(),
            (422, "validation_errors".into()),
            "{name}={value}"
        );
        assert_eq!(
            refused.json()["errors"],
            json!({name: [message]}),
            "{name}={value}"
        );
    }
    let refused = page(&world, "pagination[offset]=a&pagination[page_size]=b").await;
    assert_eq!(refused.json()["errors"].as_object().unwrap().len(), 2);
    for query in [
        "pagination[offset]=1&pagination[offset]=1",
        "pagination[offset]=1&pagination%5Boffset%5D=2",
        "pagination[offset]=%zz",
        "a=%ff",
    ] {
        assert_eq!(
            page(&world, query).await.code(),
            (400, "bad_request".into()),
            "{query}"
        );
    }
    for query in ["other=1", "pagination[offset]=", "page_size=0"] {
        page(&world, query).await.ok();
    }
}
