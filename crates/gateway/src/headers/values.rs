//! Identity as header values.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use crate::{identity::Statement, route::ClaimHeader};

/// All but visible ASCII, and `%`. A list of these has spaces between them.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// The same for a list with commas between.
const ESCAPED_BETWEEN_COMMAS: &AsciiSet = &ESCAPED.add(b',');

/// A text as a header value that can be undone: visible ASCII stands for itself, everything
/// else and `%` as percent-encoded UTF-8.
pub fn encode_value(text: &str) -> String {
    Cow::from(utf8_percent_encode(text, ESCAPED)).into_owned()
}

fn list<'v>(items: impl Iterator<Item = &'v str>, separator: char, escaped: &'static AsciiSet) -> String {
    let mut list = String::new();
    for (index, item) in items.enumerate() {
        if index > 0 {
            list.push(separator);
        }
        list.push_str(&Cow::from(utf8_percent_encode(item, escaped)));
    }
    list
}

/// The fixed headers, then the mapped ones. What the access token does not say is not set.
pub(super) fn identity_headers(identity: &Statement, mapped: &[ClaimHeader]) -> Vec<(String, String)> {
    let mut headers = vec![("x-auth-subject".to_owned(), encode_value(&identity.subject))];
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            headers.push((name.to_owned(), value));
        }
    };
    set("x-auth-issuer", Some(encode_value(&identity.issuer)));
    set("x-auth-scope", Some(list(identity.scopes.iter().map(String::as_str), ' ', ESCAPED)));
    set("x-auth-roles", Some(list(identity.roles.iter().map(String::as_str), ',', ESCAPED_BETWEEN_COMMAS)));
    set("x-auth-tenant", identity.tenant_id.as_deref().map(encode_value));
    set("x-auth-session", identity.session_id.as_deref().map(encode_value));
    set("x-auth-client", identity.client_id.as_deref().map(encode_value));
    for ClaimHeader { claim, header } in mapped {
        let value = match (identity.claim_text(claim), identity.claims.get(claim)) {
            (Some(text), _) => Some(encode_value(&text)),
            // The tenant is the claim that the issuer's settings name, and no list of another.
            (None, Some(Value::Array(items))) if claim != "tenant_id" => {
                Some(list(items.iter().filter_map(Value::as_str), ',', ESCAPED_BETWEEN_COMMAS))
            }
            _ => None,
        };
        set(header, value);
    }
    headers
}
