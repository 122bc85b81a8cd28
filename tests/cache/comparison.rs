//! Random sequences of revocations, rotations and steps of the clock: the verifier with the cache and the one without it give
//! the same result for every token after each of them.

use std::time::Duration;

use countersign::Principal;
use countersign::jose::Algorithm::EdDsa;
use countersign::jose::SigningKey;
use countersign::registry::{Change, Registry as _};
use countersign::rejection::Reason;
use countersign::time::{Clock as _, Timestamp};
use proptest::prelude::*;

use crate::fixture::{Fixture, Key, START, now};

#[derive(Clone, Debug)]
enum Step {
    Mint {
        key: usize,
        seconds: u64,
    },
    MintSession {
        key: usize,
        name: u8,
    },
    MintManaged {
        key: usize,
    },
    Deny {
        token: usize,
    },
    EndSession {
        token: usize,
    },
    Change {
        key: usize,
        change: Kind,
    },
    ChangeManaged {
        token: usize,
        change: Kind,
    },
    RevokeAccount {
        key: usize,
    },
    AddSigningKey,
    WithdrawSigningKeys,
    /// Sets the clock to this many seconds after the start.
    Clock {
        seconds: i64,
    },
    Forge {
        token: usize,
        byte: usize,
    },
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Suspend,
    Activate,
    Revoke,
    Delete,
    Narrow,
    Widen,
}

impl Kind {
    fn change(self) -> Change {
        match self {
            Self::Suspend => Change::Suspend,
            Self::Activate => Change::Activate,
            Self::Revoke => Change::Revoke { reason: None },
            Self::Delete => Change::Delete,
            Self::Narrow => Change::Scopes("calls:read".parse().unwrap()),
            Self::Widen => Change::Scopes("calls:*".parse().unwrap()),
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Suspend),
        4 => Just(Kind::Activate),
        1 => Just(Kind::Revoke),
        1 => Just(Kind::Delete),
        2 => Just(Kind::Narrow),
        2 => Just(Kind::Widen),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..3_usize;
    let token = any::<usize>();
    prop_oneof![
        6 => (key.clone(), prop_oneof![Just(1), Just(60), Just(3600)])
            .prop_map(|(key, seconds)| Step::Mint { key, seconds }),
        2 => (key.clone(), 0..2_u8).prop_map(|(key, name)| Step::MintSession { key, name }),
        2 => key.clone().prop_map(|key| Step::MintManaged { key }),
        2 => token.prop_map(|token| Step::Deny { token }),
        2 => token.prop_map(|token| Step::EndSession { token }),
        3 => (key.clone(), kind()).prop_map(|(key, change)| Step::Change { key, change }),
        3 => (token, kind()).prop_map(|(token, change)| Step::ChangeManaged { token, change }),
        1 => key.prop_map(|key| Step::RevokeAccount { key }),
        2 => Just(Step::AddSigningKey),
        1 => Just(Step::WithdrawSigningKeys),
        4 => prop_oneof![-10..120_i64, 3590..3610_i64].prop_map(|seconds| Step::Clock { seconds }),
        2 => (token, token).prop_map(|(token, byte)| Step::Forge { token, byte }),
    ]
}

struct World {
    fixture: Fixture,
    keys: Vec<Key>,
    tokens: Vec<String>,
    /// The principals of tokens that were accepted once.
    principals: Vec<Principal>,
    managed: Vec<countersign::Id>,
    signing: SigningKey,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::new(EdDsa);
        Self {
            keys: (0..3).map(|_| fixture.key()).collect(),
            signing: fixture.signing.signing_at(START).unwrap(),
            fixture,
            tokens: Vec::new(),
            principals: Vec::new(),
            managed: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        let fixture = &self.fixture;
        match *step {
            Step::Mint { key, seconds } => {
                let lifetime = Duration::from_secs(seconds);
                self.tokens
                    .push(fixture.token_for(&self.keys[key], lifetime));
            }
            Step::MintSession { key, name } => {
                let token = fixture.session_token(&self.keys[key], &name.to_string());
                self.tokens.extend(token);
            }
            Step::MintManaged { key } => {
                if let Some((record, token)) = fixture.managed_token(&self.keys[key]) {
                    self.managed.push(record.id);
                    self.tokens.push(token);
                }
            }
            Step::Deny { token } => {
                if let Some(principal) = pick(&self.principals, token) {
                    // Its account may be revoked.
                    let _ = fixture.deny(principal);
                }
            }
            Step::EndSession { token } => {
                if let Some(principal) = pick(&self.principals, token)
                    && principal.session().is_some()
                {
                    // It may have ended before.
                    let _ = fixture.end_session(principal);
                }
            }
            Step::Change { key, change } => {
                // The state of the key may not permit the change.
                let _ = fixture.change(self.keys[key].record.id, change.change());
            }
            Step::ChangeManaged { token, change } => {
                if let Some(id) = pick(&self.managed, token) {
                    let _ = fixture.change(*id, change.change());
                }
            }
            Step::RevokeAccount { key } => {
                let account = self.keys[key].account.id;
                let _ = now(fixture.registry.revoke_account(&fixture.operator, account));
            }
            Step::AddSigningKey => {
                fixture.rotate_signing_key(Some(self.signing.clone()), EdDsa);
                self.signing = fixture.signing.signing_at(fixture.clock.now()).unwrap();
            }
            Step::WithdrawSigningKeys => {
                fixture.rotate_signing_key(None, EdDsa);
                self.signing = fixture.signing.signing_at(fixture.clock.now()).unwrap();
            }
            Step::Clock { seconds } => {
                let seconds = START.unix_seconds() + seconds;
                fixture.clock.set(Timestamp::from_unix_seconds(seconds));
            }
            Step::Forge { token, byte } => {
                if let Some(valid) = pick(&self.tokens, token) {
                    let mut forged = valid.clone().into_bytes();
                    let index = byte % forged.len();
                    forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
                    self.tokens.push(String::from_utf8(forged).unwrap());
                }
            }
        }
    }

    /// Presents every token to both verifiers.
    fn compare(&mut self) {
        for token in &self.tokens {
            let cached = self.fixture.present(token);
            let uncached = self.fixture.present_uncached(token);
            assert_eq!(
                summary(&cached.result),
                summary(&uncached.result),
                "{token}"
            );
            assert!(cached.signatures <= uncached.signatures);
            if let Ok(principal) = uncached.result {
                let id = principal.token_id().map(str::to_owned);
                if !self
                    .principals
                    .iter()
                    .any(|known| known.token_id() == id.as_deref())
                {
                    self.principals.push(principal);
                }
            }
        }
    }
}

fn pick<T>(list: &[T], index: usize) -> Option<&T> {
    list.get(index.checked_rem(list.len())?)
}

fn summary(result: &Result<Principal, Reason>) -> Result<String, Reason> {
    result.as_ref().map_err(|reason| *reason).map(|principal| {
        let claims: serde_json::Value = principal.claims().unwrap();
        format!(
            "{principal:?} {:?} {:?} {:?} {:?} {} {claims}",
            principal.issuer(),
            principal.token_id(),
            principal.session(),
            principal.expires_at(),
            principal.generation(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn cached_and_uncached_tokens_have_the_same_result_after_every_step(
        steps in proptest::collection::vec(step(), 1..50)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            // Twice, so that tokens are cached and found in the cache before the next step.
            world.compare();
            world.compare();
        }
    }
}
