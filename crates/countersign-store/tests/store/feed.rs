//! What verifiers without the database learn, and receipts that count them.

use std::sync::Arc;
use std::time::Duration;

use countersign::Id;
use countersign::directory::{Denial, Status};
use countersign::registry::{Change, Owner, Registry as _};
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_store::{
    FeedContents, FeedCursor, FeedVerifier, Incomplete, KeyFilter, Store, StoreError,
};
use futures_util::FutureExt as _;

use crate::support::{ManualBootClock, REVOKE, TestFolder, new_key, new_user, operator};

const SECOND: Duration = Duration::from_secs(1);
/// More than the lease of a node.
const LEASE: Duration = Duration::from_secs(31);
/// More than the bound for 5 s.
const BOUND: Duration = Duration::from_millis(5003);

struct Machine {
    folder: TestFolder,
    clock: FixedClock,
    boot_clock: ManualBootClock,
}

impl Machine {
    fn new() -> Self {
        Self {
            folder: TestFolder::new(),
            clock: FixedClock::at(Timestamp::from_unix_seconds(1_800_000_000)),
            boot_clock: ManualBootClock::default(),
        }
    }

    async fn open(&self) -> Store {
        let mut options = self.folder.options();
        options.clock = Arc::new(self.clock.clone());
        options.boot_clock = Arc::new(self.boot_clock.clone());
        Store::open(options).await.unwrap()
    }

    fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
        self.boot_clock.advance(duration);
    }
}

fn verifier(id: u8) -> FeedVerifier {
    FeedVerifier {
        id: Id::from_bytes([id; 20]),
        credential: Id::from_bytes([200; 20]),
        max_staleness: 5 * SECOND,
        cursor: None,
        keys: None,
    }
}

fn verifier_of_keys(account: Option<Id>, max: usize) -> FeedVerifier {
    FeedVerifier {
        keys: Some(KeyFilter {
            issuer: "default".into(),
            account,
            is_sandbox: false,
            max,
        }),
        ..verifier(1)
    }
}

fn keys(contents: &FeedContents) -> Vec<(Id, Status)> {
    let keys = &contents.keys.as_ref().unwrap().keys;
    keys.iter().map(|key| (key.id, key.status)).collect()
}

/// Asks as the server does for a verifier, which applies the answer.
async fn ask(store: &Store, verifier: &mut FeedVerifier) -> FeedContents {
    store.register_verifier(verifier).await.unwrap();
    let contents = store.answer_verifier(verifier).await.unwrap();
    verifier.cursor = Some(FeedCursor {
        history: Arc::clone(&contents.history),
        applied: contents.head,
    });
    contents
}

async fn create(store: &Store) -> Id {
    let created = store.create_key(&operator(), new_key("ci")).await.unwrap();
    created.record.id
}

async fn revoke(store: &Store, id: Id) {
    store.change(&operator(), id, REVOKE).await.unwrap();
}

fn denies(contents: &FeedContents, id: Id) -> bool {
    let is_of = |denial: &Denial| matches!(denial, Denial::Below { entity, .. } if *entity == id);
    contents.denials.iter().any(is_of)
}

#[tokio::test]
async fn verifier_learns_the_whole_state_first_and_then_what_changes() {
    let machine = Machine::new();
    let store = machine.open().await;
    let (before, after) = (create(&store).await, create(&store).await);
    revoke(&store, before).await;
    let mut verifier = verifier(1);
    let whole = ask(&store, &mut verifier).await;
    assert_eq!((whole.after, whole.age), (None, Duration::ZERO));
    assert!(denies(&whole, before) && !denies(&whole, after));

    let nothing = ask(&store, &mut verifier).await;
    assert_eq!(
        (nothing.after, nothing.denials.len()),
        (Some(whole.head), 0)
    );
    revoke(&store, after).await;
    let changes = ask(&store, &mut verifier).await;
    assert_eq!(changes.after, Some(nothing.head));
    assert!(changes.head > nothing.head);
    assert!(denies(&changes, after) && !denies(&changes, before));
}

#[tokio::test]
async fn age_is_that_of_the_last_comparison_with_the_database() {
    let machine = Machine::new();
    let store = machine.open().await;
    let mut verifier = verifier(1);
    ask(&store, &mut verifier).await;
    machine.pass(3 * SECOND);
    assert_eq!(ask(&store, &mut verifier).await.age, 3 * SECOND);
    store.catch_up().await.unwrap();
    assert_eq!(ask(&store, &mut verifier).await.age, Duration::ZERO);
}

#[tokio::test]
async fn receipt_is_complete_after_a_verifier_has_acknowledged_the_change() {
    let machine = Machine::new();
    let store = machine.open().await;
    let id = create(&store).await;
    let mut verifier = verifier(1);
    ask(&store, &mut verifier).await;
    revoke(&store, id).await;
    store.acknowledge().await.unwrap();
    let receipt = store.wait_for_nodes(Duration::ZERO).await;
    assert_eq!((receipt.nodes, receipt.applied), (2, 1));
    let Some(Incomplete::NotAcknowledged(names)) = receipt.incomplete else {
        panic!("{:?}", receipt.incomplete)
    };
    assert_eq!(names, [format!("verifier of {}", verifier.credential)]);

    // The answer alone is no acknowledgement: it may be lost.
    ask(&store, &mut verifier).await;
    store.acknowledge().await.unwrap();
    assert!(!store.wait_for_nodes(Duration::ZERO).await.is_complete());
    ask(&store, &mut verifier).await;
    store.acknowledge().await.unwrap();
    let receipt = store.wait_for_nodes(Duration::ZERO).await;
    assert!(receipt.is_complete(), "{receipt:?}");
    assert_eq!((receipt.nodes, receipt.applied), (2, 2));
}

#[tokio::test]
async fn verifier_that_asks_another_process_acknowledges_there() {
    let machine = Machine::new();
    let (here, there) = (machine.open().await, machine.open().await);
    let id = create(&here).await;
    let mut verifier = verifier(1);
    there.catch_up().await.unwrap();
    ask(&there, &mut verifier).await;
    revoke(&here, id).await;
    let changes = ask(&here, &mut verifier).await;
    assert!(changes.after.is_some() && denies(&changes, id));
    ask(&here, &mut verifier).await;
    for store in [&here, &there] {
        store.catch_up().await.unwrap();
        store.acknowledge().await.unwrap();
    }
    let receipt = here.wait_for_nodes(Duration::ZERO).await;
    assert_eq!((receipt.nodes, receipt.applied), (3, 3));
}

#[tokio::test]
async fn verifier_that_was_taken_for_dead_is_registered_again_before_it_is_answered() {
    let machine = Machine::new();
    let store = machine.open().await;
    let mut verifier = verifier(1);
    ask(&store, &mut verifier).await;
    machine.pass(LEASE);
    store.catch_up().await.unwrap();
    store.acknowledge().await.unwrap();
    let state = async || {
        let nodes = store.list_nodes().await.unwrap().nodes;
        let row = nodes.into_iter().find(|node| node.id == verifier.id);
        row.map(|row| row.is_leaving)
    };
    assert_eq!(state().await, Some(false));
    machine.pass(2 * LEASE);
    store.catch_up().await.unwrap();
    store.maintain().await.unwrap();
    assert_eq!(state().await, Some(true));
    machine.pass(BOUND);
    store.catch_up().await.unwrap();
    store.maintain().await.unwrap();
    assert_eq!(state().await, None);
    let again = ask(&store, &mut verifier).await;
    assert!(again.after.is_some());
    let nodes = store.list_nodes().await.unwrap().nodes;
    assert!(
        nodes
            .iter()
            .any(|node| node.id == verifier.id && !node.is_leaving)
    );
}

#[tokio::test]
async fn waiting_ends_with_the_next_change() {
    let machine = Machine::new();
    let store = machine.open().await;
    let id = create(&store).await;
    let mut verifier = verifier(1);
    ask(&store, &mut verifier).await;
    let cursor = verifier.cursor.clone().unwrap();
    let mut waiting = Box::pin(store.wait_for_change(&cursor));
    assert!(waiting.as_mut().now_or_never().is_none());
    revoke(&store, id).await;
    assert!(waiting.as_mut().now_or_never().is_some());
}

#[tokio::test]
async fn verifiers_of_one_credential_are_limited() {
    let machine = Machine::new();
    let store = machine.open().await;
    for number in 0..100 {
        store.register_verifier(&verifier(number)).await.unwrap();
    }
    let rejected = store.register_verifier(&verifier(100)).await;
    assert!(matches!(rejected, Err(StoreError::TooManyVerifiers)));
}

#[tokio::test]
async fn keys_of_the_feed_are_the_same_everywhere_and_those_of_no_issuer() {
    let machine = Machine::new();
    let (here, there) = (machine.open().await, machine.open().await);
    let keys = here.feed_keys().await.unwrap().jwks();
    assert_eq!(there.feed_keys().await.unwrap().jwks(), keys);
    assert_eq!(here.issuers().await.unwrap(), ["default"]);
    assert!(here.ensure_issuer(Store::FEED).await.is_err());
    let tokens = here.signing_keys("default", None).await.unwrap().jwks();
    assert_ne!(tokens, keys);
    assert_eq!(here.cluster(), there.cluster());
}

#[tokio::test]
async fn verifier_of_keys_learns_all_of_them_first_and_then_those_that_change() {
    let machine = Machine::new();
    let store = machine.open().await;
    let (first, second) = (create(&store).await, create(&store).await);
    let of_other = new_key("other").issuers("other".parse().unwrap());
    store.create_key(&operator(), of_other).await.unwrap();
    let caller = operator();
    let user = store.create_user(&caller, new_user("ada"));
    user.await.unwrap();
    let mut verifier = verifier_of_keys(None, 10);
    let whole = ask(&store, &mut verifier).await;
    let mut known = keys(&whole);
    known.sort_by_key(|(id, _)| *id);
    let mut expected = [(first, Status::Active), (second, Status::Active)];
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(known, expected);
    let contents = whole.keys.unwrap();
    let versions: Vec<_> = contents
        .peppers
        .iter()
        .map(|pepper| pepper.version())
        .collect();
    assert_eq!(
        (versions, contents.removed, contents.accounts),
        (vec![1], vec![], vec![])
    );

    let nothing = ask(&store, &mut verifier).await;
    assert!(keys(&nothing).is_empty());
    assert!(nothing.keys.unwrap().peppers.is_empty());
    revoke(&store, first).await;
    let revoked = ask(&store, &mut verifier).await;
    assert_eq!(keys(&revoked), [(first, Status::Revoked)]);
    store
        .change(&operator(), first, Change::Delete)
        .await
        .unwrap();
    store.rotate_pepper(&operator()).await.unwrap();
    let third = create(&store).await;
    let changes = ask(&store, &mut verifier).await;
    assert_eq!(keys(&changes), [(third, Status::Active)]);
    let changes = changes.keys.unwrap();
    assert_eq!(changes.removed, [first]);
    let versions: Vec<_> = changes
        .peppers
        .iter()
        .map(|pepper| pepper.version())
        .collect();
    assert_eq!(versions, [2]);
}

#[tokio::test]
async fn verifier_of_one_account_learns_its_keys_and_its_revocation() {
    let machine = Machine::new();
    let store = machine.open().await;
    create(&store).await;
    let caller = operator();
    let account = store.create_account(&caller, "acme".to_owned());
    let account = account.await.unwrap().id;
    let owner = Owner {
        account: Some(account),
        environment: None,
    };
    let key = store.create_key(&caller, new_key("tenant").owner(owner));
    let key = key.await.unwrap().record.id;
    let mut verifier = verifier_of_keys(Some(account), 1);
    assert_eq!(
        keys(&ask(&store, &mut verifier).await),
        [(key, Status::Active)]
    );
    create(&store).await;
    assert!(keys(&ask(&store, &mut verifier).await).is_empty());
    store.revoke_account(&operator(), account).await.unwrap();
    let revoked = ask(&store, &mut verifier).await.keys.unwrap();
    let states: Vec<_> = revoked
        .accounts
        .iter()
        .map(|(id, _, status)| (*id, *status))
        .collect();
    assert_eq!(states, [(account, Status::Revoked)]);
}

#[tokio::test]
async fn more_keys_than_a_verifier_may_learn_are_an_error() {
    let machine = Machine::new();
    let store = machine.open().await;
    create(&store).await;
    create(&store).await;
    let mut verifier = verifier_of_keys(None, 2);
    assert_eq!(keys(&ask(&store, &mut verifier).await).len(), 2);
    let verifier = verifier_of_keys(None, 1);
    store.register_verifier(&verifier).await.unwrap();
    let refused = store.answer_verifier(&verifier).await;
    assert!(matches!(refused, Err(StoreError::TooManyKeys(1))));
}
