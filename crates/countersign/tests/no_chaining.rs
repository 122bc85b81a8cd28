//! A bearer token cannot mint another: the compiler says so, in our own words.

#[test]
fn bearer_mechanism_given_to_a_mint_does_not_compile_and_the_compiler_says_why() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/bearer_is_not_primary.rs");
    cases.compile_fail("tests/ui/bearer_principal_cannot_mint.rs");
    cases.compile_fail("tests/ui/cookie_is_not_primary.rs");
    #[cfg(feature = "introspection")]
    cases.compile_fail("tests/ui/opaque_token_is_not_primary.rs");
}
