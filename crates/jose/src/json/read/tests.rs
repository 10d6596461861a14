use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ReadError, read, read_known, write};
use crate::json::JsonError;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Plain,
    Wrapped(u8),
    Pair(i64, Option<String>),
    Named {
        list: Vec<[u8; 2]>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        lifetime: core::time::Duration,
        map: std::collections::BTreeMap<String, bool>,
    },
}

#[test]
fn every_shape_that_our_types_have_comes_back_as_it_was_written() {
    for message in [
        Message::Plain,
        Message::Wrapped(255),
        Message::Pair(-1, None),
        Message::Pair(i64::MAX, Some("é\"\u{0}".into())),
        Message::Named {
            list: vec![[1, 2], [3, 4]],
            note: None,
            lifetime: core::time::Duration::new(3, 4),
            map: std::iter::once(("a".to_owned(), true)).collect(),
        },
    ] {
        let text = write(&message).unwrap();
        assert_eq!(read::<Message>(&text), Ok(message), "{text}");
    }
}

#[test]
fn a_text_that_is_not_of_its_type_is_refused_and_not_repeated() {
    for (text, expected) in [
        ("{", ReadError::Syntax(JsonError::Malformed)),
        (r#"{"plain":1,"plain":1}"#, ReadError::Syntax(JsonError::DuplicateMember)),
        (r#""secret""#, ReadError::UnknownVariant),
        (r#"{"secret":{}}"#, ReadError::UnknownVariant),
        (r#"{"plain":1}"#, ReadError::WrongType),
        (r#"{"wrapped":1,"plain":1}"#, ReadError::WrongValue),
        (r#"{"wrapped":256}"#, ReadError::WrongValue),
        (r#"{"wrapped":-1}"#, ReadError::WrongValue),
        (r#"{"wrapped":1.0}"#, ReadError::WrongType),
        (r#"{"wrapped":"1"}"#, ReadError::WrongType),
        (r#"{"pair":[1]}"#, ReadError::WrongValue),
        (r#"{"named":{"list":[]}}"#, ReadError::Missing("lifetime".into())),
        (r#"{"named":{"secret":1}}"#, ReadError::Missing("list".into())),
        (r#"{"named":{"list":[],"lifetime":{"secs":1,"nanos":1},"map":{},"secret":1}}"#, ReadError::Unknown),
        (r#"{"named":{"list":[],"lifetime":{"secs":1,"nanos":1,"secret":1},"map":{}}}"#, ReadError::Unknown),
        (r#"{"named":{"list":[],"lifetime":{"secs":1,"nanos":"1"},"map":{}}}"#, ReadError::WrongType),
        ("[]", ReadError::WrongValue),
        ("{}", ReadError::WrongValue),
        (r#""wrapped""#, ReadError::WrongType),
        (r#"{"pair":[1,null,2]}"#, ReadError::WrongValue),
        (r#"{"pair":{"0":1,"1":null}}"#, ReadError::WrongType),
    ] {
        let found = read::<Message>(text).unwrap_err();
        assert_eq!(found, expected, "{text}");
        assert!(!found.to_string().contains("secret"));
    }
}

#[test]
fn what_is_passed_over_is_unknown_members_and_nothing_else() {
    let text = r#"{"named":{"new":1,"list":[],"lifetime":{"nanos":2,"secs":1},"map":{"a":true}}}"#;
    let lifetime = core::time::Duration::new(1, 2);
    let map = std::iter::once(("a".to_owned(), true)).collect();
    let expected = Message::Named { list: vec![], note: None, lifetime, map };
    assert_eq!(read_known::<Message>(text), Ok(expected));
    assert_eq!(read::<Message>(text), Err(ReadError::Unknown));
    for (text, expected) in [
        (r#"{"new":{}}"#, ReadError::UnknownVariant),
        (r#"{"plain":null,"new":1}"#, ReadError::WrongValue),
        (r#"{"named":{"list":[],"new":1}}"#, ReadError::Missing("lifetime".into())),
    ] {
        assert_eq!(read_known::<Message>(text), Err(expected), "{text}");
    }
}

// A reader that overwrites the first of two would disagree with one that keeps it.
#[test]
fn what_is_passed_over_is_strict_json_all_the_same() {
    let named = |new: &str| {
        let rest = r#""list":[],"lifetime":{"nanos":2,"secs":1},"map":{"a":true}"#;
        [r#"{"named":{"new":"#, new, ",", rest, "}}"].concat()
    };
    assert!(read_known::<Message>(&named(r#"{"a":[{"b":1}]}"#)).is_ok());
    let deep = ["[".repeat(64), "]".repeat(64)].concat();
    for (new, expected) in [
        (r#"{"a":[{"b":1,"b":1}]}"#, JsonError::DuplicateMember),
        (r#"1,"new":1"#, JsonError::DuplicateMember),
        (deep.as_str(), JsonError::TooDeep),
        (r#""\ud800""#, JsonError::Malformed),
        ("1e999", JsonError::Malformed),
        ("01", JsonError::Malformed),
    ] {
        for found in [read_known::<Message>(&named(new)), read(&named(new))] {
            assert_eq!(found, Err(ReadError::Syntax(expected)), "{new}");
        }
    }
    let map = r#"{"named":{"list":[],"lifetime":{"nanos":2,"secs":1},"map":{"a":true,"a":false}}}"#;
    assert_eq!(read_known::<Message>(map), Err(ReadError::Syntax(JsonError::DuplicateMember)));
    assert_eq!(read::<Message>(r#""plain" x"#), Err(ReadError::Syntax(JsonError::Malformed)));
}

#[test]
fn untyped_json_and_optional_values_are_read_as_they_are() {
    let text = r#"{"a":[1,-2,0.5,null,true,"x"],"b":{}}"#;
    assert_eq!(read::<Value>(text).unwrap().to_string(), text);
    assert_eq!(read::<Option<u32>>("null"), Ok(None));
    assert_eq!(read::<Option<f64>>("2"), Ok(Some(2.0)));
    assert_eq!(read::<()>("null"), Ok(()));
}
