//! The tables on the page about identity providers agree with the tests of the providers, and with the programs.

use std::collections::BTreeSet;
use std::fs;

use countersign::testing::Provider;

use crate::page::{Page, repository};

/// Returns the rows of the first table behind a heading, without its head.
fn rows<'p>(page: &'p Page, heading: &str) -> Vec<&'p str> {
    let (_, section) = page.text.split_once(heading).unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    lines
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .collect()
}

/// Returns how the row of a provider begins.
fn row_of(provider: Provider) -> &'static str {
    match provider {
        Provider::EntraV1 => "| Microsoft Entra ID, tokens of version 1 |",
        Provider::EntraV2 => {
            "| [Microsoft Entra ID](identity-providers/entra.md), tokens of version 2 |"
        }
        Provider::EntraManagedIdentity => "| managed identities of Azure |",
        Provider::EntraMultiTenant => "| Microsoft Entra ID, several tenants |",
        Provider::Google => "| [Google]",
        Provider::Auth0 => "| [Auth0]",
        Provider::Okta => "| [Okta]",
        Provider::CognitoAccess => {
            "| [AWS Cognito](identity-providers/cognito.md), access tokens |"
        }
        Provider::CognitoId => "| AWS Cognito, ID tokens |",
        Provider::Keycloak => "| [Keycloak]",
        Provider::Zitadel => "| Zitadel |",
        Provider::Authentik => "| Authentik |",
        Provider::Firebase => "| [Firebase]",
        Provider::GitHubActions => "| [GitHub Actions]",
        Provider::GitHubEnterprise => "| GitHub Enterprise Server |",
        Provider::GitLab => "| [GitLab CI]",
        Provider::Kubernetes => "| [Kubernetes]",
        Provider::Spiffe => "| SPIFFE (JWT-SVID) |",
        Provider::CloudflareAccess => "| Cloudflare Access |",
        Provider::Xsuaa => "| SAP XSUAA |",
        Provider::Hydra => "| Ory Hydra |",
        Provider::Dex => "| Dex |",
        Provider::Countersign => "| a server of this project |",
        other => panic!("{other:?} has no row in the guide"),
    }
}

/// Returns the options in a text that decide which tokens are accepted with which scopes.
fn options(text: &str) -> BTreeSet<String> {
    let text: String = text.split_whitespace().collect();
    let mut found = BTreeSet::new();
    for name in [".scopes_from(", ".audience_claim(", ".scope_patterns("] {
        for rest in text.split(name).skip(1) {
            let end = rest.find(')').unwrap();
            found.insert(format!("{name}{})", &rest[..end]));
        }
    }
    found
}

#[test]
fn guide_has_a_row_for_each_provider_with_the_options_of_its_test() {
    let page = Page::read("docs/identity-providers.md".as_ref());
    let rows = rows(&page, "\n## What to configure for which provider");
    let tests = repository().join("crates/countersign/tests/providers/accepted.rs");
    let tests = fs::read_to_string(tests).unwrap();
    for provider in Provider::ALL {
        let row = rows.iter().find(|row| row.starts_with(row_of(*provider)));
        let row = row.unwrap_or_else(|| panic!("{provider:?} has no row in the guide"));
        let name = format!("Provider::{provider:?}");
        let of_provider = |test: &&str| {
            let mut after = test.split(&*name).skip(1);
            test.contains(".check(")
                && after.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        };
        let tests = tests.split("#[tokio::test]").filter(of_provider);
        let tested: BTreeSet<String> = tests.flat_map(options).collect();
        assert_eq!(options(row), tested, "{provider:?}");
    }
    assert_eq!(rows.len(), Provider::ALL.len());
}

#[test]
fn complete_programs_have_as_many_lines_as_the_guide_says() {
    let page = Page::read("docs/identity-providers.md".as_ref());
    let rows = rows(&page, "\n## Complete programs");
    assert_eq!(rows.len(), 4);
    for row in rows {
        let (_, link) = row.split_once("](../").unwrap();
        let (path, lines) = link.split_once(") | ").unwrap();
        let program = fs::read_to_string(repository().join(path)).unwrap();
        let counted = program.lines().count().to_string();
        assert_eq!(lines.trim_end_matches(" |"), counted, "{path}");
    }
}
