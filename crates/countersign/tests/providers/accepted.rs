//! The token of each provider is accepted by the issuer's URL and an audience, and the options that are named here. Its
//! roles or scopes can be required, and changed tokens are rejected.

use std::time::Duration;

use countersign::dangerous;
use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::require::{claim, predicate, scope};
use countersign::testing::{Provider, TestProvider};
use countersign::time::SystemClock;
use http::HeaderName;
use serde_json::{Map, Value};

use crate::support::Case;

const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

#[tokio::test]
async fn entra_v1_token_is_accepted_with_its_delegated_scopes() {
    let case = Case::new(Provider::EntraV1, |issuer, _| issuer);
    case.check(scope("access_as_user"), scope("Files.Read"))
        .await;
}

#[tokio::test]
async fn entra_v2_token_is_accepted_with_its_app_roles_and_scopes() {
    let case = Case::new(Provider::EntraV2, |issuer, _| {
        issuer.scopes_from(["roles", "scp"])
    });
    let met = scope("Task.Approve") & scope("Files.Read") & claim("roles").contains("Task.Read");
    case.check(met, scope("Task.Delete")).await;
}

#[tokio::test]
async fn entra_token_is_accepted_with_the_object_id_as_its_subject() {
    let case = Case::new(Provider::EntraV2, |issuer, _| issuer.subject_claim("oid"));
    let principal = case.check(scope("Files.Read"), scope("Task.Read")).await;
    assert_eq!(principal.subject(), "690222be-ff1a-4d56-abd1-7e4f7d38e474");
}

#[tokio::test]
async fn managed_identity_of_azure_is_accepted_for_24_hours_and_5_minutes() {
    let case = Case::new(Provider::EntraManagedIdentity, |issuer, _| {
        issuer.scopes_from(["roles"])
    });
    case.check(scope("Task.Read.All"), scope("Task.Approve"))
        .await;
}

#[tokio::test]
async fn entra_token_of_an_allowed_tenant_is_accepted() {
    let case = Case::new(Provider::EntraMultiTenant, |issuer, _| {
        issuer.tenants([TENANT]).scopes_from(["roles"])
    });
    let contradiction = case
        .provider
        .token()
        .claim("tid", "72f988bf-86f1-41af-91ab-2d7cd011db47");
    let rejected = case.send(&contradiction, None).await.unwrap_err();
    assert_eq!(
        rejected,
        (401, Reason::IssuerUntrusted),
        "tid is not the tenant in iss"
    );
    let principal = case.check(scope("Task.Read"), scope("Task.Approve")).await;
    assert!(
        principal
            .issuer()
            .unwrap()
            .ends_with(&format!("/{TENANT}/v2.0"))
    );
}

#[tokio::test]
async fn entra_token_of_any_tenant_is_accepted_with_the_dangerous_option_only() {
    let case = Case::new(Provider::EntraMultiTenant, |issuer, _| {
        dangerous::any_tenant(issuer)
    });
    let template = case.provider.url();
    for tenant in [TENANT, "72f988bf-86f1-41af-91ab-2d7cd011db47"] {
        let token = case
            .provider
            .token()
            .claim("iss", template.replace("{tenantid}", tenant));
        let principal = case
            .send(&token.clone().claim("tid", tenant), None)
            .await
            .unwrap();
        assert_eq!(
            principal.issuer().unwrap(),
            template.replace("{tenantid}", tenant)
        );
        let rejected = case
            .send(&token.claim("tid", "other"), None)
            .await
            .unwrap_err();
        assert_eq!(rejected, (401, Reason::IssuerUntrusted));
    }
    for tenant in ["", "a/b", "{tenantid}", "..", "a?b"] {
        let token = case
            .provider
            .token()
            .claim("iss", template.replace("{tenantid}", tenant));
        let rejected = case
            .send(&token.claim("tid", tenant), None)
            .await
            .unwrap_err();
        assert_eq!(rejected, (401, Reason::IssuerUntrusted), "{tenant}");
    }
}

#[tokio::test]
async fn google_id_token_is_accepted_and_its_verified_address_may_be_the_subject() {
    let case = Case::new(Provider::Google, |issuer, _| issuer);
    let principal = case
        .check(
            claim("hd").contains("example.com"),
            claim("hd").contains("example"),
        )
        .await;
    assert_eq!(principal.subject(), "110169484474386276334");

    let case = Case::new(Provider::Google, |issuer, _| issuer.subject_claim("email"));
    // Some issuers write the boolean as a string.
    for verified in [Value::Bool(true), "true".into()] {
        let token = case.provider.token().claim("email_verified", verified);
        let principal = case.send(&token, None).await.unwrap();
        assert_eq!(principal.subject(), "ada@example.com");
    }
    for unverified in [
        Value::Bool(false),
        "false".into(),
        "TRUE".into(),
        "".into(),
        Value::Null,
        1.into(),
        vec![true].into(),
    ] {
        let token = case.provider.token().claim("email_verified", &unverified);
        let rejected = case.send(&token, None).await.unwrap_err();
        assert_eq!(rejected, (401, Reason::ClaimsMalformed), "{unverified}");
    }
    let token = case.provider.token();
    let mut claims: Map<String, Value> = serde_json::from_str(&token.claims_json()).unwrap();
    claims.remove("email_verified").unwrap();
    let claims = Value::from(claims).to_string();
    let absent = token.sign_text(&token.header_json(), &claims).unwrap();
    let rejected = case.send_text(&absent, None).await.unwrap_err();
    assert_eq!(rejected, (401, Reason::ClaimsMalformed));
}

#[tokio::test]
async fn google_token_is_accepted_by_both_names_of_its_issuer() {
    let provider = TestProvider::start(Provider::Google, SystemClock).unwrap();
    let short = provider.url().trim_start_matches("http://").to_owned();
    let trust = |url: &str| {
        let issuer = Jwt::issuer(url).audience(provider.audience());
        issuer.jwks_url(provider.jwks_url()).trust().unwrap()
    };
    let jwt = Jwt::new([trust(provider.url()), trust(&short)]);
    let case = Case::with(provider, jwt);
    let token = case.provider.token();
    assert!(case.send(&token, None).await.is_ok());
    assert!(case.send(&token.claim("iss", short), None).await.is_ok());
}

#[tokio::test]
async fn auth0_token_is_accepted_with_its_permissions_and_namespaced_roles() {
    let case = Case::new(Provider::Auth0, |issuer, _| {
        issuer.scopes_from(["permissions"])
    });
    let auditor = claim("https://acme.example/roles").contains("auditor");
    case.check(scope("delete:calls") & auditor, scope("openid"))
        .await;
}

#[tokio::test]
async fn okta_token_is_accepted_with_its_scopes_and_groups() {
    let case = Case::new(Provider::Okta, |issuer, _| issuer);
    let group = claim("groups").contains("Call Admins");
    case.check(
        scope("calls.read") & group,
        claim("groups").contains("Admins"),
    )
    .await;
}

#[tokio::test]
async fn cognito_access_token_is_accepted_by_its_client_id() {
    let case = Case::new(Provider::CognitoAccess, |issuer, _| {
        issuer
            .audience_claim("client_id")
            .scopes_from(["scope", "cognito:groups"])
    });
    case.check(
        scope("resource-server/write") & scope("admin"),
        scope("owner"),
    )
    .await;
    let without_option = Case::new(Provider::CognitoAccess, |issuer, _| issuer);
    let rejected = without_option
        .send(&without_option.provider.token(), None)
        .await;
    assert_eq!(rejected.unwrap_err(), (401, Reason::AudienceMismatch));
}

#[tokio::test]
async fn cognito_id_token_is_accepted_with_its_groups() {
    let case = Case::new(Provider::CognitoId, |issuer, _| {
        issuer.scopes_from(["cognito:groups"])
    });
    case.check(scope("readers"), scope("owner")).await;
}

#[tokio::test]
async fn keycloak_token_is_accepted_with_its_realm_and_client_roles() {
    let case = Case::new(Provider::Keycloak, |issuer, _| {
        issuer.scopes_from([["realm_access", "roles"]])
    });
    let client = claim(["resource_access", "calls-api", "roles"]).contains("call-reader");
    case.check(scope("admin") & client, scope("owner")).await;
}

#[tokio::test]
async fn zitadel_token_is_accepted_with_its_project_roles() {
    let case = Case::new(Provider::Zitadel, |issuer, _| issuer);
    let role = |name: &str| {
        claim([
            "urn:zitadel:iam:org:project:roles",
            name,
            "262389417463480111",
        ])
        .contains("acme.zitadel.cloud")
    };
    // The role in any organization.
    let in_any = |name: &'static str| {
        predicate("project_role", move |principal| {
            let roles = principal.claim::<Map<String, Value>>("urn:zitadel:iam:org:project:roles");
            roles.is_some_and(|roles| roles.contains_key(name))
        })
    };
    let met = role("admin") & in_any("admin");
    case.check(met, role("owner") | in_any("owner")).await;
}

#[tokio::test]
async fn authentik_token_is_accepted_with_its_groups() {
    let case = Case::new(Provider::Authentik, |issuer, _| {
        issuer.scopes_from(["groups"])
    });
    let admins = claim("groups").contains("authentik Admins");
    case.check(scope("operators") & admins, scope("Admins"))
        .await;
}

#[tokio::test]
async fn firebase_token_is_accepted_with_a_custom_claim() {
    let case = Case::new(Provider::Firebase, |issuer, _| {
        issuer.scopes_from(["roles"])
    });
    case.check(scope("moderator"), scope("admin")).await;
}

#[tokio::test]
async fn github_actions_token_is_accepted_for_its_repository() {
    for provider in [Provider::GitHubActions, Provider::GitHubEnterprise] {
        let case = Case::new(provider, |issuer, _| issuer);
        let repository = claim("repository").contains("octo-org/octo-repo");
        let other = claim("repository").contains("octo-org");
        case.check(repository & claim("environment").contains("prod"), other)
            .await;
    }
}

#[tokio::test]
async fn gitlab_token_is_accepted_for_its_project() {
    let case = Case::new(Provider::GitLab, |issuer, _| issuer);
    let met = claim("project_path").contains("my-group/my-project");
    case.check(met, claim("ref_protected").contains("true"))
        .await;
}

#[tokio::test]
async fn kubernetes_service_account_is_accepted_for_a_year() {
    let case = Case::new(Provider::Kubernetes, |issuer, _| issuer.max_lifetime(YEAR));
    let namespace = |name: &str| claim(["kubernetes.io", "namespace"]).contains(name);
    case.check(namespace("payments"), namespace("kube-system"))
        .await;
    let without_option = Case::new(Provider::Kubernetes, |issuer, _| issuer);
    let rejected = without_option
        .send(&without_option.provider.token(), None)
        .await;
    assert_eq!(rejected.unwrap_err(), (401, Reason::LifetimeTooLong));
}

#[tokio::test]
async fn jwt_svid_is_accepted_without_an_issuer_in_its_trust_domain() {
    let provider = TestProvider::start(Provider::Spiffe, SystemClock).unwrap();
    let domain = Jwt::trust_domain(provider.url()).jwks_url(provider.jwks_url());
    let jwt = domain.audience(provider.audience()).build().unwrap();
    let case = Case::with(provider, jwt);
    for subject in [
        "spiffe://acme.example.evil.example/billing/worker",
        "spiffe://acme.example",
        "spiffe://acme.example/",
        "spiffe://acme.exampl/billing",
        "https://acme.example/billing",
        "acme.example/billing",
    ] {
        let token = case.provider.token().subject(subject);
        let rejected = case.send(&token, None).await.unwrap_err();
        assert_eq!(rejected, (401, Reason::IssuerUntrusted), "{subject}");
    }
    let named = case
        .provider
        .token()
        .claim("iss", "https://spire.acme.example");
    assert!(case.send(&named, None).await.is_ok());
    let worker = |name: &str| claim("sub").contains(name);
    let met = worker("spiffe://acme.example/billing/worker");
    let principal = case
        .check(met, worker("spiffe://acme.example/billing"))
        .await;
    assert_eq!(principal.issuer(), Some("spiffe://acme.example"));
}

#[tokio::test]
async fn cloudflare_access_token_is_accepted_in_its_own_header() {
    let provider = TestProvider::start(Provider::CloudflareAccess, SystemClock).unwrap();
    let carrier = HeaderName::from_static("cf-access-jwt-assertion");
    let issuer = Jwt::issuer(provider.url()).audience(provider.audience());
    let issuer = issuer
        .jwks_url(provider.jwks_url())
        .scopes_from([["custom", "groups"]]);
    let jwt = issuer.build().unwrap().in_header(carrier.clone());
    let case = Case {
        provider,
        jwt,
        carrier,
    };
    case.check(scope("operators"), scope("owner")).await;
}

#[tokio::test]
async fn xsuaa_token_is_accepted_with_its_scopes() {
    let case = Case::new(Provider::Xsuaa, |issuer, _| issuer);
    case.check(scope("calls!t123.Display"), scope("calls!t123.Edit"))
        .await;
}

#[tokio::test]
async fn hydra_token_is_accepted_with_its_scopes() {
    let case = Case::new(Provider::Hydra, |issuer, _| issuer);
    case.check(scope("calls.read"), scope("calls.write")).await;
}

#[tokio::test]
async fn dex_token_is_accepted_with_its_groups() {
    let case = Case::new(Provider::Dex, |issuer, _| issuer.scopes_from(["groups"]));
    case.check(scope("acme:operators"), scope("acme:owners"))
        .await;
}

#[tokio::test]
async fn token_of_the_server_of_this_project_is_accepted_with_scope_patterns() {
    let case = Case::new(Provider::Countersign, |issuer, _| issuer.scope_patterns());
    case.check(
        scope("calls:write") & scope("agents:read"),
        scope("agents:write"),
    )
    .await;
    let opaque = Case::new(Provider::Countersign, |issuer, _| issuer);
    let rejected = opaque
        .send(&opaque.provider.token(), Some(scope("calls:write")))
        .await;
    assert_eq!(
        rejected.unwrap_err(),
        (403, Reason::ScopeMissing),
        "`*` is not a pattern"
    );
}
