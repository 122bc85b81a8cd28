//! A minted token grants no more than the principal holds and the request asks for, and a request for more is rejected
//! (RFC 9700 §2.3). The token is verified with the same layer that services use.

use std::time::Duration;

use countersign::credentials::Scheme;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mint::{
    IssuanceSettings, Issuer, IssuerError, Mint, MintError, MintParameters, MintRequest,
};
use countersign::principal::PrimaryPrincipal;
use countersign::random::SystemRandom;
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign::{Id, Scopes};
use countersign_tests::{AUDIENCE, Harness, NOW, OWN_ISSUER, SUBJECT};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const LIFETIME: u64 = 600;
const LONGEST: u64 = 3600;

fn mint(catalogue: Scopes) -> Mint {
    let issuer = Issuer::builder(OWN_ISSUER)
        .audience(AUDIENCE)
        .audience("https://billing.example")
        .signing_key(SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap())
        .settings(
            IssuanceSettings::new(Duration::from_secs(LIFETIME), Duration::from_secs(LONGEST))
                .catalogue(catalogue),
        )
        .build()
        .unwrap();
    Mint::new(issuer, FixedClock::at(now()), SystemRandom)
}

/// Not a whole second, to detect times that are rounded up.
fn now() -> Timestamp {
    Timestamp::from_unix_millis(NOW * 1000 + 750)
}

fn harness(mint: &Mint) -> Harness {
    Harness::with_issuers(now(), [mint.issuer().trusted().build().unwrap()])
}

fn pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![3 => "[ab]", 1 => Just("*".to_owned())], 1..4)
        .prop_map(|segments| segments.join(":"))
}

fn patterns(longest: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(pattern(), 0..longest).prop_map(|list| list.join(" "))
}

fn lifetime() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![
        Just(None),
        (0..2 * LONGEST).prop_map(|s| Some(Duration::from_secs(s))),
        (0u64..5_000).prop_map(|ms| Some(Duration::from_millis(ms))),
        Just(Some(Duration::from_secs(LONGEST))),
        Just(Some(Duration::new(LONGEST, 1))),
        Just(Some(Duration::from_secs(u64::MAX))),
        Just(Some(Duration::MAX)),
    ]
}

/// All scopes of up to four segments of `a` and `b`.
fn concrete() -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&str>> = vec![vec![]];
    for length in 0..4 {
        let longest: Vec<_> = all
            .iter()
            .filter(|scope| scope.len() == length)
            .cloned()
            .collect();
        for scope in longest {
            all.extend(["a", "b"].map(|segment| [&scope[..], &[segment]].concat()));
        }
    }
    all.retain(|scope| !scope.is_empty());
    all
}

/// Whether a pattern covers a scope, computed without the library.
fn matches(pattern: &[&str], scope: &[&str]) -> bool {
    match (pattern, scope) {
        (["*"], [_, ..]) => true,
        ([p, ps @ ..], [s, ss @ ..]) => (*p == "*" || p == s) && matches(ps, ss),
        ([], []) => true,
        _ => false,
    }
}

fn covers(patterns: &str, scope: &[&str]) -> bool {
    let mut patterns = patterns.split(' ').filter(|pattern| !pattern.is_empty());
    patterns.any(|pattern| matches(&pattern.split(':').collect::<Vec<_>>(), scope))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1_000,
        rng_seed: RngSeed::Fixed(79),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn token_grants_no_more_than_was_held_and_requested(
        held in patterns(4),
        requested in proptest::option::of(patterns(3)),
        catalogue in prop_oneof![3 => Just(String::new()), 1 => patterns(3)],
        lifetime in lifetime(),
    ) {
        let mint = mint(catalogue.parse().unwrap());
        let id: Id = SUBJECT.parse().unwrap();
        let principal = PrimaryPrincipal::for_test(id, held.parse().unwrap());
        let mut parameters = MintParameters::default();
        parameters.scopes = requested.as_ref().map(|requested| requested.parse().unwrap());
        parameters.lifetime = lifetime;
        let seconds = lifetime.map_or(LIFETIME, |lifetime| lifetime.as_secs());
        let within = seconds > 0 && lifetime.is_none_or(|l| l <= Duration::from_secs(LONGEST));
        match mint.mint(&MintRequest::new(principal, parameters)) {
            Ok(minted) => {
                prop_assert!(within);
                let observed = harness(&mint).send(minted.token.expose());
                let principal = observed.accepted("minted").principal.clone().unwrap();
                let granted = principal.scopes().as_str().to_owned();
                for scope in concrete().iter().filter(|scope| covers(&granted, scope)) {
                    prop_assert!(covers(&held, scope), "{scope:?} was not held");
                    if let Some(requested) = &requested {
                        prop_assert!(covers(requested, scope), "{scope:?} was not requested");
                    }
                    if !catalogue.is_empty() {
                        prop_assert!(covers(&catalogue, scope), "{scope:?} is not in the catalogue");
                    }
                }
                let end = principal.expires_at().unwrap();
                prop_assert!(end <= now().plus(Duration::from_secs(seconds)));
                prop_assert!(end > now());
                prop_assert_eq!(end, minted.expires_at);
                prop_assert_eq!(principal.subject(), SUBJECT);
                prop_assert_eq!(principal.scheme(), Scheme::Bearer);
                prop_assert!(principal.primary().is_none(), "a token mints no token");
            }
            Err(MintError::Lifetime) => prop_assert!(!within),
            Err(MintError::Scope(_)) => {
                prop_assert!(within);
                // A request without scopes asks for all that the principal holds.
                let requested = requested.unwrap_or_else(|| held.clone());
                let beyond = |limit: &str| {
                    let limit: Scopes = limit.parse().unwrap();
                    !limit.contains(&requested.parse().unwrap())
                };
                prop_assert!(beyond(&held) || (!catalogue.is_empty() && beyond(&catalogue)));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn token_minted_for_one_audience_is_rejected_for_another(other in "[a-z:/.]{0,24}") {
        let mint = mint(Scopes::none());
        let principal = || PrimaryPrincipal::for_test(SUBJECT.parse().unwrap(), Scopes::none());
        let ask = |resource: &str| {
            let parameters = MintParameters::default().resource(resource);
            mint.mint(&MintRequest::new(principal(), parameters))
        };
        prop_assert_eq!(ask(&other).unwrap_err(), MintError::Audience);
        let prefix = &AUDIENCE[..AUDIENCE.len() - 1];
        prop_assert_eq!(ask(prefix).unwrap_err(), MintError::Audience);
        let minted = ask("https://billing.example").unwrap();
        let observed = harness(&mint).send(minted.token.expose());
        let aud = observed.accepted("requested").principal.clone().unwrap().claim::<String>("aud");
        prop_assert_eq!(aud.as_deref(), Some("https://billing.example"));
    }
}

#[test]
fn settings_of_an_endpoint_never_exceed_those_of_its_issuer() {
    // A lifetime that verifiers would not accept is rejected when the mint is built.
    let terms = |seconds| {
        IssuanceSettings::new(Duration::from_secs(1), Duration::from_secs(seconds))
            .catalogue("a".parse().unwrap())
    };
    let wider = mint(Scopes::none()).with_settings(terms(LONGEST + 1));
    assert!(wider.is_err());
    for catalogue in ["", "*", "a b", "b"] {
        let beyond = terms(60).catalogue(catalogue.parse().unwrap());
        let rejected = mint("a".parse().unwrap()).with_settings(beyond);
        assert_eq!(
            rejected.unwrap_err(),
            IssuerError::Catalogue,
            "{catalogue:?}"
        );
    }
    let narrow = mint("a c".parse().unwrap())
        .with_settings(terms(60))
        .unwrap();
    let ask = |seconds, scopes: &str| {
        let held = "a b".parse().unwrap();
        let principal = PrimaryPrincipal::for_test(SUBJECT.parse().unwrap(), held);
        let parameters = MintParameters::default()
            .scopes(scopes.parse().unwrap())
            .lifetime(Duration::from_secs(seconds));
        narrow.mint(&MintRequest::new(principal, parameters))
    };
    assert_eq!(ask(61, "a").unwrap_err(), MintError::Lifetime);
    assert_eq!(
        ask(60, "b").unwrap_err(),
        MintError::Scope("b".parse().unwrap())
    );
    let minted = ask(60, "a").unwrap();
    harness(&narrow)
        .send(minted.token.expose())
        .accepted("within the settings");
}
