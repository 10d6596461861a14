//! Strict JSON: one parser, and the types that are read from what it parsed.

mod parse;
mod read;

pub use parse::{JsonError, MAX_DEPTH, parse, parse_object, parse_text};
pub use read::{ReadError, read, read_known, read_value, write};
