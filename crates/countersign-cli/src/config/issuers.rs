//! `[issuer.NAME]`: an issuer's URL, audiences, algorithm, lifetimes, scopes and wires.

use std::time::Duration;

use countersign::directory::Issuers;
use countersign::jose::Algorithm;
use countersign::{Scope, Scopes};

use super::lifetimes::{GivenLifetimes, Lifetimes};
use super::reader::Section;
use super::value::{self, DAY, HOUR, duration};
use super::wires::{self, WiresSettings};

/// The name of the issuer that always exists.
pub const DEFAULT: &str = "default";

/// `[issuer.NAME]`
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    pub name: Box<str>,
    /// `url`; for the issuer `default` else the server's `public_url`, else the stored URL.
    pub url: Option<String>,
    pub audiences: Vec<Box<str>>,
    /// `None`: the algorithm of the issuer's present key, or EdDSA for a new issuer.
    pub algorithm: Option<Algorithm>,
    pub lifetimes: Lifetimes,
    /// The scopes that tokens can have; empty: all.
    pub scopes: Scopes,
    /// How long a signing key signs before the next one does.
    pub rotate_keys_every: Duration,
    pub wires: WiresSettings,
}

/// Reads all issuers, `default` first, whose URL is `public_url` unless it has its own.
pub(super) fn read(root: &mut Section<'_>, public_url: Option<&str>) -> Vec<IssuerSettings> {
    root.section("issuer", |issuers| {
        let mut names = issuers.keys();
        names.retain(|name| name != DEFAULT);
        names.insert(0, DEFAULT.to_owned());
        let mut read = Vec::new();
        for name in names {
            match Issuers::named([&*name]) {
                Ok(_) => {
                    read.push(issuers.section(&name, |section| issuer(section, &name, public_url)))
                }
                Err(invalid) => {
                    issuers.get(&name, |_| Err::<(), _>(invalid.to_string()));
                }
            }
        }
        read
    })
}

fn issuer(section: &mut Section<'_>, name: &str, public_url: Option<&str>) -> IssuerSettings {
    let mut url = section.text("url", value::base_url);
    if name == DEFAULT {
        url = url.or_else(|| public_url.map(str::to_owned));
    } else if !section.has("url") {
        let text = "missing; every issuer but `default` needs a URL of its own";
        section.error("url", text);
    }
    let audiences = section.string_or_list("audience", value::audience);
    let algorithm = section.text("algorithm", value::algorithm);
    let given = GivenLifetimes::read(section);
    let hour = Lifetimes {
        default: HOUR,
        max: HOUR,
    };
    let lifetimes = given.or(section, hour);
    let scopes = scopes(section, &Scopes::none());
    let rotate_keys_every = section
        .text("rotate_keys_every", duration(DAY..=3650 * DAY))
        .unwrap_or(90 * DAY);
    let wires = section.section("wires", |section| wires::read(section, &given, &scopes));
    IssuerSettings {
        name: name.into(),
        url,
        audiences: audiences.unwrap_or_default(),
        algorithm,
        lifetimes,
        scopes,
        rotate_keys_every,
        wires,
    }
}

/// Reads `scopes`, which must lie within the issuer's if that has any. An empty list means the issuer's.
pub(super) fn scopes(section: &mut Section<'_>, issuer: &Scopes) -> Scopes {
    let scope = |text: &str| {
        text.parse()
            .map_err(|error: countersign::scope::InvalidScope| error.to_string())
    };
    let list: Vec<Scope> = section.list("scopes", scope).unwrap_or_default();
    match Scopes::from_list(list.iter().map(Scope::as_str)) {
        Ok(scopes) if scopes.is_empty() => {}
        Ok(scopes) if issuer.is_empty() || issuer.contains(&scopes) => return scopes,
        Ok(_) => section.error(
            "scopes",
            "expected scopes that lie within those of the issuer",
        ),
        Err(invalid) => section.error("scopes", &invalid.to_string()),
    }
    issuer.clone()
}
