//! The reader, compared with `serde_json`.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::*;

members! {
    struct Sample<'a> {
        a: Value<'a> = "a",
        b: Value<'a> = "b",
        ;
        flag = "c" | "d"
    }
}

/// JSON as `serde_json` reads it, with all members. Repeated ones are an error.
enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

struct TreeVisitor;

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(Number::from_f64(number).unwrap()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members: Vec<(String, Tree)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Tree>()? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("repeated member"));
            }
            members.push((name, value));
        }
        Ok(Tree::Object(members))
    }
}

fn is_same(value: &Value<'_>, tree: &Tree) -> bool {
    match (value, tree) {
        (Value::Null, Tree::Null) | (Value::Object, Tree::Object(_)) => true,
        (Value::Bool(a), Tree::Bool(b)) => a == b,
        (Value::Text(a), Tree::Text(b)) => a == b,
        (Value::Integer(a), Tree::Number(b)) => b.as_u64() == Some(*a),
        (Value::Float(a), Tree::Number(b)) => {
            // Both may round the last digit differently.
            let b = b.as_f64().unwrap();
            value.u32().is_err() && (a - b).abs() <= (b.abs() * 1e-15).max(f64::MIN_POSITIVE)
        }
        (Value::List(a), Tree::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        _ => false,
    }
}

/// Reads the text with both readers, and returns whether it is an object.
#[track_caller]
fn compare(json: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(json);
    let sample: Option<Sample<'_>> = object(json);
    let text = std::str::from_utf8(json).ok();
    let members = match text.and_then(|text| serde_json::from_str(text).ok()) {
        Some(Tree::Object(members)) => Some(members),
        _ => None,
    };
    assert_eq!(sample.is_some(), members.is_some(), "{shown}");
    let (Some(sample), Some(members)) = (sample, members) else {
        return false;
    };
    let find = |wanted: &str| members.iter().find(|(name, _)| name == wanted);
    for (name, value) in [("a", &sample.a), ("b", &sample.b)] {
        match (value, find(name)) {
            (Some(value), Some((_, tree))) => assert!(is_same(value, tree), "{name} in {shown}"),
            (value, tree) => assert_eq!(value.is_some(), tree.is_some(), "{name} in {shown}"),
        }
    }
    assert_eq!(sample.flag, find("c").or(find("d")).is_some(), "{shown}");
    true
}

fn white_space() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => select(&[" ", "\n", "\t\r ", "\u{c}"][..])]
}

fn string() -> impl Strategy<Value = String> {
    let valid = [
        "",
        "a",
        "0123456789",
        "é",
        "\u{7f}",
        "\\u0061",
        "\\ud83d\\ude00",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\u0000",
    ];
    let invalid = [
        "\\ud83d",
        "\\ude00",
        "\\ud83d\\u0061",
        "\\x",
        "\u{1}",
        "\u{1f}",
        "\"",
        "\\",
        "\\u00e",
        "\\u+061",
    ];
    let piece = prop_oneof![20 => select(valid.to_vec()), 1 => select(invalid.to_vec())];
    let text = proptest::collection::vec(piece, 0..5);
    text.prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn value() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        "-?(0|[1-9][0-9]{0,20})",
        "-?[0-9]{1,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,3})?",
    ];
    let words = ["true", "false", "null", "tru", "True", ""];
    let leaf = prop_oneof![
        number,
        string(),
        select(words.to_vec()).prop_map(String::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = proptest::collection::vec((white_space(), inner.clone(), white_space()), 0..4);
        let list = list.prop_map(|list| {
            let list: Vec<String> = list
                .iter()
                .map(|(a, value, b)| format!("{a}{value}{b}"))
                .collect();
            format!("[{}]", list.join(","))
        });
        prop_oneof![list, object_of(inner)]
    })
}

fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let names = [
        "\"a\"",
        "\"b\"",
        "\"c\"",
        "\"d\"",
        "\"x\"",
        "\"yz\"",
        "\"\"",
        "\"\\u0061\"",
        "\"\\u0078\"",
    ];
    let member = (white_space(), select(names.to_vec()), white_space(), value);
    proptest::collection::vec(member, 0..5).prop_map(|members| {
        let member =
            |(a, name, b, value): (&str, &str, &str, String)| format!("{a}{name}{b}:{value}{a}");
        let members: Vec<String> = members.into_iter().map(member).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// Texts that are nearly always JSON, and some in which one byte is replaced.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let replaced = (
        any::<proptest::sample::Index>(),
        select(&b"{}[]\",:\\0e-. \x01\xc3"[..]),
    );
    let text = (white_space(), object_of(value()), white_space());
    (text, proptest::option::weighted(0.3, replaced)).prop_map(|((a, text, b), replaced)| {
        let mut text = format!("{a}{text}{b}").into_bytes();
        if let Some((index, byte)) = replaced {
            let index = index.index(text.len());
            text[index] = byte;
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn texts_are_read_as_serde_json_reads_them(text in texts()) {
        compare(&text);
    }

    #[test]
    fn first_special_byte_of_a_string_is_found(text in "[ -~\u{e9}\u{ff}]{0,40}", at in 0..40_usize, end in 0..0x20_u8) {
        // A character of several bytes, and each of those that end a plain string.
        for special in [end, b'"', b'\\'] {
            let mut json = format!("{{\"a\":\"{}", text.replace(['"', '\\'], "x")).into_bytes();
            let at = (6 + at).min(json.len());
            json.insert(at, special);
            json.extend(b"\"}");
            compare(&json);
        }
    }
}

#[test]
fn values_may_be_nested_127_deep() {
    for depth in 120..132 {
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", "{\"x\":".repeat(depth), "}".repeat(depth));
        for value in [lists, objects] {
            let used = compare(format!("{{\"a\":{value}}}").as_bytes());
            let unused = compare(format!("{{\"z\":{value}}}").as_bytes());
            assert_eq!((used, unused), (depth < 127, depth < 127), "{depth}");
        }
    }
}

#[test]
fn nothing_but_one_object_is_accepted() {
    for json in ["{}", " { } ", "{\"a\":1}\n"] {
        assert!(compare(json.as_bytes()), "{json}");
    }
    for json in [
        "",
        " ",
        "[]",
        "null",
        "1",
        "\"a\"",
        "{",
        "}",
        "{}{}",
        "{} x",
        "{},",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.1}",
        "{\"a\":1e}",
        "{\"a\":1e999}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{'a':1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":1,\"a\":1}",
        "{\"z\":1,\"z\":1}",
        "{\"c\":1,\"c\":1}",
        "{\"z\":{\"z\":1,\"z\":1}}",
        "\u{feff}{}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":\"\\u00",
        "//\n{}",
        "\0{}",
    ] {
        assert!(!compare(json.as_bytes()), "{json}");
    }
    assert!(!compare(b"{\"a\":\"\xff\"}"));
}

#[test]
fn strings_without_escapes_are_borrowed() {
    let json = "{\"a\":\"plain é\",\"b\":\"\\u0061\"}".to_owned();
    let sample: Sample<'_> = object(json.as_bytes()).unwrap();
    assert!(matches!(
        sample.a,
        Some(Value::Text(Cow::Borrowed("plain é")))
    ));
    assert!(matches!(sample.b, Some(Value::Text(Cow::Owned(text))) if text == "a"));
}

#[test]
fn raw_values_have_the_syntax_of_json_and_may_repeat_members() {
    members! {
        struct Document<'a> {
            list: Vec<Raw<'a>> = "list",
        }
    }
    let read = |json: &str| -> Option<Vec<String>> {
        let document: Document<'_> = object(json.as_bytes())?;
        let list = document.list?;
        Some(list.iter().map(|Raw(text)| (*text).to_owned()).collect())
    };
    let values = ["{\"a\":1, \"a\":1}", "[\"\\ud83d\"]", "1.5"];
    let json = format!("{{\"list\":[ {}]}}", values.join(" , "));
    assert_eq!(read(&json).unwrap(), values);
    assert_eq!(read("{\"list\":[]}").unwrap(), Vec::<String>::new());
    for json in [
        "{\"list\":[{\"a\":}]}",
        "{\"list\":[\"\\x\"]}",
        "{\"list\":{}}",
        "{\"list\":null}",
        // Members beside the list are strict.
        "{\"list\":[1],\"z\":{\"a\":1,\"a\":1}}",
    ] {
        assert_eq!(read(json), None, "{json}");
    }
}

#[test]
fn numbers_are_read_as_dates_and_as_numbers_of_32_bits() {
    let read = |number: &str| {
        let json = format!("{{\"a\":{number}}}");
        let sample: Sample<'_> = object(json.as_bytes()).unwrap();
        let value = sample.a.unwrap();
        let date = value.date().ok();
        (
            date.map(|date| (date.rounded_down, date.rounded_up)),
            value.u32().ok(),
        )
    };
    let whole = |seconds: i64| Some((seconds, seconds));
    assert_eq!(read("0"), (whole(0), Some(0)));
    assert_eq!(read("-0"), (whole(0), None));
    assert_eq!(read("4294967295"), (whole(4_294_967_295), Some(u32::MAX)));
    assert_eq!(read("4294967296"), (whole(4_294_967_296), None));
    assert_eq!(read("9223372036854775807"), (whole(i64::MAX), None));
    assert_eq!(read("9223372036854775808"), (None, None));
    assert_eq!(read("18446744073709551616"), (None, None));
    assert_eq!(read("1.5"), (Some((1, 2)), None));
    assert_eq!(read("1e3"), (whole(1000), None));
    assert_eq!(read("1e300"), (None, None));
    assert_eq!(read("-1"), (None, None));
}
