//! security.md row 79: what is minted grants no more than was held and asked for, and what asks for
//! more is refused. The judge is the same layer that services put in front.

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
use countersign_tests::{AUDIENCE, Gate, NOW, OURS, SUBJECT};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const LIFETIME: u64 = 600;
const LONGEST: u64 = 3600;

fn mint(catalogue: Scopes) -> Mint {
    let issuer = Issuer::builder(OURS)
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

/// Not a whole second: nothing may be rounded up.
fn now() -> Timestamp {
    Timestamp::from_unix_millis(NOW * 1000 + 750)
}

fn gate(mint: &Mint) -> Gate {
    Gate::of(now(), [mint.issuer().trusted().build().unwrap()])
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

/// All scopes of up to four segments of `a` and `b`: what patterns mean, spelt out.
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

/// What the design says of a pattern and one scope, written without the library.
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
    fn token_grants_no_more_than_was_held_and_asked_for(
        held in patterns(4),
        asked in proptest::option::of(patterns(3)),
        catalogue in prop_oneof![3 => Just(String::new()), 1 => patterns(3)],
        lifetime in lifetime(),
    ) {
        let mint = mint(catalogue.parse().unwrap());
        let id: Id = SUBJECT.parse().unwrap();
        let principal = PrimaryPrincipal::for_test(id, held.parse().unwrap());
        let mut parameters = MintParameters::default();
        parameters.scopes = asked.as_ref().map(|asked| asked.parse().unwrap());
        parameters.lifetime = lifetime;
        let seconds = lifetime.map_or(LIFETIME, |lifetime| lifetime.as_secs());
        let within = seconds > 0 && lifetime.is_none_or(|l| l <= Duration::from_secs(LONGEST));
        match mint.mint(&MintRequest::new(principal, parameters)) {
            Ok(minted) => {
                prop_assert!(within);
                let verdict = gate(&mint).send(minted.token.expose());
                let principal = verdict.accepted("minted").principal.clone().unwrap();
                let granted = principal.scopes().as_str().to_owned();
                for scope in concrete().iter().filter(|scope| covers(&granted, scope)) {
                    prop_assert!(covers(&held, scope), "{scope:?} was not held");
                    if let Some(asked) = &asked {
                        prop_assert!(covers(asked, scope), "{scope:?} was not asked for");
                    }
                    if !catalogue.is_empty() {
                        prop_assert!(covers(&catalogue, scope), "{scope:?} is not the issuer's");
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
                // Who asks for none asks for all that it holds.
                let asked = asked.unwrap_or_else(|| held.clone());
                let beyond = |limit: &str| {
                    let limit: Scopes = limit.parse().unwrap();
                    !limit.contains(&asked.parse().unwrap())
                };
                prop_assert!(beyond(&held) || (!catalogue.is_empty() && beyond(&catalogue)));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn token_minted_for_one_audience_is_good_for_no_other(other in "[a-z:/.]{0,24}") {
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
        let verdict = gate(&mint).send(minted.token.expose());
        let aud = verdict.accepted("asked for").principal.clone().unwrap().claim::<String>("aud");
        prop_assert_eq!(aud.as_deref(), Some("https://billing.example"));
    }
}

#[test]
fn terms_of_one_endpoint_never_widen_those_of_its_issuer() {
    // security.md row 79: a lifetime beyond what verifiers accept is refused when the mint is set up
    let terms = |seconds| {
        IssuanceSettings::new(Duration::from_secs(1), Duration::from_secs(seconds))
            .catalogue("a".parse().unwrap())
    };
    let wider = mint(Scopes::none()).with_settings(terms(LONGEST + 1));
    assert!(wider.is_err());
    for catalogue in ["", "*", "a b", "b"] {
        let beyond = terms(60).catalogue(catalogue.parse().unwrap());
        let refused = mint("a".parse().unwrap()).with_settings(beyond);
        assert_eq!(
            refused.unwrap_err(),
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
    gate(&narrow)
        .send(minted.token.expose())
        .accepted("within the terms");
}
