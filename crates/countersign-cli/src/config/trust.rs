//! `[trust.NAME]`: an external issuer whose tokens are accepted, but not at the token endpoints.

use std::path::PathBuf;
use std::time::Duration;

use countersign::directory::Issuers;
use toml::de::DeValue;

use super::reader::{Section, boolean};
use super::value::{self, DAY, MINUTE, SECOND, duration};

/// `[trust.NAME]`
#[derive(Clone, Debug)]
pub struct TrustSettings {
    pub name: Box<str>,
    pub issuer: TrustedName,
    pub audiences: Vec<Box<str>>,
    pub jwks_url: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub fetch_token_file: Option<PathBuf>,
    pub types: Vec<Box<str>>,
    pub max_token_size: Option<usize>,
    pub audience_claim: Option<Box<str>>,
    pub subject_claim: Option<Box<str>>,
    /// The paths of the claims with the scopes.
    pub scopes_from: Vec<Vec<Box<str>>>,
    pub scope_patterns: bool,
    pub tenants: Vec<Box<str>>,
    pub leeway: Option<Duration>,
    pub max_lifetime: Option<Duration>,
}

/// What names the issuer in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedName {
    /// `iss` is this URL.
    Issuer(String),
    /// `sub` is a SPIFFE ID of this trust domain.
    TrustDomain(String),
}

/// Reads all external issuers.
pub(super) fn read(root: &mut Section<'_>) -> Vec<TrustSettings> {
    root.section("trust", |all| {
        let mut read = Vec::new();
        for name in all.keys() {
            match Issuers::named([&*name]) {
                Ok(_) => read.extend(all.section(&name, |section| trust(section, &name))),
                Err(invalid) => {
                    all.get(&name, |_| Err::<(), _>(invalid.to_string()));
                }
            }
        }
        read
    })
}

fn trust(section: &mut Section<'_>, name: &str) -> Option<TrustSettings> {
    let issuer = section.text("issuer", value::non_empty).map(String::from);
    let domain = section
        .text("trust_domain", value::non_empty)
        .map(String::from);
    let audiences = section.string_or_list("audience", value::audience);
    if !section.has("audience") {
        section.error("audience", "missing; name the audience of the tokens");
    }
    let names = section.list("tenants", value::non_empty);
    let settings = TrustSettings {
        name: name.into(),
        // Replaced below.
        issuer: TrustedName::Issuer(String::new()),
        audiences: audiences.unwrap_or_default(),
        jwks_url: section.text("jwks_url", value::non_empty).map(String::from),
        ca_file: section.text("ca_file", value::file),
        fetch_token_file: section.text("fetch_token_file", value::file),
        types: section.list("types", value::non_empty).unwrap_or_default(),
        max_token_size: section.text("max_token_size", value::token_size),
        audience_claim: section.text("audience_claim", value::non_empty),
        subject_claim: section.text("subject_claim", value::non_empty),
        scopes_from: section.get("scopes_from", paths).unwrap_or_default(),
        scope_patterns: section.get("scope_patterns", boolean).unwrap_or_default(),
        tenants: names.unwrap_or_default(),
        leeway: section.text("leeway", duration(Duration::ZERO..=5 * MINUTE)),
        max_lifetime: section.text("max_lifetime", duration(SECOND..=366 * DAY)),
    };
    let issuer = match (issuer, domain) {
        (Some(url), None) => TrustedName::Issuer(url),
        (None, Some(domain)) => TrustedName::TrustDomain(domain),
        _ => {
            let text = "expected either `issuer`, which is `iss` in the tokens, or `trust_domain`";
            section.error("issuer", text);
            return None;
        }
    };
    Some(TrustSettings { issuer, ..settings })
}

/// Parses a list of claims, each a name, or the list of names on the way to it.
fn paths(value: &DeValue<'_>) -> Result<Vec<Vec<Box<str>>>, String> {
    let expected =
        || r#"expected a list of claims, such as ["scp", ["realm_access", "roles"]]"#.to_owned();
    let name = |value: &DeValue<'_>| match value.as_str() {
        Some(name) if !name.is_empty() => Some(Box::from(name)),
        _ => None,
    };
    let path = |value: &DeValue<'_>| match value {
        DeValue::Array(names) if !names.is_empty() => {
            names.iter().map(|one| name(one.get_ref())).collect()
        }
        value => name(value).map(|name| vec![name]),
    };
    let list = value
        .as_array()
        .filter(|list| !list.is_empty())
        .ok_or_else(expected)?;
    let paths: Option<_> = list.iter().map(|one| path(one.get_ref())).collect();
    paths.ok_or_else(expected)
}
