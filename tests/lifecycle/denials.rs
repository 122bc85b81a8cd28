//! Denied tokens, and keys that are restricted to networks.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::auth::Authenticator;
use countersign::credentials::{ClientAddress, Credentials, RequestHead};
use countersign::directory::MemoryDirectory;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{Pepper, Peppers};
use countersign::mechanism::{ApiKeys, Basic};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::registry::{Caller, DeniedToken, MemoryRegistry, NewKey, Registry as _};
use countersign::rejection::Reason;
use countersign::testing::FixedClock;
use countersign::time::Timestamp;
use countersign_tests::claims;
use num_bigint::BigUint;

use crate::verifier::Verifier;

const URL: &str = "https://auth.example";
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
/// The order of P-256 (SEC 2, 2.4.2).
const ORDER: &[u8] = b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// ECDSA signatures are malleable: if (r, s) is valid, (r, n - s) is too. Tokens are denied by issuer and id, so that
/// denying one form of a token also denies the other.
#[tokio::test]
async fn denied_token_is_rejected_with_both_forms_of_its_ecdsa_signature() {
    let clock = FixedClock::at(NOW);
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let table = Arc::clone(&directory);
    let registry =
        MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
    let caller = Caller::operator("test");
    let created = registry.create_key(&caller, NewKey::new("k", "a:*".parse().unwrap()));
    let created = created.await.unwrap();
    let key = SigningKey::generate(Algorithm::Es256, &SystemRandom).unwrap();
    let issuer = Issuer::builder(URL).signing_key(key).build().unwrap();
    let verifier = Verifier::new(&issuer, directory, peppers, &clock);
    let mint = Mint::new(issuer, clock, SystemRandom);
    let principal = verifier.principal(&created.issued.key).await.unwrap();
    let request = MintRequest::new(principal, MintParameters::default());
    let token = mint.mint(&request).unwrap();
    let other = mint.mint(&request).unwrap();
    let twin = with_negated_s(token.token.expose());
    assert_ne!(twin, token.token.expose());
    assert!(verifier.accepts_token(token.token.expose()).await);
    assert!(verifier.accepts_token(&twin).await);

    let denied = DeniedToken {
        issuer: URL.to_owned(),
        token: claims(&twin)["jti"].as_str().unwrap().parse().unwrap(),
        account: created.record.account_id,
        expires_at: token.expires_at,
    };
    registry.deny_token(&caller, denied).await.unwrap();
    assert!(!verifier.accepts_token(token.token.expose()).await);
    assert!(!verifier.accepts_token(&twin).await);
    assert!(verifier.accepts_token(other.token.expose()).await);
}

/// Returns the token with the other valid form of its signature.
fn with_negated_s(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let order = BigUint::parse_bytes(ORDER, 16).unwrap();
    let s = (order - BigUint::from_bytes_be(s)).to_bytes_be();
    let padded = [vec![0; 32 - s.len()], s].concat();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode([r, &padded].concat()))
}

#[tokio::test]
async fn key_and_client_secret_are_accepted_only_from_the_allowed_networks() {
    let peppers = Peppers::new(Pepper::new(1, &[7; 32]).unwrap(), []);
    let directory = Arc::new(MemoryDirectory::default());
    let (table, clock) = (Arc::clone(&directory), FixedClock::at(NOW));
    let registry =
        MemoryRegistry::new(table, peppers.clone(), clock.clone(), SystemRandom).unwrap();
    let new = NewKey::new("k", "a:*".parse().unwrap());
    let new = new.allow_from("192.0.2.0/24 2001:db8::/32".parse().unwrap());
    let created = registry
        .create_key(&Caller::operator("test"), new)
        .await
        .unwrap();
    let authenticator = Authenticator::builder()
        .primary(ApiKeys::new(directory.clone(), peppers.clone()))
        .primary(Basic::new(directory, peppers))
        .clock(clock)
        .build()
        .unwrap();
    let pair = (
        created.record.id.to_string().into(),
        created.issued.secret.clone(),
    );
    let presented = [
        Credentials::key(created.issued.key.clone()),
        Credentials::client(pair.0, pair.1),
    ];
    for credentials in presented {
        for (from, accepted) in [
            (Some("192.0.2.1"), true),
            (Some("::ffff:192.0.2.1"), true),
            (Some("2001:db8::1"), true),
            (Some("198.51.100.1"), false),
            (Some("2001:db9::1"), false),
            // An unknown address is rejected for a key that is restricted to networks.
            (None, false),
        ] {
            let address = from.map(|from| ClientAddress::Known(from.parse().unwrap()));
            let outcome = authenticator.authenticate(
                credentials.clone().presented_from(address),
                &RequestHead::empty(),
            );
            let outcome = outcome
                .await
                .map(drop)
                .map_err(|rejection| rejection.reason());
            let expected = if accepted {
                Ok(())
            } else {
                Err(Reason::AddressNotAllowed)
            };
            assert_eq!(outcome, expected, "{from:?}");
        }
    }
}
