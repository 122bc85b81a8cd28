//! security.md table 1c, rows 32 to 37: `exp`, `nbf` and `iat`. What is wrong with them is known before
//! the signature is looked at.

use std::time::Duration;

use countersign::rejection::Reason;
use countersign::time::Timestamp;
use countersign_tests::{Craft, Gate, NOW, gate, keys};

use crate::claims::{refused_with, refused_without};

#[test]
fn bearer_rejected_when_exp_is_missing_or_no_positive_number() {
    // security.md row 32; CVE-2026-25537, GHSA-v77h-2w3m-94hx; RFC 7519 §4.1.4
    refused_without("exp");
    let digits = format!("\"{}\"", NOW + 600);
    let list = format!("[{}]", NOW + 600);
    let object = format!("{{\"exp\":{}}}", NOW + 600);
    refused_with(
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
fn bearer_rejected_when_exp_is_not_a_json_number() {
    // security.md row 33; RFC 8259 §6; fast-jwt GHSA-687g-22h4-j4w4
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
    refused_with("exp", &literals);
    for claim in ["iat", "nbf"] {
        refused_with(claim, &["NaN", "-Infinity", "-1e400", "01", "+1"]);
    }
}

#[test]
fn bearer_rejected_when_exp_is_further_away_than_any_token_may_live() {
    // security.md row 34; Envoy max_lifetime. Never a wrap.
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
    refused_with("exp", &far);
}

#[test]
fn bearer_rejected_when_it_lives_a_second_longer_than_its_issuer_allows() {
    // security.md row 34: minted 1 h, foreign 24 h (and its leeway of 30 s from now)
    let exp = |craft: Craft, seconds: i64| craft.claim("exp", (NOW + seconds).to_string());
    let send = |craft: Craft| gate::PUBLIC.send(craft.token());
    send(exp(Craft::own(), 3600)).accepted("ours, 1 h");
    send(exp(Craft::own(), 3601)).refused_for(Reason::LifetimeTooLong, "ours, 1 h and 1 s");
    let day = 24 * 3600;
    send(exp(Craft::external(), day)).accepted("foreign, 24 h");
    send(exp(Craft::external(), day + 31)).refused_for(Reason::LifetimeTooLong, "foreign, no iat");
    let dated = Craft::external().claim("iat", NOW.to_string());
    send(exp(dated.clone(), day)).accepted("foreign, 24 h from iat");
    send(exp(dated, day + 1)).refused_for(Reason::LifetimeTooLong, "foreign, from iat");
    // An old token whose rest is short is judged by its whole life.
    let old = Craft::own().claim("iat", (NOW - 3600).to_string());
    send(exp(old, 60)).refused_for(Reason::LifetimeTooLong, "ours, an hour old");
}

#[test]
fn bearer_rejected_from_the_second_of_exp_and_leeway_on() {
    // security.md row 35; RFC 7519 §4.1.4: valid only while now < exp + leeway. Ours have no leeway,
    // foreign ones 30 s. Fractions are rounded down, never up (jsonwebtoken rounds .5 up).
    let cases = [
        (
            Craft::own(),
            vec!["0", "-1", "0.5", "0.999"],
            vec!["1", "1.5"],
        ),
        (
            Craft::external(),
            vec!["-30", "-31", "-29.5", "-29.0001"],
            vec!["-29", "-1", "0", "1", "-28.5"],
        ),
    ];
    for (craft, refused, accepted) in cases {
        for offset in refused {
            let verdict = gate::PUBLIC.send(expiring(&craft, offset));
            verdict.refused_for(Reason::TokenExpired, &format!("exp = now {offset}"));
        }
        for offset in accepted {
            gate::PUBLIC
                .send(expiring(&craft, offset))
                .accepted(&format!("exp = now {offset}"));
        }
    }
}

fn expiring(craft: &Craft, offset: &str) -> String {
    // All these sums are exact in a float.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let exp = NOW as f64 + offset.parse::<f64>().unwrap();
    let iat = (NOW - 600).to_string();
    craft
        .clone()
        .claim("iat", iat)
        .claim("exp", exp.to_string())
        .token()
}

#[test]
fn bearer_accepted_until_the_last_millisecond_before_exp() {
    // security.md row 35, by the clock instead of the token
    let keys = || keys::key_set(keys::public_keys());
    let exp = (NOW + 600) * 1000;
    for (craft, end) in [(Craft::own(), exp), (Craft::external(), exp + 30_000)] {
        let at = |millis| Gate::at(Timestamp::from_unix_millis(millis), keys());
        at(end - 1)
            .send(craft.token())
            .accepted("a millisecond before");
        at(end)
            .send(craft.token())
            .refused_for(Reason::TokenExpired, "the moment itself");
    }
    let leeway = Duration::from_secs(5);
    let at = |millis| Gate::with_leeway(Timestamp::from_unix_millis(millis), leeway, keys());
    at(exp + 4999)
        .send(Craft::own().token())
        .accepted("within 5 s of leeway");
    at(exp + 5000)
        .send(Craft::own().token())
        .refused_for(Reason::TokenExpired, "after it");
}

#[test]
fn bearer_rejected_before_nbf() {
    // security.md row 36; RFC 7519 §4.1.5
    refused_with(
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
    refused_with("nbf", &[&digits]);
    for (craft, early) in [(Craft::own(), 1), (Craft::external(), 31)] {
        let nbf = |seconds: i64| {
            craft
                .clone()
                .claim("nbf", (NOW + seconds).to_string())
                .token()
        };
        gate::PUBLIC
            .send(nbf(early))
            .refused_for(Reason::NotYetValid, "nbf ahead");
        gate::PUBLIC
            .send(nbf(300))
            .refused_for(Reason::NotYetValid, "nbf in five minutes");
        gate::PUBLIC
            .send(nbf(early - 1))
            .accepted("nbf within the leeway");
        gate::PUBLIC
            .send(nbf(601))
            .refused_for(Reason::NotYetValid, "nbf after exp");
    }
    // After exp, though both are within the leeway.
    let crossed = Craft::external()
        .claim("exp", (NOW + 10).to_string())
        .claim("nbf", (NOW + 11).to_string());
    gate::PUBLIC
        .send(crossed.token())
        .refused_for(Reason::NotYetValid, "nbf > exp");
}

#[test]
fn bearer_rejected_when_iat_lies_ahead_or_after_exp() {
    // security.md row 37; GHSA-wxg7-w2v3-w38g; RFC 7519 §4.1.6
    refused_with(
        "iat",
        &["\"now\"", "true", "null", "[]", "18446744073709551615"],
    );
    let digits = format!("\"{NOW}\"");
    refused_with("iat", &[&digits]);
    for (craft, early) in [(Craft::own(), 1), (Craft::external(), 31)] {
        let iat = |seconds: i64| {
            craft
                .clone()
                .claim("iat", (NOW + seconds).to_string())
                .token()
        };
        gate::PUBLIC
            .send(iat(early))
            .refused_for(Reason::NotYetValid, "iat ahead");
        gate::PUBLIC
            .send(iat(early - 1))
            .accepted("iat within the leeway");
        gate::PUBLIC
            .send(iat(601))
            .refused_for(Reason::NotYetValid, "iat after exp");
    }
    let crossed = Craft::external()
        .claim("exp", (NOW + 10).to_string())
        .claim("iat", (NOW + 11).to_string());
    gate::PUBLIC
        .send(crossed.token())
        .refused_for(Reason::NotYetValid, "iat > exp");
}
