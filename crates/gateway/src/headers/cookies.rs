//! Takes our cookies out of a `Cookie` header and leaves the others as they are.

/// What is left of the header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    /// All of it: none of ours was there.
    All,
    /// Nothing: only ours were there.
    Nothing,
    /// This.
    Some(String),
}

/// Removes the cookies named. Two `Cookie` headers reach us joined by a comma, so a name is
/// looked for behind commas too; what stands between such a comma and the next `;` goes with it.
pub(super) fn without(cookie: &str, own: &[String]) -> Remaining {
    let mut changed = false;
    let mut kept = Vec::new();
    for pair in cookie.split(';') {
        let pair = pair.trim_matches([' ', '\t']);
        // The comma's first piece is the pair's own name and value.
        let mut start_of_own = None;
        let mut start = 0;
        for piece in pair.split(',') {
            if is_own(piece, own) {
                start_of_own = Some(start);
                break;
            }
            start += piece.len() + 1;
        }
        match start_of_own {
            None if pair.is_empty() => {}
            None => kept.push(pair),
            Some(at) => {
                changed = true;
                let before = pair.get(..at).unwrap_or_default().trim_end_matches([' ', '\t', ',']);
                if !before.is_empty() {
                    kept.push(before);
                }
            }
        }
    }
    match (changed, kept.is_empty()) {
        (false, _) => Remaining::All,
        (true, true) => Remaining::Nothing,
        (true, false) => Remaining::Some(kept.join("; ")),
    }
}

fn is_own(pair: &str, own: &[String]) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let name = name.trim_matches(|character: char| character.is_whitespace() || character == '"');
    own.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(cookie: &str) -> Remaining {
        without(cookie, &["__Secure-postern_refresh".to_owned(), "postern_csrf".to_owned()])
    }

    // Tests RFC 6265bis section 4.2.1: other cookies are forwarded unchanged
    #[test]
    fn other_cookies_stay_as_they_are() {
        assert_eq!(strip("a=1; b=\"x,y\"; c==; =d"), Remaining::All);
        assert_eq!(strip("a=1; __Secure-postern_refresh=t; b=2"), Remaining::Some("a=1; b=2".into()));
        assert_eq!(strip("__Secure-postern_refresh=t;postern_csrf=u"), Remaining::Nothing);
        assert_eq!(strip("__Secure-postern_refresh2=t"), Remaining::All);
    }

    #[test]
    fn a_cookie_of_ours_hidden_by_spelling_is_removed_too() {
        for cookie in [
            "a=1; __SECURE-POSTERN_REFRESH=t",
            "a=1;\t__Secure-postern_refresh =t",
            "a=1; __Secure-postern_refresh",
            "a=1, __Secure-postern_refresh=t",
            "a=1,__Secure-postern_refresh=t, z=1",
            "a=1; __Secure-postern_refresh=t; __Secure-postern_refresh=u",
        ] {
            assert_eq!(strip(cookie), Remaining::Some("a=1".into()), "{cookie}");
        }
    }
}
