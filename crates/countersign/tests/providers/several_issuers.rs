//! Two providers behind one layer.

use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::require::{Requirement, claim, issuer, scope};
use countersign::testing::{Provider, TestProvider, TestToken};
use countersign::time::SystemClock;
use serde_json::Value;

use crate::support::Case;

/// Returns a token in the name of a provider, which another one has signed with its own key.
fn signed_by(other: &TestProvider, named: &TestProvider) -> TestToken {
    let claims: Value = serde_json::from_str(&named.token().claims_json()).unwrap();
    let claims = claims.as_object().unwrap();
    claims.iter().fold(other.token(), |token, (name, value)| {
        token.claim(name, value)
    })
}

fn kid(provider: &TestProvider) -> String {
    let header: Value = serde_json::from_str(&provider.token().header_json()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn requirement_names_one_of_two_issuers() {
    let start = |provider| TestProvider::start(provider, SystemClock).unwrap();
    let (keycloak, auth0) = (start(Provider::Keycloak), start(Provider::Auth0));
    let trust = |provider: &TestProvider, scopes: &[&str]| {
        let trusted = Jwt::issuer(provider.url()).audience(provider.audience());
        trusted.scopes_from([scopes.to_vec()]).trust().unwrap()
    };
    let jwt = Jwt::new([
        trust(&keycloak, &["realm_access", "roles"]),
        trust(&auth0, &["permissions"]),
    ]);
    let case = Case::with(keycloak, jwt);
    let keycloak = &case.provider;
    let of_keycloak = || issuer(keycloak.url()) & scope("admin");
    // A permission of the other issuer has the same name.
    let admin_of_auth0 = || auth0.token().claim("permissions", ["admin"]);

    let status = async |token: &TestToken, required: Requirement| {
        let outcome = case.send(token, Some(required)).await;
        outcome.map_or_else(|(status, reason)| (status, Some(reason)), |_| (200, None))
    };
    let accepted = (200, None);
    let other_issuer = (403, Some(Reason::IssuerRequired));
    assert_eq!(status(&keycloak.token(), of_keycloak()).await, accepted);
    assert_eq!(status(&admin_of_auth0(), of_keycloak()).await, other_issuer);
    assert_eq!(status(&admin_of_auth0(), scope("admin")).await, accepted);
    let either = || of_keycloak() | (issuer(auth0.url()) & claim("permissions").contains("admin"));
    assert_eq!(status(&keycloak.token(), either()).await, accepted);
    assert_eq!(status(&admin_of_auth0(), either()).await, accepted);
    assert_eq!(status(&auth0.token(), either()).await, other_issuer);

    // Each token is verified with the keys of its own issuer alone.
    for (other, named) in [(&auth0, keycloak), (keycloak, &auth0)] {
        let forged = signed_by(other, named);
        let unknown = (401, Some(Reason::KeyUnknown));
        assert_eq!(status(&forged, scope("admin")).await, unknown);
        let with_its_kid = forged.key_id(&kid(named));
        let invalid = (401, Some(Reason::SignatureInvalid));
        assert_eq!(status(&with_its_kid, scope("admin")).await, invalid);
    }
}
