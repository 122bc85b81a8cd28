//! A model of credentials and tokens: the same rules, implemented a second time in the simplest way, without any code
//! of the library.

/// The scopes of keys in these tests, each with the indices of the scopes that it contains.
pub(crate) const SCOPES: [(&str, &[usize]); 5] = [
    ("*", &[0, 1, 2, 3, 4]),
    ("a:*", &[1, 2, 3]),
    ("a:read a:write", &[2, 3]),
    ("a:read", &[3]),
    ("b:*", &[4]),
];

/// How far the clocks of an issuer and a verifier may differ, in seconds.
const LEEWAY: u64 = 2;
/// The lifetime of tokens in seconds; a token expires earlier if its key does.
const LIFETIME: u64 = 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    NotFound,
    Conflict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Suspend,
    Activate,
    Revoke,
    Delete,
    Scopes(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    Grace(u64),
    Compromised,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Suspended,
    Revoked,
    Deleted,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    revoked: bool,
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    account: usize,
    state: State,
    scopes: usize,
    expires_at: Option<u64>,
    /// Every secret of the key, with the time at which it stops working; the last one is the current one.
    pub(crate) secrets: Vec<(String, Option<u64>)>,
    /// Is incremented whenever the tokens of the key become invalid.
    generation: u32,
}

#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    key: usize,
    generation: u32,
    expires_at: u64,
    pub(crate) denied: bool,
}

/// All accounts, keys and tokens. Times are in seconds since the start of the test.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Vec<Key>,
    pub(crate) tokens: Vec<Token>,
}

impl Model {
    pub(crate) fn add_account(&mut self, id: String) {
        self.accounts.push(Account { id, revoked: false });
    }

    pub(crate) fn revoke_account(&mut self, account: usize) -> Outcome {
        self.accounts[account].revoked = true;
        Outcome::Done
    }

    /// Creating a key in a revoked account is a conflict.
    pub(crate) fn create_key(&self, account: usize) -> Outcome {
        if self.accounts[account].revoked {
            Outcome::Conflict
        } else {
            Outcome::Done
        }
    }

    pub(crate) fn add_key(
        &mut self,
        (id, secret): (String, String),
        account: usize,
        scopes: usize,
        expires_in: Option<u64>,
    ) {
        self.keys.push(Key {
            id,
            account,
            state: State::Active,
            scopes,
            expires_at: expires_in.map(|seconds| self.now + seconds),
            secrets: vec![(secret, None)],
            generation: 0,
        });
    }

    pub(crate) fn change(&mut self, key: usize, change: Change) -> Outcome {
        let key = &mut self.keys[key];
        let narrower = |scopes: usize| !SCOPES[scopes].1.contains(&key.scopes);
        match (key.state, change) {
            (State::Deleted, _) => return Outcome::NotFound,
            (State::Revoked, Change::Revoke)
            | (State::Active, Change::Activate)
            | (State::Suspended, Change::Suspend) => {}
            (State::Revoked, Change::Delete) => key.state = State::Deleted,
            (State::Revoked, _) | (_, Change::Delete) => return Outcome::Conflict,
            (State::Active, Change::Suspend) => {
                (key.state, key.generation) = (State::Suspended, key.generation + 1)
            }
            (State::Suspended, Change::Activate) => key.state = State::Active,
            (_, Change::Revoke) => {
                (key.state, key.generation) = (State::Revoked, key.generation + 1)
            }
            (_, Change::Scopes(scopes)) => {
                key.generation += u32::from(narrower(scopes));
                key.scopes = scopes;
            }
        }
        Outcome::Done
    }

    pub(crate) fn rotate(&self, key: usize, rotation: Rotation) -> Outcome {
        let key = &self.keys[key];
        let two_valid = key
            .secrets
            .iter()
            .filter(|(_, until)| self.before(*until))
            .count()
            > 1;
        match (key.state, rotation) {
            (State::Deleted, _) => Outcome::NotFound,
            (State::Revoked, _) => Outcome::Conflict,
            (_, Rotation::Grace(1..)) if two_valid => Outcome::Conflict,
            _ => Outcome::Done,
        }
    }

    pub(crate) fn add_secret(&mut self, key: usize, secret: String, rotation: Rotation) {
        let (now, key) = (self.now, &mut self.keys[key]);
        let grace = match rotation {
            Rotation::Grace(seconds) => seconds,
            Rotation::Compromised => {
                key.generation += 1;
                0
            }
        };
        let (last, older) = key.secrets.split_last_mut().unwrap();
        last.1 = Some(now + grace);
        if grace == 0 {
            older
                .iter_mut()
                .for_each(|old| old.1 = Some(now.min(old.1.unwrap())));
        }
        key.secrets.push((secret, None));
    }

    /// Whether a key's current secret gets a token.
    pub(crate) fn mints(&self, key: usize) -> bool {
        self.is_key_valid(&self.keys[key])
    }

    pub(crate) fn add_token(&mut self, key: usize, text: String) {
        let from = &self.keys[key];
        let expires_at = from.expires_at.unwrap_or(u64::MAX).min(self.now + LIFETIME);
        self.tokens.push(Token {
            text,
            key,
            generation: from.generation,
            expires_at,
            denied: false,
        });
    }

    /// Returns every secret that was ever issued, and whether it is valid now.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, bool)> {
        self.keys.iter().flat_map(move |key| {
            let key_valid = self.is_key_valid(key);
            key.secrets
                .iter()
                .map(move |(secret, until)| (&**secret, key_valid && self.before(*until)))
        })
    }

    /// Returns every token that was ever minted, and whether it is valid now.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&str, bool)> {
        self.tokens.iter().map(|token| {
            let key = &self.keys[token.key];
            let valid = !token.denied
                && self.now < token.expires_at + LEEWAY
                && token.generation == key.generation
                && !self.accounts[key.account].revoked;
            (&*token.text, valid)
        })
    }

    fn is_key_valid(&self, key: &Key) -> bool {
        key.state == State::Active
            && self.before(key.expires_at)
            && !self.accounts[key.account].revoked
    }

    fn before(&self, time: Option<u64>) -> bool {
        time.is_none_or(|time| self.now < time)
    }
}
