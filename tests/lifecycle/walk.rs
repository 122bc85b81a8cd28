//! A random walk: the same operations on the model and on a subject, compared after every step.

use countersign_tests::xorshift::XorShift;

use crate::model::{Change, Model, Outcome, Rotation, SCOPES};

/// A key as its maker got it: its id, and the whole string that is presented.
pub(crate) type Issued = (String, String);

/// What is held to the model.
pub(crate) trait Subject {
    fn create_account(&mut self) -> String;
    fn revoke_account(&mut self, id: &str) -> Outcome;
    fn create_key(
        &mut self,
        account: &str,
        scopes: &str,
        expires_in: Option<u64>,
    ) -> Result<Issued, Outcome>;
    fn change(&mut self, id: &str, change: Change) -> Outcome;
    fn rotate(&mut self, id: &str, rotation: Rotation) -> Result<Issued, Outcome>;
    fn mint(&mut self, key: &str) -> Option<String>;
    fn deny(&mut self, token: &str) -> Outcome;
    fn accepts_key(&mut self, key: &str) -> bool;
    fn accepts_token(&mut self, token: &str) -> bool;
    /// Lets time pass, if it can.
    fn advance(&mut self, seconds: u64) -> bool;
    /// Ends and begins anew, or looks after itself, if it does either.
    fn restart(&mut self) {}
    /// Waits until what was changed must be seen everywhere.
    fn settle(&mut self, _model: &Model) {}
}

/// Walks `steps` steps, and compares after each.
pub(crate) fn walk(subject: &mut dyn Subject, seed: u64, steps: usize) {
    let mut random = XorShift::new(seed);
    let mut model = Model::default();
    for _ in 0..2 {
        model.account_made(subject.create_account());
    }
    for step in 0..steps {
        let told = take_step(subject, &mut model, &mut random);
        let here = format!("seed {seed}, step {step}: {told}");
        subject.settle(&model);
        for (secret, right) in model.secrets() {
            let id = &secret[3..35];
            assert_eq!(
                subject.accepts_key(secret),
                right,
                "{here}: key {id}\n{model:#?}"
            );
        }
        for (n, (token, accepted)) in model.tokens().enumerate() {
            assert_eq!(
                subject.accepts_token(token),
                accepted,
                "{here}: token {n}\n{model:#?}"
            );
        }
    }
}

fn take_step(subject: &mut dyn Subject, model: &mut Model, random: &mut XorShift) -> String {
    let account = random.below(model.accounts.len());
    if model.keys.is_empty() {
        return create(subject, model, random, account);
    }
    let key = random.below(model.keys.len());
    match random.below(32) {
        0..5 => create(subject, model, random, account),
        5..8 => change(subject, model, key, Change::Suspend),
        8..11 => change(subject, model, key, Change::Activate),
        11 => change(subject, model, key, Change::Revoke),
        12 => change(subject, model, key, Change::Delete),
        13..16 => change(
            subject,
            model,
            key,
            Change::Scopes(random.below(SCOPES.len())),
        ),
        16..19 => rotate(
            subject,
            model,
            key,
            Rotation::Grace(*random.choose(&[0, 60, 3600])),
        ),
        19 => rotate(subject, model, key, Rotation::Compromised),
        20..27 => mint(subject, model, key),
        27 if !model.tokens.is_empty() => deny(subject, model, random),
        28 if random.below(8) == 0 => {
            let expected = model.revoke_account(account);
            let id = model.accounts[account].id.clone();
            assert_eq!(subject.revoke_account(&id), expected);
            format!("account {account} is revoked")
        }
        29 if random.below(4) == 0 => {
            subject.restart();
            "it begins anew".to_owned()
        }
        _ => {
            let seconds = *random.choose(&[1, 59, 60, 600, 3599]);
            model.now += if subject.advance(seconds) { seconds } else { 0 };
            format!("{seconds} s pass")
        }
    }
}

fn create(
    subject: &mut dyn Subject,
    model: &mut Model,
    random: &mut XorShift,
    account: usize,
) -> String {
    let scopes = random.below(SCOPES.len());
    let expires_in = *random.choose(&[None, None, Some(1800), Some(86_400)]);
    let id = model.accounts[account].id.clone();
    let made = subject.create_key(&id, SCOPES[scopes].0, expires_in);
    let outcome = made
        .as_ref()
        .map_or_else(|outcome| *outcome, |_| Outcome::Done);
    let told = format!("a key of account {account} is made");
    assert_eq!(outcome, model.create_key(account), "{told}");
    if let Ok(issued) = made {
        model.key_made(issued, account, scopes, expires_in);
    }
    told
}

fn change(subject: &mut dyn Subject, model: &mut Model, key: usize, change: Change) -> String {
    let told = format!("{change:?} of key {key}");
    let id = model.keys[key].id.clone();
    assert_eq!(
        subject.change(&id, change),
        model.change(key, change),
        "{told}"
    );
    told
}

fn rotate(subject: &mut dyn Subject, model: &mut Model, key: usize, rotation: Rotation) -> String {
    let told = format!("{rotation:?} of key {key}");
    let id = model.keys[key].id.clone();
    let made = subject.rotate(&id, rotation);
    let outcome = made
        .as_ref()
        .map_or_else(|outcome| *outcome, |_| Outcome::Done);
    assert_eq!(outcome, model.rotate(key, rotation), "{told}");
    if let Ok((same, secret)) = made {
        assert_eq!(same, id, "{told}: the id stays");
        model.key_rotated(key, secret, rotation);
    }
    told
}

fn mint(subject: &mut dyn Subject, model: &mut Model, key: usize) -> String {
    let told = format!("key {key} mints");
    let (secret, _) = model.keys[key].secrets.last().unwrap();
    let token = subject.mint(secret);
    assert_eq!(token.is_some(), model.mints(key), "{told}");
    if let Some(token) = token {
        model.token_made(key, token);
    }
    told
}

fn deny(subject: &mut dyn Subject, model: &mut Model, random: &mut XorShift) -> String {
    let index = random.below(model.tokens.len());
    let token = &mut model.tokens[index];
    assert_eq!(subject.deny(&token.text), Outcome::Done);
    token.denied = true;
    format!("token {index} is denied")
}
