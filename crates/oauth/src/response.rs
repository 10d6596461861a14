//! The answer to an authorization request: where the browser goes (RFC 6749 sections 4.1.2 and 4.1.2.1).

use crate::{error::OauthError, form, redirect::ProvedRedirect};

/// The `state` of a request, which the answer repeats: 1 to 2048 visible ASCII characters and spaces (RFC 6749 appendix
/// A.5). Clients put whole return addresses into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State(String);

impl State {
    const MAX_BYTES: usize = 2048;

    /// Reads a `state`. `None` for a text that cannot be repeated.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = |byte: u8| (b' '..=b'~').contains(&byte);
        (!text.is_empty() && text.len() <= Self::MAX_BYTES && text.bytes().all(visible))
            .then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address to which the browser goes with the answer. It is made only from a redirect URI that the client has
/// registered.
///
/// It holds a code: `Debug` shows the redirect URI alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    url: String,
    redirect_uri: String,
}

impl Location {
    /// The answer with a code. `issuer` is the deployment's, as `iss` (RFC 9207).
    pub(crate) fn with_code(
        redirect: &ProvedRedirect,
        state: Option<&State>,
        issuer: &str,
        code: &str,
    ) -> Self {
        Self::of(redirect, &[("code", code)], state, issuer)
    }

    /// The answer with an error.
    pub(crate) fn with_error(
        redirect: &ProvedRedirect,
        state: Option<&State>,
        issuer: &str,
        error: &OauthError,
    ) -> Self {
        let answer = [("error", error.code.code()), ("error_description", &*error.description)];
        Self::of(redirect, &answer, state, issuer)
    }

    fn of(redirect: &ProvedRedirect, answer: &[(&str, &str)], state: Option<&State>, issuer: &str) -> Self {
        let uri = redirect.requested();
        // A registered query stays (RFC 6749 section 3.1.2).
        let (base, query) = uri.split_once('?').unwrap_or((uri, ""));
        let mut query = query.to_owned();
        for (name, value) in answer {
            form::append(&mut query, name, value);
        }
        if let Some(state) = state {
            form::append(&mut query, "state", state.as_str());
        }
        form::append(&mut query, "iss", issuer);
        Self { url: [base, "?", &query].concat(), redirect_uri: uri.to_owned() }
    }

    /// The URL, for the `Location` of a 303.
    pub fn as_str(&self) -> &str {
        &self.url
    }
}

impl core::fmt::Debug for Location {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Location").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::ErrorCode,
        redirect::{RegisteredRedirect, prove},
    };

    fn redirect(uri: &str) -> ProvedRedirect {
        prove(&[RegisteredRedirect::parse(uri, true).unwrap()], Some(uri)).unwrap()
    }

    // Tests MCP Authorization section "Authorization Response Validation": success and error answers have iss (A8)
    // Tests RFC 9207 section 2: success and error answers carry iss
    #[test]
    fn an_answer_carries_state_and_iss() {
        let state = State::parse("a&iss=https://evil.example").unwrap();
        let issuer = "https://auth.example";
        let success = Location::with_code(&redirect("https://app.example/cb"), Some(&state), issuer, "pac_1");
        assert_eq!(
            success.as_str(),
            "https://app.example/cb?code=pac_1&state=a%26iss%3Dhttps%3A%2F%2Fevil.example&iss=https%3A%2F%2Fauth.example"
        );
        let error = OauthError::new(ErrorCode::AccessDenied, "the user refused");
        let refused = Location::with_error(&redirect("com.example.app:/cb?x=1"), None, issuer, &error);
        assert_eq!(
            refused.as_str(),
            "com.example.app:/cb?x=1&error=access_denied&error_description=the%20user%20refused&iss=https%3A%2F%2Fauth.example"
        );
    }

    #[test]
    fn a_state_that_cannot_be_repeated_is_none() {
        for text in ["", "ä", "a\r\nb", "a\u{7f}", &"x".repeat(2049)] {
            assert_eq!(State::parse(text), None, "{text}");
        }
        assert!(State::parse(&"x y".repeat(600)).is_some());
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        let location =
            Location::with_code(&redirect("https://app.example/cb"), None, "https://a.example", "pac_1");
        assert!(!format!("{location:?}").contains("pac_1"));
    }
}
