//! Checks that no two routes have the same path.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use countersign::url::split;

use super::error::Location;
use super::issuers::{DEFAULT, IssuerSettings};
use super::reader::Section;

/// The routes of the server itself, beside those of issuers.
const OF_SERVER: [&str; 3] = ["/healthz", "/openapi.json", "/readyz"];
/// The route of every issuer, below its URL.
const OF_ISSUER: &str = "/whoami";

/// A path with the name of the setting that it comes from, and where that is.
struct Route {
    path: String,
    name: String,
    location: Option<Location>,
}

/// Reports issuers whose URLs have the same path, and wires with the same path.
pub(super) fn check(root: &Section<'_>, issuers: &[IssuerSettings]) {
    // A missing URL is an error already, but for the default issuer, which is at the root then.
    let has_url = |issuer: &&IssuerSettings| issuer.url.is_some() || *issuer.name == *DEFAULT;
    let issuers = issuers.iter().filter(has_url);
    let mounts = issuers.clone().map(|issuer| mount(root, issuer)).collect();
    let mounts = unique(root, mounts, BTreeMap::new());

    let mut routes = Vec::new();
    for (issuer, mount) in issuers.map(|issuer| (issuer, mount(root, issuer))) {
        if mounts.get(&mount.path) != Some(&mount.name) {
            continue;
        }
        routes.push(Route {
            path: format!("{}{OF_ISSUER}", mount.path),
            name: format!("{OF_ISSUER} of issuer.{}", issuer.name),
            location: mount.location.clone(),
        });
        for (wire, setting, path) in issuer.wires.paths() {
            let location = root.locate(&["issuer", &*issuer.name, "wires", wire, setting]);
            routes.push(Route {
                path: format!("{}{path}", mount.path),
                name: format!("issuer.{}.wires.{wire}.{setting}", issuer.name),
                location: location.or_else(|| mount.location.clone()),
            });
        }
    }
    let server = OF_SERVER.map(|path| (path.to_owned(), format!("the server's {path}")));
    unique(root, routes, server.into());
}

/// Returns where an issuer is mounted: at the path of its URL.
fn mount(root: &Section<'_>, issuer: &IssuerSettings) -> Route {
    let url = root.locate(&["issuer", &*issuer.name, "url"]);
    Route {
        path: split(issuer.url.as_deref().unwrap_or_default())
            .1
            .to_owned(),
        name: format!("issuer.{}.url", issuer.name),
        location: url.or_else(|| root.locate(&["issuer", &*issuer.name])),
    }
}

/// Adds `routes` to those that are `taken`. Of two routes with one path, the one further down in the file is the
/// error.
fn unique(
    root: &Section<'_>,
    mut routes: Vec<Route>,
    mut taken: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    routes.sort_by(|a, b| a.location.cmp(&b.location));
    for route in routes {
        match taken.entry(route.path) {
            Entry::Vacant(free) => {
                free.insert(route.name);
            }
            Entry::Occupied(other) => {
                let text = format!(
                    "its path is also that of {}: choose another path",
                    other.get()
                );
                let location = route.location.unwrap_or(Location::File);
                root.report(location, &route.name, &text);
            }
        }
    }
    taken
}
