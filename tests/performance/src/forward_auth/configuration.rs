//! The examples without the directive or filter that asks.

use std::fs;
use std::path::Path;

use countersign_tests::GatewayExample;

/// Changes the file of the example in this folder so that the gateway asks nothing.
pub(super) fn ask_nothing(example: GatewayExample, folder: &Path) {
    let file = folder.join(example.file());
    let text = fs::read_to_string(&file).unwrap();
    let (start, end) = match example {
        GatewayExample::Nginx => ("auth_request /", "\n"),
        GatewayExample::Caddy => ("forward_auth ", "\n\t\t}\n"),
        GatewayExample::HaProxy => ("http-request lua.forward_auth", "\n"),
        _ => (
            "- name: envoy.filters.http.ext_authz",
            "- name: envoy.filters.http.router",
        ),
    };
    fs::write(file, without(&text, start, end)).unwrap();
}

/// Removes the text from `start` to the next `end`, which stays if it is the name of the next filter.
fn without(text: &str, start: &str, end: &str) -> String {
    let from = text.find(start).expect("the example asks");
    let length = text[from..].find(end).expect("the question ends");
    let rest = match end.ends_with('\n') {
        true => from + length + end.len(),
        false => from + length,
    };
    format!("{}{}", &text[..from], &text[rest..])
}
