//! The route table as a document of its own, for KV: `{"version": 7, "routes": [...]}`.

use serde_json::{Value, json};

use super::{
    ConfigError,
    reader::{Mistakes, Node},
    route_context::RouteContext,
    routes,
};
use crate::{gateway::Route, jose::json::parse_text};

/// The longest document that is looked at, in bytes: 2000 routes of 2 KB each, and a sixth of
/// what KV takes.
const MAX_BYTES: usize = 4 << 20;

/// The highest version: what every JSON reader holds exactly (RFC 8259 section 6).
const MAX_VERSION: u64 = (1 << 53) - 1;

/// A route table that was checked, with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteDocument {
    /// Goes up with every change: a reader that sees a lower one after a higher one has seen an
    /// old copy.
    pub version: u64,
    /// The routes in table order.
    pub routes: Vec<Route>,
}

impl RouteDocument {
    /// Reads a document as it stands in KV.
    ///
    /// # Errors
    /// All mistakes, ordered by path (`routes[3].upstream`). None repeats a value.
    pub fn parse(text: &str, context: &RouteContext) -> Result<Self, Vec<ConfigError>> {
        let wrong = |problem: String| vec![ConfigError { path: "document".to_owned(), problem }];
        if text.len() > MAX_BYTES {
            return Err(wrong(format!("must be at most {MAX_BYTES} bytes")));
        }
        let value = parse_text(text).map_err(|error| {
            wrong(format!("is not valid JSON (line {}, column {})", error.line(), error.column()))
        })?;
        Self::validate(&value, context)
    }

    /// The same for a document that is a value already.
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

    /// Checks a list of routes and writes the document to publish: one line of JSON, members in
    /// alphabetical order, so that equal tables of one version are equal texts.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn publishable(
        routes: &Value,
        version: u64,
        context: &RouteContext,
    ) -> Result<String, Vec<ConfigError>> {
        let document = json!({"version": version, "routes": routes});
        Self::validate(&document, context)?;
        Ok(crate::json::write(&document).unwrap_or_default())
    }
}
