//! Every provider has a case in `accepted.rs`.

use countersign::testing::Provider;

/// Returns the providers without a test that checks their token.
fn without_case(tests: &str) -> Vec<Provider> {
    let has_case = |provider: &Provider| {
        let name = format!("Provider::{provider:?}");
        let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
        tests
            .split("#[tokio::test]")
            .filter(|test| test.contains(".check("))
            .any(|test| test.split(&*name).skip(1).any(is_end))
    };
    let all = Provider::ALL.iter().copied();
    all.filter(|provider| !has_case(provider)).collect()
}

#[test]
fn every_provider_has_a_case_that_checks_its_token() {
    assert_eq!(without_case(include_str!("accepted.rs")), []);
}

#[test]
fn provider_without_a_case_is_found() {
    let tests = include_str!("accepted.rs").replace("Provider::Dex", "Provider::Okta");
    assert_eq!(without_case(&tests), [Provider::Dex]);
    let tests = include_str!("accepted.rs").replace("Provider::EntraV1", "Provider::EntraV12");
    assert_eq!(without_case(&tests), [Provider::EntraV1]);
    assert_eq!(without_case("").len(), Provider::ALL.len());
}
