//! The workers, which change keys until they are stopped, and record acknowledged changes in the model.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use countersign_tests::xorshift::XorShift;
use serde_json::{Value, json};

use super::model::{Draft, Key, Model, Slot, State, Token};
use super::operation::{self, Operation, SCOPES};
use super::program::Ended;
use super::{Client, Program, Violation};

/// The shared state of all workers of a round.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) program: &'a Program,
    /// The address of the server, and the key of an administrator for changes over HTTP.
    pub(super) server: Option<(SocketAddr, Option<&'a str>)>,
    pub(super) model: Mutex<&'a mut Model>,
    pub(super) stop: AtomicBool,
    pub(super) acknowledged: AtomicUsize,
    pub(super) interrupted: AtomicUsize,
}

enum Answer {
    /// Acknowledged, with the printed object.
    Acknowledged(Value),
    /// The response is missing or incomplete.
    Lost,
}

impl Work<'_> {
    /// Changes keys until `stop` is set. `name` is unique for this worker and round.
    pub(super) fn run(&self, name: &str, mut chance: XorShift) -> Result<(), Violation> {
        let mut client = None;
        let mut created = 0;
        while !self.stop.load(Ordering::Relaxed) {
            if let Some((address, _)) = self.server
                && client.is_none()
            {
                client = Client::connect(address).ok();
            }
            match self.take(&mut chance) {
                Some((mut key, operation)) => {
                    let ended = self.change(&mut key, operation, &mut client, &mut chance);
                    self.model.lock().unwrap().keys.push(key);
                    ended?;
                }
                None => {
                    created += 1;
                    self.create(&format!("{name}.{created}"), &mut client, &mut chance)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a key out of the model with an operation for it, or returns `None`. Other workers cannot take the key until
    /// it is put back.
    fn take(&self, chance: &mut XorShift) -> Option<(Key, &'static Operation)> {
        const ATTEMPTS: usize = 8;
        if chance.below(4) == 0 {
            return None;
        }
        let mut model = self.model.lock().unwrap();
        let keys = &mut model.keys;
        (0..ATTEMPTS.min(keys.len())).find_map(|_| {
            let index = chance.below(keys.len());
            // A key with an unknown state is not changed: only the check after the crash determines it.
            let operation = operation::choose(keys[index].state()?, chance)?;
            Some((keys.swap_remove(index), operation))
        })
    }

    fn create(
        &self,
        name: &str,
        client: &mut Option<Client>,
        chance: &mut XorShift,
    ) -> Result<(), Violation> {
        let scopes = *chance.choose(&SCOPES);
        let body = json!({"name": name, "scopes": scopes.split(' ').collect::<Vec<_>>()});
        let line = ["key", "create", "--name", name, "--scopes", scopes];
        let request = ("POST", "/admin/v1/keys".to_owned(), body.to_string());
        match self.perform(&line, &request, client, chance)? {
            Answer::Acknowledged(created) => {
                let text = |name: &str| created[name].as_str().map(str::to_owned);
                let (Some(id), Some(key)) = (text("id"), text("key")) else {
                    return Err(Violation("a new key was not printed".to_owned()));
                };
                self.model.lock().unwrap().keys.push(Key {
                    id,
                    secrets: vec![key],
                    states: vec![State::new(scopes, Slot::Known(0))],
                    tokens: Vec::new(),
                    touched: true,
                });
            }
            Answer::Lost => self.model.lock().unwrap().drafts.push(Draft {
                name: name.to_owned(),
                scopes: scopes.to_owned(),
            }),
        }
        Ok(())
    }

    fn change(
        &self,
        key: &mut Key,
        operation: &Operation,
        client: &mut Option<Client>,
        chance: &mut XorShift,
    ) -> Result<(), Violation> {
        if chance.below(3) == 0 {
            self.mint(key, client);
        }
        key.touched = true;
        let (method, path, body) = operation.request(&key.id);
        let request = (method, path, body.to_owned());
        match self.perform(&operation.command_line(&key.id), &request, client, chance)? {
            Answer::Acknowledged(printed) => {
                let new = printed["key"].as_str().map(str::to_owned);
                key.apply(&operation.change, new);
            }
            Answer::Lost => key.may_have_changed(&operation.change),
        }
        Ok(())
    }

    /// Performs an operation by a command or over HTTP.
    fn perform(
        &self,
        line: &[&str],
        (method, path, body): &(&str, String, String),
        client: &mut Option<Client>,
        chance: &mut XorShift,
    ) -> Result<Answer, Violation> {
        let administrator = self.server.and_then(|(_, key)| key);
        let response = match (client.as_mut(), administrator) {
            (Some(connection), Some(administrator)) if chance.below(4) > 0 => {
                let headers = [
                    ("x-api-key", administrator),
                    ("content-type", "application/json"),
                ];
                match connection.send(method, path, &headers, body) {
                    Ok(response) if (200..300).contains(&response.status) => {
                        Answer::Acknowledged(response.json())
                    }
                    Ok(response) => {
                        return Err(Violation(format!("{method} {path} {body}: {response:?}")));
                    }
                    Err(_) => {
                        *client = None;
                        Answer::Lost
                    }
                }
            }
            _ => {
                let ended = self.program.run(&[line, &["--json"]].concat());
                outcome(line, &ended)?
            }
        };
        match response {
            Answer::Acknowledged(_) => self.acknowledged.fetch_add(1, Ordering::Relaxed),
            Answer::Lost => self.interrupted.fetch_add(1, Ordering::Relaxed),
        };
        Ok(response)
    }

    /// Mints a token if the server accepts the key: it sees changes by commands after a short delay.
    fn mint(&self, key: &mut Key, client: &mut Option<Client>) {
        const AT_MOST: usize = 3;
        let (Some(connection), Some(shown)) = (client.as_mut(), key.secrets.last()) else {
            return;
        };
        let headers = [
            ("x-api-key", shown.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let form = "grant_type=client_credentials";
        let Ok(response) = connection.send("POST", "/oauth/token", &headers, form) else {
            *client = None;
            return;
        };
        let response = response.json();
        let Some(text) = response["access_token"].as_str() else {
            return;
        };
        if key.tokens.len() == AT_MOST {
            key.tokens.remove(0);
        }
        key.tokens.push(Token {
            generation: generation(text),
            text: text.to_owned(),
        });
    }
}

/// Returns the outcome of a command, which must succeed unless it was killed.
fn outcome(line: &[&str], ended: &Ended) -> Result<Answer, Violation> {
    match ended.printed() {
        // A completely printed object is an acknowledgement, also if the command was killed afterwards.
        Some(printed) => Ok(Answer::Acknowledged(printed)),
        None if ended.status.signal().is_some() => Ok(Answer::Lost),
        None => Err(Violation(format!("{line:?} failed: {ended:?}"))),
    }
}

/// Returns the generation of the key in the claims of a token.
fn generation(token: &str) -> u64 {
    countersign_tests::claims(token)["cgn"]
        .as_u64()
        .expect("a generation")
}
