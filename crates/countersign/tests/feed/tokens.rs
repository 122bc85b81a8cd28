//! A token is never a message of a feed, and a message is never a token, even if one key signed both.

use countersign::feed::{FeedMessage, Refusal};
use countersign::jose::{Algorithm, KeySet, SigningKey};
use countersign::mechanism::Jwt;
use countersign::mint::Issuer;
use countersign::random::SystemRandom;
use countersign::rejection::Reason;
use countersign::time::{Clock as _, SystemClock};
use countersign::token::{TrustError, TrustedIssuer};

use crate::issuer::{CLUSTER, TestFeedIssuer, URL, failure, id, verify};

#[tokio::test(start_paused = true)]
async fn token_is_no_message() {
    let issuer = TestFeedIssuer::new();
    // The worst case: the key of the tokens is published as that of the feed.
    let key = issuer.token_issuer().jwks();
    let published = KeySet::from_jwks(&key).unwrap().0;
    let token = issuer.token(id(1));
    issuer.edit_bytes(move |_| format!("{token}\n").into_bytes());
    let feed = issuer.feed().feed_keys(published);
    let feed = feed.connect(&crate::issuer::credential()).unwrap();
    assert_eq!(failure(&feed).await, Refusal::NotAFeed.into());
}

#[test]
fn message_is_no_token() {
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let message = FeedMessage::new(URL, CLUSTER, "h1").sign(&key).unwrap();
    let message = String::from_utf8(message.to_vec()).unwrap();
    let head = message.lines().next().unwrap();
    let issuer = Issuer::builder(URL).signing_key(key.clone()).build();
    let own = issuer.unwrap().trusted().build().unwrap();
    let keys = KeySet::new([key.verifying_key().unwrap()]).unwrap();
    let external = TrustedIssuer::external(URL).audience(URL).keys(keys);
    // An own token has other claims, too.
    let (claims, typ) = (Reason::ClaimsMalformed, Reason::TypeRejected);
    for (trusted, reason) in [(own, claims), (external.build().unwrap(), typ)] {
        let jwt = Jwt::new([trusted]);
        assert_eq!(verify(&jwt, head), Err(reason));
        assert!(jwt.introspect(&message, SystemClock.now()).is_err());
    }
}

#[test]
fn type_of_messages_cannot_be_accepted_as_one_of_tokens() {
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let keys = KeySet::new([key.verifying_key().unwrap()]).unwrap();
    let external = TrustedIssuer::external(URL).audience(URL).keys(keys);
    let built = external.accepted_types(["countersign-feed+jws"]).build();
    assert_eq!(built.unwrap_err(), TrustError::Type);
}
