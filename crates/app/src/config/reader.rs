//! Reads JSON values by path, and collects every mistake instead of stopping at the first one.
//!
//! No message repeats a value, because a secret in the wrong variable must not reach a log.

use core::{cell::RefCell, fmt, ops::RangeInclusive, time::Duration};
use std::{borrow::Cow, collections::BTreeSet};

use serde_json::Value;

use crate::jose::json::parse_text;

/// The prefix of every variable.
pub(super) const PREFIX: &str = "POSTERN_";

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigError {
    /// The path of the value, such as `POSTERN_ROUTES[3].upstream`.
    pub path: String,
    /// The problem, in the form "must ..." or "is ...". It never contains the value.
    pub problem: String,
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<ConfigError>>);

impl Mistakes {
    pub(super) fn add(&self, path: impl Into<String>, problem: impl Into<String>) {
        self.0.borrow_mut().push(ConfigError { path: path.into(), problem: problem.into() });
    }

    /// The read value if there are no mistakes; otherwise all mistakes, sorted and without repeats.
    pub(super) fn into_result<T>(self, read: Option<T>) -> Result<T, Vec<ConfigError>> {
        let mut mistakes = Vec::new();
        for mistake in self.0.into_inner() {
            if let Err(place) = mistakes.binary_search(&mistake) {
                mistakes.insert(place, mistake);
            }
        }
        match read {
            Some(read) if mistakes.is_empty() => Ok(read),
            _ => Err(mistakes),
        }
    }
}

/// A value with its path. Every reading method adds a mistake before it returns `None`.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    path: String,
    value: Cow<'a, Value>,
    mistakes: &'a Mistakes,
}

impl<'a> Node<'a> {
    /// A whole variable. A string that contains a JSON object, list or string is parsed.
    pub(super) fn variable(name: &str, value: &'a Value, mistakes: &'a Mistakes) -> Option<Self> {
        let value = match value {
            Value::Null => return None,
            Value::String(text) if text.trim_start().starts_with(['{', '[', '"']) => match parse_text(text) {
                Ok(inner) => Cow::Owned(inner),
                Err(error) => {
                    let (line, column) = (error.line(), error.column());
                    mistakes.add(name, format!("is not valid JSON (line {line}, column {column})"));
                    return None;
                }
            },
            _ => Cow::Borrowed(value),
        };
        Some(Self { path: name.to_owned(), value, mistakes })
    }

    /// A whole document. The paths of its members do not begin with the name of a variable.
    pub(super) const fn document(value: &'a Value, mistakes: &'a Mistakes) -> Self {
        Self { path: String::new(), value: Cow::Borrowed(value), mistakes }
    }

    /// Adds a mistake at this path.
    pub(super) fn wrong<T>(&self, problem: impl Into<String>) -> Option<T> {
        self.mistakes.add(&*self.path, problem);
        None
    }

    pub(super) fn is_text(&self) -> bool {
        self.value.is_string()
    }

    /// The string, if the value is one. Adds no mistake.
    pub(super) fn any_text(&self) -> Option<String> {
        self.value.as_str().map(str::to_owned)
    }

    /// The strings that the objects of a list have under `name`. Adds no mistake.
    pub(super) fn texts_of(&self, name: &str) -> Vec<String> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.get(name)?.as_str().map(str::to_owned)).collect()
    }

    /// The strings of a list, or the string. Adds no mistake.
    pub(super) fn any_texts(&self) -> Vec<&str> {
        match &*self.value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        }
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(super) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    /// The path of a member of this object.
    pub(super) fn path_of(&self, name: &str) -> String {
        member(&self.path, name)
    }

    /// Whether this is an object with this member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value.get(name).is_some()
    }

    /// A string that is not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match &*self.value {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::String(_) => self.wrong("must not be empty"),
            other => self.wrong(format!("must be a string, not {}", kind(other))),
        }
    }

    /// A string that `parse` accepts. Its error is the problem of the mistake.
    pub(super) fn parsed<T, E: fmt::Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(error) => self.wrong(error.to_string()),
        }
    }

    /// The choice with this name.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.value.as_str();
        choices.iter().find(|(name, _)| Some(*name) == text).map(|(_, value)| *value).or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.wrong(format!("must be one of: {}", names.join(", ")))
        })
    }

    /// A whole number, which may also be a string.
    pub(super) fn number(&self, limits: RangeInclusive<u64>) -> Option<u64> {
        self.counted(limits, "")
    }

    /// As [`Self::number`]. The mistake names the `unit`.
    fn counted(&self, limits: RangeInclusive<u64>, unit: &str) -> Option<u64> {
        let number = match &*self.value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| limits.contains(number)).or_else(|| {
            let has = match number {
                Some(number) if number < *limits.start() => "; it is smaller",
                Some(_) => "; it is larger",
                None if self.value.as_i64().is_some() => "; it is smaller",
                None if self.value.is_number() => "; it is not whole",
                None => &["; it is ", kind(&self.value)].concat(),
            };
            let (least, most) = (limits.start(), limits.end());
            self.wrong(format!("must be a whole number{unit} from {least} to {most}{has}"))
        })
    }

    /// A whole number of seconds.
    pub(super) fn seconds(&self, limits: RangeInclusive<u64>) -> Option<Duration> {
        self.counted(limits, " of seconds").map(Duration::from_secs)
    }

    /// `true` or `false`, which may also be a string.
    pub(super) fn flag(&self) -> Option<bool> {
        match &*self.value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            other => self.wrong(format!("must be true or false, not {}", kind(other))),
        }
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Option<Vec<Node<'_>>> {
        let Value::Array(items) = &*self.value else {
            return self.wrong(format!(
                "must be a list, not {} (in TOML, a list of tables is written [[name]], with two brackets)",
                kind(&self.value)
            ));
        };
        let node = |(index, value)| Node {
            path: format!("{}[{index}]", self.path),
            value: Cow::Borrowed(value),
            mistakes: self.mistakes,
        };
        Some(items.iter().enumerate().map(node).collect())
    }

    /// Reads all items of a list. `None` means that the list or some item has a mistake.
    pub(super) fn each<T>(&self, mut read: impl FnMut(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
        let items: Vec<Option<T>> = self.list()?.iter().map(&mut read).collect();
        items.into_iter().collect()
    }

    /// A list of different strings that `parse` accepts. A single string is a list of one.
    pub(super) fn set<T: Ord, E: fmt::Display>(
        &self,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<BTreeSet<T>> {
        let mut set = BTreeSet::new();
        if self.is_text() {
            set.insert(self.parsed(parse)?);
            return Some(set);
        }
        self.each(|item| {
            let text = item.parsed(&parse)?;
            if set.insert(text) { Some(()) } else { item.wrong("is listed twice") }
        })?;
        Some(set)
    }

    /// As [`Self::set`], in the given order and with at least one item.
    pub(super) fn filled_list<E: fmt::Display>(
        &self,
        parse: impl Fn(&str) -> Result<String, E>,
    ) -> Option<Vec<String>> {
        if self.is_text() {
            return self.parsed(parse).map(|one| vec![one]);
        }
        let mut seen = BTreeSet::new();
        let list = self.each(|item| {
            let text = item.parsed(&parse)?;
            if seen.insert(text.clone()) { Some(text) } else { item.wrong("is listed twice") }
        })?;
        if list.is_empty() { self.wrong("must not be empty") } else { Some(list) }
    }

    /// A set with at least one item.
    pub(super) fn filled_set<T: Ord, E: fmt::Display>(
        &self,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<BTreeSet<T>> {
        let set = self.set(parse)?;
        if set.is_empty() { self.wrong("must not be empty") } else { Some(set) }
    }

    /// The members of an object. Every name outside `known` is a mistake.
    pub(super) fn object(&self, known: &[&str]) -> Option<Fields<'_>> {
        let Value::Object(members) = &*self.value else {
            return self.wrong(format!("must be an object, not {}", kind(&self.value)));
        };
        let mut present = Vec::new();
        for (name, value) in members {
            let path = member(&self.path, name);
            if !known.contains(&name.as_str()) {
                self.mistakes.add(path, unknown(name, known));
            } else if !value.is_null() {
                let node = Node { path, value: Cow::Borrowed(value), mistakes: self.mistakes };
                present.push((name.as_str(), node));
            }
        }
        Some(Fields { path: self.path.clone(), present, mistakes: self.mistakes })
    }

    /// The members of an object with any names.
    pub(super) fn members(&self) -> Option<Vec<(&str, Node<'_>)>> {
        let Value::Object(members) = &*self.value else {
            return self.wrong(format!("must be an object, not {}", kind(&self.value)));
        };
        let node = |(name, value): (&'_ String, _)| Node {
            path: member(&self.path, name),
            value: Cow::Borrowed(value),
            mistakes: self.mistakes,
        };
        Some(members.iter().map(|member| (member.0.as_str(), node(member))).collect())
    }
}

/// The JSON type of a value. Problems name the type and never the value.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The problem of an unknown name.
fn unknown(name: &str, known: &[&str]) -> String {
    // In TOML, a line below a [[table]] belongs to that table.
    if name.starts_with(PREFIX) {
        return "is a variable, not a member of this table: move it above the table in the file".to_owned();
    }
    let meant = nearest(name, known).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
    format!("is unknown{meant}; known names: {}", known.join(", "))
}

/// The known name that a misspelled name most likely means.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let mut best = None;
    for candidate in known {
        let same = |(a, b): &(u8, u8)| a == b;
        let (shorter, longer) = (name.len().min(candidate.len()), name.len().max(candidate.len()));
        let front = name.bytes().zip(candidate.bytes()).take_while(same).count();
        let back = name.bytes().rev().zip(candidate.bytes().rev()).take_while(same).count();
        let alike = shorter.min(front + back);
        // At most two letters differ in one place, or the name was cut off after four or more letters.
        let close = alike + 2 >= longer || (front == name.len() && front >= 4);
        let rank = (alike, core::cmp::Reverse(longer));
        if close && best.is_none_or(|(other, _)| rank > other) {
            best = Some((rank, *candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The path of a member.
fn member(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { [path, ".", name].concat() }
}

/// The present members of an object. `null` counts as absent.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    path: String,
    /// A list, because objects of the configuration have few members.
    present: Vec<(&'a str, Node<'a>)>,
    mistakes: &'a Mistakes,
}

impl<'a> Fields<'a> {
    /// The member, if present.
    pub(super) fn optional(&self, name: &str) -> Option<&Node<'a>> {
        self.present.iter().find(|(known, _)| *known == name).map(|(_, node)| node)
    }

    /// The member. Its absence is a mistake.
    pub(super) fn required(&self, name: &str) -> Option<&Node<'a>> {
        self.needed(name, "is missing")
    }

    /// As [`Self::required`], with the problem of an absent member.
    pub(super) fn needed(&self, name: &str, missing: &str) -> Option<&Node<'a>> {
        let found = self.optional(name);
        if found.is_none() {
            self.mistakes.add(member(&self.path, name), missing);
        }
        found
    }

    /// The member as `read` reads it, or the default if it is absent or has a mistake. The other checks continue after a
    /// mistake, and the configuration is refused in the end.
    pub(super) fn or<T>(&self, name: &str, default: T, read: impl FnOnce(&Node<'a>) -> Option<T>) -> T {
        self.optional(name).and_then(read).unwrap_or(default)
    }

    /// Adds a mistake at a member, or with an empty name at the object itself.
    pub(super) fn wrong(&self, name: &str, problem: impl Into<String>) {
        let path = if name.is_empty() { self.path.clone() } else { member(&self.path, name) };
        self.mistakes.add(path, problem);
    }
}
