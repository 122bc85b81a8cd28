//! Those who change keys until they are told to stop, and remember what was acknowledged.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_tests::xorshift::XorShift;
use serde_json::{Value, json};

use super::model::{Draft, Key, Model, Slot, State, Token};
use super::operation::{self, Operation, SCOPES};
use super::program::Ended;
use super::{Client, Program, Violation};

/// What all workers of a round share.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) program: &'a Program,
    /// A running server, and a key of its administrator if it takes changes over HTTP.
    pub(super) server: Option<(SocketAddr, Option<&'a str>)>,
    pub(super) model: Mutex<&'a mut Model>,
    pub(super) stop: AtomicBool,
    pub(super) acknowledged: AtomicUsize,
    pub(super) cut_off: AtomicUsize,
}

enum Answer {
    /// With what was printed.
    Done(Value),
    /// None came, or not whole.
    Lost,
}

impl Work<'_> {
    /// Changes keys until it is to stop. `name` is of this worker in this round alone.
    pub(super) fn go_on(&self, name: &str, mut chance: XorShift) -> Result<(), Violation> {
        let mut client = None;
        let mut made = 0;
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
                    made += 1;
                    self.create(&format!("{name}.{made}"), &mut client, &mut chance)?;
                }
            }
        }
        Ok(())
    }

    /// A key and what to do to it, or none. It is nobody else's until it is put back.
    fn take(&self, chance: &mut XorShift) -> Option<(Key, &'static Operation)> {
        const LOOKS: usize = 8;
        if chance.below(4) == 0 {
            return None;
        }
        let mut model = self.model.lock().unwrap();
        let keys = &mut model.keys;
        (0..LOOKS.min(keys.len())).find_map(|_| {
            let place = chance.below(keys.len());
            // What it is while that is not known, only a look after the crash can say.
            let operation = operation::choose(keys[place].state()?, chance)?;
            Some((keys.swap_remove(place), operation))
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
        match self.ask(&line, &request, client, chance)? {
            Answer::Done(made) => {
                let text = |name: &str| made[name].as_str().map(str::to_owned);
                let (Some(id), Some(key)) = (text("id"), text("key")) else {
                    return Err(Violation("a key was made and not shown".to_owned()));
                };
                self.model.lock().unwrap().keys.push(Key {
                    id,
                    shown: vec![key],
                    states: vec![State::new(scopes, Slot::Shown(0))],
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
        match self.ask(&operation.command_line(&key.id), &request, client, chance)? {
            Answer::Done(printed) => {
                let new = printed["key"].as_str().map(str::to_owned);
                key.changed(&operation.change, new);
            }
            Answer::Lost => key.may_have_changed(&operation.change),
        }
        Ok(())
    }

    /// Asks for it by either way that there is.
    fn ask(
        &self,
        line: &[&str],
        (method, path, body): &(&str, String, String),
        client: &mut Option<Client>,
        chance: &mut XorShift,
    ) -> Result<Answer, Violation> {
        let administrator = self.server.and_then(|(_, key)| key);
        let answer = match (client.as_mut(), administrator) {
            (Some(connection), Some(administrator)) if chance.below(4) > 0 => {
                let headers = [
                    ("x-api-key", administrator),
                    ("content-type", "application/json"),
                ];
                match connection.send(method, path, &headers, body) {
                    Ok(answer) if (200..300).contains(&answer.status) => {
                        Answer::Done(answer.json())
                    }
                    Ok(answer) => {
                        return Err(Violation(format!("{method} {path} {body}: {answer:?}")));
                    }
                    Err(_) => {
                        *client = None;
                        Answer::Lost
                    }
                }
            }
            _ => {
                let ended = self.program.run(&[line, &["--json"]].concat());
                judge(line, &ended)?
            }
        };
        match answer {
            Answer::Done(_) => self.acknowledged.fetch_add(1, Ordering::Relaxed),
            Answer::Lost => self.cut_off.fetch_add(1, Ordering::Relaxed),
        };
        Ok(answer)
    }

    /// Takes a token, if the server gives one: what commands have done, it sees a moment later.
    fn mint(&self, key: &mut Key, client: &mut Option<Client>) {
        const AT_MOST: usize = 3;
        let (Some(connection), Some(shown)) = (client.as_mut(), key.shown.last()) else {
            return;
        };
        let headers = [
            ("x-api-key", shown.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let form = "grant_type=client_credentials";
        let Ok(answer) = connection.send("POST", "/oauth/token", &headers, form) else {
            *client = None;
            return;
        };
        let answer = answer.json();
        let Some(text) = answer["access_token"].as_str() else {
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

/// A command must succeed, unless it was killed.
fn judge(line: &[&str], ended: &Ended) -> Result<Answer, Violation> {
    match ended.printed() {
        // What was printed whole is acknowledged, whatever happened then.
        Some(printed) => Ok(Answer::Done(printed)),
        None if ended.status.signal().is_some() => Ok(Answer::Lost),
        None => Err(Violation(format!("{line:?} was refused: {ended:?}"))),
    }
}

/// The key's generation in the claims of a token.
fn generation(token: &str) -> u64 {
    let claims = token.split('.').nth(1).expect("a compact token");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims["cgn"].as_u64().expect("a generation")
}
