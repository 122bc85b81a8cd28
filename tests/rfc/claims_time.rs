//! The claims `exp`, `nbf` and `iat`. They are checked before the signature.

use std::time::Duration;

use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign_tests::{Harness, NOW, TokenBuilder, harness, keys};

use crate::claims::{rejected_with_value, rejected_without};

#[test]
fn bearer_is_rejected_when_exp_is_missing_or_not_a_positive_number() {
    // CVE-2026-25537, GHSA-v77h-2w3m-94hx; RFC 7519 §4.1.4
    rejected_without("exp");
    let digits = format!("\"{}\"", NOW + 600);
    let list = format!("[{}]", NOW + 600);
    let object = format!("{{\"exp\":{}}}", NOW + 600);
    rejected_with_value(
        "exp",
        &[
            "null",
            "\"never\"",
            &digits,
            "true",
            "false",
            &list,
            &object,
            "-1",
            "0",
            "-0",
            "0.9",
        ],
    );
}

#[test]
fn bearer_is_rejected_when_exp_is_not_a_json_number() {
    // RFC 8259 §6; fast-jwt GHSA-687g-22h4-j4w4
    let plus = format!("+{}", NOW + 600);
    let zero = format!("0{}", NOW + 600);
    let hex = format!("{:#x}", NOW + 600);
    let dot = format!("{}.", NOW + 600);
    let literals = [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "01",
        "+1",
        &plus,
        &zero,
        &hex,
        &dot,
    ];
    rejected_with_value("exp", &literals);
    for claim in ["iat", "nbf"] {
        rejected_with_value(claim, &["NaN", "-Infinity", "-1e400", "01", "+1"]);
    }
}

#[test]
fn bearer_is_rejected_when_exp_exceeds_every_allowed_lifetime() {
    // The check must not overflow. (Envoy has the same limit, `max_lifetime`.)
    let milliseconds = ((NOW + 600) * 1000).to_string();
    let far = [
        "1e19",
        "1e300",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775807",
        "9223372036854775808",
        "9007199254740993.0",
        &milliseconds,
        "253402300799",
    ];
    rejected_with_value("exp", &far);
}

#[test]
fn bearer_is_rejected_when_it_lives_a_second_longer_than_its_issuer_allows() {
    // Own tokens live for 1 h at most, external ones for 48 h, plus a leeway of 30 s if they have no iat.
    let exp =
        |builder: TokenBuilder, seconds: i64| builder.claim("exp", (NOW + seconds).to_string());
    let send = |builder: TokenBuilder| harness::PUBLIC_KEYS.send(builder.token());
    send(exp(TokenBuilder::own(), 3600)).accepted("own, 1 h");
    send(exp(TokenBuilder::own(), 3601))
        .rejected_unverified_because(Reason::LifetimeTooLong, "own, 1 h and 1 s");
    let days = 48 * 3600;
    send(exp(TokenBuilder::external(), days)).accepted("external, 48 h");
    send(exp(TokenBuilder::external(), days + 31))
        .rejected_unverified_because(Reason::LifetimeTooLong, "external, no iat");
    let dated = TokenBuilder::external().claim("iat", NOW.to_string());
    send(exp(dated.clone(), days)).accepted("external, 48 h from iat");
    send(exp(dated, days + 1))
        .rejected_unverified_because(Reason::LifetimeTooLong, "external, from iat");
    // The whole lifetime counts, even if the remaining time is short.
    let old = TokenBuilder::own().claim("iat", (NOW - 3600).to_string());
    send(exp(old, 60)).rejected_unverified_because(Reason::LifetimeTooLong, "own, an hour old");
}

#[test]
fn bearer_is_rejected_as_soon_as_exp_and_leeway_have_passed() {
    // RFC 7519 §4.1.4: valid only while now < exp + leeway. The own issuer has a leeway of 2 s, the external one 30 s.
    // Fractions are rounded down, never up (jsonwebtoken rounds .5 up).
    let cases = [
        (
            TokenBuilder::own(),
            vec!["-2", "-3", "-1.5", "-1.001"],
            vec!["-1", "0", "1", "-0.5"],
        ),
        (
            TokenBuilder::external(),
            vec!["-30", "-31", "-29.5", "-29.0001"],
            vec!["-29", "-1", "0", "1", "-28.5"],
        ),
    ];
    for (builder, rejected, accepted) in cases {
        for offset in rejected {
            let observed = harness::PUBLIC_KEYS.send(expiring(&builder, offset));
            observed
                .rejected_unverified_because(Reason::TokenExpired, &format!("exp = now {offset}"));
        }
        for offset in accepted {
            harness::PUBLIC_KEYS
                .send(expiring(&builder, offset))
                .accepted(&format!("exp = now {offset}"));
        }
    }
}

fn expiring(builder: &TokenBuilder, offset: &str) -> String {
    // All these sums are exact in a float.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let exp = NOW as f64 + offset.parse::<f64>().unwrap();
    let iat = (NOW - 600).to_string();
    builder
        .clone()
        .claim("iat", iat)
        .claim("exp", exp.to_string())
        .token()
}

#[test]
fn bearer_is_accepted_until_the_last_millisecond_before_exp() {
    // RFC 7519 §4.1.4, with another clock instead of another token
    let keys = || keys::key_set(keys::public_keys());
    let exp = (NOW + 600) * 1000;
    for (builder, end) in [
        (TokenBuilder::own(), exp + 2_000),
        (TokenBuilder::external(), exp + 30_000),
    ] {
        let at = |millis| Harness::at(Timestamp::from_unix_millis(millis), keys());
        at(end - 1)
            .send(builder.token())
            .accepted("a millisecond before");
        at(end)
            .send(builder.token())
            .rejected_unverified_because(Reason::TokenExpired, "at exp");
    }
    let leeway = Duration::from_secs(5);
    let at = |millis| Harness::with_leeway(Timestamp::from_unix_millis(millis), leeway, keys());
    at(exp + 4999)
        .send(TokenBuilder::own().token())
        .accepted("within 5 s of leeway");
    at(exp + 5000)
        .send(TokenBuilder::own().token())
        .rejected_unverified_because(Reason::TokenExpired, "after it");
}

#[test]
fn bearer_is_rejected_before_nbf() {
    // RFC 7519 §4.1.5
    rejected_with_value(
        "nbf",
        &[
            "\"soon\"",
            "true",
            "null",
            "[]",
            "{}",
            "18446744073709551615",
        ],
    );
    let digits = format!("\"{}\"", NOW - 1);
    rejected_with_value("nbf", &[&digits]);
    for (builder, early) in [(TokenBuilder::own(), 3), (TokenBuilder::external(), 31)] {
        let nbf = |seconds: i64| {
            builder
                .clone()
                .claim("nbf", (NOW + seconds).to_string())
                .token()
        };
        harness::PUBLIC_KEYS
            .send(nbf(early))
            .rejected_unverified_because(Reason::NotYetValid, "nbf in the future");
        harness::PUBLIC_KEYS
            .send(nbf(300))
            .rejected_unverified_because(Reason::NotYetValid, "nbf in five minutes");
        harness::PUBLIC_KEYS
            .send(nbf(early - 1))
            .accepted("nbf within the leeway");
        harness::PUBLIC_KEYS
            .send(nbf(601))
            .rejected_unverified_because(Reason::NotYetValid, "nbf after exp");
    }
    // nbf is after exp, although both are within the leeway.
    let crossed = TokenBuilder::external()
        .claim("exp", (NOW + 10).to_string())
        .claim("nbf", (NOW + 11).to_string());
    harness::PUBLIC_KEYS
        .send(crossed.token())
        .rejected_unverified_because(Reason::NotYetValid, "nbf > exp");
}

#[test]
fn bearer_is_rejected_when_iat_is_in_the_future_or_after_exp() {
    // GHSA-wxg7-w2v3-w38g; RFC 7519 §4.1.6
    rejected_with_value(
        "iat",
        &["\"now\"", "true", "null", "[]", "18446744073709551615"],
    );
    let digits = format!("\"{NOW}\"");
    rejected_with_value("iat", &[&digits]);
    for (builder, early) in [(TokenBuilder::own(), 3), (TokenBuilder::external(), 31)] {
        let iat = |seconds: i64| {
            builder
                .clone()
                .claim("iat", (NOW + seconds).to_string())
                .token()
        };
        harness::PUBLIC_KEYS
            .send(iat(early))
            .rejected_unverified_because(Reason::NotYetValid, "iat in the future");
        harness::PUBLIC_KEYS
            .send(iat(early - 1))
            .accepted("iat within the leeway");
        harness::PUBLIC_KEYS
            .send(iat(601))
            .rejected_unverified_because(Reason::NotYetValid, "iat after exp");
    }
    let crossed = TokenBuilder::external()
        .claim("exp", (NOW + 10).to_string())
        .claim("iat", (NOW + 11).to_string());
    harness::PUBLIC_KEYS
        .send(crossed.token())
        .rejected_unverified_because(Reason::NotYetValid, "iat > exp");
}

#[test]
fn fraction_of_a_second_is_never_rounded_in_favour_of_the_token() {
    // RFC 7519 §2: a NumericDate may have a fraction.
    let send = |builder: &TokenBuilder, claim: &str, seconds: i64, fraction: &str| {
        let builder = builder.clone().claim("iat", (NOW - 600).to_string());
        let date = format!("{}{fraction}", NOW + seconds);
        harness::PUBLIC_KEYS.send(builder.claim(claim, date).token())
    };
    for (builder, leeway) in [(TokenBuilder::own(), 2), (TokenBuilder::external(), 30)] {
        for claim in ["nbf", "iat"] {
            for fraction in [".001", ".5", ".999"] {
                send(&builder, claim, leeway, fraction).rejected_unverified_because(
                    Reason::NotYetValid,
                    &format!("{claim} {fraction}"),
                );
                send(&builder, claim, leeway - 1, fraction)
                    .accepted(&format!("{claim} {fraction}"));
            }
            send(&builder, claim, leeway, ".0").accepted(claim);
        }
        send(&builder, "exp", -leeway, ".999")
            .rejected_unverified_because(Reason::TokenExpired, "exp .999");
    }
    // The lifetime counts from the beginning of the second of iat.
    let long = TokenBuilder::own().claim("exp", (NOW + 3600).to_string());
    let iat = format!("{}.5", NOW - 1);
    harness::PUBLIC_KEYS
        .send(long.claim("iat", iat).token())
        .rejected_unverified_because(Reason::LifetimeTooLong, "iat .5");
}
