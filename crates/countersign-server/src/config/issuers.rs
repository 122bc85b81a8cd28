//! `[issuer.NAME]`: who mints, where, and on which terms.

use std::time::Duration;

use countersign::Scopes;
use countersign::directory::Issuers;
use countersign::jose::Algorithm;

use super::lifetimes::{self, Lifetimes};
use super::mistake::Place;
use super::reader::{Reader, Section, Single};
use super::value;
use super::wires::{self, Inherited, Route, WiresSettings};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The issuer that there always is.
pub(crate) const DEFAULT: &str = "default";

/// `[issuer.NAME]`
#[derive(Clone, Debug)]
pub(crate) struct IssuerSettings {
    pub(crate) name: Box<str>,
    /// `url`; for the issuer `default` else the server's `public_url`, else what is stored.
    pub(crate) url: Option<String>,
    pub(crate) audiences: Vec<Box<str>>,
    /// `None`: what the issuer signs with already, or EdDSA for a new one.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) lifetimes: Lifetimes,
    /// The catalogue; empty: any.
    pub(crate) scopes: Scopes,
    /// How long a signing key signs before the next one does.
    pub(crate) rotate_keys_every: Duration,
    pub(crate) wires: WiresSettings,
}

/// An issuer with what is needed to say where it is in the way of others.
pub(super) struct Read {
    pub(super) settings: IssuerSettings,
    /// Where its URL is given, or the issuer itself.
    pub(super) place: Option<Place>,
    pub(super) routes: Vec<Route>,
}

/// All issuers, `default` first. It takes `public_url` where it has no URL of its own.
pub(super) fn read<'i>(
    reader: &mut Reader<'i>,
    root: &mut Section<'i>,
    public_url: Option<&str>,
) -> Vec<Read> {
    let mut section = reader.section(root, "issuer");
    let mut names = section.keys();
    names.retain(|name| name != DEFAULT);
    names.insert(0, DEFAULT.to_owned());
    let mut issuers = Vec::new();
    for name in names {
        match Issuers::named([&*name]) {
            Ok(_) => issuers.push(issuer(reader, &mut section, &name, public_url)),
            Err(invalid) => reader.refuse(&mut section, &name, &invalid.to_string()),
        }
    }
    reader.close(section);
    issuers
}

fn issuer<'i>(
    reader: &mut Reader<'i>,
    issuers: &mut Section<'i>,
    name: &str,
    public_url: Option<&str>,
) -> Read {
    let place = reader.place_of_key(issuers, name);
    let mut section = reader.section(issuers, name);
    let place_of_url = reader.place(&section, "url");
    let mut url = reader.text(&mut section, "url", value::base_url);
    if name == DEFAULT {
        url = url.or_else(|| public_url.map(str::to_owned));
    } else if let (None, Some(place)) = (&place_of_url, &place) {
        let path = section.path_of("url");
        let text = "missing: every issuer but `default` needs a URL of its own";
        reader.wrong(place.clone(), &path, text);
    }
    let audiences = audiences(reader, &mut section);
    let algorithm = reader.text(&mut section, "algorithm", value::algorithm);
    let given = lifetimes::given(reader, &mut section);
    let lifetimes = given.or(Lifetimes::both(HOUR));
    given.check(reader, &section, lifetimes);
    let scopes = catalogue(reader, &mut section, &Scopes::none());
    let every = value::duration_within(DAY, DAY * 3650);
    let every = reader.text(&mut section, "rotate_keys_every", every);
    let mut routes = Vec::new();
    let inherited = Inherited {
        lifetimes: given,
        scopes: &scopes,
    };
    let wires = wires::read(reader, &mut section, &inherited, &mut routes);
    reader.close(section);
    Read {
        settings: IssuerSettings {
            name: name.into(),
            url,
            audiences,
            algorithm,
            lifetimes,
            scopes,
            rotate_keys_every: every.unwrap_or(DAY * 90),
            wires,
        },
        place: place_of_url.or(place),
        routes,
    }
}

/// `audience`. Without one the issuer's URL is it; an empty list would say that tokens are for nobody.
fn audiences<'i>(reader: &mut Reader<'i>, section: &mut Section<'i>) -> Vec<Box<str>> {
    if let Some(place) = reader.place_of_nothing(section, "audience") {
        let path = section.path_of("audience");
        reader.wrong(
            place,
            &path,
            "expected at least one audience, or no such line",
        );
    }
    let audiences = reader.list(section, "audience", Single::Allowed, value::audience);
    audiences.unwrap_or_default()
}

/// `scopes`: the catalogue. A wire's must lie within its issuer's, where that has one.
pub(super) fn catalogue<'i>(
    reader: &mut Reader<'i>,
    section: &mut Section<'i>,
    outer: &Scopes,
) -> Scopes {
    let place = reader.place(section, "scopes");
    let list = reader.list(section, "scopes", Single::Refused, value::scope);
    let (Some(place), Some(list)) = (place, list) else {
        return outer.clone();
    };
    let path = section.path_of("scopes");
    match Scopes::from_list(list.iter().map(|scope| &**scope)) {
        // Empty means "any" where the issuer has no catalogue, and the issuer's where it has one.
        Ok(scopes) if scopes.is_empty() => outer.clone(),
        Ok(scopes) if outer.is_empty() || outer.contains(&scopes) => scopes,
        Ok(_) => {
            reader.wrong(place, &path, "a scope is not within the issuer's scopes");
            outer.clone()
        }
        Err(invalid) => {
            reader.wrong(place, &path, &invalid.to_string());
            outer.clone()
        }
    }
}
