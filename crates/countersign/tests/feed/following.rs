use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::directory::{Denial, Directory as _};
use countersign::feed::Refusal;
use countersign::jose::{Algorithm, SigningKey};
use countersign::random::SystemRandom;
use countersign::rejection::Reason;

use crate::issuer::{
    SECOND, TestFeedIssuer, URL, credential, failure, far, id, until, verifier, verify,
};

#[tokio::test(start_paused = true)]
async fn token_is_accepted_until_its_credential_is_revoked() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    let jwt = verifier(&feed);
    let (token, other) = (issuer.token(id(1)), issuer.token(id(2)));
    assert_eq!(verify(&jwt, &token), Ok(()));
    issuer.revoke(id(1));
    until(|| verify(&jwt, &token) == Err(Reason::Superseded)).await;
    assert_eq!(verify(&jwt, &other), Ok(()));
    assert_eq!(feed.status().applied, Some(1));
}

#[tokio::test(start_paused = true)]
async fn single_token_is_denied_by_its_id() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    let jwt = verifier(&feed);
    let token = issuer.token(id(1));
    issuer.deny(Denial::Token {
        issuer: URL.into(),
        token: token_id(&token).parse().unwrap(),
        until: far(),
    });
    until(|| verify(&jwt, &token) == Err(Reason::TokenRevoked)).await;
}

fn token_id(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let json = URL_SAFE_NO_PAD.decode(payload);
    let json: serde_json::Value = serde_json::from_slice(&json.unwrap()).unwrap();
    json["jti"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn denials_of_before_the_start_are_in_the_first_answer() {
    let issuer = TestFeedIssuer::new();
    issuer.revoke(id(1));
    issuer.compact();
    let feed = issuer.ready().await;
    let rejected = verify(&verifier(&feed), &issuer.token(id(1)));
    assert_eq!(rejected, Err(Reason::Superseded));
}

#[tokio::test(start_paused = true)]
async fn whole_state_is_read_if_the_log_no_longer_has_the_changes() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    issuer.set_up(false);
    for byte in 1..=3 {
        issuer.revoke(id(byte));
    }
    issuer.compact();
    issuer.set_up(true);
    until(|| feed.status().applied == Some(3)).await;
    for byte in 1..=3 {
        assert_eq!(feed.lowest_generation(&id(byte)), Some(2));
    }
}

#[tokio::test(start_paused = true)]
async fn lower_generation_never_replaces_a_higher_one() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    for lowest in [5, 3] {
        issuer.deny(Denial::Below {
            entity: id(1),
            lowest,
            until: far(),
        });
    }
    until(|| feed.status().applied == Some(2)).await;
    assert_eq!(feed.lowest_generation(&id(1)), Some(5));
}

#[tokio::test(start_paused = true)]
async fn denials_stay_in_force_after_a_backup_that_lacks_them_was_restored() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    let (jwt, token) = (verifier(&feed), issuer.token(id(1)));
    issuer.revoke(id(1));
    issuer.revoke(id(2));
    until(|| feed.status().applied == Some(2)).await;
    issuer.restore("h2", Vec::new());
    until(|| feed.status().applied == Some(0)).await;
    assert_eq!(verify(&jwt, &token), Err(Reason::Superseded));
    issuer.revoke(id(3));
    until(|| feed.lowest_generation(&id(3)) == Some(2)).await;
    assert_eq!(verify(&jwt, &token), Err(Reason::Superseded));
}

#[tokio::test(start_paused = true)]
async fn denial_is_forgotten_when_the_issuer_says_that_its_tokens_have_expired() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    issuer.revoke(id(1));
    until(|| feed.status().denials == 1).await;
    issuer.edit(|mut message| {
        if message.after == Some(1) {
            message.denials.clear();
            message.removed.push(id(1));
        }
        message
    });
    issuer.revoke(id(2));
    until(|| feed.status().applied == Some(2)).await;
    assert_eq!(feed.status().denials, 0);
}

#[tokio::test(start_paused = true)]
async fn feed_of_one_account_rejects_the_tokens_of_all_others() {
    let issuer = TestFeedIssuer::new();
    issuer.set_account(id(1));
    let feed = issuer.ready().await;
    assert!(feed.accepts_generation(&id(1), 1));
    assert!(!feed.accepts_generation(&id(2), 1));
}

#[tokio::test(start_paused = true)]
async fn key_that_is_withdrawn_verifies_nothing_any_more() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    let (jwt, token) = (verifier(&feed), issuer.token(id(1)));
    assert_eq!(verify(&jwt, &token), Ok(()));
    let other = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let jwks = format!(r#"{{"keys":[{}]}}"#, other.public_jwk().unwrap());
    issuer.edit(move |mut message| {
        message.jwks = jwks.as_str().into();
        message
    });
    issuer.revoke(id(2));
    until(|| verify(&jwt, &token) == Err(Reason::KeyUnknown)).await;
}

#[tokio::test(start_paused = true)]
async fn revoked_key_of_the_feed_is_not_accepted_after_the_keys_were_fetched_again() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    // The issuer withdraws the key, and an attacker still has it.
    issuer.publish(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap());
    issuer.clock().advance(std::time::Duration::from_secs(59));
    issuer.revoke(id(1));
    until(|| feed.status().applied == Some(1)).await;
    assert_eq!(issuer.key_fetches(), 1);
    issuer.clock().advance(SECOND);
    issuer.revoke(id(2));
    assert_eq!(failure(&feed).await, Refusal::UnknownKey.into());
    assert_eq!(feed.lowest_generation(&id(2)), None);
}

#[tokio::test(start_paused = true)]
async fn task_ends_when_the_feed_and_all_that_verifies_with_it_are_dropped() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    let jwt = verifier(&feed);
    drop(feed);
    let asked = issuer.questions();
    until(|| issuer.questions() > asked).await;
    assert!(jwt.is_ready());
    drop(jwt);
    tokio::task::yield_now().await;
    let asked = issuer.questions();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(issuer.questions() <= asked + 1);
}

#[tokio::test(start_paused = true)]
async fn key_of_the_feed_is_fetched_once_and_a_pinned_one_never() {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    issuer.revoke(id(1));
    until(|| feed.status().applied == Some(1)).await;
    assert_eq!(issuer.key_fetches(), 1);
    let pinned = countersign::jose::KeySet::new([issuer.feed_key().verifying_key().unwrap()]);
    let feed = issuer.feed().feed_keys(pinned.unwrap());
    let feed = feed.connect(&credential()).unwrap();
    feed.ready().await;
    assert_eq!(issuer.key_fetches(), 1);
}
