//! An operator who changes keys and tokens all the time, and tells the oracle what was acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::oracle::{KeySubjects, Oracle};
use super::random::Random;
use super::subject::Expected;
use crate::Outcome;
use crate::http1::{Client, Reconnecting};
use crate::measure::Figures;
use crate::message::{Request, Response};
use crate::server::{Key, text};

/// The time between two changes.
const PERIOD: Duration = Duration::from_millis(200);
/// The time until a change that failed is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// The lifetime of tokens in seconds, and the age at which they are replaced.
const LIFETIME: u64 = 600;
const RENEWAL: Duration = Duration::from_secs(200);

/// Changes keys and tokens.
pub(super) struct Changes {
    oracle: Arc<Oracle>,
    connection: Reconnecting,
    /// Used in turn.
    operators: [Key; 2],
    keys: Vec<Owned>,
    random: Random,
    figures: Figures,
}

/// A key with its state.
struct Owned {
    key: Key,
    suspended: bool,
    token: Option<String>,
}

impl Changes {
    pub(super) fn new(address: SocketAddr, operators: [Key; 2], oracle: Arc<Oracle>) -> Self {
        Self {
            oracle,
            connection: Reconnecting::new(Client::at(address, [127, 0, 0, 4].into())),
            operators,
            keys: Vec::new(),
            random: Random::new(u32::MAX - 1),
            figures: Figures::default(),
        }
    }

    /// Creates all keys with a token each.
    pub(super) async fn create_all(&mut self) -> Outcome<()> {
        let oracle = Arc::clone(&self.oracle);
        for subjects in &oracle.keys {
            let mut owned = Owned {
                key: self.create().await?,
                suspended: false,
                token: None,
            };
            present(subjects, &owned.key);
            self.renew(subjects, &mut owned).await?;
            self.keys.push(owned);
        }
        Ok(())
    }

    /// Makes changes until `end`; returns the responses to them.
    pub(super) async fn run(mut self, end: Instant) -> Figures {
        let oracle = Arc::clone(&self.oracle);
        while Instant::now() < end {
            let index = self.random.below(oracle.keys.len());
            if let Some(subjects) = oracle.keys.get(index) {
                let mut owned = self.keys.swap_remove(index);
                // A change is tried until it is acknowledged, or the time is over.
                let ended = timeout_at(end, self.change(subjects, &mut owned)).await;
                if let Ok(Err(error)) = ended {
                    eprintln!("a change failed: {error}");
                }
                self.keys.push(owned);
                let last = self.keys.len() - 1;
                self.keys.swap(index, last);
            }
            sleep(PERIOD).await;
        }
        self.figures
    }

    async fn change(&mut self, subjects: &KeySubjects, owned: &mut Owned) -> Outcome<()> {
        let old = subjects.token.presented().since.elapsed() > RENEWAL;
        // With a wrong clock, a new token would be rejected later.
        let may_renew = !owned.suspended && self.oracle.right_clock().is_some();
        match self.random.below(10) {
            _ if may_renew && (old || owned.token.is_none()) => self.renew(subjects, owned).await,
            0..4 if owned.suspended => self.activate(subjects, owned).await,
            0..4 => self.suspend(subjects, owned).await,
            4..7 => self.revoke_token(subjects, owned).await,
            7..9 => self.rotate(subjects, owned).await,
            _ => self.replace(subjects, owned).await,
        }
    }

    async fn suspend(&mut self, subjects: &KeySubjects, owned: &mut Owned) -> Outcome<()> {
        change(subjects);
        subjects.token.change();
        self.post(&owned.key, "suspend", &json!({})).await?;
        owned.suspended = true;
        expect(subjects, Expected::Rejected, "suspended");
        self.token_ends("suspended", subjects, owned);
        Ok(())
    }

    async fn activate(&mut self, subjects: &KeySubjects, owned: &mut Owned) -> Outcome<()> {
        change(subjects);
        self.post(&owned.key, "activate", &json!({})).await?;
        owned.suspended = false;
        expect(subjects, Expected::Accepted, "activated");
        Ok(())
    }

    /// Rotates a key as compromised, which also ends its token.
    async fn rotate(&mut self, subjects: &KeySubjects, owned: &mut Owned) -> Outcome<()> {
        change(subjects);
        subjects.token.change();
        let body = json!({ "compromised": true });
        let rotated = self.post(&owned.key, "rotate", &body).await?;
        self.revoked("rotated key", subjects);
        owned.key = Key::from_json(&rotated)?;
        present(subjects, &owned.key);
        if owned.suspended {
            expect(subjects, Expected::Rejected, "rotated while suspended");
        }
        self.token_ends("rotated", subjects, owned);
        Ok(())
    }

    /// Revokes and deletes a key, and creates another one.
    async fn replace(&mut self, subjects: &KeySubjects, owned: &mut Owned) -> Outcome<()> {
        change(subjects);
        subjects.token.change();
        self.post(&owned.key, "revoke", &json!({})).await?;
        self.revoked("revoked key", subjects);
        self.token_ends("key revoked", subjects, owned);
        let path = format!("/admin/v1/keys/{}", owned.key.id);
        self.until_acknowledged(&[204, 404], |operator| {
            Request::new("DELETE", &path).header("x-api-key", operator)
        })
        .await?;
        owned.key = self.create().await?;
        owned.suspended = false;
        present(subjects, &owned.key);
        Ok(())
    }

    async fn revoke_token(&mut self, subjects: &KeySubjects, owned: &mut Owned) -> Outcome<()> {
        let Some(token) = owned.token.clone().filter(|_| !owned.suspended) else {
            return Ok(());
        };
        subjects.token.change();
        let (key, clock) = (owned.key.key.clone(), self.oracle.right_clock());
        self.until_acknowledged(&[200], |_| {
            let revoke = Request::post("/oauth/revoke").header("x-api-key", &key);
            revoke.form(&format!("token={token}"))
        })
        .await?;
        let right = clock.is_some() && clock == self.oracle.right_clock();
        let cause = if right {
            "revoked"
        } else {
            "revoked with a wrong clock"
        };
        self.token_ends(cause, subjects, owned);
        Ok(())
    }

    /// Mints a new token. The old one stays valid, and is not presented any more.
    async fn renew(&mut self, subjects: &KeySubjects, owned: &mut Owned) -> Outcome<()> {
        let key = owned.key.key.clone();
        let clock = self.oracle.right_clock();
        let minted = self
            .until_acknowledged(&[200], |_| {
                let mint = Request::post("/auth/token").header("x-api-key", &key);
                mint.json(&json!({ "expireAfter": LIFETIME }))
            })
            .await?
            .json()?;
        if clock.is_none() || clock != self.oracle.right_clock() {
            return Ok(());
        }
        let token = text(minted.get("data").ok_or("no data")?, "access_token")?;
        subjects
            .token
            .replace(Request::get("/whoami").bearer(&token));
        owned.token = Some(token);
        Ok(())
    }

    /// Records that the token, if there is one, is rejected for good.
    fn token_ends(&self, cause: &'static str, subjects: &KeySubjects, owned: &mut Owned) {
        subjects.token.expect(Expected::Rejected, cause);
        if owned.token.take().is_some() {
            self.oracle
                .revoke(cause, subjects.token.presented().request);
        }
    }

    /// Records that the key as it is presented now is rejected for good.
    fn revoked(&self, kind: &'static str, subjects: &KeySubjects) {
        for subject in subjects.of_key() {
            self.oracle.revoke(kind, subject.presented().request);
        }
    }

    async fn create(&mut self) -> Outcome<Key> {
        let body = json!({ "name": "soak", "scopes": ["calls:read"] });
        let created = self
            .until_acknowledged(&[201], |operator| {
                let create = Request::post("/admin/v1/keys").header("x-api-key", operator);
                create.json(&body)
            })
            .await?;
        Key::from_json(&created.json()?)
    }

    async fn post(&mut self, key: &Key, action: &str, body: &Value) -> Outcome<Value> {
        let path = format!("/admin/v1/keys/{}/{action}", key.id);
        let response = self
            .until_acknowledged(&[200], |operator| {
                Request::post(&path)
                    .header("x-api-key", operator)
                    .json(body)
            })
            .await?;
        response.json()
    }

    /// Sends a request again and again until it has one of these statuses.
    async fn until_acknowledged(
        &mut self,
        statuses: &[u16],
        request: impl Fn(&str) -> Request,
    ) -> Outcome<Response> {
        loop {
            self.operators.reverse();
            let [operator, _] = &self.operators;
            let request = request(&operator.key);
            let begun = Instant::now();
            let result = self.connection.send(&request).await;
            self.figures.add(&result, begun.elapsed());
            match result {
                Ok(response) if statuses.contains(&response.status) => return Ok(response),
                Ok(response) if response.status < 500 && response.status != 429 => {
                    return Err(format!("{} of {request:?}", response.description()).into());
                }
                _ => sleep(RETRY).await,
            }
        }
    }
}

/// Presents a new key from now on.
fn present(subjects: &KeySubjects, key: &Key) {
    let whoami = Request::get("/whoami");
    subjects
        .key
        .replace(whoami.clone().header("x-api-key", &key.key));
    subjects.pair.replace(whoami.basic(&key.id, &key.secret));
    let mint = Request::post("/auth/token").header("x-api-key", &key.key);
    subjects.mint.replace(mint);
}

/// Records that a change of a key was requested.
fn change(subjects: &KeySubjects) {
    for subject in subjects.of_key() {
        subject.change();
    }
}

fn expect(subjects: &KeySubjects, expected: Expected, cause: &'static str) {
    for subject in subjects.of_key() {
        subject.expect(expected, cause);
    }
}
