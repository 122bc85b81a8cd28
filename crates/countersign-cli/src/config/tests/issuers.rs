//! Issuers and their wires.

use std::time::Duration;

use countersign_wire::ErrorStatus;

use super::{accepted, default_issuer, rejected};

#[test]
fn defaults_of_wires_are_those_of_the_readme() {
    let config = accepted("");
    let wires = &default_issuer(&config).wires;
    let (minute, hour, day) = (60, 3600, 24 * 3600);
    for (wire, path, lifetime, longest) in [
        (&wires.envelope.wire, "/auth/token", hour, hour),
        (&wires.scoped, "/v1/auth/token", 15 * minute, 15 * minute),
        (&wires.managed, "/api/v1/api_token", 90 * day, 365 * day),
        (&wires.key_secret, "/generate-token", hour, hour),
        (&wires.session.wire, "/auth/login", 2 * hour, 2 * hour),
        (&wires.oauth.wire, "/oauth/token", hour, hour),
    ] {
        assert!(wire.enabled && wire.scopes.is_empty(), "{path}");
        assert_eq!(wire.path, path);
        assert_eq!(wire.lifetimes.default.as_secs(), lifetime, "{path}");
        assert_eq!(wire.lifetimes.max.as_secs(), longest, "{path}");
    }
    assert_eq!(wires.envelope.error_status, ErrorStatus::Http);
    assert_eq!(wires.session.sessions_path, "/auth/sessions");
    assert_eq!(wires.session.max_sessions.get(), 100);
    assert_eq!(wires.session.renew_within.as_secs(), 60);
    assert_eq!(wires.oauth.introspection_path, "/oauth/introspect");
    assert_eq!(wires.oauth.revocation_path, "/oauth/revoke");
    // Managed tokens are excepted.
    assert_eq!(wires.max_lifetime(), Some(Duration::from_secs(2 * hour)));
}

#[test]
fn audience_may_be_one_string() {
    let config = accepted("[issuer.default]\naudience = \"https://a.example\"");
    assert_eq!(
        default_issuer(&config).audiences,
        ["https://a.example".into()]
    );
}

#[test]
fn issuers_url_is_the_public_url_unless_it_has_its_own() {
    let public = "[server]\npublic_url = \"https://example.com\"\n";
    let config = accepted(public);
    assert_eq!(
        default_issuer(&config).url.as_deref(),
        Some("https://example.com")
    );
}

#[test]
fn wire_inherits_the_limits_of_its_issuer_and_its_own_lifetime_is_its_maximum() {
    let lifetimes = |text: &str| {
        let config = accepted(text);
        let wires = &default_issuer(&config).wires;
        let of = [&wires.scoped, &wires.session.wire, &wires.oauth.wire];
        of.map(|wire| {
            (
                wire.lifetimes.default.as_secs(),
                wire.lifetimes.max.as_secs(),
            )
        })
    };
    let issuer = "[issuer.default]\nlifetime = \"5m\"\nscopes = [\"a:*\"]\n";
    assert_eq!(lifetimes(issuer), [(300, 900), (300, 7200), (300, 3600)]);
    let bound = "[issuer.default]\nlifetime = \"20m\"\nmax_lifetime = \"30m\"\n";
    assert_eq!(lifetimes(bound), [(1200, 1800); 3]);
    let bound = "[issuer.default]\nmax_lifetime = \"1h\"\n";
    assert_eq!(lifetimes(bound), [(900, 3600), (3600, 3600), (3600, 3600)]);

    let own = format!("{issuer}[issuer.default.wires.oauth]\nlifetime = \"2h\"\nscopes = []\n");
    assert_eq!(lifetimes(&own)[2], (7200, 7200));
    let config = accepted(&own);
    let wires = &default_issuer(&config).wires;
    assert_eq!(wires.oauth.wire.scopes.as_str(), "a:*");
    assert_eq!(wires.scoped.scopes.as_str(), "a:*");
    // The lifetimes of managed tokens do not depend on the issuer's.
    assert_eq!(wires.managed.lifetimes.default.as_secs(), 90 * 24 * 3600);
}

#[test]
fn issuer_without_a_url_or_with_a_malformed_name_is_rejected_unless_it_is_the_default() {
    assert_eq!(
        rejected("\n[issuer.core]\nlifetime = \"5m\"\n"),
        "countersign.toml:2: issuer.core.url: missing; every issuer but `default` needs a URL of its own"
    );
    assert_eq!(
        rejected("[issuer.Core]\nurl = \"https://a.example/core\"\n"),
        "countersign.toml:1: issuer.Core: an issuer name must have 1 to 64 lower-case letters, digits and hyphens"
    );
    // A malformed URL is not also a missing one.
    let errors = rejected("[issuer.core]\nurl = \"core\"\n");
    assert!(errors.starts_with("countersign.toml:2: issuer.core.url: expected a URL"));
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn two_issuers_with_one_path_are_rejected_at_the_second() {
    let core = "[issuer.core]\nurl = \"https://core.example\"\n";
    assert_eq!(
        rejected(core),
        "countersign.toml:2: issuer.core.url: its path is also that of issuer.default.url: choose \
         another path"
    );
    let public = "[server]\npublic_url = \"https://a.example/core\"\n";
    accepted(&format!("{public}{core}"));
    let both = format!("{core}[issuer.default]\nurl = \"https://a.example\"\n");
    assert!(rejected(&both).starts_with("countersign.toml:4: issuer.default.url: its path"));
}

#[test]
fn two_routes_with_one_path_are_rejected_with_the_line_of_one_and_the_name_of_the_other() {
    for (text, line, reported, other) in [
        (
            "[issuer.default.wires.envelope]\npath = \"/oauth/token\"\n",
            2,
            "issuer.default.wires.envelope.path",
            "issuer.default.wires.oauth.path",
        ),
        (
            "[issuer.default.wires.session]\nsessions_path = \"/auth/login\"\n",
            2,
            "issuer.default.wires.session.sessions_path",
            "issuer.default.wires.session.path",
        ),
        (
            "[issuer.default.wires.oauth]\nrevocation_path = \"/r\"\nintrospection_path = \"/r\"\n",
            3,
            "issuer.default.wires.oauth.introspection_path",
            "issuer.default.wires.oauth.revocation_path",
        ),
        (
            "[issuer.default.wires.oauth]\npath = \"/whoami\"\n",
            2,
            "issuer.default.wires.oauth.path",
            "/whoami of issuer.default",
        ),
        (
            "[issuer.default.wires.oauth]\npath = \"/healthz\"\n",
            2,
            "issuer.default.wires.oauth.path",
            "the server's /healthz",
        ),
        (
            "[issuer.default.wires.scoped]\npath = \"/openapi.json\"\n",
            2,
            "issuer.default.wires.scoped.path",
            "the server's /openapi.json",
        ),
        // Neither path is set: they conflict because of the URL.
        (
            "[issuer.v1]\nurl = \"https://a.example/v1\"\n",
            2,
            "issuer.v1.wires.envelope.path",
            "issuer.default.wires.scoped.path",
        ),
    ] {
        assert_eq!(
            rejected(text),
            format!(
                "countersign.toml:{line}: {reported}: its path is also that of {other}: choose another path"
            )
        );
    }
    // A disabled wire has no route.
    let off = "[issuer.default.wires.scoped]\nenabled = false\n[issuer.v1]\nurl = \"https://a.example/v1\"\n";
    accepted(off);
}

#[test]
fn lifetime_above_the_maximum_is_rejected_where_it_is_set() {
    assert_eq!(
        rejected("[issuer.default]\nlifetime = \"90m\"\n"),
        "countersign.toml:2: issuer.default.lifetime: the lifetime of 90m is longer than the max_lifetime of 1h"
    );
}

#[test]
fn scopes_of_a_wire_outside_those_of_the_issuer_are_rejected() {
    let text =
        "[issuer.default]\nscopes = [\"a:*\"]\n[issuer.default.wires.oauth]\nscopes = [\"b\"]\n";
    assert!(rejected(text).starts_with("countersign.toml:4: issuer.default.wires.oauth.scopes: "));
}
