use std::time::Duration;

use countersign::feed::{ConnectError, Feed, FeedError};
use countersign::rejection::Reason;
use countersign::remote::FetchError;
use countersign::url::UrlError;

use crate::issuer::{
    BOUND, SECOND, TestFeedIssuer, URL, credential, failure, id, until, verifier, verify,
};

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_before_the_first_answer() {
    let issuer = TestFeedIssuer::new();
    issuer.set_up(false);
    let feed = issuer.connect();
    let (jwt, token) = (verifier(&feed), issuer.token(id(1)));
    let unavailable = FeedError::Fetch(FetchError::Status(503));
    assert_eq!(failure(&feed).await, unavailable);
    assert_eq!(verify(&jwt, &token), Err(Reason::KeysUnavailable));
    assert!(!jwt.is_ready());
    issuer.set_up(true);
    feed.ready().await;
    assert_eq!(verify(&jwt, &token), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn issuer_that_restarts_within_the_bound_is_not_noticed_and_a_longer_absence_is_503() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    let (jwt, token) = (verifier(&feed), issuer.token(id(1)));
    issuer.set_up(false);
    failure(&feed).await;
    issuer.clock().advance(BOUND - Duration::from_millis(1));
    assert_eq!(verify(&jwt, &token), Ok(()));
    issuer.clock().advance(Duration::from_millis(1));
    assert_eq!(verify(&jwt, &token), Err(Reason::KeysUnavailable));
    assert!(!feed.is_ready());
    issuer.revoke(id(1));
    issuer.set_up(true);
    feed.ready().await;
    assert_eq!(verify(&jwt, &token), Err(Reason::Superseded));
}

#[tokio::test(start_paused = true)]
async fn freshness_counts_from_the_question_and_not_from_the_answer() {
    let issuer = TestFeedIssuer::new();
    issuer.takes(3 * SECOND);
    let feed = issuer.connect();
    feed.ready().await;
    assert_eq!(feed.status().remaining, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn age_of_what_the_issuer_has_read_counts_too() {
    let issuer = TestFeedIssuer::new();
    issuer.set_age(4 * SECOND);
    let feed = issuer.ready().await;
    assert_eq!(feed.status().remaining, SECOND);

    for (age, takes) in [
        (BOUND, Duration::ZERO),
        (2 * SECOND, 3 * SECOND),
        (9 * BOUND, SECOND),
    ] {
        let issuer = TestFeedIssuer::new();
        issuer.set_age(age);
        issuer.takes(takes);
        let feed = issuer.connect();
        until(|| feed.status().answers > 2).await;
        assert!(!feed.is_ready(), "{age:?} {takes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lower_one_of_the_bounds_of_the_verifier_and_of_the_issuer_is_used() {
    for (issuers, used) in [(2 * SECOND, 2 * SECOND), (60 * SECOND, BOUND)] {
        let issuer = TestFeedIssuer::new();
        issuer.set_max_staleness(issuers);
        let feed = issuer.ready().await;
        assert_eq!(feed.status().remaining, used);
    }
}

#[tokio::test(start_paused = true)]
async fn freshness_of_another_process_is_not_inherited() {
    let issuer = TestFeedIssuer::new();
    let before = issuer.ready().await;
    issuer.set_up(false);
    let restarted = issuer.connect();
    failure(&restarted).await;
    assert!(before.is_ready() && !restarted.is_ready());
}

#[tokio::test(start_paused = true)]
async fn view_stays_fresh_while_the_issuer_answers_that_nothing_has_changed() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    for _ in 0..20 {
        let answers = feed.status().answers;
        issuer.clock().advance(SECOND);
        until(|| feed.status().answers > answers).await;
        assert!(feed.is_ready());
    }
}

#[tokio::test]
async fn configuration_that_is_not_safe_is_rejected() {
    for (url, error) in [
        ("http://auth.example", UrlError::NotHttps),
        ("ftp://auth.example", UrlError::NotHttps),
        ("https://auth.example?a", UrlError::Malformed),
        ("auth.example", UrlError::Malformed),
    ] {
        let Err(ConnectError::Url(rejected)) = Feed::connect(url, &credential()) else {
            unreachable!("{url}");
        };
        assert_eq!(rejected.error(), error, "{url}");
        assert!(rejected.to_string().contains("auth.example"), "{rejected}");
    }
    let key = countersign::Secret::from("a\nb".to_owned());
    let issuer = TestFeedIssuer::new();
    let rejected = issuer.feed().connect(&key).unwrap_err();
    assert_eq!(rejected, ConnectError::Credential);
    for bound in [Duration::from_millis(999), Duration::from_secs(3601)] {
        let rejected = issuer.feed().max_staleness(bound).connect(&credential());
        assert_eq!(rejected.unwrap_err(), ConnectError::MaxStaleness);
    }
    assert!(!format!("{:?}", Feed::builder(URL)).contains("cs_key"));
}

#[test]
fn feed_outside_of_a_runtime_is_an_error() {
    let connected = TestFeedIssuer::new().feed().connect(&credential());
    assert_eq!(connected.unwrap_err(), ConnectError::NoRuntime);
}
