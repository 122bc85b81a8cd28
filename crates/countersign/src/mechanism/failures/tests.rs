use std::net::Ipv4Addr;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
const WRONG: Result<(), Reason> = Err(Reason::SecretWrong);

fn who<'a>(from: &str, id: &'a str) -> Who<'a> {
    Who {
        from: Some(from.parse().unwrap()),
        id,
    }
}

fn fail(limit: &FailureLimit, who: &Who<'_>, times: usize) {
    for _ in 0..times {
        limit.hold(who, NOW).unwrap().settle(WRONG);
    }
}

fn burst(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

#[test]
fn address_out_of_room_is_so_for_every_name_and_no_other_address_is() {
    let limit = FailureLimit::default();
    for n in 0..20 {
        fail(&limit, &who("192.0.2.1", &format!("user{n}")), 1);
    }
    let wait = Err(Throttled(Duration::from_secs(3)));
    assert_eq!(limit.check(&who("192.0.2.1", "fresh"), NOW), wait);
    assert_eq!(
        limit.hold(&who("192.0.2.1", "fresh"), NOW).err(),
        wait.err()
    );
    assert_eq!(limit.check(&who("192.0.2.2", "user0"), NOW), Ok(()));
}

#[test]
fn ipv6_addresses_of_one_64_share_a_bucket() {
    let limit = FailureLimit::default();
    for n in 0..20 {
        fail(&limit, &who(&format!("2001:db8::{n:x}"), "user"), 1);
    }
    assert!(
        limit
            .check(&who("2001:db8::ffff:1:2:3", "user"), NOW)
            .is_err()
    );
    assert_eq!(limit.check(&who("2001:db8:0:1::", "user"), NOW), Ok(()));
    // Mapped into IPv6 it is the IPv4 address, not all of them together.
    fail(&limit, &who("::ffff:192.0.2.1", "user"), 20);
    assert!(limit.check(&who("192.0.2.1", "user"), NOW).is_err());
    assert_eq!(limit.check(&who("::ffff:192.0.2.2", "user"), NOW), Ok(()));
}

#[test]
fn nothing_is_limited_without_an_address() {
    let limit = FailureLimit::new(burst(1), Duration::from_secs(60));
    let nowhere = Who {
        from: None,
        id: "user",
    };
    fail(&limit, &nowhere, 100);
    assert_eq!(limit.check(&nowhere, NOW), Ok(()));
    assert_eq!(limit.table().len(), 0);
}

#[test]
fn one_name_runs_out_of_room_before_an_address_with_more() {
    let limit = FailureLimit::new(burst(3), Duration::from_secs(60)).address_burst(burst(5));
    fail(&limit, &who("192.0.2.1", "a"), 3);
    assert!(limit.check(&who("192.0.2.1", "a"), NOW).is_err());
    assert!(limit.hold(&who("192.0.2.1", "a"), NOW).is_err());
    assert_eq!(limit.check(&who("192.0.2.1", "b"), NOW), Ok(()));
    fail(&limit, &who("192.0.2.1", "b"), 2);
    assert!(limit.check(&who("192.0.2.1", "c"), NOW).is_err());
}

#[test]
fn places_are_bounded_while_they_are_held() {
    let limit = FailureLimit::default();
    let user = who("192.0.2.1", "user");
    let held: Vec<Place> = (0..1000)
        .filter_map(|_| limit.hold(&user, NOW).ok())
        .collect();
    assert_eq!(held.len(), 20);
    assert!(limit.check(&user, NOW).is_err());
    for place in held {
        place.settle(Ok(()));
    }
    fail(&limit, &user, 20);
    assert!(limit.hold(&user, NOW).is_err());
}

#[test]
fn place_is_given_back_for_what_was_never_judged_and_spent_by_what_was_given_up() {
    let limit = FailureLimit::new(burst(1), Duration::from_secs(60));
    let user = who("192.0.2.1", "user");
    for _ in 0..10 {
        let place = limit.hold(&user, NOW).unwrap();
        place.settle(Err(Reason::HasherBusy));
    }
    drop(limit.hold(&user, NOW).unwrap());
    assert!(limit.check(&user, NOW).is_err());
}

#[test]
fn full_address_gets_no_buckets_for_further_names() {
    let limit = FailureLimit::new(burst(3), Duration::from_secs(60)).address_burst(burst(5));
    for n in 0..1000 {
        limit.count(&who("192.0.2.1", &format!("id{n}")), WRONG, NOW);
    }
    // One for the address, and one each for the names that found room.
    assert_eq!(limit.table().len(), 6);
}

#[test]
fn million_addresses_do_not_grow_it_without_bound() {
    let limit = FailureLimit::default();
    for n in 0..1_000_000_u32 {
        let who = Who {
            from: Some(Ipv4Addr::from_bits(n).into()),
            id: "user",
        };
        limit.count(&who, WRONG, NOW);
    }
    assert!(limit.table().len() <= 65_536);
}
