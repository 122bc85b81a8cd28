//! Key sets of identity providers: unusual, and accepted.

use countersign::jose::{Algorithm, KeyError, KeySet, VerifyingKey};
use countersign::rejection::Reason;
use countersign_tests::{Harness, Key, TokenBuilder, key};

#[test]
fn one_kid_with_several_algorithms_is_several_keys() {
    let algorithms = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Es256,
    ];
    let keys: Vec<_> = algorithms
        .iter()
        .map(|a| key(*a).jwk(&[("kid", "\"same\""), ("alg", &format!("\"{a}\""))]))
        .collect();
    let (set, dropped) = KeySet::from_jwks(&format!("{{\"keys\":[{}]}}", keys.join(","))).unwrap();
    assert_eq!((set.len(), dropped.len()), (4, 0));
    let harness = Harness::new(set);
    for algorithm in algorithms {
        for builder in TokenBuilder::for_both_issuers() {
            let token = builder.key(key(algorithm)).header("kid", "\"same\"");
            harness.send(token.token()).accepted(algorithm.as_str());
            let other = token.header("kid", "\"other\"").token();
            harness
                .send(other)
                .rejected_unverified_because(Reason::KeyUnknown, "another kid");
        }
    }
}

#[test]
fn repeated_key_is_one_key_with_and_without_a_kid() {
    let rsa = key(Algorithm::Rs256);
    let (named, unnamed) = (rsa.jwk(&[("kid", "\"kid-rs256\"")]), rsa.jwk(&[]));
    for keys in [
        vec![&named, &named],
        vec![&named, &unnamed],
        vec![&unnamed, &named, &unnamed, &named],
    ] {
        let keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        let (set, dropped) =
            KeySet::from_jwks(&format!("{{\"keys\":[{}]}}", keys.join(","))).unwrap();
        assert_eq!((set.len(), dropped.len()), (1, 0));
        let harness = Harness::new(set);
        let token = TokenBuilder::external().key(rsa);
        harness.send(token.token()).accepted("with kid");
        harness
            .send(token.without_header("kid").token())
            .accepted("without kid");
    }
}

#[test]
fn key_without_a_kid_verifies_only_what_no_named_key_does() {
    let (named, unnamed) = (
        Key::generate(Algorithm::Es256, "a"),
        Key::generate(Algorithm::Es256, "b"),
    );
    let set = KeySet::new([
        named.verifying_key(),
        VerifyingKey::from_der(Algorithm::Es256, &unnamed.spki()).unwrap(),
    ]);
    let harness = Harness::new(set.unwrap());
    let (named, unnamed): (&'static Key, &'static Key) =
        (Box::leak(Box::new(named)), Box::leak(Box::new(unnamed)));
    for builder in TokenBuilder::for_both_issuers() {
        harness
            .send(builder.clone().key(named).token())
            .accepted("named");
        harness
            .send(builder.clone().key(unnamed).token())
            .accepted("another kid");
        harness
            .send(builder.clone().key(named).signed_by(unnamed).token())
            .rejected_forged("the named key alone verifies its kid");
        harness
            .send(builder.key(named).without_header("kid").token())
            .rejected_unverified_because(Reason::KeyUnknown, "two keys");
    }
}

#[test]
fn odd_members_of_a_jwk_count_as_absent() {
    let accepted = |key: &'static Key, members: &[(&str, &str)]| {
        let jwk = key.jwk(members);
        let loaded = VerifyingKey::from_jwk(&jwk).unwrap_or_else(|error| panic!("{jwk}: {error}"));
        Harness::new(KeySet::new([loaded]).unwrap())
            .send(TokenBuilder::external().key(key).token())
            .accepted(&jwk);
    };
    let all = [
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::Rs256,
    ];
    for key in all.map(key) {
        let alg = format!("\"{}\"", key.algorithm);
        for members in [
            [
                ("alg", "null"),
                ("use", "null"),
                ("kid", "null"),
                ("key_ops", "null"),
            ],
            [
                ("alg", &alg),
                ("use", "\"\""),
                ("kid", "\"\""),
                ("key_ops", "[]"),
            ],
            [
                ("x5c", "null"),
                ("use", "\"SIG\""),
                ("x5t", "7"),
                ("d", "null"),
            ],
            [
                ("use", "\"jwt-svid\""),
                ("k", "\"AA\""),
                ("y2", "null"),
                ("ext", "true"),
            ],
        ] {
            accepted(key, &members);
        }
    }
    // RFC 7518 §6.3 and RFC 8037 §2 define no such members for these types of keys.
    for (member, value) in [
        ("crv", "\"\""),
        ("crv", "null"),
        ("crv", "\"P-256\""),
        ("x", "7"),
        ("y", "[]"),
    ] {
        accepted(key(Algorithm::Rs256), &[(member, value)]);
    }
    accepted(
        key(Algorithm::EdDsa),
        &[("y", "\"AA\""), ("n", "7"), ("alg", "\"Ed25519\"")],
    );
    // A curve is needed for the others.
    for value in ["null", "\"\""] {
        let jwk = key(Algorithm::Es256).jwk(&[("crv", value)]);
        assert_eq!(
            VerifyingKey::from_jwk(&jwk).unwrap_err(),
            KeyError::Algorithm
        );
    }
}

#[test]
fn numbers_of_a_jwk_are_read_with_padding_and_in_the_standard_alphabet() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
    for (algorithm, size) in [
        (Algorithm::Es256, 32),
        (Algorithm::Es384, 48),
        (Algorithm::Es512, 66),
    ] {
        let point = key(algorithm).public();
        let (x, y) = point[1..].split_at(size);
        for encode in [
            (|bytes: &[u8]| STANDARD.encode(bytes)) as fn(&[u8]) -> String,
            |bytes| STANDARD_NO_PAD.encode(bytes),
            |bytes| URL_SAFE.encode(bytes),
        ] {
            let (x, y) = (format!("\"{}\"", encode(x)), format!("\"{}\"", encode(y)));
            let jwk = key(algorithm).jwk(&[("x", &x), ("y", &y)]);
            assert!(VerifyingKey::from_jwk(&jwk).is_ok(), "{jwk}");
        }
    }
    let n = format!("\"{}\"", STANDARD.encode(key(Algorithm::Rs256).modulus()));
    let jwk = key(Algorithm::Rs256).jwk(&[("n", &n), ("e", "\"AQAB====\"")]);
    assert!(VerifyingKey::from_jwk(&jwk).is_ok(), "{jwk}");
    // In tokens, they are rejected.
    for builder in TokenBuilder::for_both_issuers() {
        let token = format!("{}=", builder.token());
        countersign_tests::harness::PUBLIC_KEYS
            .send(token)
            .rejected("padding");
    }
}
