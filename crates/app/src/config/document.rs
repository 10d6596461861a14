//! The route table as a document in KV: `{"version": 7, "routes": [...]}`.

use serde_json::{Value, json};

use super::{
    ConfigError,
    reader::{Mistakes, Node},
    route_context::RouteContext,
    routes,
};
use crate::{gateway::Route, jose::json::parse_text};

/// The longest document that is read, in bytes: 2000 routes of 2 KB each, and a sixth of KV's limit.
const MAX_BYTES: usize = 4 << 20;

/// The highest version: the largest integer that every JSON parser represents exactly (RFC 8259 section 6).
const MAX_VERSION: u64 = (1 << 53) - 1;

/// A validated route table with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteDocument {
    /// Increases with every change, so that a reader recognises an old copy by its lower version.
    pub version: u64,
    /// The routes in the order of the table.
    pub routes: Vec<Route>,
}

impl RouteDocument {
    /// Reads a document from KV.
    ///
    /// # Errors
    /// Returns all mistakes, ordered by path (`routes[3].upstream`). No mistake repeats a value.
    pub(crate) fn parse(text: &str, context: &RouteContext) -> Result<Self, Vec<ConfigError>> {
        let wrong = |problem: String| vec![ConfigError { path: "document".to_owned(), problem }];
        if text.len() > MAX_BYTES {
            return Err(wrong(format!("must be at most {MAX_BYTES} bytes")));
        }
        let value = parse_text(text).map_err(|error| {
            wrong(format!("is not valid JSON (line {}, column {})", error.line(), error.column()))
        })?;
        Self::validate(&value, context)
    }

    /// As [`Self::parse`], for a document that is parsed already.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn validate(document: &Value, context: &RouteContext) -> Result<Self, Vec<ConfigError>> {
        let mistakes = Mistakes::default();
        let read = || {
            let node = Node::document(document, &mistakes);
            let fields = node.object(&["version", "routes"])?;
            let version = fields.required("version").and_then(|node| node.number(1..=MAX_VERSION));
            let routes = fields.required("routes").and_then(|node| routes::read(node, context));
            Some(Self { version: version?, routes: routes? })
        };
        let document = read();
        mistakes.into_result(document)
    }

    /// Validates a list of routes and writes the document to publish. The document is one line of JSON with sorted members,
    /// so that equal tables of one version are equal texts.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn publishable(
        routes: &Value,
        version: u64,
        context: &RouteContext,
    ) -> Result<String, Vec<ConfigError>> {
        let document = json!({"version": version, "routes": routes});
        Self::validate(&document, context)?;
        Ok(crate::json::write(&document).unwrap_or_default())
    }
}
