use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::BoxFuture;
use countersign::feed::{Feed, FeedError, FeedMessage, Refusal};
use countersign::jose::{Algorithm, SigningKey};
use countersign::random::SystemRandom;
use countersign::rejection::Reason;
use countersign::remote::{Fetch, FetchedBody};
use http::{Request, Response};

use crate::issuer::{TestFeedIssuer, URL, credential, failure, id, until, verifier, verify};

/// Lets a verifier follow an issuer until it knows of a revocation, changes the next answer, and returns why it was rejected. What
/// was known before must still be.
async fn rejected(prepare: impl FnOnce(&TestFeedIssuer)) -> FeedError {
    let issuer = TestFeedIssuer::new();
    let feed = issuer.ready().await;
    let (jwt, revoked, other) = (verifier(&feed), issuer.token(id(1)), issuer.token(id(2)));
    issuer.revoke(id(1));
    until(|| feed.status().applied == Some(1)).await;
    prepare(&issuer);
    issuer.revoke(id(2));
    let error = failure(&feed).await;
    assert_eq!(feed.status().applied, Some(1));
    assert_eq!(verify(&jwt, &revoked), Err(Reason::Superseded));
    assert_eq!(verify(&jwt, &other), Ok(()));
    error
}

/// Does the same with an answer that is changed before it is signed.
async fn edited(edit: impl Fn(&mut FeedMessage) + Send + 'static) -> FeedError {
    rejected(|issuer| {
        issuer.edit(move |mut message| {
            edit(&mut message);
            message
        });
    })
    .await
}

/// Does the same with an answer that is changed after it was signed.
async fn forged(edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static) -> FeedError {
    rejected(|issuer| issuer.edit_bytes(edit)).await
}

#[tokio::test(start_paused = true)]
async fn answer_to_another_question_is_rejected() {
    let error = edited(|message| message.nonce = "AAAAAAAAAAAAAAAAAAAAAA".into()).await;
    assert_eq!(error, Refusal::OtherQuestion.into());
    // An earlier answer, which is replayed.
    let recorded = Arc::new(std::sync::Mutex::new(None));
    let replay = move |bytes: Vec<u8>| {
        let mut recorded = recorded.lock().unwrap();
        recorded.get_or_insert(bytes).clone()
    };
    let issuer = TestFeedIssuer::new();
    issuer.edit_bytes(replay);
    let feed = issuer.ready().await;
    issuer.revoke(id(1));
    assert_eq!(failure(&feed).await, Refusal::OtherQuestion.into());
}

#[tokio::test(start_paused = true)]
async fn message_of_another_issuer_is_rejected() {
    let error = edited(|message| message.issuer = "https://auth.example/".into()).await;
    assert_eq!(error, Refusal::OtherIssuer.into());
}

#[tokio::test(start_paused = true)]
async fn message_of_another_database_is_rejected() {
    let error = edited(|message| message.cluster = id(8)).await;
    assert_eq!(error, Refusal::OtherCluster.into());
}

#[tokio::test(start_paused = true)]
async fn older_state_of_the_same_history_is_rejected() {
    let error = edited(|message| {
        (message.after, message.head) = (None, 0);
        message.denials.clear();
    })
    .await;
    assert_eq!(error, Refusal::Older.into());
}

#[tokio::test(start_paused = true)]
async fn changes_that_do_not_continue_what_is_known_are_rejected() {
    for after in [0, 2] {
        let error = edited(move |message| message.after = Some(after)).await;
        assert_eq!(error, Refusal::Gap.into(), "after {after}");
    }
    let error = edited(|message| message.history = "h2".into()).await;
    assert_eq!(error, Refusal::Gap.into(), "changes of another history");
}

#[tokio::test(start_paused = true)]
async fn message_that_was_cut_or_changed_is_rejected() {
    let error = forged(|mut bytes| {
        bytes.truncate(bytes.len() - 10);
        bytes
    });
    assert_eq!(error.await, Refusal::Truncated.into());
    let without_records = |bytes: Vec<u8>| {
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        bytes[..=end].to_vec()
    };
    assert_eq!(forged(without_records).await, Refusal::Truncated.into());
    let without_end = |bytes: Vec<u8>| {
        let end = bytes.iter().position(|b| *b == b'\n').unwrap();
        bytes[..end].to_vec()
    };
    assert_eq!(forged(without_end).await, Refusal::Malformed.into());
    let changed_record = |mut bytes: Vec<u8>| {
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        bytes
    };
    assert_eq!(forged(changed_record).await, Refusal::Truncated.into());
    let more = |bytes: Vec<u8>| [&bytes[..], b"r 081040g2081040g2081040g2081040g2\n"].concat();
    assert_eq!(forged(more).await, Refusal::Truncated.into());
    assert_eq!(forged(|_| Vec::new()).await, Refusal::Malformed.into());
    assert_eq!(
        forged(|_| vec![b'a'; 1 << 20]).await,
        Refusal::Malformed.into()
    );
}

#[tokio::test(start_paused = true)]
async fn message_with_another_signature_is_rejected() {
    let other_signature = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let (head, records) = text.split_once('\n').unwrap();
        let (signed, signature) = head.rsplit_once('.').unwrap();
        let swapped = if signature.starts_with('A') { "B" } else { "A" };
        format!("{signed}.{swapped}{}\n{records}", &signature[1..]).into_bytes()
    };
    assert_eq!(forged(other_signature).await, Refusal::Signature.into());
}

#[tokio::test(start_paused = true)]
async fn message_signed_with_a_key_that_is_not_one_of_the_feed_is_rejected() {
    let issuer = TestFeedIssuer::new();
    issuer.publish(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap());
    let feed = issuer.connect();
    assert_eq!(failure(&feed).await, Refusal::UnknownKey.into());
    assert!(!feed.is_ready());
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_no_key_set_are_rejected() {
    let error = edited(|message| message.jwks = "[]".into()).await;
    assert_eq!(error, Refusal::Keys.into());
}

/// An issuer that answers with as many bytes as are read, up to a gibibyte.
#[derive(Clone, Default)]
struct Endless(Arc<AtomicUsize>);

const CHUNK: usize = 64 * 1024;

impl Fetch for Endless {
    fn send<'a>(
        &'a self,
        _: Request<Vec<u8>>,
        body: &'a mut FetchedBody,
    ) -> BoxFuture<'a, Result<Response<()>, Box<dyn Error + Send + Sync>>> {
        Box::pin(async move {
            self.0.store(0, Ordering::SeqCst);
            for _ in 0..(1 << 30) / CHUNK {
                self.0.fetch_add(CHUNK, Ordering::SeqCst);
                body.push(&[b'a'; CHUNK])?;
            }
            Ok(Response::new(()))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn message_of_a_gibibyte_is_rejected_after_the_longest_one_that_is_read() {
    let endless = Endless::default();
    let feed = Feed::builder(URL)
        .client(endless.clone())
        .max_bytes(1 << 20);
    let feed = feed.connect(&credential()).unwrap();
    assert_eq!(failure(&feed).await, Refusal::TooLong.into());
    assert!(endless.0.load(Ordering::SeqCst) <= (1 << 20) + CHUNK);
}
