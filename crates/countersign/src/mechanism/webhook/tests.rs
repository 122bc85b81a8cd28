//! Signatures of the providers, with the values of their own documentation, and what was changed in them.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::{any, prop_assert, proptest};

use super::*;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::time::Timestamp;

const AT: Timestamp = Timestamp::from_unix_seconds(1_614_265_330);
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const STRIPE: &str = "whsec_5f3a9c1e7b2d4086a1c3e5f7";

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

fn headers(values: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn standard() -> WebhookVerifier {
    WebhookVerifier::standard([secret(STANDARD)]).unwrap()
}

fn stripe() -> WebhookVerifier {
    WebhookVerifier::stripe([secret(STRIPE)]).unwrap()
}

/// The headers of a webhook of Standard Webhooks.
fn standard_headers(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
    headers(&[
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ])
}

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[test]
fn example_of_standard_webhooks_is_verified() {
    let example = standard_headers(ID, "1614265330", SIGNATURE);
    let webhook = standard().verify(&example, BODY, AT).unwrap();
    assert_eq!(webhook.provider(), "standard_webhooks");
    assert_eq!((webhook.id(), webhook.timestamp()), (Some(ID), Some(AT)));
}

#[test]
fn example_of_github_is_verified_in_both_cases_of_hexadecimal_digits() {
    let github =
        WebhookVerifier::github([secret(concat!("It's a Secret to Every", "body"))]).unwrap();
    let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for digits in [digits.to_owned(), digits.to_uppercase()] {
        let signed = headers(&[("x-hub-signature-256", &format!("sha256={digits}"))]);
        let webhook = github.verify(&signed, b"Hello, World!", AT).unwrap();
        assert_eq!((webhook.id(), webhook.timestamp()), (None, None));
    }
}

// printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_5f3a9c1e7b2d4086a1c3e5f7
#[test]
fn signature_of_openssl_is_verified_as_one_of_stripe() {
    let signature = "3b3b8e43e7b3ffeaba028dbb0879724e1f68300c1c9ba1372c9a8c52d5ff4278";
    let zeros = "0".repeat(64);
    let now = Timestamp::from_unix_seconds(1_492_774_577);
    for value in [
        format!("t=1492774577,v1={signature}"),
        format!("v1={signature},t=1492774577"),
        format!("t=1492774577,v1={zeros},v1={signature}"),
        format!("t=1492774577,v1={signature},v0=anything,x"),
    ] {
        let signed = headers(&[("stripe-signature", &value)]);
        let verified = stripe().verify(&signed, br#"{"id":"evt_1"}"#, now);
        assert_eq!(
            verified.map(|webhook| webhook.timestamp()),
            Ok(Some(now)),
            "{value}"
        );
    }
}

#[test]
fn body_changed_by_one_byte_is_rejected() {
    for verifier in [standard(), stripe()] {
        let signed = verifier.sign_for_test("id", BODY, AT);
        assert!(verifier.verify(&signed, BODY, AT).is_ok());
        for at in 0..BODY.len() {
            let mut changed = BODY.to_vec();
            changed[at] ^= 1;
            let rejected = verifier.verify(&signed, &changed, AT);
            assert_eq!(rejected, Err(Reason::WebhookSignature), "byte {at}");
        }
        for changed in [
            &BODY[1..],
            &BODY[..BODY.len() - 1],
            &[BODY, b"\n"].concat(),
            b"",
        ] {
            let rejected = verifier.verify(&signed, changed, AT);
            assert_eq!(rejected, Err(Reason::WebhookSignature));
        }
    }
}

#[test]
fn signature_changed_by_one_bit_is_rejected() {
    let verifier = standard();
    let bytes = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(&SIGNATURE[3..])
            .unwrap()
    };
    for bit in 0..256 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let value = format!("v1,{}", SignatureEncoding::Base64.encode(&changed));
        let changed = standard_headers(ID, "1614265330", &value);
        let rejected = verifier.verify(&changed, BODY, AT);
        assert_eq!(rejected, Err(Reason::WebhookSignature), "bit {bit}");
    }
}

#[test]
fn webhook_is_rejected_when_its_timestamp_is_outside_of_the_tolerance() {
    for verifier in [standard(), stripe()] {
        let signed = verifier.sign_for_test("id", BODY, AT);
        let verify = |verifier: &WebhookVerifier, seconds: i64| {
            let now = Timestamp::from_unix_seconds(AT.unix_seconds() + seconds);
            verifier.verify(&signed, BODY, now).map(drop)
        };
        let rejected = Err(Reason::WebhookTimestamp);
        for (seconds, expected) in [
            (0, Ok(())),
            (300, Ok(())),
            (-300, Ok(())),
            (301, rejected),
            (-301, rejected),
            (i64::MAX / 2, rejected),
            (i64::MIN / 2, rejected),
        ] {
            assert_eq!(verify(&verifier, seconds), expected, "{seconds} s");
        }
        let strict = verifier.clone().tolerance(Duration::from_secs(10));
        assert_eq!(verify(&strict, 10), Ok(()));
        assert_eq!(verify(&strict, 11), rejected);
        assert_eq!(
            verify(&verifier, 11),
            Ok(()),
            "the clone has its own tolerance"
        );
    }
}

// A webhook that was replayed with a new timestamp or id.
#[test]
fn changed_timestamp_or_id_is_rejected() {
    let later = Timestamp::from_unix_seconds(1_614_269_000);
    for (id, timestamp) in [(ID, "1614269000"), ("msg_other", "1614265330")] {
        let now = if timestamp == "1614269000" { later } else { AT };
        let changed = standard_headers(id, timestamp, SIGNATURE);
        let rejected = standard().verify(&changed, BODY, now);
        assert_eq!(rejected, Err(Reason::WebhookSignature), "{id} {timestamp}");
    }
    let signed = stripe().sign_for_test("", BODY, AT);
    let value = signed["stripe-signature"].to_str().unwrap();
    let value = value.replace("t=1614265330", "t=1614269000");
    let rejected = stripe().verify(&headers(&[("stripe-signature", &value)]), BODY, later);
    assert_eq!(rejected, Err(Reason::WebhookSignature));
}

// The bytes that are signed are the same, and divided in another way.
#[test]
fn part_of_the_body_is_never_taken_for_the_timestamp() {
    let body = b"1614269000.{}";
    let signed = standard().sign_for_test("msg_1", body, AT);
    let signature = signed["webhook-signature"].to_str().unwrap();
    let moved = standard_headers("msg_1.1614265330", "1614269000", signature);
    let later = Timestamp::from_unix_seconds(1_614_269_000);
    let rejected = standard().verify(&moved, b"{}", later);
    assert_eq!(rejected, Err(Reason::WebhookMalformed));
}

#[test]
fn either_of_two_secrets_is_enough_while_they_are_rotated() {
    let both = WebhookVerifier::standard([secret(OTHER), secret(STANDARD)]).unwrap();
    let old = standard_headers(ID, "1614265330", SIGNATURE);
    let new = both.sign_for_test(ID, BODY, AT);
    let joined = format!("{SIGNATURE} {}", new["webhook-signature"].to_str().unwrap());
    let joined = standard_headers(ID, "1614265330", &joined);
    assert!(both.verify(&old, BODY, AT).is_ok());
    assert!(both.verify(&new, BODY, AT).is_ok());
    assert!(standard().verify(&joined, BODY, AT).is_ok());
    let rejected = standard().verify(&new, BODY, AT);
    assert_eq!(rejected, Err(Reason::WebhookSignature));
}

#[test]
fn malformed_headers_are_rejected_by_their_form() {
    let seventeen = vec![SIGNATURE; 17].join(" ");
    let malformed = [
        (ID, "1614265330", ""),
        (ID, "1614265330", "v1"),
        (ID, "1614265330", "v1,"),
        (ID, "1614265330", "v1,AAAA"),
        (
            ID,
            "1614265330",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        ),
        (
            ID,
            "1614265330",
            "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            ID,
            "1614265330",
            "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            ID,
            "1614265330",
            "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (ID, "1614265330", &seventeen),
        (ID, "", SIGNATURE),
        (ID, "-1", SIGNATURE),
        (ID, "+1614265330", SIGNATURE),
        (ID, "1614265330.5", SIGNATURE),
        (ID, "1e9", SIGNATURE),
        (ID, "161426533000", SIGNATURE),
        ("", "1614265330", SIGNATURE),
    ];
    for (id, timestamp, signature) in malformed {
        let presented = standard_headers(id, timestamp, signature);
        let rejected = standard().verify(&presented, BODY, AT);
        assert_eq!(
            rejected,
            Err(Reason::WebhookMalformed),
            "{timestamp} {signature}"
        );
    }
    for value in [
        "t=1,t=1,v1=00",
        "v1=00",
        "t=1614265330",
        "t=,v1=00",
        "1614265330,v1=00",
    ] {
        let presented = headers(&[("stripe-signature", value)]);
        let rejected = stripe().verify(&presented, BODY, AT);
        assert_eq!(rejected, Err(Reason::WebhookMalformed), "{value}");
    }
}

#[test]
fn missing_and_repeated_headers_are_rejected() {
    let missing = |name: &str| {
        let mut presented = standard_headers(ID, "1614265330", SIGNATURE);
        presented.remove(name);
        standard().verify(&presented, BODY, AT)
    };
    assert_eq!(missing("webhook-signature"), Err(Reason::NoCredentials));
    assert_eq!(missing("webhook-id"), Err(Reason::WebhookMalformed));
    assert_eq!(missing("webhook-timestamp"), Err(Reason::WebhookMalformed));
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut presented = standard_headers(ID, "1614265330", SIGNATURE);
        presented.append(name, presented[name].clone());
        let rejected = standard().verify(&presented, BODY, AT);
        assert_eq!(rejected, Err(Reason::RepeatedHeader), "{name}");
    }
}

// RFC 9110 §5.5: header values may contain bytes that are not text.
#[test]
fn bytes_that_are_not_text_are_rejected_without_a_panic() {
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        for byte in 0x80..=0xff {
            let mut presented = standard_headers(ID, "1614265330", SIGNATURE);
            let value = [presented[name].as_bytes(), &[byte]].concat();
            presented.insert(name, HeaderValue::from_bytes(&value).unwrap());
            let rejected = standard().verify(&presented, BODY, AT);
            assert_eq!(rejected, Err(Reason::WebhookMalformed), "{name} {byte:#x}");
        }
    }
}

proptest! {
    #[test]
    fn random_headers_are_rejected_without_a_panic(
        id in "[ -~]{0,30}",
        timestamp in "[0-9]{0,12}",
        signature in "(v1[,=])?[A-Za-z0-9+/=, ]{0,90}",
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let presented = standard_headers(&id, &timestamp, &signature);
        prop_assert!(standard().verify(&presented, &body, AT).is_err());
        let value = format!("t={timestamp},{signature}");
        let presented = headers(&[("stripe-signature", &value)]);
        prop_assert!(stripe().verify(&presented, &body, AT).is_err());
    }
}

fn builder() -> WebhookBuilder {
    let header = HeaderName::from_static("x-signature");
    WebhookVerifier::builder("other", header).secrets([secret(STRIPE)])
}

#[test]
fn secrets_that_can_be_guessed_are_rejected() {
    let text = |text: &str| WebhookVerifier::github([secret(text)]).map(drop);
    let weak = Err(WebhookConfigError::WeakSecret);
    assert_eq!(text("fifteen letters"), weak);
    assert_eq!(text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), weak);
    assert_eq!(text("***your-256-bit-secret***"), weak);
    assert_eq!(text("sixteen letters."), Ok(()));
    let base64 = |text: &str| WebhookVerifier::standard([secret(text)]).map(drop);
    let short = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ="; // 23 bytes
    assert_eq!(base64(short), weak);
    assert_eq!(base64("whsec_?"), Err(WebhookConfigError::SecretNotBase64));
    assert_eq!(base64(&STANDARD[6..]), Ok(()));
    assert_eq!(base64(STANDARD), Ok(()));
}

#[test]
fn number_of_secrets_is_from_one_to_eight() {
    let with = |count| {
        builder()
            .secrets(vec![secret(STRIPE); count])
            .build()
            .map(drop)
    };
    assert_eq!(with(0), Err(WebhookConfigError::NoSecret));
    assert_eq!((with(1), with(8)), (Ok(()), Ok(())));
    assert_eq!(with(9), Err(WebhookConfigError::TooManySecrets));
}

#[test]
fn verifier_is_rejected_when_what_is_signed_can_be_read_in_two_ways_or_protects_too_little() {
    use SignedPart::{Body, Id, Text, Timestamp};

    let id = || HeaderName::from_static("x-id");
    let timestamp = || HeaderName::from_static("x-timestamp");
    let with_both = |parts: &[SignedPart]| {
        let builder = builder().id_header(id()).timestamp_header(timestamp());
        builder.signed(parts.iter().copied()).build().map(drop)
    };
    let dot = Text(".");
    assert_eq!(with_both(&[Id, dot, Timestamp, dot, Body]), Ok(()));
    let not_last = Err(WebhookConfigError::BodyNotLast);
    assert_eq!(with_both(&[]), not_last);
    assert_eq!(with_both(&[Id, dot, Body, dot, Timestamp]), not_last);
    let not_separated = Err(WebhookConfigError::PartsNotSeparated);
    for parts in [
        &[Id, Timestamp, dot, Body][..],
        &[Id, dot, Timestamp, Body],
        &[Id, Text(""), Timestamp, dot, Body],
        &[Id, dot, Timestamp, Text("0"), Body],
    ] {
        assert_eq!(with_both(parts), not_separated, "{parts:?}");
    }
    let repeated = with_both(&[Id, dot, Timestamp, dot, Id, dot, Body]);
    assert_eq!(repeated, Err(WebhookConfigError::RepeatedPart));
    let unsigned = with_both(&[Id, dot, Body]);
    assert_eq!(unsigned, Err(WebhookConfigError::TimestampNotSigned));
    let unsigned = with_both(&[Timestamp, dot, Body]);
    assert_eq!(unsigned, Err(WebhookConfigError::IdNotSigned));
    let without_source = builder().signed([Timestamp, dot, Body]).build();
    assert_eq!(
        without_source.map(drop),
        Err(WebhookConfigError::TimestampNotSigned)
    );
    let in_header = builder()
        .timestamp_prefix("t=")
        .signed([Timestamp, dot, Body]);
    assert_eq!(
        in_header.build().map(drop),
        Err(WebhookConfigError::NoSeparator)
    );
}

#[test]
fn secrets_and_signatures_never_print() {
    let printed = format!("{:?} {:?}", standard(), builder());
    assert!(!printed.contains("whsec"), "{printed}");
    assert!(!printed.contains("MfKQ9r8G"), "{printed}");
}
