//! jsonwebtoken as a second opinion: thousands of tokens, good and spoilt, judged by both. What it
//! refuses we never accept; what it accepts and we refuse falls under a rule that is named below.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::jose::Algorithm;
use countersign::rejection::Reason;
use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign::token::TrustedIssuer;
use countersign_tests::xorshift::XorShift;
use countersign_tests::{AUDIENCE, FOREIGN, Gate, Key, OURS, b64, key, keys};
use http::HeaderValue;
use jsonwebtoken::{DecodingKey, Validation};

use crate::generator::Generator;

const TOKENS: usize = 2_000;

/// Why we refuse what jsonwebtoken accepts. It looks at none of these, or at less of them.
const RULES: [(Reason, &str); 9] = [
    (
        Reason::HeaderUnsupported,
        "crit, b64, zip, enc, cty and keys in a header are refused: rows 10-12, 22-24",
    ),
    (
        Reason::HeaderMalformed,
        "a header has no member twice, known or not: row 26",
    ),
    (
        Reason::TypeRefused,
        "an access token says that it is one: row 25",
    ),
    (Reason::KeyUnknown, "kid leads to the key: row 13"),
    (
        Reason::ClaimsMalformed,
        "claims are one object, none twice, each of its type: rows 36-38, 40-43",
    ),
    (
        Reason::NotYetValid,
        "iat lies not ahead, nor nbf after exp: rows 36, 37",
    ),
    (Reason::LifetimeTooLong, "no token lives too long: row 34"),
    (
        Reason::TokenBound,
        "cnf is refused while no binding is checked",
    ),
    (Reason::TokenTooLong, "8 KiB are enough: rows 28, 31"),
];

struct Opinions {
    gate: Gate,
    other: DecodingKey,
    validation: Validation,
}

impl Opinions {
    /// Of one key, at the present second. Both without leeway; all times in tokens lie a hundred seconds
    /// and more from it, so that it does not matter when exactly jsonwebtoken looks at its clock.
    fn of(key: &Key, now: Timestamp) -> Self {
        let issuer = |builder: countersign::token::TrustedIssuerBuilder| {
            let builder = builder.audience(AUDIENCE).leeway(Duration::ZERO);
            builder.keys(keys::key_set([key])).build().unwrap()
        };
        let issuers = [
            issuer(TrustedIssuer::own(OURS)),
            issuer(TrustedIssuer::external(FOREIGN)),
        ];
        let public = key.public();
        let (algorithm, other) = match key.algorithm {
            Algorithm::Hs256 => (
                jsonwebtoken::Algorithm::HS256,
                DecodingKey::from_secret(&public),
            ),
            Algorithm::EdDsa => (
                jsonwebtoken::Algorithm::EdDSA,
                DecodingKey::from_ed_components(&b64(public)).unwrap(),
            ),
            Algorithm::Es256 => (
                jsonwebtoken::Algorithm::ES256,
                DecodingKey::from_ec_components(&b64(&public[1..33]), &b64(&public[33..])).unwrap(),
            ),
            _ => (
                jsonwebtoken::Algorithm::RS256,
                DecodingKey::from_rsa_components(&b64(key.modulus()), "AQAB").unwrap(),
            ),
        };
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[OURS, FOREIGN]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.leeway = 0;
        validation.validate_nbf = true;
        Self {
            gate: Gate::of(now, issuers),
            other,
            validation,
        }
    }

    fn theirs(&self, token: &str) -> bool {
        jsonwebtoken::decode::<serde_json::Value>(token, &self.other, &self.validation).is_ok()
    }
}

#[test]
fn what_jsonwebtoken_refuses_we_refuse_and_what_we_refuse_alone_has_a_rule() {
    let mut met: BTreeMap<&str, usize> = RULES.iter().map(|(_, rule)| (*rule, 0)).collect();
    let (mut accepted, mut refused) = (0, 0);
    let algorithms = [
        Algorithm::Hs256,
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Rs256,
    ];
    for (seed, algorithm) in (1..).zip(algorithms) {
        let now = SystemClock.now();
        let mut generator = Generator {
            random: XorShift::new(0x9e37_79b9_7f4a_7c15 ^ seed),
            key: key(algorithm),
            now: now.unix_seconds(),
        };
        let opinions = Opinions::of(key(algorithm), now);
        for i in 0..TOKENS {
            let token = generator.token();
            if HeaderValue::try_from(format!("Bearer {token}")).is_err() {
                continue;
            }
            let ours = opinions.gate.send(&token);
            let case = format!("{algorithm} {i}: {token}");
            match (ours.status.is_success(), opinions.theirs(&token)) {
                (true, true) => accepted += 1,
                (false, false) => refused += 1,
                (true, false) => panic!("we accept what jsonwebtoken refuses: {case}"),
                (false, true) => {
                    let reason = ours.reason.unwrap();
                    let rule = RULES.iter().find(|(known, _)| *known == reason);
                    let (_, rule) =
                        rule.unwrap_or_else(|| panic!("{reason:?} has no rule: {case}"));
                    *met.get_mut(rule).unwrap() += 1;
                }
            }
        }
    }
    println!("{accepted} accepted by both, {refused} refused by both");
    println!("refused by us alone:");
    for (rule, count) in &met {
        println!("{count:>6}  {rule}");
    }
    let alone: usize = met.values().sum();
    assert!(accepted + refused + alone >= 5_000);
    assert!(
        accepted > 500 && refused > 500,
        "{accepted} accepted, {refused} refused"
    );
    for (rule, count) in met {
        assert!(count > 0, "no token met the rule: {rule}");
    }
}
