//! The checks find violations that are planted in small sample trees.

use crate::cycles::largest_cycle;
use crate::dependencies::Dependencies;
use crate::layers::violations;
use crate::sources::Sources;

/// The modules `a` and `b`, of which `b` always uses `a`. Returns the largest cycle if `a` has this text.
fn cycle_of(a: &str) -> Vec<String> {
    let sources = Sources::sample(&[
        ("lib.rs", "mod a;\nmod b;\npub use b::Exported;\n"),
        ("a.rs", a),
        ("a/nested.rs", ""),
        (
            "b/mod.rs",
            "mod inner;\npub struct Exported;\nuse crate::a::A;",
        ),
        ("b/inner.rs", ""),
    ]);
    let cycle = largest_cycle(&Dependencies::of(&sources));
    cycle.into_iter().collect()
}

#[test]
fn planted_cycle_is_found_in_every_kind_of_path() {
    for text in [
        "use crate::b;",
        "use crate::{b::inner, c};",
        "use crate::b::Exported as E;",
        "use super::b::Exported;",
        "use crate::Exported;",
        "pub use crate::b::*;",
        "fn f() { crate::b::g(); }",
        "fn f() -> Option<crate::b::Exported> { None }",
        "impl super::b::Trait for u8 {}",
        "fn f() { let _ = vec![crate::b::g()]; }",
        "macro_rules! m { () => { $crate::b::g() } }",
        "#[derive(Deserialize)] struct S { #[serde(with = \"crate::b::format\")] f: u8 }",
        "mod nested; mod inline { fn f() { super::super::b::g(); } }",
        "#[cfg(feature = \"x\")] use crate::b;",
    ] {
        assert_eq!(cycle_of(text), ["a", "b"], "{text}");
    }
}

#[test]
fn tests_documentation_and_the_own_module_are_no_dependency() {
    for text in [
        "",
        "#[cfg(test)] mod tests { use crate::b; }",
        "#[cfg(all(test, feature = \"x\"))] use crate::b;",
        "/// See [`b`](crate::b).\npub(crate) struct A;",
        "mod nested; use crate::a::nested::B; pub(super) fn f() { self::b::g(); }",
        "mod inline { mod b {} fn f() { super::b::g(); } }",
        "use b::external_crate;",
    ] {
        assert!(cycle_of(text).is_empty(), "{text}");
    }
}

#[test]
fn dependency_on_a_higher_layer_is_found() {
    let sources = Sources::sample(&[
        ("lib.rs", "mod id;\nmod auth;\nmod unknown;"),
        ("id.rs", "use crate::auth::AuthLayer;"),
        ("auth.rs", "use crate::id::Id;"),
        ("unknown.rs", ""),
    ]);
    let dependencies = Dependencies::of(&sources);
    let expected = [
        "unknown has no layer in LAYERS",
        "id uses the higher auth (id.rs: auth::AuthLayer)",
    ];
    assert_eq!(violations(&dependencies)[..], expected);
}
