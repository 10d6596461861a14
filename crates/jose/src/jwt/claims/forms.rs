//! The forms that claims are read in. Each says in words what it reads, for whoever is refused.

use crate::{
    json::BorrowedValue::{self, Array, Bool, Null, Number, String as Text},
    jwt::dates::numeric_date,
    time::Timestamp,
};

/// A form of a claim's value.
pub(super) struct Form<T> {
    /// The value in this form; `None` for a value of another form.
    pub(super) read: fn(&BorrowedValue<'_>) -> Option<T>,
    /// What it reads.
    pub(super) expected: &'static str,
}

pub(super) const TEXT: Form<String> = Form { read: text, expected: "a string" };

pub(super) const FILLED_TEXT: Form<String> =
    Form { read: |value| text(value).filter(|text| !text.is_empty()), expected: "a non-empty string" };

pub(super) const TEXTS: Form<Vec<String>> = Form {
    read: |value| match value {
        Text(text) => Some(vec![text.to_string()]),
        Array(values) => values.iter().map(text).collect(),
        _ => None,
    },
    expected: "a list of strings, or one string",
};

pub(super) const DATE: Form<Timestamp> =
    Form { read: numeric_date, expected: "a number of seconds between the years 1970 and 9999" };

pub(super) const COUNT: Form<u32> = Form {
    read: |value| match value {
        Number(number) => number.as_u64().and_then(|count| u32::try_from(count).ok()),
        _ => None,
    },
    expected: "a whole number",
};

/// Whole numbers too, which some issuers count their tokens by.
pub(super) const TOKEN_ID: Form<String> = Form {
    read: |value| match value {
        Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => text(value).filter(|text| !text.is_empty()),
    },
    expected: "a non-empty string",
};

/// Scopes as RFC 6749 section 3.3 has them, to the letter.
pub(super) const OWN_SCOPE: Form<Vec<String>> = Form {
    read: |value| {
        let tokens = match value {
            Text(text) if text.is_empty() => Vec::new(),
            Text(text) => text.split(' ').map(str::to_owned).collect(),
            _ => (TEXTS.read)(value)?,
        };
        tokens.iter().all(|token| is_scope_token(token)).then_some(tokens)
    },
    expected: "scope tokens separated by single spaces, or a list of them",
};

/// Scopes as other issuers write them: more than one space between, and characters that no scope
/// of a route has. None holds white space, so that none becomes two where they are put together.
pub(super) const SCOPE: Form<Vec<String>> = Form {
    read: |value| {
        let tokens: Vec<String> = match value {
            Text(text) => text.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect(),
            _ => (TEXTS.read)(value)?,
        };
        let plain = |character: char| !character.is_whitespace() && !character.is_control();
        tokens.iter().all(|token| token.chars().all(plain)).then(|| {
            let mut tokens = tokens;
            tokens.retain(|token| !token.is_empty());
            tokens
        })
    },
    expected: "a string of names separated by spaces, or a list of strings",
};

/// The names of an object's members, but for those that say no.
pub(super) const KEYS: Form<Vec<String>> = Form {
    read: |value| {
        let granted = |(_, value): &(&str, &BorrowedValue<'_>)| !matches!(value, Null | Bool(false));
        Some(value.as_object()?.iter().filter(granted).map(|(name, _)| name.to_owned()).collect())
    },
    expected: "an object whose member names are the roles",
};

/// The member `name` of each object in a list.
pub(super) const NAMES: Form<Vec<String>> = Form {
    read: |value| value.as_array()?.iter().map(|item| text(item.as_object()?.get("name")?)).collect(),
    expected: "a list of objects with a `name` each",
};

/// A key's thumbprint and nothing else.
pub(super) const CONFIRMATION: Form<String> = Form {
    read: |value| {
        let methods = value.as_object()?;
        if methods.len() == 1 { text(methods.get("jkt")?) } else { None }
    },
    expected: "a key thumbprint (`jkt`) alone, the only binding that can be checked",
};

fn text(value: &BorrowedValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// RFC 6749 section 3.3: one or more of %x21 / %x23-5B / %x5D-7E.
fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
