//! Text from outside, made fit to be shown.

/// A client's own words made fit for a log: at most `max_bytes`, cut between characters, and
/// control characters (a forged line break among them) replaced.
pub fn printable(text: &str, max_bytes: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(max_bytes));
    for character in text.chars() {
        let character = if character.is_control() { '\u{fffd}' } else { character };
        if printable.len() + character.len_utf8() > max_bytes {
            break;
        }
        printable.push(character);
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_log_line_in_a_user_agent_stays_within_its_own() {
        assert_eq!(printable("curl\r\n{\"event\":\"signed_in\"}", 9), "curl\u{fffd}");
        assert_eq!(printable("äöü", 5), "äö");
    }
}
