//! Messages between Workers and objects of two versions: what was recorded from a version that is
//! out is read by today's code, and today's messages by a reader that knows what was recorded.
//!
//! A file for each type and version, one message a line. After a release:
//! `cargo test record_the_messages -- --ignored`. A recorded file is never changed by hand; it goes
//! when no deployment can have that version beside the current one.

mod oauth;
mod play;
mod records;

use std::{collections::BTreeMap, fmt::Debug, fs, path::PathBuf};

use postern_app::{
    account::{AccountAnswer, AccountRequest},
    audit::{AuditAnswer, AuditRequest},
    issuer_keys::{IssuerKeysAnswer, IssuerKeysRequest},
    json,
    keys::{KeyRingAnswer, KeyRingRequest},
    message,
    metrics::{MetricsAnswer, MetricsRequest},
    revocation::{FeedAnswer, FeedRequest},
};
use postern_core::throttle::{ThrottleAnswer, ThrottleRequest};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

fn samples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/messages/samples"))
}

/// The recorded messages of a type, of every version that is kept.
fn recorded(name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for version in fs::read_dir(samples()).unwrap() {
        let file = version.unwrap().path().join(name).with_extension("jsonl");
        // A type that is younger than the version has no file there.
        lines.extend(fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned));
    }
    assert!(!lines.is_empty(), "nothing is recorded of {name}");
    lines
}

/// The name of the variant, and what is in it.
fn variant(message: &Value) -> (String, Value) {
    match message {
        Value::String(name) => (name.clone(), Value::Null),
        Value::Object(members) => {
            let (name, content) = members.iter().next().unwrap();
            (name.clone(), content.clone())
        }
        other => panic!("{other}"),
    }
}

/// Whether a reader that needs `known` finds it in `message`: each member, of the same JSON type.
/// Members that it does not know it passes over.
fn is_read_by(known: &Value, message: &Value) -> bool {
    match (known, message) {
        (Value::Object(known), Value::Object(message)) => {
            known.iter().all(|(name, known)| message.get(name).is_some_and(|found| is_read_by(known, found)))
        }
        // One stands for all, as `common` makes it.
        (Value::Array(known), Value::Array(message)) => match known.as_slice() {
            [known] => message.iter().all(|found| is_read_by(known, found)),
            all => all.iter().zip(message).all(|(known, found)| is_read_by(known, found)),
        },
        (Value::Null, _) => true,
        (known, message) => core::mem::discriminant(known) == core::mem::discriminant(message),
    }
}

/// What all of these have in common: what a reader of that version may need.
fn common(mut all: Vec<Value>) -> Value {
    let Some(first) = all.pop() else { return Value::Null };
    all.into_iter().fold(first, |one, other| match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let both = one.into_iter().filter_map(|(name, value)| {
                let there = other.get(&name)?.clone();
                Some((name, common(vec![value, there])))
            });
            Value::Object(both.collect())
        }
        (Value::Array(one), Value::Array(other)) => {
            let items: Vec<Value> = one.into_iter().chain(other).collect();
            Value::Array(if items.is_empty() { items } else { vec![common(items)] })
        }
        (one, other) if core::mem::discriminant(&one) == core::mem::discriminant(&other) => one,
        // Optional, or of several forms: nothing can be needed of it.
        _ => Value::Null,
    })
}

/// Members of recorded messages that today's code does not send: either their readers do without, or nobody reads them.
/// A name without a slash is such a member at any depth; `/*` empties an object that readers require and do not look into.
const RETIRED: [&str; 6] = [
    "asn",
    "/refused/ended",
    "/refused/subject",
    "/refused/client_id",
    "/revoked/not_before",
    "/rotated/evidence/last_context/*",
];

fn without_retired(mut message: Value) -> Value {
    fn remove(value: &mut Value, name: &str) {
        match value {
            Value::Object(members) => {
                members.remove(name);
                members.values_mut().for_each(|value| remove(value, name));
            }
            Value::Array(items) => items.iter_mut().for_each(|value| remove(value, name)),
            _ => {}
        }
    }
    for retired in RETIRED {
        let Some((parent, name)) = retired.rsplit_once('/') else {
            remove(&mut message, retired);
            continue;
        };
        if let Some(members) = message.pointer_mut(parent).and_then(Value::as_object_mut) {
            if name == "*" { members.clear() } else { drop(members.remove(name)) }
        }
    }
    message
}

fn check<M: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, today: &[M]) {
    let mut needed: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in recorded(name) {
        let sample = without_retired(serde_json::from_str(&line).unwrap());
        let read = message::read::<M>(&line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
        let again = serde_json::to_value(&read).unwrap();
        assert!(is_read_by(&sample, &again), "{name}: today's code loses a part of {line}");
        let (variant, content) = variant(&sample);
        needed.entry(variant).or_default().push(content);
    }
    for message in today {
        let text = json::write(message).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let (variant, content) = variant(&value);
        // A new variant is refused by the old reader as a whole, which is what it is new for.
        if let Some(needed) = needed.get(&variant) {
            let needed = common(needed.clone());
            assert!(is_read_by(&needed, &content), "{name}: a reader of old needs {needed} and finds {text}");
        }
        assert_eq!(message::read::<M>(&text).as_ref(), Ok(message));
        for (path, newer) in with_a_new_member(&value) {
            let newer = newer.to_string();
            // Strictly read it is an unknown member: so it stands in a struct, and not beside the
            // name of a variant, nor in a map.
            if json::read::<M>(&newer) == Err(json::ReadError::Unknown) {
                assert_eq!(message::read::<M>(&newer).as_ref(), Ok(message), "{name}: new member at {path}");
            }
        }
    }
}

/// The message with an unknown member in each of its objects in turn, and where.
fn with_a_new_member(message: &Value) -> Vec<(String, Value)> {
    fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                // A duration has the standard library's form, which no version adds to.
                if !members.keys().eq(["nanos", "secs"]) {
                    found.push(path.to_owned());
                }
                members.iter().for_each(|(name, value)| walk(value, &format!("{path}/{name}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, item)| walk(item, &format!("{path}/{at}"), found));
            }
            _ => {}
        }
    }
    let mut paths = Vec::new();
    walk(message, "", &mut paths);
    let with = |path: String| {
        let mut newer = message.clone();
        let object = newer.pointer_mut(&path).unwrap().as_object_mut().unwrap();
        object.insert("of_the_next_version".to_owned(), serde_json::json!({"any": [1, "thing"]}));
        (path, newer)
    };
    paths.into_iter().map(with).collect()
}

/// Calls `$do` with the name and today's messages of each type.
macro_rules! each_type {
    ($do:ident) => {
        let play = play::all();
        $do::<AccountRequest>("account_request", &play.account.0);
        $do::<AccountAnswer>("account_answer", &play.account.1);
        $do::<ThrottleRequest>("throttle_request", &play.throttle.0);
        $do::<ThrottleAnswer>("throttle_answer", &play.throttle.1);
        $do::<FeedRequest>("feed_request", &play.feed.0);
        $do::<FeedAnswer>("feed_answer", &play.feed.1);
        $do::<KeyRingRequest>("key_ring_request", &play.key_ring.0);
        $do::<KeyRingAnswer>("key_ring_answer", &play.key_ring.1);
        $do::<IssuerKeysRequest>("issuer_keys_request", &play.issuer_keys.0);
        $do::<IssuerKeysAnswer>("issuer_keys_answer", &play.issuer_keys.1);
        $do::<AuditRequest>("audit_request", &play.audit.0);
        $do::<AuditAnswer>("audit_answer", &play.audit.1);
        $do::<MetricsRequest>("metrics_request", &play.metrics.0);
        $do::<MetricsAnswer>("metrics_answer", &play.metrics.1);
    };
}

#[test]
fn two_versions_understand_each_others_messages() {
    each_type!(check);
}

#[test]
fn every_request_is_among_those_played() {
    play::assert_complete(&play::all());
}

#[test]
#[ignore = "writes the files, after a release"]
fn record_the_messages() {
    fn record<M: Serialize>(name: &str, today: &[M]) {
        let folder = samples().join(env!("CARGO_PKG_VERSION"));
        fs::create_dir_all(&folder).unwrap();
        let lines: String = today.iter().map(|message| json::write(message).unwrap() + "\n").collect();
        fs::write(folder.join(name).with_extension("jsonl"), lines).unwrap();
    }
    each_type!(record);
    records::record(&samples().join(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_model_of_an_old_reader_finds_what_it_would_miss() {
    let needed = serde_json::json!({"family": "x", "limits": {"pace": 1}});
    assert!(is_read_by(
        &needed,
        &serde_json::json!({"family": "y", "limits": {"pace": 2, "new": 1}, "n": 0})
    ));
    for wrong in [
        serde_json::json!({"limits": {"pace": 2}}),
        serde_json::json!({"family": "y", "limits": {}}),
        serde_json::json!({"family": 1, "limits": {"pace": 2}}),
    ] {
        assert!(!is_read_by(&needed, &wrong), "{wrong}");
    }
}
