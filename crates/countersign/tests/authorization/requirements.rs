//! Requirements on scopes, claims, issuers and predicates.

use countersign::auth::BuildError;
use countersign::principal::ClaimPath;
use countersign::rejection::{Reason, Rejection, RejectionKind};
use countersign::require::{Requirement, any, claim, issuer, predicate, primary, require, scope};
use http::StatusCode;
use serde_json::json;

use crate::support::ada;

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "tests write no `&`")]
fn met(requirement: Requirement) {
    requirement.check(&ada().build()).unwrap();
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "tests write no `&`")]
fn unmet(requirement: Requirement) -> Rejection {
    requirement.check(&ada().build()).unwrap_err()
}

#[test]
fn scopes_of_any_charset_are_required_as_they_are() {
    for whole in [
        "https://www.googleapis.com/auth/drive",
        "app!t123.Display",
        "resource-server/write",
        "calls:*",
    ] {
        met(scope(whole));
        let rejection = unmet(scope(format!("{whole}x")));
        assert_eq!(rejection.reason(), Reason::ScopeMissing);
        unmet(scope(whole.split_at(whole.len() - 1).0));
    }
    for wrong in ["", "a b", "a\"b", "a\\b", "ä", "a\tb"] {
        assert!(
            matches!(require(scope(wrong)), Err(BuildError::Scope(_))),
            "{wrong:?}"
        );
    }
}

#[test]
fn claim_contains_a_whole_string_or_a_whole_element_and_nothing_of_another_type() {
    let roles = || claim(["realm_access", "roles"]);
    met(roles().contains("admin"));
    met(roles().contains("call reader"));
    met(claim("https://acme.example/roles").contains("editor"));
    met(claim(["tenant.id", "a/b"]).contains("x"));
    for missing in [
        roles().contains("adm"),
        roles().contains("call"),
        roles().contains("Admin"),
        roles().contains(""),
        claim("https://acme.example/roles").contains("edit"),
        claim(["realm_access", "count"]).contains("3"),
        claim("realm_access").contains("roles"),
        claim("flag").contains("true"),
        claim(["flag", "x"]).contains("true"),
        claim("realm_access.roles").contains("admin"),
        claim("absent").contains(""),
    ] {
        let rejection = unmet(missing);
        assert_eq!(rejection.reason(), Reason::ClaimMissing);
        assert_eq!(rejection.kind(), RejectionKind::InsufficientScope);
    }
    let mixed = ada()
        .claim("roles", json!([1, null, ["a"], { "a": 1 }, "b"]))
        .build();
    assert!(claim("roles").contains("b").check(&mixed).is_ok());
    assert!(claim("roles").contains("a").check(&mixed).is_err());
    for path in [
        ClaimPath::from(""),
        ClaimPath::from(["a", ""]),
        ClaimPath::from(Vec::<String>::new()),
    ] {
        assert_eq!(
            require(claim(path).contains("a")).unwrap_err(),
            BuildError::Claim
        );
    }
}

#[test]
fn requirements_combine_and_the_rejection_says_what_is_missing() {
    met(issuer("https://a.example")
        & scope("calls:*")
        & predicate("subject", |p| p.subject() == "ada"));
    met(any([
        scope("no"),
        claim("flag").contains("no"),
        issuer("https://a.example"),
    ]));
    let cases = [
        (
            issuer("https://b.example"),
            Reason::IssuerRequired,
            "https://b.example",
        ),
        (
            predicate("office_hours", |_| false),
            Reason::Unmet("office_hours"),
            "office_hours",
        ),
        (
            scope("one") & scope("two"),
            Reason::ScopeMissing,
            "`one two`",
        ),
        (
            scope("one") & claim("roles").contains("r"),
            Reason::ClaimMissing,
            "`r`",
        ),
        (primary(), Reason::PrimaryRequired, "long-lived"),
    ];
    for (requirement, reason, names) in cases {
        let rejection = unmet(requirement);
        assert_eq!(rejection.reason(), reason);
        assert_eq!(rejection.kind().status(), StatusCode::FORBIDDEN);
        let explanation = rejection.explanation().unwrap();
        assert!(
            explanation.contains(names) && explanation.contains("ada"),
            "{explanation}"
        );
    }
}

#[test]
fn explanation_names_every_alternative_and_every_part_that_is_unmet() {
    let admin = || claim("groups").contains("admin");
    for (requirement, expected) in [
        (
            admin() | scope("calls:admin") | issuer("https://b.example"),
            "`admin` is required in the claim groups, or the scope `calls:admin` is required, or a token of the issuer \
             https://b.example is required, and the caller is ada",
        ),
        (
            scope("one") & (admin() | scope("two")) & predicate("met", |_| true),
            "the scope `one` is required, and (`admin` is required in the claim groups, or the scope `two` is required), \
             and the caller is ada",
        ),
        (
            (scope("one") & scope("two")) | (scope("three") & admin()),
            "(the scope `one two` is required), or (the scope `three` is required, and `admin` is required in the claim \
             groups), and the caller is ada",
        ),
    ] {
        assert_eq!(unmet(requirement).explanation(), Some(expected));
    }
}

#[test]
fn refused_pattern_of_an_opaque_scope_says_what_to_configure() {
    let rejection = unmet(scope("calls:read"));
    assert!(
        rejection
            .explanation()
            .unwrap()
            .contains("scope_patterns()"),
        "{rejection}"
    );
    let other = unmet(scope("other"));
    assert!(
        !other.explanation().unwrap().contains("scope_patterns()"),
        "{other}"
    );
}

#[test]
fn claims_are_read_as_a_type_of_the_users_own() {
    #[derive(serde::Deserialize)]
    struct User {
        #[serde(rename = "https://acme.example/roles")]
        role: String,
        flag: bool,
    }
    let user: User = ada().build().claims().unwrap();
    assert_eq!((user.role.as_str(), user.flag), ("editor", true));
    assert!(ada().build().claims::<Vec<String>>().is_err());
}

#[test]
fn rejection_of_the_users_own_has_its_label_and_status() {
    let rejection = Rejection::new(Reason::Unmet("outside_of_office_hours"));
    assert_eq!(rejection.kind().status(), StatusCode::FORBIDDEN);
    assert_eq!(rejection.reason().label(), "outside_of_office_hours");
    let rejection = ada().build().reject(Reason::Denied);
    assert_eq!(rejection.kind(), RejectionKind::Forbidden);
}
