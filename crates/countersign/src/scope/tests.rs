use super::*;
use proptest::prelude::*;

#[track_caller]
fn grants(held: &str, wanted: &str) -> bool {
    held.parse::<Scope>()
        .unwrap()
        .grants(&wanted.parse::<Scope>().unwrap())
}

#[test]
fn scope_grants_what_its_pattern_covers() {
    assert!(grants("*", "wallet:*"));
    assert!(grants("wallet:*", "wallet:*"));
    assert!(grants("wallet:*", "wallet:a:b:c"));
    assert!(grants("*:read", "calls:read"));
    assert!(grants("a:*:c", "a:b:c"));
}

#[test]
fn scope_does_not_grant_what_its_pattern_does_not_cover() {
    assert!(!grants("wallet:*", "wallet"));
    assert!(!grants("wallet:*", "*:read"));
    assert!(!grants("wallet:read", "wallet:*"));
    assert!(!grants("*:read", "wallet:*"));
    assert!(!grants("a:*:c", "a:*"));
    assert!(!grants("a:*:c", "a:b:b:c"));
    assert!(!grants("calls:read", "calls:READ"));
}

#[test]
fn text_is_rejected_unless_it_is_a_scope() {
    for text in [
        "",
        ":",
        "a:",
        ":a",
        "a::b",
        "a b",
        "a*",
        "*a",
        "a:*b",
        "a/b",
        "ä",
        "a\u{0}",
        "a:b:c:d:e:f:g:h:i",
    ] {
        assert!(text.parse::<Scope>().is_err(), "{text:?}");
    }
    assert!("a:b:c:d:e:f:g:h".parse::<Scope>().is_ok());
    assert!("a".repeat(128).parse::<Scope>().is_ok());
    assert!("a".repeat(129).parse::<Scope>().is_err());
}

#[test]
fn repetition_and_order_of_scopes_do_not_matter() {
    let scopes: Scopes = "b a  b".parse().unwrap();
    assert_eq!(scopes.as_str(), "b a");
    assert_eq!(scopes, "a b".parse().unwrap());
    assert_ne!(scopes, "a".parse().unwrap());
}

#[test]
fn star_has_no_meaning_in_opaque_scopes() {
    let opaque = Scopes::opaque("wallet:* https://example.com/read");
    assert!(!opaque.grants(&"wallet:read".parse::<Scope>().unwrap()));
    assert!(opaque.grants(&"wallet:*".parse::<Scope>().unwrap()));
}

#[test]
fn more_than_256_scopes_or_4096_bytes_are_rejected() {
    let many = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
    assert!(many(256).parse::<Scopes>().is_ok());
    assert!(many(257).parse::<Scopes>().is_err());
    let long = |n: usize| {
        (0..n)
            .map(|i| format!("{i:0>127}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(long(32).parse::<Scopes>().is_ok());
    assert!(long(33).parse::<Scopes>().is_err());
}

fn pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["[ab]", Just("*".to_owned())], 1..5)
        .prop_map(|segments| segments.join(":"))
}

/// Whether a pattern matches one scope without wildcards, implemented without `covers`.
fn matches(pattern: &[&str], concrete: &[&str]) -> bool {
    match (pattern, concrete) {
        (["*"], [_, ..]) => true,
        ([p, ps @ ..], [c, cs @ ..]) => (*p == "*" || p == c) && matches(ps, cs),
        ([], []) => true,
        _ => false,
    }
}

/// Whether a text is a scope, implemented without the table of bytes.
fn is_scope(text: &str) -> bool {
    let is_segment = |segment: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        segment == "*" || !segment.is_empty() && segment.chars().all(allowed)
    };
    text.len() <= 128 && text.split(':').count() <= 8 && text.split(':').all(is_segment)
}

#[test]
fn scopes_of_a_token_are_joined_by_single_spaces() {
    for text in ["", "a", "a b:* *", "a:b:c:d:e:f:g:h a:b:c:d:e:f:g:h"] {
        assert_eq!(Scopes::from_token(text).unwrap().as_str(), text);
    }
    for text in [
        " ", " a", "a ", "a  b", "a\tb", "a b*", "*a b", "a: b", "a :b", "a \u{e9}",
    ] {
        assert!(Scopes::from_token(text).is_err(), "{text:?}");
    }
    let longest = "a".repeat(128);
    assert!(Scopes::from_token(&format!("{longest} {longest}")).is_ok());
    assert!(Scopes::from_token(&format!("{longest} {longest}a")).is_err());
    assert!(Scopes::from_token("b a:b:c:d:e:f:g:h:i").is_err());
}

proptest! {
    #[test]
    fn text_is_a_scope_if_each_segment_is_one(text in "[ab*:/]{0,12}|[a:]{0,20}") {
        prop_assert_eq!(text.parse::<Scope>().is_ok(), is_scope(&text));
    }

    #[test]
    fn scopes_of_a_token_are_valid_if_each_is_a_scope(text in "[ab*:/ ]{1,16}") {
        let valid = text.split(' ').all(is_scope);
        prop_assert_eq!(Scopes::from_token(&text).is_ok(), valid);
    }

    #[test]
    fn scope_survives_parsing_and_printing(text in pattern()) {
        prop_assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
    }

    #[test]
    fn containment_is_reflexive(a in pattern()) {
        prop_assert!(grants(&a, &a));
    }

    #[test]
    fn containment_is_transitive(a in pattern(), b in pattern(), c in pattern()) {
        if grants(&a, &b) && grants(&b, &c) {
            prop_assert!(grants(&a, &c));
        }
    }

    #[test]
    fn containment_is_sound_against_matching(a in pattern(), b in pattern(), c in "[ab](:[ab]){0,5}") {
        let concrete: Vec<&str> = c.split(':').collect();
        let outer: Vec<&str> = a.split(':').collect();
        let inner: Vec<&str> = b.split(':').collect();
        if grants(&a, &b) && matches(&inner, &concrete) {
            prop_assert!(matches(&outer, &concrete));
        }
        prop_assert_eq!(grants(&a, &c), matches(&outer, &concrete));
    }
}

#[test]
fn equal_scopes_are_in_memory_once_and_keep_their_syntax() {
    let shared = SharedScopes::default();
    let scopes = || shared.share("calls:read calls:write".parse().unwrap());
    assert!(std::ptr::eq(scopes().as_str(), scopes().as_str()));
    let opaque = shared.share(Scopes::opaque("calls:read calls:write"));
    assert!(opaque != scopes());
    for n in 0..30_000 {
        let scopes = shared.share(format!("calls:{n}").parse().unwrap());
        assert_eq!(scopes.as_str(), format!("calls:{n}"));
    }
}
