//! What has a `Debug` output prints no secret.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::{Debug, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign::directory::PasswordHash;
use countersign::jose::{Algorithm, SigningKey};
use countersign::key::{ImportedKey, Pepper, Peppers};
use countersign::mint::AccessToken;
use countersign::random::SystemRandom;
use countersign::registry::backend::StoredSecret;
use countersign::time::Timestamp;
use countersign::{Id, Scopes, Secret};

/// Checks that no output contains these bytes, as text, in hexadecimal, in Base64 or as a list of numbers.
#[track_caller]
fn assert_hidden(secret: &[u8], outputs: &[&dyn Debug]) {
    let hex = secret.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let list = format!("{secret:?}");
    let spellings = [
        String::from_utf8_lossy(secret).into_owned(),
        hex,
        STANDARD_NO_PAD.encode(secret),
        list.trim_matches(['[', ']']).to_owned(),
    ];
    for output in outputs {
        for printed in [format!("{output:?}"), format!("{output:#?}")] {
            let printed = printed.replace(['\n', ' '], "").to_lowercase();
            for spelling in &spellings {
                let spelling = spelling.replace(' ', "").to_lowercase();
                assert!(!printed.contains(&spelling), "{printed}");
            }
        }
    }
}

#[test]
fn peppers_keys_and_their_digests_do_not_print_their_secrets() {
    let secret: [u8; 32] = std::array::from_fn(|byte| u8::try_from(byte).unwrap() + 65);
    let (pepper, old) = (
        Pepper::new(2, &secret).unwrap(),
        Pepper::new(1, &secret).unwrap(),
    );
    let peppers = Peppers::new(pepper.clone(), [old]);
    assert_hidden(&secret, &[&pepper, &peppers]);

    let id = Id::from_bytes([7; 20]);
    let issued = peppers.generate_key(&id, &SystemRandom).unwrap();
    for secret in [&issued.key, &issued.secret] {
        assert_hidden(secret.expose().as_bytes(), &[&issued, secret]);
    }

    let digests = peppers.digests(&id, issued.secret.expose());
    let digest = pepper.digest(&id, issued.secret.expose());
    let stored = StoredSecret::Key(digests);
    assert_hidden(digest.as_bytes(), &[&digests, &digest, &stored]);
    let imported = ImportedKey::of(b"a key of another system");
    let hex = imported.to_hex();
    assert_hidden(hex.as_bytes(), &[&imported, &peppers.imported(&imported)]);
}

#[test]
fn password_hashes_signing_keys_and_tokens_do_not_print_their_secrets() {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
    let parsed: PasswordHash = hash.parse().unwrap();
    assert_hidden(
        b"aGFzaGhhc2hoYXNo",
        &[&parsed, &StoredSecret::Password(hash.into())],
    );

    let secret: [u8; 48] = std::array::from_fn(|byte| u8::try_from(byte).unwrap() + 65);
    let key = SigningKey::from_secret_bytes(Algorithm::Hs256, &secret).unwrap();
    assert_hidden(&secret, &[&key]);
    let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
    let secret = key.to_secret_bytes().unwrap();
    assert_hidden(&secret, &[&key]);

    let token = AccessToken {
        token: Secret::from("eyJhbGciOiJFZERTQSJ9".to_owned()),
        id: Id::from_bytes([7; 20]),
        expires_at: Timestamp::from_unix_seconds(1_800_000_000),
        expires_in: 60,
        scopes: Scopes::none(),
    };
    assert_hidden(token.token.expose().as_bytes(), &[&token]);
}
