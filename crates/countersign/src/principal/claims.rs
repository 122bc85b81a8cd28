use std::sync::{Arc, LazyLock, OnceLock};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The claims of a token, parsed when they are first needed. Clones share them. Without a token there are none.
#[derive(Clone, Default)]
pub(crate) struct Claims(Option<Arc<Payload>>);

struct Payload {
    json: Vec<u8>,
    parsed: OnceLock<Map<String, Value>>,
}

static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Claims {
    /// Keeps a payload whose form has been checked.
    pub(crate) fn new(payload: Vec<u8>) -> Self {
        Self(Some(Arc::new(Payload {
            json: payload,
            parsed: OnceLock::new(),
        })))
    }

    /// Returns the JSON text. It is empty without a token.
    pub(crate) fn json(&self) -> &[u8] {
        let json = self.0.as_ref().map(|payload| payload.json.as_slice());
        json.unwrap_or_default()
    }

    /// Returns the claims as a JSON object.
    pub(crate) fn object(&self) -> &Map<String, Value> {
        match &self.0 {
            None => &NONE,
            Some(payload) => {
                let parse = || serde_json::from_slice(&payload.json).unwrap_or_default();
                payload.parsed.get_or_init(parse)
            }
        }
    }

    /// Parses the claims, and returns the bytes that they occupy in memory then. It is an estimate, and rather too high.
    pub(crate) fn parsed_size(&self) -> usize {
        let json = self.0.as_ref().map_or(0, |payload| payload.json.capacity());
        json + object_size(self.object())
    }

    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.object().get(name)?).ok()
    }

    pub(super) fn all<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.json())
    }
}

/// What the allocator adds to an allocation, at most.
const ALLOCATION: usize = 32;
/// A member without what its name and its value refer to. Nodes of the map may be half empty.
const MEMBER: usize = 160;
/// The smallest map with a member: one node.
const NODE: usize = 736;

fn object_size(object: &Map<String, Value>) -> usize {
    if object.is_empty() {
        return 0;
    }
    let table = (object.len() * MEMBER).max(NODE);
    let members = object
        .iter()
        .map(|(name, value)| name.capacity() + ALLOCATION + value_size(value));
    table + members.sum::<usize>()
}

/// Returns the bytes that a value refers to.
fn value_size(value: &Value) -> usize {
    match value {
        Value::String(text) if text.capacity() == 0 => 0,
        Value::String(text) => text.capacity() + ALLOCATION,
        Value::Array(list) => {
            let elements = list.iter().map(value_size).sum::<usize>();
            list.capacity() * size_of::<Value>() + ALLOCATION + elements
        }
        Value::Object(object) => object_size(object),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(feature = "testing")]
impl From<Map<String, Value>> for Claims {
    fn from(claims: Map<String, Value>) -> Self {
        Self::new(Value::Object(claims).to_string().into_bytes())
    }
}

/// Where a claim is in a token: its name, or the names of the objects around it and its name.
///
/// The names may contain any characters, such as dots and slashes.
///
/// ```
/// use countersign::principal::ClaimPath;
///
/// let permissions: ClaimPath = "permissions".into();
/// let roles: ClaimPath = ["realm_access", "roles"].into();
/// let namespaced: ClaimPath = "https://acme.example/roles".into();
/// assert_eq!(roles.to_string(), "realm_access → roles");
/// # let _ = (permissions, namespaced);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Box<[Box<str>]>);

impl ClaimPath {
    /// Returns whether the path has at least one name, and no empty one.
    pub(crate) fn is_valid(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|name| !name.is_empty())
    }

    /// Returns the value of the claim.
    pub(crate) fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, rest) = self.0.split_first()?;
        let mut value = claims.get(&**first)?;
        for name in rest {
            value = value.as_object()?.get(&**name)?;
        }
        Some(value)
    }

    /// Returns the strings in an array, or the words of a string. A value of another type contains none.
    pub(crate) fn words<'c>(&self, claims: &'c Map<String, Value>) -> Vec<&'c str> {
        match self.find(claims) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => text.split(' ').collect(),
            _ => Vec::new(),
        }
    }

    /// Returns whether the claim is the string `text`, or an array with this string.
    pub(crate) fn contains(&self, claims: &Map<String, Value>, text: &str) -> bool {
        match self.find(claims) {
            Some(Value::Array(list)) => list.iter().any(|value| value == text),
            Some(value) => value == text,
            None => false,
        }
    }
}

impl From<&str> for ClaimPath {
    fn from(name: &str) -> Self {
        Self([name.into()].into())
    }
}

impl From<String> for ClaimPath {
    fn from(name: String) -> Self {
        Self([name.into()].into())
    }
}

impl<S: Into<Box<str>>, const N: usize> From<[S; N]> for ClaimPath {
    fn from(names: [S; N]) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<Box<str>>> From<Vec<S>> for ClaimPath {
    fn from(names: Vec<S>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl std::fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" → "))
    }
}
