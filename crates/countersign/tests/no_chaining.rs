//! A bearer token cannot mint another: the compiler says so, in our own words. The messages list the primary mechanisms of all
//! features.

#[test]
fn bearer_mechanism_given_to_a_mint_does_not_compile_and_the_compiler_says_why() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/bearer_is_not_primary.rs");
    cases.compile_fail("tests/ui/bearer_principal_cannot_mint.rs");
    cases.compile_fail("tests/ui/cookie_is_not_primary.rs");
    #[cfg(feature = "introspection")]
    cases.compile_fail("tests/ui/opaque_token_is_not_primary.rs");
}

#[cfg(all(feature = "client-certificates", feature = "webhooks"))]
#[test]
fn webhook_and_certificate_without_a_credential_given_to_a_mint_do_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/certificate_subject_is_not_primary.rs");
    cases.compile_fail("tests/ui/webhook_cannot_mint.rs");
}
