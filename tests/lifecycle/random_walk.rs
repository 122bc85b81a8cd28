//! A random walk: the same operations on the model and on a [`Subject`], which are compared after every operation.

use countersign_tests::xorshift::XorShift;

use crate::model::{Change, Model, Outcome, Rotation, SCOPES};

/// A new key as its creator receives it: the id, and the string to present.
pub(crate) type Issued = (String, String);

/// An implementation that is compared with the model.
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
    /// Advances the clock; returns `false` if the subject uses the system clock.
    fn advance(&mut self, seconds: u64) -> bool;
    /// Restarts and runs maintenance, if the subject can.
    fn restart(&mut self) {}
    /// Waits until the last change is visible.
    fn settle(&mut self, _model: &Model) {}
}

/// Performs `steps` random operations and compares subject and model after each.
pub(crate) fn walk(subject: &mut dyn Subject, seed: u64, steps: usize) {
    let mut random = XorShift::new(seed);
    let mut model = Model::default();
    for _ in 0..2 {
        model.add_account(subject.create_account());
    }
    for step in 0..steps {
        let operation = take_step(subject, &mut model, &mut random);
        let context = format!("seed {seed}, step {step}: {operation}");
        subject.settle(&model);
        for (secret, valid) in model.secrets() {
            let id = &secret[3..35];
            assert_eq!(
                subject.accepts_key(secret),
                valid,
                "{context}: key {id}\n{model:#?}"
            );
        }
        for (n, (token, valid)) in model.tokens().enumerate() {
            assert_eq!(
                subject.accepts_token(token),
                valid,
                "{context}: token {n}\n{model:#?}"
            );
        }
    }
}

/// Performs one operation; returns its description.
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
            format!("revoke account {account}")
        }
        29 if random.below(4) == 0 => {
            subject.restart();
            "restart".to_owned()
        }
        _ => {
            let seconds = *random.choose(&[1, 59, 60, 600, 3599]);
            model.now += if subject.advance(seconds) { seconds } else { 0 };
            format!("advance by {seconds} s")
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
    let created = subject.create_key(&id, SCOPES[scopes].0, expires_in);
    let outcome = created
        .as_ref()
        .map_or_else(|outcome| *outcome, |_| Outcome::Done);
    let operation = format!("create a key of account {account}");
    assert_eq!(outcome, model.create_key(account), "{operation}");
    if let Ok(issued) = created {
        model.add_key(issued, account, scopes, expires_in);
    }
    operation
}

fn change(subject: &mut dyn Subject, model: &mut Model, key: usize, change: Change) -> String {
    let operation = format!("{change:?} of key {key}");
    let id = model.keys[key].id.clone();
    assert_eq!(
        subject.change(&id, change),
        model.change(key, change),
        "{operation}"
    );
    operation
}

fn rotate(subject: &mut dyn Subject, model: &mut Model, key: usize, rotation: Rotation) -> String {
    let operation = format!("{rotation:?} of key {key}");
    let id = model.keys[key].id.clone();
    let created = subject.rotate(&id, rotation);
    let outcome = created
        .as_ref()
        .map_or_else(|outcome| *outcome, |_| Outcome::Done);
    assert_eq!(outcome, model.rotate(key, rotation), "{operation}");
    if let Ok((same, secret)) = created {
        assert_eq!(same, id, "{operation}: the id changed");
        model.add_secret(key, secret, rotation);
    }
    operation
}

fn mint(subject: &mut dyn Subject, model: &mut Model, key: usize) -> String {
    let operation = format!("mint from key {key}");
    let (secret, _) = model.keys[key].secrets.last().unwrap();
    let token = subject.mint(secret);
    assert_eq!(token.is_some(), model.mints(key), "{operation}");
    if let Some(token) = token {
        model.add_token(key, token);
    }
    operation
}

fn deny(subject: &mut dyn Subject, model: &mut Model, random: &mut XorShift) -> String {
    let index = random.below(model.tokens.len());
    let token = &mut model.tokens[index];
    assert_eq!(subject.deny(&token.text), Outcome::Done);
    token.denied = true;
    format!("deny token {index}")
}
