//! `[[gateway.rules]]`.

use super::{accepted, rejected};
use crate::config::{Access, Config};

const PROXIES: &str = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";

fn with(rules: &str) -> String {
    format!("{PROXIES}{rules}")
}

fn paths(config: &Config) -> Vec<String> {
    let rules = config.gateway.iter();
    rules.map(|rule| format!("{:?}", rule.path)).collect()
}

#[test]
fn rules_are_read_in_their_order_in_either_form() {
    let tables = accepted(&with(
        "[[gateway.rules]]\npath = \"/b/**\"\nmethods = \"GET\"\nscopes = \"calls:read\"\n\
         [[gateway.rules]]\npath = \"/a\"\nallow = \"public\"\n\
         [[gateway.rules]]\npath = \"/**\"\nallow = \"nothing\"\n",
    ));
    let inline = accepted(&with(
        "[gateway]\nrules = [\n\
         { path = \"/b/**\", methods = [\"GET\"], scopes = [\"calls:read\"] },\n\
         { path = \"/a\", allow = \"public\" },\n{ path = \"/**\", allow = \"nothing\" },\n]\n",
    ));
    assert_eq!(paths(&tables), ["/b/**", "/a", "/**"]);
    assert_eq!(
        format!("{:?}", tables.gateway),
        format!("{:?}", inline.gateway)
    );
    let access: Vec<_> = tables.gateway.iter().map(|rule| &rule.access).collect();
    assert!(
        matches!(access[..], [Access::Authenticated(list), Access::Public, Access::Denied] if list.len() == 1)
    );
}

#[test]
fn rule_says_what_it_allows_and_what_it_requires() {
    for (rule, requirements) in [
        ("allow = \"authenticated\"", 0),
        ("allow = \"authenticated\"\nprimary = true", 1),
        ("primary = true", 1),
        ("issuer = \"https://login.example\"", 1),
        (
            "scopes = [\"calls:read\", \"https://a.example/auth\"]\nprimary = true",
            3,
        ),
    ] {
        let config = accepted(&with(&format!("[[gateway.rules]]\npath = \"/\"\n{rule}\n")));
        let access = &config.gateway[0].access;
        assert!(
            matches!(access, Access::Authenticated(list) if list.len() == requirements),
            "{access:?}"
        );
    }
}

#[test]
fn rule_that_is_incomplete_or_contradicts_itself_is_an_error_with_its_line() {
    for (rule, line, error) in [
        ("path = \"/\"", 3, "gateway.rules.allow: missing"),
        (
            "path = \"/\"\nprimary = false",
            3,
            "gateway.rules.allow: missing",
        ),
        ("allow = \"public\"", 3, "gateway.rules.path: missing"),
        (
            "path = \"/a/../b\"\nallow = \"public\"",
            4,
            "gateway.rules.path: expected a path",
        ),
        (
            "path = \"/\"\nallow = \"all\"",
            5,
            "gateway.rules.allow: expected public",
        ),
        (
            "path = \"/\"\nallow = \"public\"\nscopes = \"a\"",
            5,
            "gateway.rules.allow: `scopes`",
        ),
        (
            "path = \"/\"\nallow = \"nothing\"\nprimary = true",
            5,
            "gateway.rules.allow: `scopes`",
        ),
        (
            "path = \"/\"\nscopes = \"a b\"",
            5,
            "gateway.rules.scopes: expected a scope",
        ),
        (
            "path = \"/\"\nscopes = []",
            5,
            "gateway.rules.scopes: expected at least one",
        ),
        (
            "path = \"/\"\nallow = \"public\"\nmethods = [\"get\"]",
            6,
            "gateway.rules.methods: expected a method",
        ),
        (
            "path = \"/\"\nallow = \"public\"\nhost = \"a\"",
            6,
            "gateway.rules.host: unknown setting",
        ),
    ] {
        let errors = rejected(&with(&format!("[[gateway.rules]]\n{rule}\n")));
        let expected = format!("countersign.toml:{line}: {error}");
        assert!(errors.starts_with(&expected), "{rule}: {errors}");
    }
    let errors = rejected(&with("[gateway]\nrules = [\"/\"]\n"));
    assert!(
        errors.contains("gateway.rules: expected a section"),
        "{errors}"
    );
}

#[test]
fn rules_require_trusted_proxies() {
    let errors = rejected("[[gateway.rules]]\npath = \"/\"\nallow = \"public\"\n");
    assert!(
        errors.contains("`trusted_proxies` in [server] is missing"),
        "{errors}"
    );
    assert!(accepted("[gateway]\n").gateway.is_empty());
}
