//! Finds the access token in `Authorization` (RFC 6750 section 2.1, RFC 9110 section 11.4).

/// What the `Authorization` header brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'h> {
    /// None for us: no header, or another scheme's.
    None,
    /// One bearer token, not looked into yet.
    Bearer(&'h str),
    /// The Bearer scheme, but not exactly one token: 400 `invalid_request`.
    Malformed,
}

/// Reads the header's value. Two headers reach us as one value joined by a comma, which no
/// token contains, so they are refused: two readers might take different ones.
pub fn credentials(authorization: Option<&str>) -> Credentials<'_> {
    let Some(value) = authorization.map(|value| value.trim_matches([' ', '\t'])) else {
        return Credentials::None;
    };
    let (scheme, rest) = value.split_at(value.find([' ', '\t', ',']).unwrap_or(value.len()));
    if !scheme.eq_ignore_ascii_case("bearer") {
        let second = value.to_ascii_lowercase();
        let hidden = second.split(',').skip(1).any(|part| {
            let rest = part.trim_start_matches([' ', '\t']).strip_prefix("bearer");
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        });
        return if hidden { Credentials::Malformed } else { Credentials::None };
    }
    let token = rest.trim_start_matches(' ');
    if is_b64token(token) { Credentials::Bearer(token) } else { Credentials::Malformed }
}

/// The characters of a `b64token`, without the equals signs at its end.
#[expect(clippy::indexing_slicing, reason = "done by the compiler, which would say so")]
const B64TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let character = byte as u8;
        table[byte] =
            character.is_ascii_alphanumeric() || matches!(character, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte += 1;
    }
    table
};

/// `b64token` of RFC 6750 section 2.1. By a table: a token has a thousand characters.
fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| B64TOKEN.get(usize::from(byte)) == Some(&true))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tests RFC 9110 section 11.1: the name of an authentication scheme is compared without case
    // Tests RFC 6750 section 2.1: the access token stands behind the scheme Bearer
    #[test]
    fn the_scheme_is_read_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", " Bearer a.b.c"] {
            assert_eq!(credentials(Some(value)), Credentials::Bearer("a.b.c"), "{value}");
        }
    }

    // Tests RFC 6750 section 2.1: another scheme carries no bearer token
    #[test]
    fn other_schemes_and_absence_are_no_credentials() {
        for value in [
            None,
            Some(""),
            Some("Basic YTpi"),
            Some("Bearerish x"),
            Some("Basic YTpi, Bearerish x"),
            Some("DPoP a.b.c"),
        ] {
            assert_eq!(credentials(value), Credentials::None, "{value:?}");
        }
    }

    // Tests RFC 6750 section 3.1: a malformed Authorization header is invalid_request
    #[test]
    fn two_tokens_or_none_behind_the_scheme_are_malformed() {
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a, Bearer b",
            "Bearer, Bearer b",
            "Basic YTpi, Bearer a.b.c",
            "Basic YTpi,\t bearer\ta.b.c",
            "Basic YTpi,Bearer",
            "Bearer \"a\"",
            "Bearer a\tb",
            "Bearer\ta",
            "Bearer =",
            "Bearer ä",
        ] {
            assert_eq!(credentials(Some(value)), Credentials::Malformed, "{value}");
        }
    }
}
