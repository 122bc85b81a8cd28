//! The layers of `countersign`.

use crate::dependencies::Dependencies;
use crate::sources::Sources;

/// The layers from the bottom to the top. A module may use its own layer and the layers below.
const LAYERS: [&[&str]; 13] = [
    &[
        "ascii", "der", "disk", "id", "json", "limit", "random", "scope", "secret", "time", "url",
    ],
    &["credentials", "reason"],
    &["jose", "key"],
    &["directory"],
    &["principal", "rejection"],
    &["mechanism", "token"],
    &["auth", "client_address", "require", "tls"],
    &["file", "registry"],
    &["mint"],
    &["remote"],
    &["feed"],
    &["testing"],
    &["dangerous", "extract"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Returns a line for each dependency on a higher layer, and for each module without a layer.
pub(crate) fn violations(dependencies: &Dependencies) -> Vec<String> {
    let unknown = dependencies.modules.iter().filter(|m| layer(m).is_none());
    let unknown = unknown.map(|module| format!("{module} has no layer in LAYERS"));
    let upward = dependencies
        .edges
        .iter()
        .filter(|((from, to), _)| {
            layer(from)
                .zip(layer(to))
                .is_some_and(|(from, to)| from < to)
        })
        .map(|((from, to), example)| format!("{from} uses the higher {to} ({example})"));
    unknown.chain(upward).collect()
}

#[test]
fn no_module_of_countersign_depends_on_a_higher_layer() {
    let found = violations(&Dependencies::of(&Sources::of_crate("countersign")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}
