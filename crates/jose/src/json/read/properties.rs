//! What is read from the tree is what `serde_json` reads from the text, for every type and text.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};

use super::{ReadError, read, read_known};

/// Every shape of a type, twice: the second is strict by serde's own attribute.
macro_rules! shapes {
    ($module:ident $(, #[$strict:meta])?) => {
        mod $module {
            use super::*;

            #[derive(Debug, Clone, PartialEq, Deserialize)]
            $(#[$strict])?
            pub(super) enum Kind {
                A,
                B(Box<Record>),
                C(u8, Option<String>),
                D { a: i64, b: Option<bool> },
            }

            #[derive(Debug, Clone, PartialEq, Deserialize)]
            pub(super) struct Wrapped(f64);

            #[derive(Debug, Clone, PartialEq, Deserialize)]
            pub(super) struct Pair(u16, Vec<i8>);

            #[derive(Debug, Clone, PartialEq, Deserialize)]
            pub(super) struct Unit;

            #[derive(Debug, Clone, PartialEq, Deserialize)]
            $(#[$strict])?
            pub(super) struct Record {
                pub(super) a: Option<u64>,
                #[serde(default)]
                pub(super) b: Vec<Kind>,
                #[serde(rename = "A")]
                c: Option<Wrapped>,
                #[serde(default)]
                d: Option<Box<Record>>,
            }
        }
    };
}

shapes!(lenient);
shapes!(strict, #[serde(deny_unknown_fields)]);

/// A name of the types above, or another.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[abcdABCD]",
        1 => any::<String>().prop_map(|text| {
            let quoted = serde_json::Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }),
        // The same names in escapes.
        1 => Just("\\u0061".to_owned()),
        1 => Just("\\ud83d\\ude00".to_owned()),
    ]
}

fn number() -> impl Strategy<Value = String> {
    let edges = [
        "0",
        "-0",
        "-1",
        "127",
        "128",
        "255",
        "256",
        "65535",
        "65536",
        "-128",
        "-129",
        "1.0",
        "1e2",
        "0.5",
        "-2.5e-3",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "1.7976931348623157e308",
        "5e-324",
    ];
    prop_oneof![
        3 => prop::sample::select(edges.to_vec()).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter("JSON has finite numbers", |number| number.is_finite()).prop_map(|number| number.to_string()),
    ]
}

/// A JSON text in which each name of an object occurs once.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        2 => Just("null".to_owned()),
        1 => any::<bool>().prop_map(|value| value.to_string()),
        3 => number(),
        2 => name().prop_map(|name| format!("\"{name}\"")),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let members = prop::collection::vec((name(), inner.clone()), 0..5);
        prop_oneof![
            2 => prop::collection::vec(inner, 0..4).prop_map(|items| format!("[ {} ]", items.join(" , "))),
            5 => members.prop_map(|members| {
                let mut names: Vec<String> = Vec::new();
                let mut kept = Vec::new();
                for (name, value) in members {
                    let read: String = serde_json::from_str(&format!("\"{name}\"")).unwrap();
                    if !names.contains(&read) {
                        names.push(read);
                        kept.push(format!("\"{name}\" : {value}"));
                    }
                }
                format!("{{ {} }}", kept.join(","))
            }),
        ]
    })
}

/// Both readers agree about whether the text is of the type, and about its value.
fn agrees<Lenient, Strict>(text: &str)
where
    Lenient: DeserializeOwned + PartialEq + core::fmt::Debug,
    Strict: DeserializeOwned,
{
    let known = read_known::<Lenient>(text);
    let theirs = serde_json::from_str::<Lenient>(text);
    assert_eq!(known.as_ref().ok(), theirs.as_ref().ok(), "{text}: {known:?} {theirs:?}");
    let exact = read::<Lenient>(text);
    let theirs = serde_json::from_str::<Strict>(text);
    assert_eq!(exact.is_ok(), theirs.is_ok(), "{text}: {exact:?} {:?}", theirs.err());
    match exact {
        Ok(exact) => assert_eq!(Ok(exact), known, "{text}"),
        Err(ReadError::Unknown) => assert!(known.is_ok(), "{text}"),
        Err(error) => assert_eq!(Err(error), known, "{text}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_tree_is_read_as_serde_json_reads_the_text(text in text()) {
        agrees::<lenient::Record, strict::Record>(&text);
        agrees::<lenient::Kind, strict::Kind>(&text);
        agrees::<Vec<lenient::Kind>, Vec<strict::Kind>>(&text);
        agrees::<BTreeMap<String, lenient::Kind>, BTreeMap<String, strict::Kind>>(&text);
        agrees::<(lenient::Wrapped, lenient::Pair), (strict::Wrapped, strict::Pair)>(&text);
        agrees::<lenient::Pair, strict::Pair>(&text);
        agrees::<lenient::Unit, strict::Unit>(&text);
        agrees::<[Option<i8>; 2], [Option<i8>; 2]>(&text);
        agrees::<Option<u64>, Option<u64>>(&text);
        agrees::<char, char>(&text);
        agrees::<f32, f32>(&text);
        agrees::<serde_json::Value, serde_json::Value>(&text);
    }
}
