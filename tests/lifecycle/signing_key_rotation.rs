//! Signing keys are rotated while tokens are minted and verified.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::Secret;
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, NewKey, Registry as _};
use countersign::testing::FixedClock;
use countersign::time::{Clock as _, Timestamp};
use countersign_store::Store;

use crate::database;
use crate::verifier::Verifier;

const ROTATIONS: usize = 100;
const LEAD: Duration = Duration::from_secs(10);

/// Tokens by the id of the key that signed them.
type Minted = Mutex<HashMap<String, Vec<String>>>;

/// A signing key is published before it signs, and stays in the key set until its tokens have expired. Tokens of a revoked
/// signing key are rejected.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hundred_rotations_under_load_reject_no_token_and_tokens_of_a_revoked_key_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let clock = FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000));
    let mut options = database::options(folder.path());
    options.clock = Arc::new(clock.clone());
    let store = Store::open(options).await.unwrap();
    let ring = store.signing_keys("default", None).await.unwrap();
    let issuer = Issuer::builder("https://auth.example").signing_keys(ring.clone());
    let issuer = issuer.build().unwrap();
    let caller = Caller::operator("test");
    let new = NewKey::new("k", "a:*".parse().unwrap());
    let created = store.create_key(&caller, new).await.unwrap();
    let verifier = Arc::new(Verifier::new(
        &issuer,
        store.directory(),
        store.peppers(),
        &clock,
    ));
    let mint = Mint::new(issuer, clock.clone(), SystemRandom);

    let minted = Arc::new(Minted::default());
    let done = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (verifier, mint, key) = (
                Arc::clone(&verifier),
                mint.clone(),
                created.issued.key.clone(),
            );
            let (minted, done) = (Arc::clone(&minted), Arc::clone(&done));
            tokio::spawn(async move { load(&verifier, &mint, &key, &minted, &done).await })
        })
        .collect();
    for _ in 0..ROTATIONS {
        let before = ring.signing_at(clock.now()).unwrap();
        store
            .rotate_signing_key(&caller, "default", None, LEAD)
            .await
            .unwrap();
        clock.advance(LEAD);
        assert_ne!(ring.signing_at(clock.now()).unwrap().id(), before.id());
        store.maintain().await.unwrap();
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.await.unwrap();
    }

    let minted = minted.lock().unwrap().clone();
    assert!(
        minted.len() > ROTATIONS / 2,
        "only {} keys have signed",
        minted.len()
    );
    for token in minted.values().flatten() {
        assert!(verifier.accepts_token(token).await);
    }
    // Revokes the key that signs and one that was rotated out.
    let active = ring.signing_at(clock.now()).unwrap().id().to_owned();
    let retired = minted.keys().find(|kid| **kid != active).unwrap().clone();
    for revoked in [&active, &retired] {
        store
            .revoke_signing_key(&caller, "default", revoked)
            .await
            .unwrap();
    }
    for (kid, tokens) in &minted {
        let accepted = ![&active, &retired].contains(&kid);
        for token in tokens {
            assert_eq!(verifier.accepts_token(token).await, accepted);
        }
    }
    let principal = verifier.principal(&created.issued.key).await.unwrap();
    let next = mint
        .mint(&MintRequest::new(principal, MintParameters::default()))
        .unwrap();
    assert!(verifier.accepts_token(next.token.expose()).await);
}

/// Mints tokens; verifies each at once, and the first token of the same key again.
async fn load(verifier: &Verifier, mint: &Mint, key: &Secret, minted: &Minted, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        let principal = verifier.principal(key).await.unwrap();
        let token = mint
            .mint(&MintRequest::new(principal, MintParameters::default()))
            .unwrap();
        let token = token.token.expose().to_owned();
        assert!(
            verifier.accepts_token(&token).await,
            "a new token was rejected"
        );
        let before = {
            let mut minted = minted.lock().unwrap();
            let of_key = minted.entry(kid(&token)).or_default();
            let before = of_key.first().cloned();
            if of_key.len() < 20 {
                of_key.push(token);
            }
            before
        };
        if let Some(before) = before {
            assert!(
                verifier.accepts_token(&before).await,
                "an old token was rejected"
            );
        }
        tokio::task::yield_now().await;
    }
}

fn kid(token: &str) -> String {
    countersign_tests::header(token)["kid"]
        .as_str()
        .unwrap()
        .to_owned()
}
