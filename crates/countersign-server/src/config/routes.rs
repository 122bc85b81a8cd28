//! Whether every path leads to one place.

use std::collections::BTreeMap;

use countersign::url::split;

use super::issuers;
use super::mistake::Place;
use super::reader::Reader;

/// What the server answers itself, beside what every issuer has.
const OF_SERVER: [&str; 3] = ["/healthz", "/openapi.json", "/readyz"];
/// What every issuer has under its URL.
const OF_ISSUER: &str = "/whoami";

struct Taken {
    /// What is there, for people.
    what: String,
    place: Option<Place>,
}

/// Notes issuers that are mounted at the same path, and routes that are.
pub(super) fn check(reader: &mut Reader<'_>, issuers: &[issuers::Read]) {
    let mut mounts: BTreeMap<&str, Taken> = BTreeMap::new();
    let mut taken: BTreeMap<String, Taken> = BTreeMap::new();
    for path in OF_SERVER {
        let what = format!("the server's {path}");
        taken.insert(path.to_owned(), Taken { what, place: None });
    }
    for issuer in issuers {
        let settings = &issuer.settings;
        let mount = match (&settings.url, &*settings.name) {
            (Some(url), _) => split(url).1,
            // Its URL is the address that the server gets.
            (None, issuers::DEFAULT) => "",
            // A mistake already.
            (None, _) => continue,
        };
        let here = Taken {
            what: format!("issuer.{}.url", settings.name),
            place: issuer.place.clone(),
        };
        if let Some(other) = mounts.get(mount) {
            let rule = "its path is that of another issuer's URL";
            note(reader, &here, other, rule);
            continue;
        }
        let whoami = Taken {
            what: format!("{OF_ISSUER} of issuer.{}", settings.name),
            place: issuer.place.clone(),
        };
        let wires = issuer.routes.iter().map(|route| {
            let wire = Taken {
                what: route.setting.clone(),
                // Without a path of its own it is where its issuer is.
                place: route.place.clone().or_else(|| issuer.place.clone()),
            };
            (&*route.path, wire)
        });
        for (path, here) in std::iter::once((OF_ISSUER, whoami)).chain(wires) {
            let path = format!("{mount}{path}");
            match taken.get(&path) {
                Some(other) => note(reader, &here, other, "two routes at one path"),
                None => {
                    taken.insert(path, here);
                }
            }
        }
        mounts.insert(mount, here);
    }
}

/// Of two that are in each other's way, the one further down is told of.
fn note(reader: &mut Reader<'_>, one: &Taken, other: &Taken, rule: &str) {
    let (told, other) = if one.place >= other.place {
        (one, other)
    } else {
        (other, one)
    };
    let text = format!("{rule}: it is in the way of {}", other.what);
    match &told.place {
        Some(place) => reader.wrong(place.clone(), &told.what, &text),
        None => reader.wrong_somewhere(&told.what, &text),
    }
}
