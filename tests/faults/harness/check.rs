//! What must be so after a crash.

use std::collections::HashMap;
use std::net::SocketAddr;

use countersign_tests::xorshift::XorShift;
use serde_json::Value;

use super::model::{Key, Model, Slot, State, Status};
use super::{Client, Program, Violation, database, ensure};

/// One in so many of the keys that nothing was done to is presented again.
const UNTOUCHED: usize = 8;

/// How often `/whoami` was asked, by what it answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub(super) let_in: usize,
    pub(super) refused: usize,
}

/// Checks everything against a running server, and learns what those keys are of which it was not known.
pub(super) fn check(
    program: &Program,
    server: SocketAddr,
    model: &mut Model,
    chance: &mut XorShift,
) -> Result<Asked, Violation> {
    let mut asked = Asked::default();
    database::is_sound(&program.database())?;
    let mut listed = listed(program)?;
    let audited = audited(program, &mut model.checkpoint)?;
    let records = |id: &String| audited.get(id).copied().unwrap_or_default();
    let mut client = Client::connect(server)?;
    for key in &mut model.keys {
        let row = listed.remove(&key.id);
        let present = key.touched || key.states.len() > 1;
        let seen = if present || chance.below(UNTOUCHED) == 0 {
            Some(Seen::look(key, &mut client)?)
        } else {
            None
        };
        let fits = |state: &State| {
            is_so(state, row.as_ref())
                && state.records == records(&key.id)
                && seen.as_ref().is_none_or(|seen| seen.fits(key, state))
        };
        for status in seen.iter().flat_map(Seen::all) {
            if status == 200 {
                asked.let_in += 1;
            } else {
                asked.refused += 1;
            }
        }
        // More than one where nobody can tell: a suspended key's secrets are refused, whichever they are.
        let found: Vec<State> = key
            .states
            .iter()
            .filter(|state| fits(state))
            .cloned()
            .collect();
        if found.is_empty() {
            return Err(Violation(format!(
                "the key {} may be {:?}, and is {row:?}; presented, its keys and tokens get {seen:?}; \
                 the audit has {} records of it; tokens are of {:?}",
                key.id,
                key.states,
                records(&key.id),
                key.tokens
                    .iter()
                    .map(|token| token.generation)
                    .collect::<Vec<_>>()
            )));
        }
        key.states = found;
        key.states.dedup();
        key.touched = false;
    }
    for id in &model.spared {
        ensure(listed.remove(id).is_some(), || {
            format!("the key {id} is lost")
        })?;
    }
    adopt(model, listed, records)?;
    // Who is deleted was looked at in this check for the last time.
    model.keys.retain(|key| {
        key.states
            .iter()
            .any(|state| state.status != Status::Deleted)
    });
    Ok(asked)
}

/// All keys as the program lists them, by id.
fn listed(program: &Program) -> Result<HashMap<String, Value>, Violation> {
    let printed = program.json(&["key", "list"])?;
    let rows = printed["keys"].as_array().cloned().unwrap_or_default();
    let id = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
    Ok(rows.into_iter().map(|row| (id(&row), row)).collect())
}

/// How often the audit names each entity. It must be whole, and go on from what it was.
fn audited(
    program: &Program,
    checkpoint: &mut Option<String>,
) -> Result<HashMap<String, usize>, Violation> {
    const ALL: &str = "1000000";
    let mut verify = vec!["audit", "verify"];
    if let Some(checkpoint) = checkpoint {
        verify.extend(["--checkpoint", checkpoint.as_str()]);
    }
    let verified = program.json(&verify)?;
    *checkpoint = verified["checkpoint"].as_str().map(str::to_owned);
    ensure(checkpoint.is_some(), || {
        format!("no checkpoint: {verified}")
    })?;

    let printed = program.json(&["audit", "list", "--limit", ALL])?;
    let mut times = HashMap::new();
    for record in printed["records"].as_array().into_iter().flatten() {
        let entity = record["entity"].as_str().unwrap_or_default();
        *times.entry(entity.to_owned()).or_default() += 1;
    }
    Ok(times)
}

/// Whether the row that is listed, or that there is none, is that state.
fn is_so(state: &State, row: Option<&Value>) -> bool {
    let Some(row) = row else {
        return state.status == Status::Deleted;
    };
    let grace = match row.get("grace_until") {
        Some(until) => until.is_null() == (state.previous == Slot::Empty),
        None => true,
    };
    row["status"] == state.status.printed()
        && row["generation"] == state.generation
        && scopes(row) == state.scopes
        && grace
}

fn scopes(row: &Value) -> String {
    let scopes = row["scopes"].as_array().cloned().unwrap_or_default();
    let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
    scopes.join(" ")
}

/// What `/whoami` answers to all that a key was ever shown as, and to its tokens.
#[derive(Debug)]
struct Seen {
    shown: Vec<u16>,
    tokens: Vec<u16>,
}

impl Seen {
    fn look(key: &Key, client: &mut Client) -> Result<Self, Violation> {
        let mut seen = Self {
            shown: Vec::new(),
            tokens: Vec::new(),
        };
        for shown in &key.shown {
            let status = client.whoami("x-api-key", shown)?;
            seen.shown.push(status);
        }
        for token in &key.tokens {
            let bearer = format!("Bearer {}", token.text);
            let status = client.whoami("authorization", &bearer)?;
            seen.tokens.push(status);
        }
        Ok(seen)
    }

    fn all(&self) -> impl Iterator<Item = u16> {
        self.shown.iter().chain(&self.tokens).copied()
    }

    fn fits(&self, key: &Key, state: &State) -> bool {
        let answer = |admitted| if admitted { 200 } else { 401 };
        let shown = self.shown.iter().enumerate();
        let tokens = self.tokens.iter().zip(&key.tokens);
        shown
            .into_iter()
            .all(|(place, status)| *status == answer(state.admits(place)))
            && tokens.into_iter().all(|(status, token)| {
                let lives = state.status == Status::Active && token.generation == state.generation;
                *status == answer(lives)
            })
    }
}

/// What is listed beyond the keys that are known must have been asked for, once each, and be whole.
fn adopt(
    model: &mut Model,
    listed: HashMap<String, Value>,
    records: impl Fn(&String) -> usize,
) -> Result<(), Violation> {
    for (id, row) in listed {
        let draft = model
            .drafts
            .iter()
            .position(|draft| row["name"] == *draft.name);
        let Some(place) = draft else {
            return Err(Violation(format!("nobody asked for the key {row}")));
        };
        let draft = model.drafts.swap_remove(place);
        let state = State::new(&draft.scopes, Slot::Unknown);
        let whole = is_so(&state, Some(&row)) && records(&id) == state.records;
        ensure(whole, || {
            let records = records(&id);
            format!("the key {row} was to be {state:?}; the audit has {records} records of it")
        })?;
        model.keys.push(Key {
            id,
            shown: Vec::new(),
            states: vec![state],
            tokens: Vec::new(),
            touched: false,
        });
    }
    // The others were not made, and never will be.
    model.drafts.clear();
    Ok(())
}
