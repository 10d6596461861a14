//! Path patterns: `/api/orders`, `/t/{tenant}/docs`, `/files/{*rest}`.

use core::fmt;
use std::borrow::Cow;

use crate::path::{NormalPath, PathError};

/// The most segments a pattern may have: deeper than any real API, and a bound on the
/// matcher's recursion.
pub(super) const MAX_SEGMENTS: usize = 32;

/// What attribute rules name in braces besides parameters of the path.
const TAKEN_NAMES: [&str; 3] = ["host", "method", "subdomain"];

/// What is wrong with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Its literal part is a path that the gate refuses.
    #[error("{}", path_problem(*.0))]
    Path(PathError),
    /// More than 32 segments.
    #[error("must have at most {MAX_SEGMENTS} segments")]
    TooManySegments,
    /// A brace that is not around a whole segment.
    #[error("must use braces only around a whole segment")]
    Brace,
    /// A parameter's name is not `[a-z][a-z0-9_]*`, or is one that rules use otherwise.
    #[error(
        "must have parameter names of a-z 0-9 _, beginning with a letter, and not host, method or subdomain, which are reserved"
    )]
    Name,
    /// Two parameters of one name.
    #[error("must not use a parameter name twice")]
    Repeated,
    /// `{*name}` before the last segment.
    #[error("must have {{*...}} only as its last segment")]
    RestNotLast,
    /// `*` or `:name`, as others write what is `{*name}` and `{name}` here. Taken for themselves
    /// they would make a route that no request ever reaches.
    #[error(
        "must not have `*` or `:`; write {{name}} for one segment and {{*rest}} for all that follow (and %2A and %3A for the characters themselves)"
    )]
    OtherWildcard,
}

fn path_problem(error: PathError) -> String {
    match error {
        PathError::NotAbsolute => "must begin with a slash".to_owned(),
        other => format!("cannot match any request ({other})"),
    }
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This text, compared decoded and with case.
    Literal(String),
    /// `{name}`: one segment that is not empty.
    Param(String),
    /// `{*name}`: all that follows the slash, nothing included.
    Rest(String),
}

/// A path pattern in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
}

impl PathPattern {
    /// Reads a pattern. Its literals go through the same normal form as requests' paths.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let absolute = text.strip_prefix('/').ok_or(PatternError::Path(PathError::NotAbsolute))?;
        let mut segments = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        let mut pieces = absolute.split('/').peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            if segments.len() == MAX_SEGMENTS {
                return Err(PatternError::TooManySegments);
            }
            let Some(inner) = piece.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                segments.push(literal(piece, last)?);
                continue;
            };
            let name = inner.strip_prefix('*').unwrap_or(inner);
            let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
            let goes_on_well =
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            if !begins_well || !goes_on_well || TAKEN_NAMES.contains(&name) {
                return Err(PatternError::Name);
            }
            if names.contains(&name) {
                return Err(PatternError::Repeated);
            }
            names.push(name);
            segments.push(if inner == name {
                Segment::Param(name.to_owned())
            } else if last {
                Segment::Rest(name.to_owned())
            } else {
                return Err(PatternError::RestNotLast);
            });
        }
        Ok(Self { segments })
    }

    /// The segments.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether the pattern has a single-segment parameter of this name.
    pub fn has_param(&self, name: &str) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Param(own) if own == name))
    }

    /// Whether the decoded segments of a path match: the plain definition, which the compiled
    /// table is held against.
    pub(crate) fn matches(&self, path: &[Cow<'_, str>]) -> bool {
        let mut path_segments = path.iter();
        for segment in &self.segments {
            match (segment, path_segments.next()) {
                (Segment::Rest(_), Some(_)) => return true,
                (Segment::Literal(text), Some(present)) if text == present => {}
                (Segment::Param(_), Some(present)) if !present.is_empty() => {}
                _ => return false,
            }
        }
        path_segments.next().is_none()
    }

    /// The values of the single-segment parameters for a path that matches, decoded.
    pub(crate) fn params(&self, path: &[Cow<'_, str>]) -> Vec<(String, String)> {
        self.segments
            .iter()
            .zip(path)
            .filter_map(|(segment, value)| match segment {
                Segment::Param(name) => Some((name.clone(), value.clone().into_owned())),
                Segment::Literal(_) | Segment::Rest(_) => None,
            })
            .collect()
    }

    /// How many leading segments spell `prefix` (`/api/v1`), if all of them are literal.
    pub fn literal_prefix(&self, prefix: &str) -> Option<usize> {
        let prefix = NormalPath::parse(prefix).ok()?;
        let wanted = prefix.segments();
        let spelled = wanted.len() <= self.segments.len()
            && wanted.iter().zip(&self.segments).all(|(wanted, own)| {
                !wanted.is_empty() && matches!(own, Segment::Literal(text) if text == wanted)
            });
        spelled.then_some(wanted.len())
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(formatter, "/{text}")?,
                Segment::Param(name) => write!(formatter, "/{{{name}}}")?,
                Segment::Rest(name) => write!(formatter, "/{{*{name}}}")?,
            }
        }
        Ok(())
    }
}

fn literal(piece: &str, last: bool) -> Result<Segment, PatternError> {
    if piece.contains(['{', '}']) {
        return Err(PatternError::Brace);
    }
    if piece.contains('*') || piece.starts_with(':') {
        return Err(PatternError::OtherWildcard);
    }
    if piece.is_empty() && !last {
        return Err(PatternError::Path(PathError::EmptySegment));
    }
    let path = NormalPath::parse(&format!("/{piece}")).map_err(PatternError::Path)?;
    Ok(Segment::Literal(path.segments().concat()))
}
