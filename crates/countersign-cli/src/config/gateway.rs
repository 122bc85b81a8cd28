//! `[[gateway.rules]]`: what requests must have that a gateway asks about, by path and method.

use countersign::require::{Requirement, all, issuer, primary, require, scope};
use http::Method;

use super::path_pattern::PathPattern;
use super::reader::{Section, boolean};
use super::value;

/// `[[gateway.rules]]`
#[derive(Clone, Debug)]
pub struct GatewayRule {
    pub path: PathPattern,
    /// The methods; empty: all.
    pub methods: Vec<Method>,
    pub access: Access,
}

/// Which requests a rule allows.
#[derive(Clone, Debug)]
pub enum Access {
    /// All, with or without credentials.
    Public,
    /// Those whose credentials are valid, and whose principal meets all of these requirements.
    Authenticated(Vec<Requirement>),
    /// None.
    Denied,
}

/// The value of `allow`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allow {
    Public,
    Authenticated,
    Nothing,
}

/// Reads the rules, in their order.
pub(super) fn read(root: &mut Section<'_>) -> Vec<GatewayRule> {
    root.section("gateway", |gateway| gateway.sections("rules", rule))
        .into_iter()
        .flatten()
        .collect()
}

fn rule(section: &mut Section<'_>) -> Option<GatewayRule> {
    let path = section.text("path", PathPattern::parse);
    let methods = section.string_or_list("methods", method);
    let allow = section.text("allow", allow);
    let scopes = section.string_or_list("scopes", scope_token);
    let is_primary = section.get("primary", boolean).unwrap_or_default();
    let issuer_url = section.text("issuer", value::non_empty);
    if !section.has("path") {
        section.error("path", "missing; name the paths, such as /calls/**");
    }
    let scopes = scopes.into_iter().flatten().map(scope);
    let primary = is_primary.then(primary);
    let requirements: Vec<_> = scopes
        .chain(primary)
        .chain(issuer_url.map(issuer))
        .collect();
    let access = match (allow, requirements.is_empty()) {
        (Some(Allow::Public), true) => Access::Public,
        (Some(Allow::Nothing), true) => Access::Denied,
        (Some(Allow::Authenticated), _) | (None, false) => Access::Authenticated(requirements),
        (Some(Allow::Public | Allow::Nothing), false) => {
            let text = "`scopes`, `primary` and `issuer` require credentials: remove them, or set \"authenticated\"";
            section.error("allow", text);
            return None;
        }
        (None, true) => {
            // What is wrong with a value is reported already.
            if !["allow", "scopes", "issuer"]
                .iter()
                .any(|key| section.has(key))
            {
                let text = "missing; set it to \"authenticated\", \"public\" or \"nothing\", or set `scopes`";
                section.error("allow", text);
            }
            return None;
        }
    };
    Some(GatewayRule {
        path: path?,
        methods: methods.unwrap_or_default(),
        access,
    })
}

impl Access {
    /// Returns the requirement on the principal, if there is one beyond valid credentials.
    pub fn requirement(&self) -> Option<Requirement> {
        match self {
            Self::Authenticated(list) if !list.is_empty() => Some(all(list.iter().cloned())),
            _ => None,
        }
    }
}

fn allow(text: &str) -> Result<Allow, String> {
    match text {
        "public" => Ok(Allow::Public),
        "authenticated" => Ok(Allow::Authenticated),
        "nothing" => Ok(Allow::Nothing),
        _ => Err("expected public, authenticated or nothing".to_owned()),
    }
}

/// Parses the name of a method, which is compared by case (RFC 9110 §9.1).
fn method(text: &str) -> Result<Method, String> {
    let is_upper = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    let method = is_upper.then(|| Method::from_bytes(text.as_bytes()).ok());
    method
        .flatten()
        .ok_or_else(|| "expected a method in capital letters, such as GET".to_owned())
}

/// Parses a scope, of own credentials or of an external issuer (RFC 6749 §3.3).
fn scope_token(text: &str) -> Result<Box<str>, String> {
    match require(scope(text)) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err("expected a scope such as calls:read".to_owned()),
    }
}
