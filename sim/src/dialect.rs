//! The messages of another version: of the next one, with members that today's code does not know, and of release 0.1.0, as
//! it was recorded.

use std::{collections::BTreeMap, sync::OnceLock};

use postern_app::ports::Component;
use serde_json::{Map, Value};

/// Which messages a version has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[default]
    Current,
    /// Members more, at any depth.
    Next,
    /// Those of release 0.1.0 alone.
    Old,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Request,
    Answer,
}

/// What release 0.1.0 requires and later versions have no use for.
const REQUIRED: [&str; 6] =
    ["age_ms", "denylist", "last_context", "late_retries", "presented_count", "stored_count"];

/// What the recorded messages of a type look like.
#[derive(Debug, Clone, Default)]
struct Shape {
    /// How many of them are objects, and by member: how many have it, and its shape.
    objects: u32,
    members: BTreeMap<String, (u32, Shape)>,
    items: Option<Box<Shape>>,
    /// The texts, where no other value was: the variants without content.
    words: Vec<String>,
}

impl Shape {
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                self.objects += 1;
                for (name, value) in members {
                    let (times, shape) = self.members.entry(name.clone()).or_default();
                    *times += 1;
                    shape.learn(value);
                }
            }
            Value::Array(items) => {
                let shape = self.items.get_or_insert_default();
                for item in items {
                    shape.learn(item);
                }
            }
            Value::String(word) => self.words.push(word.clone()),
            _ => {}
        }
    }

    /// The value without members that the version does not know. `None`: a variant that it does not know, or, of what it
    /// `reads`, a member is missing that it requires.
    fn cut(&self, value: Value, reads: bool) -> Option<Value> {
        match value {
            Value::Object(members) if self.objects > 0 => {
                let is_required = |(name, (times, _)): (&String, &(u32, Self))| {
                    REQUIRED.contains(&&**name) && *times == self.objects && !members.contains_key(name)
                };
                if reads && self.members.iter().any(is_required) {
                    return None;
                }
                let was_empty = members.is_empty();
                let mut kept = Map::new();
                for (name, value) in members {
                    if let Some((_, shape)) = self.members.get(&name) {
                        kept.insert(name, shape.cut(value, reads)?);
                    }
                }
                (was_empty || !kept.is_empty()).then_some(Value::Object(kept))
            }
            Value::Array(items) => match &self.items {
                Some(shape) => items
                    .into_iter()
                    .map(|item| shape.cut(item, reads))
                    .collect::<Option<_>>()
                    .map(Value::Array),
                None => Some(Value::Array(items)),
            },
            other => Some(other),
        }
    }
}

/// The shape of each type of message of release 0.1.0. Those of the other classes have members by any name.
fn shapes() -> &'static BTreeMap<(&'static str, Side), Shape> {
    macro_rules! recorded {
        ($name:literal) => {
            include_str!(concat!("../../crates/app/tests/messages/samples/0.1.0/", $name, ".jsonl"))
        };
    }
    static SHAPES: OnceLock<BTreeMap<(&'static str, Side), Shape>> = OnceLock::new();
    SHAPES.get_or_init(|| {
        [
            (Component::Account, Side::Request, recorded!("account_request")),
            (Component::Account, Side::Answer, recorded!("account_answer")),
            (Component::RevocationFeed, Side::Request, recorded!("feed_request")),
            (Component::RevocationFeed, Side::Answer, recorded!("feed_answer")),
            (Component::KeyRing, Side::Request, recorded!("key_ring_request")),
            (Component::KeyRing, Side::Answer, recorded!("key_ring_answer")),
            (Component::IssuerKeys, Side::Request, recorded!("issuer_keys_request")),
            (Component::IssuerKeys, Side::Answer, recorded!("issuer_keys_answer")),
            (Component::Throttle, Side::Request, recorded!("throttle_request")),
            (Component::Throttle, Side::Answer, recorded!("throttle_answer")),
        ]
        .into_iter()
        .map(|(part, side, lines)| {
            let mut shape = Shape::default();
            lines
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .for_each(|one| shape.learn(&one));
            ((part.name(), side), shape)
        })
        .collect()
    })
}

impl Dialect {
    /// A message as a version of this dialect writes it. `None`: it has none of this kind.
    pub(crate) fn said(self, part: Component, side: Side, text: String) -> Option<String> {
        match self {
            Self::Current => Some(text),
            Self::Next => Some(with_more(&text)),
            Self::Old => old(part, side, text, false),
        }
    }

    /// A message as a version of this dialect reads it. `None`: it cannot read it.
    pub(crate) fn heard(self, part: Component, side: Side, text: String) -> Option<String> {
        match self {
            Self::Current | Self::Next => Some(text),
            Self::Old => old(part, side, text, true),
        }
    }
}

/// What release 0.1.0 has of a message.
fn old(part: Component, side: Side, text: String, reads: bool) -> Option<String> {
    let Some(shape) = shapes().get(&(part.name(), side)) else { return Some(text) };
    let value: Value = serde_json::from_str(&text).ok()?;
    match &value {
        Value::String(word) if !shape.words.contains(word) => None,
        _ => shape.cut(value, reads).map(|value| value.to_string()),
    }
}

/// Further members, in the content of the message and in all objects therein.
fn with_more(text: &str) -> String {
    let Ok(Value::Object(message)) = serde_json::from_str(text) else { return text.to_owned() };
    let more = message.into_iter().map(|(variant, mut content)| {
        add(&mut content);
        (variant, content)
    });
    Value::Object(more.collect()).to_string()
}

/// An object with one member may be a variant with its content: there a further member would be another variant. A duration is
/// of the standard library, and no version of ours adds to it.
fn add(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(add);
            let is_duration = members.contains_key("secs") && members.contains_key("nanos");
            if members.len() > 1 && !is_duration {
                members.insert("of_the_next_version".to_owned(), serde_json::json!({"a": [1]}));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(add),
        _ => {}
    }
}
