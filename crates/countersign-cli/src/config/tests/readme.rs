//! The README lists every setting with its default.

use std::collections::{BTreeMap, BTreeSet};

use super::{accepted, rejected};

const README: &str = include_str!("../../../../countersign-server/README.md");
const WIRES: [&str; 6] = [
    "envelope",
    "scoped",
    "managed",
    "key_secret",
    "session",
    "oauth",
];

/// The value that the README gives for a setting.
enum Value {
    Default(String),
    /// An example, for a setting without a default.
    Example(String),
}

/// Returns the settings in the tables of the README, by section and name.
fn settings() -> BTreeMap<(String, String), Value> {
    let mut settings = BTreeMap::new();
    let mut section = String::new();
    for line in README.lines() {
        if line.starts_with('#') {
            let heading = line.strip_prefix("### `[").unwrap_or_default();
            let heading = heading.trim_end_matches("]`");
            section = heading.replace("NAME", "default").replace(".WIRE", "");
        }
        if section.is_empty() || !line.starts_with("| `") {
            continue;
        }
        let cells: Vec<&str> = line.split(" | ").collect();
        let code = |cell: usize| cells[cell].split('`').nth(1).unwrap().to_owned();
        let mut add = |section: String, setting: &str, cell: usize| {
            let value = match cells[cell].starts_with('`') {
                true => Value::Default(code(cell)),
                false => Value::Example(code(cell)),
            };
            let setting = (section, setting.to_owned());
            assert!(settings.insert(setting, value).is_none(), "{line}");
        };
        let name = code(0);
        match (section.ends_with(".wires"), name.split_once('.')) {
            (false, _) => add(section.clone(), &name, 1),
            (true, Some((wire, name))) => add(format!("{section}.{wire}"), name, 1),
            (true, None) if WIRES.contains(&&*name) => {
                for (cell, setting) in [(1, "path"), (2, "lifetime"), (3, "max_lifetime")] {
                    add(format!("{section}.{name}"), setting, cell);
                }
            }
            (true, None) => {
                for wire in WIRES {
                    add(format!("{section}.{wire}"), &name, 1);
                }
            }
        }
    }
    settings
}

#[test]
fn defaults_in_the_readme_are_the_defaults() {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for ((section, setting), value) in settings() {
        match value {
            Value::Default(value) => {
                let text = all.entry(section).or_default();
                *text += &format!("{setting} = {value}\n");
            }
            Value::Example(value) => {
                let required: &[_] = match &*section {
                    "server.tls" => &[
                        ("cert", "server.pem"),
                        ("key", "server.key"),
                        ("client_ca", "clients.pem"),
                    ],
                    "trust.default" => &[("issuer", "https://a.example"), ("audience", "b")],
                    "[gateway.rules]" => &[("path", "/calls/**"), ("allow", "authenticated")],
                    _ => &[],
                };
                let is_other = |(name, _): &&(&str, &str)| {
                    let is_replaced = setting == "trust_domain" && *name == "issuer";
                    *name != setting && !is_replaced
                };
                let others = required.iter().filter(is_other);
                let others: String = others
                    .map(|(name, value)| format!("{name} = {value:?}\n"))
                    .collect();
                // Rules for gateways are not accepted without the addresses of gateways.
                let before = match &*section {
                    "[gateway.rules]" => "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n",
                    _ => "",
                };
                accepted(&format!(
                    "{before}[{section}]\n{others}{setting} = {value}\n"
                ));
            }
        }
    }
    let text: String = all
        .iter()
        .map(|(section, text)| format!("[{section}]\n{text}"))
        .collect();
    assert_eq!(
        format!("{:?}", accepted(&text)),
        format!("{:?}", accepted(""))
    );
}

#[test]
fn every_setting_is_in_the_readme() {
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (section, setting) in settings().into_keys() {
        listed.entry(section).or_default().insert(setting);
    }
    assert_eq!(listed.len(), 8 + WIRES.len());
    for (section, listed) in listed {
        let error = rejected(&format!("[{section}]\nunknown = 1\n"));
        let (_, known) = error.split_once("known here: ").unwrap();
        let known = known
            .split(", ")
            .filter(|name| !["tls", "wires"].contains(name));
        let known: BTreeSet<_> = known.map(str::to_owned).collect();
        assert_eq!(known, listed, "{section}");
    }
}

#[test]
fn every_toml_block_in_the_readme_is_accepted() {
    let blocks: Vec<_> = README.split("```toml\n").skip(1).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        accepted(block.split("```").next().unwrap());
    }
}
