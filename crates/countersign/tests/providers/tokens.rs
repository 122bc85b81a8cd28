//! What external tokens may contain, and the options for them.

use std::time::Duration;

use countersign::jose::KeySet;
use countersign::mechanism::Jwt;
use countersign::rejection::Reason;
use countersign::testing::{FixedClock, TestIssuer, TestToken};
use countersign::time::{Clock as _, Timestamp};
use countersign::token::{TrustError, TrustedIssuer, TrustedIssuerBuilder};
use countersign::{Principal, dangerous};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);
const HOUR: Duration = Duration::from_secs(3600);

struct Fixture {
    issuer: TestIssuer,
    clock: FixedClock,
}

impl Fixture {
    fn new() -> Self {
        let clock = FixedClock::at(NOW);
        let issuer = TestIssuer::start(clock.clone()).unwrap();
        Self { issuer, clock }
    }

    fn token(&self) -> TestToken {
        self.issuer.token().header("typ", "JWT")
    }

    fn trust(&self) -> TrustedIssuerBuilder {
        let (keys, _) = KeySet::from_jwks(&self.issuer.jwks()).unwrap();
        TrustedIssuer::external(self.issuer.url())
            .audience(TestIssuer::AUDIENCE)
            .keys(keys)
    }

    fn verify_with(
        &self,
        issuer: TrustedIssuerBuilder,
        token: &TestToken,
    ) -> Result<Principal, Reason> {
        let jwt = Jwt::new([issuer.build().unwrap()]);
        jwt.introspect(&token.clone().sign().unwrap(), self.clock.now())
    }

    fn verify(&self, token: &TestToken) -> Result<Principal, Reason> {
        self.verify_with(self.trust(), token)
    }
}

#[test]
fn private_claims_named_like_own_ones_may_have_any_type() {
    let fixture = Fixture::new();
    let odd = [
        Value::Null,
        json!(7),
        json!(true),
        json!(["a", 1]),
        json!({ "a": 1 }),
        json!("text"),
        json!(1.5),
        json!(-1),
    ];
    for name in [
        "account",
        "sid",
        "environment",
        "cgn",
        "agn",
        "sgn",
        "jti",
        "client_id",
        "scope",
        "scp",
        "tid",
        "azp",
    ] {
        for value in &odd {
            let principal = fixture.verify(&fixture.token().claim(name, value));
            let principal =
                principal.unwrap_or_else(|reason| panic!("{name}: {value}: {reason:?}"));
            assert_eq!(principal.subject(), "alice");
            assert!(principal.account().is_none() && principal.session().is_none());
            let id = principal.token_id().map(str::to_owned);
            let expected = if name == "jti" {
                value.as_str()
            } else {
                Some("test-token")
            };
            assert_eq!(id.as_deref(), expected, "{name}: {value}");
        }
    }
}

#[test]
fn claims_that_protect_keep_their_types_and_members_stay_unique() {
    let fixture = Fixture::new();
    for name in ["iss", "aud", "sub", "exp", "nbf", "iat"] {
        for value in [Value::Null, json!(true), json!({ "a": 1 }), json!([1])] {
            let token = fixture.token().claim(name, &value);
            assert!(fixture.verify(&token).is_err(), "{name}: {value}");
        }
    }
    let token = fixture.token();
    for (claims, reason) in [
        (
            token.claims_json().replacen('{', r#"{"sub":"mallory","#, 1),
            Reason::ClaimsMalformed,
        ),
        (
            token
                .claims_json()
                .replacen('{', r#"{"x":{"a":1,"a":2},"#, 1),
            Reason::ClaimsMalformed,
        ),
        (
            token
                .claims_json()
                .replacen('{', r#"{"account":[{"a":1,"a":2}],"#, 1),
            Reason::ClaimsMalformed,
        ),
    ] {
        let text = token.sign_text(&token.header_json(), &claims).unwrap();
        let jwt = Jwt::new([fixture.trust().build().unwrap()]);
        assert_eq!(jwt.introspect(&text, NOW).unwrap_err(), reason, "{claims}");
    }
}

#[test]
fn scopes_are_whole_elements_or_words_and_other_types_have_none() {
    let fixture = Fixture::new();
    let cases: [(Value, &str); 11] = [
        (json!("a b"), "a b"),
        (json!(["a", "b"]), "a b"),
        (json!(["a b", "c"]), "c"),
        (json!(["a", 1, null, ["x"], { "y": 1 }, "b"]), "a b"),
        (json!(""), ""),
        (json!("  a  "), "a"),
        (json!(["ä", "b\tc", "d\"e", "f"]), "f"),
        (json!(7), ""),
        (json!({ "a": "b" }), ""),
        (json!(true), ""),
        (Value::Null, ""),
    ];
    for (value, scopes) in cases {
        let nested = json!({ "roles": value.clone(), "x": 1 });
        let token = fixture
            .token()
            .claim("realm_access", &nested)
            .claim("https://a.example/r.s", &value);
        for trust in [
            fixture.trust().scopes_from([["realm_access", "roles"]]),
            fixture.trust().scopes_from(["https://a.example/r.s"]),
        ] {
            let principal = fixture.verify_with(trust, &token).unwrap();
            assert_eq!(principal.scopes().as_str(), scopes, "{value}");
        }
    }
    let token = fixture
        .token()
        .claim("scope", "a")
        .claim("scp", "b")
        .claim("permissions", ["c"]);
    let scopes = |trust| {
        fixture
            .verify_with(trust, &token)
            .unwrap()
            .scopes()
            .to_string()
    };
    assert_eq!(scopes(fixture.trust()), "a");
    assert_eq!(
        scopes(
            fixture
                .trust()
                .scopes_from(["permissions", "scp", "absent"])
        ),
        "c b"
    );
    let null = fixture
        .token()
        .claim("scope", Value::Null)
        .claim("scp", "b");
    assert_eq!(fixture.verify(&null).unwrap().scopes().as_str(), "b");
}

#[test]
fn types_are_those_that_providers_write_or_those_of_a_list() {
    let fixture = Fixture::new();
    let with_type = |typ: &str| fixture.token().header("typ", typ);
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "application/at+jwt",
        "JOSE",
        "application/JWT",
    ] {
        assert!(fixture.verify(&with_type(typ)).is_ok(), "{typ}");
    }
    let others = [
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "application/logout+jwt",
        "id+jwt",
        "acme+jwt",
        "",
    ];
    for typ in others {
        assert_eq!(
            fixture.verify(&with_type(typ)).unwrap_err(),
            Reason::TypeRejected,
            "{typ}"
        );
    }
    let strict = || {
        fixture
            .trust()
            .accepted_types(["application/AT+jwt", "acme+jwt"])
    };
    for typ in ["at+jwt", "application/at+jwt", "acme+jwt"] {
        assert!(
            fixture.verify_with(strict(), &with_type(typ)).is_ok(),
            "{typ}"
        );
    }
    for typ in ["JWT", "JOSE", "logout+jwt"] {
        assert_eq!(
            fixture.verify_with(strict(), &with_type(typ)).unwrap_err(),
            Reason::TypeRejected,
            "{typ}"
        );
    }
    for never in [
        "logout+jwt",
        "application/DPoP+jwt",
        "secevent+jwt",
        "api-token+jwt",
        "",
    ] {
        let error = fixture.trust().accepted_types([never]).build().unwrap_err();
        assert_eq!(error, TrustError::Type, "{never}");
    }
}

#[test]
fn longer_tokens_are_accepted_up_to_the_configured_length() {
    let fixture = Fixture::new();
    let long = |bytes: usize| fixture.token().claim("groups", "g".repeat(bytes));
    assert_eq!(
        fixture.verify(&long(9_000)).unwrap_err(),
        Reason::TokenTooLong
    );
    let larger = || fixture.trust().max_token_len(64 * 1024);
    assert!(fixture.verify_with(larger(), &long(45_000)).is_ok());
    assert_eq!(
        fixture.verify_with(larger(), &long(60_000)).unwrap_err(),
        Reason::TokenTooLong
    );
    for wrong in [0, 1023, 64 * 1024 + 1] {
        assert_eq!(
            fixture.trust().max_token_len(wrong).build().unwrap_err(),
            TrustError::MaxTokenLen
        );
    }
    // The limit of one issuer is not that of another.
    let other = TrustedIssuer::external("https://other.example").audience("a");
    let other = other
        .keys(KeySet::from_jwks(&fixture.issuer.jwks()).unwrap().0)
        .max_token_len(64 * 1024);
    let jwt = Jwt::new([fixture.trust().build().unwrap(), other.build().unwrap()]);
    let token = long(9_000).sign().unwrap();
    assert_eq!(
        jwt.introspect(&token, NOW).unwrap_err(),
        Reason::TokenTooLong
    );
}

#[test]
fn lifetimes_of_a_day_and_more_are_inside_the_default() {
    let fixture = Fixture::new();
    for hours in [24, 28, 48] {
        assert!(
            fixture
                .verify(&fixture.token().lifetime(hours * HOUR))
                .is_ok(),
            "{hours} h"
        );
    }
    let long = fixture.token().lifetime(49 * HOUR);
    assert_eq!(fixture.verify(&long).unwrap_err(), Reason::LifetimeTooLong);
    let year = fixture.token().lifetime(365 * 24 * HOUR);
    assert!(
        fixture
            .verify_with(fixture.trust().max_lifetime(366 * 24 * HOUR), &year)
            .is_ok()
    );
}

#[test]
fn clock_may_be_off_by_the_leeway() {
    let fixture = Fixture::new();
    let ahead = |seconds: i64| fixture.token().claim("iat", NOW.unix_seconds() + seconds);
    assert!(fixture.verify(&ahead(30)).is_ok());
    assert_eq!(fixture.verify(&ahead(31)).unwrap_err(), Reason::NotYetValid);
}

#[test]
fn subject_and_audience_are_read_from_the_configured_claims_only() {
    let fixture = Fixture::new();
    let token = fixture.token().claim("oid", "object").claim("azp", "app");
    let by = |claim: &str| fixture.verify_with(fixture.trust().subject_claim(claim), &token);
    assert_eq!(by("oid").unwrap().subject(), "object");
    assert_eq!(by("azp").unwrap().subject(), "app");
    assert_eq!(by("absent").unwrap_err(), Reason::ClaimsMalformed);
    assert_eq!(by("exp").unwrap_err(), Reason::ClaimsMalformed);

    let by = |claim: &str, token: &TestToken| {
        fixture.verify_with(fixture.trust().audience_claim(claim), token)
    };
    let no_aud = fixture
        .token()
        .claim("aud", Value::Null)
        .claim("client_id", TestIssuer::AUDIENCE);
    assert!(by("client_id", &no_aud).is_ok());
    assert_eq!(
        fixture.verify(&no_aud).unwrap_err(),
        Reason::ClaimsMalformed
    );
    let other = fixture.token().claim("client_id", "other");
    assert_eq!(
        by("client_id", &other).unwrap_err(),
        Reason::AudienceMismatch
    );
    let several = fixture
        .token()
        .claim("resources", ["other", TestIssuer::AUDIENCE]);
    assert!(by("resources", &several).is_ok());
    assert_eq!(
        by("absent", &several).unwrap_err(),
        Reason::AudienceMismatch
    );
}

#[test]
fn options_that_contradict_each_other_are_build_errors() {
    let keys = || KeySet::from_jwks(&Fixture::new().issuer.jwks()).unwrap().0;
    let external = |url: &str| TrustedIssuer::external(url).audience("a").keys(keys());
    let own = || {
        TrustedIssuer::own("https://a.example")
            .audience("a")
            .keys(keys())
    };
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let email = external(template).subject_claim("email");
    let none: [&str; 0] = [];
    let cases = [
        (external(template), TrustError::Tenants),
        (external(template).tenants(none), TrustError::Tenants),
        (
            external("https://a.example").tenants(["t"]),
            TrustError::Tenants,
        ),
        (
            dangerous::any_tenant(external("https://a.example")),
            TrustError::Tenants,
        ),
        (
            dangerous::any_tenant(email.clone()),
            TrustError::EmailOfAnyTenant,
        ),
        (
            external("https://a.example").subject_claim(""),
            TrustError::Claim,
        ),
        (
            external("https://a.example").audience_claim(""),
            TrustError::Claim,
        ),
        (
            external("https://a.example").scopes_from([""]),
            TrustError::Claim,
        ),
        (own().subject_claim("oid"), TrustError::OwnIssuer),
        (own().max_token_len(9000), TrustError::OwnIssuer),
        (own().scope_patterns(), TrustError::OwnIssuer),
        (own().tenants(["t"]), TrustError::OwnIssuer),
    ];
    for (builder, error) in cases {
        assert_eq!(builder.build().unwrap_err(), error);
    }
    assert!(email.tenants(["t"]).build().is_ok());
    assert!(dangerous::any_tenant(external(template)).build().is_ok());
}
