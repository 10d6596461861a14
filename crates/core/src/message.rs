//! What a Worker asks of an object: one message, one answer, both JSON.
//!
//! Worker and object may run two versions of the program: a gradual deployment gives each isolate
//! one of them, and an object another. So messages change by these rules, which a test plays
//! (`crates/app/tests/messages`):
//!
//! - a reader passes over members that it does not know, at any depth;
//! - a new member is optional, and its absence means what was so before there was one;
//! - what must not be overlooked (a further condition, a limit) is no new member but a new variant:
//!   an object that does not know it refuses the message as a whole, and nothing has happened;
//! - a member goes in two releases: the first no longer needs it, the second no longer sends it.
//!
//! Stored records have a rule of their own: `docs/reference/storage-schema.md`.

use serde::{Serialize, Serializer, de::DeserializeOwned};

use postern_jose::json::{self, ReadError};

/// A message to an object.
pub trait Message: Serialize + DeserializeOwned {
    /// Whether asking twice leaves everything as asking once does: then a call whose answer was lost
    /// may be made again, whether or not the object acted on it.
    fn is_repeatable(&self) -> bool;
}

/// A member that readers of the version before require and that no code needs any more: it is written as an empty list
/// and not read. The next release drops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetiredList;

impl Serialize for RetiredList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([(); 0])
    }
}

/// Reads a message, or an answer.
///
/// # Errors
/// [`ReadError`]: of another version that cannot be understood, or none at all.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    json::read_known(text)
}

/// What the platform says of a call to an object that broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Broken {
    /// The cause was a passing one: a deployment has reset the object, or it has moved.
    pub retryable: bool,
    /// The object has too much to do: to ask again makes it worse.
    pub overloaded: bool,
}

impl Broken {
    /// Whether the call is made once more, with a fresh stub. Never a third time: what breaks off
    /// twice is down, and the client has waited long enough.
    pub const fn asks_again(self, is_repeatable: bool, tries: u32) -> bool {
        tries == 1 && self.retryable && !self.overloaded && is_repeatable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_passing_failure_is_tried_again_and_once() {
        let broken = |retryable, overloaded| Broken { retryable, overloaded };
        assert!(broken(true, false).asks_again(true, 1));
        assert!(!broken(true, false).asks_again(true, 2), "a third time");
        assert!(!broken(true, false).asks_again(false, 1), "it would count twice");
        assert!(!broken(true, true).asks_again(true, 1), "overloaded");
        assert!(!broken(false, false).asks_again(true, 1));
    }
}
