//! Scopes (RFC 6749 section 3.3).

use std::collections::BTreeSet;

/// The scope that asks for a refresh token (`OpenID` Connect Core section 11). No user is granted it: the client's settings
/// decide.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The longest `scope`, in bytes. It goes into access tokens, which have 8 KB at most.
const MAX_BYTES: usize = 2048;

/// The text is not a list of scope tokens: visible ASCII without `"` and `\`, single spaces between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scope is malformed or too long")]
pub struct MalformedScope;

/// A set of scope tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads the value of a `scope` parameter. Repeated tokens count once.
    ///
    /// # Errors
    /// [`MalformedScope`].
    pub fn parse(text: &str) -> Result<Self, MalformedScope> {
        if text.len() > MAX_BYTES {
            return Err(MalformedScope);
        }
        text.split(' ')
            .map(|token| if is_token(token) { Ok(token.to_owned()) } else { Err(MalformedScope) })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The tokens of a text that was checked before, such as a stored grant's.
    pub fn of_granted(text: &str) -> Self {
        text.split_ascii_whitespace().map(str::to_owned).collect()
    }

    /// Whether the token is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The tokens that are in `other`, too.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether every token is in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The set without [`OFFLINE_ACCESS`]: what an access token can be used for.
    #[must_use]
    pub fn without_offline_access(mut self) -> Self {
        self.0.remove(OFFLINE_ACCESS);
        self
    }

    /// The set with [`OFFLINE_ACCESS`].
    #[must_use]
    pub fn with_offline_access(mut self) -> Self {
        self.0.insert(OFFLINE_ACCESS.to_owned());
        self
    }

    /// The value of a `scope` parameter or claim: the tokens in order with single spaces between, empty for none.
    pub fn to_text(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl FromIterator<String> for Scopes {
    fn from_iter<I: IntoIterator<Item = String>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

/// `scope-token` of RFC 6749 appendix A.4.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 6749 section 3.3: scope is a list of case-sensitive tokens
    #[test]
    fn scope_is_a_list_of_tokens() {
        assert_eq!(Scopes::parse("write read read").unwrap().to_text(), "read write");
        assert!(!Scopes::parse("Read").unwrap().contains("read"));
        for text in ["", " a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "ä", "a\u{0}"] {
            assert_eq!(Scopes::parse(text), Err(MalformedScope), "{text}");
        }
        assert_eq!(Scopes::parse(&"x".repeat(MAX_BYTES + 1)), Err(MalformedScope));
    }

    #[test]
    fn scopes_are_compared_as_sets() {
        let some = Scopes::of_granted("a b");
        assert_eq!(Scopes::of_granted("b c").within(&some).to_text(), "b");
        assert!(Scopes::of_granted("a").is_within(&some));
        assert!(!Scopes::of_granted("a c").is_within(&some));
        assert_eq!(some.with_offline_access().without_offline_access().to_text(), "a b");
    }
}
