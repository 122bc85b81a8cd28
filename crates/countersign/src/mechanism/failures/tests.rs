use std::net::Ipv4Addr;

use super::Throttled;
use super::reservation::Reservation;
use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
const WRONG: Result<(), Reason> = Err(Reason::SecretWrong);

fn client<'a>(address: &str, id: &'a str) -> Client<'a> {
    Client {
        from: Some(ClientAddress::Known(address.parse().unwrap())),
        id,
    }
}

fn fail(limit: &FailureLimit, client: &Client<'_>, times: usize) {
    for _ in 0..times {
        limit.reserve(client, NOW).unwrap().finish(WRONG);
    }
}

fn burst(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

#[test]
fn full_address_is_throttled_for_every_name_and_other_addresses_are_not() {
    let limit = FailureLimit::default();
    for n in 0..20 {
        fail(&limit, &client("192.0.2.1", &format!("user{n}")), 1);
    }
    let wait = Err(Throttled(Duration::from_secs(3)));
    assert_eq!(limit.check(&client("192.0.2.1", "fresh"), NOW), wait);
    assert_eq!(
        limit.reserve(&client("192.0.2.1", "fresh"), NOW).err(),
        wait.err()
    );
    assert_eq!(limit.check(&client("192.0.2.2", "user0"), NOW), Ok(()));
}

#[test]
fn ipv6_addresses_of_one_64_share_a_bucket() {
    let limit = FailureLimit::default();
    for n in 0..20 {
        fail(&limit, &client(&format!("2001:db8::{n:x}"), "user"), 1);
    }
    assert!(
        limit
            .check(&client("2001:db8::ffff:1:2:3", "user"), NOW)
            .is_err()
    );
    assert_eq!(limit.check(&client("2001:db8:0:1::", "user"), NOW), Ok(()));
    // An IPv4 address that is mapped into IPv6 counts as the IPv4 address.
    fail(&limit, &client("::ffff:192.0.2.1", "user"), 20);
    assert!(limit.check(&client("192.0.2.1", "user"), NOW).is_err());
    assert_eq!(
        limit.check(&client("::ffff:192.0.2.2", "user"), NOW),
        Ok(())
    );
}

#[test]
fn ipv6_48_is_throttled_after_failures_in_many_of_its_64s() {
    let limit = FailureLimit::default();
    let wait = |network: &str| limit.check(&client(network, "user"), NOW);
    for n in 0..80 {
        fail(&limit, &client(&format!("2001:db8:0:{n:x}::1"), "user"), 1);
    }
    assert!(wait("2001:db8:0:ff::1").is_err(), "the /56 is full");
    assert_eq!(wait("2001:db8:0:100::1"), Ok(()));
    for n in 1..4 {
        for m in 0..80 {
            let address = format!("2001:db8:0:{n}{m:02x}::1");
            fail(&limit, &client(&address, "user"), 1);
        }
    }
    assert!(wait("2001:db8:0:ffff::1").is_err(), "the /48 is full");
    assert_eq!(wait("2001:db8:1::1"), Ok(()));
}

#[test]
fn one_ipv6_64_cannot_fill_the_buckets_above_it() {
    let limit = FailureLimit::default();
    for _ in 0..1000 {
        limit.count(&client("2001:db8::1", "user"), WRONG, NOW);
    }
    assert!(limit.check(&client("2001:db8::2", "user"), NOW).is_err());
    assert_eq!(limit.check(&client("2001:db8:0:1::", "user"), NOW), Ok(()));
}

#[test]
fn clients_of_unknown_address_share_a_bucket_of_their_own() {
    let limit = FailureLimit::default();
    let unknown = Client {
        from: Some(ClientAddress::Unknown),
        id: "user",
    };
    fail(&limit, &unknown, 20);
    assert!(limit.check(&unknown, NOW).is_err());
    for address in ["0.0.0.0", "::", "10.0.0.1"] {
        assert_eq!(limit.check(&client(address, "user"), NOW), Ok(()));
    }
}

#[test]
fn nothing_is_limited_without_an_address() {
    let limit = FailureLimit::new(burst(1), Duration::from_secs(60));
    let unknown = Client {
        from: None,
        id: "user",
    };
    fail(&limit, &unknown, 100);
    assert_eq!(limit.check(&unknown, NOW), Ok(()));
    assert_eq!(limit.table().len(), 0);
}

#[test]
fn name_is_throttled_before_an_address_with_a_larger_burst() {
    let limit = FailureLimit::new(burst(3), Duration::from_secs(60)).address_burst(burst(5));
    fail(&limit, &client("192.0.2.1", "a"), 3);
    assert!(limit.check(&client("192.0.2.1", "a"), NOW).is_err());
    assert!(limit.reserve(&client("192.0.2.1", "a"), NOW).is_err());
    assert_eq!(limit.check(&client("192.0.2.1", "b"), NOW), Ok(()));
    fail(&limit, &client("192.0.2.1", "b"), 2);
    assert!(limit.check(&client("192.0.2.1", "c"), NOW).is_err());
}

#[test]
fn number_of_reservations_is_bounded() {
    let limit = FailureLimit::default();
    let user = client("192.0.2.1", "user");
    let reserved: Vec<Reservation> = (0..1000)
        .filter_map(|_| limit.reserve(&user, NOW).ok())
        .collect();
    assert_eq!(reserved.len(), 20);
    assert!(limit.check(&user, NOW).is_err());
    for reservation in reserved {
        reservation.finish(Ok(()));
    }
    fail(&limit, &user, 20);
    assert!(limit.reserve(&user, NOW).is_err());
}

#[test]
fn reservation_is_released_if_the_password_was_not_checked_and_counts_if_it_is_dropped() {
    let limit = FailureLimit::new(burst(1), Duration::from_secs(60));
    let user = client("192.0.2.1", "user");
    for _ in 0..10 {
        let reservation = limit.reserve(&user, NOW).unwrap();
        reservation.finish(Err(Reason::HasherBusy));
    }
    drop(limit.reserve(&user, NOW).unwrap());
    assert!(limit.check(&user, NOW).is_err());
}

#[test]
fn reservations_of_a_name_end_even_if_those_of_its_address_fill_the_bucket_of_the_address() {
    let limit = FailureLimit::new(burst(2), Duration::from_secs(60)).address_burst(burst(3));
    let reserved: Vec<Reservation> = ["a", "b", "c"]
        .map(|name| limit.reserve(&client("192.0.2.1", name), NOW).unwrap())
        .into();
    drop(reserved);
    let later = NOW.plus(Duration::from_secs(59));
    let again = (0..2).map(|_| limit.reserve(&client("192.0.2.1", "c"), later));
    let again = again.filter_map(Result::ok).count();
    assert_eq!(again, 2);
}

#[test]
fn full_address_gets_no_buckets_for_further_names() {
    let limit = FailureLimit::new(burst(3), Duration::from_secs(60)).address_burst(burst(5));
    for n in 0..1000 {
        limit.count(&client("192.0.2.1", &format!("id{n}")), WRONG, NOW);
    }
    // One for the address, and one for each name that found room.
    assert_eq!(limit.table().len(), 6);
}

#[test]
fn number_of_buckets_is_bounded_under_a_million_addresses() {
    let limit = FailureLimit::default();
    for n in 0..1_000_000_u32 {
        let client = Client {
            from: Some(ClientAddress::Known(Ipv4Addr::from_bits(n).into())),
            id: "user",
        };
        limit.count(&client, WRONG, NOW);
    }
    assert!(limit.table().len() <= 65_536);
}
