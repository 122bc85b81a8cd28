//! security.md table 1b, rows 22 to 31: the header, and how a token is encoded.

use countersign::jose::Algorithm;
use countersign::rejection::Reason;
use countersign_tests::craft::signed;
use countersign_tests::{Craft, b64, gate, key};

/// Sends good tokens with a header member more, or another one in its place.
#[track_caller]
fn refused_with(name: &str, values: &[&str], reason: Option<Reason>) {
    for craft in Craft::both() {
        gate::PUBLIC.send(craft.token()).accepted("control");
        for value in values {
            let case = format!("{name}: {value}");
            let verdict = gate::PUBLIC.send(craft.clone().header(name, *value).token());
            verdict.refused_unverified(&case);
            if reason.is_some() {
                assert_eq!(verdict.reason, reason, "{case}");
            }
        }
    }
}

#[test]
fn bearer_rejected_when_its_header_has_critical_members() {
    // security.md row 22; RFC 7515 §4.1.11; CVE-2025-59420, CVE-2026-32597, GHSA-hm7r-c7qw-ghp6
    let values = [
        "[\"x\"]",
        "[]",
        "[\"alg\"]",
        "[\"exp\",\"exp\"]",
        "\"exp\"",
        "[\"absent\"]",
        "[\"b64\"]",
        "null",
        "{}",
        "true",
        "[1]",
        "[\"\"]",
        "[\"http://example.com/UNDEFINED\"]",
    ];
    refused_with("crit", &values, Some(Reason::HeaderUnsupported));
    for craft in Craft::both() {
        // With the members that it names, and by way of an escape.
        let present = craft.clone().header("crit", "[\"exp\"]").header("exp", "1");
        gate::PUBLIC
            .send(present.token())
            .refused_for(Reason::HeaderUnsupported, "present");
        let escaped = craft.clone().header("cri\\u0074", "[\"x\"]");
        gate::PUBLIC
            .send(escaped.token())
            .refused_for(Reason::HeaderUnsupported, "escaped");
        // Names are compared letter by letter: this is another member, and ignored (RFC 7515 §4).
        gate::PUBLIC
            .send(craft.header("Crit", "[\"x\"]").token())
            .accepted("Crit");
    }
}

#[test]
fn bearer_rejected_when_its_payload_is_unencoded() {
    // security.md row 23; RFC 7797
    refused_with(
        "b64",
        &["false", "true", "null", "0"],
        Some(Reason::HeaderUnsupported),
    );
    for craft in Craft::both() {
        let header = craft.header.clone().set("b64", "false");
        let critical = header.clone().set("crit", "[\"b64\"]");
        for header in [header, critical, craft.header.clone()] {
            let detached = signed(&format!("{}.", b64(header.json())), craft.key);
            gate::PUBLIC.send(detached).refused_unverified("detached");
            let words = signed(&format!("{}.no-json-here", b64(header.json())), craft.key);
            gate::PUBLIC
                .send(words)
                .refused_unverified("unencoded words");
            // Claims as they are: quotes and commas do not fit into a bearer's token at all.
            let plain = signed(
                &format!("{}.{}", b64(header.json()), craft.claims.json()),
                craft.key,
            );
            let verdict = gate::PUBLIC.send(plain);
            verdict.malformed("unencoded claims");
        }
    }
}

#[test]
fn bearer_rejected_when_compressed_encrypted_or_nested() {
    // security.md row 24; RFC 8725 §3.6
    let unsupported = Some(Reason::HeaderUnsupported);
    refused_with("zip", &["\"DEF\"", "\"none\"", "null"], unsupported);
    refused_with(
        "enc",
        &["\"A256GCM\"", "\"A128CBC-HS256\"", "null"],
        unsupported,
    );
    refused_with(
        "cty",
        &["\"JWT\"", "\"jwt\"", "\"json\"", "null"],
        unsupported,
    );
    for craft in Craft::both() {
        let nested = craft
            .clone()
            .header("cty", "\"JWT\"")
            .raw_claims(craft.token());
        gate::PUBLIC
            .send(nested)
            .refused_for(Reason::HeaderUnsupported, "nested");
        let silent = craft.raw_claims(craft.token());
        gate::PUBLIC
            .send(silent)
            .refused_for(Reason::ClaimsMalformed, "nested, without cty");
    }
}

#[test]
fn bearer_rejected_when_its_type_is_not_that_of_an_access_token() {
    // security.md row 25; RFC 8725 §3.11, RFC 9068 §4
    let other = [
        "\"logout+jwt\"",
        "\"secevent+jwt\"",
        "\"dpop+jwt\"",
        "\"api-token+jwt\"",
        "\"at+jwt \"",
        "\" at+jwt\"",
        "\"at+jwt;x=1\"",
        "\"xat+jwt\"",
        "\"at\"",
        "\"\"",
        "\"application/jwt\"",
        "\"application/at+jwt \"",
        "\"text/at+jwt\"",
        "\"JOSE\"",
        "\"JOSE+JSON\"",
    ];
    refused_with("typ", &other, Some(Reason::TypeRefused));
    let no_text = ["7", "[\"at+jwt\"]", "null", "true", "{\"typ\":\"at+jwt\"}"];
    refused_with("typ", &no_text, Some(Reason::HeaderMalformed));
    for typ in ["\"JWT\"", "\"jwt\""] {
        let ours = Craft::own().header("typ", typ).token();
        gate::PUBLIC
            .send(ours)
            .refused_for(Reason::TypeRefused, typ);
        gate::PUBLIC
            .send(Craft::external().header("typ", typ).token())
            .accepted(typ);
    }
    let ours = Craft::own().no_header("typ").token();
    gate::PUBLIC
        .send(ours)
        .refused_for(Reason::TypeRefused, "no typ");
    gate::PUBLIC
        .send(Craft::external().no_header("typ").token())
        .accepted("no typ");
    // RFC 7515 §4.1.9: a media type, in any case.
    for typ in [
        "\"application/at+jwt\"",
        "\"AT+JWT\"",
        "\"at+JWT\"",
        "\"Application/At+Jwt\"",
    ] {
        for craft in Craft::both() {
            gate::PUBLIC
                .send(craft.header("typ", typ).token())
                .accepted(typ);
        }
    }
}

#[test]
fn bearer_rejected_when_a_header_member_comes_twice() {
    // security.md row 26; RFC 7515 §4 allows the last to win; we refuse
    for craft in Craft::both() {
        let alg = craft.header.raw("alg").unwrap().to_owned();
        let kid = craft.header.raw("kid").unwrap().to_owned();
        let twice = [
            ("alg", alg.clone()),
            ("alg", "\"none\"".into()),
            ("a\\u006cg", alg.clone()),
            ("a\\u006cg", "\"none\"".into()),
            ("\\u0061\\u006c\\u0067", alg),
            ("kid", kid.clone()),
            ("kid", "\"other\"".into()),
            ("k\\u0069d", kid),
            ("typ", "\"at+jwt\"".into()),
            ("t\\u0079p", "\"at+jwt\"".into()),
        ];
        for (name, value) in twice {
            let token = craft.clone().add_header(name, value.clone()).token();
            gate::PUBLIC
                .send(token)
                .refused_for(Reason::HeaderMalformed, &format!("{name} {value}"));
        }
        let unknown = craft.clone().add_header("x", "1");
        gate::PUBLIC
            .send(unknown.token())
            .accepted("an unknown member once");
        for second in ["x", "\\u0078"] {
            let token = unknown.clone().add_header(second, "1").token();
            gate::PUBLIC
                .send(token)
                .refused_for(Reason::HeaderMalformed, second);
        }
        let nested = craft.header("x", r#"{"a":1,"a":1}"#).token();
        gate::PUBLIC
            .send(nested)
            .refused_for(Reason::HeaderMalformed, "twice inside");
    }
}

#[test]
fn bearer_rejected_when_its_header_is_not_one_json_object() {
    // security.md row 27; RFC 7515 §4, RFC 8259 §8, RFC 8725 §3.7
    for craft in Craft::both() {
        let good = craft.header.json();
        let utf16 =
            |to: fn(u16) -> [u8; 2]| -> Vec<u8> { good.encode_utf16().flat_map(to).collect() };
        let wrong: Vec<Vec<u8>> = vec![
            format!("[{good}]").into(),
            b"[\"alg\",\"EdDSA\"]".to_vec(),
            format!("{good:?}").into(),
            b"\"EdDSA\"".to_vec(),
            b"null".to_vec(),
            b"7".to_vec(),
            Vec::new(),
            b" ".to_vec(),
            b"{}".to_vec(),
            format!("\u{feff}{good}").into(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
            format!("{good}x").into(),
            format!("{good}{{}}").into(),
            format!("{good}\0").into(),
            format!("/* jose */{good}").into(),
            format!("{good}//").into(),
            good.trim_end_matches('}').into(),
            good.replace('"', "'").into(),
            good.replace('}', ",}").into(),
        ];
        for header in wrong {
            let case = format!("{:?}", String::from_utf8_lossy(&header));
            gate::PUBLIC
                .send(craft.raw_header(&header))
                .refused_unverified(&case);
        }
        let members: [&[u8]; 13] = [
            b"\"x\":\"\xff\"",
            b"\"x\":\"\xc1\x81\"",
            b"\"x\":\"\xed\xa0\x80\"",
            b"\"x\":\"\\ud800\"",
            b"\"x\":\"\\udfff\\ud800\"",
            b"\"\\ud800\":1",
            b"\"x\":NaN",
            b"\"x\":Infinity",
            b"\"x\":01",
            b"\"x\":undefined",
            b"x:1",
            b"\"x\":\"\n\"",
            b"/* */\"x\":1",
        ];
        for member in members {
            let header = [b"{", member, b",", &good.as_bytes()[1..]].concat();
            let case = format!("{:?}", String::from_utf8_lossy(member));
            let verdict = gate::PUBLIC.send(craft.raw_header(&header));
            verdict.refused_for(Reason::HeaderMalformed, &case);
        }
        gate::PUBLIC
            .send(craft.raw_header(format!(" {good}\r\n")))
            .accepted("white space");
    }
}

#[test]
fn bearer_rejected_when_its_json_is_deep_wide_or_long() {
    // security.md row 28; CVE-2025-53864. Refused before anything of it is verified; what is over 8 KiB
    // is not even decoded.
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    let wide: String = (0..20_000).map(|i| format!("\"k{i}\":0,")).collect();
    for craft in Craft::both() {
        for depth in [131_072, 2_500, 128] {
            for value in [deep(depth), objects(depth.min(900))] {
                let token = craft.clone().claim("x", value.clone()).token();
                let case = format!("payload nested {depth} deep");
                gate::PUBLIC.send(token).refused_unverified(&case);
                let token = craft.clone().header("x", value).token();
                gate::PUBLIC
                    .send(token)
                    .refused_unverified(&format!("header nested {depth} deep"));
            }
        }
        let payload = format!("{{{wide}{}", &craft.claims.json()[1..]);
        let verdict = gate::PUBLIC.send(craft.raw_claims(payload));
        verdict.refused_for(Reason::TokenTooLong, "payload with 20,000 members");
        let header = format!("{{{wide}{}", &craft.header.json()[1..]);
        let verdict = gate::PUBLIC.send(craft.raw_header(header));
        verdict.refused_for(Reason::TokenTooLong, "header with 20,000 members");
        let mebibyte = format!("\"{}\"", "a".repeat(1 << 20));
        let token = craft.clone().claim("x", mebibyte.clone()).token();
        gate::PUBLIC
            .send(token)
            .refused_for(Reason::TokenTooLong, "payload of 1 MiB");
        let token = craft.clone().header("x", mebibyte).token();
        gate::PUBLIC
            .send(token)
            .refused_for(Reason::TokenTooLong, "header of 1 MiB");
        // What fits into 8 KiB still has a header of 1 KiB at most.
        let token = craft
            .clone()
            .header("x", format!("\"{}\"", "a".repeat(1_024)))
            .token();
        gate::PUBLIC
            .send(token)
            .refused_unverified("header of over 1 KiB");
        gate::PUBLIC
            .send(craft.claim("x", deep(100)).token())
            .accepted("payload nested 100 deep");
    }
}

#[test]
fn bearer_accepted_under_the_algorithm_of_its_key_alone() {
    // The control of all tests above: what they spoil is good for each algorithm.
    for algorithm in [
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Rs256,
        Algorithm::Ps512,
    ] {
        for craft in Craft::both() {
            gate::PUBLIC
                .send(craft.key(key(algorithm)).token())
                .accepted(algorithm.as_str());
        }
    }
}
