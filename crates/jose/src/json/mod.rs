//! Strict JSON: one parser, and the types that are read from what it parsed.

mod borrowed;
mod parse;
mod read;
mod tree;

pub use borrowed::{BorrowedValue, Members};
pub(crate) use parse::Name;
pub use parse::{JsonError, MAX_DEPTH, borrow_object, parse, parse_object, parse_text};
pub use read::{ReadError, read, read_known, read_value, write};
