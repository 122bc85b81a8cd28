//! The checks after a crash.

use std::collections::HashMap;
use std::net::SocketAddr;

use countersign_tests::xorshift::XorShift;
use serde_json::Value;

use super::model::{Key, Model, Slot, State, Status};
use super::{Client, Program, Violation, database, ensure};

/// One of this many unchanged keys is presented again.
const UNCHANGED_SAMPLE: usize = 8;

/// The number of requests to `/whoami` by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcomes {
    pub(super) accepted: usize,
    pub(super) rejected: usize,
}

/// Checks all data with a running server, and determines the state of keys whose last change was not acknowledged.
pub(super) fn check(
    program: &Program,
    server: SocketAddr,
    model: &mut Model,
    chance: &mut XorShift,
) -> Result<Outcomes, Violation> {
    let mut outcomes = Outcomes::default();
    if let Some(file) = program.database() {
        database::check_integrity(&file)?;
    }
    let mut listed = listed(program)?;
    let audited = audited(program, &mut model.checkpoint)?;
    let records = |id: &String| audited.get(id).copied().unwrap_or_default();
    let mut client = Client::connect(server)?;
    for key in &mut model.keys {
        let row = listed.remove(&key.id);
        let present = key.touched || key.states.len() > 1;
        let seen = if present || chance.below(UNCHANGED_SAMPLE) == 0 {
            Some(Seen::request(key, &mut client)?)
        } else {
            None
        };
        let is_possible = |state: &State| {
            matches(state, row.as_ref())
                && state.records == records(&key.id)
                && seen
                    .as_ref()
                    .is_none_or(|seen| seen.is_consistent(key, state))
        };
        for status in seen.iter().flat_map(Seen::all) {
            if status == 200 {
                outcomes.accepted += 1;
            } else {
                outcomes.rejected += 1;
            }
        }
        // Several states are possible if they cannot be distinguished: all secrets of a suspended key are rejected.
        let found: Vec<State> = key
            .states
            .iter()
            .filter(|state| is_possible(state))
            .cloned()
            .collect();
        if found.is_empty() {
            return Err(Violation(format!(
                "key {}: expected one of {:?}, found {row:?}; statuses of its secrets and tokens: {seen:?}; audit \
                 records: {}; generations of its tokens: {:?}",
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
            format!("key {id} is missing")
        })?;
    }
    adopt(model, listed, records)?;
    // Deleted keys need no further checks.
    model.keys.retain(|key| {
        key.states
            .iter()
            .any(|state| state.status != Status::Deleted)
    });
    Ok(outcomes)
}

/// Returns all keys that the program lists, by id.
fn listed(program: &Program) -> Result<HashMap<String, Value>, Violation> {
    let printed = program.json(&["key", "list"])?;
    let rows = printed["keys"].as_array().cloned().unwrap_or_default();
    let id = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
    Ok(rows.into_iter().map(|row| (id(&row), row)).collect())
}

/// Verifies the audit from the last checkpoint; returns the number of records of each entity.
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

/// Whether the listed row, or its absence, matches the state.
fn matches(state: &State, row: Option<&Value>) -> bool {
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

/// The statuses of `/whoami` for all secrets of a key and for its tokens.
#[derive(Debug)]
struct Seen {
    secrets: Vec<u16>,
    tokens: Vec<u16>,
}

impl Seen {
    fn request(key: &Key, client: &mut Client) -> Result<Self, Violation> {
        let mut seen = Self {
            secrets: Vec::new(),
            tokens: Vec::new(),
        };
        for shown in &key.secrets {
            let status = client.whoami("x-api-key", shown)?;
            seen.secrets.push(status);
        }
        for token in &key.tokens {
            let bearer = format!("Bearer {}", token.text);
            let status = client.whoami("authorization", &bearer)?;
            seen.tokens.push(status);
        }
        Ok(seen)
    }

    fn all(&self) -> impl Iterator<Item = u16> {
        self.secrets.iter().chain(&self.tokens).copied()
    }

    fn is_consistent(&self, key: &Key, state: &State) -> bool {
        let expected = |accepted| if accepted { 200 } else { 401 };
        let shown = self.secrets.iter().enumerate();
        let tokens = self.tokens.iter().zip(&key.tokens);
        shown
            .into_iter()
            .all(|(index, status)| *status == expected(state.accepts(index)))
            && tokens.into_iter().all(|(status, token)| {
                let valid = state.status == Status::Active && token.generation == state.generation;
                *status == expected(valid)
            })
    }
}

/// Adds listed keys that the model does not have. Each must come from a creation that was not acknowledged, and be
/// complete.
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
        let Some(index) = draft else {
            return Err(Violation(format!("unexpected key: {row}")));
        };
        let draft = model.drafts.swap_remove(index);
        let state = State::new(&draft.scopes, Slot::Unknown);
        let complete = matches(&state, Some(&row)) && records(&id) == state.records;
        ensure(complete, || {
            let records = records(&id);
            format!("key {row}: expected {state:?}; audit records: {records}")
        })?;
        model.keys.push(Key {
            id,
            secrets: Vec::new(),
            states: vec![state],
            tokens: Vec::new(),
            touched: false,
        });
    }
    // The other creations did not happen.
    model.drafts.clear();
    Ok(())
}
